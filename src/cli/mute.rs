//! `birdcall mute`: what a rule fires, or what goes to an action, is held back for a while.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ask::{self, ask, told};
use super::moments::{Moments, parse_span, span};
use super::state::State;
use super::{End, complain, load, mutes, say, table, warn};
use crate::app::would_hold;
use crate::clock::Clock;
use crate::control::{Answer, AskError, Command, MuteCommand};
use crate::journal::{self, JournalError, MuteRow, Reader};
use crate::model::limits::{MUTES, REASON_CHARS};
use crate::model::mute::{Mute, MuteOf, Muted, WouldHold};
use crate::model::time::Timestamp;
use crate::suppress::mutes::{Asked, asked, made};

/// Hold back what a rule fires, or what goes to an action, for a while
///
/// What is held back is recorded as `suppressed` with the reason `muted`, and takes nothing of cooldowns and limits. The end of a mute is told to
/// those whom notices go to. Orders are held back too; to stop all of them: birdcall disarm.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP, after_long_help = HELP)]
pub(super) struct Arguments {
    /// The rule, or the action
    #[arg(value_name = "RULE|ACTION")]
    name: String,
    /// For how long: 30m, 2h, 1d12h
    #[arg(long = "for", value_name = "SPAN")]
    span: String,
    /// Only firings about this token: a symbol, with or without the $, or a contract
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Only firings on what this account does
    #[arg(long, value_name = "HANDLE")]
    handle: Option<String>,
    /// Why, for those who find it so: shown by `birdcall mutes`, and when it ends
    #[arg(long, value_name = "WORDS")]
    because: Option<String>,
    #[command(flatten)]
    kind: Kind,
    /// Say what it would have held back of the last 24 hours, and mute nothing
    #[arg(long)]
    dry_run: bool,
    /// The rules that tell what the name is, where no birdcall is running [default: rules.toml, else rules/]
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Print what is muted as JSON: one object, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: State,
}

const HELP: &str = "\
Examples:
  birdcall mute kol-doge-dip --for 2h --because \"fed day\"
  birdcall mute listing --token DOGE --for 1d       only what is about that token
  birdcall mute desk --handle elonmusk --for 30m    only to that action, and only on what that account does
  birdcall mutes                                    what is muted, and birdcall unmute NUMBER ends one";

/// Whose name it is, where both a rule and an action have it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Kind {
    /// The name is a rule's
    #[arg(long = "rule", conflicts_with = "is_action")]
    is_rule: bool,
    /// The name is an action's
    #[arg(long = "action")]
    is_action: bool,
}

impl Kind {
    pub(super) fn what(self) -> Option<Muted> {
        match (self.is_rule, self.is_action) {
            (true, _) => Some(Muted::Rule),
            (_, true) => Some(Muted::Action),
            _ => None,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> End {
    let Some(time) = parse_span(arguments.span.trim()) else {
        complain(format_args!("--for: a time is written 90s, 30m, 2h or 1d12h, and {:?} is none", table::clean(&arguments.span)));
        return End::CannotStart;
    };
    let because = arguments.because.as_deref();
    let because = because.map(|because| table::clean(because).chars().take(REASON_CHARS).collect::<String>());
    let command = MuteCommand {
        name: arguments.name.clone(),
        what: arguments.kind.what(),
        token: arguments.token.clone(),
        handle: arguments.handle.clone(),
        for_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        because: because.filter(|because| !because.is_empty()),
        dry_run: arguments.dry_run,
    };
    let asked = Command::Mute(command.clone());
    match ask(&arguments.state, &asked, |folder, error| at_rest(folder, arguments, &command, error)) {
        Ok(Answer::Muted { mute, saved, would, note }) => {
            say_it(arguments, &Said { mute, saved, would, note: note.as_deref(), at_rest: false });
            End::Fine
        }
        Ok(other) => told(&other),
        Err(end) => end,
    }
}

/// What has come of it.
#[derive(serde::Serialize)]
struct Said<'a> {
    mute: Mute,
    saved: bool,
    would: Option<WouldHold>,
    note: Option<&'a str>,
    #[serde(skip)]
    at_rest: bool,
}

fn say_it(arguments: &Arguments, said: &Said<'_>) {
    if arguments.json {
        // Strings and numbers always serialise.
        say(table::inert(&serde_json::to_string_pretty(said).unwrap_or_default()));
        return;
    }
    let Said { mute, saved, would, note, at_rest } = said;
    let of = table::clean(&mute.of.to_string());
    if let Some(WouldHold { held, of: all }) = would {
        let firings = match mute.of.what {
            Muted::Rule => format!("firings of {}", table::clean(&mute.of.name)),
            Muted::Action => format!("firings that went to {}", table::clean(&mute.of.name)),
        };
        say(format_args!("this would have held back {held} of the last 24 hours' {all} {firings}"));
    }
    let (time, until) = (span(mute.until.since(mute.from)), Moments::here(Clock::system().wall()).local(mute.until));
    if *saved {
        let running = if *at_rest { ", also for the next start" } else { "" };
        say(format_args!("{of} is muted for {time}, until {until}{running}; to end it before: birdcall unmute {}", mute.number));
    } else {
        say("nothing was muted");
    }
    if let Some(note) = note {
        warn(table::clean(note));
    }
}

/// As a running instance does it, for the next one.
fn at_rest(folder: &Path, arguments: &Arguments, command: &MuteCommand, not_running: &AskError) -> End {
    // A folder without a journal is more likely the wrong one.
    if let Err(error) = Reader::open(folder) {
        return ask::unchanged(folder, &error);
    }
    let loaded = match load::load(arguments.rules.as_deref(), &arguments.state) {
        Ok(loaded) => loaded,
        Err(end) => {
            super::note(format_args!(
                "{not_running}: name the rules that it is to be started with, --rules PATH, or another folder, --state DIR"
            ));
            return end;
        }
    };
    let MuteCommand { name, what, token, handle, .. } = command;
    let of = match asked(&loaded.set, &Asked { name, what: *what, token: token.as_deref(), handle: handle.as_deref() }) {
        Ok(of) => of,
        Err(why) => return refused(&why),
    };
    let clock = Clock::system();
    let now = clock.wall();
    let looked = would_hold(folder, &loaded.set, &of, (now, &clock));
    match written(folder, command, &of, now) {
        Ok(Ok(mute)) => {
            let note = looked.as_ref().err().map(String::as_str);
            say_it(arguments, &Said { mute, saved: !command.dry_run, would: looked.as_ref().ok().copied(), note, at_rest: true });
            warn(format_args!("{not_running}; another folder? --state"));
            End::Fine
        }
        Ok(Err(why)) => refused(&why),
        Err(error) => ask::unchanged(folder, &error),
    }
}

fn written(folder: &Path, command: &MuteCommand, of: &MuteOf, now: Timestamp) -> Result<Result<Mute, String>, JournalError> {
    let new = |known: &[MuteRow]| {
        let last = known.iter().map(|row| row.mute.number).max().unwrap_or(0);
        if known.iter().filter(|row| now < row.mute.ends()).count() >= MUTES {
            return Err(format!("there are {MUTES} mutes already, which is all that there may be"));
        }
        made(last, (of.clone(), command.because.clone()), (now, Duration::from_millis(command.for_ms)))
    };
    if command.dry_run {
        return Ok(new(&Reader::open(folder)?.mutes(now)?));
    }
    let mut done = Err(String::new());
    let changed = journal::change_mutes(folder, now, |known| {
        done = new(&known);
        let row = done.clone().map(|mute| MuteRow { mute, held: 0, told: false });
        row.map(|row| vec![row])
    })?;
    Ok(changed.and(done))
}

fn refused(why: &str) -> End {
    complain(table::clean(why));
    mutes::NOTHING
}
