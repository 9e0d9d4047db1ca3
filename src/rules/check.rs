//! What the walk over the files carries with it: the mistakes so far, the lists, and the patterns already compiled.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Source;
use super::condition::Accounts;
use super::diagnostic::{Diagnostic, Severity};
use super::lists::Lists;
use crate::model::action::Span;

/// Diagnostics kept of one run, so that a hostile file cannot fill the memory with them. The rest is a number.
const KEPT: usize = 10_000;

/// Carried through the whole walk.
#[derive(Debug)]
pub(super) struct Check<'a> {
    /// The files.
    pub(super) sources: &'a [Source],
    /// `[lists]` of all files.
    pub(super) lists: Lists<'a>,
    /// Compiled patterns by what was written and whether case counts; `None`: does not compile, and has been reported.
    pub(super) patterns: HashMap<(&'a str, bool), Option<Arc<regex::Regex>>>,
    /// Lists that were read as accounts, by name and whether handles may be as long as Truth Social's.
    pub(super) accounts: HashMap<(&'a str, bool), Option<Arc<Accounts>>>,
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

    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// After a mistake of syntax a part of the file is missing: what only follows from that is not worth saying.
    pub(super) fn forget_consequences(&mut self) {
        let lines: HashSet<(usize, usize)> =
            self.diagnostics.iter().filter(|d| d.code == "syntax").filter_map(|d| d.span).map(|span| self.line(span)).collect();
        let lost = std::mem::take(&mut self.lost);
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        diagnostics.retain(|d| match d.code {
            "syntax" => true,
            "missing-key" | "empty-table" | "empty-list" | "no-rules" => false,
            code if code.starts_with("unused-") || code.starts_with("undefined-") => false,
            _ => d.span.is_none_or(|span| {
                let is_lost = lost.iter().any(|lost| lost.file == span.file && span.start >= lost.start);
                !is_lost && !lines.contains(&self.line(span))
            }),
        });
        self.diagnostics = diagnostics;
    }

    /// A line, by the file and where it begins.
    fn line(&self, span: Span) -> (usize, usize) {
        let before = self.sources.get(span.file).and_then(|source| source.text.get(..span.start));
        (span.file, before.and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1))
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
