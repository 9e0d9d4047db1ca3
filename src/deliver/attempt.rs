//! One request of a job: the intent, the message, the answer, and all that it means for the job and its lane.

use std::sync::Arc;
use std::time::Duration;

use crate::model::delivery::{Delivery, DigestLine, Form, Outcome, Suppression};
use crate::model::limits::{ANSWER_SHOWN, BLOCKED_FIRST, ORDER_HOLD_TOLD};
use crate::model::message::Body;
use crate::model::time::Timestamp;
use crate::render;
use crate::render::{Whole, fit};

use super::circuit::{Change, Sign};
use super::client::SendError;
use super::event::{Attempt, LaneEvent};
use super::gate::Gate;
use super::intents::Unrecorded;
use super::job::{Job, Member, UnderWay};
use super::keep::Missed;
use super::lane::is_notice;
use super::mutes::MUTED;
use super::pace::Slot;
use super::retry::{self, Step};
use super::state::{Shared, State};
use super::target::Stamp;
use super::verdict::{Answer, Pause, Verdict};

/// What a request came to, with the answer if there was one.
pub(crate) struct Tried {
    pub(crate) verdict: Verdict,
    pub(crate) answer: Option<Answer>,
}

impl Job {
    /// One request with the leave of `slot`. Then the pause before the next one, or nothing when the job has come to its end.
    pub(super) async fn attempt(&mut self, slot: Slot) -> Option<Duration> {
        let shared = Arc::clone(&self.shared);
        if let Err(outcome) = self.commit().await {
            let mut state = shared.state();
            let now = shared.clock.elapsed();
            state.finished(slot, now);
            state.circuit.finished(slot, Sign::Nothing, now);
            self.end_all(&mut state, &outcome);
            drop(state);
            shared.news.notify_waiters();
            return None;
        }
        let first = self.members.first()?;
        let id = first.waiting.delivery.firing.id.to_string();
        let not_after = self.members.iter().map(|member| member.waiting.delivery.expires_at).min()?;
        let gate = Arc::new(shared.gate());
        let (begun, began) = shared.clock.moment();
        self.under_way = Some(UnderWay { gate: Arc::clone(&gate), begun, began });
        let body = self.message()?;
        let tried = send(&shared, &body, id, self.progress.fallback, not_after, gate).await;
        self.under_way = None;
        self.learn(slot, &tried, begun, shared.clock.elapsed().saturating_sub(began))
    }

    /// The intent of an order, before its first attempt: committed, or how the order ends without it. It may be dropped and asked anew.
    pub(super) async fn commit(&mut self) -> Result<(), Outcome> {
        let shared = Arc::clone(&self.shared);
        let Some(member) = self.members.first_mut().filter(|member| shared.action.trading && !member.pledged) else {
            return Ok(());
        };
        let delivery = &member.waiting.delivery;
        let pledge = member.waiting.pledge.get_or_insert_with(|| shared.intents.begin(delivery, &shared.action));
        let youth = delivery.expires_at.since(shared.clock.now());
        tokio::select! {
            biased;
            kept = pledge => match kept {
                Ok(()) => member.pledged = true,
                Err(Unrecorded(why)) => {
                    return Err(Outcome::Dead { reason: format!("not sent: the journal cannot record it: {why}") });
                }
            },
            () = shared.disarmed() => return Err(Outcome::Suppressed { reason: Suppression::Disarmed }),
            () = tokio::time::sleep(youth) => return Err(Outcome::Expired),
        }
        // That may have taken a while.
        if self.is_muted() { Err(MUTED) } else { Ok(()) }
    }

    /// What is sent: the message, its fallback, or the digest of all of them, made anew as some may have come to their end.
    fn message(&self) -> Option<Arc<Body>> {
        let fallback = self.progress.fallback;
        if !self.is_digest() {
            let delivery = &self.members.first()?.waiting.delivery;
            return Some(Arc::clone(delivery.fallback.as_ref().filter(|_| fallback).unwrap_or(&delivery.body)));
        }
        let mut deliveries: Vec<&Delivery> = self.members.iter().rev().map(|member| &member.waiting.delivery).collect();
        // Not all have room in it.
        deliveries.sort_by_key(|delivery| (!is_notice(delivery), std::cmp::Reverse(delivery.firing.at)));
        let notices = deliveries.iter().filter(|delivery| is_notice(delivery)).count();
        let lines: Vec<DigestLine> = deliveries.into_iter().map(|delivery| line(delivery, fallback)).collect();
        let lines: Vec<&DigestLine> = lines.iter().collect();
        let Missed { too_old, no_room } = self.missed;
        let whole = Whole { total: lines.len(), notices, why: self.together.unwrap_or_default(), too_old, no_room };
        render::digest(&self.shared.action, &lines, &whole).map(Arc::new)
    }

    /// Tells of the attempt, and draws every conclusion.
    fn learn(&mut self, slot: Slot, tried: &Tried, begun: Timestamp, took: Duration) -> Option<Duration> {
        let shared = Arc::clone(&self.shared);
        let Tried { verdict, answer } = tried;
        let now = shared.clock.elapsed();
        log_attempt(&shared, &self.members, verdict);
        let mut state = shared.state();
        let was_disabled = state.disabled.is_some();
        state.finished(slot, now);
        if let Some(answer) = answer {
            self.heed(&mut state, slot, verdict, answer, now);
        }
        self.tell_attempts(&mut state, tried, begun, took);
        let has_fallback = self.has_fallback();
        let step = retry::next(shared.policy, &mut self.progress, verdict.clone(), has_fallback, &mut state.jitter);
        let sign = sign(tried, &step, shared.policy.chat);
        let change = state.circuit.finished(slot, sign, now);
        match &change {
            Some(Change::Opened(why)) => shared.tell(&mut state, circuit(&shared, Some(why.clone()))),
            Some(Change::Closed) => shared.tell(&mut state, circuit(&shared, None)),
            Some(Change::Hopeless(reason)) => disable(&shared, &mut state, reason),
            None => {}
        }
        if let Verdict::Disabled { reason } = verdict {
            disable(&shared, &mut state, reason);
        }
        let told_off = state.disabled.clone().filter(|_| !was_disabled);
        let pause = self.conclude(&mut state, step);
        drop(state);
        if change == Some(Change::Closed) {
            shared.hope.notify_waiters();
        }
        shared.news.notify_waiters();
        log_lane(&shared, change.as_ref(), told_off.as_deref());
        pause.filter(|_| !self.members.is_empty())
    }

    /// What the answer asks of the whole lane.
    fn heed(&mut self, state: &mut State, slot: Slot, verdict: &Verdict, answer: &Answer, now: Duration) {
        if let Some(pause) = self.shared.target.cool_down(answer) {
            state.pace.hold(now + pause);
        }
        let pause = match verdict {
            Verdict::Throttled { pause, .. } => Some(*pause),
            Verdict::Blocked { .. } => Some(Pause::Untold { first: BLOCKED_FIRST }),
            _ => None,
        };
        if let Some(pause) = pause {
            let until = state.throttle.strike(slot, pause, now);
            state.pace.hold(until);
        } else {
            state.throttle.ease(slot);
        }
        match verdict {
            Verdict::Blocked { reason } => self.blocked = Some(reason.clone()),
            Verdict::Throttled { .. } => {}
            _ => self.blocked = None,
        }
        match verdict {
            Verdict::Retry { wait: Some(wait), .. } => state.pace.hold(now + *wait),
            Verdict::Moved { chat } => state.moved = Some(*chat),
            _ => {}
        }
        let hold = state.pace.held_until().saturating_sub(now);
        let is_long = self.shared.action.trading && hold >= ORDER_HOLD_TOLD;
        if is_long && !state.has_told_hold {
            let (action, reason) = (self.shared.index, verdict.reason().unwrap_or_default().to_owned());
            self.shared.tell(state, LaneEvent::Patience { action, pause: hold, reason });
        }
        state.has_told_hold = is_long;
    }

    pub(super) fn tell_attempts(&mut self, state: &mut State, tried: &Tried, at: Timestamp, took: Duration) {
        let (verdict, answer) = (tried.verdict.name(), said(tried));
        self.members.iter_mut().for_each(|member| member.attempts += 1);
        // The request of a digest is one, whosoever is in it: told of the first.
        let Some(member) = self.members.first() else { return };
        let (firing, number) = (member.waiting.delivery.firing.id, member.attempts);
        let attempt = Attempt { firing, action: self.shared.index, number, at, verdict, answer, took };
        self.shared.tell(state, LaneEvent::Attempted(attempt));
    }

    fn conclude(&mut self, state: &mut State, step: Step) -> Option<Duration> {
        match step {
            Step::Again(pause) => {
                self.expire(state, pause);
                Some(pause)
            }
            // The body was refused by the clock: what is not too old goes on without the others.
            Step::End(Outcome::Expired) => {
                self.expire(state, Duration::ZERO);
                Some(Duration::ZERO)
            }
            Step::End(Outcome::Delivered { receipt, .. }) if self.is_digest() => {
                self.missed = Missed::default();
                self.end_all(state, &Outcome::Delivered { receipt, form: Form::Digest });
                None
            }
            Step::End(outcome) => {
                self.end_all(state, &outcome);
                None
            }
        }
    }
}

/// One request.
pub(crate) async fn send(
    shared: &Shared,
    body: &Body,
    id: String,
    fallback: bool,
    not_after: Timestamp,
    gate: Arc<Gate>,
) -> Tried {
    let moved = shared.state().moved;
    let stamp = Stamp { id, at: shared.clock.wall(), fallback, moved };
    let Some(request) = shared.target.request(body, &stamp) else {
        let reason = format!("the message is not one for {}", shared.target.kind());
        return Tried { verdict: Verdict::Dead { reason }, answer: None };
    };
    let verdict = match shared.wire.send(request, not_after, gate).await {
        Ok(answer) => return Tried { verdict: shared.target.classify(&answer), answer: Some(answer) },
        Err(SendError::Late) => Verdict::Late,
        Err(SendError::Held) => Verdict::Held,
        Err(SendError::NotSent(reason)) => Verdict::NotSent { reason },
        Err(SendError::Ambiguous(reason)) => Verdict::Ambiguous { reason },
    };
    Tried { verdict, answer: None }
}

/// What a digest says of a delivery; `bare`: in our own words alone.
fn line(delivery: &Delivery, bare: bool) -> DigestLine {
    let firing = &delivery.firing;
    let line = match &delivery.line {
        Some(line) if bare => {
            DigestLine { rule: line.rule.clone(), link: line.link.clone(), at: line.at, held: line.held, ..DigestLine::default() }
        }
        Some(line) => line.as_ref().clone(),
        None => DigestLine { rule: render::sanitise::line(&firing.rule), ..DigestLine::default() },
    };
    // One of an earlier version says neither.
    DigestLine { at: line.at.or(Some(firing.at)), late: firing.late, ..line }
}

/// What the request says about the destination. "Too fast" says nothing: the lane waits as told.
fn sign(tried: &Tried, step: &Step, chat: bool) -> Sign {
    let status = tried.answer.as_ref().map(|answer| answer.status);
    match &tried.verdict {
        Verdict::Delivered { .. } => Sign::Taken,
        Verdict::Retry { reason, .. } | Verdict::NotSent { reason } | Verdict::Ambiguous { reason } => {
            Sign::Trouble(reason.clone())
        }
        Verdict::Dead { reason } if !chat && matches!(status, Some(401 | 403)) => Sign::Stranger(reason.clone()),
        // Without an answer it was no request.
        Verdict::Dead { reason } if status.is_some() => Sign::Refused(reason.clone()),
        Verdict::Refused { reason } if matches!(step, Step::End(_)) => Sign::Refused(reason.clone()),
        _ => Sign::Nothing,
    }
}

/// In words, for the journal.
fn said(tried: &Tried) -> String {
    let said = match (&tried.verdict, &tried.answer) {
        (Verdict::Delivered { receipt }, Some(answer)) => match receipt.id() {
            Some(id) => format!("HTTP {}, as message {id}", answer.status),
            None => format!("HTTP {}", answer.status),
        },
        (Verdict::Moved { chat }, _) => format!("the group has become a supergroup: {chat}"),
        (Verdict::Late, _) => "too old before it could leave".to_owned(),
        (Verdict::Held, _) => "orders were stopped before it could leave".to_owned(),
        (verdict, _) => verdict.reason().unwrap_or_default().to_owned(),
    };
    fit::cut(&said, ANSWER_SHOWN, fit::chars).into_owned()
}

fn circuit(shared: &Shared, open: Option<String>) -> LaneEvent {
    LaneEvent::Circuit { action: shared.index, open }
}

fn disable(shared: &Shared, state: &mut State, reason: &str) {
    if state.disabled.is_none() {
        state.disabled = Some(reason.to_owned());
        shared.tell(state, LaneEvent::Disabled { action: shared.index, reason: reason.to_owned() });
    }
}

fn log_lane(shared: &Shared, change: Option<&Change>, disabled: Option<&str>) {
    let action = shared.action.name.as_str();
    match change {
        Some(Change::Opened(why)) => {
            tracing::warn!(target: "birdcall::deliver", action, reason = %why, "the destination fails again and again; only probes are sent until one arrives");
        }
        Some(Change::Closed) => tracing::info!(target: "birdcall::deliver", action, "the destination is there again"),
        Some(Change::Hopeless(_)) | None => {}
    }
    if let Some(reason) = disabled {
        tracing::error!(
            target: "birdcall::deliver",
            action,
            reason,
            "the destination refuses for good; nothing more is sent to it until it is set right and somebody says birdcall reload"
        );
    }
}

fn log_attempt(shared: &Shared, members: &[Member], verdict: &Verdict) {
    let Some(member) = members.first() else { return };
    let (action, firing, name) = (shared.action.name.as_str(), member.waiting.delivery.firing.id, verdict.name());
    let (attempt, together) = (member.attempts + 1, members.len());
    match verdict {
        Verdict::Delivered { .. } => {
            tracing::debug!(target: "birdcall::deliver", action, %firing, attempt, together, verdict = name);
        }
        Verdict::Moved { chat } => {
            tracing::warn!(target: "birdcall::deliver", action, %firing, chat, "the group has become a supergroup with a new id; write it into the rules");
        }
        verdict => {
            let reason = verdict.reason().unwrap_or_default();
            tracing::warn!(target: "birdcall::deliver", action, %firing, attempt, together, verdict = name, reason);
        }
    }
}
