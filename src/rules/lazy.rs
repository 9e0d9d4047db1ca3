//! A regular expression that is compiled when it is first needed, and shared by all rules that ask for it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};

use crate::model::limits::REGEX_BYTES;

/// Nesting of groups and repetitions in one pattern.
pub(super) const NEST: u32 = 100;

/// A regular expression that was checked at load. Compiled, it takes a hundred times its text, and of thousands most are never needed: a rule is
/// looked at only where a text stands that its regex cannot do without.
#[derive(Clone)]
pub struct Pattern(Arc<Shared>);

/// As it was written: whether it is compiled by now is nobody's business.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { written, composed, exact, .. } = &*self.0;
        f.debug_struct("Pattern").field("written", written).field("composed", composed).field("exact", exact).finish()
    }
}

#[derive(Debug)]
struct Shared {
    written: Box<str>,
    /// What is compiled, where that is not what was written.
    composed: Option<Box<str>>,
    exact: bool,
    /// `None`: it could not be compiled, which does not happen.
    compiled: OnceLock<Option<Regex>>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
    }
}

impl Pattern {
    /// What is compiled is `composed`. Without `compiled` that is done when it is first needed, and must be known to succeed.
    pub(crate) fn new(written: &str, composed: &str, exact: bool, compiled: Option<Regex>) -> Self {
        let composed = (composed != written).then(|| composed.into());
        let compiled = compiled.map_or_else(OnceLock::new, |regex| OnceLock::from(Some(regex)));
        Self(Arc::new(Shared { written: written.into(), composed, exact, compiled }))
    }

    /// As the user wrote it.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.0.written
    }

    /// As it is looked for: in the composed form that texts have.
    #[must_use]
    pub fn composed(&self) -> &str {
        self.0.composed.as_deref().unwrap_or(&self.0.written)
    }

    /// With regard to case: no `(?i)` is compiled in.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.0.exact
    }

    /// Something that it has in common with what is the same, and with nothing else while it lives.
    #[must_use]
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Whether both are the same, and not only equal.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it has been needed, or was compiled at load.
    #[must_use]
    pub fn is_compiled(&self) -> bool {
        self.0.compiled.get().is_some()
    }

    /// Compiles it, if that has not been done.
    pub fn compile(&self) {
        self.compiled();
    }

    /// Whether it is found in a normalised text. Compiles it first if that has not been done: some 100 µs, once.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled().is_some_and(|regex| regex.is_match(text))
    }

    /// Where it is found first.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        self.compiled().and_then(|regex| regex.find(text)).map(|found| found.range())
    }

    /// What was loaded can be compiled: either that was tried at load, or the bound on its size says so (`rules::bound`). Should it fail all the
    /// same, it is found nowhere.
    fn compiled(&self) -> Option<&Regex> {
        self.0.compiled.get_or_init(|| build(self.composed(), self.0.exact).ok()).as_ref()
    }
}

/// The one place that builds patterns, with limits.
pub(super) fn build(text: &str, exact: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(!exact).size_limit(REGEX_BYTES).nest_limit(NEST).build()
}
