//! delivery → the world: one lane per action, so that a slow or dead destination delays nobody else.
//!
//! ```text
//!  offer ──> queue ──> pace ──> request ──> answer ──> classify ──> retry? ──> report
//!  (lane, never waits)  └─────────────── worker, one future per action ───────────────┘
//! ```
//!
//! The app keeps the [`Lane`] and spawns the worker. A chat's lane sends one message at a time, in order; a webhook's starts them in order
//! and has up to [`WEBHOOK_CONCURRENCY`](limits::WEBHOOK_CONCURRENCY) under way, so that a retry holds nobody up. Every delivery that is
//! offered ends in exactly one [`Report`]: returned by [`Lane::offer`], or sent by the worker.
//!
//! To stop: [`Lane::close`] all, wait for the workers as long as [`DRAIN`](limits::DRAIN), then [`Lane::abandon`] and wait once more, which
//! takes no longer than reading the reports. All `console` actions share one lane of another kind, [`console`].

mod backoff;
mod client;
pub mod console;
mod destinations;
mod lane;
mod names;
mod pace;
mod retry;
mod sign;
mod target;
mod verdict;
mod words;
mod worker;

use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::model::action::{Action, Destination};
use crate::model::delivery::{Delivery, Report};
use crate::model::limits;

pub use backoff::Jitter;
pub use client::ClientError;
pub use console::Console;
pub use lane::Lane;
pub use sign::KeyError;
pub use target::{Problem, Target, TargetError};
pub use verdict::{Pause, Verdict};

use client::{Client, Gate, Profile};
use lane::{Shared, State};
use pace::Pace;
use retry::Policy;

/// What all lanes of a program have in common.
#[derive(Clone, Debug)]
pub struct Common {
    /// From [`crate::tls::client_config`], with `h2` and `http/1.1`.
    pub tls: Arc<rustls::ClientConfig>,
    /// The time.
    pub clock: Clock,
    /// Where ends are reported. The worker waits while it is full, so it must be read.
    pub reports: mpsc::Sender<Report>,
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
    let shared = Arc::new(share(index, action, target, common, jitter)?);
    Ok((Lane { shared: Arc::clone(&shared) }, worker::work(shared)))
}

/// Sends one delivery once, past queue, pace and retries, and says what came of it. For trying an action out.
///
/// # Errors
/// When the HTTP client cannot be set up.
pub async fn send_once(action: &Action, target: Target, common: &Common, delivery: &Delivery) -> Result<Trial, ClientError> {
    let shared = share(delivery.action, action, target, common, Jitter::always(0.0))?;
    let answer = Box::pin(worker::send(&shared, delivery, false, Arc::new(Gate::default()))).await;
    Ok(match answer {
        Ok((verdict, answer)) => Trial { verdict, answer: Some(answer.words()) },
        Err(verdict) => Trial { verdict, answer: None },
    })
}

/// What came of one attempt; its `Display` says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What it means.
    pub verdict: Verdict,
    /// The status and the answer's first words, if one came.
    pub answer: Option<String>,
}

impl std::fmt::Display for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.verdict {
            Verdict::Delivered { receipt } => match receipt.id() {
                Some(id) => write!(f, "delivered, as message {id}"),
                None => f.write_str("delivered"),
            },
            Verdict::Throttled { reason, .. } => write!(f, "not delivered: too fast ({reason})"),
            Verdict::Retry { reason, .. } => write!(f, "not delivered: the destination has trouble ({reason})"),
            Verdict::NotSent { reason } => write!(f, "not sent: {reason}"),
            Verdict::Ambiguous { reason } => write!(f, "sent, but it may or may not have arrived: {reason}"),
            Verdict::Late => f.write_str("not sent: too old before it could be sent"),
            Verdict::Moved { chat } => {
                write!(f, "not delivered: the group has become a supergroup; write chat = {chat} into the rules")
            }
            Verdict::Refused { reason } | Verdict::Dead { reason } => write!(f, "refused: {reason}"),
            Verdict::Blocked { reason } => {
                write!(
                    f,
                    "not delivered: this is not the destination's own answer, but a proxy's before it or a wrong address's ({reason})"
                )
            }
            Verdict::Disabled { reason } => {
                write!(f, "refused for good: {reason}; check the URL, the token and the chat or channel")
            }
        }
    }
}

fn share(index: usize, action: &Action, target: Target, common: &Common, jitter: Jitter) -> Result<Shared, ClientError> {
    let idempotent = matches!(&action.destination, Destination::Webhook(webhook) if webhook.idempotent);
    let policy = Policy { chat: target.is_chat(), once: action.trading && !idempotent };
    let concurrency = if target.is_chat() { 1 } else { limits::WEBHOOK_CONCURRENCY };
    let agent = target.user_agent().to_owned();
    let profile = Profile { agent, timeout: action.timeout, idle: concurrency, scrub: target.scrub() };
    Ok(Shared {
        name: action.name.clone(),
        index,
        client: Client::new(&common.tls, profile, common.clock.clone())?,
        target,
        clock: common.clock.clone(),
        policy,
        trading: action.trading,
        concurrency,
        overflow: action.overflow,
        reports: common.reports.clone(),
        wake: Notify::new(),
        probed: Notify::new(),
        stop: Notify::new(),
        inner: Mutex::new(State::new(Pace::new(&action.rate_limits), jitter)),
    })
}
