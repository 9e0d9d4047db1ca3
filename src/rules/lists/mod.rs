//! `[lists]`: names for many values, read first so that every rule can use them wherever they stand.

mod elsewhere;

use std::collections::{BTreeMap, HashMap};

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::keys::Place;
use super::read::{Field, Node, Word};
use crate::model::action::Span;

/// Values that lists may be expanded to in one rule set, all uses together, so that a small file cannot fill the memory.
const EXPANDED: usize = 5_000_000;

/// How many values the text of a list has.
#[must_use]
pub fn count_values(text: &str) -> usize {
    elsewhere::lines(0, text).count()
}

/// All lists of all files.
#[derive(Debug, Default)]
pub(super) struct Lists<'a> {
    by_name: BTreeMap<&'a str, List<'a>>,
    /// The values of files, by the number of each.
    files: HashMap<usize, Vec<(&'a str, Span)>>,
    expanded: usize,
    /// One was named whose values are not known.
    names_unknown: bool,
}

#[derive(Debug)]
struct List<'a> {
    key: Span,
    node: Node<'a>,
    words: Vec<(&'a str, Span)>,
    used: bool,
    /// Of the accounts that the key tracks.
    tracked: bool,
    /// What its values are is not known.
    unknown: bool,
    /// Something in it is wrong and has been reported.
    broken: bool,
}

impl<'a> Check<'a> {
    /// Takes in one list.
    pub(super) fn define_list(&mut self, field: Field<'a>) {
        if let Some(first) = self.lists.by_name.get(field.name) {
            if first.node.is_same(field.node) {
                return;
            }
            let mistake = Diagnostic::error("duplicate-name", field.key, format!("the list `{}` is defined twice", field.name))
                .label("here again")
                .also(first.key, "first here")
                .help("give one of them another name, put all values into one, or make them the same");
            self.report(mistake);
            return;
        }
        let list = match field.node.as_table(Place::List) {
            Some(table) => {
                let elsewhere::Read { words, tracked, unknown, broken } = elsewhere::read(self, field, table);
                List { key: field.key, node: field.node, words, used: false, tracked, unknown, broken }
            }
            None => self.list_here(field),
        };
        self.lists.by_name.insert(field.name, list);
    }

    /// `["one", "two"]`.
    fn list_here(&mut self, field: Field<'a>) -> List<'a> {
        let (words, node) = (Vec::new(), field.node);
        let mut list = List { key: field.key, node, words, used: false, tracked: false, unknown: false, broken: false };
        let example = r#"["one", "two"]"#;
        match field.node.as_list() {
            None => {
                field.node.wrong(self, field.name, "a list of texts", example);
                list.broken = true;
            }
            Some(items) => {
                let mut seen = HashMap::new();
                for item in items {
                    self.again(&mut seen, item);
                    match item.as_text() {
                        Some(text) if text.starts_with('@') => {
                            self.report(list_in_list(text, item.span));
                            list.broken = true;
                        }
                        Some(text) => list.words.push((text, item.span)),
                        None => {
                            item.wrong(self, field.name, "a list of texts", example);
                            list.broken = true;
                        }
                    }
                }
            }
        }
        if list.words.is_empty() && !list.broken {
            let mistake = Diagnostic::error("empty-list", field.node.span, format!("the list `{}` is empty", field.name))
                .help("put a value into it or remove it: what asks for one of its values can never hold");
            self.report(mistake);
            list.broken = true;
        }
        list
    }

    /// The values of a list and where they stand.
    pub(super) fn words_of_list(&self, name: &str) -> &[(&'a str, Span)] {
        self.lists.by_name.get(name).map_or(&[], |list| list.words.as_slice())
    }

    /// Whether there is a list of this name.
    pub(super) fn has_list(&self, name: &str) -> bool {
        self.lists.by_name.contains_key(name)
    }

    /// Adds the words of a list to those of `key`. `false`: there is no such list, it is broken, or not one of such values.
    pub(super) fn resolve(&mut self, key: &str, name: &str, at: Span, into: &mut Vec<Word<'a>>) -> bool {
        let Some(list) = self.lists.by_name.get_mut(name) else {
            let near = self.suggestions.nearest(name, self.lists.by_name.keys().copied());
            if let Some(meant) = near.and_then(|near| self.lists.by_name.get_mut(near)) {
                meant.used = true;
            }
            let mistake = Diagnostic::error("undefined-list", at, format!("there is no list `{name}`"));
            self.report(match near {
                Some(near) => mistake.label(format!("did you mean `@{near}`?")),
                None => mistake.label("`@name` stands for a list of `[lists]`").help(format!(
                    "for an account, leave the @ out: `{name}`; for a list, add `{name} = [\"…\"]` under `[lists]`; for the text itself write `regex = '@{name}'`"
                )),
            });
            return false;
        };
        list.used = true;
        self.lists.names_unknown |= list.unknown;
        into.extend(list.words.iter().map(|&(text, span)| Word { text, span, used_at: Some(at) }));
        let mut whole = !list.broken;
        if list.tracked && !matches!(key, "handle" | "target") {
            whole = false;
            let message = format!("the list `{name}` holds the accounts that the key tracks, which are no values of `{key}`");
            self.report(Diagnostic::error("wrong-list", at, message).help("write it under `handle` or `target`"));
        }
        let Some(list) = self.lists.by_name.get(name) else { return false };
        self.lists.expanded = self.lists.expanded.saturating_add(list.words.len());
        if self.lists.expanded > EXPANDED {
            into.clear();
            if self.lists.expanded - EXPANDED <= list_len(&self.lists, name) {
                let message = format!("the lists are used so often that they come to more than {EXPANDED} values");
                self.report(Diagnostic::error("too-large", at, message).help("put the handles of many rules into fewer rules"));
            }
            return false;
        }
        whole
    }

    /// Notes that a rule names a list whose values it has from where they were read before.
    pub(super) fn name_list(&mut self, name: &str) {
        self.lists.names_unknown |= self.lists.by_name.get(name).is_some_and(|list| list.unknown);
    }

    /// Whether a list was named since this was asked last whose values are not known: of such nobody can say whom it is about, nor whom not.
    pub(super) fn named_an_unknown_list(&mut self) -> bool {
        std::mem::take(&mut self.lists.names_unknown)
    }

    /// Warns of the lists that nothing uses.
    pub(super) fn unused_lists(&mut self) {
        let unused: Vec<_> =
            self.lists.by_name.iter().filter(|(_, list)| !list.used).map(|(name, list)| (*name, list.key)).collect();
        for (name, key) in unused {
            let mistake = Diagnostic::warning("unused-list", key, format!("nothing uses the list `{name}`"))
                .help(format!("write `\"@{name}\"` where its values are meant, or remove it"));
            self.report(mistake);
        }
    }
}

fn list_len(lists: &Lists<'_>, name: &str) -> usize {
    lists.by_name.get(name).map_or(0, |list| list.words.len())
}

fn list_in_list(text: &str, span: Span) -> Diagnostic {
    let bare = text.trim_start_matches('@');
    Diagnostic::error("list-in-list", span, "a list cannot hold another list").label("`@` stands for a list").help(format!(
        "for an account, leave the @ out: \"{bare}\"; to join lists, name both where they are used: [\"@one\", \"@two\"]"
    ))
}
