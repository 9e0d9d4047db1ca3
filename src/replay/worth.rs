//! By how much prices had changed after orders → what the orders of a rule were worth.

use serde::Serialize;

/// Changes that are kept, all rules together: 8 MiB. Of further orders nothing is known.
const KEPT: usize = 1_000_000;

/// Room that is left for changes.
#[derive(Clone, Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(KEPT)
    }
}

/// What became of some orders after some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Worth {
    /// Orders of which it is known.
    pub known: u64,
    /// Orders whose price was not seen when it was placed, or not near the time asked for.
    pub unknown: u64,
    /// Of those that are known, those after which the price was higher.
    pub up: u64,
    /// By how many percent the price had changed: half of them more, half of them less.
    pub median_percent: Option<f64>,
}

/// What became of some orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Worths {
    /// A minute later.
    pub after_1m: Worth,
    /// Five minutes.
    pub after_5m: Worth,
    /// An hour.
    pub after_1h: Worth,
}

/// Changes after a minute, five and an hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    orders: u64,
    known: [Vec<f64>; 3],
}

impl Changes {
    /// What became of one order.
    pub(super) fn add(&mut self, changes: [Option<f64>; 3], room: &mut Room) {
        self.orders += 1;
        for (known, change) in self.known.iter_mut().zip(changes) {
            if let Some(change) = change.filter(|change| change.is_finite() && room.0 > 0) {
                room.0 -= 1;
                known.push(change);
            }
        }
    }

    /// Those of several rules.
    pub(super) fn together<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        all.fold(Self::default(), |mut sum, of| {
            sum.orders += of.orders;
            sum.known.iter_mut().zip(&of.known).for_each(|(sum, of)| sum.extend(of));
            sum
        })
    }

    pub(super) fn worths(&self) -> Worths {
        let [after_1m, after_5m, after_1h] = self.known.each_ref().map(|known| worth(known, self.orders));
        Worths { after_1m, after_5m, after_1h }
    }
}

fn worth(changes: &[f64], orders: u64) -> Worth {
    let mut sorted = changes.to_vec();
    sorted.sort_by(f64::total_cmp);
    let up = sorted.iter().filter(|change| **change > 0.0).count() as u64;
    let known = sorted.len() as u64;
    Worth { known, unknown: orders - known, up, median_percent: median(&sorted) }
}

/// The middle one, or the mean of the middle two.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worth_of_orders_is_told_by_the_middle_of_those_that_are_known() {
        for (changes, median, up) in [
            (vec![], None, 0),
            (vec![5.0], Some(5.0), 1),
            (vec![40.0, -3.0], Some(18.5), 1),
            (vec![5.0, -3.0, f64::INFINITY, 40.0], Some(5.0), 2),
            (vec![1.0, 100.0, 3.0, -8.0], Some(2.0), 3),
        ] {
            let (mut of, mut room) = (Changes::default(), Room::default());
            changes.iter().for_each(|change| of.add([Some(*change), None, None], &mut room));
            let worth = of.worths().after_1m;
            assert_eq!((worth.median_percent, worth.up), (median, up), "{changes:?}");
            let finite = changes.iter().filter(|change| change.is_finite()).count() as u64;
            assert_eq!((worth.known, worth.unknown), (finite, changes.len() as u64 - finite));
            assert_eq!(of.worths().after_1h.unknown, changes.len() as u64);
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_unknown() {
        let (mut of, mut room) = (Changes::default(), Room(2));
        (0..3).for_each(|_| of.add([Some(1.0), None, None], &mut room));
        assert_eq!((of.worths().after_1m.known, of.worths().after_1m.unknown), (2, 1));
    }
}
