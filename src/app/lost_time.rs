//! Time that was lost, by sleep, by a stop or by a clock that was moved → orders stopped, and the connection given up when what it holds may be
//! old.

use std::time::Duration;

use super::running::Running;
use super::safety::written;
use crate::clock::Lost;
use crate::feed::Feed;
use crate::model::limits::{DEAD_AFTER, FEED_LAG, HISTORY_OVERLAP};
use crate::model::status::FeedState;

/// When a connection that is kept was last heard is known no better than this: beside a gap, as much more is asked for.
const _: () = assert!(DEAD_AFTER.as_secs() < HISTORY_OVERLAP.as_secs() && FEED_LAG.as_secs() < HISTORY_OVERLAP.as_secs());

impl Running {
    /// Looks whether time was lost since the last look. Then orders are stopped, and a connection that may be dead, or hold what is old, is
    /// given up: what was said since the feed was last heard is a gap. Says whether that is so. To be asked before anything is done that
    /// depends on the time.
    pub(super) fn lost_time(&mut self, feed: &mut Feed) -> bool {
        let Some((lost, why)) = self.stop_for_lost_time() else { return false };
        self.engine.stood_still(self.clock.now());
        if let Lost::Still(time) | Lost::Slept(time) = lost {
            self.watch.quiet.stood_still(time, self.clock.now());
        }
        let gives_up = match lost {
            Lost::Still(time) | Lost::Slept(time) => self.is_long(time),
            Lost::Forward(by) => !self.dispatch.safety.feed_clock.is_put_right() && self.missed_by_jump(by),
            Lost::Back(_) => false,
        };
        if gives_up && feed.hang_up() && self.watch.state == FeedState::Connected {
            self.dispatch.totals.losses += 1;
            self.catch_up.gaps.lost();
            self.watch.latest_loss = Some(why);
            self.turn(FeedState::Lost);
        }
        gives_up
    }

    /// As [`Running::lost_time`], where there is no connection any more: stops orders, and says what was lost.
    pub(super) fn stop_for_lost_time(&mut self) -> Option<(Lost, String)> {
        let lost = match self.clock.now_unless_lost() {
            Ok(now) => {
                self.looked_at = now;
                return None;
            }
            Err(lost) => lost,
        };
        let why = match lost {
            Lost::Still(time) => format!("this program stood still for {}", written(time)),
            Lost::Slept(time) => format!("this machine stood still for {}", written(time)),
            Lost::Forward(time) => format!("this machine's clock jumped forward by {}", written(time)),
            Lost::Back(time) => format!("this machine's clock jumped back by {}", written(time)),
        };
        self.dispatch.disarm_by_itself(&why);
        // Not before: from here on the lanes trust it again.
        self.clock.told(lost);
        self.dispatch.safety.feed_clock.compare(self.clock.now(), self.clock.wall());
        (self.jumped, self.looked_at) = (true, self.clock.now());
        Some((lost, why))
    }

    /// Whether what a connection holds after so long must not be taken for fresh. Where nobody can be asked for it once more, it is given up
    /// only when it would count as dead; until then alerts that come late are better than none.
    fn is_long(&self, time: Duration) -> bool {
        time >= if self.catch_up.has_history() { FEED_LAG } else { DEAD_AFTER }
    }

    /// The system's clock jumped, and the steady one may have stood still as long, without knowing. Says whether that is too long.
    fn missed_by_jump(&mut self, by: Duration) -> bool {
        let is_long = self.is_long(by);
        if is_long || self.watch.state != FeedState::Connected {
            self.halted = self.halted.saturating_add(by);
        }
        is_long
    }

    /// Whether time has jumped since this was asked before, so that a timer is of no use.
    pub(super) fn has_jumped(&mut self) -> bool {
        std::mem::take(&mut self.jumped)
    }
}
