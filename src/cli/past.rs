//! What was heard, through an engine, told: each envelope, and the end of each wait between them, also one that makes a rule false.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::{Account, Answer, Engine, Hold, Input, Moment};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::ids::TweetId;
use crate::model::subject::{Event, Str};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::suppress::days::Days;

/// Tweets and firings that the engine remembers.
const REMEMBERED: usize = 20_000;
/// Tweets that rules wait for of which the end is told where nothing fires: the latest.
const OPEN: usize = 200;

/// A moment; and where a wait's end has made rules false, which, by their places.
pub(super) type Tell<'t> = &'t mut dyn FnMut(&Moment, Option<&[usize]>);

/// What was heard so far.
pub(super) struct Past<'p> {
    rules: Arc<RuleSet>,
    engine: Engine,
    days: Days,
    wanted: &'p dyn Fn(&Rule) -> bool,
    open: VecDeque<Open>,
}

/// A tweet that some rule waits for.
struct Open {
    id: TweetId,
    /// When the first of its waits is over.
    until: Timestamp,
    answers: Vec<(usize, &'static str)>,
}

impl<'p> Past<'p> {
    /// Tells of those rules alone that are wanted.
    pub(super) fn new(rules: &Arc<RuleSet>, wanted: &'p dyn Fn(&Rule) -> bool) -> Self {
        Self::after((Engine::forgetful(Arc::clone(rules), REMEMBERED), Days::default()), rules, wanted)
    }

    /// As [`Self::new`], where an engine with these rules has heard what came before, and actions had so many of their day.
    pub(super) fn after((engine, days): (Engine, Days), rules: &Arc<RuleSet>, wanted: &'p dyn Fn(&Rule) -> bool) -> Self {
        Self { rules: Arc::clone(rules), engine, days, wanted, open: VecDeque::new() }
    }

    /// An envelope, after what was waited for until then.
    pub(super) fn entry(&mut self, envelope: &Envelope<'_>, at: Timestamp, origin: Origin, tell: Tell<'_>) {
        self.pass(Some(at), tell);
        self.step(&Input::Entry { envelope, at, origin }, tell);
    }

    /// An envelope about something else, of which only what it does to what is waited for is told.
    pub(super) fn overhear(&mut self, envelope: &Envelope<'_>, at: Timestamp, origin: Origin, tell: Tell<'_>) {
        self.pass(Some(at), tell);
        drop(self.engine.step_told(&Input::Entry { envelope, at, origin }, &|_| false, &mut self.days));
    }

    /// From then on waits and silences are held, or let go, as they were.
    pub(super) fn hold(&mut self, at: Timestamp, hold: Hold, tell: Tell<'_>) {
        self.pass(Some(at), tell);
        self.step(&Input::Tick(at), tell);
        self.engine.hold(hold);
    }

    /// Time passes; without a moment until nothing is waited for.
    pub(super) fn pass(&mut self, to: Option<Timestamp>, tell: Tell<'_>) {
        loop {
            let open = self.open.iter().map(|open| open.until);
            // A silence ends when time is said to pass, and is no reason for it.
            let next = if to.is_some() { self.engine.next_deadline() } else { self.engine.next_wait() };
            let due = open.chain(next).min();
            let Some(due) = due.filter(|due| to.is_none_or(|to| *due <= to)) else { return };
            self.step(&Input::Tick(due), tell);
            // Where nothing can make a rule true the engine does not wait, and it is unknown all the same until then.
            let (over, open): (VecDeque<_>, _) = self.open.drain(..).partition(|open| open.until <= due);
            self.open = open;
            for before in over {
                let Some(account) = self.engine.account_of(&before.id, self.wanted) else { continue };
                let is_as_before = |rule: usize, answer: Answer| before.answers.contains(&(rule, answer.name()));
                let news = account.rules.iter().filter(|of| !is_as_before(of.rule, of.answer));
                let news: Vec<_> = news.map(|of| of.rule).collect();
                self.note(&account, due);
                if !news.is_empty() {
                    tell(&Moment { at: due, of_wait: true, accounts: vec![account], firings: Vec::new() }, Some(&news));
                }
            }
        }
    }

    /// The silences since a tweet that are still to be told, by rule, and when each is due.
    pub(super) fn silences_of(&self, tweet: &TweetId) -> Vec<(Str, Timestamp)> {
        let mut silences = self.engine.silences_of(tweet);
        let is_wanted = |name: &str| self.rules.rules.iter().any(|rule| *rule.name == *name && (self.wanted)(rule));
        silences.retain(|(rule, _)| is_wanted(rule));
        silences
    }

    fn step(&mut self, input: &Input<'_>, tell: Tell<'_>) {
        for mut moment in self.engine.step_told(input, self.wanted, &mut self.days) {
            let is_wanted = |name: &str| self.rules.rules.iter().any(|rule| *rule.name == *name && (self.wanted)(rule));
            moment.firings.retain(|of| is_wanted(&of.firing.rule));
            moment.accounts.iter().for_each(|account| self.note(account, moment.at));
            if !moment.of_wait || moment.says_something() {
                tell(&moment, None);
            }
        }
    }

    /// Remembers what is waited for, and what was said of it.
    fn note(&mut self, account: &Account, now: Timestamp) {
        let Some(tweet) = account.subject.tweet().filter(|_| account.subject.event == Event::Tweet) else { return };
        self.open.retain(|open| open.id != tweet.id);
        let until = account.rules.iter().filter_map(|of| match of.answer {
            Answer::Unknown { until } => until.filter(|until| *until > now),
            _ => None,
        });
        if let Some(until) = until.min() {
            let answers = account.rules.iter().map(|of| (of.rule, of.answer.name())).collect();
            self.open.push_back(Open { id: tweet.id.clone(), until, answers });
            self.open.drain(..self.open.len().saturating_sub(OPEN));
        }
    }
}
