//! (now, input) → effects: join → match → suppress → render. Pure: it reads no clock, does no I/O and draws no random numbers.
//!
//! Time is the log's: that of the latest entry or tick, and it never goes back. So a restart, a backtest and a second node are
//! the same thing, replaying entries.

mod account;
mod finder;
mod fire;
mod generations;
mod judge;
mod look;
mod observer;
mod replace;
mod waits;

use std::sync::Arc;

use crate::join::Bounds;
use crate::model::delivery::{Delivery, Report};
use crate::model::envelope::Envelope;
use crate::model::firing::{Firing, Origin};
use crate::model::ids::FiringId;
use crate::model::limits;
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;

pub use account::{Account, Answer, Fate, FiringAccount, Moment, RuleAccount, Seen, Way};
use finder::Finder;
use fire::{Firings, Later, Messages};
use observer::Observer;
pub use replace::{Prepared, Replaced};
pub use waits::Hold;

/// What the engine is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// An envelope, when it was received and how it came to us.
    Entry {
        /// The envelope.
        envelope: &'a Envelope<'a>,
        /// When it was received.
        at: Timestamp,
        /// How it came to us.
        origin: Origin,
    },
    /// Time has passed.
    Tick(Timestamp),
}

/// What the engine wants done, in the order in which it must be done.
#[derive(Debug)]
pub enum Effect {
    /// A rule fired. Told once for each firing, before its deliveries.
    Fired(Arc<Firing>),
    /// Bring this to its lane.
    Deliver(Box<Delivery>),
    /// Record this as what would have been sent, and do not send it: `mode = "paper"`.
    Paper(Box<Delivery>),
    /// A delivery ended before it began: off, expired, late for an order, or without a value that its template needs.
    Ended(Report),
}

/// How much the engine has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Firings.
    pub fired: u64,
    /// Matches that had fired before.
    pub repeated: u64,
    /// Firings that came of a wait's end and not of an envelope.
    pub settled: u64,
    /// Tweets with rules still waiting that had to be forgotten, and were settled then.
    pub settled_early: u64,
}

/// The state machine. Same state, rules and input: same effects.
#[derive(Debug)]
pub struct Engine {
    rules: Arc<RuleSet>,
    observer: Observer,
    firings: Firings,
    /// Of the latest step, what is not to stand in front of its orders.
    later: Vec<Later>,
}

/// How much an engine remembers.
#[derive(Clone, Copy)]
struct Memory {
    tweets: Bounds,
    firings: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { tweets: Bounds::default(), firings: limits::FIRED_IDS }
    }
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Self {
        let finder = Finder::new(&rules);
        Self::with(rules, finder, Memory::default())
    }

    /// An engine that remembers at most so many tweets and firings: for a rehearsal, where nothing comes twice.
    #[must_use]
    pub fn forgetful(rules: Arc<RuleSet>, most: usize) -> Self {
        let finder = Finder::new(&rules);
        Self::with(rules, finder, Memory { tweets: Bounds { tweets: most, ..Bounds::default() }, firings: most })
    }

    /// An engine whose messages say nothing, as nobody reads them: what it would send, and what would be incomplete, is as ever.
    #[must_use]
    pub fn without_messages(rules: Arc<RuleSet>) -> Self {
        let mut engine = Self::new(rules);
        engine.firings.messages = Messages::Spared;
        engine
    }

    /// An engine that looks at every rule for every envelope: what the index must not change a thing of.
    #[doc(hidden)]
    #[must_use]
    pub fn without_index(rules: Arc<RuleSet>) -> Self {
        let finder = Finder::all(&rules);
        Self::with(rules, finder, Memory::default())
    }

    fn with(rules: Arc<RuleSet>, finder: Finder, memory: Memory) -> Self {
        let observer = Observer::new(Arc::clone(&rules), finder, memory.tweets);
        Self { rules, observer, firings: Firings::new(memory.firings), later: Vec::new() }
    }

    /// Remembers what fired in an earlier run, the oldest first. Then that run's entries go through [`Engine::step`] once more, their effects
    /// unheeded, and the engine is where it was: what had fired does not fire again, and what was waited for is waited for still.
    pub fn restore(&mut self, fired: impl IntoIterator<Item = FiringId>) {
        self.firings.restore(fired);
    }

    /// Begins to count anew, as after the replay of an earlier run's entries.
    pub fn reset_counts(&mut self) {
        self.firings.reset_counts();
        self.observer.reset_counts();
    }

    /// Goes on with other rules from the next step on, in a moment however many they are. A rule that has kept its name goes on where it was: what
    /// it has fired for, and what it waits for. Of a tweet that was known before, a rule that is new, or another one under the same name, hears
    /// from the next envelope about it on.
    #[must_use = "to let go of many rules takes time"]
    pub fn replace_rules(&mut self, prepared: Prepared) -> Replaced {
        replace::replace(self, prepared)
    }

    /// While held, waits do not come to their end. When they are let go, the next tick or entry ends those that are over.
    pub fn hold(&mut self, hold: Hold) {
        self.observer.hold(hold);
    }

    /// The feed's clock is `ms` milliseconds ahead of the one that entries are dated by (negative: behind). What the feed dates itself is aged
    /// accordingly, from the next entry on.
    pub fn feed_is_ahead(&mut self, ms: i64) {
        self.observer.feed_is_ahead(ms);
    }

    /// Whether the latest entry said anything that was not known before.
    #[must_use]
    pub fn was_news(&self) -> bool {
        self.observer.was_news()
    }

    /// One step. What is to be done is added to `effects`, orders before everything else.
    pub fn step(&mut self, input: &Input<'_>, effects: &mut Vec<Effect>) {
        self.step_to_orders(input, effects);
        self.finish(effects);
    }

    /// One step, but for what may wait for orders to leave: that, [`Engine::finish`] adds, and must.
    pub fn step_to_orders(&mut self, input: &Input<'_>, effects: &mut Vec<Effect>) {
        let Self { rules, observer, firings, later } = self;
        observer.step(input, &mut |matches| firings.fire(rules, matches, effects, later));
    }

    /// Whether the latest step is to be finished.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        !self.later.is_empty()
    }

    /// What the latest step left: messages that are no orders are made now.
    pub fn finish(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.later.drain(..).map(|later| later.deliver(&self.rules, self.firings.messages)));
    }

    /// One step as far as the matches, of which only the number is told: what benches measure.
    #[doc(hidden)]
    pub fn match_only(&mut self, input: &Input<'_>) -> usize {
        let mut found = 0;
        self.observer.step(input, &mut |matches| found += matches.rules.len());
        found
    }

    /// When the engine wants the next tick at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.observer.next_deadline()
    }

    /// How much it has seen.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (settled, firings) = (self.observer.settled(), &self.firings);
        Counts { fired: firings.fired, repeated: firings.repeated, settled: settled.rules, settled_early: settled.early }
    }

    /// What joining has had to forget.
    #[must_use]
    pub fn join_counts(&self) -> crate::join::Counts {
        self.observer.join_counts()
    }
}
