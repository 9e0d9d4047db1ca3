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

impl Room {
    /// Whether there is room for one that is, perhaps, new: that takes it.
    pub(super) fn has_one(&mut self, is_new: bool) -> bool {
        let has_room = !is_new || self.0 > 0;
        self.0 -= usize::from(is_new && has_room);
        has_room
    }
}

/// Different values, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    seen: HashSet<u64, FixedState>,
    /// There was no room for one that was new.
    is_cut: bool,
}

/// A value's hash: the same in every run.
pub(super) fn hashed(value: &(impl Hash + ?Sized)) -> u64 {
    FixedState::default().hash_one(value)
}

impl Distinct {
    pub(super) fn add(&mut self, value: &(impl Hash + ?Sized), room: &mut Room) {
        self.add_hash(hashed(value), room);
    }

    pub(super) fn add_hash(&mut self, hash: u64, room: &mut Room) {
        if room.has_one(!self.seen.contains(&hash)) {
            self.seen.insert(hash);
        } else {
            self.is_cut = true;
        }
    }

    /// How many, and whether there are more.
    pub(super) fn count(&self) -> (u64, bool) {
        (self.seen.len() as u64, self.is_cut)
    }

    pub(super) fn hashes(&self) -> &HashSet<u64, FixedState> {
        &self.seen
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }
}
