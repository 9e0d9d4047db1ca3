//! A text → the parts of it that rules look for, within words or across them: in one pass however many there are, or in two where some are
//! very short.

use daachorse::DoubleArrayAhoCorasick;
use daachorse::errors::DaachorseError;

use super::grams::{Grams, split};
use super::keys::Map;

/// All texts that are looked for everywhere.
pub(super) struct Texts {
    short: Option<DoubleArrayAhoCorasick<u32>>,
    long: Grams,
}

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
        let (long, short) = split(all);
        let texts = short.iter().map(|(text, key)| (text.as_bytes(), *key));
        let short = if short.is_empty() { None } else { Some(DoubleArrayAhoCorasick::with_values(texts)?) };
        Ok(Self { short, long: Grams::new(long) })
    }

    /// Calls `hit` with every key that stands in a folded text, as often as it does.
    pub(super) fn search(&self, text: &str, mut hit: impl FnMut(u32)) {
        self.long.search(text, &mut hit);
        let Some(automaton) = &self.short else { return };
        for found in automaton.find_overlapping_iter(text) {
            hit(found.value());
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.long.bytes() + self.short.as_ref().map_or(0, DoubleArrayAhoCorasick::heap_bytes)
    }
}
