//! How long the write-ahead log is, as each commit tells. The file's own length says nothing of it: it is made ahead, and kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;

/// Bytes of a frame: a page and its head.
const FRAME: u64 = 4_096 + 24;

/// Counted where the commits are made; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    frames: Arc<AtomicU64>,
    ever: Arc<AtomicU64>,
    writing: Arc<AtomicBool>,
}

impl Log {
    /// Counts what `connection` commits, to a log that has so many bytes already.
    pub(super) fn follow(&self, connection: &mut Connection, bytes: u64) -> rusqlite::Result<()> {
        let log = self.clone();
        log.is_now(bytes / FRAME);
        connection.wal_hook(Some(move |_: &mut _, frames: i32| {
            log.is_now(u64::try_from(frames).unwrap_or(0));
            Ok(())
        }))
    }

    fn is_now(&self, frames: u64) {
        let before = self.frames.swap(frames, Ordering::Relaxed);
        // A log that is shorter than it was has begun anew.
        let more = frames.checked_sub(before).unwrap_or(frames);
        self.ever.fetch_add(more * FRAME, Ordering::SeqCst);
    }

    /// What is written while `what` runs, or may be.
    pub(super) fn while_writing<T>(&self, what: impl FnOnce() -> T) -> T {
        self.writing.store(true, Ordering::SeqCst);
        let done = what();
        self.writing.store(false, Ordering::SeqCst);
        done
    }

    /// Runs `what`; with its result, whether nothing was being written meanwhile.
    pub(super) fn while_quiet<T>(&self, what: impl FnOnce() -> T) -> (T, bool) {
        let (ever, before) = (self.ever(), self.writing.load(Ordering::SeqCst));
        let done = what();
        let after = self.writing.load(Ordering::SeqCst);
        (done, !before && !after && self.ever() == ever)
    }

    /// What it holds; after it was emptied, until the next commit, what it held.
    pub(super) fn bytes(&self) -> u64 {
        self.frames.load(Ordering::Relaxed) * FRAME
    }

    /// All that was ever written to it.
    pub(super) fn ever(&self) -> u64 {
        self.ever.load(Ordering::SeqCst)
    }
}
