//! Somebody else's text → the same text without what acts on terminals, reorders other words or hides (DESTINATIONS 2.1).
//!
//! Done once, in front of any escaping. What a destination takes for markup is not touched here.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

use crate::rules::entities::decode_entities;

/// Combining marks that may follow one another: more than any script stacks, fewer than it takes to cover the lines above ("zalgo").
const MARKS: usize = 6;
/// Empty lines that may follow one another, and lines of dots, which look as empty: text must not push what stands below it out of
/// sight.
const BLANK: usize = 1;
const DOTTED: usize = 3;

/// Below it nothing is a combining mark.
const FIRST_MARK: char = '\u{300}';
/// Bytes that are looked at in one go.
const BLOCK: usize = 64;

/// A text of several lines.
#[must_use]
pub fn text(raw: &str) -> Cow<'_, str> {
    // Most are one line of ASCII.
    if all(raw, |byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Cow::Borrowed(raw.trim_ascii());
    }
    if is_clean(raw) {
        return Cow::Borrowed(raw.trim());
    }
    let mut out = String::with_capacity(raw.len());
    let mut marks = 0;
    let mut letters = raw.chars().peekable();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                '\n'
            }
            '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            // Braille without a dot: a space that no trimming knows.
            '\u{2800}' => ' ',
            other => other,
        };
        if is_dropped(letter) {
            continue;
        }
        marks = if letter >= FIRST_MARK && is_combining_mark(letter) { marks + 1 } else { 0 };
        if marks <= MARKS {
            out.push(letter);
        }
    }
    Cow::Owned(without_gaps(out))
}

/// Whether all bytes are of a sort: block by block, of which a processor sees many bytes at once.
fn all(text: &str, is_of_it: impl Fn(u8) -> bool) -> bool {
    text.as_bytes().chunks(BLOCK).all(|block| block.iter().fold(true, |so_far, byte| so_far & is_of_it(*byte)))
}

/// What somebody wrote on the network, where `R&amp;D` stands for `R&D`: decoded, then as [`text`].
#[must_use]
pub fn written(raw: &str) -> Cow<'_, str> {
    match decode_entities(raw) {
        Cow::Borrowed(raw) => text(raw),
        Cow::Owned(decoded) => Cow::Owned(text(&decoded).into_owned()),
    }
}

/// A display name: decoded, one line, and empty when there is nothing in it to see.
#[must_use]
pub fn name(raw: &str) -> String {
    let name = line(&decode_entities(raw));
    let unseen = |letter: char| is_unseen(letter) || is_combining_mark(letter);
    if name.chars().all(unseen) { String::new() } else { name }
}

fn without_gaps(mut text: String) -> String {
    text.truncate(text.trim_end().len());
    text.drain(..text.len() - text.trim_start().len());
    // Most are one line.
    if !text.contains('\n') && !text.chars().all(is_unseen) {
        return text;
    }
    let (mut blank, mut dotted) = (0, 0);
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        let empty = line.chars().all(is_unseen);
        let near = empty || is_dotted(line);
        blank = if empty { blank + 1 } else { 0 };
        dotted = if near { dotted + 1 } else { 0 };
        if blank <= BLANK && dotted <= DOTTED {
            out.push_str(if at > 0 { "\n" } else { "" });
            out.push_str(if empty { "" } else { line });
        }
    }
    out
}

/// Nothing but dots and spaces.
fn is_dotted(line: &str) -> bool {
    line.chars().all(|letter| is_unseen(letter) || matches!(letter, '.' | '·' | '•' | '․' | '。' | ',' | '\'' | '`'))
}

/// What takes no ink: spaces, joiners, directional marks, variation selectors.
fn is_unseen(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{200c}'..='\u{200f}' | '\u{61c}' | '\u{fe00}'..='\u{fe0f}')
}

/// A text of one line: names, symbols, titles. Every run of spaces and breaks becomes one space.
#[must_use]
pub fn line(raw: &str) -> String {
    if all(raw, |byte| byte.is_ascii_graphic()) {
        return raw.to_owned();
    }
    let text = text(raw);
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word);
    }
    line
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

/// Whether it is shown on a terminal as itself, and does nothing else to it.
#[must_use]
pub fn is_shown(letter: char) -> bool {
    matches!(letter, ' '..='~') || terminal(&format!("a{letter}b")).chars().nth(1) == Some(letter)
}

fn is_clean(raw: &str) -> bool {
    let is_plain = all(raw, |byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t'));
    let lines = || raw.trim().split('\n');
    let has_spaces = lines().any(|line| !line.is_empty() && line.chars().all(is_unseen));
    is_plain && !has_spaces && lines().filter(|line| is_dotted(line)).nth(1).is_none()
}

/// Controls, bidi embeddings, overrides and isolates, and characters that show nothing. Joiners, variation selectors and the three
/// directional marks stay: emoji, Persian, Indic and Hebrew texts need them.
fn is_dropped(letter: char) -> bool {
    match letter {
        ' '..='~' | '\n' | '\t' => false,
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
        // An empty note head and the Khitan filler, musical formatting, tags, and the variation selectors that only smuggle data.
        '\u{1d159}' | '\u{16fe4}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
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
            ("a\n \nb", "a\n\nb"),
            ("a\n \n\t\n\u{2800}\n\u{200d}\nb", "a\n\nb"),
            ("a\n.\n.\n.\n.\n\u{2800}.\nb", "a\n.\n.\n.\nb"),
            ("wait\n\n...\n\nok", "wait\n\n...\n\nok"),
            ("a\u{2800}\u{2800}b\u{115f}\u{1160}\u{3164}\u{ffa0}", "a  b"),
        ] {
            assert_eq!(text(raw), clean, "{raw:?}");
        }
    }

    /// As [`text`], without a look at what most texts are.
    fn the_long_way(raw: &str) -> String {
        let raw = raw.replace("\r\n", "\n").replace(['\r', '\u{85}', '\u{2028}', '\u{2029}'], "\n").replace('\u{2800}', " ");
        let (mut out, mut marks) = (String::new(), 0);
        for letter in raw.chars().filter(|letter| !is_dropped(*letter)) {
            marks = if is_combining_mark(letter) { marks + 1 } else { 0 };
            out.extend((marks <= MARKS).then_some(letter));
        }
        let (mut blank, mut dotted, mut lines) = (0, 0, Vec::new());
        for line in out.trim().split('\n') {
            let is_empty = line.chars().all(is_unseen);
            blank = if is_empty { blank + 1 } else { 0 };
            dotted = if is_empty || is_dotted(line) { dotted + 1 } else { 0 };
            lines.extend((blank <= BLANK && dotted <= DOTTED).then_some(if is_empty { "" } else { line }));
        }
        lines.join("\n")
    }

    proptest::proptest! {
        #[test]
        fn what_most_texts_are_is_only_quicker(raw in "([ -~]{0,70}|[a.\\n\\r\\t ]{0,9}|[\u{1}\u{301}\u{200b}\u{200d}\u{202e}\u{2028}\u{2800}é🚀]{0,9}){0,6}") {
            proptest::prop_assert_eq!(text(&raw), the_long_way(&raw));
            proptest::prop_assert_eq!(line(&raw), the_long_way(&raw).split_whitespace().collect::<Vec<_>>().join(" "));
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
    fn what_was_written_is_decoded_once_and_then_cleaned() {
        assert_eq!(written("R&amp;D &lt;b&gt; &amp;lt;"), "R&D <b> &lt;");
        assert_eq!(written("a&#27;[31m&#x202e;b"), "a[31mb");
    }

    #[test]
    fn a_name_of_which_nothing_is_seen_is_none() {
        assert_eq!(name("R&amp;D \u{2800}\u{2800} Lab"), "R&D Lab");
        for blank in ["\u{2800}\u{2800}", "\u{200d}\u{200e}", "\u{3164}", "\u{fe0f}", " "] {
            assert_eq!(name(blank), "", "{blank:?}");
        }
    }

    #[test]
    fn a_line_has_no_breaks_and_a_terminal_nothing_invisible() {
        assert_eq!(line(" a\n\tb  c\u{3000}d "), "a b c d");
        assert_eq!(terminal("a\tb\u{200d}c\u{200e}d\u{61c}"), "a bcd");
    }
}
