//! One run while it goes on: what a signal of the feed, a report and a moment do to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::lanes::Lanes;
use super::{AppError, Totals};
use crate::clock::Clock;
use crate::decode;
use crate::deliver::console::CLOSED;
use crate::engine::{Effect, Engine, Input};
use crate::feed::{Reaction, Signal};
use crate::model::delivery::{Outcome, Report};
use crate::model::envelope::Body;
use crate::model::firing::{Firing, Origin};
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;

pub(super) struct Running {
    rules: Arc<RuleSet>,
    engine: Engine,
    lanes: Lanes,
    clock: Clock,
    totals: Totals,
    /// Kept between steps, so that no step allocates it.
    effects: Vec<Effect>,
    connected: bool,
    has_connected: bool,
    /// The feed asked for patience: giving up after the start timeout would only begin the wait anew.
    is_patient: bool,
    latest_loss: Option<String>,
    console_is_closed: bool,
    /// The first lane that died while all were to finish.
    died: Option<AppError>,
}

impl Running {
    pub(super) fn new(rules: Arc<RuleSet>, lanes: Lanes, clock: Clock) -> Self {
        let engine = Engine::new(Arc::clone(&rules));
        Self {
            rules,
            engine,
            lanes,
            clock,
            totals: Totals::default(),
            effects: Vec::new(),
            connected: false,
            has_connected: false,
            is_patient: false,
            latest_loss: None,
            console_is_closed: false,
            died: None,
        }
    }

    /// Whether the start timeout still counts.
    pub(super) fn is_starting(&self) -> bool {
        !self.has_connected && !self.is_patient
    }

    /// Nobody reads what is printed any more.
    pub(super) fn console_is_closed(&self) -> bool {
        self.console_is_closed
    }

    pub(super) fn latest_loss(&self) -> Option<String> {
        self.latest_loss.clone()
    }

    /// When the engine wants its next tick.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.engine.next_deadline()
    }

    pub(super) fn until_deadline(&self) -> Option<Duration> {
        self.engine.next_deadline().map(|at| at.since(self.clock.now()))
    }

    /// Takes one signal of the feed. Says whether something was brought to a lane.
    pub(super) fn signal(&mut self, signal: Signal) -> Result<bool, AppError> {
        match signal {
            Signal::Frame(text) => return Ok(self.frame(&text)),
            Signal::Unreadable { bytes } => {
                debug!(bytes, "a binary message that is no text");
                Totals::add(&mut self.totals.malformed, "not_text", 1);
            }
            Signal::Connected { peer, took } => {
                info!(%peer, took_ms = took.as_millis(), rules = self.rules.rules.len(), "connected to the feed");
                (self.connected, self.has_connected) = (true, true);
            }
            Signal::Lost { why, retry_in } => {
                let retry_in_s = format_args!("{:.1}", retry_in.as_secs_f64());
                if why.reaction() == Reaction::SlowRetry && self.is_starting() {
                    self.is_patient = true;
                    error!(retry_in_s, "{why}; birdcall waits and tries again instead of giving up");
                } else if why.wants_attention() {
                    error!(retry_in_s, "{why}");
                } else {
                    warn!(retry_in_s, "{why}");
                }
                self.totals.losses += u64::from(self.connected);
                self.connected = false;
                self.latest_loss = Some(why.to_string());
            }
            Signal::Stopped { why } => return Err(AppError::Refused(why)),
        }
        Ok(false)
    }

    fn frame(&mut self, text: &str) -> bool {
        let at = self.clock.now();
        let envelope = match decode::decode(text) {
            Ok(envelope) => envelope,
            Err(malformed) => {
                debug!(reason = malformed.name(), "a malformed frame");
                Totals::add(&mut self.totals.malformed, malformed.name(), 1);
                return false;
            }
        };
        self.totals.envelopes += 1;
        if matches!(envelope.body, Body::Unknown { .. }) {
            Totals::add(&mut self.totals.oddities, "unknown_op", 1);
        }
        for (kind, count) in envelope.oddities.counts() {
            Totals::add(&mut self.totals.oddities, kind, u64::from(count));
        }
        self.engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut self.effects);
        self.perform()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) {
        self.engine.step(&Input::Tick(self.clock.now()), &mut self.effects);
        self.perform();
    }

    /// Does what the engine wants, in its order; talks about it afterwards.
    fn perform(&mut self) -> bool {
        if self.effects.is_empty() {
            return false;
        }
        let mut fired: Vec<Arc<Firing>> = Vec::new();
        let mut ended = Vec::new();
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Fired(firing) => fired.push(firing),
                Effect::Deliver(delivery) => {
                    self.totals.deliveries += 1;
                    ended.extend(self.lanes.offer(*delivery));
                }
                Effect::Ended(report) => {
                    self.totals.deliveries += 1;
                    ended.push(report);
                }
            }
        }
        for firing in fired {
            self.totals.firings += 1;
            info!(rule = %firing.rule, id = %firing.id, subject = firing.subject.key(), "fired");
        }
        for report in &ended {
            self.note(report);
        }
        true
    }

    /// Counts the end of a delivery.
    pub(super) fn note(&mut self, report: &Report) {
        tell(report, &self.rules, &mut self.totals, &mut self.console_is_closed);
    }

    /// Why a lane has ended before it was asked to. Waits for ever while all is well; may be dropped and called again.
    pub(super) async fn death(&mut self) -> AppError {
        loop {
            match self.lanes.ended().await {
                Some(Err(died)) => return died,
                Some(Ok(())) => {}
                None => return std::future::pending().await,
            }
        }
    }

    /// Lets the lanes finish what they have, however many of them die of it, and counts it. May be dropped before it is done.
    pub(super) async fn drain(&mut self, reports: &mut mpsc::Receiver<Report>) {
        self.lanes.close();
        loop {
            tokio::select! {
                biased;
                Some(report) = reports.recv() => self.note(&report),
                ended = self.lanes.ended() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(died)) => self.died = self.died.take().or(Some(died)),
                    None => return,
                },
            }
        }
    }

    /// Lets everything go that has not come to its end, and returns all that was counted, and whether a lane has died.
    pub(super) async fn finish(mut self, reports: &mut mpsc::Receiver<Report>) -> (Totals, Result<(), AppError>) {
        let Self { lanes, totals, rules, console_is_closed, engine, .. } = &mut self;
        lanes.abandon(reports, |report| tell(report, rules, totals, console_is_closed)).await;
        totals.of_rules(engine.counts(), engine.join_counts());
        (self.totals, self.died.map_or(Ok(()), Err))
    }
}

/// Counts the end of a delivery and says what it was.
fn tell(report: &Report, rules: &RuleSet, totals: &mut Totals, console_is_closed: &mut bool) {
    totals.note(report);
    let action = rules.actions.get(report.action).map_or("?", |action| action.name.as_str());
    let (rule, id) = (&report.firing.rule, report.firing.id);
    match &report.outcome {
        Outcome::Delivered { form, .. } => {
            let took_ms = report.took.as_millis();
            debug!(action, %rule, %id, attempts = report.attempts, took_ms, ?form, "delivered");
        }
        Outcome::Unknown { reason } => error!(action, %rule, %id, "it is unknown whether an order arrived: {reason}"),
        Outcome::Dead { reason } if reason == CLOSED => {
            if !std::mem::replace(console_is_closed, true) {
                warn!(action, "{reason}: what console actions print is dead from now on, without a line each");
            }
        }
        Outcome::Dead { reason } => warn!(action, %rule, %id, "not delivered: {reason}"),
        Outcome::Expired => warn!(action, %rule, %id, "expired before it could be sent"),
        Outcome::Suppressed { reason } => warn!(action, %rule, %id, reason = reason.name(), "suppressed"),
        Outcome::Abandoned => warn!(action, %rule, %id, "abandoned: the program stops"),
    }
}
