//! Matches → firings, each once, and what is to be done with them.

use std::sync::Arc;
use std::time::Duration;

use super::Effect;
use super::brakes::Brakes;
use super::identities::Identities;
use super::judge::{Match, step_name};
use super::observer::Matches;
use super::over_time::{self, Asked, OverTime, Said};
use super::revise::{Revisions, Told as Sent};
use super::undetected::Undetected;
use crate::matching::{self, Reading};
use crate::model::action::Action;
use crate::model::delivery::{Delivery, DigestLine, Outcome, Report, Suppression};
use crate::model::firing::{Firing, Origin};
use crate::model::ids::{FiringId, TweetId};
use crate::model::message::{Body, ConsoleBody};
use crate::model::mode::Mode;
use crate::model::mute::Muted;
use crate::model::subject::Subject;
use crate::model::time::Timestamp;
use crate::render::{self, Rendered};
use crate::rules::ruleset::{Rule, RuleSet, Send};
use crate::suppress::Fired;
use crate::suppress::mutes::{Candidate, Mutes};
use crate::window::Due;

/// Whether messages are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Messages {
    /// All of them.
    #[default]
    Made,
    /// Only those that it depends on whether they are sent at all: nobody reads them.
    Spared,
}

/// What has fired, and how much; what matches make true over time, and what holds firings back.
#[derive(Debug)]
pub(super) struct Firings {
    known: Fired,
    pub(super) messages: Messages,
    /// Firings.
    pub(super) fired: u64,
    /// Matches that had fired before.
    pub(super) repeated: u64,
    pub(super) over_time: OverTime,
    pub(super) brakes: Brakes,
    pub(super) mutes: Mutes,
    pub(super) identities: Identities,
    pub(super) undetected: Undetected,
    /// What windows said to the matches of the latest step that did not fire.
    pub(super) said: Vec<Unfired>,
    /// When something fired the last time that had not come late: until then the feed was heard, as far as anybody knew.
    pub(super) last_live: Timestamp,
    /// What was held back in the latest step: the firing, the action of one of its sends or none for all of them, and until when.
    pub(super) refused: Vec<(FiringId, Option<usize>, Option<Timestamp>)>,
}

/// A match that a window took in and that made nothing true.
#[derive(Debug)]
pub(super) struct Unfired {
    /// The id that its firing would have.
    pub(super) id: FiringId,
    /// The tweet that it is about.
    pub(super) tweet: Option<TweetId>,
    pub(super) said: Said,
}

/// A firing and one of its rule's sends, that is made a message later.
#[derive(Debug)]
pub(super) struct Later {
    rule: usize,
    send: usize,
    firing: Arc<Firing>,
    ages_from: Timestamp,
}

/// A firing of a rule, and why it is held back, if it is.
struct Made<'r> {
    at: usize,
    rule: &'r Rule,
    firing: Arc<Firing>,
    /// From when on it may be so old as `max_age` says: from when its subject happened, and a silence from when it was found.
    ages_from: Timestamp,
    refused: Option<Suppression>,
}

impl Firings {
    /// Remembers so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            known: Fired::new(most),
            messages: Messages::default(),
            fired: 0,
            repeated: 0,
            over_time: OverTime::default(),
            brakes: Brakes::default(),
            mutes: Mutes::default(),
            identities: Identities::default(),
            undetected: Undetected::default(),
            said: Vec::new(),
            last_live: Timestamp::from_millis(i64::MIN),
            refused: Vec::new(),
        }
    }

    /// See [`Fired::touch`].
    pub(super) fn touch(&mut self) {
        self.known.touch();
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
        let mut made = Vec::new();
        for of in std::mem::take(&mut matches.rules) {
            let (at, rule) = (of.rule, &rules.rules[of.rule]);
            if let Some(firing) = self.firing((rule, of), (&subject, &key), &matches) {
                let ages_from = firing.subject.at;
                made.push(self.brake(rules, (at, rule), firing, ages_from));
            }
        }
        self.send(rules, &made, effects, later);
    }

    /// Fires what was silent for so long by now. It is as of the moment since which it was, whenever that is found, so that it is the same in a replay.
    pub(super) fn fire_silence(&mut self, rules: &RuleSet, now: Timestamp, effects: &mut Vec<Effect>, later: &mut Vec<Later>) {
        let Some((place, due, element)) = self.over_time.due(now) else { return };
        let Some((rule, subject)) = rules.rules.get(place).zip(over_time::silent(&due)) else { return };
        let id = silence_id(rule, &due);
        if rule.mode == Mode::Off || !self.known.is_first(id) {
            return;
        }
        self.fired += 1;
        self.last_live = self.last_live.max(due.at);
        let (name, at, window, found) = (Arc::clone(&rule.name), due.at, Some(Box::new(due.told)), self.over_time.found(due.at));
        let firing = Firing { id, rule: name, subject, element, matched: Vec::new(), at, origin: Origin::Live, window, held: 0 };
        let made = self.brake(rules, (place, rule), firing, found);
        self.send(rules, &[made], effects, later);
    }

    /// Holds a firing back, or not, by mutes and by the brakes of its rule, of which what is muted takes nothing.
    fn brake<'r>(&mut self, rules: &RuleSet, (at, rule): (usize, &'r Rule), firing: Firing, ages_from: Timestamp) -> Made<'r> {
        let made = |firing, refused| Made { at, rule, firing: Arc::new(firing), ages_from, refused };
        if !self.mutes.is_empty() && self.is_muted(rules, rule, &firing) {
            return made(firing, Some(Suppression::Muted));
        }
        // What is too old for all of them begins no cooldown, not even for what comes of the same moment.
        let is_over = |send: &Send| send.mode == Mode::Off || is_too_late(rules, (rule, send), (&firing, ages_from));
        if rule.send.iter().all(is_over) {
            return made(firing, None);
        }
        match self.brakes.pass_rule((at, rule), &firing, &mut self.identities) {
            Ok(passed) => made(Firing { held: passed.held, ..firing }, None),
            Err(refused) => {
                self.refused.push((firing.id, None, refused.until));
                made(firing, Some(refused.reason))
            }
        }
    }

    /// Whether its rule is muted, or everything that it would go to.
    fn is_muted(&mut self, rules: &RuleSet, rule: &Rule, firing: &Firing) -> bool {
        let of = candidate(firing);
        if self.mutes.hold(Muted::Rule, &rule.name, of) {
            return true;
        }
        let names = || rule.send.iter().filter(|send| send.mode != Mode::Off).map(|send| &rules.actions[send.action].name);
        let is_muted = names().next().is_some() && names().all(|name| self.mutes.holds(Muted::Action, name, of));
        if is_muted {
            names().for_each(|name| _ = self.mutes.hold(Muted::Action, name, of));
        }
        is_muted
    }

    fn send(&mut self, rules: &RuleSet, made: &[Made<'_>], effects: &mut Vec<Effect>, later: &mut Vec<Later>) {
        effects.extend(made.iter().map(|of| Effect::Fired(Arc::clone(&of.firing))));
        let turn = |send: &Send| match send.mode {
            Mode::Armed => u8::from(!rules.actions[send.action].trading),
            Mode::Paper | Mode::Off => 2,
        };
        let going = || made.iter().filter(|of| of.refused.is_none());
        for turn_of_now in 0..=2 {
            for of in going() {
                for (place, send) in of.rule.send.iter().enumerate().filter(|(_, send)| turn(send) == turn_of_now) {
                    match turn_of_now {
                        0 => effects.push(self.deliver(rules, (of.at, send), (&of.firing, of.ages_from))),
                        _ => {
                            let (rule, firing, ages_from) = (of.at, Arc::clone(&of.firing), of.ages_from);
                            later.push(Later { rule, send: place, firing, ages_from });
                        }
                    }
                }
            }
        }
        for (of, reason) in made.iter().filter_map(|of| of.refused.map(|reason| (of, reason))) {
            let held = |send: &Send| end(&of.firing, send, Outcome::Suppressed { reason });
            effects.extend(of.rule.send.iter().map(held));
        }
    }

    /// The firing of a match, unless it has fired before or its rule's window is not true.
    fn firing(&mut self, (rule, of): (&Rule, Match), (subject, key): (&Subject, &str), around: &Matches<'_>) -> Option<Firing> {
        let Matches { facts, origin, at, .. } = *around;
        let element = of.element.as_ref();
        let mut of_element = element.map(|element| matching::element_key(element, facts)).unwrap_or_default();
        let step = rule.steps().and_then(|steps| steps.get(of.step));
        if step.is_some() {
            of_element = step_name(&of_element, of.step);
        }
        let id = FiringId::of(&rule.name, key, &of_element);
        let window = match rule.window.as_ref() {
            None => None,
            Some(window) => {
                let asked = Asked { id, subject, element, step: of.step, now: at };
                let mut said = self.over_time.take_in((of.rule, rule, window), &asked, &mut self.identities);
                if let Said::Fires(told) = &mut said {
                    self.undetected.fill(told, element);
                }
                self.undetected.counted(subject.tweet().map(|tweet| &tweet.id), element);
                match said {
                    Said::Fires(told) => Some(told),
                    said => {
                        self.said.push(Unfired { id, tweet: subject.tweet().map(|tweet| tweet.id.clone()), said });
                        return None;
                    }
                }
            }
        };
        // As a whole it may have fired for the tweet before it had `each`.
        let has_fired = rule.each.is_some() && self.known.contains(FiringId::of(&rule.name, key, ""));
        if has_fired || !self.known.is_first(id) {
            self.repeated += 1;
            return None;
        }
        self.fired += 1;
        if origin == Origin::Live {
            self.last_live = self.last_live.max(at);
        }
        let reading = Reading { settled: true, element };
        let when = step.map_or(&rule.when, |step| &step.when);
        let (matched, found) = matching::explain(when, facts, reading);
        let (rule, subject) = (Arc::clone(&rule.name), subject.clone());
        let element = of.element.or(found);
        Some(Firing { id, rule, subject, element, matched, at, origin, window, held: 0 })
    }

    /// Makes what was left for later.
    pub(super) fn deliver_later(&mut self, rules: &RuleSet, later: &Later, revisions: &mut Revisions) -> Effect {
        let send = &rules.rules[later.rule].send[later.send];
        match self.pass(rules, (later.rule, send), (&later.firing, later.ages_from)) {
            Err(ended) => ended,
            Ok((told, expires_at)) => {
                let effect = self.delivery(rules, (later.rule, send), &told, expires_at);
                if let (true, Effect::Deliver(delivery)) = (send.update, &effect) {
                    let says = self.messages.says(&delivery.body);
                    revisions.sent(Sent { firing: &told, action: send.action, expires_at, says });
                }
                effect
            }
        }
    }

    /// Brings a firing to one action.
    fn deliver(&mut self, rules: &RuleSet, of: (usize, &Send), firing: (&Arc<Firing>, Timestamp)) -> Effect {
        match self.pass(rules, of, firing) {
            Err(ended) => ended,
            Ok((told, expires_at)) => self.delivery(rules, of, &told, expires_at),
        }
    }

    /// What is told to one action, and until when, unless that is off or muted, it is too late for it, or it is held back.
    fn pass(
        &mut self,
        rules: &RuleSet,
        (at, send): (usize, &Send),
        (firing, ages_from): (&Arc<Firing>, Timestamp),
    ) -> Result<(Arc<Firing>, Timestamp), Effect> {
        let (rule, action) = (&rules.rules[at], &rules.actions[send.action]);
        let expires_at = ages_from.plus(rule.max_age_of(send, action));
        if send.mode == Mode::Off {
            return Err(end(firing, send, Outcome::Suppressed { reason: Suppression::Off }));
        }
        if !self.mutes.is_empty() && self.mutes.hold(Muted::Action, &action.name, candidate(firing)) {
            self.brakes.expired(firing.id, at, send.action);
            return Err(end(firing, send, Outcome::Suppressed { reason: Suppression::Muted }));
        }
        if is_too_late(rules, (rule, send), (firing, ages_from)) {
            self.brakes.expired(firing.id, at, send.action);
            return Err(end(firing, send, Outcome::Expired));
        }
        let held = match self.brakes.pass_send((at, rule), (send, &action.name), firing, &mut self.identities) {
            Ok(passed) => passed.held,
            Err(refused) => {
                self.refused.push((firing.id, Some(send.action), refused.until));
                self.brakes.expired(firing.id, at, send.action);
                return Err(end(firing, send, Outcome::Suppressed { reason: refused.reason }));
            }
        };
        let told = match held {
            0 => Arc::clone(firing),
            _ => Arc::new(Firing { held: firing.held + held, ..(**firing).clone() }),
        };
        Ok((told, expires_at))
    }

    /// The message, unless it lacks what its template needs.
    fn delivery(&mut self, rules: &RuleSet, (at, send): (usize, &Send), told: &Arc<Firing>, expires_at: Timestamp) -> Effect {
        let effect = delivery(self.messages, (send, &rules.actions[send.action]), told, expires_at);
        if matches!(effect, Effect::Ended(_)) {
            // Incomplete: it does not go out.
            self.brakes.expired(told.id, at, send.action);
        }
        effect
    }
}

/// Whether a firing is too old for one of its sends, or an order of news that did not come live.
fn is_too_late(rules: &RuleSet, (rule, send): (&Rule, &Send), (firing, ages_from): (&Firing, Timestamp)) -> bool {
    let action = &rules.actions[send.action];
    ages_from.plus(rule.max_age_of(send, action)) <= firing.at || (action.trading && firing.is_late())
}

/// The id of a silence: of whom, since what, and of one that is told again and again the how manieth time. It is the same whenever it is looked
/// at, live or in a replay.
fn silence_id(rule: &Rule, Due { told, again, .. }: &Due) -> FiringId {
    let since = match told.members.last().map(|last| (&last.tweet, last.at)) {
        Some((Some(tweet), _)) => tweet.as_str().to_owned(),
        Some((None, at)) => at.as_millis().to_string(),
        None => String::new(),
    };
    FiringId::of(&rule.name, &format!("silence:{}", told.key), &format!("{since}:{again}"))
}

fn candidate(firing: &Firing) -> Candidate<'_> {
    Candidate { firing, tokens_of: matching::tokens_of }
}

fn end(firing: &Firing, send: &Send, outcome: Outcome) -> Effect {
    Effect::Ended(Report { firing: firing.brief(), action: send.action, outcome, attempts: 0, took: Duration::ZERO })
}

/// The message of a firing for an action.
fn delivery(messages: Messages, (send, action): (&Send, &Action), firing: &Arc<Firing>, expires_at: Timestamp) -> Effect {
    // Without a template of its data a message cannot be incomplete.
    let message = match (messages, &send.payload) {
        (Messages::Spared, None) => Ok(Rendered { body: Body::Console(ConsoleBody { pieces: Vec::new() }), fallback: None }),
        _ => render::render(firing, send, action, expires_at),
    };
    let message = match message {
        Ok(message) => message,
        Err(incomplete) => return end(firing, send, Outcome::Dead { reason: incomplete.to_string() }),
    };
    let delivery = Box::new(Delivery {
        firing: firing.brief(),
        action: send.action,
        expires_at,
        body: Arc::new(message.body),
        fallback: message.fallback.map(Arc::new),
        line: (action.tells_together() && messages == Messages::Made).then(|| {
            let kept = action.digest.as_ref().and_then(|digest| digest.keeps(firing.at));
            Box::new(DigestLine { kept, ..render::digest_line(firing) })
        }),
        edits: send.update,
    });
    if send.mode == Mode::Paper { Effect::Paper(delivery) } else { Effect::Deliver(delivery) }
}
