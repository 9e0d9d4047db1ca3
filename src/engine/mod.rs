//! (now, input) → effects: join → match → suppress → render. Pure: it reads no clock, does no I/O and draws no random numbers.
//!
//! Time is the log's: that of the latest entry or tick, and it never goes back. So a restart, a backtest and a second node are
//! the same thing, replaying entries.

mod account;
mod brakes;
mod finder;
mod fire;
mod generations;
mod identities;
mod judge;
mod look;
mod observer;
mod over_time;
mod replace;
mod restore;
mod revise;
mod undetected;
mod waits;

use std::collections::HashMap;
use std::sync::Arc;

use crate::join::Bounds;
use crate::model::delivery::{Delivery, Report};
use crate::model::envelope::Envelope;
use crate::model::firing::{Firing, Origin};
use crate::model::identity::Identity;
use crate::model::ids::{FiringId, TweetId};
use crate::model::limits;
use crate::model::mute::Mute;
use crate::model::revision::Revision;
use crate::model::subject::Str;
use crate::model::time::Timestamp;
use crate::model::window::Trace;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::suppress::mutes::Mutes;

pub use account::{Account, Answer, Fate, FiringAccount, Gathering, HeldBack, Moment, RuleAccount, Seen, Way};
use finder::Finder;
use fire::{Firings, Later, Messages};
use observer::Observer;
pub use replace::{Prepared, Replaced};
use revise::Revisions;
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
    /// A delivery ended before it began: off, muted, expired, late for an order, or without a value that its template needs.
    Ended(Report),
    /// A message of a send with `update = true` is to say something else from now on.
    Revise(Box<Revision>),
    /// Record this: what the past has left of a key of a rule's window, in the place of what it had left before.
    Trace(Box<Trace>),
    /// Record this: what belongs together, in the place of what was known of it before.
    Identity(Identity),
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
    /// The places of rules with something that goes on: a window, a cooldown, a limit, messages that are edited.
    places: HashMap<Str, usize>,
    revisions: Revisions,
    /// A rule has messages edited.
    edits: bool,
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
        engine.spare_messages(true);
        engine
    }

    /// Whether messages say nothing from now on, as in [`Engine::without_messages`].
    pub fn spare_messages(&mut self, spared: bool) {
        self.firings.messages = if spared { Messages::Spared } else { Messages::Made };
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
        let (places, edits) = (replace::places(&rules), replace::edits(&rules));
        rules.rules.iter().for_each(Rule::sum_up);
        Self {
            rules,
            observer,
            firings: Firings::new(memory.firings),
            later: Vec::new(),
            places,
            revisions: Revisions::default(),
            edits,
        }
    }

    /// Touches the memory that is set aside for what will be remembered, so that no alert waits for the system to give it. For one that is new.
    pub fn touch(&mut self) {
        self.observer.touch();
        self.firings.touch();
    }

    /// What is muted from the next step on, in the place of what was before. Also mutes that have ended: of entries that are replayed they hold what
    /// they held then.
    pub fn set_mutes(&mut self, mutes: impl IntoIterator<Item = Mute>) {
        self.firings.mutes.replace(mutes);
    }

    /// What is muted, and how much that has held back.
    #[must_use]
    pub fn mutes(&self) -> &Mutes {
        &self.firings.mutes
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
        let now = self.observer.now();
        self.hold_at(hold, (now, now));
    }

    /// As [`Engine::hold`], at another moment than that of the latest entry or tick: when the feed was heard last, or heard again. `now`: when
    /// that is said, from which on what is let go is known.
    pub fn hold_at(&mut self, hold: Hold, (at, now): (Timestamp, Timestamp)) {
        // What ended after that, before anybody knew that nothing was heard any more, has ended: a replay knows no better.
        let at = if hold == Hold::Everything { at.max(self.firings.last_live) } else { at };
        self.observer.hold(hold);
        self.firings.over_time.hold(hold, (at, now));
    }

    /// Nobody looked at what time it is until `now`: a silence that was over before is found now.
    pub fn stood_still(&mut self, now: Timestamp) {
        self.firings.over_time.known_from(now);
    }

    /// What was said since then may still come of the history, though nothing is held for it any more: it is not too late for a window. `None`:
    /// nothing more comes of it.
    pub fn owe(&mut self, since: Option<Timestamp>) {
        self.firings.over_time.owe(since);
    }

    /// Whether a window has taken in a match of the latest step that did not fire: it is of use, though nothing comes of it now.
    #[must_use]
    pub fn has_counted(&self) -> bool {
        !self.firings.said.is_empty()
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
        self.firings.said.clear();
        self.firings.refused.clear();
        let to = match input {
            Input::Entry { at, .. } | Input::Tick(at) => *at,
        };
        self.firings.identities.at(to);
        self.end_silences(to, effects);
        if let Input::Entry { envelope, .. } = input {
            self.firings.undetected.learn(envelope, &mut self.firings.identities);
        }
        self.observe(input, effects);
        if !self.revisions.is_empty()
            && let Input::Entry { envelope, at, .. } = input
        {
            self.learn(envelope, *at);
        }
        effects.extend(self.firings.over_time.traces().map(|trace| Effect::Trace(Box::new(trace))));
        effects.extend(self.firings.identities.news().map(Effect::Identity));
    }

    /// What an entry has taught of a tweet of which messages were sent.
    fn learn(&mut self, envelope: &Envelope<'_>, at: Timestamp) {
        let Some(id) = self.revisions.are_about(envelope).filter(|_| self.observer.was_news()).map(TweetId::new) else { return };
        if let Some(subject) = self.observer.subject(&id) {
            self.revisions.learn(&subject, at);
        }
    }

    fn observe(&mut self, input: &Input<'_>, effects: &mut Vec<Effect>) {
        let Self { rules, observer, firings, later, .. } = self;
        observer.step(input, &mut |matches| firings.fire(rules, matches, effects, later));
    }

    /// Ends the silences that are over by then, each at its moment: after the waits that ended before it, which may be heard of.
    fn end_silences(&mut self, to: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(silence) = self.firings.over_time.next_deadline().filter(|silence| *silence <= to) {
            if let Some(wait) = self.observer.next_deadline().filter(|wait| *wait <= silence) {
                self.observe(&Input::Tick(wait), effects);
            } else {
                let now = silence.max(self.observer.now());
                self.firings.fire_silence(&self.rules, now, effects, &mut self.later);
            }
        }
    }

    /// A delivery expired unsent: what its firing took of cooldowns and limits is free again.
    pub fn expired(&mut self, (rule, firing): (&str, FiringId), action: usize) {
        if let Some(rule) = self.places.get(rule) {
            self.firings.brakes.expired(firing, *rule, action);
        }
    }

    /// An order has come to its end: messages on what it was about are to say so.
    pub fn order_ended(&mut self, report: &Report, effects: &mut Vec<Effect>) {
        if !self.edits {
            return;
        }
        let Self { rules, observer, revisions, places, firings, .. } = self;
        let Some(action) = rules.actions.get(report.action).filter(|action| action.trading) else { return };
        revisions.ordered(report, &action.name, observer.now());
        revise(rules, (revisions, firings.messages), places, effects);
    }

    /// Every message that may have been sent and is to be edited, as it is to be read now: for after a restart, when it is not known what it
    /// says. The oldest first.
    #[must_use]
    pub fn revisions(&mut self) -> Vec<Revision> {
        let Self { rules, revisions, places, .. } = self;
        revisions.all(rules, |rule| places.get(rule).copied())
    }

    /// Whether the latest step is to be finished.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        !self.later.is_empty() || self.revisions.is_behind()
    }

    /// What the latest step left: messages that are no orders are made now.
    pub fn finish(&mut self, effects: &mut Vec<Effect>) {
        let Self { rules, firings, later, revisions, places, .. } = self;
        for later in later.drain(..) {
            effects.push(firings.deliver_later(rules, &later, revisions));
        }
        revise(rules, (revisions, firings.messages), places, effects);
        effects.extend(firings.identities.news().map(Effect::Identity));
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
        let (wait, silence) = (self.observer.next_deadline(), self.firings.over_time.next_deadline());
        wait.into_iter().chain(silence).min()
    }

    /// When the next wait for the rest of a tweet is over. Silences go on for as long as nothing is heard: they are no reason for time to pass.
    #[must_use]
    pub fn next_wait(&self) -> Option<Timestamp> {
        self.observer.next_deadline()
    }

    /// What the windows of rules hold, and have had to let go of, by the rules' names.
    #[must_use]
    pub fn windows(&self) -> Vec<(Str, crate::window::Counts)> {
        self.firings.over_time.of_rules()
    }

    /// What windows hold, and have had to let go of.
    #[must_use]
    pub fn window_counts(&self) -> crate::window::Counts {
        self.firings.over_time.counts()
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

/// Makes messages anew, unless nobody reads them.
fn revise(
    rules: &RuleSet,
    (revisions, messages): (&mut Revisions, Messages),
    places: &HashMap<Str, usize>,
    effects: &mut Vec<Effect>,
) {
    match messages {
        Messages::Made => revisions.revise(rules, |rule| places.get(rule).copied(), effects),
        Messages::Spared => revisions.put_off(),
    }
}
