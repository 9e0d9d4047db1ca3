//! How long the feed is used to say nothing → whether it has gone quiet: connections that live and bring nothing are told of.

use std::collections::VecDeque;
use std::time::Duration;

use super::notices::Notice;
use super::safety::written;
use crate::model::limits::{QUIET_AFTER, QUIET_LISTENED, QUIET_TIMES};
use crate::model::time::Timestamp;

/// So many hours are remembered.
const HOURS: usize = 24;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY_MS: i64 = 86_400_000;

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
    /// The longest pause of the last day before it.
    pub(super) usual: Duration,
}

impl Quiet {
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
        let hour = now.as_millis().div_euclid(i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX));
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
        let usual = self.hours.iter().map(|(_, longest)| *longest).max()?;
        let most = QUIET_AFTER.max(usual.saturating_mul(QUIET_TIMES));
        let then = now.shifted(-DAY_MS);
        let was_quiet = || self.told.iter().any(|(from, to)| *from <= then && then < to.plus(most));
        if self.is_told || self.listened < QUIET_LISTENED || lasts < most || was_quiet() {
            return None;
        }
        self.is_told = true;
        Some(Pause { lasts, usual })
    }
}

/// What is said when it has gone quiet.
pub(super) fn gone(Pause { lasts, usual }: Pause) -> Notice {
    let (lasts, usual) = (written(lasts), written(usual));
    Notice {
        key: "quiet".to_owned(),
        about: None,
        title: "The feed has gone quiet".to_owned(),
        text: format!(
            "It is connected, and no tweet has come for {lasts}; the longest pause of the last day was {usual}. Either nobody posts who is tracked, or the feed does not send what is posted."
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
        assert_eq!(quiet.look(minutes(180 + 36)), Some(Pause { lasts: minute(36), usual: minute(12) }));
        assert_eq!(quiet.look(minutes(180 + 50)), None);
        assert_eq!(quiet.heard(minutes(180 + 51)), Some(minute(51)));
        assert_eq!(quiet.heard(minutes(180 + 52)), None);
        assert_eq!(quiet.look(minutes(180 + 52 + 35)), None);
        assert_eq!(quiet.look(minutes(180 + 52 + 36)), Some(Pause { lasts: minute(36), usual: minute(12) }));
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
    fn nothing_is_told_of_a_feed_that_was_hardly_listened_to_or_is_not_connected_and_an_outage_is_no_pause() {
        let mut new = after(0, 1);
        assert_eq!(new.look(minutes(600)), None);
        let mut lost = after(3, 1);
        lost.lost(minutes(181));
        assert_eq!(lost.look(minutes(600)), None);
        lost.connected(minutes(600));
        assert_eq!(lost.look(minutes(613)), None);
        assert_eq!(lost.look(minutes(614)), Some(Pause { lasts: minute(15), usual: minute(1) }));
        let mut back = after(3, 1);
        back.lost(minutes(181));
        back.connected(minutes(600));
        hear(&mut back, 601, 602, 1);
        assert_eq!(back.look(minutes(602 + 15)), Some(Pause { lasts: minute(15), usual: minute(2) }));
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
