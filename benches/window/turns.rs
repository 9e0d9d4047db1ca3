//! The time that a match takes, in processor time of this thread, by turns.

use birdcall::rules::ruleset::Window;
use birdcall::window::State;
use rustix::time::{ClockId, clock_gettime};

use crate::SEED;
use crate::kinds::Matches;

/// Live keys.
const KEYS: [usize; 3] = [10, 1_000, 20_000];
/// Matches of a turn.
const TURN: usize = 5_120;
/// Of which so many are made at a time: few enough that they are still in the nearest cache when the window takes them in.
const BATCH: usize = 64;
/// Matches that a key has within the time.
const EACH: u32 = 4;

struct Contender<'w> {
    window: &'w Window,
    state: State,
    matches: Matches,
    ns: Vec<f64>,
}

impl<'w> Contender<'w> {
    /// One that has been running for twice its time.
    fn new(window: &'w Window, keys: usize) -> Self {
        let mut contender = Self { window, state: State::new(window), matches: Matches::new(SEED, keys, EACH), ns: Vec::new() };
        (0..(keys * EACH as usize * 2).div_ceil(TURN)).for_each(|_| contender.turn());
        contender.ns.clear();
        contender
    }

    fn turn(&mut self) {
        let taken: f64 = (0..TURN / BATCH).map(|_| self.batch()).sum();
        self.ns.push(taken * 1e9 / TURN as f64);
    }

    fn batch(&mut self) -> f64 {
        let matches: Vec<_> = std::iter::repeat_with(|| self.matches.take()).take(BATCH).collect();
        let began = now();
        let mut said = 0_usize;
        for (clock, seen) in matches {
            let verdict = self.state.observe(self.window, clock, seen);
            while self.state.due(self.window, clock.now).is_some() {
                said += 1;
            }
            said += size_of_val(&verdict);
        }
        std::hint::black_box(said);
        now() - began
    }
}

fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn all(windows: &[Window], rounds: usize) {
    println!("ns for each match, live keys; {EACH} matches of a key within the time, one in ten late");
    println!("{:<12} {:>8} {:>8} {:>8} {:>18}", "", KEYS[0], KEYS[1], KEYS[2], "20,000 against 10");
    for window in windows {
        let mut contenders = KEYS.map(|keys| Contender::new(window, keys));
        for round in 0..rounds {
            (0..KEYS.len()).for_each(|place| contenders[(round + place) % KEYS.len()].turn());
        }
        let [few, _, many] = &contenders;
        let growth = median(few.ns.iter().zip(&many.ns).map(|(few, many)| many / few).collect());
        let [few, some, many] = contenders.map(|contender| median(contender.ns));
        println!("{:<12} {few:>8.0} {some:>8.0} {many:>8.0} {growth:>18.2}", window.kind.name());
    }
}
