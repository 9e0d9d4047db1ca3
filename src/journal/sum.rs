//! The check sum of a row: SQLite has none of its own, and a body that rotted on the disk must never be sent.
//!
//! A delivery's is of SHA-256, of which there are few. Entries come by the ten thousand a second, and theirs is of XXH3, which takes a tenth of
//! the time: it is held against a disk that rots, not against somebody who makes two texts of one sum. Those of journals before version 7 were
//! of SHA-256, too. The sign tells them apart.

use sha2::Digest as _;
use twox_hash::XxHash3_64;

use crate::model::message::Body;

/// Over the parts, with their lengths. 63 bits, so that every tool that reads the file shows it the same.
pub(super) fn sum(parts: &[&[u8]]) -> i64 {
    let mut hash = sha2::Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let first = hash.finalize().iter().take(8).fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    i64::try_from(first >> 1).unwrap_or_default()
}

/// Of an entry: below zero.
pub(super) fn of_entry(id: i64, at: i64, origin: &str, text: &[u8]) -> i64 {
    let parts = [&at.to_le_bytes(), origin.as_bytes(), text];
    let sum = parts.iter().fold(id.cast_unsigned(), |before, part| XxHash3_64::oneshot_with_seed(before, part));
    !(sum >> 1).cast_signed()
}

/// Whether that is an entry's sum, of whichever sort.
pub(super) fn is_of_entry(sum: i64, (id, at, origin): (i64, i64, &str), text: &[u8]) -> bool {
    let of_old = || self::sum(&[&id.to_le_bytes(), &at.to_le_bytes(), origin.as_bytes(), text]);
    sum == if sum < 0 { of_entry(id, at, origin, text) } else { of_old() }
}

/// What of a delivery never changes, or only with a new sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed<'a> {
    pub(super) id: i64,
    pub(super) firing: &'a str,
    pub(super) rule: &'a str,
    pub(super) subject: &'a str,
    pub(super) fired_at: i64,
    pub(super) late: bool,
    pub(super) action: &'a str,
    pub(super) trading: bool,
    pub(super) expires_at: i64,
}

impl Fixed<'_> {
    pub(super) fn sum(&self) -> i64 {
        sum(&[
            &self.id.to_le_bytes(),
            self.firing.as_bytes(),
            self.rule.as_bytes(),
            self.subject.as_bytes(),
            &self.fired_at.to_le_bytes(),
            &[u8::from(self.late), u8::from(self.trading)],
            self.action.as_bytes(),
            &self.expires_at.to_le_bytes(),
        ])
    }
}

/// Of a body, its fallback, and its line of a digest.
pub(super) fn of_body(id: i64, body: (&str, &[u8]), fallback: Option<(&str, &[u8])>, line: Option<&str>) -> i64 {
    let (id, (kind, bytes)) = (id.to_le_bytes(), fallback.unwrap_or_default());
    let mut parts: Vec<&[u8]> = vec![&id, body.0.as_bytes(), body.1, kind.as_bytes(), bytes];
    parts.extend(line.map(str::as_bytes));
    sum(&parts)
}

/// Of what a message says.
pub(super) fn of_message(body: &Body) -> i64 {
    let (kind, bytes) = body.store();
    sum(&[kind.as_bytes(), &bytes])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 6 wrote it, and as it is written from version 7 on, by the C library: neither may ever change.
    #[test]
    fn an_entry_s_sum_is_the_same_for_ever() {
        let (of, text) = ((7, 1_700_000_000_000, "live"), br#"{"v":1}"#);
        let long = "x".repeat(1_000);
        for sum in [OLD, NEW] {
            assert!(is_of_entry(sum, of, text), "{sum}");
        }
        assert_eq!([of_entry(of.0, of.1, of.2, text), of_entry(of.0, of.1, of.2, long.as_bytes())], [NEW, LONG]);
    }

    const OLD: i64 = 1_022_224_738_213_933_069;
    const NEW: i64 = -2_484_151_126_081_403_614;
    const LONG: i64 = -8_828_063_580_724_764_137;

    #[test]
    fn no_damaged_bit_of_an_entry_or_its_sum_is_passed() {
        let text = b"{\"v\":1,\"t\":\"tweet\"}".repeat(12);
        let (id, at, origin) = (7, 1_700_000_000_000, "backfill");
        let old = sum(&[&i64::to_le_bytes(id), &i64::to_le_bytes(at), origin.as_bytes(), &text]);
        for sum in [of_entry(id, at, origin, &text), old] {
            assert!(is_of_entry(sum, (id, at, origin), &text));
            for bit in 0..64 {
                assert!(!is_of_entry(sum ^ (1 << bit), (id, at, origin), &text), "{bit} of the sum");
                assert!(!is_of_entry(sum, (id ^ (1 << bit), at, origin), &text), "{bit} of the id");
                assert!(!is_of_entry(sum, (id, at ^ (1 << bit), origin), &text), "{bit} of the moment");
            }
            assert!(!is_of_entry(sum, (id, at, "live"), &text));
            for bit in 0..text.len() * 8 {
                let mut damaged = text.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(!is_of_entry(sum, (id, at, origin), &damaged), "{bit} of the text");
            }
        }
    }

    #[test]
    fn it_is_another_for_other_parts() {
        let sums = [sum(&[b"ab", b"c"]), sum(&[b"a", b"bc"]), sum(&[b"abc"]), sum(&[]), sum(&[b""])];
        for (at, one) in sums.iter().enumerate() {
            assert!(*one >= 0);
            assert!(sums.iter().skip(at + 1).all(|other| other != one), "{sums:?}");
        }
    }
}
