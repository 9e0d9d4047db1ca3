//! `birdcall disarm`: no order goes from now on.

use super::state::State;
use super::switch::switch;
use super::{End, table};
use crate::model::limits::REASON_CHARS;

/// Stop all orders, at once; alerts in chat go on
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Why, for those who find it so: shown by `birdcall status`
    #[arg(long, value_name = "WORDS")]
    because: Option<String>,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    let why: String = table::clean(arguments.because.as_deref().unwrap_or_default()).chars().take(REASON_CHARS).collect();
    switch(&arguments.state, false, if why.is_empty() { "by hand" } else { &why })
}
