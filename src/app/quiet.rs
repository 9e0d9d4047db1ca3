//! How long the feed is used to say nothing → whether it has gone quiet: connections that live and bring nothing are told of.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use tracing::debug;

use super::notices::Notice;
use super::safety::written;
use crate::decode;
use crate::journal::{JournalError, Reader, StoredEntry, Stretch};
use crate::model::envelope::Body;
use crate::model::firing::Origin;
use crate::model::limits::{QUIET_AFTER, QUIET_LISTENED, QUIET_LOOKS_BACK, QUIET_TIMES, QUIET_UNKNOWN};
use crate::model::time::Timestamp;

/// So many hours are remembered.
const HOURS: usize = 24;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY_MS: i64 = 86_400_000;
/// Gaps that are looked at.
const GAPS: usize = 10_000;

/// What is shorter makes no difference, and is not looked for in a journal.
fn short() -> Duration {
    QUIET_AFTER / QUIET_TIMES
}

/// Pauses between tweets that came live. Only the time counts in which it was connected, over however many connections.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// The latest tweet, or when the connection came to be, if that was later. `None`: not connected.
    last: Option<Timestamp>,
    /// For so long earlier connections have brought nothing since the latest tweet.
    before: Duration,
    /// The longest pause that ended in each of the latest hours in which there was one, the newest last. What was told of is none.
    hours: VecDeque<(i64, Duration)>,
    /// What was told of lately: from the latest tweet before it to the first after it.
    told: VecDeque<(Timestamp, Timestamp)>,
    /// For how long it was listened in all, as far as pauses have ended.
    listened: Duration,
    is_told: bool,
}

/// It is quiet for longer than is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// For so long.
    pub(super) lasts: Duration,
    /// The longest pause of the last day before it, once that is known.
    pub(super) usual: Option<Duration>,
}

impl Quiet {
    /// As the runs before have left it, or would have: by when they heard tweets, and when they heard nothing.
    pub(super) fn of_journal(folder: &Path, now: Timestamp) -> Self {
        let read = || -> Result<Self, JournalError> {
            let mut reader = Reader::open(folder)?;
            reader.put_right(now)?;
            let since = now.shifted(-i64::try_from(QUIET_LOOKS_BACK.as_millis()).unwrap_or(i64::MAX));
            let stretches = reader.stretches(since, short(), is_tweet)?;
            let mut gaps: Vec<_> = reader.gaps(GAPS)?.into_iter().map(|gap| (gap.from, gap.to)).collect();
            gaps.sort_unstable();
            let until = reader.last_alive()?.map(|until| until.min(now));
            Ok(Self::learned(&stretches, &gaps, until))
        };
        read().unwrap_or_else(|error| {
            debug!("how long the feed is used to say nothing is not known: {error}");
            Self::default()
        })
    }

    /// What a run would know that had heard tweets in these stretches, and nothing in the gaps; both are sorted.
    fn learned(stretches: &[Stretch], gaps: &[(Timestamp, Timestamp)], until: Option<Timestamp>) -> Self {
        let mut quiet = Self::default();
        for (at, stretch) in stretches.iter().enumerate() {
            if at == 0 {
                quiet.connected(stretch.first);
            }
            quiet.heard_often(*stretch);
            let next = stretches.get(at + 1).map(|next| next.first);
            let end = next.or(until).unwrap_or(stretch.last);
            let mut deaf = stretch.last;
            for (from, to) in gaps.iter().filter(|(from, to)| *from < end && *to > stretch.last) {
                quiet.look((*from).max(deaf));
                quiet.lost((*from).max(deaf));
                deaf = (*to).min(end).max(deaf);
                quiet.connected(deaf);
            }
            quiet.look(end);
        }
        quiet.lost(until.unwrap_or_default());
        quiet
    }

    /// Tweets came live, one soon after the other.
    fn heard_often(&mut self, Stretch { first, last }: Stretch) {
        self.heard(first);
        self.listened = self.listened.saturating_add(last.since(first));
        self.last = Some(last.max(first));
        let hour = hour(last);
        if self.hours.back().is_none_or(|(of, _)| *of < hour) {
            self.hours.push_back((hour, Duration::ZERO));
        }
    }

    pub(super) fn connected(&mut self, now: Timestamp) {
        self.last = Some(now);
    }

    /// For so long nothing could be heard, though it was connected.
    pub(super) fn stood_still(&mut self, time: Duration, now: Timestamp) {
        self.last = self.last.map(|last| last.plus(time).min(now));
    }

    pub(super) fn lost(&mut self, now: Timestamp) {
        self.before = self.lasts(now).unwrap_or(self.before);
        self.last = None;
    }

    /// For how long it is quiet by now, while it is connected.
    fn lasts(&self, now: Timestamp) -> Option<Duration> {
        self.last.map(|last| self.before.saturating_add(now.since(last)))
    }

    /// A tweet came live. Says what that ends, if it was told: for how long no other had come.
    pub(super) fn heard(&mut self, now: Timestamp) -> Option<Duration> {
        let pause = self.lasts(now)?;
        (self.last, self.before) = (Some(now), Duration::ZERO);
        self.listened = self.listened.saturating_add(pause);
        let hour = hour(now);
        while self.hours.front().is_some_and(|(of, _)| hour - of >= HOURS as i64) {
            self.hours.pop_front();
        }
        if std::mem::take(&mut self.is_told) {
            let from = now.shifted(-i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
            self.told.push_back((from, now));
            self.told.retain(|(_, to)| now.since(*to) < HOUR * 36);
            return Some(pause);
        }
        match self.hours.back_mut().filter(|(of, _)| *of == hour) {
            Some((_, longest)) => *longest = pause.max(*longest),
            None => self.hours.push_back((hour, pause)),
        }
        None
    }

    /// Whether it has gone quiet by now, once for each time. Where it was as quiet a day before, as it is at night, it is given as long.
    pub(super) fn look(&mut self, now: Timestamp) -> Option<Pause> {
        let lasts = self.lasts(now)?;
        let usual = self.hours.iter().map(|(_, longest)| *longest).max();
        let least = if self.listened < QUIET_LISTENED { QUIET_UNKNOWN } else { QUIET_AFTER };
        let most = least.max(usual.unwrap_or_default().saturating_mul(QUIET_TIMES));
        let then = now.shifted(-DAY_MS);
        let was_quiet = || self.told.iter().any(|(from, to)| *from <= then && then < to.plus(most));
        if self.is_told || lasts < most || was_quiet() {
            return None;
        }
        self.is_told = true;
        Some(Pause { lasts, usual: usual.filter(|_| self.listened >= QUIET_LISTENED) })
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX))
}

/// Whether that is what a pause ends with.
fn is_tweet(entry: &StoredEntry<'_>) -> bool {
    let is_content = || decode::decode(entry.text).is_ok_and(|envelope| matches!(envelope.body, Body::Content(_)));
    entry.origin == Origin::Live && is_content()
}

/// What is said when it has gone quiet.
pub(super) fn gone(Pause { lasts, usual }: Pause) -> Notice {
    let usual = match usual {
        None => "how long it is quiet as a rule is not known yet".to_owned(),
        Some(usual) if usual < short() => format!("no other pause of the last day was longer than {}", written(short())),
        Some(usual) => format!("the longest pause of the last day was {}", written(usual)),
    };
    let lasts = written(lasts);
    Notice {
        key: "quiet".to_owned(),
        about: None,
        title: "The feed has gone quiet".to_owned(),
        text: format!(
            "It is connected, and no tweet has come for {lasts}; {usual}. Either nobody posts who is tracked, or the feed does not send what is posted."
        ),
    }
}

/// What is said when it is quiet no more, after so long.
pub(super) fn over(pause: Duration) -> Notice {
    Notice {
        key: "quiet:over".to_owned(),
        about: None,
        title: "The feed brings tweets again".to_owned(),
        text: format!("A tweet has come, the first for {} in which it was connected.", written(pause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn minute(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    /// A tweet every `every` minutes from one minute to another.
    fn hear(quiet: &mut Quiet, from: i64, to: i64, every: usize) {
        (from..=to).step_by(every).for_each(|at| assert_eq!(quiet.heard(minutes(at)), None));
    }

    /// A tweet every `every` minutes for `hours` hours from minute 0 on.
    fn after(hours: i64, every: usize) -> Quiet {
        let mut quiet = Quiet::default();
        quiet.connected(minutes(0));
        hear(&mut quiet, 0, hours * 60, every);
        quiet
    }

    #[test]
    fn a_pause_that_is_far_longer_than_is_usual_is_told_once_ends_with_a_word_and_makes_none_usual() {
        let mut quiet = after(3, 12);
        assert_eq!(quiet.look(minutes(180 + 35)), None);
        assert_eq!(quiet.look(minutes(180 + 36)), Some(Pause { lasts: minute(36), usual: Some(minute(12)) }));
        assert_eq!(quiet.look(minutes(180 + 50)), None);
        assert_eq!(quiet.heard(minutes(180 + 51)), Some(minute(51)));
        assert_eq!(quiet.heard(minutes(180 + 52)), None);
        assert_eq!(quiet.look(minutes(180 + 52 + 35)), None);
        assert_eq!(quiet.look(minutes(180 + 52 + 36)), Some(Pause { lasts: minute(36), usual: Some(minute(12)) }));
    }

    #[test]
    fn a_busy_feed_may_rest_for_a_while_and_what_was_usual_is_forgotten_after_a_day() {
        let mut busy = after(3, 1);
        assert_eq!(busy.look(minutes(180 + 14)), None);
        assert!(busy.look(minutes(180 + 15)).is_some());
        let mut rested = after(3, 10);
        hear(&mut rested, 181, 181 + 22 * 60, 1);
        assert_eq!(rested.look(minutes(181 + 22 * 60 + 29)), None);
        hear(&mut rested, 181 + 22 * 60, 181 + 25 * 60, 1);
        assert!(rested.look(minutes(181 + 25 * 60 + 15)).is_some());
    }

    #[test]
    fn a_feed_that_was_hardly_listened_to_is_told_of_after_an_hour_be_it_that_it_says_nothing_at_all() {
        let mut new = Quiet::default();
        assert_eq!(new.look(minutes(600)), None, "nobody listens");
        new.connected(minutes(600));
        assert_eq!(new.look(minutes(659)), None);
        assert_eq!(new.look(minutes(660)), Some(Pause { lasts: minute(60), usual: None }));
        assert_eq!(new.heard(minutes(665)), Some(minute(65)));
        let mut new = Quiet::default();
        new.connected(minutes(0));
        hear(&mut new, 25, 50, 25);
        assert_eq!(new.look(minutes(50 + 74)), None, "what little is known counts");
        assert_eq!(new.look(minutes(50 + 75)), Some(Pause { lasts: minute(75), usual: None }));
    }

    #[test]
    fn what_is_said_of_the_usual_is_as_exact_as_it_is_known() {
        let said = |usual| gone(Pause { lasts: minute(75), usual }).text;
        for (usual, words) in [
            (None, "how long it is quiet as a rule is not known yet"),
            (Some(minute(0)), "no other pause of the last day was longer than 5 min 00 s"),
            (Some(minute(20)), "the longest pause of the last day was 20 min 00 s"),
        ] {
            assert!(said(usual).contains(&format!("no tweet has come for 1 h 15 min; {words}. Either")), "{}", said(usual));
        }
    }

    fn stretch(first: i64, last: i64) -> Stretch {
        Stretch { first: minutes(first), last: minutes(last) }
    }

    /// Tweets every `every` minutes, each a stretch of its own.
    fn every(every: usize, from: i64, to: i64) -> Vec<Stretch> {
        (from..=to).step_by(every).map(|at| stretch(at, at)).collect()
    }

    #[test]
    fn a_start_knows_what_the_run_before_knew_and_a_pause_goes_on_over_it() {
        let mut quiet = Quiet::learned(&every(12, 0, 180), &[], Some(minutes(190)));
        assert_eq!(quiet.look(minutes(500)), None, "nobody listens");
        quiet.connected(minutes(300));
        assert_eq!(quiet.look(minutes(325)), None);
        assert_eq!(quiet.look(minutes(326)), Some(Pause { lasts: minute(36), usual: Some(minute(12)) }));
        let mut busy = Quiet::learned(&[stretch(0, 180)], &[], Some(minutes(180)));
        busy.connected(minutes(180));
        assert_eq!(busy.look(minutes(194)), None);
        assert_eq!(busy.look(minutes(195)), Some(Pause { lasts: minute(15), usual: Some(Duration::ZERO) }));
    }

    #[test]
    fn what_was_told_before_a_start_is_not_told_again_and_its_end_is() {
        let mut quiet = Quiet::learned(&[stretch(0, 180)], &[], Some(minutes(200)));
        quiet.connected(minutes(210));
        assert_eq!(quiet.look(minutes(400)), None);
        assert_eq!(quiet.heard(minutes(400)), Some(minute(210)));
    }

    #[test]
    fn gaps_of_runs_before_are_no_pauses() {
        let gaps = [(minutes(50), minutes(60)), (minutes(185), minutes(285)), (minutes(290), minutes(296))];
        let mut quiet = Quiet::learned(&[stretch(0, 180), stretch(300, 360)], &gaps, Some(minutes(360)));
        quiet.connected(minutes(360));
        assert_eq!(quiet.look(minutes(401)), None, "5, 5 and 4 minutes were heard between the two");
        assert_eq!(quiet.look(minutes(402)), Some(Pause { lasts: minute(42), usual: Some(minute(14)) }));
    }

    #[test]
    fn a_night_of_before_the_start_is_given_as_long_once_more() {
        let day = 24 * 60;
        let mut quiet = Quiet::learned(&[stretch(0, 20 * 60), stretch(day, day + 60)], &[], Some(minutes(day + 60)));
        quiet.connected(minutes(day + 60));
        hear(&mut quiet, day + 61, day + 20 * 60, 1);
        assert_eq!((20 * 60..=day + 14).find(|at| quiet.look(minutes(day + at)).is_some()), None);
        assert!(quiet.look(minutes(2 * day + 15)).is_some());
    }

    #[test]
    fn nothing_is_told_of_a_feed_that_is_not_connected_and_an_outage_is_no_pause() {
        let mut lost = after(3, 1);
        lost.lost(minutes(181));
        assert_eq!(lost.look(minutes(600)), None);
        lost.connected(minutes(600));
        assert_eq!(lost.look(minutes(613)), None);
        assert_eq!(lost.look(minutes(614)), Some(Pause { lasts: minute(15), usual: Some(minute(1)) }));
        let mut back = after(3, 1);
        back.lost(minutes(181));
        back.connected(minutes(600));
        hear(&mut back, 601, 602, 1);
        assert_eq!(back.look(minutes(602 + 15)), Some(Pause { lasts: minute(15), usual: Some(minute(2)) }));
    }

    #[test]
    fn connections_that_bring_nothing_and_are_lost_again_and_again_are_told_of_once_together() {
        let mut quiet = after(3, 1);
        let mut told = Vec::new();
        for at in 181..=240 {
            match at % 10 {
                8 => quiet.lost(minutes(at)),
                9 => quiet.connected(minutes(at)),
                _ => told.extend(quiet.look(minutes(at)).map(|pause| (at, pause.lasts))),
            }
        }
        // Of which a minute was no connection.
        assert_eq!(told, [(180 + 16, minute(15))]);
        assert_eq!(quiet.heard(minutes(240)), Some(minute(54)));
    }

    #[test]
    fn a_night_is_told_of_once_and_then_only_if_it_is_longer_than_the_one_before() {
        let day = 24 * 60;
        let mut quiet = after(3, 5);
        hear(&mut quiet, 185, 20 * 60, 5);
        assert!(quiet.look(minutes(20 * 60 + 15)).is_some());
        assert_eq!(quiet.heard(minutes(day)), Some(minute(240)));
        hear(&mut quiet, day + 5, day + 20 * 60, 5);
        assert_eq!((20 * 60..=day + 14).find(|at| quiet.look(minutes(day + at)).is_some()), None);
        assert!(quiet.look(minutes(2 * day + 15)).is_some());
    }
}
