//! When orders must stop by themselves: what is seen of the feed, the clock and the answers in, a reason to disarm out. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::delivery::{Outcome, Report};
use crate::model::limits::{CLOCK_JUMP, FEED_LAG, FEED_LAG_ENVELOPES, ORDER_ERRORS};
use crate::model::time::Timestamp;

/// What could make orders wrong.
#[derive(Debug, Default)]
pub(super) struct Safety {
    /// Envelopes in a row that came too late, and that came from the future.
    lagging: u32,
    ahead: u32,
    /// Orders in a row that failed.
    failed: u32,
    /// How far the system's clock is from the steady one.
    drift: Option<i64>,
    /// Deliveries begun of each action on this day.
    begun: HashMap<usize, (i64, u32)>,
    latest_lag: Option<i64>,
}

impl Safety {
    /// A live envelope came at `at` that the feed says it sent at `sent`.
    pub(super) fn envelope(&mut self, sent: Timestamp, at: Timestamp) -> Option<String> {
        let lag = at.as_millis().saturating_sub(sent.as_millis());
        self.latest_lag = Some(lag);
        let limit = i64::try_from(FEED_LAG.as_millis()).unwrap_or(i64::MAX);
        self.lagging = if lag > limit { self.lagging.saturating_add(1) } else { 0 };
        self.ahead = if lag < -limit { self.ahead.saturating_add(1) } else { 0 };
        let words = written(Duration::from_millis(lag.unsigned_abs()));
        if self.lagging == FEED_LAG_ENVELOPES {
            return Some(format!(
                "the feed lags: its envelopes are {words} old when they come, or this machine's clock is ahead"
            ));
        }
        (self.ahead == FEED_LAG_ENVELOPES).then(|| format!("this machine's clock is wrong: the feed's is {words} ahead of it"))
    }

    /// What the latest envelope's lag was, in milliseconds.
    pub(super) fn lag(&self) -> Option<i64> {
        self.latest_lag
    }

    /// The two clocks are looked at.
    pub(super) fn clocks(&mut self, steady: Timestamp, wall: Timestamp) -> Option<String> {
        let drift = wall.as_millis().saturating_sub(steady.as_millis());
        let jump = drift.saturating_sub(self.drift.replace(drift).unwrap_or(drift));
        let size = Duration::from_millis(jump.unsigned_abs());
        let direction = if jump > 0 { "forward" } else { "back" };
        (size >= CLOCK_JUMP).then(|| format!("this machine's clock jumped {direction} by {}", written(size)))
    }

    /// An order has ended.
    pub(super) fn order(&mut self, report: &Report) -> Option<String> {
        match &report.outcome {
            Outcome::Delivered { .. } => self.failed = 0,
            Outcome::Dead { .. } | Outcome::Unknown { .. } | Outcome::Expired if report.attempts > 0 => {
                self.failed = self.failed.saturating_add(1);
            }
            _ => {}
        }
        (self.failed == ORDER_ERRORS).then(|| format!("{ORDER_ERRORS} orders in a row were not placed"))
    }

    /// Orders were armed again: what went before does not count.
    pub(super) fn rearm(&mut self) {
        (self.lagging, self.ahead, self.failed) = (0, 0, 0);
    }

    /// So many deliveries of an action were begun on the day of `now` by earlier runs.
    pub(super) fn restore(&mut self, action: usize, now: Timestamp, begun: u32) {
        self.begun.insert(action, (day(now), begun));
    }

    /// One more delivery of an action that may begin `most` a day (of UTC). Says whether it may, and whether it is the first that may not.
    pub(super) fn begin(&mut self, action: usize, most: u32, now: Timestamp) -> Quota {
        let entry = self.begun.entry(action).or_default();
        if entry.0 != day(now) {
            *entry = (day(now), 0);
        }
        entry.1 = entry.1.saturating_add(1);
        match entry.1 {
            begun if begun <= most => Quota::Fine,
            begun => Quota::Used { first: begun == most.saturating_add(1) },
        }
    }
}

/// Whether an action may begin one more delivery today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quota {
    /// It may.
    Fine,
    /// It may not.
    Used {
        /// This is the first one today that may not.
        first: bool,
    },
}

fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(86_400_000)
}

/// A length of time for people.
pub(super) fn written(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} days {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::{Form, Receipt};
    use crate::model::firing::FiringBrief;
    use crate::model::ids::FiringId;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn some_late_envelopes_in_a_row_are_a_lagging_feed_and_single_ones_are_not() {
        let mut safety = Safety::default();
        let now = ms(1_000_000);
        for _ in 0..10 {
            for _ in 1..FEED_LAG_ENVELOPES {
                assert_eq!(safety.envelope(ms(980_000), now), None);
            }
            assert_eq!(safety.envelope(ms(999_900), now), None);
        }
        let said: Vec<_> = (0..20).filter_map(|_| safety.envelope(ms(980_000), now)).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("20.0 s old"), "{said:?}");
        let ahead: Vec<_> = (0..20).filter_map(|_| safety.envelope(ms(4_600_000), now)).collect();
        assert!(ahead.len() == 1 && ahead[0].contains("1 h 00 min ahead"), "{ahead:?}");
    }

    #[test]
    fn a_clock_that_is_slewed_is_fine_and_one_that_jumps_is_not() {
        let mut safety = Safety::default();
        assert_eq!(safety.clocks(ms(0), ms(86_400_000)), None, "only changes count");
        for second in 1..1_000 {
            assert_eq!(safety.clocks(ms(second * 1_000), ms(86_400_000 + second * 1_010)), None);
        }
        let jump = safety.clocks(ms(1_000_000), ms(86_400_000 + 1_010_000 + 3_600_000));
        assert_eq!(jump.as_deref(), Some("this machine's clock jumped forward by 1 h 00 min"));
        assert_eq!(safety.clocks(ms(1_001_000), ms(86_400_000 + 1_011_000 + 3_600_000)), None, "it is told once");
        assert!(safety.clocks(ms(1_002_000), ms(0)).is_some_and(|said| said.contains("back by")));
    }

    fn report(outcome: Outcome, attempts: u32) -> Report {
        let firing =
            FiringBrief { id: FiringId::of("r", "s", ""), rule: "r".into(), subject: "s".into(), at: ms(0), late: false };
        Report { firing: firing.into(), action: 0, outcome, attempts, took: Duration::ZERO }
    }

    #[test]
    fn failures_in_a_row_are_counted_and_what_was_never_tried_is_no_failure() {
        let mut safety = Safety::default();
        let dead = || report(Outcome::Dead { reason: "HTTP 500".into() }, 1);
        for _ in 0..100 {
            assert_eq!(safety.order(&report(Outcome::Expired, 0)), None);
            assert_eq!(safety.order(&report(Outcome::Dead { reason: "incomplete".into() }, 0)), None);
        }
        for _ in 1..ORDER_ERRORS {
            assert_eq!(safety.order(&dead()), None);
        }
        let taken = Receipt::of_answer(200, None).unwrap();
        assert_eq!(safety.order(&report(Outcome::Delivered { receipt: taken, form: Form::Message }, 1)), None);
        let said: Vec<_> = (0..3 * ORDER_ERRORS).filter_map(|_| safety.order(&dead())).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        safety.rearm();
        assert_eq!((0..ORDER_ERRORS).filter_map(|_| safety.order(&dead())).count(), 1, "armed again it counts anew");
    }

    #[test]
    fn a_day_has_its_quota_across_restarts_and_the_next_day_another() {
        let mut safety = Safety::default();
        let (noon, tomorrow) = (ms(43_200_000), ms(86_400_000));
        safety.restore(3, noon, 1);
        let answers: Vec<_> = (0..4).map(|_| safety.begin(3, 3, noon)).collect();
        assert_eq!(answers, [Quota::Fine, Quota::Fine, Quota::Used { first: true }, Quota::Used { first: false }]);
        assert_eq!(safety.begin(3, 3, tomorrow), Quota::Fine);
        assert_eq!(safety.begin(4, 0, noon), Quota::Used { first: true });
    }
}
