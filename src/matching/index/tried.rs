//! A text → the regexes that are found in it, of those that have no text to be looked for: as many as can be in one pass.

use regex::{RegexSet, RegexSetBuilder};

use crate::model::limits::REGEXES_TRIED_BYTES;
use crate::rules::condition::Pattern;

/// Different regexes, at most [`crate::model::limits::REGEXES_TRIED`]: what all of them cost grows with their number, if slowly.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// Those of the set, in its order.
    together: Vec<(Pattern, u32)>,
    set: Option<RegexSet>,
    /// Those that are tried one by one.
    alone: Vec<(Pattern, u32)>,
}

impl Tried {
    /// From different patterns and their keys.
    pub(super) fn new(patterns: Vec<(Pattern, u32)>) -> Self {
        let (mut together, mut alone): (Vec<_>, Vec<_>) = patterns.into_iter().partition(|(pattern, _)| is_plain(pattern));
        let written = together.iter().map(|(pattern, _)| match pattern.is_exact() {
            true => pattern.composed().to_owned(),
            false => format!("(?i){}", pattern.composed()),
        });
        let set = RegexSetBuilder::new(written).size_limit(REGEXES_TRIED_BYTES).dfa_size_limit(REGEXES_TRIED_BYTES).build();
        let set = set.ok().filter(|_| !together.is_empty());
        if set.is_none() {
            alone.append(&mut together);
        }
        Self { together, set, alone }
    }

    /// Calls `hit` with the key of every one that is found in a text with its case.
    pub(super) fn search(&self, text: &str, mut hit: impl FnMut(u32)) {
        if let Some(set) = &self.set {
            set.matches(text).iter().filter_map(|at| self.together.get(at)).for_each(|(_, key)| hit(*key));
        }
        self.alone.iter().filter(|(pattern, _)| pattern.is_match(text)).for_each(|(_, key)| hit(*key));
    }

    /// Bytes on the heap, as many as the set may have.
    pub(super) fn bytes(&self) -> usize {
        let patterns = (self.together.capacity() + self.alone.capacity()) * size_of::<(Pattern, u32)>();
        patterns + self.set.as_ref().map_or(0, |_| REGEXES_TRIED_BYTES)
    }
}

/// Whether it asks nowhere for the end of a word as Unicode has it: a single one that does would have all of a set looked for in the slowest way, in
/// every text that is not of ASCII alone.
fn is_plain(pattern: &Pattern) -> bool {
    let parsed = regex_syntax::parse(pattern.composed());
    parsed.is_ok_and(|regex| !regex.properties().look_set().contains_word_unicode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_as_it_is_alone() {
        let written = [
            ("[a-z]{3} [0-9]", false),
            ("[A-Z]{3}", true),
            ("(?-i)[A-Z]{3}", false),
            (
                r"(?x) \d # and
              \d",
                false,
            ),
            (r"^\W|\W$", false),
            ("[k]", false),
            (r"\b[A-Z]{3}\b", true),
        ];
        let patterns: Vec<_> =
            written.iter().zip(0..).map(|((of, exact), key)| (Pattern::new(of, of, *exact, None), key)).collect();
        let set = Tried::new(patterns.clone());
        assert_eq!((set.together.len(), set.alone.len()), (6, 1));
        for text in ["abc 1", "ABC 12", "abc", "é ABC!", "\u{212a}", ""] {
            let mut found = Vec::new();
            set.search(text, |key| found.push(key));
            found.sort_unstable();
            let alone = patterns.iter().filter(|(pattern, _)| pattern.is_match(text)).map(|(_, key)| *key);
            assert_eq!(found, alone.collect::<Vec<_>>(), "{text}");
        }
        let none = Tried::new(Vec::new());
        assert!(none.set.is_none());
        none.search("abc", |_| unreachable!());
    }
}
