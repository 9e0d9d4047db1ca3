//! tests of rules × rules → which hold, and why not. Pure: a test is a story in the log's time, through the engine that the live feed
//! goes through.

mod because;
mod example;
mod judge;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::decode;
use crate::engine::{Account, Engine, FiringAccount, Input, RuleAccount};
use crate::model::action::Span;
use crate::model::firing::Origin;
use crate::model::ids::TweetId;
use crate::model::subject::{Event, Str};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::rules::test_file::{START, Says, Test};

pub use because::{holds_back, reasons};
pub use example::{example, quoted};

/// Tweets and firings that a test's engine remembers at least.
const REMEMBERED: usize = 1_000;

/// One envelope of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it came, if the file says so.
    pub at: Option<Timestamp>,
    /// How it came.
    pub origin: Origin,
    /// Its JSON.
    pub text: String,
}

/// Reads a file that a test names, or says why not.
pub type Files<'f> = &'f dyn Fn(&str) -> Result<Vec<Recorded>, String>;

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
    /// What it was about: `tweet:1`, …
    pub subject: String,
    /// Which of its events.
    pub event: Event,
    /// What the rule made of it.
    pub rule: RuleAccount,
}

/// All that happened in a test.
#[derive(Debug, Default)]
struct Story {
    firings: Vec<(Duration, FiringAccount)>,
    /// By subject and event, in order. Only the latest of each where nothing asks for earlier ones.
    accounts: BTreeMap<(String, Event), Vec<(Duration, Account)>>,
    keeps_all: bool,
}

impl Story {
    fn take(&mut self, at: Timestamp, accounts: Vec<Account>, firings: Vec<FiringAccount>) {
        let since = at.since(Timestamp::from_millis(START));
        self.firings.extend(firings.into_iter().map(|firing| (since, firing)));
        for account in accounts {
            let known = self.accounts.entry((account.subject.key(), account.subject.event)).or_default();
            if !self.keeps_all {
                known.clear();
            }
            known.push((since, account));
        }
    }
}

/// Runs one test: what happens in it, then time until nothing is waited for, then what was expected is held against what was done.
#[must_use]
pub fn run(test: &Test, rules: &Arc<RuleSet>, files: Files<'_>) -> Tested {
    let mut told = Vec::new();
    let mut failures = Vec::new();
    for event in &test.events {
        let at = Timestamp::from_millis(START).plus(event.at);
        match &event.says {
            Says::Frame(text) => told.push((event.span, Recorded { at: Some(at), origin: event.origin, text: text.clone() })),
            Says::Nothing => told.push((event.span, Recorded { at: Some(at), origin: event.origin, text: String::new() })),
            Says::File(path) => match files(path) {
                Ok(recorded) => told.extend(laid_out(recorded, at).into_iter().map(|recorded| (event.span, recorded))),
                Err(why) => failures.push(broken(event.span, format!("`{path}` can be read"), why)),
            },
        }
    }
    let wanted = |rule: &Rule| test.expect.iter().any(|of| rules.rules.get(of.rule).is_some_and(|asked| asked.name == rule.name));
    let mut engine = Engine::forgetful(Arc::clone(rules), told.len().max(REMEMBERED));
    let mut story = Story { keeps_all: test.expect.iter().any(|of| of.at.is_some()), ..Story::default() };
    let mut tweets: Vec<TweetId> = Vec::new();
    for (span, recorded) in &told {
        let at = recorded.at.unwrap_or_default();
        if recorded.text.is_empty() {
            take(&mut story, &mut engine, &Input::Tick(at), &wanted);
            continue;
        }
        match decode::decode(&recorded.text) {
            Ok(envelope) => {
                if let Some(id) = envelope.body.tweet_id().map(TweetId::new)
                    && !tweets.contains(&id)
                {
                    tweets.push(id);
                }
                take(&mut story, &mut engine, &Input::Entry { envelope: &envelope, at, origin: recorded.origin }, &wanted);
            }
            Err(why) => {
                failures.push(broken(*span, "an envelope of the feed".to_owned(), format!("{why}: {}", cut(&recorded.text))))
            }
        }
    }
    let over = told.iter().filter_map(|(_, of)| of.at).max().unwrap_or(Timestamp::from_millis(START)).plus(longest_wait(rules));
    take(&mut story, &mut engine, &Input::Tick(over), &wanted);
    let last: Vec<_> = tweets.iter().filter_map(|id| engine.account_of(id, &wanted)).collect();
    story.take(over, last, Vec::new());
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

fn take(story: &mut Story, engine: &mut Engine, input: &Input<'_>, wanted: &dyn Fn(&Rule) -> bool) {
    for moment in engine.step_told(input, wanted) {
        story.take(moment.at, moment.accounts, moment.firings);
    }
}

/// The rules of a set that no test made fire, by their names; of those that are not off.
#[must_use]
pub fn never_fired(rules: &RuleSet, tested: &[Tested]) -> Vec<Str> {
    let fires = |at: usize| tested.iter().any(|test| test.fired.binary_search(&at).is_ok());
    let silent = rules.rules.iter().enumerate().filter(|(at, rule)| rule.mode != crate::model::mode::Mode::Off && !fires(*at));
    silent.map(|(_, rule)| rule.name.clone()).collect()
}

/// Envelopes of a file, moved so that the first comes at `from`: as far apart as they were.
fn laid_out(mut recorded: Vec<Recorded>, from: Timestamp) -> Vec<Recorded> {
    let first = recorded.iter().find_map(|of| of.at).unwrap_or_default();
    let mut now = from;
    for of in &mut recorded {
        let at = of.at.map_or(now, |at| from.plus(at.since(first)));
        now = now.max(at);
        of.at = Some(now);
    }
    recorded
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
