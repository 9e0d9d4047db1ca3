//! `birdcall replay`: rules over the past, through the very engine of a run, and nothing is sent.
//!
//! One thread reads, decompresses and cuts into lines; one for each rule set decodes and evaluates.

mod batch;
mod chart;
mod evaluate;
mod gaps;
mod history;
mod html;
mod prices;
mod shown;
mod source;

use std::path::PathBuf;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::moments::Moments;
use super::state::State;
use super::{End, complain, load, say, table, warn};
use crate::clock::Clock;
use crate::model::limits::REPLAY_REACH;
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;
use crate::telemetry;

use evaluate::{Evaluated, Listing, Work};
use source::{Source, Stretch};

/// Run rules over the past: what would have fired, been sent and been ordered. Nothing is sent
#[derive(Debug, clap::Args)]
#[command(after_help = HELP, after_long_help = HELP)]
pub(super) struct Arguments {
    /// A rules file, or a folder of them [default: rules.toml, else rules/]
    path: Option<PathBuf>,
    /// A recording (.jsonl or .jsonl.zst), a folder of them, or - for standard input; may be given again [default: the journal]
    #[arg(long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Fetch what the feed has sent from its history, into a file that is kept; say from when with --last or --from
    #[arg(long, conflicts_with = "file")]
    history: bool,
    /// Where to keep what was fetched: .jsonl or .jsonl.zst [default: history-FROM-TO.jsonl.zst]
    #[arg(long, value_name = "FILE", requires = "history")]
    keep: Option<PathBuf>,
    /// Where the history is, in place of the URL in the rules
    #[arg(long, value_name = "URL", requires = "history")]
    history_url: Option<String>,
    /// Only what came within this time until now: 7d, 12h, 90m
    #[arg(long, value_name = "SPAN", conflicts_with = "from")]
    last: Option<String>,
    /// Only what came from then on: 2026-11-24, 2026-11-24T14:00, 7d (ago), RFC 3339
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Only what came before then
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// Compare with these rules: which firings appear and disappear
    #[arg(long, value_name = "OLD_RULES")]
    compare: Option<PathBuf>,
    /// Only this rule; may be given again
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Print every firing as it comes, one a line, and the summary last
    #[arg(long)]
    list: bool,
    /// Print the summary as JSON; with --list one object a line
    #[arg(long)]
    json: bool,
    /// Write a report for a browser: one file, nothing else needed
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    state: State,
}

const HELP: &str = "\
Examples:
  birdcall replay rules.toml --last 7d                       the journal of this machine's birdcall
  birdcall replay rules.toml --file feed/ --html report.html what birdcall record wrote, as a page with charts
  birdcall replay rules.toml --history --last 7d             what the feed's history has, kept in a file for the next time
  birdcall replay new.toml --compare rules.toml --last 1d    what a change of the rules would have changed
  zstdcat day.jsonl.zst | birdcall replay --file - --list    every firing, one a line

Entries go through as they came: with their times, and with their origin, so that nothing is ordered on what came late. What a run decides \
elsewhere is left out: the pace of lanes, `birdcall disarm`, and what destinations answer.";

pub(super) fn run(arguments: &Arguments) -> End {
    telemetry::start(LevelFilter::WARN);
    match replay(arguments) {
        Ok(end) | Err(end) => end,
    }
}

fn replay(arguments: &Arguments) -> Result<End, End> {
    let cannot = |error: &dyn std::fmt::Display| {
        complain(error);
        End::CannotStart
    };
    let now = Clock::system().wall();
    let moments = Moments::here(now);
    let (from, stretch) = stretch(arguments, &moments, now).map_err(|why| cannot(&why))?;
    let loaded = load::load(arguments.path.as_deref())?;
    known(&loaded.set, &arguments.rule).map_err(|why| cannot(&why))?;
    let old = arguments.compare.as_deref().map(|path| load::load(Some(path))).transpose()?;
    let old = old.map(|old| chosen(old.set, &arguments.rule));
    let fetched = if arguments.history {
        let wanted = history::stretch(from, stretch.to, &moments).map_err(|why| cannot(&why))?;
        Some(history::fetch(arguments, &loaded, wanted)?)
    } else {
        None
    };
    let rules = chosen(loaded.set, &arguments.rule);
    let sources = match fetched {
        Some(path) => vec![Source::File(path)],
        None => sources(arguments)?,
    };
    let listing = arguments.list.then_some(if arguments.json { Listing::Json } else { Listing::Words(moments.clone()) });
    let evaluated = evaluate::run(&Work { rules, old, sources, stretch, from, listing }).map_err(|error| cannot(&error))?;
    tell_faults(&evaluated);
    if arguments.json {
        say(table::inert(&shown::json(&evaluated, arguments.list)));
    } else {
        say(shown::words(&evaluated, &moments));
    }
    if let Some(path) = &arguments.html {
        let page = html::page(&evaluated, &moments);
        std::fs::write(path, page).map_err(|error| cannot(&format_args!("{}: {error}", path.display())))?;
    }
    Ok(if evaluated.stopped.is_some() { End::CannotStart } else { End::Fine })
}

/// From when on it is told what fires, and which entries are read for that: some before, as a run would remember them.
fn stretch(arguments: &Arguments, moments: &Moments, now: Timestamp) -> Result<(Option<Timestamp>, Stretch), String> {
    let parse = |name: &str, written: &Option<String>| {
        written.as_deref().map(|written| moments.parse(written)).transpose().map_err(|why| format!("{name}: {why}"))
    };
    let from = parse("--last", &arguments.last)?.or(parse("--from", &arguments.from)?);
    let to = parse("--to", &arguments.to)?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(format!("the past that was asked for ends before it begins: from {from} to {to}"));
    }
    let reach = i64::try_from(REPLAY_REACH.as_millis()).unwrap_or(i64::MAX);
    Ok((from, Stretch { since: from.map(|from| from.shifted(-reach)), to, now }))
}

fn sources(arguments: &Arguments) -> Result<Vec<Source>, End> {
    if arguments.file.is_empty() {
        return Ok(vec![Source::Journal(arguments.state.folder()?)]);
    }
    let mut sources = Vec::new();
    for path in &arguments.file {
        sources.extend(source::recordings(path).map_err(|error| {
            complain(error);
            End::CannotStart
        })?);
    }
    Ok(sources)
}

/// Rules without those that were not asked for.
fn chosen(mut rules: RuleSet, names: &[String]) -> Arc<RuleSet> {
    if !names.is_empty() {
        rules.rules.retain(|rule| names.iter().any(|name| *rule.name == **name));
    }
    Arc::new(rules)
}

/// Whether there are rules of all these names, and what was meant by one that there is not.
fn known(rules: &RuleSet, names: &[String]) -> Result<(), String> {
    let Some(name) = names.iter().find(|name| rules.rules.iter().all(|rule| *rule.name != ***name)) else { return Ok(()) };
    let near = rules.rules.iter().min_by_key(|rule| strsim::damerau_levenshtein(&rule.name, name));
    Err(match near.filter(|near| strsim::damerau_levenshtein(&near.name, name) <= 3) {
        Some(near) => format!("--rule: there is no rule {name:?}; did you mean {:?}?", &*near.name),
        None => format!("--rule: there is no rule {name:?} among the {} that were read", rules.rules.len()),
    })
}

/// Says what could not be read, the first of it with its place.
fn tell_faults(evaluated: &Evaluated) {
    let faults = &evaluated.faults;
    if faults.number > 0 {
        let lines = if faults.number == 1 { "line is no entry and was" } else { "lines are no entries and were" };
        warn(format_args!("{} {lines} left out ({})", faults.number, faults.by_kind()));
        faults.first.iter().for_each(|fault| warn(table::clean(fault)));
    }
    if evaluated.damaged > 0 {
        warn(format_args!("the journal is damaged: {} rows were left out", evaluated.damaged));
    }
    if let Some(why) = &evaluated.stopped {
        complain(format_args!("{why}; what was read before is told"));
    }
}
