//! `first_seen`: a value that was not seen for that long, or never.
//!
//! Of each value, apart for each key, the last sighting. A sighting that is not newer than that is no news: what came of it when
//! it happened is not known, or was told by the later one.

use super::Verdict;
use super::keys::{Held, Keys, Tally};
use super::moment::Moment;
use crate::model::window::Member;

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
}

impl FirstSeen {
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn observe(&mut self, moment: &Moment, (key, value): (&str, &str), member: Member, tally: &mut Tally) -> Verdict {
        self.both.clear();
        self.both.extend(u32::try_from(key.len()).ok().and_then(char::from_u32));
        self.both.push_str(key);
        self.both.push_str(value);
        let sighting = self.keys.hear(&self.both, (moment, tally), drop);
        if sighting.0.as_ref().is_some_and(|last| member.at <= last.at) {
            return Verdict::Known;
        }
        let last = sighting.0.replace(member.clone());
        tally.members += usize::from(last.is_none());
        if last.as_ref().is_some_and(|last| last.at > moment.opens(member.at)) {
            return Verdict::Known;
        }
        moment.fires(key, 1, last.into_iter().chain([member]).collect())
    }
}
