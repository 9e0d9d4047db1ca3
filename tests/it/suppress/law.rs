//! The law of brakes: what they say is what a reference says that remembers every event and reckons it anew each time.

use std::sync::Arc;
use std::time::Duration;

use birdcall::model::delivery::Suppression;
use birdcall::model::ids::FiringId;
use birdcall::model::rate::Rate;
use birdcall::model::time::Timestamp;
use birdcall::model::window::Part;
use birdcall::rules::hours::{Hours, Zone};
use birdcall::rules::ruleset::{Brakes, Cooldown};
use birdcall::suppress::brakes::{Asked, Brake};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// From eight to ten past eight of every day in UTC.
const HOURS: std::ops::Range<i64> = 480..490;

/// What happens, in seconds.
#[derive(Clone, Debug)]
enum Event {
    /// So long after the one before, a firing of a key.
    Fires { after: u16, key: usize },
    /// So long after the one before, one of those that passed comes to nothing: so many before the last.
    ComesToNothing { before: usize },
    /// Other settings.
    Reload(Settings),
}

#[derive(Clone, Debug)]
struct Settings {
    cooldown: Option<u64>,
    limits: Vec<(u32, u64)>,
    hours: bool,
}

impl Settings {
    fn brakes(&self) -> Brakes {
        let cooldown = self.cooldown.map(|seconds| Cooldown { lasts: Duration::from_secs(seconds), per: vec![Part::Token] });
        let limits =
            self.limits.iter().map(|(count, seconds)| Rate::new(*count, Duration::from_secs(*seconds)).unwrap()).collect();
        let hours = self.hours.then(|| Arc::new(Hours::parse(&["08:00-08:10"], &Zone::default()).unwrap()));
        Brakes { cooldown, limits, hours }
    }
}

/// What became of an event.
#[derive(Clone, Debug)]
enum Was {
    Passed {
        at: i64,
        key: usize,
        of_key: u32,
        of_all: u32,
    },
    Refused {
        key: usize,
        by: Suppression,
    },
    /// By its place among the events.
    GivenBack(usize),
}

/// Everything that ever happened.
#[derive(Default)]
struct Naive(Vec<Was>);

impl Naive {
    /// When those passed that have not come to nothing.
    fn counting(&self) -> Vec<i64> {
        let mut counts: Vec<_> =
            self.0.iter().map(|was| if let Was::Passed { at, .. } = was { Some(*at) } else { None }).collect();
        for was in &self.0 {
            if let Was::GivenBack(place) = was {
                counts[*place] = None;
            }
        }
        counts.into_iter().flatten().collect()
    }

    fn cooldown(&self, key: usize, lasts: u64, now: i64) -> Option<i64> {
        let of_key = |was: &Was| matches!(was, Was::Passed { key: of, .. } if *of == key);
        let last = self.0.iter().rposition(of_key)?;
        let is_back = self.0.iter().any(|was| matches!(was, Was::GivenBack(of) if *of == last));
        let Was::Passed { at, .. } = self.0[last] else { unreachable!() };
        let ends = at + i64::try_from(lasts).unwrap();
        (!is_back && now < ends).then_some(ends)
    }

    fn limit(&self, count: u32, per: u64, now: i64) -> Option<i64> {
        let per = i64::try_from(per).unwrap();
        let passed: Vec<_> = self.counting().into_iter().filter(|at| *at > now - per).collect();
        let is_full = |now: i64| passed.iter().filter(|at| **at > now - per).count() >= usize::try_from(count).unwrap();
        is_full(now).then(|| passed.iter().map(|at| at + per).find(|at| !is_full(*at)).unwrap())
    }

    fn refusal(&self, settings: &Settings, key: usize, now: i64) -> Option<(Suppression, i64)> {
        let minute = now.div_euclid(60).rem_euclid(1_440);
        if settings.hours && !HOURS.contains(&minute) {
            let today = now - now.rem_euclid(86_400) + HOURS.start * 60;
            return Some((Suppression::Hours, if today > now { today } else { today + 86_400 }));
        }
        if let Some(ends) = settings.cooldown.and_then(|lasts| self.cooldown(key, lasts, now)) {
            return Some((Suppression::Cooldown, ends));
        }
        let until = settings.limits.iter().filter_map(|(count, per)| self.limit(*count, *per, now)).max()?;
        Some((Suppression::Limit, until))
    }

    /// Held back since the last that `is_last` was told of.
    fn held(
        &self,
        is_last: impl Fn(usize) -> bool,
        is_one: impl Fn(usize, Suppression) -> bool,
        told: impl Fn(&Was) -> u32,
    ) -> u32 {
        let passed = |was: &Was| matches!(was, Was::Passed { key, .. } if is_last(*key));
        let since = self.0.iter().rposition(passed).map_or(0, |last| last + 1);
        let one = |was: &Was| match was {
            Was::Refused { key, by } => u32::from(is_one(*key, *by)),
            Was::GivenBack(place) => match &self.0[*place] {
                was @ Was::Passed { key, .. } if is_last(*key) => told(was),
                _ => 0,
            },
            Was::Passed { .. } => 0,
        };
        self.0[since..].iter().map(one).sum()
    }

    fn pass(&mut self, settings: &Settings, key: usize, now: i64) -> Result<u32, (Suppression, i64)> {
        if let Some((by, until)) = self.refusal(settings, key, now) {
            self.0.push(Was::Refused { key, by });
            return Err((by, until));
        }
        let told_of_key = |was: &Was| if let Was::Passed { of_key, .. } = was { *of_key } else { 0 };
        let told_of_all = |was: &Was| if let Was::Passed { of_all, .. } = was { *of_all } else { 0 };
        let of_key = match settings.cooldown {
            Some(_) => self.held(|of| of == key, |of, by| of == key && by == Suppression::Cooldown, told_of_key),
            None => 0,
        };
        let of_all = self.held(|_| true, |_, by| by != Suppression::Cooldown, told_of_all);
        self.0.push(Was::Passed { at: now, key, of_key, of_all });
        Ok(of_key + of_all)
    }
}

fn holds(mut settings: Settings, events: &[Event]) -> Result<(), TestCaseError> {
    let (mut brake, mut naive, mut brakes) = (Brake::new(), Naive::default(), settings.brakes());
    // Shortly before the hours begin.
    let mut now = 20_000 * 86_400 + HOURS.start * 60 - 30;
    let mut passed = Vec::new();
    for (place, event) in events.iter().enumerate() {
        match event {
            Event::Fires { after, key } => {
                now += i64::from(*after);
                let id = FiringId::of("r", &place.to_string(), "");
                let asked = Asked { brakes: &brakes, key: &format!("key {key}"), id, now: Timestamp::from_millis(now * 1_000) };
                let before = brake.ask(&asked);
                let said = brake.pass(&asked);
                prop_assert_eq!(before.err(), said.err(), "what it says beforehand is what it does");
                let said = said.map(|passed| passed.held);
                let said = said.map_err(|refused| (refused.reason, refused.until.unwrap().as_millis() / 1_000));
                let expected = naive.pass(&settings, *key, now);
                prop_assert_eq!(said, expected, "event {} at {} of {:?}", place, now, naive.0);
                if said.is_ok() {
                    passed.push((id, naive.0.len() - 1));
                }
            }
            Event::ComesToNothing { before } => {
                if let Some(at) = passed.len().checked_sub(before + 1) {
                    let (id, place) = passed.remove(at);
                    brake.give_back(id);
                    // Twice is once.
                    brake.give_back(id);
                    naive.0.push(Was::GivenBack(place));
                }
            }
            Event::Reload(other) => {
                settings = other.clone();
                brakes = settings.brakes();
            }
        }
    }
    Ok(())
}

fn fires() -> impl Strategy<Value = Event> {
    let after = prop::sample::select(vec![0_u16, 1, 2, 3, 5, 10, 11, 40]);
    (after, 0..3_usize).prop_map(|(after, key)| Event::Fires { after, key })
}

fn comes_to_nothing() -> impl Strategy<Value = Event> {
    (0..3_usize).prop_map(|before| Event::ComesToNothing { before })
}

fn cooldown() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![1_u64, 5, 10, 30])
}

fn limits() -> impl Strategy<Value = Vec<(u32, u64)>> {
    prop::collection::vec((1..5_u32, prop::sample::select(vec![1_u64, 5, 10, 30, 60])), 1..4)
}

fn law() -> ProptestConfig {
    ProptestConfig { cases: 10_000, rng_seed: RngSeed::Fixed(6), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(law())]

    #[test]
    fn cooldowns_hold_back_what_a_reference_holds_back(
        lasts in cooldown(),
        events in prop::collection::vec(fires(), 1..30),
    ) {
        holds(Settings { cooldown: Some(lasts), limits: Vec::new(), hours: false }, &events)?;
    }

    #[test]
    fn limits_hold_back_what_a_reference_holds_back(
        limits in limits(),
        events in prop::collection::vec(prop_oneof![5 => fires(), 1 => comes_to_nothing()], 1..30),
    ) {
        holds(Settings { cooldown: None, limits, hours: false }, &events)?;
    }

    #[test]
    fn hours_cooldowns_and_limits_together_hold_back_what_a_reference_holds_back(
        (lasts, limits, hours) in (cooldown(), limits(), any::<bool>()),
        events in prop::collection::vec(
            prop_oneof![
                8 => fires(),
                2 => comes_to_nothing(),
                1 => Just(Event::Fires { after: 570, key: 0 }),
                1 => (cooldown(), prop_oneof![Just(Vec::new()), limits()], any::<bool>())
                    .prop_map(|(lasts, limits, hours)| Event::Reload(Settings { cooldown: Some(lasts), limits, hours })),
            ],
            1..40,
        ),
    ) {
        holds(Settings { cooldown: Some(lasts), limits, hours }, &events)?;
    }
}

/// Longer than anything is remembered that nothing depends on.
#[test]
fn what_is_forgotten_makes_no_difference() {
    let mut random = 6_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for (lasts, limits) in [(1, vec![(40, 60)]), (120, vec![(300, 900)]), (5, vec![(3, 4), (280, 600)])] {
        let events: Vec<_> = (0..3_000)
            .map(|_| match next(10) {
                0 => Event::ComesToNothing { before: usize::try_from(next(200)).unwrap() },
                _ => Event::Fires { after: u16::try_from(next(3)).unwrap(), key: usize::try_from(next(100)).unwrap() },
            })
            .collect();
        holds(Settings { cooldown: Some(lasts), limits, hours: false }, &events).unwrap();
    }
}
