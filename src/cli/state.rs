//! `--state DIR`, `BIRDCALL_STATE`, or the platform's place for data → the state folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use super::{End, complain};

/// The variable that names it.
const VARIABLE: &str = "BIRDCALL_STATE";

/// Where an instance keeps its journal, and where it is asked.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct State {
    /// The state folder: the journal and the socket of a running instance [default: $BIRDCALL_STATE, else the platform's place for data]
    #[arg(long = "state", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl State {
    /// The folder, which need not be there, if there is one to be found.
    pub(super) fn place(&self) -> Option<PathBuf> {
        let usual = || etcetera::choose_base_strategy().ok().map(|places| places.data_dir());
        choose(self.folder.as_deref(), std::env::var_os(VARIABLE), usual)
    }

    /// The folder, which need not be there. None to be found is told.
    pub(super) fn folder(&self) -> Result<PathBuf, End> {
        self.place().ok_or_else(|| {
            complain(format_args!("there is no home folder to keep the state in: name a folder with --state DIR or {VARIABLE}"));
            End::CannotStart
        })
    }
}

fn choose(named: Option<&Path>, variable: Option<OsString>, usual: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    match variable.filter(|folder| !folder.is_empty()) {
        Some(folder) => Some(folder.into()),
        None => usual().map(|place| place.join("birdcall")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_wins_then_the_variable_then_the_platform() {
        let usual = || Some(PathBuf::from("/home/me/.local/share"));
        let variable = |value: &str| Some(OsString::from(value));
        assert_eq!(choose(Some(Path::new("here")), variable("/there"), usual), Some("here".into()));
        assert_eq!(choose(None, variable("/there"), usual), Some("/there".into()));
        for unset in [None, variable("")] {
            assert_eq!(choose(None, unset, usual), Some("/home/me/.local/share/birdcall".into()));
        }
        assert_eq!(choose(None, None, || None), None);
    }
}
