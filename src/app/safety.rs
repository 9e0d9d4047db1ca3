//! When orders must stop by themselves: what is seen of the feed and the answers in, a reason to disarm out. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::delivery::{Outcome, Report};
use crate::model::limits::{CLOCK_SKEW, FEED_LAG, FEED_LAG_ENVELOPES, HISTORY_REACH, ORDER_ERRORS};
use crate::model::time::Timestamp;

/// What could make orders wrong.
#[derive(Debug, Default)]
pub(super) struct Safety {
    /// Envelopes in a row that came too late, and that came from the future.
    lagging: u32,
    ahead: u32,
    /// Orders in a row that failed, of each action: one that works says nothing of another that does not.
    failed: HashMap<usize, u32>,
    /// How far the system's clock is ahead of the steady one, in ms. They start as one.
    drift: i64,
    /// How far the feed's clock is ahead of the steady one: by what it said itself, and as far as we believe it.
    stated: Option<Stated>,
    believed: i64,
    /// What the feed's clock said at the latest connection, and at the one before: how far it was ahead of the steady one, from and to.
    dated: Option<(i64, i64)>,
    dated_before: Option<(i64, i64)>,
    /// An envelope has come over this connection.
    has_heard: bool,
    /// Deliveries begun of each action on this day.
    begun: HashMap<usize, (i64, u32)>,
    latest_lag: Option<i64>,
}

/// A `Date` that can only come of another clock than ours, in ms that it is ahead of the steady one: what answered may have said it at any
/// moment while we waited.
#[derive(Clone, Copy, Debug)]
struct Stated {
    least: i64,
    most: i64,
    /// Somebody else said so, too.
    agreed: bool,
}

impl Safety {
    /// A live envelope came at `at` that the feed says it sent at `sent`.
    pub(super) fn envelope(&mut self, sent: Timestamp, at: Timestamp) -> Option<String> {
        let steady = at.as_millis().saturating_sub(sent.as_millis());
        let by = |ahead: i64| steady.saturating_add(ahead);
        let nearest = |one: i64, other: i64| if by(other).unsigned_abs() < by(one).unsigned_abs() { other } else { one };
        // One of this machine's clocks may have been put right since it started; the one that is nearest to the feed's is.
        let ours = nearest(0, self.drift);
        let limit = i64::try_from(FEED_LAG.as_millis()).unwrap_or(i64::MAX);
        if let Some(stated) = &mut self.stated {
            stated.agreed |= by(stated.most) >= -limit && by(stated.least) <= limit;
        }
        let theirs = self.stated.filter(|stated| stated.agreed).map_or(ours, |stated| stated.most);
        self.believed = if is_skewed(steady) { nearest(ours, theirs) } else { 0 };
        (self.has_heard, self.latest_lag) = (true, Some(by(self.believed)));
        let lag = by(ours);
        self.lagging = if lag > limit { self.lagging.saturating_add(1) } else { 0 };
        self.ahead = if lag < -limit { self.ahead.saturating_add(1) } else { 0 };
        let words = written(Duration::from_millis(lag.unsigned_abs()));
        if self.lagging == FEED_LAG_ENVELOPES && by(self.believed) < limit {
            return Some(format!("this machine's clock is wrong: it is {words} ahead of the feed's"));
        }
        if self.lagging == FEED_LAG_ENVELOPES {
            return Some(format!(
                "the feed lags: its envelopes are {words} old when they come, or this machine's clock is ahead"
            ));
        }
        (self.ahead == FEED_LAG_ENVELOPES).then(|| format!("this machine's clock is wrong: the feed's is {words} ahead of it"))
    }

    /// The feed's clock said `date`, in whole seconds, in an answer that had come by `at` and took so long: it was said at any moment of
    /// that, so that a slow way is no other clock, and what is aged by it is never taken for younger than it is.
    pub(super) fn feed_said(&mut self, date: Option<Timestamp>, at: Timestamp, took: Duration) {
        let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let stated = date.map(|date| {
            let least = date.as_millis().saturating_add(500).saturating_sub(at.as_millis());
            Stated { least, most: least.saturating_add(took), agreed: false }
        });
        let dated = stated.map(|stated| (stated.least, stated.most));
        self.dated_before = std::mem::replace(&mut self.dated, dated);
        self.stated = stated.filter(|stated| stated.least.signum() == stated.most.signum());
        self.stated = self.stated.filter(|stated| is_skewed(stated.least) && is_skewed(stated.most));
        let known = [std::mem::take(&mut self.believed), self.drift];
        self.has_heard = false;
        known.into_iter().for_each(|ahead| self.agrees(ahead));
    }

    /// Whether the system's clock says what the feed's said at the latest connection: if it has just jumped, then to where it belongs, and no
    /// time was lost.
    pub(super) fn is_put_right(&self) -> bool {
        let doubt = i64::try_from(CLOCK_SKEW.as_millis()).unwrap_or(i64::MAX);
        self.dated.is_some_and(|(least, most)| (least.saturating_sub(doubt)..=most.saturating_add(doubt)).contains(&self.drift))
    }

    /// The system's clock jumped forward by `jump` before the latest connection was made. For how long of that the steady one has stood still,
    /// at most: as much farther ahead of it is the feed's clock now. Where that one said nothing, as long as the jump or as anybody looks
    /// back.
    pub(super) fn stood_still(&self, jump: Duration) -> Duration {
        let Some((_, now)) = self.dated else { return jump.min(HISTORY_REACH) };
        let (before, _) = self.dated_before.unwrap_or_default();
        let farther = u64::try_from(now.saturating_sub(before)).unwrap_or(0);
        jump.min(Duration::from_millis(farther))
    }

    /// The history's clock is so far ahead of the steady one, in milliseconds.
    pub(super) fn history_said(&mut self, ahead: i64) {
        self.agrees(ahead);
    }

    fn agrees(&mut self, ahead: i64) {
        let Some(stated) = &mut self.stated else { return };
        let doubt = i64::try_from(CLOCK_SKEW.as_millis()).unwrap_or(i64::MAX);
        let about = stated.least.saturating_sub(doubt)..=stated.most.saturating_add(doubt);
        if is_skewed(ahead) && about.contains(&ahead) {
            stated.agreed = true;
            // An envelope says more, once there was one.
            self.believed = if self.has_heard { self.believed } else { stated.most };
        }
    }

    /// How far the feed's clock is ahead of the steady one, in milliseconds, where that is more than clocks differ. Two must say so: the
    /// `Date` of one answer may be anybody's, and by an envelope alone a feed that lags would pass for a wrong clock.
    pub(super) fn feed_is_ahead(&self) -> i64 {
        self.believed
    }

    /// What the latest envelope's lag was, in milliseconds.
    pub(super) fn lag(&self) -> Option<i64> {
        self.latest_lag
    }

    /// The two clocks are looked at.
    pub(super) fn clocks(&mut self, steady: Timestamp, wall: Timestamp) {
        self.drift = wall.as_millis().saturating_sub(steady.as_millis());
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

    /// So many deliveries of an action were begun on the day of `now` by earlier runs.
    pub(super) fn restore(&mut self, action: usize, now: Timestamp, begun: u32) {
        self.begun.insert(action, (day(now), begun));
    }

    /// Whether an action that may begin `most` a day may begin one more today.
    pub(super) fn may_begin(&self, action: usize, most: u32, now: Timestamp) -> bool {
        self.begun.get(&action).is_none_or(|(of, begun)| *of != day(now) || *begun < most) && most > 0
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

/// More than clocks differ.
fn is_skewed(ms: i64) -> bool {
    u128::from(ms.unsigned_abs()) > CLOCK_SKEW.as_millis()
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

    const DAY: i64 = 86_400_000;

    /// So many envelopes, each sent at `sent` and received at `at`; what was said of them.
    fn envelopes(safety: &mut Safety, sent: i64, at: i64) -> Vec<String> {
        (0..20).filter_map(|_| safety.envelope(ms(sent), ms(at))).collect()
    }

    #[test]
    fn a_clock_that_was_put_right_is_believed_and_the_one_that_it_started_with_is_not() {
        let mut safety = Safety::default();
        assert!(envelopes(&mut safety, 9 * DAY, 0)[0].contains("is wrong: the feed's is 9 days 0 h ahead"));
        assert_eq!(safety.feed_is_ahead(), 0, "nobody else says so");
        safety.clocks(ms(1_000), ms(9 * DAY + 1_000));
        safety.rearm();
        assert_eq!(envelopes(&mut safety, 9 * DAY + 2_000, 2_100), [""; 0]);
        assert_eq!((safety.feed_is_ahead(), safety.lag()), (9 * DAY, Some(100)));
        assert_eq!(envelopes(&mut safety, 9 * DAY, 60_000).len(), 1, "a lagging feed is one by the right clock too");
        assert_eq!(safety.lag(), Some(60_000));
        safety.clocks(ms(70_000), ms(70_000));
        assert_eq!(safety.envelope(ms(70_000), ms(70_100)), None);
        assert_eq!((safety.feed_is_ahead(), safety.lag()), (0, Some(100)), "the steady clock was the right one");
    }

    #[test]
    fn a_clock_ahead_of_the_feeds_is_told_from_a_feed_that_lags_by_what_the_feeds_clock_says() {
        let mut safety = Safety::default();
        safety.feed_said(Some(ms(DAY)), ms(2 * DAY + 600), Duration::ZERO);
        assert_eq!(safety.feed_is_ahead(), 0, "nobody else has said so");
        let said = envelopes(&mut safety, DAY + 1_000, 2 * DAY + 1_300);
        assert!(said.len() == 1 && said[0].contains("wrong: it is 1 day 0 h ahead of the feed's"), "{said:?}");
        assert_eq!((safety.feed_is_ahead(), safety.lag()), (-DAY - 100, Some(200)));
        let mut lagging = Safety::default();
        lagging.feed_said(Some(ms(2 * DAY)), ms(2 * DAY + 600), Duration::ZERO);
        assert!(envelopes(&mut lagging, DAY, 2 * DAY)[0].contains("the feed lags"));
        assert_eq!(lagging.lag(), Some(DAY), "its age stays what it is");
        lagging.feed_said(None, ms(2 * DAY), Duration::ZERO);
        assert_eq!((lagging.envelope(ms(DAY), ms(2 * DAY)), lagging.lag()), (None, Some(DAY)));
    }

    #[test]
    fn a_slow_way_to_the_feed_is_no_other_clock_and_makes_nothing_younger() {
        let seconds = Duration::from_secs;
        // Every byte takes 8 s, and the answer's head did, too: it was dated 8 s before it came.
        let mut right = Safety::default();
        right.feed_said(Some(ms(DAY)), ms(DAY + 8_000), seconds(9));
        assert_eq!(right.envelope(ms(DAY + 10_000), ms(DAY + 18_000)), None);
        assert_eq!((right.feed_is_ahead(), right.lag()), (0, Some(8_000)));
        // (the clock here is so far ahead)
        for ours in [HOUR, -HOUR, 10_000] {
            let mut wrong = Safety::default();
            wrong.feed_said(Some(ms(DAY)), ms(DAY + 4_000 + ours), seconds(4));
            assert_eq!(wrong.envelope(ms(DAY + 10_000), ms(DAY + 14_000 + ours)), None);
            let lag = wrong.lag().unwrap();
            assert!((4_000..=4_500).contains(&lag), "{ours}: {lag}");
        }
    }

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_date_alone_is_not_believed_and_one_that_another_clock_agrees_with_is() {
        let connected = |ahead: i64| {
            let mut safety = Safety::default();
            safety.feed_said(Some(ms(DAY + ahead)), ms(DAY + 500), Duration::from_millis(200));
            safety
        };
        for ahead in [HOUR, -HOUR, 7_000, -7_000] {
            let mut safety = connected(ahead);
            assert_eq!(safety.feed_is_ahead(), 0, "{ahead}");
            for other in [0, ahead / 10, -ahead, 2 * ahead + ahead.signum() * 5_000] {
                safety.history_said(other);
                assert_eq!(safety.feed_is_ahead(), 0, "{ahead} {other}");
            }
            // The clocks here and of the history are right: what comes live is as old as it is.
            assert_eq!((safety.envelope(ms(DAY), ms(DAY + 100)), safety.feed_is_ahead()), (None, 0), "{ahead}");
            let mut safety = connected(ahead);
            safety.history_said(ahead - 900);
            assert_eq!(safety.feed_is_ahead(), ahead + 200, "{ahead}");
            // It is known over the next connection, too.
            safety.feed_said(Some(ms(2 * DAY + ahead)), ms(2 * DAY + 500), Duration::ZERO);
            assert_eq!(safety.feed_is_ahead(), ahead, "{ahead}");
            safety.feed_said(Some(ms(3 * DAY)), ms(3 * DAY + 500), Duration::ZERO);
            assert_eq!(safety.feed_is_ahead(), 0, "{ahead}");
        }
        let mut safety = connected(HOUR);
        assert_eq!((safety.envelope(ms(DAY), ms(DAY + 100)), safety.lag()), (None, Some(100)));
        safety.history_said(HOUR);
        assert_eq!(safety.feed_is_ahead(), 0, "what comes live says otherwise");
        let mut put_right = Safety::default();
        put_right.clocks(ms(0), ms(9 * DAY));
        put_right.feed_said(Some(ms(10 * DAY)), ms(DAY + 500), Duration::ZERO);
        assert_eq!(put_right.feed_is_ahead(), 9 * DAY, "this machine's own clock, since it was put right");
    }

    #[test]
    fn a_jump_to_where_the_feeds_clock_is_puts_ours_right_and_any_other_may_have_lost_time() {
        let day = Duration::from_secs(86_400);
        // The clock here is nine days behind, and a minute passes.
        let mut safety = Safety::default();
        safety.feed_said(Some(ms(9 * DAY)), ms(500), Duration::from_millis(300));
        for (wall, is_put_right) in [(60_000, false), (9 * DAY + 61_000, true), (9 * DAY + HOUR, false), (8 * DAY, false)] {
            safety.clocks(ms(60_000), ms(wall));
            assert_eq!(safety.is_put_right(), is_put_right, "{wall}");
        }
        assert!(!Safety::default().is_put_right(), "nobody said anything");
        // It was right, stood still for three days without knowing, and the feed says so; or the feed says that it did not.
        let again = |date: Option<i64>| {
            let mut safety = Safety::default();
            safety.feed_said(Some(ms(DAY)), ms(DAY + 500), Duration::ZERO);
            safety.feed_said(date.map(ms), ms(2 * DAY + 500), Duration::ZERO);
            [3, 400].map(|days| safety.stood_still(day * days))
        };
        assert_eq!(again(Some(5 * DAY)), [day * 3; 2]);
        assert_eq!(again(Some(2 * DAY)), [Duration::ZERO; 2]);
        assert_eq!(again(None), [HISTORY_REACH; 2], "nobody knows");
        assert_eq!(safety.stood_still(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn two_seconds_are_the_most_that_clocks_differ_unsaid() {
        let mut safety = Safety::default();
        safety.feed_said(Some(ms(DAY)), ms(DAY + 3_500), Duration::ZERO);
        assert_eq!((safety.envelope(ms(DAY), ms(DAY + 3_100)), safety.lag()), (None, Some(100)));
        assert_eq!(safety.feed_is_ahead(), -3_000);
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
        safety.restore(3, noon, 1);
        let answers: Vec<_> = (0..4).map(|_| safety.begin(3, 3, noon)).collect();
        assert_eq!(answers, [Quota::Fine, Quota::Fine, Quota::Used { first: true }, Quota::Used { first: false }]);
        assert!(!safety.may_begin(3, 3, noon) && safety.may_begin(3, 3, tomorrow));
        assert_eq!(safety.begin(3, 3, tomorrow), Quota::Fine);
        assert_eq!(safety.begin(4, 0, noon), Quota::Used { first: true });
    }
}
