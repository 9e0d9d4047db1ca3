//! Matches and windows in whole seconds, and what came of them in a few words.

use std::time::Duration;

use birdcall::model::ids::TweetId;
use birdcall::model::price::Price;
use birdcall::model::subject::Event;
use birdcall::model::time::Timestamp;
use birdcall::model::window::{Member, Part, Told};
use birdcall::rules::ruleset::{Window, WindowKind};
use birdcall::window::{Clock, Observation, State, Verdict};

/// A match, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) now: i64,
    pub(super) oldest: Option<i64>,
    pub(super) key: u8,
    pub(super) value: u8,
    pub(super) at: i64,
    pub(super) step: usize,
    pub(super) price: Option<f64>,
    pub(super) tweet: u32,
}

/// One that happens and comes at `at`.
pub(super) fn at(at: i64) -> Seen {
    Seen { now: at, oldest: None, key: 0, value: 0, at, step: 0, price: None, tweet: 0 }
}

/// One that happened at `at`, and comes now.
pub(super) fn late(now: i64, at: i64) -> Seen {
    Seen { now, ..self::at(at) }
}

impl Seen {
    pub(super) fn of(self, key: u8, value: u8) -> Self {
        Self { key, value, ..self }
    }

    pub(super) fn step(self, step: usize) -> Self {
        Self { step, ..self }
    }

    pub(super) fn usd(self, price: f64) -> Self {
        Self { price: Some(price), ..self }
    }

    pub(super) fn tweet(self, tweet: u32) -> Self {
        Self { tweet, ..self }
    }

    pub(super) fn fetching(self, oldest: i64) -> Self {
        Self { oldest: Some(oldest), ..self }
    }

    pub(super) fn key(&self) -> String {
        format!("key {}", self.key)
    }

    /// What is told of it.
    pub(super) fn member(&self) -> Member {
        Member {
            who: Some(format!("author {}", self.value).into()),
            platform: None,
            tweet: Some(TweetId::new(&self.tweet.to_string())),
            event: Event::Tweet,
            at: seconds(self.at),
            price: self.price.and_then(Price::new),
        }
    }

    pub(super) fn clock(&self) -> Clock {
        Clock { now: seconds(self.now), oldest: self.oldest.map(seconds) }
    }

    pub(super) fn observation(&self) -> Observation<'static> {
        let value = format!("value {}", self.value).into();
        Observation { key: self.key().into(), value, at: seconds(self.at), step: self.step, member: self.member() }
    }
}

pub(super) fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

/// A window over so many seconds.
pub(super) fn window(kind: WindowKind, within: u64, rearm: Option<u64>) -> Window {
    let rearm = rearm.map(Duration::from_secs);
    Window { kind, within: Duration::from_secs(within), per: vec![Part::Token], rearm, max_keys: 20_000 }
}

/// In words: `fires 2: 1 3` names the tweets.
pub(super) fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Fires(told) => format!("fires {}", told_words(told)),
        Verdict::Gathers { have, need } => format!("{have} of {need}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

pub(super) fn told_words(told: &Told) -> String {
    let tweet = |member: &Member| member.tweet.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{}: {}", told.count, told.members.iter().map(tweet).collect::<Vec<_>>().join(" "))
}

/// What comes of each; a tweet without a number is numbered by its place, from 1 on.
pub(super) fn story(window: &Window, seen: &[Seen]) -> Vec<String> {
    let mut state = State::new(window);
    let numbered = seen.iter().enumerate().map(|(place, seen)| match seen.tweet {
        0 => seen.clone().tweet(place as u32 + 1),
        _ => seen.clone(),
    });
    numbered.map(|seen| words(&state.observe(window, seen.clock(), seen.observation()))).collect()
}

/// Asserts what comes of each.
#[track_caller]
pub(super) fn tells(window: &Window, seen: &[(Seen, &str)]) {
    let (matches, expected): (Vec<_>, Vec<_>) = seen.iter().cloned().unzip();
    assert_eq!(story(window, &matches), expected, "{matches:#?}");
}
