//! A `when` table → a tree of matchers that knows where each of them stands. In a table every key must hold; `all`, `any`
//! and `none` hold lists of such tables.

mod elements;
mod events;
mod gives;
mod implied;
mod logic;
mod matchers;

pub(super) use events::{OnSpan, check_events, gather_required};
pub(super) use gives::{Presence, different_tokens, element};
pub(super) use logic::check_logic;
pub(super) use matchers::is_truth_social;

use super::check::Check;
use super::condition::{Condition, Fields, Matcher, TextMatcher};
use super::diagnostic::Diagnostic;
use super::keys::Place;
use super::names::choices;
use super::read::{Field, Node, Table};
use super::text;
use crate::model::action::Span;
use crate::model::limits::CONDITION_DEPTH;

/// A condition that still knows where it stands.
#[derive(Debug)]
pub(super) enum Tree {
    All(Vec<Tree>),
    Any { of: Vec<Tree>, at_least: usize },
    None(Vec<Tree>),
    Is(Leaf),
}

/// A matcher and the key that it was written as.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) key: &'static str,
    pub(super) span: Span,
    pub(super) matcher: Box<Matcher>,
}

impl Tree {
    /// Forgets the places.
    pub(super) fn condition(self) -> Condition {
        let all = |trees: Vec<Self>| {
            let mut all: Vec<_> = trees.into_iter().map(Self::condition).collect();
            all.shrink_to_fit();
            all
        };
        match self {
            Self::All(of) => Condition::All(all(of)),
            Self::Any { of, at_least } => Condition::Any { of: all(of), at_least },
            Self::None(of) => Condition::None(all(of)),
            Self::Is(leaf) => Condition::Is(leaf.matcher),
        }
    }

    /// Calls `see` with every matcher, and whether it stands under an odd number of `none`.
    pub(super) fn each_leaf<'t>(&'t self, negated: bool, see: &mut dyn FnMut(&'t Leaf, bool)) {
        match self {
            Self::All(of) | Self::Any { of, .. } => of.iter().for_each(|tree| tree.each_leaf(negated, see)),
            Self::None(of) => of.iter().for_each(|tree| tree.each_leaf(!negated, see)),
            Self::Is(leaf) => see(leaf, negated),
        }
    }
}

/// Reads a `when` table, or one of those in `all`, `any` and `none`.
pub(super) fn read<'a>(check: &mut Check<'a>, table: Table<'a>, depth: usize) -> Tree {
    read_table(check, table, depth, false)
}

fn read_table<'a>(check: &mut Check<'a>, mut table: Table<'a>, depth: usize, may_be_empty: bool) -> Tree {
    let mut all = Vec::new();
    if table.is_empty() && !may_be_empty {
        let mistake = Diagnostic::error("empty-table", table.span, "this table asks nothing, so it would hold for everything")
            .help("put a matcher into it or remove it; for a rule about every tweet: { platform = [\"twitter\", \"truth_social\"] }");
        check.report(mistake);
    }
    // Cheap questions first: they are asked in this order.
    matchers::accounts(check, &mut table, &mut all);
    matchers::facts(check, &mut table, &mut all);
    texts(check, &mut table, &mut all);
    matchers::changed(check, &mut table, &mut all);
    elements::read(check, &mut table, &mut all);
    nested(check, &mut table, &mut all, depth);
    table.finish(check);
    Tree::All(all)
}

/// Reads a step of a sequence, whose `on` has been taken: with it, the step may ask nothing else.
pub(super) fn read_step<'a>(check: &mut Check<'a>, table: Table<'a>, has_events: bool) -> Tree {
    read_table(check, table, 0, has_events)
}

/// Adds a matcher, if it could be read.
fn push(all: &mut Vec<Tree>, key: &'static str, field: Field<'_>, matcher: Option<Matcher>) {
    all.extend(matcher.map(|matcher| Tree::Is(Leaf { key, span: field.key, matcher: Box::new(matcher) })));
}

/// Text matchers and `contract`, which share `in`.
fn texts<'a>(check: &mut Check<'a>, table: &mut Table<'a>, all: &mut Vec<Tree>) {
    let exact = text::case(check, table);
    let contract = table.take("contract");
    let fields = fields(check, table, contract.is_some());
    if let Some(field) = contract {
        push(all, "contract", field, elements::contract(check, field, fields));
    }
    for found in text::patterns(check, table, exact) {
        let matcher = Box::new(Matcher::Text(TextMatcher { fields, pattern: found.pattern }));
        all.push(Tree::Is(Leaf { key: found.key, span: found.span, matcher }));
    }
}

#[derive(Clone, Copy)]
enum In {
    Text,
    Quoted,
    Ocr,
    Name,
    Bio,
}

const FIELDS: [(&str, In); 5] =
    [("text", In::Text), ("quoted", In::Quoted), ("ocr", In::Ocr), ("name", In::Name), ("bio", In::Bio)];

fn fields<'a>(check: &mut Check<'a>, table: &mut Table<'a>, contract: bool) -> Fields {
    let Some(field) = table.take("in") else { return Fields::TEXT };
    if !contract && !text::has_patterns(table) {
        let mistake = Diagnostic::error("misplaced-key", field.key, "`in` stands beside no text matcher, so it does nothing")
            .help("put it into the table that holds the `keyword`, `contains` or `regex`: it does not reach into nested tables");
        check.report(mistake);
    }
    let Some(chosen) = choices(check, field, &FIELDS) else { return Fields::TEXT };
    let mut fields = Fields { text: false, ..Fields::TEXT };
    for field in chosen {
        match field {
            In::Text => fields.text = true,
            In::Quoted => fields.quoted = true,
            In::Ocr => fields.ocr = true,
            In::Name => fields.name = true,
            In::Bio => fields.bio = true,
        }
    }
    fields
}

/// `all`, `any` with `at_least`, `none`.
fn nested<'a>(check: &mut Check<'a>, table: &mut Table<'a>, all: &mut Vec<Tree>, depth: usize) {
    if let Some(field) = table.take("all") {
        all.extend(branches(check, field, depth).map(Tree::All));
    }
    let any = table.take("any");
    let at_least = table.take("at_least");
    if let Some(field) = any {
        let branches = branches(check, field, depth);
        let written = field.node.as_list().map_or(0, Iterator::count);
        let at_least = at_least.map_or(Some(1), |at_least| so_many(check, at_least.node, written));
        if let (Some(of), Some(at_least)) = (branches, at_least) {
            all.push(Tree::Any { of, at_least });
        }
    } else if let Some(field) = at_least {
        let mistake = Diagnostic::error("misplaced-key", field.key, "`at_least` stands beside no `any`, so it does nothing")
            .help("write `any = [{ … }, { … }, { … }]` and `at_least = 2` in the same table");
        check.report(mistake);
    }
    if let Some(field) = table.take("none") {
        all.extend(branches(check, field, depth).map(Tree::None));
    }
}

const BRANCHES: &str = "[{ keyword = \"listing\" }, { cashtag = \"DOGE\" }]";

fn branches<'a>(check: &mut Check<'a>, field: Field<'a>, depth: usize) -> Option<Vec<Tree>> {
    if depth >= CONDITION_DEPTH {
        let message = format!("conditions are nested more than {CONDITION_DEPTH} deep");
        check.report(Diagnostic::error("too-deep", field.key, message).help("split the rule into several"));
        return None;
    }
    let tables = field.node.tables(check, field.name, Place::When, BRANCHES);
    if field.node.as_list().is_some_and(|mut items| items.next().is_none()) {
        let meaning = match field.name {
            "any" => "nothing of nothing ever holds",
            _ => "it asks nothing",
        };
        let mistake = Diagnostic::error("empty-list", field.node.span, format!("`{}` is an empty list", field.name))
            .label(meaning)
            .help(format!("put a table into it or remove it; for example `{} = {BRANCHES}`", field.name));
        check.report(mistake);
        return None;
    }
    Some(tables.into_iter().map(|table| read(check, table, depth + 1)).collect())
}

fn so_many(check: &mut Check<'_>, node: Node<'_>, of: usize) -> Option<usize> {
    let Some(number) = node.as_integer() else {
        node.wrong(check, "at_least", "a whole number", "2");
        return None;
    };
    let number = usize::try_from(number).unwrap_or(0);
    if (1..=of).contains(&number) {
        return Some(number);
    }
    let mistake = match number {
        0 => Diagnostic::error("impossible", node.span, "`at_least` must be one or more")
            .help("for \"not one of these\" there is `none`"),
        _ => Diagnostic::error("impossible", node.span, format!("`at_least = {number}` can never hold"))
            .label(format!("`any` has only {of}"))
            .help("lower the number, or add alternatives to `any`"),
    };
    if of > 0 {
        check.report(mistake);
    }
    None
}
