//! What a lane has to tell, in the order in which it happened.

use std::sync::Arc;
use std::time::Duration;

use crate::model::delivery::{Delivery, Report};
use crate::model::ids::FiringId;
use crate::model::message::Body;
use crate::model::status::LaneState;
use crate::model::time::Timestamp;

/// What a lane has to tell. Of one delivery every attempt comes before its end, and its end comes exactly once.
#[derive(Clone, Debug)]
pub enum LaneEvent {
    /// A request was made and has come to something.
    Attempted(Attempt),
    /// A delivery has come to its end.
    Ended(Report),
    /// The lane is retired, and nobody has begun with this delivery: it is to go on elsewhere, or to end.
    Returned(Box<Returned>),
    /// A message that was sent says something else now, or will not.
    Edited {
        /// The firing that it is about.
        firing: FiringId,
        /// Index of the action in the rule set.
        action: usize,
        /// What it was to say.
        body: Arc<Body>,
        /// Why not, in words.
        end: Result<(), String>,
    },
    /// The destination refuses for good: nothing more is sent to it until the action is another one, somebody has it tried again, or the program
    /// starts anew. Told once.
    Disabled {
        /// Index of the action in the rule set.
        action: usize,
        /// The destination's answer, without secrets.
        reason: String,
    },
    /// The destination fails so often that only a probe is sent now and then, or no longer does.
    Circuit {
        /// Index of the action in the rule set.
        action: usize,
        /// Why only probes are sent; `None`: everything is sent again.
        open: Option<String>,
    },
    /// The destination of orders asks for patience for so long that they grow too old meanwhile. Told once, when that begins.
    Patience {
        /// Index of the action in the rule set.
        action: usize,
        /// How long.
        pause: Duration,
        /// Its answer, without secrets.
        reason: String,
    },
}

/// A delivery that a lane has given back.
#[derive(Clone, Debug)]
pub struct Returned {
    /// Index of the action in the rule set: the lane's.
    pub action: usize,
    /// It.
    pub delivery: Delivery,
    /// Why it may have arrived all the same.
    pub doubt: Option<&'static str>,
}

/// One request for one delivery; the request of a digest is told of the first in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whose.
    pub firing: FiringId,
    /// Index of the action in the rule set.
    pub action: usize,
    /// Counted from one, for this delivery in this run.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// What it came to, in one word.
    pub verdict: &'static str,
    /// What was answered, in words: one line of at most 200 characters, without secrets.
    pub answer: String,
    /// From its begin to its answer.
    pub took: Duration,
}

/// How a lane is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneHealth {
    /// In one word.
    pub state: LaneState,
    /// In words, unless all is well and nothing is kept.
    pub why: Option<String>,
    /// A connection is open, so that the next request needs no handshake.
    pub warm: bool,
}
