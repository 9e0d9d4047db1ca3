//! What holds firings back: for each rule and each send that has brakes, what those remember.

use std::collections::{HashMap, HashSet};

use super::identities::Identities;
use crate::model::delivery::Suppression;
use crate::model::firing::Firing;
use crate::model::ids::FiringId;
use crate::model::limits::BRAKED_FIRINGS;
use crate::model::mode::Mode;
use crate::model::subject::Str;
use crate::model::window::Part;
use crate::rules::ruleset::{Rule, RuleSet, Send};
use crate::suppress::brakes::{Asked, Brake, Passed, Refused};

/// The brakes of all rules and sends.
#[derive(Debug, Default)]
pub(super) struct Brakes {
    of: HashMap<Place, Braked>,
    /// Firings that have passed the brakes of their rule, and the actions of those of their sends that have not come to nothing. Of two generations the
    /// older is forgotten when the newer is full.
    going: HashMap<FiringId, Vec<usize>>,
    gone: HashMap<FiringId, Vec<usize>>,
    /// While the past is replayed: by firing, the actions to which it was held back then, and why.
    held: HashMap<FiringId, Vec<(usize, Suppression)>>,
}

/// A rule, or one of its sends, by the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    rule: usize,
    action: Option<usize>,
}

#[derive(Debug)]
struct Braked {
    rule: Str,
    action: Option<String>,
    brake: Brake,
}

impl Brakes {
    /// Whether a firing passes the brakes of its rule.
    pub(super) fn pass_rule(
        &mut self,
        (at, rule): (usize, &Rule),
        firing: &Firing,
        identities: &mut Identities,
    ) -> Result<Passed, Refused> {
        let Some(brakes) = rule.brakes.as_deref() else { return Ok(Passed { held: 0 }) };
        let place = Place { rule: at, action: None };
        let held = |send: &Send| self.was_held(firing, send.action);
        let was_held = rule.send.first().and_then(held).filter(|_| rule.send.iter().all(|send| held(send).is_some()));
        let asked = Asked { brakes, key: &key(brakes, firing, identities), id: firing.id, now: firing.at };
        let passed = self.ask((place, rule, None), &asked, was_held)?;
        if self.going.len() >= BRAKED_FIRINGS {
            self.gone = std::mem::take(&mut self.going);
        }
        self.going.insert(firing.id, rule.send.iter().filter(|send| send.mode != Mode::Off).map(|send| send.action).collect());
        Ok(passed)
    }

    /// Whether it passes those of one of its sends.
    pub(super) fn pass_send(
        &mut self,
        (at, rule): (usize, &Rule),
        (send, action): (&Send, &str),
        firing: &Firing,
        identities: &mut Identities,
    ) -> Result<Passed, Refused> {
        let Some(brakes) = send.brakes.as_deref() else { return Ok(Passed { held: 0 }) };
        let place = Place { rule: at, action: Some(send.action) };
        let was_held = self.was_held(firing, send.action);
        let asked = Asked { brakes, key: &key(brakes, firing, identities), id: firing.id, now: firing.at };
        self.ask((place, rule, Some(action)), &asked, was_held)
    }

    /// Why it was held back to an action in the past that is replayed.
    fn was_held(&self, firing: &Firing, action: usize) -> Option<Suppression> {
        let held = self.held.get(&firing.id)?;
        held.iter().find(|(to, _)| *to == action).map(|(_, reason)| *reason)
    }

    /// Asks a brake. What `was_held` in the past that is replayed is held again, though the replay does not know of what passed before it.
    fn ask(
        &mut self,
        (place, rule, action): (Place, &Rule, Option<&str>),
        asked: &Asked<'_>,
        was_held: Option<Suppression>,
    ) -> Result<Passed, Refused> {
        let brake = self.brake(place, rule, action);
        match was_held.filter(|_| brake.ask(asked).is_ok()) {
            Some(reason) => Err(brake.hold(asked, reason)),
            None => brake.pass(asked),
        }
    }

    /// What was held back in the past that is replayed from now on; nothing, when that is over.
    pub(super) fn were_held(&mut self, held: HashMap<FiringId, Vec<(usize, Suppression)>>) {
        self.held = held;
    }

    fn brake(&mut self, place: Place, rule: &Rule, action: Option<&str>) -> &mut Brake {
        let new = || Braked { rule: Str::clone(&rule.name), action: action.map(str::to_owned), brake: Brake::new() };
        &mut self.of.entry(place).or_insert_with(new).brake
    }

    /// One of a firing's sends came to nothing unsent: what it took is free again, and when all of them came to nothing, what the firing took.
    pub(super) fn expired(&mut self, id: FiringId, rule: usize, action: usize) {
        if let Some(braked) = self.of.get_mut(&Place { rule, action: Some(action) }) {
            braked.brake.give_back(id);
        }
        let left = self.going.get_mut(&id).or_else(|| self.gone.get_mut(&id));
        let Some(left) = left else { return };
        left.retain(|left| *left != action);
        if !left.is_empty() {
            return;
        }
        self.going.remove(&id);
        self.gone.remove(&id);
        if let Some(braked) = self.of.get_mut(&Place { rule, action: None }) {
            braked.brake.give_back(id);
        }
    }

    /// Takes over what others remember of these rules, with the numbers that they have here, in the place of what is remembered here. Actions have
    /// the same numbers. What is not needed any more is left there.
    pub(super) fn adopt(&mut self, other: &mut Self, rules: &HashMap<Str, usize>) {
        let numbers: HashSet<usize> = rules.values().copied().collect();
        let replaced: Vec<_> = self.of.extract_if(|place, _| numbers.contains(&place.rule)).collect();
        let adopted =
            other.of.drain().filter_map(|(place, braked)| Some((Place { rule: *rules.get(&braked.rule)?, ..place }, braked)));
        self.of.extend(adopted);
        other.of.extend(replaced);
        // Whatever of it comes to nothing yet is given back.
        for (mine, theirs) in [(&mut self.gone, &mut other.gone), (&mut self.going, &mut other.going)] {
            let new: Vec<_> = theirs.drain().filter(|(id, _)| !mine.contains_key(id)).collect();
            mine.extend(new);
        }
    }

    /// Goes on with other rules: what has kept its name keeps what it remembers.
    pub(super) fn replace_rules(&mut self, rules: &RuleSet, places: &HashMap<Str, usize>) {
        let old = std::mem::take(&mut self.of);
        for braked in old.into_values() {
            let Some(rule) = places.get(&braked.rule).copied() else { continue };
            let action = match &braked.action {
                None => None,
                Some(name) => match rules.action(name) {
                    Some((action, _)) => Some(action),
                    None => continue,
                },
            };
            self.of.insert(Place { rule, action }, braked);
        }
    }
}

/// What a cooldown is counted apart by. What a firing lacks is a key of its own.
fn key(brakes: &crate::rules::ruleset::Brakes, firing: &Firing, identities: &mut Identities) -> String {
    let per = brakes.cooldown.as_ref().map(|cooldown| cooldown.per.as_slice()).unwrap_or_default();
    let value = |part: &Part| identities.value(*part, &firing.subject, firing.element.as_ref()).unwrap_or_default();
    per.iter().map(value).collect::<Vec<_>>().join("\u{1f}")
}
