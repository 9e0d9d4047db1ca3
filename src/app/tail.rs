//! What passes → those who watch it. While nobody does, nothing is kept or formatted; while somebody does, that is done after what fired has left.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::dispatch::Seen;
use crate::control::{Answer, Lines, TailFilter, TailLine};
use crate::decode;
use crate::model::delivery::{Outcome, Report};
use crate::model::envelope::{Body, Envelope};
use crate::model::firing::{Firing, FiringBrief};
use crate::model::ids::FiringId;
use crate::model::limits::{TAIL_LINES, TAIL_LIST, TAIL_NAME, TAIL_TURN, TAIL_WORDS, TAILS};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{NOTICES, RuleSet};

/// Tweets and firings of one account that are remembered, to know what belongs to it.
const RECENT: usize = 4_096;

/// Those who watch, and what they have not been told yet.
#[derive(Debug, Default)]
pub(super) struct Tail {
    clients: Vec<Client>,
    passed: VecDeque<Passed>,
    /// Of a moment with more than anybody would be told.
    left_out: u64,
}

/// One thing that passed.
#[derive(Debug)]
enum Passed {
    Entry(Seen),
    Fired(Arc<Firing>),
    Ended { report: Report, action: Arc<str>, trading: bool, at: Timestamp },
}

#[derive(Debug)]
struct Client {
    lines: Lines,
    filter: TailFilter,
    /// Not told since the last line that was.
    dropped: u64,
    /// Of the account that is watched.
    tweets: Recent<String>,
    firings: Recent<FiringId>,
}

impl Tail {
    /// Somebody wants to watch.
    pub(super) fn begin(&mut self, filter: TailFilter, lines: Option<Lines>, rules: &RuleSet) -> Answer {
        self.clients.retain(|client| !client.lines.is_closed());
        if let Some(why) = filter.rule.as_deref().and_then(|name| unknown(name, rules)) {
            return Answer::Refused { why };
        }
        let Some(lines) = lines else { return Answer::Refused { why: "there is no way to tell it".to_owned() } };
        if self.clients.len() >= TAILS {
            return Answer::Refused { why: format!("{TAILS} others watch already; end one of them") };
        }
        let filter = TailFilter { handle: filter.handle.map(|handle| bare(&handle)), ..filter };
        self.clients.push(Client { lines, filter, dropped: 0, tweets: Recent::default(), firings: Recent::default() });
        Answer::Tailing
    }

    pub(super) fn is_watched(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Not all that has passed has been told.
    pub(super) fn is_behind(&self) -> bool {
        !self.passed.is_empty()
    }

    /// An entry came.
    pub(super) fn entry(&mut self, seen: Option<&Seen>) {
        if let Some(seen) = seen.filter(|_| self.is_watched()) {
            self.pass(Passed::Entry(seen.clone()));
        }
    }

    /// Rules fired.
    pub(super) fn fired(&mut self, fired: &[Arc<Firing>]) {
        if self.is_watched() {
            fired.iter().for_each(|firing| self.pass(Passed::Fired(Arc::clone(firing))));
        }
    }

    /// A delivery ended. Only while somebody watches.
    pub(super) fn ended(&mut self, report: &Report, action: Arc<str>, trading: bool, at: Timestamp) {
        self.pass(Passed::Ended { report: report.clone(), action, trading, at });
    }

    fn pass(&mut self, passed: Passed) {
        if self.passed.len() < TAIL_LINES {
            self.passed.push_back(passed);
        } else {
            self.left_out += 1;
        }
    }

    /// Tells what has passed, the rest of it with the next turn: nobody who watches holds up an alert.
    pub(super) fn tell(&mut self) {
        if self.passed.is_empty() {
            return;
        }
        let Self { clients, passed, left_out } = self;
        clients.retain(|client| !client.lines.is_closed());
        let left_out = std::mem::take(left_out);
        clients.iter_mut().for_each(|client| client.dropped += left_out);
        for passed in passed.drain(..passed.len().min(TAIL_TURN)) {
            match passed {
                Passed::Entry(seen) => {
                    // It came as text, and was decoded then.
                    let Ok(text) = str::from_utf8(&seen.text) else { continue };
                    let Ok(envelope) = decode::decode(text) else { continue };
                    clients.iter_mut().for_each(|client| client.entry(&seen, &envelope));
                }
                Passed::Fired(firing) => clients.iter_mut().for_each(|client| client.fired(&firing)),
                Passed::Ended { report, action, trading, at } => {
                    clients.iter_mut().for_each(|client| client.ended(&report, &action, trading, at));
                }
            }
        }
    }
}

impl Client {
    fn entry(&mut self, seen: &Seen, envelope: &Envelope<'_>) {
        if self.filter.rule.is_some() || self.filter.suppressed {
            return;
        }
        let (author, text) = says(&envelope.body);
        let tweet = envelope.body.tweet_id();
        if let Some(handle) = &self.filter.handle {
            let is_theirs = author.is_some_and(|author| bare(author) == *handle);
            if let Some(tweet) = tweet.filter(|_| is_theirs) {
                self.tweets.add(tweet.to_owned());
            }
            if !is_theirs && !tweet.is_some_and(|tweet| self.tweets.has(tweet)) {
                return;
            }
        }
        if !self.has_room() {
            return;
        }
        let line = TailLine::Envelope {
            at: seen.at.to_string(),
            origin: seen.origin.name().to_owned(),
            what: name(envelope.body.name()),
            tweet: tweet.map(name),
            author: author.map(words),
            text: text.map(words),
            tokens: tokens(&envelope.body),
        };
        self.tell(line);
    }

    fn fired(&mut self, firing: &Firing) {
        let actor = firing.subject.actor();
        let is_theirs = |handle: &String| actor.handle.as_deref().is_some_and(|of| bare(of) == *handle);
        if !self.wants_rule(&firing.rule) || !self.filter.handle.as_ref().is_none_or(is_theirs) {
            return;
        }
        if self.filter.handle.is_some() {
            self.firings.add(firing.id);
        }
        if self.filter.suppressed || !self.has_room() {
            return;
        }
        let of = |matched: &crate::model::firing::Matched| words(&format!("{} {}", matched.matcher, matched.value));
        let line = TailLine::Firing {
            at: firing.at.to_string(),
            firing: firing.id.to_string(),
            rule: name(&firing.rule),
            subject: name(&firing.subject.key()),
            author: actor.handle.as_deref().map(words),
            text: firing.subject.tweet().and_then(|tweet| tweet.text.as_deref()).map(words),
            matched: firing.matched.iter().take(TAIL_LIST).map(of).collect(),
            late: firing.is_late(),
        };
        self.tell(line);
    }

    fn ended(&mut self, report: &Report, action: &str, trading: bool, at: Timestamp) {
        let FiringBrief { id, rule, subject, .. } = &*report.firing;
        let is_theirs = self.filter.handle.is_none() || self.firings.has(id);
        let is_held_back = matches!(report.outcome, Outcome::Suppressed { .. } | Outcome::Expired);
        if !self.wants_rule(rule) || !is_theirs || (self.filter.suppressed && !is_held_back) || !self.has_room() {
            return;
        }
        let why = match &report.outcome {
            Outcome::Suppressed { reason } => Some(reason.name().to_owned()),
            Outcome::Dead { reason } | Outcome::Unknown { reason } => Some(words(reason)),
            _ => None,
        };
        let line = TailLine::Delivery {
            at: at.to_string(),
            firing: id.to_string(),
            rule: name(rule),
            subject: name(subject),
            action: name(action),
            trading,
            outcome: report.outcome.name().to_owned(),
            why,
            attempts: report.attempts,
            took_ms: ms(report.took),
        };
        self.tell(line);
    }

    fn wants_rule(&self, rule: &str) -> bool {
        self.filter.rule.as_deref().is_none_or(|wanted| wanted == rule)
    }

    /// What there is no room for is not made.
    fn has_room(&mut self) -> bool {
        let is_full = self.lines.is_full();
        self.dropped += u64::from(is_full);
        !is_full
    }

    /// What there is no room for is dropped, and said as soon as there is.
    fn tell(&mut self, line: TailLine) {
        if self.dropped > 0 && self.lines.send(TailLine::Dropped { lines: self.dropped }) {
            self.dropped = 0;
        }
        if self.dropped > 0 || !self.lines.send(line) {
            self.dropped += 1;
        }
    }
}

/// The newest of some, to know them again.
#[derive(Debug)]
struct Recent<T> {
    known: HashSet<T>,
    order: VecDeque<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { known: HashSet::new(), order: VecDeque::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Recent<T> {
    fn add(&mut self, one: T) {
        if !self.known.insert(one.clone()) {
            return;
        }
        self.order.push_back(one);
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn has<Q: Eq + std::hash::Hash + ?Sized>(&self, one: &Q) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        self.known.contains(one)
    }
}

/// A handle as people mean it.
fn bare(handle: &str) -> String {
    crate::model::envelope::bare(handle, '@').to_lowercase()
}

/// Who says what.
fn says<'a>(body: &'a Body<'_>) -> (Option<&'a str>, Option<&'a str>) {
    match body {
        Body::Content(part) | Body::Update(part) | Body::Delete(part) | Body::Pin(part) | Body::Unpin(part) => {
            (part.author.as_ref().and_then(|author| author.handle.as_deref()), part.text.as_deref())
        }
        _ => (None, None),
    }
}

fn tokens(body: &Body<'_>) -> Vec<String> {
    let Body::Meta(meta) = body else { return Vec::new() };
    let Some(detected) = &meta.detected else { return Vec::new() };
    let tokens = detected.tokens.iter().filter_map(|token| token.symbol.as_deref().or(token.contract.as_deref()));
    let markets = detected.markets.iter().filter_map(|market| market.symbol.as_deref());
    tokens.chain(markets).take(TAIL_LIST).map(name).collect()
}

/// A name, or as much of it as a line holds.
fn name(name: &str) -> String {
    name.chars().take(TAIL_NAME).collect()
}

/// That there is no such rule, and which was meant.
fn unknown(name: &str, rules: &RuleSet) -> Option<String> {
    let names = || rules.rules.iter().map(|rule| &*rule.name).chain([NOTICES]);
    if names().any(|known| known == name) {
        return None;
    }
    let name: String = name.chars().take(TAIL_NAME).collect();
    let near = names().map(|known| (strsim::damerau_levenshtein(known, &name), known)).min();
    Some(match near.filter(|(distance, _)| *distance <= 3) {
        Some((_, near)) => format!("this birdcall has no rule {name:?}; did you mean {near:?}?"),
        None => format!("this birdcall has no rule {name:?} among its {}", rules.rules.len()),
    })
}

/// The first of somebody's words.
fn words(text: &str) -> String {
    text.chars().take(TAIL_WORDS).collect()
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
