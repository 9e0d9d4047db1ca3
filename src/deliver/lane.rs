//! The half of a lane that the app holds: deliveries go in and never wait.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use crate::model::action::Overflow;
use crate::model::delivery::{Delivery, Outcome, Report, Suppression};
use crate::model::firing::FiringBrief;
use crate::model::limits;
use crate::model::status::LaneState;
use crate::model::subject::Str;
use crate::rules::ruleset::NOTICES;

use super::circuit::Way;
use super::edits::Edit;
use super::event::LaneHealth;
use super::event::Returned;
use super::intents::Pledge;
use super::keep::{Missed, is_kept};
use super::retry::Progress;
use super::state::{Shared, State, Unwanted, Waiting};

/// The way to one action. Dropping it closes it.
#[derive(Debug)]
pub struct Lane {
    pub(crate) shared: Arc<Shared>,
}

impl Lane {
    /// Puts a delivery on its way; never waits. What has to be let go is reported at once: the oldest that wait, or this one, as the
    /// action's `overflow` says; an order while orders are stopped. A notice of birdcall's own stands in front of what waits, and is let go
    /// only when nothing but notices waits. After [`Lane::close`] nothing is taken any more.
    ///
    /// `pledge`: of an order whose intent is being committed already; without it the lane asks for one when the order's turn has come.
    #[must_use = "the reports are the ends of deliveries and must be counted"]
    pub fn offer(&self, delivery: Delivery, pledge: Option<Pledge>) -> Vec<Report> {
        let may_drop = self.shared.overflow == Overflow::Drop && !is_notice(&delivery);
        let since = self.shared.clock.elapsed();
        self.put(Waiting { delivery, pledge, since, doubt: None, attempts: 0 }, may_drop)
    }

    /// As [`Lane::offer`], of what an earlier run left or a person has sent again: it waits where what comes fresh would be dropped.
    /// `doubt`: why it may have arrived already; then it ends delivered or unknown if it is an order.
    #[must_use = "the reports are the ends of deliveries and must be counted"]
    pub fn resume(&self, delivery: Delivery, doubt: Option<&'static str>) -> Vec<Report> {
        let since = self.shared.clock.elapsed();
        let doubt = doubt.filter(|_| self.shared.action.trading);
        self.put(Waiting { delivery, pledge: None, since, doubt, attempts: 0 }, false)
    }

    fn put(&self, waiting: Waiting, may_drop: bool) -> Vec<Report> {
        let shared = &self.shared;
        let now = waiting.since;
        let mut state = shared.state();
        let refused = if state.closed {
            Some(Outcome::Abandoned)
        } else if shared.is_disarmed() {
            Some(Outcome::Suppressed { reason: Suppression::Disarmed })
        } else if may_drop && state.is_crowded(now) {
            Some(OVERFLOW)
        } else {
            None
        };
        if let Some(outcome) = refused {
            drop(state);
            let outcome = Progress::doubting(waiting.doubt).ending(outcome);
            return vec![shared.report(&waiting.delivery, outcome, 0)];
        }
        state.push(waiting, shared.policy.chat);
        let lost = state.make_room();
        if let Some(digest) = &shared.action.digest {
            state.missed.no_room += lost.iter().filter(|lost| is_kept(digest, &lost.delivery.firing)).count();
        }
        drop(state);
        shared.wake.notify_one();
        let end = |lost: &Waiting| shared.report(&lost.delivery, Progress::doubting(lost.doubt).ending(OVERFLOW), 0);
        lost.iter().map(end).collect()
    }

    /// Tells what earlier runs have sent, before the first delivery is offered: so long ago each, and how many requests may have been under
    /// way when the last of them ended; and for how long from now on the destination has asked for patience. The lane's rate limits hold
    /// over all of it.
    pub fn restore(&self, ages: &[Duration], under_way: usize, patience: Duration) {
        let now = self.shared.clock.elapsed();
        // One more than go at once: the answer of the latest may have come and not been written down yet.
        let under_way = under_way.min(self.shared.concurrency + 1);
        let mut state = self.shared.state();
        state.pace.restore(ages, under_way, now);
        state.pace.hold(now + patience);
    }

    /// Of what would have been kept here and came to its end before: a number for the next digest.
    pub fn missed(&self, firing: &FiringBrief, end: &Outcome) {
        if self.shared.action.digest.as_ref().is_some_and(|digest| is_kept(digest, firing)) {
            self.shared.take_on(Missed::of(end));
        }
    }

    /// For how long from now on the destination has asked for patience, if it has.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        let until = self.shared.state().pace.held_until();
        until.checked_sub(self.shared.clock.elapsed()).filter(|left| !left.is_zero())
    }

    /// Whether a delivery that is offered now is sent at once: the lane has room and nothing holds it back.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let shared = &self.shared;
        let now = shared.clock.elapsed();
        let state = shared.state();
        let has_room = state.ahead() + state.requests < shared.concurrency && !state.closed;
        has_room && state.disabled.is_none() && !shared.is_disarmed() && state.is_free(now)
    }

    /// Why a delivery that is offered now would come to nothing, or push out another one, in words.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let now = self.shared.clock.elapsed();
        let state = self.shared.state();
        if let Some(reason) = &state.disabled {
            return Some(format!("takes nothing any more: {reason}"));
        }
        let is_full = state.queue.len() >= limits::LANE_QUEUE || state.bytes > limits::LANE_BYTES;
        let has_no_room = is_full || self.shared.overflow == Overflow::Drop && state.is_crowded(now);
        has_no_room.then(|| "has no room for it at the moment".to_owned())
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

    /// Sends again though its destination has refused for good: somebody may have set it right. No: it has not refused.
    pub fn reopen(&self) -> bool {
        let has_refused = self.shared.state().disabled.take().is_some();
        self.shared.is_idle();
        has_refused
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> LaneHealth {
        let shared = &self.shared;
        let now = shared.clock.elapsed();
        let state = shared.state();
        let (lane_state, why) = if let Some(reason) = &state.disabled {
            (LaneState::Disabled, Some(reason.clone()))
        } else if let Some(why) = state.circuit.why() {
            (LaneState::CircuitOpen, Some(why.to_owned()))
        } else if state.pace.held_until() > now || state.throttle.is_struck() {
            let left = state.pace.held_until().saturating_sub(now);
            (LaneState::Throttled, Some(format!("the destination asks for patience, another {} s", left.as_secs())))
        } else if state.pace.ready_at(now) > now && !state.queue.is_empty() && shared.action.digest.is_none() {
            (LaneState::Throttled, Some("its rate limit holds back what waits".to_owned()))
        } else {
            (LaneState::Ok, shared.keeps(&state))
        };
        drop(state);
        LaneHealth { state: lane_state, why, warm: shared.wire.is_warm() }
    }

    /// Takes nothing more, and gives back what waits. What is under way comes to its end here; so does an order whose intent is being committed.
    /// What had its turn and was not sent yet, or waits to be tried again and has not arrived for sure, is told as
    /// [`LaneEvent::Returned`](super::LaneEvent::Returned).
    #[must_use = "they are to go on elsewhere, or to end"]
    pub fn retire(&self) -> Vec<Returned> {
        let mut state = self.shared.state();
        (state.closed, state.unwanted) = (true, Unwanted::All);
        self.take_back(state)
    }

    /// Gives back, as [`Lane::retire`] does, what was asked for by one of these rules. It does not take that from elsewhere any more: the rules
    /// that are unwanted are these, until it is told again.
    #[must_use = "they are to go on elsewhere, or to end"]
    pub fn give_back(&self, rules: &[Str]) -> Vec<Returned> {
        let mut state = self.shared.state();
        if state.unwanted == Unwanted::All {
            return Vec::new();
        }
        state.unwanted = Unwanted::Of(rules.to_vec());
        self.take_back(state)
    }

    /// Gives back, this once, those of what waits for its turn that `is_unwanted`.
    #[must_use = "they are to go on elsewhere, or to end"]
    pub fn take_out(&self, is_unwanted: impl Fn(&Delivery) -> bool) -> Vec<Returned> {
        self.take_from_queue(&mut self.shared.state(), |_, delivery| is_unwanted(delivery))
    }

    fn take_from_queue(&self, state: &mut State, is_unwanted: impl Fn(&State, &Delivery) -> bool) -> Vec<Returned> {
        let (mut returned, mut at) = (Vec::new(), 0);
        while let Some(waiting) = state.queue.get(at) {
            if waiting.pledge.is_some() || !is_unwanted(state, &waiting.delivery) {
                at += 1;
            } else {
                returned.extend(state.remove(at).map(|waiting| self.shared.returned(waiting)));
            }
        }
        returned
    }

    fn take_back(&self, mut state: MutexGuard<'_, State>) -> Vec<Returned> {
        let returned = self.take_from_queue(&mut state, |state, delivery| state.unwanted.has(delivery));
        drop(state);
        self.shared.wake.notify_one();
        self.shared.news.notify_waiters();
        self.shared.hope.notify_waiters();
        returned
    }

    /// Whether it was [retired](Lane::retire).
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.shared.state().unwanted == Unwanted::All
    }

    /// Takes over what the lane in whose place this one comes has sent, for the rate limits, and the patience that its destination has asked for if
    /// it is the same one.
    pub fn inherit(&self, from: &Self) {
        let now = self.shared.clock.elapsed();
        let (ages, under_way, held, missed) = {
            let mut state = from.shared.state();
            // What a digest under way tells of comes when that has come to nothing.
            state.heir = Some(Arc::clone(&self.shared));
            (state.pace.ages(now), state.requests, state.pace.held_until(), std::mem::take(&mut state.missed))
        };
        self.shared.take_on(missed);
        let is_same_place = from.shared.target == self.shared.target;
        let patience = if is_same_place { held.saturating_sub(now) } else { Duration::ZERO };
        let edits = from.shared.state().edits.take();
        edits.into_iter().filter(|_| is_same_place).for_each(|edit| self.edit(edit));
        self.restore(&ages, under_way, patience);
    }

    /// Has a message that was sent say something else, when nothing else is to be done: the latest word counts. What is not done when the lane
    /// ends is not told.
    pub fn edit(&self, edit: Edit) {
        self.shared.edit(edit);
    }

    /// Takes nothing more; the worker ends when all that was taken has come to its end.
    pub fn close(&self) {
        self.shared.state().closed = true;
        self.shared.wake.notify_one();
    }

    /// Closes, and lets the worker end now: what was not sent is reported as abandoned, and an order whose bytes have left as unknown, unless
    /// its receiver is idempotent. So of any other order that is abandoned nothing has arrived, and nothing leaves any more.
    pub fn abandon(&self) {
        self.shared.state().closed = true;
        self.shared.wake.notify_one();
        self.shared.stop.notify_one();
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.close();
    }
}

/// What birdcall itself has to say: that orders are stopped, say.
pub(super) fn is_notice(delivery: &Delivery) -> bool {
    &*delivery.firing.rule == NOTICES
}

/// The end of what the lane had no room for.
pub(crate) const OVERFLOW: Outcome = Outcome::Suppressed { reason: Suppression::Overflow };

impl State {
    /// One more would have to wait.
    fn is_crowded(&self, now: Duration) -> bool {
        let waits = !matches!(self.circuit.way(now), Way::Free) && self.queue.len() + self.busy > 0;
        waits || !self.pace.fits(self.queue.len() + 1, now)
    }

    /// Nothing but the pace holds a request back, and that does not.
    fn is_free(&self, now: Duration) -> bool {
        let is_closed = self.circuit.why().is_none();
        is_closed && !self.throttle.waits_for_probe() && self.pace.fits(self.ahead() + 1, now)
    }

    /// What goes before a delivery that is offered now.
    fn ahead(&self) -> usize {
        self.queue.len() + self.busy.saturating_sub(self.requests + self.again)
    }

    /// Takes the oldest out until the rest is within the bounds, notices last.
    fn make_room(&mut self) -> Vec<Waiting> {
        let mut lost = Vec::new();
        while self.queue.len() > limits::LANE_QUEUE || (self.bytes > limits::LANE_BYTES && self.queue.len() > 1) {
            let oldest = self.oldest();
            lost.extend(self.remove(oldest));
        }
        lost
    }
}
