//! What both halves of a lane see: what waits, what holds it back, and what is to be told.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::model::action::{Action, Overflow};
use crate::model::delivery::{Delivery, Outcome, Report};
use crate::model::limits;
use crate::model::message::Body;
use crate::model::subject::Str;

use super::backoff::Jitter;
use super::circuit::Circuit;
use super::edits::Edits;
use super::event::{LaneEvent, Returned};
use super::gate::Gate;
use super::intents::{Intents, Pledge};
use super::keep::Missed;
use super::lane::is_notice;
use super::mutes::LaneMute;
use super::pace::{Pace, Slot};
use super::retry::Policy;
use super::switch::Switch;
use super::target::Target;
use super::throttle::Throttle;
use super::wire::Wire;

/// One lane.
pub(crate) struct Shared {
    pub(crate) index: usize,
    pub(crate) action: Action,
    pub(crate) target: Target,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    /// Of a lane of orders: nothing is sent while it is off.
    pub(crate) hold: Option<Switch>,
    pub(crate) intents: Arc<dyn Intents>,
    /// Requests under way at once.
    pub(crate) concurrency: usize,
    /// The same and what waits to be tried again. As many in a chat's lane, which keeps its order.
    pub(crate) jobs: usize,
    /// `Digest` only where messages can be put together.
    pub(crate) overflow: Overflow,
    pub(crate) events: mpsc::Sender<LaneEvent>,
    /// Something to do for the worker.
    pub(crate) wake: Notify,
    /// Something to tell.
    pub(crate) told: Notify,
    /// What others have waited for: a probe is over, the circuit has changed.
    pub(crate) news: Notify,
    /// The circuit has closed: what waits to be tried again need not wait out its pause.
    pub(crate) hope: Notify,
    /// Other mutes hold.
    pub(crate) muted: Notify,
    /// There are some: asked without a lock.
    pub(crate) has_mutes: AtomicBool,
    /// Nothing more to do.
    pub(crate) stop: Notify,
    /// Something to edit, or the time for it.
    pub(crate) edited: Notify,
    /// There is something to edit: asked without a lock.
    pub(crate) has_edits: AtomicBool,
    /// Held for moments only, never across an await.
    pub(crate) inner: Mutex<State>,
}

/// A delivery that waits.
pub(crate) struct Waiting {
    pub(crate) delivery: Delivery,
    pub(crate) pledge: Option<Pledge>,
    /// When it was offered.
    pub(crate) since: Duration,
    /// Why an order may have arrived before it was offered.
    pub(crate) doubt: Option<&'static str>,
    /// Requests made for it, if it waits once more.
    pub(crate) attempts: u32,
}

/// What nobody wants to be sent from here any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Unwanted {
    #[default]
    Nothing,
    /// What these rules have asked for.
    Of(Vec<Str>),
    /// Whatever it is.
    All,
}

impl Unwanted {
    pub(crate) fn has(&self, delivery: &Delivery) -> bool {
        match self {
            Self::Nothing => false,
            Self::Of(rules) => rules.contains(&delivery.firing.rule),
            Self::All => true,
        }
    }
}

pub(crate) struct State {
    pub(crate) queue: VecDeque<Waiting>,
    /// Of all that is in the queue.
    pub(crate) bytes: usize,
    pub(crate) pace: Pace,
    pub(crate) throttle: Throttle,
    pub(crate) circuit: Circuit,
    pub(crate) jitter: Jitter,
    pub(crate) edits: Edits,
    /// Deliveries taken out of the queue and not yet at their end.
    pub(crate) busy: usize,
    /// Requests under way.
    pub(crate) requests: usize,
    /// Jobs that wait to be tried again.
    pub(crate) again: usize,
    pub(crate) closed: bool,
    /// What is given back if nobody has begun with it.
    pub(crate) unwanted: Unwanted,
    /// What is muted of what goes through here.
    pub(crate) mutes: Vec<LaneMute>,
    pub(crate) disabled: Option<String>,
    /// That orders wait for long has been told.
    pub(crate) has_told_hold: bool,
    /// The chat's new id.
    pub(crate) moved: Option<i64>,
    /// Of what was kept, what no message has told of yet. What one tells of that is under way is the job's.
    pub(crate) missed: Missed,
    /// The lane that has taken the place of this one, and tells of what this one does not any more.
    pub(crate) heir: Option<Arc<Shared>>,
    /// What happened and is not told yet, in order.
    pub(crate) untold: VecDeque<LaneEvent>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("action", &self.action.name).field("target", &self.target).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it; should somebody, the state is still a state.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It carries orders, and these are stopped.
    pub(crate) fn is_disarmed(&self) -> bool {
        self.hold.as_ref().is_some_and(|switch| !switch.is_armed())
    }

    /// Done when it carries orders and these are stopped.
    pub(crate) async fn disarmed(&self) {
        match &self.hold {
            Some(switch) => switch.disarmed().await,
            None => std::future::pending().await,
        }
    }

    /// The last door of one request: of an order, it is open only while the switch is armed and the clock is trusted.
    pub(crate) fn gate(&self) -> Gate {
        match self.hold.clone() {
            Some(switch) => {
                let clock = self.clock.clone();
                // Whether time was lost is found out in a moment, and stops orders then. They are stopped before the clock is trusted again, so
                // that is asked first.
                Gate::held_by(Box::new(move || !clock.is_in_doubt() && switch.is_armed()))
            }
            None => Gate::default(),
        }
    }

    pub(crate) fn report(&self, delivery: &Delivery, outcome: Outcome, attempts: u32) -> Report {
        let took = self.clock.now().since(delivery.firing.at);
        Report { firing: Arc::clone(&delivery.firing), action: self.index, outcome, attempts, took }
    }

    /// The end of a delivery, to be told after all that was to be told before.
    pub(crate) fn end(&self, state: &mut State, delivery: &Delivery, outcome: Outcome, attempts: u32) {
        self.tell(state, LaneEvent::Ended(self.report(delivery, outcome, attempts)));
    }

    pub(crate) fn returned(&self, waiting: Waiting) -> Returned {
        let Waiting { delivery, doubt, .. } = waiting;
        Returned { action: self.index, delivery, doubt }
    }

    pub(crate) fn tell(&self, state: &mut State, event: LaneEvent) {
        state.untold.push_back(event);
        self.told.notify_one();
    }
}

impl State {
    pub(crate) fn new(pace: Pace, edits: Edits, jitter: Jitter) -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
            pace,
            throttle: Throttle::default(),
            circuit: Circuit::default(),
            jitter,
            edits,
            busy: 0,
            requests: 0,
            again: 0,
            closed: false,
            unwanted: Unwanted::default(),
            mutes: Vec::new(),
            disabled: None,
            has_told_hold: false,
            moved: None,
            missed: Missed::default(),
            heir: None,
            untold: VecDeque::new(),
        }
    }

    /// Puts it behind what comes before it; `by_time`: of what has the same turn, the older comes first, whenever it was offered.
    pub(crate) fn push(&mut self, waiting: Waiting, by_time: bool) {
        self.bytes = self.bytes.saturating_add(weight(&waiting.delivery));
        let turn = |waiting: &Waiting| (Turn::of(&waiting.delivery), by_time.then_some(waiting.delivery.firing.at));
        let own = turn(&waiting);
        let behind = self.queue.iter().rev().take_while(|other| turn(other) > own).count();
        self.queue.insert(self.queue.len() - behind, waiting);
    }

    /// Notices that wait: they stand in front.
    pub(crate) fn notices(&self) -> usize {
        self.queue.iter().take_while(|waiting| is_notice(&waiting.delivery)).count()
    }

    /// The oldest that waits; of notices only when nothing else does.
    pub(crate) fn oldest(&self) -> usize {
        let first_of = |turn: Turn| self.queue.iter().position(|waiting| Turn::of(&waiting.delivery) == turn);
        let firsts = [Turn::Alone, Turn::Together].into_iter().filter_map(first_of);
        firsts.min_by_key(|at| self.queue.get(*at).map(|waiting| waiting.delivery.firing.at)).unwrap_or_default()
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        self.remove(0)
    }

    pub(crate) fn remove(&mut self, at: usize) -> Option<Waiting> {
        let waiting = self.queue.remove(at)?;
        self.bytes = self.bytes.saturating_sub(weight(&waiting.delivery));
        Some(waiting)
    }

    /// The worker may begin another delivery: what is there to tell is being read.
    pub(crate) fn is_heard(&self) -> bool {
        self.untold.len() < limits::LANE_UNTOLD
    }

    /// Leave was given for `slot`.
    pub(crate) fn started(&mut self, slot: Slot) {
        self.requests += 1;
        self.throttle.started(slot);
        self.circuit.started(slot);
    }

    /// The request of `slot` is over, answered or not; what the circuit learns from it is another matter.
    pub(crate) fn finished(&mut self, slot: Slot, now: Duration) {
        self.requests = self.requests.saturating_sub(1);
        self.pace.finish(slot, now);
        self.throttle.finished(slot);
    }
}

/// What comes before what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Notice,
    /// It has no words for a digest, so that it goes by itself.
    Alone,
    Together,
}

impl Turn {
    fn of(delivery: &Delivery) -> Self {
        match &delivery.line {
            _ if is_notice(delivery) => Self::Notice,
            None => Self::Alone,
            Some(_) => Self::Together,
        }
    }
}

/// About what a waiting delivery takes of memory. Messages for chats are bounded by their platforms.
fn weight(delivery: &Delivery) -> usize {
    const CHAT: usize = 8 * 1024;
    match delivery.body.as_ref() {
        Body::Webhook(body) => body.bytes.len() + 512,
        _ => CHAT,
    }
}
