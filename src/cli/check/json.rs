//! Mistakes as one JSON array, for any program.

use serde::Serialize;

use super::severity;
use crate::cli::table::inert;
use crate::model::action::Span;
use crate::rules::{Diagnostic, Places, Position, Source};

#[derive(Serialize)]
struct Mistake<'d> {
    code: &'static str,
    severity: &'static str,
    #[serde(flatten)]
    place: Place<'d>,
    message: &'d str,
    /// Of the place.
    label: Option<&'d str>,
    help: Option<&'d str>,
    /// Other places that one has to see to understand it.
    more: Vec<Other<'d>>,
}

#[derive(Serialize)]
struct Other<'d> {
    #[serde(flatten)]
    place: Place<'d>,
    label: &'d str,
}

/// All `null`: it is about the files as a whole.
#[derive(Default, Serialize)]
struct Place<'d> {
    file: Option<&'d str>,
    /// From one.
    line: Option<usize>,
    /// From one, in characters.
    column: Option<usize>,
    /// The place behind it.
    end: Option<End>,
}

#[derive(Serialize)]
struct End {
    line: usize,
    column: usize,
}

fn place<'d>(places: &Places<'d>, span: Span) -> Place<'d> {
    let Some((from, Position { line, column })) = places.locate(span) else { return Place::default() };
    Place { file: places.name(span.file), line: Some(from.line), column: Some(from.column), end: Some(End { line, column }) }
}

/// One array, an object a line, with a line break at its end.
pub(super) fn written(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let places = Places::of(sources);
    let mistakes = diagnostics.iter().map(|diagnostic| Mistake {
        code: diagnostic.code,
        severity: severity(diagnostic.severity),
        place: diagnostic.span.map(|span| place(&places, span)).unwrap_or_default(),
        message: &diagnostic.message,
        label: Some(diagnostic.label.as_str()).filter(|label| !label.is_empty()),
        help: diagnostic.help.as_deref(),
        more: diagnostic.more.iter().map(|(span, label)| Other { place: place(&places, *span), label }).collect(),
    });
    // What is made of texts and numbers always has a form in JSON.
    let lines: Vec<_> = mistakes.filter_map(|mistake| serde_json::to_string(&mistake).ok()).map(|json| inert(&json)).collect();
    if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n  {}\n]\n", lines.join(",\n  ")) }
}
