//! The only place that reads the clock. Out comes one steady line of time for everything that runs.
//!
//! `now` starts at the wall clock and then advances with the monotonic one, so that a wall clock that jumps (NTP, a
//! person, a virtual machine that was moved) neither ages a message nor makes it young again. What the machine sleeps through counts: the
//! monotonic clock stands still then, and another one, which does not, says for how long. That the program itself stood still is seen by how
//! long nobody asked. In tests it follows tokio's paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use crate::model::limits::{CLOCK_JUMP, STOOD_STILL};
use crate::model::time::{Timestamp, Uptime};

/// Goes on while the machine sleeps; which one does differs.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SLEEPLESS: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SLEEPLESS: ClockId = ClockId::Monotonic;
/// Nobody has asked yet: a start may take its time.
const NEVER: u64 = u64::MAX;
/// Less sleep than this cannot be told from two clocks that were not read at the same moment.
const NAP: Duration = Duration::from_millis(250);

/// Reads the time. Clones agree with one another.
#[derive(Clone, Debug)]
pub struct Clock {
    base: Timestamp,
    start: Instant,
    hands: Arc<Hands>,
}

#[derive(Debug)]
struct Hands {
    /// `None`: time is controlled by hand.
    system: Option<Sleepless>,
    /// What the machine has slept, and what of it was told, in milliseconds.
    slept: AtomicU64,
    slept_told: AtomicU64,
    /// When somebody last asked what was lost, in milliseconds that the machine was awake; [`NEVER`] before that.
    asked: AtomicU64,
    /// What has passed in one go, where time is controlled by hand, in milliseconds.
    stood: AtomicU64,
    /// How far the wall clock was ahead of the steady line when somebody looked, in milliseconds.
    ahead_told: AtomicI64,
    /// How far it is, where time is controlled by hand.
    ahead: AtomicI64,
}

/// What all clocks say at one moment.
#[derive(Debug)]
struct Look {
    now: Timestamp,
    /// How long the machine was awake and how long it slept since this clock was made, in milliseconds.
    awake: u64,
    slept: u64,
    /// How far the wall clock is ahead of the steady line, in milliseconds.
    ahead: i64,
}

/// What happened to time while nobody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The program stood still, and the machine and its clocks went on: it was stopped, or its container was paused.
    Still(Duration),
    /// The machine slept, and the steady line has jumped to where it is now.
    Slept(Duration),
    /// The wall clock jumped forward and the steady line did not: somebody set it, or the machine stood still in a way that no clock
    /// of its own knows of, as a virtual one does that is halted.
    Forward(Duration),
    /// The wall clock was set back.
    Back(Duration),
}

impl Clock {
    /// Starts at the system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::with(system_now(), Some(Sleepless::start()))
    }

    /// Starts at `base`; its wall clock is the steady one too. For tests and recordings.
    #[must_use]
    pub fn starting_at(base: Timestamp) -> Self {
        Self::with(base, None)
    }

    fn with(base: Timestamp, system: Option<Sleepless>) -> Self {
        let (slept, slept_told, stood, ahead, ahead_told) = Default::default();
        let hands = Hands { system, slept, slept_told, asked: AtomicU64::new(NEVER), stood, ahead_told, ahead };
        Self { base, start: Instant::now(), hands: Arc::new(hands) }
    }

    /// This moment on the steady line: what ages and deadlines are judged by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.base.plus(self.elapsed())
    }

    /// Both [`now`](Self::now) and [`elapsed`](Self::elapsed), of one reading.
    #[must_use]
    pub fn moment(&self) -> (Timestamp, Duration) {
        let elapsed = self.elapsed();
        (self.base.plus(elapsed), elapsed)
    }

    /// Since this clock was made, sleep included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let slept = self.slept();
        self.awake() + slept
    }

    fn awake(&self) -> Duration {
        self.start.elapsed() + Duration::from_millis(self.hands.stood.load(Ordering::Relaxed))
    }

    /// What the system's clock says now: what others compare with their own clocks (a signature's time stamp, an HTTP date).
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        if self.hands.system.is_some() {
            return system_now();
        }
        let ahead = self.hands.ahead.load(Ordering::Relaxed);
        Timestamp::from_millis(self.now().as_millis().saturating_add(ahead))
    }

    /// How long the machine has been on, where the system says which of its starts that is since.
    #[must_use]
    pub fn uptime(&self) -> Option<Uptime> {
        let boot = self.hands.system.as_ref()?.boot?;
        Some(Uptime { boot, ms: i64::try_from(always().as_millis()).unwrap_or(i64::MAX) })
    }

    /// What happened to time since this was asked before; to be asked every second or so. What is said stays true, and the clock in doubt, until
    /// [`Clock::told`]. Changes of less than [`CLOCK_JUMP`] are none, however many there are: clocks are set right all the time, and what a
    /// short nap leaves waiting is as old as it says.
    #[must_use]
    pub fn lost(&self) -> Option<Lost> {
        self.now_unless_lost().err()
    }

    /// As [`Clock::lost`]. Where nothing was lost, this moment: for every frame both are asked for, and each clock is read once for both.
    ///
    /// # Errors
    /// What happened to time.
    pub fn now_unless_lost(&self) -> Result<Timestamp, Lost> {
        let (Look { now, awake, slept, ahead }, lost) = self.look_well();
        if !matches!(lost, Some(Lost::Still(_))) {
            self.hands.asked.store(awake, Ordering::Release);
        }
        if let Some(lost) = lost {
            return Err(lost);
        }
        self.hands.slept_told.store(slept, Ordering::Release);
        self.hands.ahead_told.store(ahead, Ordering::Release);
        Ok(now)
    }

    /// What was lost has been dealt with. Whoever trusts the clock again after this sees all that was done before.
    pub fn told(&self, lost: Lost) {
        let Hands { slept_told, asked, ahead_told, .. } = &*self.hands;
        let signed = |by: Duration| i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        match lost {
            Lost::Still(_) => asked.store(millis(self.awake()), Ordering::Release),
            Lost::Slept(time) => {
                slept_told.fetch_add(millis(time), Ordering::Release);
            }
            Lost::Forward(by) => {
                ahead_told.fetch_add(signed(by), Ordering::Release);
            }
            Lost::Back(by) => {
                ahead_told.fetch_sub(signed(by), Ordering::Release);
            }
        }
    }

    /// Whether [`Clock::lost`] would say something. What must not be old waits until that was dealt with.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.look_well().1.is_some()
    }

    fn since_told(&self, &Look { awake, slept, ahead, .. }: &Look) -> Option<Lost> {
        let still = Duration::from_millis(awake.saturating_sub(self.hands.asked.load(Ordering::Acquire)));
        if still >= STOOD_STILL {
            return Some(Lost::Still(still));
        }
        let slept = Duration::from_millis(slept.saturating_sub(self.hands.slept_told.load(Ordering::Acquire)));
        if slept >= CLOCK_JUMP {
            return Some(Lost::Slept(slept));
        }
        let jump = ahead.saturating_sub(self.hands.ahead_told.load(Ordering::Acquire));
        let by = Duration::from_millis(jump.unsigned_abs());
        (by >= CLOCK_JUMP).then_some(if jump > 0 { Lost::Forward(by) } else { Lost::Back(by) })
    }

    /// What is seen, and what was lost by that. Who is held up between two clocks sees one of them jump, and looks again.
    fn look_well(&self) -> (Look, Option<Lost>) {
        let seen = self.look();
        match self.since_told(&seen) {
            Some(Lost::Forward(_) | Lost::Back(_)) => {
                let again = self.look();
                let lost = self.since_told(&again);
                (again, lost)
            }
            other => (seen, other),
        }
    }

    /// Each clock is read once: this is asked for every frame.
    fn look(&self) -> Look {
        let (awake, slept) = (self.awake(), self.slept());
        let now = self.base.plus(awake + slept);
        let ahead = match &self.hands.system {
            Some(_) => system_now().as_millis().saturating_sub(now.as_millis()),
            None => self.hands.ahead.load(Ordering::Relaxed),
        };
        Look { now, awake: millis(awake), slept: millis(slept), ahead }
    }

    fn slept(&self) -> Duration {
        let known = Duration::from_millis(self.hands.slept.load(Ordering::Relaxed));
        let Some(more) = self.hands.system.as_ref().and_then(|system| system.slept(known)) else { return known };
        let before = self.hands.slept.fetch_max(millis(more), Ordering::Relaxed);
        Duration::from_millis(before).max(more)
    }

    /// Of a clock that is controlled by hand: the machine sleeps for so long.
    pub fn sleep(&self, time: Duration) {
        self.hands.slept.fetch_add(millis(time), Ordering::Relaxed);
    }

    /// Of a clock that is controlled by hand: so much passes in one go, while nobody here gets a turn.
    pub fn stand_still(&self, time: Duration) {
        self.hands.stood.fetch_add(millis(time), Ordering::Relaxed);
    }

    /// Of a clock that is controlled by hand: the wall clock is so many milliseconds ahead of the steady line.
    pub fn set_wall_ahead(&self, millis: i64) {
        self.hands.ahead.store(millis, Ordering::Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Two clocks of the system, of which one stands still while the machine sleeps.
#[derive(Debug)]
struct Sleepless {
    awake: std::time::Instant,
    always: Duration,
    /// The name of the machine's latest start, as a number.
    boot: Option<i64>,
}

impl Sleepless {
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads it; tokio's may be paused, and this one not")]
    fn start() -> Self {
        Self { awake: std::time::Instant::now(), always: always(), boot: boot() }
    }

    /// All that was slept, if that is more than what is `known`.
    fn slept(&self, known: Duration) -> Option<Duration> {
        let awake = self.awake.elapsed();
        let slept = always().saturating_sub(self.always).saturating_sub(awake);
        // Between the two readings this thread may have had to wait for its turn.
        let is_sure = || self.awake.elapsed().saturating_sub(awake) < NAP / 2;
        (slept >= known + NAP && is_sure()).then_some(slept)
    }
}

/// Linux names each start of the machine with a random UUID.
fn boot() -> Option<i64> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let hex: String = id.chars().filter(char::is_ascii_hexdigit).take(15).collect();
    i64::from_str_radix(&hex, 16).ok().filter(|boot| *boot != 0)
}

fn always() -> Duration {
    // It is never negative, as it begins when the machine does.
    Duration::try_from(clock_gettime(SLEEPLESS)).unwrap_or_default()
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

    /// What was lost, which is dealt with.
    fn told(clock: &Clock) -> Option<Lost> {
        clock.lost().inspect(|lost| clock.told(*lost))
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_machine_sleeps_through_has_passed_and_is_told_once() {
        let clock = Clock::starting_at(Timestamp::from_millis(0));
        let twin = clock.clone();
        assert_eq!((clock.lost(), clock.is_in_doubt()), (None, false));
        twin.sleep(Duration::from_secs(3_600));
        assert_eq!((clock.now(), clock.wall()), (Timestamp::from_millis(3_600_000), clock.now()));
        let slept = Lost::Slept(Duration::from_secs(3_600));
        assert_eq!((clock.lost(), clock.lost()), (Some(slept), Some(slept)));
        assert!(clock.is_in_doubt() && twin.is_in_doubt(), "until it was dealt with");
        clock.told(slept);
        assert_eq!((clock.lost(), twin.is_in_doubt()), (None, false));
    }

    #[tokio::test(start_paused = true)]
    async fn naps_that_are_too_short_to_matter_do_not_add_up_to_a_long_one() {
        let clock = Clock::starting_at(Timestamp::from_millis(0));
        for nap in 1..=100 {
            clock.sleep(CLOCK_JUMP - Duration::from_millis(100));
            assert_eq!((clock.lost(), clock.is_in_doubt()), (None, false), "{nap}");
        }
        assert_eq!(clock.now(), Timestamp::from_millis(190_000), "all of it has passed");
        clock.sleep(CLOCK_JUMP);
        assert_eq!(told(&clock), Some(Lost::Slept(CLOCK_JUMP)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_stood_still_is_told_once_and_one_that_is_busy_or_has_just_begun_has_not() {
        let clock = Clock::starting_at(Timestamp::from_millis(0));
        clock.stand_still(Duration::from_secs(3_600));
        assert_eq!((clock.is_in_doubt(), clock.lost()), (false, None), "the start took an hour");
        for _ in 0..10 {
            clock.stand_still(STOOD_STILL - Duration::from_millis(1));
            assert_eq!((clock.is_in_doubt(), clock.lost()), (false, None));
        }
        tokio::time::advance(STOOD_STILL).await;
        clock.set_wall_ahead(5_000);
        assert!(clock.is_in_doubt() && clock.lost().is_some() && clock.is_in_doubt(), "until it was dealt with");
        let lost: Vec<_> = std::iter::from_fn(|| told(&clock)).collect();
        assert_eq!(lost, [Lost::Still(STOOD_STILL), Lost::Forward(Duration::from_secs(5))]);
        assert!(!clock.is_in_doubt());
        assert_eq!(clock.now(), Timestamp::from_millis(3_600_000).plus(STOOD_STILL * 11).shifted(-10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_slewed_is_fine_and_one_that_jumps_is_told_once_and_moves_nothing() {
        let clock = Clock::starting_at(Timestamp::from_millis(0));
        for second in 0..1_000 {
            clock.set_wall_ahead(second * 10);
            assert_eq!((clock.lost(), clock.is_in_doubt()), (None, false));
        }
        clock.set_wall_ahead(3_610_000);
        assert!(clock.is_in_doubt());
        assert_eq!(told(&clock), Some(Lost::Forward(Duration::from_millis(3_600_010))));
        assert_eq!((clock.lost(), clock.is_in_doubt(), clock.now()), (None, false, Timestamp::from_millis(0)));
        clock.set_wall_ahead(0);
        assert_eq!(told(&clock), Some(Lost::Back(Duration::from_millis(3_610_000))));
        // Both at once are told one after the other.
        clock.set_wall_ahead(5_000);
        clock.sleep(Duration::from_secs(5));
        let lost: Vec<_> = std::iter::from_fn(|| told(&clock)).collect();
        assert_eq!(lost, [Lost::Slept(Duration::from_secs(5)), Lost::Forward(Duration::from_secs(5))]);
    }

    #[test]
    fn a_machine_that_does_not_sleep_has_not_slept() {
        let clock = Clock::system();
        for _ in 0..200_000 {
            assert_eq!(clock.slept(), Duration::ZERO);
        }
        let system = clock.hands.system.as_ref().unwrap();
        let slept = Sleepless { awake: system.awake, always: system.always.saturating_sub(Duration::from_secs(5)), boot: None };
        let found = slept.slept(Duration::ZERO).unwrap();
        assert!(found > Duration::from_millis(4_990) && found < Duration::from_secs(6), "{found:?}");
        assert_eq!(slept.slept(found), None, "it is known");
    }
}
