//! Which rules are looked at for a subject: those that the index finds, or all of them, which is what the index is tested against.

use crate::matching::{Candidate, Facts, Index, Scratch};
use crate::model::mode::Mode;
use crate::model::subject::Event;
use crate::rules::condition::Pattern;
use crate::rules::ruleset::RuleSet;

/// Finds rules.
#[derive(Debug)]
pub(super) struct Finder {
    index: Option<Index>,
    scratch: Scratch,
    /// Without an index: all rules that are not off, by the events that they are about.
    by_event: Vec<Vec<Candidate>>,
    /// The rules that were found, in ascending order, each once.
    pub(super) rules: Vec<Candidate>,
    /// Room for those of them that are unknown, kept from one look to the next.
    pub(super) unknown: Vec<u32>,
}

impl Finder {
    /// By an index.
    pub(super) fn new(rules: &RuleSet) -> Self {
        Self {
            index: Some(Index::new(rules)),
            scratch: Scratch::default(),
            by_event: Vec::new(),
            rules: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Every rule, every time.
    pub(super) fn all(rules: &RuleSet) -> Self {
        // All of them are asked for, so none is to be compiled in front of an alert.
        let concerned = rules.rules.iter().filter(|rule| rule.mode != Mode::Off);
        concerned.for_each(|rule| rule.when.matchers(&mut |matcher| matcher.patterns(&mut Pattern::compile)));
        let of = |event: &Event| {
            let concerned = rules.rules.iter().enumerate().filter(|(_, rule)| rule.mode != Mode::Off && rule.on.contains(event));
            concerned.map(|(at, _)| candidate(at)).collect()
        };
        let by_event = Event::ALL.iter().map(of).collect();
        Self { index: None, scratch: Scratch::default(), by_event, rules: Vec::new(), unknown: Vec::new() }
    }

    /// Whether anything of this leads to a rule on tweets, alone or with whatever was said before.
    pub(super) fn is_touched_by(&mut self, facts: &Facts<'_>) -> bool {
        self.index.as_ref().is_none_or(|index| index.is_touched_by(facts, &mut self.scratch))
    }

    /// Looks for rules. Those that are `known` are found in any case.
    pub(super) fn find(&mut self, event: Event, facts: &Facts<'_>, settled: bool, known: impl Iterator<Item = usize>) {
        self.rules.clear();
        let Some(index) = &self.index else {
            self.rules.extend(self.by_event.get(event as usize).into_iter().flatten());
            return;
        };
        index.look(event, facts, settled, &mut self.scratch);
        self.rules.extend(index.candidates(&self.scratch));
        let found = self.rules.len();
        self.rules.extend(known.map(candidate));
        if self.rules.len() > found {
            self.rules.sort_unstable();
            self.rules.dedup_by_key(|candidate| candidate.rule);
        }
    }
}

/// A rule of which the index says nothing.
fn candidate(at: usize) -> Candidate {
    Candidate { rule: u32::try_from(at).unwrap_or(u32::MAX), is_proven: false }
}
