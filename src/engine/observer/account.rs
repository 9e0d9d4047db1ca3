//! What every rule makes of a subject, and why. For people: nothing of it is called while alerts are made.
//!
//! It looks again at what the latest step has looked at, through the same facts and the same readings, and changes nothing.

use super::super::account::{Account, Answer, FiringAccount, Gathering, RuleAccount, Seen};
use super::super::fire::Unfired;
use super::super::judge::{TweetState, step_name};
use super::{Observer, wait_of};
use crate::join::{Joined, Known};
use crate::matching::{self, Facts, Flips, Node, Reading, Truth, is_of_elements};
use crate::model::envelope::Envelope;
use crate::model::firing::Element;
use crate::model::ids::{FiringId, TweetId};
use crate::model::mode::Mode;
use crate::model::subject::Event;
use crate::model::time::Timestamp;
use crate::rules::condition::Condition;
use crate::rules::ruleset::Rule;

/// Which rules are asked for, and which firings are of this moment.
pub(in crate::engine) struct Asked<'a> {
    pub(in crate::engine) wanted: &'a dyn Fn(&Rule) -> bool,
    pub(in crate::engine) fired_now: &'a [FiringAccount],
    /// What windows said to matches of this moment that did not fire.
    pub(in crate::engine) said: &'a [Unfired],
}

impl Asked<'_> {
    fn has_fired(&self, id: FiringId) -> bool {
        self.fired_now.iter().any(|of| of.firing.id == id)
    }

    /// Whether a rule has fired as nothing came after that: the firing has an id of its own, and is told of the last match, which has been counted for
    /// long.
    fn is_silent(&self, rule: &Rule, key: &str, element: Option<&Element>) -> bool {
        let silences = self.fired_now.iter().map(|of| &of.firing);
        let mut silences = silences.filter(|firing| firing.window.as_ref().is_some_and(|told| told.kind == "silence"));
        silences.any(|firing| {
            let is_of_element = element.is_none() || firing.element.as_ref() == element;
            firing.rule == rule.name && is_of_element && firing.subject.key() == key
        })
    }
}

/// A subject, and how a rule is read for it.
struct Look<'a, 'f> {
    facts: &'a Facts<'f>,
    key: &'a str,
    event: Event,
    settled: bool,
    /// Of a tweet that is waited for: when that is over.
    until: Option<Timestamp>,
    /// Of a tweet: what has fired for it.
    state: Option<&'a TweetState>,
    asked: &'a Asked<'a>,
}

impl Observer {
    /// What the rules make of a remembered tweet now.
    pub(in crate::engine) fn account_of(&mut self, id: &TweetId, asked: &Asked<'_>) -> Option<Account> {
        let (now, hold, ahead) = (self.now, self.waits.hold(), self.ahead);
        let known = self.joiner.get(id)?;
        let subject = known.subject();
        let Known { tweet, state, .. } = known;
        let held = state.is_held(hold);
        let facts = Facts::of_tweet(&tweet, state.age(&tweet, ahead));
        let key = subject.key();
        let of = |(at, rule): (usize, &Rule)| {
            let wait = wait_of(&self.rules, rule);
            let deadline = state.deadline(wait);
            // A wait that is set ends by itself, even when its moment has come.
            let is_over = |deadline: &Timestamp| *deadline <= now && !state.waits().contains(&(*deadline, wait));
            let settled = !held && deadline.as_ref().is_some_and(is_over);
            let until = deadline.filter(|_| !settled && !held).map(|deadline| deadline.max(now));
            let state = Some(&*state);
            let look = Look { facts: &facts, key: &key, event: Event::Tweet, settled, until, state, asked };
            look.account(at, rule)
        };
        let rules = self.rules.rules.iter().enumerate().filter(|(_, rule)| (asked.wanted)(rule)).map(of).collect();
        Some(Account { subject, at: now, rules })
    }

    /// What the rules make of an event that the latest step was about: a deletion, a pin, an account event. `None`: it was none.
    pub(in crate::engine) fn account_of_event(&mut self, envelope: &Envelope<'_>, asked: &Asked<'_>) -> Option<Account> {
        // Once more: what is said twice changes nothing.
        let Joined::Event { subject, .. } = self.joiner.absorb(envelope, self.now) else { return None };
        let created = subject.tweet().and_then(|tweet| tweet.created_at);
        let facts = Facts::of(&subject, created.map(|created| self.now.shifted(self.ahead).since(created)));
        let (key, event) = (subject.key(), subject.event);
        let look = Look { facts: &facts, key: &key, event, settled: true, until: None, state: None, asked };
        let wanted = self.rules.rules.iter().enumerate().filter(|(_, rule)| (asked.wanted)(rule));
        let rules = wanted.map(|(at, rule)| look.account(at, rule)).collect();
        Some(Account { subject, at: self.now, rules })
    }
}

impl Look<'_, '_> {
    fn account(&self, at: usize, rule: &Rule) -> RuleAccount {
        let name = rule.name.clone();
        let none = |answer| RuleAccount { rule: at, name: name.clone(), answer, seen: Vec::new(), without: None };
        if !rule.on.contains(&self.event) {
            return none(Answer::OtherEvent);
        }
        if rule.mode == Mode::Off {
            return none(Answer::Off);
        }
        let Some(each) = rule.each else {
            let seen = self.see_steps(at, rule, None);
            let answer = furthest(&seen).unwrap_or(Answer::OtherEvent);
            return RuleAccount { answer, seen, ..none(Answer::False) };
        };
        // The names of elements come from the text: before it nothing is said of them.
        let without = || Some(Node::of(&rule.when, self.facts, Reading { settled: self.settled, element: None }));
        if !self.settled && !self.facts.has_content() {
            return RuleAccount { without: without(), ..none(Answer::Unknown { until: self.until }) };
        }
        let elements = matching::elements(each, self.facts).into_iter();
        let mut seen: Vec<Seen> = Vec::new();
        for mut of in elements.flat_map(|element| self.see_steps(at, rule, Some(element))) {
            // Of several with one name it was the first.
            if of.answer == Answer::Fires && seen.iter().any(|first| first.answer == Answer::Fires && first.id == of.id) {
                of.answer = Answer::Fired;
            }
            seen.push(of);
        }
        let without = if seen.is_empty() { without() } else { None };
        let more_may_come = !self.settled && !self.facts.has_meta();
        // What an element would have to do with may turn when one comes, the rest of the tree may not.
        let is_open = |node: &Node| node.but_for(&Flips(&is_of_elements)) != Truth::False;
        let none_yet = match &without {
            Some(node) if more_may_come && is_open(node) => Answer::Unknown { until: self.until },
            Some(_) if more_may_come => Answer::False,
            _ => Answer::NoElement,
        };
        let answer = furthest(&seen).unwrap_or(none_yet);
        RuleAccount { answer, seen, without, ..none(Answer::False) }
    }

    /// The looks at a rule, or at the steps of a sequence that are about this event.
    fn see_steps(&self, at: usize, rule: &Rule, element: Option<Element>) -> Vec<Seen> {
        let Some(steps) = rule.steps() else { return vec![self.see((at, rule), (&rule.when, None), element)] };
        let about = steps.iter().enumerate().filter(|(_, step)| step.on.contains(&self.event));
        about.map(|(number, step)| self.see((at, rule), (&step.when, Some(number)), element.clone())).collect()
    }

    /// One look at a rule: as a whole, or with one element.
    fn see(&self, (at, rule): (usize, &Rule), (when, step): (&Condition, Option<usize>), element: Option<Element>) -> Seen {
        let node = Node::of(when, self.facts, Reading { settled: self.settled, element: element.as_ref() });
        let of_element = element.as_ref().map(|element| matching::element_key(element, self.facts)).unwrap_or_default();
        let alias = element.as_ref().and_then(|element| matching::element_alias(element, self.facts));
        let named = |name: String| step.map_or(name.clone(), |step| step_name(&name, step));
        let (of_element, alias) = (named(of_element), alias.map(named));
        let id = FiringId::of(&rule.name, self.key, &of_element);
        let has_fired = self.state.is_some_and(|state| match (&element, step) {
            (None, None) => state.has_fired(u32::try_from(at).unwrap_or(u32::MAX)),
            _ => state.has_fired_each(at, &[Some(of_element.clone()), alias].into_iter().flatten().collect::<Vec<_>>()),
        });
        let said = self.asked.said.iter().find(|of| of.id == id);
        let fires = self.asked.has_fired(id);
        let is_silent = self.asked.is_silent(rule, self.key, element.as_ref());
        let answer = if is_silent || (fires && node.truth == Truth::True) {
            Answer::Fires
        } else if let Some(Unfired { said, .. }) = said {
            Answer::OverTime(Gathering::of(said, rule.window.as_ref().map_or("", |window| window.kind.name())))
        } else if fires || has_fired || node.truth == Truth::True {
            // If now, by another element of this name; if true and not of now, a firing of this id is known from elsewhere.
            if rule.window.is_some() && !fires { Answer::OverTime(Gathering::Counted) } else { Answer::Fired }
        } else if node.truth == Truth::Unknown {
            Answer::Unknown { until: self.until }
        } else {
            Answer::False
        };
        Seen { element, step, id, answer, node }
    }
}

/// In one word: what the one says that came furthest.
fn furthest(seen: &[Seen]) -> Option<Answer> {
    seen.iter().map(|seen| seen.answer).max_by_key(|answer| answer.rank())
}
