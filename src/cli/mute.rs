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
use crate::suppress::mutes::{Asked, asked, made, only_new};

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
    /// Only firings on what this account does; HANDLE#ID knows it where only its id is told, too
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
    match look_and_mute(arguments, &command) {
        Ok(said) => {
            said.say(arguments);
            End::Fine
        }
        Err(end) => end,
    }
}

/// It is said what it would have held before it is in force: whoever sees that it is too much may still end this.
fn look_and_mute(arguments: &Arguments, command: &MuteCommand) -> Result<Said, End> {
    let look = MuteCommand { dry_run: true, ..command.clone() };
    let looked = muted(arguments, &look, None)?;
    looked.say_would(arguments);
    if command.dry_run {
        return Ok(looked);
    }
    let said = muted(arguments, command, Some(&looked.mute.of))?;
    let notes: Vec<_> = [looked.note.filter(|_| arguments.json), said.note].into_iter().flatten().collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(Said { would: looked.would, note, ..said })
}

/// `known`: what it is about, if that was told already.
fn muted(arguments: &Arguments, command: &MuteCommand, known: Option<&MuteOf>) -> Result<Said, End> {
    let mut at_rest = None;
    let answered = ask(&arguments.state, &Command::Mute(command.clone()), |folder, error| {
        at_rest = Some(mute_at_rest(folder, arguments, (command, known), error));
        End::Fine
    });
    match (at_rest, answered) {
        (Some(said), _) => said,
        (None, Ok(Answer::Muted { mute, saved, would, note })) => Ok(Said { mute, saved, would, note, at_rest: None }),
        (None, Ok(other)) => Err(told(&other)),
        (None, Err(end)) => Err(end),
    }
}

/// What has come of it.
#[derive(serde::Serialize)]
struct Said {
    mute: Mute,
    saved: bool,
    would: Option<WouldHold>,
    note: Option<String>,
    /// No birdcall is running, in words.
    #[serde(skip)]
    at_rest: Option<String>,
}

impl Said {
    /// What it would have held, and, where that is all there is to it, why that is not known.
    fn say_would(&self, arguments: &Arguments) {
        if arguments.json {
            return;
        }
        if let Some(WouldHold { held, of: all, at_least }) = self.would {
            let of = &self.mute.of;
            let firings = match of.what {
                Muted::Rule => format!("firings of {}", table::clean(&of.name)),
                Muted::Action => format!("firings that went to {}", table::clean(&of.name)),
            };
            let least = if at_least { "at least " } else { "" };
            say(format_args!("this would have held back {least}{held} of the last 24 hours' {least}{all} {firings}"));
            if at_least {
                super::note("there are more in the journal than were looked through: it is the newest that count here");
            }
        }
        if let Some(note) = self.note.as_ref().filter(|_| !arguments.dry_run) {
            warn(table::clean(note));
        }
    }

    fn say(&self, arguments: &Arguments) {
        if arguments.json {
            // Strings and numbers always serialise.
            return say(table::inert(&serde_json::to_string_pretty(self).unwrap_or_default()));
        }
        let Self { mute, saved, note, at_rest, .. } = self;
        let of = table::clean(&mute.of.to_string());
        let (time, until) = (span(mute.until.since(mute.from)), Moments::here(Clock::system().wall()).local(mute.until));
        if *saved {
            let running = if at_rest.is_some() { ", also for the next start" } else { "" };
            say(format_args!(
                "{of} is muted for {time}, until {until}{running}; to end it before: birdcall unmute {}",
                mute.number
            ));
        } else {
            say("nothing was muted");
        }
        note.iter().for_each(|note| warn(table::clean(note)));
        if let Some(not_running) = at_rest {
            warn(format_args!("{not_running}; another folder? --state"));
        }
    }
}

/// As a running instance does it, for the next one.
fn mute_at_rest(
    folder: &Path,
    arguments: &Arguments,
    (command, known): (&MuteCommand, Option<&MuteOf>),
    not_running: &AskError,
) -> Result<Said, End> {
    // A folder without a journal is more likely the wrong one.
    Reader::open(folder).map_err(|error| ask::unchanged(folder, &error))?;
    let (clock, at_rest) = (Clock::system(), Some(not_running.to_string()));
    let now = clock.wall();
    if let Some(of) = known {
        let mute = written(folder, command, of, now)?;
        let note = only_new(of).map(str::to_owned);
        return Ok(Said { mute, saved: !command.dry_run, would: None, note, at_rest });
    }
    let loaded = load::load(arguments.rules.as_deref(), &arguments.state).inspect_err(|_| {
        super::note(format_args!(
            "{not_running}: name the rules that it is to be started with, --rules PATH, or another folder, --state DIR"
        ));
    })?;
    let MuteCommand { name, what, token, handle, .. } = command;
    let of = asked(&loaded.set, &Asked { name, what: *what, token: token.as_deref(), handle: handle.as_deref() });
    let of = of.map_err(|why| refused(&why))?;
    let mute = written(folder, command, &of, now)?;
    let looked = would_hold(folder, &loaded.set, &of, (now, &clock));
    let (would, why) = looked.map_or_else(|why| (None, Some(why)), |would| (Some(would), None));
    let note = why.map(|why| format!("it is not known what it would have held of the last 24 hours: {why}"));
    Ok(Said { mute, saved: !command.dry_run, would, note, at_rest })
}

/// Writes it down, unless it is a dry run.
fn written(folder: &Path, command: &MuteCommand, of: &MuteOf, now: Timestamp) -> Result<Mute, End> {
    let done = kept(folder, command, of, now).map_err(|error| ask::unchanged(folder, &error))?;
    done.map_err(|why| refused(&why))
}

fn kept(folder: &Path, command: &MuteCommand, of: &MuteOf, now: Timestamp) -> Result<Result<Mute, String>, JournalError> {
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
