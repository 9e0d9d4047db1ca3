//! What a rule counts over time, and by what it finds its matches, in short: what is on record of it goes by these.
//!
//! Lists of thousands are gone through for it. So it is done once, by whoever makes rules ready ([`Rule::sum_up`]), and is at hand where a feed waits.

use std::fmt;
use std::sync::OnceLock;

use super::ruleset::Rule;
use crate::model::ids::FiringId;
use crate::model::subject::Str;

/// Of one rule, as far as it was asked for.
#[derive(Clone, Default)]
pub(super) struct InShort {
    counted: OnceLock<Str>,
    judged: OnceLock<Str>,
    seen: OnceLock<Str>,
}

/// Whether it was asked for by now is nobody's business.
impl fmt::Debug for InShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InShort")
    }
}

impl Rule {
    /// What its window counts. `None`: it has none.
    #[must_use]
    pub fn counted(&self) -> Option<&Str> {
        let window = self.window.as_deref()?;
        let sum = || FiringId::of("window", &window.counted(), "").to_string().into();
        Some(self.in_short.counted.get_or_init(sum))
    }

    /// By what it finds its matches: by other words it would have seen others.
    #[must_use]
    pub fn judged(&self) -> &Str {
        let words = || format!("{:?} {:?} {:?}", self.on, self.each, self.when);
        self.in_short.judged.get_or_init(|| FiringId::of("judged", &words(), "").to_string().into())
    }

    /// What its window has seen goes by this: what it counts, which matches it is told of, and what it takes each of them for. By other words it would
    /// be another past. `None`: it has none.
    #[must_use]
    pub fn seen(&self) -> Option<&Str> {
        let (window, counted) = (self.window.as_deref()?, self.counted()?);
        let sum = || FiringId::of("seen", &format!("{counted} {} {}", self.judged(), window.taken_for()), "").to_string().into();
        Some(self.in_short.seen.get_or_init(sum))
    }

    /// Has at hand what an engine will ask for.
    pub fn sum_up(&self) {
        _ = self.seen();
    }
}
