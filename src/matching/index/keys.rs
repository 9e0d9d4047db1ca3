//! What is looked up in the index: handles, symbols, addresses, words, …, each with its number.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use super::lists::number;
use crate::model::address::Address;

pub(super) type Map<K> = HashMap<K, u32, foldhash::fast::FixedState>;

/// A set of names that are looked up as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Name {
    Handle,
    HandleId,
    Target,
    TargetId,
    /// Of tokens and cashtags, in upper case.
    Symbol,
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
    const SETS: usize = 11;
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

/// All keys of an index. Hostile texts are looked up and never put in, so the hash needs no secret.
#[derive(Debug, Default)]
pub(super) struct Keys {
    names: [Map<Box<str>>; Name::SETS],
    /// Bytes of the longest of each set.
    longest: [usize; Name::SETS],
    addresses: Map<Address>,
    flags: [Option<u32>; Flag::FLAGS],
    /// Keywords that are looked for as whole words, by phrase.
    pub(super) words: Map<Box<str>>,
    /// Texts that are looked for everywhere.
    pub(super) parts: Map<Box<str>>,
    count: usize,
}

impl Keys {
    pub(super) fn add_name(&mut self, set: Name, name: &str) -> u32 {
        let longest = &mut self.longest[set as usize];
        *longest = name.len().max(*longest);
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

    pub(super) fn name(&self, set: Name, name: &str) -> Option<u32> {
        self.names[set as usize].get(name).copied()
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

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Bytes on the heap, near enough.
    pub(super) fn bytes(&self) -> usize {
        let of = |map: &Map<Box<str>>| {
            map.capacity() * (size_of::<(Box<str>, u32)>() + 1) + map.keys().map(|key| key.len()).sum::<usize>()
        };
        let addresses = self.addresses.capacity() * (size_of::<(Address, u32)>() + 1);
        self.names.iter().chain([&self.words, &self.parts]).map(of).sum::<usize>() + addresses
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
