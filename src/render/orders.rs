//! What became of an order → a fact of the messages about the same tweet.

use super::card::{Fact, Piece};
use super::{fit, sanitise};
use crate::model::delivery::{Outcome, Suppression};
use crate::model::revision::OrderEnd;

/// Code points of a destination's words.
const WHY: usize = 120;

/// Where it went to, what became of it, and why if it failed. `of`: the rule that the message is of.
pub(super) fn told(end: &OrderEnd, of: &str) -> Fact {
    let whose = if *end.rule == *of { String::new() } else { format!(" of {}", end.rule) };
    let mut pieces =
        vec![Piece::Theirs(sanitise::line(&format!("{}{whose}", end.action))), Piece::Ours(ended(&end.outcome).to_owned())];
    if let Outcome::Dead { reason } | Outcome::Unknown { reason } = &end.outcome {
        pieces.push(Piece::Theirs(fit::cut(&sanitise::line(reason), WHY, fit::chars).into_owned()));
    }
    Fact { name: "Order", pieces, more: 0 }
}

/// The same in our own words alone.
pub(super) fn bare(end: &OrderEnd) -> Fact {
    Fact { name: "Order", pieces: vec![Piece::Ours(ended(&end.outcome).to_owned())], more: 0 }
}

fn ended(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } => "✅ delivered",
        Outcome::Expired => "❌ not sent: too old by then",
        Outcome::Dead { .. } => "❌ failed",
        Outcome::Unknown { .. } => "❓ unknown whether it arrived",
        Outcome::Suppressed { reason: Suppression::Disarmed } => "❌ not sent: orders are stopped",
        Outcome::Suppressed { reason: Suppression::MaxPerDay } => "❌ not sent: max_per_day is used up",
        Outcome::Suppressed { .. } => "❌ not sent",
        Outcome::Abandoned => "pending",
    }
}
