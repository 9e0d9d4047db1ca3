//! Matches → firings, each once, and what is to be done with them.

use std::sync::Arc;
use std::time::Duration;

use super::Effect;
use super::observer::Matches;
use crate::matching::{self, Reading};
use crate::model::action::Overflow;
use crate::model::delivery::{Delivery, Outcome, Report, Suppression};
use crate::model::firing::{Element, Firing};
use crate::model::ids::FiringId;
use crate::model::message::{Body, ConsoleBody};
use crate::model::mode::Mode;
use crate::model::subject::Subject;
use crate::render::{self, Rendered};
use crate::rules::ruleset::{Rule, RuleSet, Send};
use crate::suppress::Fired;

/// Whether messages are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Messages {
    /// All of them.
    #[default]
    Made,
    /// Only those that it depends on whether they are sent at all: nobody reads them.
    Spared,
}

/// What has fired, and how much.
#[derive(Debug)]
pub(super) struct Firings {
    known: Fired,
    pub(super) messages: Messages,
    /// Firings.
    pub(super) fired: u64,
    /// Matches that had fired before.
    pub(super) repeated: u64,
}

/// A firing and one of its rule's sends, that is made a message later.
#[derive(Debug)]
pub(super) struct Later {
    rule: usize,
    send: usize,
    firing: Arc<Firing>,
}

impl Later {
    pub(super) fn deliver(self, rules: &RuleSet, messages: Messages) -> Effect {
        let rule = &rules.rules[self.rule];
        deliver((rules, messages), rule, &rule.send[self.send], &self.firing)
    }
}

impl Firings {
    /// Remembers so many.
    pub(super) fn new(most: usize) -> Self {
        Self { known: Fired::new(most), messages: Messages::default(), fired: 0, repeated: 0 }
    }

    /// Remembers what fired in an earlier run, the oldest first.
    pub(super) fn restore(&mut self, fired: impl IntoIterator<Item = FiringId>) {
        self.known.restore(fired);
    }

    pub(super) fn reset_counts(&mut self) {
        (self.fired, self.repeated) = (0, 0);
    }

    /// Makes firings of matches, and deliveries of firings: orders at once, the others `later`, and last what is not sent.
    pub(super) fn fire(&mut self, rules: &RuleSet, matches: Matches<'_>, effects: &mut Vec<Effect>, later: &mut Vec<Later>) {
        let (subject, mut matches) = (matches.subject(), matches);
        let key = subject.key();
        let all = std::mem::take(&mut matches.rules).into_iter();
        let firings: Vec<_> = all
            .filter_map(|(at, element)| {
                let rule = &rules.rules[at];
                self.firing((rule, element), (&subject, &key), &matches).map(|firing| (at, rule, firing))
            })
            .collect();
        effects.extend(firings.iter().map(|(_, _, firing)| Effect::Fired(Arc::clone(firing))));
        let turn = |send: &Send| match send.mode {
            Mode::Armed => u8::from(!rules.actions[send.action].trading),
            Mode::Paper | Mode::Off => 2,
        };
        for of in 0..=2 {
            for (at, rule, firing) in &firings {
                for (place, send) in rule.send.iter().enumerate().filter(|(_, send)| turn(send) == of) {
                    match of {
                        0 => effects.push(deliver((rules, self.messages), rule, send, firing)),
                        _ => later.push(Later { rule: *at, send: place, firing: Arc::clone(firing) }),
                    }
                }
            }
        }
    }

    /// The firing of a match, unless it has fired before.
    fn firing(
        &mut self,
        (rule, element): (&Rule, Option<Element>),
        (subject, key): (&Subject, &str),
        of: &Matches<'_>,
    ) -> Option<Arc<Firing>> {
        let Matches { facts, origin, at, .. } = *of;
        let of_element = element.as_ref().map(|element| matching::element_key(element, facts)).unwrap_or_default();
        let id = FiringId::of(&rule.name, key, &of_element);
        if !self.known.is_first(id) {
            self.repeated += 1;
            return None;
        }
        self.fired += 1;
        let reading = Reading { settled: true, element: element.as_ref() };
        let (matched, found) = matching::explain(&rule.when, facts, reading);
        let (rule, subject) = (Arc::clone(&rule.name), subject.clone());
        let element = element.or(found);
        Some(Arc::new(Firing { id, rule, subject, element, matched, at, origin, window: None, held: 0 }))
    }
}

/// Brings a firing to one action, unless that is off, it is too late for it or it lacks what its template needs.
fn deliver((rules, messages): (&RuleSet, Messages), rule: &Rule, send: &Send, firing: &Arc<Firing>) -> Effect {
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
    // Without a template of its data a message cannot be incomplete.
    let message = match (messages, &send.payload) {
        (Messages::Spared, None) => Ok(Rendered { body: Body::Console(ConsoleBody { pieces: Vec::new() }), fallback: None }),
        _ => render::render(firing, send, action, expires_at),
    };
    let message = match message {
        Ok(message) => message,
        Err(incomplete) => return end(Outcome::Dead { reason: incomplete.to_string() }),
    };
    let delivery = Box::new(Delivery {
        firing: firing.brief(),
        action: send.action,
        expires_at,
        body: Arc::new(message.body),
        fallback: message.fallback.map(Arc::new),
        line: (action.overflow == Overflow::Digest && messages == Messages::Made).then(|| Box::new(render::digest_line(firing))),
    });
    if send.mode == Mode::Paper { Effect::Paper(delivery) } else { Effect::Deliver(delivery) }
}
