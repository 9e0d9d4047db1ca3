//! The queue, and how the writer is, for who asks without waiting.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::queue::Queue;
use crate::clock::Clock;

/// What the near end and the writer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) bytes: AtomicU64,
    /// Milliseconds since 1970; the smallest number when there is no entry.
    pub(super) oldest: AtomicI64,
    /// When the commit that is under way began, in milliseconds since the clock did, and one more; zero when none is.
    commit: AtomicU64,
    words: Mutex<Words>,
    pub(super) clock: Clock,
}

/// For people.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) degraded: Option<String>,
    pub(super) repaired: Option<String>,
    pub(super) behind: Option<String>,
}

impl Shared {
    pub(super) fn new(clock: Clock, words: Words) -> Self {
        let (bytes, oldest, commit) = (AtomicU64::new(0), AtomicI64::new(i64::MIN), AtomicU64::new(0));
        Self { queue: Queue::default(), bytes, oldest, commit, words: Mutex::new(words), clock }
    }

    pub(super) fn words(&self) -> Words {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn say(&self, set: impl FnOnce(&mut Words)) {
        set(&mut self.words.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Since when a commit is under way.
    pub(super) fn commit_running(&self) -> Option<Duration> {
        let began = self.commit.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.clock.elapsed().saturating_sub(Duration::from_millis(began)))
    }

    pub(super) fn commit_is(&self, running: bool) {
        let now = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.commit.store(if running { now.saturating_add(1) } else { 0 }, Ordering::Relaxed);
    }
}
