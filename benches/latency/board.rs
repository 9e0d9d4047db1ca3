//! What was sent and what came back, of one contender, by one clock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Longer than anything takes; what has not come by then is missing.
const PATIENCE: Duration = Duration::from_secs(5);

/// The board. Numbers are those of tweets.
#[derive(Default)]
pub(crate) struct Board {
    entries: RefCell<HashMap<u64, Entry>>,
    mistakes: RefCell<Mistakes>,
    came: Notify,
}

struct Entry {
    sent: Instant,
    matches: bool,
    took: Option<Duration>,
}

/// What must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mistakes {
    pub(crate) missing: usize,
    pub(crate) duplicated: usize,
    /// Requests that tell of a decoy, or of nothing that was sent.
    pub(crate) untrue: usize,
}

impl Board {
    /// A frame is about to be written.
    pub(crate) fn sent(&self, number: u64, matches: bool) {
        let entry = Entry { sent: Instant::now(), matches, took: None };
        self.entries.borrow_mut().insert(number, entry);
    }

    /// A request has come, as a whole.
    pub(crate) fn came(&self, number: Option<u64>, at: Instant) {
        let mut entries = self.entries.borrow_mut();
        let mut mistakes = self.mistakes.borrow_mut();
        match number.and_then(|number| entries.get_mut(&number)) {
            Some(Entry { matches: true, took: Some(_), .. }) => mistakes.duplicated += 1,
            Some(entry @ Entry { matches: true, .. }) => entry.took = Some(at.duration_since(entry.sent)),
            Some(_) | None => mistakes.untrue += 1,
        }
        self.came.notify_one();
    }

    /// Waits until everything is home that should come. Then how long these took, in µs.
    pub(crate) async fn home(&self, numbers: std::ops::Range<u64>) -> Vec<f64> {
        let is_home =
            || numbers.clone().all(|number| self.entries.borrow().get(&number).is_none_or(|of| !of.matches || of.took.is_some()));
        let waiting = async {
            while !is_home() {
                self.came.notified().await;
            }
        };
        let _ = timeout(PATIENCE, waiting).await;
        let entries = self.entries.borrow();
        let entries = numbers.filter_map(|number| entries.get(&number));
        entries.filter_map(|entry| entry.took).map(|took| took.as_secs_f64() * 1e6).collect()
    }

    /// What went wrong, of everything.
    pub(crate) fn mistakes(&self) -> Mistakes {
        let missing = self.entries.borrow().values().filter(|entry| entry.matches && entry.took.is_none()).count();
        Mistakes { missing, ..*self.mistakes.borrow() }
    }
}
