//! The form in which texts and patterns are compared (RULES 2): both sides go through here, so that they meet.
//! The raw text is kept elsewhere, for messages.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

use super::entities::decode_entities;

/// HTML entities decoded, zero-width and bidi controls removed, NFKC, every run of spaces and line breaks one space. Case is kept.
#[must_use]
pub fn normalise(text: &str) -> String {
    normal(text).0.into_owned()
}

/// The same, borrowed where the text is its own normal form; and whether it is plain: of characters that have no case but that of ASCII.
#[must_use]
pub fn normal(text: &str) -> (Cow<'_, str>, bool) {
    let first = odd(text.as_bytes(), 0);
    if first == text.len() {
        return (Cow::Borrowed(text.trim_matches(' ')), true);
    }
    if let Some(normal) = normal_of_plain(text, first, false) {
        return (Cow::Owned(normal), true);
    }
    let decoded = decode_entities(text);
    match normal_of_plain(&decoded, odd(decoded.as_bytes(), 0), true) {
        Some(normal) => (Cow::Owned(normal), true),
        None => (Cow::Owned(normal_of_any(&decoded)), false),
    }
}

/// Where the next byte stands that is not as it is in a normal form: one that cannot be seen, a blank before another, a `&` that may begin an
/// entity, one beyond ASCII. Eight at a time.
fn odd(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES * 0x80;
    // Without their highest bits no byte of a sum reaches into the next.
    let is = |eight: u64, byte: u8| {
        let other = eight ^ (ONES * u64::from(byte));
        !(((other & !HIGH) + !HIGH) | other)
    };
    while at < bytes.len() {
        // Many at once, for which there are wide registers.
        while let (Some(block), Some(next)) = (bytes.get(at..at + 32), bytes.get(at + 1..at + 33))
            && !block.iter().zip(next).fold(false, |any, (byte, next)| any | is_odd(*byte, *next))
        {
            at += 32;
        }
        let (here, next) = (eight(bytes, at), eight(bytes, at + 1));
        let low = here & !HIGH;
        let unseen = !(low + ONES * 0x60) | (low + ONES) | here;
        let found = (unseen | is(here, b'&') | is(here, b' ') & is(next, b' ')) & HIGH;
        if found != 0 {
            return bytes.len().min(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    bytes.len()
}

/// The same of one byte, by the one behind it.
#[inline]
fn is_odd(byte: u8, next: u8) -> bool {
    !(0x20..0x7f).contains(&byte) | (byte == b'&') | ((byte == b' ') & (next == b' '))
}

/// Eight bytes of a text from there, the first the lowest; zeros where the text is at its end.
#[inline]
#[must_use]
pub fn eight(bytes: &[u8], from: usize) -> u64 {
    let rest = bytes.get(from..).unwrap_or_default();
    if let Some(eight) = rest.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    rest.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

/// Of a text in which every character is plain, or not seen: such do not join with one another. `None`: of others, and of one with a `&` where
/// its entities are not decoded yet. `first` is where its first odd byte stands.
fn normal_of_plain(text: &str, first: usize, is_decoded: bool) -> Option<String> {
    let mut out = Spaced::with_capacity(text.len());
    let (mut at, mut end) = (0, first);
    loop {
        out.push_spaced(text.get(at..end)?);
        at = end;
        let Some(c) = text.get(at..)?.chars().next() else { return Some(out.text) };
        match c {
            '&' if !is_decoded => return None,
            c if c.is_ascii() => out.push(c),
            c if is_plain(c) => out.push_visible(c),
            c if is_invisible(c) => {}
            _ => return None,
        }
        at += c.len_utf8();
        end = odd(text.as_bytes(), at);
    }
}

fn normal_of_any(text: &str) -> String {
    let mut out = Spaced::with_capacity(text.len());
    for (ascii, other) in runs(text) {
        out.push_ascii(ascii);
        if other.chars().all(is_plain) {
            other.chars().for_each(|c| out.push(c));
            continue;
        }
        let visible = without_invisible(other);
        if is_nfkc(&visible) {
            visible.chars().for_each(|c| out.push(c));
        } else {
            visible.nfkc().for_each(|c| out.push(c));
        }
    }
    out.text
}

/// Case folding of an already normalised text, for comparisons without regard to case.
#[must_use]
pub fn fold(normal: &str) -> String {
    let folded = fold_each(normal);
    // Folding may leave NFKC (for example U+0345), so it is brought back: "fold, then look for" must be the same on both sides.
    recompose(&folded).unwrap_or(folded)
}

/// Case folding character by character and nothing else: what is part of a text is part of the folded text when both are folded so. What
/// regexes take for equal without regard to case is equal when it is folded.
#[must_use]
pub fn fold_each(normal: &str) -> String {
    if normal.is_ascii() {
        return normal.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(normal.len());
    for (ascii, other) in runs(normal) {
        push_lowercase(&mut folded, ascii);
        if other.chars().all(is_plain) {
            push_lowercase(&mut folded, other);
        } else {
            folded.push_str(&unicase::UniCase::unicode(other).to_folded_case());
        }
    }
    folded
}

/// Adds it with its ASCII letters in lower case.
fn push_lowercase(to: &mut String, text: &str) {
    let begin = to.len();
    to.push_str(text);
    if let Some(new) = to.get_mut(begin..) {
        new.make_ascii_lowercase();
    }
}

/// NFKC of what [`fold_each`] made, which is then the same as [`fold`]. `None`: it is so already.
#[must_use]
pub fn recompose(folded: &str) -> Option<String> {
    if runs(folded).all(|(_, other)| is_nfkc(other)) {
        return None;
    }
    let composed: String = folded.nfkc().collect();
    (composed != folded).then_some(composed)
}

/// Whether words of this character's script are not parted by spaces, so that a keyword in it is looked for as a substring.
#[must_use]
pub fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF            // Thai, Lao
        | 0x0F00..=0x0FFF          // Tibetan
        | 0x1000..=0x109F          // Myanmar
        | 0x1780..=0x17FF          // Khmer
        | 0x2E80..=0x2FDF          // radicals
        | 0x3005..=0x3007 | 0x3021..=0x3029 | 0x3031..=0x3035
        | 0x3041..=0x30FF          // Hiragana, Katakana
        | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF
        | 0x2_0000..=0x3_FFFF)
}

/// Whether a character is part of a word.
#[must_use]
pub fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    // Quotation marks, dashes and pictures are none, and need not be looked up.
    !matches!(u32::from(c), 0x2010..=0x2027 | 0x1_F300..=0x1_FAFF) && is_word_of_any(c)
}

fn is_word_of_any(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || unicode_normalization::char::is_combining_mark(c)
}

/// Whether a word may end between these two neighbours: one is no part of a word, or its script has no spaces.
#[must_use]
pub fn is_boundary(before: char, after: char) -> bool {
    !(is_word(before) && is_word(after)) || is_unspaced(before) || is_unspaced(after)
}

/// Characters that take no room or turn the reading direction: they would let a text hide from its rules.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
        | 0xFFF0..=0xFFFB | 0x1_BCA0..=0x1_BCA3 | 0x1_D173..=0x1_D17A | 0xE_0000..=0xE_0FFF)
}

/// Parts a text into runs of ASCII, which is its own normal form, and of the rest, each with the character before it: a mark may belong to that.
fn runs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let begin = ascii_length(rest.as_bytes());
        let other = rest.bytes().skip(begin).position(|byte| byte.is_ascii()).map_or(rest.len(), |length| begin + length);
        let begin = if begin < rest.len() { begin.saturating_sub(1) } else { begin };
        let (run, after) = rest.split_at(other);
        rest = after;
        Some(run.split_at(begin))
    })
}

/// How long the ASCII is that it begins with.
fn ascii_length(bytes: &[u8]) -> usize {
    let mut blocks = bytes.chunks(16);
    let ascii: usize = blocks.by_ref().take_while(|block| block.is_ascii()).map(<[u8]>::len).sum();
    ascii + bytes.iter().skip(ascii).take_while(|byte| byte.is_ascii()).count()
}

/// Whether this is NFKC for certain.
fn is_nfkc(text: &str) -> bool {
    text.chars().all(is_plain) || is_nfkc_quick(text.chars()) == IsNormalized::Yes
}

/// Whether a character is its own normal form whatever stands beside it, can be seen, and has no case but that of ASCII: the signs of which
/// most texts consist, so that Unicode's tables are not asked for each. Words end at those that are not ASCII, on either side.
fn is_plain(c: char) -> bool {
    c.is_ascii()
        || matches!(u32::from(c),
            0x2013..=0x2014 | 0x2018..=0x2019 | 0x201C..=0x201D // quotation marks and dashes
            | 0x2600..=0x2775 | 0x2794..=0x27BF                 // symbols, dingbats without their digits
            | 0x4E00..=0x9FFF                                   // Chinese
            | 0x1_F300..=0x1_FAFF) // emoji
}

fn without_invisible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !is_invisible(*c)).collect())
}

/// Whether it is of printable signs, with one blank between words.
fn is_spaced(ascii: &str) -> bool {
    let bytes = ascii.as_bytes();
    let printable = bytes.iter().fold(true, |all, byte| all & (0x20..0x7f).contains(byte));
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    printable & pairs.fold(true, |all, (one, next)| all & !((*one == b' ') & (*next == b' ')))
}

/// A text in which every run of spaces becomes one.
struct Spaced {
    text: String,
    space: bool,
}

impl Spaced {
    fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), space: false }
    }

    /// Printable signs with one blank between words.
    fn push_spaced(&mut self, text: &str) {
        let bare = text.trim_start_matches(' ');
        self.space |= bare.len() < text.len();
        let seen = bare.trim_end_matches(' ');
        if !seen.is_empty() {
            self.end_space();
            self.text.push_str(seen);
        }
        self.space |= seen.len() < bare.len();
    }

    fn push_visible(&mut self, c: char) {
        self.end_space();
        self.text.push(c);
    }

    fn push(&mut self, c: char) {
        if c.is_whitespace() {
            self.space = true;
        } else if !c.is_control() {
            // A bell or an escape in the middle of a word does not part it.
            self.push_visible(c);
        }
    }

    /// As [`Self::push`] for each character, word by word.
    fn push_ascii(&mut self, text: &str) {
        if is_spaced(text) {
            self.push_spaced(text);
            return;
        }
        for word in text.split_inclusive(|c: char| c <= ' ' || c == '\u{7f}') {
            let seen = word.trim_end_matches(|c: char| c <= ' ' || c == '\u{7f}');
            if !seen.is_empty() {
                self.end_space();
                self.text.push_str(seen);
            }
            self.space |= word.len() > seen.len() && word.ends_with(char::is_whitespace);
        }
    }

    fn end_space(&mut self) {
        if std::mem::take(&mut self.space) && !self.text.is_empty() {
            self.text.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_rules_2_in_a_row() {
        for (raw, normal) in [
            ("plain text", "plain text"),
            ("＄ＤＯＧＥ", "$DOGE"),
            ("do\u{200B}ge \u{202E}x\u{2066}", "doge x"),
            ("a\u{00A0}\n\t\u{3000}b", "a b"),
            ("  ends  ", "ends"),
            ("R&amp;D &lt;b&gt; &#36;ABC &#x24;D &amp;lt;", "R&D <b> $ABC $D &lt;"),
            ("AT&T & co; &unknown; &#xD800;", "AT&T & co; &unknown; &#xD800;"),
            ("ﬁne", "fine"),
            ("be\u{7}ll and e\u{1b}sc\u{85}x", "bell and esc x"),
            ("☀️", "☀"),
        ] {
            assert_eq!(normalise(raw), normal, "{raw:?}");
        }
    }

    #[test]
    fn folding_is_that_of_unicode() {
        assert_eq!(fold("STRASSE"), fold("straße"));
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
        assert_eq!(fold("DOGE"), "doge");
    }

    #[test]
    fn words_end_where_people_see_them_end() {
        assert!(is_boundary(' ', 'a') && is_boundary('a', '-') && !is_boundary('a', 'b') && !is_boundary('a', '1'));
        assert!(is_boundary('場', 'b') && is_boundary('c', 'ก'));
        assert!(!is_boundary('상', '장'));
    }

    #[test]
    fn what_is_a_word_is_known_without_looking_it_up() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            assert_eq!(is_word(c), is_word_of_any(c), "{c:?}");
        }
    }

    #[test]
    fn a_plain_character_is_its_own_normal_form_visible_and_without_case() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32).filter(|c| is_plain(*c)) {
            assert_eq!(is_nfkc_quick(std::iter::once(c)), IsNormalized::Yes, "{c:?}");
            assert_eq!(unicode_normalization::char::canonical_combining_class(c), 0, "{c:?}");
            assert!(!is_invisible(c), "{c:?}");
            assert!(c.is_ascii() || !(c.is_whitespace() || c.is_control()), "{c:?}");
            assert!(c.is_ascii() || (is_boundary('a', c) && is_boundary(c, '上') && is_boundary(c, 'a')), "{c:?}");
            let folded = unicase::UniCase::unicode(c.to_string()).to_folded_case();
            assert_eq!(folded, c.to_ascii_lowercase().to_string(), "{c:?}");
        }
    }

    /// All at once, as [`normalise`] and [`fold`] are defined.
    fn by_definition(text: &str) -> (String, String) {
        let decoded = decode_entities(text);
        let visible: String = decoded.chars().filter(|c| !is_invisible(*c)).collect();
        let mut normal = Spaced::with_capacity(0);
        visible.nfkc().for_each(|c| normal.push(c));
        let folded = unicase::UniCase::unicode(&*normal.text).to_folded_case().nfkc().collect();
        (normal.text, folded)
    }

    proptest::proptest! {
        #[test]
        fn run_by_run_is_the_same_as_all_at_once(
            text in "([ab EÅﬁ\u{7}\u{7f}\t\n\u{1c}\u{85}\u{a0}\u{200b}\u{301}\u{345}\u{323}\u{fb1d}각ㄱẞςＤ가🚀☀上’\u{1161}\u{11a8}&;]|&amp;|&#x301;|.){0,24}",
        ) {
            let (normal, folded) = by_definition(&text);
            let (found, is_plain) = super::normal(&text);
            proptest::prop_assert_eq!(&*found, normal.as_str());
            if is_plain {
                proptest::prop_assert_eq!(fold_each(&found), found.to_ascii_lowercase());
                proptest::prop_assert_eq!(&folded, &found.to_ascii_lowercase());
            }
            proptest::prop_assert_eq!(fold(&normal), folded);
        }

        #[test]
        fn normalising_twice_is_normalising_once_where_no_entity_is_left(text in "[^&]*") {
            let once = normalise(&text);
            proptest::prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn folding_twice_is_folding_once(text in ".*") {
            let once = fold(&normalise(&text));
            proptest::prop_assert_eq!(fold(&once), once);
        }
    }
}
