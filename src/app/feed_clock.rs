//! How far the feed's clock and ours are apart: what the feed, its history and its envelopes say in, how old an envelope is out. Pure.

use std::time::Duration;

use crate::model::limits::{CLOCK_SKEW, FEED_LAG, HISTORY_REACH};
use crate::model::time::Timestamp;

/// An envelope that is older is late, in ms.
pub(super) const LIMIT: i64 = FEED_LAG.as_millis() as i64;

/// What is known of the clocks.
#[derive(Debug, Default)]
pub(super) struct FeedClock {
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

/// How old an envelope was when it came, in ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lag {
    /// By the one of this machine's clocks that is nearer to the feed's.
    pub(super) ours: i64,
    /// By the feed's clock, as far as it is believed.
    pub(super) believed: i64,
}

impl FeedClock {
    /// A live envelope came at `at` that the feed says it sent at `sent`.
    pub(super) fn envelope(&mut self, sent: Timestamp, at: Timestamp) -> Lag {
        let steady = at.as_millis().saturating_sub(sent.as_millis());
        let by = |ahead: i64| steady.saturating_add(ahead);
        let nearest = |one: i64, other: i64| if by(other).unsigned_abs() < by(one).unsigned_abs() { other } else { one };
        // One of this machine's clocks may have been put right since it started; the one that is nearest to the feed's is.
        let ours = nearest(0, self.drift);
        if let Some(stated) = &mut self.stated {
            stated.agreed |= by(stated.most) >= -LIMIT && by(stated.least) <= LIMIT;
        }
        let theirs = self.stated.filter(|stated| stated.agreed).map_or(ours, |stated| stated.most);
        self.believed = if is_skewed(steady) { nearest(ours, theirs) } else { 0 };
        self.has_heard = true;
        Lag { ours: by(ours), believed: by(self.believed) }
    }

    /// The feed's clock said `date`, in whole seconds, in an answer that had come by `at` and took so long: it was said at any moment of
    /// that, so that a slow way is no other clock, and what is aged by it is never taken for younger than it is.
    pub(super) fn said(&mut self, date: Option<Timestamp>, at: Timestamp, took: Duration) {
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
    pub(super) fn ahead(&self) -> i64 {
        self.believed
    }

    /// The two clocks are looked at.
    pub(super) fn compare(&mut self, steady: Timestamp, wall: Timestamp) {
        self.drift = wall.as_millis().saturating_sub(steady.as_millis());
    }
}

/// More than clocks differ.
fn is_skewed(ms: i64) -> bool {
    u128::from(ms.unsigned_abs()) > CLOCK_SKEW.as_millis()
}

#[cfg(test)]
mod tests {
    use super::super::safety::Safety;
    use super::*;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    const HOUR: i64 = 3_600_000;

    const DAY: i64 = 86_400_000;

    /// So many envelopes, each sent at `sent` and received at `at`; what was said of them.
    fn envelopes(safety: &mut Safety, sent: i64, at: i64) -> Vec<String> {
        (0..20).filter_map(|_| safety.envelope(ms(sent), ms(at))).collect()
    }

    #[test]
    fn a_clock_that_was_put_right_is_believed_and_the_one_that_it_started_with_is_not() {
        let mut safety = Safety::default();
        assert!(envelopes(&mut safety, 9 * DAY, 0)[0].contains("is wrong: the feed's is 9 days 0 h ahead"));
        assert_eq!(safety.feed_clock.ahead(), 0, "nobody else says so");
        safety.feed_clock.compare(ms(1_000), ms(9 * DAY + 1_000));
        safety.rearm();
        assert_eq!(envelopes(&mut safety, 9 * DAY + 2_000, 2_100), [""; 0]);
        assert_eq!((safety.feed_clock.ahead(), safety.lag()), (9 * DAY, Some(100)));
        assert_eq!(envelopes(&mut safety, 9 * DAY, 60_000).len(), 1, "a lagging feed is one by the right clock too");
        assert_eq!(safety.lag(), Some(60_000));
        safety.feed_clock.compare(ms(70_000), ms(70_000));
        assert_eq!(safety.envelope(ms(70_000), ms(70_100)), None);
        assert_eq!((safety.feed_clock.ahead(), safety.lag()), (0, Some(100)), "the steady clock was the right one");
    }

    #[test]
    fn a_clock_ahead_of_the_feeds_is_told_from_a_feed_that_lags_by_what_the_feeds_clock_says() {
        let mut safety = Safety::default();
        safety.feed_clock.said(Some(ms(DAY)), ms(2 * DAY + 600), Duration::ZERO);
        assert_eq!(safety.feed_clock.ahead(), 0, "nobody else has said so");
        let said = envelopes(&mut safety, DAY + 1_000, 2 * DAY + 1_300);
        assert!(said.len() == 1 && said[0].contains("wrong: it is 1 day 0 h ahead of the feed's"), "{said:?}");
        assert_eq!((safety.feed_clock.ahead(), safety.lag()), (-DAY - 100, Some(200)));
        let mut lagging = Safety::default();
        lagging.feed_clock.said(Some(ms(2 * DAY)), ms(2 * DAY + 600), Duration::ZERO);
        assert!(envelopes(&mut lagging, DAY, 2 * DAY)[0].contains("the feed lags"));
        assert_eq!(lagging.lag(), Some(DAY), "its age stays what it is");
        lagging.feed_clock.said(None, ms(2 * DAY), Duration::ZERO);
        assert_eq!((lagging.envelope(ms(DAY), ms(2 * DAY)), lagging.lag()), (None, Some(DAY)));
    }

    #[test]
    fn a_slow_way_to_the_feed_is_no_other_clock_and_makes_nothing_younger() {
        let seconds = Duration::from_secs;
        // Every byte takes 8 s, and the answer's head did, too: it was dated 8 s before it came.
        let mut right = Safety::default();
        right.feed_clock.said(Some(ms(DAY)), ms(DAY + 8_000), seconds(9));
        assert_eq!(right.envelope(ms(DAY + 10_000), ms(DAY + 18_000)), None);
        assert_eq!((right.feed_clock.ahead(), right.lag()), (0, Some(8_000)));
        // (the clock here is so far ahead)
        for ours in [HOUR, -HOUR, 10_000] {
            let mut wrong = Safety::default();
            wrong.feed_clock.said(Some(ms(DAY)), ms(DAY + 4_000 + ours), seconds(4));
            assert_eq!(wrong.envelope(ms(DAY + 10_000), ms(DAY + 14_000 + ours)), None);
            let lag = wrong.lag().unwrap();
            assert!((4_000..=4_500).contains(&lag), "{ours}: {lag}");
        }
    }

    #[test]
    fn a_date_alone_is_not_believed_and_one_that_another_clock_agrees_with_is() {
        let connected = |ahead: i64| {
            let mut safety = Safety::default();
            safety.feed_clock.said(Some(ms(DAY + ahead)), ms(DAY + 500), Duration::from_millis(200));
            safety
        };
        for ahead in [HOUR, -HOUR, 7_000, -7_000] {
            let mut safety = connected(ahead);
            assert_eq!(safety.feed_clock.ahead(), 0, "{ahead}");
            for other in [0, ahead / 10, -ahead, 2 * ahead + ahead.signum() * 5_000] {
                safety.feed_clock.history_said(other);
                assert_eq!(safety.feed_clock.ahead(), 0, "{ahead} {other}");
            }
            // The clocks here and of the history are right: what comes live is as old as it is.
            assert_eq!((safety.envelope(ms(DAY), ms(DAY + 100)), safety.feed_clock.ahead()), (None, 0), "{ahead}");
            let mut safety = connected(ahead);
            safety.feed_clock.history_said(ahead - 900);
            assert_eq!(safety.feed_clock.ahead(), ahead + 200, "{ahead}");
            // It is known over the next connection, too.
            safety.feed_clock.said(Some(ms(2 * DAY + ahead)), ms(2 * DAY + 500), Duration::ZERO);
            assert_eq!(safety.feed_clock.ahead(), ahead, "{ahead}");
            safety.feed_clock.said(Some(ms(3 * DAY)), ms(3 * DAY + 500), Duration::ZERO);
            assert_eq!(safety.feed_clock.ahead(), 0, "{ahead}");
        }
        let mut safety = connected(HOUR);
        assert_eq!((safety.envelope(ms(DAY), ms(DAY + 100)), safety.lag()), (None, Some(100)));
        safety.feed_clock.history_said(HOUR);
        assert_eq!(safety.feed_clock.ahead(), 0, "what comes live says otherwise");
        let mut put_right = Safety::default();
        put_right.feed_clock.compare(ms(0), ms(9 * DAY));
        put_right.feed_clock.said(Some(ms(10 * DAY)), ms(DAY + 500), Duration::ZERO);
        assert_eq!(put_right.feed_clock.ahead(), 9 * DAY, "this machine's own clock, since it was put right");
    }

    #[test]
    fn a_jump_to_where_the_feeds_clock_is_puts_ours_right_and_any_other_may_have_lost_time() {
        let day = Duration::from_secs(86_400);
        // The clock here is nine days behind, and a minute passes.
        let mut safety = Safety::default();
        safety.feed_clock.said(Some(ms(9 * DAY)), ms(500), Duration::from_millis(300));
        for (wall, is_put_right) in [(60_000, false), (9 * DAY + 61_000, true), (9 * DAY + HOUR, false), (8 * DAY, false)] {
            safety.feed_clock.compare(ms(60_000), ms(wall));
            assert_eq!(safety.feed_clock.is_put_right(), is_put_right, "{wall}");
        }
        assert!(!FeedClock::default().is_put_right(), "nobody said anything");
        // It was right, stood still for three days without knowing, and the feed says so; or the feed says that it did not.
        let again = |date: Option<i64>| {
            let mut safety = Safety::default();
            safety.feed_clock.said(Some(ms(DAY)), ms(DAY + 500), Duration::ZERO);
            safety.feed_clock.said(date.map(ms), ms(2 * DAY + 500), Duration::ZERO);
            [3, 400].map(|days| safety.feed_clock.stood_still(day * days))
        };
        assert_eq!(again(Some(5 * DAY)), [day * 3; 2]);
        assert_eq!(again(Some(2 * DAY)), [Duration::ZERO; 2]);
        assert_eq!(again(None), [HISTORY_REACH; 2], "nobody knows");
        assert_eq!(safety.feed_clock.stood_still(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn two_seconds_are_the_most_that_clocks_differ_unsaid() {
        let mut safety = Safety::default();
        safety.feed_clock.said(Some(ms(DAY)), ms(DAY + 3_500), Duration::ZERO);
        assert_eq!((safety.envelope(ms(DAY), ms(DAY + 3_100)), safety.lag()), (None, Some(100)));
        assert_eq!(safety.feed_clock.ahead(), -3_000);
    }
}
