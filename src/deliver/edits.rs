//! Messages that were sent and are to read otherwise: each of them once more, as the latest edit says, when nothing else is to be done.
//!
//! An alert never waits for an edit. One goes only when nothing waits or is under way, and what it takes of the rate limits leaves room for the
//! next message; of a limit of one at a time it takes nothing, but comes after it. All edits together are held to half of the pace. An edit may be
//! repeated, so that whatever fails is tried again for a while; what the platform refuses is let go, and says nothing of the lane: what a
//! message cannot say any more is no reason not to send the next one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::model::action::Action;
use crate::model::ids::FiringId;
use crate::model::limits::{EDIT_ATTEMPTS, EDIT_PATIENCE, LANE_EDITS};
use crate::model::message::Body;
use crate::model::rate::Rate;

use super::backoff;
use super::client::SendError;
use super::event::LaneEvent;
use super::gate::Gate;
use super::pace::{Pace, Slot};
use super::state::{Shared, State};
use super::verdict::{Answer, Verdict};

/// A message that was sent, and what it is to say.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The firing that it is about.
    pub firing: FiringId,
    /// The platform's own id of the message, as its receipt has it.
    pub message: String,
    /// What it is to say.
    pub body: Arc<Body>,
}

/// What waits to be edited.
pub(crate) struct Edits {
    waiting: VecDeque<Waiting>,
    pace: Pace,
}

struct Waiting {
    edit: Edit,
    attempts: u32,
    /// Since the lane opened.
    since: Duration,
    not_before: Duration,
}

/// What is to be done next.
enum Look {
    /// Nothing, unless there is an edit more, or the lane has nothing else to do any more.
    Rest,
    /// To look again after so long.
    Wait(Duration),
    /// This.
    Go(Waiting, Slot),
}

/// What became of one request.
enum Tried {
    Done,
    Again(String),
    Over(String),
}

impl Edits {
    pub(crate) fn new(action: &Action) -> Self {
        Self { waiting: VecDeque::new(), pace: Pace::new(&action.rate_limits.iter().filter_map(half).collect::<Vec<_>>()) }
    }

    /// In the place of what waits of the same message.
    fn put(&mut self, edit: Edit, now: Duration) -> Option<Edit> {
        if let Some(known) = self.waiting.iter_mut().find(|known| known.edit.firing == edit.firing) {
            known.edit = edit;
            return None;
        }
        self.waiting.push_back(Waiting { edit, attempts: 0, since: now, not_before: now });
        if self.waiting.len() <= LANE_EDITS {
            return None;
        }
        self.waiting.pop_front().map(|oldest| oldest.edit)
    }

    /// What waits, for the lane that takes this one's place.
    pub(crate) fn take(&mut self) -> Vec<Edit> {
        self.waiting.drain(..).map(|waiting| waiting.edit).collect()
    }
}

/// Half as many in the same time, or one in twice the time.
fn half(rate: &Rate) -> Option<Rate> {
    match rate.count.get() {
        1 => Rate::new(1, rate.per.saturating_mul(2)),
        count => Rate::new(count / 2, rate.per),
    }
}

impl Shared {
    /// Has a message edited.
    pub(crate) fn edit(&self, edit: Edit) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        let lost = state.edits.put(edit, now);
        if let Some(lost) = lost {
            self.end_edit(&mut state, lost, Err("too many edits waited".to_owned()));
        }
        drop(state);
        self.has_edits.store(true, Ordering::Relaxed);
        self.edited.notify_one();
    }

    /// Nothing is under way: what waits to be edited may have its turn.
    pub(crate) fn is_idle(&self) {
        if self.has_edits.load(Ordering::Relaxed) {
            self.edited.notify_one();
        }
    }

    fn end_edit(&self, state: &mut State, edit: Edit, end: Result<(), String>) {
        self.tell(state, LaneEvent::Edited { firing: edit.firing, action: self.index, body: edit.body, end });
    }

    fn next_edit(&self) -> Look {
        let now = self.clock.elapsed();
        let mut state = self.state();
        self.has_edits.store(!state.edits.waiting.is_empty(), Ordering::Relaxed);
        if state.disabled.is_some() || state.closed || state.edits.waiting.is_empty() {
            return Look::Rest;
        }
        let keeps = self.action.digest.is_some();
        if state.busy > 0 || (!keeps && !state.queue.is_empty()) || state.circuit.why().is_some() {
            // Until all that is done.
            return Look::Rest;
        }
        let first = state.edits.waiting.iter().map(|waiting| waiting.not_before).min().unwrap_or(now);
        let ready = first.max(state.edits.pace.ready_at(now));
        if ready > now {
            return Look::Wait(ready - now);
        }
        if state.throttle.is_struck() && state.pace.held_until() > now {
            return Look::Wait(state.pace.held_until() - now);
        }
        let Some(slot) = state.pace.take_beside(now) else {
            let ready = state.pace.ready_beside_at(now);
            // A moment at least, whatever was rounded.
            return Look::Wait(ready.saturating_sub(now).max(Duration::from_millis(1)));
        };
        let due = state.edits.waiting.iter().position(|waiting| waiting.not_before <= now);
        let Some(waiting) = due.and_then(|at| state.edits.waiting.remove(at)) else { return Look::Rest };
        let _ = state.edits.pace.take(now);
        Look::Go(waiting, slot)
    }

    /// One request. Nothing is lost when it is dropped: what a message says is known by the next run.
    async fn try_edit(&self, edit: &Edit) -> (Tried, Option<Answer>, Option<super::Pause>) {
        let moved = self.state().moved;
        let Some(request) = self.target.edit(&edit.body, &edit.message, moved) else {
            return (Tried::Over("this platform edits nothing".to_owned()), None, None);
        };
        let not_after = self.clock.now().plus(EDIT_PATIENCE);
        let answer = match self.wire.send(request, not_after, Arc::new(Gate::default())).await {
            Ok(answer) => answer,
            Err(SendError::Late | SendError::Held) => return (Tried::Over("too late".to_owned()), None, None),
            Err(SendError::NotSent(reason) | SendError::Ambiguous(reason)) => return (Tried::Again(reason), None, None),
        };
        let (tried, pause) = match self.target.classify_edit(&answer) {
            Verdict::Delivered { .. } => (Tried::Done, None),
            Verdict::Throttled { pause, reason } => (Tried::Again(reason), Some(pause)),
            Verdict::Retry { reason, .. } | Verdict::Blocked { reason } => (Tried::Again(reason), None),
            Verdict::NotSent { reason } | Verdict::Ambiguous { reason } => (Tried::Again(reason), None),
            Verdict::Refused { reason } | Verdict::Dead { reason } | Verdict::Disabled { reason } => (Tried::Over(reason), None),
            Verdict::Moved { chat } => (Tried::Over(format!("the chat is {chat} by now")), None),
            Verdict::Late | Verdict::Held => (Tried::Over("too late".to_owned()), None),
        };
        (tried, Some(answer), pause)
    }

    fn learn_of_edit(&self, waiting: Waiting, slot: Slot, (tried, answer, pause): (Tried, Option<Answer>, Option<super::Pause>)) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        state.pace.finish_beside(slot, now);
        if let Some(pause) = answer.as_ref().and_then(|answer| self.target.cool_down(answer)) {
            state.edits.pace.hold(now + pause);
        }
        if let Some(pause) = pause {
            // The chat is one, whatever is done in it.
            let until = state.throttle.strike(slot, pause, now);
            state.pace.hold(until);
        }
        let Waiting { edit, attempts, since, .. } = waiting;
        let is_superseded = state.edits.waiting.iter().any(|of| of.edit.firing == edit.firing);
        match tried {
            Tried::Done => self.end_edit(&mut state, edit, Ok(())),
            Tried::Over(reason) => self.end_edit(&mut state, edit, Err(reason)),
            Tried::Again(_) if is_superseded => {}
            Tried::Again(reason) if attempts + 1 >= EDIT_ATTEMPTS || now.saturating_sub(since) >= EDIT_PATIENCE => {
                self.end_edit(&mut state, edit, Err(format!("{reason}; tried {} times", attempts + 1)));
            }
            Tried::Again(_) => {
                let not_before = now + backoff::ceiling(attempts + 1);
                state.edits.waiting.push_back(Waiting { edit, attempts: attempts + 1, since, not_before });
            }
        }
    }
}

/// Edits for as long as it is polled.
pub(crate) async fn work(shared: &Shared) {
    loop {
        let edited = shared.edited.notified();
        match shared.next_edit() {
            Look::Go(waiting, slot) => {
                let tried = shared.try_edit(&waiting.edit).await;
                shared.learn_of_edit(waiting, slot, tried);
            }
            Look::Rest => edited.await,
            Look::Wait(wait) => tokio::select! {
                () = edited => {}
                () = tokio::time::sleep(wait) => {}
            },
        }
    }
}
