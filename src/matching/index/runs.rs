//! A text → the runs of letters, digits and underscores of ASCII in it, and its other characters, found by bits for 64 bytes at a time: from one word
//! to the next it is but a few steps, however long the words are.

use crate::rules::normal::eight;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES * 0x80;

/// Calls `see` with where each run begins, and how long it is.
#[inline]
pub(super) fn runs(text: &[u8], mut see: impl FnMut(usize, usize)) {
    let (mut at, mut open) = (0, None);
    while at < text.len() {
        let mut bits = word_bits(text, at);
        if let Some(begin) = open {
            let more = bits.trailing_ones();
            if more < u64::BITS {
                open = None;
                see(begin, at + more as usize - begin);
                bits = bits & (bits + 1);
            } else {
                bits = 0;
            }
        }
        while bits != 0 {
            let from = bits.trailing_zeros();
            let length = (bits >> from).trailing_ones();
            let begin = at + from as usize;
            if from + length == u64::BITS {
                open = Some(begin);
                break;
            }
            see(begin, length as usize);
            // Adding the lowest bit carries over the whole of the lowest run.
            bits &= bits + (1 << from);
        }
        at += 64;
    }
    if let Some(begin) = open {
        see(begin, text.len() - begin);
    }
}

/// Calls `see` with where each other character stands, but for blanks, and how long it is.
#[inline]
pub(super) fn signs(text: &[u8], mut see: impl FnMut(usize, usize)) {
    for (place, block) in text.chunks(64).enumerate() {
        let mut bits = !word_bits(text, 64 * place);
        while bits != 0 {
            let at = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            let Some(byte) = block.get(at) else { break };
            // The first byte of a character says by its highest bits how many bytes that has; the others have one.
            match byte.leading_ones() as usize {
                0 if *byte != b' ' => see(64 * place + at, 1),
                0 | 1 => {}
                length => see(64 * place + at, length),
            }
        }
    }
}

/// Which of 64 bytes from there on are of a word, the first the lowest bit.
#[inline]
fn word_bits(text: &[u8], at: usize) -> u64 {
    let bits = |place: usize, eight: u64| ((word_marks(eight) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * place);
    if let Some(block) = text.get(at..at + 64) {
        let eights = block.as_chunks::<8>().0.iter().enumerate();
        return eights.fold(0, |all, (place, of)| all | bits(place, u64::from_le_bytes(*of)));
    }
    let left = text.len().saturating_sub(at).div_ceil(8);
    (0..left).fold(0, |all, place| all | bits(place, eight(text, at + 8 * place)))
}

/// Of eight bytes, the highest bit of those that are letters, digits and underscores of ASCII.
#[inline]
pub(super) fn word_marks(eight: u64) -> u64 {
    // Without their highest bits no byte of a sum reaches into the next.
    let low = eight & !HIGH;
    let letter = low | (ONES * 0x20);
    let at_least = |bytes: u64, least: u8| bytes + ONES * u64::from(0x80 - least);
    let letters = at_least(letter, b'a') & !at_least(letter, b'z' + 1);
    let digits = at_least(low, b'0') & !at_least(low, b'9' + 1);
    let underscores = !at_least(low ^ (ONES * u64::from(b'_')), 1);
    (letters | digits | underscores) & !eight & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        runs(text.as_bytes(), |begin, length| found.push((begin, length)));
        found
    }

    #[test]
    fn every_byte_is_of_a_word_or_not() {
        for byte in 0..=u8::MAX {
            let is_word = byte.is_ascii_alphanumeric() || byte == b'_';
            for place in 0..8 {
                for other in [0, b'a', b'~', 0xff] {
                    let mut bytes = [other; 8];
                    bytes[place] = byte;
                    let marks = word_marks(u64::from_le_bytes(bytes));
                    assert_eq!(marks >> (8 * place + 7) & 1 == 1, is_word, "{byte} among {other}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn runs_are_as_long_as_they_can_be(text in "([a-zA-Z0-9_]{1,9}|[a-z]{55,70}|[ .$\u{0}-é上🚀]{1,3}){0,30}") {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let mut expected = Vec::new();
            for run in text.as_bytes().chunk_by(|one, next| is_word(one) == is_word(next)) {
                let begin = run.as_ptr().addr() - text.as_ptr().addr();
                if run.first().is_some_and(is_word) {
                    expected.push((begin, run.len()));
                }
            }
            prop_assert_eq!(found(&text), expected);
            let mut others = Vec::new();
            signs(text.as_bytes(), |begin, length| others.push((begin, length)));
            let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ' ';
            let expected: Vec<_> = text.char_indices().filter(|(_, c)| is_other(*c)).map(|(at, c)| (at, c.len_utf8())).collect();
            prop_assert_eq!(others, expected);
        }
    }
}
