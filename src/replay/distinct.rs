//! How many different values there are, counted in bounded room for all rules together.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;

/// Values that are remembered, all rules together: some 16 MiB.
const REMEMBERED: usize = 1_000_000;

/// Rooms left for values.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(REMEMBERED)
    }
}

/// Different values, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    seen: HashSet<u64, FixedState>,
    /// There was no room for one that may have been new.
    is_cut: bool,
}

impl Distinct {
    pub(super) fn add(&mut self, value: &(impl Hash + ?Sized), room: &mut Room) {
        let hash = FixedState::default().hash_one(value);
        if room.0 > 0 {
            room.0 -= usize::from(self.seen.insert(hash));
        } else {
            self.is_cut |= !self.seen.contains(&hash);
        }
    }

    /// How many, and whether there are more.
    pub(super) fn count(&self) -> (u64, bool) {
        (self.seen.len() as u64, self.is_cut)
    }
}
