//! What a person asks a running instance → done, and answered.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::control::{Answer, Answerer, Ask, Command, Redelivery};
use crate::journal::{Query, Reader, RedeliverRow, State, StoredDelivery};
use crate::model::action::Action;
use crate::model::delivery::Outcome;
use crate::model::mode::Mode;
use crate::model::status::{
    EditCounts, FeedStatus, JournalState, JournalStatus, LaneState, LaneStatus, OrdersStatus, Status, WindowStatus,
};
use crate::model::subject::Str;
use crate::rules::ruleset::NOTICES;
use crate::window::Counts;

use super::Place;
use super::beside::Beside;
use super::dispatch::Dispatch;
use super::mutes;
use super::recovery;
use super::reload::Reloading;
use super::running::{Running, is_kept};

/// Deliveries of one command.
const AT_ONCE: usize = 1_000;
/// Said of a switch that is not in the journal.
pub(super) const FORGETS: &str = "the journal cannot record this at the moment: a restart may not remember it";

/// Answers that wait for the disk.
pub(super) struct Answers {
    /// For the journal's writer.
    recording: JoinSet<()>,
    /// For what is read of the journal.
    reading: Beside<Read>,
}

/// What the journal has of deliveries that are to be sent again.
pub(super) struct Read {
    ids: Vec<i64>,
    orders: bool,
    found: Result<Vec<StoredDelivery>, String>,
    answer: Answerer,
}

impl Answers {
    pub(super) fn new() -> Self {
        Self { recording: JoinSet::new(), reading: Beside::new() }
    }

    /// The next that was read, in the order in which it was asked for; `None` when an answer was given by itself, or none waits. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Read> {
        tokio::select! {
            Some(_) = self.recording.join_next() => None,
            Some(read) = self.reading.next() => Some(read),
            else => None,
        }
    }
}

/// Does what is asked, and answers. Whoever stops orders is told so when a run that is killed the next moment would still have them
/// stopped: that answer waits for the journal. What is to be sent again is read beside the loop; then it goes on with [`redeliver`].
pub(super) fn reply(
    running: &mut Running,
    (place, reloading): (&Place, Option<&mut Reloading>),
    asked: Ask,
    waiting: &mut Answers,
) {
    let mut answer = match asked.command {
        Command::Status => Answer::Status(Box::new(status(running, place, reloading.as_deref()))),
        Command::Reload { force } => match reloading {
            Some(reloading) => return reloading.ask(force, asked.answer),
            None => Answer::Refused { why: "this one has no rules files".to_owned() },
        },
        Command::Disarm { why } => switch(running, false, why.as_deref().unwrap_or("birdcall disarm")),
        Command::Arm => switch(running, true, "birdcall arm"),
        Command::Mute(command) => return mutes::mute(running, place, &command, asked.answer, &mut waiting.recording),
        Command::Unmute { which, what } => mutes::unmute(running, &which, what),
        Command::Mutes => mutes::list(running),
        Command::Tail(filter) => {
            let rules = Arc::clone(&running.dispatch.rules);
            running.dispatch.tail.begin(filter, asked.lines, &rules)
        }
        Command::Redeliver { ids, .. } if ids.len() > AT_ONCE => Answer::Refused { why: format!("at most {AT_ONCE} at once") },
        Command::Redeliver { ids, orders } => {
            let Some(folder) = place.folder.clone() else {
                return asked.answer.answer(Answer::Refused { why: "there is no journal".to_owned() });
            };
            return waiting.reading.begin(move || {
                let query = Query { ids: ids.clone(), at_most: AT_ONCE, bodies: true, ..Query::default() };
                let found = Reader::open(&folder).and_then(|mut reader| reader.deliveries(&query));
                Read { ids, orders, found: found.map_err(|error| error.to_string()), answer: asked.answer }
            });
        }
    };
    let is_to_last = matches!(answer, Answer::Switched { .. } | Answer::Unmuted { .. });
    let Some(journal) = running.dispatch.journal.clone().filter(|_| is_to_last) else {
        return asked.answer.answer(answer);
    };
    waiting.recording.spawn(async move {
        let kept = is_kept(&journal).await;
        if let Answer::Switched { note, .. } | Answer::Unmuted { note, .. } = &mut answer
            && !kept
        {
            *note = Some(match note.take().filter(|said| said != FORGETS) {
                Some(said) => format!("{said}; {FORGETS}"),
                None => FORGETS.to_owned(),
            });
        }
        asked.answer.answer(answer);
    });
}

fn switch(running: &mut Running, armed: bool, why: &str) -> Answer {
    let before = running.dispatch.set_switch(armed, why);
    if before != armed {
        tracing::warn!("orders are {} by hand: {why}", if armed { "armed" } else { "stopped" });
    }
    let health = running.dispatch.journal.as_ref().map(crate::journal::Journal::health);
    let forgets = health.is_none_or(|health| health.degraded.is_some());
    let note = forgets.then(|| FORGETS.to_owned());
    Answer::Switched { armed, before, note }
}

/// Sends again what was read, and answers.
pub(super) fn redeliver(running: &mut Running, read: Read) {
    let Read { ids, orders, found, answer } = read;
    let mut found = match found {
        Ok(found) => found,
        Err(why) => return answer.answer(Answer::Refused { why }),
    };
    let deliveries = ids.iter().map(|id| {
        let stored = found.iter().position(|stored| stored.id == *id).map(|at| found.swap_remove(at));
        let said = match stored {
            Some(stored) => again(running, stored, orders),
            None => Err("there is no such delivery".to_owned()),
        };
        Redelivery { id: *id, accepted: said.is_ok(), said: said.unwrap_or_else(|why| why) }
    });
    let deliveries = deliveries.collect();
    answer.answer(Answer::Redelivered { deliveries });
}

/// Sends one delivery again, with the bytes that the journal has of it. Says where to, or why not.
fn again(running: &mut Running, stored: StoredDelivery, orders: bool) -> Result<String, String> {
    match stored.state {
        State::Pending | State::Sending => return Err("it is on its way".to_owned()),
        State::Delivered => return Err("it has arrived already".to_owned()),
        State::Suppressed | State::Expired | State::Dead | State::Unknown => {}
    }
    let rules = Arc::clone(&running.dispatch.rules);
    let dispatch = &mut running.dispatch;
    let (at, action) =
        rules.action(&stored.action).ok_or_else(|| format!("the rules have no action {} any more", stored.action))?;
    may_go(dispatch, &stored, (at, action), orders)?;
    let body = stored.body.ok_or("it ended before there was a message, or the journal is damaged where it was")?;
    if let Some(why) = dispatch.lanes.refusal(at) {
        return Err(format!("{} {why}", action.name));
    }
    let now = dispatch.clock.now();
    if let Some(most) = action.max_per_day.filter(|most| !dispatch.safety.may_begin(&action.name, *most, now)) {
        return Err(format!("{} has had its {most} of today (max_per_day)", action.name));
    }
    if !dispatch.may_send_again(stored.firing.id, at) {
        return Err("it is on its way, or has just arrived".to_owned());
    }
    if *stored.firing.rule != *NOTICES {
        dispatch.safety.begin(&action.name, action.max_per_day, now);
    }
    let expires_at = now.plus(action.max_age);
    if let Some(journal) = &dispatch.journal {
        journal.redelivered(RedeliverRow { id: stored.id, expires_at });
    }
    let doubt = (stored.state == State::Unknown).then_some("it may have arrived when it was sent before");
    // Without words for a digest it goes by itself, and ends the wait of nothing that is kept.
    match dispatch.resume(recovery::delivery(stored.firing, at, expires_at, (body, stored.fallback, None)), doubt) {
        None => Ok(format!("on its way to {}", action.name)),
        Some(Outcome::Dead { reason } | Outcome::Unknown { reason }) => Err(reason),
        Some(Outcome::Suppressed { reason }) => Err(format!("{} did not take it: {}", action.name, reason.name())),
        Some(end) => Err(format!("it came to nothing at once: {}", end.name())),
    }
}

/// Whether the switch, the modes and who asks let it go. That no rule asks for it any more is nothing against it: a person does.
fn may_go(dispatch: &Dispatch, stored: &StoredDelivery, (at, action): (usize, &Action), orders: bool) -> Result<(), String> {
    let is_order = stored.trading || action.trading;
    if is_order && !orders {
        return Err(
            "it is an order, and may have been placed by other means meanwhile; say --orders if it is to be sent".to_owned()
        );
    }
    if is_order && !dispatch.switch.is_armed() {
        return Err("orders are stopped; birdcall arm starts them".to_owned());
    }
    let (mode, _) = recovery::asked_for(&dispatch.rules, &stored.firing.rule, at);
    if action.mode != Mode::Armed {
        Err(format!("{} has mode = \"{}\"", action.name, action.mode.name()))
    } else if mode != Mode::Armed {
        Err(format!("the rule {} has mode = \"{}\" for {}", stored.firing.rule, mode.name(), action.name))
    } else if dispatch.mutes.holds_all(&stored.firing.rule, &action.name, dispatch.clock.now()) {
        Err("it is muted; birdcall mutes says by what, and birdcall unmute ends it".to_owned())
    } else {
        Ok(())
    }
}

/// How the instance is.
fn status(running: &Running, place: &Place, reloading: Option<&Reloading>) -> Status {
    let dispatch = &running.dispatch;
    let health = dispatch.journal.as_ref().map(crate::journal::Journal::health);
    let counts = dispatch.ledger.counts(|at| dispatch.rules.actions.get(at).map_or("?", |action| action.name.as_str()));
    Status {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: place.started_at,
        now: dispatch.clock.now(),
        feed: feed(running, place),
        orders: OrdersStatus {
            armed: dispatch.switch.is_armed(),
            why: dispatch.orders.why.clone(),
            since: dispatch.orders.since,
        },
        mutes: mutes::holding(running),
        rules: reloading.map(Reloading::status),
        journal: health.map_or_else(JournalStatus::default, |health| JournalStatus {
            state: if health.degraded.is_some() { JournalState::Degraded } else { JournalState::Fine },
            why: health.degraded.or(health.behind),
            bytes: health.bytes,
            queue: health.queue as u64,
            shed: health.shed,
            unrecorded: health.unrecorded,
        }),
        lanes: (0..dispatch.rules.actions.len()).filter_map(|at| lane(running, at)).collect(),
        counts,
        windows: running.engine.windows().into_iter().map(window).collect(),
        agree: running.agree,
        tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64,
    }
}

fn window((rule, of): (Str, Counts)) -> WindowStatus {
    WindowStatus {
        rule: rule.to_string(),
        keys: of.keys as u64,
        matches: of.members as u64,
        evicted_keys: of.evicted_keys,
        evicted_matches: of.evicted_members,
        late: of.late,
    }
}

fn feed(running: &Running, place: &Place) -> FeedStatus {
    let watch = &running.watch;
    FeedStatus {
        state: watch.state,
        why: watch.latest_loss.clone().filter(|_| watch.state != crate::model::status::FeedState::Connected),
        host: place.host.clone(),
        since: watch.since,
        last_frame_at: watch.last_frame_at,
        last_tweet: watch.last_tweet.clone(),
        lag_ms: running.dispatch.safety.lag().map(|lag| u64::try_from(lag).unwrap_or(0)),
        losses: running.dispatch.totals.losses,
        gaps: running.catch_up.shown(),
    }
}

fn lane(running: &Running, at: usize) -> Option<LaneStatus> {
    let dispatch = &running.dispatch;
    let action = dispatch.rules.actions.get(at)?;
    let goes_on = dispatch.rules.action(&action.name).is_some();
    if action.retired && (goes_on || dispatch.ledger.pending_of(at) == 0) {
        return None;
    }
    // With what those of its name did that it has taken the place of.
    let all = dispatch.rules.actions.iter().enumerate().filter(|(_, of)| of.name == action.name).map(|(at, _)| at);
    let health = dispatch.lanes.health(at);
    Some(LaneStatus {
        action: action.name.clone(),
        kind: action.destination.name().to_owned(),
        mode: action.mode,
        trading: action.trading,
        state: health.as_ref().map_or(LaneState::Ok, |health| health.state),
        why: health.as_ref().and_then(|health| health.why.clone()),
        waiting: all.clone().map(|at| dispatch.ledger.pending_of(at)).sum(),
        warm: health.is_some_and(|health| health.warm),
        delivered: all.clone().map(|at| dispatch.ledger.delivered_by(at)).sum(),
        attempts: all.clone().filter_map(|at| dispatch.attempts.get(at)).sum(),
        edits: all
            .filter_map(|at| dispatch.edits.get(at))
            .fold(EditCounts::default(), |sum, of| EditCounts { made: sum.made + of.made, failed: sum.failed + of.failed }),
    })
}
