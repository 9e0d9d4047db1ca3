//! match → firing, or the reason why not. Pure.

use std::collections::{HashSet, VecDeque};

use crate::model::ids::FiringId;

/// The firing ids of the recent past, so that a subject fires a rule once however often its envelopes come. Bounded: the oldest leaves
/// first. It outlives the remembered tweets, because a duplicate may come after its tweet was forgotten.
#[derive(Debug)]
pub struct Fired {
    capacity: usize,
    known: HashSet<FiringId>,
    order: VecDeque<FiringId>,
    forgotten: u64,
}

impl Fired {
    /// Remembers up to `capacity` ids. Their room is reserved at once: growing later would move them all while a firing waits, and keep the
    /// old room beside the new one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        // The newest is in before the oldest leaves.
        let room = capacity.saturating_add(1);
        Self { capacity, known: HashSet::with_capacity(room), order: VecDeque::with_capacity(room), forgotten: 0 }
    }

    /// Whether this is the first time. It is remembered from now on.
    pub fn is_first(&mut self, id: FiringId) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            self.forgotten += 1;
        }
        true
    }

    /// Remembers the ids of an earlier run, the oldest first.
    pub fn restore(&mut self, ids: impl IntoIterator<Item = FiringId>) {
        for id in ids {
            self.is_first(id);
        }
    }

    /// How many ids had to leave.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_first_once_and_the_oldest_is_forgotten_first() {
        let id = |n: u32| FiringId::of("rule", &n.to_string(), "");
        let mut fired = Fired::new(2);
        assert!(fired.is_first(id(1)) && !fired.is_first(id(1)));
        assert!(fired.is_first(id(2)) && fired.is_first(id(3)));
        assert_eq!(fired.forgotten(), 1);
        assert!(!fired.is_first(id(2)) && fired.is_first(id(1)), "1 had left, 2 had not");
    }
}
