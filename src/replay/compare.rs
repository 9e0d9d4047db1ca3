//! The firings of two rule sets over the same past → those that only one of them has.

use std::collections::HashMap;

use serde::Serialize;

use super::summary::Told;
use crate::model::ids::FiringId;

/// Firings of one side that are remembered while the other has not had them; of more, only the number is known.
const REMEMBERED: usize = 100_000;

/// Which rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The rules that are compared with.
    Old,
    /// The rules that are replayed.
    New,
}

/// Firings that only one side has had so far. What both have is not held, so that it takes room for what differs only.
#[derive(Debug, Default)]
pub struct Comparison {
    only_old: HashMap<FiringId, Told>,
    only_new: HashMap<FiringId, Told>,
    both: u64,
    forgotten: u64,
}

/// What the comparison has found.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Firings that both have.
    pub both: u64,
    /// Those that only the new rules have, in the order of time.
    pub appear: Vec<Told>,
    /// Those that only the old rules have.
    pub disappear: Vec<Told>,
    /// More of one or the other, that there was no room for.
    pub not_compared: u64,
}

impl Comparison {
    /// A firing of one side.
    pub fn add(&mut self, side: Side, firing: Told) {
        let (own, other) = match side {
            Side::Old => (&mut self.only_old, &mut self.only_new),
            Side::New => (&mut self.only_new, &mut self.only_old),
        };
        if other.remove(&firing.id).is_some() {
            self.both += 1;
        } else if own.len() < REMEMBERED {
            own.insert(firing.id, firing);
        } else {
            self.forgotten += 1;
        }
    }

    /// What differs.
    #[must_use]
    pub fn difference(self) -> Difference {
        let sorted = |side: HashMap<FiringId, Told>| {
            let mut all: Vec<_> = side.into_values().collect();
            all.sort_by(|one, other| (one.at, &one.rule, one.id).cmp(&(other.at, &other.rule, other.id)));
            all
        };
        let (appear, disappear) = (sorted(self.only_new), sorted(self.only_old));
        Difference { both: self.both, appear, disappear, not_compared: self.forgotten }
    }
}
