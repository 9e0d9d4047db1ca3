//! Where a JSON string ends, and what its escapes stand for.

use super::malformed::Malformed;
use super::scan::special;

/// A string, from behind its first quotation mark to behind its last.
pub(super) enum Piece<'de> {
    /// As it stands.
    Plain { text: &'de str, after: usize },
    /// It holds at least one escape.
    Escaped,
}

/// Looks at the string that begins at `at`.
#[inline]
pub(super) fn piece(json: &str, at: usize) -> Result<Piece<'_>, Malformed> {
    let end = special(json.as_bytes(), at);
    match json.as_bytes().get(end) {
        Some(b'"') => {
            let text = json.get(at..end).ok_or(Malformed::NotJson)?;
            Ok(Piece::Plain { text, after: end + 1 })
        }
        Some(b'\\') => Ok(Piece::Escaped),
        // A control character, which JSON forbids, or the end of it all.
        _ => Err(Malformed::NotJson),
    }
}

/// Bytes that are enough for most texts with escapes.
const ROOM: usize = 256;

/// The string that begins at `at` with what its escapes stand for; where it ends; and whether anything in it was no character (half of
/// a surrogate pair), for each of which a U+FFFD stands.
pub(super) fn unescape(json: &str, mut at: usize) -> Result<(String, usize, bool), Malformed> {
    let bytes = json.as_bytes();
    let (mut text, mut replaced) = (String::with_capacity(ROOM.min(bytes.len())), false);
    loop {
        let end = special(bytes, at);
        text.push_str(json.get(at..end).ok_or(Malformed::NotJson)?);
        match bytes.get(end) {
            Some(b'"') => return Ok((text, end + 1, replaced)),
            Some(b'\\') => {}
            _ => return Err(Malformed::NotJson),
        }
        at = end + 2;
        text.push(match bytes.get(end + 1) {
            Some(sign @ (b'"' | b'\\' | b'/')) => char::from(*sign),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = unit(bytes, at)?;
                at += 4;
                let trail = || match (unit, bytes.get(at..at + 2)) {
                    (0xD800..0xDC00, Some(b"\\u")) => unit_of_pair(bytes, at + 2),
                    _ => Ok(None),
                };
                let scalar = match trail()? {
                    Some(trail) => {
                        at += 6;
                        0x1_0000 + ((u32::from(unit) - 0xD800) << 10) + trail
                    }
                    None => u32::from(unit),
                };
                char::from_u32(scalar).unwrap_or_else(|| {
                    replaced = true;
                    char::REPLACEMENT_CHARACTER
                })
            }
            _ => return Err(Malformed::NotJson),
        });
    }
}

/// What the second half of a surrogate pair adds, if it is one.
fn unit_of_pair(bytes: &[u8], at: usize) -> Result<Option<u32>, Malformed> {
    let unit = unit(bytes, at)?;
    Ok((0xDC00..0xE000).contains(&unit).then(|| u32::from(unit) - 0xDC00))
}

/// Four hexadecimal digits.
fn unit(bytes: &[u8], at: usize) -> Result<u16, Malformed> {
    let digits = bytes.get(at..at + 4).ok_or(Malformed::NotJson)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
        digit.map(|digit| unit << 4 | digit).ok_or(Malformed::NotJson)
    })
}
