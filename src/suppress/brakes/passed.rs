//! What has passed of late: limits count it, and it is found again by its id when it came to nothing.

use std::collections::{HashMap, VecDeque};

use super::cooldown::Key;
use crate::model::ids::FiringId;
use crate::model::limits::BRAKE_RECENT;
use crate::model::rate::Rate;
use crate::model::time::Timestamp;
use crate::rules::ruleset::Brakes;

/// A firing that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) at: Timestamp,
    pub(super) id: FiringId,
    /// Whose cooldown it began, if there is one.
    pub(super) key: Option<Key>,
    /// How many it tells of that its key's cooldown held back.
    pub(super) of_key: u32,
    /// How many that a limit or the hours did.
    pub(super) of_all: u32,
}

/// Those that a limit counts, that a cooldown may still run of, and the newest beside.
#[derive(Clone, Debug)]
pub(super) struct PassedOnes {
    most: usize,
    /// The oldest first.
    log: VecDeque<Pass>,
    /// When each passed, which is where it stands.
    ids: HashMap<FiringId, Timestamp>,
}

impl PassedOnes {
    pub(super) fn new(most: usize) -> Self {
        Self { most, log: VecDeque::new(), ids: HashMap::new() }
    }

    /// Takes in one that is not older than any other, and forgets those that nothing of these settings needs.
    pub(super) fn add(&mut self, pass: Pass, brakes: &Brakes) {
        self.ids.insert(pass.id, pass.at);
        self.log.push_back(pass);
        let spans = brakes.limits.iter().map(|limit| limit.per).chain(brakes.cooldown.iter().map(|cooldown| cooldown.lasts));
        let longest = spans.max().unwrap_or_default();
        while let Some(oldest) = self.log.front() {
            let is_needed = self.log.len() <= BRAKE_RECENT || oldest.at.plus(longest) > pass.at;
            if is_needed && self.log.len() <= self.most {
                break;
            }
            if let Some(oldest) = self.log.pop_front().filter(|oldest| self.ids.get(&oldest.id) == Some(&oldest.at)) {
                self.ids.remove(&oldest.id);
            }
        }
    }

    /// When a limit that is reached lets the next one pass. `None`: it is not reached.
    pub(super) fn full_until(&self, limit: &Rate, now: Timestamp) -> Option<Timestamp> {
        let count = usize::try_from(limit.count.get()).unwrap_or(usize::MAX);
        let oldest = self.log.get(self.log.len().checked_sub(count)?)?;
        Some(oldest.at.plus(limit.per)).filter(|until| *until > now)
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, id: FiringId) -> Option<Pass> {
        let at = self.ids.remove(&id)?;
        let first = self.log.partition_point(|pass| pass.at < at);
        let place = self.log.iter().skip(first).position(|pass| pass.id == id)?;
        self.log.remove(first + place)
    }
}
