//! The half of a lane that works: deliveries out of the queue, through the pace, into requests; and all that happens told to the app.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::model::delivery::{Outcome, Suppression};

use super::edits;
use super::job::{Job, Look};
use super::pace::Slot;
use super::state::Shared;

/// Works until the lane is closed and empty, or abandoned.
pub(crate) async fn work(shared: Arc<Shared>) {
    let last = LastWords(Arc::clone(&shared));
    tokio::select! {
        // Requests first: what they put on a shared connection leaves in the same turn.
        biased;
        () = serve(&shared) => {}
        () = shared.stop.notified() => {}
        () = shared.wire.keep_warm() => {}
        () = talk(&shared) => {}
        () = edits::work(&shared) => {}
    }
    // Whatever was under way has been dropped by now, and its end is among what is left to tell.
    last.collect();
    while let Ok(permit) = shared.events.reserve().await {
        let Some(event) = shared.state().untold.pop_front() else { return };
        permit.send(event);
    }
}

/// Tells what happens, in order, for as long as it is polled. Loses nothing when it is dropped.
async fn talk(shared: &Shared) {
    loop {
        shared.told.notified().await;
        while !shared.state().untold.is_empty() {
            let permit = shared.events.reserve().await;
            let (event, made_room) = {
                let mut state = shared.state();
                let was_heard = state.is_heard();
                (state.untold.pop_front(), !was_heard && state.is_heard())
            };
            if let (Some(event), Ok(permit)) = (event, permit) {
                // Without a permit the app is gone, and nobody counts.
                permit.send(event);
            }
            if made_room {
                shared.wake.notify_one();
            }
        }
    }
}

async fn serve(shared: &Arc<Shared>) {
    let mut under_way = FuturesUnordered::new();
    let mut next: Option<Job> = None;
    loop {
        let has_room = under_way.len() < shared.jobs;
        if next.is_none() && has_room {
            next = Job::pop(shared);
        }
        if next.is_none() && under_way.is_empty() {
            if is_done(shared) {
                return;
            }
            shared.is_idle();
        }
        tokio::select! {
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            slot = turn_of(shared, next.as_mut()), if next.is_some() => {
                // Without a slot it has come to its end.
                if let (Some(slot), Some(job)) = (slot, next.take()) {
                    under_way.push(job.run(slot));
                }
            }
            () = shared.wake.notified(), if next.is_none() && has_room => {}
            () = shared.kept(), if next.is_none() && has_room && shared.action.digest.is_some() => {}
            () = shared.disarmed(), if !has_room && has_queue(shared) => disarm(shared),
        }
    }
}

fn is_done(shared: &Shared) -> bool {
    let state = shared.state();
    state.closed && state.queue.is_empty()
}

fn has_queue(shared: &Shared) -> bool {
    !shared.state().queue.is_empty()
}

/// Ends what waits in a lane of orders.
fn disarm(shared: &Shared) {
    let mut state = shared.state();
    while let Some(waiting) = state.pop() {
        shared.end(&mut state, &waiting.delivery, Outcome::Suppressed { reason: Suppression::Disarmed }, 0);
    }
}

async fn turn_of(shared: &Shared, job: Option<&mut Job>) -> Option<Slot> {
    match job {
        Some(job) => turn(shared, job).await,
        None => std::future::pending().await,
    }
}

/// Leave for one request of `job`, or none when it has come to its end without one. Nothing is taken before the moment of return, so it may
/// be asked anew.
pub(crate) async fn turn(shared: &Shared, job: &mut Job) -> Option<Slot> {
    loop {
        // From here on, so that none is missed.
        let news = shared.news.notified();
        let wait: Duration = match job.look() {
            Look::Go(slot) => return Some(slot),
            Look::Over => return None,
            Look::Wait(wait) => wait,
            Look::Commit => match job.commit().await {
                Ok(()) => continue,
                Err(outcome) => {
                    job.end_all(&mut shared.state(), &outcome);
                    return None;
                }
            },
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = news => {}
            () = shared.disarmed() => {}
        }
    }
}

/// Sees to it that every delivery is reported, even if the worker itself is dropped.
struct LastWords(Arc<Shared>);

impl LastWords {
    fn collect(&self) {
        let mut state = self.0.state();
        state.closed = true;
        while let Some(waiting) = state.pop() {
            self.0.end(&mut state, &waiting.delivery, Outcome::Abandoned, waiting.attempts);
        }
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        self.collect();
        let mut state = self.0.state();
        while let Some(event) = state.untold.pop_front() {
            if self.0.events.try_send(event).is_err() {
                tracing::warn!(target: "birdcall::deliver", action = %self.0.action.name, "the end of a delivery could not be reported");
            }
        }
    }
}
