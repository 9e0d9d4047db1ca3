//! A text → the regexes that are found in it, of those that have no text to be looked for: all of them in one pass.

use regex::{RegexSet, RegexSetBuilder};

use crate::model::limits::{REGEX_BYTES, REGEXES_TRIED};
use crate::rules::condition::Pattern;

/// Different regexes, at most [`REGEXES_TRIED`]: what all of them cost grows with their number, if slowly.
#[derive(Debug, Default)]
pub(super) struct Tried {
    patterns: Vec<(Pattern, u32)>,
    /// `None`: there are none, or together they are too large. Then each is tried by itself.
    set: Option<RegexSet>,
}

impl Tried {
    /// From different patterns and their keys.
    pub(super) fn new(patterns: Vec<(Pattern, u32)>) -> Self {
        let written = patterns.iter().map(|(pattern, _)| match pattern.is_exact() {
            true => pattern.composed().to_owned(),
            false => format!("(?i){}", pattern.composed()),
        });
        // Each of them is no larger than it may be.
        let most = REGEX_BYTES.saturating_mul(REGEXES_TRIED);
        let set = if patterns.is_empty() { None } else { RegexSetBuilder::new(written).size_limit(most).build().ok() };
        Self { patterns, set }
    }

    /// Calls `hit` with the key of every one that is found in a text with its case.
    pub(super) fn search(&self, text: &str, mut hit: impl FnMut(u32)) {
        match &self.set {
            Some(set) => set.matches(text).iter().filter_map(|at| self.patterns.get(at)).for_each(|(_, key)| hit(*key)),
            None => self.patterns.iter().filter(|(pattern, _)| pattern.is_match(text)).for_each(|(_, key)| hit(*key)),
        }
    }
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
        ];
        let patterns: Vec<_> =
            written.iter().zip(0..).map(|((of, exact), key)| (Pattern::new(of, of, *exact, None), key)).collect();
        let set = Tried::new(patterns.clone());
        assert!(set.set.is_some());
        for text in ["abc 1", "ABC 12", "abc", "é ABC!", "\u{212a}", ""] {
            let mut found = Vec::new();
            set.search(text, |key| found.push(key));
            let alone = patterns.iter().filter(|(pattern, _)| pattern.is_match(text)).map(|(_, key)| *key);
            assert_eq!(found, alone.collect::<Vec<_>>(), "{text}");
        }
        assert!(Tried::new(Vec::new()).set.is_none());
    }
}
