//! `birdcall unmute`: a mute ends before its time.

use std::path::Path;

use super::ask::{self, ask, told};
use super::mute::Kind;
use super::state::State;
use super::{End, complain, mutes, say, table, warn};
use crate::clock::Clock;
use crate::control::{Answer, AskError, Command};
use crate::journal::{self, MuteRow};
use crate::model::mute::{MuteStatus, Muted};
use crate::suppress::mutes::{named, next, still};

/// End a mute before its time: by its number, or all of a rule or an action
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A number, as `birdcall mutes` shows it, or the name of the rule or action
    #[arg(value_name = "NUMBER|RULE|ACTION")]
    which: String,
    #[command(flatten)]
    kind: Kind,
    /// Print what has ended as JSON: an array, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    let (which, what) = (arguments.which.clone(), arguments.kind.what());
    let command = Command::Unmute { which, what };
    match ask(&arguments.state, &command, |folder, error| at_rest(folder, arguments, what, error)) {
        Ok(Answer::Unmuted { mutes, note }) => {
            show(arguments, &mutes);
            if let Some(note) = note {
                warn(table::clean(&note));
            }
            End::Fine
        }
        Ok(other) => told(&other),
        Err(end) => end,
    }
}

fn show(arguments: &Arguments, ended: &[MuteStatus]) {
    if arguments.json {
        // Strings and numbers always serialise.
        return say(table::inert(&serde_json::to_string_pretty(ended).unwrap_or_default()));
    }
    for MuteStatus { mute, held, .. } in ended {
        let firings = if *held == 1 { "firing" } else { "firings" };
        say(format_args!("the mute of {} has ended; it held back {held} {firings}", table::clean(&mute.of.to_string())));
    }
}

/// For the next start.
fn at_rest(folder: &Path, arguments: &Arguments, what: Option<Muted>, not_running: &AskError) -> End {
    let (now, mut ended, mut still_muted) = (Clock::system().wall(), Vec::new(), None);
    let changed = journal::change_mutes(folder, now, |known| {
        let holding = known.iter().map(|row| &row.mute).filter(|mute| now < mute.ends());
        let numbers = named(holding, &arguments.which, what)?;
        let others = known.iter().map(|row| &row.mute).filter(|mute| now < mute.ends() && !numbers.contains(&mute.number));
        still_muted = still(known.iter().map(|row| &row.mute).filter(|mute| numbers.contains(&mute.number)), &others);
        let rows = known.into_iter().filter(|row| numbers.contains(&row.mute.number)).map(|mut row| {
            (row.mute.ended, row.told) = (Some(next(now)), true);
            row
        });
        let rows: Vec<MuteRow> = rows.collect();
        ended = rows.iter().map(|row| MuteStatus { mute: row.mute.clone(), held: row.held, gone: false }).collect();
        Ok::<_, String>(rows)
    });
    match changed {
        Ok(Ok(())) => {
            show(arguments, &ended);
            if let Some(still) = still_muted {
                warn(table::clean(&still));
            }
            warn(format_args!("{not_running}; another folder? --state"));
            End::Fine
        }
        Ok(Err(why)) => {
            complain(table::clean(&why));
            mutes::NOTHING
        }
        Err(error) => ask::unchanged(folder, &error),
    }
}
