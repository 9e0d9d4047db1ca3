//! Rules that took the place of others → the numbers that those which stayed have now. A rule is known by its name.

use std::collections::{HashMap, VecDeque};

use crate::model::mode::Mode;
use crate::model::subject::Event;
use crate::rules::ruleset::{Rule, RuleSet};

/// So many replacements that gave rules other numbers are remembered. What was last looked at before them is looked at as if it were new; that a
/// rule has fired for it is known by the firing's id all the same.
const REMEMBERED: usize = 1_000;

/// What one replacement did to the numbers of the rules.
#[derive(Debug)]
pub(super) enum Numbers {
    /// Nothing: all that there were have theirs still.
    Same,
    /// The new number of each; `u32::MAX`: it is no more.
    New(Box<[u32]>),
}

impl Numbers {
    /// Of the rules of `before`, in `now`.
    pub(super) fn of(before: &RuleSet, now: &RuleSet) -> Self {
        // One that is off, or about other things now, has nothing to go on with.
        let goes_on = |rule: &Rule| rule.mode != Mode::Off && rule.on.contains(&Event::Tweet);
        let all = now.rules.iter().zip(0..);
        let numbers: HashMap<&str, u32> = all.filter(|(rule, _)| goes_on(rule)).map(|(rule, at)| (&*rule.name, at)).collect();
        let new: Box<[u32]> = before.rules.iter().map(|rule| numbers.get(&*rule.name).copied().unwrap_or(u32::MAX)).collect();
        if new.iter().copied().eq(0..u32::try_from(new.len()).unwrap_or(u32::MAX)) { Self::Same } else { Self::New(new) }
    }

    fn get(&self, rule: u32) -> Option<u32> {
        match self {
            Self::Same => Some(rule),
            Self::New(new) => new.get(rule as usize).copied().filter(|now| *now != u32::MAX),
        }
    }
}

/// The replacements so far. The first rules are generation 1; each replacement makes the next.
#[derive(Debug, Default)]
pub(super) struct Generations {
    /// The oldest first; the newest made the generation of now.
    replaced: VecDeque<Numbers>,
    /// Replacements that are not remembered any more.
    forgotten: u32,
}

impl Generations {
    /// That of now.
    pub(super) fn current(&self) -> u32 {
        1 + self.forgotten + u32::try_from(self.replaced.len()).unwrap_or(u32::MAX)
    }

    /// Whether no rules were replaced yet.
    pub(super) fn is_first(&self) -> bool {
        self.current() == 1
    }

    /// Whether what this generation looked at was not looked at by that of now.
    pub(super) fn is_behind(&self, generation: u32) -> bool {
        generation != 0 && generation != self.current()
    }

    /// Rules were replaced, and this became of their numbers.
    pub(super) fn begin(&mut self, numbers: Numbers) {
        self.replaced.push_back(numbers);
        if self.replaced.len() > REMEMBERED {
            self.replaced.pop_front();
            self.forgotten += 1;
        }
    }

    /// The number that a rule of an earlier generation has now; `None`: it is no more, or that is so long ago that nobody knows.
    pub(super) fn number(&self, rule: u32, generation: u32) -> Option<u32> {
        let first = generation.checked_sub(1 + self.forgotten)? as usize;
        self.replaced.iter().skip(first).try_fold(rule, |rule, numbers| numbers.get(rule))
    }
}
