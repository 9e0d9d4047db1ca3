//! Effects of the engine → lanes and journal, in the order that makes delivery safe; and what the lanes have to tell → ledger, journal
//! and people.
//!
//! One step of the engine is one record of the journal: the entry, its firings and their deliveries, in one transaction. A chat message is
//! offered to its lane before that record is even handed over. An order goes to its lane with a pledge: the lane sends nothing before the
//! journal has its intent.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::{debug, error, info, warn};

use super::Totals;
use super::intents::pledge;
use super::lanes::{Lanes, Waiting};
use super::ledger::Ledger;
use super::notices::{Notice, Notices};
use super::safety::{Quota, Safety};
use crate::clock::Clock;
use crate::deliver::console::CLOSED;
use crate::deliver::{LaneEvent, Pledge, Switch};
use crate::engine::Effect;
use crate::journal::{AttemptRow, BeginKey, DeliveryRow, EndRow, EntryRow, Journal, Record};
use crate::model::delivery::{Delivery, Outcome, Report, Suppression};
use crate::model::firing::{Firing, FiringBrief, Origin};
use crate::model::ids::FiringId;
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;

/// Everything between the engine and the destinations.
pub(super) struct Dispatch {
    pub(super) rules: Arc<RuleSet>,
    pub(super) lanes: Lanes,
    pub(super) journal: Option<Journal>,
    pub(super) clock: Clock,
    pub(super) switch: Switch,
    pub(super) orders: Orders,
    pub(super) ledger: Ledger,
    pub(super) safety: Safety,
    pub(super) totals: Totals,
    /// Requests made, for each action.
    pub(super) attempts: Vec<u64>,
    pub(super) console_is_closed: bool,
    /// What was sent again by hand and is under way or has arrived: the journal may not say so yet.
    sent_again: HashSet<(FiringId, usize)>,
    notices: Notices,
    /// Of the actions, as the journal is told them.
    names: Arc<[Arc<str>]>,
}

/// Since when and why orders go or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    pub(super) why: Option<String>,
    pub(super) since: Option<Timestamp>,
}

/// A count that the journal is asked for, beside what it should be.
pub(super) struct Audit {
    pub(super) expected: u64,
    pub(super) counting: Pin<Box<dyn Future<Output = u64> + Send>>,
}

/// One envelope, for the journal.
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) origin: Origin,
    pub(super) text: Bytes,
}

impl Dispatch {
    pub(super) fn new(
        rules: Arc<RuleSet>,
        lanes: Lanes,
        journal: Option<Journal>,
        clock: Clock,
        switch: Switch,
        names: Arc<[Arc<str>]>,
    ) -> Self {
        let (notices, attempts) = (Notices::new(&rules), vec![0; rules.actions.len()]);
        Self {
            rules,
            lanes,
            journal,
            clock,
            switch,
            orders: Orders::default(),
            ledger: Ledger::default(),
            safety: Safety::default(),
            totals: Totals::default(),
            attempts,
            console_is_closed: false,
            sent_again: HashSet::new(),
            notices,
            names,
        }
    }

    /// Does what the engine wants. `seen` is the envelope that brought it about, if one did. Says whether anything was wanted.
    pub(super) fn perform(&mut self, seen: Option<Seen>, effects: &mut Vec<Effect>) -> bool {
        let acted = !effects.is_empty();
        let entry = seen.filter(|_| self.journal.is_some());
        let entry = entry.map(|Seen { at, origin, text }| EntryRow { at, origin, matched: acted, text });
        if !acted {
            if let (Some(journal), Some(_)) = (&self.journal, &entry) {
                journal.record(Record { entry, ..Record::default() });
            }
            return false;
        }
        let mut step = Step { record: Record { entry, ..Record::default() }, ..Step::default() };
        for effect in effects.drain(..) {
            self.take(effect, &mut step);
        }
        self.carry_out(step);
        true
    }

    fn take(&mut self, effect: Effect, step: &mut Step) {
        match effect {
            Effect::Fired(firing) => {
                step.record.firings.push(firing.brief());
                step.fired.push(firing);
            }
            Effect::Deliver(delivery) => self.admit(*delivery, step),
            Effect::Paper(delivery) => self.suppress(&delivery, Suppression::Paper, step),
            Effect::Ended(report) => {
                self.begun(&report.firing, report.action);
                let row = DeliveryRow {
                    firing: Arc::clone(&report.firing),
                    action: self.name(report.action),
                    trading: self.is_trading(report.action),
                    expires_at: report.firing.at,
                    body: None,
                    fallback: None,
                    outcome: Some(report.outcome.clone()),
                };
                step.record.deliveries.push(row);
                step.ended.push(report);
            }
        }
    }

    /// A delivery that the rules want: to its lane, unless something holds it back.
    fn admit(&mut self, delivery: Delivery, step: &mut Step) {
        let trading = self.is_trading(delivery.action);
        if trading && !self.switch.is_armed() {
            return self.suppress(&delivery, Suppression::Disarmed, step);
        }
        let most = self.rules.actions.get(delivery.action).and_then(|action| action.max_per_day);
        if let Some(most) = most {
            match self.safety.begin(delivery.action, most, self.clock.now()) {
                Quota::Fine => {}
                Quota::Used { first } => {
                    if first {
                        step.quota.push((delivery.action, most));
                    }
                    return self.suppress(&delivery, Suppression::MaxPerDay, step);
                }
            }
        }
        self.begun(&delivery.firing, delivery.action);
        step.record.deliveries.push(self.row(&delivery, None));
        if trading { step.orders.push(delivery) } else { step.others.push(delivery) }
    }

    fn suppress(&mut self, delivery: &Delivery, reason: Suppression, step: &mut Step) {
        self.begun(&delivery.firing, delivery.action);
        let outcome = Outcome::Suppressed { reason };
        step.record.deliveries.push(self.row(delivery, Some(outcome.clone())));
        let (firing, action) = (Arc::clone(&delivery.firing), delivery.action);
        step.ended.push(Report { firing, action, outcome, attempts: 0, took: Duration::ZERO });
    }

    /// Orders first; then chat; then the record, unless it went with the first order.
    fn carry_out(&mut self, step: Step) {
        let Step { mut record, orders, others, fired, mut ended, quota } = step;
        let mut recorded = false;
        for delivery in orders {
            let begins = self.journal.is_some() && self.lanes.is_ready(delivery.action);
            let pledge = begins.then(|| {
                recorded = true;
                self.begin(std::mem::take(&mut record), &delivery)
            });
            ended.extend(self.lanes.offer(delivery, pledge.flatten()));
        }
        for delivery in others {
            ended.extend(self.lanes.offer(delivery, None));
        }
        if let Some(journal) = self.journal.as_ref().filter(|_| !recorded) {
            journal.record(record);
        }
        for firing in fired {
            self.totals.firings += 1;
            info!(rule = %firing.rule, id = %firing.id, subject = firing.subject.key(), "fired");
        }
        for report in &ended {
            self.note(report);
        }
        for (action, most) in quota {
            self.quota_used(action, most);
        }
    }

    fn begin(&self, record: Record, delivery: &Delivery) -> Option<Pledge> {
        let key = BeginKey { firing: delivery.firing.id, action: self.name(delivery.action) };
        Some(pledge(self.journal.as_ref()?.begin(record, key, self.clock.now())))
    }

    fn begun(&mut self, firing: &FiringBrief, action: usize) {
        self.totals.deliveries += 1;
        self.ledger.matched(&firing.rule, action);
    }

    fn row(&self, delivery: &Delivery, outcome: Option<Outcome>) -> DeliveryRow {
        DeliveryRow {
            firing: Arc::clone(&delivery.firing),
            action: self.name(delivery.action),
            trading: self.is_trading(delivery.action),
            expires_at: delivery.expires_at,
            body: Some(Arc::clone(&delivery.body)),
            fallback: delivery.fallback.clone(),
            outcome,
        }
    }

    fn name(&self, action: usize) -> Arc<str> {
        self.names.get(action).map_or_else(|| "?".into(), Arc::clone)
    }

    fn is_trading(&self, action: usize) -> bool {
        self.rules.actions.get(action).is_some_and(|action| action.trading)
    }

    /// Takes up a delivery of an earlier run, whose row the journal has.
    pub(super) fn resume(&mut self, delivery: Delivery) {
        self.begun(&delivery.firing, delivery.action);
        for report in self.lanes.offer(delivery, None) {
            self.note(&report);
        }
    }

    /// Notes that a person has a delivery sent again; no when it is under way by such a word already, or has arrived.
    pub(super) fn may_send_again(&mut self, firing: FiringId, action: usize) -> bool {
        self.sent_again.insert((firing, action))
    }

    /// A delivery of an earlier run that goes no further.
    pub(super) fn end_of_earlier(&mut self, firing: &Arc<FiringBrief>, action: Option<usize>, name: &str, outcome: Outcome) {
        if let Some(action) = action {
            self.begun(firing, action);
            self.note(&Report { firing: Arc::clone(firing), action, outcome, attempts: 0, took: Duration::ZERO });
        } else if let Some(journal) = &self.journal {
            let (firing, at) = (firing.id, self.clock.now());
            journal.ended(EndRow { firing, action: name.into(), outcome, attempts: 0, at });
        }
    }

    /// What a lane has to tell.
    pub(super) fn event(&mut self, event: &LaneEvent) {
        match event {
            LaneEvent::Attempted(attempt) => {
                if let Some(count) = self.attempts.get_mut(attempt.action) {
                    *count += 1;
                }
                if let Some(journal) = &self.journal {
                    journal.attempted(AttemptRow {
                        firing: attempt.firing,
                        action: self.name(attempt.action),
                        number: attempt.number,
                        at: attempt.at,
                        verdict: attempt.verdict,
                        answer: attempt.answer.clone(),
                        took: attempt.took,
                    });
                }
            }
            LaneEvent::Ended(report) => self.note(report),
            LaneEvent::Disabled { action, reason } => self.tell(&Notice {
                key: format!("disabled:{}", self.name(*action)),
                about: Some(*action),
                title: format!("{} takes nothing any more", self.name(*action)),
                text: format!("{reason}. Nothing more is sent there until that is set right and birdcall is started anew; see birdcall deliveries --failed."),
            }),
            LaneEvent::Circuit { action, open: Some(why) } => {
                warn!(action = %self.name(*action), "the destination fails again and again ({why}): it is only probed until it works");
                self.tell(&Notice {
                    key: format!("circuit:{}", self.name(*action)),
                    about: Some(*action),
                    title: format!("{} does not work", self.name(*action)),
                    text: format!("It has failed several times in a row ({why}). birdcall tries one delivery at a time until it works again; what waits meanwhile expires as its max_age says."),
                });
            }
            LaneEvent::Circuit { action, open: None } => info!(action = %self.name(*action), "the destination works again"),
        }
    }

    /// Counts and records the end of a delivery, and sees what follows from it.
    pub(super) fn note(&mut self, report: &Report) {
        self.totals.note(report);
        self.ledger.note(&report.firing.rule, report.action, &report.outcome);
        if let Some(journal) = self.journal.as_ref().filter(|_| report.outcome != Outcome::Abandoned) {
            journal.ended(EndRow {
                firing: report.firing.id,
                action: self.name(report.action),
                outcome: report.outcome.clone(),
                attempts: report.attempts,
                at: self.clock.now(),
            });
        }
        self.say(report);
        if !self.sent_again.is_empty() && !matches!(report.outcome, Outcome::Delivered { .. }) {
            self.sent_again.remove(&(report.firing.id, report.action));
        }
        if self.is_trading(report.action) {
            if let Outcome::Unknown { reason } = &report.outcome {
                self.tell(&Notice {
                    key: format!("unknown:{}:{}", report.firing.id, report.action),
                    about: Some(report.action),
                    title: format!("It is unknown whether an order arrived: {}", report.firing.rule),
                    text: format!(
                        "Action {}, order {}, {}: {reason}. It is not sent again by itself: look at the receiver. To send it again, find its number with birdcall deliveries --failed, then birdcall redeliver NUMBER --orders.",
                        self.name(report.action),
                        report.firing.id,
                        report.firing.subject
                    ),
                });
            }
            if let Some(why) = self.safety.order(report) {
                self.disarm_by_itself(&why);
            }
        }
    }

    fn say(&mut self, report: &Report) {
        let name = self.name(report.action);
        let action = &*name;
        let (rule, id) = (&report.firing.rule, report.firing.id);
        match &report.outcome {
            Outcome::Delivered { form, .. } => {
                let took_ms = report.took.as_millis();
                debug!(action, %rule, %id, attempts = report.attempts, took_ms, ?form, "delivered");
            }
            Outcome::Unknown { reason } => {
                error!(action, %rule, %id, "it is unknown whether {} arrived: {reason}", if self.is_trading(report.action) { "an order" } else { "a message" })
            }
            Outcome::Dead { reason } if reason == CLOSED => {
                if !std::mem::replace(&mut self.console_is_closed, true) {
                    warn!(action, "{reason}: what console actions print is dead from now on, without a line each");
                }
            }
            Outcome::Dead { reason } => warn!(action, %rule, %id, "not delivered: {reason}"),
            Outcome::Expired => warn!(action, %rule, %id, "expired before it could be sent"),
            Outcome::Suppressed { reason: reason @ (Suppression::Paper | Suppression::Off) } => {
                debug!(action, %rule, %id, reason = reason.name(), "suppressed");
            }
            Outcome::Suppressed { reason } => warn!(action, %rule, %id, reason = reason.name(), "suppressed"),
            Outcome::Abandoned if self.journal.is_some() => info!(action, %rule, %id, "pending: the next run takes it up"),
            Outcome::Abandoned => warn!(action, %rule, %id, "abandoned: the program stops"),
        }
    }

    /// Says something to people, in the log and in their chats.
    pub(super) fn tell(&mut self, notice: &Notice) {
        let deliveries = self.notices.deliveries(&self.rules, notice, self.clock.now());
        let mut step = Step::default();
        if let Some(first) = deliveries.first() {
            step.record.firings.push(Arc::clone(&first.firing));
        }
        for delivery in deliveries {
            self.begun(&delivery.firing, delivery.action);
            step.record.deliveries.push(self.row(&delivery, None));
            step.others.push(delivery);
        }
        if !step.others.is_empty() {
            self.carry_out(step);
        }
    }

    fn quota_used(&mut self, action: usize, most: u32) {
        let name = self.name(action);
        if self.is_trading(action) {
            return self.disarm_by_itself(&format!("{name} has had its {most} orders of today (max_per_day)"));
        }
        self.tell(&Notice {
            key: format!("max_per_day:{name}"),
            about: None,
            title: format!("{name} has had its {most} messages of today"),
            text: "max_per_day is reached: what comes until midnight UTC is suppressed, recorded and counted.".to_owned(),
        });
    }

    /// Stops orders because something is wrong, and says so.
    pub(super) fn disarm_by_itself(&mut self, why: &str) {
        if !self.has_orders() || !self.switch.is_armed() {
            warn!("{why}");
            return;
        }
        error!("orders are stopped: {why}");
        self.set_switch(false, why);
        self.tell(&Notice {
            key: format!("disarmed:{}", self.clock.now().as_millis()),
            about: None,
            title: "Orders are stopped".to_owned(),
            text: format!("{why}. No order is sent until somebody says: birdcall arm"),
        });
    }

    fn has_orders(&self) -> bool {
        self.rules.actions.iter().any(|action| action.trading)
    }

    /// Holds what should be pending against what the lanes have: `(an action, or all that print; how many wait there)`.
    pub(super) fn audit(&self, waiting: &Waiting) -> Result<(), String> {
        let said = |action: Option<usize>, ledger: u64, other: u64| {
            let whose = action.map_or_else(|| "the console".to_owned(), |action| self.name(action).to_string());
            format!("{whose} has {other} deliveries under way and {ledger} should be")
        };
        let mut printing = 0;
        for (action, lane) in waiting.lanes.iter().enumerate() {
            let pending = self.ledger.pending_of(action);
            match lane {
                Some(lane) if *lane != pending => return Err(said(Some(action), pending, *lane)),
                Some(_) => {}
                None => printing += pending,
            }
        }
        if printing != waiting.console {
            return Err(said(None, printing, waiting.console));
        }
        self.ledger.over().map_or(Ok(()), |(action, rule)| {
            Err(format!("more deliveries of {rule} to {} have ended than were begun", self.name(action)))
        })
    }

    /// What the journal should have pending, and its answer.
    pub(super) fn pending_of_journal(&self) -> Option<Audit> {
        let journal = self.journal.clone()?;
        Some(Audit { expected: self.ledger.pending(), counting: Box::pin(async move { journal.pending().await }) })
    }

    /// Arms or disarms, now and for later runs. Says how it was before.
    pub(super) fn set_switch(&mut self, armed: bool, why: &str) -> bool {
        let (before, now) = (self.switch.is_armed(), self.clock.now());
        self.switch.set(armed);
        if armed {
            self.safety.rearm();
        }
        self.orders = Orders { why: Some(why.to_owned()), since: Some(now) };
        if let Some(journal) = &self.journal {
            journal.set_switch(armed, why, now);
        }
        before
    }
}

/// What one step comes to, sorted by what must come first.
#[derive(Default)]
struct Step {
    record: Record,
    orders: Vec<Delivery>,
    others: Vec<Delivery>,
    fired: Vec<Arc<Firing>>,
    ended: Vec<Report>,
    /// Actions that have had their number of the day, and that number.
    quota: Vec<(usize, u32)>,
}
