//! `change`: a price that has moved so far within a time.
//!
//! Of each key its prices, in the order in which they were; of more than 128 those by which what comes may still be judged. A
//! price has *moved* if there is an earlier one in its span from which it differs by so many per cent. It fires when the first in
//! a row of prices has moved; those that follow it and have moved, too, are told with it. One that comes late may have moved, or
//! make later ones have moved.

use super::firings::{self, Fires, Firings};
use super::keys::{Held, Keys, Listed, Tally};
use super::moment::Moment;
use super::past::Past;
use super::samples::{Asked, Samples};
use super::stretch::Look;
use super::{Lefts, Verdict};
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member};

#[derive(Debug, Default)]
pub(super) struct Change {
    keys: Keys<Prices>,
}

#[derive(Debug, Default)]
struct Prices {
    samples: Samples,
    firings: Firings,
}

impl Fires for Prices {
    fn firings(&self) -> &Firings {
        &self.firings
    }

    fn firings_mut(&mut self) -> &mut Firings {
        &mut self.firings
    }
}

impl Held for Prices {
    fn has_passed(&self, moment: &Moment) -> bool {
        self.samples.newest().is_none_or(|newest| newest < moment.floor()) && self.firings.have_passed(moment)
    }

    fn members(&self) -> usize {
        self.samples.len()
    }

    fn leaves(&self) -> bool {
        !self.firings.all().is_empty()
    }
}

impl Change {
    pub(super) fn observe(&mut self, asked: Asked, moment: &Moment, key: &str, member: Member, tally: &mut Tally) -> Verdict {
        let Some(price) = member.price else { return Verdict::First };
        let Prices { samples, firings } = self.keys.hear(key, (moment, tally), drop);
        let at = member.at;
        tally.passed(samples.forget_passed(moment));
        let came = samples.insert(price, member, asked, moment);
        tally.members += 1;
        let look = Look { new: came.new.map(|_| at), enough: came.moves.map(|_| at), most: 0 };
        let fires = firings.decide(&look, at, moment);
        tally.leaves |= moment.rearm.is_some() && fires.is_some();
        let fires = fires.and(if moment.rearm.is_some() { came.moves } else { came.new });
        let verdict = match fires {
            Some(pair) => moment.fires(key, 2, samples.members(pair)),
            None if came.moves.is_some() => Verdict::Fired,
            None if came.is_alone => Verdict::First,
            None => Verdict::Known,
        };
        let thinned = samples.thin(at, moment);
        tally.passed(thinned.unmissed);
        tally.evicted(thinned.missed);
        verdict
    }
}

impl Past for Change {
    fn keys(&self) -> &dyn Listed {
        &self.keys
    }

    fn left(&self, key: &str, _: Timestamp) -> Left {
        firings::left(&self.keys, key)
    }

    fn restore(&mut self, lefts: &Lefts, moment: &Moment, _: &mut Tally) {
        firings::restore(&mut self.keys, lefts, moment.max_keys);
    }
}
