//! Names → what goes by them, as many as are remembered. Of too many the one that was not told of for longest leaves.

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;

use crate::model::limits::IDENTITIES;
use crate::model::subject::Str;
use crate::model::time::Timestamp;

/// What is told all the time is written once more when so many others were written since: on record, too, those come first that were not told of
/// for long, and a restart forgets none that was among the latest of so many.
const WRITTEN_AGAIN_AFTER: u64 = IDENTITIES as u64 / 2;

/// What goes by what, the one that was not told of for longest first.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: LinkedHashMap<Str, Held, FixedState>,
    /// How many were ever written.
    written: u64,
}

#[derive(Debug)]
struct Held {
    is: Str,
    /// When it was learned.
    at: Timestamp,
    /// When it was true, as far as is known; not later than it was last told.
    true_at: Timestamp,
    /// The how manieth was written on record of the name. `None`: nothing is.
    written: Option<u64>,
    /// That was this.
    is_recorded: bool,
}

/// What goes by a name, as it is told.
#[derive(Clone, Copy)]
pub(super) struct Saying<'s> {
    pub(super) name: &'s str,
    pub(super) is: &'s str,
    /// When that was true.
    pub(super) true_at: Timestamp,
}

/// What is to be written.
pub(super) struct Learned {
    pub(super) name: Str,
    pub(super) is: Str,
    pub(super) at: Timestamp,
    /// To be taken off the record, as there were too many.
    pub(super) gone: Option<Str>,
}

impl Held {
    /// Than what is told of that time. What was learned by a clock that was ahead is not.
    fn is_newer_than(&self, at: Timestamp, now: Timestamp) -> bool {
        at < self.true_at && self.true_at <= now
    }
}

impl Known {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(|held| &*held.is)
    }

    /// Is told what goes by a name. `None`: that was known, or is older than what is, and it is not to be written. Without `recorded` nothing is.
    pub(super) fn learn(&mut self, said: Saying<'_>, now: Timestamp, recorded: bool) -> Option<Learned> {
        let true_at = said.true_at.min(now);
        if let Some(held) = self.names.to_back(said.name) {
            if *held.is != *said.is && held.is_newer_than(true_at, now) {
                return None;
            }
            if *held.is == *said.is {
                held.true_at = if held.true_at > now { true_at } else { held.true_at.max(true_at) };
                let is_long_ago = |then| self.written.saturating_sub(then) >= WRITTEN_AGAIN_AFTER;
                if !recorded || !held.written.is_some_and(is_long_ago) {
                    return None;
                }
                self.written += 1;
                held.written = Some(self.written);
                return Some(Learned { name: said.name.into(), is: Str::clone(&held.is), at: held.at, gone: None });
            }
        }
        let (name, is) = (Str::from(said.name), Str::from(said.is));
        let gone = self.insert(Str::clone(&name), Str::clone(&is), (now, true_at), recorded);
        Some(Learned { name, is, at: now, gone })
    }

    /// Knows what is on record, which says when it was learned: it was true then, unless what was gone through has said more. Returns what is to be
    /// taken off it.
    pub(super) fn know(&mut self, name: Str, is: Str, at: Timestamp) -> Option<Str> {
        let said = self.names.get(&name).filter(|held| held.is == is).map(|held| held.true_at);
        self.insert(name, is, (at, said.unwrap_or(at)), true)
    }

    fn insert(&mut self, name: Str, is: Str, (at, true_at): (Timestamp, Timestamp), is_recorded: bool) -> Option<Str> {
        let written = match is_recorded {
            true => Some(self.next()),
            false => self.names.get(&name).and_then(|held| held.written),
        };
        self.names.insert(name, Held { is, at, true_at, written, is_recorded });
        if self.names.len() <= IDENTITIES {
            return None;
        }
        let (name, held) = self.names.pop_front()?;
        held.written.map(|_| name)
    }

    /// The number of what is written next.
    fn next(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    /// Whether it is known of a name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// What is not on record is from now on: that.
    pub(super) fn record(&mut self) -> Vec<(Str, Str, Timestamp)> {
        let mut unrecorded = Vec::new();
        for (name, held) in self.names.iter_mut().filter(|(_, held)| !held.is_recorded) {
            self.written += 1;
            (held.written, held.is_recorded) = (Some(self.written), true);
            unrecorded.push((Str::clone(name), Str::clone(&held.is), held.at));
        }
        unrecorded
    }

    /// Takes the newest of another's over that it has room for, as if they had been told of before all that it knows; perhaps only what is not on
    /// record by that one. Returns those, to be written.
    pub(super) fn adopt(&mut self, other: &Self, unrecorded: bool) -> Vec<(Str, Str, Timestamp)> {
        let mut adopted = Vec::new();
        for (name, Held { is, at, true_at, is_recorded, .. }) in other.names.iter().rev() {
            if self.names.len() >= IDENTITIES {
                break;
            }
            if (unrecorded && *is_recorded) || self.names.contains_key(name) {
                continue;
            }
            let written = Some(self.next());
            adopted.push((Str::clone(name), Str::clone(is), *at));
            let held = Held { is: Str::clone(is), at: *at, true_at: *true_at, written, is_recorded: true };
            self.names.insert_front(Str::clone(name), held);
        }
        adopted.reverse();
        adopted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(0);

    fn said<'s>(name: &'s str, is: &'s str) -> Saying<'s> {
        Saying { name, is, true_at: AT }
    }

    fn learn(known: &mut Known, name: usize, is: &str) -> Option<(String, Option<String>)> {
        let learned = known.learn(said(&name.to_string(), is), AT, true)?;
        Some((learned.name.to_string(), learned.gone.map(|gone| gone.to_string())))
    }

    #[test]
    fn of_too_many_the_one_that_was_not_told_of_for_longest_is_forgotten_and_taken_off_the_record() {
        let mut known = Known::default();
        (0..IDENTITIES).for_each(|name| assert_eq!(learn(&mut known, name, "7"), Some((name.to_string(), None))));
        assert_eq!(learn(&mut known, IDENTITIES - 1, "7"), None);
        assert!(learn(&mut known, 0, "7").is_some(), "it is told of, and was written long ago");
        assert_eq!(learn(&mut known, IDENTITIES, "7"), Some((IDENTITIES.to_string(), Some("1".to_owned()))));
        assert_eq!((known.names.len(), known.get("0"), known.get("1")), (IDENTITIES, Some("7"), None));
    }

    #[test]
    fn what_is_told_all_the_time_is_written_again_so_seldom_that_it_is_never_among_the_first_on_record() {
        let mut known = Known::default();
        let (mut again, mut since) = (0, 0);
        for name in 0..3 * IDENTITIES / 2 {
            since += usize::from(learn(&mut known, name, "7").is_some());
            if known.learn(said("often", "7"), AT, true).is_some() {
                (again, since) = (again + 1, 0);
            }
            assert!(since <= IDENTITIES / 2, "{since} of {name} were written after it");
        }
        assert_eq!(again, 3, "the first time, and after every 10,000");
    }

    #[test]
    fn of_another_the_newest_are_taken_over_that_there_is_room_for_and_nothing_has_to_go() {
        let (mut known, mut other) = (Known::default(), Known::default());
        (2..IDENTITIES).for_each(|name| drop(learn(&mut known, name, "7")));
        ["a", "2", "b", "c"].into_iter().for_each(|name| drop(other.learn(said(name, "8"), AT, true)));
        let adopted: Vec<_> = known.adopt(&other, false).into_iter().map(|(name, is, _)| format!("{name} {is}")).collect();
        assert_eq!(adopted, ["b 8", "c 8"]);
        assert_eq!((known.names.len(), known.get("2"), known.get("a")), (IDENTITIES, Some("7"), None));
        // They are the next to go.
        assert_eq!(learn(&mut known, IDENTITIES, "7"), Some((IDENTITIES.to_string(), Some("b".to_owned()))));
    }

    #[test]
    fn what_a_replay_taught_is_on_record_when_it_is_over_and_of_what_is_not_there_nothing_is_taken_off() {
        let mut known = Known::default();
        known.know("a".into(), "7".into(), AT);
        for (name, is) in [("a", "7"), ("b", "7"), ("a", "8")] {
            known.learn(said(name, is), AT, false);
        }
        for name in 0..IDENTITIES {
            let learned = known.learn(said(&name.to_string(), "7"), AT, false).unwrap();
            let gone = learned.gone.as_deref();
            assert_eq!(gone, (name == IDENTITIES - 1).then_some("a"), "{name}");
        }
        assert_eq!((known.record().len(), known.record().len()), (IDENTITIES, 0));
    }

    #[test]
    fn a_name_goes_by_what_was_true_of_it_last_whenever_that_is_told() {
        let at = Timestamp::from_millis;
        // What is on record and since when; what is told then, each as what, true when, told when; and what the name goes by.
        for (record, told, expected) in [
            (None, &[("7", 0, 0), ("8", 10, 10), ("7", 5, 20)][..], "8"),
            (None, &[("8", 10, 10), ("7", 3, 20), ("7", 9, 21)], "8"),
            (None, &[("8", 10, 10), ("7", 11, 20)], "7"),
            // At the same moment the later telling holds.
            (None, &[("7", 10, 10), ("8", 10, 10)], "8"),
            // Told again, it is so still; told again of earlier, it is so no less.
            (None, &[("8", 10, 10), ("8", 20, 20), ("7", 15, 30)], "8"),
            (None, &[("8", 10, 10), ("8", 5, 20), ("7", 7, 30)], "8"),
            // It was not true later than it was told.
            (None, &[("8", 1_000, 10), ("7", 20, 20)], "7"),
            (Some(("8", 10)), &[("7", 5, 20)], "8"),
            (Some(("8", 10)), &[("7", 11, 20)], "7"),
            // By a clock that was ahead.
            (Some(("8", 1_000)), &[("7", 20, 20)], "7"),
            (Some(("8", 1_000)), &[("8", 20, 20), ("7", 15, 30)], "8"),
        ] {
            let mut known = Known::default();
            if let Some((is, learned)) = record {
                known.know("@kol".into(), is.into(), at(learned));
            }
            for (is, true_at, now) in told {
                known.learn(Saying { name: "@kol", is, true_at: at(*true_at) }, at(*now), true);
            }
            assert_eq!(known.get("@kol"), Some(expected), "{record:?} {told:?}");
        }
    }

    #[test]
    fn what_is_on_record_says_less_of_when_it_was_true_than_the_entry_that_was_gone_through() {
        let (at, mut known) = (Timestamp::from_millis, Known::default());
        known.learn(Saying { name: "@kol", is: "7", true_at: at(1) }, at(10), false);
        known.know("@kol".into(), "7".into(), at(10));
        known.learn(Saying { name: "@kol", is: "8", true_at: at(5) }, at(11), true);
        assert_eq!(known.get("@kol"), Some("8"));
    }
}
