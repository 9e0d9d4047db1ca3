//! Any text as rules: every mistake has its place and can be shown to a terminal; what has none can be run.

use std::sync::Arc;

use birdcall::decode::decode;
use birdcall::engine::{Engine, Input};
use birdcall::model::action::Span;
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use birdcall::rules::{Severity, Source, Style, load, render};

/// All frames of the documentation: rules are run against them.
const FRAMES: &str = include_str!("../../data/envelopes.jsonl");

/// A form feed, which no TOML holds, parts one file from the next. One that begins with `#list` is a list, `N.txt` by its place; with `#tracked`
/// it is what is kept of the feed's word.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let file = |(at, text): (usize, &str)| match text {
        _ if text.starts_with("#list") => Source::list(format!("{at}.txt"), text),
        _ if text.starts_with("#tracked") => Source::tracked(format!("{at}.txt"), text),
        _ => Source::rules(format!("{at}.toml"), text),
    };
    let sources: Vec<_> = text.split('\u{c}').enumerate().map(file).collect();
    let loaded = load(&sources);
    let is_wrong = loaded.diagnostics.iter().any(|mistake| mistake.severity == Severity::Error);
    assert_eq!(loaded.ruleset.is_none(), is_wrong, "a rule set comes out exactly when there is no error");
    for mistake in &loaded.diagnostics {
        mistake.span.iter().chain(mistake.more.iter().map(|(span, _)| span)).for_each(|span| stands_in(&sources, *span));
    }
    let shown = render(&loaded.diagnostics, &sources, Style::Plain);
    assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
    let acts = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!shown.contains(acts), "{shown:?}");
    let Some(set) = loaded.ruleset else { return };
    let mut engine = Engine::new(Arc::new(set));
    let mut effects = Vec::new();
    let mut at = Timestamp::from_millis(1_781_700_000_000);
    for envelope in FRAMES.lines().filter_map(|frame| decode(frame).ok()) {
        engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut effects);
        at = Timestamp::from_millis(at.as_millis() + 1_000);
    }
    while let Some(deadline) = engine.next_wait() {
        engine.step(&Input::Tick(deadline), &mut effects);
        assert!(engine.next_wait() > Some(deadline) || engine.next_wait().is_none(), "time goes on");
    }
}

fn stands_in(sources: &[Source], span: Span) {
    let text = &sources[span.file].text;
    assert!(text.get(span.start..span.end).is_some(), "{span:?} is no place of a file of {} bytes", text.len());
}
