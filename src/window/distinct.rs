//! `distinct`: so many different values within a time.
//!
//! Of each key the values, of more than [`most`] those that were seen last; of each value the matches that can still matter. All of them lie in
//! one row, those of a value beside each other.
//!
//! Of three matches of one value `a ≤ b ≤ c` with `c − a ≤ within` the middle one cannot: `a` counts in `[a, a + within)` and `c` in
//! `[c, c + within)`, which touch, so together they are `[a, c + within)`, in which `[b, b + within)` lies. That stays so when `a`
//! has passed, being older than `within` before the horizon `h`. For then `c ≤ a + within < h`, so `c` counts from before `h` on, for
//! as long as `b` would have or longer; and what was before `h`, but for the millisecond that is next to it, is not asked about.
//! So a value that is seen all the time takes no more room than any other.

use std::ops::Range;

use super::count::{TOLD, most};
use super::firings::{self, Fires, Firings};
use super::keys::{Held, Keys, Listed, Tally};
use super::moment::Moment;
use super::past::Past;
use super::row::Row;
use super::stretch::{Enough, Look, Sweep, is_untold};
use super::{Lefts, Verdict};
use crate::model::short::ShortText;
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member};

/// Matches of one value that are kept at most. There are no more than four that matter, but while history is being fetched from
/// far back.
const OF_A_VALUE: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Distinct {
    keys: Keys<Values>,
}

/// A value: most are ids of accounts.
type Name = ShortText<22>;

#[derive(Debug, Default)]
struct Values {
    /// By their names, of a name in the order in which they happened.
    seen: Row<Seen, 8>,
    firings: Firings,
}

#[derive(Debug)]
struct Seen {
    name: Name,
    at: Timestamp,
}

impl Fires for Values {
    fn firings(&self) -> &Firings {
        &self.firings
    }

    fn firings_mut(&mut self) -> &mut Firings {
        &mut self.firings
    }
}

impl Held for Values {
    fn has_passed(&self, moment: &Moment) -> bool {
        self.seen.iter().all(|seen| seen.at < moment.floor()) && self.firings.have_passed(moment)
    }

    fn members(&self) -> usize {
        self.seen.len()
    }

    fn leaves(&self) -> bool {
        !self.firings.all().is_empty()
    }
}

impl Distinct {
    pub(super) fn observe(
        &mut self,
        at_least: u32,
        moment: &Moment,
        (key, value): (&str, &str),
        member: Member,
        tally: &mut Tally,
    ) -> Verdict {
        let value = Name::new(value);
        let values = self.keys.hear(key, (moment, tally), drop);
        let at = member.at;
        let floor = moment.floor();
        tally.passed(values.seen.retain(|seen| seen.at >= floor));
        let look = values.look(&value, at, at_least, moment);
        values.insert(&value, member);
        tally.members += 1;
        let fires = values.firings.decide(&look, at, moment);
        tally.leaves |= moment.rearm.is_some() && fires.is_some();
        let verdict = match (fires, look.enough) {
            (Some(t), _) => {
                let (count, members) = values.tell(t, moment);
                moment.fires(key, count, members)
            }
            (None, Some(_)) => Verdict::Fired,
            (None, None) => Verdict::Gathers { have: look.most, need: at_least },
        };
        values.thin(&value, at, moment, tally);
        values.make_room(at_least, tally);
        verdict
    }

    /// Goes on with what is enough by other rules.
    pub(super) fn go_on(&mut self, (old, new): (&Enough, &Enough), now: Timestamp) {
        let needed = usize::try_from(new.at_least).unwrap_or(usize::MAX);
        for values in self.keys.values_mut().filter(|values| values.seen.len() >= needed) {
            let by = |moment| values.values().flat_map(move |value| spans(value, moment));
            if is_untold((old, by(&old.moment)), (new, by(&new.moment)), now) {
                values.firings.miss_one(now);
            }
        }
    }
}

impl Past for Distinct {
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

impl Values {
    /// The matches of each value.
    fn values(&self) -> impl Iterator<Item = &[Seen]> {
        self.seen.chunk_by(|a, b| a.name == b.name)
    }

    fn look(&self, name: &Name, at: Timestamp, at_least: u32, moment: &Moment) -> Look {
        if self.seen.iter().all(|seen| seen.at <= at) {
            let within = |t| self.values().filter(|value| within(value, t, moment).is_some()).count();
            let without = within(at);
            let is_among = self.seen.iter().any(|seen| seen.at > moment.opens(at) && seen.name == *name);
            return Look::at_the_end(at, within(at.shifted(-1)), (without, without + usize::from(!is_among)), at_least);
        }
        let mut sweep = Sweep::new(at, moment.leaves(at));
        for value in self.values() {
            let own = value.first().is_some_and(|seen| seen.name == *name);
            spans(value, moment).for_each(|(start, end)| sweep.add(start, end, own));
        }
        sweep.look(at_least)
    }

    fn insert(&mut self, name: &Name, member: Member) {
        let place = self.seen.partition_point(|known| (&known.name, known.at) <= (name, member.at));
        self.seen.insert(place, Seen { name: name.clone(), at: member.at }, member);
    }

    /// How many values there are in the span that ends at `t`, and a match of each.
    fn tell(&self, t: Timestamp, moment: &Moment) -> (u32, Vec<Member>) {
        let (mut start, mut members) = (0, Vec::new());
        for value in self.values() {
            members.extend(within(value, t, moment).and_then(|place| self.seen.member(start + place)));
            start += value.len();
        }
        members.sort_by_key(|member| member.at);
        let told = members.iter().skip(members.len().saturating_sub(TOLD));
        (u32::try_from(members.len()).unwrap_or(u32::MAX), told.map(|member| (*member).clone()).collect())
    }

    /// Forgets which of the value's matches do not matter any more, now that there is one at `at`.
    fn thin(&mut self, name: &Name, at: Timestamp, moment: &Moment, tally: &mut Tally) {
        let start = self.seen.partition_point(|seen| seen.name < *name);
        let of_it = |row: &[Seen]| start..start + row.iter().skip(start).take_while(|seen| seen.name == *name).count();
        // Only the new one, the one before it and the one after it can have become a middle one; the new one goes first.
        for shift in [0, 1, -1] {
            let value = self.seen.get(of_it(&self.seen)).unwrap_or_default();
            let new = value.partition_point(|seen| seen.at <= at);
            let Some(middle) = new.checked_sub(1).and_then(|new| new.checked_add_signed(shift)).filter(|middle| *middle > 0)
            else {
                continue;
            };
            if let Some([a, _, c]) = value.get(middle - 1..=middle + 1)
                && c.at <= moment.leaves(a.at)
            {
                self.seen.remove(start + middle);
                tally.passed(1);
            }
        }
        if of_it(&self.seen).len() > OF_A_VALUE {
            self.seen.remove(start);
            tally.evicted(1);
        }
    }

    /// Of too many values the one that was not seen for longest goes.
    fn make_room(&mut self, at_least: u32, tally: &mut Tally) {
        let most = most(at_least);
        if self.seen.len() <= most || self.values().count() <= most {
            return;
        }
        let mut oldest: Option<(Timestamp, Range<usize>)> = None;
        let mut start = 0;
        for value in self.values() {
            let latest = value.last().map_or(Timestamp::from_millis(i64::MIN), |seen| seen.at);
            if oldest.as_ref().is_none_or(|(oldest, _)| latest < *oldest) {
                oldest = Some((latest, start..start + value.len()));
            }
            start += value.len();
        }
        let oldest = oldest.map(|(_, places)| places).unwrap_or_default();
        tally.evicted(oldest.len());
        oldest.rev().for_each(|place| drop(self.seen.remove(place)));
    }
}

/// When a value counts, from when until when: where two of its matches count together, it counts once.
fn spans(value: &[Seen], moment: &Moment) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let together = value.chunk_by(|a, b| b.at <= moment.leaves(a.at));
    together.filter_map(|together| Some((together.first()?.at, moment.leaves(together.last()?.at))))
}

/// Of a value the last that was seen in the span that ends at `t`: its place.
fn within(value: &[Seen], t: Timestamp, moment: &Moment) -> Option<usize> {
    let last = value.iter().rposition(|seen| seen.at <= t)?;
    value.get(last).filter(|seen| seen.at > moment.opens(t)).map(|_| last)
}
