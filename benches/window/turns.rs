//! The time that a match takes, in processor time of this thread, by turns.

use rustix::time::{ClockId, clock_gettime};

/// Live keys.
pub(crate) const KEYS: [usize; 3] = [10, 1_000, 20_000];
/// Matches that a key has within the time.
pub(crate) const EACH: u32 = 4;
/// So many are made at a time: few enough that they are still in the nearest cache when they are taken in.
pub(crate) const BATCH: usize = 64;
/// Batches of a turn.
const TURN: usize = 80;

/// One that has a number of live keys.
pub(crate) trait Contender {
    /// Makes a batch and takes it in: the time of the latter, in seconds.
    fn batch(&mut self) -> f64;

    /// Takes so many in, which is not measured.
    fn warm_up(mut self, matches: usize) -> Self
    where
        Self: Sized,
    {
        (0..matches.div_ceil(BATCH)).for_each(|_| _ = self.batch());
        self
    }
}

pub(crate) fn heading(of: &str) {
    println!("\n{of}");
    println!("{:<12} {:>8} {:>8} {:>8} {:>18}", "", KEYS[0], KEYS[1], KEYS[2], "20,000 against 10");
}

/// Lets those with few keys and with many take turns, and prints what each took.
pub(crate) fn compare<C: Contender>(name: &str, mut contenders: [C; KEYS.len()], rounds: usize) -> f64 {
    let mut ns = KEYS.map(|_| Vec::new());
    for round in 0..rounds {
        for place in (0..KEYS.len()).map(|place| (round + place) % KEYS.len()) {
            let seconds: f64 = (0..TURN).map(|_| contenders[place].batch()).sum();
            ns[place].push(seconds * 1e9 / (TURN * BATCH) as f64);
        }
    }
    let growth = median(ns[0].iter().zip(&ns[2]).map(|(few, many)| many / few).collect());
    let [few, some, many] = ns.map(median);
    println!("{name:<12} {few:>8.0} {some:>8.0} {many:>8.0} {growth:>18.2}");
    growth
}

pub(crate) fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}
