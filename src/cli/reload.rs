//! `birdcall reload`: the running instance reads its rules files again.

use super::state::State;
use super::{End, ask, complain, say, table};
use crate::control::{Answer, Command};

/// Have a running birdcall read its rules files again, now
///
/// Saving them does so, too; this is for when it was told not to watch them, or did not believe what it saw.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Put them in force though more than half of the rules are lost
    #[arg(long)]
    force_reload: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    let answer = ask::ask(&arguments.state, &Command::Reload { force: arguments.force_reload }, |folder, error| {
        complain(format_args!("{error} with {} as its state folder; another folder? --state", folder.display()));
        End::CannotStart
    });
    match answer {
        Ok(Answer::Reloaded { said }) => {
            said.lines().for_each(|line| say(table::clean(line)));
            End::Fine
        }
        Ok(Answer::Refused { why }) => {
            let mut lines = why.lines();
            complain(format_args!("not reloaded: {}", table::clean(lines.next().unwrap_or_default())));
            lines.for_each(|line| super::note(table::clean(line)));
            End::RulesWrong
        }
        Ok(other) => ask::told(&other),
        Err(end) => end,
    }
}
