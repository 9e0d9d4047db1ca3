//! What came of tests, for people and as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::Ran;
use super::find::Broken;
use crate::cli::moments::span;
use crate::cli::say;
use crate::cli::table::{FAINT, FINE, STRONG, WARNING, WRONG, clean, inert};
use crate::cli::tree::{self, Book};
use crate::model::action::Span;
use crate::rule_test::{Failure, Tested};
use crate::rules::Source;

/// Trees shown of one failure.
const LOOKS: usize = 3;
/// Names on one line.
const NAMES: usize = 12;

pub(super) fn say_all(ran: &[Ran], untested: &[(String, usize)], broken: &[Broken], filter: Option<&str>) {
    for of in ran {
        let rules = clean(&of.suite.of.display().to_string());
        let about = format!("{FAINT}{} of {rules}{FAINT:#}", counted(of.tests.len(), "test"));
        if of.tests.is_empty() {
            continue;
        }
        say(format_args!("{STRONG}{}{STRONG:#}  {about}", clean(&of.suite.source.name)));
        for (_, tested, _) in &of.tests {
            say(one(of, tested).trim_end());
        }
    }
    let results = || ran.iter().flat_map(|ran| &ran.tests);
    let failed = results().filter(|(_, tested, _)| !tested.failures.is_empty()).count();
    let passed = results().count() - failed;
    let left_out: usize = ran.iter().map(|ran| ran.left_out).sum();
    // What a filter leaves out may make the others fire.
    if filter.is_none() {
        for of in ran.iter().filter(|of| !of.silent.is_empty()) {
            let names: Vec<_> = of.silent.iter().take(NAMES).map(|name| clean(name)).collect();
            let more = of.silent.len().saturating_sub(NAMES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let folder = of.suite.of.display().to_string();
            let name = clean(if of.suite.is_of_folder() { &folder } else { &of.suite.source.name });
            say(format_args!("{WARNING}no test of {name} makes these rules fire{WARNING:#}: {}{more}", names.join(", ")));
        }
        for (path, rules) in untested {
            say(format_args!("{WARNING}{} has no tests{WARNING:#} ({})", clean(path), counted(*rules, "rule")));
        }
    }
    let style = if failed > 0 { WRONG } else { FINE };
    let left_out = if left_out > 0 { format!(", {left_out} left out by --filter") } else { String::new() };
    if !broken.is_empty() {
        say(format_args!("{WRONG}{} cannot be run{WRONG:#}", counted(broken.len(), "file")));
    }
    if passed + failed > 0 {
        say(format_args!("{style}{passed} passed, {failed} failed{style:#}{left_out}"));
    }
}

fn one(ran: &Ran, tested: &Tested) -> String {
    let name = clean(&tested.name);
    if tested.failures.is_empty() {
        return format!("  {FINE}✓{FINE:#} {name}");
    }
    let mut out = format!("  {WRONG}✗ {name}{WRONG:#}\n");
    let book = Book { rules: &ran.suite.rules, written: crate::rules::as_written(&ran.suite.sources) };
    for failure in &tested.failures {
        out.push_str(&indented(&failed(&ran.suite.source, &book, failure), 4));
    }
    out
}

fn failed(source: &Source, book: &Book<'_>, failure: &Failure) -> String {
    let (line, column) = place(source, failure.span);
    let mut out = format!("{FAINT}{}:{line}:{column}{FAINT:#}\n", clean(&source.name));
    out.push_str(&format!("{FINE}- expected: {}{FINE:#}\n", clean(&failure.differs.expected)));
    for found in &failure.differs.found {
        out.push_str(&format!("{WRONG}+ found:    {}{WRONG:#}\n", clean(found)));
    }
    if let Some(help) = &failure.differs.help {
        out.push_str(&format!("{FAINT}  help:     {}{FAINT:#}\n", clean(help)));
    }
    // Those that came nearest say most.
    let mut looks: Vec<_> = failure.looks.iter().collect();
    looks.sort_by(|a, b| a.rule.distance().unwrap_or(f32::MAX).total_cmp(&b.rule.distance().unwrap_or(f32::MAX)));
    for look in looks.iter().take(LOOKS) {
        let after = if look.at.is_zero() { "at the start".to_owned() } else { format!("after {}", span(look.at)) };
        out.push_str(&format!("{FAINT}{} ({}), {after}{FAINT:#}\n", clean(&look.subject), look.event.name()));
        out.push_str(&indented(&tree::rule(book, &look.rule, look.now, None), 2));
    }
    if looks.len() > LOOKS {
        out.push_str(&format!("{FAINT}{} more{FAINT:#}\n", looks.len() - LOOKS));
    }
    out
}

pub(super) fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
}

fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// Line and column, from 1.
pub(super) fn place(source: &Source, span: Span) -> (usize, usize) {
    let before = source.text.get(..span.start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[derive(Serialize)]
struct Shown<'r> {
    file: &'r str,
    rules: String,
    name: &'r str,
    line: usize,
    passed: bool,
    took_ms: f64,
    failures: Vec<Value>,
    fired: Vec<&'r str>,
}

pub(super) fn json(ran: &[Ran], untested: &[(String, usize)], broken: &[Broken]) -> String {
    let failure = |source: &Source, of: &Failure| {
        let looks: Vec<_> = of
            .looks
            .iter()
            .map(|look| {
                let trees: Vec<_> = look.rule.seen.iter().map(|seen| &seen.node).collect();
                let (ms, event) = (look.at.as_millis(), look.event.name());
                json!({ "subject": look.subject, "event": event, "after_ms": ms, "answer": look.rule.answer.name(), "trees": trees })
            })
            .collect();
        let (line, column) = place(source, of.span);
        json!({ "line": line, "column": column, "expected": of.differs.expected, "found": of.differs.found, "help": of.differs.help,
                "looks": looks })
    };
    let of = |ran: &Ran| -> Vec<Value> {
        let source = &ran.suite.source;
        let shown = |(_, tested, took): &(crate::rules::test_file::Test, Tested, std::time::Duration)| {
            let fired = tested.fired.iter().filter_map(|at| ran.suite.rules.rules.get(*at)).map(|rule| &*rule.name).collect();
            let failures: Vec<_> = tested.failures.iter().map(|of| failure(source, of)).collect();
            let (line, _) = place(source, tested.span);
            let took_ms = took.as_secs_f64() * 1_000.0;
            let rules = ran.suite.of.display().to_string();
            json!(Shown {
                file: &source.name,
                rules,
                name: &tested.name,
                line,
                passed: failures.is_empty(),
                took_ms,
                failures,
                fired
            })
        };
        ran.tests.iter().map(shown).collect()
    };
    let tests: Vec<Value> = ran.iter().flat_map(of).collect();
    let silent: Vec<Value> = ran
        .iter()
        .flat_map(|ran| ran.silent.iter().map(|name| json!({ "file": ran.suite.source.name, "rule": &**name })))
        .collect();
    let untested: Vec<_> = untested.iter().map(|(path, rules)| json!({ "file": path, "rules": rules })).collect();
    let broken: Vec<_> = broken.iter().map(|of| json!({ "file": of.file, "why": of.why })).collect();
    let all = json!({ "tests": tests, "never_fired": silent, "untested": untested, "broken": broken });
    inert(&serde_json::to_string_pretty(&all).unwrap_or_default())
}
