//! How often it failed, and a number between 0 and 1 → how long to wait. Pure: the caller draws the number and owns the clock.

use std::time::Duration;

use super::close::Reaction;

/// The pace of reconnecting. The default is PROTOCOL 1.3 and 1.4; tests shorten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// First wait of [`Reaction::Backoff`]; doubles.
    pub first: Duration,
    /// Longest wait of [`Reaction::Backoff`], before the jitter.
    pub max: Duration,
    /// Up to this much is added to every exponential wait.
    pub jitter: Duration,
    /// First wait of [`Reaction::SlowRetry`]; doubles. The old connection's slot is freed after 60 to 90 s.
    pub slow_first: Duration,
    /// Longest wait of [`Reaction::SlowRetry`], before the jitter.
    pub slow_max: Duration,
    /// Shortest wait of [`Reaction::AtOnce`]: not every client of the feed comes back in the same millisecond.
    pub at_once_min: Duration,
    /// Longest wait of [`Reaction::AtOnce`].
    pub at_once_max: Duration,
    /// So many times in a row [`Reaction::AtOnce`] is believed; then it is a crash loop and backs off like the rest.
    pub at_once_times: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            max: Duration::from_secs(30),
            jitter: Duration::from_secs(1),
            slow_first: Duration::from_secs(90),
            slow_max: Duration::from_secs(300),
            at_once_min: Duration::from_millis(50),
            at_once_max: Duration::from_millis(250),
            at_once_times: 3,
        }
    }
}

/// The failures since the last stable connection.
#[derive(Clone, Debug)]
pub struct Backoff {
    pace: Pace,
    failures: u32,
    slow: u32,
    at_once: u32,
}

impl Backoff {
    /// No failures yet.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, failures: 0, slow: 0, at_once: 0 }
    }

    /// Counts one more failure and says how long to wait before the next attempt. `None`: no next attempt. `jitter` is in `0.0..1.0`.
    pub fn after(&mut self, reaction: Reaction, jitter: f64) -> Option<Duration> {
        let jitter = jitter.clamp(0.0, 1.0);
        match reaction {
            Reaction::Stop => None,
            Reaction::AtOnce if self.at_once < self.pace.at_once_times => {
                self.at_once += 1;
                let spread = self.pace.at_once_max.saturating_sub(self.pace.at_once_min);
                Some(self.pace.at_once_min + spread.mul_f64(jitter))
            }
            Reaction::SlowRetry => {
                let wait = doubled(self.pace.slow_first, self.slow, self.pace.slow_max);
                self.slow = self.slow.saturating_add(1);
                Some(wait + wait.mul_f64(jitter / 10.0))
            }
            Reaction::AtOnce | Reaction::Backoff => {
                let wait = doubled(self.pace.first, self.failures, self.pace.max);
                self.failures = self.failures.saturating_add(1);
                Some(wait + self.pace.jitter.mul_f64(jitter))
            }
        }
    }

    /// Starts anew. Only after a connection that was stable: a server that accepts and closes must not be hammered.
    pub fn reset(&mut self) {
        *self = Self::new(self.pace);
    }
}

/// `first * 2^times`, at most `max`.
fn doubled(first: Duration, times: u32, max: Duration) -> Duration {
    2_u32.checked_pow(times).and_then(|factor| first.checked_mul(factor)).unwrap_or(max).min(max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waits(reaction: Reaction, jitter: f64, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(Pace::default());
        let wait = |_| u64::try_from(backoff.after(reaction, jitter).unwrap().as_millis()).unwrap();
        (0..count).map(wait).collect()
    }

    #[test]
    fn exponential_from_1_to_30_seconds_plus_up_to_one() {
        assert_eq!(waits(Reaction::Backoff, 0.0, 7), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(waits(Reaction::Backoff, 1.0, 7), [2_000, 3_000, 5_000, 9_000, 17_000, 31_000, 31_000]);
    }

    #[test]
    fn slow_from_90_seconds_to_5_minutes() {
        assert_eq!(waits(Reaction::SlowRetry, 0.0, 4), [90_000, 180_000, 300_000, 300_000]);
        assert_eq!(waits(Reaction::SlowRetry, 1.0, 3), [99_000, 198_000, 330_000]);
    }

    #[test]
    fn at_once_three_times_then_it_is_a_crash_loop() {
        assert_eq!(waits(Reaction::AtOnce, 0.0, 6), [50, 50, 50, 1_000, 2_000, 4_000]);
        assert_eq!(waits(Reaction::AtOnce, 1.0, 4), [250, 250, 250, 2_000]);
    }

    #[test]
    fn a_stop_has_no_next_attempt() {
        assert_eq!(Backoff::new(Pace::default()).after(Reaction::Stop, 0.5), None);
    }

    #[test]
    fn a_stable_connection_starts_anew() {
        let mut backoff = Backoff::new(Pace::default());
        for reaction in
            [Reaction::Backoff, Reaction::Backoff, Reaction::SlowRetry, Reaction::AtOnce, Reaction::AtOnce, Reaction::AtOnce]
        {
            backoff.after(reaction, 0.0);
        }
        assert_eq!(backoff.after(Reaction::Backoff, 0.0), Some(Duration::from_secs(4)));
        backoff.reset();
        assert_eq!(backoff.after(Reaction::Backoff, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(backoff.after(Reaction::SlowRetry, 0.0), Some(Duration::from_secs(90)));
        assert_eq!(backoff.after(Reaction::AtOnce, 0.0), Some(Duration::from_millis(50)));
    }

    proptest! {
        /// RELIABILITY C3: whatever a server does after accepting, ten minutes see at most 30 attempts.
        #[test]
        fn ten_minutes_of_any_failures_are_at_most_30_attempts(
            failures in prop::collection::vec((0..3_usize, 0.0..1.0_f64), 64)
        ) {
            let mut backoff = Backoff::new(Pace::default());
            let mut elapsed = Duration::ZERO;
            let mut attempts = 0;
            for (kind, jitter) in failures {
                let reaction = [Reaction::Backoff, Reaction::AtOnce, Reaction::SlowRetry][kind];
                elapsed += backoff.after(reaction, jitter).unwrap();
                if elapsed > Duration::from_secs(600) {
                    break;
                }
                attempts += 1;
            }
            prop_assert!(attempts <= 30, "{attempts}");
        }

        #[test]
        fn no_number_of_failures_overflows(count in 0..200_usize, jitter in -1.0..2.0_f64) {
            let last = waits(Reaction::Backoff, jitter, count + 1).pop().unwrap();
            prop_assert!((1_000..=31_000).contains(&last));
        }
    }
}
