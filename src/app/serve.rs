//! The loop of a run: frames first, then whatever comes, in the order of what can wait least.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval};

use super::commands::{self, Answers};
use super::dispatch::{Audit, Keeping};
use super::rehearsal::{Rehearsal, Traffic};
use super::reload::{self, Reloading, Taken};
use super::running::Running;
use super::{AppError, EVENTS, SECOND, Started};
use crate::control;
use crate::deliver::LaneEvent;
use crate::feed::{Feed, Signal};
use crate::model::time::Timestamp;

/// Between two looks whether all counts agree.
const AUDIT_EVERY: Duration = Duration::from_secs(60);
/// Frames that are taken one after the other, before anything else gets its turn.
const FRAMES: u32 = 64;
/// Of frames that came at once, and fired, so many are evaluated before the first of them is sent, but for what fires first after a wait: that leaves
/// alone. The first of the others waits for the rest; all together are sooner done, as one stage after the other stays in the processor's caches
/// (docs/performance.md, burst).
const FIRED: u32 = 8;

/// When a run gives up by itself.
pub(super) struct Patience {
    pub(super) start: Option<Duration>,
    pub(super) ends_with_console: bool,
}

/// The loop: whatever comes first, in the order of what can wait least.
pub(super) async fn serve(
    started: &mut Started,
    patience: &Patience,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), AppError> {
    let Started { running, events, feed, control, place, writer, rehearsal, reloading } = started;
    let give_up_after = patience.start.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
    let mut give_up = pin!(tokio::time::sleep(give_up_after));
    let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
    let (mut second, mut minute) = (every(SECOND), every(AUDIT_EVERY));
    let mut audit: Option<Audit> = None;
    let (mut alarm_at, mut answers) = (None, Answers::new());
    let (mut first, mut frames, mut told) = (None, 0, Vec::new());
    loop {
        // With whatever comes next, which is the answer as a rule, and at the latest with the next second. A timer would be sooner, but it wakes the
        // run time itself, and that in front of a receiver on the same processor.
        running.dispatch.say_fired();
        running.tell_of_orders();
        take_all(running, (feed, events), first.take(), &mut frames).await?;
        let is_turn_of_others = frames >= FRAMES;
        if is_turn_of_others {
            frames = 0;
            hear(running, events);
        }
        if patience.ends_with_console && running.dispatch.console_is_closed {
            return Ok(());
        }
        set(alarm.as_mut(), running, &mut alarm_at);
        running.meantime.want(reloading.as_ref().is_some_and(Reloading::is_busy));
        let traffic = running.traffic();
        tokio::select! {
            biased;
            // Whoever is asked before the feed stands in front of an alert.
            signal = feed.next(), if !is_turn_of_others => first = Some(signal),
            () = &mut stop => return Ok(()),
            1.. = events.recv_many(&mut told, EVENTS), if !is_turn_of_others => {
                running.dispatch.say_fired();
                told.drain(..).for_each(|event| running.dispatch.event(&event));
            }
            () = gone(writer.as_mut()) => return Err(AppError::Unrecorded),
            died = Running::death(&mut running.dispatch.lanes) => return Err(died),
            asked = ask(control.as_mut()) => commands::reply(running, (place, reloading.as_mut()), asked, &mut answers),
            Some(read) = answers.next() => commands::redeliver(running, read),
            () = &mut alarm, if alarm_at.is_some() => {
                running.lost_time(feed);
                running.tick();
                alarm_at = None;
            }
            _ = second.tick() => {
                running.lost_time(feed);
                running.second(feed.heard_ago());
                running.audit_again(events);
            }
            _ = minute.tick() => {
                running.audit(events);
                audit = running.dispatch.pending_of_journal();
            }
            (expected, found) = counted(audit.as_mut()), if audit.is_some() => {
                audit = None;
                running.compare(expected, found);
            }
            kept = kept(running.dispatch.keeping.as_mut()), if running.dispatch.keeping.is_some() => running.dispatch.kept(kept),
            () = &mut give_up, if patience.start.is_some() && running.is_starting() => return Err(unreachable(running, give_up_after)),
            news = reloaded(reloading.as_mut()) => if is_to_stop(running, reloading.as_mut(), rehearsal, news) {
                return Ok(());
            },
            // What is late already can wait for what is not.
            caught = running.catch_up.next() => {
                running.lost_time(feed);
                if running.caught(caught) || running.dispatch.journal.as_ref().is_some_and(|journal| journal.filled() > 0) {
                    running.let_others().await;
                }
            }
            // What comes meanwhile goes first: this is dropped then.
            () = rehearse(rehearsal.as_mut(), traffic), if running.is_connected() && !is_turn_of_others => {}
            () = std::future::ready(()), if is_turn_of_others || running.dispatch.tail.is_behind() => {}
        }
    }
}

/// Sets the alarm to the engine's deadline. The timer is touched only when that, or time itself, has moved, not for every frame.
fn set(alarm: Pin<&mut Sleep>, running: &mut Running, to: &mut Option<Timestamp>) {
    let deadline = running.deadline();
    if deadline != *to || running.has_jumped() {
        *to = deadline;
        if let Some(wait) = running.until_deadline() {
            alarm.reset(Instant::now() + wait);
        }
    }
}

/// Takes what the feed has, until that is all or, by the count of `frames`, it is the others' turn. What fires leaves at once, a few together if they
/// came one right after the other.
async fn take_all(
    running: &mut Running,
    (feed, events): (&mut Feed, &mut mpsc::Receiver<LaneEvent>),
    mut first: Option<Signal>,
    frames: &mut u32,
) -> Result<(), AppError> {
    // What fires first after a wait does not wait for others.
    let mut together = if first.is_some() { 1 } else { FIRED };
    while *frames < FRAMES {
        let (mut fired, mut goes_on) = (0, true);
        while goes_on && *frames < FRAMES && fired < together {
            let signal = match first.take() {
                Some(signal) => signal,
                None => match feed.ready().await {
                    Some(signal) => signal,
                    None => break,
                },
            };
            *frames += 1;
            let has_fired = take(running, feed, signal)?;
            goes_on = has_fired || fired == 0;
            fired += u32::from(has_fired);
        }
        if fired == 0 {
            break;
        }
        together = FIRED;
        tokio::task::yield_now().await;
        if running.dispatch.has_orders() {
            // What became of an order may stop the next one.
            hear(running, events);
        }
    }
    if *frames >= FRAMES {
        running.let_others().await;
    }
    Ok(())
}

/// Takes what lanes have told.
fn hear(running: &mut Running, events: &mut mpsc::Receiver<LaneEvent>) {
    while let Ok(event) = events.try_recv() {
        // In this order.
        running.dispatch.say_fired();
        running.dispatch.event(&event);
    }
}

/// Takes what the feed says, unless it may have lain there while the machine stood still. Says whether something was brought to a lane.
fn take(running: &mut Running, feed: &mut Feed, signal: Signal) -> Result<bool, AppError> {
    let is_over = matches!(signal, Signal::Lost { .. } | Signal::Stopped { .. });
    if running.lost_time(feed) {
        if !is_over {
            return Ok(false);
        }
    } else if is_over {
        running.heard(feed.heard_ago());
    }
    // It was looked just now what time it is.
    running.signal(signal, running.looked_at)
}

pub(super) fn every(time: Duration) -> Interval {
    let mut interval = interval(time);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}

async fn ask(control: Option<&mut control::Server>) -> control::Ask {
    match control {
        Some(server) => server.next().await,
        None => std::future::pending().await,
    }
}

async fn gone(writer: Option<&mut oneshot::Receiver<()>>) {
    match writer {
        // Nobody ever sends.
        Some(ended) => drop(ended.await),
        None => std::future::pending().await,
    }
}

async fn rehearse(rehearsal: Option<&mut Rehearsal>, traffic: Traffic) {
    match rehearsal {
        Some(rehearsal) => rehearsal.next(traffic).await,
        None => std::future::pending().await,
    }
}

/// The feed was not reached in the time that it was given.
fn unreachable(running: &Running, after: Duration) -> AppError {
    let why = running.watch.latest_loss.clone().unwrap_or_else(|| "no answer yet".to_owned());
    AppError::Unreachable { why, after }
}

/// Does what there is to do about the rules files. Says whether the run is to end.
fn is_to_stop(
    running: &mut Running,
    reloading: Option<&mut Reloading>,
    rehearsal: &mut Option<Rehearsal>,
    news: reload::News,
) -> bool {
    match reloading.map_or(Taken::GoOn, |reloading| reload::take(running, reloading, news)) {
        Taken::GoOn => {}
        Taken::OtherAlerts => *rehearsal = rehearsal.take().and_then(|old| old.renewed(running.dispatch.has_orders())),
        Taken::Stop => return true,
    }
    false
}

async fn reloaded(reloading: Option<&mut Reloading>) -> reload::News {
    match reloading {
        Some(reloading) => reloading.next().await,
        None => std::future::pending().await,
    }
}

async fn kept(keeping: Option<&mut Keeping>) -> bool {
    match keeping {
        Some(keeping) => keeping.await,
        None => std::future::pending().await,
    }
}

async fn counted(audit: Option<&mut Audit>) -> (u64, u64) {
    match audit {
        Some(Audit { expected, counting }) => (*expected, counting.await),
        None => std::future::pending().await,
    }
}
