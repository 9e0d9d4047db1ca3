//! What came before a stored tweet, and was muted then, by the journal: what windows, cooldowns and mutes say of it hangs on that.

use std::sync::Arc;

use super::state::State;
use super::tweet;
use crate::app;
use crate::engine::Engine;
use crate::model::mute::Mute;
use crate::rule_test::Recorded;
use crate::rules::ruleset::RuleSet;

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

/// An engine that knows what came before these entries, as far as the rules look back, by the journal.
pub(super) fn engine(state: &State, rules: &Arc<RuleSet>, entries: &[Recorded], mutes: Vec<Mute>) -> Engine {
    let first = entries.first().map(|entry| entry.at).unwrap_or_default();
    let mut progress = tweet::Progress::new();
    let before = state.folder().map(|folder| app::engine_before(&folder, rules, (first, mutes), || progress.one()));
    progress.end();
    match before {
        Ok(Ok(engine)) => engine,
        Ok(Err(error)) => {
            super::warn(format_args!("what came before is not known to windows, cooldowns and limits: {error}"));
            Engine::new(Arc::clone(rules))
        }
        Err(_) => Engine::new(Arc::clone(rules)),
    }
}
