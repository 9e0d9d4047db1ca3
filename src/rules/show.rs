//! Diagnostics → text for people: file, line and column, the line itself underlined, and what to do. Whatever the file holds,
//! no control character reaches the terminal and no secret is shown.

use std::ops::Range;
use std::sync::LazyLock;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Source;
use super::check::line_starts;
use super::diagnostic::{Diagnostic, Severity};
use super::http::IN_CLEAR;
use crate::model::action::Span;
use crate::model::limits::DIAGNOSTICS_SHOWN;

/// For a terminal with colours, or for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Coloured,
}

/// Bytes of a line beyond which only a window of it is shown.
const LINE: usize = 160;
/// Bytes shown on either side of what is underlined in a long line.
const AROUND: usize = 50;
/// Bytes underlined in a long line.
const MARKED: usize = 80;
/// Lines between two places that are still shown as one piece.
const APART: usize = 20;

/// All diagnostics, by file and place; at most `DIAGNOSTICS_SHOWN`, errors first when there are more.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &[Source], style: Style) -> String {
    let mut shown: Vec<&Diagnostic> = diagnostics.iter().collect();
    if shown.len() > DIAGNOSTICS_SHOWN {
        shown.sort_by_key(|d| d.severity);
        shown.truncate(DIAGNOSTICS_SHOWN);
    }
    shown.sort_by_key(|d| (d.span.is_none(), d.span));
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let files = Files::new(diagnostics, sources);
    let mut text = String::new();
    for diagnostic in &shown {
        text.push_str(&renderer.render(&[group(diagnostic, &files)]));
        text.push_str("\n\n");
    }
    let more = diagnostics.len() - shown.len();
    if more > 0 {
        text.push_str(&format!("and {more} more; mend these first\n\n"));
    }
    text
}

/// The files with the beginnings of their lines, and the places of secrets.
struct Files<'s> {
    files: Vec<(&'s Source, Vec<usize>)>,
    secrets: Vec<Span>,
}

impl<'s> Files<'s> {
    fn new(diagnostics: &[Diagnostic], sources: &'s [Source]) -> Self {
        let files = sources.iter().map(|source| (source, line_starts(&source.text))).collect();
        let mut secrets: Vec<_> = diagnostics.iter().filter(|d| d.code == IN_CLEAR).filter_map(|d| d.span).collect();
        secrets.sort_unstable();
        Self { files, secrets }
    }

    /// The line that a place begins on, and the part of it that lies on that line.
    fn place(&self, span: Span) -> Option<Place> {
        let (source, lines) = self.files.get(span.file)?;
        let start = floor(&source.text, span.start);
        let line = lines.partition_point(|at| *at <= start).saturating_sub(1);
        let text = self.line(span.file, line)?;
        let begin = *lines.get(line)?;
        let from = (start - begin).min(text.len());
        let to = floor(text, span.end.saturating_sub(begin).clamp(from, text.len()));
        Some(Place { file: span.file, line, range: from..to })
    }

    /// A line without its line break.
    fn line(&self, file: usize, line: usize) -> Option<&'s str> {
        let (source, lines) = self.files.get(file)?;
        let start = *lines.get(line)?;
        let end = lines.get(line + 1).copied().unwrap_or(source.text.len());
        source.text.get(start..end).map(|line| line.trim_end_matches(['\n', '\r']))
    }

    /// The secrets within the part of a line that is shown, as ranges of the line.
    fn hidden(&self, file: usize, line: usize, near: &Range<usize>) -> Vec<Range<usize>> {
        let (Some((_, lines)), Some(text)) = (self.files.get(file), self.line(file, line)) else { return Vec::new() };
        let begin = lines.get(line).copied().unwrap_or_default();
        let end = begin + text.len();
        let first = self.secrets.partition_point(|span| (span.file, span.end) <= (file, begin));
        let known = self.secrets.iter().skip(first).take_while(|span| span.file == file && span.start < end);
        // The quotes stay, so that one sees that it is a text.
        let known =
            known.map(|span| (span.start + 1).saturating_sub(begin)..span.end.saturating_sub(1).min(end).saturating_sub(begin));
        let (from, to) = (floor(text, near.start.saturating_sub(LINE)), floor(text, near.end.saturating_add(LINE)));
        let shaped = secrets_by_shape(text.get(from..to).unwrap_or_default()).into_iter();
        let shaped = shaped.map(|range| range.start + from..range.end + from);
        known.chain(shaped).filter(|range| range.start < range.end).collect()
    }
}

/// A part of one line.
#[derive(Clone, Debug)]
struct Place {
    file: usize,
    line: usize,
    range: Range<usize>,
}

struct Mark<'d> {
    place: Place,
    primary: bool,
    label: &'d str,
}

fn group(diagnostic: &Diagnostic, files: &Files<'_>) -> Group<'static> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(clean(&diagnostic.message)).id(diagnostic.code));
    let first = diagnostic.span.map(|span| (span, true, diagnostic.label.as_str()));
    let more = diagnostic.more.iter().map(|(span, label)| (*span, false, label.as_str()));
    let marks = first.into_iter().chain(more);
    let marks = marks.filter_map(|(span, primary, label)| Some(Mark { place: files.place(span)?, primary, label }));
    for piece in pieces(marks.collect()) {
        group = snippet(group, &piece, files);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(clean(help)));
    }
    group
}

/// Marks that are near enough to one another to be shown together, the primary one's first.
fn pieces(marks: Vec<Mark<'_>>) -> Vec<Vec<Mark<'_>>> {
    let mut pieces: Vec<Vec<Mark<'_>>> = Vec::new();
    for mark in marks {
        let near = |other: &Mark<'_>| other.place.file == mark.place.file && other.place.line.abs_diff(mark.place.line) <= APART;
        match pieces.iter_mut().find(|piece| piece.iter().all(near)) {
            Some(piece) => piece.push(mark),
            None => pieces.push(vec![mark]),
        }
    }
    pieces
}

fn snippet(group: Group<'static>, piece: &[Mark<'_>], files: &Files<'_>) -> Group<'static> {
    let Some(head) = piece.first() else { return group };
    let file = head.place.file;
    let lines = piece.iter().map(|mark| mark.place.line);
    let (Some(first), Some(last)) = (lines.clone().min(), lines.max()) else { return group };
    let mut text = String::new();
    let mut annotations: Vec<Annotation<'static>> = Vec::new();
    for line in first..=last {
        let raw = files.line(file, line).unwrap_or_default();
        let marks: Vec<_> = piece.iter().filter(|mark| mark.place.line == line).collect();
        let mut ranges: Vec<_> = marks.iter().map(|mark| mark.place.range.clone()).collect();
        let part = part_shown(raw, &ranges);
        let hidden = files.hidden(file, line, &part);
        let shown = window(raw, part, &hidden, &mut ranges);
        for (mark, range) in marks.iter().zip(ranges) {
            let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(text.len() + range.start..text.len() + range.end);
            annotations.push(if mark.label.is_empty() { annotation } else { annotation.label(clean(mark.label)) });
        }
        text.push_str(&shown);
        text.push('\n');
    }
    let name = files.files.get(file).map_or_else(String::new, |(source, _)| clean(&source.name));
    let column = files
        .line(file, head.place.line)
        .and_then(|line| line.get(..head.place.range.start))
        .map_or(0, |before| before.chars().count());
    let snippet = Snippet::source(text).line_start(first + 1).annotations(annotations);
    if is_as_written(files, head) {
        return group.element(snippet.path(name));
    }
    // The column within the window would not be that of the file.
    let origin = Origin::path(name).line(head.place.line + 1).char_column(column + 1);
    group.element(origin).element(snippet)
}

/// Whether a line is shown as it stands in the file, so that its columns are those of the file.
fn is_as_written(files: &Files<'_>, mark: &Mark<'_>) -> bool {
    let Place { file, line, ref range } = mark.place;
    let Some(text) = files.line(file, line).filter(|text| text.len() <= LINE) else { return false };
    !files.hidden(file, line, &(0..text.len())).iter().any(|hidden| hidden.start < range.start)
}

/// Of a long line only what lies around the marks.
fn part_shown(raw: &str, marks: &[Range<usize>]) -> Range<usize> {
    match marks.first() {
        _ if raw.len() <= LINE => 0..raw.len(),
        None => 0..floor(raw, LINE),
        Some(mark) => {
            let end = marks.iter().map(|mark| mark.end).max().unwrap_or(mark.end).min(mark.start + MARKED);
            floor(raw, mark.start.saturating_sub(AROUND))..floor(raw, end + AROUND)
        }
    }
}

/// A part of a line as it may be shown: no control characters and no secrets. The marks move with it.
fn window(raw: &str, part: Range<usize>, hidden: &[Range<usize>], marks: &mut [Range<usize>]) -> String {
    let Range { start: from, end: to } = part;
    let mut out = String::new();
    if from > 0 {
        out.push('…');
    }
    let wanted: Vec<_> = marks.iter().map(|mark| mark.start.clamp(from, to)..mark.end.clamp(from, to)).collect();
    let mut note = |at: usize, out: &str| {
        for (mark, wanted) in marks.iter_mut().zip(&wanted) {
            if wanted.start == at {
                mark.start = out.len();
            }
            if wanted.end == at {
                mark.end = out.len();
            }
        }
    };
    let mut secret: Option<&Range<usize>> = None;
    for (offset, c) in raw.get(from..to).unwrap_or_default().char_indices() {
        let at = from + offset;
        note(at, &out);
        let now = hidden.iter().find(|range| range.contains(&at));
        match now {
            Some(range) if secret != Some(range) => out.push_str("***"),
            Some(_) => {}
            None => out.push(visible(c)),
        }
        secret = now;
    }
    note(to, &out);
    if to < raw.len() {
        out.push('…');
    }
    for mark in marks {
        mark.end = mark.end.clamp(mark.start.min(out.len()), out.len());
        mark.start = mark.start.min(mark.end);
    }
    out
}

/// A text of ours that may quote the file.
fn clean(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// Nothing that a terminal acts on or that changes the order of what is read.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{061C}' | '\u{FEFF}' | '\u{00AD}' => {
            '\u{FFFD}'
        }
        c if c.is_control() || matches!(u32::from(c), 0xE0000..=0xE007F) => '\u{FFFD}',
        c => c,
    }
}

/// The nearest boundary of a character at or before.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// What looks like a credential, wherever it stands: in a file with mistakes, nobody can be sure that it was read as one.
fn secrets_by_shape(line: &str) -> Vec<Range<usize>> {
    let public = |range: &Range<usize>| {
        line.get(range.clone()).is_some_and(|text| ["env:", "file:", "0x"].iter().any(|p| text.starts_with(p)))
    };
    let found =
        SHAPES.iter().flat_map(|shape| shape.captures_iter(line)).filter_map(|found| found.get(1)).map(|secret| secret.range());
    found.filter(|range| !public(range)).collect()
}

/// Each with one group: the secret.
static SHAPES: LazyLock<Vec<regex::Regex>> = LazyLock::new(|| {
    let shapes = [
        r#"(?:api/(?:v\d+/)?webhooks|hooks\.slack\.com/services)/([^\s"'?]+)"#,
        r"\b(\d{6,}:[\w-]{30,})",
        r"\b(xox[a-z]-[\w-]+)",
        r"whsec_([\w+/=]+)",
        r#"://([^/\s"'@]+)@"#,
        r#"[?&][\w-]*(?:key|token|secret|password|sig|auth)[\w-]*=([^&\s"']+)"#,
        r#"(?:key|token|secret|password|authorization|cookie)["']?\s*=\s*["']([^"']{16,})"#,
    ];
    let build = |shape: &&str| regex::RegexBuilder::new(shape).case_insensitive(true).unicode(true).build().ok();
    shapes.iter().filter_map(build).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles_and_finds_its_secret() {
        let lines = [
            "url = \"https://discord.com/api/v10/webhooks/123/s3cret\"",
            "x = \"https://hooks.slack.com/services/T0/B0/s3cret\"",
            "a = '123456789:s3cret-s3cret-s3cret-s3cret-s3cret'",
            "b = \"xoxb-1-s3cret\"",
            "c = \"whsec_s3cret\"",
            "d = \"https://me:s3cret@bot.example\"",
            "e = \"https://bot.example?api_key=s3cret&x=1\"",
            "\"X-Api-Key\" = \"s3cret-s3cret-s3cret\"",
        ];
        for line in lines {
            let shown = window(line, 0..line.len(), &secrets_by_shape(line), &mut []);
            assert!(!shown.contains("s3cret") && shown.contains("***"), "{line} => {shown}");
        }
        for line in ["token = \"DOGE\"", "key = \"env:TWEETSTREAM_API_KEY_OF_MINE\"", "secret = 'file:/run/secrets/bot_secret'"] {
            assert!(secrets_by_shape(line).is_empty(), "{line}");
        }
    }

    /// The text shown of a line and where its one mark lies in it.
    fn shown(line: &str, hidden: &[Range<usize>], mark: Range<usize>) -> (String, Range<usize>) {
        let mut marks = vec![mark];
        let shown = window(line, part_shown(line, &marks), hidden, &mut marks);
        (shown, marks.swap_remove(0))
    }

    #[test]
    fn marks_follow_what_is_replaced() {
        let secret = 0..1;
        let (shown, mark) = shown("a\u{202E}b \u{1b}[31m", std::slice::from_ref(&secret), 4..9);
        assert_eq!((shown.as_str(), &shown[mark]), ("***\u{FFFD}b \u{FFFD}[31m", "b \u{FFFD}[3"));
    }

    #[test]
    fn of_a_long_line_a_window_is_shown() {
        let line = format!("list = [{}\"bad one\"{}]", "\"good\", ".repeat(1_000), ", \"good\"".repeat(1_000));
        let at = line.find("\"bad").unwrap();
        let (shown, mark) = shown(&line, &[], at..at + 9);
        assert!(shown.len() < 300, "{shown}");
        assert_eq!(&shown[mark], "\"bad one\"");
    }
}
