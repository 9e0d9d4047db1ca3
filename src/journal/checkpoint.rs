//! Empties the write-ahead log into the database, on a thread of its own: it waits for the disk, which an order must not.
//!
//! The bulk is copied while the writer goes on. For the rest the writer holds back what is not urgent for a moment, so that the log is
//! copied to its end and starts anew. What comes of it is for the writer to ask: an error that leaves the disk unknown, a log that a
//! reader keeps from being emptied.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connect;
use super::error::Why;
use super::log::Log;
use crate::model::limits::JOURNAL_POLL;

#[derive(Debug, Default)]
struct Inner {
    asked: bool,
    stop: bool,
    /// Why the last copying failed, until it is asked for.
    failed: Option<Why>,
    /// Why the last copying did not come to the log's end, in words.
    behind: Option<String>,
}

/// Shared by the writer and the thread that copies.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Held while the file is open for copying.
    copying: Mutex<()>,
    wake: Condvar,
    busy: AtomicBool,
    finishing: AtomicBool,
    log: Log,
    /// How much had ever been written to the log when it was last copied to its end.
    copied: AtomicU64,
}

/// How often the end is tried, where nobody writes, before it is left for another time.
const TRIES: usize = 10;
/// Why the end of the log cannot be copied although nothing failed.
const READ: &str = "another program has been reading the journal for long; end it (an open `sqlite3`?)";

impl Checkpoint {
    pub(super) fn new(path: &Path, log: Log) -> Self {
        let (inner, wake, copying) = (Mutex::default(), Condvar::new(), Mutex::default());
        let (busy, finishing, copied) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
        Self { path: path.to_owned(), inner, copying, wake, busy, finishing, log, copied }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log is long.
    pub(super) fn ask(&self) {
        self.busy.store(true, Ordering::Release);
        self.lock().asked = true;
        self.wake.notify_one();
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.wake.notify_one();
    }

    /// The writer should hold back what can wait.
    pub(super) fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Acquire)
    }

    /// It was asked and has not come to an end.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// What was written to the log since it was last copied to its end.
    pub(super) fn to_copy(&self) -> u64 {
        self.log.ever().saturating_sub(self.copied.load(Ordering::Acquire))
    }

    /// Why copying has failed since this was asked last.
    pub(super) fn take_failed(&self) -> Option<Why> {
        self.lock().failed.take()
    }

    /// Why the log was not copied to its end the last time, in words.
    pub(super) fn behind(&self) -> Option<String> {
        self.lock().behind.clone()
    }

    /// As long as this is kept nothing is copied and the file is not open: it may be replaced. What had failed was of the old one.
    pub(super) fn away(&self) -> MutexGuard<'_, ()> {
        let away = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
        let mut inner = self.lock();
        (inner.failed, inner.behind) = (None, None);
        away
    }

    /// Copies whenever it is asked to, until it is told to stop.
    pub(super) fn run(&self) {
        loop {
            let mut inner = self.lock();
            while !inner.asked && !inner.stop {
                inner = self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner);
            }
            inner.asked = false;
            if inner.stop {
                return;
            }
            drop(inner);
            let copying = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
            let copied = self.copy();
            self.came_to(copied);
            drop(copying);
            self.finishing.store(false, Ordering::Release);
            self.busy.store(false, Ordering::Release);
        }
    }

    /// Keeps what became of it for the writer. What may pass is tried again when the log is longer.
    pub(super) fn came_to(&self, copied: rusqlite::Result<bool>) {
        let mut inner = self.lock();
        inner.behind = match copied {
            Ok(true) => None,
            Ok(false) => Some(READ.to_owned()),
            Err(error) => {
                let why = Why::of(&error);
                let words = if why == Why::Busy { READ.to_owned() } else { why.to_string() };
                inner.failed = Some(why);
                Some(words)
            }
        };
    }

    fn copy(&self) -> rusqlite::Result<bool> {
        // Not kept, as a damaged file may be put aside in between.
        let connection = connect::plain(&self.path)?;
        self.pass(&connection)?;
        self.finishing.store(true, Ordering::Release);
        let mut tries = TRIES;
        while tries > 0 && !self.lock().stop {
            let (all, quiet) = self.log.while_quiet(|| self.pass(&connection));
            // What was being written meanwhile goes on where the log was, so it does not begin anew; and it was nobody else's doing.
            match (all?, quiet) {
                (true, true) => return Ok(true),
                (false, true) => tries -= 1,
                (_, false) => {}
            }
            let stop = |inner: &mut Inner| !inner.stop;
            drop(self.wake.wait_timeout_while(self.lock(), JOURNAL_POLL, stop));
        }
        Ok(false)
    }

    /// Copies what can be copied without holding anybody up. Whether that was all.
    pub(super) fn pass(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let ever = self.log.ever();
        let all = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
            let (busy, log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(busy == 0 && log == copied)
        })?;
        if all {
            self.copied.store(ever, Ordering::Release);
        }
        Ok(all)
    }
}
