//! A command → the answer of the running instance, or how this program ends without one.

use std::path::Path;

use super::state::State;
use super::{End, complain, table};
use crate::control::{self, Answer, AskError, Command};
use crate::journal::JournalError;

/// Asks the instance with this state folder. When none runs, `at_rest` does what can be done without.
pub(super) fn ask(state: &State, command: &Command, at_rest: impl FnOnce(&Path, &AskError) -> End) -> Result<Answer, End> {
    let folder = state.folder()?;
    match control::ask(&folder, command) {
        Ok(answer) => Ok(answer),
        Err(error @ AskError::NotRunning(_)) => Err(at_rest(&folder, &error)),
        Err(error) => {
            complain(error);
            Err(End::CannotStart)
        }
    }
}

/// Says why nothing was changed of a journal that no instance was found to have.
pub(super) fn unchanged(folder: &Path, error: &JournalError) -> End {
    let folder = folder.display();
    match error {
        JournalError::InUse { .. } => complain(format_args!(
            "a birdcall is running on {folder} and cannot be asked: it may be starting or stopping. Nothing was changed; try again, or stop it"
        )),
        error => complain(format_args!("no birdcall is running on {folder}, so nothing was changed: {error}")),
    }
    End::CannotStart
}

/// An answer to something else than was asked.
pub(super) fn told(answer: &Answer) -> End {
    match answer {
        Answer::Refused { why } => complain(table::clean(why)),
        _ => complain("birdcall answered something else than it was asked; it may be of another version than this one"),
    }
    End::CannotStart
}
