//! The half of a lane that works: deliveries out of the queue, through the pace, into requests, until each has come to its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::model::delivery::{Delivery, Outcome};
use crate::model::limits::BLOCKED_FIRST;

use super::client::{Gate, SendError};
use super::lane::Shared;
use super::pace::Slot;
use super::retry::{self, Progress, Step};
use super::target::Stamp;
use super::verdict::{Answer, Pause, Verdict};

/// Works until the lane is closed and empty, or abandoned.
pub(crate) async fn work(shared: Arc<Shared>) {
    let last = LastWords(Arc::clone(&shared));
    tokio::select! {
        () = serve(&shared) => {}
        () = shared.stop.notified() => {}
    }
    // Whatever was under way has been dropped by now and has left its report.
    let leftovers = last.collect();
    for report in leftovers {
        // The app is gone: then nobody counts.
        let _ = shared.reports.send(report).await;
    }
}

async fn serve(shared: &Arc<Shared>) {
    let mut under_way = FuturesUnordered::new();
    let mut next: Option<Job> = None;
    loop {
        if next.is_none() && under_way.len() < shared.concurrency {
            next = Job::pop(shared);
        }
        if next.is_none() && under_way.is_empty() && is_done(shared) {
            return;
        }
        let has_room = next.is_none() && under_way.len() < shared.concurrency;
        tokio::select! {
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            turn = turn(shared, next.as_ref()), if next.is_some() => match (turn, next.take()) {
                (Ok(slot), Some(job)) => under_way.push(job.run(slot)),
                (Err(outcome), Some(job)) => job.end(outcome).await,
                (_, None) => {}
            },
            () = shared.wake.notified(), if has_room => {}
        }
    }
}

fn is_done(shared: &Shared) -> bool {
    let state = shared.state();
    state.closed && state.queue.is_empty()
}

/// Leave for one request of `job`, or how it ends without one. Nothing is taken before the moment of return, so it may be asked anew.
async fn turn(shared: &Shared, job: Option<&Job>) -> Result<Slot, Outcome> {
    let Some(job) = job else { return std::future::pending().await };
    loop {
        // From here on, so that none is missed.
        let probed = shared.probed.notified();
        let wait = {
            let mut state = shared.state();
            if let Some(reason) = &state.disabled {
                return Err(Outcome::Dead { reason: reason.clone() });
            }
            if shared.trading && job.delivery.firing.late {
                return Err(Outcome::Expired);
            }
            let now = shared.clock.elapsed();
            let wait = state.pace.ready_at(now).saturating_sub(now);
            if job.is_over_after(wait) {
                return Err(Outcome::Expired);
            }
            if state.waits_for_probe() {
                job.delivery.expires_at.since(shared.clock.now())
            } else if let Some(slot) = state.pace.take(now) {
                state.started(slot);
                return Ok(slot);
            } else {
                wait
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = probed => {}
        }
    }
}

/// One delivery between the queue and its end. If it is dropped before its end, it leaves a report behind.
struct Job {
    shared: Arc<Shared>,
    delivery: Delivery,
    progress: Progress,
    /// Of the request that is under way.
    gate: Option<Arc<Gate>>,
    /// Why it was not let through the last time, if it was not the destination that said so.
    blocked: Option<String>,
    /// How it ended, until that is reported.
    outcome: Option<Outcome>,
    reported: bool,
}

impl Job {
    fn pop(shared: &Arc<Shared>) -> Option<Self> {
        let mut state = shared.state();
        let delivery = state.queue.pop_front()?;
        state.busy += 1;
        drop(state);
        Some(Self {
            shared: Arc::clone(shared),
            delivery,
            progress: Progress::default(),
            gate: None,
            blocked: None,
            outcome: None,
            reported: false,
        })
    }

    fn is_over_after(&self, wait: Duration) -> bool {
        self.shared.clock.now().plus(wait) >= self.delivery.expires_at
    }

    async fn run(mut self, mut slot: Slot) {
        let outcome = loop {
            let verdict = self.attempt(slot).await;
            self.tell(&verdict);
            let has_fallback = self.delivery.fallback.is_some();
            let step = {
                let mut state = self.shared.state();
                retry::next(self.shared.policy, &mut self.progress, verdict, has_fallback, &mut state.jitter)
            };
            match step {
                Step::End(outcome) => break outcome,
                Step::Again(pause) if self.is_over_after(pause) => break Outcome::Expired,
                Step::Again(pause) => tokio::time::sleep(pause).await,
            }
            match turn(&self.shared, Some(&self)).await {
                Ok(next) => slot = next,
                Err(outcome) => break outcome,
            }
        };
        self.end(outcome).await;
    }

    /// One request and all that its answer means for the lane.
    async fn attempt(&mut self, slot: Slot) -> Verdict {
        let shared = Arc::clone(&self.shared);
        let gate = Arc::new(Gate::default());
        self.gate = Some(Arc::clone(&gate));
        let result = send(&shared, &self.delivery, self.progress.fallback, gate).await;
        self.gate = None;
        self.progress.attempts += 1;
        let now = shared.clock.elapsed();
        let mut state = shared.state();
        state.pace.finish(slot, now);
        if state.finished(slot) {
            shared.probed.notify_waiters();
        }
        let (verdict, answer) = match result {
            Ok((verdict, answer)) => (verdict, answer),
            Err(verdict) => return verdict,
        };
        if let Some(pause) = shared.target.cool_down(&answer) {
            state.pace.hold(now + pause);
        }
        match &verdict {
            Verdict::Throttled { pause, .. } => {
                state.throttle(slot, *pause, now);
            }
            Verdict::Blocked { reason } => {
                state.throttle(slot, Pause::Untold { first: BLOCKED_FIRST }, now);
                self.blocked = Some(reason.clone());
            }
            Verdict::Retry { wait: Some(wait), .. } => state.pace.hold(now + *wait),
            Verdict::Moved { chat } => state.moved = Some(*chat),
            Verdict::Disabled { reason } if state.disabled.is_none() => {
                state.disabled = Some(reason.clone());
                tracing::error!(
                    target: "birdcall::deliver",
                    action = %shared.name,
                    reason = %reason,
                    "the destination refuses for good; nothing more is sent to it until it is set right and birdcall starts anew"
                );
            }
            _ => {}
        }
        if !matches!(verdict, Verdict::Throttled { .. } | Verdict::Blocked { .. }) {
            state.unthrottle(slot);
            self.blocked = None;
        }
        verdict
    }

    fn tell(&self, verdict: &Verdict) {
        let (action, firing) = (self.shared.name.as_str(), self.delivery.firing.id);
        let (attempt, name) = (self.progress.attempts, verdict.name());
        match verdict {
            Verdict::Delivered { .. } => {
                tracing::debug!(target: "birdcall::deliver", action, %firing, attempt, verdict = name);
            }
            Verdict::Moved { chat } => {
                tracing::warn!(target: "birdcall::deliver", action, %firing, chat, "the group has become a supergroup with a new id; write it into the rules");
            }
            Verdict::Late => tracing::warn!(target: "birdcall::deliver", action, %firing, attempt, verdict = name),
            Verdict::Throttled { reason, .. }
            | Verdict::Retry { reason, .. }
            | Verdict::NotSent { reason }
            | Verdict::Ambiguous { reason }
            | Verdict::Refused { reason }
            | Verdict::Dead { reason }
            | Verdict::Blocked { reason }
            | Verdict::Disabled { reason } => {
                tracing::warn!(target: "birdcall::deliver", action, %firing, attempt, verdict = name, reason = %reason);
            }
        }
    }

    async fn end(mut self, outcome: Outcome) {
        let outcome = match (outcome, self.blocked.take()) {
            (Outcome::Expired, Some(reason)) => Outcome::Dead { reason: format!("{reason}; tried until it was too old") },
            (outcome, _) => outcome,
        };
        let report = self.shared.report(&self.delivery, outcome.clone(), self.progress.attempts);
        // If the wait for room is cut short, the drop below reports it.
        self.outcome = Some(outcome);
        if let Ok(permit) = self.shared.reports.clone().reserve_owned().await {
            permit.send(report);
        }
        self.reported = true;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.busy = state.busy.saturating_sub(1);
        if self.reported {
            return;
        }
        let left = self.gate.as_ref().is_some_and(|gate| gate.has_left());
        let cut_short = || match left && self.shared.policy.once {
            true => Outcome::Unknown { reason: "birdcall stopped before the answer came; an order is not repeated".to_owned() },
            false => Outcome::Abandoned,
        };
        let outcome = self.outcome.take().unwrap_or_else(cut_short);
        let attempts = self.progress.attempts + u32::from(left);
        let report = self.shared.report(&self.delivery, outcome, attempts);
        state.leftovers.push(report);
    }
}

/// One request for `delivery`: what it came to, with the answer if there was one.
pub(crate) async fn send(
    shared: &Shared,
    delivery: &Delivery,
    fallback: bool,
    gate: Arc<Gate>,
) -> Result<(Verdict, Answer), Verdict> {
    let body = delivery.fallback.as_ref().filter(|_| fallback).unwrap_or(&delivery.body).as_ref();
    let moved = shared.state().moved;
    let stamp = Stamp { id: delivery.firing.id.to_string(), at: shared.clock.wall(), fallback, moved };
    let Some(request) = shared.target.request(body, &stamp) else {
        return Err(Verdict::Dead { reason: format!("the message is not one for {}", shared.target.kind()) });
    };
    match shared.client.send(request, delivery.expires_at, gate).await {
        Ok(answer) => Ok((shared.target.classify(&answer), answer)),
        Err(SendError::Late) => Err(Verdict::Late),
        Err(SendError::NotSent(reason)) => Err(Verdict::NotSent { reason }),
        Err(SendError::Ambiguous(reason)) => Err(Verdict::Ambiguous { reason }),
    }
}

/// Sees to it that every delivery is reported, even if the worker itself is dropped.
struct LastWords(Arc<Shared>);

impl LastWords {
    fn collect(&self) -> Vec<crate::model::delivery::Report> {
        let mut state = self.0.state();
        state.closed = true;
        let queued = std::mem::take(&mut state.queue);
        let mut reports = std::mem::take(&mut state.leftovers);
        reports.extend(queued.iter().map(|delivery| self.0.report(delivery, Outcome::Abandoned, 0)));
        reports
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        for report in self.collect() {
            if self.0.reports.try_send(report).is_err() {
                tracing::warn!(target: "birdcall::deliver", action = %self.0.name, "an abandoned delivery could not be reported");
            }
        }
    }
}
