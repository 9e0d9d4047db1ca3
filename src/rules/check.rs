//! What the walk over the files carries with it: the mistakes so far, the lists, and the patterns already looked through.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Source;
use super::condition::Accounts;
use super::diagnostic::{Diagnostic, Severity};
use super::http::IN_CLEAR;
use super::keys::nearest;
use super::lazy::Pattern;
use super::lists::Lists;
use super::read::Node;
use crate::model::action::Span;

/// Diagnostics kept of one run, so that a hostile file cannot fill the memory with them. The rest is a number.
const KEPT: usize = 10_000;

/// Names compared for suggestions in one run: a file of a hundred thousand wrong names must not take minutes.
const COMPARED: usize = 5_000_000;

/// Finds what was most likely meant, as long as that is affordable.
#[derive(Debug)]
pub(super) struct Suggestions {
    left: usize,
}

impl Suggestions {
    /// The nearest of some names, if one is near enough.
    pub(super) fn nearest<'n>(&mut self, written: &str, names: impl ExactSizeIterator<Item = &'n str>) -> Option<&'n str> {
        self.left = self.left.checked_sub(names.len())?;
        nearest(written, names)
    }
}

/// Carried through the whole walk.
#[derive(Debug)]
pub(super) struct Check<'a> {
    /// The files.
    pub(super) sources: &'a [Source],
    /// `[lists]` of all files.
    pub(super) lists: Lists<'a>,
    /// Patterns by what was written and whether case counts; `None`: it is wrong, and has been reported.
    pub(super) patterns: HashMap<(&'a str, bool), Option<Pattern>>,
    /// Lists that were read as accounts, by name and whether handles may be as long as Truth Social's.
    pub(super) accounts: HashMap<(&'a str, bool), Option<Arc<Accounts>>>,
    /// For "did you mean".
    pub(super) suggestions: Suggestions,
    /// Where rules name authors that they hope to hear of: each `handle` and its value, unless under `none` or on
    /// Truth Social alone.
    pub(super) handles: Vec<(Span, Node<'a>)>,
    /// What the parser could not read: below a bracket that is never closed.
    pub(super) lost: Vec<Span>,
    diagnostics: Vec<Diagnostic>,
    dropped: usize,
    errors: usize,
}

impl<'a> Check<'a> {
    pub(super) fn new(sources: &'a [Source]) -> Self {
        Self {
            sources,
            lists: Lists::default(),
            patterns: HashMap::new(),
            accounts: HashMap::new(),
            suggestions: Suggestions { left: COMPARED },
            handles: Vec::new(),
            lost: Vec::new(),
            diagnostics: Vec::new(),
            dropped: 0,
            errors: 0,
        }
    }

    /// Takes a mistake in.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        if self.diagnostics.len() < KEPT {
            self.diagnostics.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::error(code, span, message));
    }

    /// Warns of a text that stands in the same list already: most likely another was meant.
    pub(super) fn again(&mut self, seen: &mut HashMap<&'a str, Span>, item: Node<'a>) {
        if let Some(text) = item.as_text() {
            self.again_in_list(seen, text, item.span);
        }
    }

    /// As [`Self::again`], of a text and where it stands.
    pub(super) fn again_in_list(&mut self, seen: &mut HashMap<&'a str, Span>, text: &'a str, span: Span) {
        if let Some(first) = seen.insert(text, span) {
            let mistake = Diagnostic::warning("duplicate-value", span, "this stands in the list already");
            self.report(
                mistake.label("here again").also(first, "and here").help("remove it, or correct it if another was meant"),
            );
        }
    }

    /// Whether further diagnostics are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= KEPT
    }

    /// Errors so far.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// After a mistake of syntax a part of the file is missing: what only follows from that is not worth saying.
    pub(super) fn forget_consequences(&mut self) {
        let starts: Vec<Vec<usize>> = self.sources.iter().map(|source| line_starts(&source.text)).collect();
        // A line, by the file and how many begin at or before it.
        let line =
            |span: Span| (span.file, starts.get(span.file).map_or(0, |starts| starts.partition_point(|at| *at <= span.start)));
        let lines: HashSet<(usize, usize)> =
            self.diagnostics.iter().filter(|d| d.code == "syntax").filter_map(|d| d.span).map(line).collect();
        let lost = std::mem::take(&mut self.lost);
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        diagnostics.retain(|d| match d.code {
            // What such a warning underlines must stay hidden.
            "syntax" | IN_CLEAR => true,
            "missing-key" | "empty-table" | "empty-list" | "no-rules" => false,
            code if code.starts_with("unused-") || code.starts_with("undefined-") => false,
            _ => d.span.is_none_or(|span| {
                let is_lost = lost.iter().any(|lost| lost.file == span.file && span.start >= lost.start);
                !is_lost && !lines.contains(&line(span))
            }),
        });
        self.diagnostics = diagnostics;
    }

    /// While there are errors, what uses a thing may be what is wrong: that it is unused is not worth saying.
    pub(super) fn forget_unused(&mut self) {
        self.diagnostics.retain(|d| !d.code.starts_with("unused-"));
    }

    /// The text of a place, as written. Empty when the place is not in the text.
    pub(super) fn text(&self, span: Span) -> &'a str {
        self.sources.get(span.file).and_then(|source| source.text.get(span.start..span.end)).unwrap_or_default()
    }

    /// Everything that was reported, in the order of the files.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|d| (d.span.is_none(), d.span));
        if self.dropped > 0 {
            let message = format!("{} more mistakes were found and are not kept", self.dropped);
            let severity = if self.has_errors() { Severity::Error } else { Severity::Warning };
            self.diagnostics.push(Diagnostic::new(severity, "too-many", None, message));
        }
        self.diagnostics
    }
}

/// Where the lines of a text begin.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}
