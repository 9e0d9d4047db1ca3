//! How long the feed is used to say nothing → whether it has gone quiet: a connection that lives and brings nothing is told of.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::limits::{QUIET_AFTER, QUIET_LISTENED, QUIET_TIMES};
use crate::model::time::Timestamp;

/// So many hours are remembered.
const HOURS: usize = 24;
const HOUR: Duration = Duration::from_secs(3_600);

/// Pauses between tweets that came live.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// The latest tweet, or when the connection came to be, if that was later. `None`: not connected.
    last: Option<Timestamp>,
    /// The longest pause that ended in each of the latest hours in which there was one, the newest last.
    hours: VecDeque<(i64, Duration)>,
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
        self.is_told = false;
    }

    pub(super) fn lost(&mut self) {
        self.last = None;
    }

    /// A tweet came live. Says whether that ends what was told.
    pub(super) fn heard(&mut self, now: Timestamp) -> bool {
        let Some(last) = self.last.replace(now) else { return false };
        let pause = now.since(last);
        self.listened = self.listened.saturating_add(pause);
        let hour = now.as_millis().div_euclid(i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX));
        match self.hours.back_mut().filter(|(of, _)| *of == hour) {
            Some((_, longest)) => *longest = pause.max(*longest),
            None => self.hours.push_back((hour, pause)),
        }
        while self.hours.front().is_some_and(|(of, _)| hour - of >= HOURS as i64) {
            self.hours.pop_front();
        }
        std::mem::take(&mut self.is_told)
    }

    /// Whether it has gone quiet by now, once for each time.
    pub(super) fn look(&mut self, now: Timestamp) -> Option<Pause> {
        let lasts = now.since(self.last?);
        let usual = self.hours.iter().map(|(_, longest)| *longest).max()?;
        if self.is_told || self.listened < QUIET_LISTENED || lasts < QUIET_AFTER.max(usual.saturating_mul(QUIET_TIMES)) {
            return None;
        }
        self.is_told = true;
        Some(Pause { lasts, usual })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    /// A tweet every `every` minutes for `hours` hours from minute 0 on.
    fn after(hours: i64, every: usize) -> Quiet {
        let mut quiet = Quiet::default();
        quiet.connected(minutes(0));
        (0..=hours * 60).step_by(every).for_each(|at| assert!(!quiet.heard(minutes(at))));
        quiet
    }

    #[test]
    fn a_pause_that_is_far_longer_than_is_usual_is_told_once_and_ends_with_a_word() {
        let mut quiet = after(3, 12);
        assert_eq!(quiet.look(minutes(180 + 35)), None);
        let minute = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(quiet.look(minutes(180 + 36)), Some(Pause { lasts: minute(36), usual: minute(12) }));
        assert_eq!(quiet.look(minutes(180 + 50)), None);
        assert!(quiet.heard(minutes(180 + 51)));
        assert_eq!(quiet.look(minutes(180 + 51 + 152)), None, "fifty minutes are usual by now");
        assert!(quiet.look(minutes(180 + 51 + 153)).is_some());
    }

    #[test]
    fn a_busy_feed_may_rest_for_a_while_and_a_night_is_forgotten_after_a_day() {
        let mut busy = after(3, 1);
        assert_eq!(busy.look(minutes(180 + 14)), None);
        assert!(busy.look(minutes(180 + 15)).is_some());
        let mut rested = after(3, 1);
        rested.heard(minutes(180 + 240));
        for at in 421..421 + 25 * 60 {
            rested.heard(minutes(at));
        }
        assert!(rested.look(minutes(421 + 25 * 60 + 15)).is_some());
    }

    #[test]
    fn nothing_is_told_of_a_feed_that_was_hardly_listened_to_or_is_not_connected() {
        let mut new = after(0, 1);
        assert_eq!(new.look(minutes(600)), None);
        let mut lost = after(3, 1);
        lost.lost();
        assert_eq!(lost.look(minutes(600)), None);
        lost.connected(minutes(600));
        assert_eq!(lost.look(minutes(614)), None, "the pause begins with the connection");
        assert!(lost.look(minutes(615)).is_some());
    }
}
