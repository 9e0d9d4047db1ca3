//! `birdcall record`: the live feed, or what a journal has of it, into files.

mod journal;
mod live;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::progress::grouped;
use super::state::State;
use super::{End, complain, table, warn};
use crate::feed::recording::{Files, Place};
use crate::{rules, telemetry};

/// Write the feed to files that replay, test and simulate read: one line of JSON for each envelope, compressed with zstd
#[derive(Debug, clap::Args)]
#[command(after_help = HELP, after_long_help = HELP)]
pub(super) struct Arguments {
    /// A rules file or folder: its [feed] says where the feed is and what its key is [default: rules.toml, else rules/, else
    /// $TWEETSTREAM_API_KEY and TweetStream's own feed]
    path: Option<PathBuf>,
    /// A folder, for files that take turns, or one file: .jsonl is plain, .jsonl.zst compressed
    #[arg(long, value_name = "DIR|FILE")]
    out: PathBuf,
    /// A new file begins when one has so many bytes
    #[arg(long, value_name = "SIZE", default_value = "256MB")]
    max_size: String,
    /// A new file begins when one is so old
    #[arg(long, value_name = "TIME", default_value = "24h")]
    max_time: String,
    /// Do not compress the files of a folder
    #[arg(long)]
    plain: bool,
    /// The feed's URL, in place of the one in the rules
    #[arg(long, value_name = "URL", conflicts_with = "from_journal")]
    url: Option<String>,
    /// Write what the journal of a birdcall has, instead of the live feed: no connection is needed
    #[arg(long)]
    from_journal: bool,
    /// Of the journal only what came within this time until now: 7d, 12h, 90m
    #[arg(long, value_name = "SPAN", requires = "from_journal", conflicts_with = "from")]
    last: Option<String>,
    /// Of the journal only what came from then on
    #[arg(long, value_name = "WHEN", requires = "from_journal")]
    from: Option<String>,
    /// Of the journal only what came before then; a day is meant with all of it
    #[arg(long, value_name = "WHEN", requires = "from_journal")]
    to: Option<String>,
    #[command(flatten)]
    state: State,
}

const HELP: &str = "\
Examples:
  birdcall record --out feed/                                until Ctrl-C, into files of a day or 256 MB
  birdcall record --out week.jsonl.zst --from-journal --last 7d
  birdcall replay rules.toml --file feed/                    and back again

A file is called .part until it is whole; that can be read, too, and a kill -9 takes no more than 2.5 seconds of it.

What the journal knows beside the entries is not in a file: when the feed was not heard, and waits were held meanwhile. A run in which that \
happened is replayed exactly from the journal itself only.

TweetStream counts connections by plan, and refuses one more than that with 429: beside a birdcall that runs with the same key this may \
be the one too many. What that one hears is in its journal: --from-journal.";

pub(super) fn run(arguments: &Arguments) -> End {
    telemetry::start(LevelFilter::INFO);
    let files = place(arguments).and_then(|place| Files::new(place).map_err(|error| named(&arguments.out, &error)));
    let files = match files {
        Ok(files) => {
            tell_moved(&files);
            files
        }
        Err(why) => {
            complain(why);
            return End::CannotStart;
        }
    };
    if arguments.from_journal { journal::run(arguments, files) } else { live::run(arguments, files) }
}

fn named(path: &Path, error: &std::io::Error) -> String {
    table::clean(&format!("{}: {error}", path.display()))
}

/// Says where that is now which an earlier recording has left.
pub(super) fn tell_moved(files: &Files) {
    if let Some(moved) = files.moved() {
        let moved = table::clean(&moved.display().to_string());
        warn(format_args!("an earlier one was killed before it was whole: what it left is now {moved}, and can be replayed"));
    }
}

/// A path is one file by its ending, else a folder.
fn place(arguments: &Arguments) -> Result<Place, String> {
    let path = arguments.out.clone();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !path.is_dir() && (name.ends_with(".jsonl") || name.ends_with(".jsonl.zst")) {
        return Ok(Place::File(path));
    }
    if path.is_file() {
        return Err(format!("{}: this is a file, and its name ends neither in .jsonl nor in .jsonl.zst", path.display()));
    }
    let bytes = rules::parse_size(&arguments.max_size).map_err(|why| format!("--max-size {}: {why}", arguments.max_size))?;
    let age = rules::parse_duration(&arguments.max_time).map_err(|why| format!("--max-time {}: {why}", arguments.max_time))?;
    if bytes < 64_000 || age < Duration::from_secs(1) {
        return Err("a file may have 64 KB and a second at the least".to_owned());
    }
    Ok(Place::Folder { path, bytes, age, compressed: !arguments.plain })
}

/// `12.3 MB`.
#[expect(clippy::cast_precision_loss, reason = "shown, not reckoned with")]
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// What was written, in one line.
fn written(files: &Files) -> String {
    let mut names = match files.finished() {
        [] if files.unfinished().is_some() => "no file is whole".to_owned(),
        [] => "no file, as nothing came".to_owned(),
        [one] => one.display().to_string(),
        [first, .., last] => format!("{} files, {} to {}", files.finished().len(), first.display(), last.display()),
    };
    if let Some(part) = files.unfinished() {
        names.push_str(&format!("; {} holds what was written of the last one, and can be replayed", part.display()));
    }
    table::clean(&format!("{} envelopes, {}: {names}", grouped(files.entries()), size(files.bytes())))
}
