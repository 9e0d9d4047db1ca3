//! Where a JSON string ends: the next quotation mark, backslash or control character, in steps of 32 bytes: sixteen at once where the machine has
//! registers for that (SSE2, which is part of x86-64), and else eight.

/// Bytes that are looked at in one step.
const STEP: usize = 32;

/// Where the next quotation mark, backslash or control character stands from `at` on; the length, if there is none. A call, but one whose arguments
/// and answer stay in registers.
#[inline(never)]
pub(super) fn special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = marks(block);
        if found != 0 {
            return at.wrapping_add(found.trailing_zeros() as usize);
        }
        at = at.wrapping_add(STEP);
    }
    special_at_end(bytes, at)
}

/// The same with less than a step to go.
#[inline(never)]
fn special_at_end(bytes: &[u8], mut at: usize) -> usize {
    // What is at hand are the last bytes, and those before `at` do not count.
    if let Some(block) = bytes.last_chunk() {
        let begin = bytes.len() - STEP;
        let found = marks(block) >> at.saturating_sub(begin).min(STEP - 1);
        return if found == 0 || at >= bytes.len() { bytes.len() } else { at + found.trailing_zeros() as usize };
    }
    while bytes.get(at).is_some_and(|byte| !is_special(*byte)) {
        at += 1;
    }
    at.min(bytes.len())
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// A bit for each special byte, that of the first one the lowest.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn marks(block: &[u8; STEP]) -> u32 {
    let (sixteens, _) = block.as_chunks::<16>();
    sixteens.iter().rev().fold(0, |marks, sixteen| marks << 16 | marks_of_sixteen(sixteen))
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "bits, not numbers")]
fn marks_of_sixteen(bytes: &[u8; 16]) -> u32 {
    use safe_arch::{
        cmp_eq_mask_i8_m128i as equal, load_unaligned_m128i, min_u8_m128i as lesser, move_mask_i8_m128i,
        set_splat_i8_m128i as all,
    };
    let bytes = load_unaligned_m128i(bytes);
    // With this bit turned over, the quotation mark comes directly behind the control characters, and nothing else with them.
    let turned = bytes ^ all(2);
    move_mask_i8_m128i(equal(lesser(turned, all(b' ' as i8)), turned) | equal(bytes, all(b'\\' as i8))) as u32
}

#[cfg(not(target_arch = "x86_64"))]
fn marks(block: &[u8; STEP]) -> u32 {
    portable(block)
}

/// The same, eight bytes at a time, for any machine.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(block: &[u8; STEP]) -> u32 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    /// Brings the lowest bit of each byte to the top byte, that of the first one lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let all = |byte: u8| u64::from_le_bytes([byte; 8]);
    // The highest bit of each byte that is zero; no byte borrows from another.
    let zero = |eight: u64| !(((eight & LOW) + LOW) | eight | LOW);
    let (eights, _) = block.as_chunks::<8>();
    eights.iter().rev().fold(0, |marks, eight| {
        let eight = u64::from_le_bytes(*eight);
        let found = zero(eight ^ all(b'"')) | zero(eight ^ all(b'\\')) | zero(eight & all(0xe0));
        marks << 8 | ((found >> 7).wrapping_mul(GATHER) >> 56) as u32
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte, as it would be written down.
    fn slowly(bytes: &[u8], at: usize) -> usize {
        bytes.iter().skip(at).position(|byte| is_special(*byte)).map_or(bytes.len(), |after| at + after)
    }

    #[test]
    fn each_byte_is_special_or_not_wherever_it_stands() {
        for byte in 0..=255 {
            for at in 0..STEP {
                let mut block = [b'a'; STEP];
                block[at] = byte;
                let mark = u32::from(is_special(byte)) << at;
                assert_eq!((marks(&block), portable(&block)), (mark, mark), "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn what_is_special_is_found_at_any_distance_and_from_the_end() {
        for length in 0..150 {
            let mut bytes = vec![b'a'; length];
            for at in 0..=length {
                assert_eq!(special(&bytes, at), length);
            }
            for there in 0..length {
                bytes[there] = b'"';
                for at in 0..=length {
                    assert_eq!(special(&bytes, at), slowly(&bytes, at), "{length}: from {at} to {there}");
                }
                bytes[there] = b'a';
            }
        }
    }

    proptest! {
        #[test]
        fn both_machines_find_the_same(block in any::<[u8; STEP]>()) {
            let slow = (0..STEP).fold(0, |marks, at| marks | u32::from(is_special(block[at])) << at);
            prop_assert_eq!((marks(&block), portable(&block)), (slow, slow));
        }

        #[test]
        fn the_next_special_byte_is_found(bytes in prop::collection::vec(prop_oneof![20 => Just(b'a'), 1 => any::<u8>()], 0..300), at in any::<prop::sample::Index>()) {
            let at = at.index(bytes.len() + 1);
            prop_assert_eq!(special(&bytes, at), slowly(&bytes, at));
        }
    }
}
