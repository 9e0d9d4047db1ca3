//! text of NAME.test.toml → tests of rules, or every mistake in it (RULES 6). Pure, and read as rules are: every mistake has its
//! place.

mod events;
mod expect;
mod parts;

use std::time::Duration;

use super::check::Check;
use super::diagnostic::{Diagnostic, Severity};
use super::keys::Place;
use super::read::{Field, Table};
use super::ruleset::RuleSet;
use super::units::parse_since;
use super::{Source, parse};
use crate::model::action::Span;
use crate::model::firing::Origin;
use crate::model::time::Timestamp;

pub use events::envelope_of;
pub use expect::all_reasons;

/// When tests begin in which nothing says when it was: 2026-01-01T00:00:00Z, in milliseconds.
pub const START: i64 = 1_767_225_600_000;

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// What the rules must make of it.
    pub expect: Vec<Expect>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Where it stands.
    pub span: Span,
    /// Since the test began.
    pub at: Duration,
    /// How it comes.
    pub origin: Origin,
    /// What it is.
    pub says: Says,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// A short form: its envelope, with moments that are since the test began.
    Short(serde_json::Value),
    /// A whole envelope comes.
    Frame(String),
    /// A record of one: it comes when it came.
    Record {
        /// Then.
        at: Timestamp,
        /// How, if it says so; else as the event does.
        origin: Option<Origin>,
        /// The envelope.
        text: String,
    },
    /// All that stands in this file comes.
    File(String),
    /// Nothing but time passes.
    Nothing,
}

/// What one rule must do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// Where it stands.
    pub span: Span,
    /// Index of the rule in the rule set.
    pub rule: usize,
    /// How many firings there are, of those that the filters below leave.
    pub fires: usize,
    /// What must have held it back, where it does not fire or does not send. Each must be needed.
    pub because: Vec<String>,
    /// Only firings at this moment, since the test began.
    pub at: Option<Duration>,
    /// Only firings on this tweet.
    pub tweet: Option<String>,
    /// Only firings on this token, market or prediction market: by symbol, contract, exchange, id or title.
    pub element: Option<String>,
    /// Indices of the actions to which a message goes, or would but for `mode = "paper"`.
    pub sends: Option<Vec<usize>>,
    /// The message to this action is meant; else any.
    pub action: Option<usize>,
    /// Each stands in the message.
    pub message: Vec<String>,
}

/// What came of reading.
#[derive(Clone, Debug)]
pub struct Read {
    /// The tests; with an error among the mistakes there are none.
    pub tests: Vec<Test>,
    /// Every mistake.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a file of tests for these rules. Places are in file number 0.
#[must_use]
pub fn read(source: &Source, rules: &RuleSet) -> Read {
    let sources = std::slice::from_ref(source);
    let mut check = Check::new(sources);
    let (document, fine) = parse(&mut check, 0, source);
    let mut top = Table::new(&document, Span::default(), Place::TestFile);
    let mut tests = Vec::new();
    let mut has_some = false;
    if let Some(field) = top.take("test") {
        has_some = true;
        for table in field.node.tables(&mut check, "test", Place::Test, "[{ name = \"…\", events = […], expect = […] }]") {
            tests.extend(test(&mut check, rules, table));
        }
    }
    top.finish(&mut check);
    if !fine {
        check.forget_consequences();
    } else if !has_some && !check.has_errors() {
        let help = "write one: [[test]] with `name`, `events` and `expect`";
        check.report(Diagnostic::new(Severity::Error, "no-tests", None, "there are no tests".to_owned()).help(help));
    }
    let is_wrong = check.has_errors();
    Read { tests: if is_wrong { Vec::new() } else { tests }, diagnostics: check.finish() }
}

fn test<'a>(check: &mut Check<'a>, rules: &RuleSet, mut table: Table<'a>) -> Option<Test> {
    let named = needed(check, &mut table, "name", "a name says what the test shows: `name = \"a delisting is no listing\"`");
    let name = named.and_then(|field| Some((field.node.text(check, "name", "\"…\"")?, field.node.span)));
    let example = "events = [{ content = { handle = \"binance\", text = \"…\" } }]";
    let happens = needed(check, &mut table, "events", example);
    let events = happens.map(|field| events::read(check, field)).unwrap_or_default();
    let asked = needed(check, &mut table, "expect", "expect = [{ rule = \"exchange-listing\" }]");
    let expect = asked.map(|field| expect::read(check, rules, field)).unwrap_or_default();
    table.finish(check);
    let (name, span) = name?;
    Some(Test { name: name.to_owned(), span, events, expect })
}

fn needed<'a>(check: &mut Check<'a>, table: &mut Table<'a>, key: &'static str, help: &str) -> Option<Field<'a>> {
    let field = table.take(key);
    if field.is_none() {
        let mistake = Diagnostic::error("missing-key", table.span, format!("this test has no `{key}`"));
        check.report(mistake.help(help));
    }
    field
}

/// `"+2s"`: since the test began.
fn moment<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Duration> {
    let text = field.node.text(check, field.name, "\"+2s\"")?;
    match parse_since(text) {
        Ok(duration) => Some(duration),
        Err(label) => {
            let mistake = Diagnostic::error("bad-duration", field.node.span, format!("`{}` is no moment of a test", field.name));
            let help = "it is written as the time since the test began: \"+2s\", \"+1500ms\", \"+10m\"";
            check.report(mistake.label(label).help(help));
            None
        }
    }
}
