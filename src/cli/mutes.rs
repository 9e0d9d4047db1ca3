//! `birdcall mutes`: what is muted; without a running instance, what the next one will take for muted.

use std::path::{Path, PathBuf};

use super::ask::{ask, told};
use super::moments::Moments;
use super::state::State;
use super::table::{self, Cell, FAINT, PLAIN, WARNING};
use super::{End, complain, files, load, say, warn};
use crate::app::is_gone;
use crate::clock::Clock;
use crate::control::{Answer, AskError, Command};
use crate::journal::{MuteRow, Reader};
use crate::model::mute::MuteStatus;
use crate::rules;

/// Nothing was muted, or unmuted.
pub(super) const NOTHING: End = End::CannotStart;

/// Show what is muted, until when, and what that has held back
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The rules that tell what is gone, where no birdcall is running [default: rules.toml, else rules/]
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// As JSON: an array, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    match ask(&arguments.state, &Command::Mutes, |folder, error| at_rest(folder, arguments, error)) {
        Ok(Answer::Mutes { mutes }) => {
            show(&mutes, arguments.json);
            End::Fine
        }
        Ok(other) => told(&other),
        Err(end) => end,
    }
}

fn at_rest(folder: &Path, arguments: &Arguments, not_running: &AskError) -> End {
    let now = Clock::system().wall();
    let rules = match &arguments.rules {
        Some(path) => match load::load_quietly(path, &arguments.state) {
            Ok(loaded) => Some(loaded.set),
            Err(end) => return end,
        },
        // Nobody has asked about them.
        None => files::read(None, &arguments.state).ok().and_then(|sources| rules::load(&sources).ruleset),
    };
    let is_gone = |row: &MuteRow| rules.as_ref().is_some_and(|rules| is_gone(rules, &row.mute.of));
    let read = Reader::open(folder).and_then(|mut reader| {
        reader.put_right(now)?;
        reader.mutes(now)
    });
    match read {
        Ok(rows) => {
            let rows = rows.into_iter().filter(|row| now < row.mute.ends());
            let mutes: Vec<_> = rows.map(|row| MuteStatus { gone: is_gone(&row), mute: row.mute, held: row.held }).collect();
            show(&mutes, arguments.json);
            warn(format_args!("{not_running}: this is on record for the next start"));
            End::Fine
        }
        Err(error) => {
            complain(format_args!("{not_running}, and {error}"));
            End::CannotStart
        }
    }
}

fn show(mutes: &[MuteStatus], json: bool) {
    if json {
        // Strings and numbers always serialise.
        return say(table::inert(&serde_json::to_string_pretty(mutes).unwrap_or_default()));
    }
    if mutes.is_empty() {
        return say("nothing is muted");
    }
    let moments = Moments::here(Clock::system().wall());
    let row = |MuteStatus { mute, held, gone }: &MuteStatus| {
        let maybe = |word: &Option<String>| Cell::plain(word.as_deref().unwrap_or_default());
        vec![
            Cell::id(mute.number),
            if *gone {
                Cell::new(format!("{}, gone", mute.of.what.name()), WARNING)
            } else {
                Cell::new(mute.of.what.name(), FAINT)
            },
            Cell::plain(&mute.of.name),
            maybe(&mute.of.token),
            maybe(&mute.of.handle.as_ref().map(|handle| format!("@{handle}"))),
            Cell::plain(moments.both(mute.from)),
            Cell::new(moments.both(mute.until), WARNING),
            Cell::number(*held, PLAIN),
            maybe(&mute.because),
        ]
    };
    let head = ["NUMBER", "WHAT", "NAME", "TOKEN", "HANDLE", "SINCE", "UNTIL", "HELD", "BECAUSE"];
    say(table::table(&head, mutes.iter().map(row).collect()).trim_end());
}
