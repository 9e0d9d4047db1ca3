//! When a destination that fails again and again may be tried: the signs of its answers in, leave for a probe out. Pure; moments are times
//! since the lane opened.
//!
//! Two streaks are told apart. Trouble (no connection, no answer, a 5xx) is over soon, so probes come after 1 s, doubling to 30 s.
//! Messages that are refused one after the other point to a wrong configuration, which only people set right, so probes come after 10 s,
//! doubling to 5 minutes: no destination is asked more than five times in ten minutes for what it has refused (RELIABILITY B8).

use std::time::Duration;

use crate::model::limits::{CIRCUIT_AFTER, REFUSED_PROBE_FIRST, REFUSED_PROBE_MAX, TROUBLE_PROBE_FIRST, TROUBLE_PROBE_MAX};

use super::pace::Slot;

/// What one request says about its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It takes messages.
    Taken,
    /// It could not be reached, did not answer, or failed.
    Trouble(String),
    /// It answers, and refused this message for good.
    Refused(String),
    /// The same, because it does not know us: it will not take the next one either.
    Stranger(String),
    /// Nothing: nothing was sent, or something else decides, as after "too fast".
    Nothing,
}

/// What a sign has changed, each to be told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// From now on only probes are sent. Why.
    Opened(String),
    /// Everything is sent again.
    Closed,
    /// Nothing will ever be taken. Why.
    Hopeless(String),
}

/// Whether a request may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Now.
    Free,
    /// One, from this moment on.
    From(Duration),
    /// When the one that is under way is over.
    AfterProbe,
}

/// The circuit of one lane: closed while all is well.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    /// Each in a row.
    troubles: u32,
    refusals: u32,
    strangers: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    why: String,
    cause: Cause,
    /// Probes that have failed, and the failure that opened it.
    failures: u32,
    until: Duration,
    probe: Option<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Trouble,
    Refusals,
}

impl Cause {
    /// Before the probe that follows so many failures.
    fn pause(self, failures: u32) -> Duration {
        let (first, longest) = match self {
            Self::Trouble => (TROUBLE_PROBE_FIRST, TROUBLE_PROBE_MAX),
            Self::Refusals => (REFUSED_PROBE_FIRST, REFUSED_PROBE_MAX),
        };
        first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(longest)
    }
}

impl Circuit {
    /// Why only probes are sent, if that is so.
    pub(crate) fn why(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.why.as_str())
    }

    /// It is open, and what opened it was refusals.
    pub(crate) fn refuses(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.cause == Cause::Refusals)
    }

    pub(crate) fn way(&self, now: Duration) -> Way {
        match &self.open {
            None => Way::Free,
            Some(Open { probe: Some(_), .. }) => Way::AfterProbe,
            Some(open) if open.until <= now => Way::Free,
            Some(open) => Way::From(open.until),
        }
    }

    /// A request was given leave. While the circuit is open it is the probe, unless another one is.
    pub(crate) fn started(&mut self, slot: Slot) {
        if let Some(open) = &mut self.open {
            open.probe.get_or_insert(slot);
        }
    }

    /// The request of `slot` is over.
    pub(crate) fn finished(&mut self, slot: Slot, sign: Sign, now: Duration) -> Option<Change> {
        let was_probe = self.open.as_mut().is_some_and(|open| open.probe.take_if(|probe| *probe == slot).is_some());
        self.count(&sign);
        match sign {
            Sign::Nothing => None,
            Sign::Taken => self.close(),
            Sign::Stranger(why) if self.strangers >= CIRCUIT_AFTER => Some(Change::Hopeless(why)),
            // It is there again, and what it refuses is another matter.
            Sign::Refused(_) | Sign::Stranger(_) if was_probe && !self.refuses() => self.close(),
            Sign::Trouble(why) => self.failed(Cause::Trouble, why, was_probe, now),
            Sign::Refused(why) | Sign::Stranger(why) => self.failed(Cause::Refusals, why, was_probe, now),
        }
    }

    /// Trouble says nothing about what would be refused; a refusal says that the destination is there.
    fn count(&mut self, sign: &Sign) {
        match sign {
            Sign::Nothing => {}
            Sign::Taken => (self.troubles, self.refusals, self.strangers) = (0, 0, 0),
            Sign::Trouble(_) => self.troubles = self.troubles.saturating_add(1),
            Sign::Refused(_) => (self.troubles, self.refusals, self.strangers) = (0, self.refusals.saturating_add(1), 0),
            Sign::Stranger(_) => {
                (self.troubles, self.refusals) = (0, self.refusals.saturating_add(1));
                self.strangers = self.strangers.saturating_add(1);
            }
        }
    }

    fn close(&mut self) -> Option<Change> {
        self.troubles = 0;
        self.open.take().map(|_| Change::Closed)
    }

    fn failed(&mut self, cause: Cause, why: String, was_probe: bool, now: Duration) -> Option<Change> {
        let streak = match cause {
            Cause::Trouble => self.troubles,
            Cause::Refusals => self.refusals,
        };
        match &mut self.open {
            // What was under way before says nothing new.
            Some(_) if !was_probe => None,
            Some(open) => {
                open.failures = open.failures.saturating_add(1);
                open.until = now + open.cause.pause(open.failures);
                open.why = why;
                None
            }
            None if streak < CIRCUIT_AFTER => None,
            None => {
                self.open = Some(Open { why: why.clone(), cause, failures: 1, until: now + cause.pause(1), probe: None });
                Some(Change::Opened(why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble() -> Sign {
        Sign::Trouble("HTTP 503".to_owned())
    }

    fn refused() -> Sign {
        Sign::Refused("HTTP 404".to_owned())
    }

    fn stranger() -> Sign {
        Sign::Stranger("HTTP 401".to_owned())
    }

    /// Numbers slots.
    #[derive(Default)]
    struct Lane {
        circuit: Circuit,
        requests: u64,
    }

    impl Lane {
        fn start(&mut self, now: Duration) -> Slot {
            self.requests += 1;
            let slot = Slot { at: now, number: self.requests };
            self.circuit.started(slot);
            slot
        }

        fn ask(&mut self, sign: Sign, now: Duration) -> Option<Change> {
            let slot = self.start(now);
            self.circuit.finished(slot, sign, now)
        }

        /// Asked as soon as it may be, answered with `sign` at once: when it was.
        fn probes(&mut self, sign: &Sign, from: Duration, count: usize) -> Vec<u64> {
            let mut now = from;
            let mut asked = Vec::new();
            for _ in 0..count {
                now = match self.circuit.way(now) {
                    Way::Free => now,
                    Way::From(then) => then,
                    Way::AfterProbe => panic!("nothing is under way"),
                };
                asked.push((now - from).as_secs());
                assert_eq!(self.ask(sign.clone(), now), None);
            }
            asked
        }
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_it_and_one_success_in_between_begins_anew() {
        for sign in [trouble(), refused()] {
            let mut lane = Lane::default();
            for _ in 0..4 {
                assert_eq!(lane.ask(sign.clone(), Duration::ZERO), None);
            }
            lane.ask(Sign::Taken, Duration::ZERO);
            for _ in 0..4 {
                assert_eq!(lane.ask(sign.clone(), Duration::ZERO), None);
            }
            assert_eq!(lane.circuit.way(Duration::ZERO), Way::Free);
            assert!(matches!(lane.ask(sign.clone(), Duration::ZERO), Some(Change::Opened(why)) if why.starts_with("HTTP")));
            assert_eq!(lane.ask(sign, Duration::ZERO), None, "it is told once");
        }
    }

    #[test]
    fn probes_of_trouble_come_after_a_second_doubling_to_half_a_minute() {
        let mut lane = Lane::default();
        (0..5).for_each(|_| drop(lane.ask(trouble(), Duration::ZERO)));
        assert_eq!(lane.probes(&trouble(), Duration::ZERO, 8), [1, 3, 7, 15, 31, 61, 91, 121]);
    }

    #[test]
    fn what_is_refused_is_asked_five_times_in_ten_minutes() {
        let mut lane = Lane::default();
        (0..5).for_each(|_| drop(lane.ask(refused(), Duration::ZERO)));
        assert!(lane.circuit.refuses());
        assert_eq!(lane.probes(&refused(), Duration::ZERO, 7), [10, 30, 70, 150, 310, 610, 910]);
    }

    #[test]
    fn one_probe_goes_and_the_others_wait_for_its_answer() {
        let mut lane = Lane::default();
        (0..5).for_each(|_| drop(lane.ask(trouble(), Duration::ZERO)));
        let now = Duration::from_secs(1);
        let probe = lane.start(now);
        let by_right = lane.start(now);
        assert_eq!(lane.circuit.way(now), Way::AfterProbe);
        assert_eq!(lane.circuit.finished(by_right, trouble(), now), None);
        assert_eq!(lane.circuit.way(now), Way::AfterProbe, "that was not the probe");
        assert_eq!(lane.circuit.finished(probe, Sign::Nothing, now), None);
        assert_eq!(lane.circuit.way(now), Way::Free, "it has come to nothing, so another may go at once");
        assert_eq!(lane.ask(Sign::Taken, now), Some(Change::Closed));
        assert_eq!(lane.circuit.way(now), Way::Free);
        assert_eq!(lane.ask(trouble(), now), None, "the streak begins anew");
    }

    #[test]
    fn an_answer_to_what_was_under_way_closes_it_too_and_its_failure_extends_nothing() {
        let mut lane = Lane::default();
        let earlier = lane.start(Duration::ZERO);
        let other = lane.start(Duration::ZERO);
        (0..5).for_each(|_| drop(lane.ask(trouble(), Duration::ZERO)));
        assert_eq!(lane.circuit.finished(other, trouble(), Duration::from_millis(900)), None);
        assert_eq!(lane.circuit.way(Duration::from_millis(900)), Way::From(Duration::from_secs(1)));
        assert_eq!(lane.circuit.finished(earlier, Sign::Taken, Duration::from_millis(950)), Some(Change::Closed));
    }

    #[test]
    fn a_destination_that_does_not_know_us_is_hopeless_the_fifth_time_and_a_refusal_in_between_is_something_else() {
        let mut lane = Lane::default();
        (0..4).for_each(|_| assert_eq!(lane.ask(stranger(), Duration::ZERO), None));
        assert!(matches!(lane.ask(refused(), Duration::ZERO), Some(Change::Opened(_))));
        let mut lane = Lane::default();
        (0..4).for_each(|_| assert_eq!(lane.ask(stranger(), Duration::ZERO), None));
        assert_eq!(lane.ask(stranger(), Duration::ZERO), Some(Change::Hopeless("HTTP 401".to_owned())));
    }

    #[test]
    fn a_refusal_shows_that_the_trouble_is_over_but_trouble_does_not_excuse_refusals() {
        let mut lane = Lane::default();
        for _ in 0..4 {
            lane.ask(trouble(), Duration::ZERO);
            assert_eq!(lane.ask(refused(), Duration::ZERO), None);
        }
        lane.ask(trouble(), Duration::ZERO);
        assert!(matches!(lane.ask(refused(), Duration::ZERO), Some(Change::Opened(_))));
        let mut lane = Lane::default();
        (0..5).for_each(|_| drop(lane.ask(trouble(), Duration::ZERO)));
        assert_eq!(lane.ask(refused(), Duration::from_secs(1)), Some(Change::Closed));
    }
}
