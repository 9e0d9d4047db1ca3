//! A mistake in a rules file, as data: what, where, and what to do about it. How it looks is `super::show`'s.

use crate::model::action::Span;

/// Whether the file can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing runs until it is mended.
    Error,
    /// It runs, but most likely not as it was meant.
    Warning,
    /// It runs as it was meant, and there is something to know about it.
    Note,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// The same word for the same kind of mistake: `unknown-key`, `bad-regex`, …
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// Where. `None`: it is about the files as a whole.
    pub span: Option<Span>,
    /// Stands under the underlined text; may be empty.
    pub label: String,
    /// Other places that one has to see to understand it.
    pub more: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(super) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, Some(span), message.into())
    }

    pub(super) fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, Some(span), message.into())
    }

    pub(super) fn new(severity: Severity, code: &'static str, span: Option<Span>, message: String) -> Self {
        Self { severity, code, message, span, label: String::new(), more: Vec::new(), help: None }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.more.push((span, label.into()));
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
