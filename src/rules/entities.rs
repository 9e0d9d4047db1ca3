//! HTML entities, as X writes them into texts → the characters that they stand for.

use std::borrow::Cow;

/// Bytes of an entity between `&` and `;`, that sign included.
const ENTITY_BYTES: usize = 12;

/// Decodes the entities that X writes into texts, and numeric ones. Once: `&amp;lt;` is `&lt;`.
#[must_use]
pub fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('&') {
        out.push_str(before);
        // No entity is longer; looking further would make a text of many `&` quadratic.
        let near = from.get(..from.floor_char_boundary(ENTITY_BYTES)).unwrap_or_default();
        match near.split_once(';').and_then(|(name, _)| Some((entity(name)?, from.get(name.len() + 1..)?))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = from;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let digits = name.strip_prefix('#').filter(|digits| digits.len() <= 8)?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_ampersands_takes_no_time() {
        let text = "&".repeat(1_000_000);
        assert_eq!(decode_entities(&text), text);
    }
}
