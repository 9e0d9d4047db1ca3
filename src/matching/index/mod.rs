//! subject → the rules that may be true for it, without a look at the others. Made once of a rule set.
//!
//! Every rule is found by something that it cannot be true without ([`access`]): a handle, a word, an address. Those that have nothing of the
//! kind are found by every subject. What is found is a candidate and no more: whether it is true, its condition says, unless all that it
//! asks for was found. So a key may be hit too often where that is not so, and must never be missed.
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
mod runs;
mod scratch;
mod table;
mod texts;
mod tried;
mod words;

pub use always::{Always, always};
pub use scratch::{Candidate, Scratch};

use std::cell::OnceCell;

use self::access::{Regexes, access};
use self::atoms::{Atoms, FieldSet};
use self::keys::Keys;
use self::lists::{Head, Items, Lists, number};
use self::missing::Missing;
use self::texts::Texts;
use self::tried::Tried;
use self::words::Words;
use crate::matching::facts::Facts;
use crate::model::mode::Mode;
use crate::model::subject::Event;
use crate::rules::condition::Matcher;
use crate::rules::ruleset::{Rule, RuleSet};

/// The rules of a set, by what they are found by.
#[derive(Debug)]
pub struct Index {
    keys: Keys,
    words: Words,
    texts: Texts,
    regexes: Tried,
    /// Atoms by key.
    by_key: Lists,
    atoms: Vec<Atom>,
    /// The rules of atoms.
    of_atoms: Items,
    rules: Vec<Asked>,
    /// What must hold beside, of rules that have several.
    beside: Vec<u32>,
    /// Rules that anything may make true, by event.
    always: Lists,
    /// What may be missing of what must hold beside.
    awaited: Missing,
    searched: FieldSet,
    tried: FieldSet,
    tagged: FieldSet,
    addressed: FieldSet,
}

/// Keys of which one is enough.
#[derive(Debug)]
struct Atom {
    /// Rules that are found by it.
    rules: Head,
    /// What must have arrived for it to be known.
    missing: Missing,
    /// In which texts its keys count.
    fields: FieldSet,
}

/// What the index knows of a rule.
#[derive(Debug)]
struct Asked {
    /// The events that it is about, as bits.
    events: u8,
    /// It asks for nothing else than what it is found by and what must hold beside.
    is_whole: bool,
    /// So many atoms must hold beside what it is found by:
    beside: u16,
    /// this one, or from there on in [`Index::beside`].
    first: u32,
}

/// What rules add to the index while it is made.
#[derive(Debug, Default)]
struct Draft {
    by_atom: Vec<(u32, u32)>,
    always: Vec<(u32, u32)>,
    rules: Vec<Asked>,
    beside: Vec<u32>,
    awaited: Vec<u32>,
}

impl Index {
    /// The index of a rule set.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Self {
        let (mut atoms, mut regexes, mut draft) = (Atoms::default(), Regexes::default(), Draft::default());
        for (at, rule) in rules.rules.iter().enumerate() {
            draft.add(number(at), rule, &mut atoms, &mut regexes);
        }
        let by_key = atoms.by_key();
        let Atoms { keys, all, searched, tried, tagged, addressed, .. } = atoms;
        let (in_texts, keys) = keys.freeze();
        let awaited = draft.awaited.iter().filter_map(|atom| all.get(*atom as usize));
        let awaited = awaited.fold(Missing::NOTHING, |sum, (_, missing)| sum | *missing);
        let (heads, of_atoms) = Lists::of(draft.by_atom).into_parts(all.len());
        let atoms = heads.into_iter().zip(all).map(|(rules, (fields, missing))| Atom { rules, missing, fields }).collect();
        draft.rules.shrink_to_fit();
        draft.beside.shrink_to_fit();
        Self {
            keys,
            words: Words::new(in_texts.words),
            texts: Texts::new(in_texts.parts),
            regexes: Tried::new(in_texts.tried),
            by_key,
            atoms,
            of_atoms,
            rules: draft.rules,
            beside: draft.beside,
            always: Lists::of(draft.always),
            awaited,
            searched,
            tried,
            tagged,
            addressed,
        }
    }

    /// Looks for the rules on `event` that the subject may make true. With `settled` nothing is waited for.
    pub fn look(&self, event: Event, facts: &Facts<'_>, settled: bool, scratch: &mut Scratch) {
        scratch.begin(self.atoms.len());
        self.mark(facts, scratch);
        let missing = OnceCell::new();
        let missing = || *missing.get_or_init(|| if settled { Missing::NOTHING } else { Missing::of(facts, self.awaited) });
        let mut found = std::mem::take(&mut scratch.found);
        found.extend(scratch.rules.iter().filter_map(|rule| self.candidate(*rule, event, &missing, scratch)));
        let always = self.always.get(event as u32);
        found.extend(always.iter().map(|rule| Candidate { rule: *rule, is_proven: false }));
        if found.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        scratch.found = found;
    }

    /// Whether anything of a tweet leads to any rule, whatever else is known of it.
    pub fn is_touched_by(&self, facts: &Facts<'_>, scratch: &mut Scratch) -> bool {
        scratch.begin(self.atoms.len());
        self.mark(facts, scratch);
        !scratch.rules.is_empty() || !self.always.get(Event::Tweet as u32).is_empty()
    }

    /// The candidates of the latest look, in ascending order, each once.
    #[must_use]
    pub fn candidates<'s>(&self, scratch: &'s Scratch) -> &'s [Candidate] {
        &scratch.found
    }

    /// Bytes that it takes on the heap, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lists = self.by_key.bytes() + self.of_atoms.bytes() + self.always.bytes();
        let of_rules = self.rules.capacity() * size_of::<Asked>() + self.beside.capacity() * size_of::<u32>();
        // A look's scratch remembers of each atom when it was hit.
        let of_atoms = self.atoms.capacity() * (size_of::<Atom>() + size_of::<u32>());
        lists + of_rules + of_atoms + self.keys.bytes() + self.words.bytes() + self.texts.bytes() + self.regexes.bytes()
    }

    /// A key holds, in one of these texts.
    #[inline]
    fn hit(&self, key: u32, of: FieldSet, scratch: &mut Scratch) {
        for number in self.by_key.get(key) {
            if let Some(atom) = self.atoms.get(*number as usize)
                && atom.fields.meets(of)
                && scratch.is_first(*number)
            {
                scratch.rules.extend_from_slice(self.of_atoms.get(&atom.rules));
            }
        }
    }

    /// The rule as a candidate, if it is about this event, and what must hold beside does or may.
    #[inline]
    fn candidate(&self, rule: u32, event: Event, missing: &impl Fn() -> Missing, scratch: &Scratch) -> Option<Candidate> {
        let asked = self.rules.get(rule as usize)?;
        if asked.events & bit(event) == 0 {
            return None;
        }
        let mut is_proven = asked.is_whole;
        for atom in self.beside(asked) {
            if !scratch.is_hit(*atom) {
                is_proven = false;
                let awaited = self.atoms.get(*atom as usize).is_some_and(|atom| atom.missing.meets(missing()));
                if !awaited {
                    return None;
                }
            }
        }
        Some(Candidate { rule, is_proven })
    }

    fn beside<'i>(&'i self, asked: &'i Asked) -> &'i [u32] {
        match asked.beside {
            0 => &[],
            1 => std::slice::from_ref(&asked.first),
            count => {
                let first = asked.first as usize;
                self.beside.get(first..first + usize::from(count)).unwrap_or_default()
            }
        }
    }
}

impl Draft {
    fn add<'r>(&mut self, at: u32, rule: &'r Rule, atoms: &mut Atoms, regexes: &mut Regexes<'r>) {
        let on = if rule.mode == Mode::Off { &[][..] } else { &rule.on };
        let events = on.iter().fold(0, |all, event| all | bit(*event));
        if !on.is_empty() {
            rule.when.matchers(&mut |matcher| compile_common(matcher, regexes));
        }
        let found = access(&rule.when, regexes).filter(|found| !on.is_empty() && atoms.has_room(found, regexes));
        let Some(found) = found else {
            self.rules.push(Asked { events, is_whole: false, beside: 0, first: 0 });
            self.always.extend(on.iter().map(|event| (*event as u32, at)));
            return;
        };
        let each = rule.each.is_some();
        for clue in &found.any {
            self.by_atom.push((atoms.of(clue, each, regexes), at));
        }
        let mut beside: Vec<_> = found.also.iter().map(|clue| atoms.of(clue, each, regexes)).collect();
        beside.sort_unstable();
        beside.dedup();
        let first = match beside.as_slice() {
            [only] => *only,
            _ => number(self.beside.len()),
        };
        if beside.len() > 1 {
            self.beside.extend(&beside);
        }
        self.awaited.extend(&beside);
        // One with `each` is asked of every element, and a sequence of every step.
        let is_whole = found.is_whole && !each && rule.steps().is_none();
        self.rules.push(Asked { events, is_whole, beside: u16::try_from(beside.len()).unwrap_or(u16::MAX), first });
    }
}

/// Whatever leads to a rule, to these regexes in it leads no word that is rare: an alert is not to wait until thousands of them are compiled.
fn compile_common<'r>(matcher: &'r Matcher, regexes: &mut Regexes<'r>) {
    let is_link = matches!(matcher, Matcher::Link(_));
    matcher.patterns(&mut |pattern| {
        if is_link || regexes.required(pattern).is_empty() {
            pattern.compile();
        }
    });
}

fn bit(event: Event) -> u8 {
    1 << event as u8
}
