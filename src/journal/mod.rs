//! What must survive: entries, firings, deliveries with their attempts, cursors, gaps and the switch, in SQLite; docs/journal.md shows the tables.
//!
//! ```text
//!  record, ended, … ──> queue ──────> writer (one thread, group commit) ──> journal.db
//!  (never waits)        (bounded)       └─ retention, in slices; checkpoints, on a thread beside it
//!  begin ─────────────────^  └─────── told when its commit is done, or why it is not
//! ```
//!
//! What was pushed is written in order, so that what is on disk is always a beginning of what happened. A commit that failed is never
//! taken for written: its rows wait in memory, orders are refused, and the writer tries again until it can.

mod begun;
mod checkpoint;
mod clocks;
mod connect;
mod error;
mod folder;
mod holds;
mod log;
mod queue;
mod reader;
mod rescue;
mod retention;
mod rows;
mod schema;
mod shared;
mod store;
mod stored;
mod sum;
mod unfinished;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::model::limits::JOURNAL_STUCK;
use crate::model::time::Timestamp;

pub use crate::model::journal::{JournalSettings as Settings, Sync};
pub use begun::Begun;
pub use error::{JournalError, Unrecorded, Why};
pub use folder::{change_mutes, create as create_folder, set_switch};
pub use holds::Holds;
pub use reader::{CameBefore, Reader, ToldOf, Unsent};
pub use rows::{
    AttemptRow, BeginKey, DeliveryRow, EditRow, EndRow, EntryRow, GapRow, GapState, MuteRow, Record, RedeliverRow, State,
};
pub use stored::{
    Query, StoredAttempt, StoredDelivery, StoredEdit, StoredEntry, StoredGap, StoredRequest, StoredSwitch, Stretch,
};

use queue::{Alive, Item};
use shared::{Shared, Words};
use writer::Writer;

/// The near end of the journal. Clones share it; with the last of them the writer ends, once all is written.
#[derive(Clone, Debug)]
pub struct Journal {
    near: Arc<Near>,
}

#[derive(Debug)]
struct Near {
    shared: Arc<Shared>,
}

impl Drop for Near {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

/// How the journal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why nothing can be written at the moment, in words; `None` when all is well.
    pub degraded: Option<String>,
    /// What was found damaged and set right since the start, in words.
    pub repaired: Option<String>,
    /// Why the log grows and grows, in words: everything is recorded all the same.
    pub behind: Option<String>,
    /// Pushed and not written yet.
    pub queue: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Unmatched entries left out because the disk was slow.
    pub shed: u64,
    /// Other rows left out because the disk could not take them.
    pub unrecorded: u64,
    /// When the oldest entry came.
    pub oldest: Option<Timestamp>,
}

/// Opens the journal in `folder`, which is made if there is none (0700, files 0600), and locks it. Returns its near end and its writer, to
/// be given a thread: it runs until the last clone of the [`Journal`] is gone.
///
/// A damaged file is put aside, what can be read of it is taken over, and [`Health::repaired`] says so. A full disk does not keep the
/// program from starting: the journal starts degraded.
///
/// # Errors
/// [`JournalError`]: another instance has it, it is of a newer version or not a journal, or it cannot be written.
pub fn open(folder: &Path, settings: Settings, clock: Clock) -> Result<(Journal, impl FnOnce() + Send + 'static), JournalError> {
    let writer = Writer::open(folder, settings, clock)?;
    let journal = Journal { near: Arc::new(Near { shared: writer.shared() }) };
    Ok((journal, move || writer.run()))
}

impl Journal {
    fn shared(&self) -> &Shared {
        &self.near.shared
    }

    /// Takes an envelope and what came of it. Never waits. When the queue is long, unmatched entries are left out and counted.
    pub fn record(&self, record: Record) {
        self.shared().queue.push(Item::Record(record));
    }

    /// Takes `record` (which may be empty) and turns the delivery `key`, of this record or an earlier one, from pending to sending, in one
    /// commit. Only when the returned future says `Ok` may the order's first byte leave. `at` is the log's time.
    ///
    /// The future ends within [`JOURNAL_BEGIN`](crate::model::limits::JOURNAL_BEGIN). Dropping it takes nothing back.
    pub fn begin(&self, record: Record, key: BeginKey, at: Timestamp) -> Begun {
        let (answer, answered) = oneshot::channel();
        self.shared().queue.push(Item::Begin { record, key, at, answer });
        Begun::new(answered)
    }

    /// An attempt was made.
    pub fn attempted(&self, row: AttemptRow) {
        self.shared().queue.push(Item::Attempt(row));
    }

    /// A message that was sent was edited, or could not be.
    pub fn edited(&self, row: EditRow) {
        self.shared().queue.push(Item::Edit(row));
    }

    /// A delivery has ended.
    pub fn ended(&self, row: EndRow) {
        self.shared().queue.push(Item::End(row));
    }

    /// A delivery that had ended is pending again.
    pub fn redelivered(&self, row: RedeliverRow) {
        self.shared().queue.push(Item::Redeliver(row));
    }

    /// The feed was heard until `at`, and is still `connected`. Cheap; written about every second.
    pub fn alive(&self, at: Timestamp, connected: bool) {
        self.shared().queue.alive(Alive { at, connected });
    }

    /// What is known of a gap.
    pub fn gap(&self, row: GapRow) {
        self.shared().queue.push(Item::Gap(row));
    }

    /// Orders may go, or not. Kept over restarts.
    pub fn set_switch(&self, armed: bool, why: &str, at: Timestamp) {
        self.shared().queue.push(Item::Switch { armed, why: why.to_owned(), at });
    }

    /// What is known of a mute by now; `by_hand`, if that is what somebody has said of it.
    pub fn mute(&self, row: MuteRow, by_hand: bool) {
        self.shared().queue.push(Item::Mute { row: Box::new(row), by_hand });
    }

    /// A run begins, and will send: how the one before ended no longer says what may have been under way. To be called once that was read.
    pub fn started(&self) {
        self.shared().queue.push(Item::Started);
    }

    /// The run has ended, and all that it has sent was told: the next one need not take any of it for sent at the last moment.
    pub fn finished(&self) {
        self.shared().queue.push(Item::Finished);
    }

    /// How much is taken of the room for what waits to be written, in sixteenths; from sixteen on entries are left out. Waits for nothing.
    #[must_use]
    pub fn filled(&self) -> u32 {
        self.shared().queue.filled()
    }

    /// Somebody waits for something to be written, an order for its intent say, and the writer has not taken it up yet. Waits for nothing.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.shared().queue.is_awaited()
    }

    /// How often the writer has taken something up since the start, and whether anything is left. Waits for nothing.
    #[must_use]
    pub fn taken(&self) -> (u64, bool) {
        let queue = &self.shared().queue;
        (queue.taken(), queue.len() > 0)
    }

    /// How it is. Waits for nothing that takes long.
    #[must_use]
    pub fn health(&self) -> Health {
        let shared = self.shared();
        let Words { mut degraded, repaired, behind } = shared.words();
        if shared.queue.is_gone() {
            degraded = Some("the journal's writer has ended; restart birdcall".to_owned());
        } else if let Some(stuck) = shared.commit_running().filter(|time| *time > JOURNAL_STUCK) {
            degraded.get_or_insert_with(|| format!("the disk has not taken a commit for {:.1} s", stuck.as_secs_f64()));
        }
        Health {
            degraded,
            repaired,
            behind,
            queue: shared.queue.len(),
            bytes: shared.bytes.load(Ordering::Relaxed),
            shed: shared.queue.shed.load(Ordering::Relaxed),
            unrecorded: shared.queue.unrecorded.load(Ordering::Relaxed),
            oldest: match shared.oldest.load(Ordering::Relaxed) {
                i64::MIN => None,
                at => Some(Timestamp::from_millis(at)),
            },
        }
    }

    /// How many deliveries are pending or sending, once all that was pushed so far is written, or, when it cannot be, as the disk has it.
    /// Asked when this is called, not when it is awaited: what is told in between does not count.
    pub fn pending(&self) -> impl Future<Output = u64> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        self.shared().queue.push(Item::Count { answer, begun: 0 });
        async move { answered.await.unwrap_or(0) }
    }

    /// Waits until all that was pushed so far is written; `false` when it cannot be.
    pub async fn flush(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.shared().queue.push(Item::Flush(answer));
        answered.await.unwrap_or(false)
    }
}
