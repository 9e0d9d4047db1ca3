//! Sightings of rules with `first_seen`, as they are on record: a start knows them without the entries that they came of.
//!
//! They say all only of a time in which each was recorded: since a start that went through the entries before it, by the rule as it is now. That is on
//! record too, for each rule; where it is not, or not of all the time that the rule looks back to, the entries are gone through once more.
//!
//! What is on record is how it ended. So in a replay of the entries that led to it nothing is new, and what fires there is what fired then.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::{OverTime, Watched};
use crate::model::ids::FiringId;
use crate::model::subject::Str;
use crate::model::time::Timestamp;
use crate::model::window::{Complete, Left, Trace};
use crate::rules::ruleset::{Rule, RuleSet, Window};

/// What is known of sightings that are on record.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// By the rule's name: since when all of them are on record, and what they are counted by.
    complete: HashMap<Str, (Str, Complete)>,
    /// These need not be read from entries.
    known: HashSet<Str>,
    /// While the past is replayed: what fired in it.
    fired: Option<HashSet<FiringId>>,
    /// What is to be taken off the record.
    over: Vec<Trace>,
}

impl Sightings {
    /// Whether a match fired, while the past is replayed.
    pub(super) fn fired(&self, window: &Window, id: FiringId) -> Option<bool> {
        let fired = self.fired.as_ref().filter(|_| window.is_first_seen())?;
        Some(fired.contains(&id))
    }

    /// Takes the word off the record that those of other rules than these are complete.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&str, &str, &str) -> bool, now: Timestamp, traces: &mut VecDeque<Trace>) {
        let gone = self.complete.extract_if(|rule, (of, complete)| !is_kept(rule, of, &complete.by));
        traces.extend(gone.map(|(rule, (of, _))| word(rule, of, now, None)));
    }
}

impl OverTime {
    /// Knows the sightings that an earlier run left on record, the oldest first, until when the feed was heard `alive`: before its entries are replayed,
    /// in which, of rules with `first_seen`, fires what has `fired` and nothing else.
    pub(in crate::engine) fn restore_sightings(
        &mut self,
        (rules, places): (&RuleSet, &HashMap<Str, usize>),
        (traces, fired): (Vec<Trace>, HashSet<FiringId>),
        (now, alive): (Timestamp, Timestamp),
    ) {
        let mut of_rules: BTreeMap<usize, Vec<(Box<str>, Left)>> = BTreeMap::new();
        for trace in traces {
            let at = places.get(&trace.rule).copied();
            let rule = at.and_then(|at| rules.rules.get(at)).filter(|rule| rule.counted() == Some(&trace.of));
            let window = rule.and_then(|rule| rule.window.as_deref()).filter(|window| window.is_first_seen());
            let Some((at, window)) = at.zip(window) else {
                self.sightings.over.push(Trace { left: Left::default(), ..trace });
                continue;
            };
            if let Some(complete) = trace.left.complete {
                self.sightings.complete.insert(trace.rule, (trace.of, complete));
            } else if trace.left.seen.as_ref().is_some_and(|seen| seen.at > back(alive, window)) {
                of_rules.entry(at).or_default().push((trace.key.as_ref().into(), trace.left));
            } else {
                self.sightings.over.push(Trace { left: Left::default(), ..trace });
            }
        }
        for (at, lefts) in of_rules {
            let Some((rule, window)) = rules.rules.get(at).and_then(|rule| Some((rule, rule.window.as_ref()?))) else {
                continue;
            };
            let watched = self.windows.entry(at).or_insert_with(|| Watched::new(rule, window));
            watched.state.restore(window, now, lefts);
            watched.leave_to(now, &mut self.sightings.over);
        }
        let is_known = |(_, rule, window): &(usize, &Rule, &Window)| {
            let complete = self.sightings.complete.get(&rule.name).map(|(_, complete)| complete);
            complete.is_some_and(|complete| complete.since <= back(alive, window) && *complete.by == **rule.judged())
        };
        self.sightings.known = first_seen(rules, places).filter(is_known).map(|(_, rule, _)| Str::clone(&rule.name)).collect();
        self.sightings.fired = Some(fired);
    }

    /// Whether the sightings of a rule are known without its entries.
    pub(in crate::engine) fn knows_sightings(&self, rule: &Rule) -> bool {
        self.sightings.known.contains(&rule.name)
    }

    /// The past was replayed: from now on sightings are on record as they come. What was not on record is now.
    pub(in crate::engine) fn record_sightings(&mut self, (rules, places): (&RuleSet, &HashMap<Str, usize>), now: Timestamp) {
        self.sightings.fired = None;
        // First the words: what is taken off the record after them is not all there any more.
        let (words, others): (Vec<_>, Vec<_>) = self.sightings.over.drain(..).partition(|trace| trace.key.is_empty());
        self.bulk.extend(words.into_iter().chain(others));
        for (at, rule, _) in first_seen(rules, places) {
            if !self.sightings.known.contains(&rule.name)
                && let Some(watched) = self.windows.get_mut(&at)
            {
                watched.state.leave_all(now);
                watched.leave_to(now, &mut self.bulk);
            }
            self.complete(rule, now);
        }
        self.sightings.known = HashSet::new();
    }

    /// All sightings of the time that a rule looks back to are on record, or are to be recorded before this.
    pub(super) fn complete(&mut self, rule: &Rule, now: Timestamp) {
        let window = rule.window.as_deref().filter(|window| window.is_first_seen());
        let Some((window, of)) = window.zip(rule.counted()) else { return };
        let complete = Complete { since: back(now, window), by: rule.judged().to_string() };
        self.bulk.push_back(word(Str::clone(&rule.name), Str::clone(of), now, Some(complete.clone())));
        self.sightings.complete.insert(Str::clone(&rule.name), (Str::clone(of), complete));
    }
}

/// The word that all sightings of a rule are on record: what is left of the empty key, which no sighting has.
fn word(rule: Str, of: Str, at: Timestamp, complete: Option<Complete>) -> Trace {
    Trace { rule, of, key: "".into(), at, left: Left { complete, ..Left::default() } }
}

/// The rules with `first_seen` that are not off, by their places.
fn first_seen<'r>(rules: &'r RuleSet, places: &'r HashMap<Str, usize>) -> impl Iterator<Item = (usize, &'r Rule, &'r Window)> {
    let awake = rules.rules.iter().enumerate().filter(|(at, rule)| places.get(&rule.name) == Some(at));
    awake.filter_map(|(at, rule)| Some((at, rule, rule.window.as_deref().filter(|window| window.is_first_seen())?)))
}

/// How far a window looks back.
fn back(from: Timestamp, window: &Window) -> Timestamp {
    from.shifted(-i64::try_from(window.reach().as_millis()).unwrap_or(i64::MAX))
}
