//! A text → the keywords that stand in it as whole words: the text is parted once, and each of its words is looked up.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::keys::Map;
use super::lists::number;
use super::runs::{runs, signs, word_marks};
use super::table::Table;
use crate::matching::facts::NormalText;
use crate::rules::normal::{eight, is_boundary};

/// Keywords, by one word of each.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// By word: the key of the only phrase that is found by it, and nothing but it; or, as [`Words::FAR`] says, from where in `phrases` those stand
    /// that are.
    anchors: Table,
    /// Those of one anchor next to each other.
    phrases: Vec<Phrase>,
    filter: Filter,
    /// An anchor is something else than a word of ASCII: each sign of a text is looked up, too.
    has_signs: bool,
}

#[derive(Debug)]
struct Phrase {
    /// The whole of it; `None`: the anchor is.
    whole: Option<Box<str>>,
    /// Where in it the anchor stands, in bytes.
    at: u32,
    key: u32,
    /// Another with the same anchor follows.
    more: bool,
}

/// Which words are an anchor for all that is known without comparing them: most words of a text are none.
#[derive(Debug, Default)]
struct Filter {
    bits: Vec<u64>,
    /// By so much a mix of a word's bytes is shifted to get the number of its bit.
    shift: u32,
}

impl Filter {
    /// With sixteen bits for each word.
    fn of<'w>(words: impl ExactSizeIterator<Item = &'w str>) -> Self {
        let bits = (words.len() * 16).next_power_of_two().max(1_024);
        let mut filter = Self { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() };
        for word in words {
            let at = filter.bit(word.len(), eight(word.as_bytes(), 0));
            if let Some(part) = filter.bits.get_mut(at / 64) {
                *part |= 1 << (at % 64);
            }
        }
        filter
    }

    #[inline]
    fn may_have(&self, length: usize, head: u64) -> bool {
        let at = self.bit(length, head);
        self.bits.get(at / 64).is_some_and(|part| part & (1 << (at % 64)) != 0)
    }

    /// Of a word's length and its first eight bytes, and what is behind a shorter one; it does not matter which case they have.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer bits than fit")]
    fn bit(&self, length: usize, head: u64) -> usize {
        const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
        const LOWER: u64 = 0x2020_2020_2020_2020;
        (((head | LOWER) & first(length)) ^ (length as u64).rotate_right(8)).wrapping_mul(MIX).wrapping_shr(self.shift) as usize
    }
}

impl Words {
    const FAR: u32 = 1 << 31;

    /// From folded phrases and their keys.
    pub(super) fn new(all: Map<Box<str>>) -> Self {
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable_by_key(|(_, key)| *key);
        let mut used: HashMap<&str, u32, foldhash::fast::FixedState> = HashMap::default();
        for (phrase, _) in &all {
            parts(phrase, |at, length, _| *used.entry(phrase.get(at..at + length).unwrap_or_default()).or_default() += 1);
        }
        // A phrase hangs on the word of it that the fewest others have, so that few have to be compared.
        let anchored = all.iter().filter_map(|(phrase, key)| {
            let mut words = Vec::new();
            parts(phrase, |at, length, _| words.push((at, phrase.get(at..at + length).unwrap_or_default())));
            let (at, word) = words.into_iter().min_by_key(|(_, word)| (used.get(word), Reverse(word.len())))?;
            Some((word, at, phrase, *key))
        });
        let mut anchored: Vec<_> = anchored.collect();
        anchored.sort_unstable();
        let (mut anchors, mut phrases) = (Vec::new(), Vec::new());
        for of_anchor in anchored.chunk_by(|(one, ..), (next, ..)| one == next) {
            if let [(word, _, phrase, key)] = of_anchor
                && word.len() == phrase.len()
            {
                anchors.push((*word, *key));
                continue;
            }
            let from = number(phrases.len()) | Self::FAR;
            anchors.extend(of_anchor.first().map(|(word, ..)| (*word, from)));
            let mut left = of_anchor.len();
            phrases.extend(of_anchor.iter().map(|(word, at, phrase, key)| {
                left -= 1;
                let whole = (word.len() < phrase.len()).then(|| (*phrase).clone());
                Phrase { whole, at: number(*at), key: *key, more: left > 0 }
            }));
        }
        phrases.shrink_to_fit();
        let filter = Filter::of(anchors.iter().map(|(word, _)| *word));
        let is_sign = |word: &str| word.bytes().any(|byte| !byte.is_ascii_alphanumeric() && byte != b'_');
        let has_signs = anchors.iter().any(|(word, _)| is_sign(word));
        Self { anchors: Table::new(anchors.into_iter()), phrases, filter, has_signs }
    }

    /// Calls `hit` with the key of every keyword that stands in a text, as often as it does.
    pub(super) fn search(&self, text: &NormalText<'_>, mut hit: impl FnMut(u32)) {
        if self.anchors.is_empty() {
            return;
        }
        if !text.is_plain() {
            let text = text.cased(false);
            return parts(text, |at, length, head| {
                if self.filter.may_have(length, head) {
                    self.look_up(text, (at, length), &mut hit);
                }
            });
        }
        // Where a word stands is the same whatever its case, and most texts need not be folded at all.
        let (exact, mut longest) = (text.exact().as_bytes(), 0);
        let mut see = |at, length| {
            if self.filter.may_have(length, eight(exact, at)) {
                self.look_up(text.cased(false), (at, length), &mut hit);
            }
        };
        runs(exact, |at, length| {
            longest = longest.max(length);
            see(at, length);
        });
        if self.has_signs {
            signs(exact, see);
        }
        text.has_words_up_to(longest);
    }

    #[inline(never)]
    fn look_up(&self, text: &str, (at, length): (usize, usize), hit: &mut impl FnMut(u32)) {
        let head = eight(text.as_bytes(), at) & first(length);
        let word = text.as_bytes().get(at..at + length);
        let Some(found) = word.and_then(|word| self.anchors.get_headed(head, word)) else { return };
        if found & Self::FAR == 0 {
            return hit(found);
        }
        for phrase in self.phrases.iter().skip((found & !Self::FAR) as usize) {
            if phrase.whole.as_deref().is_none_or(|whole| stands_at(text, at.checked_sub(phrase.at as usize), whole)) {
                hit(phrase.key);
            }
            if !phrase.more {
                break;
            }
        }
    }

    /// Bytes on the heap, near enough.
    pub(super) fn bytes(&self) -> usize {
        let phrases = self.phrases.iter().filter_map(|phrase| phrase.whole.as_deref()).map(str::len).sum::<usize>();
        self.anchors.bytes() + phrases + size_of_val(self.filter.bits.as_slice()) + self.phrases.capacity() * size_of::<Phrase>()
    }
}

/// Whether the phrase stands there, and words end where it does.
fn stands_at(text: &str, at: Option<usize>, phrase: &str) -> bool {
    let Some((at, rest)) = at.and_then(|at| Some((at, text.get(at..)?))) else { return false };
    let Some(after) = rest.strip_prefix(phrase) else { return false };
    let ends =
        |before: Option<char>, after: Option<char>| before.zip(after).is_none_or(|(before, after)| is_boundary(before, after));
    ends(text.get(..at).and_then(|head| head.chars().next_back()), phrase.chars().next())
        && ends(phrase.chars().next_back(), after.chars().next())
}

/// Calls `see` with every part of a text that no word's end parts further: where it stands, how long it is, and its first eight bytes. Blanks
/// are none.
#[inline]
fn parts(text: &str, mut see: impl FnMut(usize, usize, u64)) {
    let (bytes, mut begin) = (text.as_bytes(), 0);
    while let Some(byte) = bytes.get(begin) {
        if *byte == b' ' {
            begin += 1;
            continue;
        }
        let head = eight(bytes, begin);
        let length = part_length(text, begin, head);
        see(begin, length, head & first(length));
        begin += length;
    }
}

/// How many letters, digits and underscores of ASCII begin there with these bytes.
#[inline]
fn word_length(bytes: &[u8], begin: usize, head: u64) -> usize {
    let mut length = word_bytes(head);
    let mut more = length;
    while more == 8 {
        more = word_bytes(eight(bytes, begin + length));
        length += more;
    }
    length
}

/// So many of eight bytes.
#[inline]
fn first(count: usize) -> u64 {
    match count {
        0 => 0,
        1..8 => u64::MAX >> (64 - 8 * count),
        _ => u64::MAX,
    }
}

/// How many of eight bytes, from the first on, are letters, digits and underscores of ASCII.
#[inline]
fn word_bytes(eight: u64) -> usize {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    ((!word_marks(eight) & HIGH).trailing_zeros() / 8) as usize
}

/// How long the part is that begins there with these bytes; quicker for what most texts are made of.
fn part_length(text: &str, begin: usize, head: u64) -> usize {
    let bytes = text.as_bytes();
    let mut ascii = word_length(bytes, begin, head);
    if ascii == 0 && bytes.get(begin).is_some_and(u8::is_ascii) {
        ascii = 1;
    }
    // Of ASCII, what parts words is plain. A character behind it may belong to it.
    if ascii > 0 && bytes.get(begin + ascii).is_none_or(u8::is_ascii) {
        return ascii;
    }
    let from = ascii.saturating_sub(1);
    let mut chars = text.get(begin + from..).unwrap_or_default().char_indices();
    let mut before = chars.next().map(|(_, c)| c);
    let end = chars.find(|(_, c)| before.replace(*c).is_some_and(|before| is_boundary(before, *c)));
    end.map_or(text.len() - begin, |(at, _)| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::facts::NormalText;
    use crate::matching::text::find;
    use crate::rules::condition::{Keyword, TextPattern};
    use crate::rules::normal;

    /// As a rule has it.
    fn keyword(phrase: &str) -> Keyword {
        let open = |end: Option<char>| end.is_none_or(|c| normal::is_unspaced(c) || !normal::is_word(c));
        let (open_start, open_end) = (open(phrase.chars().next()), open(phrase.chars().next_back()));
        Keyword { phrase: phrase.into(), open_start, open_end }
    }

    fn found(phrases: &[String], text: &NormalText<'_>) -> Vec<u32> {
        let mut found = Vec::new();
        let all = phrases.iter().zip(0..).map(|(phrase, key)| (phrase.as_str().into(), key));
        Words::new(all.collect()).search(text, |key| found.push(key));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn expected(phrases: &[String], text: &NormalText<'_>) -> Vec<u32> {
        let holds = |phrase: &&String| {
            let pattern = TextPattern::Keyword { words: vec![keyword(phrase)], exact: false };
            find(&pattern, text).is_some()
        };
        let mut unique: Vec<_> = phrases.iter().zip(0..).filter(|(phrase, _)| holds(phrase)).map(|(_, key)| key).collect();
        // Of the same phrase twice the latter is in the map.
        unique.retain(|key| phrases.iter().rposition(|of| Some(of) == phrases.get(*key as usize)) == Some(*key as usize));
        unique
    }

    #[test]
    fn words_phrases_signs_and_ideographs_are_found_where_words_end() {
        let phrases = ["list", "will list", "c++", "r&d", "上場", "🚀", "$doge", "no no", "-", "café"].map(str::to_owned);
        for (text, keys) in [
            ("will LIST", &[0, 1][..]),
            ("will listing, enlist", &[]),
            ("C++ and R&D-", &[2, 3, 8]),
            ("本日上場btc", &[4]),
            ("🚀🚀 $DOGE", &[5, 6]),
            ("piano no no", &[7]),
            ("CAFE\u{301} cafes", &[9]),
        ] {
            let text = NormalText::new(text.into());
            assert_eq!(found(&phrases, &text), keys, "{text:?}");
            assert_eq!(expected(&phrases, &text), keys, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_found_is_what_the_matcher_finds(
            phrases in proptest::collection::vec("[ab上_\\-+1éß$🚀\u{301}]{1,3}( [ab上]{1,2})?", 1..8),
            text in "[abA上_ \\-+1éßẞ$🚀\u{301}\u{345}]{0,16}",
        ) {
            let phrases: Vec<String> = phrases.iter().map(|phrase| normal::fold(&normal::normalise(phrase))).filter(|phrase| !phrase.is_empty()).collect();
            let text = NormalText::new(text.as_str().into());
            proptest::prop_assert_eq!(found(&phrases, &text), expected(&phrases, &text));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_text_is_parted_where_words_end(text in "([a-zA-Z_0-9]{1,3}|[a-z_]{7,18}| |[\u{0}-\u{7f}]|[!$.'-]|é|上|場|상|\u{301}|🚀){0,10}") {
            let (mut expected, mut begin) = (Vec::new(), 0);
            let chars: Vec<_> = text.char_indices().collect();
            for (pair, next) in chars.iter().zip(chars.iter().skip(1).map(|(at, c)| (*at, *c))) {
                if is_boundary(pair.1, next.1) {
                    expected.push((begin, text[begin..next.0].to_owned()));
                    begin = next.0;
                }
            }
            expected.push((begin, text[begin..].to_owned()));
            expected.retain(|(_, part)| !part.is_empty() && part != " ");
            let see = |text: &str, found: &mut Vec<(usize, String)>, (at, length, head): (usize, usize, u64)| {
                let part = &text[at..at + length];
                assert_eq!(head.to_le_bytes()[..length.min(8)], part.as_bytes()[..length.min(8)]);
                found.push((at, part.to_owned()));
            };
            let mut found = Vec::new();
            parts(&text, |at, length, head| see(&text, &mut found, (at, length, head)));
            let normal = NormalText::new(text.as_str().into());
            if normal.is_plain() {
                let (mut one, mut other) = (Vec::new(), Vec::new());
                parts(normal.exact(), |at, length, _| one.push((at, length)));
                runs(normal.exact().as_bytes(), |at, length| other.push((at, length)));
                signs(normal.exact().as_bytes(), |at, length| other.push((at, length)));
                other.sort_unstable();
                proptest::prop_assert_eq!(one, other);
            }
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
