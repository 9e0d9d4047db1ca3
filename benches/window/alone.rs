//! What a match costs the window itself.

use birdcall::rules::ruleset::Window;
use birdcall::window::State;

use crate::SEED;
use crate::kinds::Matches;
use crate::turns::{BATCH, Contender, EACH, KEYS, compare, heading, now};

struct Alone<'w> {
    window: &'w Window,
    state: State,
    matches: Matches,
}

impl<'w> Alone<'w> {
    /// One that has been running for twice its time.
    fn new(window: &'w Window, keys: usize) -> Self {
        let alone = Self { window, state: State::new(window), matches: Matches::new(SEED, keys, EACH) };
        alone.warm_up(keys * EACH as usize * 2)
    }
}

impl Contender for Alone<'_> {
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

pub(crate) fn all(windows: &[Window], rounds: usize) {
    heading(&format!(
        "the window alone: ns for each match, by live keys; {EACH} matches of a key within the time, one in ten late"
    ));
    for window in windows {
        let _ = compare(window.kind.name(), KEYS.map(|keys| Alone::new(window, keys)), rounds);
    }
}
