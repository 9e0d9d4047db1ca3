//! What the TOML parser says, in words that tell what to do, without what only follows from an earlier mistake.

use super::diagnostic::{Diagnostic, Severity};
use crate::model::action::Span;

/// The mistakes of syntax in a file.
pub(super) struct Syntax {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// From here on the parser was lost: nothing that was read can be relied upon.
    pub(super) lost_from: Option<usize>,
}

/// Errors of the parser that are looked at in one file.
const LOOKED_AT: usize = 1_000;

/// Below a header that is not closed, keys seem to belong to the table above it.
fn said_of_header(message: &str) -> bool {
    message.starts_with("unclosed table") || message.starts_with("unclosed array table")
}

/// JSON or YAML where TOML is expected: one message in place of one for every line. It shows none of the text, in which nobody
/// knows where the secrets stand.
pub(super) fn other_language(name: &str, text: &str) -> Option<Diagnostic> {
    let rest = text.trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n']);
    let is_list = || rest.starts_with('[') && serde_json::from_str::<serde::de::IgnoredAny>(rest).is_ok();
    let language = if rest.starts_with('{') || is_list() {
        "JSON"
    } else if is_yaml(text) {
        "YAML"
    } else {
        return None;
    };
    let mistake =
        Diagnostic::new(Severity::Error, "syntax", None, format!("{name} is {language}, and rules are written in TOML"));
    Some(mistake.help(
        "for example: [[rule]] on one line, then `name = \"alert\"`, `send = [\"desk\"]` and `when = { keyword = \"listing\" }`",
    ))
}

/// Most lines are `key: value` or `- item`, and none is `key = value` or a header.
fn is_yaml(text: &str) -> bool {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).take(LOOKED_AT);
    if lines().any(|line| looks_like_key(line) || looks_like_header(line)) {
        return false;
    }
    let yaml = |line: &&str| {
        let item = line.strip_prefix("- ").unwrap_or(line).trim_start();
        let key = item.split_once(':').filter(|(_, value)| value.is_empty() || value.starts_with(' ')).map(|(key, _)| key);
        *line == "---" || item.len() < line.len() || key.is_some_and(|key| is_name(key.trim_matches(['"', '\''])))
    };
    let (all, like) = (lines().count(), lines().filter(yaml).count());
    like >= 2 && like * 2 > all
}

/// Turns the parser's errors into diagnostics.
pub(super) fn diagnostics(file: usize, text: &str, errors: &[toml::de::Error]) -> Syntax {
    if errors.is_empty() {
        return Syntax { diagnostics: Vec::new(), lost_from: None };
    }
    let unclosed = unclosed(text);
    let mut lost_from = unclosed.map(|(at, _)| at);
    let mut diagnostics = Vec::new();
    let mut said = Said::default();
    for error in errors.iter().take(LOOKED_AT) {
        let range = error.span().unwrap_or(text.len()..text.len());
        let start = range.start.min(text.len());
        let span = Span { file, start, end: range.end.clamp(start, text.len()) };
        let after = unclosed.is_some_and(|(at, _)| start > at);
        let header = said_of_header(error.message());
        lost_from = lost_from.or(header.then(|| line_start(text, start)));
        if !after && said.is_new(text, start, error.message()) {
            diagnostics.push(diagnostic(text, span, error.message()));
        }
    }
    if let Some((at, bracket)) = unclosed {
        let close = if bracket == '[' { ']' } else { '}' };
        let mistake =
            Diagnostic::error("syntax", Span { file, start: at, end: at + 1 }, format!("this `{bracket}` is never closed"));
        diagnostics.push(
            mistake.label("opened here").help(format!("close it with a `{close}`; mistakes below it show when it is mended")),
        );
    }
    Syntax { diagnostics, lost_from }
}

/// What has been said, so that one slip is not told several times.
#[derive(Default)]
struct Said {
    line: Option<usize>,
    /// Where a table began that stands twice: all its keys stand twice as well.
    table: Option<usize>,
}

impl Said {
    fn is_new(&mut self, text: &str, at: usize, message: &str) -> bool {
        let line = line_start(text, at);
        if message == DUPLICATE {
            let of_table = self.table.and_then(|from| text.get(from..at)).is_some_and(|between| !between.contains("\n["));
            self.table = (of_table || is_header(text, line)).then_some(at);
            if of_table && !is_header(text, line) {
                return false;
            }
        }
        let new = self.line != Some(line);
        self.line = Some(line);
        new
    }
}

const DUPLICATE: &str = "duplicate key";

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
}

fn is_header(text: &str, line: usize) -> bool {
    text.get(line..).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('['))
}

fn diagnostic(text: &str, span: Span, said: &str) -> Diagnostic {
    if said == DUPLICATE {
        return duplicate(text, span);
    }
    let nothing = text.get(span.start..).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(['\n', '\r', '#']));
    let said = if said.starts_with("string values must be quoted") && nothing { "missing value" } else { said };
    let (message, help) = in_words(said);
    let mut mistake =
        Diagnostic::error("syntax", span, message.unwrap_or_else(|| said.split('\n').next().unwrap_or(said).to_owned()));
    mistake.help = help.map(str::to_owned);
    mistake
}

/// The commonest ones; the parser's own words do for the rest.
const IN_WORDS: [(&str, &str, &str); 12] = [
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
    ("unclosed array table", "this header is not closed", "close it with two brackets: `[[rule]]`"),
    ("unclosed table", "this header is not closed", "close it with a bracket: `[actions.desk]`"),
    ("unclosed inline table", "this `{` is never closed", "close it with a }"),
    ("unclosed array", "this `[` is never closed", "close it with a ]"),
    ("missing comma", "a comma is missing in front of this", "part values with commas"),
    ("missing value", "the value is missing", "write something after the =, or remove the line"),
    ("key with no value", "this key has no value", "write `key = value`; a comment begins with #"),
    ("cannot recurse", "this is nested too deeply", "split it"),
];

fn in_words(said: &str) -> (Option<String>, Option<&'static str>) {
    let lower = said.to_lowercase();
    let known = IN_WORDS.iter().find(|(start, ..)| lower.starts_with(start));
    known.map_or((None, None), |(_, message, help)| (Some((*message).to_owned()), Some(*help)))
}

/// The first bracket of a value that is never closed: the parser takes everything below it for a part of the value. A line
/// that begins with a header, or with a key within a list, shows that the value was meant to have ended.
fn unclosed(text: &str) -> Option<(usize, char)> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut rest = text;
    let mut line_begins = true;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        if line_begins {
            let line = rest.lines().next().unwrap_or_default().trim();
            match open.last() {
                Some(found @ (_, '[')) if looks_like_header(line) || looks_like_key(line) => return Some(*found),
                Some(found) if looks_like_header(line) => return Some(*found),
                None if line.starts_with('[') => {
                    rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
                    line_begins = false;
                    continue;
                }
                _ => {}
            }
        }
        line_begins = c == '\n';
        let skip = match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => string_length(rest, c),
            _ => c.len_utf8(),
        };
        match c {
            '[' | '{' => open.push((at, c)),
            ']' | '}' => {
                open.pop();
            }
            _ => {}
        }
        rest = rest.get(skip..).unwrap_or_default();
    }
    open.first().copied()
}

/// Bytes of the string that a text begins with; one that is not closed ends with its line.
fn string_length(rest: &str, quote: char) -> usize {
    let triple = [quote; 3].iter().collect::<String>();
    if let Some(inside) = rest.strip_prefix(&triple) {
        return inside.find(&triple).map_or(rest.len(), |end| end + 6);
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `[actions.desk]`, `[[rule]]`.
fn looks_like_header(line: &str) -> bool {
    let bare = line.split('#').next().unwrap_or(line).trim_end();
    let name = bare.trim_start_matches('[').trim_end_matches(']');
    bare.starts_with('[') && bare.ends_with(']') && name.starts_with(|c: char| c.is_ascii_alphabetic()) && is_name(name)
}

/// `send = …`.
fn looks_like_key(line: &str) -> bool {
    line.split_once('=').is_some_and(|(key, _)| is_name(key.trim_end()))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The same key twice, with the place of the first.
fn duplicate(text: &str, span: Span) -> Diagnostic {
    let key = text.get(span.start..span.end).unwrap_or_default();
    let start = line_start(text, span.start);
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let header = is_header(text, start);
    let first = if header { first_header(text, start, line) } else { first_key(text, start, key) };
    let what = if header { line.split('#').next().unwrap_or(line).trim() } else { key };
    let mistake = Diagnostic::error("duplicate-name", span, format!("`{what}` is defined twice")).label("here again");
    let mistake = match first {
        Some(range) => mistake.also(Span { file: span.file, start: range.start, end: range.end }, "first here"),
        None => mistake,
    };
    mistake.help(if header { "give one of them another name, or put everything into one" } else { "remove one of them" })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bracket_that_is_never_closed_is_found() {
        let cases = [
            ("a = [1, 2\nb = 3\n", Some((4, '['))),
            ("a = [\n  { x = 1 },\n\n[[rule]]\n", Some((4, '['))),
            ("w = { k = \"[\" \n\n[rule]\nx = [1]\n", Some((4, '{'))),
            ("a = ['[', \"]\\\"[\", 1] # [\n[b]\nc = [\n  [1],\n]\n", None),
            ("s = '''\n[\n'''\nt = \"[\n", None),
            ("a = { b = [1, { c = 2 }", Some((4, '{'))),
        ];
        for (text, found) in cases {
            assert_eq!(unclosed(text), found, "{text}");
        }
    }
}
