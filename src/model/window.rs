//! Rules over time: what is counted apart from what, and what a firing tells of the matches that it came of (RULES 4).

use super::firing::Element;
use super::ids::TweetId;
use super::price::Price;
use super::short::ShortText;
use super::subject::{Event, Platform, Str};
use super::time::Timestamp;

/// What things are counted, or held back, apart by: `per` and `of` in rules.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The tweet's author, or whoever did something.
    Author,
    /// The token: by chain and contract, else by its symbol. Two contracts under one symbol are two tokens.
    Token,
    /// The token's contract, on whatever chain.
    Contract,
    /// The market of an exchange.
    Market,
    /// The prediction market.
    Prediction,
    /// The tweet.
    Tweet,
}

impl Part {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 6] = [Self::Author, Self::Token, Self::Contract, Self::Market, Self::Prediction, Self::Tweet];

    /// As rules.toml spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Token => "token",
            Self::Contract => "contract",
            Self::Market => "market",
            Self::Prediction => "prediction",
            Self::Tweet => "tweet",
        }
    }
}

/// A handle, as a window keeps it: those of X are inside, so that it can be forgotten without a look at memory that is far away.
pub type Who = ShortText<22>;

/// One match that a window took in: what a firing says of it. It has the same size whatever the tweet says.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Member {
    /// Who did it, by handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The tweet, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tweet: Option<TweetId>,
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// At what price of its token, market or prediction, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// What became true over time, and of which matches: a firing of a rule with a window tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The type of the window, as rules.toml spells it.
    pub kind: &'static str,
    /// What it is counted apart by, such as the contract of a token; empty where all is counted together.
    pub key: Str,
    /// How many there were within the time: matches, or different values of what is counted. Of `silence`, none.
    pub count: u32,
    /// The matches, the oldest first; of very many the newest.
    pub members: Vec<Member>,
}

/// What the past of a window has left in it that its matches alone do not say: of one key what was told, and used up for that. It is on record as
/// soon as it changes, and a restart gives it back to the window after the matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The rule's name.
    pub rule: Str,
    /// What the window counts, and apart by what, in short: of another one it says nothing.
    pub of: Str,
    /// The key.
    pub key: Str,
    /// When it changed.
    pub at: Timestamp,
    /// What is left. Of a key with nothing left nothing has to be kept.
    pub left: Left,
}

/// What the past has left of a key.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Left {
    /// Where the rule says `rearm`: the moments of the matches that fired, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fired: Vec<Timestamp>,
    /// Of `cross`: the price has not gone back since it fired.
    #[serde(skip_serializing_if = "is_false")]
    pub is_beyond: bool,
    /// Of `sequence`: matches that are used up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<Used>,
    /// Of `silence` with `rearm`: a silence that was told and goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Box<Silent>>,
    /// Of `first_seen`: the last sighting of a value. The key is that and the value's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Box<Member>>,
    /// Of `first_seen`, of no key: sightings of all are on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<Complete>,
}

/// All that a rule with `first_seen` has seen is on record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Complete {
    /// Since when.
    pub since: Timestamp,
    /// By what the rule found its matches, in short: by other words it would have seen others.
    pub by: String,
}

/// A match of a step that is used up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Used {
    /// Of which step.
    pub step: usize,
    /// When it happened.
    pub at: Timestamp,
    /// The tweet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tweet: Option<String>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

/// A silence that was told and goes on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Silent {
    /// The last match.
    #[serde(flatten)]
    pub last: Member,
    /// The token, market or prediction of that, where it is counted by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<Box<Element>>,
    /// When it was told the last time.
    pub told: Timestamp,
    /// How often it was told. `None`: an earlier version has written this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// In how many milliseconds, of such as the feed is heard in, it is told again.
    pub again_in: i64,
}

impl Left {
    /// There is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// It is of `first_seen`: of what was seen, which is much and needed for long.
    #[must_use]
    pub fn is_sighting(&self) -> bool {
        self.seen.is_some() || self.complete.is_some()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(it: &bool) -> bool {
    !it
}
