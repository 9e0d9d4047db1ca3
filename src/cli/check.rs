//! `birdcall check`: every mistake of a rules file or folder in one run.

use std::path::PathBuf;

use super::{End, load, say, warn};
use crate::app;

/// Find every mistake in a rules file or folder
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A rules file, or a folder of them [default: rules.toml, else rules/]
    path: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> End {
    match load::load(arguments.path.as_deref()) {
        Err(end) => end,
        Ok(rules) => {
            let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
            say(format_args!(
                "{} and {} are fine",
                plural(rules.set.rules.len(), "rule"),
                plural(rules.set.actions.len(), "action")
            ));
            if let Some(why) = app::nobody_is_told(&rules.set) {
                warn(why);
            }
            End::Fine
        }
    }
}
