//! `silence`: no match for that long, after there was one.
//!
//! Of each key the last match, and in the order of time when each is due. Time in which nothing could be heard does not count: it
//! is due by a clock that stands still meanwhile ([`Deafness`]), so that nothing has to be put off key by key.
//!
//! A match that puts a key off does not move it in that order: it stays *listed* where it was, and is moved only once it is the
//! first. So a key that is heard of all the time is moved once in `within`, not once for each match.

use std::collections::BTreeMap;

use super::deafness::Deafness;
use super::keys::{Held, Keys, Listed, Tally};
use super::moment::Moment;
use super::past::Past;
use super::{Due, Lefts, Verdict};
use crate::model::ids::TweetId;
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member, Silent};

/// Keys that are moved to where they are due for each match: more than come, and no match pays for many.
const MOVED_AT_ONCE: usize = 4;

/// When, by the clock of what was heard; of several the one whose last match came first.
type Turn = (i64, u64);

#[derive(Debug, Default)]
pub(super) struct Silence {
    keys: Keys<Quiet>,
    /// The number of each key, by when it is listed; the first is due then, the others not before.
    due: BTreeMap<Turn, u32>,
    deafness: Deafness,
    /// Matches so far.
    came: u64,
}

#[derive(Debug, Default)]
struct Quiet {
    last: Option<Member>,
    /// `None`: its silence has been told.
    due: Option<Turn>,
    /// Where it is listed: not later than it is due. `None`: nowhere.
    listed: Option<Turn>,
    /// How often it has been told since its last match.
    told: u32,
}

impl Held for Quiet {
    fn has_passed(&self, moment: &Moment) -> bool {
        self.due.is_none() && self.last.as_ref().is_none_or(|last| last.at < moment.horizon)
    }

    fn members(&self) -> usize {
        usize::from(self.last.is_some())
    }

    fn leaves(&self) -> bool {
        self.told > 0 && self.due.is_some()
    }
}

impl Quiet {
    /// It is listed, not later than it is due.
    fn list(&mut self, number: u32, all: &mut BTreeMap<Turn, u32>) {
        if let Some(listed) = self.listed.filter(|listed| self.due.is_none_or(|due| due < *listed)) {
            all.remove(&listed);
            self.listed = None;
        }
        if let (None, Some(due)) = (self.listed, self.due) {
            all.insert(due, number);
            self.listed = Some(due);
        }
    }
}

impl Silence {
    pub(super) fn observe(&mut self, moment: &Moment, key: &str, member: Member, tally: &mut Tally) -> Verdict {
        let Self { keys, due, deafness, came } = self;
        let gone = |quiet: Quiet| {
            quiet.listed.and_then(|at| due.remove(&at));
        };
        let number = keys.hear_of(key, (moment, &mut *tally), gone);
        let (_, quiet) = keys.of(number);
        if quiet.last.as_ref().is_none_or(|last| member.at > last.at) {
            *came += 1;
            let at = (deafness.heard(member.at).saturating_add(moment.within), *came);
            // Nothing is left of a silence that has ended.
            tally.leaves = std::mem::take(&mut quiet.told) > 0 && moment.rearm.is_some();
            quiet.due = Some(at);
            quiet.list(number, due);
            tally.members += usize::from(quiet.last.replace(member).is_none());
        }
        self.put_first_right();
        Verdict::Known
    }

    /// What is listed first, and is due later, is listed there. Of many, some: then the first may be listed too early, and who asks for it then asks
    /// once more.
    fn put_first_right(&mut self) {
        for _ in 0..MOVED_AT_ONCE {
            if !self.put_right(|_| true) {
                break;
            }
        }
    }

    /// The same of the first alone, if `is_it` says so of when it is listed. Whether it was moved.
    fn put_right(&mut self, is_it: impl Fn(i64) -> bool) -> bool {
        let Some(first) = self.due.first_entry().filter(|first| is_it(first.key().0)) else { return false };
        let (_, quiet) = self.keys.of(*first.get());
        if quiet.due == Some(*first.key()) {
            return false;
        }
        let number = first.remove();
        quiet.listed = None;
        quiet.list(number, &mut self.due);
        true
    }

    pub(super) fn due(&mut self, moment: &Moment, now: Timestamp) -> Option<Due> {
        let heard = self.deafness.heard(now);
        while self.put_right(|listed| listed <= heard) {}
        let first = self.due.first_entry().filter(|first| first.key().0 <= heard)?;
        let ((at, order), number) = first.remove_entry();
        let (key, quiet) = self.keys.of(number);
        let again = quiet.told;
        quiet.told = again.saturating_add(1);
        quiet.due = moment.rearm.map(|rearm| (at.saturating_add(rearm.max(1)), order));
        let told = moment.told(key, 0, quiet.last.iter().cloned().collect());
        quiet.listed = None;
        quiet.list(number, &mut self.due);
        self.put_first_right();
        Some(Due { told, at: self.deafness.moment(at), again })
    }

    /// From now on it takes another time to be silent: what was not told yet is due by that, and what is silent for so long already is so now.
    pub(super) fn retime(&mut self, moment: &Moment, now: Timestamp) {
        let Self { keys, due, deafness, .. } = self;
        let earliest = deafness.heard(now);
        for number in std::mem::take(due).into_values() {
            let (_, quiet) = keys.of(number);
            let last = quiet.last.as_ref().filter(|_| quiet.told == 0).map(|last| deafness.heard(last.at));
            if let (Some((at, _)), Some(heard)) = (&mut quiet.due, last) {
                // What was due before stays due when it was.
                *at = heard.saturating_add(moment.within).max(earliest.min(*at));
            }
            quiet.listed = None;
            quiet.list(number, due);
        }
    }

    /// When what has been silent since that tweet will have been so for `within`, as far as is known by now; of what has not been told.
    pub(super) fn awaited(&self, tweet: &TweetId) -> Option<Timestamp> {
        let is_of_it =
            |quiet: &&Quiet| quiet.told == 0 && quiet.last.as_ref().is_some_and(|last| last.tweet.as_ref() == Some(tweet));
        let due = self.keys.values().filter(is_of_it).filter_map(|quiet| quiet.due).max()?;
        Some(self.deafness.moment(due.0))
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let ((at, _), _) = self.due.first_key_value()?;
        Some(self.deafness.moment(*at))
    }

    pub(super) fn resume(&mut self, listening_from: Timestamp, deaf_since: Timestamp) {
        self.deafness.add(deaf_since, listening_from);
    }

    /// The same, said only now: of what is waited for since a later moment it is no part, and of the rest it is.
    pub(super) fn was_deaf(&mut self, moment: &Moment, (since, until): (Timestamp, Timestamp)) {
        let Self { keys, due, deafness, .. } = self;
        let mut dues = Vec::with_capacity(due.len());
        for number in std::mem::take(due).into_values() {
            let (_, quiet) = keys.of(number);
            let takes = if quiet.told == 0 { moment.within } else { moment.rearm.unwrap_or(0).max(1) };
            dues.push((number, takes, quiet.due.map(|(at, _)| deafness.moment(at.saturating_sub(takes)))));
        }
        deafness.add(since, until);
        for (number, takes, begun) in dues {
            let (_, quiet) = keys.of(number);
            if let (Some((at, _)), Some(begun)) = (&mut quiet.due, begun) {
                *at = deafness.heard(begun).saturating_add(takes);
            }
            quiet.listed = None;
            quiet.list(number, due);
        }
    }
}

impl Past for Silence {
    fn keys(&self) -> &dyn Listed {
        &self.keys
    }

    fn left(&self, key: &str, now: Timestamp) -> Left {
        let heard = self.deafness.heard(now);
        let silence = self.keys.get(key).filter(|quiet| quiet.told > 0).and_then(|quiet| {
            let (last, (due, _)) = (quiet.last.as_ref()?, quiet.due?);
            let (times, again_in) = (Some(quiet.told), due.saturating_sub(heard));
            Some(Box::new(Silent { last: last.clone(), element: None, told: now, times, again_in }))
        });
        Left { silence, ..Left::default() }
    }

    fn restore(&mut self, lefts: &Lefts, moment: &Moment, tally: &mut Tally) {
        let silences = lefts.iter().filter_map(|(key, left)| Some((key, left.silence.as_ref()?)));
        for (key, silent) in silences.filter(|_| moment.rearm.is_some()) {
            let Some(number) = self.keys.entry(key, moment.max_keys) else { continue };
            let (_, quiet) = self.keys.of(number);
            if quiet.last.as_ref().is_some_and(|last| last.at > silent.last.at) {
                continue;
            }
            self.came += 1;
            quiet.due = Some((self.deafness.heard(silent.told).saturating_add(silent.again_in), self.came));
            quiet.told = silent.times.unwrap_or_else(|| times(silent, moment)).max(1);
            quiet.list(number, &mut self.due);
            tally.members += usize::from(quiet.last.replace(silent.last.clone()).is_none());
        }
        self.put_first_right();
    }
}

/// How often a silence was told of which an earlier version did not say it: it went by the clock on the wall.
fn times(of: &Silent, moment: &Moment) -> u32 {
    let over = of.told.as_millis().saturating_sub(of.last.at.as_millis()).saturating_sub(moment.within).max(0);
    u32::try_from(over / moment.rearm.unwrap_or(1).max(1)).unwrap_or(u32::MAX).saturating_add(1)
}
