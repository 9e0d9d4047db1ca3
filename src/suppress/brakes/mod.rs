//! What holds firings back, and what it remembers: `active`, `cooldown` and `limit` of one rule, or of one of its sends.
//!
//! Time is the log's, so that the same log gives the same answers. Nothing is taken unless all of them let a firing pass. What was taken is
//! given back when the firing comes to nothing. What is held back is counted, and the next firing that passes tells of it.
//!
//! All of it is bounded: keys by [`BRAKE_KEYS`], what passed by [`BRAKE_PASSED`]. A limit never counts more than the latter.

mod cooldown;
mod passed;

use crate::model::delivery::Suppression;
use crate::model::ids::FiringId;
use crate::model::limits::{BRAKE_KEYS, BRAKE_PASSED};
use crate::model::time::Timestamp;
use crate::rules::ruleset::Brakes;

use self::cooldown::{Cooldowns, Key};
use self::passed::{Pass, PassedOnes};

/// What one rule's brakes remember, or those of one of its sends.
#[derive(Clone, Debug)]
pub struct Brake {
    cooldowns: Cooldowns,
    passed: PassedOnes,
    /// Held back by a limit or by hours since the last that passed.
    held: u32,
    now: Timestamp,
}

/// Whether a firing may pass.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The settings of now, which may have been replaced since it was last asked.
    pub brakes: &'a Brakes,
    /// What its cooldown is counted apart by: the values of `per`, joined by U+001F. A value that is absent is empty.
    pub key: &'a str,
    /// The firing.
    pub id: FiringId,
    /// The log's time.
    pub now: Timestamp,
}

/// It may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// So many were held back since the last that passed: of its key by the cooldown, and of all by limits and hours.
    pub held: u32,
}

/// It may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// By which of the brakes, the first of them: hours, cooldown, limits.
    pub reason: Suppression,
    /// Until when that one would say the same, if nothing else passes. `None`: for ever.
    pub until: Option<Timestamp>,
}

/// How much is remembered, and how much had to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys of the cooldown.
    pub keys: usize,
    /// Keys that were forgotten although their cooldown ran, or although something that was held back of them was still to be told.
    pub evicted: u64,
}

impl Default for Brake {
    fn default() -> Self {
        Self::new()
    }
}

impl Brake {
    /// Of which nothing has passed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            cooldowns: Cooldowns::new(BRAKE_KEYS),
            passed: PassedOnes::new(BRAKE_PASSED),
            held: 0,
            now: Timestamp::from_millis(i64::MIN),
        }
    }

    /// Whether a firing may pass, without any consequence.
    ///
    /// # Errors
    ///
    /// Which of the brakes holds it back.
    pub fn ask(&self, asked: &Asked<'_>) -> Result<(), Refused> {
        self.refusal((asked.brakes, key(asked), asked.now.max(self.now))).map_or(Ok(()), Err)
    }

    /// Lets a firing pass, or counts it among those that are held back.
    ///
    /// # Errors
    ///
    /// Which of the brakes holds it back.
    pub fn pass(&mut self, asked: &Asked<'_>) -> Result<Passed, Refused> {
        let Asked { brakes, id, .. } = *asked;
        self.now = self.now.max(asked.now);
        let (key, now) = (key(asked), self.now);
        if brakes.cooldown.is_none() {
            // What was held back by a cooldown that there is no more, the next firing of any key tells.
            self.held = self.held.saturating_add(self.cooldowns.clear());
        }
        if let Some(refused) = self.refusal((brakes, key, now)) {
            match refused.reason {
                Suppression::Cooldown => self.cooldowns.hold(key),
                _ => self.held = self.held.saturating_add(1),
            }
            return Err(refused);
        }
        let of_key = brakes.cooldown.as_ref().map_or(0, |cooldown| self.cooldowns.begin(key, id, now, cooldown.lasts));
        let of_all = std::mem::take(&mut self.held);
        self.passed.add(Pass { at: now, id, key: brakes.cooldown.is_some().then_some(key), of_key, of_all }, brakes);
        Ok(Passed { held: of_key.saturating_add(of_all) })
    }

    /// Counts a firing among those that are held back, for this reason: it was, by what is not known here any more.
    pub fn hold(&mut self, asked: &Asked<'_>, reason: Suppression) -> Refused {
        self.now = self.now.max(asked.now);
        match &asked.brakes.cooldown {
            Some(cooldown) if reason == Suppression::Cooldown => self.cooldowns.hold_of(key(asked), self.now, cooldown.lasts),
            _ => self.held = self.held.saturating_add(1),
        }
        Refused { reason, until: None }
    }

    /// A firing that passed has come to nothing: its cooldown and its place in the limits are free again, unless they are another's by now, and
    /// what it was to tell of the next one tells.
    pub fn give_back(&mut self, id: FiringId) {
        let Some(pass) = self.passed.remove(id) else { return };
        self.held = self.held.saturating_add(pass.of_all);
        if let Some(key) = pass.key {
            self.cooldowns.give_back(key, &pass);
        }
    }

    /// How much is remembered, and how much had to be forgotten.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { keys: self.cooldowns.len(), evicted: self.cooldowns.evicted() }
    }

    fn refusal(&self, (brakes, key, now): (&Brakes, Key, Timestamp)) -> Option<Refused> {
        if let Some(hours) = brakes.hours.as_deref().filter(|hours| !hours.is_open(now)) {
            return Some(Refused { reason: Suppression::Hours, until: hours.opens_at(now) });
        }
        let ends = |cooldown: &crate::rules::ruleset::Cooldown| self.cooldowns.ends(key, cooldown.lasts);
        if let Some(until) = brakes.cooldown.as_ref().and_then(ends).filter(|until| *until > now) {
            return Some(Refused { reason: Suppression::Cooldown, until: Some(until) });
        }
        let until = brakes.limits.iter().filter_map(|limit| self.passed.full_until(limit, now)).max()?;
        Some(Refused { reason: Suppression::Limit, until: Some(until) })
    }
}

/// What a firing's cooldown is counted by; another `per` makes other keys of the same values.
fn key(asked: &Asked<'_>) -> Key {
    match &asked.brakes.cooldown {
        Some(cooldown) => Key::of(&cooldown.per, asked.key),
        None => Key::default(),
    }
}
