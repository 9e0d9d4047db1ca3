//! One rule having become true for one subject.

use std::sync::Arc;

use super::ids::FiringId;
use super::price::Price;
use super::subject::{Market, Prediction, Str, Subject, Token};
use super::time::Timestamp;
use super::window::Told;

/// How an entry came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Over the live socket.
    Live,
    /// From the history API, to close a gap.
    Backfill,
    /// From a recording.
    Replay,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Live, Self::Backfill, Self::Replay];

    /// As the journal spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Backfill => "backfill",
            Self::Replay => "replay",
        }
    }
}

/// One rule having become true for one subject.
#[derive(Clone, Debug)]
pub struct Firing {
    /// Always the same for the same rule, subject and element.
    pub id: FiringId,
    /// The rule's name.
    pub rule: Str,
    /// What it fired on, as it was known at that moment.
    pub subject: Subject,
    /// The token, market or prediction of a rule with `each`; else the one that made the rule true, if one did.
    pub element: Option<Element>,
    /// What matched and where, for people to read.
    pub matched: Vec<Matched>,
    /// The log's time of the firing.
    pub at: Timestamp,
    /// How the entry that made it true came to us.
    pub origin: Origin,
    /// Of a rule with a window: what became true over time, and of which matches.
    pub window: Option<Box<Told>>,
    /// So many firings were held back since the last one that was not, by the rule's cooldown, limit or hours.
    pub held: u32,
}

impl Firing {
    /// Not from the live socket: an alert that is late.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.origin != Origin::Live
    }

    /// The firing without what it fired on.
    #[must_use]
    pub fn brief(&self) -> Arc<FiringBrief> {
        let (rule, subject) = (Str::clone(&self.rule), self.subject.key());
        Arc::new(FiringBrief { id: self.id, rule, subject, at: self.at, late: self.is_late() })
    }
}

/// A firing without what it fired on: what its deliveries, their reports and the journal need of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringBrief {
    /// Always the same for the same rule, subject and element: the idempotency key.
    pub id: FiringId,
    /// The rule's name.
    pub rule: Str,
    /// The key of the subject: `tweet:ID`, …
    pub subject: String,
    /// The log's time of the firing.
    pub at: Timestamp,
    /// It did not come of the live socket.
    pub late: bool,
}

/// One detected thing of a tweet.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// An on-chain token.
    Token(Token),
    /// A market of an exchange.
    Market(Market),
    /// A prediction market.
    Prediction(Prediction),
}

impl Element {
    /// Its price, at the moment of detection.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        match self {
            Self::Token(token) => token.price,
            Self::Market(market) => market.price,
            Self::Prediction(prediction) => prediction.price,
        }
    }
}

/// One matcher that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The matcher's key in rules.toml: `keyword`, `handle`, `token`, …
    pub matcher: &'static str,
    /// What of the rule it was: the keyword, the handle, the pattern.
    pub value: String,
    /// Where it was found: `text`, `quoted`, `ocr`, `name`, `bio`, `meta`, … or empty.
    pub place: &'static str,
}
