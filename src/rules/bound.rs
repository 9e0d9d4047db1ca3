//! regex → bytes that it takes at most when it is compiled, without compiling it.
//!
//! What is limited is the size of each of two automata, for reading forwards and backwards, as the regex crate builds them. They are counted
//! part by part, and what the crate shares between parts is counted as often as it occurs. So this is never too little (a test compares), and a
//! few times too much for classes of many characters.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Repetition};
use regex_syntax::utf8::Utf8Sequences;

use crate::model::limits::REGEX_BYTES;

/// What is no larger than this by [`bytes`] can be compiled for certain. A part of what is allowed: another version of the regex crate may need
/// more for the same. It is enough for one `\w`, of which [`bytes`] makes nearly three times what it is.
pub(super) const CERTAIN: u64 = REGEX_BYTES as u64 / 4 * 3;

/// One state of an automaton and one transition of it.
const STATE: u64 = 32 + 8;
/// One more transition.
const TRANSITION: u64 = 8;
/// What every automaton has: a beginning anywhere in a text, an end, and the group that is the whole.
const FRAME: u64 = 10 * STATE;

/// Bytes that either automaton of a regex takes at most.
pub(super) fn bytes(hir: &Hir) -> u64 {
    part(hir).saturating_add(FRAME)
}

fn part(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        // Where all alternatives are literals there is a fork in front of every byte.
        HirKind::Literal(literal) => (literal.0.len() as u64).saturating_mul(2 * STATE),
        HirKind::Class(Class::Bytes(class)) => 2 * STATE + class.ranges().len() as u64 * TRANSITION,
        HirKind::Class(Class::Unicode(class)) if class.is_ascii() => 2 * STATE + class.ranges().len() as u64 * TRANSITION,
        HirKind::Class(Class::Unicode(class)) => 2 * STATE + of_class(class),
        HirKind::Repetition(of) => repeated(of),
        HirKind::Capture(capture) => part(&capture.sub).saturating_add(2 * STATE),
        HirKind::Concat(parts) => sum(parts),
        HirKind::Alternation(parts) => sum(parts).saturating_add((parts.len() as u64 + 2) * STATE),
    }
}

fn sum(parts: &[Hir]) -> u64 {
    parts.iter().map(part).fold(0, u64::saturating_add)
}

/// Characters beyond ASCII are read byte by byte.
fn of_class(class: &ClassUnicode) -> u64 {
    let sequences = class.ranges().iter().flat_map(|range| Utf8Sequences::new(range.start(), range.end()));
    sequences.map(|sequence| sequence.len() as u64 * STATE + TRANSITION).fold(0, u64::saturating_add)
}

/// A part is there as often as it may be repeated, with a fork in front of each.
fn repeated(of: &Repetition) -> u64 {
    let times = of.max.unwrap_or(of.min).max(of.min).max(1);
    part(&of.sub).saturating_add(STATE).saturating_mul(u64::from(times)).saturating_add(3 * STATE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str, exact: bool) -> u64 {
        bytes(&regex_syntax::ParserBuilder::new().case_insensitive(!exact).build().parse(text).unwrap())
    }

    /// Whether the regex crate agrees that it needs no more than so many bytes.
    fn fits(text: &str, exact: bool, limit: u64) -> bool {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        regex::RegexBuilder::new(text).case_insensitive(!exact).size_limit(limit).build().is_ok()
    }

    /// What regexes are made of, with everything of which an automaton is built in a way of its own.
    const PIECES: &str = r"a k s ß doge 上架 🚀 \$ \b \B ^ $ (?m:^) (?R:$) \b{start} \w \d \s \W \pL \p{Greek} \PN . (?s:.) [a-z] [^a-z]
        [a-zé-ü] [上-下🚀] [\x00-\u{10FFFF}] [\u{7F}-\u{800}\u{FFFF}-\u{10000}] [0-9$] (?-i:Doge) (?i:ſk) (?-u:[a-d]) listing|listed|list
        a|b| (?:ab|abc|b|) moon|mars|上 x|y+ \. [^x] [\w$] () K";

    fn pieces() -> Vec<&'static str> {
        PIECES.split_whitespace().collect()
    }

    const REPEATS: [&str; 14] = ["", "", "", "?", "*", "+", "??", "*?", "+?", "{3}", "{0,4}", "{2,}", "{2,5}?", "{0}"];

    fn regexes() -> impl Strategy<Value = String> {
        let piece = (prop::sample::select(pieces()), prop::sample::select(&REPEATS[..]));
        let leaf = piece.prop_map(|(piece, repeat)| format!("(?:{piece}){repeat}"));
        leaf.prop_recursive(4, 24, 5, |inner| {
            let many = || prop::collection::vec(inner.clone(), 1..5);
            let repeat = || prop::sample::select(&REPEATS[..]);
            prop_oneof![
                many().prop_map(|parts| parts.concat()),
                (many(), repeat()).prop_map(|(parts, repeat)| format!("({}){repeat}", parts.join("|"))),
                (many(), repeat()).prop_map(|(parts, repeat)| format!("(?:{}){repeat}", parts.concat())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_500))]

        #[test]
        fn no_regex_takes_more_than_its_bound(text in regexes(), exact: bool) {
            let bound = of(&text, exact);
            // Building what is very large takes seconds, and nothing depends on its bound.
            prop_assume!(bound < 16 * 1024 * 1024);
            prop_assert!(fits(&text, exact, bound), "{text} takes more than {bound} bytes");
        }

        #[test]
        fn no_class_takes_more_than_its_bound(ranges in prop::collection::vec((any::<char>(), 0_u32..5_000), 1..40)) {
            let range = |(from, more): &(char, u32)| {
                let to = char::from_u32(u32::from(*from) + more).unwrap_or(*from);
                format!("\\x{{{:X}}}-\\x{{{:X}}}", u32::from(*from), u32::from(to))
            };
            let text = format!("[{}]", ranges.iter().map(range).collect::<String>());
            for exact in [false, true] {
                prop_assert!(fits(&text, exact, of(&text, exact)), "{text}");
            }
        }

        #[test]
        fn no_list_of_words_takes_more_than_its_bound(words in prop::collection::vec("[abk上é]{0,9}", 1..60), exact: bool) {
            let text = words.join("|");
            prop_assert!(fits(&text, exact, of(&text, exact)), "{text}");
        }
    }

    #[test]
    fn each_piece_alone_and_repeated_stays_within_its_bound() {
        for piece in pieces() {
            for repeat in REPEATS.iter().chain(&["{9}", "{1,20}", "{17,}"]) {
                let text = format!("(?:{piece}){repeat}");
                for exact in [false, true] {
                    assert!(fits(&text, exact, of(&text, exact)), "{text} {exact}");
                }
            }
        }
    }

    #[test]
    fn what_people_write_is_certain_and_what_is_refused_is_not() {
        for text in [
            r"\badd(s|ed|ing)?\b.{0,40}\bspot\b",
            r"\$[A-Z]{2,6}\b",
            r"(?:moon|pump)!+$",
            r"binance.{0,60}(will )?list(s|ing|ed)?",
            r"\bairdrop\w*\b",
        ] {
            assert!(of(text, false) <= CERTAIN, "{text}: {}", of(text, false));
        }
        for text in [r"(?:\pL{100}){100}", r"\w{50}", "(?:a{1000}){1000}", "(?:(?:(?:a{1000}){1000}){1000}){1000}", ".{1000}"] {
            assert!(of(text, false) > CERTAIN, "{text}: {}", of(text, false));
        }
    }
}
