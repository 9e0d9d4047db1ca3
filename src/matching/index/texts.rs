//! A text → the parts of it that rules look for, within words or across them: in one pass however many there are, or in two where some are
//! very short.

use daachorse::DoubleArrayAhoCorasick;

use super::grams::{Grams, Part, split};
use super::keys::Map;

/// All texts that are looked for everywhere.
pub(super) struct Texts {
    short: Short,
    long: Grams,
}

/// Those that are very short.
enum Short {
    None,
    Automaton(DoubleArrayAhoCorasick<u32>),
    /// More than an automaton can hold: each is looked for by itself.
    Each(Vec<Part>),
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    /// From folded texts and their keys.
    pub(super) fn new(all: Map<Box<str>>) -> Self {
        let (long, short) = split(all);
        Self { short: Short::new(short), long: Grams::new(long) }
    }

    /// Calls `hit` with every key that stands in a folded text, as often as it does. `text` may be what was folded, if its letters of ASCII are all
    /// that folding has changed: then it is folded only if it must be.
    pub(super) fn search<'t>(&self, text: &str, folded: impl Fn() -> &'t str, mut hit: impl FnMut(u32)) {
        self.long.search(text, &folded, &mut hit);
        match &self.short {
            Short::None => {}
            Short::Automaton(automaton) => automaton.find_overlapping_iter(folded()).for_each(|found| hit(found.value())),
            Short::Each(parts) => {
                let text = folded();
                parts.iter().filter(|(part, _)| text.contains(&**part)).for_each(|(_, key)| hit(*key));
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        let short = match &self.short {
            Short::None => 0,
            Short::Automaton(automaton) => automaton.heap_bytes(),
            Short::Each(parts) => parts.capacity() * size_of::<Part>(),
        };
        self.long.bytes() + short
    }
}

impl Short {
    fn new(parts: Vec<Part>) -> Self {
        if parts.is_empty() {
            return Self::None;
        }
        let texts = parts.iter().map(|(text, key)| (text.as_bytes(), *key));
        match DoubleArrayAhoCorasick::with_values(texts) {
            Ok(automaton) => Self::Automaton(automaton),
            Err(_) => Self::Each(parts),
        }
    }
}
