//! `birdcall replay`: rules over the past, through the very engine of a run, and nothing is sent.
//!
//! One thread reads, decompresses and cuts into lines; one decodes; and one for each rule set evaluates.

mod batch;
mod chart;
mod evaluate;
mod history;
mod html;
mod prices;
mod shown;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::moments::Moments;
use super::progress::grouped;
use super::progress::number_of;
use super::state::State;
use super::{End, complain, load, say, table, warn};
use crate::clock::Clock;
use crate::journal::Reader;
use crate::model::identity::Identity;
use crate::model::ids::FiringId;
use crate::model::limits::{FIRED_IDS, REPLAY_REACH};
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::replay::Forgotten;
use crate::rules::ruleset::RuleSet;
use crate::suppress::days::day_begins;
use crate::telemetry;

use evaluate::{Evaluated, Listing, Work};
use source::{Source, SourceError, Stretch};

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
    /// Only what came before then; a day is meant with all of it
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
elsewhere is left out (what was muted is not, where the journal is replayed): the pace of lanes, `birdcall disarm`, and what destinations answer.";

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
    arguments.html.as_deref().map_or(Ok(()), page_goes_to).map_err(|why| cannot(&why))?;
    let (from, stretch) = stretch(arguments, &moments, now).map_err(|why| cannot(&why))?;
    let loaded = load::load(arguments.path.as_deref(), &arguments.state)?;
    known(&loaded.set, &arguments.rule).map_err(|why| cannot(&why))?;
    let old = arguments.compare.as_deref().map(|path| load::load(Some(path), &arguments.state)).transpose()?;
    let old = old.map(|old| chosen(old.set, &arguments.rule));
    let fetched = if arguments.history {
        let wanted = history::stretch(from, stretch.to, &moments).map_err(|why| cannot(&why))?;
        Some(history::fetch(arguments, &loaded, wanted)?)
    } else {
        None
    };
    let rules = chosen(loaded.set, &arguments.rule);
    let sources = match fetched {
        Some(path) => path.map(Source::File).into_iter().collect(),
        None => sources(arguments)?,
    };
    let Before { stretch, fired, known } =
        before(stretch, from, &sources, &[Some(&rules), old.as_ref()]).map_err(|error| cannot(&error))?;
    let mutes = muted(stretch, &sources).map_err(|error| cannot(&error))?;
    let listing = arguments.list.then_some(if arguments.json { Listing::Json } else { Listing::Words(moments.clone()) });
    let evaluated = evaluate::run(&Work { rules, old, sources, stretch, from, fired, known, mutes, listing })
        .map_err(|error| cannot(&error))?;
    tell_faults(&evaluated);
    if arguments.json {
        say(table::inert(&shown::json(&evaluated, arguments.list)));
    } else {
        say(shown::words(&evaluated, &moments));
    }
    if let Some(path) = &arguments.html {
        let page = html::page(&evaluated, &moments);
        write_page(path, &page)
            .map_err(|error| cannot(&format_args!("{}: {error}", table::clean(&path.display().to_string()))))?;
    }
    Ok(if evaluated.stopped.is_some() { End::CannotStart } else { End::Fine })
}

/// From when on it is told what fires, and which entries are of that stretch.
fn stretch(arguments: &Arguments, moments: &Moments, now: Timestamp) -> Result<(Option<Timestamp>, Stretch), String> {
    let parse = |name: &str, written: &Option<String>| {
        written.as_deref().map(|written| moments.parse(written)).transpose().map_err(|why| format!("{name}: {why}"))
    };
    let from = parse("--last", &arguments.last)?.or(parse("--from", &arguments.from)?);
    let to = arguments.to.as_deref().map(|to| moments.parse_end(to)).transpose().map_err(|why| format!("--to: {why}"))?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(format!("the past that was asked for ends before it begins: from {from} to {to}"));
    }
    Ok((from, Stretch { since: None, to, now }))
}

/// What is known at the beginning of a stretch.
struct Before {
    /// From some time before on, if that is to be read.
    stretch: Stretch,
    fired: Vec<FiringId>,
    known: Vec<Identity>,
}

/// What is known at the beginning of a stretch, as a run would know it. Files are read from their start. Of a journal, some time before is read:
/// as much as rules may wait or look back, and where an action has had its share of the day, the day; and what fired before that is on record, and
/// who and what was known to be the same.
fn before(
    mut stretch: Stretch,
    from: Option<Timestamp>,
    sources: &[Source],
    rules: &[Option<&Arc<RuleSet>>],
) -> Result<Before, SourceError> {
    let ([Source::Journal(folder)], Some(from)) = (sources, from) else {
        return Ok(Before { stretch, fired: Vec::new(), known: Vec::new() });
    };
    let over_time = rules.iter().flatten().map(|rules| rules.reach()).max().unwrap_or_default();
    let reach = i64::try_from(over_time.max(REPLAY_REACH).as_millis()).unwrap_or(i64::MAX);
    let has_share = |rules: &&Arc<RuleSet>| rules.actions.iter().any(|action| action.max_per_day.is_some());
    let midnight = day_begins(from);
    let since = from.shifted(-reach);
    let since = if rules.iter().flatten().any(has_share) { since.min(midnight) } else { since };
    stretch.since = Some(since);
    let mut reader = Reader::open(folder)?;
    reader.put_right(stretch.now)?;
    let mut known = reader.identities()?;
    known.retain(|of| of.is_known_before(since));
    Ok(Before { stretch, fired: reader.fired_before(since, FIRED_IDS)?, known })
}

/// What a journal says was muted meanwhile. A recording knows nothing of it.
fn muted(stretch: Stretch, sources: &[Source]) -> Result<Vec<Mute>, SourceError> {
    let [Source::Journal(folder)] = sources else { return Ok(Vec::new()) };
    let mut reader = Reader::open(folder)?;
    reader.put_right(stretch.now)?;
    let since = stretch.since.unwrap_or(Timestamp::from_millis(i64::MIN));
    Ok(reader.mutes(since)?.into_iter().map(|row| row.mute).collect())
}

/// A page takes the place of a page only.
fn page_goes_to(path: &Path) -> Result<(), String> {
    let is_page = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"));
    if path.exists() && !is_page {
        let name = table::clean(&path.display().to_string());
        return Err(format!("--html {name}: it is there, and does not look like a page; choose a name that ends in .html"));
    }
    Ok(())
}

/// Whole or not at all.
fn write_page(path: &Path, page: &str) -> std::io::Result<()> {
    // A device or a pipe is written to, and not put aside.
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return std::fs::write(path, page);
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".part");
    let written = std::fs::write(&aside, page).and_then(|()| std::fs::rename(&aside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
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

/// Says what the window of a rule had to forget, and what that has changed.
fn tell_forgotten(Forgotten { rule, kind, keys, matches }: &Forgotten) {
    let rule = table::clean(rule);
    if *keys > 0 {
        let keys = number_of(*keys, "key");
        warn(format_args!("the window of {rule} had to forget {keys} for want of room: give it more with `max_keys`"));
    }
    let (what, plural, so) = match *kind {
        "change" => ("price", "s", "each close to another that is kept; a move that is hardly large enough may have been missed"),
        "sequence" => {
            ("match", "es", "the oldest of keys with more than 64 of one step; what would have gone on from them is not told")
        }
        _ => ("match", "es", "the oldest of busy keys; only one that comes late may have been judged by fewer than there were"),
    };
    if *matches > 0 {
        let (number, s) = (grouped(*matches), if *matches == 1 { "" } else { plural });
        warn(format_args!("the window of {rule} had to forget {number} {what}{s} for want of room, {so}"));
    }
}

/// Says what could not be read, the first of it with its place.
fn tell_faults(evaluated: &Evaluated) {
    let faults = &evaluated.faults;
    if faults.number > 0 {
        let lines = if faults.number == 1 { "line is no entry and was" } else { "lines are no entries and were" };
        warn(format_args!("{} {lines} left out ({})", faults.number, faults.by_kind()));
        faults.first.iter().for_each(|fault| warn(table::clean(fault)));
    }
    if evaluated.went_back > 0 {
        let (number, are) = (grouped(evaluated.went_back), if evaluated.went_back == 1 { "entry is" } else { "entries are" });
        warn(format_args!(
            "{number} {are} dated more than 5 s before one that stands before: if files were given in another order, a replay is not exact"
        ));
    }
    if evaluated.damaged > 0 {
        warn(format_args!("the journal is damaged: {} rows were left out", evaluated.damaged));
    }
    evaluated.forgotten.iter().for_each(tell_forgotten);
    if let Some(why) = &evaluated.stopped {
        complain(format_args!("{why}; what was read before is told"));
    }
}
