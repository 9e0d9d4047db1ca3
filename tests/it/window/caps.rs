//! Nothing grows without bound, and what has to leave is counted.

use birdcall::model::subject::Event;
use birdcall::model::window::Part;
use birdcall::rules::condition::Condition;
use birdcall::rules::ruleset::{Direction, Hysteresis, Level, Step, WindowKind};
use birdcall::window::{State, Verdict};
use fastrand::Rng;

use super::kit::{at, seconds, story, window};

fn kinds() -> Vec<WindowKind> {
    let step = || Step { on: vec![Event::Tweet], when: Condition::All(Vec::new()) };
    let level = Level { price: 100.0, direction: Direction::Up, hysteresis: Hysteresis::Usd(0.0) };
    vec![
        WindowKind::Count { at_least: 3 },
        WindowKind::Distinct { of: Part::Author, at_least: 3 },
        WindowKind::FirstSeen { of: Part::Author },
        WindowKind::Cross(level),
        WindowKind::Change { percent: 10.0, direction: None },
        WindowKind::Silence,
        WindowKind::Sequence { steps: vec![step(), step()] },
    ]
}

#[test]
fn of_many_keys_those_that_were_not_heard_of_for_longest_leave_and_are_counted() {
    for kind in kinds() {
        let mut window = window(kind, 1_000_000, None);
        window.max_keys = 500;
        let mut state = State::new(&window);
        let mut rng = Rng::with_seed(1);
        for number in 0..20_000 {
            let seen = at(number).of(0, 1).usd(rng.f64() * 200.0 + 1.0).step(rng.usize(..2)).tweet(number as u32);
            let mut observation = seen.observation();
            observation.key = format!("key {}", rng.u32(..5_000)).into();
            state.observe(&window, seen.clock(), observation);
        }
        let counts = state.counts();
        assert_eq!(counts.keys, 500, "{:?}", window.kind);
        assert!(counts.evicted_keys > 10_000 && counts.members <= 64 * 500, "{:?}: {counts:?}", window.kind);
    }
}

#[test]
fn a_key_that_is_heard_of_again_stays_and_another_leaves() {
    let mut window = window(WindowKind::Count { at_least: 3 }, 100, None);
    window.max_keys = 2;
    let by = |moment, key| at(moment).of(key, 0);
    let seen = [by(1, 1), by(2, 2), by(3, 1), by(4, 3), by(5, 1), by(6, 2)];
    assert_eq!(story(&window, &seen), ["1 of 3", "1 of 3", "2 of 3", "1 of 3", "fires 3: 1 3 5", "1 of 3"]);
}

#[test]
fn of_a_key_no_more_is_kept_than_its_type_says_and_the_rest_is_counted() {
    for (kind, most) in kinds().into_iter().zip([64, 64 * 4, 1_000, 1, 128, 1, 2 * 64]) {
        let window = window(kind, 1_000_000, None);
        let mut state = State::new(&window);
        let mut rng = Rng::with_seed(1);
        for number in 0..20_000 {
            // Prices by each of which a later one may be judged; and steps that never become a chain, as the second comes first.
            let seen = at(number).usd(1.0 + number as f64 / 1_000.0).step(usize::from(number < 10_000)).tweet(number as u32);
            let mut observation = seen.observation();
            observation.value = format!("value {}", rng.u32(..1_000)).into();
            state.observe(&window, seen.clock(), observation);
        }
        let counts = state.counts();
        assert!(counts.members <= most, "{:?}: {counts:?}", window.kind);
        let evicts = !matches!(window.kind, WindowKind::FirstSeen { .. } | WindowKind::Cross(_) | WindowKind::Silence);
        assert_eq!(counts.evicted_members > 0, evicts, "{:?}: {counts:?}", window.kind);
    }
}

#[test]
fn what_has_passed_leaves_without_being_counted_as_evicted() {
    for kind in kinds() {
        let mut window = window(kind, 10, None);
        window.max_keys = 200;
        let mut state = State::new(&window);
        for number in 0..10_000 {
            let seen = at(number).usd(1.0).tweet(number as u32);
            let mut observation = seen.observation();
            observation.key = format!("key {number}").into();
            state.observe(&window, seen.clock(), observation);
            while state.due(&window, seconds(number)).is_some() {}
        }
        let counts = state.counts();
        assert_eq!((counts.evicted_keys, counts.evicted_members), (0, 0), "{:?}: {counts:?}", window.kind);
        let most = if matches!(window.kind, WindowKind::FirstSeen { .. }) { 200 } else { 25 };
        assert!(counts.keys <= most && counts.members <= most, "{:?}: {counts:?}", window.kind);
    }
}

#[test]
fn who_comes_too_late_is_counted_and_takes_no_room() {
    for kind in kinds() {
        let window = window(kind, 10, None);
        let mut state = State::new(&window);
        let seen = super::kit::late(100, 89).usd(1.0);
        assert_eq!(state.observe(&window, seen.clock(), seen.observation()), Verdict::Late);
        let counts = state.counts();
        assert_eq!((counts.keys, counts.members, counts.late), (0, 0, 1), "{:?}", window.kind);
    }
}

#[test]
fn a_window_of_another_type_begins_anew() {
    let (count, silence) = (window(WindowKind::Count { at_least: 1 }, 10, None), window(WindowKind::Silence, 10, None));
    let mut state = State::new(&count);
    let seen = at(1);
    assert!(matches!(state.observe(&count, seen.clock(), seen.observation()), Verdict::Fires(_)));
    assert_eq!(state.observe(&silence, seen.clock(), seen.observation()), Verdict::Known);
    assert_eq!(state.next_deadline(), Some(seconds(11)));
}
