//! `birdcall schema`: the JSON Schema of rules.toml, for editors.

use super::{End, say};
use crate::rules::schema;

/// Print the JSON Schema of rules.toml, for editors
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> End {
    say(format_args!("{:#}", schema::schema()));
    End::Fine
}
