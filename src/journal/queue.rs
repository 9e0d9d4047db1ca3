//! What was told and is not written yet: pushed from the hot path under a mutex, taken by the writer in batches, in order.
//!
//! A push wakes nobody: the writer looks every few milliseconds while there is traffic. Only an order's intent does, and the first push
//! after a silence. An order's intent overtakes what waits, with the deliveries of its record alone: the order waits for the few pages
//! that make it safe, not for the traffic before it. Memory is bounded: when the disk is slow or full, unmatched entries are shed first, then attempts, and at last
//! whole records; all are counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::error::Unrecorded;
use super::rows::{AttemptRow, BeginKey, DeliveryRow, EditRow, EndRow, GapRow, MuteRow, Record, RedeliverRow, State};
use crate::model::limits::{
    JOURNAL_BATCH, JOURNAL_HELD_BYTES, JOURNAL_HELD_ITEMS, JOURNAL_IDLE_AFTER, JOURNAL_SHED_BYTES, JOURNAL_SHED_ITEMS,
};
use crate::model::message::Body;
use crate::model::time::Timestamp;
use crate::model::window::Trace;

/// One thing to write, or to say once all before it is written.
#[derive(Debug)]
pub(super) enum Item {
    Record(Record),
    Begin {
        record: Record,
        key: BeginKey,
        at: Timestamp,
        answer: oneshot::Sender<Result<(), Unrecorded>>,
    },
    Attempt(AttemptRow),
    Edit(EditRow),
    End(EndRow),
    Redeliver(RedeliverRow),
    Gap(GapRow),
    Switch {
        armed: bool,
        why: String,
        at: Timestamp,
    },
    /// `by_hand`: somebody waits for it, and it must outlive a loss of power.
    Mute {
        row: Box<MuteRow>,
        by_hand: bool,
    },
    /// `begun`: how many deliveries had come with intents that overtake when it was pushed; once it is taken out, how many since.
    Count {
        answer: oneshot::Sender<u64>,
        begun: u64,
    },
    Flush(oneshot::Sender<bool>),
    /// A run begins: what the one before said of its end no longer holds.
    Started,
    /// The run has ended, and all that it has sent is on record.
    Finished,
}

impl Item {
    /// Roughly what it takes in memory and on disk.
    pub(super) fn bytes(&self) -> usize {
        64 + match self {
            Self::Record(record) | Self::Begin { record, .. } => record_bytes(record),
            Self::Attempt(row) => row.answer.len() + 64,
            // What it says is kept for as long as it may be edited anyway.
            Self::Edit(row) => row.says.as_ref().map_or_else(String::len, |_| CHAT),
            Self::Gap(GapRow { why, .. }) | Self::Switch { why, .. } => why.len(),
            Self::Mute { .. } => 512,
            Self::End(_) | Self::Redeliver(_) | Self::Count { .. } | Self::Flush(_) | Self::Started | Self::Finished => 64,
        }
    }

    /// Roughly what it makes the write-ahead log longer by: what changes a row that is not among the newest costs a page of its own.
    fn log_bytes(&self) -> usize {
        self.bytes() + if matches!(self, Self::End(_) | Self::Redeliver(_)) { 4_096 } else { 0 }
    }

    /// Whether the delivery of that key must not be begun before this is written.
    fn may_concern(&self, BeginKey { firing, action, .. }: &BeginKey) -> bool {
        let is_it = |row: &DeliveryRow| row.firing.id == *firing && row.action == *action;
        match self {
            Self::Record(record) | Self::Begin { record, .. } => record.deliveries.iter().any(is_it),
            Self::Attempt(row) => row.firing == *firing && row.action == *action,
            Self::End(row) => row.firing == *firing && row.action == *action,
            Self::Redeliver(_) => true,
            Self::Edit(_) | Self::Gap(_) | Self::Switch { .. } | Self::Mute { .. } => false,
            Self::Count { .. } | Self::Flush(_) | Self::Started | Self::Finished => false,
        }
    }

    /// Tells who waits for it that it is not written. What is left of it to write.
    pub(super) fn refused(self, why: &str, unfinished: u64) -> Option<Self> {
        // Where nobody waits any more, nobody is told.
        match self {
            Self::Begin { record, answer, .. } => {
                let _ = answer.send(Err(Unrecorded(why.to_owned())));
                Some(Self::Record(record))
            }
            Self::Count { answer, .. } => {
                let _ = answer.send(unfinished);
                None
            }
            Self::Flush(answer) => {
                let _ = answer.send(false);
                None
            }
            other => Some(other),
        }
    }
}

/// The size of a chat's message is not known before it is serialised; it is some KiB at most.
const CHAT: usize = 4_096;

fn record_bytes(record: &Record) -> usize {
    let entry = record.entry.as_ref().map_or(0, |entry| entry.text.len() + 48);
    let body = |body: &Option<Arc<Body>>| match body.as_deref() {
        None => 0,
        Some(Body::Webhook(body)) => body.bytes.len(),
        Some(_) => CHAT,
    };
    let delivery = |row: &DeliveryRow| 512 + body(&row.body) + body(&row.fallback);
    let trace = |Trace { left, .. }: &Trace| {
        let silence = left.silence.as_ref().map_or(0, |silence| if silence.element.is_some() { 768 } else { 256 });
        256 + silence + 96 * left.used.len() + 16 * left.fired.len()
    };
    let traces: usize = record.traces.iter().map(trace).sum();
    entry
        + traces
        + record.identities.len() * 192
        + record.firings.len() * 192
        + record.deliveries.iter().map(delivery).sum::<usize>()
}

/// How many deliveries come with an intent and are unfinished by it.
fn begun_with(record: &Record) -> u64 {
    record.deliveries.iter().filter(|row| row.outcome.as_ref().and_then(State::of).is_none()).count() as u64
}

/// The feed was heard until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alive {
    pub(super) at: Timestamp,
    pub(super) connected: bool,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    /// Intents that do not wait for `items`.
    express: VecDeque<Item>,
    /// How often in a row they went first.
    overtaken: u32,
    /// Deliveries that ever came with one.
    begun: u64,
    /// Of both.
    bytes: usize,
    alive: Option<Alive>,
    /// So many of `items`, from the first, are what somebody waits for, and what comes before it.
    awaited: usize,
    /// The writer waits for a push, not for a time.
    asleep: bool,
    /// No more will come.
    closed: bool,
    /// There is no writer any more.
    gone: bool,
}

/// The queue and what is counted about it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
    /// Items waiting, for who asks without waiting.
    length: AtomicU64,
    /// How much of its room is taken, in [`FULL`] parts.
    filled: AtomicU32,
    /// Somebody waits for the writer.
    awaited: AtomicBool,
    /// How often the writer has taken something.
    taken: AtomicU64,
    /// Unmatched entries that were left out.
    pub(super) shed: AtomicU64,
    /// Other rows that were left out.
    pub(super) unrecorded: AtomicU64,
}

/// Parts of the room for what waits.
pub(super) const FULL: usize = 16;

/// How often in a row intents go before what has waited longer.
const OVERTAKES: u32 = 16;

/// The most that the writer takes at once, beside intents that overtake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Zero: nothing else, unless somebody waits for it.
    pub(super) items: usize,
    /// Of the write-ahead log, roughly; one item may be larger.
    pub(super) bytes: usize,
}

/// What the writer takes at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    /// How many of them are intents that overtook.
    pub(super) express: usize,
    /// Only with the last of what was pushed, so that it is never ahead of the entries.
    pub(super) alive: Option<Alive>,
    /// Somebody waits for it.
    pub(super) urgent: bool,
    /// Nothing is left, and no more will come.
    pub(super) last: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done in it by a panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes it if there is room for its kind; never waits.
    pub(super) fn push(&self, item: Item) {
        let mut inner = self.lock();
        let (full, long) =
            (inner.is_at(JOURNAL_HELD_ITEMS, JOURNAL_HELD_BYTES), inner.is_at(JOURNAL_SHED_ITEMS, JOURNAL_SHED_BYTES));
        let item = match item {
            Item::Record(record) if long => match lightened(record, full, &self.shed, &self.unrecorded) {
                Some(record) => Item::Record(record),
                None => return,
            },
            Item::Begin { record, answer, .. } if full => {
                self.unrecorded.fetch_add(rows(&record), Ordering::Relaxed);
                // Nobody waits if this fails.
                let _ = answer.send(Err(Unrecorded("too much waits for the disk already".to_owned())));
                return;
            }
            // Without it a message is edited once more after a restart.
            Item::Attempt(_) | Item::Edit(_) if long => {
                self.unrecorded.fetch_add(1, Ordering::Relaxed);
                return;
            }
            // The last to go: without it a delivery is taken up again by the next run.
            Item::End(_) if inner.is_at(4 * JOURNAL_HELD_ITEMS, 2 * JOURNAL_HELD_BYTES) => {
                self.unrecorded.fetch_add(1, Ordering::Relaxed);
                return;
            }
            other => other,
        };
        let urgent = matches!(item, Item::Begin { .. } | Item::Flush(_) | Item::Switch { .. } | Item::Mute { by_hand: true, .. });
        if inner.gone {
            self.unrecorded.fetch_add(1, Ordering::Relaxed);
            return;
        }
        inner.take_in(item, urgent);
        self.note(&inner);
        if urgent || inner.asleep {
            inner.asleep = false;
            drop(inner);
            self.wake.notify_one();
        }
    }

    pub(super) fn alive(&self, alive: Alive) {
        self.lock().alive = Some(alive);
    }

    /// Tells everybody who waits that it cannot be written; their rows stay.
    pub(super) fn refuse(&self, why: &str, unfinished: u64) {
        let mut inner = self.lock();
        // What was to overtake is written before what it would have overtaken, still.
        let (express, items) = (std::mem::take(&mut inner.express), std::mem::take(&mut inner.items));
        inner.items = express.into_iter().chain(items).filter_map(|item| item.refused(why, unfinished)).collect();
        inner.bytes = inner.items.iter().map(Item::bytes).sum();
        inner.awaited = 0;
        self.note(&inner);
    }

    /// Waits for at most `poll`, less when somebody waits for something, or as much waits as goes at once; when it is `quiet`, for a push or for
    /// `JOURNAL_IDLE_AFTER`. Then takes at most so much: intents that overtake, or else what came first. `None`: it only waits.
    pub(super) fn next(&self, poll: Duration, quiet: bool, most: Option<Most>) -> Batch {
        let mut inner = self.lock();
        let is_full = most.is_some_and(|most| most.items > 0 && inner.items.len() >= most.items);
        if !inner.is_urgent() && !inner.closed && !is_full {
            inner.asleep = quiet && inner.items.is_empty();
            let (asleep, time) = (inner.asleep, if inner.asleep { JOURNAL_IDLE_AFTER } else { poll });
            let until = |inner: &mut Inner| !inner.is_urgent() && !inner.closed && (!asleep || inner.items.is_empty());
            inner = self.wake.wait_timeout_while(inner, time, until).unwrap_or_else(PoisonError::into_inner).0;
            inner.asleep = false;
        }
        let urgent = inner.is_urgent();
        let (items, express) = most.map(|most| inner.take_out(most)).unwrap_or_default();
        inner.bytes = inner.bytes.saturating_sub(items.iter().map(Item::bytes).sum());
        self.taken.fetch_add(u64::from(!items.is_empty()), Ordering::Relaxed);
        self.note(&inner);
        let all = inner.len() == 0;
        let alive = if all { inner.alive.take() } else { None };
        Batch { items, express, alive, urgent, last: all && inner.closed }
    }

    /// Whether somebody waits for what was pushed.
    pub(super) fn is_urgent(&self) -> bool {
        self.lock().is_urgent()
    }

    /// Whether no more will come.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// What is asked for without waiting.
    fn note(&self, inner: &Inner) {
        self.length.store(inner.len(), Ordering::Relaxed);
        let (items, bytes) = (inner.items.len() * FULL / JOURNAL_SHED_ITEMS, inner.bytes * FULL / JOURNAL_SHED_BYTES);
        self.filled.store(u32::try_from(items.max(bytes)).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.awaited.store(inner.is_urgent(), Ordering::Relaxed);
    }

    /// How much is taken of the room beyond which entries are left out, in [`FULL`] parts, or more.
    pub(super) fn filled(&self) -> u32 {
        self.filled.load(Ordering::Relaxed)
    }

    /// Somebody waits for what was pushed, and the writer has not taken it yet.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed)
    }

    /// How often the writer has taken something: where that stands still, it takes nothing.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn len(&self) -> usize {
        usize::try_from(self.length.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    /// No more will come: the writer writes what there is and ends.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// The writer has ended: who waits for it is told so, as nobody will answer.
    pub(super) fn abandon(&self) {
        let items = {
            let mut inner = self.lock();
            inner.gone = true;
            inner.bytes = 0;
            (std::mem::take(&mut inner.express), std::mem::take(&mut inner.items))
        };
        self.length.store(0, Ordering::Relaxed);
        self.filled.store(0, Ordering::Relaxed);
        self.awaited.store(false, Ordering::Relaxed);
        self.unrecorded.fetch_add((items.0.len() + items.1.len()) as u64, Ordering::Relaxed);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.lock().gone
    }
}

impl Inner {
    fn len(&self) -> u64 {
        (self.items.len() + self.express.len()) as u64
    }

    fn is_at(&self, items: usize, bytes: usize) -> bool {
        self.items.len() >= items || self.bytes >= bytes
    }

    fn is_urgent(&self) -> bool {
        self.awaited > 0 || !self.express.is_empty()
    }

    /// Intents, until orders that never end have kept the rest waiting for long enough: then it goes with them. Always after them: an end
    /// that waits may be that of a delivery which is not written before its intent.
    fn take_out(&mut self, most: Most) -> (Vec<Item>, usize) {
        let mut items: Vec<_> = self.express.drain(..self.express.len().min(JOURNAL_BATCH)).collect();
        let express = items.len();
        if express > 0 && self.overtaken < OVERTAKES {
            self.overtaken += 1;
        } else if express < JOURNAL_BATCH {
            self.overtaken = 0;
            let count = most.items.max(self.awaited);
            self.take_rest(Most { items: count.min(JOURNAL_BATCH - express), ..most }, &mut items);
        }
        (items, express)
    }

    /// What came first, up to a count: that says what is there once all before it is, and nothing after it.
    fn take_rest(&mut self, most: Most, items: &mut Vec<Item>) {
        let (mut taken, mut bytes) = (0, 0);
        while taken < most.items && bytes < most.bytes {
            let Some(mut item) = self.items.pop_front() else { return };
            (taken, bytes, self.awaited) = (taken + 1, bytes + item.log_bytes(), self.awaited.saturating_sub(1));
            let mut ends = false;
            if let Item::Count { begun, .. } = &mut item {
                // No intent waits any more when the rest is taken: all that were pushed since have overtaken it.
                (*begun, ends) = (self.begun.saturating_sub(*begun), true);
            }
            items.push(item);
            if ends {
                return;
            }
        }
    }

    fn take_in(&mut self, item: Item, urgent: bool) {
        self.bytes += item.bytes();
        match item {
            Item::Begin { mut record, key, at, answer } if !self.items.iter().any(|item| item.may_concern(&key)) => {
                let deliveries = std::mem::take(&mut record.deliveries);
                let rest = std::mem::replace(&mut record, Record { deliveries, ..Record::default() });
                if !rest.is_empty() {
                    self.items.push_back(Item::Record(rest));
                }
                self.begun += begun_with(&record);
                self.express.push_back(Item::Begin { record, key, at, answer });
            }
            Item::Count { answer, .. } => self.items.push_back(Item::Count { answer, begun: self.begun }),
            other => {
                self.items.push_back(other);
                if urgent {
                    self.awaited = self.items.len();
                }
            }
        }
    }
}

/// What is kept of a record when the queue is long: all but an unmatched entry; when it is `full`, nothing.
fn lightened(mut record: Record, full: bool, shed: &AtomicU64, unrecorded: &AtomicU64) -> Option<Record> {
    if record.entry.as_ref().is_some_and(|entry| !entry.matched) {
        record.entry = None;
        shed.fetch_add(1, Ordering::Relaxed);
    }
    if full {
        unrecorded.fetch_add(rows(&record), Ordering::Relaxed);
    }
    (!full && rows(&record) > 0).then_some(record)
}

fn rows(record: &Record) -> u64 {
    let Record { entry, firings, deliveries, traces, identities } = record;
    u64::from(entry.is_some()) + (firings.len() + deliveries.len() + traces.len() + identities.len()) as u64
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
