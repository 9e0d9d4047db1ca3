//! A window's times in milliseconds, as they are when a match comes.

use std::time::Duration;

use super::{Clock, Verdict};
use crate::model::time::Timestamp;
use crate::model::window::{Member, Told};
use crate::rules::ruleset::Window;

/// What all types of windows are asked with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The type, as rules.toml spells it.
    kind: &'static str,
    /// Nothing older is taken in.
    pub(super) horizon: Timestamp,
    /// One at least.
    pub(super) within: i64,
    pub(super) rearm: Option<i64>,
    /// One at least.
    pub(super) max_keys: usize,
}

impl Moment {
    pub(super) fn new(window: &Window, clock: Clock) -> Self {
        let within = millis(window.within).max(1);
        let usual = clock.now.shifted(-within);
        Self {
            kind: window.kind.name(),
            horizon: clock.oldest.map_or(usual, |oldest| usual.min(oldest)),
            within,
            rearm: window.rearm.map(millis),
            max_keys: window.max_keys.max(1),
        }
    }

    /// What is older does not matter any more: a match at the horizon is judged by what was true until then, which is by what
    /// happened so long before.
    pub(super) fn floor(&self) -> Timestamp {
        self.opens(self.horizon)
    }

    /// Where the span that ends at `t` begins; that moment itself is outside.
    pub(super) fn opens(&self, t: Timestamp) -> Timestamp {
        t.shifted(-self.within)
    }

    /// From when on what happened at `at` does not count any more.
    pub(super) fn leaves(&self, at: Timestamp) -> Timestamp {
        at.shifted(self.within)
    }

    pub(super) fn fires(&self, key: &str, count: u32, members: Vec<Member>) -> Verdict {
        Verdict::Fires(self.told(key, count, members))
    }

    pub(super) fn told(&self, key: &str, count: u32, members: Vec<Member>) -> Told {
        Told { kind: self.kind, key: key.into(), count, members }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
