//! One firing on its way to one action, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use super::firing::FiringBrief;
use super::message::Body;
use super::time::Timestamp;

/// One firing on its way to one action.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What fired. Its id is the idempotency key.
    pub firing: Arc<FiringBrief>,
    /// Index of the action in the rule set.
    pub action: usize,
    /// Nothing is sent at or after this moment.
    pub expires_at: Timestamp,
    /// The message: every attempt sends it, and so does every later run.
    pub body: Arc<Body>,
    /// Our own words and the tweet's link, sent once if the platform refuses the message itself. Chat only.
    pub fallback: Option<Arc<Body>>,
    /// What a digest says of it. Only where the action [tells together](super::action::Action::tells_together).
    pub line: Option<Box<DigestLine>>,
    /// The message may be edited after it was sent.
    pub edits: bool,
}

/// One firing as a line of a digest: sanitised, not yet escaped for a platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DigestLine {
    /// The rule's name.
    pub rule: String,
    /// The token, market or prediction that it is about, as a checked symbol, a short address or both; empty if it is about none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// The same of the same thing, however it is named: `token:CHAIN:ADDRESS`, `symbol::SYMBOL`, `market:EXCHANGE:ID`, `prediction:EXCHANGE:ID`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Its price, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Who did it, in our own words.
    pub who: String,
    /// The first words of the text, on one line.
    pub text: String,
    /// The tweet's link, built from its id.
    pub link: Option<String>,
    /// When it happened.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// It did not come of the live socket.
    #[serde(default, skip_serializing_if = "is_not")]
    pub late: bool,
    /// So many firings were held back since the last one that was not.
    #[serde(default, skip_serializing_if = "is_none")]
    pub held: u32,
    /// The action kept it when it fired, and why: it is not told by itself then, whatever the rules are by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Together>,
}

/// Why alerts are told together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Together {
    /// More came than may be sent one by one.
    #[default]
    Pace,
    /// The action's `digest` says so.
    Kept,
    /// They came in quiet hours.
    Quiet,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_not(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

/// What became of a delivery: every delivery ends in exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination said that it has it.
    Delivered {
        /// Its word for that.
        receipt: Receipt,
        /// What it was that it took.
        form: Form,
    },
    /// Held back on purpose.
    Suppressed {
        /// Why.
        reason: Suppression,
    },
    /// It was too old before it could be sent; also an order on news that did not come live, which is too old from the start.
    Expired,
    /// The destination refused for good.
    Dead {
        /// In words, with the destination's answer, without secrets.
        reason: String,
    },
    /// Bytes left us and no answer came that says what became of them: it may have arrived. For orders, whatever their later attempts came to,
    /// and for chat messages whose second attempt went unanswered too.
    Unknown {
        /// In words.
        reason: String,
    },
    /// The program stopped first. With a journal it is pending there, and the next run takes it up again.
    Abandoned,
}

/// A destination's word that it has a message. There is no way to one but through an answer that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    id: Option<String>,
}

impl Receipt {
    /// Of an answer with this status; `None` unless it is a 2xx. `id`: the destination's own id of the message, when it gave one. What
    /// the answer's body says against it is the caller's to read first.
    #[must_use]
    pub fn of_answer(status: u16, id: Option<String>) -> Option<Self> {
        (200..300).contains(&status).then_some(Self { id })
    }

    /// Of a write to standard output that succeeded.
    #[must_use]
    pub fn of_write(written: &std::io::Result<()>) -> Option<Self> {
        written.is_ok().then_some(Self { id: None })
    }

    /// The destination's own id of the message.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// In which form a delivery was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the message that it is.
    Message,
    /// As its fallback.
    Fallback,
    /// With others, as one message.
    Digest,
}

/// Why a delivery was held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suppression {
    /// `mode = "paper"`: everything was done but to send.
    Paper,
    /// `mode = "off"` on the action or the send.
    Off,
    /// Orders were stopped, by hand or by the program.
    Disarmed,
    /// The lane was full and the action's `overflow` let it go.
    Overflow,
    /// The action has had its `max_per_day`.
    MaxPerDay,
    /// Somebody has muted the rule or the action for a while.
    Muted,
    /// `cooldown`: something of the same key has passed too short a while ago.
    Cooldown,
    /// `limit`: too many have passed of late.
    Limit,
    /// `active`: it is outside of the rule's hours.
    Hours,
}

impl Suppression {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Paper,
        Self::Off,
        Self::Disarmed,
        Self::Overflow,
        Self::MaxPerDay,
        Self::Muted,
        Self::Cooldown,
        Self::Limit,
        Self::Hours,
    ];

    /// Those that meet what has passed the brakes, and of which nothing arrives.
    pub const UNSENT: [Self; 4] = [Self::Disarmed, Self::Overflow, Self::MaxPerDay, Self::Muted];

    /// One word for counters, logs and the journal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Off => "off",
            Self::Disarmed => "disarmed",
            Self::Overflow => "overflow",
            Self::MaxPerDay => "max_per_day",
            Self::Muted => "muted",
            Self::Cooldown => "cooldown",
            Self::Limit => "limit",
            Self::Hours => "out_of_hours",
        }
    }
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
            Self::Suppressed { .. } => "suppressed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The end of one delivery, as its lane reports it.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it was about.
    pub firing: Arc<FiringBrief>,
    /// Index of the action in the rule set.
    pub action: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// How many requests were made.
    pub attempts: u32,
    /// From the firing to the outcome.
    pub took: Duration,
}

impl Report {
    /// Whether it has come to nothing unsent, so that what its firing took of cooldowns and limits is free again. What is only on paper has had
    /// its part; what a brake held back took none.
    #[must_use]
    pub fn came_to_nothing(&self) -> bool {
        match &self.outcome {
            Outcome::Expired => true,
            Outcome::Suppressed { reason } => Suppression::UNSENT.contains(reason),
            Outcome::Dead { .. } => self.attempts == 0,
            Outcome::Delivered { .. } | Outcome::Unknown { .. } | Outcome::Abandoned => false,
        }
    }
}
