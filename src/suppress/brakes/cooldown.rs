//! Cooldowns: when each key was last passed, and how many of it were held back since.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use sha2::Digest as _;

use super::passed::Pass;
use crate::model::ids::FiringId;
use crate::model::time::Timestamp;
use crate::model::window::Part;

/// Keys that are looked through, the oldest first, for such as need not be remembered, whenever another comes.
const SWEPT: usize = 4;

/// A key is known for so long at least, though its cooldown is over: one that a reload makes longer holds for what passed before, as it does
/// after a restart.
const KNOWN: Duration = Duration::from_secs(86_400);

/// What is counted apart, as a hash of it: it may be as long as a tweet, and none must be able to pass for another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key([u8; 16]);

impl Key {
    pub(super) fn of(per: &[Part], values: &str) -> Self {
        let mut hash = sha2::Sha256::new();
        for part in per {
            hash.update(part.name().as_bytes());
            hash.update([0x1f]);
        }
        hash.update([0]);
        hash.update(values.as_bytes());
        let mut key = [0; 16];
        key.iter_mut().zip(hash.finalize()).for_each(|(byte, of_hash)| *byte = of_hash);
        Self(key)
    }
}

/// One key.
#[derive(Clone, Copy, Debug)]
struct Cooldown {
    /// When the last of it passed.
    since: Timestamp,
    /// Which that was. `None`: it came to nothing, so nothing runs.
    by: Option<FiringId>,
    /// Held back since.
    held: u32,
}

impl Cooldown {
    fn ends(&self, lasts: Duration) -> Option<Timestamp> {
        self.by.map(|_| self.since.plus(lasts))
    }

    /// Nothing depends on it.
    fn is_over(&self, now: Timestamp, lasts: Duration) -> bool {
        self.held == 0 && self.ends(lasts).is_none_or(|ends| ends <= now)
    }
}

/// The cooldowns of one rule, or of one of its sends.
#[derive(Clone, Debug)]
pub(super) struct Cooldowns {
    most: usize,
    keys: HashMap<Key, Cooldown>,
    /// The oldest first, which are those that end first: all last equally long.
    order: BTreeSet<(Timestamp, Key)>,
    evicted: u64,
}

impl Cooldowns {
    pub(super) fn new(most: usize) -> Self {
        Self { most, keys: HashMap::new(), order: BTreeSet::new(), evicted: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// When the cooldown of a key ends, or ended.
    pub(super) fn ends(&self, key: Key, lasts: Duration) -> Option<Timestamp> {
        self.keys.get(&key).and_then(|of| of.ends(lasts))
    }

    /// Another one of a key is held back.
    pub(super) fn hold(&mut self, key: Key) {
        if let Some(of) = self.keys.get_mut(&key) {
            of.held = of.held.saturating_add(1);
        }
    }

    /// The same, of a key of which it may not be known what passed before it.
    pub(super) fn hold_of(&mut self, key: Key, now: Timestamp, lasts: Duration) {
        if !self.keys.contains_key(&key) {
            self.put(key, Cooldown { since: now, by: None, held: 0 });
            self.bound(now, lasts);
        }
        self.hold(key);
    }

    /// Begins the cooldown of a key. How many of it were held back before.
    pub(super) fn begin(&mut self, key: Key, id: FiringId, now: Timestamp, lasts: Duration) -> u32 {
        let before = self.put(key, Cooldown { since: now, by: Some(id), held: 0 });
        self.sweep(now, lasts);
        self.bound(now, lasts);
        before.map_or(0, |of| of.held)
    }

    /// The cooldown that a firing began is over, if it is still that firing's; what it was to tell is still to be told.
    pub(super) fn give_back(&mut self, key: Key, pass: &Pass) {
        match self.keys.get_mut(&key) {
            Some(of) => {
                of.by = of.by.filter(|by| *by != pass.id);
                of.held = of.held.saturating_add(pass.of_key);
            }
            None if pass.of_key > 0 => {
                self.put(key, Cooldown { since: pass.at, by: None, held: pass.of_key });
                self.bound(pass.at, Duration::MAX);
            }
            None => {}
        }
    }

    /// Forgets all of them. How many of all keys were held back and not told.
    pub(super) fn clear(&mut self) -> u32 {
        let held = self.keys.values().fold(0_u32, |sum, of| sum.saturating_add(of.held));
        (self.keys, self.order) = (HashMap::new(), BTreeSet::new());
        held
    }

    fn put(&mut self, key: Key, of: Cooldown) -> Option<Cooldown> {
        let before = self.keys.insert(key, of);
        if let Some(before) = before {
            self.order.remove(&(before.since, key));
        }
        self.order.insert((of.since, key));
        before
    }

    fn sweep(&mut self, now: Timestamp, lasts: Duration) {
        let oldest: Vec<_> = self.order.iter().take(SWEPT).copied().collect();
        for (since, key) in oldest {
            if self.keys.get(&key).is_some_and(|of| of.is_over(now, lasts.max(KNOWN))) {
                self.keys.remove(&key);
                self.order.remove(&(since, key));
            }
        }
    }

    fn bound(&mut self, now: Timestamp, lasts: Duration) {
        while self.keys.len() > self.most {
            let Some((_, key)) = self.order.pop_first() else { return };
            let was_over = self.keys.remove(&key).is_none_or(|of| of.is_over(now, lasts));
            self.evicted += u64::from(!was_over);
        }
    }
}
