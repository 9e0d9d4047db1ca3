//! Rules in the place of others, in an engine that goes on: all that takes time is done beside it, before and after.

use std::collections::HashMap;
use std::sync::Arc;

use super::Engine;
use super::finder::Finder;
use super::generations::Numbers;
use crate::model::mode::Mode;
use crate::model::subject::Str;
use crate::rules::ruleset::{Rule, RuleSet};

/// Rules made ready to take the place of others: they are indexed, and it is known which of them were there before.
#[derive(Debug)]
pub struct Prepared {
    rules: Arc<RuleSet>,
    finder: Box<Finder>,
    numbers: Numbers,
    /// The numbers of rules with something that goes on: a window, a cooldown, a limit.
    places: HashMap<Str, usize>,
    /// A rule has messages edited.
    edits: bool,
    /// Those whose place they are to take.
    before: Arc<RuleSet>,
}

impl Prepared {
    /// `rules` in the place of those that an engine has, which are `before`. Of 10,000 rules it takes some 50 ms.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, before: &Arc<RuleSet>) -> Self {
        let finder = Finder::new(&rules);
        Self::with(rules, finder, before)
    }

    /// As [`Prepared::new`], for an engine that looks at every rule for every envelope.
    #[doc(hidden)]
    #[must_use]
    pub fn without_index(rules: Arc<RuleSet>, before: &Arc<RuleSet>) -> Self {
        let finder = Finder::all(&rules);
        Self::with(rules, finder, before)
    }

    fn with(rules: Arc<RuleSet>, finder: Finder, before: &Arc<RuleSet>) -> Self {
        rules.rules.iter().for_each(Rule::sum_up);
        let (places, edits, numbers) = (places(&rules), edits(&rules), Numbers::of(before, &rules));
        Self { rules, finder: Box::new(finder), numbers, places, edits, before: Arc::clone(before) }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }
}

/// The places of rules with something that goes on.
pub(super) fn places(rules: &RuleSet) -> HashMap<Str, usize> {
    let goes_on = |rule: &Rule| {
        let has_brakes = rule.brakes.is_some() || rule.send.iter().any(|send| send.brakes.is_some());
        rule.mode != Mode::Off && (rule.window.is_some() || has_brakes || rule.send.iter().any(|send| send.update))
    };
    let all = rules.rules.iter().enumerate();
    all.filter(|(_, rule)| goes_on(rule)).map(|(at, rule)| (Str::clone(&rule.name), at)).collect()
}

/// Whether any rule has messages edited.
pub(super) fn edits(rules: &RuleSet) -> bool {
    rules.rules.iter().any(|rule| rule.mode != Mode::Off && rule.send.iter().any(|send| send.update))
}

/// Rules that are used no more. To be dropped where nobody waits: of many it takes milliseconds.
#[derive(Debug)]
pub struct Replaced(#[expect(dead_code, reason = "only held, to be let go elsewhere")] Vec<(Arc<RuleSet>, Option<Box<Finder>>)>);

pub(super) fn replace(engine: &mut Engine, prepared: Prepared) -> Replaced {
    let Prepared { rules, finder, numbers, places, edits, before } = prepared;
    // Made ready for others: the numbers are of them.
    let numbers = if Arc::ptr_eq(&before, &engine.rules) { numbers } else { Numbers::of(&engine.rules, &rules) };
    let old = std::mem::replace(&mut engine.rules, Arc::clone(&rules));
    engine.firings.over_time.replace_rules(&rules, &places, engine.observer.now());
    engine.firings.brakes.replace_rules(&rules, &places);
    engine.places = places;
    engine.edits = edits;
    let (looked_at, finder) = engine.observer.replace_rules(rules, finder, numbers);
    Replaced(vec![(old, None), (looked_at, Some(finder)), (before, None)])
}
