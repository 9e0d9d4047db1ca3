//! Any text as tests of rules: every mistake has its place and can be shown to a terminal; what has none can be run, and comes to an end.

use std::sync::{Arc, OnceLock};

use birdcall::rule_test;
use birdcall::rules::ruleset::RuleSet;
use birdcall::rules::{Severity, Source, Style, load, render, test_file};

const RULES: &str = include_str!("../../../rules/rules.toml");

fn rules() -> Arc<RuleSet> {
    static SET: OnceLock<Arc<RuleSet>> = OnceLock::new();
    let load = || {
        let loaded = load(&[Source::rules("rules.toml", RULES)]);
        Arc::new(loaded.ruleset.expect("the starter rules are fine"))
    };
    Arc::clone(SET.get_or_init(load))
}

pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let source = Source::rules("rules.test.toml", text);
    let rules = rules();
    let read = test_file::read(&source, &rules);
    let is_wrong = read.diagnostics.iter().any(|mistake| mistake.severity == Severity::Error);
    assert!(!is_wrong || read.tests.is_empty(), "with an error there are no tests");
    for span in read.diagnostics.iter().filter_map(|mistake| mistake.span) {
        assert!(text.get(span.start..span.end).is_some(), "{span:?} is no place of it");
    }
    let shown = render(&read.diagnostics, std::slice::from_ref(&source), Style::Plain);
    let acts = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!shown.contains(acts), "{shown:?}");
    for test in &read.tests {
        let tested = rule_test::run(test, &rules, &|_| Err("no files here".to_owned()));
        assert!(tested.fired.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
