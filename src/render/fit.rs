//! A text and a budget → the text, cut between letters as people count them and ended by `…` when it does not fit.
//!
//! The budget is in the destination's own unit and after its escaping: the cost of a letter is given. Costs add up, so that one pass
//! is enough and nothing has to be measured again.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;

/// What is put in the place of what was cut off.
pub const ELLIPSIS: &str = "…";
/// Bytes that one byte takes at most inside a JSON string: `\u001f`.
const WIDEST: usize = 6;
/// A letter of more code points than this is no letter but a trick: it is cut inside.
const LETTER: usize = 32;

/// The text itself when its cost is within the budget, else as many letters of it as leave room for the `…`.
pub fn cut(text: &str, budget: usize, cost: impl Fn(&str) -> usize) -> Cow<'_, str> {
    if cost(text) <= budget {
        return Cow::Borrowed(text);
    }
    let Some(room) = budget.checked_sub(cost(ELLIPSIS)) else { return Cow::Borrowed("") };
    let mut spent = 0;
    let mut end = 0;
    for letter in text.graphemes(true).flat_map(parts) {
        spent += cost(letter);
        if spent > room {
            break;
        }
        end += letter.len();
    }
    Cow::Owned(format!("{}{ELLIPSIS}", text.get(..end).unwrap_or_default().trim_end()))
}

/// One letter, or the code points of an oversized one.
fn parts(letter: &str) -> impl Iterator<Item = &str> {
    let whole = letter.len() <= LETTER || letter.chars().count() <= LETTER;
    let inside =
        (!whole).then(|| letter.char_indices().map(move |(at, c)| letter.get(at..at + c.len_utf8()).unwrap_or_default()));
    whole.then_some(letter).into_iter().chain(inside.into_iter().flatten())
}

/// Code points: what Discord counts.
#[must_use]
pub fn chars(text: &str) -> usize {
    text.chars().count()
}

/// UTF-16 code units: what Telegram counts, and the safe reading of Slack.
#[must_use]
pub fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whether it takes no more than `bytes` inside a JSON string. Most texts are so short that nothing has to be counted.
#[must_use]
pub fn fits_json(text: &str, bytes: usize) -> bool {
    text.len().saturating_mul(WIDEST) <= bytes || json(text) <= bytes
}

/// Bytes inside a JSON string, as `serde_json` writes it.
#[must_use]
pub fn json(text: &str) -> usize {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..=31 => 6,
        _ => 1,
    };
    text.bytes().map(byte).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_is_left_alone_and_one_that_does_not_ends_in_an_ellipsis() {
        assert_eq!(cut("abcd", 4, chars), "abcd");
        assert_eq!(cut("abcde", 4, chars), "abc…");
        assert_eq!(cut("ab cd", 4, chars), "ab…");
        assert_eq!(cut("abc", 1, chars), "…");
        assert_eq!(cut("abc", 0, chars), "");
    }

    #[test]
    fn no_letter_is_cut_in_two() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(cut(&family.repeat(3), 20, utf16), format!("{family}…"));
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 4, chars), "e\u{301}…");
        assert_eq!(cut("🇩🇪🇫🇷🇩🇪", 5, chars), "🇩🇪🇫🇷…");
    }

    #[test]
    fn a_letter_without_end_does_not_swallow_the_text() {
        let endless = "👩\u{200d}".repeat(1_000);
        assert_eq!(utf16(&cut(&endless, 100, utf16)), 100);
    }

    #[test]
    fn the_cost_is_that_of_the_escaped_text() {
        assert_eq!(cut("a\"b\"c", 6, json), "a\"…");
        assert_eq!(json("a\"\n\u{1}é"), 1 + 2 + 2 + 6 + 2);
        assert_eq!(json("a\"\n\u{1}é"), serde_json::to_string("a\"\n\u{1}é").unwrap().len() - 2);
        for (text, bytes) in [("\u{1}\u{1}", 12), ("\u{1}a", 7), ("aaaa", 4), ("é", 2), ("", 0)] {
            assert!(fits_json(text, bytes) && (bytes == 0 || !fits_json(text, bytes - 1)), "{text:?}");
        }
    }
}
