//! `birdcall status`: how the running instance is; without one, what the journal knows.

mod shown;

use std::path::Path;

use serde::Serialize;

use super::ask::{ask, told};
use super::moments::Moments;
use super::state::State;
use super::{End, complain, say, table, warn};
use crate::clock::Clock;
use crate::control::{Answer, AskError, Command};
use crate::journal::{self, JournalError, Query, Reader, StoredGap, StoredSwitch};
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// Show how a running birdcall is: feed, lanes, backlog, gaps
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// As JSON: one object, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    match ask(&arguments.state, &Command::Status, |folder, error| at_rest(folder, arguments.json, error)) {
        Ok(Answer::Status(status)) => {
            say(if arguments.json { running_json(&status) } else { shown::running(&status) });
            End::Fine
        }
        Ok(other) => told(&other),
        Err(end) => end,
    }
}

/// What the journal knows of an instance that is not running.
#[derive(Debug)]
struct Rest {
    /// When the feed was last heard.
    last_alive: Option<Timestamp>,
    /// Deliveries that have not ended.
    pending: Vec<i64>,
    /// The last word on orders.
    switch: Option<StoredSwitch>,
    /// The newest, newest first.
    gaps: Vec<StoredGap>,
}

/// Gaps that are worth a look.
const GAPS: usize = 10;

fn at_rest(folder: &Path, as_json: bool, not_running: &AskError) -> End {
    match read(folder) {
        Ok((rest, damaged)) => {
            if damaged > 0 {
                warn(format_args!("the journal is damaged: what could not be read ({damaged} so far) is left out"));
            }
            let moments = Moments::here(Clock::system().wall());
            say(if as_json { rest_json(&rest) } else { shown::rest(&not_running.to_string(), &rest, &moments) });
            End::Fine
        }
        Err(error) => {
            complain(format_args!("{not_running}, and {error}"));
            End::CannotStart
        }
    }
}

fn read(folder: &Path) -> Result<(Rest, u64), JournalError> {
    let mut reader = Reader::open(folder)?;
    let unfinished =
        Query { states: vec![journal::State::Pending, journal::State::Sending], at_most: usize::MAX, ..Query::default() };
    let rest = Rest {
        last_alive: reader.last_alive()?,
        pending: reader.deliveries(&unfinished)?.into_iter().map(|delivery| delivery.id).collect(),
        switch: reader.switch()?,
        gaps: reader.gaps(GAPS)?,
    };
    Ok((rest, reader.damaged()))
}

fn running_json(status: &Status) -> String {
    #[derive(Serialize)]
    struct Running<'a> {
        running: bool,
        #[serde(flatten)]
        status: &'a Status,
    }
    json(&Running { running: true, status })
}

fn rest_json(rest: &Rest) -> String {
    #[derive(Serialize)]
    struct Gap<'a> {
        from: String,
        to: String,
        state: &'static str,
        why: &'a str,
    }
    #[derive(Serialize)]
    struct Resting<'a> {
        running: bool,
        last_alive: Option<String>,
        pending: usize,
        /// `None`: as the rules say.
        armed: Option<bool>,
        why: Option<&'a str>,
        since: Option<String>,
        gaps: Vec<Gap<'a>>,
    }
    let switch = rest.switch.as_ref();
    // The oldest first, as a running instance says them.
    let gaps = rest.gaps.iter().rev().map(|gap| Gap {
        from: gap.from.to_string(),
        to: gap.to.to_string(),
        state: gap.state.name(),
        why: &gap.why,
    });
    json(&Resting {
        running: false,
        last_alive: rest.last_alive.map(|at| at.to_string()),
        pending: rest.pending.len(),
        armed: switch.map(|switch| switch.armed),
        why: switch.map(|switch| switch.why.as_str()),
        since: switch.map(|switch| switch.at.to_string()),
        gaps: gaps.collect(),
    })
}

/// Strings, numbers and maps of them always serialise.
fn json(value: &impl Serialize) -> String {
    table::inert(&serde_json::to_string_pretty(value).unwrap_or_default())
}
