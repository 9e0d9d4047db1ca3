//! match → firing, or the reason why not. Pure.

pub mod brakes;
pub mod days;
pub mod mutes;

use std::collections::HashSet;

use crate::model::ids::FiringId;

/// The firing ids of the recent past, so that a subject fires a rule once however often its envelopes come. It outlives the remembered tweets,
/// because a duplicate may come after its tweet was forgotten.
///
/// Bounded: of two generations the older is forgotten when the newer is full. Ids that left one by one would leave graves behind, until the
/// table moves to another of twice its size while a firing waits.
#[derive(Debug)]
pub struct Fired {
    capacity: usize,
    newer: HashSet<FiringId>,
    older: HashSet<FiringId>,
}

impl Fired {
    /// Remembers the newest `capacity` ids, and up to as many before them. Their room is reserved at once.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { capacity, newer: HashSet::with_capacity(capacity), older: HashSet::with_capacity(capacity) }
    }

    /// The same, without room that is reserved: for what few ids may ever come of.
    #[must_use]
    pub fn growing(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), newer: HashSet::new(), older: HashSet::new() }
    }

    /// Has the system give the room that is reserved, if nothing is remembered yet: it gives memory page by page, to who first writes there, and
    /// a firing that does would wait for it.
    pub fn touch(&mut self) {
        if self.newer.is_empty() {
            // They fall anywhere, and far fewer than there is room for leave no page out.
            self.newer.extend((0..self.capacity as u64 / 8).map(FiringId::of_none));
            self.newer.clear();
        }
    }

    /// Whether this is the first time. It is remembered from now on.
    pub fn is_first(&mut self, id: FiringId) -> bool {
        if self.older.contains(&id) || !self.newer.insert(id) {
            return false;
        }
        if self.newer.len() == self.capacity {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        true
    }

    /// Whether it is remembered.
    #[must_use]
    pub fn contains(&self, id: FiringId) -> bool {
        self.newer.contains(&id) || self.older.contains(&id)
    }

    /// Remembers the ids of an earlier run, the oldest first.
    pub fn restore(&mut self, ids: impl IntoIterator<Item = FiringId>) {
        for id in ids {
            self.is_first(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> FiringId {
        FiringId::of("rule", &n.to_string(), "")
    }

    #[test]
    fn an_id_is_first_once_while_it_is_among_the_newest_and_the_oldest_are_forgotten() {
        for capacity in 1..6 {
            let mut fired = Fired::new(capacity);
            for n in 0..5 * capacity {
                assert!(fired.is_first(id(n)));
                let newest = (n + 1).saturating_sub(capacity)..=n;
                assert!(newest.clone().all(|n| !fired.is_first(id(n))), "{capacity} {newest:?}");
            }
            assert!(fired.is_first(id(0)), "{capacity}");
        }
    }

    #[test]
    fn its_tables_never_grow() {
        let mut fired = Fired::new(1_000);
        let room = |fired: &Fired| fired.newer.capacity().max(fired.older.capacity());
        let at_first = room(&fired);
        for n in 0..50_000 {
            fired.is_first(id(n));
        }
        assert_eq!(room(&fired), at_first);
    }

    #[test]
    fn what_touches_its_room_is_not_remembered_and_forgets_nothing() {
        let mut fired = Fired::new(1_000);
        let at_first = fired.newer.capacity();
        fired.touch();
        assert!((0..1_000).all(|number| !fired.contains(FiringId::of_none(number))));
        assert_eq!(fired.newer.capacity(), at_first);
        assert!(fired.is_first(id(1)));
        fired.touch();
        assert!(fired.contains(id(1)));
    }
}
