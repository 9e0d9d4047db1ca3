//! What the past leaves behind of windows, for the record, and as it was on record.

use std::collections::{HashMap, VecDeque};

use super::{OverTime, Watched};
use crate::model::limits::TRACES_AT_ONCE;
use crate::model::subject::Str;
use crate::model::time::Timestamp;
use crate::model::window::{Left, Trace};
use crate::rules::ruleset::RuleSet;

impl OverTime {
    /// What windows have left since it was asked for the last time; of very many sightings, the next part, as it goes into one record.
    pub(in crate::engine) fn traces(&mut self) -> impl Iterator<Item = Trace> {
        let part = self.bulk.len().min(TRACES_AT_ONCE);
        self.traces.drain(..).chain(self.bulk.drain(..part))
    }

    /// Has told, and used up, what an earlier run left on record, and nothing else: after its entries were replayed. `unheard`: when the feed was not
    /// heard.
    pub(in crate::engine) fn restore(
        &mut self,
        (rules, places): (&RuleSet, &HashMap<Str, usize>),
        traces: Vec<Trace>,
        (now, unheard): (Timestamp, &[(Timestamp, Timestamp)]),
    ) {
        self.traces.clear();
        let mut of_rules: HashMap<Str, Vec<Trace>> = HashMap::new();
        traces.into_iter().for_each(|trace| of_rules.entry(Str::clone(&trace.rule)).or_default().push(trace));
        let mut anew = Vec::new();
        for (at, rule) in rules.rules.iter().enumerate().filter(|(at, rule)| places.get(&rule.name) == Some(at)) {
            let Some(window) = rule.window.as_ref().filter(|window| window.leaves_traces()) else { continue };
            // An earlier version wrote what is counted, and nothing of the words that matches are found by.
            let (is_of_it, is_old) = (|of: &Str| rule.seen() == Some(of), |of: &Str| rule.counted() == Some(of));
            let of_rule = of_rules.get_mut(&rule.name);
            let has_any = of_rule.as_ref().is_some_and(|traces| !traces.is_empty());
            let taken = of_rule.map(|of| of.extract_if(.., |trace| is_of_it(&trace.of) || is_old(&trace.of)).collect::<Vec<_>>());
            let traces = taken.unwrap_or_default();
            if traces.is_empty() && (has_any || !self.windows.contains_key(&at)) {
                // By other words it would have been told otherwise: what was gone through by these is all that is known.
                anew.extend(has_any.then_some(at));
                continue;
            }
            anew.extend(traces.iter().any(|trace| !is_of_it(&trace.of)).then_some(at));
            let watched = self.windows.entry(at).or_insert_with(|| Watched::new(rule, window));
            let mut lefts = Vec::with_capacity(traces.len());
            for mut trace in traces {
                // What was heard of since then is known already.
                let element = trace.left.silence.as_mut().and_then(|silence| silence.element.take());
                if let Some(element) = element.filter(|_| !watched.elements.contains_key(&*trace.key)) {
                    watched.elements.insert(trace.key.to_string(), *element);
                }
                lefts.push((trace.key.as_ref().into(), heard_by(trace.left, now, unheard)));
            }
            watched.state.restore(window, now, lefts);
        }
        // Of what is not counted any more nothing is to be found when it is counted again.
        let rest = rules.rules.iter().map(|rule| &rule.name).filter_map(|name| of_rules.remove(name)).collect::<Vec<_>>();
        let rest = rest.into_iter().chain(of_rules.into_values()).flatten();
        self.traces = rest.map(|trace| Trace { left: Left::default(), ..trace }).collect();
        // After that: of the same keys it is in the place of what was by other words.
        for at in anew {
            let Some(watched) = self.windows.get_mut(&at) else { continue };
            watched.state.leave_all(now);
            watched.leave_to(now, &mut self.traces);
        }
        self.find_due();
    }

    /// All that windows have left is to be recorded, but for sightings.
    pub(in crate::engine) fn leave_all(&mut self, now: Timestamp) {
        let Self { windows, traces, bulk, .. } = self;
        windows.values_mut().filter(|watched| !watched.window.is_first_seen()).for_each(|watched| {
            watched.state.leave_all(now);
            watched.leave(now, (&mut *traces, &mut *bulk));
        });
    }
}

impl Watched {
    /// Notes what it has left of the latest match or silence: sightings apart from all else.
    pub(super) fn leave(&mut self, at: Timestamp, (traces, sightings): (&mut Vec<Trace>, &mut VecDeque<Trace>)) {
        match self.window.is_first_seen() {
            true => self.leave_to(at, sightings),
            false => self.leave_to(at, traces),
        }
    }

    pub(super) fn leave_to(&mut self, at: Timestamp, traces: &mut impl Extend<Trace>) {
        for (key, mut left) in self.state.take_left() {
            if let Some(silence) = &mut left.silence {
                silence.element = self.elements.get(&*key).cloned().map(Box::new);
            }
            let (rule, of) =
                (Str::clone(&self.rule), Str::clone(if self.window.is_first_seen() { &self.counted } else { &self.seen }));
            traces.extend([Trace { rule, of, key: key.into(), at, left }]);
        }
    }
}

/// What is left of a silence, by now.
fn heard_by(mut left: Left, now: Timestamp, unheard: &[(Timestamp, Timestamp)]) -> Left {
    if let Some(silence) = &mut left.silence {
        let told = silence.told.min(now);
        let between =
            |(from, to): &(Timestamp, Timestamp)| (now.min(*to).as_millis()).saturating_sub(told.max(*from).as_millis()).max(0);
        let heard = now.as_millis().saturating_sub(told.as_millis()).saturating_sub(unheard.iter().map(between).sum());
        (silence.told, silence.again_in) = (now, silence.again_in.saturating_sub(heard));
    }
    left
}
