//! Ten thousand histories for each type: late ones, equal times, exact bounds, history fetched in bursts. What has come so far is
//! judged from scratch by the reference each time, and the state must say the same.

use std::cell::Cell;

use birdcall::rules::ruleset::Window;
use birdcall::window::{State, Verdict};
use fastrand::Rng;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::kit::Seen;

/// Keeps everything.
pub(super) trait Naive {
    /// What must come of the last of `history`, which has all that were not too late for any window, in the order in which they
    /// came.
    fn judge(&mut self, window: &Window, history: &[Seen]) -> Verdict;

    /// Whether the two say the same.
    fn agrees(&self, _window: &Window, _history: &[Seen], expected: &Verdict, found: &Verdict) -> bool {
        expected == found
    }
}

/// `WINDOW_CASES=1000000` makes a night of it.
pub(super) fn cases() -> u32 {
    std::env::var("WINDOW_CASES").ok().and_then(|given| given.parse().ok()).unwrap_or(10_000)
}

/// Runs a case for many seeds, always the same ones. A case says how often something fired.
pub(super) fn each(case: impl Fn(&mut Rng) -> Result<usize, String>) {
    let fired = Cell::new(0);
    let config = ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let tested = runner.run(&any::<u64>(), |seed| {
        fired.set(fired.get() + case(&mut Rng::with_seed(seed)).map_err(TestCaseError::fail)?);
        Ok(())
    });
    if let Err(why) = tested {
        panic!("{why}");
    }
    assert!(fired.get() >= cases() as usize / 10, "only {} firings: next to nothing was compared", fired.get());
}

/// What may come in a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Few {
    pub(super) keys: u8,
    pub(super) values: u8,
    pub(super) steps: usize,
    pub(super) prices: &'static [f64],
}

/// Matches around a window of so many seconds, whose bounds they hit often. No horizon lies before one that there was: what can
/// still come is known from the first match after a gap on.
pub(super) fn history(rng: &mut Rng, within: i64, few: Few) -> Vec<Seen> {
    let (mut now, mut all) = (100, Vec::<Seen>::new());
    let (mut horizon, mut oldest, mut burst) = (i64::MIN, None::<i64>, 0);
    for _ in 0..rng.usize(1..30) {
        burst -= 1;
        if burst < 0 {
            oldest = None;
        }
        match rng.u8(..12) {
            0 => {
                let since = now;
                now += rng.i64(0..=within * 3);
                oldest = Some(rng.i64(since - within / 2..=since).max(horizon));
                burst = rng.i32(1..10);
            }
            1 => now += rng.i64(0..=within * 2),
            2..6 => now += rng.i64(0..=2),
            _ => {}
        }
        oldest = oldest.map(|oldest| oldest + i64::from(rng.u8(..6) == 0));
        horizon = oldest.map_or(now - within, |oldest| oldest.min(now - within));
        let at = match rng.u8(..8) {
            0..4 => now,
            4 => now + 1,
            _ => rng.i64(horizon - 1..=now),
        };
        let price = (!few.prices.is_empty() && rng.u8(..12) > 0).then(|| few.prices[rng.usize(..few.prices.len())]);
        let new = Seen {
            now,
            oldest,
            key: rng.u8(..few.keys),
            value: rng.u8(..few.values),
            at,
            step: rng.usize(..few.steps),
            price,
            tweet: all.len() as u32 + 1,
        };
        // The same tweet once more, as another step.
        let again = all.last().filter(|_| few.steps > 1 && rng.u8(..4) == 0).cloned();
        all.push(match again {
            Some(last) => Seen { now, oldest, step: new.step, ..last },
            None => new,
        });
    }
    all
}

/// Where the two part, and how; else how often something fired.
fn compare<N: Naive>(window: &Window, naive: &mut N, story: &[Seen]) -> Result<usize, String> {
    let (mut state, mut history, mut fired) = (State::new(window), Vec::new(), 0);
    let within = window.within.as_secs() as i64;
    for (place, seen) in story.iter().enumerate() {
        let found = state.observe(window, seen.clock(), seen.observation());
        let seen = Seen { at: seen.at.min(seen.now), ..seen.clone() };
        let horizon = (seen.now - within).min(seen.oldest.unwrap_or(i64::MAX));
        let expected = if seen.at < horizon {
            Verdict::Late
        } else {
            history.push(seen);
            naive.judge(window, &history)
        };
        if !naive.agrees(window, &history, &expected, &found) {
            return Err(format!("number {place}: expected {expected:#?}, and found {found:#?}"));
        }
        fired += usize::from(matches!(found, Verdict::Fires(_)));
    }
    let counts = state.counts();
    match counts.evicted_keys + counts.evicted_members {
        0 => Ok(fired),
        _ => Err(format!("something was evicted, though there was room: {counts:?}")),
    }
}

/// Holds the state against the reference on one history; of one that fails, what is needed for it is shown.
pub(super) fn holds<N: Naive>(window: &Window, new: impl Fn() -> N, mut story: Vec<Seen>) -> Result<usize, String> {
    let first = compare(window, &mut new(), &story);
    if first.is_ok() {
        return first;
    }
    for place in (0..story.len()).rev() {
        let mut fewer = story.clone();
        fewer.remove(place);
        if compare(window, &mut new(), &fewer).is_err() {
            story = fewer;
        }
    }
    let why = compare(window, &mut new(), &story).err().unwrap_or_default();
    Err(format!("{window:#?}\n{}\n{why}", story.iter().map(|seen| format!("{seen:?}")).collect::<Vec<_>>().join("\n")))
}

/// Verdicts without a firing, and firings of the last of `history`.
pub(super) fn fires(window: &Window, key: &str, count: usize, members: Vec<&Seen>) -> Verdict {
    let members = members.into_iter().map(Seen::member).collect();
    Verdict::Fires(birdcall::model::window::Told { kind: window.kind.name(), key: key.into(), count: count as u32, members })
}

/// Where enough begins in a row of moments, and where it ends: so many in each of the seconds from `first` on.
pub(super) fn runs(enough: &[bool]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (place, _) in enough.iter().enumerate().filter(|(_, enough)| **enough) {
        match runs.last_mut().filter(|run| run.end == place) {
            Some(run) => run.end += 1,
            None => runs.push(place..place + 1),
        }
    }
    runs
}
