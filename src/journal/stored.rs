//! What the journal tells: rows as they are read back.

use std::sync::Arc;
use std::time::Duration;

use super::rows::{GapRow, State};
use super::sum;
use crate::model::delivery::DigestLine;
use crate::model::firing::{FiringBrief, Origin};
use crate::model::ids::FiringId;
use crate::model::message::Body;
use crate::model::time::Timestamp;

/// One envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEntry<'a> {
    /// Its number: later ones came later, whatever the clock said.
    pub id: i64,
    /// The log's time at which it came.
    pub at: Timestamp,
    /// How it came.
    pub origin: Origin,
    /// Its JSON text.
    pub text: &'a str,
}

/// Entries that no long pause parts: when the first and the last of them came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDelivery {
    /// Its number, for people to name it by.
    pub id: i64,
    /// What fired.
    pub firing: Arc<FiringBrief>,
    /// The action's name; the rules may not have it any more.
    pub action: String,
    /// It is an order.
    pub trading: bool,
    /// Nothing is sent at or after this moment.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// How many requests were made.
    pub attempts: u32,
    /// When it was first sent, or was about to be; `None` if never, as far as is known.
    pub sent_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// In which form it was taken, if not as it was: `fallback` or `digest`.
    pub form: Option<String>,
    /// The destination's own id of it.
    pub receipt: Option<String>,
    /// Why it ended so: the reason of a suppression, or the destination's words.
    pub why: Option<String>,
    /// What is sent. `None` when it was not asked for, or is damaged: then it must not be sent.
    pub body: Option<Body>,
    /// Sent once if the platform refuses `body`.
    pub fallback: Option<Body>,
    /// What a digest says of it; comes with `body`.
    pub line: Option<Box<DigestLine>>,
    /// Of a message that has arrived: how it was edited since. Only where deliveries are asked for.
    pub edit: Option<StoredEdit>,
}

/// How a message was edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEdit {
    /// So often.
    pub times: u64,
    /// The last time, or when it was last given up.
    pub at: Timestamp,
    /// Why it was given up; `None`: it was made.
    pub why: Option<String>,
    /// Check sum of what it says.
    pub(super) says: Option<i64>,
}

impl StoredEdit {
    /// Whether this is what the message says since.
    #[must_use]
    pub fn says(&self, body: &Body) -> bool {
        self.says == Some(sum::of_message(body))
    }
}

/// One attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAttempt {
    /// The first is 1.
    pub number: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What its answer means, in one word.
    pub verdict: String,
    /// The answer in words.
    pub answer: String,
    /// From its start to its answer.
    pub took: Duration,
}

/// One attempt, as far as a rate limit asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// The number of its delivery.
    pub delivery: i64,
    /// The name of the action it was sent to.
    pub action: String,
    /// When it was made.
    pub begun: Timestamp,
    /// From its start to its answer.
    pub took: Duration,
    /// For so long after its answer the destination has asked for patience.
    pub patience: Duration,
}

impl StoredRequest {
    /// When it was answered, or given up.
    #[must_use]
    pub fn over(&self) -> Timestamp {
        self.begun.plus(self.took)
    }
}

/// Which deliveries. All that is named must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// In one of these states; any when empty.
    pub states: Vec<State>,
    /// Held back for this reason (`paper`, `off`, …).
    pub suppressed: Option<String>,
    /// Of the rule with this name.
    pub rule: Option<String>,
    /// To the action with this name.
    pub action: Option<String>,
    /// Fired at or after.
    pub since: Option<Timestamp>,
    /// With one of these numbers; any when empty.
    pub ids: Vec<i64>,
    /// With one of these firings; any when empty.
    pub firings: Vec<FiringId>,
    /// About one of these subjects (`tweet:ID`, …); any when empty.
    pub subjects: Vec<String>,
    /// At most so many: the newest.
    pub at_most: usize,
    /// With their bodies.
    pub bodies: bool,
}

impl Default for Query {
    /// The newest hundred, without bodies.
    fn default() -> Self {
        Self {
            states: Vec::new(),
            suppressed: None,
            rule: None,
            action: None,
            since: None,
            ids: Vec::new(),
            firings: Vec::new(),
            subjects: Vec::new(),
            at_most: 100,
            bodies: false,
        }
    }
}

/// The last word on whether orders may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSwitch {
    /// They may.
    pub armed: bool,
    /// Who says so and why.
    pub why: String,
    /// When it was said.
    pub at: Timestamp,
}

/// A gap, as it was told.
pub type StoredGap = GapRow;
