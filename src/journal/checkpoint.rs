//! Empties the write-ahead log into the database, on a thread of its own: it waits for the disk, which an order must not.
//!
//! The bulk is copied while the writer goes on. For the rest the writer holds back what is not urgent for a moment, so that the log is
//! copied to its end and starts anew.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connect;
use crate::model::limits::JOURNAL_POLL;

#[derive(Debug, Default)]
struct Inner {
    asked: bool,
    stop: bool,
}

/// Shared by the writer and the thread that copies.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    inner: Mutex<Inner>,
    wake: Condvar,
    finishing: AtomicBool,
    emptied: AtomicBool,
}

/// How often the end is tried before it is left for another time.
const TRIES: usize = 10;

impl Checkpoint {
    pub(super) fn new(path: &Path) -> Self {
        let (inner, wake) = (Mutex::default(), Condvar::new());
        Self { path: path.to_owned(), inner, wake, finishing: AtomicBool::new(false), emptied: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log is long.
    pub(super) fn ask(&self) {
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

    /// Whether the log was copied to its end since this was asked last.
    pub(super) fn take_emptied(&self) -> bool {
        self.emptied.swap(false, Ordering::AcqRel)
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
            // What fails is tried again when the log is longer; the writer meets the same disk and says so.
            let _ = self.copy();
            self.finishing.store(false, Ordering::Release);
        }
    }

    fn copy(&self) -> rusqlite::Result<()> {
        // Not kept, as a damaged file may be put aside in between.
        let connection = connect::plain(&self.path)?;
        pass(&connection)?;
        self.finishing.store(true, Ordering::Release);
        for _ in 0..TRIES {
            if pass(&connection)? {
                self.emptied.store(true, Ordering::Release);
                break;
            }
            // The writer was in the middle of something.
            let stop = |inner: &mut Inner| !inner.stop;
            drop(self.wake.wait_timeout_while(self.lock(), JOURNAL_POLL, stop));
        }
        Ok(())
    }
}

/// Copies what can be copied without holding anybody up. Whether that was all.
fn pass(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
        let (busy, log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && log == copied)
    })
}
