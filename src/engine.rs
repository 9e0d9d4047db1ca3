//! (now, input) → effects: join → match → suppress → render. Pure: it reads no clock, does no I/O and draws no random numbers.
//!
//! Time is the log's: that of the latest entry or tick, and it never goes back. So a restart, a backtest and a second node are
//! the same thing, replaying entries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use crate::join::{Bounds, Joined, Joiner};
use crate::matching::{self, Facts, Reading, Truth};
use crate::model::delivery::{Delivery, Outcome, Report};
use crate::model::envelope::Envelope;
use crate::model::firing::{Element, Firing, Origin};
use crate::model::ids::{FiringId, TweetId};
use crate::model::limits;
use crate::model::subject::{Event, Subject};
use crate::model::time::Timestamp;
use crate::render;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::suppress::Fired;

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
    /// A delivery ended before it began: expired, late for an order, or without a value that its template needs.
    Ended(Report),
}

/// How much the engine has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Firings.
    pub fired: u64,
    /// Matches that had fired before.
    pub repeated: u64,
    /// Matches on subjects older than the rule's `max_age`.
    pub expired: u64,
    /// Rules settled by their deadline instead of by an envelope.
    pub settled: u64,
}

/// The state machine. Same state, rules and input: same effects.
#[derive(Debug)]
pub struct Engine {
    rules: Arc<RuleSet>,
    /// Indices into `rules.rules`, by the events that they are about.
    by_event: Vec<Vec<usize>>,
    joiner: Joiner<TweetState>,
    deadlines: BinaryHeap<Reverse<(Timestamp, TweetId, Duration)>>,
    fired: Fired,
    counts: Counts,
    now: Timestamp,
}

/// What the engine remembers of a tweet beside the tweet.
#[derive(Debug, Default)]
struct TweetState {
    /// When its content came: the wait for `meta` begins here.
    content_at: Option<Timestamp>,
    /// Rules (without `each`) that have fired, and elements (by name or alias) that have, per rule.
    fired: Vec<(usize, String)>,
    /// Waits for which a deadline is set.
    waits: Vec<Duration>,
    /// How its latest envelope came to us.
    origin: Option<Origin>,
}

impl TweetState {
    fn has_fired(&self, rule: usize, key: &str) -> bool {
        self.fired.iter().any(|(of, fired)| *of == rule && fired == key)
    }
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Self {
        let of = |event: &Event| {
            let concerned = rules.rules.iter().enumerate().filter(|(_, rule)| rule.on.contains(event));
            concerned.map(|(at, _)| at).collect()
        };
        let by_event = Event::ALL.iter().map(of).collect();
        let bounds = Bounds { tweets: limits::JOIN_TWEETS, bytes: limits::JOIN_BYTES, parts: limits::PARTS_PER_TWEET };
        Self {
            by_event,
            rules,
            joiner: Joiner::new(bounds),
            deadlines: BinaryHeap::new(),
            fired: Fired::new(limits::FIRED_IDS),
            counts: Counts::default(),
            now: Timestamp::default(),
        }
    }

    /// One step. What is to be done is added to `effects`.
    pub fn step(&mut self, input: &Input<'_>, effects: &mut Vec<Effect>) {
        match input {
            Input::Tick(now) => self.pass_time(*now, effects),
            Input::Entry { envelope, at, origin } => {
                self.pass_time(*at, effects);
                match self.joiner.absorb(envelope, self.now) {
                    Joined::Tweet { id, changed: true } => self.tweet(&id, *origin, effects),
                    Joined::Tweet { changed: false, .. } | Joined::Nothing => {}
                    Joined::Event(subject) => self.event(&subject, *origin, effects),
                }
            }
        }
    }

    /// When the engine wants the next tick at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.peek().map(|Reverse((at, ..))| *at)
    }

    /// How much it has seen.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What joining has had to forget.
    #[must_use]
    pub fn join_counts(&self) -> crate::join::Counts {
        self.joiner.counts()
    }

    /// Settles the rules whose wait is over, in the order in which the waits ended.
    fn pass_time(&mut self, to: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(Reverse((at, ..))) = self.deadlines.peek()
            && *at <= to
            && let Some(Reverse((at, id, wait))) = self.deadlines.pop()
        {
            self.now = self.now.max(at);
            self.settle(&id, wait, effects);
        }
        self.now = self.now.max(to);
    }

    fn settle(&mut self, id: &TweetId, wait: Duration, effects: &mut Vec<Effect>) {
        let Some((tweet, state)) = self.joiner.get(id) else { return };
        let tweet = Arc::clone(tweet);
        state.waits.retain(|of| *of != wait);
        let origin = state.origin.unwrap_or(Origin::Live);
        let rules = Arc::clone(&self.rules);
        let facts = Facts::of_tweet(&tweet, age_of(&tweet, state));
        let mut firings = Vec::new();
        for &at in &self.by_event[Event::Tweet as usize] {
            let rule = &rules.rules[at];
            if rule.wait.unwrap_or(rules.feed.meta_timeout) == wait {
                let before = firings.len();
                judge(at, rule, &facts, true, state, &mut firings);
                self.counts.settled += (firings.len() - before) as u64;
            }
        }
        self.fire_all(id, firings, &facts, origin, effects);
    }

    /// Something new is known of a tweet.
    fn tweet(&mut self, id: &TweetId, origin: Origin, effects: &mut Vec<Effect>) {
        let Some((tweet, state)) = self.joiner.get(id) else { return };
        let tweet = Arc::clone(tweet);
        state.origin = Some(origin);
        if tweet.parts.content && state.content_at.is_none() {
            state.content_at = Some(self.now);
        }
        let rules = Arc::clone(&self.rules);
        let facts = Facts::of_tweet(&tweet, age_of(&tweet, state));
        let mut firings = Vec::new();
        for &at in &self.by_event[Event::Tweet as usize] {
            let rule = &rules.rules[at];
            let wait = rule.wait.unwrap_or(rules.feed.meta_timeout);
            let deadline = state.content_at.map(|content| content.plus(wait));
            let settled = deadline.is_some_and(|deadline| deadline <= self.now);
            let unknown = judge(at, rule, &facts, settled, state, &mut firings);
            if let Some(deadline) = deadline.filter(|_| unknown && !state.waits.contains(&wait)) {
                state.waits.push(wait);
                self.deadlines.push(Reverse((deadline, id.clone(), wait)));
            }
        }
        self.fire_all(id, firings, &facts, origin, effects);
    }

    /// Something else happened: a deletion, a pin, an account event. Nothing is waited for: it is all that will be known.
    fn event(&mut self, subject: &Subject, origin: Origin, effects: &mut Vec<Effect>) {
        let created = subject.tweet().and_then(|tweet| tweet.created_at);
        let facts = Facts::of(subject, created.map(|created| self.now.since(created)));
        let rules = Arc::clone(&self.rules);
        let mut state = TweetState::default();
        let mut firings = Vec::new();
        for &at in &self.by_event[subject.event as usize] {
            judge(at, &rules.rules[at], &facts, true, &mut state, &mut firings);
        }
        for (at, element) in firings {
            self.fire(at, subject, element, &facts, origin, effects);
        }
    }

    fn fire_all(
        &mut self,
        id: &TweetId,
        firings: Vec<(usize, Option<Element>)>,
        facts: &Facts<'_>,
        origin: Origin,
        effects: &mut Vec<Effect>,
    ) {
        if firings.is_empty() {
            return;
        }
        let Some(subject) = self.joiner.subject(id, self.now) else { return };
        for (at, element) in firings {
            self.fire(at, &subject, element, facts, origin, effects);
        }
    }

    fn fire(
        &mut self,
        at: usize,
        subject: &Subject,
        element: Option<Element>,
        facts: &Facts<'_>,
        origin: Origin,
        effects: &mut Vec<Effect>,
    ) {
        let rules = Arc::clone(&self.rules);
        let rule = &rules.rules[at];
        let key = element.as_ref().map(matching::element_key).unwrap_or_default();
        let id = FiringId::of(&rule.name, &subject.key(), &key);
        if !self.fired.is_first(id) {
            self.counts.repeated += 1;
            return;
        }
        if rule.max_age.is_some_and(|max_age| subject.at.plus(max_age) <= self.now) {
            self.counts.expired += 1;
            return;
        }
        self.counts.fired += 1;
        let reading = Reading { settled: true, element: element.as_ref() };
        let (matched, found) = matching::explain(&rule.when, facts, reading);
        let (rule_name, subject) = (Arc::clone(&rule.name), subject.clone());
        let element = element.or(found);
        let firing = Arc::new(Firing { id, rule: rule_name, subject, element, matched, at: self.now, origin });
        effects.push(Effect::Fired(Arc::clone(&firing)));
        // An order leaves before chat is even rendered.
        let order = |send: &&crate::rules::ruleset::Send| rules.actions[send.action].trading;
        let (orders, rest): (Vec<_>, Vec<_>) = rule.send.iter().partition(order);
        effects.extend(orders.into_iter().chain(rest).map(|send| deliver(&rules, rule, send, &firing)));
    }
}

/// Judges one rule. Adds what fires to `firings`, notes it in the state, and says whether something is still unknown.
fn judge(
    at: usize,
    rule: &Rule,
    facts: &Facts<'_>,
    settled: bool,
    state: &mut TweetState,
    firings: &mut Vec<(usize, Option<Element>)>,
) -> bool {
    let Some(each) = rule.each else {
        if state.has_fired(at, "") {
            return false;
        }
        let truth = matching::evaluate(&rule.when, facts, Reading { settled, element: None });
        if truth == Truth::True {
            state.fired.push((at, String::new()));
            firings.push((at, None));
        }
        return truth == Truth::Unknown;
    };
    let mut unknown = false;
    for element in matching::elements(each, facts) {
        let key = matching::element_key(&element);
        let alias = matching::element_alias(&element, facts);
        if state.has_fired(at, &key) || alias.as_ref().is_some_and(|alias| state.has_fired(at, alias)) {
            continue;
        }
        match matching::evaluate(&rule.when, facts, Reading { settled, element: Some(&element) }) {
            Truth::True => {
                state.fired.push((at, key));
                state.fired.extend(alias.map(|alias| (at, alias)));
                firings.push((at, Some(element)));
            }
            Truth::Unknown => unknown = true,
            Truth::False => {}
        }
    }
    unknown
}

/// Brings a firing to one action, unless it is too late for it or lacks what its template needs.
fn deliver(rules: &RuleSet, rule: &Rule, send: &crate::rules::ruleset::Send, firing: &Arc<Firing>) -> Effect {
    let action = &rules.actions[send.action];
    let max_age = send.max_age.unwrap_or(action.max_age);
    let max_age = rule.max_age.map_or(max_age, |of_rule| of_rule.min(max_age));
    let expires_at = firing.subject.at.plus(max_age);
    let end = |outcome| {
        let firing = Arc::clone(firing);
        Effect::Ended(Report { firing, action: send.action, outcome, attempts: 0, took: Duration::ZERO })
    };
    if expires_at <= firing.at || (action.trading && firing.is_late()) {
        return end(Outcome::Expired);
    }
    match render::render(firing, send, action, expires_at) {
        Ok(message) => Effect::Deliver(Box::new(Delivery {
            firing: Arc::clone(firing),
            action: send.action,
            expires_at,
            body: message.body,
            fallback: message.fallback,
        })),
        Err(incomplete) => end(Outcome::Dead { reason: incomplete.to_string() }),
    }
}

/// How old the tweet was when its content came.
fn age_of(tweet: &crate::model::subject::Tweet, state: &TweetState) -> Option<Duration> {
    Some(state.content_at?.since(tweet.created_at?))
}
