//! `distinct`: so many different values within a time.
//!
//! Of each key the values, of more than [`most`] those that were seen last; of each value the matches that can still matter.
//!
//! Of three matches of one value `a ≤ b ≤ c` with `c − a ≤ within` the middle one cannot: `a` counts in `[a, a + within)` and `c` in
//! `[c, c + within)`, which touch, so together they are `[a, c + within)`, in which `[b, b + within)` lies. That stays so when `a`
//! has passed, being older than `within` before the horizon `h`. For then `c ≤ a + within < h`, so `c` counts from before `h` on, for
//! as long as `b` would have or longer; and what was before `h`, but for the millisecond that is next to it, is not asked about.
//! So a value that is seen all the time takes no more room than any other.

use super::count::{TOLD, most};
use super::firings::{self, Fires, Firings};
use super::keys::{Held, Keys, Tally};
use super::moment::Moment;
use super::stretch::{Look, Sweep};
use super::{Lefts, Verdict};
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member};

/// Matches of one value that are kept at most. There are no more than four that matter, but while history is being fetched from
/// far back.
const OF_A_VALUE: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Distinct {
    keys: Keys<Box<str>, Values>,
}

/// By their names.
#[derive(Debug, Default)]
struct Values {
    values: Vec<Value>,
    firings: Firings,
}

#[derive(Debug)]
struct Value {
    name: Box<str>,
    /// In the order in which they happened; never empty.
    seen: Vec<Member>,
}

impl Fires for Values {
    fn firings(&mut self) -> &mut Firings {
        &mut self.firings
    }
}

impl Held for Values {
    fn has_passed(&self, moment: &Moment) -> bool {
        self.values.iter().all(|value| value.latest() < moment.floor()) && self.firings.have_passed(moment)
    }

    fn members(&self) -> usize {
        self.values.iter().map(|value| value.seen.len()).sum()
    }

    fn leaves(&self) -> bool {
        !self.firings.all().is_empty()
    }
}

impl Distinct {
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn observe(
        &mut self,
        at_least: u32,
        moment: &Moment,
        (key, value): (&str, Box<str>),
        member: Member,
        tally: &mut Tally,
    ) -> Verdict {
        let values = self.keys.hear(key, || key.into(), (moment, tally), drop);
        let at = member.at;
        tally.passed(values.forget_passed(moment));
        let look = values.look(&value, at, at_least, moment);
        let place = values.insert(value, member);
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
        values.thin(place, at, moment, tally);
        values.make_room(at_least, tally);
        verdict
    }

    /// What the past of a key leaves behind.
    pub(super) fn left(&mut self, key: &str) -> Left {
        firings::left(&mut self.keys, key)
    }

    /// As it was left.
    pub(super) fn restore(&mut self, lefts: &Lefts, max_keys: usize) {
        firings::restore(&mut self.keys, lefts, max_keys);
    }
}

impl Value {
    fn latest(&self) -> Timestamp {
        self.seen.last().map_or(Timestamp::from_millis(i64::MIN), |member| member.at)
    }

    /// The last that was seen in the span that ends at `t`.
    fn within(&self, t: Timestamp, moment: &Moment) -> Option<&Member> {
        let until = self.seen.partition_point(|member| member.at <= t);
        self.seen.get(until.checked_sub(1)?).filter(|member| member.at > moment.opens(t))
    }
}

impl Values {
    fn forget_passed(&mut self, moment: &Moment) -> usize {
        let (floor, mut forgotten) = (moment.floor(), 0);
        self.values.retain_mut(|value| {
            let passed = value.seen.partition_point(|member| member.at < floor);
            value.seen.drain(..passed);
            forgotten += passed;
            !value.seen.is_empty()
        });
        forgotten
    }

    fn look(&self, name: &str, at: Timestamp, at_least: u32, moment: &Moment) -> Look {
        if self.values.iter().all(|value| value.latest() <= at) {
            let within = |t| self.values.iter().filter(|value| value.within(t, moment).is_some()).count();
            let without = within(at);
            let is_among = self.values.iter().any(|value| *value.name == *name && value.within(at, moment).is_some());
            return Look::at_the_end(at, within(at.shifted(-1)), (without, without + usize::from(!is_among)), at_least);
        }
        let mut sweep = Sweep::new(at, moment.leaves(at));
        for value in &self.values {
            let own = *value.name == *name;
            // Where two of them count together, the value counts once.
            for together in value.seen.chunk_by(|a, b| b.at <= moment.leaves(a.at)) {
                if let (Some(first), Some(last)) = (together.first(), together.last()) {
                    sweep.add(first.at, moment.leaves(last.at), own);
                }
            }
        }
        sweep.look(at_least)
    }

    /// Where its value is now.
    fn insert(&mut self, name: Box<str>, member: Member) -> usize {
        match self.values.binary_search_by(|value| value.name.cmp(&name)) {
            Ok(place) => {
                if let Some(value) = self.values.get_mut(place) {
                    let after = value.seen.partition_point(|known| known.at <= member.at);
                    value.seen.insert(after, member);
                }
                place
            }
            Err(place) => {
                // Most are seen once.
                self.values.insert(place, Value { name, seen: vec![member] });
                place
            }
        }
    }

    /// How many values there are in the span that ends at `t`, and a match of each.
    fn tell(&self, t: Timestamp, moment: &Moment) -> (u32, Vec<Member>) {
        let mut members: Vec<_> = self.values.iter().filter_map(|value| value.within(t, moment)).collect();
        members.sort_by_key(|member| member.at);
        let told = members.iter().skip(members.len().saturating_sub(TOLD));
        (u32::try_from(members.len()).unwrap_or(u32::MAX), told.map(|member| (*member).clone()).collect())
    }

    /// Forgets which of the value's matches do not matter any more, now that there is one at `at`.
    fn thin(&mut self, place: usize, at: Timestamp, moment: &Moment, tally: &mut Tally) {
        let Some(seen) = self.values.get_mut(place).map(|value| &mut value.seen) else { return };
        // Only the new one, the one before it and the one after it can have become a middle one; the new one goes first.
        for shift in [0, 1, -1] {
            let new = seen.partition_point(|member| member.at <= at);
            let Some(middle) = new.checked_sub(1).and_then(|new| new.checked_add_signed(shift)).filter(|middle| *middle > 0)
            else {
                continue;
            };
            if let Some([a, _, c]) = seen.get(middle - 1..=middle + 1)
                && c.at <= moment.leaves(a.at)
            {
                seen.remove(middle);
                tally.passed(1);
            }
        }
        if seen.len() > OF_A_VALUE {
            seen.remove(0);
            tally.evicted(1);
        }
    }

    /// Of too many values the one that was not seen for longest goes.
    fn make_room(&mut self, at_least: u32, tally: &mut Tally) {
        if self.values.len() <= most(at_least) {
            return;
        }
        let oldest = self.values.iter().enumerate().min_by_key(|(_, value)| value.latest()).map(|(place, _)| place);
        if let Some(oldest) = oldest {
            tally.evicted(self.values.remove(oldest).seen.len());
        }
    }
}
