//! The history API → a recording to keep, which is then replayed as any other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Arguments;
use crate::cli::load::Rules;
use crate::cli::moments::Moments;
use crate::cli::progress::{Progress, grouped};
use crate::cli::record::tell_moved;
use crate::cli::run::feed_key;
use crate::cli::{End, Signals, complain, runtime, table, warn};
use crate::clock::Clock;
use crate::feed::recording::{Files, Place};
use crate::feed::{Filled, History, HistorySettings, Page, Unavailable, history};
use crate::model::time::Timestamp;
use crate::tls;

/// How the API is told who asks.
const AGENT: &str = concat!("birdcall/", env!("CARGO_PKG_VERSION"));
/// Pages that wait to be written.
const PAGES: usize = 4;

/// Why it was not fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
    #[error("{}: {error}", table::clean(&.path.display().to_string()))]
    File { path: PathBuf, error: std::io::Error },
    #[error("stopped")]
    Stopped,
}

/// Fetches what the feed has sent between the two moments, and returns where it is now.
/// `None` when it has sent nothing.
pub(super) fn fetch(arguments: &Arguments, rules: &Rules, (from, to): (Timestamp, Timestamp)) -> Result<Option<PathBuf>, End> {
    let cannot = |error: &dyn std::fmt::Display| {
        complain(error);
        End::CannotStart
    };
    let moments = Moments::here(Clock::system().wall());
    let path = arguments.keep.clone().unwrap_or_else(|| usual(from, to));
    let history = history_api(arguments, rules)?;
    let refused = |error| cannot(&FetchError::File { path: path.clone(), error });
    let name = table::clean(&path.display().to_string());
    if !is_recording(&path) {
        return Err(cannot(&format_args!("--keep {name}: the name ends in .jsonl or .jsonl.zst")));
    }
    let mut files = Files::new(Place::File(path.clone())).map_err(|error| {
        let again = if path.exists() { format!("; to replay it: --file {name}") } else { String::new() };
        cannot(&format_args!("{name}: {error}{again}"))
    })?;
    tell_moved(&files);
    let runtime = runtime().map_err(|error| cannot(&error))?;
    let fetched = runtime.block_on(write(&history, (from, to), &mut files, &path));
    runtime.shutdown_background();
    // What has come is kept, whatever became of the rest.
    files.end().map_err(refused)?;
    let kept = format!("{} envelopes of the history are kept in {name}", grouped(files.entries()));
    match fetched {
        Ok(filled) if files.entries() == 0 => {
            tell(&filled);
            let _ = std::io::Write::write_fmt(
                &mut anstream::stderr(),
                format_args!("The history has nothing from {} to {}; no file is kept\n", moments.local(from), moments.local(to)),
            );
            Ok(None)
        }
        Ok(filled) => {
            tell(&filled);
            let _ = std::io::Write::write_fmt(&mut anstream::stderr(), format_args!("{kept}\n"));
            Ok(Some(path))
        }
        Err(error) if files.entries() > 0 => Err(cannot(&format_args!("{error}. {kept}, and are not all"))),
        Err(error) => Err(cannot(&error)),
    }
}

fn history_api(arguments: &Arguments, rules: &Rules) -> Result<History, End> {
    let cannot = |error: &dyn std::fmt::Display| {
        complain(error);
        End::CannotStart
    };
    let feed = &rules.set.feed;
    let url = arguments.history_url.clone().or_else(|| feed.history.clone()).or_else(|| history::default_url(&feed.url));
    let Some(url) = url else {
        return Err(cannot(
            &"it is not known where this feed's history is: write history = \"https://…\" under [feed], or --history-url URL",
        ));
    };
    let key = feed_key(rules)?;
    let tls = tls::client_config(&[b"h2", b"http/1.1"]).map_err(|error| cannot(&error))?;
    let settings = HistorySettings { url, key, tls: Arc::clone(&tls), agent: AGENT.to_owned(), clock: Clock::system() };
    History::new(settings).map_err(|error| cannot(&error))
}

/// Envelopes are written bare: they are replayed as if they had come when the feed sent them, live.
async fn write(
    history: &History,
    (from, to): (Timestamp, Timestamp),
    files: &mut Files,
    path: &Path,
) -> Result<Filled, FetchError> {
    let clock = Clock::system();
    let (pages, mut received) = mpsc::channel::<Page>(PAGES);
    let mut fetching = std::pin::pin!(history.backfill(from, to, pages));
    let signals = Signals::listen();
    let mut stopped = std::pin::pin!(signals.next());
    let mut progress = Progress::new();
    let (mut filled, mut until) = (None, from);
    loop {
        tokio::select! {
            () = &mut stopped => return Err(FetchError::Stopped),
            ended = &mut fetching, if filled.is_none() => filled = Some(ended?),
            page = received.recv() => match (page, filled.take()) {
                (Some(page), ended) => {
                    filled = ended;
                    for envelope in &page.envelopes {
                        let written = files.write_bare(envelope, clock.now());
                        written.map_err(|error| FetchError::File { path: path.to_owned(), error })?;
                    }
                    until = until.max(page.until);
                }
                (None, Some(filled)) => return Ok(filled),
                (None, None) => {}
            },
        }
        progress.at(Some(share(from, until, to)), files.entries(), "envelopes", "fetched from the history");
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown, not reckoned with")]
fn share(from: Timestamp, until: Timestamp, to: Timestamp) -> f64 {
    until.since(from).as_millis() as f64 / (to.since(from).as_millis() as f64).max(1.0)
}

fn tell(filled: &Filled) {
    if let Some(missing) = filled.missing() {
        warn(format_args!("of the history, {missing}"));
    }
    for what in &filled.without {
        warn(table::clean(&format!("the history does not give out what is of type {what}")));
    }
}

fn is_recording(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.ends_with(".jsonl") || name.ends_with(".jsonl.zst")
}

/// `history-2026-11-22T1400-2026-11-29T1400.jsonl.zst`, by UTC.
fn usual(from: Timestamp, to: Timestamp) -> PathBuf {
    let day = |at: Timestamp| {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        at.strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    format!("history-{}-{}.jsonl.zst", day(from), day(to)).into()
}

/// The stretch of the history that is asked for: without a beginning that would be all of it.
pub(super) fn stretch(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    moments: &Moments,
) -> Result<(Timestamp, Timestamp), String> {
    let Some(from) = from else {
        return Err("--history: say from when on, such as --last 7d or --from 2026-11-22".to_owned());
    };
    let to = to.unwrap_or(moments.now()).min(moments.now());
    if from >= to { Err("--history: that is still to come".to_owned()) } else { Ok((from, to)) }
}
