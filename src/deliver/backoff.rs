//! How long to wait before a retry: failures so far in, a pause out. Exponential with full jitter, so that many clients that
//! failed together do not come back together.

use std::fmt;
use std::time::Duration;

use crate::model::limits::{RETRY_FIRST, RETRY_MAX};

/// The longest pause after so many failures in a row: [`RETRY_FIRST`], doubling, at most [`RETRY_MAX`]. None after none.
pub(crate) fn ceiling(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
    2_u32
        .checked_pow(doublings)
        .and_then(|factor| RETRY_FIRST.checked_mul(factor))
        .map_or(RETRY_MAX, |pause| pause.min(RETRY_MAX))
}

/// Where the jitter comes from: numbers from 0 to 1.
pub struct Jitter(Box<dyn FnMut() -> f64 + Send>);

impl Jitter {
    /// Evenly spread; the same seed gives the same numbers.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self(Box::new(move || random.f64()))
    }

    /// Always `part` of the ceiling. For tests.
    #[must_use]
    pub fn always(part: f64) -> Self {
        Self(Box::new(move || part))
    }

    /// A pause from zero to the ceiling.
    pub(crate) fn pause(&mut self, failures: u32) -> Duration {
        ceiling(failures).mul_f64((self.0)().clamp(0.0, 1.0))
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_from_half_a_second_to_a_minute() {
        let secs: Vec<f64> = (0..10).map(|failures| ceiling(failures).as_secs_f64()).collect();
        let expected = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0];
        assert!(secs.iter().zip(expected).all(|(is, should)| (is - should).abs() < 1e-9), "{secs:?}");
        assert_eq!(ceiling(u32::MAX), RETRY_MAX);
    }

    #[test]
    fn a_pause_is_anywhere_from_nothing_to_the_ceiling() {
        let mut jitter = Jitter::seeded(7);
        let pauses: Vec<Duration> = (0..1_000).map(|_| jitter.pause(4)).collect();
        assert!(pauses.iter().all(|pause| *pause <= ceiling(4)));
        assert!(pauses.iter().any(|pause| *pause < ceiling(4) / 10) && pauses.iter().any(|pause| *pause > ceiling(4) * 9 / 10));
        assert_eq!(Jitter::always(1.0).pause(3), Duration::from_secs(2));
    }
}
