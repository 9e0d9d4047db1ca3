//! The one thread that writes: queue → commits, in order, many at once.
//!
//! A batch whose commit fails is held, and tried again: after a while, or at once when an order asks. Until it is written nothing after it
//! is, orders are refused with the reason, and everything else waits in the queue.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::checkpoint::Checkpoint;
use super::connect::{self, Broken, beside};
use super::error::{JournalError, Unrecorded, Why};
use super::folder::{self, Lock};
use super::queue::{Alive, Batch, Item};
use super::rescue::rescue;
use super::retention::{Lived, Retention};
use super::shared::{Shared, Words};
use super::store::{Cursors, Failed, Granted, Next, Store};
use super::{Settings, Sync};
use crate::clock::Clock;
use crate::model::limits::{
    JOURNAL_ALIVE, JOURNAL_BATCH, JOURNAL_IDLE_AFTER, JOURNAL_POLL, JOURNAL_POLL_POWER, JOURNAL_RESCUES, JOURNAL_RETRY,
};
use crate::model::time::Timestamp;

/// Opens the journal, mending it up to `tries` times. With what was mended, in words.
pub(super) fn open_or_rescue(
    path: &Path,
    settings: &Settings,
    now: Timestamp,
    tries: usize,
) -> Result<(Store, Option<String>), JournalError> {
    match Store::open(path, settings, now) {
        Ok((store, 0)) => Ok((store, None)),
        Ok((store, damaged)) => {
            Ok((store, Some(format!("{damaged} deliveries whose rows in the journal are damaged end as unknown"))))
        }
        Err(Broken::Damaged) if tries > 0 => rescue(path, settings, now).map(|(store, words)| (store, Some(words))),
        Err(broken) => Err(broken.into_error(path, "open the journal")),
    }
}

/// The writer, until it is given its thread.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    _lock: Lock,
    path: PathBuf,
    settings: Settings,
    /// `None` after a failure that may have left the connection in doubt.
    store: Option<Store>,
    retention: Retention,
    checkpoint: Checkpoint,
    /// What was lived when the clock was at `started`; `None` until the journal was opened.
    lived: Option<Lived>,
    started: Duration,
    /// A batch that could not be written.
    held: Option<Batch>,
    /// The numbers before a batch that the disk may have although its commit failed.
    in_doubt: Option<Next>,
    /// How far the feed was heard, until it is written.
    alive: Option<Alive>,
    alive_at: Option<Duration>,
    busy_at: Duration,
    seen_at: Option<Duration>,
    /// Roughly the bytes of the write-ahead log.
    log: u64,
    asked_at: Option<Duration>,
    rescues: usize,
}

impl Writer {
    pub(super) fn open(folder: &Path, settings: Settings, clock: Clock) -> Result<Self, JournalError> {
        folder::create(folder)?;
        let lock = Lock::take(folder)?;
        let path = connect::file(folder);
        let (now, started) = (clock.now(), clock.elapsed());
        let (store, degraded, repaired) = match open_or_rescue(&path, &settings, now, 1) {
            Ok((store, repaired)) => (Some(store), None, repaired),
            Err(JournalError::Trouble { why, .. }) if why.may_pass() => (None, Some(why.to_string()), None),
            Err(error) => return Err(error),
        };
        let lived = store.as_ref().map(|store| Lived::at_start(store, now).unwrap_or_default());
        let mut writer = Self {
            shared: Arc::new(Shared::new(clock, Words { degraded, repaired })),
            _lock: lock,
            retention: Retention::new(settings),
            checkpoint: Checkpoint::new(&path),
            path,
            settings,
            store,
            lived,
            started,
            held: None,
            in_doubt: None,
            alive: None,
            alive_at: None,
            busy_at: started,
            seen_at: None,
            log: 0,
            asked_at: None,
            rescues: 1,
        };
        // A log that a killed run left is copied soon.
        writer.log = fs::metadata(beside(&writer.path, "-wal")).map_or(0, |found| found.len());
        writer.look();
        Ok(writer)
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Writes until the last near end is gone and all is written.
    pub(super) fn run(mut self) {
        let checkpoint = std::mem::replace(&mut self.checkpoint, Checkpoint::new(&self.path));
        std::thread::scope(|scope| {
            let _stop = Stop(&checkpoint);
            let copying = std::thread::Builder::new().name("journal-copy".to_owned());
            let alone = copying.spawn_scoped(scope, || checkpoint.run()).is_err();
            while self.turn(&checkpoint, alone) {}
        });
        if let Some(store) = self.store.take() {
            store.finish();
        }
    }

    /// Waits for something to write and writes it. `false` when it was the last.
    fn turn(&mut self, checkpoint: &Checkpoint, alone: bool) -> bool {
        let batch = if let Some(mut held) = self.held.take() {
            let waited = self.shared.queue.next(JOURNAL_RETRY, false, 0);
            (held.urgent, held.last, self.alive) = (waited.urgent, waited.last, waited.alive.or(self.alive));
            if self.shared.queue.is_closed() {
                // The program ends: this is the last try.
                self.write(held);
                return self.held.is_none();
            }
            held
        } else {
            self.give_way(checkpoint);
            let quiet = self.since(self.busy_at) > JOURNAL_IDLE_AFTER;
            self.shared.queue.next(self.poll(), quiet, JOURNAL_BATCH)
        };
        let (urgent, last) = (batch.urgent, batch.last);
        self.write(batch);
        if last {
            return false;
        }
        if self.held.is_none() && !urgent {
            self.keep_house(checkpoint, alone);
        }
        true
    }

    fn poll(&self) -> Duration {
        match self.settings.sync {
            Sync::Process => JOURNAL_POLL,
            Sync::Power => JOURNAL_POLL_POWER,
        }
    }

    fn since(&self, then: Duration) -> Duration {
        self.shared.clock.elapsed().saturating_sub(then)
    }

    fn is_due(&self, last: Option<Duration>, every: Duration) -> bool {
        last.is_none_or(|last| self.since(last) >= every)
    }

    /// While the log's end is copied, what is not urgent waits: for at most half a second.
    fn give_way(&mut self, checkpoint: &Checkpoint) {
        for _ in 0..50 {
            if !checkpoint.is_finishing() {
                return;
            }
            let waited = self.shared.queue.next(JOURNAL_POLL, false, 0);
            self.alive = waited.alive.or(self.alive);
            if waited.urgent || waited.last {
                return;
            }
        }
    }

    /// Writes the batch and answers who waits for it, or holds it.
    fn write(&mut self, batch: Batch) {
        self.alive = batch.alive.or(self.alive);
        let due = self.alive.is_some() && (batch.last || self.is_due(self.alive_at, JOURNAL_ALIVE));
        if batch.items.is_empty() && !due {
            return;
        }
        if !batch.items.is_empty() {
            self.busy_at = self.shared.clock.elapsed();
        }
        if let Err(why) = self.open_again() {
            self.hold(batch, &why);
            return;
        }
        if self.is_written_after_all() {
            self.done(batch, Vec::new(), false);
            return;
        }
        let (now, lived) = (self.shared.clock.now(), self.lived());
        let cursors = due.then_some(Cursors { alive: self.alive, lived, now });
        self.shared.commit_is(true);
        let written = self.store.as_mut().map(|store| (store.next, store.commit(&batch.items, cursors.as_ref())));
        self.shared.commit_is(false);
        match written {
            Some((_, Ok(granted))) => self.done(batch, granted, due),
            Some((next, Err(failed))) => self.failed(batch, next, &failed),
            None => self.hold(batch, &Why::CannotOpen),
        }
    }

    fn lived(&self) -> Lived {
        self.lived.unwrap_or_default().plus(self.since(self.started))
    }

    /// Sees to it that there is a connection.
    fn open_again(&mut self) -> Result<(), Why> {
        if self.store.is_none() {
            let tries = usize::from(self.rescues < JOURNAL_RESCUES);
            let (store, repaired) = match open_or_rescue(&self.path, &self.settings, self.shared.clock.now(), tries) {
                Ok(opened) => opened,
                Err(JournalError::Trouble { why, .. }) => return Err(why),
                Err(error) => return Err(Why::Other(error.to_string())),
            };
            if let Some(words) = repaired {
                self.rescues += 1;
                self.in_doubt = None;
                self.shared.say(|all| all.repaired = Some(words));
            }
            if self.lived.is_none() {
                let now = self.shared.clock.now();
                (self.lived, self.started) = (Lived::at_start(&store, now).ok(), self.shared.clock.elapsed());
            }
            self.store = Some(store);
        }
        Ok(())
    }

    /// Whether the disk has the held batch although its commit failed.
    fn is_written_after_all(&mut self) -> bool {
        let (Some(before), Some(store)) = (self.in_doubt.take(), &self.store) else { return false };
        store.next != before
    }

    fn done(&mut self, batch: Batch, granted: Granted, alive: bool) {
        if alive {
            (self.alive, self.alive_at) = (None, Some(self.shared.clock.elapsed()));
        }
        self.shared.say(|words| words.degraded = None);
        let unfinished = self.store.as_ref().map_or(0, Store::unfinished);
        let mut granted = granted.into_iter().peekable();
        for (place, item) in batch.items.into_iter().enumerate() {
            self.log += item.bytes() as u64 + 512;
            // Nobody waits any more where an answer cannot be given: then the lane says how the order ended.
            match item {
                Item::Begin { answer, .. } => {
                    let mine = granted.next_if(|(of, _)| *of == place);
                    let _ =
                        answer.send(mine.map_or_else(|| Err(Unrecorded("nobody waited for it".to_owned())), |(_, said)| said));
                }
                Item::Count(answer) => drop(answer.send(unfinished)),
                Item::Flush(answer) => drop(answer.send(true)),
                _ => {}
            }
        }
        self.log += 24 * 1024;
    }

    fn failed(&mut self, batch: Batch, next: Next, failed: &Failed) {
        let why = Why::of(&failed.error);
        // A full disk and a lock leave the connection as it was. After anything else it is not trusted: not its memory of the file, and not
        // the answer that the commit failed.
        if !matches!(why, Why::Full | Why::Busy) || failed.in_doubt {
            self.store = None;
            self.in_doubt = failed.in_doubt.then_some(next);
        }
        if why == Why::Damaged && self.mend() {
            return self.write(batch);
        }
        self.hold(batch, &why);
    }

    /// Puts a damaged file aside and goes on with what can be read of it. Says whether that was done.
    fn mend(&mut self) -> bool {
        if self.rescues >= JOURNAL_RESCUES {
            return false;
        }
        self.rescues += 1;
        let Ok((store, words)) = rescue(&self.path, &self.settings, self.shared.clock.now()) else { return false };
        (self.store, self.in_doubt) = (Some(store), None);
        self.shared.say(|all| all.repaired = Some(words));
        true
    }

    /// Keeps the batch for later, and tells everybody who waits that it is not written.
    fn hold(&mut self, mut batch: Batch, why: &Why) {
        let words = why.to_string();
        self.shared.say(|all| all.degraded = Some(words.clone()));
        let unfinished = self.store.as_ref().map_or(0, Store::unfinished);
        batch.items = batch.items.into_iter().filter_map(|item| item.refused(&words, unfinished)).collect();
        self.shared.queue.refuse(&words, unfinished);
        self.held = Some(batch);
    }

    /// What can wait for a quiet moment.
    fn keep_house(&mut self, checkpoint: &Checkpoint, alone: bool) {
        if checkpoint.take_emptied() {
            (self.log, self.asked_at) = (0, None);
        }
        if self.log >= connect::wal_bytes(&self.settings) && self.is_due(self.asked_at, JOURNAL_IDLE_AFTER) {
            self.asked_at = Some(self.shared.clock.elapsed());
            if alone && let Some(store) = &self.store {
                // Without a thread for it the writer waits for the disk itself.
                let copied = store.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
                self.log = if copied.is_ok() { 0 } else { self.log };
            } else {
                checkpoint.ask();
            }
        }
        let (lived, now) = (self.lived(), self.shared.clock.now());
        let Some(store) = &self.store else { return };
        if !checkpoint.is_finishing() {
            match self.retention.step(store, lived, now) {
                Ok(true) => {
                    self.log += 64 * 1024;
                    self.busy_at = self.shared.clock.elapsed();
                }
                // Only retention reads what is old: damage there would never show in a commit, and nothing would be forgotten any more.
                Err(error) if Why::of(&error) == Why::Damaged => {
                    self.mend();
                }
                // What else fails here fails in a commit, too, which says so.
                Ok(false) | Err(_) => {}
            }
        }
        if self.is_due(self.seen_at, JOURNAL_ALIVE) {
            self.look();
        }
    }

    /// Sizes and ages, for who asks.
    fn look(&mut self) {
        self.seen_at = Some(self.shared.clock.elapsed());
        let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let bytes = size(&self.path) + size(&beside(&self.path, "-wal")) + size(&beside(&self.path, "-shm"));
        self.shared.bytes.store(bytes, Ordering::Relaxed);
        let sql = "SELECT at FROM entries ORDER BY id LIMIT 1";
        let oldest = self.store.as_ref().and_then(|store| store.connection.query_row(sql, (), |row| row.get(0)).ok());
        self.shared.oldest.store(oldest.unwrap_or(i64::MIN), Ordering::Relaxed);
    }
}

/// Whoever waits is told, however the writer ends.
impl Drop for Writer {
    fn drop(&mut self) {
        let held = self.held.take().map_or(0, |held| held.items.len());
        self.shared.queue.unrecorded.fetch_add(held as u64, Ordering::Relaxed);
        self.shared.queue.abandon();
    }
}

/// Ends the copying when it goes, even by a panic.
struct Stop<'a>(&'a Checkpoint);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
