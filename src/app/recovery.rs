//! What an earlier run left → an engine that knows it, and deliveries to go on with. A restart is a replay.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};

use super::dispatch::{Dispatch, Messages, Orders, quota_key};
use super::mutes::{self, Book};
use super::notices::{Notice, RULE, SUBJECT};
use super::paces::{self, Sent};
use super::past;
use super::sent_before;
use crate::engine::Engine;
use crate::journal::{JournalError, Query, Reader, State, StoredDelivery, StoredSwitch};
use crate::model::action::Action;
use crate::model::delivery::{Delivery, DigestLine, Outcome, Suppression};
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::limits::{CLOCK_JUMP, DIGEST_EVERY, FIRED_IDS};
use crate::model::message::Body;
use crate::model::mode::Mode;
use crate::model::time::{Timestamp, Uptime};
use crate::rules::ruleset::{NOTICES, RuleSet};
use crate::suppress::days::day_begins;

/// What an earlier run left.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    unfinished: Vec<StoredDelivery>,
    switch: Option<StoredSwitch>,
    /// Until when the feed was heard.
    pub(super) last_alive: Option<Timestamp>,
    /// Deliveries of this day, for each action.
    sent_today: Vec<SentToday>,
    /// What was kept for a digest and is told in none, by action.
    untold: Vec<(usize, StoredDelivery)>,
    /// What was sent in the windows of the rate limits.
    pub(super) sent: Vec<Sent>,
    /// Deliveries that are on record without the rest of their step, by firing and action.
    ahead: Vec<(FiringId, String)>,
    /// What was muted, and by now may not be any more.
    mutes: Book,
    /// What was sent and can be edited.
    messages: Messages,
}

/// What an action has begun today.
#[derive(Debug)]
struct SentToday {
    action: String,
    begun: u32,
    /// People were told that it may begin no more.
    is_told: bool,
}

/// Replays the recent past into `engine`, silently, and reads what is to be gone on with. What cannot be read is said and left out: a
/// damaged past must not keep the present from working.
pub(super) fn recover(
    folder: &Path,
    rules: &RuleSet,
    engine: &mut Engine,
    (now, uptime): (Timestamp, Option<Uptime>),
) -> Result<Recovered, JournalError> {
    let mut reader = match Reader::open(folder) {
        Ok(reader) => reader,
        Err(error @ JournalError::Missing { .. }) => {
            // The disk was too full to make one; the journal says so itself, and makes it when there is room.
            warn!("nothing to go on from: {error}");
            return Ok(Recovered::default());
        }
        Err(error @ JournalError::Unmended { .. }) => {
            // There is no room to mend it; the journal says so itself, and does it when there is. It may say that orders are stopped.
            warn!("nothing to go on from: {error}");
            let why = "the journal was damaged and could not be read yet: look at what was sent, then arm again".to_owned();
            let switch = Some(StoredSwitch { armed: false, why, at: now });
            return Ok(Recovered { switch, mutes: Book::unread(now), ..Recovered::default() });
        }
        Err(error) => return Err(error),
    };
    reader.put_right(now)?;
    let fired = reader.fired(FIRED_IDS)?;
    let ahead = reader.ahead(&fired)?;
    let last_alive = reader.last_alive()?;
    let alive = last_alive.map_or(now, |alive| alive.min(now));
    engine.restore_sightings(reader.sightings()?, fired.iter().copied(), (now, alive));
    let since = past::since(&mut reader, (rules, engine.reach()), (now, last_alive))?;
    let mut muted = reader.mutes(since)?;
    let tries = mutes::tried(&mut reader, &mut muted, now)?;
    engine.set_mutes(muted.iter().map(|row| row.mute.clone()));
    let (entries, unreadable) = past::replay(&mut reader, (rules, since), engine, (now, last_alive))?;
    // After the replay: what had fired counts for cooldowns and limits once more.
    engine.restore(fired);
    match reader.traces(since)? {
        Some(traces) => engine.restore_traces(traces, &past::unheard(&mut reader)?),
        None => engine.leave_all_traces(),
    }
    engine.reset_counts();
    let messages = sent_before::read(&mut reader, rules, engine, since)?;
    let unfinished = reader.unfinished()?;
    let sent_today = sent_today(&mut reader, rules, &unfinished, now)?;
    let untold = untold(&mut reader, rules, now)?;
    let sent = paces::read(&mut reader, rules, &unfinished, (now, uptime))?;
    let (switch, mutes) = (reader.switch()?, Book::recovered(muted, engine.mutes(), &tries));
    if entries > 0 || !unfinished.is_empty() {
        info!(entries, pending = unfinished.len(), "went on from the journal");
    }
    if unreadable > 0 || reader.damaged() > 0 {
        warn!(unreadable, damaged = reader.damaged(), "parts of the journal are damaged and were left out");
    }
    Ok(Recovered { unfinished, switch, last_alive, sent_today, untold, sent, ahead, mutes, messages })
}

/// Deliveries of this day, for each action.
fn sent_today(
    reader: &mut Reader,
    rules: &RuleSet,
    unfinished: &[StoredDelivery],
    now: Timestamp,
) -> Result<Vec<SentToday>, JournalError> {
    let midnight = day_begins(now);
    let mut sent_today = Vec::new();
    for action in &rules.actions {
        // Each counts for the day on which it fired, however long it is kept.
        let waiting = |stored: &&StoredDelivery| {
            let is_counted = stored.action == action.name && *stored.firing.rule != *NOTICES;
            is_counted && stored.state == State::Pending && stored.firing.at >= midnight
        };
        let sent = reader.sent_since(&action.name, midnight, now)? + unfinished.iter().filter(waiting).count() as u64;
        let begun = u32::try_from(sent).unwrap_or(u32::MAX);
        let is_used = !action.trading && action.max_per_day.is_some_and(|most| begun >= most);
        let is_told = is_used && was_told(reader, &quota_key(&action.name), midnight)?;
        sent_today.push(SentToday { action: action.name.clone(), begun, is_told });
    }
    Ok(sent_today)
}

/// Whether people have heard of an occasion since then, or are about to.
fn was_told(reader: &mut Reader, key: &str, since: Timestamp) -> Result<bool, JournalError> {
    let told = Query {
        states: vec![State::Delivered, State::Pending, State::Sending],
        rule: Some(RULE.to_owned()),
        since: Some(since),
        subjects: vec![format!("{SUBJECT}{key}")],
        at_most: 1,
        ..Query::default()
    };
    Ok(!reader.deliveries(&told)?.is_empty())
}

/// What was kept for a digest and came to its end unsent, where no digest has told of it.
fn untold(reader: &mut Reader, rules: &RuleSet, now: Timestamp) -> Result<Vec<(usize, StoredDelivery)>, JournalError> {
    let mut untold = Vec::new();
    for (at, action) in rules.actions.iter().enumerate().filter(|(_, action)| action.digest.is_some()) {
        let reach = i64::try_from((action.max_age + DIGEST_EVERY).as_millis()).unwrap_or(i64::MAX);
        let since = Timestamp::from_millis(now.as_millis().saturating_sub(reach));
        untold.extend(reader.untold(&action.name, since)?.into_iter().map(|stored| (at, stored)));
    }
    Ok(untold)
}

impl Recovered {
    /// Whether something may be sent at once.
    pub(super) fn has_unfinished(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Takes up what was left: the switch, the day's counts, and every delivery that can still be sent.
    pub(super) fn apply(self, to: &mut Dispatch) {
        let now = to.clock.now();
        for SentToday { action, begun, is_told } in self.sent_today {
            to.safety.restore(&action, now, (begun, is_told));
        }
        if let Some(StoredSwitch { armed, why, at }) = self.switch {
            to.switch.set(armed);
            if !armed && to.rules.actions.iter().any(|action| action.trading) {
                warn!("orders are stopped since {at}: {why}; birdcall arm starts them");
            }
            to.orders = Orders { why: Some(why), since: Some(at) };
        }
        (to.mutes, to.messages) = (self.mutes, self.messages);
        to.tell_lanes_of_mutes();
        if let Some(gone) = to.mutes.gone(None, &to.rules, now) {
            warn!("{gone}");
        }
        if to.mutes.are_unread() {
            to.tell(&mutes::unread());
        }
        let rules = Arc::clone(&to.rules);
        let actions: HashMap<_, _> = rules.actions.iter().enumerate().map(|(at, action)| (action.name.as_str(), at)).collect();
        let ahead = self.ahead.into_iter();
        to.on_record.extend(ahead.filter_map(|(firing, action)| Some((firing, *actions.get(action.as_str())?))));
        for (at, stored) in self.untold {
            let end = match stored.state {
                State::Expired => Outcome::Expired,
                _ => Outcome::Suppressed { reason: Suppression::Overflow },
            };
            to.lanes.missed(at, &stored.firing, &end);
        }
        for stored in self.unfinished {
            let at = actions.get(stored.action.as_str()).copied();
            let is_muted = to.mutes.holds_all(&stored.firing.rule, &stored.action, now);
            match fate(&stored, &rules, at, to.switch.is_armed(), now).and_then(|()| unless_muted(is_muted, stored.state)) {
                Ok(()) => {
                    if let (Some(at), Some(body)) = (at, stored.body) {
                        let (fallback, line) = (stored.fallback, stored.line);
                        // An end that came at once is counted, recorded and said already.
                        let doubt = (stored.state == State::Sending).then_some("birdcall ended while it was being sent");
                        let _ = to.resume(delivery(stored.firing, at, stored.expires_at, (body, fallback, line)), doubt);
                    }
                }
                Err(outcome) => {
                    let is_told = at.and_then(|at| rules.actions.get(at)).is_some_and(|action| action.trading);
                    if let (Outcome::Unknown { reason }, false) = (&outcome, is_told) {
                        to.tell(&no_order_by_now(&stored, reason));
                    }
                    if let Some(at) = at {
                        to.lanes.missed(at, &stored.firing, &outcome);
                    }
                    to.end_of_earlier(&stored.firing, at, &stored.action, outcome);
                }
            }
        }
        to.edit_all();
    }
}

/// A delivery of the journal as a lane takes it.
pub(super) fn delivery(
    firing: Arc<FiringBrief>,
    action: usize,
    expires_at: Timestamp,
    (body, fallback, line): (Body, Option<Body>, Option<Box<DigestLine>>),
) -> Delivery {
    Delivery { firing, action, expires_at, body: Arc::new(body), fallback: fallback.map(Arc::new), line, edits: false }
}

/// Whether a delivery that an earlier run did not finish can go on, or how it ends. What was an order then is one still, and so is what has
/// become one.
fn fate(stored: &StoredDelivery, rules: &RuleSet, at: Option<usize>, armed: bool, now: Timestamp) -> Result<(), Outcome> {
    let action = at.and_then(|at| rules.actions.get(at));
    let may_have_left = stored.state == State::Sending;
    if may_have_left && !action.is_some_and(Action::is_idempotent) {
        let reason = "birdcall ended while it was being sent; an order is not repeated".to_owned();
        return Err(Outcome::Unknown { reason });
    }
    let end = Left::of(stored).end_before_sending(rules, at, armed, now);
    match end {
        None => Ok(()),
        Some(end) if may_have_left => Err(Outcome::Unknown {
            reason: format!("birdcall ended while it was being sent, and it is not sent again: {}", why(&end)),
        }),
        Some(end) => Err(end),
    }
}

/// What was muted since it began to wait is not sent.
fn unless_muted(is_muted: bool, state: State) -> Result<(), Outcome> {
    let muted = Outcome::Suppressed { reason: Suppression::Muted };
    match state {
        _ if !is_muted => Ok(()),
        State::Sending => Err(Outcome::Unknown {
            reason: format!("birdcall ended while it was being sent, and it is not sent again: {}", why(&muted)),
        }),
        _ => Err(muted),
    }
}

/// Why something ends that must not be sent any more, in words.
pub(super) fn why(end: &Outcome) -> String {
    match end {
        Outcome::Suppressed { reason: Suppression::Muted } => "it is muted by now".to_owned(),
        Outcome::Suppressed { reason } => format!("orders are held back by now ({})", reason.name()),
        Outcome::Dead { reason } => reason.clone(),
        _ => "it is too old by now".to_owned(),
    }
}

/// A delivery that was asked for by other rules, or the same ones in an earlier run.
pub(super) struct Left<'l> {
    pub(super) rule: &'l str,
    pub(super) fired_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// It was an order then.
    pub(super) trading: bool,
    /// There is something to be sent.
    pub(super) has_body: bool,
}

impl<'l> Left<'l> {
    fn of(stored: &'l StoredDelivery) -> Self {
        Self {
            rule: &stored.firing.rule,
            fired_at: stored.firing.at,
            expires_at: stored.expires_at,
            trading: stored.trading,
            has_body: stored.body.is_some(),
        }
    }

    /// How it ends if it must not be sent any more. An alert that was matched goes out though its rule is gone: it was asked for when it was news.
    /// An order needs a rule that asks for it now.
    pub(super) fn end_before_sending(&self, rules: &RuleSet, at: Option<usize>, armed: bool, now: Timestamp) -> Option<Outcome> {
        // What fired later than now is of a clock that has been set back since: nobody knows how old it is.
        if self.expires_at <= now || self.fired_at > now.plus(CLOCK_JUMP) {
            return Some(Outcome::Expired);
        }
        let dead = |reason: String| Some(Outcome::Dead { reason });
        let Some((at, action)) = at.and_then(|at| Some((at, rules.actions.get(at)?))) else {
            return dead("the rules have no such action any more".to_owned());
        };
        let is_order = self.trading || action.trading;
        match asked_for(rules, self.rule, at) {
            (Mode::Paper, _) => Some(Outcome::Suppressed { reason: Suppression::Paper }),
            (Mode::Off, _) => Some(Outcome::Suppressed { reason: Suppression::Off }),
            (Mode::Armed, Some(why)) if is_order => dead(why),
            (Mode::Armed, _) if !self.has_body => dead("the journal is damaged where its message was".to_owned()),
            (Mode::Armed, _) if is_order && !armed => Some(Outcome::Suppressed { reason: Suppression::Disarmed }),
            (Mode::Armed, _) => None,
        }
    }
}

/// The mode in which the rules now have the rule of this name send to an action, and why nothing asks for it any more, if that is so, in words.
pub(super) fn asked_for(rules: &RuleSet, rule: &str, at: usize) -> (Mode, Option<String>) {
    let Some(action) = rules.actions.get(at) else { return (Mode::Off, None) };
    if rule == RULE {
        return (action.mode, None);
    }
    let Some(found) = rules.rules.iter().find(|known| *known.name == *rule) else {
        return (action.mode, Some(format!("the rules have no rule {rule} any more")));
    };
    match found.send.iter().find(|send| send.action == at) {
        Some(send) => (send.mode, None),
        None => (found.mode.max(action.mode), Some(format!("the rule {rule} does not send to {} any more", action.name))),
    }
}

/// What is said of an order whose action is gone, or takes no orders any more.
fn no_order_by_now(stored: &StoredDelivery, reason: &str) -> Notice {
    Notice {
        key: format!("unknown:{}:{}", stored.firing.id, stored.action),
        about: None,
        title: format!("It is unknown whether an order arrived: {}", stored.firing.rule),
        text: format!("Action {}, order {}: {reason}", stored.action, stored.firing.id),
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
