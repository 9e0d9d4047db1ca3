//! `birdcall redeliver`: deliveries that ended without having arrived, sent again by the running instance.

use super::ask::{ask, told};
use super::state::State;
use super::{End, complain, say, table};
use crate::control::{Answer, AskError, Command};

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
    let command = Command::Redeliver { ids: distinct(&arguments.ids), orders: arguments.orders };
    let deliveries = match ask(&arguments.state, &command, |_, error| at_rest(error)) {
        Ok(Answer::Redelivered { deliveries }) => deliveries,
        Ok(other) => return told(&other),
        Err(end) => return end,
    };
    let accepted = deliveries.iter().filter(|delivery| delivery.accepted).count();
    for delivery in &deliveries {
        let line = format!("{}: {}", delivery.id, table::clean(&delivery.said));
        if delivery.accepted { say(line) } else { complain(line) }
    }
    if accepted > 0 && accepted == deliveries.len() { End::Fine } else { End::CannotStart }
}

fn at_rest(not_running: &AskError) -> End {
    complain(format_args!("{not_running}; start it and ask again, as only a running birdcall sends"));
    End::CannotStart
}

/// Each once, in the order in which they were named.
fn distinct(ids: &[i64]) -> Vec<i64> {
    let mut seen = std::collections::BTreeSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}
