//! (now, input) → matches: join → match, and the waits for what may still be said of a tweet.

mod account;

use std::sync::Arc;
use std::time::Duration;

use super::Input;
use super::finder::Finder;
use super::generations::{Generations, Numbers};
use super::judge::{Judged, Match, TweetState, judge};
use super::look::{Look, wait_of};
use super::waits::{Hold, Waits};
use crate::join::{Bounds, Joined, Joiner, Known, Said};
use crate::matching::Facts;
use crate::model::envelope::{Body, Envelope};
use crate::model::firing::Origin;
use crate::model::ids::TweetId;
use crate::model::subject::{Event, Subject, Tweet};
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;

pub(super) use account::Asked;

/// Rules that have become true for one subject.
pub(super) struct Matches<'m> {
    /// Never empty.
    pub(super) rules: Vec<Match>,
    pub(super) facts: &'m Facts<'m>,
    /// How they come to us.
    pub(super) origin: Origin,
    /// When.
    pub(super) at: Timestamp,
    of: Of<'m>,
}

enum Of<'m> {
    Tweet(&'m Tweet<&'m str>, Timestamp),
    Other(&'m Subject),
}

impl Matches<'_> {
    /// The subject, with texts of its own.
    pub(super) fn subject(&self) -> Subject {
        match self.of {
            Of::Tweet(tweet, at) => Subject::of_tweet(tweet.owned(), at),
            Of::Other(subject) => subject.clone(),
        }
    }
}

/// Told of every match, in the order in which they come to be.
pub(super) type Told<'t> = &'t mut dyn FnMut(Matches<'_>);

/// How much of that came of a wait's end and not of an envelope.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled {
    /// Rules.
    pub(super) rules: u64,
    /// Tweets that had to be forgotten while rules waited.
    pub(super) early: u64,
}

/// What joins and matches. It does not know what has fired, but for the tweets that it remembers.
#[derive(Debug)]
pub(super) struct Observer {
    rules: Arc<RuleSet>,
    finder: Box<Finder>,
    joiner: Joiner<TweetState>,
    waits: Waits,
    now: Timestamp,
    /// Of the latest entry.
    news: bool,
    /// How far the feed's clock is ahead of ours, in ms.
    ahead: i64,
    settled: Settled,
    generations: Generations,
}

impl Observer {
    pub(super) fn new(rules: Arc<RuleSet>, finder: Finder, tweets: Bounds) -> Self {
        Self {
            rules,
            finder: Box::new(finder),
            joiner: Joiner::new(tweets),
            waits: Waits::default(),
            now: Timestamp::default(),
            news: false,
            ahead: 0,
            settled: Settled::default(),
            generations: Generations::default(),
        }
    }

    /// See [`Joiner::touch`].
    pub(super) fn touch(&mut self) {
        self.joiner.touch();
    }

    /// Goes on with other rules, which do to the numbers of those of before what `numbers` says. What was there is returned, so that it can be let
    /// go somewhere else: of many rules that takes its time.
    pub(super) fn replace_rules(
        &mut self,
        rules: Arc<RuleSet>,
        finder: Box<Finder>,
        numbers: Numbers,
    ) -> (Arc<RuleSet>, Box<Finder>) {
        self.generations.begin(numbers);
        (std::mem::replace(&mut self.rules, rules), std::mem::replace(&mut self.finder, finder))
    }

    pub(super) fn reset_counts(&mut self) {
        self.settled = Settled::default();
        self.joiner.reset_counts();
    }

    pub(super) fn hold(&mut self, hold: Hold) {
        self.waits.set_hold(hold);
        // What rules wait for may have been said of any.
        self.joiner.keep_old(hold != Hold::Nothing);
    }

    pub(super) fn feed_is_ahead(&mut self, ms: i64) {
        self.ahead = ms;
        self.joiner.feed_is_ahead(ms);
    }

    /// Waits for what another observer waits for that has heard the same, too, from now on. `number`: that of its rules here, of those that are wanted.
    pub(super) fn wait_with(&mut self, other: &mut Self, number: impl Fn(u32) -> Option<u32>) {
        for id in other.waits.tweets() {
            let theirs = other.joiner.state(&id).map(|state| state.unknown()).unwrap_or_default();
            let awaiting: Vec<u32> = theirs.iter().filter_map(|rule| number(*rule)).collect();
            if awaiting.is_empty() {
                continue;
            }
            self.renumber(&id);
            let Some(state) = self.joiner.state(&id) else { continue };
            state.await_also(&awaiting);
            for rule in awaiting.iter().filter_map(|rule| self.rules.rules.get(*rule as usize)) {
                let wait = wait_of(&self.rules, rule);
                if let Some(deadline) = state.deadline(wait).filter(|deadline| !state.waits().contains(&(*deadline, wait))) {
                    state.set_wait((deadline, wait));
                    self.waits.push((deadline, id.clone(), wait));
                }
            }
        }
    }

    /// What is known of a tweet.
    pub(super) fn subject(&mut self, id: &TweetId) -> Option<Subject> {
        self.joiner.subject(id)
    }

    pub(super) fn was_news(&self) -> bool {
        self.news
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.waits.next()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn settled(&self) -> Settled {
        self.settled
    }

    pub(super) fn join_counts(&self) -> crate::join::Counts {
        self.joiner.counts()
    }

    /// One step.
    pub(super) fn step(&mut self, input: &Input<'_>, told: Told<'_>) {
        match input {
            Input::Tick(now) => self.pass_time(*now, told),
            Input::Entry { envelope, at, origin } => {
                self.pass_time(*at, told);
                match Said::of(envelope) {
                    Some(said) => self.said(&said, matches!(envelope.body, Body::Content(_)), *origin, told),
                    None => self.other(envelope, *origin, told),
                }
            }
        }
    }

    /// An envelope says something of a tweet.
    fn said(&mut self, said: &Said<'_>, is_content: bool, origin: Origin, told: Told<'_>) {
        let id = &said.tweet().id;
        self.renew(id, told);
        self.news = self.joiner.absorb_said(said, self.now);
        self.settle_forgotten(told);
        if let Some(state) = self.joiner.state(id) {
            let (hold, now) = (self.waits.hold(), self.now);
            let was_held = state.is_held(hold);
            state.came(origin, is_content);
            if was_held && !state.is_held(hold) {
                // Those that are over were put aside; they end now.
                state
                    .waits()
                    .iter()
                    .filter(|(at, _)| *at <= now)
                    .for_each(|(at, wait)| self.waits.push((*at, id.clone(), *wait)));
            }
        }
        if self.news {
            self.tweet(id, Some(said), origin, told);
        }
    }

    /// An envelope says something else, or nothing.
    fn other(&mut self, envelope: &Envelope<'_>, origin: Origin, told: Told<'_>) {
        if let Body::Delete(part) | Body::Pin(part) | Body::Unpin(part) = &envelope.body {
            self.renew(&TweetId::new(&part.tweet_id), told);
        }
        let joined = self.joiner.absorb(envelope, self.now);
        self.settle_forgotten(told);
        self.news = matches!(joined, Joined::Event { .. });
        let Joined::Event { subject, taught } = joined else { return };
        if let Some(tweet) = subject.tweet().filter(|_| taught) {
            self.tweet(&tweet.id, None, origin, told);
        }
        self.event(&subject, origin, told);
    }

    /// Settles the rules whose wait is over, in the order in which the waits ended.
    fn pass_time(&mut self, to: Timestamp, told: Told<'_>) {
        let hold = self.waits.hold();
        while let Some((at, id, wait)) = self.waits.pop(to, |id| self.joiner.state(id).is_some_and(|state| state.is_held(hold))) {
            self.now = self.now.max(at);
            self.settle(&id, (at, wait), told);
        }
        self.now = self.now.max(to);
    }

    /// A wait is over.
    fn settle(&mut self, id: &TweetId, wait: (Timestamp, Duration), told: Told<'_>) {
        self.renumber(id);
        let Some(state) = self.joiner.state(id) else { return };
        state.end_wait(wait);
        // The content came later, and with it a later deadline; or what was unknown is so no more.
        if state.deadline(wait.1) != Some(wait.0) || state.unknown().is_empty() {
            return;
        }
        let due = self.due(id, wait.1);
        let Some(Known { tweet, state, at }) = self.joiner.get(id) else { return };
        let origin = state.settled_origin();
        let facts = Facts::of_tweet(&tweet, state.age(&tweet, self.ahead));
        let matches = settled(&self.rules, &facts, state, |of| of == wait.1 || due.contains(&of));
        self.settled.rules += matches.len() as u64;
        if !matches.is_empty() {
            told(Matches { rules: matches, facts: &facts, origin, at: self.now, of: Of::Tweet(&tweet, at) });
        }
    }

    /// Tweets that had to be forgotten before their time are settled as they are: a rule that waits for what does not come must not be lost.
    fn settle_forgotten(&mut self, told: Told<'_>) {
        while let Some(mut forgotten) = self.joiner.take_forgotten() {
            if forgotten.state().waits().is_empty() {
                continue;
            }
            let Known { tweet, state, at } = forgotten.known();
            let origin = state.settled_origin();
            let facts = Facts::of_tweet(&tweet, state.age(&tweet, self.ahead));
            let waits: Vec<_> = state.waits().iter().map(|(_, wait)| *wait).collect();
            let is_behind = self.generations.is_behind(state.generation);
            renumber(&self.generations, state);
            let matches = settled(&self.rules, &facts, state, |of| is_behind || waits.contains(&of));
            self.settled.early += 1;
            if !matches.is_empty() {
                told(Matches { rules: matches, facts: &facts, origin, at: self.now, of: Of::Tweet(&tweet, at) });
            }
        }
    }

    /// Gives the rules that are remembered of a tweet the numbers that they have now.
    fn renumber(&mut self, id: &TweetId) {
        if self.generations.is_first() {
            return;
        }
        if let Some(state) = self.joiner.state(id) {
            renumber(&self.generations, state);
        }
    }

    /// Of a tweet that the rules of now have not looked at, a wait of `over` has ended: the waits that have ended with it, of rules that wait for
    /// another time now than when that was set. Those that go on are set.
    fn due(&mut self, id: &TweetId, over: Duration) -> Vec<Duration> {
        let mut due = Vec::new();
        let Some(state) = self.joiner.state(id).filter(|state| self.generations.is_behind(state.generation)) else { return due };
        for rule in state.unknown().to_vec() {
            let wait = self.rules.rules.get(rule as usize).map_or(over, |rule| wait_of(&self.rules, rule));
            let Some(deadline) = state.deadline(wait).filter(|deadline| !state.waits().contains(&(*deadline, wait))) else {
                continue;
            };
            if deadline <= self.now {
                due.push(wait);
            } else {
                state.set_wait((deadline, wait));
                self.waits.push((deadline, id.clone(), wait));
            }
        }
        due
    }

    /// Brings what is remembered of a tweet up to the rules of now, if those of before were the last that looked at it. What was being waited for
    /// is waited for still. Of the others, what is true of the tweet as it was known so far came true while nobody asked: it does not fire any
    /// more, as it does not after a start that replays the tweet.
    fn renew(&mut self, id: &TweetId, told: Told<'_>) {
        if self.generations.is_first() {
            return;
        }
        self.renumber(id);
        if !self.joiner.state(id).is_some_and(|state| self.generations.is_behind(state.generation)) {
            return;
        }
        let Some(Known { tweet, state, at }) = self.joiner.get(id) else { return };
        let (waited, origin) = (state.unknown().to_vec(), state.settled_origin());
        let facts = Facts::of_tweet(&tweet, state.age(&tweet, self.ahead));
        let (rules, finder, waits, now) = (&*self.rules, &mut *self.finder, &mut self.waits, self.now);
        let mut matches = Look { rules, finder, waits, now, generation: self.generations.current() }.at(id, &facts, state);
        matches.retain(|of| u32::try_from(of.rule).is_ok_and(|rule| waited.binary_search(&rule).is_ok()));
        if !matches.is_empty() {
            told(Matches { rules: matches, facts: &facts, origin, at: now, of: Of::Tweet(&tweet, at) });
        }
    }

    /// Something new is known of a tweet: by what an envelope has just said of it, if that was all about it.
    fn tweet(&mut self, id: &TweetId, said: Option<&Said<'_>>, origin: Origin, told: Told<'_>) {
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
        let facts = Facts::of_tweet(&tweet, state.age(&tweet, self.ahead));
        let (rules, finder, waits, now) = (&*self.rules, &mut *self.finder, &mut self.waits, self.now);
        let matches = Look { rules, finder, waits, now, generation: self.generations.current() }.at(id, &facts, state);
        if !matches.is_empty() {
            told(Matches { rules: matches, facts: &facts, origin, at: now, of: Of::Tweet(&tweet, at) });
        }
        self.waits.forget(|id| self.joiner.contains(id));
    }

    /// Something else happened: a deletion, a pin, an account event. Nothing is waited for: it is all that will be known.
    fn event(&mut self, subject: &Subject, origin: Origin, told: Told<'_>) {
        let created = subject.tweet().and_then(|tweet| tweet.created_at);
        let facts = Facts::of(subject, created.map(|created| self.now.shifted(self.ahead).since(created)));
        let (mut state, mut matches) = (TweetState::default(), Vec::new());
        self.finder.find(subject.event, &facts, true, std::iter::empty());
        for candidate in &self.finder.rules {
            let at = candidate.rule as usize;
            judge(
                &Judged { at, rule: &self.rules.rules[at], event: subject.event, settled: true },
                &facts,
                &mut state,
                &mut matches,
            );
        }
        if !matches.is_empty() {
            told(Matches { rules: matches, facts: &facts, origin, at: self.now, of: Of::Other(subject) });
        }
    }
}

/// Gives the rules that a tweet's state speaks of the numbers that they have now.
fn renumber(generations: &Generations, state: &mut TweetState) {
    let of = state.numbered;
    if generations.is_behind(of) {
        state.renumber(|rule| generations.number(rule, of));
        state.numbered = generations.current();
    }
}

/// Judges the rules whose wait is over. Only those that were unknown when the tweet was last looked at: nothing new has been said of it since,
/// and what was false then is false now.
fn settled(rules: &RuleSet, facts: &Facts<'_>, state: &mut TweetState, is_over: impl Fn(Duration) -> bool) -> Vec<Match> {
    let is_waiting = |at: &u32| rules.rules.get(*at as usize).is_some_and(|rule| is_over(wait_of(rules, rule)));
    let (over, left): (Vec<u32>, Vec<u32>) = state.unknown().iter().partition(|at| is_waiting(at));
    state.set_unknown(&left);
    let mut matches = Vec::new();
    for at in over {
        let at = at as usize;
        judge(&Judged { at, rule: &rules.rules[at], event: Event::Tweet, settled: true }, facts, state, &mut matches);
    }
    matches
}
