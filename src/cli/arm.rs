//! `birdcall arm`: orders may go again.

use super::End;
use super::state::State;
use super::switch::switch;

/// Let orders go again
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    switch(&arguments.state, true, "by hand")
}
