//! What the journal is told, row by row. Everything the feed or a destination wrote is bound as a value, never part of a statement.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::model::delivery::{DigestLine, Outcome};
use crate::model::firing::{FiringBrief, Origin};
use crate::model::identity::Identity;
use crate::model::ids::FiringId;
use crate::model::message::Body;
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::model::window::Trace;

/// One envelope and all that came of it: written in one transaction. Only with an order's intent in it, entry and firings may be
/// written after the deliveries, and orders may be a record of their own before the rest: so whatever entry the journal has, it has what came of it.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The envelope; `None` for what a deadline brought about.
    pub entry: Option<EntryRow>,
    /// What fired.
    pub firings: Vec<Arc<FiringBrief>>,
    /// Where to it goes.
    pub deliveries: Vec<DeliveryRow>,
    /// What it has left of windows.
    pub traces: Vec<Trace>,
    /// What it taught of who and what is the same.
    pub identities: Vec<Identity>,
}

impl Record {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { entry, firings, deliveries, traces, identities } = self;
        let has_rows = !firings.is_empty() || !deliveries.is_empty() || !traces.is_empty() || !identities.is_empty();
        entry.is_none() && !has_rows
    }
}

/// One envelope as it came.
#[derive(Clone, Debug)]
pub struct EntryRow {
    /// The log's time at which it came.
    pub at: Timestamp,
    /// How it came.
    pub origin: Origin,
    /// A rule was interested in it: such an entry is never shed.
    pub matched: bool,
    /// Its JSON text, in UTF-8.
    pub text: Bytes,
}

/// One firing on its way to one action.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// What fired.
    pub firing: Arc<FiringBrief>,
    /// The action's name.
    pub action: Arc<str>,
    /// It is an order.
    pub trading: bool,
    /// Nothing is sent at or after this moment.
    pub expires_at: Timestamp,
    /// What is sent, on every attempt and by every later run. `None` for what ended before there was a message.
    pub body: Option<Arc<Body>>,
    /// Sent once if the platform refuses `body`.
    pub fallback: Option<Arc<Body>>,
    /// What a digest says of it. Only where the action digests.
    pub line: Option<Box<DigestLine>>,
    /// `None` while it is pending; else how it ended at once (paper, off, too old, incomplete).
    pub outcome: Option<Outcome>,
}

/// Which delivery: one firing goes to one action once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginKey {
    /// What fired.
    pub firing: FiringId,
    /// The action's name.
    pub action: Arc<str>,
    /// It must not be sent twice: one that has been begun is not begun again. Else it may be, as after a crash.
    pub once: bool,
}

/// One attempt to send.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// What fired.
    pub firing: FiringId,
    /// The action's name.
    pub action: Arc<str>,
    /// The first is 1.
    pub number: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What its answer means, in one word.
    pub verdict: &'static str,
    /// The answer in words, scrubbed of secrets.
    pub answer: String,
    /// From its start to its answer.
    pub took: Duration,
    /// Until then the destination has asked for patience: nothing is sent there before.
    pub not_before: Option<Timestamp>,
}

/// A message that was sent says something else now, or could not be made to.
#[derive(Clone, Debug)]
pub struct EditRow {
    /// What fired.
    pub firing: FiringId,
    /// The action's name.
    pub action: Arc<str>,
    /// When.
    pub at: Timestamp,
    /// What it says now; or why not, scrubbed of secrets.
    pub says: Result<Arc<Body>, String>,
}

/// The end of a delivery.
#[derive(Clone, Debug)]
pub struct EndRow {
    /// What fired.
    pub firing: FiringId,
    /// The action's name.
    pub action: Arc<str>,
    /// What became of it. [`Outcome::Abandoned`] makes it pending again: it may be told only of what has not left.
    pub outcome: Outcome,
    /// How many requests were made.
    pub attempts: u32,
    /// When it ended.
    pub at: Timestamp,
}

/// A delivery that had ended and is to be sent again, at a person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeliverRow {
    /// Its number in the journal.
    pub id: i64,
    /// Nothing is sent at or after this moment.
    pub expires_at: Timestamp,
}

/// A stretch of time in which the feed was not heard. One row per `from`: a later one replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapRow {
    /// Until then it was heard.
    pub from: Timestamp,
    /// From then on it was heard again.
    pub to: Timestamp,
    /// What became of it.
    pub state: GapState,
    /// In words.
    pub why: String,
}

/// What became of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapState {
    /// Not filled yet.
    Open,
    /// The history API had all of it.
    Filled,
    /// There is no history for it.
    Unavailable,
}

impl GapState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Filled, Self::Unavailable];

    /// As the journal spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Filled => "filled",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A mute. One row per number: a later one replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MuteRow {
    /// What is muted, and until when.
    pub mute: Mute,
    /// Firings that it has held back so far.
    pub held: u64,
    /// People were told of its end, or somebody has ended it.
    pub told: bool,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Not sent yet.
    Pending,
    /// An order that was about to be sent: the destination may have it.
    Sending,
    /// The destination has it.
    Delivered,
    /// Held back on purpose.
    Suppressed,
    /// Too old.
    Expired,
    /// Refused for good.
    Dead,
    /// It may have arrived.
    Unknown,
}

impl State {
    /// All of them. The words differ by more than a letter, so that a damaged one is never another.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Sending, Self::Delivered, Self::Suppressed, Self::Expired, Self::Dead, Self::Unknown];

    /// As the journal spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }

    /// The state that is spelled so.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == written)
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        matches!(self, Self::Pending | Self::Sending)
    }

    /// Where a delivery with this outcome stands; `None` for one that was abandoned, which has not ended.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Delivered { .. } => Some(Self::Delivered),
            Outcome::Suppressed { .. } => Some(Self::Suppressed),
            Outcome::Expired => Some(Self::Expired),
            Outcome::Dead { .. } => Some(Self::Dead),
            Outcome::Unknown { .. } => Some(Self::Unknown),
            Outcome::Abandoned => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_single_damaged_bit_makes_one_state_of_another() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
            for bit in 0..state.name().len() * 8 {
                let mut bytes = state.name().as_bytes().to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(std::str::from_utf8(&bytes).ok().and_then(State::parse), None, "{state}, bit {bit}");
            }
        }
    }
}
