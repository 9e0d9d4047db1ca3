//! The wiring: feed → decode → engine → lanes, start and stop order. The only place that spawns.
//!
//! One loop reads the feed, evaluates, and hands deliveries to their lanes and everything to the journal; it never waits for a destination,
//! nor for a disk but in a flood. Lanes tell what became of each delivery, and all of it is counted and recorded. A start replays what the journal
//! has, then connects, then asks for what was missed. Stopping closes the lanes, gives them `DRAIN` to finish, and what is left is pending in
//! the journal for the next start.

mod backlog;
mod beside;
mod catch_up;
mod commands;
mod dispatch;
mod ending;
mod feed_clock;
mod intents;
mod lanes;
mod ledger;
mod lost_time;
mod meantime;
mod mutes;
mod notices;
mod paces;
mod past;
mod quiet;
mod recovery;
mod rehearsal;
mod reload;
mod running;
mod safety;
mod sent_before;
mod serve;
mod tail;
mod totals;

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::control;
use crate::deliver::{ClientError, Common, LaneEvent, Switch, Target};
use crate::engine::Engine;
use crate::feed::{Feed, History, Loss};
use crate::journal::{Journal, JournalError};
use crate::model::limits;
use crate::model::time::Timestamp;
use crate::priority;
use crate::rules::ruleset::RuleSet;

use catch_up::CatchUp;
use dispatch::Dispatch;
use lanes::{Ends, Lanes};
pub use mutes::{is_gone, would_hold};
pub use notices::{nobody_is_told, targets as told};
pub use past::{AskedAbout, Before, before};
use quiet::Quiet;
use recovery::Recovered;
use rehearsal::Rehearsal;
use reload::Reloading;
pub use reload::{Look, Mistakes, Reload, RulesFiles};
use running::Running;
use serve::{Patience, serve};
pub use totals::Totals;

/// Everything that a run needs, checked and ready.
pub struct Setup {
    /// What to do.
    pub rules: Arc<RuleSet>,
    /// Where envelopes come from.
    pub feed: Feed,
    /// The feed's host, for the status.
    pub host: String,
    /// Where to ask for what was missed.
    pub history: Option<History>,
    /// For each action of the rules: where it goes.
    pub ways: Vec<Way>,
    /// Where `console` actions print.
    pub console: Box<dyn Write + Send>,
    /// What TLS trusts, for every lane.
    pub tls: Arc<rustls::ClientConfig>,
    /// The time.
    pub clock: Clock,
    /// What outlives the run. `None`: nothing does, as in the demo.
    pub state: Option<Durable>,
    /// Give up when the feed has not been reached once by then. `None`: never.
    pub start_timeout: Option<Duration>,
    /// Rehearse an alert so often while the feed is connected. `None`: never.
    pub rehearse: Option<Duration>,
    /// The files that the rules came from. `None`: they stay as they are.
    pub reload: Option<Reload>,
    /// End when nobody reads what is printed any more.
    pub ends_with_console: bool,
}

/// The state folder of a run, open.
pub struct Durable {
    /// Where it is.
    pub folder: PathBuf,
    /// What is kept.
    pub journal: Journal,
    /// Writes it; gets a thread.
    pub writer: Box<dyn FnOnce() + Send>,
    /// Where the instance is asked; `None` when that could not be opened.
    pub control: Option<control::Server>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("feed", &self.feed).field("ways", &self.ways).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Durable").field("folder", &self.folder).finish_non_exhaustive()
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
    /// There is no thread for somebody who needs one.
    #[error("no thread could be started for the {of}: {error}")]
    Thread {
        /// The console or the journal.
        of: &'static str,
        /// Why not.
        error: std::io::Error,
    },
    /// What an earlier run left cannot be read.
    #[error("{0}")]
    Journal(JournalError),
    /// The journal's writer ended before the end.
    #[error(
        "the journal's thread ended unexpectedly, which is a bug in birdcall: it stops, as what is sent could not be recorded; restart it, and \
         please report it"
    )]
    Unrecorded,
    /// A part of the program that was to work until the end did not.
    #[error("{who} ended unexpectedly, which is a bug in birdcall: it stops, as nothing would be sent there; please report it")]
    Died {
        /// Which one.
        who: String,
    },
}

/// What lanes have to tell may wait in this number.
const EVENTS: usize = 4_096;
/// A run without a journal ends within so long: whatever it still does may be done again by the next one.
const DRAIN_UNRECORDED: Duration = Duration::from_millis(300);
/// Between two looks at the time, the connection and the journal.
const SECOND: Duration = Duration::from_secs(1);

/// What a run knows of where it stands.
#[derive(Debug)]
struct Place {
    folder: Option<PathBuf>,
    host: String,
    started_at: Timestamp,
}

/// Everything that is put together before the loop begins.
struct Started {
    running: Running,
    events: mpsc::Receiver<LaneEvent>,
    feed: Feed,
    control: Option<control::Server>,
    place: Place,
    /// Resolves when the journal's writer ends, which it must not.
    writer: Option<oneshot::Receiver<()>>,
    rehearsal: Option<Rehearsal>,
    reloading: Option<Reloading>,
}

/// Opens the lanes, replays what an earlier run left, and takes up its deliveries. The feed is not touched yet.
async fn start(setup: Setup) -> Result<Started, AppError> {
    let Setup { rules, feed, host, history, ways, console, tls, clock, state, rehearse, reload, .. } = setup;
    let place = Place { folder: state.as_ref().map(|state| state.folder.clone()), host, started_at: clock.now() };
    let start_of_run = (place.started_at, clock.uptime());
    let (journal, control, writer) = match state {
        Some(Durable { journal, writer, control, .. }) => {
            let (ends, ended) = oneshot::channel::<()>();
            let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
                priority::go_after_alerts();
                // Dropped when it is over, however that comes.
                let _ends = ends;
                writer();
            });
            thread.map_err(|error| AppError::Thread { of: "journal", error })?;
            (Some(journal), control, Some(ended))
        }
        None => (None, None, None),
    };
    let mut engine = Engine::new(Arc::clone(&rules));
    engine.touch();
    let recovered = match &place.folder {
        Some(folder) => recovery::recover(folder, &rules, &mut engine, start_of_run).map_err(AppError::Journal)?,
        None => Recovered::default(),
    };
    let quiet = place.folder.as_deref().map_or_else(Quiet::default, |folder| Quiet::of_journal(folder, place.started_at));
    if let Some(journal) = &journal {
        note_start(journal, &recovered).await;
    }
    let (names, switch) = (running::names(&rules), Switch::new(true));
    let (events, told) = mpsc::channel(EVENTS);
    let intents = intents::of(journal.as_ref(), &clock);
    let orders = rules.actions.iter().any(|action| action.trading);
    let rehearsal = rehearse.and_then(|every| Rehearsal::new(every, orders, &clock, &tls));
    let common = Common { tls, clock: clock.clone(), events, switch: switch.clone(), intents };
    let reloading = reload.map(|reload| Reloading::begin(reload, &rules, &ways, &clock));
    let lanes = Lanes::open(&rules, ways, Ends::World, console, &common)?;
    lanes.restore(&recovered.sent, clock.now().since(place.started_at));
    let catch_up = CatchUp::new(history, recovered.last_alive);
    let mut dispatch = Dispatch::new(rules, lanes, journal, clock, switch, names);
    recovered.apply(&mut dispatch);
    Ok(Started {
        running: Running::new(dispatch, engine, catch_up, quiet),
        events: told,
        feed,
        control,
        place,
        writer,
        rehearsal,
        reloading,
    })
}

/// Notes that a run begins, and waits for it where something is about to be sent: if this one is killed, the next must not take the word of
/// the one before it, that nothing was under way. A disk that does not take it holds up nothing for long.
async fn note_start(journal: &Journal, recovered: &Recovered) {
    journal.started();
    if recovered.has_unfinished() {
        drop(tokio::time::timeout(limits::JOURNAL_BEGIN, journal.flush()).await);
    }
}

/// Runs until `stop` is done or the feed refuses for good. Then the feed is closed and the lanes finish, for [`limits::DRAIN`] in all or
/// until `hurry`, which is listened to from the moment of the stop on. What was counted is returned either way.
pub async fn run(
    setup: Setup,
    stop: impl Future<Output = ()>,
    hurry: impl Future<Output = ()>,
) -> (Totals, Result<(), AppError>) {
    let began = Instant::now();
    let patience = Patience { start: setup.start_timeout, ends_with_console: setup.ends_with_console };
    let mut started = match start(setup).await {
        Ok(started) => started,
        Err(error) => return (Totals::default(), Err(error)),
    };
    let mut stop = pin!(stop);
    let ended = serve(&mut started, &patience, stop.as_mut()).await;
    let Started { mut running, mut events, mut feed, control, .. } = started;
    drop(control);
    if ended.is_ok() {
        tracing::info!("stopping: what is under way may take {} s; a second signal ends it now", limits::DRAIN.as_secs());
    }
    let drain = if matches!(ended, Err(AppError::Unrecorded)) { DRAIN_UNRECORDED } else { limits::DRAIN };
    tokio::select! {
        biased;
        () = hurry => {}
        // Not a second word but the first, when it was not by request that the run has ended.
        () = &mut stop, if ended.is_err() => {}
        _ = async { tokio::join!(running.drain(&mut events), feed.close()) } => {}
        () = tokio::time::sleep(drain) => {}
    }
    let (mut totals, died) = running.finish(&mut events).await;
    totals.ran = began.elapsed();
    (totals, ended.and(died))
}
