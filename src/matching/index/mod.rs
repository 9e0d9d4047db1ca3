//! subject → the rules that may be true for it, without a look at the others. Made once of a rule set.
//!
//! Every rule is found by something that it cannot be true without ([`access`]): a handle, a word, an address. Those that have nothing of the
//! kind are found by every subject. What is found is a candidate and no more: whether it is true, its condition says. So a key may be hit
//! too often, and must never be missed.
//!
//! A rule that is not found may be unknown, while a part of the tweet is missing. It is not waited for: what does not come makes no rule true
//! that was not found without it.

mod access;
mod always;
mod atoms;
mod grams;
mod hits;
mod keys;
mod lists;
mod literals;
mod missing;
mod scratch;
mod texts;
mod words;

pub use always::{Always, always};
pub use scratch::Scratch;

use self::access::{Regexes, access};
use self::atoms::{Atoms, FieldSet};
use self::keys::Keys;
use self::lists::{Lists, number};
use self::missing::Missing;
use self::texts::Texts;
use self::words::Words;
use crate::matching::facts::Facts;
use crate::model::mode::Mode;
use crate::model::subject::Event;
use crate::rules::condition::Matcher;
use crate::rules::ruleset::{Rule, RuleSet};

/// No atom.
const NONE: u32 = u32::MAX;

/// The rules of a set, by what they are found by.
#[derive(Debug)]
pub struct Index {
    keys: Keys,
    words: Words,
    texts: Texts,
    /// Atoms by key.
    by_key: Lists,
    /// Rules by atom.
    by_atom: Lists,
    /// Of each atom, in which texts its keys count, and what must have arrived for it to be known.
    fields: Vec<FieldSet>,
    missing: Vec<Missing>,
    /// Of each rule, the events that it is about, as bits, and an atom that must hold as well.
    events: Vec<u8>,
    also: Vec<u32>,
    /// Rules that anything may make true, by event.
    always: Lists,
    /// What may be missing of what must hold as well.
    awaited: Missing,
    searched: FieldSet,
    tagged: FieldSet,
    addressed: FieldSet,
}

/// What rules add to the index while it is made.
#[derive(Debug, Default)]
struct Draft {
    by_atom: Vec<(u32, u32)>,
    always: Vec<(u32, u32)>,
    events: Vec<u8>,
    also: Vec<u32>,
}

impl Index {
    /// The index of a rule set. `None`: it asks for more texts than can be looked for at once.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Option<Self> {
        let (mut atoms, mut regexes, mut draft) = (Atoms::default(), Regexes::default(), Draft::default());
        for (at, rule) in rules.rules.iter().enumerate() {
            draft.add(number(at), rule, &mut atoms, &mut regexes);
        }
        let by_key = atoms.by_key();
        let Atoms { mut keys, missing, fields, searched, tagged, addressed, .. } = atoms;
        let words = Words::new(std::mem::take(&mut keys.words));
        let texts = Texts::new(std::mem::take(&mut keys.parts)).ok()?;
        let also = draft.also.iter().filter_map(|atom| missing.get(*atom as usize));
        let awaited = also.fold(Missing::NOTHING, |all, of| all | *of);
        Some(Self {
            keys,
            words,
            texts,
            by_key,
            by_atom: Lists::of(draft.by_atom),
            fields,
            missing,
            events: draft.events,
            also: draft.also,
            always: Lists::of(draft.always),
            awaited,
            searched,
            tagged,
            addressed,
        })
    }

    /// Looks for the rules on `event` that the subject may make true. With `settled` nothing is waited for.
    pub fn look(&self, event: Event, facts: &Facts<'_>, settled: bool, scratch: &mut Scratch) {
        scratch.begin(self.fields.len(), self.keys.count());
        scratch.missing = if settled { Missing::NOTHING } else { Missing::of(facts, self.awaited) };
        self.mark(facts, scratch);
        let mut rules = std::mem::take(&mut scratch.rules);
        rules.retain(|rule| self.is_candidate(*rule, event, scratch));
        rules.extend_from_slice(self.always.get(event as u32));
        rules.sort_unstable();
        rules.dedup();
        scratch.rules = rules;
    }

    /// The candidates of the latest look, as numbers of rules, in ascending order, each once.
    #[must_use]
    pub fn candidates<'s>(&self, scratch: &'s Scratch) -> &'s [u32] {
        &scratch.rules
    }

    /// Bytes that it takes on the heap, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lists = [&self.by_key, &self.by_atom, &self.always];
        let lists = lists.into_iter().map(Lists::bytes).sum::<usize>();
        let of_atom = size_of::<FieldSet>() + size_of::<Missing>();
        let of_rule = size_of::<u8>() + size_of::<u32>();
        lists
            + self.keys.bytes()
            + self.words.bytes()
            + self.texts.bytes()
            + self.fields.len() * of_atom
            + self.events.len() * of_rule
    }

    /// A key holds, in one of these texts.
    fn hit(&self, key: u32, of: FieldSet, scratch: &mut Scratch) {
        for atom in self.by_key.get(key) {
            let counts = self.fields.get(*atom as usize).is_some_and(|fields| fields.meets(of));
            if counts && scratch.is_first(*atom) {
                scratch.rules.extend_from_slice(self.by_atom.get(*atom));
            }
        }
    }

    fn hit_once(&self, key: u32, of: FieldSet, scratch: &mut Scratch) {
        if scratch.is_first_in_text(key) {
            self.hit(key, of, scratch);
        }
    }

    /// It is about this event, and what must hold as well does or may.
    fn is_candidate(&self, rule: u32, event: Event, scratch: &Scratch) -> bool {
        let (Some(events), Some(also)) = (self.events.get(rule as usize), self.also.get(rule as usize)) else { return true };
        let missing = || self.missing.get(*also as usize).is_some_and(|of| of.meets(scratch.missing));
        events & bit(event) != 0 && (*also == NONE || scratch.is_hit(*also) || missing())
    }
}

impl Draft {
    fn add<'r>(&mut self, at: u32, rule: &'r Rule, atoms: &mut Atoms, regexes: &mut Regexes<'r>) {
        let on = if rule.mode == Mode::Off { &[][..] } else { &rule.on };
        self.events.push(on.iter().fold(0, |all, event| all | bit(*event)));
        if !on.is_empty() {
            rule.when.matchers(&mut |matcher| compile_common(matcher, regexes));
        }
        let found = access(&rule.when, regexes).filter(|_| !on.is_empty());
        let Some(found) = found else {
            self.also.push(NONE);
            self.always.extend(on.iter().map(|event| (*event as u32, at)));
            return;
        };
        let each = rule.each.is_some();
        for clue in &found.any {
            self.by_atom.push((atoms.of(clue, each, regexes), at));
        }
        self.also.push(found.also.map_or(NONE, |clue| atoms.of(&clue, each, regexes)));
    }
}

/// Whatever leads to a rule, to these regexes in it leads no word that is rare: an alert is not to wait until thousands of them are compiled.
fn compile_common<'r>(matcher: &'r Matcher, regexes: &mut Regexes<'r>) {
    let is_link = matches!(matcher, Matcher::Link(_));
    matcher.patterns(&mut |pattern| {
        if is_link || regexes.required(pattern).is_none() {
            pattern.compile();
        }
    });
}

fn bit(event: Event) -> u8 {
    1 << event as u8
}
