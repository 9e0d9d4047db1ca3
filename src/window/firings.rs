//! When a key has fired, where a rule says `rearm`.

use super::Lefts;
use super::keys::{Held, Keys};
use super::moment::Moment;
use super::stretch::Look;
use crate::model::time::Timestamp;
use crate::model::window::Left;

/// So many are remembered of a key.
const MOST: usize = 64;

/// What is remembered of a key, its firings among it.
pub(super) trait Fires: Held {
    fn firings(&self) -> &Firings;
    fn firings_mut(&mut self) -> &mut Firings;
}

/// What the past of a key leaves behind.
pub(super) fn left<V: Fires>(keys: &Keys<V>, key: &str) -> Left {
    keys.get(key).map_or_else(Left::default, |held| Left { fired: held.firings().all().to_vec(), ..Left::default() })
}

/// As it was left.
pub(super) fn restore<V: Fires>(keys: &mut Keys<V>, lefts: &Lefts, max_keys: usize) {
    keys.values_mut().for_each(|held| held.firings_mut().restore(&[]));
    for (key, left) in lefts {
        if let Some(number) = keys.entry(key, max_keys) {
            keys.of(number).1.firings_mut().restore(&left.fired);
        }
    }
}

/// What was told of a key.
#[derive(Debug, Default)]
pub(super) struct Firings {
    /// The moments of the matches that fired, in their order.
    all: Vec<Timestamp>,
    /// There was enough then, when the rules were replaced, and nobody had been told: the next match among it tells.
    untold: Option<Timestamp>,
}

impl Firings {
    /// A firing lies nearer than `rearm`, before or after. Of those that are forgotten for want of room it is assumed: rather one
    /// too few than the same twice.
    pub(super) fn is_near(&self, at: Timestamp, rearm: i64) -> bool {
        let is_near = |firing: &Timestamp| (firing.as_millis().saturating_sub(at.as_millis())).saturating_abs() < rearm;
        let place = self.all.partition_point(|firing| *firing <= at);
        let (before, after) = self.all.split_at(place);
        before.last().is_some_and(is_near) || after.first().is_some_and(is_near) || place == 0 && self.all.len() >= MOST
    }

    /// Whether a match at `at` fires, and of which moment it tells. With `rearm`: wherever it is among enough, unless a firing is
    /// near. Without: if it has made a new stretch, or is in one that nobody was told of.
    pub(super) fn decide(&mut self, look: &Look, at: Timestamp, moment: &Moment) -> Option<Timestamp> {
        let Some(rearm) = moment.rearm else {
            let is_untold = self.untold.is_some_and(|then| moment.leaves(at) > then);
            let fires = look.new.or(look.enough.filter(|_| is_untold));
            if is_untold && fires.is_some() {
                self.untold = None;
            }
            return fires;
        };
        let fires = look.enough.filter(|_| !self.is_near(at, rearm))?;
        self.add(at, moment);
        Some(fires)
    }

    /// By the rules from now on there is enough, and nobody was told.
    pub(super) fn miss_one(&mut self, now: Timestamp) {
        self.untold = Some(now);
    }

    /// These, in the place of what was thought.
    pub(super) fn restore(&mut self, fired: &[Timestamp]) {
        self.all = fired.get(fired.len().saturating_sub(MOST)..).unwrap_or_default().to_vec();
        self.all.sort_unstable();
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Timestamp] {
        &self.all
    }

    /// It fired.
    pub(super) fn add(&mut self, at: Timestamp, moment: &Moment) {
        let rearm = moment.rearm.unwrap_or(0);
        let passed = self.all.partition_point(|firing| *firing <= moment.horizon.shifted(-rearm));
        self.all.drain(..passed);
        self.all.insert(self.all.partition_point(|firing| *firing <= at), at);
        let excess = self.all.len().saturating_sub(MOST);
        self.all.drain(..excess);
    }

    /// None of them is near anything that can still come.
    pub(super) fn have_passed(&self, moment: &Moment) -> bool {
        let rearm = moment.rearm.unwrap_or(0);
        self.all.last().is_none_or(|last| *last <= moment.horizon.shifted(-rearm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Clock;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn nearer_than_the_time_is_near_on_either_side_and_exactly_so_far_is_not() {
        let firings = Firings { all: vec![ms(100), ms(200)], untold: None };
        for (at, near) in
            [(50, false), (51, true), (100, true), (149, true), (150, false), (151, true), (249, true), (250, false)]
        {
            assert_eq!(firings.is_near(ms(at), 50), near, "{at}");
        }
        assert!(!Firings::default().is_near(ms(0), 50));
    }

    #[test]
    fn of_too_many_the_oldest_are_forgotten_and_nothing_fires_before_those_that_are_known() {
        let window = crate::rules::ruleset::Window {
            kind: crate::rules::ruleset::WindowKind::Silence,
            within: std::time::Duration::from_secs(1),
            per: Vec::new(),
            rearm: Some(std::time::Duration::from_millis(10)),
            max_keys: 1,
        };
        let moment = Moment::new(&window, Clock { now: ms(10_000), oldest: Some(ms(0)) });
        let mut firings = Firings::default();
        (0..100).for_each(|n| firings.add(ms(n * 10), &moment));
        assert_eq!(firings.all.len(), MOST);
        assert!(firings.is_near(ms(-1_000), 10) && !firings.is_near(ms(1_000), 10));
    }
}
