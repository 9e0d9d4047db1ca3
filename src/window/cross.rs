//! `cross`: a price that was on the other side of a level the last time that it was seen.
//!
//! Of each key the last price, by when it was. One that is older than `within` is none: the next one is a first sight, which
//! never crosses. After firing, the price must go back, beyond the level by the hysteresis, before it fires again; with `rearm`,
//! so much time must pass instead.

use super::keys::{Held, Keys, Listed, Tally};
use super::moment::Moment;
use super::past::Past;
use super::{Lefts, Verdict};
use crate::model::price::Price;
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member};
use crate::rules::ruleset::{Direction, Hysteresis, Level};

#[derive(Debug, Default)]
pub(super) struct Cross {
    keys: Keys<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    last: Option<(Price, Member)>,
    fired: Option<Timestamp>,
    /// It has not gone back since it fired.
    is_beyond: bool,
}

impl Seen {
    fn is_resting(&self, at: Timestamp, moment: &Moment) -> bool {
        match (moment.rearm, self.fired) {
            (Some(rearm), Some(fired)) => at < fired.shifted(rearm),
            (Some(_), None) => false,
            (None, _) => self.is_beyond,
        }
    }
}

impl Held for Seen {
    fn has_passed(&self, moment: &Moment) -> bool {
        let no_price = self.last.as_ref().is_none_or(|(_, last)| last.at <= moment.opens(moment.horizon));
        no_price && (moment.rearm.is_none() || !self.is_resting(moment.horizon, moment))
    }

    fn members(&self) -> usize {
        usize::from(self.last.is_some())
    }

    fn leaves(&self) -> bool {
        self.is_beyond || self.fired.is_some()
    }
}

impl Cross {
    pub(super) fn observe(&mut self, level: &Level, moment: &Moment, key: &str, member: Member, tally: &mut Tally) -> Verdict {
        let Some(price) = member.price else { return Verdict::First };
        let seen = self.keys.hear(key, (moment, tally), drop);
        if seen.last.as_ref().is_some_and(|(_, last)| member.at < last.at) {
            tally.late += 1;
            return Verdict::Late;
        }
        let at = member.at;
        let before = seen.last.replace((price, member.clone()));
        tally.members += usize::from(before.is_none());
        let before = before.filter(|(_, before)| before.at > moment.opens(at));
        if before.is_none() || has_gone_back(level, price) {
            tally.leaves |= std::mem::take(&mut seen.is_beyond);
        }
        let Some((from, before)) = before else { return Verdict::First };
        if is_beyond(level, from) || !is_beyond(level, price) {
            return Verdict::Known;
        }
        if seen.is_resting(at, moment) {
            return Verdict::Fired;
        }
        (seen.fired, seen.is_beyond, tally.leaves) = (Some(at), true, true);
        moment.fires(key, 2, vec![before, member])
    }
}

impl Past for Cross {
    fn keys(&self) -> &dyn Listed {
        &self.keys
    }

    fn left(&self, key: &str, _: Timestamp) -> Left {
        let Some(Seen { fired, is_beyond, .. }) = self.keys.get(key) else { return Left::default() };
        // With `rearm` only time counts, and without it only where the price is; but which of them may be another one after a reload.
        Left { fired: fired.iter().copied().collect(), is_beyond: *is_beyond, ..Left::default() }
    }

    fn restore(&mut self, lefts: &Lefts, moment: &Moment, _: &mut Tally) {
        self.keys.values_mut().for_each(|seen| (seen.fired, seen.is_beyond) = (None, false));
        for (key, left) in lefts {
            if let Some(number) = self.keys.entry(key, moment.max_keys) {
                let (_, seen) = self.keys.of(number);
                (seen.fired, seen.is_beyond) = (left.fired.last().copied(), left.is_beyond);
            }
        }
    }
}

fn is_beyond(level: &Level, price: Price) -> bool {
    match level.direction {
        Direction::Up => price.usd() > level.price,
        Direction::Down => price.usd() < level.price,
    }
}

/// Back to where it may cross from again.
fn has_gone_back(level: &Level, price: Price) -> bool {
    let far = match level.hysteresis {
        Hysteresis::Usd(usd) => usd,
        Hysteresis::Percent(percent) => level.price * percent / 100.0,
    };
    match level.direction {
        Direction::Up => price.usd() <= level.price - far,
        Direction::Down => price.usd() >= level.price + far,
    }
}
