//! When the next request may start: limits and what was sent so far in, a moment out. Pure; moments are times since the lane opened. What
//! was sent before that is told once, by how long ago it was.
//!
//! Two things are held at once. `governor` gives the rate and the burst. But a bucket that holds N lets up to 2N through in a window
//! of its refill time, and platforms count windows, so a sliding window sees to it that there are never more than N in any span. As a
//! request arrives somewhere between its start and its answer, it counts from its answer on.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use crate::model::rate::Rate;

/// Ages of earlier runs are as exact as this, and more.
const DOUBT: Duration = Duration::from_millis(50);

/// All limits of one lane.
#[derive(Debug)]
pub(crate) struct Pace {
    limits: Vec<Limit>,
    not_before: Duration,
    /// Leaves given.
    given: u64,
}

/// Leave to send one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// When it was given.
    pub(crate) at: Duration,
    /// Tells it from others of the same moment.
    pub(crate) number: u64,
}

impl Pace {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        Self { limits: rates.iter().map(Limit::new).collect(), not_before: Duration::ZERO, given: 0 }
    }

    /// What was sent before the lane opened: so long ago each, in any order, and `under_way` requests of which it is not known when, if at
    /// all. These count as sent now, unless a window is full without them: then they cannot have been.
    pub(crate) fn restore(&mut self, ages: &[Duration], under_way: usize, now: Duration) {
        self.limits.iter_mut().for_each(|limit| limit.restore(ages, now));
        for _ in 0..under_way {
            if self.limits.iter().any(|limit| limit.is_full(now + DOUBT)) {
                break;
            }
            self.limits.iter_mut().for_each(|limit| limit.take(now));
        }
    }

    /// How long ago each of the latest requests was, as far as the limits had to remember them.
    pub(crate) fn ages(&self, now: Duration) -> Vec<Duration> {
        let longest = self.limits.iter().max_by_key(|limit| limit.window.len());
        let age = |limit: &Limit, sent: &Duration| (now + limit.rate.per).saturating_sub(*sent);
        longest.map(|limit| limit.window.iter().map(|sent| age(limit, sent)).collect()).unwrap_or_default()
    }

    /// The earliest moment from `now` on at which every limit lets one more through.
    pub(crate) fn ready_at(&self, now: Duration) -> Duration {
        self.limits.iter().map(|limit| limit.ready_at(now)).fold(self.not_before.max(now), Duration::max)
    }

    /// Whether `n` would be let through right now, one after the other.
    pub(crate) fn fits(&self, n: usize, now: Duration) -> bool {
        self.not_before <= now && self.limits.iter().all(|limit| limit.fits(n, now))
    }

    /// Takes leave for one request, unless a limit says no.
    pub(crate) fn take(&mut self, now: Duration) -> Option<Slot> {
        if self.ready_at(now) > now {
            return None;
        }
        self.limits.iter_mut().for_each(|limit| limit.take(now));
        self.given += 1;
        Some(Slot { at: now, number: self.given })
    }

    /// Takes leave for one request after which another one would still be let through. Of a limit of one at a time it takes nothing: it goes when
    /// that lets one through, and so does the next.
    pub(crate) fn take_beside(&mut self, now: Duration) -> Option<Slot> {
        let leaves_room = |limit: &Limit| limit.ready_at(now) <= now && (limit.is_of_one() || limit.fits(2, now));
        if self.not_before > now || !self.limits.iter().all(leaves_room) {
            return None;
        }
        self.limits.iter_mut().filter(|limit| !limit.is_of_one()).for_each(|limit| limit.take(now));
        self.given += 1;
        Some(Slot { at: now, number: self.given })
    }

    /// The earliest moment from `now` on at which one may be [taken beside](Pace::take_beside).
    pub(crate) fn ready_beside_at(&self, now: Duration) -> Duration {
        let ready = |limit: &Limit| if limit.is_of_one() { limit.ready_at(now) } else { limit.fits_two_at(now) };
        self.limits.iter().map(ready).fold(self.not_before.max(now), Duration::max)
    }

    /// The request of a slot that was [taken beside](Pace::take_beside) is over.
    pub(crate) fn finish_beside(&mut self, slot: Slot, now: Duration) {
        self.limits.iter_mut().filter(|limit| !limit.is_of_one()).for_each(|limit| limit.finish(slot, now));
    }

    /// The request of `slot` is over, answered or not: it counts from now on.
    pub(crate) fn finish(&mut self, slot: Slot, now: Duration) {
        self.limits.iter_mut().for_each(|limit| limit.finish(slot, now));
    }

    /// Until when the destination has asked for patience.
    pub(crate) fn held_until(&self) -> Duration {
        self.not_before
    }

    /// Nothing before `until`: the destination said so. Never shortens an earlier word.
    pub(crate) fn hold(&mut self, until: Duration) {
        self.not_before = self.not_before.max(until);
    }
}

/// One limit: governor's bucket and the window of the latest `count` requests. Inside, moments are later by `per`, so that what was sent in
/// the window before the lane opened has one, too.
#[derive(Debug)]
struct Limit {
    rate: Rate,
    bucket: RateLimiter<NotKeyed, Memory, Hands, NoOpMiddleware<Duration>>,
    memory: Memory,
    hands: Hands,
    /// Sorted.
    window: VecDeque<Duration>,
}

impl Limit {
    fn new(rate: &Rate) -> Self {
        let (memory, hands) = (Memory::default(), Hands::default());
        let one = (rate.per / rate.count.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(one).unwrap_or_else(|| Quota::per_second(rate.count)).allow_burst(rate.burst);
        let bucket = RateLimiter::new(quota, memory.clone(), hands.clone());
        Self { rate: *rate, bucket, memory, hands, window: VecDeque::new() }
    }

    fn count(&self) -> usize {
        usize::try_from(self.rate.count.get()).unwrap_or(usize::MAX)
    }

    /// It lets no two through at once.
    fn is_of_one(&self) -> bool {
        self.rate.count.get() == 1 || self.rate.burst.get() == 1
    }

    /// The latest `count` requests have all been in a window's time.
    fn is_full(&self, now: Duration) -> bool {
        let now = now + self.rate.per;
        self.window.iter().filter(|sent| **sent + self.rate.per > now).count() >= self.count()
    }

    /// What was sent so long ago each.
    fn restore(&mut self, ages: &[Duration], now: Duration) {
        let now = now + self.rate.per;
        let mut ages: Vec<Duration> = ages.iter().copied().filter(|age| *age < self.rate.per).collect();
        ages.sort_unstable_by(|one, other| other.cmp(one));
        // More than the limit lets through, as after a change of the rules, leave the bucket empty.
        ages.into_iter().for_each(|age| self.took(now.saturating_sub(age)));
    }

    fn ready_at(&self, now: Duration) -> Duration {
        let now = now + self.rate.per;
        self.hands.set(now);
        let bucket = self.memory.aside(|| self.bucket.check().map_or_else(|not_until| not_until.earliest_possible(), |()| now));
        let oldest = self.window.len().checked_sub(self.count()).and_then(|index| self.window.get(index));
        oldest.map_or(bucket, |sent| bucket.max(*sent + self.rate.per)).saturating_sub(self.rate.per)
    }

    fn fits(&self, n: usize, now: Duration) -> bool {
        let Some(wanted) = u32::try_from(n).ok().and_then(NonZeroU32::new) else { return n == 0 };
        let now = now + self.rate.per;
        self.hands.set(now);
        let bucket = self.memory.aside(|| matches!(self.bucket.check_n(wanted), Ok(Ok(()))));
        let recent = self.window.iter().filter(|sent| **sent + self.rate.per > now).count();
        bucket && recent.saturating_add(n) <= self.count()
    }

    /// The earliest moment from `now` on at which two fit, if none comes before. Not of a limit of one at a time.
    fn fits_two_at(&self, now: Duration) -> Duration {
        const TWO: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
        let now = now + self.rate.per;
        self.hands.set(now);
        let bucket = self.memory.aside(|| match self.bucket.check_n(TWO) {
            Ok(Err(not_until)) => not_until.earliest_possible(),
            Ok(Ok(())) | Err(_) => now,
        });
        let leaves = (self.window.len() + 1).checked_sub(self.count()).and_then(|index| self.window.get(index));
        leaves.map_or(bucket, |sent| bucket.max(*sent + self.rate.per)).saturating_sub(self.rate.per)
    }

    fn take(&mut self, now: Duration) {
        self.took(now + self.rate.per);
    }

    fn took(&mut self, now: Duration) {
        self.hands.set(now);
        // `ready_at` has said yes; a no could only be a rounding of the last nanosecond, and the window holds all the same.
        let _ = self.bucket.check();
        self.remember(now);
    }

    fn finish(&mut self, slot: Slot, now: Duration) {
        if let Ok(index) = self.window.binary_search(&(slot.at + self.rate.per)) {
            self.window.remove(index);
        }
        self.remember(now + self.rate.per);
    }

    fn remember(&mut self, at: Duration) {
        let index = self.window.partition_point(|sent| *sent <= at);
        self.window.insert(index, at);
        while self.window.len() > self.count() || self.window.front().is_some_and(|sent| *sent + self.rate.per <= at) {
            self.window.pop_front();
        }
    }
}

/// A clock for governor that shows what it was set to.
#[derive(Clone, Debug, Default)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn set(&self, now: Duration) {
        self.0.store(Nanos::from(now).as_u64(), Ordering::Relaxed);
    }
}

impl Clock for Hands {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Governor's state of one bucket, where we can ask "what if" without leaving a trace. Zero: nothing was sent yet.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<AtomicU64>);

impl Memory {
    /// Runs `ask` and forgets what it took.
    fn aside<T>(&self, ask: impl FnOnce() -> T) -> T {
        let before = self.0.load(Ordering::Relaxed);
        let answer = ask();
        self.0.store(before, Ordering::Relaxed);
        answer
    }
}

impl StateStore for Memory {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let before = self.0.load(Ordering::Relaxed);
        let (answer, after) = f((before != 0).then(|| Nanos::from(before)))?;
        self.0.store(after.as_u64(), Ordering::Relaxed);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(count: u32, per_ms: u64, burst: u32) -> Rate {
        Rate { burst: NonZeroU32::new(burst).unwrap(), ..Rate::new(count, Duration::from_millis(per_ms)).unwrap() }
    }

    /// Sends as fast as it may, each request taking `took`; returns when each started.
    fn flat_out(pace: &mut Pace, n: usize, took: Duration) -> Vec<Duration> {
        let (mut now, mut starts) = (Duration::ZERO, Vec::new());
        for _ in 0..n {
            now = pace.ready_at(now);
            let slot = pace.take(now).expect("it was ready");
            starts.push(now);
            now += took;
            pace.finish(slot, now);
        }
        starts
    }

    #[test]
    fn both_limits_of_discord_hold_at_once() {
        let mut pace = Pace::new(&[rate(5, 2_000, 5), rate(30, 60_000, 30)]);
        let starts = flat_out(&mut pace, 70, Duration::from_millis(80));
        for (count, per) in [(5, 2), (30, 60)] {
            assert!(starts.windows(count + 1).all(|span| span[count] - span[0] >= Duration::from_secs(per)), "{count}/{per}s");
        }
        assert!(starts[4] < Duration::from_millis(500), "five may go back to back: {starts:?}");
        assert!(starts[69] < Duration::from_secs(145), "and nothing waits longer than it must: {:?}", starts[69]);
    }

    #[test]
    fn a_smaller_burst_spreads_what_the_window_would_let_through_at_once() {
        let starts = flat_out(&mut Pace::new(&[rate(20, 60_000, 1)]), 5, Duration::ZERO);
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(3)), "{starts:?}");
    }

    #[test]
    fn a_request_counts_from_its_answer_on() {
        let mut pace = Pace::new(&[rate(1, 1_000, 1)]);
        let slot = pace.take(Duration::ZERO).unwrap();
        pace.finish(slot, Duration::from_secs(5));
        assert_eq!(pace.ready_at(Duration::from_secs(5)), Duration::from_secs(6));
    }

    #[test]
    fn a_hold_is_obeyed_and_never_shortened() {
        let mut pace = Pace::new(&[]);
        pace.hold(Duration::from_secs(9));
        pace.hold(Duration::from_secs(3));
        assert_eq!(pace.ready_at(Duration::from_secs(1)), Duration::from_secs(9));
        assert!(pace.take(Duration::from_secs(8)).is_none() && !pace.fits(1, Duration::from_secs(8)));
        assert_eq!(pace.take(Duration::from_secs(9)), Some(Slot { at: Duration::from_secs(9), number: 1 }));
    }

    #[test]
    fn what_was_sent_before_the_start_leaves_no_room_and_is_forgotten_after_a_window() {
        let (ago, now) =
            (|ms: &[u64]| ms.iter().copied().map(Duration::from_millis).collect::<Vec<_>>(), Duration::from_millis(7));
        let mut pace = Pace::new(&[rate(5, 2_000, 5), rate(30, 60_000, 30)]);
        pace.restore(&ago(&[2_500, 100, 1_900, 700, 1_000, 300, 90_000]), 0, now);
        assert_eq!(pace.ready_at(now), Duration::from_millis(107), "five in the last two seconds, the first of them 1.9 s ago");
        let mut pace = Pace::new(&[rate(1, 3_600_000, 1)]);
        pace.restore(&ago(&[0]), 0, now);
        assert_eq!(pace.ready_at(now), now + Duration::from_secs(3_600), "never longer than one window");
        let mut pace = Pace::new(&[rate(2, 1_000, 2)]);
        pace.restore(&ago(&[400]), 64, now);
        assert_eq!(
            pace.ready_at(now),
            Duration::from_millis(607),
            "of what may have been under way no more counts than was possible"
        );
        let mut pace = Pace::new(&[rate(20, 60_000, 1)]);
        pace.restore(&ago(&[1_000]), 0, now);
        assert_eq!(pace.ready_at(now), Duration::from_millis(2_007), "the bucket knows it, too");
        let mut pace = Pace::new(&[rate(2, 1_000, 2)]);
        pace.restore(&[], 0, now);
        assert!(pace.fits(2, now));
    }

    #[test]
    fn asking_takes_nothing() {
        let mut pace = Pace::new(&[rate(3, 1_000, 2)]);
        for _ in 0..10 {
            assert!(pace.fits(2, Duration::ZERO) && !pace.fits(3, Duration::ZERO));
            assert_eq!(pace.ready_at(Duration::ZERO), Duration::ZERO);
        }
        assert!(pace.take(Duration::ZERO).is_some() && pace.fits(1, Duration::ZERO) && !pace.fits(2, Duration::ZERO));
    }

    proptest! {
        /// A run is killed at any point and another begins: no span of `per` holds more than `count` arrivals of both. What is known of the
        /// first are its answers, and how many requests had none.
        #[test]
        fn never_more_than_the_count_in_any_span_over_a_restart(
            limits in proptest::collection::vec((1_u32..6, 1_u64..5_000, 1_u32..6), 1..3),
            steps in proptest::collection::vec((0_u64..3_000, 0_u64..2_000, 0.0_f64..=1.0), 2..60),
            killed in 0.0_f64..1.0,
            cut in 0.0_f64..=1.0,
            away in 0_u64..3_000,
        ) {
            let rates: Vec<Rate> = limits.iter().map(|(count, per, burst)| rate(*count, *per, (*burst).min(*count))).collect();
            let last = (steps.len() as f64 * killed) as usize;
            let (mut now, mut arrivals, mut answers) = (Duration::ZERO, Vec::new(), Vec::new());
            let mut pace = Pace::new(&rates);
            // The second run's clock begins anew, so many milliseconds after the first one's.
            let mut start = Duration::ZERO;
            for (n, (gap, took, part)) in steps.into_iter().enumerate() {
                now = pace.ready_at(now + Duration::from_millis(gap));
                let slot = pace.take(now);
                prop_assert!(slot.is_some());
                let (begun, took) = (start + now, Duration::from_millis(took));
                if n == last {
                    // Killed while it was under way: it arrived before that or not at all.
                    let death = took.mul_f64(cut);
                    if part <= cut {
                        arrivals.push(begun + took.mul_f64(part));
                    }
                    start = begun + death + Duration::from_millis(away);
                    let ages: Vec<Duration> = answers.iter().map(|answer| start - *answer).collect();
                    (pace, now) = (Pace::new(&rates), Duration::from_millis(3));
                    start -= now.min(start);
                    pace.restore(&ages, 1, now);
                    continue;
                }
                arrivals.push(begun + took.mul_f64(part));
                now += took;
                answers.push(start + now);
                pace.finish(slot.unwrap(), now);
            }
            for rate in &rates {
                let count = rate.count.get() as usize;
                let crowded = arrivals.windows(count + 1).any(|span| span[count] - span[0] < rate.per);
                prop_assert!(!crowded, "{rate:?} {arrivals:?}");
            }
        }

        /// What is taken beside has its turn at the moment that was told, and not before.
        #[test]
        fn when_one_may_be_taken_beside_is_told_exactly(
            limits in proptest::collection::vec((1_u32..6, 1_u64..5_000, 1_u32..6), 1..3),
            steps in proptest::collection::vec((0_u64..2_000, 0_u64..300, any::<bool>()), 0..20),
            hold in 0_u64..3_000,
        ) {
            let rates: Vec<Rate> = limits.iter().map(|(count, per, burst)| rate(*count, *per, (*burst).min(*count))).collect();
            let (mut pace, mut now) = (Pace::new(&rates), Duration::ZERO);
            for (gap, took, beside) in steps {
                now += Duration::from_millis(gap);
                let slot = if beside { pace.take_beside(now) } else { pace.take(now) };
                now += Duration::from_millis(took);
                match slot {
                    Some(slot) if beside => pace.finish_beside(slot, now),
                    Some(slot) => pace.finish(slot, now),
                    None => {}
                }
            }
            pace.hold(Duration::from_millis(hold));
            let ready = pace.ready_beside_at(now);
            let early = ready.saturating_sub(Duration::from_micros(1));
            prop_assert!(ready == now || pace.take_beside(early).is_none(), "{ready:?} is late");
            prop_assert!(pace.take_beside(ready + Duration::from_nanos(1)).is_some(), "{ready:?} is early");
        }

        /// However requests come and however long they take, no span of `per` ever holds more than `count` arrivals,
        /// wherever between start and answer each arrival lies.
        #[test]
        fn never_more_than_the_count_in_any_span(
            limits in proptest::collection::vec((1_u32..6, 1_u64..5_000, 1_u32..6), 1..3),
            steps in proptest::collection::vec((0_u64..3_000, 0_u64..2_000, 0.0_f64..=1.0), 1..60),
        ) {
            let rates: Vec<Rate> = limits.iter().map(|(count, per, burst)| rate(*count, *per, (*burst).min(*count))).collect();
            let mut pace = Pace::new(&rates);
            let (mut now, mut arrivals) = (Duration::ZERO, Vec::new());
            for (gap, took, part) in steps {
                now = pace.ready_at(now + Duration::from_millis(gap));
                let slot = pace.take(now);
                prop_assert!(slot.is_some());
                let took = Duration::from_millis(took);
                arrivals.push(now + took.mul_f64(part));
                now += took;
                pace.finish(slot.unwrap(), now);
            }
            for rate in &rates {
                let count = rate.count.get() as usize;
                let crowded = arrivals.windows(count + 1).any(|span| span[count] - span[0] < rate.per);
                prop_assert!(!crowded, "{rate:?} {arrivals:?}");
            }
        }
    }
}
