//! The half of a lane that the app holds: deliveries go in and never wait. What the two halves share is here too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::model::action::Overflow;
use crate::model::delivery::{Delivery, Outcome, Report, Suppression};
use crate::model::limits;

use super::backoff::{self, Jitter};
use super::client::Client;
use super::pace::{Pace, Slot};
use super::retry::Policy;
use super::target::Target;
use super::verdict::Pause;

/// The way to one action. Dropping it closes it.
#[derive(Debug)]
pub struct Lane {
    pub(crate) shared: Arc<Shared>,
}

impl Lane {
    /// Puts a delivery on its way; never waits. Should one have to be let go, it is reported at once: the oldest that waits, or this one,
    /// as the action's `overflow` says. After [`Lane::close`] nothing is taken any more.
    #[must_use = "the report is the end of a delivery and must be counted"]
    pub fn offer(&self, delivery: Delivery) -> Option<Report> {
        let shared = &self.shared;
        let now = shared.clock.elapsed();
        let mut state = shared.state();
        if state.closed {
            drop(state);
            return Some(shared.report(&delivery, Outcome::Abandoned, 0));
        }
        let lost = match shared.overflow {
            Overflow::Drop if !state.pace.fits(state.queue.len() + 1, now) || state.queue.len() >= limits::LANE_QUEUE => {
                Some(delivery)
            }
            Overflow::Queue if state.queue.len() >= limits::LANE_QUEUE => {
                let oldest = state.queue.pop_front();
                state.queue.push_back(delivery);
                oldest
            }
            _ => {
                state.queue.push_back(delivery);
                None
            }
        };
        drop(state);
        shared.wake.notify_one();
        lost.map(|delivery| shared.report(&delivery, Outcome::Suppressed { reason: Suppression::Overflow }, 0))
    }

    /// Deliveries that have not come to an end: queued and under way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.shared.state();
        state.queue.len() + state.busy
    }

    /// Why the lane sends nothing any more, if its destination has refused for good.
    #[must_use]
    pub fn disabled(&self) -> Option<String> {
        self.shared.state().disabled.clone()
    }

    /// Takes nothing more; the worker ends when all that was taken has come to its end.
    pub fn close(&self) {
        self.shared.state().closed = true;
        self.shared.wake.notify_one();
    }

    /// Closes, and lets the worker end now: what was not sent is reported as abandoned, and an order whose bytes have left as unknown.
    pub fn abandon(&self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.abandoned = true;
        drop(state);
        self.shared.wake.notify_one();
        self.shared.stop.notify_one();
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.close();
    }
}

/// What both halves see.
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) index: usize,
    pub(crate) target: Target,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    /// It places orders.
    pub(crate) trading: bool,
    /// Requests under way at once.
    pub(crate) concurrency: usize,
    pub(crate) overflow: Overflow,
    pub(crate) reports: mpsc::Sender<Report>,
    /// Something to do.
    pub(crate) wake: Notify,
    /// The request that others waited for is over.
    pub(crate) probed: Notify,
    /// Nothing more to do.
    pub(crate) stop: Notify,
    /// Held for moments only, never across an await.
    pub(crate) inner: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) queue: VecDeque<Delivery>,
    pub(crate) pace: Pace,
    pub(crate) jitter: Jitter,
    /// Taken out of the queue and not yet at its end.
    pub(crate) busy: usize,
    pub(crate) closed: bool,
    pub(crate) abandoned: bool,
    pub(crate) disabled: Option<String>,
    /// The chat's new id.
    pub(crate) moved: Option<i64>,
    /// How often in a row we were told that we are too fast, and when last.
    strikes: u32,
    struck: Option<Duration>,
    /// The one request under way since then.
    probe: Option<Slot>,
    /// Ends that could not be reported yet, because the worker was stopped in the middle.
    pub(crate) leftovers: Vec<Report>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("action", &self.name).field("target", &self.target).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it; should somebody, the state is still a state.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self, delivery: &Delivery, outcome: Outcome, attempts: u32) -> Report {
        let took = self.clock.now().since(delivery.firing.at);
        Report { firing: Arc::clone(&delivery.firing), action: self.index, outcome, attempts, took }
    }
}

impl State {
    pub(crate) fn new(pace: Pace, jitter: Jitter) -> Self {
        Self {
            queue: VecDeque::new(),
            pace,
            jitter,
            busy: 0,
            closed: false,
            abandoned: false,
            disabled: None,
            moved: None,
            strikes: 0,
            struck: None,
            probe: None,
            leftovers: Vec::new(),
        }
    }

    /// The request of `slot` was answered with "too fast": the lane waits, longer each time that it happens again, and returns until when.
    pub(crate) fn throttle(&mut self, slot: Slot, pause: Pause, now: Duration) -> Duration {
        // Requests that were under way together are told together; that is one strike.
        if self.struck.is_none_or(|struck| slot.0 > struck) {
            self.strikes = self.strikes.saturating_add(1);
            self.struck = Some(now);
        }
        let again = self.strikes.saturating_sub(1);
        let wait = match pause {
            Pause::Told(told) => told.max(backoff::ceiling(again)),
            Pause::Untold { first } => first.saturating_mul(2_u32.saturating_pow(again)).min(limits::RETRY_AFTER_MAX),
        };
        let until = now + wait;
        self.pace.hold(until);
        until
    }

    /// An answer to the request of `slot` that was not "too fast". What was under way before the latest strike says nothing.
    pub(crate) fn unthrottle(&mut self, slot: Slot) {
        if self.struck.is_none_or(|struck| slot.0 > struck) {
            self.strikes = 0;
        }
    }

    /// After "too fast" one request goes first to see whether that is over; the others wait for its answer.
    pub(crate) fn waits_for_probe(&self) -> bool {
        self.strikes > 0 && self.probe.is_some()
    }

    /// Leave was given for `slot`.
    pub(crate) fn started(&mut self, slot: Slot) {
        if self.strikes > 0 {
            self.probe = Some(slot);
        }
    }

    /// The request of `slot` is over. Says whether others have waited for that.
    pub(crate) fn finished(&mut self, slot: Slot) -> bool {
        let was_probe = self.probe == Some(slot);
        if was_probe {
            self.probe = None;
        }
        was_probe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn state() -> State {
        State::new(Pace::new(&[]), Jitter::always(0.0))
    }

    #[test]
    fn what_was_told_is_obeyed_and_being_told_nothing_useful_again_and_again_takes_longer_each_time() {
        let mut state = state();
        let (mut now, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..5 {
            let until = state.throttle(Slot(now), Pause::Told(Duration::ZERO), now);
            waits.push((until - now).as_millis());
            now = until + Duration::from_millis(1);
        }
        assert_eq!(waits, [0, 500, 1_000, 2_000, 4_000]);
        assert_eq!(state.throttle(Slot(now), Pause::Told(secs(90)), now), now + secs(90));
        assert_eq!(state.pace.ready_at(now), now + secs(90));
        state.unthrottle(Slot(now));
        assert_ne!(state.strikes, 0, "that was under way before");
        state.unthrottle(Slot(now + secs(90)));
        now += secs(91);
        assert_eq!(state.throttle(Slot(now), Pause::Told(Duration::ZERO), now), now);
    }

    #[test]
    fn being_told_nothing_doubles_from_the_first_pause_to_an_hour() {
        let mut state = state();
        let (mut now, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..8 {
            let until = state.throttle(Slot(now), Pause::Untold { first: limits::BLOCKED_FIRST }, now);
            waits.push((until - now).as_secs());
            now = until + secs(1);
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    }

    #[test]
    fn requests_that_were_under_way_together_are_one_strike() {
        let mut state = state();
        let pause = Pause::Untold { first: secs(1) };
        for request in 0..64 {
            let until = state.throttle(Slot(Duration::from_millis(request)), pause, secs(1));
            assert_eq!(until, secs(2), "request {request}");
        }
        assert_eq!(state.throttle(Slot(secs(2)), pause, secs(3)), secs(5));
    }
}
