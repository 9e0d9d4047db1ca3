//! Effects of the engine → lanes and journal, in the order that makes delivery safe.
//!
//! One step of the engine is one record of the journal: the entry, its firings and their deliveries, in one transaction. A chat message is
//! offered to its lane before that record is even handed over. An order goes to its lane with a pledge: the lane sends nothing before the
//! journal has its intent. Where a step has other messages, too, its orders are a record of their own, in front: a crash between the two leaves an
//! entry that is not on record, comes again, and brings all but these orders.

mod audit;
mod ends;
mod messages;
mod replace;
mod switch;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::info;

use super::Totals;
use super::intents::{key, pledge};
use super::lanes::Lanes;
use super::ledger::Ledger;
use super::mutes::Book;
use super::notices::{Notice, Notices};
use super::safety::{Quota, Safety};
use super::tail::Tail;
pub(super) use audit::{Audit, Comparison, Suspicion, Verdict};
pub(super) use messages::{Arrived, Messages};
pub(super) use replace::Change;
pub(super) use switch::{Keeping, Orders, quota_key};

use crate::clock::Clock;
use crate::deliver::{Pledge, Switch};
use crate::engine::Effect;
use crate::journal::{DeliveryRow, EndRow, EntryRow, Journal, Record};
use crate::model::delivery::{Delivery, Outcome, Report, Suppression};
use crate::model::firing::{Firing, FiringBrief, Origin};
use crate::model::ids::FiringId;
use crate::model::status::EditCounts;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{NOTICES, RuleSet};

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
    /// Messages that were edited, for each action.
    pub(super) edits: Vec<EditCounts>,
    pub(super) console_is_closed: bool,
    /// What has fired and was not said yet.
    unsaid: Vec<Arc<Firing>>,
    /// What was sent again by hand and is under way or has arrived: the journal may not say so yet.
    sent_again: HashSet<(FiringId, usize)>,
    /// The journal's answer whether it has that orders were stopped, while it is awaited.
    pub(super) keeping: Option<Keeping>,
    /// Deliveries of an earlier run that a crash has parted from the rest of their step: when that comes again, they do not.
    pub(super) on_record: HashSet<(FiringId, usize)>,
    /// Deliveries that have come to nothing since the engine was told of those before: it gives back what they took of cooldowns and limits.
    pub(super) unsent: Vec<(Arc<FiringBrief>, usize)>,
    pub(super) mutes: Book,
    /// Those that can be edited.
    pub(super) messages: Messages,
    /// Orders that have ended since the engine was told of those before: messages say what became of them.
    pub(super) ended_orders: Vec<Report>,
    pub(super) notices: Notices,
    pub(super) tail: Tail,
    /// Of the actions, as the journal is told them.
    names: Arc<[Arc<str>]>,
    /// What the current step has come to so far.
    current: Step,
}

/// One envelope, for the journal.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) origin: Origin,
    pub(super) text: Bytes,
    /// A window has counted it.
    pub(super) counted: bool,
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
        let (notices, actions) = (Notices::new(&rules), rules.actions.len());
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
            attempts: vec![0; actions],
            edits: vec![EditCounts::default(); actions],
            console_is_closed: false,
            unsaid: Vec::new(),
            sent_again: HashSet::new(),
            keeping: None,
            on_record: HashSet::new(),
            unsent: Vec::new(),
            mutes: Book::default(),
            messages: Messages::default(),
            ended_orders: Vec::new(),
            notices,
            tail: Tail::default(),
            names,
            current: Step::default(),
        }
    }

    /// Has the orders leave that are among the first of what the engine wants, before the rest of it is made. Only the deliveries of orders are on
    /// record then; all else, and the envelope, is put there by [`Dispatch::perform`], which must follow.
    pub(super) fn send_orders(&mut self, effects: &mut Vec<Effect>) {
        let mut step = std::mem::take(&mut self.current);
        effects.drain(..).for_each(|effect| self.take(effect, &mut step));
        let orders = std::mem::take(&mut step.order_rows);
        let mut record = Record { deliveries: orders, ..Record::default() };
        self.offer_orders(&mut step, &mut record);
        step.order_rows = record.deliveries;
        self.current = step;
    }

    /// Does what the engine wants. `seen` is the envelope that brought it about, if one did. Says whether anything was wanted.
    pub(super) fn perform(&mut self, seen: Option<Seen>, effects: &mut Vec<Effect>) -> bool {
        self.tail.entry(seen.as_ref());
        let mut step = std::mem::take(&mut self.current);
        let acted = !effects.is_empty() || !step.fired.is_empty() || !step.record.is_empty();
        let entry = seen.filter(|_| self.journal.is_some());
        let entry = entry.map(|Seen { at, origin, text, counted }| EntryRow { at, origin, matched: acted || counted, text });
        if !acted {
            if let (Some(journal), Some(_)) = (&self.journal, &entry) {
                journal.record(Record { entry, ..Record::default() });
            }
            return false;
        }
        step.record.entry = entry;
        effects.drain(..).for_each(|effect| self.take(effect, &mut step));
        self.carry_out(step);
        true
    }

    fn take(&mut self, effect: Effect, step: &mut Step) {
        let of = match &effect {
            Effect::Fired(_) | Effect::Revise(_) | Effect::Trace(_) | Effect::Identity(_) => None,
            Effect::Deliver(delivery) | Effect::Paper(delivery) => Some((delivery.firing.id, delivery.action)),
            Effect::Ended(report) => Some((report.firing.id, report.action)),
        };
        if of.is_some_and(|of| self.on_record.contains(&of)) {
            return;
        }
        match effect {
            Effect::Fired(firing) => {
                step.record.firings.push(firing.brief());
                step.fired.push(firing);
            }
            Effect::Deliver(delivery) => self.admit(*delivery, step),
            Effect::Paper(delivery) => self.suppress(&delivery, Suppression::Paper, step),
            Effect::Trace(trace) => step.record.traces.push(*trace),
            Effect::Identity(identity) => step.record.identities.push(identity),
            Effect::Revise(revision) => self.revise(*revision),
            Effect::Ended(report) => {
                self.begun(&report.firing, report.action);
                let row = DeliveryRow {
                    firing: Arc::clone(&report.firing),
                    action: self.name(report.action),
                    trading: self.is_trading(report.action),
                    expires_at: report.firing.at,
                    body: None,
                    fallback: None,
                    line: None,
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
        let name = self.name(delivery.action);
        if let Quota::Used { first } = self.safety.begin(&name, most, self.clock.now()) {
            if let Some(most) = most.filter(|_| first) {
                step.quota.push((delivery.action, most));
            }
            return self.suppress(&delivery, Suppression::MaxPerDay, step);
        }
        self.begun(&delivery.firing, delivery.action);
        if delivery.edits {
            self.messages.offered(&delivery);
        }
        let row = self.row(&delivery, None);
        let (rows, deliveries) = match trading {
            true => (&mut step.order_rows, &mut step.orders),
            false => (&mut step.record.deliveries, &mut step.others),
        };
        rows.push(row);
        deliveries.push(delivery);
    }

    fn suppress(&mut self, delivery: &Delivery, reason: Suppression, step: &mut Step) {
        self.begun(&delivery.firing, delivery.action);
        let outcome = Outcome::Suppressed { reason };
        step.record.deliveries.push(self.row(delivery, Some(outcome.clone())));
        let (firing, action) = (Arc::clone(&delivery.firing), delivery.action);
        step.ended.push(Report { firing, action, outcome, attempts: 0, took: Duration::ZERO });
    }

    /// Orders first; then chat; then the record, unless it went with the first order. That something fired is said when the lanes have had their
    /// turn.
    fn carry_out(&mut self, mut step: Step) {
        let mut record = std::mem::take(&mut step.record);
        record.deliveries.splice(0..0, std::mem::take(&mut step.order_rows));
        self.offer_orders(&mut step, &mut record);
        let Step { others, fired, ended, mut by_lanes, quota, .. } = step;
        for delivery in others {
            by_lanes.extend(self.lanes.offer(delivery, None));
        }
        if let Some(journal) = self.journal.as_ref().filter(|_| !record.is_empty()) {
            journal.record(record);
        }
        self.totals.firings += fired.len() as u64;
        self.tail.fired(&fired);
        self.unsaid.extend(fired);
        for report in &ended {
            self.note(report);
        }
        for report in &by_lanes {
            self.note_of_lane(report);
        }
        for (action, most) in quota {
            self.quota_used(action, most);
        }
    }

    /// Brings the orders of a step to their lanes; with the first that can leave at once, the record goes.
    fn offer_orders(&mut self, step: &mut Step, record: &mut Record) {
        for delivery in std::mem::take(&mut step.orders) {
            let begins = self.journal.is_some() && self.lanes.is_ready(delivery.action);
            let pledge = begins.then(|| self.begin(std::mem::take(record), &delivery));
            step.by_lanes.extend(self.lanes.offer(delivery, pledge.flatten()));
        }
    }

    /// Says what has fired. To write a line takes longer than to send an order, so nothing waits for it.
    pub(super) fn say_fired(&mut self) {
        for firing in self.unsaid.drain(..) {
            info!(rule = %firing.rule, id = %firing.id, subject = firing.subject.key(), "fired");
        }
        self.tail.tell();
    }

    /// What has fired is not said at all.
    pub(super) fn leave_unsaid(&mut self) {
        self.unsaid.clear();
    }

    /// Whether any action carries orders.
    pub(super) fn has_orders(&self) -> bool {
        self.rules.actions.iter().any(|action| action.trading && !action.retired)
    }

    fn begin(&self, record: Record, delivery: &Delivery) -> Option<Pledge> {
        let key = key(delivery, self.name(delivery.action), self.rules.actions.get(delivery.action)?);
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
            line: delivery.line.clone(),
            outcome,
        }
    }

    fn name(&self, action: usize) -> Arc<str> {
        self.names.get(action).map_or_else(|| "?".into(), Arc::clone)
    }

    fn is_trading(&self, action: usize) -> bool {
        self.rules.actions.get(action).is_some_and(|action| action.trading)
    }

    /// An order whose receiver would carry it out twice.
    fn is_never_repeated(&self, action: usize) -> bool {
        self.rules.actions.get(action).is_some_and(|action| action.trading && !action.is_idempotent())
    }

    /// Takes up a delivery of an earlier run, whose row the journal has; `doubt`: why it may have arrived. Returns its end, if it came to one at once.
    pub(super) fn resume(&mut self, delivery: Delivery, doubt: Option<&'static str>) -> Option<Outcome> {
        let (firing, action) = (delivery.firing.id, delivery.action);
        self.begun(&delivery.firing, action);
        self.messages.resumed(&delivery);
        if &*delivery.firing.rule == NOTICES {
            self.notices.resumed(&delivery.firing);
        }
        let mut end = None;
        for report in self.lanes.resume(delivery, doubt) {
            self.note_of_lane(&report);
            end = end.or_else(|| ((report.firing.id, report.action) == (firing, action)).then_some(report.outcome));
        }
        end
    }

    /// Notes that a person has a delivery sent again; no when it is under way by such a word already, or has arrived.
    pub(super) fn may_send_again(&mut self, firing: FiringId, action: usize) -> bool {
        self.sent_again.insert((firing, action))
    }

    /// A delivery of an earlier run that goes no further.
    pub(super) fn end_of_earlier(&mut self, firing: &Arc<FiringBrief>, action: Option<usize>, name: &str, outcome: Outcome) {
        if let Some(action) = action {
            self.begun(firing, action);
            self.note_of_lane(&Report { firing: Arc::clone(firing), action, outcome, attempts: 0, took: Duration::ZERO });
        } else if let Some(journal) = &self.journal {
            let (firing, at) = (firing.id, self.clock.now());
            journal.ended(EndRow { firing, action: name.into(), outcome, attempts: 0, at });
        }
    }

    /// Says something to people, in the log and in their chats.
    pub(super) fn tell(&mut self, notice: &Notice) {
        let deliveries = self.notices.deliveries(&self.rules, notice, self.clock.now());
        self.tell_by(deliveries);
    }

    /// The same of what is told of once, over all runs, at the how manieth try. Says whether it is on its way to anybody.
    pub(super) fn tell_once(&mut self, notice: &Notice, time: u64) -> bool {
        let deliveries = self.notices.deliveries_of(&self.rules, (notice, &time.to_string()), self.clock.now());
        let is_said = !deliveries.is_empty();
        self.tell_by(deliveries);
        is_said
    }

    fn tell_by(&mut self, deliveries: Vec<Delivery>) {
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
}

/// What one step comes to, sorted by what must come first.
#[derive(Default)]
struct Step {
    record: Record,
    orders: Vec<Delivery>,
    /// Of the orders, those that are not in the record yet.
    order_rows: Vec<DeliveryRow>,
    others: Vec<Delivery>,
    fired: Vec<Arc<Firing>>,
    ended: Vec<Report>,
    /// What lanes did not take, or let go of for it.
    by_lanes: Vec<Report>,
    /// Actions that have had their number of the day, and that number.
    quota: Vec<(usize, u32)>,
}
