//! What the TOML parser says, in words that tell what to do.

use super::diagnostic::Diagnostic;
use crate::model::action::Span;

/// A mistake of syntax in a file.
pub(super) fn diagnostic(file: usize, text: &str, error: &toml::de::Error) -> Diagnostic {
    let range = error.span().unwrap_or(text.len()..text.len());
    let span = Span { file, start: range.start.min(text.len()), end: range.end.min(text.len()).max(range.start.min(text.len())) };
    let said = error.message();
    if said == "duplicate key" {
        return duplicate(text, span);
    }
    let (message, help) = in_words(said);
    let mut mistake =
        Diagnostic::error("syntax", span, message.unwrap_or_else(|| said.split('\n').next().unwrap_or(said).to_owned()));
    mistake.help = help.map(str::to_owned);
    mistake
}

/// The commonest ones; the parser's own words do for the rest.
fn in_words(said: &str) -> (Option<String>, Option<&'static str>) {
    let table: [(&str, &str, &str); 12] = [
        (
            "string values must be quoted",
            "a text must stand in quotes",
            "write \"…\", or '…' for a regex, in which nothing needs escaping",
        ),
        (
            "invalid basic string",
            "this text is not closed or has a wrong escape",
            "close it with a \"; write a regex in single quotes: '\\bword\\b'",
        ),
        ("invalid literal string", "this text is not closed", "close it with a '"),
        (
            "missing escaped value",
            "a wrong escape",
            "in double quotes a backslash is written \\\\; write a regex in single quotes: '\\bword\\b'",
        ),
        ("unclosed inline table", "this `{` is never closed", "close it with a }"),
        ("unclosed array", "this `[` is never closed", "close it with a ]"),
        ("unclosed table", "this header is never closed", "close it with a ]: `[actions.desk]`"),
        ("unclosed array table", "this header is never closed", "close it with ]]: `[[rule]]`"),
        ("missing comma", "a comma is missing in front of this", "part values with commas"),
        ("missing value", "the value is missing", "write something after the =, or remove the line"),
        ("key with no value", "this key has no value", "write `key = value`; a comment begins with #"),
        ("cannot recurse", "this is nested too deeply", "split it"),
    ];
    let lower = said.to_lowercase();
    let known = table.iter().find(|(start, ..)| lower.starts_with(start));
    known.map_or((None, None), |(_, message, help)| (Some((*message).to_owned()), Some(*help)))
}

/// The same key twice, with the place of the first.
fn duplicate(text: &str, span: Span) -> Diagnostic {
    let key = text.get(span.start..span.end).unwrap_or_default();
    let line_start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
    let is_header = line.trim_start().starts_with('[');
    let first = if is_header { first_header(text, line_start, line) } else { first_key(text, line_start, key) };
    let what = if is_header { line.trim().trim_end_matches(|c: char| c == '#' || c.is_whitespace()) } else { key };
    let mistake = Diagnostic::error("duplicate-name", span, format!("`{what}` is defined twice")).label("here again");
    let mistake = match first {
        Some(range) => mistake.also(Span { file: span.file, start: range.start, end: range.end }, "first here"),
        None => mistake,
    };
    mistake.help(if is_header { "give one of them another name, or put everything into one" } else { "remove one of them" })
}

/// The first line that is the same header.
fn first_header(text: &str, before: usize, header: &str) -> Option<std::ops::Range<usize>> {
    let header = header.split('#').next().unwrap_or(header).trim();
    let mut start = 0;
    text.get(..before)?.split_inclusive('\n').find_map(|line| {
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        (line.split('#').next()?.trim() == header).then(|| at..at + header.len())
    })
}

/// The nearest line above with the same key, within the same table.
fn first_key(text: &str, before: usize, key: &str) -> Option<std::ops::Range<usize>> {
    let mut end = before;
    for line in text.get(..before)?.split_inclusive('\n').rev() {
        let start = end - line.len();
        end = start;
        let bare = line.trim_start();
        let at = start + (line.len() - bare.len());
        if bare.starts_with('[') {
            return None;
        }
        if bare.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return Some(at..at + key.len());
        }
    }
    None
}
