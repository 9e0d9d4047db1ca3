//! What the rules make of a tweet as it is known now: which become true, and how long those wait that are unknown.

use std::time::Duration;

use super::finder::Finder;
use super::judge::{Judged, Match, TweetState, judge};
use super::waits::Waits;
use crate::matching::Facts;
use crate::model::ids::TweetId;
use crate::model::subject::Event;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};

/// With what is looked.
pub(super) struct Look<'l> {
    pub(super) rules: &'l RuleSet,
    pub(super) finder: &'l mut Finder,
    pub(super) waits: &'l mut Waits,
    pub(super) now: Timestamp,
    /// Of the rules.
    pub(super) generation: u32,
}

impl Look<'_> {
    /// Judges the rules that anything of the tweet leads to. Notes in its state what came of it, and sets the waits that are new.
    pub(super) fn at(&mut self, id: &TweetId, facts: &Facts<'_>, state: &mut TweetState) -> Vec<Match> {
        let held = state.is_held(self.waits.hold());
        (state.generation, state.numbered) = (self.generation, self.generation);
        self.finder.find(Event::Tweet, facts, false, state.fired_each());
        let (now, mut matches, mut unknown) = (self.now, Vec::new(), std::mem::take(&mut self.finder.unknown));
        // A wait that is set ends by itself, even when its moment has come.
        let is_over = |state: &TweetState, wait: Duration| {
            let deadline = state.deadline(wait).filter(|deadline| !held && *deadline <= now);
            deadline.is_some_and(|deadline| !state.waits().contains(&(deadline, wait)))
        };
        unknown.clear();
        for candidate in &self.finder.rules {
            let at = candidate.rule as usize;
            // Of what is proven not even the rule is looked at.
            if candidate.is_proven {
                matches.extend(state.fires(candidate.rule).then_some(Match::of(at)));
                continue;
            }
            let rule = &self.rules.rules[at];
            let settled = is_over(state, wait_of(self.rules, rule));
            let before = matches.len();
            if judge(&Judged { at, rule, event: Event::Tweet, settled }, facts, state, &mut matches) {
                unknown.push(candidate.rule);
            }
            // Of one with `each` more elements may come, and of a sequence more steps.
            state.has_undecided |= matches.len() == before || rule.each.is_some() || rule.steps().is_some();
        }
        for wait in unknown.iter().filter_map(|at| self.rules.rules.get(*at as usize)).map(|rule| wait_of(self.rules, rule)) {
            let new = |deadline: &Timestamp| !is_over(state, wait) && !state.waits().contains(&(*deadline, wait));
            if let Some(deadline) = state.deadline(wait).filter(new) {
                state.set_wait((deadline, wait));
                self.waits.push((deadline, id.clone(), wait));
            }
        }
        state.set_unknown(&unknown);
        self.finder.unknown = unknown;
        matches
    }
}

/// How long a rule waits for what has not arrived.
pub(super) fn wait_of(rules: &RuleSet, rule: &Rule) -> Duration {
    rule.wait.unwrap_or(rules.feed.meta_timeout)
}
