//! How an engine comes to know what an earlier run knew, or one that has gone through the same past: all that was on record is given to it around
//! the entries that go through it once more.

use std::collections::HashMap;
use std::time::Duration;

use super::{Engine, Input};
use crate::model::delivery::Suppression;
use crate::model::identity::Identity;
use crate::model::ids::FiringId;
use crate::model::subject::Str;
use crate::model::time::Timestamp;
use crate::model::window::Trace;
use crate::rules::ruleset::Rule;

impl Engine {
    /// Remembers what fired in an earlier run, the oldest first. Before that, that run's entries go through [`Engine::step`] once more, their
    /// effects unheeded, and the engine is where it was: what had fired does not fire again, what was waited for is waited for still, and windows,
    /// cooldowns and limits have counted what they had.
    pub fn restore(&mut self, fired: impl IntoIterator<Item = FiringId>) {
        self.firings.restore(fired);
    }

    /// What rules with `first_seen` have seen, as an earlier run has recorded it, the oldest first: before that run's entries go through
    /// [`Engine::step`] once more, until [`Engine::restore_traces`]. Of these rules, what had `fired` fires in them once more and nothing else. What they
    /// know so they need no entries for ([`Engine::reach`]). `alive`: until when the feed was heard.
    pub fn restore_sightings(
        &mut self,
        sightings: Vec<Trace>,
        fired: impl IntoIterator<Item = FiringId>,
        (now, alive): (Timestamp, Timestamp),
    ) {
        let sightings = (sightings, fired.into_iter().collect());
        self.firings.over_time.restore_sightings((&self.rules, &self.places), sightings, (now, alive));
    }

    /// What an earlier run has learned of who and what is the same, as it was on record ([`Effect::Identity`]): each before the entries that came
    /// after it was learned go through [`Engine::step`] once more, until [`Engine::restore_traces`]. Of a chain all that is known is to come first.
    pub fn know(&mut self, identities: impl IntoIterator<Item = Identity>) {
        self.firings.identities.know(identities);
    }

    /// What is replayed from now on had firings held back, to these actions each, for these reasons: they are held back again. None, when the
    /// replay is over.
    pub fn were_held(&mut self, held: HashMap<FiringId, Vec<(usize, Suppression)>>) {
        self.firings.brakes.were_held(held);
    }

    /// What the past has left of windows, as an earlier run has recorded it ([`Effect::Trace`]), after [`Engine::restore`]: all that there was. What
    /// they have told and used up they know from this alone, so that the entries within [`RuleSet::reach`] are enough. `unheard`: when the feed was
    /// not heard, apart from each other.
    pub fn restore_traces(&mut self, traces: Vec<Trace>, unheard: &[(Timestamp, Timestamp)]) {
        let (now, rules) = (self.observer.now(), (&*self.rules, &self.places));
        self.firings.over_time.restore(rules, traces, (now, unheard));
        self.firings.over_time.record_sightings(rules, now);
        self.firings.identities.record();
    }

    /// Nothing was recorded of what the past has left of windows: the next steps say all of it.
    pub fn leave_all_traces(&mut self) {
        let now = self.observer.now();
        self.firings.over_time.leave_all(now);
        self.firings.over_time.record_sightings((&self.rules, &self.places), now);
        self.firings.identities.record();
    }

    /// The entries that led to what [`Engine::restore_sightings`] brought have gone through it: from now on it says itself what was seen.
    pub fn sightings_are_restored(&mut self) {
        self.firings.over_time.record_sightings((&self.rules, &self.places), self.observer.now());
        self.firings.identities.record();
    }

    /// Begins to count anew, as after the replay of an earlier run's entries.
    pub fn reset_counts(&mut self) {
        self.firings.reset_counts();
        self.observer.reset_counts();
    }

    /// How far back entries matter to it: as far as its rules look, but for what it knows without them.
    #[must_use]
    pub fn reach(&self) -> Duration {
        self.rules.reach_but_for(|rule| self.firings.over_time.knows_sightings(rule))
    }

    /// Takes the windows of these rules over from another engine, in the place of those here, what the rules still wait for, and what it knows of who
    /// and what is the same, where nothing is known of that here. If silences end here, those end there first that are over by now.
    pub fn adopt_windows(&mut self, from: &mut Self, is_wanted: impl Fn(&str) -> bool) {
        if !self.firings.over_time.is_held() {
            from.step(&Input::Tick(self.observer.now()), &mut Vec::new());
        }
        let place = |rule: &Rule| {
            let is_one = rule.window.is_some() && is_wanted(&rule.name);
            self.places.get(&rule.name).copied().filter(|_| is_one)
        };
        let numbers: Vec<_> = from.rules.rules.iter().map(place).collect();
        let number = |rule: u32| numbers.get(rule as usize).copied().flatten().and_then(|at| u32::try_from(at).ok());
        self.observer.wait_with(&mut from.observer, number);
        let mut windows = std::mem::take(&mut from.firings.over_time);
        windows.retain(&is_wanted);
        let (of, now) = (numbers.iter().copied().flatten(), self.observer.now());
        let replaced = self.firings.over_time.adopt((windows, of), (&self.rules, &self.places), now);
        from.firings.over_time.let_go(replaced);
        self.firings.identities.adopt(&from.firings.identities);
        self.firings.undetected.adopt(&mut from.firings.undetected);
    }

    /// Takes over what another engine remembers of the brakes of these rules, in the place of what is remembered here.
    pub fn adopt_brakes(&mut self, from: &mut Self, is_wanted: impl Fn(&str) -> bool) {
        let wanted = from.rules.rules.iter().map(|rule| &rule.name).filter(|rule| is_wanted(rule));
        let places = wanted.filter_map(|rule| Some((Str::clone(rule), *self.places.get(rule)?))).collect();
        self.firings.brakes.adopt(&mut from.firings.brakes, &places);
    }
}
