//! What brakes do at their edges: the very moment of an end, many keys, and settings that come and go.

use std::time::Duration;

use birdcall::model::delivery::Suppression;
use birdcall::model::ids::FiringId;
use birdcall::model::limits::BRAKE_KEYS;
use birdcall::model::rate::Rate;
use birdcall::model::time::Timestamp;
use birdcall::model::window::Part;
use birdcall::rules::ruleset::{Brakes, Cooldown};
use birdcall::suppress::brakes::{Asked, Brake, Counts, Passed, Refused};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn id(n: usize) -> FiringId {
    FiringId::of("rule", &n.to_string(), "")
}

fn cooldown(lasts: u64, per: &[Part]) -> Brakes {
    Brakes { cooldown: Some(Cooldown { lasts: Duration::from_millis(lasts), per: per.to_vec() }), ..Brakes::default() }
}

fn limit(count: u32, per: u64) -> Brakes {
    Brakes { limits: vec![Rate::new(count, Duration::from_millis(per)).unwrap()], ..Brakes::default() }
}

fn pass(brake: &mut Brake, brakes: &Brakes, key: &str, n: usize, now: i64) -> Result<u32, (Suppression, i64)> {
    let said = brake.pass(&Asked { brakes, key, id: id(n), now: at(now) });
    said.map(|Passed { held }| held).map_err(|Refused { reason, until }| (reason, until.unwrap().as_millis()))
}

#[test]
fn a_cooldown_ends_at_the_very_moment_at_which_it_has_lasted() {
    let (brakes, mut brake) = (cooldown(100, &[Part::Token]), Brake::new());
    assert_eq!(pass(&mut brake, &brakes, "a", 1, 1_000), Ok(0));
    assert_eq!(pass(&mut brake, &brakes, "a", 2, 1_000), Err((Suppression::Cooldown, 1_100)));
    assert_eq!(pass(&mut brake, &brakes, "b", 3, 1_000), Ok(0));
    assert_eq!(pass(&mut brake, &brakes, "", 4, 1_000), Ok(0), "what is absent is a key of its own");
    assert_eq!(pass(&mut brake, &brakes, "a", 5, 1_099), Err((Suppression::Cooldown, 1_100)));
    assert_eq!(pass(&mut brake, &brakes, "a", 6, 1_100), Ok(2), "and tells of the two that it held back");
    assert_eq!(pass(&mut brake, &brakes, "b", 7, 1_100), Ok(0));
}

#[test]
fn a_limit_counts_the_moments_after_those_that_are_a_whole_span_ago() {
    let (brakes, mut brake) = (limit(2, 100), Brake::new());
    assert_eq!(pass(&mut brake, &brakes, "", 1, 0), Ok(0));
    assert_eq!(pass(&mut brake, &brakes, "", 2, 60), Ok(0));
    assert_eq!(pass(&mut brake, &brakes, "", 3, 99), Err((Suppression::Limit, 100)));
    assert_eq!(pass(&mut brake, &brakes, "", 4, 100), Ok(1));
    assert_eq!(pass(&mut brake, &brakes, "", 5, 100), Err((Suppression::Limit, 160)));
}

#[test]
fn a_limit_takes_nothing_from_what_a_cooldown_refuses_and_the_other_way_round() {
    let brakes = Brakes { limits: limit(2, 1_000).limits, ..cooldown(100, &[Part::Token]) };
    let mut brake = Brake::new();
    assert_eq!(pass(&mut brake, &brakes, "a", 1, 0), Ok(0));
    assert_eq!(pass(&mut brake, &brakes, "a", 2, 1), Err((Suppression::Cooldown, 100)));
    assert_eq!(pass(&mut brake, &brakes, "b", 3, 2), Ok(0), "the one that was refused has no place in the limit");
    assert_eq!(pass(&mut brake, &brakes, "c", 4, 3), Err((Suppression::Limit, 1_000)));
    assert_eq!(pass(&mut brake, &brakes, "c", 5, 1_000), Ok(1), "no cooldown began for the one that was refused");
}

#[test]
fn a_firing_that_came_to_nothing_gives_back_its_own_and_no_others() {
    let (brakes, mut brake) = (cooldown(100, &[Part::Token]), Brake::new());
    assert_eq!(pass(&mut brake, &brakes, "a", 1, 0), Ok(0));
    assert_eq!(pass(&mut brake, &brakes, "a", 2, 50), Err((Suppression::Cooldown, 100)));
    assert_eq!(pass(&mut brake, &brakes, "a", 3, 100), Ok(1));
    brake.give_back(id(1));
    assert_eq!(pass(&mut brake, &brakes, "a", 4, 110), Err((Suppression::Cooldown, 200)), "it is the third firing's by now");
    brake.give_back(id(3));
    assert_eq!(pass(&mut brake, &brakes, "a", 5, 110), Ok(2), "the third was to tell of the second, and held the fourth back");
    brake.give_back(id(99));
    assert_eq!(pass(&mut brake, &brakes, "a", 6, 120), Err((Suppression::Cooldown, 210)));
}

#[test]
fn other_settings_hold_for_what_runs() {
    let mut brake = Brake::new();
    assert_eq!(pass(&mut brake, &cooldown(100, &[Part::Token]), "a", 1, 0), Ok(0));
    assert_eq!(pass(&mut brake, &cooldown(300, &[Part::Token]), "a", 2, 200), Err((Suppression::Cooldown, 300)), "longer");
    assert_eq!(pass(&mut brake, &cooldown(210, &[Part::Token]), "a", 3, 210), Ok(1), "shorter");
    assert_eq!(pass(&mut brake, &cooldown(210, &[Part::Author]), "a", 4, 220), Ok(0), "by something else");
    assert_eq!(pass(&mut brake, &cooldown(210, &[Part::Author]), "a", 5, 230), Err((Suppression::Cooldown, 430)));
    assert_eq!(pass(&mut brake, &Brakes::default(), "", 6, 240), Ok(1), "without a cooldown the next tells of what it held back");
    assert_eq!(brake.counts(), Counts { keys: 0, evicted: 0 });
    let mut brake = Brake::new();
    for n in 0..5 {
        assert_eq!(pass(&mut brake, &limit(5, 100), "", n, 10), Ok(0));
    }
    assert_eq!(pass(&mut brake, &limit(6, 100), "", 5, 20), Ok(0), "more are let through");
    assert_eq!(pass(&mut brake, &limit(2, 100), "", 6, 30), Err((Suppression::Limit, 110)), "fewer are");
}

#[test]
fn of_too_many_keys_the_oldest_is_forgotten_and_counted() {
    let (brakes, mut brake) = (cooldown(1_000_000, &[Part::Token]), Brake::new());
    for n in 0..BRAKE_KEYS + 3 {
        assert_eq!(pass(&mut brake, &brakes, &n.to_string(), n, n.try_into().unwrap()), Ok(0));
    }
    assert_eq!(brake.counts(), Counts { keys: BRAKE_KEYS, evicted: 3 });
    let now = i64::try_from(BRAKE_KEYS).unwrap() + 10;
    assert_eq!(pass(&mut brake, &brakes, "3", 3, now), Err((Suppression::Cooldown, 1_000_003)), "the oldest that is left");
    assert_eq!(pass(&mut brake, &brakes, "2", 2, now), Ok(0), "the newest that was forgotten");
}

#[test]
fn keys_whose_cooldown_is_over_are_forgotten_and_not_counted() {
    let (brakes, mut brake) = (cooldown(60_000, &[Part::Token]), Brake::new());
    // One in a minute, and those of a day are known.
    for n in 0..30_000 {
        assert_eq!(pass(&mut brake, &brakes, &n.to_string(), n, i64::try_from(n).unwrap() * 60_000), Ok(0));
        assert!(brake.counts().keys <= 1_441, "{:?}", brake.counts());
    }
    assert_eq!(brake.counts().evicted, 0);
}

#[test]
fn a_clock_that_goes_back_takes_nothing_back() {
    let (brakes, mut brake) = (limit(1, 100), Brake::new());
    assert_eq!(pass(&mut brake, &brakes, "", 1, 1_000), Ok(0));
    assert_eq!(pass(&mut brake, &brakes, "", 2, 0), Err((Suppression::Limit, 1_100)));
    assert_eq!(pass(&mut brake, &brakes, "", 3, 1_100), Ok(1));
}
