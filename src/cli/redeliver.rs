//! `birdcall redeliver`: deliveries that ended without having arrived, sent again by the running instance.

use super::state::State;
use super::{End, complain, say, table};
use crate::control::{self, Answer, AskError, Command};

/// Send deliveries again that ended without having arrived
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Their numbers, as `birdcall deliveries` shows them
    #[arg(required = true, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    ids: Vec<i64>,
    /// Orders too: an order that may have arrived may be placed twice
    #[arg(long)]
    orders: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    let folder = match arguments.state.folder() {
        Ok(folder) => folder,
        Err(end) => return end,
    };
    let command = Command::Redeliver { ids: distinct(&arguments.ids), orders: arguments.orders };
    match control::ask(&folder, &command) {
        Ok(Answer::Redelivered { deliveries }) => {
            let accepted = deliveries.iter().filter(|delivery| delivery.accepted).count();
            for delivery in &deliveries {
                let line = format!("{}: {}", delivery.id, table::clean(&delivery.said));
                if delivery.accepted { say(line) } else { complain(line) }
            }
            if accepted > 0 && accepted == deliveries.len() { End::Fine } else { End::CannotStart }
        }
        Ok(other) => told(&other),
        Err(error @ AskError::NotRunning(_)) => {
            complain(format_args!("{error}; start it and ask again, as only a running birdcall sends"));
            End::CannotStart
        }
        Err(error) => {
            complain(error);
            End::CannotStart
        }
    }
}

/// An answer to something else than was asked.
pub(super) fn told(answer: &Answer) -> End {
    match answer {
        Answer::Refused { why } => complain(table::clean(why)),
        _ => complain("birdcall answered something else than it was asked; it may be of another version than this one"),
    }
    End::CannotStart
}

/// Each once, in the order in which they were named.
fn distinct(ids: &[i64]) -> Vec<i64> {
    let mut seen = std::collections::BTreeSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}
