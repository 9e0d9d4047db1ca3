//! The check sum of a row: SQLite has none of its own, and a body that rotted on the disk must never be sent.

use sha2::Digest as _;

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

/// Of an entry.
pub(super) fn of_entry(id: i64, at: i64, origin: &str, text: &[u8]) -> i64 {
    sum(&[&id.to_le_bytes(), &at.to_le_bytes(), origin.as_bytes(), text])
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

    #[test]
    fn it_is_another_for_other_parts() {
        let sums = [sum(&[b"ab", b"c"]), sum(&[b"a", b"bc"]), sum(&[b"abc"]), sum(&[]), sum(&[b""])];
        for (at, one) in sums.iter().enumerate() {
            assert!(*one >= 0);
            assert!(sums.iter().skip(at + 1).all(|other| other != one), "{sums:?}");
        }
    }
}
