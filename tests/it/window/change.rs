//! `change`: a price that has moved so far within a time.

use birdcall::rules::ruleset::{Direction, Window, WindowKind};
use birdcall::window::{State, Verdict};

use super::kit::{Seen, at, late, tells, window, words};
use super::law::{Few, Naive, each, fires, history, holds};

fn change(percent: f64, direction: Option<Direction>, rearm: Option<u64>) -> Window {
    window(WindowKind::Change { percent, direction }, 10, rearm)
}

#[test]
fn it_fires_when_a_price_is_far_enough_from_an_earlier_one_and_tells_both() {
    let seen = [(at(1).usd(100.0), "first"), (at(2).usd(105.0), "known"), (at(3).usd(110.0), "fires 2: 1 3")];
    tells(&change(10.0, None, None), &seen);
    let seen = [(at(1).usd(100.0), "first"), (at(2).usd(120.0), "known"), (at(3).usd(90.0), "fires 2: 2 3")];
    tells(&change(25.0, Some(Direction::Down), None), &seen);
    tells(&change(25.0, Some(Direction::Up), None), &[(at(1).usd(100.0), "first"), (at(2).usd(70.0), "known")]);
}

#[test]
fn exactly_so_many_per_cent_are_enough() {
    tells(&change(10.0, None, None), &[(at(1).usd(1.0), "first"), (at(2).usd(0.9), "fires 2: 1 2")]);
    tells(&change(10.0, None, None), &[(at(1).usd(0.3), "first"), (at(2).usd(0.33), "fires 2: 1 2")]);
}

#[test]
fn a_price_of_so_long_ago_is_outside() {
    tells(
        &change(10.0, None, None),
        &[(at(1).usd(100.0), "first"), (at(11).usd(200.0), "first"), (at(20).usd(230.0), "fires 2: 2 3")],
    );
}

#[test]
fn it_is_rearmed_by_a_price_that_has_not_moved_so_far() {
    let seen = [
        (at(1).usd(100.0), "first"),
        (at(2).usd(110.0), "fires 2: 1 2"),
        (at(3).usd(115.0), "fired"),
        (at(4).usd(105.0), "known"),
        (at(5).usd(110.0), "fires 2: 1 5"),
    ];
    tells(&change(10.0, Some(Direction::Up), None), &seen);
}

#[test]
fn with_rearm_time_must_pass_instead() {
    let seen = [
        (at(1).usd(100.0), "first"),
        (at(2).usd(110.0), "fires 2: 1 2"),
        (at(3).usd(105.0), "known"),
        (at(4).usd(110.0), "fired"),
        (at(7).usd(120.0), "fires 2: 1 5"),
    ];
    tells(&change(10.0, Some(Direction::Up), Some(5)), &seen);
}

#[test]
fn one_that_comes_late_is_the_earlier_of_the_two() {
    tells(&change(10.0, None, None), &[(at(5).usd(110.0), "first"), (late(6, 4).usd(100.0), "fires 2: 2 1")]);
    // It belongs to what has been told.
    let seen = [(at(1).usd(100.0), "first"), (at(5).usd(110.0), "fires 2: 1 2"), (late(6, 4).usd(99.0), "fired")];
    tells(&change(10.0, Some(Direction::Up), None), &seen);
}

#[test]
fn what_has_no_price_is_nothing() {
    tells(&change(10.0, None, None), &[(at(1).usd(100.0), "first"), (at(2), "first"), (at(3).usd(110.0), "fires 2: 1 3")]);
}

/// Compares every price with every other, in whole numbers.
#[derive(Default)]
struct Reference {
    firings: Vec<(u8, i64)>,
}

/// By how many hundredths of the earlier price, times that price; `None` if that is not enough.
fn moved(window: &Window, from: &Seen, to: &Seen) -> Option<f64> {
    let WindowKind::Change { percent, direction } = window.kind else { panic!("{window:?}") };
    let (from_usd, to_usd) = (from.price? as i64, to.price? as i64);
    let by = match direction {
        Some(Direction::Up) => to_usd - from_usd,
        Some(Direction::Down) => from_usd - to_usd,
        None => (to_usd - from_usd).abs(),
    };
    let is_in_span = from.at > to.at - window.within.as_secs() as i64;
    (is_in_span && by * 100 >= percent as i64 * from_usd).then_some(by as f64 / from_usd as f64)
}

/// In the order in which they happened.
fn in_order(history: &[Seen], key: u8) -> Vec<&Seen> {
    let mut all: Vec<_> = history.iter().filter(|seen| seen.key == key && seen.price.is_some()).collect();
    all.sort_by_key(|seen| seen.at);
    all
}

fn have_moved<'a>(window: &Window, all: &[&'a Seen]) -> Vec<&'a Seen> {
    let has = |place: &usize| all[..*place].iter().any(|from| moved(window, from, all[*place]).is_some());
    (0..all.len()).filter(has).map(|place| all[place]).collect()
}

impl Naive for Reference {
    fn judge(&mut self, window: &Window, history: &[Seen]) -> Verdict {
        let (new, before) = history.split_last().unwrap();
        if new.price.is_none() {
            return Verdict::First;
        }
        let (all, known) = (in_order(history, new.key), in_order(before, new.key));
        let place = all.iter().position(|seen| seen.tweet == new.tweet).unwrap();
        let (had, have) = (have_moved(window, &known), have_moved(window, &all));
        let from = all[..place].iter().copied().filter(|from| moved(window, from, new).is_some());
        let from = from.max_by(|a, b| moved(window, a, new).partial_cmp(&moved(window, b, new)).unwrap());
        let to = all[place + 1..].iter().copied().find(|to| moved(window, new, to).is_some());
        let first_of_a_run = || {
            let is_in = |of: &[&Seen], seen: &Seen| of.iter().any(|one| one.tweet == seen.tweet);
            let moved: Vec<_> = all.iter().map(|seen| is_in(&have, seen)).collect();
            let new_run = |run: &std::ops::Range<usize>| !all[run.clone()].iter().any(|seen| is_in(&had, seen));
            super::law::runs(&moved).into_iter().find(new_run).map(|run| all[run.start])
        };
        let pair = match window.rearm {
            Some(rearm) => {
                let is_near = |(key, at): &(u8, i64)| *key == new.key && (at - new.at).abs() < rearm.as_secs() as i64;
                let pair = from.map(|from| [from, new]).or(to.map(|to| [new, to]));
                pair.filter(|_| !self.firings.iter().any(is_near))
            }
            None => first_of_a_run().map(|first| match from {
                Some(from) if first.tweet == new.tweet => [from, new],
                _ => [new, first],
            }),
        };
        if let Some(pair) = pair {
            self.firings.push((new.key, new.at));
            return fires(window, &new.key(), 2, pair.to_vec());
        }
        let within = window.within.as_secs() as i64;
        match from.or(to) {
            Some(_) => Verdict::Fired,
            None if all.iter().all(|seen| seen.tweet == new.tweet || (seen.at - new.at).abs() >= within) => Verdict::First,
            None => Verdict::Known,
        }
    }
}

#[test]
fn it_says_what_a_reference_says_that_keeps_everything() {
    each(|rng| {
        let direction = [None, Some(Direction::Up), Some(Direction::Down)][rng.usize(..3)];
        let mut window = change(f64::from(rng.u8(1..4) * 10), direction, rng.bool().then(|| rng.u64(1..12)));
        window.within = std::time::Duration::from_secs(rng.u64(1..9));
        let few = Few { keys: 2, values: 1, steps: 1, prices: &[90.0, 100.0, 110.0, 120.0, 135.0] };
        let story = history(rng, window.within.as_secs() as i64, few);
        holds(&window, Reference::default, story)
    });
}

/// One price after the other, each against all before it.
fn in_their_order(window: &Window, story: &[Seen]) -> Vec<String> {
    let (mut told, mut had_moved) = (Vec::new(), false);
    for (place, new) in story.iter().enumerate() {
        let before = story[..place].iter().rev().take_while(|before| before.at > new.at - window.within.as_secs() as i64);
        let before: Vec<_> = before.collect();
        let by = |from: &Seen| {
            let WindowKind::Change { percent, direction } = window.kind else { panic!("{window:?}") };
            let change = (new.price.unwrap() / from.price.unwrap() - 1.0) * 100.0;
            let size = match direction {
                Some(Direction::Up) => change,
                Some(Direction::Down) => -change,
                None => change.abs(),
            };
            (size >= percent * (1.0 - 1e-9)).then_some(size)
        };
        let from = before.iter().rev().filter(|from| by(from).is_some()).max_by(|a, b| by(a).partial_cmp(&by(b)).unwrap());
        told.push(match from {
            Some(from) if !had_moved => format!("fires 2: {} {}", from.tweet, new.tweet),
            Some(_) => "fired".to_owned(),
            None if before.is_empty() => "first".to_owned(),
            None => "known".to_owned(),
        });
        had_moved = from.is_some();
    }
    told
}

/// A price that goes up and down for three hours, with so many prices an hour.
fn walk(rng: &mut fastrand::Rng, an_hour: usize) -> Vec<Seen> {
    let (mut price, mut moment, mut story) = (100.0_f64, 0.0, Vec::new());
    for number in 0..an_hour * 3 {
        moment += rng.f64() * 2.0 * 3_600.0 / an_hour as f64;
        price *= 1.0 + (rng.f64() - 0.5) * 0.01;
        let rounded = (price * 10_000.0).round() / 10_000.0;
        story.push(at(moment as i64).usd(rounded).tweet(number as u32 + 1));
    }
    story
}

#[test]
fn what_comes_in_order_is_judged_as_if_all_of_hundreds_of_prices_were_kept() {
    let (mut rng, mut fired, mut full, cases) = (fastrand::Rng::with_seed(4), 0, 0, 100);
    for _ in 0..cases {
        let direction = [None, Some(Direction::Up), Some(Direction::Down)][rng.usize(..3)];
        let mut window = change(f64::from(rng.u8(2..6)), direction, None);
        window.within = std::time::Duration::from_secs(3_600);
        let an_hour = rng.usize(500..1_000);
        let story = walk(&mut rng, an_hour);
        let (mut state, expected) = (State::new(&window), in_their_order(&window, &story));
        for (seen, expected) in story.iter().zip(&expected) {
            let found = words(&state.observe(&window, seen.clock(), seen.observation()));
            if state.counts().evicted_members > 0 {
                full += 1;
                break;
            }
            assert_eq!(found, *expected, "{an_hour} an hour, {window:?}: {seen:?}");
            fired += usize::from(found.starts_with("fires"));
        }
    }
    assert!(fired > cases * 5 && full * 20 < cases, "{fired} fired, and {full} of {cases} needed more than are kept");
}

#[test]
fn one_that_is_a_minute_late_among_hundreds_has_moved_if_it_is_far_from_any_of_them() {
    let (mut rng, mut late, mut moved) = (fastrand::Rng::with_seed(5), 0, 0);
    for _ in 0..50 {
        let mut window = change(f64::from(rng.u8(2..6)), None, None);
        window.within = std::time::Duration::from_secs(3_600);
        let mut story = walk(&mut rng, 600);
        for seen in &mut story {
            seen.now += if rng.u8(..5) == 0 { rng.i64(1..60) } else { 0 };
        }
        story.sort_by_key(|seen| seen.now);
        let mut state = State::new(&window);
        for (place, seen) in story.iter().enumerate() {
            let found = state.observe(&window, seen.clock(), seen.observation());
            if state.counts().evicted_members > 0 {
                break;
            }
            let is_far = |a: &Seen, b: &Seen| {
                let change = (b.price.unwrap() / a.price.unwrap() - 1.0).abs() * 100.0;
                let WindowKind::Change { percent, .. } = window.kind else { panic!("{window:?}") };
                b.at - a.at < 3_600 && change >= percent * (1.0 - 1e-9)
            };
            let has =
                story[..place].iter().any(|other| if other.at <= seen.at { is_far(other, seen) } else { is_far(seen, other) });
            assert_eq!(matches!(found, Verdict::Fires(_) | Verdict::Fired), has, "{seen:?}: {found:?}");
            late += usize::from(seen.now > seen.at);
            moved += usize::from(has);
        }
    }
    assert!(late > 5_000 && moved > 5_000, "{late} {moved}");
}

#[test]
fn where_more_matter_than_are_kept_the_far_ends_of_a_move_are_found_and_what_was_missed_is_counted() {
    let mut window = change(30.0, Some(Direction::Up), None);
    window.within = std::time::Duration::from_secs(3_600);
    let mut state = State::new(&window);
    let steps = (0..1_000).map(|n| at(n).usd(100.0 + n as f64 / 20.0).tweet(n as u32));
    let told: Vec<_> = steps.map(|seen| words(&state.observe(&window, seen.clock(), seen.observation()))).collect();
    assert_eq!(told.iter().position(|told| told == "fires 2: 0 600"), Some(600), "{told:?}");
    let counts = state.counts();
    assert_eq!((counts.members, counts.evicted_members), (128, 1_000 - 128));
}
