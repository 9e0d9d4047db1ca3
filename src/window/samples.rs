//! Prices of one key in the order in which they were, and which of them have moved far enough from an earlier one.

use std::ops::Range;

use smallvec::SmallVec;

use super::moment::Moment;
use super::row::Row;
use crate::model::price::Price;
use crate::model::time::Timestamp;
use crate::model::window::Member;
use crate::rules::ruleset::Direction;

/// Prices that are kept of a key at most. Of a price that goes up and down at random, a thousand within the time have some seventy that a later one
/// may be judged by.
pub(super) const MOST: usize = 128;
/// So many leave together at most, so that they are not looked through for each that comes.
const LEAVE_AT_ONCE: usize = 16;
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

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    price: Price,
    /// It is far enough from an earlier one.
    has_moved: bool,
}

/// Those of equal times in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Samples(Row<Sample, 8>);

/// Those of the samples that nothing later is as low, or as high, as; the newest first.
type Stairs = SmallVec<[Sample; MOST + 1]>;

/// How many had to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Thinned {
    /// Of those by which nothing would have been judged that happens when the latest has, or later.
    pub(super) unmissed: usize,
    /// Of others.
    pub(super) missed: usize,
}

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

    /// The one of these from which it is to `price` the farthest, and far enough; of several the latest. It is the lowest or the highest.
    fn farthest(&self, among: Range<usize>, price: Price, asked: Asked) -> Option<usize> {
        let among = among.filter_map(|place| Some((place, self.0.get(place)?.price)));
        let (mut lowest, mut highest) = (None::<(usize, Price)>, None::<(usize, Price)>);
        for one in among {
            lowest = lowest.filter(|lowest| lowest.1 < one.1).or(Some(one));
            highest = highest.filter(|highest| highest.1 > one.1).or(Some(one));
        }
        let sized = |(place, from): (usize, Price)| Some((asked.size(from, price)?, place));
        let sized = lowest.and_then(sized).into_iter().chain(highest.and_then(sized));
        sized.max_by(|(a, of_a), (b, of_b)| a.total_cmp(b).then(of_a.cmp(of_b))).map(|(_, place)| place)
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

    /// Of too many some leave, when one has come that happened at `at`: first those that judge no later moment any more, of which those go first
    /// that have not for longest. So what comes in order is judged as if all were kept, and of what comes late only what happened before those
    /// moments is judged by less. Where each of them may judge a later moment, one goes that another stands for.
    pub(super) fn thin(&mut self, at: Timestamp, moment: &Moment) -> Thinned {
        let mut thinned = Thinned::default();
        let Some(newest) = self.newest().filter(|_| self.0.len() > MOST) else { return thinned };
        let until = self.judge_until(moment);
        let is_spare = |place: &usize| until.get(*place).is_some_and(|until| *until <= newest);
        let mut spare: SmallVec<[usize; MOST + 1]> = (0..self.0.len() - 1).filter(is_spare).collect();
        spare.sort_by_key(|place| until.get(*place));
        spare.truncate(LEAVE_AT_ONCE);
        if spare.is_empty() {
            self.0.remove(self.least_apart());
            return Thinned { unmissed: 0, missed: 1 };
        }
        spare.sort_unstable();
        for place in spare.into_iter().rev() {
            self.0.remove(place);
            match until.get(place) {
                Some(until) if *until <= at => thinned.unmissed += 1,
                _ => thinned.missed += 1,
            }
        }
        thinned
    }

    /// Of each, from when on it judges nothing any more: there is another that is not higher, and one that is not lower, between it and whatever
    /// happens from then on; or it is too long ago.
    fn judge_until(&self, moment: &Moment) -> SmallVec<[Timestamp; MOST + 1]> {
        let mut until: SmallVec<[Timestamp; MOST + 1]> = SmallVec::from_elem(Timestamp::default(), self.0.len());
        // Stairs, seen from the newest: those that no later one is as low as, and those that none is as high as.
        let (mut lows, mut highs) = (Stairs::new(), Stairs::new());
        for (sample, until) in self.0.iter().zip(&mut until).rev() {
            lows.truncate(lows.iter().rposition(|low| low.price <= sample.price).map_or(0, |last| last + 1));
            highs.truncate(highs.iter().rposition(|high| high.price >= sample.price).map_or(0, |last| last + 1));
            let shadowed = lows.last().zip(highs.last()).map(|(low, high)| low.at.max(high.at));
            let leaves = moment.leaves(sample.at);
            *until = shadowed.map_or(leaves, |shadowed| shadowed.min(leaves));
            lows.push(*sample);
            highs.push(*sample);
        }
        until
    }

    /// Neither the newest, nor the highest or the lowest, and of the others the one that is the least far from those beside it, which will stand
    /// for it.
    fn least_apart(&self) -> usize {
        let prices = || self.0.iter().map(|sample| sample.price);
        let (lowest, highest) = (prices().min(), prices().max());
        let apart = |a: &Sample, b: &Sample| a.price.max(b.price).usd() / a.price.min(b.price).usd();
        let mut least: Option<(f64, usize)> = None;
        for (place, three) in self.0.windows(3).enumerate() {
            let [before, it, after] = three else { continue };
            let (is_lowest, is_highest) = (lowest == Some(it.price), highest == Some(it.price));
            // By the farther of the two: of a long rise the nearest to the newest would always be the one before it.
            let farther = apart(before, it).max(apart(it, after));
            if !is_lowest && !is_highest && least.is_none_or(|(least, _)| farther < least) {
                least = Some((farther, place + 1));
            }
        }
        // The oldest, where all others are extremes.
        least.map_or(0, |(_, place)| place)
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
            samples.thin(at, &moment());
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
        assert!((MOST - LEAVE_AT_ONCE..=MOST).contains(&samples.len()), "{}", samples.len());
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
