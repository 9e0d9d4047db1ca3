//! A text → the parts of it that rules look for, within words or across them: one pass however many there are.

use daachorse::DoubleArrayAhoCorasick;
use daachorse::errors::DaachorseError;

use super::keys::Map;

/// All texts that are looked for everywhere.
pub(super) struct Texts(Option<DoubleArrayAhoCorasick<u32>>);

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    /// From folded texts and their keys.
    ///
    /// # Errors
    /// When there are more than an automaton can hold.
    pub(super) fn new(all: Map<Box<str>>) -> Result<Self, DaachorseError> {
        if all.is_empty() {
            return Ok(Self(None));
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable_by_key(|(_, key)| *key);
        let texts = all.iter().map(|(text, key)| (text.as_bytes(), *key));
        DoubleArrayAhoCorasick::with_values(texts).map(|automaton| Self(Some(automaton)))
    }

    /// Calls `hit` with every key that stands in a folded text, as often as it does.
    pub(super) fn search(&self, text: &str, mut hit: impl FnMut(u32)) {
        let Some(automaton) = &self.0 else { return };
        for found in automaton.find_overlapping_iter(text) {
            hit(found.value());
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, DoubleArrayAhoCorasick::heap_bytes)
    }
}
