//! clues → atoms: sets of keys of which one is enough. Rules that ask the same share an atom, and so a list of a thousand handles is stored once
//! however many rules name it.

use std::collections::HashMap;

use super::access::{Access, Clue, Regexes, What};
use super::keys::{Drafted, Flag, Name};
use super::lists::{Lists, number};
use super::missing::Missing;
use crate::matching::facts::Field;
use crate::model::address::Address;
use crate::model::subject::{Kind, Platform};
use crate::rules::condition::{
    Accounts, ContractMatcher, Fields, LinkMatcher, MarketMatcher, Matcher, PredictionMatcher, TextPattern, TokenMatcher,
};
use crate::rules::normal;

/// Texts, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FieldSet(u8);

impl FieldSet {
    pub(super) const EVERYWHERE: Self = Self(u8::MAX);

    pub(super) fn of(field: Field) -> Self {
        Self(1 << field as u8)
    }

    fn all_of(fields: Fields) -> Self {
        let Fields { text, quoted, ocr, name, bio } = fields;
        let asked = [(text, Field::Text), (quoted, Field::Quoted), (ocr, Field::Ocr), (name, Field::Name), (bio, Field::Bio)];
        asked.into_iter().filter(|(asked, _)| *asked).fold(Self(0), |all, (_, field)| all.with(Self::of(field)))
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |field| self.meets(Self::of(*field)))
    }
}

/// What an atom is: what must have arrived for it to be known, where its keys count, and these in ascending order.
type Atom = (Missing, FieldSet, Box<[u32]>);

/// The atoms of an index that is being built.
#[derive(Debug, Default)]
pub(super) struct Atoms {
    pub(super) keys: Drafted,
    known: HashMap<Atom, u32, foldhash::fast::FixedState>,
    /// Lists of accounts are shared between rules: each is looked through once.
    accounts: HashMap<(*const Accounts, bool), u32>,
    /// By number: where the keys of each count, and what must have arrived for it to be known.
    pub(super) all: Vec<(FieldSet, Missing)>,
    /// Keys and the atoms that they are in.
    pairs: Vec<(u32, u32)>,
    /// Texts in which anything is looked for, in which regexes are tried, in which cashtags are, and in which addresses are.
    pub(super) searched: FieldSet,
    pub(super) tried: FieldSet,
    pub(super) tagged: FieldSet,
    pub(super) addressed: FieldSet,
}

impl Atoms {
    /// The number of the clue's atom. `each`: the rule looks at elements, of which a cashtag may be learned later than the text.
    pub(super) fn of<'r>(&mut self, clue: &Clue<'r>, each: bool, regexes: &mut Regexes<'r>) -> u32 {
        match &clue.what {
            What::OfAuthor(pattern, field) => self.pattern(pattern, FieldSet::of(*field), each, regexes),
            What::Texts(groups, at, fields) => {
                let keys = groups.get(*at).into_iter().flatten().map(|text| self.keys.add_part(text)).collect();
                self.texts(keys, FieldSet::all_of(*fields))
            }
            What::Matcher(Matcher::Handle(accounts)) => self.accounts(accounts, false),
            What::Matcher(Matcher::Target(accounts)) => self.accounts(accounts, true),
            What::Matcher(Matcher::Text(text)) => self.pattern(&text.pattern, FieldSet::all_of(text.fields), each, regexes),
            What::Matcher(Matcher::Platform(platforms)) => {
                let names = platforms.iter().map(Platform::name);
                self.names(Name::Platform, names, Missing::PLATFORM)
            }
            What::Matcher(Matcher::Kind(kinds)) => self.names(Name::Kind, kinds.iter().map(Kind::name), Missing::KIND),
            What::Matcher(Matcher::Contract(asked)) => self.contract(asked, each),
            What::Matcher(Matcher::Token(asked)) => self.token(asked),
            What::Matcher(Matcher::Market(asked)) => self.market(asked),
            What::Matcher(Matcher::Prediction(asked)) => self.prediction(asked),
            What::Matcher(Matcher::Price(_)) => self.flag(Flag::Price, Missing::META),
            What::Matcher(Matcher::Link(asked)) => self.link(asked),
            What::Matcher(Matcher::Media(_)) => self.flag(Flag::Media, Missing::MEDIA),
            What::Matcher(Matcher::Changed(asked)) => {
                let names = asked.fields.iter().map(|field| field.name());
                self.names(Name::Changed, names, Missing::NOTHING)
            }
            // These are never clues: `access` gives none for them.
            What::Matcher(Matcher::Author(_) | Matcher::Age(_)) => self.add(Vec::new(), FieldSet::EVERYWHERE, Missing::NOTHING),
        }
    }

    /// Whether all regexes have room that would have to be tried on every text.
    pub(super) fn has_room<'r>(&mut self, access: &Access<'r>, regexes: &mut Regexes<'r>) -> bool {
        access.tried().all(|asked| match &asked.pattern {
            TextPattern::Regex(of) => {
                of.iter().all(|pattern| !regexes.required(pattern).is_empty() || self.keys.add_tried(pattern).is_some())
            }
            _ => true,
        })
    }

    /// Which atoms each key is in.
    pub(super) fn by_key(&mut self) -> Lists {
        Lists::of(std::mem::take(&mut self.pairs))
    }

    fn add(&mut self, mut keys: Vec<u32>, fields: FieldSet, missing: Missing) -> u32 {
        keys.sort_unstable();
        keys.dedup();
        let atom = (missing, fields, keys.into_boxed_slice());
        if let Some(known) = self.known.get(&atom) {
            return *known;
        }
        let new = number(self.all.len());
        self.pairs.extend(atom.2.iter().map(|key| (*key, new)));
        self.all.push((fields, missing));
        self.known.insert(atom, new);
        new
    }

    /// Texts that are looked for in these fields.
    fn texts(&mut self, keys: Vec<u32>, fields: FieldSet) -> u32 {
        self.searched = self.searched.with(fields);
        self.add(keys, fields, missing_texts(fields))
    }

    fn names<'n>(&mut self, set: Name, names: impl Iterator<Item = &'n str>, missing: Missing) -> u32 {
        let keys = names.map(|name| self.keys.add_name(set, name)).collect();
        self.add(keys, FieldSet::EVERYWHERE, missing)
    }

    fn flag(&mut self, flag: Flag, missing: Missing) -> u32 {
        let key = self.keys.add_flag(flag);
        self.add(vec![key], FieldSet::EVERYWHERE, missing)
    }

    fn accounts(&mut self, accounts: &std::sync::Arc<Accounts>, is_target: bool) -> u32 {
        let list = (std::sync::Arc::as_ptr(accounts), is_target);
        if let Some(known) = self.accounts.get(&list) {
            return *known;
        }
        let (handle, id, missing) = match is_target {
            false => (Name::Handle, Name::HandleId, Missing::AUTHOR),
            true => (Name::Target, Name::TargetId, Missing::TARGET),
        };
        let mut keys: Vec<u32> = accounts.by_handle.keys().map(|name| self.keys.add_name(handle, name)).collect();
        keys.extend(accounts.by_id.keys().map(|name| self.keys.add_name(id, name)));
        let atom = self.add(keys, FieldSet::EVERYWHERE, missing);
        self.accounts.insert(list, atom);
        atom
    }

    fn pattern<'r>(&mut self, pattern: &'r TextPattern, fields: FieldSet, each: bool, regexes: &mut Regexes<'r>) -> u32 {
        let mut keys = Vec::new();
        match pattern {
            TextPattern::Keyword { words, exact: false } => {
                keys.extend(words.iter().filter(|word| !word.phrase.is_empty()).map(|word| self.keys.add_word(&word.phrase)));
            }
            TextPattern::Keyword { words, exact: true } => {
                let words = words.iter().filter(|word| !word.phrase.is_empty());
                keys.extend(words.map(|word| self.keys.add_part(&normal::fold_each(&word.phrase))));
            }
            TextPattern::Contains { parts, exact } => keys.extend(parts.iter().map(|part| {
                // A blank at an end may be the text's end.
                let bare = part.trim_matches(' ');
                if *exact { self.keys.add_part(&normal::fold_each(bare)) } else { self.keys.add_part(bare) }
            })),
            TextPattern::Regex(patterns) => {
                for pattern in patterns {
                    // What one of them cannot do without: others of its groups are clues of their own.
                    match regexes.required(pattern).first() {
                        Some(group) => keys.extend(group.iter().map(|text| self.keys.add_part(text))),
                        None => {
                            self.tried = self.tried.with(fields);
                            keys.extend(self.keys.add_tried(pattern));
                        }
                    }
                }
            }
            TextPattern::Cashtag(symbols) => {
                keys.extend(symbols.keys().map(|symbol| self.keys.add_name(Name::Cashtag, symbol)));
                self.tagged = self.tagged.with(fields);
                let meta = if each { Missing::META } else { Missing::NOTHING };
                return self.add(keys, fields, missing_texts(fields) | meta);
            }
        }
        self.texts(keys, fields)
    }

    /// A rule with `each` asks the tokens of the text, wherever else it reads.
    fn contract(&mut self, asked: &ContractMatcher, each: bool) -> u32 {
        let (fields, text) = (FieldSet::all_of(asked.fields), FieldSet::of(Field::Text));
        let fields = if each { fields.with(text) } else { fields };
        self.addressed = self.addressed.with(fields).with(text);
        let missing = missing_texts(fields) | Missing::META | Missing::LINKS;
        if asked.addresses.is_empty() {
            return self.flag(Flag::Address, missing);
        }
        self.addresses(asked.addresses.keys(), fields, missing)
    }

    fn addresses<'a>(&mut self, addresses: impl Iterator<Item = &'a Address>, fields: FieldSet, missing: Missing) -> u32 {
        let keys = addresses.map(|address| self.keys.add_address(*address)).collect();
        self.add(keys, fields, missing)
    }

    fn token(&mut self, asked: &TokenMatcher) -> u32 {
        let text = FieldSet::of(Field::Text);
        self.tagged = self.tagged.with(text);
        self.addressed = self.addressed.with(text);
        if !asked.contracts.is_empty() {
            self.addresses(asked.contracts.keys(), FieldSet::EVERYWHERE, Missing::META)
        } else if !asked.symbols.is_empty() {
            self.names(Name::Symbol, asked.symbols.keys().map(|symbol| &**symbol), Missing::META)
        } else {
            self.flag(Flag::Token, Missing::META)
        }
    }

    fn market(&mut self, asked: &MarketMatcher) -> u32 {
        let names = if asked.symbols.is_empty() { &asked.bases } else { &asked.symbols };
        if names.is_empty() {
            return self.flag(Flag::Market, Missing::META);
        }
        self.names(Name::Market, names.keys().map(|name| &**name), Missing::META)
    }

    fn prediction(&mut self, asked: &PredictionMatcher) -> u32 {
        if asked.ids.is_empty() {
            return self.flag(Flag::Prediction, Missing::META);
        }
        self.names(Name::Prediction, asked.ids.keys().map(|id| &**id), Missing::META)
    }

    fn link(&mut self, asked: &LinkMatcher) -> u32 {
        if !asked.patterns.is_empty() {
            return self.flag(Flag::Link, Missing::LINKS);
        }
        let domains: Vec<_> = asked.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect();
        self.names(Name::Domain, domains.iter().map(String::as_str), Missing::LINKS)
    }
}

fn missing_texts(fields: FieldSet) -> Missing {
    fields.fields().map(Missing::text).fold(Missing::NOTHING, |all, text| all | text)
}
