//! Effects of the engine → counts for each rule.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::authors::{Authors, Ids};
use super::delays::Delays;
use super::distinct::{Distinct, Room};
use super::orders::Orders;
use super::summary::{self, RuleSummary, Summary};
use super::timeline::Timeline;
use super::watch::Priced;
use crate::engine::Effect;
use crate::model::delivery::{Outcome, Suppression};
use crate::model::envelope::Envelope;
use crate::model::firing::{Firing, FiringBrief, Origin};
use crate::model::ids::FiringId;
use crate::model::subject::Str;
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;
use crate::suppress::days::Days;

/// Buckets that are kept of all firings, and of one rule's.
const BUCKETS: usize = 512;
const BUCKETS_OF_RULE: usize = 128;

/// What deliveries would have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// Orders that would have been placed.
    pub orders: u64,
    /// Messages that would have been sent.
    pub messages: u64,
    /// Held back by `mode = "paper"`, orders and messages.
    pub paper: u64,
    /// Held back by `mode = "off"`.
    pub off: u64,
    /// Too old when they were made, or orders on news that did not come live.
    pub expired: u64,
    /// Without a value that their template needs.
    pub incomplete: u64,
    /// The action had had its `max_per_day`.
    pub max_per_day: u64,
    /// Held back as somebody had muted the rule or the action.
    pub muted: u64,
    /// Held back by a `cooldown`.
    pub cooldown: u64,
    /// By a `limit`.
    pub limit: u64,
    /// As the rule was not `active`.
    pub out_of_hours: u64,
}

impl Ends {
    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let held = self.paper + self.off + self.max_per_day + self.muted + self.cooldown + self.limit + self.out_of_hours;
        self.orders + self.messages + self.expired + self.incomplete + held
    }
}

/// A firing of the past, and what kept all of it back.
#[derive(Clone, Debug)]
pub struct Played {
    /// What fired.
    pub firing: Arc<Firing>,
    /// Nothing of it is sent for this reason, as counters spell it. `None`: something is.
    pub held: Option<&'static str>,
    pub(super) goes: bool,
}

impl Played {
    fn new(firing: Arc<Firing>) -> Self {
        Self { firing, held: None, goes: false }
    }

    /// One that is sent.
    #[cfg(test)]
    pub(super) fn sent(firing: Arc<Firing>) -> Self {
        Self { goes: true, ..Self::new(firing) }
    }

    /// One of its sends goes, or is kept back for that reason.
    fn note(&mut self, held: Option<&'static str>) {
        self.goes |= held.is_none();
        self.held = if self.goes { None } else { self.held.or(held) };
    }
}

/// One rule so far.
#[derive(Debug)]
struct OfRule {
    firings: u64,
    late: u64,
    authors: Authors,
    tokens: Distinct,
    ends: Ends,
    delays: Delays,
    timeline: Timeline,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Default for OfRule {
    fn default() -> Self {
        Self {
            firings: 0,
            late: 0,
            authors: Authors::default(),
            tokens: Distinct::default(),
            ends: Ends::default(),
            delays: Delays::default(),
            timeline: Timeline::new(BUCKETS_OF_RULE),
            first: None,
            last: None,
        }
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Tally {
    rules: Arc<RuleSet>,
    places: HashMap<Str, usize>,
    of: Vec<OfRule>,
    ids: Ids,
    room: Room,
    orders: Orders,
    timeline: Timeline,
    entries: [u64; Origin::ALL.len()],
    firings: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    days: Days,
    /// What fired in the step that is being heeded.
    fired: Vec<Played>,
    /// What had no room in its action's day: the firing and the action of each.
    pub(super) unsent: Vec<(Arc<FiringBrief>, usize)>,
}

impl Tally {
    pub(super) fn new(rules: Arc<RuleSet>) -> Self {
        let places = rules.rules.iter().enumerate().map(|(at, rule)| (Arc::clone(&rule.name), at)).collect();
        let of = rules.rules.iter().map(|_| OfRule::default()).collect();
        Self {
            rules,
            places,
            of,
            ids: Ids::default(),
            room: Room::default(),
            orders: Orders::default(),
            timeline: Timeline::new(BUCKETS),
            entries: [0; Origin::ALL.len()],
            firings: 0,
            first: None,
            last: None,
            days: Days::default(),
            fired: Vec::new(),
            unsent: Vec::new(),
        }
    }

    /// The type of the rule's window; empty where there is none.
    pub(super) fn window_of(&self, rule: &str) -> &'static str {
        let window = self.places.get(rule).and_then(|at| self.rules.rules.get(*at)?.window.as_deref());
        window.map_or("", |window| window.kind.name())
    }

    pub(super) fn entry(&mut self, at: Timestamp, origin: Origin) {
        self.entries[origin as usize] += 1;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(Some(at));
    }

    /// Entries and firings so far.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.entries.iter().sum(), self.firings)
    }

    pub(super) fn prices(&mut self, envelope: &Envelope<'_>, at: Timestamp) {
        self.orders.prices(envelope, at);
    }

    /// Counts what the engine wants done, but for what fired before `from`, and leaves nothing of it.
    pub(super) fn heed(&mut self, effects: &mut Vec<Effect>, from: Option<Timestamp>, told: impl FnMut(&Played)) {
        if effects.is_empty() {
            return;
        }
        let is_told = |at: Timestamp| from.is_none_or(|from| at >= from);
        for effect in effects.drain(..) {
            match effect {
                Effect::Fired(firing) if is_told(firing.at) => {
                    self.fired(&firing);
                    self.fired.push(Played::new(firing));
                }
                Effect::Deliver(delivery) if is_told(delivery.firing.at) => self.wanted(&delivery.firing, delivery.action, false),
                // Not told, but the action has had it.
                Effect::Deliver(delivery) => drop(self.has_room(&delivery.firing, delivery.action)),
                Effect::Paper(delivery) if is_told(delivery.firing.at) => self.wanted(&delivery.firing, delivery.action, true),
                Effect::Ended(report) if is_told(report.firing.at) => {
                    let held = match report.outcome {
                        Outcome::Suppressed { reason } => reason.name(),
                        ref outcome => outcome.name(),
                    };
                    self.ended(&report.firing.rule, &report.outcome);
                    self.note(report.firing.id, Some(held));
                }
                _ => {}
            }
        }
        self.fired.iter().for_each(told);
        self.fired.clear();
    }

    fn note(&mut self, id: FiringId, held: Option<&'static str>) {
        if let Some(of) = self.fired.iter_mut().find(|of| of.firing.id == id) {
            of.note(held);
        }
    }

    fn rule(&mut self, name: &str) -> Option<&mut OfRule> {
        let place = *self.places.get(name)?;
        self.of.get_mut(place)
    }

    fn fired(&mut self, firing: &Arc<Firing>) {
        self.firings += 1;
        self.timeline.add(firing.at);
        let Some(of) = self.places.get(&firing.rule).and_then(|place| self.of.get_mut(*place)) else { return };
        of.firings += 1;
        of.late += u64::from(firing.is_late());
        of.timeline.add(firing.at);
        of.first = of.first.or(Some(firing.at));
        of.last = Some(firing.at);
        of.authors.add(firing.subject.actor(), &mut self.ids, &mut self.room);
        if let Some(which) = firing.element.as_ref().and_then(Priced::of) {
            of.tokens.add(&which, &mut self.room);
        }
        // What did not come live says how long nobody listened, and nothing about the rule; and a silence is as long as the rule says.
        let is_silence = firing.window.as_ref().is_some_and(|told| told.kind == "silence");
        let created = firing.subject.tweet().and_then(|tweet| tweet.created_at);
        if let Some(created) = created.filter(|_| !firing.is_late() && !is_silence) {
            of.delays.add(firing.at.since(created));
        }
    }

    /// A delivery that a run would bring to its lane.
    fn wanted(&mut self, firing: &Arc<FiringBrief>, action: usize, paper: bool) {
        let rules = Arc::clone(&self.rules);
        let Some(to) = rules.actions.get(action) else { return };
        let is_used_up = !paper && !self.has_room(firing, action);
        self.note(firing.id, is_used_up.then(|| Suppression::MaxPerDay.name()));
        let Some(place) = self.places.get(&firing.rule).copied() else { return };
        let Some(of) = self.of.get_mut(place) else { return };
        match (is_used_up, paper, to.trading) {
            (true, ..) => of.ends.max_per_day += 1,
            (_, true, _) => of.ends.paper += 1,
            (.., true) => of.ends.orders += 1,
            (.., false) => of.ends.messages += 1,
        }
        let found = self.fired.iter().find(|of| of.firing.id == firing.id).filter(|_| to.trading && !is_used_up);
        if let Some(Played { firing, .. }) = found {
            self.orders.add(firing, place, &to.name, paper);
        }
    }

    /// Whether an action may have one more, as a run counts.
    fn has_room(&mut self, firing: &Arc<FiringBrief>, action: usize) -> bool {
        let Some(most) = self.rules.actions.get(action).and_then(|action| action.max_per_day) else { return true };
        let has_room = self.days.begin(action, most, firing.at).has_room();
        if !has_room {
            self.unsent.push((Arc::clone(firing), action));
        }
        has_room
    }

    fn ended(&mut self, rule: &str, outcome: &Outcome) {
        let Some(of) = self.rule(rule) else { return };
        let ends = &mut of.ends;
        *match outcome {
            Outcome::Suppressed { reason } => match reason {
                Suppression::Off => &mut ends.off,
                Suppression::MaxPerDay => &mut ends.max_per_day,
                Suppression::Muted => &mut ends.muted,
                Suppression::Cooldown => &mut ends.cooldown,
                Suppression::Limit => &mut ends.limit,
                Suppression::Hours => &mut ends.out_of_hours,
                Suppression::Paper | Suppression::Disarmed | Suppression::Overflow => &mut ends.paper,
            },
            Outcome::Dead { .. } => &mut ends.incomplete,
            _ => &mut ends.expired,
        } += 1;
    }

    pub(super) fn summary(&self, repeated: u64, settled_early: u64) -> Summary {
        let (worths, worth) = self.orders.worths(self.of.len());
        let rules = self.rules.rules.iter().zip(&self.of).zip(worths).map(|((rule, of), worth)| {
            let ((authors, more_authors), (tokens, more_tokens)) = (of.authors.count(&self.ids), of.tokens.count());
            RuleSummary {
                name: rule.name.to_string(),
                mode: rule.mode.name(),
                firings: of.firings,
                late: of.late,
                authors,
                tokens,
                more_authors_or_tokens: more_authors || more_tokens,
                ends: of.ends,
                delay_p50_ms: of.delays.percentile(0.5),
                delay_p95_ms: of.delays.percentile(0.95),
                delay_max_ms: of.delays.percentile(1.0),
                first: of.first.map(summary::written),
                last: of.last.map(summary::written),
                worth,
                timeline: of.timeline.clone(),
            }
        });
        let rules: Vec<_> = rules.collect();
        Summary {
            from: self.first,
            to: self.last,
            entries: self.entries.iter().sum(),
            backfilled: self.entries[Origin::Backfill as usize],
            firings: self.firings,
            repeated,
            settled_early,
            rules,
            orders: self.orders.followed().cloned().collect(),
            orders_not_followed: self.orders.not_followed(),
            worth,
            timeline: self.timeline.clone(),
        }
    }
}
