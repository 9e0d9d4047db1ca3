//! Matches → firings, each once, and what is to be done with them.

use std::sync::Arc;
use std::time::Duration;

use super::judge::Match;
use super::{Counts, Effect};
use crate::matching::{self, Facts, Reading};
use crate::model::action::Overflow;
use crate::model::delivery::{Delivery, Outcome, Report, Suppression};
use crate::model::firing::{Element, Firing, Origin};
use crate::model::ids::FiringId;
use crate::model::mode::Mode;
use crate::model::subject::Subject;
use crate::model::time::Timestamp;
use crate::render;
use crate::rules::ruleset::{Rule, RuleSet, Send};
use crate::suppress::Fired;

/// What has fired, and how much.
#[derive(Debug)]
pub(super) struct Firings {
    fired: Fired,
    pub(super) counts: Counts,
}

/// On what rules have become true.
pub(super) struct Fire<'f> {
    pub(super) rules: &'f RuleSet,
    pub(super) subject: &'f Subject,
    pub(super) facts: &'f Facts<'f>,
    pub(super) origin: Origin,
}

impl Firings {
    /// Remembers so many.
    pub(super) fn new(most: usize) -> Self {
        Self { fired: Fired::new(most), counts: Counts::default() }
    }

    /// Remembers what fired in an earlier run, the oldest first.
    pub(super) fn restore(&mut self, fired: impl IntoIterator<Item = FiringId>) {
        self.fired.restore(fired);
    }

    /// Makes firings of matches, and deliveries of firings: all orders first, and last what is not sent.
    pub(super) fn fire(&mut self, of: &Fire<'_>, matches: Vec<Match>, now: Timestamp, effects: &mut Vec<Effect>) {
        let rules = of.rules;
        let new = |(at, element)| self.firing(of, at, element, now).map(|firing| (&rules.rules[at], firing));
        let firings: Vec<_> = matches.into_iter().filter_map(new).collect();
        effects.extend(firings.iter().map(|(_, firing)| Effect::Fired(Arc::clone(firing))));
        let turn = |send: &Send| match send.mode {
            Mode::Armed => u8::from(!rules.actions[send.action].trading),
            Mode::Paper | Mode::Off => 2,
        };
        for of in 0..=2 {
            for (rule, firing) in &firings {
                let sends = rule.send.iter().filter(|send| turn(send) == of);
                effects.extend(sends.map(|send| deliver(rules, rule, send, firing)));
            }
        }
    }

    /// The firing of a match, unless it has fired before or is too old for its rule.
    fn firing(&mut self, of: &Fire<'_>, at: usize, element: Option<Element>, now: Timestamp) -> Option<Arc<Firing>> {
        let Fire { subject, facts, origin, .. } = *of;
        let rule = &of.rules.rules[at];
        let key = element.as_ref().map(|element| matching::element_key(element, facts)).unwrap_or_default();
        let id = FiringId::of(&rule.name, &subject.key(), &key);
        if !self.fired.is_first(id) {
            self.counts.repeated += 1;
            return None;
        }
        self.counts.fired += 1;
        let reading = Reading { settled: true, element: element.as_ref() };
        let (matched, found) = matching::explain(&rule.when, facts, reading);
        let (rule, subject) = (Arc::clone(&rule.name), subject.clone());
        let element = element.or(found);
        Some(Arc::new(Firing { id, rule, subject, element, matched, at: now, origin }))
    }
}

/// Brings a firing to one action, unless that is off, it is too late for it or it lacks what its template needs.
fn deliver(rules: &RuleSet, rule: &Rule, send: &Send, firing: &Arc<Firing>) -> Effect {
    let action = &rules.actions[send.action];
    let expires_at = firing.subject.at.plus(rule.max_age_of(send, action));
    let end = |outcome| {
        let firing = firing.brief();
        Effect::Ended(Report { firing, action: send.action, outcome, attempts: 0, took: Duration::ZERO })
    };
    if send.mode == Mode::Off {
        return end(Outcome::Suppressed { reason: Suppression::Off });
    }
    if expires_at <= firing.at || (action.trading && firing.is_late()) {
        return end(Outcome::Expired);
    }
    let message = match render::render(firing, send, action, expires_at) {
        Ok(message) => message,
        Err(incomplete) => return end(Outcome::Dead { reason: incomplete.to_string() }),
    };
    let delivery = Box::new(Delivery {
        firing: firing.brief(),
        action: send.action,
        expires_at,
        body: Arc::new(message.body),
        fallback: message.fallback.map(Arc::new),
        line: (action.overflow == Overflow::Digest).then(|| Box::new(render::digest_line(firing))),
    });
    if send.mode == Mode::Paper { Effect::Paper(delivery) } else { Effect::Deliver(delivery) }
}
