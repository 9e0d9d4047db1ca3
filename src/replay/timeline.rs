//! Firings over time, in buckets of a sensible width that grow with the span, so that their number is bounded.

use std::collections::VecDeque;

use serde::Serialize;

use crate::model::time::Timestamp;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Each divides the next, so that buckets can be put together.
const WIDTHS: [i64; 14] = [
    SECOND,
    5 * SECOND,
    15 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    28 * DAY,
];

/// How many fell into each span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// Of the first bucket, in ms since 1970; a multiple of the width.
    start_ms: i64,
    /// Of each bucket.
    width_ms: i64,
    counts: VecDeque<u64>,
    #[serde(skip)]
    most: usize,
}

impl Timeline {
    /// One that never has more than `most` buckets, unless the oldest and the newest are ages apart.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { start_ms: 0, width_ms: SECOND, counts: VecDeque::new(), most: most.max(2) }
    }

    /// Counts one more.
    pub fn add(&mut self, at: Timestamp) {
        self.count(at, 1);
    }

    fn count(&mut self, at: Timestamp, by: u64) {
        if self.counts.is_empty() {
            self.start_ms = floor(at, self.width_ms);
        }
        while self.needed(at) > self.most
            && let Some(next) = WIDTHS.into_iter().find(|width| *width > self.width_ms)
        {
            self.widen(next);
        }
        // Beyond what a calendar can say it counts at the end.
        let needed = self.needed(at).min(self.most);
        while floor(at, self.width_ms) < self.start_ms && self.counts.len() < needed {
            self.counts.push_front(0);
            self.start_ms -= self.width_ms;
        }
        if self.counts.len() < needed {
            self.counts.resize(needed, 0);
        }
        let place = at.as_millis().saturating_sub(self.start_ms).div_euclid(self.width_ms).max(0);
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(self.counts.len().saturating_sub(1));
        if let Some(count) = self.counts.get_mut(place) {
            *count += by;
        }
    }

    /// Buckets with one for `at`.
    fn needed(&self, at: Timestamp) -> usize {
        let length = i64::try_from(self.counts.len()).unwrap_or(i64::MAX);
        let place = floor(at, self.width_ms).saturating_sub(self.start_ms) / self.width_ms;
        let needed = if place < 0 { length.saturating_sub(place) } else { length.max(place.saturating_add(1)) };
        usize::try_from(needed).unwrap_or(usize::MAX)
    }

    fn widen(&mut self, width: i64) {
        let old = std::mem::replace(self, Self { width_ms: width, ..Self::new(self.most) });
        for (at, count) in old.buckets().filter(|(_, count)| *count > 0) {
            self.count(at, count);
        }
    }

    /// The same in at most so many buckets.
    #[must_use]
    pub fn in_at_most(&self, most: usize) -> Self {
        let mut coarse = Self { width_ms: self.width_ms, ..Self::new(most) };
        for (at, count) in self.buckets().filter(|(_, count)| *count > 0) {
            coarse.count(at, count);
        }
        coarse
    }

    /// The same from `start` for `buckets` buckets of this timeline's width or a greater one.
    #[must_use]
    pub fn spread(&self, like: &Self) -> Vec<u64> {
        let mut counts = vec![0; like.counts.len()];
        for (at, count) in self.buckets() {
            let place = at.as_millis().saturating_sub(like.start_ms).div_euclid(like.width_ms);
            if let Some(cell) = usize::try_from(place).ok().and_then(|place| counts.get_mut(place)) {
                *cell += count;
            }
        }
        counts
    }

    /// Each bucket: when it begins, and how many fell into it.
    pub fn buckets(&self) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        let starts = (0..).map(|place: i64| self.start_ms.saturating_add(place.saturating_mul(self.width_ms)));
        starts.map(Timestamp::from_millis).zip(self.counts.iter().copied())
    }

    /// How wide a bucket is.
    #[must_use]
    pub fn width(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.width_ms.unsigned_abs())
    }
}

fn floor(at: Timestamp, width: i64) -> i64 {
    at.as_millis().div_euclid(width).saturating_mul(width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(times: &[i64], most: usize) -> Timeline {
        let mut timeline = Timeline::new(most);
        times.iter().for_each(|at| timeline.add(Timestamp::from_millis(*at)));
        timeline
    }

    #[test]
    fn buckets_are_as_wide_as_they_must_be_and_stand_on_the_clock() {
        let at = 1_764_400_000_000; // 07:06:40
        for (span, width) in [(0, SECOND), (9 * SECOND, SECOND), (90 * SECOND, 15 * SECOND), (DAY, 3 * HOUR), (60 * DAY, 7 * DAY)]
        {
            let timeline = of(&[at, at + span], 10);
            assert_eq!(timeline.width_ms, width, "{span}");
            assert_eq!(timeline.start_ms % width, 0);
        }
        assert_eq!(of(&[], 10).buckets().count(), 0);
    }

    proptest! {
        #[test]
        fn none_is_lost_and_each_is_counted_where_it_belongs(
            times in prop::collection::vec(prop_oneof![0..100_000_i64, 0..10_000_000_000_i64], 1..60),
            most in 6..40_usize,
        ) {
            let timeline = of(&times, most);
            prop_assert!(timeline.counts.len() <= most);
            for (start, count) in timeline.buckets() {
                let within = times.iter().filter(|at| (0..timeline.width_ms).contains(&(*at - start.as_millis()))).count();
                prop_assert_eq!(count, within as u64);
            }
            let coarse = timeline.in_at_most(7);
            prop_assert_eq!(coarse.counts.iter().sum::<u64>(), times.len() as u64);
            prop_assert_eq!(timeline.spread(&coarse), coarse.counts.iter().copied().collect::<Vec<_>>());
        }

        #[test]
        fn no_moment_is_too_odd(times in prop::collection::vec(any::<i64>(), 1..20)) {
            let timeline = of(&times, 16);
            prop_assert!(timeline.counts.len() <= 16);
            prop_assert_eq!(timeline.counts.iter().sum::<u64>(), times.len() as u64);
        }
    }
}
