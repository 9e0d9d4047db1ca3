//! Messages that were sent and may be edited: which of them say something else now, as more is known of their tweet or of orders on it.
//!
//! Of each message of a send with `update = true` is kept what fired and what the message says. What an entry teaches of its tweet, and what
//! became of an order on the same subject, makes it anew; if it reads as before, nothing is to be done. It is a replay that rebuilds all of
//! this after a restart, but for what became of orders: that is told once more.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;

use super::Effect;
use super::fire::Messages;
use crate::matching::{self, Facts};
use crate::model::delivery::{Outcome, Report, Suppression};
use crate::model::envelope::{Body as Says, Envelope};
use crate::model::firing::{Element, Firing};
use crate::model::limits::{DELETION_SHOWN_FOR, EDITABLE_MESSAGES, EDITABLE_ORDERS, MESSAGE_EDITED_FOR};
use crate::model::message::Body;
use crate::model::revision::{OrderEnd, Revision};
use crate::model::subject::{About, Subject, Tweet};
use crate::model::time::Timestamp;
use crate::render;
use crate::rules::ruleset::{Each, Rule, RuleSet, Send};

/// What can be edited, by what it is about.
#[derive(Debug, Default)]
pub(super) struct Revisions {
    /// By the id of the tweet or event. The one of which something was sent, or ordered, first, is first.
    subjects: LinkedHashMap<Box<str>, Sent, FixedState>,
    messages: usize,
    /// Of which some may read otherwise now.
    behind: Vec<Box<str>>,
}

/// What was sent, and ordered, of a tweet or an event.
#[derive(Debug)]
struct Sent {
    since: Timestamp,
    messages: Vec<Message>,
    orders: Vec<(Arc<str>, OrderEnd)>,
}

#[derive(Debug)]
struct Message {
    /// With what has become known since.
    firing: Arc<Firing>,
    action: usize,
    expires_at: Timestamp,
    /// `None`: it was not made.
    says: Option<Arc<Body>>,
}

/// A message that has gone to its lane.
pub(super) struct Told<'a> {
    pub(super) firing: &'a Arc<Firing>,
    pub(super) action: usize,
    pub(super) expires_at: Timestamp,
    /// `None`: it was not made, as nobody reads it.
    pub(super) says: Option<Arc<Body>>,
}

impl Revisions {
    pub(super) fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// A message that can be edited from now on.
    pub(super) fn sent(&mut self, Told { firing, action, expires_at, says }: Told<'_>) {
        let id = id_of(&firing.subject);
        let sent = self.of(id, firing.at);
        let has_orders = !sent.orders.is_empty();
        sent.messages.push(Message { firing: Arc::clone(firing), action, expires_at, says });
        self.messages += 1;
        if has_orders {
            self.behind.push(id.into());
        }
        self.make_room(firing.at);
    }

    fn of(&mut self, id: &str, now: Timestamp) -> &mut Sent {
        let new = || Sent { since: now, messages: Vec::new(), orders: Vec::new() };
        self.subjects.entry(id.into()).or_insert_with(new)
    }

    /// What was sent long ago is edited no more.
    fn make_room(&mut self, now: Timestamp) {
        let is_over = |sent: &Sent, messages: usize, subjects: usize| {
            let too_many = messages > EDITABLE_MESSAGES || subjects > EDITABLE_MESSAGES;
            too_many || now.since(sent.since) >= DELETION_SHOWN_FOR
        };
        while self.subjects.len() > 1
            && self.subjects.front().is_some_and(|(_, sent)| is_over(sent, self.messages, self.subjects.len()))
        {
            if let Some((_, sent)) = self.subjects.pop_front() {
                self.messages = self.messages.saturating_sub(sent.messages.len());
            }
        }
    }

    /// Whether an envelope is about something of which a message was sent.
    pub(super) fn are_about<'e>(&self, envelope: &'e Envelope<'_>) -> Option<&'e str> {
        if self.messages == 0 {
            return None;
        }
        let id = match &envelope.body {
            Says::Delete(part) | Says::Pin(part) | Says::Unpin(part) => Some(&*part.tweet_id),
            says => says.tweet_id(),
        };
        id.filter(|id| self.subjects.get(*id).is_some_and(|sent| !sent.messages.is_empty()))
    }

    /// More is known of a tweet.
    pub(super) fn learn(&mut self, subject: &Subject, now: Timestamp) {
        let Some(tweet) = subject.tweet() else { return };
        let Some(sent) = self.subjects.get_mut(tweet.id.as_str()) else { return };
        let age = now.since(sent.since);
        if age >= DELETION_SHOWN_FOR || (age >= MESSAGE_EDITED_FOR && tweet.deleted_at.is_none()) {
            return;
        }
        for message in &mut sent.messages {
            let Some(known) = message.firing.subject.tweet().filter(|known| known.id == tweet.id) else { continue };
            let learned = if age < MESSAGE_EDITED_FOR { learned(known, tweet) } else { deleted(known, tweet) };
            message.firing = Arc::new(with(&message.firing, learned));
        }
        self.behind.push(tweet.id.as_str().into());
    }

    /// An order has come to its end.
    pub(super) fn ordered(&mut self, report: &Report, action: &str, now: Timestamp) {
        if !is_told(&report.outcome) {
            return;
        }
        let subject: Arc<str> = report.firing.subject.as_str().into();
        let Some((_, id)) = report.firing.subject.split_once(':') else { return };
        let end = OrderEnd { rule: Arc::clone(&report.firing.rule), action: action.to_owned(), outcome: report.outcome.clone() };
        let sent = self.of(id, now);
        let is_same = |(of, known): &(Arc<str>, OrderEnd)| *of == subject && known.rule == end.rule && known.action == end.action;
        match sent.orders.iter().position(is_same) {
            // It was sent again by hand.
            Some(at) => sent.orders.splice(at..=at, [(subject, end)]).for_each(drop),
            None if sent.orders.len() >= EDITABLE_ORDERS => return,
            None => sent.orders.push((subject, end)),
        }
        if !sent.messages.is_empty() {
            self.behind.push(id.into());
        }
        self.make_room(now);
    }

    /// Whether some messages may read otherwise than when they were made.
    pub(super) fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Makes the messages anew of which more is known, and says which of them read otherwise than before.
    pub(super) fn revise(&mut self, rules: &RuleSet, place: impl Fn(&str) -> Option<usize>, effects: &mut Vec<Effect>) {
        for id in std::mem::take(&mut self.behind) {
            let Some(sent) = self.subjects.get_mut(&id) else { continue };
            for message in &mut sent.messages {
                let Some(revision) = message.revised(rules, &sent.orders, &place) else { continue };
                if message.says.as_ref() != Some(&revision.body) {
                    message.says = Some(Arc::clone(&revision.body));
                    effects.push(Effect::Revise(Box::new(revision)));
                }
            }
        }
    }

    /// What is behind is made when [all](Revisions::all) are.
    pub(super) fn put_off(&mut self) {
        self.behind.clear();
    }

    /// All of them, as they are to be read.
    pub(super) fn all(&mut self, rules: &RuleSet, place: impl Fn(&str) -> Option<usize>) -> Vec<Revision> {
        let mut all = Vec::new();
        self.behind.clear();
        for (_, sent) in &mut self.subjects {
            for message in &mut sent.messages {
                let Some(revision) = message.revised(rules, &sent.orders, &place) else { continue };
                message.says = Some(Arc::clone(&revision.body));
                all.push(revision);
            }
        }
        all
    }
}

impl Message {
    /// It as it is to be read now, if its rule still sends it there and edits.
    fn revised(
        &mut self,
        rules: &RuleSet,
        orders: &[(Arc<str>, OrderEnd)],
        place: &impl Fn(&str) -> Option<usize>,
    ) -> Option<Revision> {
        let rule: &Rule = rules.rules.get(place(&self.firing.rule)?)?;
        let name = &rules.actions.get(self.action)?.name;
        let edits = |send: &&Send| send.update && rules.actions.get(send.action).is_some_and(|action| action.name == *name);
        let send = rule.send.iter().find(edits)?;
        self.action = send.action;
        let action = rules.actions.get(send.action)?;
        let key = self.firing.subject.key();
        let orders: Vec<&OrderEnd> = orders.iter().filter(|(of, _)| **of == *key).map(|(_, end)| end).collect();
        let message = render::revised(&self.firing, send, action, (self.expires_at, &orders));
        Some(Revision {
            firing: self.firing.id,
            action: self.action,
            body: Arc::new(message.body),
            fallback: message.fallback.map(Arc::new),
        })
    }
}

impl Messages {
    /// What is kept of a message that was made.
    pub(super) fn says(self, body: &Arc<Body>) -> Option<Arc<Body>> {
        (self == Self::Made).then(|| Arc::clone(body))
    }
}

/// The id of a tweet or of an account's event.
fn id_of(subject: &Subject) -> &str {
    match &subject.about {
        About::Tweet(tweet) => tweet.id.as_str(),
        About::Account(event) => &event.id,
    }
}

/// Whether people are told what became of an order. What was held back on purpose was none.
fn is_told(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Delivered { .. } | Outcome::Expired | Outcome::Dead { .. } | Outcome::Unknown { .. } => true,
        Outcome::Suppressed { reason } => {
            matches!(reason, Suppression::Disarmed | Suppression::MaxPerDay | Suppression::Overflow)
        }
        Outcome::Abandoned => false,
    }
}

/// What is known of a tweet now. One that was forgotten in between is known by less than before: then what it said stays.
fn learned(known: &Tweet, tweet: &Tweet) -> Tweet {
    let is_lost = (known.parts.content && !tweet.parts.content) || (known.parts.meta && !tweet.parts.meta);
    if is_lost { deleted(known, tweet) } else { tweet.clone() }
}

/// Of all that is known now, only that it was deleted.
fn deleted(known: &Tweet, tweet: &Tweet) -> Tweet {
    Tweet { deleted_at: tweet.deleted_at.or(known.deleted_at), ..known.clone() }
}

/// The firing with what is known of its tweet now. What it fired on stays.
fn with(firing: &Firing, tweet: Tweet) -> Firing {
    let subject = Subject { about: About::Tweet(Arc::new(tweet)), ..firing.subject.clone() };
    let element = firing.element.as_ref().map(|element| same_of(element, &subject).unwrap_or_else(|| element.clone()));
    Firing { subject, element, ..firing.clone() }
}

/// The element as the tweet has it now: the only one that goes by one of its names.
fn same_of(element: &Element, subject: &Subject) -> Option<Element> {
    let each = match element {
        Element::Token(_) => Each::Token,
        Element::Market(_) => Each::Market,
        Element::Prediction(_) => Each::Prediction,
    };
    let facts = Facts::of(subject, None);
    let key = matching::element_key(element, &facts);
    let is_it = |of: &Element| {
        matching::element_key(of, &facts) == key || matching::element_alias(of, &facts).is_some_and(|alias| alias == key)
    };
    let mut same = matching::elements(each, &facts).into_iter().filter(is_it);
    same.next().filter(|_| same.next().is_none())
}
