//! What there is to say of rules that are right: which of them cost something for every envelope, that nobody would hear of a gap, and which
//! of them no test makes fire.

use crate::app;
use crate::matching::{Always, always};
use crate::model::subject::Str;
use crate::rules::{Diagnostic, RuleSet, Severity};

/// Rules that are named because every envelope has to be held against them; more are a number.
const NAMED: usize = 20;

/// All of it.
pub(super) fn notes(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut notes = every_envelope(rules);
    notes.extend(app::nobody_is_told(rules).map(nobody_is_told));
    notes
}

fn nobody_is_told(why: String) -> Diagnostic {
    // What is so, and then what to do.
    let (message, help) = match why.split_once(". ") {
        Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
        None => (why, None),
    };
    about_all(Severity::Warning, "nobody-is-told", message, help)
}

/// What is about the rules as a whole.
fn about_all(severity: Severity, code: &'static str, message: String, help: Option<String>) -> Diagnostic {
    Diagnostic { severity, code, message, span: None, label: String::new(), more: Vec::new(), help }
}

/// Names the rules that no test beside them makes fire.
pub(super) fn untested(rules: &[Str]) -> Option<Diagnostic> {
    let named: Vec<_> = rules.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = rules.len().saturating_sub(NAMED);
    let named = named.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() };
    let first = rules.first()?;
    let help = format!("write one that does: birdcall test --new {}", if rules.len() == 1 { first } else { "RULE" });
    Some(about_all(Severity::Note, "untested-rule", format!("no test makes these rules fire: {named}"), Some(help)))
}

/// Nobody could be asked.
pub(super) fn cannot_connect(why: &str) -> Diagnostic {
    let help = "the rules themselves were checked; nobody was asked".to_owned();
    about_all(Severity::Error, "cannot-connect", why.to_owned(), Some(help))
}

/// What the feed said could not be kept.
pub(super) fn cannot_keep(why: &str) -> Diagnostic {
    let message = format!("the accounts that the key tracks cannot be kept for the list with `tracked = true`: {why}");
    about_all(Severity::Warning, "cannot-keep", message, None)
}

/// Names the rules that cost something for every envelope, as nothing leads to them.
fn every_envelope(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut found = rules.rules.iter().filter_map(|rule| Some((rule, always(rule)?)));
    let note = |message: String, span, label: &str, help: &str| Diagnostic {
        severity: Severity::Note,
        code: "every-envelope",
        message,
        span,
        label: label.to_owned(),
        more: Vec::new(),
        help: Some(help.to_owned()),
    };
    let mut notes: Vec<_> = found
        .by_ref()
        .take(NAMED)
        .map(|(rule, why)| {
            let (because, help) = told(&why);
            let message = format!("`{}` is looked at for every envelope, because {because}", rule.name);
            note(message, Some(rule.span), "others are found by a handle, a word or an address", help)
        })
        .collect();
    let more = found.count();
    if more > 0 {
        let message = format!("{more} more rules are looked at for every envelope");
        notes.push(note(message, None, "", "a handful of such rules does not matter; thousands make every alert later"));
    }
    notes
}

/// Why, and what to do about it.
fn told(why: &Always) -> (String, &'static str) {
    match why {
        Always::Regex(written) => (
            format!("its regex `{written}` has no text that stands in everything it finds"),
            "write beside it, in the same table, what must be there as well: a `handle`, or a `keyword` or `contains` with words that it is \
             never without",
        ),
        Always::Common => (
            "what it asks may be so of any tweet".to_owned(),
            "if it is about some accounts or words, name them in the same table: `handle`, `keyword`, `token`, `contract`",
        ),
        Always::Nothing => (
            "it, or a step of its sequence, asks nothing".to_owned(),
            "say there whom or what it is about: a `handle`, a `keyword`; or leave it if all of them are meant",
        ),
        Always::Negative => (
            "it says only what must not be".to_owned(),
            "write beside `none` what must be there: a `handle`, a `keyword`, a `token`; or leave it if every tweet is meant",
        ),
    }
}
