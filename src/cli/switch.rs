//! Whether orders may go, as `birdcall arm` and `birdcall disarm` set it: on the running instance, at once; without one, in the journal,
//! for the next start.

use std::path::Path;

use super::state::State;
use super::{End, ask, complain, say, table, warn};
use crate::clock::Clock;
use crate::control::{self, Answer, AskError, Command};
use crate::journal::{self, JournalError, Reader};

/// Asks for `armed`; `why` is what the journal keeps of the reason.
pub(super) fn switch(state: &State, armed: bool, why: &str) -> End {
    let folder = match state.folder() {
        Ok(folder) => folder,
        Err(end) => return end,
    };
    let command = if armed { Command::Arm } else { Command::Disarm { why: Some(why.to_owned()) } };
    match control::ask(&folder, &command) {
        Err(AskError::NotRunning(_)) => {}
        answered => return told(answered),
    }
    match at_rest(&folder, armed, why) {
        Ok(()) => {
            let now = if armed { "armed" } else { "disarmed" };
            say(format_args!("orders are {now} from the next start on"));
            warn(format_args!("no birdcall is running with {} as its state folder; another folder? --state", folder.display()));
            End::Fine
        }
        // It was just starting.
        Err(JournalError::InUse { .. }) => match control::ask(&folder, &command) {
            Err(AskError::NotRunning(_)) => ask::unchanged(&folder, &JournalError::InUse { folder: folder.clone() }),
            answered => told(answered),
        },
        Err(error) => ask::unchanged(&folder, &error),
    }
}

fn told(answered: Result<Answer, AskError>) -> End {
    match answered {
        Ok(Answer::Switched { armed, before, note }) => {
            let now = if armed { "armed: they go" } else { "disarmed: none goes" };
            let already = if armed == before { ", as they were before" } else { "" };
            say(format_args!("orders are {now}{already}"));
            if let Some(note) = note {
                warn(table::clean(&note));
            }
            End::Fine
        }
        Ok(other) => ask::told(&other),
        Err(error) => {
            complain(error);
            End::CannotStart
        }
    }
}

/// A folder without a journal is more likely the wrong one than one that waits for its first start: whoever stops orders must know that
/// nothing was stopped.
fn at_rest(folder: &Path, armed: bool, why: &str) -> Result<(), JournalError> {
    Reader::open(folder).map(drop)?;
    journal::set_switch(folder, armed, why, Clock::system().wall())
}
