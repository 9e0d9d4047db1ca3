//! The journal → windows that are new by a reload and know the past, as they would after a start. Beside the loop: it may read for seconds.

use std::path::Path;
use std::sync::Arc;

use tracing::warn;

use crate::app::meantime::Came;
use crate::app::past;
use crate::decode;
use crate::engine::{Engine, Input};
use crate::journal::{JournalError, Reader};
use crate::model::mode::Mode;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};

/// What the windows of new rules know.
pub(super) struct Seed(Engine);

impl Seed {
    /// What the journal in `folder` says to those windows of `rules` that do not go on from `before`. `None`: there are none, or nothing can be read.
    pub(super) fn read(folder: &Path, before: &RuleSet, rules: &RuleSet, now: Timestamp) -> Option<Self> {
        let new: Vec<Rule> = rules.rules.iter().filter(|rule| is_new(rule, before)).cloned().collect();
        if new.is_empty() {
            return None;
        }
        let rules = RuleSet { rules: new, ..rules.clone() };
        let read =
            |rules| -> Result<Engine, JournalError> { past::gone_through(&mut Reader::open(folder)?, &Arc::new(rules), now) };
        match read(rules) {
            Ok(engine) => Some(Self(engine)),
            Err(error) => {
                warn!("windows that are new know nothing of what was before: {error}");
                None
            }
        }
    }

    /// Adds what has come since it was read.
    pub(super) fn add(&mut self, came: Vec<Came>) {
        let mut effects = Vec::new();
        for (at, origin, text) in came {
            let envelope = std::str::from_utf8(&text).ok().and_then(|text| decode::decode(text).ok());
            if let Some(envelope) = envelope {
                self.0.step(&Input::Entry { envelope: &envelope, at, origin }, &mut effects);
                effects.clear();
            }
        }
    }

    /// Gives all of it to the engine that has these rules now. Returns what is to be let go of elsewhere.
    pub(super) fn give(self, to: &mut Engine) -> Engine {
        let Self(mut engine) = self;
        to.adopt_windows(&mut engine);
        engine
    }
}

/// Whether its window begins with the reload.
fn is_new(rule: &Rule, before: &RuleSet) -> bool {
    let is_awake = |rule: &Rule| rule.mode != Mode::Off;
    let goes_on = |old: &Rule| old.name == rule.name && is_awake(old) && rule.counts_as(old);
    rule.window.is_some() && is_awake(rule) && !before.rules.iter().any(goes_on)
}
