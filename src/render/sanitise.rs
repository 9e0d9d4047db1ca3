//! Somebody else's text → the same text without what acts on terminals, reorders other words or hides (DESTINATIONS 2.1).
//!
//! Done once, in front of any escaping. What a destination takes for markup is not touched here.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

/// Combining marks that may follow one another: more than any script stacks, fewer than it takes to cover the lines above ("zalgo").
const MARKS: usize = 6;
/// Line breaks that may follow one another: text must not push what stands below it out of sight.
const BREAKS: usize = 2;

/// A text of several lines.
#[must_use]
pub fn text(raw: &str) -> Cow<'_, str> {
    if is_clean(raw) {
        return Cow::Borrowed(raw.trim());
    }
    let mut out = String::with_capacity(raw.len());
    let (mut marks, mut breaks) = (0, 0);
    let mut letters = raw.chars().peekable();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                '\n'
            }
            '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            other => other,
        };
        if is_dropped(letter) {
            continue;
        }
        marks = if is_combining_mark(letter) { marks + 1 } else { 0 };
        breaks = if letter == '\n' { breaks + 1 } else { 0 };
        if marks <= MARKS && breaks <= BREAKS {
            out.push(letter);
        }
    }
    let trimmed = out.trim();
    if trimmed.len() == out.len() { Cow::Owned(out) } else { Cow::Owned(trimmed.to_owned()) }
}

/// A text of one line: names, symbols, titles. Every run of spaces and breaks becomes one space.
#[must_use]
pub fn line(raw: &str) -> String {
    text(raw).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text for a terminal: besides, no tabs and nothing that takes no room.
#[must_use]
pub fn terminal(raw: &str) -> String {
    let plain = |letter: char| match letter {
        '\t' => Some(' '),
        '\u{200c}'..='\u{200f}' | '\u{61c}' => None,
        other => Some(other),
    };
    text(raw).chars().filter_map(plain).collect::<String>().trim().to_owned()
}

fn is_clean(raw: &str) -> bool {
    raw.is_ascii() && raw.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) && !raw.contains("\n\n\n")
}

/// Controls, bidi embeddings, overrides and isolates, and characters that show nothing. Joiners, variation selectors and the three
/// directional marks stay: emoji, Persian, Indic and Hebrew texts need them.
fn is_dropped(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        _ if letter.is_control() => true,
        // Soft hyphen, grapheme joiner, Hangul fillers, Mongolian separator.
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' => true,
        // Zero-width space, embeddings and overrides, word joiner to invisible plus, isolates and their deprecated kin.
        '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        // Byte order mark, interlinear annotation, what is no character at all.
        '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{fdd0}'..='\u{fdef}' => true,
        // Musical formatting, tags, and the variation selectors that only smuggle data.
        '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => u32::from(letter) & 0xfffe == 0xfffe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_reorders_or_hides_is_gone() {
        for (raw, clean) in [
            ("plain", "plain"),
            ("a\r\nb\rc\u{85}d\u{2028}e\u{2029}f", "a\nb\nc\nd\ne\nf"),
            ("\u{1b}[31mred\u{1b}]0;title\u{7}", "[31mred]0;title"),
            ("\u{9b}31mred", "31mred"),
            ("a\0b\u{7f}c\u{8}d", "abcd"),
            ("\u{202e}YUB\u{202c} \u{2066}x\u{2069}", "YUB x"),
            ("DO\u{200b}GE\u{ad}\u{2060}\u{feff}\u{e0041}\u{180e}", "DOGE"),
            ("👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}", "👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}"),
            ("سلام\u{200e}", "سلام\u{200e}"),
            ("\u{fffe}\u{fdd0}\u{1ffff}x", "x"),
            ("a\tb", "a\tb"),
            ("  x \n", "x"),
            ("a\n\n\n\n\nb", "a\n\nb"),
        ] {
            assert_eq!(text(raw), clean, "{raw:?}");
        }
    }

    #[test]
    fn zalgo_is_capped_and_scripts_with_marks_are_not() {
        let zalgo = format!("h{}i", "\u{301}".repeat(50));
        assert_eq!(text(&zalgo).chars().count(), 2 + MARKS);
        for real in ["שָׁלוֹם", "नमस्ते", "ภาษาไทย", "Việt Nam"] {
            assert_eq!(text(real), real);
        }
    }

    #[test]
    fn a_line_has_no_breaks_and_a_terminal_nothing_invisible() {
        assert_eq!(line(" a\n\tb  c\u{3000}d "), "a b c d");
        assert_eq!(terminal("a\tb\u{200d}c\u{200e}d\u{61c}"), "a bcd");
    }
}
