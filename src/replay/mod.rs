//! Entries of the past through the engine: what would have fired, been sent and been ordered. Pure.
//!
//! ```text
//!  entry ──> Engine (the very one of a run) ──effects──> Tally ──> Summary: rules, orders, firings over time
//!     └────────── prices of tokens that orders were about ──┘
//!  firings of two rule sets ──> Comparison
//! ```
//!
//! Nothing is sent. What a run decides beside the engine is decided as there where it can be known (`max_per_day`); what cannot be (a lane's
//! pace, `disarm`, a destination's answer) is left out. Whatever goes through it, what it holds is bounded, and what does not fit is counted.

mod authors;
mod compare;
mod delays;
mod distinct;
mod orders;
mod summary;
mod tally;
mod timeline;
mod watch;
mod worth;

use std::sync::Arc;

use crate::engine::{Counts, Effect, Engine, Hold, Input};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::identity::Identity;
use crate::model::ids::FiringId;
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;

pub use compare::{Comparison, Difference};
pub use orders::{Order, Sighting};
pub use summary::{RuleSummary, Summary, Told};
pub use tally::{Ends, Played};
pub use timeline::Timeline;
pub use worth::{Worth, Worths};

use tally::Tally;

/// What the window of a rule had to forget for want of room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Its name.
    pub rule: String,
    /// The window's type, as rules.toml spells it.
    pub kind: &'static str,
    /// Keys.
    pub keys: u64,
    /// Matches of keys that had more than are kept of one.
    pub matches: u64,
}

/// One rule set and the past.
#[derive(Debug)]
pub struct Replay {
    engine: Engine,
    tally: Tally,
    effects: Vec<Effect>,
    from: Option<Timestamp>,
    /// What the engine had counted before the first entry that is told.
    before: Option<Counts>,
}

impl Replay {
    /// Begins. What fires before `from` is not told: entries before it only make known what was known then.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, from: Option<Timestamp>) -> Self {
        let engine = Engine::without_messages(Arc::clone(&rules));
        Self { engine, tally: Tally::new(rules), effects: Vec::new(), from, before: None }
    }

    /// What had fired before the first entry, oldest first: it does not fire again.
    pub fn restore(&mut self, fired: impl IntoIterator<Item = FiringId>) {
        self.engine.restore(fired);
    }

    /// Who and what was known to be the same before the first entry.
    pub fn know(&mut self, identities: impl IntoIterator<Item = Identity>) {
        self.engine.know(identities);
    }

    /// What was muted, and when.
    pub fn set_mutes(&mut self, mutes: impl IntoIterator<Item = Mute>) {
        self.engine.set_mutes(mutes);
    }

    /// One entry. Waits that ended before it end first, as they did live.
    pub fn entry(&mut self, envelope: &Envelope<'_>, at: Timestamp, origin: Origin, told: impl FnMut(&Played)) {
        let is_told = self.from.is_none_or(|from| at >= from);
        if is_told && self.before.is_none() {
            self.before = Some(self.engine.counts());
        }
        self.engine.step(&Input::Entry { envelope, at, origin }, &mut self.effects);
        if is_told {
            self.tally.entry(at, origin);
        }
        self.heed(told);
        // What was fetched later was known to the feed when it sent it.
        let seen = if origin == Origin::Backfill { envelope.ts.map_or(at, |sent| sent.min(at)) } else { at };
        self.tally.prices(envelope, seen);
    }

    /// From `at` on waits are held, or let go, as they were live.
    pub fn hold(&mut self, at: Timestamp, hold: Hold, told: impl FnMut(&Played)) {
        self.engine.step(&Input::Tick(at), &mut self.effects);
        self.engine.hold(hold);
        self.heed(told);
    }

    /// Time passes to where the past ends: waits that are over by then end. `None`: all do.
    pub fn pass(&mut self, until: Option<Timestamp>, mut told: impl FnMut(&Played)) {
        match until {
            Some(until) => self.engine.step(&Input::Tick(until), &mut self.effects),
            None => {
                self.engine.hold(Hold::Nothing);
                while let Some(next) = self.engine.next_wait() {
                    self.engine.step(&Input::Tick(next), &mut self.effects);
                    self.heed(&mut told);
                }
            }
        }
        self.heed(told);
    }

    /// Counts what the latest step wants. What has no room in its action's day begins no cooldown, as in a run.
    fn heed(&mut self, told: impl FnMut(&Played)) {
        self.tally.heed(&mut self.effects, self.from, told);
        for (firing, action) in self.tally.unsent.drain(..) {
            self.engine.expired((&firing.rule, firing.id), action);
        }
    }

    /// Entries and firings so far.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.tally.progress()
    }

    /// What the windows of rules had to forget for want of room, of those that had to.
    #[must_use]
    pub fn forgotten(&self) -> Vec<Forgotten> {
        let evicted = self.engine.windows().into_iter().map(|(rule, of)| {
            let kind = self.tally.window_of(&rule);
            Forgotten { rule: rule.to_string(), kind, keys: of.evicted_keys, matches: of.evicted_members }
        });
        evicted.filter(|of| of.keys > 0 || of.matches > 0).collect()
    }

    /// What came of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let now = self.engine.counts();
        let before = self.before.unwrap_or(now);
        self.tally.summary(now.repeated - before.repeated, now.settled_early - before.settled_early)
    }
}
