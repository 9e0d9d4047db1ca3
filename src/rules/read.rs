//! Reading TOML by hand, so that every mistake of a run is found with its place: a node is a value with its span, a table
//! knows which of its keys were asked for, and at its end every other key is unknown.

use std::collections::HashMap;

use toml::de::{DeArray, DeTable, DeValue};

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::keys::{self, Place};
use crate::model::action::Span;

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    pub(super) span: Span,
    pub(super) value: &'a DeValue<'a>,
}

/// A key, where it stands, and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) key: Span,
    pub(super) node: Node<'a>,
}

/// A value of a list position: a name, or `@list`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
    /// It stands in this list, which is used at that place.
    pub(super) used_at: Option<Span>,
}

impl<'a> Node<'a> {
    /// What it is, for "expected …, found …".
    pub(super) fn kind(self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    /// Reports that the value is of the wrong kind.
    pub(super) fn wrong(self, check: &mut Check<'_>, key: &str, wanted: &str, example: &str) {
        let found = self.kind();
        let mistake = Diagnostic::error("wrong-type", self.span, format!("`{key}` must be {wanted}, not {found}"))
            .label(format!("this is {found}"))
            .help(format!("for example `{key} = {example}`"));
        check.report(mistake);
    }

    /// A text.
    pub(super) fn as_text(self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// A text, or a report.
    pub(super) fn text(self, check: &mut Check<'_>, key: &str, example: &str) -> Option<&'a str> {
        let text = self.as_text();
        if text.is_none() {
            self.wrong(check, key, "a text in quotes", example);
        }
        text
    }

    /// `true` or `false`, or a report.
    pub(super) fn boolean(self, check: &mut Check<'_>, key: &str) -> Option<bool> {
        let DeValue::Boolean(value) = self.value else {
            self.wrong(check, key, "true or false", "true");
            return None;
        };
        Some(*value)
    }

    /// A whole number.
    pub(super) fn as_integer(self) -> Option<i64> {
        let number = self.value.as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// A number, whole or not; may be NaN or infinite.
    pub(super) fn as_number(self) -> Option<f64> {
        match self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        }
    }

    /// The elements of a list.
    pub(super) fn as_list(self) -> Option<impl Iterator<Item = Node<'a>>> {
        let list: &'a DeArray<'a> = self.value.as_array()?;
        Some(list.iter().map(move |item| {
            let range = item.span();
            let span = Span { file: self.span.file, start: range.start, end: range.end };
            Node { span, value: item.get_ref() }
        }))
    }

    /// Whether another node says the same, wherever it stands and however it is laid out.
    pub(super) fn is_same(self, other: Node<'_>) -> bool {
        is_same(self.value, other.value)
    }

    /// A table to be read as that of `place`.
    pub(super) fn as_table(self, place: Place) -> Option<Table<'a>> {
        self.value.as_table().map(|entries| Table::new(entries, self.span, place))
    }

    /// A table to be read as that of `place`, or a report.
    pub(super) fn table(self, check: &mut Check<'_>, key: &str, place: Place, example: &str) -> Option<Table<'a>> {
        let table = self.as_table(place);
        if table.is_none() {
            self.wrong(check, key, "a table", example);
        }
        table
    }

    /// One or more tables: `[{ … }, { … }]`. Whatever is no table is reported and left out.
    pub(super) fn tables(self, check: &mut Check<'_>, key: &str, place: Place, example: &str) -> Vec<Table<'a>> {
        let Some(items) = self.as_list() else {
            self.wrong(check, key, "a list of tables", example);
            return Vec::new();
        };
        items
            .filter_map(|item| {
                let table = item.as_table(place);
                if table.is_none() {
                    item.wrong(check, key, "a list of tables", example);
                }
                table
            })
            .collect()
    }

    /// One word or a list of words, `@list` resolved. Reports empty lists, what is no text, and lists that do not exist.
    /// `false`: there was a mistake, so that nothing can be said of the whole; the other words are there to be looked at as well.
    pub(super) fn words(self, check: &mut Check<'a>, key: &str, example: &str) -> (Vec<Word<'a>>, bool) {
        let mut words = Vec::new();
        let whole = self.gather(check, key, example, &mut words);
        (words, whole)
    }

    fn gather(self, check: &mut Check<'a>, key: &str, example: &str, into: &mut Vec<Word<'a>>) -> bool {
        if let Some(text) = self.as_text() {
            return self.word(check, key, text, into);
        }
        let Some(items) = self.as_list() else {
            self.wrong(check, key, "a text or a list of texts", example);
            return false;
        };
        let mut whole = true;
        let mut any = false;
        let mut seen = HashMap::new();
        for item in items {
            any = true;
            check.again(&mut seen, item);
            match item.as_text() {
                Some(text) => whole &= item.word(check, key, text, into),
                None => {
                    item.wrong(check, key, "a list of texts", example);
                    whole = false;
                }
            }
        }
        if !any {
            let mistake = Diagnostic::error("empty-list", self.span, format!("`{key}` is an empty list, which nothing matches"))
                .help(format!("put a value into it or remove the key; for example `{key} = {example}`"));
            check.report(mistake);
        }
        whole && any
    }

    /// Adds one word, or those of the list that it names.
    fn word(self, check: &mut Check<'a>, key: &str, text: &'a str, into: &mut Vec<Word<'a>>) -> bool {
        match text.strip_prefix('@') {
            Some(name) => check.resolve(key, name, self.span, into),
            None => {
                into.push(Word { text, span: self.span, used_at: None });
                true
            }
        }
    }
}

fn is_same(a: &DeValue<'_>, b: &DeValue<'_>) -> bool {
    match (a, b) {
        (DeValue::Array(a), DeValue::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| is_same(a.get_ref(), b.get_ref()))
        }
        (DeValue::Table(a), DeValue::Table(b)) => {
            let has = |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, &toml::Spanned<DeValue<'_>>)| {
                b.get(key.get_ref().as_ref()).is_some_and(|other| is_same(value.get_ref(), other.get_ref()))
            };
            a.len() == b.len() && a.iter().all(has)
        }
        (DeValue::String(a), DeValue::String(b)) => a == b,
        (DeValue::Boolean(a), DeValue::Boolean(b)) => a == b,
        (DeValue::Integer(a), DeValue::Integer(b)) => a.radix() == b.radix() && a.as_str() == b.as_str(),
        (DeValue::Float(a), DeValue::Float(b)) => a.as_str() == b.as_str(),
        (DeValue::Datetime(a), DeValue::Datetime(b)) => a == b,
        _ => false,
    }
}

/// Keys that are asked of a table: as many as the largest can have.
const KEYS: usize = 32;

/// A table being read.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// Its header or its braces.
    pub(super) span: Span,
    /// What it is.
    pub(super) place: Place,
    entries: &'a DeTable<'a>,
    /// The same table in other files.
    more: Vec<(usize, &'a DeTable<'a>)>,
    asked: Vec<&'static str>,
    taken: usize,
    /// A key that it may not have, and of which that was said.
    refused: Option<&'static str>,
}

impl<'a> Table<'a> {
    pub(super) fn new(entries: &'a DeTable<'a>, span: Span, place: Place) -> Self {
        Self { span, place, entries, more: Vec::new(), asked: Vec::with_capacity(KEYS), taken: 0, refused: None }
    }

    /// Takes in the keys that the same table has in another file.
    pub(super) fn join(&mut self, other: &Self) {
        self.more.push((other.span.file, other.entries));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The value of a key. Every key that is ever asked for is an allowed one.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'a>> {
        debug_assert!(!self.asked.contains(&key), "{key} is asked for twice");
        self.asked.push(key);
        // Most tables have few of the keys that they may have: when the last of them is taken, no other has to be looked for.
        if self.taken < self.entries.len()
            && let Some((name, value)) = self.entries.get_key_value(key)
        {
            self.taken += 1;
            return Some(field(self.span.file, name, value));
        }
        self.more.iter().find_map(|(file, entries)| entries.get_key_value(key).map(|(name, value)| field(*file, name, value)))
    }

    /// A key that is not allowed and of which the caller says so itself.
    pub(super) fn refuse(&mut self, key: &'static str) -> Option<Field<'a>> {
        let (name, value) = self.entries.get_key_value(key)?;
        self.refused = Some(key);
        Some(field(self.span.file, name, value))
    }

    /// All keys and values, in the order of the file: for tables whose keys are names that the user gives.
    pub(super) fn fields(&self) -> Vec<Field<'a>> {
        let tables = std::iter::once((self.span.file, self.entries)).chain(self.more.iter().copied());
        let of = |(file, entries): (usize, &'a DeTable<'a>)| entries.iter().map(move |(name, value)| field(file, name, value));
        let mut fields: Vec<_> = tables.flat_map(of).collect();
        fields.sort_by_key(|field| field.key);
        fields
    }

    /// Reports every key that was not asked for.
    pub(super) fn finish(self, check: &mut Check<'a>) {
        debug_assert!(self.place.is_asked_for(&self.asked), "{:?} is asked for {:?}", self.place, self.asked);
        if self.more.is_empty() && self.taken == self.entries.len() {
            return;
        }
        for field in self.fields() {
            if self.asked.contains(&field.name) || self.refused == Some(field.name) {
                continue;
            }
            if check.is_full() {
                check.error("unknown-key", field.key, String::new());
            } else {
                check.report(keys::unknown(&field, self.place, &self.asked));
            }
        }
    }
}

fn field<'a>(file: usize, name: &'a toml::Spanned<toml::de::DeString<'a>>, value: &'a toml::Spanned<DeValue<'a>>) -> Field<'a> {
    let span = |range: std::ops::Range<usize>| Span { file, start: range.start, end: range.end };
    let node = Node { span: span(value.span()), value: value.get_ref() };
    Field { name: name.get_ref(), key: span(name.span()), node }
}
