//! Where a connection of HTTP/1.1 lies while nobody holds it, watched so that its end is seen, and how it is held.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::connection_http1::Single;
use super::pool::{Job, Pool};

/// One for each connection, for its life.
pub(crate) struct Berth {
    pool: Weak<Pool>,
    /// Since when the connection is open, on the lane's clock.
    opened: Duration,
    /// It has carried a request.
    used: AtomicBool,
    lying: Mutex<Lying>,
}

#[derive(Default)]
struct Lying {
    /// Not there while somebody holds it.
    single: Option<Box<Single>>,
    /// Since when it lies here.
    since: Duration,
    /// Of the job that watches.
    watcher: Option<Waker>,
    /// The connection is no more.
    over: bool,
}

impl Berth {
    fn lying(&self) -> MutexGuard<'_, Lying> {
        self.lying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when the connection has had nothing to do.
    pub(crate) fn since(&self) -> Duration {
        self.lying().since
    }

    /// Ends the connection, if it lies here; says whether it did.
    pub(crate) fn close(&self) -> bool {
        let mut lying = self.lying();
        lying.over = true;
        let (single, watcher) = (lying.single.take(), lying.watcher.take());
        drop(lying);
        watcher.inspect(Waker::wake_by_ref);
        single.is_some()
    }

    fn lost(self: &Arc<Self>) {
        if let Some(pool) = self.pool.upgrade() {
            pool.lost(self, self.opened, self.used.load(Ordering::Relaxed));
        }
    }
}

/// Drives the connection while it lies at `berth`, until it is no more.
fn watch(berth: Arc<Berth>) -> Job {
    Box::pin(std::future::poll_fn(move |cx| {
        let mut lying = berth.lying();
        if lying.over {
            return Poll::Ready(());
        }
        if !lying.watcher.as_ref().is_some_and(|watcher| watcher.will_wake(cx.waker())) {
            lying.watcher = Some(cx.waker().clone());
        }
        if lying.single.as_mut().is_none_or(|single| single.work(cx)) {
            return Poll::Pending;
        }
        let since = lying.since;
        drop(lying);
        if let Some(pool) = berth.pool.upgrade() {
            pool.idled(since);
        }
        berth.close();
        berth.lost();
        Poll::Ready(())
    }))
}

/// A connection that is held. Unless it is given back, it ends with the lease.
pub(crate) struct Lease {
    // In this order: it is closed before it is replaced.
    single: Box<Single>,
    end: End,
}

/// What happens when a lease is dropped.
struct End(Option<Arc<Berth>>);

impl Drop for End {
    fn drop(&mut self) {
        if let Some(berth) = self.0.take() {
            berth.close();
            berth.lost();
        }
    }
}

impl Lease {
    /// Of a connection that was just opened, and the job that watches over it.
    pub(crate) fn new(pool: Weak<Pool>, single: Single, now: Duration) -> (Self, Job) {
        let berth = Arc::new(Berth { pool, opened: now, used: AtomicBool::new(false), lying: Mutex::default() });
        let watch = watch(Arc::clone(&berth));
        (Self { single: Box::new(single), end: End(Some(berth)) }, watch)
    }

    /// Of the connection that lies there, if it still does.
    pub(crate) fn of(berth: Arc<Berth>) -> Option<Self> {
        let single = berth.lying().single.take()?;
        Some(Self { single, end: End(Some(berth)) })
    }

    /// Since when it lay idle before it was taken.
    pub(crate) fn since(&self) -> Duration {
        self.end.0.as_ref().map_or(Duration::ZERO, |berth| berth.since())
    }

    /// The connection itself.
    pub(crate) fn single(&mut self) -> &mut Single {
        &mut self.single
    }

    /// The connection itself, for a request to be put on it.
    pub(crate) fn for_request(&mut self) -> &mut Single {
        if let Some(berth) = &self.end.0 {
            berth.used.store(true, Ordering::Relaxed);
        }
        &mut self.single
    }

    /// For the next request.
    pub(crate) fn give_back(self) {
        let Self { single, mut end } = self;
        let Some(berth) = end.0.take() else { return };
        let Some(pool) = berth.pool.upgrade() else { return };
        let watcher = {
            let mut lying = berth.lying();
            lying.single = Some(single);
            lying.since = pool.now();
            lying.watcher.take()
        };
        let used = berth.used.load(Ordering::Relaxed);
        pool.free(berth, used);
        watcher.inspect(Waker::wake_by_ref);
    }
}
