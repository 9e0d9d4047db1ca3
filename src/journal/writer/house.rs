//! What keeps the journal within its room: the log is copied into the file, what is old is forgotten, and what can wait does when neither
//! keeps up.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::connect::{self, INDEX, beside};
use super::super::error::Why;
use super::super::queue::Most;
use super::Writer;
use crate::model::limits::{JOURNAL_ALIVE, JOURNAL_BATCH, JOURNAL_IDLE_AFTER, JOURNAL_LOG_LONG, JOURNAL_POLL, JOURNAL_STUCK};

impl Writer {
    /// While the log's end is copied, what is not urgent waits, for at most half a second. So does an order when the log has grown to twice
    /// its length: orders that come faster than the disk takes the end of the log would let it grow for as long as they come. And what is not
    /// urgent waits while a log is copied that has no room to grow: until the disk is given up for stuck.
    pub(super) fn give_way(&mut self) {
        let all = self.log_bytes() >= connect::wal_bytes(&self.settings).saturating_mul(2);
        let begun = self.shared.clock.elapsed();
        loop {
            let (waits, closed) = (self.since(begun), self.shared.queue.is_closed());
            let finishing = self.checkpoint.is_finishing() && waits < 50 * JOURNAL_POLL && !closed;
            if !finishing && (waits >= JOURNAL_STUCK || !self.log_is_full()) {
                return;
            }
            if closed || finishing && all {
                std::thread::sleep(JOURNAL_POLL / 10);
                continue;
            }
            let waited = self.shared.queue.next(JOURNAL_POLL / 10, false, None);
            self.alive = waited.alive.or(self.alive);
            if waited.urgent {
                return;
            }
        }
    }

    /// How long the next batch may be waited for, and how large it may be: a fraction of what the log may hold, so that it never holds much
    /// more; and nothing but orders as long as more is kept than may be and retention can do something about it.
    pub(super) fn at_most(&self) -> (Duration, Most) {
        let bytes = usize::try_from(connect::wal_bytes(&self.settings) / 4).unwrap_or(usize::MAX);
        if self.is_pressed() {
            return (Duration::ZERO, Most { items: 0, bytes });
        }
        // Where the log is short, what is left of the last batch need not wait as long as if the batch had been a large one.
        let (large, bytes_of) = (1 << 20, u32::try_from(bytes.min(1 << 20)).unwrap_or(u32::MAX));
        let poll = if self.shared.queue.len() == 0 { self.poll() } else { self.poll() * bytes_of / large };
        (poll, Most { items: JOURNAL_BATCH, bytes })
    }

    fn is_pressed(&self) -> bool {
        self.store.as_ref().is_some_and(|store| self.retention.is_pressed(store))
    }

    /// What the log holds, when more is written to it.
    fn log_bytes(&self) -> u64 {
        if self.checkpoint.to_copy() == 0 { 0 } else { self.log.bytes() }
    }

    /// It is being copied, and another batch could make it longer than the file leaves it room for. That is twice its usual length or more.
    fn log_is_full(&self) -> bool {
        let (log, usual) = (self.log_bytes(), connect::wal_bytes(&self.settings));
        if !self.checkpoint.is_busy() || log.saturating_mul(2) < usual.saturating_mul(3) {
            return false;
        }
        let pages = self.store.as_ref().map_or(0, |store| connect::file_bytes(&store.connection));
        let file = fs::metadata(&self.path).map_or(0, |found| found.len()).max(pages);
        // The batch may make both longer.
        let room = connect::cap(&self.settings).saturating_sub(INDEX + usual / 2).saturating_sub(file);
        log.saturating_add(usual / 2) > room.max(usual.saturating_mul(2))
    }

    /// A log that was copied to its end begins anew with the next commit, and that one waits for the disk: its head must be there before what
    /// follows it. So that it is no order's, it is one of nothing, at once.
    pub(super) fn begin_log_anew(&mut self) {
        let (held, usual) = (self.log.bytes(), connect::wal_bytes(&self.settings));
        let is_copied = self.checkpoint.to_copy() == 0 && !self.checkpoint.is_busy();
        if !is_copied || held < usual / 8 || self.shared.queue.is_urgent() {
            return;
        }
        let Some(store) = &self.store else { return };
        // What else fails here fails in a commit, too, which says so.
        if let Err(error) = self.log.while_writing(|| store.write_nothing())
            && Why::of(&error).is_distrust(false)
        {
            self.mend(Why::of(&error));
        }
    }

    /// What can wait for a quiet moment, after so many items were written; a little of it `must` be done in any moment.
    pub(super) fn keep_house(&mut self, alone: bool, written: usize, must: bool) {
        self.copy_log(alone);
        // What is forgotten keeps pace with what is written, however fast that comes.
        let (pace, mut slices) = (written.div_ceil(self.retention.slice()).saturating_mul(2), 0);
        while slices <= pace || self.is_pressed() {
            let waited_for = self.shared.queue.is_urgent() && !(must && slices == 0);
            if waited_for || self.checkpoint.is_finishing() || self.log_is_full() || !self.forget() {
                break;
            }
            slices += 1;
        }
        if self.is_due(self.seen_at, JOURNAL_ALIVE) {
            self.look();
        }
    }

    /// Has the log copied when it is as long as it usually may be.
    fn copy_log(&mut self, alone: bool) {
        let (to_copy, usual) = (self.checkpoint.to_copy(), connect::wal_bytes(&self.settings));
        // What was copied to its end in the middle of a commit does not begin anew, and must be copied again soon.
        let is_long = to_copy >= usual || self.log_bytes() >= usual && to_copy >= usual / 4;
        if self.checkpoint.is_busy() || !is_long {
            return;
        }
        // What did not come to the log's end, which somebody reads, will not at once either.
        if self.checkpoint.behind().is_some() && !self.is_due(self.asked_at, JOURNAL_IDLE_AFTER) {
            return;
        }
        self.asked_at = Some(self.shared.clock.elapsed());
        if alone && let Some(store) = &self.store {
            // Without a thread for it the writer waits for the disk itself.
            self.checkpoint.came_to(self.checkpoint.pass(&store.connection));
        } else {
            self.checkpoint.ask();
        }
    }

    /// One slice of what is too old or too much. Whether there is more.
    fn forget(&mut self) -> bool {
        let (lived, now) = (self.lived(), self.shared.clock.now());
        let Some(store) = &self.store else { return false };
        let ever = self.log.ever();
        match self.log.while_writing(|| self.retention.step(store, lived, now, ever)) {
            Ok(more) => {
                if more {
                    self.busy_at = self.shared.clock.elapsed();
                }
                more
            }
            // Only retention reads what is old: damage there would never show in a commit, and nothing would be forgotten any more.
            Err(error) if Why::of(&error).is_distrust(false) => {
                self.mend(Why::of(&error));
                false
            }
            // What else fails here fails in a commit, too, which says so.
            Err(_) => false,
        }
    }

    /// Sizes and ages, for who asks; and a log that grows and grows.
    pub(super) fn look(&mut self) {
        self.seen_at = Some(self.shared.clock.elapsed());
        let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let log = size(&beside(&self.path, "-wal"));
        let bytes = size(&self.path) + log + size(&beside(&self.path, "-shm"));
        self.shared.bytes.store(bytes, Ordering::Relaxed);
        let is_long = log > JOURNAL_LOG_LONG.max(4 * connect::wal_bytes(&self.settings));
        let behind =
            self.checkpoint.behind().filter(|_| is_long).map(|why| {
                format!("its log, journal.db-wal, has grown to {} MiB and cannot be emptied: {why}", log / (1024 * 1024))
            });
        self.shared.say(|words| words.behind = behind);
        let sql = "SELECT at FROM entries ORDER BY id LIMIT 1";
        let oldest = self.store.as_ref().and_then(|store| store.connection.query_row(sql, (), |row| row.get(0)).ok());
        self.shared.oldest.store(oldest.unwrap_or(i64::MIN), Ordering::Relaxed);
    }
}
