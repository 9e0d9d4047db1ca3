//! When frames came and pings went → ping now, dead, or wait. Pure: moments are durations since the connection opened.
//!
//! A quiet watch list may be silent for hours, so silence of data is no fault: any frame counts, Pongs included (PROTOCOL 1.5). And our own
//! silence is no fault of the feed: a caller that did not look for a minute gets its answer to a fresh ping before anything is called dead.

use std::time::Duration;

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send a ping, and ask again.
    Ping,
    /// The connection is dead: nothing came for this long.
    Dead(Duration),
    /// Nothing until this moment.
    Wait(Duration),
}

/// The memory of one connection.
#[derive(Clone, Debug)]
pub struct Liveness {
    ping_every: Duration,
    dead_after: Duration,
    last_frame: Duration,
    last_ping: Duration,
    /// The first ping since the last frame.
    unanswered: Option<Duration>,
}

impl Liveness {
    /// A connection that opened just now.
    #[must_use]
    pub fn new(ping_every: Duration, dead_after: Duration) -> Self {
        Self { ping_every, dead_after, last_frame: Duration::ZERO, last_ping: Duration::ZERO, unanswered: None }
    }

    /// A frame of any kind came.
    pub fn frame(&mut self, now: Duration) {
        self.last_frame = now;
        self.unanswered = None;
    }

    /// A ping was sent.
    pub fn pinged(&mut self, now: Duration) {
        self.last_ping = now;
        self.unanswered.get_or_insert(now);
    }

    /// What is to be done. Ask only after everything that has arrived was read.
    #[must_use]
    pub fn due(&self, now: Duration) -> Due {
        let next_ping = self.last_ping + self.ping_every;
        let dead_at = self.unanswered.map(|ping| {
            let answer_by = ping + self.dead_after.saturating_sub(self.ping_every);
            answer_by.max(self.last_frame + self.dead_after)
        });
        match dead_at {
            Some(dead_at) if now >= dead_at => Due::Dead(now.saturating_sub(self.last_frame)),
            _ if now >= next_ping => Due::Ping,
            Some(dead_at) => Due::Wait(dead_at.min(next_ping)),
            None => Due::Wait(next_ping),
        }
    }

    /// How long after its opening the connection was last heard.
    #[must_use]
    pub fn heard(&self) -> Duration {
        self.last_frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fresh() -> Liveness {
        Liveness::new(s(15), s(45))
    }

    /// Follows the verdicts, answering pings until `deaf_from`; the moment of death.
    fn death(mut liveness: Liveness, deaf_from: Duration) -> Option<Duration> {
        let mut now = Duration::ZERO;
        for _ in 0..1_000 {
            match liveness.due(now) {
                Due::Ping => {
                    liveness.pinged(now);
                    if now < deaf_from {
                        liveness.frame(now);
                    }
                }
                Due::Dead(_) => return Some(now),
                Due::Wait(until) => {
                    assert!(until > now, "a wait must end later than it begins");
                    now = until;
                }
            }
        }
        None
    }

    #[test]
    fn a_ping_every_15_seconds() {
        let mut liveness = fresh();
        assert_eq!(liveness.due(s(0)), Due::Wait(s(15)));
        assert_eq!(liveness.due(s(15)), Due::Ping);
        liveness.pinged(s(15));
        assert_eq!(liveness.due(s(15)), Due::Wait(s(30)));
        liveness.frame(s(16));
        assert_eq!(liveness.due(s(16)), Due::Wait(s(30)));
    }

    #[test]
    fn a_half_open_connection_is_dead_45_seconds_after_its_last_frame() {
        assert_eq!(death(fresh(), s(0)), Some(s(45)));
        assert_eq!(death(fresh(), s(100)), Some(s(90 + 45)));
    }

    #[test]
    fn answers_to_pings_keep_a_quiet_connection_alive() {
        assert_eq!(death(fresh(), s(u64::MAX)), None);
    }

    #[test]
    fn pings_go_out_although_data_flows() {
        let mut liveness = fresh();
        liveness.frame(s(14));
        assert_eq!(liveness.due(s(15)), Due::Ping);
    }

    #[test]
    fn a_caller_that_slept_asks_before_it_gives_up() {
        let mut liveness = fresh();
        assert_eq!(liveness.due(s(300)), Due::Ping, "no ping went unanswered yet");
        liveness.pinged(s(300));
        assert_eq!(liveness.due(s(329)), Due::Ping);
        liveness.pinged(s(329));
        assert_eq!(liveness.due(s(330)), Due::Dead(s(330)));
    }
}
