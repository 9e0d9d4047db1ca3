//! Prices of one key in the order in which they were, and which of them have moved far enough from an earlier one.

use std::ops::Range;

use super::moment::Moment;
use super::row::Row;
use crate::model::price::Price;
use crate::model::time::Timestamp;
use crate::model::window::Member;
use crate::rules::ruleset::Direction;

/// Prices that are kept of a key at most.
pub(super) const MOST: usize = 64;
/// Ten per cent are ten per cent, whatever is left of them in binary: 1 → 0.9 is a fall of 9.999999999999998.
const SLACK: f64 = 1.0 - 1e-9;

/// What a rule asks of a move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Of the earlier price.
    pub(super) percent: f64,
    pub(super) direction: Option<Direction>,
}

impl Asked {
    /// By how many per cent the price has moved, the way that is asked; `None` if that is not enough.
    fn size(self, from: Price, to: Price) -> Option<f64> {
        let change = (to.usd() / from.usd() - 1.0) * 100.0;
        let size = match self.direction {
            Some(Direction::Up) => change,
            Some(Direction::Down) => -change,
            None => change.abs(),
        };
        (size >= self.percent * SLACK).then_some(size)
    }
}

#[derive(Debug)]
struct Sample {
    at: Timestamp,
    price: Price,
    /// It is far enough from an earlier one.
    has_moved: bool,
}

/// Those of equal times in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Samples(Row<Sample, 8>);

/// Two of the samples, the earlier first.
pub(super) type Pair = (usize, usize);

/// What came of a price.
#[derive(Debug)]
pub(super) struct Came {
    /// It is far enough from an earlier one, or a later one from it: the two, of which it is one.
    pub(super) moves: Option<Pair>,
    /// As `moves`, where it begins something new: among those in a row that have moved since it came, none had before.
    pub(super) new: Option<Pair>,
    /// There is nothing to compare it with.
    pub(super) is_alone: bool,
}

impl Samples {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.0.last().map(|sample| sample.at)
    }

    pub(super) fn members(&self, (earlier, later): Pair) -> Vec<Member> {
        [earlier, later].iter().filter_map(|place| self.0.member(*place).cloned()).collect()
    }

    pub(super) fn forget_passed(&mut self, moment: &Moment) -> usize {
        let passed = self.0.partition_point(|sample| sample.at < moment.floor());
        self.0.forget(passed);
        passed
    }

    pub(super) fn insert(&mut self, price: Price, member: Member, asked: Asked, moment: &Moment) -> Came {
        let at = member.at;
        let until = |t| self.0.partition_point(|sample| sample.at <= t);
        let place = until(at);
        let (earlier, later) = (until(moment.opens(at))..place, place + 1..until(moment.leaves(at).shifted(-1)) + 1);
        let is_alone = earlier.is_empty() && later.is_empty();
        let from = self.farthest(earlier, price, asked);
        self.0.insert(place, Sample { at, price, has_moved: from.is_some() }, member);
        let (to, moved) = self.mark(later, price, asked);
        let moves = from.map(|from| (from, place)).or(to.map(|to| (place, to)));
        let new = self.begins(from.map(|_| place).into_iter().chain(moved));
        Came { moves, new: new.and_then(|first| if first == place { moves } else { Some((place, first)) }), is_alone }
    }

    /// The one of these from which it is to `price` the farthest, and far enough; of several the latest.
    fn farthest(&self, among: Range<usize>, price: Price, asked: Asked) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for place in among {
            let size = self.0.get(place).and_then(|sample| asked.size(sample.price, price));
            if let Some(size) = size
                && best.is_none_or(|(most, _)| size >= most)
            {
                best = Some((size, place));
            }
        }
        best.map(|(_, place)| place)
    }

    /// Marks those of the later ones that have moved from `price`. The first of them, and those that had not moved before.
    fn mark(&mut self, later: Range<usize>, price: Price, asked: Asked) -> (Option<usize>, Vec<usize>) {
        let (mut first, mut newly) = (None, Vec::new());
        for place in later {
            let Some(sample) = self.0.get_mut(place).filter(|sample| asked.size(price, sample.price).is_some()) else { continue };
            first = first.or(Some(place));
            if !std::mem::replace(&mut sample.has_moved, true) {
                newly.push(place);
            }
        }
        (first, newly)
    }

    /// The first of those that have moved now, in a row of such that has none of those that had moved before.
    fn begins(&self, newly: impl Iterator<Item = usize>) -> Option<usize> {
        let newly: Vec<_> = newly.collect();
        let has_moved = |place: &usize| self.0.get(*place).is_some_and(|sample| sample.has_moved);
        let is_new = |place: &usize| newly.contains(place);
        newly.iter().copied().find(|start| {
            let mut after = (start + 1..).take_while(has_moved);
            let mut before = (0..*start).rev().take_while(has_moved);
            after.all(|place| is_new(&place)) && before.all(|place| is_new(&place))
        })
    }

    /// Of too many one goes, and whether one did: not the newest, not the highest or the lowest, and of the others the one that
    /// is the least far from those beside it, which will stand for it.
    pub(super) fn thin(&mut self) -> bool {
        if self.0.len() <= MOST {
            return false;
        }
        let prices = || self.0.iter().map(|sample| sample.price);
        let (lowest, highest) = (prices().min(), prices().max());
        let apart = |a: &Sample, b: &Sample| (a.price.usd() / b.price.usd()).ln().abs();
        let mut least: Option<(f64, usize)> = None;
        for (place, three) in self.0.windows(3).enumerate() {
            let [before, it, after] = three else { continue };
            let (is_lowest, is_highest) = (lowest == Some(it.price), highest == Some(it.price));
            let has_twin = it.price == before.price || it.price == after.price;
            // By the farther of the two: of a long rise the nearest to the newest would always be the one before it.
            let farther = if has_twin { 0.0 } else { apart(before, it).max(apart(it, after)) };
            if (has_twin || !is_lowest && !is_highest) && least.is_none_or(|(least, _)| farther < least) {
                least = Some((farther, place + 1));
            }
        }
        // The oldest, where all others are extremes.
        self.0.remove(least.map_or(0, |(_, place)| place));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ruleset::{Window, WindowKind};
    use crate::window::Clock;

    fn moment() -> Moment {
        let kind = WindowKind::Change { percent: 10.0, direction: None };
        let window = Window { kind, within: std::time::Duration::from_secs(3_600), per: Vec::new(), rearm: None, max_keys: 1 };
        Moment::new(&window, Clock { now: Timestamp::from_millis(0), oldest: None })
    }

    fn filled(prices: impl Iterator<Item = f64>) -> Samples {
        let mut samples = Samples::default();
        for (at, usd) in prices.enumerate() {
            let Some(price) = Price::new(usd) else { continue };
            let at = Timestamp::from_millis(at as i64);
            let member = Member {
                who: None,
                platform: None,
                tweet: None,
                event: crate::model::subject::Event::Tweet,
                at,
                price: Some(price),
            };
            samples.insert(price, member, Asked { percent: 10.0, direction: None }, &moment());
            samples.thin();
        }
        samples
    }

    #[test]
    fn the_size_of_a_move_is_of_the_earlier_price_and_exact_bounds_count_in_decimal() {
        let [one, down, up] = [1.0, 0.9, 1.1].map(|usd| Price::new(usd).unwrap());
        let asked = |direction| Asked { percent: 10.0, direction };
        assert!(asked(None).size(one, down).is_some() && asked(Some(Direction::Down)).size(one, down).is_some());
        assert!(asked(Some(Direction::Up)).size(one, up).is_some() && asked(Some(Direction::Up)).size(one, down).is_none());
        // Of 1.1 it is 9.1 %.
        assert!(asked(None).size(up, one).is_none());
    }

    #[test]
    fn of_too_many_prices_the_extremes_and_the_newest_stay() {
        let wave = |n: i32| 100.0 + f64::from(n % 7) + if n == 300 { 50.0 } else { 0.0 } - if n == 500 { 60.0 } else { 0.0 };
        let samples = filled((0..1_000).map(wave));
        assert_eq!(samples.len(), MOST);
        let prices: Vec<_> = samples.0.iter().map(|sample| sample.price.usd() as i64).collect();
        assert!(prices.contains(&156) && prices.contains(&43), "{prices:?}");
        assert_eq!(samples.newest(), Some(Timestamp::from_millis(999)));
    }

    #[test]
    fn what_is_left_of_a_long_rise_is_spread_over_all_of_it() {
        let samples = filled((0..10_000).map(|n| 100.0 + f64::from(n) / 100.0));
        let prices: Vec<_> = samples.0.iter().map(|sample| sample.price.usd()).collect();
        let gap = prices.windows(2).map(|two| two[1] / two[0]).fold(1.0, f64::max);
        assert!(gap < 1.10, "{gap}: {prices:?}");
    }
}
