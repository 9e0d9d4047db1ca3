//! `count`: so many matches within a time.
//!
//! Of each key the matches in the order in which they happened, of more than [`most`] the newest.

use super::firings::{self, Fires, Firings};
use super::keys::{Held, Keys, Listed, Tally};
use super::moment::Moment;
use super::past::Past;
use super::row::Row;
use super::stretch::{Enough, Look, Sweep, is_untold};
use super::{Lefts, Verdict};
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member};

/// Matches that a firing tells at most.
pub(super) const TOLD: usize = 100;

/// So many are kept of a key at most.
pub(super) fn most(at_least: u32) -> usize {
    usize::try_from(at_least).unwrap_or(usize::MAX).saturating_mul(4).max(64)
}

#[derive(Debug, Default)]
pub(super) struct Count {
    keys: Keys<Matches>,
}

#[derive(Debug, Default)]
struct Matches {
    /// When each was.
    times: Row<Timestamp, 16>,
    firings: Firings,
}

impl Fires for Matches {
    fn firings(&self) -> &Firings {
        &self.firings
    }

    fn firings_mut(&mut self) -> &mut Firings {
        &mut self.firings
    }
}

impl Held for Matches {
    fn has_passed(&self, moment: &Moment) -> bool {
        self.times.last().is_none_or(|newest| *newest < moment.floor()) && self.firings.have_passed(moment)
    }

    fn members(&self) -> usize {
        self.times.len()
    }

    fn leaves(&self) -> bool {
        !self.firings.all().is_empty()
    }
}

impl Count {
    pub(super) fn observe(&mut self, at_least: u32, moment: &Moment, key: &str, member: Member, tally: &mut Tally) -> Verdict {
        let matches = self.keys.hear(key, (moment, tally), drop);
        let at = member.at;
        tally.passed(matches.forget_passed(moment));
        let look = matches.look(at, at_least, moment);
        matches.insert(member);
        tally.members += 1;
        let fires = matches.firings.decide(&look, at, moment);
        tally.leaves |= moment.rearm.is_some() && fires.is_some();
        let verdict = match (fires, look.enough) {
            (Some(t), _) => {
                let span = matches.upto(moment.opens(t))..matches.upto(t);
                let newest = span.start.max(span.end.saturating_sub(TOLD))..span.end;
                let members = newest.filter_map(|place| matches.times.member(place).cloned()).collect();
                moment.fires(key, u32::try_from(span.len()).unwrap_or(u32::MAX), members)
            }
            (None, Some(_)) => Verdict::Fired,
            (None, None) => Verdict::Gathers { have: look.most, need: at_least },
        };
        if matches.times.len() > most(at_least) {
            matches.times.forget(1);
            tally.evicted(1);
        }
        verdict
    }

    /// Goes on with what is enough by other rules.
    pub(super) fn go_on(&mut self, (old, new): (&Enough, &Enough), now: Timestamp) {
        let needed = usize::try_from(new.at_least).unwrap_or(usize::MAX);
        for matches in self.keys.values_mut().filter(|matches| matches.times.len() >= needed) {
            let by = |moment: Moment| matches.times.iter().map(move |at| (*at, moment.leaves(*at)));
            if is_untold((old, by(old.moment)), (new, by(new.moment)), now) {
                matches.firings.miss_one(now);
            }
        }
    }
}

impl Past for Count {
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

impl Matches {
    /// How many there were until `t`, that moment included.
    fn upto(&self, t: Timestamp) -> usize {
        self.times.partition_point(|at| *at <= t)
    }

    /// How many there are in the span that ends at `t`.
    fn within(&self, t: Timestamp, moment: &Moment) -> usize {
        self.upto(t) - self.upto(moment.opens(t))
    }

    fn forget_passed(&mut self, moment: &Moment) -> usize {
        let passed = self.times.partition_point(|at| *at < moment.floor());
        self.times.forget(passed);
        passed
    }

    fn look(&self, at: Timestamp, at_least: u32, moment: &Moment) -> Look {
        if self.times.last().is_none_or(|newest| *newest <= at) {
            let without = self.within(at, moment);
            return Look::at_the_end(at, self.within(at.shifted(-1), moment), (without, without + 1), at_least);
        }
        let mut sweep = Sweep::new(at, moment.leaves(at));
        let near = self.upto(moment.opens(at).shifted(-1))..self.upto(moment.leaves(at));
        for at in self.times.get(near).unwrap_or_default() {
            sweep.add(*at, moment.leaves(*at), false);
        }
        sweep.look(at_least)
    }

    fn insert(&mut self, member: Member) {
        self.times.insert(self.upto(member.at), member.at, member);
    }
}
