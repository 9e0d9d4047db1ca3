//! delivery → the world: one lane per action, so that a slow or dead destination delays nobody else.
//!
//! ```text
//!  offer ──> queue ──> circuit, pace ──> intent ──> request ──> answer ──> classify ──> retry? ──> events
//!  (lane, never waits)  └──────────────────── worker, one future per action ────────────────────┘
//! ```
//!
//! The app keeps the [`Lane`] and spawns the worker. A chat's lane sends one message at a time, in order; a webhook's starts them in order
//! and has up to [`WEBHOOK_CONCURRENCY`](limits::WEBHOOK_CONCURRENCY) under way, so that a retry holds nobody up. Every delivery that is
//! offered ends in exactly one [`Report`](crate::model::delivery::Report): returned by [`Lane::offer`], or told by the worker.
//!
//! An order (`trading`) leaves only while the [`Switch`] is armed and after its intent was committed ([`Intents`]). A chat's lane may put
//! what waits together to one digest (`overflow = "digest"`), and keep what comes for one (`digest`, `quiet`). A destination that fails again and again is only probed.
//! Messages that were sent are [edited](Lane::edit) beside all that, when nothing waits.
//!
//! To stop: [`Lane::close`] all, wait for the workers as long as [`DRAIN`](limits::DRAIN), then [`Lane::abandon`] and wait once more, which
//! takes no longer than reading the reports. All `console` actions share one lane of another kind, [`console`].

mod attempt;
mod backoff;
mod circuit;
mod client;
mod connection;
mod connection_http1;
mod connection_http2;
pub mod console;
mod destinations;
mod edits;
mod event;
mod gate;
mod http1_answer;
mod intents;
mod job;
mod keep;
mod lane;
#[cfg(test)]
mod lane_tests;
mod life;
mod mutes;
mod names;
mod nowhere;
mod outgoing;
mod pace;
mod pool;
mod pool_berth;
mod pool_hold;
mod reach;
mod retry;
mod route;
mod sign;
mod state;
mod switch;
mod target;
mod throttle;
mod trial;
mod verdict;
mod wire;
mod words;
mod worker;

use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::model::action::{Action, Overflow};
use crate::model::delivery::Delivery;
use crate::model::limits;

pub use backoff::Jitter;
pub use client::ClientError;
pub use console::Console;
pub use edits::Edit;
pub use event::{Attempt, LaneEvent, LaneHealth, Returned};
pub use intents::{Granted, Intents, Pledge, Unrecorded};
pub use lane::Lane;
pub use mutes::LaneMute;
pub use reach::{Unreached, reach};
pub use sign::KeyError;
pub use switch::Switch;
pub use target::{Problem, Target, TargetError};
pub use trial::Trial;
pub use verdict::{Pause, Verdict};

use client::{Client, Profile};
use edits::Edits;
use pace::Pace;
use retry::Policy;
use state::{Shared, State};
use wire::Wire;

/// What all lanes of a program have in common.
#[derive(Clone, Debug)]
pub struct Common {
    /// From [`crate::tls::client_config`], with `h2` and `http/1.1`.
    pub tls: Arc<rustls::ClientConfig>,
    /// The time.
    pub clock: Clock,
    /// Where lanes tell what happens. While it is full they begin nothing new, so it must be read.
    pub events: mpsc::Sender<LaneEvent>,
    /// Whether orders may go.
    pub switch: Switch,
    /// Who commits the intents of orders.
    pub intents: Arc<dyn Intents>,
}

/// Opens the lane of the action with this `index`. `jitter` spreads its retries.
///
/// # Errors
/// When the HTTP client cannot be set up.
pub fn open(
    index: usize,
    action: &Action,
    target: Target,
    common: &Common,
    jitter: Jitter,
) -> Result<(Lane, impl Future<Output = ()> + Send + 'static), ClientError> {
    let client = Client::new(&common.tls, profile(action, &target), common.clock.clone())?;
    Ok(lane(index, action, target, common, jitter, client))
}

/// As [`open`], but what is sent goes nowhere: connections stand at once, and every request is taken.
///
/// # Errors
/// When the HTTP client cannot be set up.
pub fn open_to_nowhere(
    index: usize,
    action: &Action,
    target: Target,
    common: &Common,
) -> Result<(Lane, impl Future<Output = ()> + Send + 'static), ClientError> {
    let client = Client::to_nowhere(profile(action, &target), common.clock.clone())?;
    Ok(lane(index, action, target, common, Jitter::always(0.0), client))
}

fn lane(
    index: usize,
    action: &Action,
    target: Target,
    common: &Common,
    jitter: Jitter,
    client: Client,
) -> (Lane, impl Future<Output = ()> + Send + 'static) {
    let shared = Arc::new(share(index, action, target, common, jitter, Arc::new(client)));
    (Lane { shared: Arc::clone(&shared) }, worker::work(shared))
}

/// Sends one delivery once, past queue, pace, intent and retries, and says what came of it. For trying an action out.
///
/// # Errors
/// When the HTTP client cannot be set up.
pub async fn send_once(action: &Action, target: Target, common: &Common, delivery: &Delivery) -> Result<Trial, ClientError> {
    let client = Arc::new(Client::new(&common.tls, profile(action, &target), common.clock.clone())?);
    let wire: Arc<dyn Wire> = Arc::<Client>::clone(&client);
    let shared = share(delivery.action, action, target, common, Jitter::always(0.0), wire);
    let (id, gate) = (delivery.firing.id.to_string(), Arc::new(shared.gate()));
    let sent = attempt::send(&shared, &delivery.body, id, false, delivery.expires_at, gate);
    let tried = tokio::select! {
        biased;
        tried = Box::pin(sent) => tried,
        () = Box::pin(client.drive()) => {
            let reason = "nobody drives the connection".to_owned();
            attempt::Tried { verdict: Verdict::NotSent { reason }, answer: None }
        }
    };
    Ok(Trial { verdict: tried.verdict, answer: tried.answer.map(|answer| answer.words()) })
}

fn profile(action: &Action, target: &Target) -> Profile {
    Profile {
        place: target.url().clone(),
        agent: target.user_agent().to_owned(),
        timeout: action.timeout,
        warm: if target.is_chat() { 1 } else { limits::WEBHOOK_WARM },
        most: concurrency(target),
        scrub: target.scrub(),
    }
}

fn concurrency(target: &Target) -> usize {
    if target.is_chat() { 1 } else { limits::WEBHOOK_CONCURRENCY }
}

fn share(index: usize, action: &Action, target: Target, common: &Common, jitter: Jitter, wire: Arc<dyn Wire>) -> Shared {
    let (chat, trading) = (target.is_chat(), action.trading);
    let policy = Policy { chat, trading, once: trading && !action.is_idempotent() };
    let overflow = match action.overflow {
        // Only messages for people can be put together.
        Overflow::Digest if !target.is_chat() => Overflow::Queue,
        overflow => overflow,
    };
    let mut action = action.clone();
    if !target.is_chat() || trading {
        action.digest = None;
    }
    Shared {
        index,
        inner: Mutex::new(State::new(Pace::new(&action.rate_limits), Edits::new(&action), jitter)),
        hold: trading.then(|| common.switch.clone()),
        action,
        wire,
        clock: common.clock.clone(),
        policy,
        intents: Arc::clone(&common.intents),
        concurrency: concurrency(&target),
        jobs: if target.is_chat() { 1 } else { limits::WEBHOOK_JOBS },
        overflow,
        target,
        events: common.events.clone(),
        wake: Notify::new(),
        told: Notify::new(),
        news: Notify::new(),
        hope: Notify::new(),
        muted: Notify::new(),
        has_mutes: AtomicBool::new(false),
        stop: Notify::new(),
        edited: Notify::new(),
        has_edits: AtomicBool::new(false),
    }
}
