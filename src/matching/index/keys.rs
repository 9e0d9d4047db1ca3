//! What is looked up in the index: handles, symbols, addresses, words, …, each with its number.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use super::lists::number;
use super::table::Table;
use crate::model::address::Address;
use crate::model::limits::REGEXES_TRIED;
use crate::rules::condition::Pattern;

pub(super) type Map<K> = HashMap<K, u32, foldhash::fast::FixedState>;

/// A set of names that are looked up as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Name {
    Handle,
    HandleId,
    Target,
    TargetId,
    /// Of tokens, as they are detected or stand in the text, in upper case.
    Symbol,
    /// Symbols that stand in a text as cashtags, in upper case.
    Cashtag,
    /// Symbols and base assets of markets, in upper case.
    Market,
    Prediction,
    Domain,
    Kind,
    Platform,
    /// A part of a profile that changed.
    Changed,
}

impl Name {
    const SETS: usize = 12;
}

/// Something that a subject has or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Flag {
    Token,
    Market,
    Prediction,
    /// A price of any of the three.
    Price,
    Address,
    Media,
    Link,
}

impl Flag {
    const FLAGS: usize = 7;
}

/// The keys of an index that is being made.
#[derive(Debug, Default)]
pub(super) struct Drafted {
    names: [Map<Box<str>>; Name::SETS],
    addresses: Map<Address>,
    flags: [Option<u32>; Flag::FLAGS],
    /// Keywords that are looked for as whole words, by phrase.
    words: Map<Box<str>>,
    /// Texts that are looked for everywhere.
    parts: Map<Box<str>>,
    /// Regexes that are tried on every text, by what is compiled and whether case counts.
    tried: HashMap<(Box<str>, bool), (Pattern, u32), foldhash::fast::FixedState>,
    count: usize,
}

/// Keys that stand in texts.
pub(super) struct InTexts {
    pub(super) words: Map<Box<str>>,
    pub(super) parts: Map<Box<str>>,
    pub(super) tried: Vec<(Pattern, u32)>,
}

impl Drafted {
    pub(super) fn add_name(&mut self, set: Name, name: &str) -> u32 {
        add(&mut self.names[set as usize], name, &mut self.count)
    }

    pub(super) fn add_address(&mut self, address: Address) -> u32 {
        *self.addresses.entry(address).or_insert_with(|| next(&mut self.count))
    }

    pub(super) fn add_flag(&mut self, flag: Flag) -> u32 {
        *self.flags[flag as usize].get_or_insert_with(|| next(&mut self.count))
    }

    pub(super) fn add_word(&mut self, phrase: &str) -> u32 {
        add(&mut self.words, phrase, &mut self.count)
    }

    pub(super) fn add_part(&mut self, text: &str) -> u32 {
        add(&mut self.parts, text, &mut self.count)
    }

    /// The key of a regex that is tried on every text. `None`: there are as many as may be.
    pub(super) fn add_tried(&mut self, pattern: &Pattern) -> Option<u32> {
        let of = (pattern.composed().into(), pattern.is_exact());
        if let Some((_, known)) = self.tried.get(&of) {
            return Some(*known);
        }
        if self.tried.len() >= REGEXES_TRIED {
            return None;
        }
        let new = next(&mut self.count);
        self.tried.insert(of, (pattern.clone(), new));
        Some(new)
    }

    /// Keys that stand in texts, and all others.
    pub(super) fn freeze(self) -> (InTexts, Keys) {
        let table = |names: &Map<Box<str>>| Table::new(names.iter().map(|(name, key)| (&**name, *key)));
        let longest = |names: &Map<Box<str>>| names.keys().map(|name| name.len()).max().unwrap_or_default();
        let (names, longest) = (self.names.each_ref().map(table), self.names.each_ref().map(longest));
        let mut addresses = self.addresses;
        addresses.shrink_to_fit();
        let mut tried: Vec<_> = self.tried.into_values().collect();
        tried.sort_unstable_by_key(|(_, key)| *key);
        let in_texts = InTexts { words: self.words, parts: self.parts, tried };
        (in_texts, Keys { names, longest, addresses, flags: self.flags })
    }
}

/// The keys of an index, but for texts. Hostile texts are looked up and never put in, so the hash needs no secret.
#[derive(Debug)]
pub(super) struct Keys {
    names: [Table; Name::SETS],
    /// Bytes of the longest of each set.
    longest: [usize; Name::SETS],
    addresses: Map<Address>,
    flags: [Option<u32>; Flag::FLAGS],
}

impl Keys {
    pub(super) fn name(&self, set: Name, name: &str) -> Option<u32> {
        self.names[set as usize].get(name)
    }

    pub(super) fn longest(&self, set: Name) -> usize {
        self.longest[set as usize]
    }

    pub(super) fn has_names(&self, set: Name) -> bool {
        !self.names[set as usize].is_empty()
    }

    pub(super) fn address(&self, address: Address) -> Option<u32> {
        self.addresses.get(&address).copied()
    }

    pub(super) fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    pub(super) fn flag(&self, flag: Flag) -> Option<u32> {
        self.flags[flag as usize]
    }

    /// Bytes on the heap, near enough.
    pub(super) fn bytes(&self) -> usize {
        let addresses = self.addresses.capacity() * (size_of::<(Address, u32)>() + 1);
        self.names.iter().map(Table::bytes).sum::<usize>() + addresses
    }
}

fn next(count: &mut usize) -> u32 {
    *count += 1;
    number(*count - 1)
}

fn add<K: Eq + Hash + Borrow<str> + for<'k> From<&'k str>>(map: &mut Map<K>, key: &str, count: &mut usize) -> u32 {
    match map.get(key) {
        Some(known) => *known,
        None => *map.entry(key.into()).or_insert_with(|| next(count)),
    }
}
