//! Rules in the place of others, in an engine that goes on: all that takes time is done beside it, before and after.

use std::sync::Arc;

use super::Engine;
use super::finder::Finder;
use super::generations::Numbers;
use crate::rules::ruleset::RuleSet;

/// Rules made ready to take the place of others: they are indexed, and it is known which of them were there before.
#[derive(Debug)]
pub struct Prepared {
    rules: Arc<RuleSet>,
    finder: Box<Finder>,
    numbers: Numbers,
    /// Those whose place they are to take.
    before: Arc<RuleSet>,
}

impl Prepared {
    /// `rules` in the place of those that an engine has, which are `before`. Of 10,000 rules it takes some 50 ms.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, before: &Arc<RuleSet>) -> Self {
        let (finder, numbers) = (Box::new(Finder::new(&rules)), Numbers::of(before, &rules));
        Self { rules, finder, numbers, before: Arc::clone(before) }
    }

    /// As [`Prepared::new`], for an engine that looks at every rule for every envelope.
    #[doc(hidden)]
    #[must_use]
    pub fn without_index(rules: Arc<RuleSet>, before: &Arc<RuleSet>) -> Self {
        let (finder, numbers) = (Box::new(Finder::all(&rules)), Numbers::of(before, &rules));
        Self { rules, finder, numbers, before: Arc::clone(before) }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }
}

/// Rules that are used no more. To be dropped where nobody waits: of many it takes milliseconds.
#[derive(Debug)]
pub struct Replaced(#[expect(dead_code, reason = "only held, to be let go elsewhere")] Vec<(Arc<RuleSet>, Option<Box<Finder>>)>);

pub(super) fn replace(engine: &mut Engine, prepared: Prepared) -> Replaced {
    let Prepared { rules, finder, numbers, before } = prepared;
    // Made ready for others: the numbers are of them.
    let numbers = if Arc::ptr_eq(&before, &engine.rules) { numbers } else { Numbers::of(&engine.rules, &rules) };
    let old = std::mem::replace(&mut engine.rules, Arc::clone(&rules));
    let (looked_at, finder) = engine.observer.replace_rules(rules, finder, numbers);
    Replaced(vec![(old, None), (looked_at, Some(finder)), (before, None)])
}
