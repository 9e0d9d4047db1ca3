//! Many delays → their percentiles, within 3 %, in little room.

use std::time::Duration;

/// Each power of two is parted into so many.
const PARTS: u64 = 32;
/// The greatest that is told apart is some two years.
const POWERS: u64 = 36;

/// Delays, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Delays {
    /// Empty until the first comes: most rules never fire.
    counts: Vec<u32>,
    number: u64,
    greatest: u64,
}

impl Delays {
    pub(super) fn add(&mut self, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let place = place(ms);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.number += 1;
        self.greatest = self.greatest.max(ms);
    }

    /// The delay that `of` (0 to 1) of all do not exceed, in ms.
    pub(super) fn percentile(&self, of: f64) -> Option<u64> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count"
        )]
        let rank = ((self.number as f64 * of).ceil() as u64).max(1);
        let mut passed = 0;
        let found = self.counts.iter().position(|count| {
            passed += u64::from(*count);
            passed >= rank
        });
        found.map(|place| highest(place).min(self.greatest))
    }
}

/// Where a delay is counted: exactly while it is short, then ever more coarsely.
fn place(ms: u64) -> usize {
    let power = u64::from(63 - ms.max(1).leading_zeros()).min(POWERS);
    let shift = power.saturating_sub(5);
    let part = (ms >> shift).min(2 * PARTS - 1);
    usize::try_from(shift * PARTS + part).unwrap_or(usize::MAX)
}

/// The longest delay that is counted there.
fn highest(place: usize) -> u64 {
    let place = place as u64;
    let shift = (place / PARTS).saturating_sub(1);
    ((place - shift * PARTS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_right_within_three_percent() {
        for scale in [1, 7, 1_000, 3_600_000] {
            let mut delays = Delays::default();
            (1..=1_000).for_each(|n| delays.add(Duration::from_millis(n * scale)));
            for (of, exact) in [(0.0, 1), (0.5, 500), (0.95, 950), (1.0, 1_000)] {
                let (told, exact) = (delays.percentile(of).unwrap(), exact * scale);
                assert!(told >= exact && told <= exact + exact / 32 + 1, "{of}: {told} for {exact}");
            }
        }
        assert_eq!(Delays::default().percentile(0.5), None);
        let mut ages = Delays::default();
        ages.add(Duration::MAX);
        assert_eq!(ages.percentile(0.5), Some((2_u64 << POWERS) - 1));
    }
}
