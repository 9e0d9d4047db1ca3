//! text of rules.toml → checked rule set, or every mistake in it. Pure: takes `&str`, never touches a file or the environment.
//!
//! [`load`] walks the parsed files by hand: lists first, then templates, actions and rules, so that definitions may stand in
//! any order and any file. Files may repeat each other, so that packs of rules go together in one folder: a key of `[feed]` or
//! `[defaults]`, a list, a template or an action that stands in several files with the same values counts once; with others it is an
//! error. Every mistake goes into one list with its place; a rule set comes out only when none is an error.

mod actions;
mod as_written;
mod authors;
mod bound;
mod brakes;
mod check;
pub mod condition;
pub mod diagnostic;
pub mod entities;
pub mod hours;
mod http;
mod in_short;
mod incomplete;
mod keys;
mod lazy;
mod lists;
mod modes;
mod names;
pub mod normal;
mod notices;
mod pattern;
mod place;
mod presence;
mod range;
mod read;
mod rule;
pub mod ruleset;
pub mod schema;
mod send;
mod settings;
mod show;
mod sorted;
mod source;
mod suppression;
mod syntax;
pub mod template;
mod templates;
pub mod test_file;
mod text;
mod token;
mod units;
mod when;
mod window;

use toml::de::DeTable;

pub use self::actions::digest::in_digest;
pub use self::as_written::as_written;
pub use self::authors::NamedAuthor;
pub use self::diagnostic::{Diagnostic, Severity};
pub(crate) use self::keys::nearest;
pub use self::lists::count_values;
pub(crate) use self::names::parse_handle;
pub use self::place::{Places, Position};
pub use self::ruleset::RuleSet;
pub use self::show::{Style, render};
pub use self::source::{Elsewhere, Kind, Source, elsewhere};
pub use self::units::{parse_duration, parse_since, parse_size, written};

use self::check::Check;
use self::keys::Place;
use self::read::{Field, Table};
use self::send::Shared;
use crate::model::action::Span;
use crate::model::limits::RULES_FILE_BYTES;

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// `None` when there is an error.
    pub ruleset: Option<RuleSet>,
    /// Every mistake, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads files as one rule set: everything resolved, checked and compiled, or every mistake in them. Lists that they take from
/// [`elsewhere`] stand among the sources.
#[must_use]
pub fn load(sources: &[Source]) -> Loaded {
    examine(sources, |_| ()).0
}

/// The authors that the rules of some files hope to hear of, and where each is named.
#[must_use]
pub fn named_authors(sources: &[Source]) -> Vec<NamedAuthor> {
    examine(sources, authors::named).1
}

/// Loads, and takes something with it that only the walk knows.
fn examine<T>(sources: &[Source], take: impl FnOnce(&Check<'_>) -> T) -> (Loaded, T) {
    let mut check = Check::new(sources);
    let mut broken = false;
    let mut documents = Vec::with_capacity(sources.len());
    for (file, source) in sources.iter().enumerate() {
        let (document, fine) = parse(&mut check, file, source);
        broken |= !fine;
        documents.push(document);
    }
    let tops =
        documents.iter().enumerate().map(|(file, document)| Table::new(document, Span { file, start: 0, end: 0 }, Place::Top));
    let ruleset = read(&mut check, tops.collect());
    if broken {
        check.forget_consequences();
    } else if ruleset.rules.is_empty() && !check.has_errors() {
        let help = "write one: [[rule]] with `name`, `send` and a table [rule.when]";
        check.report(Diagnostic::new(Severity::Error, "no-rules", None, "there are no rules".to_owned()).help(help));
    }
    if check.has_errors() {
        check.forget_unused();
    }
    let ruleset = (!check.has_errors()).then_some(ruleset);
    let taken = take(&check);
    (Loaded { ruleset, diagnostics: check.finish() }, taken)
}

/// A file as TOML, as far as it is one; `false` when it has mistakes of syntax.
fn parse<'a>(check: &mut Check<'a>, file: usize, source: &'a Source) -> (DeTable<'a>, bool) {
    if source.kind != Kind::Rules {
        // What names it reads it.
        return (DeTable::new(), true);
    }
    if source.text.len() as u64 > RULES_FILE_BYTES {
        let message = format!("this file is larger than {} MiB", RULES_FILE_BYTES / 1024 / 1024);
        check.error("too-large", Span { file, start: 0, end: 0 }, message);
        return (DeTable::new(), false);
    }
    if let Some(mistake) = syntax::other_language(&source.name, &source.text) {
        check.report(mistake);
        return (DeTable::new(), false);
    }
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let syntax = syntax::diagnostics(file, &source.text, &errors);
    syntax.diagnostics.into_iter().for_each(|mistake| check.report(mistake));
    if let Some(start) = syntax.lost_from {
        check.lost.push(Span { file, start, end: source.text.len() });
    }
    (document.into_inner(), errors.is_empty())
}

/// The tables at the top of all files, by what they are.
#[derive(Debug, Default)]
struct Sections<'a> {
    feed: Vec<Field<'a>>,
    journal: Vec<Field<'a>>,
    defaults: Vec<Field<'a>>,
    lists: Vec<Field<'a>>,
    templates: Vec<Field<'a>>,
    actions: Vec<Field<'a>>,
    rules: Vec<Field<'a>>,
}

fn sections<'a>(check: &mut Check<'a>, tops: Vec<Table<'a>>) -> Sections<'a> {
    let mut sections = Sections::default();
    for mut top in tops {
        sections.feed.extend(top.take("feed"));
        sections.journal.extend(top.take("journal"));
        sections.defaults.extend(top.take("defaults"));
        sections.lists.extend(top.take("lists"));
        sections.templates.extend(top.take("templates"));
        sections.actions.extend(top.take("actions"));
        sections.rules.extend(top.take("rule"));
        top.finish(check);
    }
    sections
}

fn read<'a>(check: &mut Check<'a>, tops: Vec<Table<'a>>) -> RuleSet {
    let sections = sections(check, tops);
    for field in entries(check, &sections.lists, Place::Lists) {
        check.define_list(field);
    }
    let (mut feed, notices) =
        single(check, &sections.feed, Place::Feed).map(|table| settings::feed(check, table)).unwrap_or_default();
    let journal =
        single(check, &sections.journal, Place::Journal).map(|table| settings::journal(check, table)).unwrap_or_default();
    let defaults =
        single(check, &sections.defaults, Place::Defaults).map(|table| settings::defaults(check, table)).unwrap_or_default();
    let mut shared = Shared {
        actions: actions::Actions::default(),
        templates: templates::Templates::default(),
        mode: defaults.mode,
        zone: defaults.zone.clone(),
    };
    for field in entries(check, &sections.templates, Place::Template) {
        shared.templates.define(check, field);
    }
    for field in entries(check, &sections.actions, Place::Free) {
        shared.actions.define(check, &mut shared.templates, &defaults, field);
    }
    feed.notices = notices.map(|field| notices::read(check, &mut shared, field)).unwrap_or_default();
    let mut names = rule::Names::new();
    let mut rules = Vec::new();
    for field in &sections.rules {
        for table in rule_tables(check, *field) {
            rules.extend(rule::read(check, &mut shared, &mut names, table));
        }
    }
    rules.shrink_to_fit();
    window::beyond_journal(check, &rules, journal.max_age);
    check.unused_lists();
    shared.templates.unused(check);
    shared.actions.unused(check);
    let actions = shared.actions.drafts.into_iter().filter_map(|draft| draft.action).collect();
    RuleSet { feed, journal, actions, rules }
}

/// The entries of a table whose keys are names, over all files.
fn entries<'a>(check: &mut Check<'a>, sections: &[Field<'a>], place: Place) -> Vec<Field<'a>> {
    let mut entries = Vec::new();
    for section in sections {
        let example = format!("write it as tables: [{}.name]", section.name);
        match section.node.as_table(place) {
            Some(table) => entries.extend(table.fields()),
            None => {
                let mistake = Diagnostic::error("wrong-type", section.key, format!("`{}` must be a table", section.name));
                check.report(mistake.help(example));
            }
        }
    }
    entries
}

/// A table that all files together have: each of its keys once, or again with the same value.
fn single<'a>(check: &mut Check<'a>, sections: &[Field<'a>], place: Place) -> Option<Table<'a>> {
    let (first, more) = sections.split_first()?;
    let mut whole = first.node.table(check, first.name, place, "{ … }")?;
    for again in more {
        let Some(table) = again.node.table(check, again.name, place, "{ … }") else { continue };
        for field in table.fields() {
            let Some(known) = whole.fields().into_iter().find(|known| known.name == field.name) else { continue };
            if !known.node.is_same(field.node) {
                let message = format!("`{}` in {} has another value in another file", field.name, place.name());
                let mistake = Diagnostic::error("duplicate-name", field.key, message)
                    .label("here another")
                    .also(known.key, "first here")
                    .help("keep one of them, or make them the same: files that are read together share this table");
                check.report(mistake);
            }
        }
        whole.join(&table);
    }
    Some(whole)
}

/// The tables of `[[rule]]`.
fn rule_tables<'a>(check: &mut Check<'a>, field: Field<'a>) -> Vec<Table<'a>> {
    if field.node.value.is_table() {
        let mistake = Diagnostic::error("wrong-type", field.key, "a rule is one of many, so its header has two brackets");
        check.report(mistake.help("write `[[rule]]`; its condition is `[rule.when]`"));
        return Vec::new();
    }
    field.node.tables(check, "rule", Place::Rule, "[{ name = \"…\", when = { … }, send = [\"…\"] }]")
}
