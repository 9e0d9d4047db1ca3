//! `first_seen`: a value that was not seen for that long, or never.
//!
//! Of each value, apart for each key, the last sighting. A sighting that is not newer than that is no news: what came of it when
//! it happened is not known, or was told by the later one.
//!
//! Each last sighting is left on record, so that a start need not go through all that was heard in a time that is long as a rule.

use std::fmt::Write as _;

use super::keys::{Held, Keys, Listed, Tally};
use super::moment::Moment;
use super::past::Past;
use super::{Lefts, Verdict};
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member};

#[derive(Debug, Default)]
pub(super) struct FirstSeen {
    keys: Keys<Sighting>,
    /// A key and a value, as one: how long the key is, that, and the value. It is used again for each match.
    both: String,
}

#[derive(Debug, Default)]
struct Sighting(Option<Member>);

impl Held for Sighting {
    /// It is told as the one before, however long ago it was, if there is room.
    const LEAVES: bool = false;

    fn has_passed(&self, moment: &Moment) -> bool {
        self.0.as_ref().is_none_or(|last| last.at <= moment.floor())
    }

    fn members(&self) -> usize {
        usize::from(self.0.is_some())
    }

    fn leaves(&self) -> bool {
        self.0.is_some()
    }
}

impl FirstSeen {
    pub(super) fn observe(&mut self, moment: &Moment, (key, value): (&str, &str), member: Member, tally: &mut Tally) -> Verdict {
        self.both.clear();
        // To a text nothing fails to be written.
        let _ = write!(self.both, "{}:{key}{value}", key.len());
        let sighting = self.keys.hear(&self.both, (moment, &mut *tally), drop);
        if sighting.0.as_ref().is_some_and(|last| member.at <= last.at) {
            return Verdict::Known;
        }
        let last = sighting.0.replace(member.clone());
        tally.leaves = true;
        tally.members += usize::from(last.is_none());
        if last.as_ref().is_some_and(|last| last.at > moment.opens(member.at)) {
            return Verdict::Known;
        }
        moment.fires(key, 1, last.into_iter().chain([member]).collect())
    }

    /// The key and the value of the latest match, as one: what its sighting is left under.
    pub(super) fn latest(&self) -> &str {
        &self.both
    }
}

impl Past for FirstSeen {
    fn keys(&self) -> &dyn Listed {
        &self.keys
    }

    fn left(&self, both: &str, _: Timestamp) -> Left {
        let seen = self.keys.get(both).and_then(|sighting| sighting.0.clone());
        Left { seen: seen.map(Box::new), ..Left::default() }
    }

    fn restore(&mut self, lefts: &Lefts, moment: &Moment, tally: &mut Tally) {
        for (both, seen) in lefts.iter().filter_map(|(both, left)| Some((both, left.seen.as_deref()?))) {
            let Some(number) = self.keys.entry(both, moment.max_keys) else {
                tally.gone.push(both.clone());
                continue;
            };
            let (_, sighting) = self.keys.of(number);
            if sighting.0.as_ref().is_none_or(|last| last.at < seen.at) {
                tally.members += usize::from(sighting.0.replace(seen.clone()).is_none());
            }
        }
    }
}
