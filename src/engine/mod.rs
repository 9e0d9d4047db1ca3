//! (now, input) → effects: join → match → suppress → render. Pure: it reads no clock, does no I/O and draws no random numbers.
//!
//! Time is the log's: that of the latest entry or tick, and it never goes back. So a restart, a backtest and a second node are
//! the same thing, replaying entries.

mod finder;
mod fire;
mod judge;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use crate::join::{Bounds, Joined, Joiner, Known, Said};
use crate::matching::Facts;
use crate::model::delivery::{Delivery, Report};
use crate::model::envelope::{Body, Envelope};
use crate::model::firing::{Firing, Origin};
use crate::model::ids::{FiringId, TweetId};
use crate::model::limits;
use crate::model::subject::{Event, Subject};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};

use finder::Finder;
use fire::{Fire, Firings};
use judge::{Judged, Match, TweetState, judge};
pub use waits::Hold;
use waits::Waits;

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
    finder: Box<Finder>,
    joiner: Joiner<TweetState>,
    waits: Waits,
    firings: Firings,
    now: Timestamp,
    /// Of the latest entry.
    news: bool,
    /// How far the feed's clock is ahead of ours, in ms.
    ahead: i64,
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

    /// An engine that looks at every rule for every envelope: what the index must not change a thing of.
    #[doc(hidden)]
    #[must_use]
    pub fn without_index(rules: Arc<RuleSet>) -> Self {
        let finder = Finder::all(&rules);
        Self::with(rules, finder, Memory::default())
    }

    fn with(rules: Arc<RuleSet>, finder: Finder, memory: Memory) -> Self {
        Self {
            finder: Box::new(finder),
            rules,
            joiner: Joiner::new(memory.tweets),
            waits: Waits::default(),
            firings: Firings::new(memory.firings),
            now: Timestamp::default(),
            news: false,
            ahead: 0,
        }
    }

    /// Remembers what fired in an earlier run, the oldest first. Then that run's entries go through [`Engine::step`] once more, their effects
    /// unheeded, and the engine is where it was: what had fired does not fire again, and what was waited for is waited for still.
    pub fn restore(&mut self, fired: impl IntoIterator<Item = FiringId>) {
        self.firings.restore(fired);
    }

    /// Begins to count anew, as after the replay of an earlier run's entries.
    pub fn reset_counts(&mut self) {
        self.firings.counts = Counts::default();
        self.joiner.reset_counts();
    }

    /// While held, waits do not come to their end. When they are let go, the next tick or entry ends those that are over.
    pub fn hold(&mut self, hold: Hold) {
        self.waits.set_hold(hold);
    }

    /// The feed's clock is `ms` milliseconds ahead of the one that entries are dated by (negative: behind). What the feed dates itself is aged
    /// accordingly, from the next entry on.
    pub fn feed_is_ahead(&mut self, ms: i64) {
        self.ahead = ms;
        self.joiner.feed_is_ahead(ms);
    }

    /// Whether the latest entry said anything that was not known before.
    #[must_use]
    pub fn was_news(&self) -> bool {
        self.news
    }

    /// One step. What is to be done is added to `effects`, orders before everything else.
    pub fn step(&mut self, input: &Input<'_>, effects: &mut Vec<Effect>) {
        match input {
            Input::Tick(now) => self.pass_time(*now, effects),
            Input::Entry { envelope, at, origin } => {
                self.pass_time(*at, effects);
                match Said::of(envelope) {
                    Some(said) => self.said(&said, matches!(envelope.body, Body::Content(_)), *origin, effects),
                    None => self.other(envelope, *origin, effects),
                }
            }
        }
    }

    /// An envelope says something of a tweet.
    fn said(&mut self, said: &Said<'_>, is_content: bool, origin: Origin, effects: &mut Vec<Effect>) {
        self.news = self.joiner.absorb_said(said, self.now);
        self.settle_forgotten(effects);
        let id = &said.tweet().id;
        if let Some(state) = self.joiner.state(id) {
            state.came(origin, is_content);
        }
        if self.news {
            self.tweet(id, Some(said), origin, effects);
        }
    }

    /// An envelope says something else, or nothing.
    fn other(&mut self, envelope: &Envelope<'_>, origin: Origin, effects: &mut Vec<Effect>) {
        let joined = self.joiner.absorb(envelope, self.now);
        self.settle_forgotten(effects);
        self.news = matches!(joined, Joined::Event { .. });
        let Joined::Event { subject, taught } = joined else { return };
        if let Some(tweet) = subject.tweet().filter(|_| taught) {
            self.tweet(&tweet.id, None, origin, effects);
        }
        self.event(&subject, origin, effects);
    }

    /// When the engine wants the next tick at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.waits.next()
    }

    /// How much it has seen.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.firings.counts
    }

    /// What joining has had to forget.
    #[must_use]
    pub fn join_counts(&self) -> crate::join::Counts {
        self.joiner.counts()
    }

    /// Settles the rules whose wait is over, in the order in which the waits ended.
    fn pass_time(&mut self, to: Timestamp, effects: &mut Vec<Effect>) {
        let hold = self.waits.hold();
        while let Some((at, id, wait)) = self.waits.pop(to, |id| self.joiner.state(id).is_some_and(|state| state.is_held(hold))) {
            self.now = self.now.max(at);
            self.settle(&id, (at, wait), effects);
        }
        self.now = self.now.max(to);
    }

    /// A wait is over.
    fn settle(&mut self, id: &TweetId, wait: (Timestamp, Duration), effects: &mut Vec<Effect>) {
        let Some(state) = self.joiner.state(id) else { return };
        state.waits.retain(|of| *of != wait);
        // The content came later, and with it a later deadline; or what was unknown is so no more.
        if state.deadline(wait.1) != Some(wait.0) || state.unknown.is_empty() {
            return;
        }
        let Some(Known { tweet, state, at }) = self.joiner.get(id) else { return };
        let origin = state.settled_origin();
        let facts = Facts::of_tweet(&tweet, state.age(&tweet, self.ahead));
        let matches = settled(&self.rules, &facts, state, |of| of == wait.1);
        self.firings.counts.settled += matches.len() as u64;
        if !matches.is_empty() {
            let fire = Fire { rules: &self.rules, subject: &Subject::of_tweet(tweet.owned(), at), facts: &facts, origin };
            self.firings.fire(&fire, matches, self.now, effects);
        }
    }

    /// Tweets that had to be forgotten before their time are settled as they are: a rule that waits for what does not come must not be lost.
    fn settle_forgotten(&mut self, effects: &mut Vec<Effect>) {
        while let Some(mut forgotten) = self.joiner.take_forgotten() {
            if forgotten.state().waits.is_empty() {
                continue;
            }
            let Known { tweet, state, at } = forgotten.known();
            let origin = state.settled_origin();
            let facts = Facts::of_tweet(&tweet, state.age(&tweet, self.ahead));
            let waits: Vec<_> = state.waits.iter().map(|(_, wait)| *wait).collect();
            let matches = settled(&self.rules, &facts, state, |of| waits.contains(&of));
            self.firings.counts.settled_early += 1;
            if !matches.is_empty() {
                let fire = Fire { rules: &self.rules, subject: &Subject::of_tweet(tweet.owned(), at), facts: &facts, origin };
                self.firings.fire(&fire, matches, self.now, effects);
            }
        }
    }

    /// Something new is known of a tweet: by what an envelope has just said of it, if that was all about it.
    fn tweet(&mut self, id: &TweetId, said: Option<&Said<'_>>, origin: Origin, effects: &mut Vec<Effect>) {
        if let Some(said) = said
            && let Some(state) = self.joiner.completed_by(said)
            && state.is_done()
            && !self.finder.is_touched_by(&Facts::of_tweet(said.tweet(), None))
        {
            // What the content made neither true nor possible stays so: nothing of it hangs on what a meta says (the index's law).
            state.latest = Some(origin);
            return;
        }
        let known = match said {
            Some(said) => self.joiner.get_after(said),
            None => self.joiner.get(id),
        };
        let Some(Known { tweet, state, at }) = known else { return };
        state.latest = Some(origin);
        let origin = state.origin(origin);
        state.first_at = state.first_at.or(Some(self.now));
        if tweet.parts.content && state.content_at.is_none() {
            state.content_at = Some(self.now);
        }
        let (rules, held) = (&self.rules, state.is_held(self.waits.hold()));
        let facts = Facts::of_tweet(&tweet, state.age(&tweet, self.ahead));
        self.finder.find(Event::Tweet, &facts, false, state.fired_each());
        let (now, mut matches, mut unknown) = (self.now, Vec::new(), std::mem::take(&mut self.finder.unknown));
        let is_settled = |deadline: Option<Timestamp>| !held && deadline.is_some_and(|deadline| deadline <= now);
        unknown.clear();
        for candidate in &self.finder.rules {
            let (at, is_proven) = (candidate.rule as usize, candidate.is_proven);
            let rule = &rules.rules[at];
            let settled = is_settled(state.deadline(wait_of(rules, rule)));
            let before = matches.len();
            if judge(&Judged { at, rule, is_proven, settled }, &facts, state, &mut matches) {
                unknown.push(candidate.rule);
            }
            // Of one with `each` more elements may come.
            state.has_undecided |= matches.len() == before || rule.each.is_some();
        }
        for wait in unknown.iter().filter_map(|at| rules.rules.get(*at as usize)).map(|rule| wait_of(rules, rule)) {
            let new = |deadline: &Timestamp| !is_settled(Some(*deadline)) && !state.waits.contains(&(*deadline, wait));
            if let Some(deadline) = state.deadline(wait).filter(new) {
                state.waits.push((deadline, wait));
                self.waits.push((deadline, id.clone(), wait));
            }
        }
        state.unknown = unknown.as_slice().into();
        self.finder.unknown = unknown;
        if !matches.is_empty() {
            let fire = Fire { rules, subject: &Subject::of_tweet(tweet.owned(), at), facts: &facts, origin };
            self.firings.fire(&fire, matches, now, effects);
        }
        self.waits.forget(|id| self.joiner.contains(id));
    }

    /// Something else happened: a deletion, a pin, an account event. Nothing is waited for: it is all that will be known.
    fn event(&mut self, subject: &Subject, origin: Origin, effects: &mut Vec<Effect>) {
        let created = subject.tweet().and_then(|tweet| tweet.created_at);
        let facts = Facts::of(subject, created.map(|created| self.now.shifted(self.ahead).since(created)));
        let (mut state, mut matches) = (TweetState::default(), Vec::new());
        self.finder.find(subject.event, &facts, true, std::iter::empty());
        for candidate in &self.finder.rules {
            let (at, is_proven) = (candidate.rule as usize, candidate.is_proven);
            judge(&Judged { at, rule: &self.rules.rules[at], is_proven, settled: true }, &facts, &mut state, &mut matches);
        }
        self.firings.fire(&Fire { rules: &self.rules, subject, facts: &facts, origin }, matches, self.now, effects);
    }
}

/// How long a rule waits for what has not arrived.
fn wait_of(rules: &RuleSet, rule: &Rule) -> Duration {
    rule.wait.unwrap_or(rules.feed.meta_timeout)
}

/// Judges the rules whose wait is over. Only those that were unknown when the tweet was last looked at: nothing new has been said of it since,
/// and what was false then is false now.
fn settled(rules: &RuleSet, facts: &Facts<'_>, state: &mut TweetState, is_over: impl Fn(Duration) -> bool) -> Vec<Match> {
    let is_waiting = |at: &u32| rules.rules.get(*at as usize).is_some_and(|rule| is_over(wait_of(rules, rule)));
    let (over, left): (Vec<u32>, Vec<u32>) = state.unknown.iter().partition(|at| is_waiting(at));
    state.unknown = left.into();
    let mut matches = Vec::new();
    for at in over {
        let at = at as usize;
        judge(&Judged { at, rule: &rules.rules[at], is_proven: false, settled: true }, facts, state, &mut matches);
    }
    matches
}
