//! A text → the parts of it that rules look for, within words or across them: one pass however many there are.

use aho_corasick::{AhoCorasick, BuildError, MatchKind};

use super::keys::Map;

/// All texts that are looked for everywhere.
#[derive(Debug)]
pub(super) struct Texts {
    automaton: AhoCorasick,
    /// The key of each of the automaton's patterns.
    keys: Vec<u32>,
}

impl Texts {
    /// From folded texts and their keys.
    ///
    /// # Errors
    /// When there are more than an automaton can hold.
    pub(super) fn new(all: Map<Box<str>>) -> Result<Self, BuildError> {
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable_by_key(|(_, key)| *key);
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(all.iter().map(|(text, _)| text.as_bytes()))?;
        Ok(Self { automaton, keys: all.into_iter().map(|(_, key)| key).collect() })
    }

    /// Calls `hit` with every key that stands in a folded text, as often as it does.
    pub(super) fn search(&self, text: &str, mut hit: impl FnMut(u32)) {
        if self.keys.is_empty() {
            return;
        }
        for found in self.automaton.find_overlapping_iter(text) {
            if let Some(key) = self.keys.get(found.pattern().as_usize()) {
                hit(*key);
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.automaton.memory_usage() + self.keys.capacity() * size_of::<u32>()
    }
}
