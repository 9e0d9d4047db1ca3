//! Where the past is → batches of it: recordings, the standard input, the journal. Read ahead, in a thread of its own.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use super::batch::Batch;
use crate::cli::table::clean;
use crate::feed::recording::{Lines, RecordingError, first_at};
use crate::journal::{Holds, JournalError, Reader};
use crate::model::firing::Origin;
use crate::model::time::Timestamp;

/// Endings of the files of a folder that are recordings; the last are those that are being written, or were when their program was killed.
const ENDINGS: [&str; 4] = [".jsonl", ".jsonl.zst", ".jsonl.part", ".jsonl.zst.part"];

/// One place.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The standard input.
    Input,
    /// A recording.
    File(PathBuf),
    /// The journal in a state folder.
    Journal(PathBuf),
}

/// Why the past cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    /// A recording.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file or folder.
    #[error("{}: {error}", clean(&.path.display().to_string()))]
    System {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A folder without recordings.
    #[error("{}: the folder holds no recording ({})", clean(&.0.display().to_string()), ENDINGS.join(", "))]
    Empty(PathBuf),
    /// The thread that reads has died of a mistake of ours.
    #[error("the thread that reads has panicked: please report it")]
    Panicked,
}

/// The recordings that a path names: itself, or those in the folder that it is, in the order of their first entries.
pub(super) fn recordings(path: &Path) -> Result<Vec<Source>, SourceError> {
    let system = |error| SourceError::System { path: path.to_owned(), error };
    if path == Path::new("-") {
        return Ok(vec![Source::Input]);
    }
    if !std::fs::metadata(path).map_err(system)?.is_dir() {
        return Ok(vec![Source::File(path.to_owned())]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(system)? {
        let file = entry.map_err(system)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What is not a file, such as a pipe, is not opened to look whether it is one.
        if file.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(file);
        }
    }
    // What tells no moment, such as a file that has only been begun, comes last.
    found.sort_by_cached_key(|path| (first_at(path).unwrap_or(Timestamp::from_millis(i64::MAX)), path.clone()));
    if found.is_empty() { Err(SourceError::Empty(path.to_owned())) } else { Ok(found.into_iter().map(Source::File).collect()) }
}

/// How much of all has been read, in bytes or in time.
#[derive(Debug, Default)]
pub(super) struct Reached {
    done: AtomicU64,
    all: AtomicU64,
}

impl Reached {
    /// `None` where nobody knows how much there is.
    #[expect(clippy::cast_precision_loss, reason = "shown, not reckoned with")]
    pub(super) fn share(&self) -> Option<f64> {
        let (done, all) = (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
        (all > 0).then(|| done as f64 / all as f64)
    }

    /// Bytes of all files; none is known when one of them is no file.
    fn expect_all(&self, sources: &[Source]) {
        let sizes = sources.iter().map(|source| match source {
            Source::File(path) => std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|about| about.len()),
            _ => None,
        });
        self.all.store(sizes.sum::<Option<u64>>().unwrap_or(0), Ordering::Relaxed);
    }
}

/// Which part of the past is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    /// Entries before are not needed.
    pub(super) since: Option<Timestamp>,
    /// Nor any after.
    pub(super) to: Option<Timestamp>,
    /// The present.
    pub(super) now: Timestamp,
}

/// Reads.
pub(super) struct Reading {
    pub(super) to: SyncSender<Batch>,
    pub(super) reached: Arc<Reached>,
    pub(super) stretch: Stretch,
}

/// What was read beside the entries.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Until when the feed was heard, where the source knows.
    pub(super) until: Option<Timestamp>,
    /// Rows of the journal that cannot be read.
    pub(super) damaged: u64,
}

impl Reading {
    /// Reads all of it. Nobody listening any more is no error.
    pub(super) fn all(&self, sources: &[Source]) -> Result<Ended, SourceError> {
        self.reached.expect_all(sources);
        let mut ended = Ended::default();
        for source in sources {
            match source {
                Source::Input => self.lines(Lines::of("standard input".to_owned(), io::stdin())?, &"standard input".into())?,
                Source::File(path) => {
                    let (name, file) = (path.display().to_string(), File::open(path));
                    let file = file.map_err(|error| SourceError::System { path: path.clone(), error })?;
                    let file = Counted { file, reached: Arc::clone(&self.reached) };
                    self.lines(Lines::of(name.clone(), file)?, &name.into())?;
                }
                Source::Journal(folder) => ended = self.journal(folder)?,
            }
        }
        Ok(ended)
    }

    fn lines(&self, mut lines: Lines, name: &Arc<str>) -> Result<(), SourceError> {
        let mut batch = Batch::new(name);
        loop {
            // What was read before an error counts.
            let line = lines.next_line();
            match line {
                Ok(Some(Ok(line))) => batch.line(line.number, line.text),
                Ok(Some(Err(faulty))) => batch.faulty(faulty),
                Ok(None) => break,
                Err(error) => {
                    self.send(batch);
                    return Err(error.into());
                }
            }
            if batch.is_full() && !self.send(std::mem::replace(&mut batch, Batch::new(name))) {
                return Ok(());
            }
        }
        self.send(batch);
        Ok(())
    }

    fn journal(&self, folder: &Path) -> Result<Ended, SourceError> {
        let mut reader = Reader::open(folder)?;
        let Stretch { since, to, now } = self.stretch;
        reader.put_right(now)?;
        // It is noted once a second only how far the feed was heard.
        let until =
            reader.last_alive()?.map(|alive| reader.last_fired().map(|fired| fired.map_or(alive, |fired| fired.max(alive))));
        let until = until.transpose()?;
        let since = since.unwrap_or(Timestamp::from_millis(i64::MIN));
        let mut holds = Holds::read(&mut reader, since)?;
        let name: Arc<str> = "the journal".into();
        let (mut batch, mut first, mut goes_on) = (Batch::new(&name), None, true);
        reader.recent(since, usize::MAX, |entry| {
            if !goes_on || to.is_some_and(|to| entry.at >= to) {
                return;
            }
            let first = *first.get_or_insert(entry.at);
            holds.before(entry.at, entry.origin, |at, hold| batch.hold(at, hold));
            batch.entry(entry.at, entry.origin, entry.text);
            if batch.is_full() {
                let end = to.or(until).unwrap_or(now);
                self.reached.all.store(end.since(first).as_secs(), Ordering::Relaxed);
                self.reached.done.store(entry.at.since(first).as_secs(), Ordering::Relaxed);
                goes_on = self.send(std::mem::replace(&mut batch, Batch::new(&name)));
            }
        })?;
        if let Some(end) = [until, to].into_iter().flatten().min().filter(|_| goes_on) {
            // What was not heard after the last entry.
            holds.before(end, Origin::Live, |at, hold| batch.hold(at, hold));
        }
        self.send(batch);
        Ok(Ended { until, damaged: reader.damaged() })
    }

    /// No: nobody listens any more.
    fn send(&self, batch: Batch) -> bool {
        batch.is_empty() || self.to.send(batch).is_ok()
    }
}

/// Counts what is read of a file.
struct Counted {
    file: File,
    reached: Arc<Reached>,
}

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.reached.done.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        Ok(read)
    }
}
