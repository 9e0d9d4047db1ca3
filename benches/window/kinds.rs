//! Windows of every type, and matches for them.

use std::time::Duration;

use birdcall::model::ids::TweetId;
use birdcall::model::price::Price;
use birdcall::model::subject::Event;
use birdcall::model::time::Timestamp;
use birdcall::model::window::{Member, Part};
use birdcall::rules::condition::Condition;
use birdcall::rules::ruleset::{Direction, Hysteresis, Level, Step, Window, WindowKind};
use birdcall::window::{Clock, Observation};
use fastrand::Rng;

const WITHIN: Duration = Duration::from_secs(3_600);
const BEGIN: i64 = 1_781_700_000_000;

/// One of each type, with the default of `max_keys`.
pub(crate) fn all() -> Vec<Window> {
    let step = || Step { on: vec![Event::Tweet], when: Condition::All(Vec::new()) };
    let kinds = [
        WindowKind::Count { at_least: 3 },
        WindowKind::Distinct { of: Part::Author, at_least: 3 },
        WindowKind::FirstSeen { of: Part::Author },
        WindowKind::Cross(Level { price: 1.0, direction: Direction::Up, hysteresis: Hysteresis::Percent(1.0) }),
        WindowKind::Change { percent: 10.0, direction: None },
        WindowKind::Silence,
        WindowKind::Sequence { steps: vec![step(), step(), step()] },
    ];
    let window = |kind| Window { kind, within: WITHIN, per: vec![Part::Token], rearm: None, max_keys: 20_000 };
    kinds.into_iter().map(window).collect()
}

/// Matches over so many keys, each of which has so many of them within the window's time.
#[derive(Debug)]
pub(crate) struct Matches {
    rng: Rng,
    keys: usize,
    each: u32,
    came: u64,
}

impl Matches {
    pub(crate) fn new(seed: u64, keys: usize, each: u32) -> Self {
        Self { rng: Rng::with_seed(seed), keys, each, came: 0 }
    }

    /// The next one. One in ten happened up to half of the window's time ago.
    pub(crate) fn take(&mut self) -> (Clock, Observation<'static>) {
        self.came += 1;
        let within = WITHIN.as_millis() as u64;
        let now = BEGIN + (self.came * within / (self.keys as u64 * u64::from(self.each))) as i64;
        let late = if self.rng.u8(..10) == 0 { self.rng.i64(..within as i64 / 2) } else { 0 };
        let at = Timestamp::from_millis(now - late);
        let tweet = Some(TweetId::new(&(2_067_225_747_256_000_000 + self.came).to_string()));
        let price = Price::new(0.9 + self.rng.f64() / 5.0);
        let member = Member {
            who: Some("crypto_kol".into()),
            platform: None,
            tweet,
            event: birdcall::model::subject::Event::Tweet,
            at,
            price,
        };
        let key = format!("ethereum:0x6982508145454ce325ddbe47a25d4ec3{:08x}", self.rng.usize(..self.keys));
        let value = format!("{}", 100_000_000 + self.rng.u32(..8));
        let clock = Clock { now: Timestamp::from_millis(now), oldest: None };
        (clock, Observation { key: key.into(), value: value.into(), at, step: self.rng.usize(..3), member })
    }
}
