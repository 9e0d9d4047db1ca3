//! tests of rules × rules → which hold, and why not. Pure: a test is a story in the log's time, through the engine that the live feed
//! goes through.

mod because;
mod example;
mod judge;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use self::told::Told;
use crate::decode;
use crate::engine::{Account, Answer, Engine, FiringAccount, Gathering, Input, RuleAccount};
use crate::model::action::Span;
use crate::model::firing::{Firing, Origin};
use crate::model::ids::TweetId;
use crate::model::subject::{Event, Str};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::rules::test_file::Test;
use crate::suppress::days::Days;

pub use because::{holds_back, reasons};
pub use example::{example, quoted};

/// Tweets and firings that a test's engine remembers at least.
const REMEMBERED: usize = 1_000;

/// One envelope of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it came.
    pub at: Timestamp,
    /// How it came.
    pub origin: Origin,
    /// Its JSON.
    pub text: String,
}

/// The envelopes of a file.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// In order.
    pub entries: Vec<Recorded>,
    /// Where nothing in it says when it was: the moment from which those of its entries are counted.
    pub counted_from: Option<Timestamp>,
}

/// Reads a file that a test names, or says why not.
pub type Files<'f> = &'f dyn Fn(&str) -> Result<Recording, String>;

/// What came of one test.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Nothing is wrong with it when there are none.
    pub failures: Vec<Failure>,
    /// The rules that fired, by their place among the rules, each once.
    pub fired: Vec<usize>,
}

/// What was expected and was not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In words.
    pub expected: String,
    /// In words, a line for each thing.
    pub found: Vec<String>,
    /// What to do, if that is known.
    pub help: Option<String>,
}

/// One expectation that does not hold, or an event that cannot be told.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Where it stands.
    pub span: Span,
    /// What differs.
    pub differs: Difference,
    /// What the rule that it is about made of each subject, the latest of each.
    pub looks: Vec<Look>,
}

/// What a rule made of a subject, at some moment of a test.
#[derive(Clone, Debug)]
pub struct Look {
    /// Since the test began.
    pub at: Duration,
    /// The same in the log's time.
    pub now: Timestamp,
    /// What it was about: `tweet:1`, …
    pub subject: String,
    /// Which of its events.
    pub event: Event,
    /// What the rule made of it.
    pub rule: RuleAccount,
}

/// What is the latest of each subject and event: what the rules made of it, and when.
type Latest = BTreeMap<(String, Event), (Duration, Account)>;

/// All that happened in a test.
#[derive(Debug, Default)]
struct Story {
    firings: Vec<(Duration, FiringAccount)>,
    /// At the end.
    latest: Latest,
    /// At every moment that is asked about.
    moments: BTreeMap<Duration, Latest>,
}

impl Story {
    /// The latest looks at a moment, or at the end.
    fn looks(&self, at: Option<Duration>) -> impl Iterator<Item = &(Duration, Account)> {
        let latest = at.map_or(Some(&self.latest), |at| self.moments.get(&at));
        latest.into_iter().flat_map(BTreeMap::values)
    }

    /// What a window said when it took a match in stays what is said of it.
    fn keep(&mut self, at: Duration, accounts: impl IntoIterator<Item = Account>) {
        for mut account in accounts {
            let of = (account.subject.key(), account.subject.event);
            if let Some((_, before)) = self.latest.get(&of) {
                for (now, before) in account.rules.iter_mut().zip(&before.rules) {
                    keep_words(now, before);
                }
            }
            self.latest.insert(of, (at, account));
        }
    }

    /// How it stands now.
    fn note(&mut self, now: Duration) {
        let mut latest = self.latest.clone();
        for (at, account) in latest.values_mut().filter(|(at, _)| *at < now) {
            *at = now;
            // What fired then has fired before now.
            let rules = account.rules.iter_mut();
            rules.flat_map(|of| of.seen.iter_mut().map(|seen| &mut seen.answer).chain([&mut of.answer])).for_each(|answer| {
                if *answer == Answer::Fires {
                    *answer = Answer::Fired;
                }
            });
        }
        self.moments.insert(now, latest);
    }
}

/// Where now only is known that a window has counted it: what the window said then.
fn keep_words(now: &mut RuleAccount, before: &RuleAccount) {
    const COUNTED: Answer = Answer::OverTime(Gathering::Counted);
    for seen in now.seen.iter_mut().filter(|seen| seen.answer == COUNTED) {
        let then = before.seen.iter().find(|of| of.id == seen.id && of.answer.is_news_of_a_window());
        seen.answer = then.map_or(COUNTED, |then| then.answer);
    }
    if now.answer == COUNTED {
        let then = now.seen.iter().map(|seen| seen.answer).find(|answer| answer.is_news_of_a_window());
        now.answer = then.unwrap_or(COUNTED);
    }
}

/// A test on its way.
struct Run<'r> {
    engine: Engine,
    days: Days,
    begun: Timestamp,
    wanted: &'r dyn Fn(&Rule) -> bool,
    story: Story,
    /// In the order in which they were first heard of.
    tweets: Vec<TweetId>,
    known: HashSet<TweetId>,
}

impl Run<'_> {
    fn step(&mut self, input: &Input<'_>) {
        for moment in self.engine.step_told(input, self.wanted, &mut self.days) {
            let since = moment.at.since(self.begun);
            self.story.firings.extend(moment.firings.into_iter().map(|firing| (since, firing)));
            self.story.keep(since, moment.accounts);
        }
    }

    /// Time passes until then, and every tweet is looked at.
    fn look(&mut self, since: Duration) {
        self.step(&Input::Tick(self.begun.plus(since)));
        for id in &self.tweets {
            self.story.keep(since, self.engine.account_of(id, self.wanted));
        }
    }

    /// Time passes until then. A silence that was told goes on for as long as nothing happens, so that once more is no news.
    fn wait_for_silence(&mut self, until: Timestamp) {
        for moment in self.engine.step_told(&Input::Tick(until), self.wanted, &mut self.days) {
            let since = moment.at.since(self.begun);
            for of in moment.firings {
                let is_same = |told: &Firing| {
                    told.rule == of.firing.rule
                        && told.subject.key() == of.firing.subject.key()
                        && told.element == of.firing.element
                };
                if !self.story.firings.iter().any(|(_, told)| is_same(&told.firing)) {
                    self.story.firings.push((since, of));
                }
            }
            self.story.keep(since, moment.accounts);
        }
    }

    fn hear(&mut self, told: &Told) -> Result<(), String> {
        let Some(text) = &told.text else {
            self.step(&Input::Tick(told.at));
            return Ok(());
        };
        let envelope = decode::decode(text).map_err(|why| format!("{why}: {}", cut(text)))?;
        if let Some(id) = envelope.body.tweet_id().map(TweetId::new)
            && self.known.insert(id.clone())
        {
            self.tweets.push(id);
        }
        self.step(&Input::Entry { envelope: &envelope, at: told.at, origin: told.origin });
        Ok(())
    }
}

/// Runs one test: what happens in it, then time until nothing is waited for, then what was expected is held against what was done.
#[must_use]
pub fn run(test: &Test, rules: &Arc<RuleSet>, files: Files<'_>) -> Tested {
    let (begun, all, mut failures) = told::told(test, files);
    let wanted = |rule: &Rule| test.expect.iter().any(|of| rules.rules.get(of.rule).is_some_and(|asked| asked.name == rule.name));
    let engine = Engine::forgetful(Arc::clone(rules), all.len().max(REMEMBERED));
    let (story, tweets, known) = (Story::default(), Vec::new(), HashSet::new());
    let mut run = Run { engine, days: Days::default(), begun, wanted: &wanted, story, tweets, known };
    let mut asked: BTreeSet<Duration> = test.expect.iter().filter_map(|of| of.at).collect();
    let mut now = Duration::ZERO;
    let mut look_until = |run: &mut Run<'_>, until: Option<Duration>| {
        while let Some(at) = asked.pop_first() {
            if until.is_some_and(|until| at >= until) {
                asked.insert(at);
                return;
            }
            run.look(at);
            run.story.note(at);
            now = now.max(at);
        }
    };
    for told in &all {
        look_until(&mut run, Some(told.at.since(begun)));
        if let Err(why) = run.hear(told) {
            failures.push(broken(told.span, "an envelope of the feed".to_owned(), why));
        }
    }
    look_until(&mut run, None);
    let last = all.last().map_or(Duration::ZERO, |told| told.at.since(begun)).max(now);
    run.look(last.saturating_add(longest_wait(rules)));
    // What has to be silent for so long is silent then.
    if let Some(silent) = rules.rules.iter().filter(|rule| wanted(rule)).filter_map(Rule::silent_for).max() {
        run.wait_for_silence(begun.plus(last.saturating_add(silent)));
    }
    let story = run.story;
    failures.extend(test.expect.iter().filter_map(|expect| judge::judge(expect, rules, &story)));
    let mut fired: Vec<_> = story.firings.iter().filter_map(|(_, of)| place_of(rules, &of.firing.rule)).collect();
    fired.sort_unstable();
    fired.dedup();
    Tested { name: test.name.clone(), span: test.span, failures, fired }
}

/// How long any rule waits for what has not come.
#[must_use]
pub fn longest_wait(rules: &RuleSet) -> Duration {
    rules.rules.iter().map(|rule| rule.wait.unwrap_or(rules.feed.meta_timeout)).max().unwrap_or_default()
}

/// The rules of a set that no test made fire, by their names; of those that are not off.
#[must_use]
pub fn never_fired(rules: &RuleSet, tested: &[Tested]) -> Vec<Str> {
    let fires = |at: usize| tested.iter().any(|test| test.fired.binary_search(&at).is_ok());
    let silent = rules.rules.iter().enumerate().filter(|(at, rule)| rule.mode != crate::model::mode::Mode::Off && !fires(*at));
    silent.map(|(_, rule)| rule.name.clone()).collect()
}

fn broken(span: Span, expected: String, why: String) -> Failure {
    Failure { span, differs: Difference { expected, found: vec![why], help: None }, looks: Vec::new() }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn place_of(rules: &RuleSet, name: &str) -> Option<usize> {
    rules.rules.iter().position(|rule| *rule.name == *name)
}
