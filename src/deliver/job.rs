//! What is between the queue and its end: one delivery, or several that go as one digest. When it may go, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use crate::model::action::Overflow;
use crate::model::delivery::{Outcome, Suppression, Together};
use crate::model::limits::{LANE_QUEUE, ORDER_PATIENCE};
use crate::model::time::Timestamp;

use super::attempt::Tried;
use super::circuit::Way;
use super::event::LaneEvent;
use super::gate::Gate;
use super::keep::{self, Due, Missed};
use super::lane::{OVERFLOW, is_notice};
use super::pace::Slot;
use super::retry::Progress;
use super::state::{Shared, State, Unwanted, Waiting};
use super::verdict::Verdict;
use super::worker::turn;

/// Of a request that had left by then.
const STOPPED: &str = "birdcall stopped before the answer came";

/// What goes out as one request, again and again until it has come to its end. If it is dropped before, its end is told all the same.
pub(crate) struct Job {
    pub(super) shared: Arc<Shared>,
    /// Oldest first. Several make a digest; none, and it is over.
    pub(super) members: Vec<Member>,
    pub(super) progress: Progress,
    /// The request that is under way.
    pub(super) under_way: Option<UnderWay>,
    /// Why all that waits goes with it, if it was kept for that.
    pub(super) together: Option<Together>,
    /// What the message tells of what is told in none; given back if it tells nobody.
    pub(super) missed: Missed,
    /// Why it was not let through the last time, if it was not the destination that said so.
    pub(super) blocked: Option<String>,
}

/// A request from its beginning to its answer.
pub(super) struct UnderWay {
    pub(super) gate: Arc<Gate>,
    /// By the clock, and since the lane opened.
    pub(super) begun: Timestamp,
    pub(super) began: Duration,
}

/// One delivery of a job.
pub(super) struct Member {
    pub(super) waiting: Waiting,
    /// Requests made for it.
    pub(super) attempts: u32,
    /// Of an order: its intent is committed.
    pub(super) pledged: bool,
}

/// Whether a job may go.
pub(crate) enum Look {
    /// With this leave.
    Go(Slot),
    /// Not before so long, unless there is news.
    Wait(Duration),
    /// Not before its intent is committed.
    Commit,
    /// It has come to its end.
    Over,
}

impl Job {
    /// The next delivery that waits, unless too much is still to be told.
    pub(crate) fn pop(shared: &Arc<Shared>) -> Option<Self> {
        let mut state = shared.state();
        if !state.is_heard() {
            return None;
        }
        let together = shared.may_go(&mut state)?;
        let waiting = state.pop()?;
        state.busy += 1;
        drop(state);
        let progress = Progress::doubting(waiting.doubt);
        let members = vec![Member::new(waiting)];
        Some(Self {
            shared: Arc::clone(shared),
            members,
            progress,
            under_way: None,
            together,
            missed: Missed::default(),
            blocked: None,
        })
    }

    /// Requests until it has come to its end, the first with the leave of `slot`.
    pub(crate) async fn run(mut self, mut slot: Slot) {
        let shared = Arc::clone(&self.shared);
        while let Some(pause) = self.attempt(slot).await {
            shared.state().again += 1;
            if !pause.is_zero() {
                self.rest(pause).await;
            }
            let next = turn(&shared, &mut self).await;
            shared.state().again -= 1;
            match next {
                Some(next) => slot = next,
                None => return,
            }
        }
    }

    /// Whether it may go now. Takes leave only when it does.
    pub(crate) fn look(&mut self) -> Look {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        if state.unwanted != Unwanted::Nothing {
            self.give_back(&mut state);
        }
        self.end_muted(&mut state);
        self.hush(&mut state);
        if let Some(reason) = state.disabled.clone() {
            self.end_all(&mut state, &Outcome::Dead { reason });
        } else if shared.is_disarmed() {
            self.end_all(&mut state, &Outcome::Suppressed { reason: Suppression::Disarmed });
        } else if shared.action.trading && self.members.iter().any(|member| member.waiting.delivery.firing.late) {
            self.end_all(&mut state, &Outcome::Expired);
        }
        let (at, now) = shared.clock.moment();
        let pause = state.pace.ready_at(now).saturating_sub(now);
        // What would come too late need not wait for that.
        self.expire_by(&mut state, at.plus(pause));
        let Some(youth) = self.youth(at) else { return Look::Over };
        if state.throttle.waits_for_probe() || state.requests >= shared.concurrency {
            return Look::Wait(youth);
        }
        match self.way(&state, now) {
            Way::AfterProbe => return Look::Wait(youth),
            Way::From(then) => return Look::Wait(then.saturating_sub(now).min(youth)),
            Way::Free if !pause.is_zero() => return Look::Wait(pause),
            Way::Free => {}
        }
        if self.commits_first() {
            return Look::Commit;
        }
        self.gather(&mut state, now);
        if self.together.is_some() {
            self.missed.add(std::mem::take(&mut state.missed));
        }
        if self.members.is_empty() {
            // All have become too old just now: nothing is begun that nobody would end.
            return Look::Over;
        }
        let Some(slot) = state.pace.take(now) else { return Look::Wait(Duration::from_millis(1)) };
        state.started(slot);
        if state.circuit.refuses() && self.has_fallback() {
            // One request for each probe, and that of the message which is refused least.
            self.progress.fallback = true;
        }
        Look::Go(slot)
    }

    /// Gives back what is unwanted, unless it may have arrived, or is an order that was begun.
    fn give_back(&mut self, state: &mut State) {
        if self.progress.ambiguous > 0 {
            return;
        }
        let (trading, unwanted) = (self.shared.action.trading, std::mem::take(&mut state.unwanted));
        let goes = |member: &mut Member| {
            let is_begun = member.pledged || member.waiting.pledge.is_some() || trading && member.attempts > 0;
            !is_begun && unwanted.has(&member.waiting.delivery)
        };
        for member in self.members.extract_if(.., goes) {
            state.busy = state.busy.saturating_sub(1);
            let returned = self.shared.returned(member.waiting);
            self.shared.tell(state, LaneEvent::Returned(Box::new(returned)));
        }
        state.unwanted = unwanted;
    }

    /// In quiet hours nothing is tried, not even once more: what is no notice waits for their end, unless it may have arrived.
    fn hush(&mut self, state: &mut State) {
        let Some(digest) = self.shared.action.digest.as_ref().filter(|_| self.progress.ambiguous == 0) else { return };
        if !keep::is_quiet(digest, self.shared.clock.now()) {
            return;
        }
        for Member { waiting, attempts, .. } in self.members.extract_if(.., |member| !is_notice(&member.waiting.delivery)) {
            state.busy = state.busy.saturating_sub(1);
            state.push(Waiting { attempts, ..waiting }, true);
        }
    }

    /// A request counts for the rate limit from the moment at which it may go, so nothing but the network may stand between that and its bytes.
    /// Without a rate limit the intents of several orders are waited for at once.
    fn commits_first(&self) -> bool {
        let action = &self.shared.action;
        action.trading && !action.rate_limits.is_empty() && self.members.first().is_some_and(|member| !member.pledged)
    }

    /// The circuit's word, but that no order's first attempt waits for long, be it that the destination refuses: its refusals have stopped
    /// orders ([`ORDER_ERRORS`](crate::model::limits::ORDER_ERRORS)), so a person has armed them since and believes that it takes them again.
    fn way(&self, state: &State, now: Duration) -> Way {
        let way = state.circuit.way(now);
        let first = self.members.first().filter(|member| self.shared.action.trading && member.attempts == 0);
        let Some(latest) = first.map(|member| member.waiting.since + ORDER_PATIENCE) else { return way };
        match way {
            Way::Free => Way::Free,
            _ if latest <= now => Way::Free,
            Way::From(then) => Way::From(then.min(latest)),
            Way::AfterProbe => Way::From(latest),
        }
    }

    /// For a digest: all that wait, when they are more than may go now one by one. Nothing joins what may have arrived already, nor what
    /// was refused.
    fn gather(&mut self, state: &mut State, now: Duration) {
        if !self.may_gather(state) || self.progress.ambiguous > 0 || self.progress.fallback {
            return;
        }
        let all = self.members.len() + state.queue.len();
        let one_by_one = self.members.len() == 1 && state.circuit.why().is_none() && state.pace.fits(all, now);
        if one_by_one && self.together.is_none() {
            return;
        }
        let mut at = 0;
        while let Some(waiting) = state.queue.get(at) {
            if !self.shared.is_for_all(&waiting.delivery) {
                at += 1;
            } else if let Some(waiting) = state.remove(at) {
                state.busy += 1;
                self.members.push(Member::new(waiting));
            }
        }
        self.members.sort_by_key(|member| member.waiting.delivery.firing.at);
        self.expire(state, Duration::ZERO);
        // It may be tried for as long as they are young, and more come all the time.
        let mut too_many = self.members.len().saturating_sub(LANE_QUEUE);
        let lets_go = |member: &mut Member| {
            let goes = too_many > 0 && !is_notice(&member.waiting.delivery);
            too_many -= usize::from(goes);
            goes
        };
        for member in self.members.extract_if(.., lets_go) {
            self.missed.no_room += usize::from(self.together.is_some());
            member.end(&self.shared, state, OVERFLOW);
        }
    }

    /// Whether what waits may go with it: what is kept is, until its time has come.
    fn may_gather(&self, state: &State) -> bool {
        let has_words = self.members.iter().all(|member| member.waiting.delivery.line.is_some());
        let is_asked = has_words && (self.together.is_some() || self.shared.overflow == Overflow::Digest);
        let Some(digest) = self.shared.action.digest.as_ref().filter(|_| is_asked) else { return is_asked };
        let now = self.shared.clock.now();
        let is_due = || matches!(keep::due(digest, state, now), Due::Now(_)) && state.notices() == 0;
        !keep::is_quiet(digest, now) && (self.together.is_some() || is_due())
    }

    /// How long until the first of it is too old; `None` when nothing is left.
    fn youth(&self, now: Timestamp) -> Option<Duration> {
        self.members.iter().map(|member| member.waiting.delivery.expires_at.since(now)).min()
    }

    pub(super) fn is_digest(&self) -> bool {
        // One that is left of those that were kept tells of the others.
        self.members.len() > 1 || self.missed.any()
    }

    pub(super) fn has_fallback(&self) -> bool {
        self.is_digest() || self.members.first().is_some_and(|member| member.waiting.delivery.fallback.is_some())
    }

    /// Ends what will be too old in `wait`.
    pub(super) fn expire(&mut self, state: &mut State, wait: Duration) {
        self.expire_by(state, self.shared.clock.now().plus(wait));
    }

    /// Ends what is too old by then.
    fn expire_by(&mut self, state: &mut State, then: Timestamp) {
        let is_old = |member: &mut Member| member.waiting.delivery.expires_at <= then;
        let outcome = match &self.blocked {
            Some(reason) => Outcome::Dead { reason: format!("{reason}; tried until it was too old") },
            None => Outcome::Expired,
        };
        let outcome = self.progress.ending(outcome);
        for member in self.members.extract_if(.., is_old) {
            self.missed.too_old += usize::from(self.together.is_some() && !is_notice(&member.waiting.delivery));
            member.end(&self.shared, state, outcome.clone());
        }
    }

    pub(super) fn end_all(&mut self, state: &mut State, outcome: &Outcome) {
        let outcome = self.progress.ending(outcome.clone());
        for member in self.members.drain(..) {
            member.end(&self.shared, state, outcome.clone());
        }
    }
}

impl Member {
    fn new(waiting: Waiting) -> Self {
        Self { attempts: waiting.attempts, waiting, pledged: false }
    }

    pub(super) fn end(self, shared: &Shared, state: &mut State, outcome: Outcome) {
        state.busy = state.busy.saturating_sub(1);
        shared.end(state, &self.waiting.delivery, outcome, self.attempts);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.missed.any() {
            // No message has told of it.
            self.shared.take_on(std::mem::take(&mut self.missed));
        }
        if self.members.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        let left = self.under_way.take().filter(|request| request.gate.give_up());
        let outcome = match left.is_some() && shared.policy.once {
            true => Outcome::Unknown { reason: format!("{STOPPED}; an order is not repeated") },
            false => Outcome::Abandoned,
        };
        if let Some(UnderWay { begun, began, .. }) = left {
            // It may have arrived, and counts for the rate limits of the next run.
            let tried = Tried { verdict: Verdict::Ambiguous { reason: STOPPED.to_owned() }, answer: None };
            self.tell_attempts(&mut state, &tried, begun, shared.clock.elapsed().saturating_sub(began));
        }
        self.end_all(&mut state, &outcome);
    }
}
