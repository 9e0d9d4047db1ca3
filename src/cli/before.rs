//! What came before a stored tweet, and was muted then, by the journal: what windows, cooldowns and mutes say of it hangs on that.

use std::path::Path;
use std::sync::Arc;

use super::state::State;
use super::tweet;
use crate::app;
use crate::engine::Engine;
use crate::journal::{JournalError, Reader};
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::rule_test::Recorded;
use crate::rules::ruleset::RuleSet;
use crate::suppress::days::{Days, day_begins};

/// What was muted when that came, as the journal has it.
pub(super) fn mutes(state: &State, entries: &[Recorded]) -> Vec<Mute> {
    let first = entries.first().map(|entry| entry.at).unwrap_or_default();
    let mutes = state.folder().map(|folder| tweet::mutes(&folder, first));
    match mutes {
        Ok(Ok(mutes)) => mutes,
        Ok(Err(error)) => {
            super::warn(format_args!("what was muted then is not known: {error}"));
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// An engine that knows what came before these entries, as far as the rules look back, and how many each action had had of its day: by the journal.
pub(super) fn engine(state: &State, rules: &Arc<RuleSet>, entries: &[Recorded], mutes: Vec<Mute>) -> (Engine, Days) {
    let first = entries.first().map(|entry| entry.at).unwrap_or_default();
    let Ok(folder) = state.folder() else { return (Engine::new(Arc::clone(rules)), Days::default()) };
    let mut progress = tweet::Progress::new();
    let before = app::engine_before(&folder, rules, (first, mutes), || progress.one());
    progress.end();
    let engine = before.unwrap_or_else(|error| {
        super::warn(format_args!("what came before is not known to windows, cooldowns and limits: {error}"));
        Engine::new(Arc::clone(rules))
    });
    let days = days(&folder, rules, first).unwrap_or_else(|error| {
        super::warn(format_args!("how many actions had had of that day is not known: {error}"));
        Days::default()
    });
    (engine, days)
}

/// How many each action with a `max_per_day` had sent on that day until then.
fn days(folder: &Path, rules: &RuleSet, until: Timestamp) -> Result<Days, JournalError> {
    let mut days = Days::default();
    let counted = rules.actions.iter().enumerate().filter(|(_, action)| action.max_per_day.is_some());
    for (at, action) in counted {
        let begun = Reader::open(folder)?.sent_of(&action.name, day_begins(until), until)?;
        days.restore(at, until, u32::try_from(begun).unwrap_or(u32::MAX));
    }
    Ok(days)
}
