//! What a message that was sent is to say from now on, as more has become known of what it is about.

use std::sync::Arc;

use super::delivery::Outcome;
use super::ids::FiringId;
use super::message::Body;
use super::subject::Str;

/// A message of a send with `update = true`, as it is to be read now. It takes the place of the message that was sent and of every revision before
/// it, where the platform can edit; nothing is ever sent for it.
#[derive(Clone, Debug)]
pub struct Revision {
    /// What fired.
    pub firing: FiringId,
    /// Index of the action in the rule set.
    pub action: usize,
    /// The message.
    pub body: Arc<Body>,
    /// In our own words alone, for a message of which the platform has refused the full one.
    pub fallback: Option<Arc<Body>>,
}

/// What became of an order, for the messages about the same tweet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEnd {
    /// The rule that ordered.
    pub rule: Str,
    /// The action's name.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
}
