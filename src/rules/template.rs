//! Templates: what a rules file may say instead of the defaults. Compiled and checked at load, rendered from values later.

use std::ops::Range;

use serde_json::Value;

use super::ruleset::Each;
use crate::model::subject::Event;

/// `[templates.NAME]`: a title and a body for chat messages.
#[derive(Clone, Debug)]
pub struct ChatTemplate {}

/// A tree of JSON whose string leaves are templates.
#[derive(Clone, Debug)]
pub struct JsonTemplate {}

/// Which variables a template may use: those of every event and element of the rules that use it.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// The rule's `on`.
    pub on: &'a [Event],
    /// The rule's `each`.
    pub each: Option<Each>,
}

/// A mistake in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where, in bytes of the template's own text.
    pub range: Range<usize>,
}

/// A part of a chat template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// `title`.
    Title,
    /// `body`.
    Body,
}

impl ChatTemplate {
    /// Placeholder.
    ///
    /// # Errors
    /// None yet.
    pub fn compile(
        _title: Option<&str>,
        _body: Option<&str>,
        _scope: &Scope<'_>,
    ) -> Result<Self, Vec<(TemplatePart, TemplateError)>> {
        Ok(Self {})
    }
}

impl JsonTemplate {
    /// Placeholder.
    ///
    /// # Errors
    /// None yet.
    pub fn compile(_tree: Value, _scope: &Scope<'_>) -> Result<Self, Vec<(String, TemplateError)>> {
        Ok(Self {})
    }
}
