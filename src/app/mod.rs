//! The wiring: feed → decode → engine → lanes, start and stop order. The only place that spawns.
//!
//! One loop reads the feed, evaluates, and hands deliveries to their lanes; it never waits for a destination. Lanes report what became
//! of each delivery, and every report is counted. Stopping closes the lanes, gives them `DRAIN` to finish, and what is left is abandoned
//! and counted.

mod lanes;
mod running;
mod totals;

use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::deliver::{ClientError, Target};
use crate::feed::{Feed, Loss};
use crate::model::limits;
use crate::rules::ruleset::RuleSet;

use lanes::Lanes;
use running::Running;
pub use totals::Totals;

/// Everything that a run needs, checked and ready.
pub struct Setup {
    /// What to do.
    pub rules: Arc<RuleSet>,
    /// Where envelopes come from.
    pub feed: Feed,
    /// For each action of the rules: where it goes.
    pub ways: Vec<Way>,
    /// Where `console` actions print.
    pub console: Box<dyn Write + Send>,
    /// What TLS trusts, for every lane.
    pub tls: Arc<rustls::ClientConfig>,
    /// The time.
    pub clock: Clock,
    /// Give up when the feed has not been reached once by then. `None`: never.
    pub start_timeout: Option<Duration>,
    /// End when nobody reads what is printed any more.
    pub ends_with_console: bool,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("feed", &self.feed).field("ways", &self.ways).finish_non_exhaustive()
    }
}

/// Where an action's deliveries go.
#[derive(Debug)]
pub enum Way {
    /// Printed.
    Console,
    /// Sent.
    Send(Box<Target>),
}

/// Why a run could not begin, or ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The feed refuses us for good.
    #[error("{0}")]
    Refused(Loss),
    /// The feed was never reached.
    #[error("the feed could not be reached within {} s: {why}", .after.as_secs())]
    Unreachable {
        /// The latest reason.
        why: String,
        /// How long was tried.
        after: Duration,
    },
    /// A lane could not be opened.
    #[error("the lane of {action} could not be opened: {error}")]
    Lane {
        /// Which action's.
        action: String,
        /// Why.
        error: ClientError,
    },
    /// There is no thread for the console.
    #[error("no thread could be started for the console: {0}")]
    Console(std::io::Error),
    /// A part of the program that was to work until the end did not.
    #[error("{who} ended unexpectedly, which is a bug in birdcall: it stops, as nothing would be sent there; please report it")]
    Died {
        /// Which one.
        who: String,
    },
}

/// Frames that are taken in one go, though nothing fires, before lanes get their turn.
const FRAMES: u32 = 64;

/// Runs until `stop` is done or the feed refuses for good. Then the feed is closed and the lanes finish, for [`limits::DRAIN`] in all or
/// until `hurry`, which is listened to from the moment of the stop on. What was counted is returned either way.
pub async fn run(
    setup: Setup,
    stop: impl Future<Output = ()>,
    hurry: impl Future<Output = ()>,
) -> (Totals, Result<(), AppError>) {
    let Setup { rules, mut feed, ways, console, tls, clock, start_timeout, ends_with_console } = setup;
    let started = Instant::now();
    let (lanes, mut reports) = match Lanes::open(&rules, ways, console, tls, clock.clone()) {
        Ok(opened) => opened,
        Err(error) => return (Totals::default(), Err(error)),
    };
    let mut running = Running::new(rules, lanes, clock);
    let mut stop = pin!(stop);
    let patience = start_timeout.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
    let mut give_up = pin!(tokio::time::sleep(patience));
    let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
    let mut alarm_at = None;
    let mut frames = 0;
    let ended = loop {
        // The timer is touched only when the deadline has moved, not for every frame.
        let deadline = running.deadline();
        if deadline != alarm_at {
            alarm_at = deadline;
            if let Some(wait) = running.until_deadline() {
                alarm.as_mut().reset(Instant::now() + wait);
            }
        }
        tokio::select! {
            biased;
            () = &mut stop => break Ok(()),
            Some(report) = reports.recv() => {
                running.note(&report);
                if ends_with_console && running.console_is_closed() {
                    break Ok(());
                }
            }
            died = running.death() => break Err(died),
            signal = feed.next() => {
                frames += 1;
                match running.signal(signal) {
                    Ok(fired) if fired || frames >= FRAMES => {
                        frames = 0;
                        tokio::task::yield_now().await;
                    }
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
            }
            () = &mut alarm, if alarm_at.is_some() => {
                running.tick();
                alarm_at = None;
            }
            () = &mut give_up, if start_timeout.is_some() && running.is_starting() => {
                let why = running.latest_loss().unwrap_or_else(|| "no answer yet".to_owned());
                break Err(AppError::Unreachable { why, after: patience });
            }
        }
    };
    if ended.is_ok() {
        tracing::info!("stopping: what is under way may take {} s; a second signal ends it now", limits::DRAIN.as_secs());
    }
    tokio::select! {
        biased;
        () = hurry => {}
        // Not a second word but the first, when it was not by request that the run has ended.
        () = &mut stop, if ended.is_err() => {}
        _ = async { tokio::join!(running.drain(&mut reports), feed.close()) } => {}
        () = tokio::time::sleep(limits::DRAIN) => {}
    }
    let (mut totals, died) = running.finish(&mut reports).await;
    totals.ran = started.elapsed();
    (totals, ended.and(died))
}
