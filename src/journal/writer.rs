//! The one thread that writes: queue → commits, in order, many at once.
//!
//! A batch whose commit fails is held, and tried again: after a while, or at once when an order asks. Until it is written nothing after it
//! is, orders are refused with the reason, and everything else waits in the queue.
//!
//! A failed fsync is not tried again on the same file. The system may have dropped what it could not write, and says of the next fsync that
//! all is well; in `process` mode, what was committed lately is nowhere but there. So the file is distrusted: what can be read of it, with
//! check sums right, is written into a new one, as of a damaged file, and forced to the disk. Only then does anything go on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::checkpoint::Checkpoint;
use super::connect::{self, beside};
use super::error::{JournalError, Unrecorded, Why};
use super::folder::{self, Lock};
use super::log::Log;
use super::queue::{Alive, Batch, Item};
use super::rescue::{self, open_or_rescue, rescue};
use super::retention::{Lived, Retention};
use super::shared::{Shared, Words};
use super::store::{Ahead, Cursors, Failed, Granted, Next, Store};
use super::{Settings, Sync};
use crate::clock::Clock;
use crate::model::limits::{
    JOURNAL_ALIVE, JOURNAL_IDLE_AFTER, JOURNAL_MEND_AGAIN, JOURNAL_POLL, JOURNAL_POLL_AFTER_ORDER, JOURNAL_POLL_POWER,
    JOURNAL_RESCUES, JOURNAL_RETRY,
};

mod house;

/// So many milliseconds more or less ahead are written at once, not only with the next that is written anyway.
const AHEAD_MOVED: u64 = 500;

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
    checkpoint: Arc<Checkpoint>,
    /// What was lived when the clock was at `started`; `None` until the journal was opened.
    lived: Option<Lived>,
    started: Duration,
    /// Why what the disk has of the file is not known, until it has been made anew.
    distrusted: Option<Why>,
    /// No other try to make it anew before then, and why.
    pause: Option<(Duration, Why)>,
    /// A batch that could not be written.
    held: Option<Batch>,
    /// The numbers before a batch that the disk may have although its commit failed.
    in_doubt: Option<Next>,
    /// How far the feed was heard, until it is written.
    alive: Option<Alive>,
    alive_at: Option<Duration>,
    /// The run has ended, and nothing more of it is to come.
    finished: bool,
    /// The first rows of this run.
    first: Option<Next>,
    /// How far the wall clock is ahead of the steady one, as it was written last.
    ahead: Option<i64>,
    busy_at: Duration,
    /// Somebody waited for the last batch.
    was_urgent: bool,
    seen_at: Option<Duration>,
    /// When retention and the log were seen to last.
    kept_at: Option<Duration>,
    log: Log,
    asked_at: Option<Duration>,
    rescues: usize,
}

impl Writer {
    pub(super) fn open(folder: &Path, settings: Settings, clock: Clock) -> Result<Self, JournalError> {
        folder::create(folder)?;
        let lock = Lock::take(folder)?;
        folder::tighten(folder)?;
        let path = connect::file(folder);
        let (now, started) = (clock.now(), clock.elapsed());
        let (store, degraded, repaired) = match open_or_rescue(&path, &settings, now, true) {
            Ok((store, repaired)) => (Some(store), None, repaired),
            Err(JournalError::Trouble { why, .. }) if why.may_pass() => (None, Some(why.to_string()), None),
            Err(error) => return Err(error),
        };
        let lived = store.as_ref().map(|store| Lived::at_start(store, now).unwrap_or_default());
        let log = Log::default();
        let mut writer = Self {
            shared: Arc::new(Shared::new(clock, Words { degraded, repaired, behind: None })),
            _lock: lock,
            retention: Retention::new(settings),
            checkpoint: Arc::new(Checkpoint::new(&path, log.clone())),
            path,
            settings,
            store: None,
            lived,
            started,
            distrusted: None,
            pause: None,
            held: None,
            in_doubt: None,
            alive: None,
            alive_at: None,
            finished: false,
            first: None,
            ahead: None,
            busy_at: started,
            was_urgent: false,
            seen_at: None,
            kept_at: None,
            log,
            asked_at: None,
            rescues: 1,
        };
        if let Some(store) = store {
            writer.take_up(store);
        }
        writer.look();
        Ok(writer)
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Writes until the last near end is gone and all is written.
    pub(super) fn run(mut self) {
        self.reserve_log();
        let checkpoint = Arc::clone(&self.checkpoint);
        std::thread::scope(|scope| {
            let _stop = Stop(&checkpoint);
            let copying = std::thread::Builder::new().name("journal-copy".to_owned());
            // Scheduled as this thread is.
            let alone = copying.spawn_scoped(scope, || checkpoint.run()).is_err();
            while self.turn(alone) {}
        });
        if let Some(store) = self.store.take() {
            store.finish();
        }
    }

    /// Waits for something to write and writes it. `false` when it was the last.
    fn turn(&mut self, alone: bool) -> bool {
        if let Some(why) = self.checkpoint.take_failed().filter(|why| why.is_distrust(true)) {
            self.mend(why);
        }
        let batch = if let Some(mut held) = self.held.take() {
            let waited = self.shared.queue.next(JOURNAL_RETRY, false, None);
            (held.urgent, held.last, self.alive) = (waited.urgent, waited.last, waited.alive.or(self.alive));
            if self.shared.queue.is_closed() {
                // The program ends: this is the last try.
                self.write(held);
                return self.held.is_none();
            }
            held
        } else {
            self.give_way();
            self.begin_log_anew();
            let (poll, most) = self.at_most();
            let quiet = self.since(self.busy_at) > JOURNAL_IDLE_AFTER;
            self.shared.queue.next(poll, quiet, Some(most))
        };
        let (urgent, last, written, express) = (batch.urgent, batch.last, batch.items.len(), batch.express);
        self.was_urgent = urgent;
        self.write(batch);
        if last {
            return false;
        }
        // Orders without a pause between them must not put it off for ever.
        let must = self.is_due(self.kept_at, 5 * JOURNAL_POLL);
        if self.held.is_none() && (!urgent || must || written > express) {
            self.kept_at = Some(self.shared.clock.elapsed());
            self.keep_house(alone, written, must);
        }
        true
    }

    fn poll(&self) -> Duration {
        match self.settings.sync {
            // What an order overtook is written while its answer is still on the way, so that the next finds nothing under way.
            Sync::Process if self.was_urgent => JOURNAL_POLL_AFTER_ORDER,
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

    /// Writes the batch and answers who waits for it, or holds it.
    fn write(&mut self, batch: Batch) {
        self.alive = batch.alive.or(self.alive);
        let ahead = self.shared.clock.wall().as_millis().saturating_sub(self.shared.clock.now().as_millis());
        // Nothing of this run may be there without it: it would pass for one of the run before.
        let moved = self.ahead.is_none_or(|before| ahead.abs_diff(before) >= AHEAD_MOVED);
        self.finished |= batch.items.iter().any(|item| matches!(item, Item::Finished));
        let due = self.finished
            || self.alive.is_some() && (batch.last || self.is_due(self.alive_at, JOURNAL_ALIVE))
            || moved && (self.ahead.is_some() || !batch.items.is_empty());
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
        self.first = self.first.or(self.store.as_ref().map(|store| store.next));
        let (entry, delivery, attempt) =
            self.first.map_or_else(Default::default, |next| (next.entry, next.delivery, next.attempt));
        let ahead_of_now = Ahead { ms: ahead, entry, delivery, attempt };
        let uptime = self.shared.clock.uptime();
        let (is_first, finished) = (self.ahead.is_none(), self.finished);
        let cursors = Cursors { alive: self.alive, lived, now, is_first, ahead: ahead_of_now, uptime, finished };
        let cursors = due.then_some(cursors);
        self.shared.commit_is(true);
        // What somebody has said must outlive a loss of power in every mode: whether orders may go, and what is muted.
        let by_hand = |item: &Item| matches!(item, Item::Switch { .. } | Item::Mute { by_hand: true, .. });
        let forced = self.settings.sync == Sync::Process && batch.items.iter().any(by_hand);
        let written = self.store.as_mut().map(|store| {
            let next = store.next;
            let commit = if forced { Store::commit_forced } else { Store::commit };
            (next, self.log.while_writing(|| commit(store, &batch.items, cursors.as_ref())))
        });
        self.shared.commit_is(false);
        match written {
            Some((_, Ok(granted))) => {
                if due {
                    self.ahead = Some(ahead);
                }
                self.done(batch, granted, due && self.alive.is_some());
            }
            Some((next, Err(failed))) => self.failed(batch, next, &failed),
            None => self.hold(batch, &Why::CannotOpen),
        }
    }

    fn lived(&self) -> Lived {
        self.lived.unwrap_or_default().plus(self.since(self.started))
    }

    /// Sees to it that there is a connection, to a file that can be trusted.
    fn open_again(&mut self) -> Result<(), Why> {
        if self.store.is_some() {
            return Ok(());
        }
        let elapsed = self.shared.clock.elapsed();
        if let Some((until, why)) = &self.pause
            && elapsed < *until
        {
            return Err(why.clone());
        }
        let opened = self.open_or_mend().map_err(|error| match error {
            JournalError::Trouble { why, .. } => why,
            error => Why::Other(error.to_string()),
        });
        // A full disk is asked again and again, as it costs little; one that fails in the middle of much work is not.
        let fails = opened.as_ref().err().filter(|why| self.distrusted.is_some() && why.is_distrust(true));
        self.pause = fails.map(|why| (elapsed + JOURNAL_MEND_AGAIN, why.clone()));
        let (store, repaired) = opened?;
        self.distrusted = None;
        if let Some(words) = repaired {
            self.rescues += 1;
            self.shared.say(|all| all.repaired = Some(words));
        }
        if self.lived.is_none() {
            let now = self.shared.clock.now();
            (self.lived, self.started) = (Lived::at_start(&store, now).ok(), self.shared.clock.elapsed());
        }
        self.take_up(store);
        self.reserve_log();
        Ok(())
    }

    /// Writes to it from here on.
    fn take_up(&mut self, mut store: Store) {
        // What a killed run left there is copied soon. Without the count all goes on, in a longer log.
        let left = fs::metadata(beside(&self.path, "-wal")).map_or(0, |found| found.len());
        let _ = self.log.follow(&mut store.connection, left);
        self.store = Some(store);
    }

    fn reserve_log(&self) {
        // Without it all goes on, a little slower.
        let _ = connect::reserve_log(&self.path, &self.settings);
    }

    fn open_or_mend(&mut self) -> Result<(Store, Option<String>), JournalError> {
        let (now, may) = (self.shared.clock.now(), self.rescues < JOURNAL_RESCUES);
        let _away = self.checkpoint.away();
        if self.distrusted.is_none() && rescue::halfway(&self.path).exists() {
            self.distrusted = Some(Why::Damaged);
        }
        let cause = match &self.distrusted {
            None => return open_or_rescue(&self.path, &self.settings, now, may),
            Some(why) if !may => {
                let (path, why) = (self.path.clone(), Why::GivenUp(Box::new(why.clone())));
                return Err(JournalError::Trouble { path, what: "open the journal", why });
            }
            Some(Why::Damaged) => rescue::DAMAGED.to_owned(),
            Some(why) => format!("the journal's file cannot be trusted any more ({why})"),
        };
        rescue(&self.path, &self.settings, now, &cause).map(|(store, words)| (store, Some(words)))
    }

    /// Whether the disk has the held batch although its commit failed.
    fn is_written_after_all(&mut self) -> bool {
        let (Some(before), Some(store)) = (self.in_doubt.take(), &self.store) else { return false };
        let Next { entry, firing, delivery, attempt } = store.next;
        entry > before.entry || firing > before.firing || delivery > before.delivery || attempt > before.attempt
    }

    fn done(&mut self, batch: Batch, granted: Granted, alive: bool) {
        if alive {
            (self.alive, self.alive_at) = (None, Some(self.shared.clock.elapsed()));
        }
        self.shared.say(|words| words.degraded = None);
        let unfinished = self.store.as_ref().map_or(0, Store::unfinished);
        let mut granted = granted.into_iter().peekable();
        for (place, item) in batch.items.into_iter().enumerate() {
            // Nobody waits any more where an answer cannot be given: then the lane says how the order ended.
            match item {
                Item::Begin { answer, .. } => {
                    let mine = granted.next_if(|(of, _)| *of == place);
                    let _ =
                        answer.send(mine.map_or_else(|| Err(Unrecorded("nobody waited for it".to_owned())), |(_, said)| said));
                }
                Item::Count { answer, begun } => drop(answer.send(unfinished.saturating_sub(begun))),
                Item::Flush(answer) => drop(answer.send(true)),
                _ => {}
            }
        }
    }

    fn failed(&mut self, batch: Batch, next: Next, failed: &Failed) {
        let why = Why::of(&failed.error);
        // A full disk and a lock leave the connection as it was. After anything else it is not trusted: not its memory of the file, and not
        // the answer that the commit failed.
        if !matches!(why, Why::Full | Why::Busy) || failed.in_doubt {
            self.store = None;
            self.in_doubt = failed.in_doubt.then_some(next);
        }
        if why.is_distrust(false) && self.mend(why.clone()) {
            return self.write(batch);
        }
        self.hold(batch, &why);
    }

    /// Goes on with what can be read of a file that is not to be trusted, in a new one. Says whether that was done.
    fn mend(&mut self, why: Why) -> bool {
        // It may take seconds.
        self.shared.say(|all| all.degraded = Some(why.to_string()));
        (self.store, self.distrusted) = (None, Some(why));
        match self.open_again() {
            Ok(()) => self.shared.say(|all| all.degraded = None),
            Err(why) => self.shared.say(|all| all.degraded = Some(why.to_string())),
        }
        self.store.is_some()
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

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
