//! One firing on its way to one action, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use super::firing::Firing;
use super::message::Body;
use super::time::Timestamp;

/// One firing on its way to one action.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What fired. Its id is the idempotency key.
    pub firing: Arc<Firing>,
    /// Index of the action in the rule set.
    pub action: usize,
    /// Nothing is sent at or after this moment.
    pub expires_at: Timestamp,
    /// The message.
    pub body: Body,
    /// Our own words and the tweet's link, sent once if the platform refuses the message itself. Chat only.
    pub fallback: Option<Body>,
}

/// What became of a delivery: every delivery ends in exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination said that it has it.
    Delivered {
        /// The destination's own id of the message, when it gave one.
        receipt: Option<String>,
        /// It was the fallback that was taken.
        fallback: bool,
    },
    /// It was too old before it could be sent; also an order on news that did not come live, which is too old from the start.
    Expired,
    /// The destination refused for good.
    Dead {
        /// In words, with the destination's answer, without secrets.
        reason: String,
    },
    /// Bytes left us and no answer came: it may have arrived. For orders, which are never sent twice, and for chat messages whose second
    /// attempt went unanswered too.
    Unknown {
        /// In words.
        reason: String,
    },
    /// The lane was full and the action's `overflow` let it go.
    Dropped,
    /// The program stopped first.
    Abandoned,
}

impl Outcome {
    /// One word for counters and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Expired => "expired",
            Self::Dead { .. } => "dead",
            Self::Unknown { .. } => "unknown",
            Self::Dropped => "dropped",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The end of one delivery, as its lane reports it.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it was about.
    pub firing: Arc<Firing>,
    /// Index of the action in the rule set.
    pub action: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// How many requests were made.
    pub attempts: u32,
    /// From the firing to the outcome.
    pub took: Duration,
}
