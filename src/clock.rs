//! The only place that reads the clock. Out comes one steady line of time for everything that runs.
//!
//! `now` starts at the wall clock and then advances with the monotonic one, so that a wall clock that jumps (NTP, a
//! person, a virtual machine that was moved) neither ages a message nor makes it young again. In tests it follows tokio's paused time.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::model::time::Timestamp;

/// Reads the time. Clones agree with one another.
#[derive(Clone, Debug)]
pub struct Clock {
    base: Timestamp,
    start: Instant,
    wall: Wall,
}

#[derive(Clone, Copy, Debug)]
enum Wall {
    System,
    Steady,
}

impl Clock {
    /// Starts at the system's time.
    #[must_use]
    pub fn system() -> Self {
        Self { base: system_now(), start: Instant::now(), wall: Wall::System }
    }

    /// Starts at `base`; its wall clock is the steady one too. For tests and recordings.
    #[must_use]
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, start: Instant::now(), wall: Wall::Steady }
    }

    /// This moment on the steady line: what ages and deadlines are judged by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.base.plus(self.elapsed())
    }

    /// Since this clock was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// What the system's clock says now: what others compare with their own clocks (a signature's time stamp, an HTTP date).
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        match self.wall {
            Wall::System => system_now(),
            Wall::Steady => self.now(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads it")]
fn system_now() -> Timestamp {
    let now = SystemTime::now();
    let millis = match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_advances_with_the_monotonic_time_from_where_it_started() {
        let clock = Clock::starting_at(Timestamp::from_millis(1_000));
        let twin = clock.clone();
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(1_250));
        assert_eq!(twin.now(), clock.now());
        assert_eq!((clock.wall(), clock.elapsed()), (clock.now(), Duration::from_millis(250)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_starts_at_this_century_and_its_wall_clock_does_not_follow_paused_time() {
        let clock = Clock::system();
        assert!(clock.now() > Timestamp::from_millis(1_600_000_000_000), "{}", clock.now());
        tokio::time::advance(Duration::from_secs(86_400)).await;
        assert!(clock.now().since(clock.wall()) > Duration::from_secs(86_000));
    }
}
