//! What "too fast" does to a lane: answers in, a moment to wait for out. Pure; moments are times since the lane opened.

use std::time::Duration;

use crate::model::limits;

use super::backoff;
use super::pace::Slot;
use super::verdict::Pause;

/// How often we were told that we are too fast.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// In a row, and when last.
    strikes: u32,
    struck: Option<Duration>,
    /// The one request under way since then.
    probe: Option<Slot>,
}

impl Throttle {
    /// The request of `slot` was answered with "too fast": the lane waits, longer each time that it happens again, and returns until when.
    pub(crate) fn strike(&mut self, slot: Slot, pause: Pause, now: Duration) -> Duration {
        // Requests that were under way together are told together; that is one strike.
        if self.struck.is_none_or(|struck| slot.at > struck) {
            self.strikes = self.strikes.saturating_add(1);
            self.struck = Some(now);
        }
        let again = self.strikes.saturating_sub(1);
        let wait = match pause {
            Pause::Told(told) => told.max(backoff::ceiling(again)),
            Pause::Untold { first } => first.saturating_mul(2_u32.saturating_pow(again)).min(limits::RETRY_AFTER_MAX),
        };
        now + wait
    }

    /// An answer to the request of `slot` that was not "too fast". What was under way before the latest strike says nothing.
    pub(crate) fn ease(&mut self, slot: Slot) {
        if self.struck.is_none_or(|struck| slot.at > struck) {
            self.strikes = 0;
        }
    }

    /// The latest answer was "too fast".
    pub(crate) fn is_struck(&self) -> bool {
        self.strikes > 0
    }

    /// After "too fast" one request goes first to see whether that is over; the others wait for its answer.
    pub(crate) fn waits_for_probe(&self) -> bool {
        self.strikes > 0 && self.probe.is_some()
    }

    /// Leave was given for `slot`.
    pub(crate) fn started(&mut self, slot: Slot) {
        if self.strikes > 0 {
            self.probe = Some(slot);
        }
    }

    /// The request of `slot` is over.
    pub(crate) fn finished(&mut self, slot: Slot) {
        self.probe.take_if(|probe| *probe == slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn slot(at: Duration) -> Slot {
        Slot { at, number: 0 }
    }

    #[test]
    fn what_was_told_is_obeyed_and_being_told_nothing_useful_again_and_again_takes_longer_each_time() {
        let mut throttle = Throttle::default();
        let (mut now, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..5 {
            let until = throttle.strike(slot(now), Pause::Told(Duration::ZERO), now);
            waits.push((until - now).as_millis());
            now = until + Duration::from_millis(1);
        }
        assert_eq!(waits, [0, 500, 1_000, 2_000, 4_000]);
        assert_eq!(throttle.strike(slot(now), Pause::Told(secs(90)), now), now + secs(90));
        throttle.ease(slot(now));
        assert!(throttle.is_struck(), "that was under way before");
        throttle.ease(slot(now + secs(90)));
        now += secs(91);
        assert_eq!(throttle.strike(slot(now), Pause::Told(Duration::ZERO), now), now);
    }

    #[test]
    fn being_told_nothing_doubles_from_the_first_pause_to_an_hour() {
        let mut throttle = Throttle::default();
        let (mut now, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..8 {
            let until = throttle.strike(slot(now), Pause::Untold { first: limits::BLOCKED_FIRST }, now);
            waits.push((until - now).as_secs());
            now = until + secs(1);
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    }

    #[test]
    fn requests_that_were_under_way_together_are_one_strike() {
        let mut throttle = Throttle::default();
        let pause = Pause::Untold { first: secs(1) };
        for request in 0..64 {
            let until = throttle.strike(slot(Duration::from_millis(request)), pause, secs(1));
            assert_eq!(until, secs(2), "request {request}");
        }
        assert_eq!(throttle.strike(slot(secs(2)), pause, secs(3)), secs(5));
    }

    #[test]
    fn after_a_strike_one_goes_and_the_others_wait_for_it() {
        let mut throttle = Throttle::default();
        throttle.started(slot(Duration::ZERO));
        assert!(!throttle.waits_for_probe());
        throttle.strike(slot(Duration::ZERO), Pause::Told(secs(1)), secs(1));
        let (probe, older) = (Slot { at: secs(2), number: 7 }, Slot { at: secs(2), number: 6 });
        throttle.started(probe);
        throttle.finished(older);
        assert!(throttle.waits_for_probe(), "another one is over");
        throttle.finished(probe);
        assert!(!throttle.waits_for_probe());
    }
}
