//! One delivery sent by hand: what came of it, in words.

use std::fmt;

use super::verdict::Verdict;

/// What came of one attempt; its `Display` says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What it means.
    pub verdict: Verdict,
    /// The status and the answer's first words, if one came.
    pub answer: Option<String>,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Delivered { receipt } => match receipt.id() {
                Some(id) => write!(f, "delivered, as message {id}"),
                None => f.write_str("delivered"),
            },
            Verdict::Throttled { reason, .. } => write!(f, "not delivered: too fast ({reason})"),
            Verdict::Retry { reason, .. } => write!(f, "not delivered: the destination has trouble ({reason})"),
            Verdict::NotSent { reason } => write!(f, "not sent: {reason}"),
            Verdict::Ambiguous { reason } => write!(f, "sent, but it may or may not have arrived: {reason}"),
            Verdict::Late => f.write_str("not sent: too old before it could be sent"),
            Verdict::Held => f.write_str("not sent: orders are stopped (birdcall disarm)"),
            Verdict::Moved { chat } => {
                write!(f, "not delivered: the group has become a supergroup; write chat = {chat} into the rules")
            }
            Verdict::Refused { reason } | Verdict::Dead { reason } => write!(f, "refused: {reason}"),
            Verdict::Blocked { reason } => {
                write!(
                    f,
                    "not delivered: this is not the destination's own answer, but a proxy's before it or a wrong address's ({reason})"
                )
            }
            Verdict::Disabled { reason } => {
                write!(f, "refused for good: {reason}; check the URL, the token and the chat or channel")
            }
        }
    }
}
