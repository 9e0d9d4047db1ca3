//! `silence`: no match for that long, after there was one.
//!
//! Of each key the last match, and in the order of time when each is due. Time in which nothing could be heard does not count: it
//! is due by a clock that stands still meanwhile ([`Deafness`]), so that nothing has to be put off key by key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deafness::Deafness;
use super::keys::{Held, Keys, Tally};
use super::moment::Moment;
use super::{Lefts, Verdict};
use crate::model::ids::TweetId;
use crate::model::subject::Platform;
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member, Silent, Told};

/// When, by the clock of what was heard; of several the one whose last match came first.
type Due = (i64, u64);

#[derive(Debug, Default)]
pub(super) struct Silence {
    keys: Keys<Arc<str>, Quiet>,
    due: BTreeMap<Due, Arc<str>>,
    deafness: Deafness,
    /// Matches so far.
    came: u64,
}

#[derive(Debug, Default)]
struct Quiet {
    last: Option<Member>,
    /// `None`: its silence has been told.
    due: Option<Due>,
    /// It has been told since its last match, and is due once more after `rearm`.
    told: bool,
}

impl Held for Quiet {
    fn has_passed(&self, moment: &Moment) -> bool {
        self.due.is_none() && self.last.as_ref().is_none_or(|last| last.at < moment.horizon)
    }

    fn members(&self) -> usize {
        usize::from(self.last.is_some())
    }

    fn leaves(&self) -> bool {
        self.told && self.due.is_some()
    }
}

impl Silence {
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn observe(&mut self, moment: &Moment, key: &str, member: Member, tally: &mut Tally) -> Verdict {
        let Self { keys, due, deafness, came } = self;
        let gone = |quiet: Quiet| drop(quiet.due.map(|at| due.remove(&at)));
        let quiet = keys.hear(key, || key.into(), (moment, &mut *tally), gone);
        if quiet.last.as_ref().is_some_and(|last| member.at <= last.at) {
            return Verdict::Known;
        }
        *came += 1;
        let at = (deafness.heard(member.at).saturating_add(moment.within), *came);
        let name = quiet.due.and_then(|before| due.remove(&before)).unwrap_or_else(|| key.into());
        due.insert(at, name);
        // Nothing is left of a silence that has ended.
        tally.leaves = std::mem::take(&mut quiet.told) && moment.rearm.is_some();
        quiet.due = Some(at);
        tally.members += usize::from(quiet.last.replace(member).is_none());
        Verdict::Known
    }

    /// What the past of a key leaves behind.
    pub(super) fn left(&mut self, key: &str, now: Timestamp) -> Left {
        let heard = self.deafness.heard(now);
        let silence = self.keys.get_mut(key).filter(|quiet| quiet.told).and_then(|quiet| {
            let (last, (due, _)) = (quiet.last.as_ref()?, quiet.due?);
            Some(Silent {
                at: last.at,
                event: last.event,
                tweet: last.tweet.as_ref().map(ToString::to_string),
                who: last.who.as_deref().map(str::to_owned),
                platform: last.platform.as_ref().map(|platform| platform.name().to_owned()),
                told: now,
                again_in: due.saturating_sub(heard),
            })
        });
        Left { silence, ..Left::default() }
    }

    /// As it was left. What was heard of since then is not silent any more.
    pub(super) fn restore(&mut self, lefts: &Lefts, moment: &Moment, tally: &mut Tally) {
        for (key, silent) in lefts.iter().filter_map(|(key, left)| Some((key, left.silence.as_ref()?))) {
            let due = (self.deafness.heard(silent.told).saturating_add(silent.again_in), self.came + 1);
            let Some(quiet) = self.keys.entry(Arc::from(&**key), moment.max_keys) else { continue };
            if quiet.last.as_ref().is_some_and(|last| last.at > silent.at) || moment.rearm.is_none() {
                continue;
            }
            self.came += 1;
            if let Some(before) = quiet.due.replace(due) {
                self.due.remove(&before);
            }
            self.due.insert(due, Arc::from(&**key));
            quiet.told = true;
            tally.members += usize::from(quiet.last.replace(member(silent)).is_none());
        }
    }

    pub(super) fn due(&mut self, moment: &Moment, now: Timestamp) -> Option<Told> {
        let heard = self.deafness.heard(now);
        let first = self.due.first_entry().filter(|first| first.key().0 <= heard)?;
        let ((at, order), key) = first.remove_entry();
        let quiet = self.keys.get_mut(&*key)?;
        quiet.told = true;
        quiet.due = moment.rearm.map(|rearm| (after(at, rearm, heard), order));
        let told = moment.told(&key, 0, quiet.last.iter().cloned().collect());
        if let Some(again) = quiet.due {
            self.due.insert(again, key);
        }
        Some(told)
    }

    /// From now on it takes another time to be silent: what was not told yet is due by that.
    pub(super) fn retime(&mut self, moment: &Moment) {
        let Self { keys, due, deafness, .. } = self;
        for ((at, order), key) in std::mem::take(due) {
            let Some(quiet) = keys.get_mut(&*key) else { continue };
            let last = quiet.last.as_ref().filter(|_| !quiet.told).map(|last| deafness.heard(last.at));
            let again = (last.map_or(at, |heard| heard.saturating_add(moment.within)), order);
            quiet.due = Some(again);
            due.insert(again, key);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let ((at, _), _) = self.due.first_key_value()?;
        Some(self.deafness.moment(*at))
    }

    pub(super) fn resume(&mut self, listening_from: Timestamp, deaf_since: Timestamp) {
        self.deafness.add(deaf_since, listening_from);
    }
}

/// The last match of a silence.
fn member(of: &Silent) -> Member {
    Member {
        who: of.who.as_deref().map(Into::into),
        platform: of.platform.as_deref().map(Platform::named),
        tweet: of.tweet.as_deref().map(TweetId::new),
        event: of.event,
        at: of.at,
        price: None,
    }
}

/// The next time after now that is a whole number of `rearm` after `at`: times at which nobody asked are not made up for.
fn after(at: i64, rearm: i64, now: i64) -> i64 {
    let rearm = rearm.max(1);
    let times = now.saturating_sub(at).max(0) / rearm + 1;
    at.saturating_add(times.saturating_mul(rearm))
}
