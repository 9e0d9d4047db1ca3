//! When orders must stop by themselves: how late envelopes come and how orders end in, a reason to disarm out. Pure.

use std::collections::HashMap;
use std::time::Duration;

use super::feed_clock::{FeedClock, LIMIT, Lag};
use crate::model::delivery::{Outcome, Report};
use crate::model::limits::{FEED_LAG_ENVELOPES, ORDER_ERRORS};
use crate::model::time::Timestamp;
use crate::suppress::days::day;

/// What could make orders wrong.
#[derive(Debug, Default)]
pub(super) struct Safety {
    pub(super) feed_clock: FeedClock,
    /// Envelopes in a row that came too late, and that came from the future.
    lagging: u32,
    ahead: u32,
    /// Orders in a row that failed, of each action: one that works says nothing of another that does not.
    failed: HashMap<usize, u32>,
    /// Deliveries begun of each action, by its name, on this day.
    begun: HashMap<String, Today>,
    latest_lag: Option<i64>,
}

impl Safety {
    /// A live envelope came at `at` that the feed says it sent at `sent`.
    pub(super) fn envelope(&mut self, sent: Timestamp, at: Timestamp) -> Option<String> {
        let Lag { ours: lag, believed } = self.feed_clock.envelope(sent, at);
        self.latest_lag = Some(believed);
        self.lagging = if lag > LIMIT { self.lagging.saturating_add(1) } else { 0 };
        self.ahead = if lag < -LIMIT { self.ahead.saturating_add(1) } else { 0 };
        let words = || written(Duration::from_millis(lag.unsigned_abs()));
        if self.lagging == FEED_LAG_ENVELOPES && believed < LIMIT {
            return Some(format!("this machine's clock is wrong: it is {} ahead of the feed's", words()));
        }
        if self.lagging == FEED_LAG_ENVELOPES {
            let words = words();
            return Some(format!(
                "the feed lags: its envelopes are {words} old when they come, or this machine's clock is ahead"
            ));
        }
        (self.ahead == FEED_LAG_ENVELOPES)
            .then(|| format!("this machine's clock is wrong: the feed's is {} ahead of it", words()))
    }

    /// What the latest envelope's lag was, in milliseconds.
    pub(super) fn lag(&self) -> Option<i64> {
        self.latest_lag
    }

    /// An order has ended.
    pub(super) fn order(&mut self, report: &Report) -> Option<String> {
        let failed = self.failed.entry(report.action).or_default();
        match &report.outcome {
            Outcome::Delivered { .. } => *failed = 0,
            Outcome::Dead { .. } | Outcome::Unknown { .. } | Outcome::Expired if report.attempts > 0 => {
                *failed = failed.saturating_add(1);
            }
            _ => {}
        }
        (*failed == ORDER_ERRORS).then(|| format!("{ORDER_ERRORS} orders in a row were not placed"))
    }

    /// An order that may become as old as `max_age` has expired. By how much the feed's times and ours are apart, if that and not the time that it
    /// has spent here is why.
    pub(super) fn was_gone(&self, report: &Report, max_age: Duration) -> Option<Duration> {
        let lag = Duration::from_millis(u64::try_from(self.latest_lag?).ok()?);
        (!report.firing.late && report.took < max_age / 2 && lag > max_age / 2).then_some(lag)
    }

    /// Orders were armed again: what went before does not count.
    pub(super) fn rearm(&mut self) {
        (self.lagging, self.ahead) = (0, 0);
        self.failed.clear();
    }

    /// So many deliveries of an action were begun on the day of `now` by earlier runs, and whether these told that it may begin no more.
    pub(super) fn restore(&mut self, action: &str, now: Timestamp, (begun, is_told): (u32, bool)) {
        self.begun.insert(action.to_owned(), Today { day: day(now), begun, is_told });
    }

    /// Whether an action that may begin `most` a day may begin one more today.
    pub(super) fn may_begin(&self, action: &str, most: u32, now: Timestamp) -> bool {
        self.begun.get(action).is_none_or(|today| today.day != day(now) || today.begun < most) && most > 0
    }

    /// One more delivery of an action that may begin `most` a day (of UTC), `None`: as many as there are. Says whether it may, and whether it is the
    /// first that may not. All are counted, as the rules may set a number at any moment.
    pub(super) fn begin(&mut self, action: &str, most: Option<u32>, now: Timestamp) -> Quota {
        if !self.begun.contains_key(action) {
            self.begun.insert(action.to_owned(), Today::default());
        }
        let Some(today) = self.begun.get_mut(action) else { return Quota::Fine };
        if today.day != day(now) {
            *today = Today { day: day(now), ..Today::default() };
        }
        if most.is_some_and(|most| today.begun >= most) {
            return Quota::Used { first: !std::mem::replace(&mut today.is_told, true) };
        }
        (today.begun, today.is_told) = (today.begun.saturating_add(1), false);
        Quota::Fine
    }

    /// A delivery that an action had begun, which fired at that moment, was not sent after all: on its day there is room for another one.
    pub(super) fn not_sent(&mut self, action: &str, fired: Timestamp, now: Timestamp) {
        let today = self.begun.get_mut(action).filter(|today| today.day == day(now) && today.day == day(fired));
        if let Some(today) = today {
            today.begun = today.begun.saturating_sub(1);
        }
    }
}

/// What an action has begun on one day.
#[derive(Clone, Copy, Debug, Default)]
struct Today {
    day: i64,
    begun: u32,
    /// That it may begin no more.
    is_told: bool,
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

/// A length of time for people.
pub(super) fn written(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        86_400..172_800 => format!("1 day {} h", seconds % 86_400 / 3_600),
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
    fn what_was_not_sent_after_all_leaves_room_on_its_day_and_on_no_other() {
        let (mut safety, day) = (Safety::default(), 86_400_000);
        let begins = |safety: &mut Safety, at| safety.begin("bot", Some(1), ms(at)) == Quota::Fine;
        assert_eq!([begins(&mut safety, 5), begins(&mut safety, 6)], [true, false]);
        safety.not_sent("bot", ms(5), ms(7));
        assert_eq!([begins(&mut safety, 7), begins(&mut safety, day - 1), begins(&mut safety, day)], [true, false, true]);
        safety.not_sent("bot", ms(7), ms(day + 1));
        assert!(!begins(&mut safety, day + 1), "that fired yesterday");
    }

    #[test]
    fn an_order_that_was_too_old_when_it_came_is_told_from_one_that_has_waited() {
        let (mut safety, three) = (Safety::default(), Duration::from_secs(3));
        let expired = |took: u64, late: bool| {
            let mut report = report(Outcome::Expired, 0);
            let firing = FiringBrief { late, ..(*report.firing).clone() };
            (report.firing, report.took) = (firing.into(), Duration::from_millis(took));
            report
        };
        assert_eq!(safety.was_gone(&expired(0, false), three), None, "nothing has come yet");
        let _ = safety.envelope(ms(0), ms(2_000));
        assert_eq!(safety.was_gone(&expired(1_000, false), three), Some(Duration::from_secs(2)));
        for (took, late, max_age) in [(1_500, false, 3), (1_000, true, 3), (0, false, 4)] {
            assert_eq!(safety.was_gone(&expired(took, late), Duration::from_secs(max_age)), None, "{took} {late} {max_age}");
        }
    }

    fn report(outcome: Outcome, attempts: u32) -> Report {
        let firing =
            FiringBrief { id: FiringId::of("r", "s", ""), rule: "r".into(), subject: "s".into(), at: ms(0), late: false };
        Report { firing: firing.into(), action: 0, outcome, attempts, took: Duration::ZERO }
    }

    #[test]
    fn an_action_that_fails_is_not_excused_by_another_that_works() {
        let mut safety = Safety::default();
        let broken = report(Outcome::Unknown { reason: "no answer".into() }, 1);
        let receipt = Receipt::of_answer(200, None).unwrap();
        let good = Report { action: 1, ..report(Outcome::Delivered { receipt, form: Form::Message }, 1) };
        let said: Vec<_> = (0..ORDER_ERRORS).filter_map(|_| safety.order(&broken).or_else(|| safety.order(&good))).collect();
        assert_eq!(said, ["5 orders in a row were not placed"]);
        for _ in 1..ORDER_ERRORS {
            assert_eq!(safety.order(&Report { action: 2, ..broken.clone() }), None, "each has its own");
        }
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
        safety.restore("bot", noon, (1, false));
        let answers: Vec<_> = (0..4).map(|_| safety.begin("bot", Some(3), noon)).collect();
        assert_eq!(answers, [Quota::Fine, Quota::Fine, Quota::Used { first: true }, Quota::Used { first: false }]);
        assert!(!safety.may_begin("bot", 3, noon) && safety.may_begin("bot", 3, tomorrow));
        assert_eq!(safety.begin("bot", Some(3), tomorrow), Quota::Fine);
        assert_eq!(safety.begin("other", Some(0), noon), Quota::Used { first: true });
        safety.restore("told", noon, (3, true));
        assert_eq!(safety.begin("told", Some(3), noon), Quota::Used { first: false });
        let raised: Vec<_> = (0..2).map(|_| safety.begin("told", Some(4), noon)).collect();
        assert_eq!(raised, [Quota::Fine, Quota::Used { first: true }], "there are more now, and these are used up");
    }
}
