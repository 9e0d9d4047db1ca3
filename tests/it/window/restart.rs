//! A state that has taken in no more than what a window looks back to, and is told what the past had left, says what one says that has taken in all.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use birdcall::model::subject::Event;
use birdcall::model::window::{Left, Part};
use birdcall::rules::condition::Condition;
use birdcall::rules::ruleset::{Direction, Hysteresis, Level, Step, Window, WindowKind};
use birdcall::window::{State, Verdict};
use fastrand::Rng;

use super::kit::{Seen, at, late, seconds, told_words, window, words};
use super::law::each;

const PRICES: [f64; 7] = [80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0];

/// One of any type.
fn any_window(rng: &mut Rng) -> Window {
    let step = || Step { on: vec![Event::Tweet], when: Condition::All(Vec::new()) };
    let direction = if rng.bool() { Direction::Up } else { Direction::Down };
    let hysteresis = Hysteresis::Usd(if rng.bool() { 10.0 } else { 0.0 });
    let kind = match rng.u8(..6) {
        0 => WindowKind::Count { at_least: rng.u32(1..5) },
        1 => WindowKind::Distinct { of: Part::Author, at_least: rng.u32(2..4) },
        2 => WindowKind::FirstSeen { of: Part::Author },
        3 => WindowKind::Cross(Level { price: 100.0, direction, hysteresis }),
        4 => WindowKind::Change { percent: 10.0, direction: rng.bool().then_some(direction) },
        _ => WindowKind::Sequence { steps: std::iter::repeat_with(step).take(rng.usize(2..5)).collect() },
    };
    let rearm = (!matches!(kind, WindowKind::FirstSeen { .. }) && rng.bool()).then(|| rng.u64(1..30));
    window(kind, rng.u64(2..12), rearm)
}

/// A long story, of which some comes late.
fn story(rng: &mut Rng, within: i64) -> Vec<Seen> {
    let mut now = 100;
    let count = rng.u32(2..90);
    let one = |tweet: u32| {
        now += rng.i64(0..=2) + if rng.u8(..20) == 0 { rng.i64(0..within * 2) } else { 0 };
        let moment = if rng.u8(..5) == 0 { rng.i64(now - within..=now) } else { now };
        let price = PRICES[rng.usize(..PRICES.len())];
        late(now, moment).of(rng.u8(..2), rng.u8(..4)).step(rng.usize(..4)).usd(price).tweet(tweet)
    };
    (1..count).map(one).collect()
}

fn keep(state: &mut State, lefts: &mut HashMap<Box<str>, Left>) {
    for (key, left) in state.take_left() {
        if left.is_empty() { drop(lefts.remove(&key)) } else { drop(lefts.insert(key, left)) }
    }
}

fn restored(window: &Window, before: &[Seen], lefts: &HashMap<Box<str>, Left>) -> State {
    let mut state = State::new(window);
    let Some(last) = before.last().map(|last| last.now) else { return state };
    let since = last - window.reach().as_secs() as i64;
    for seen in before.iter().filter(|seen| seen.now >= since) {
        state.observe(window, seen.clock(), seen.observation());
    }
    // As a journal keeps it.
    let kept = |left: &Left| serde_json::from_str(&serde_json::to_string(left).unwrap()).unwrap();
    state.restore(window, seconds(last), lefts.iter().map(|(key, left)| (key.clone(), kept(left))));
    state
}

#[test]
fn however_long_the_past_was_what_it_looks_back_to_and_what_was_left_are_enough() {
    each(|rng| {
        let window = any_window(rng);
        let story = story(rng, window.within.as_secs() as i64);
        let cut = rng.usize(..=story.len());
        let (mut state, mut lefts, mut fired) = (State::new(&window), HashMap::new(), 0);
        for seen in &story[..cut] {
            fired += usize::from(matches!(state.observe(&window, seen.clock(), seen.observation()), Verdict::Fires(_)));
            keep(&mut state, &mut lefts);
        }
        let mut other = restored(&window, &story[..cut], &lefts);
        for (place, seen) in story.iter().enumerate().skip(cut) {
            let [expected, found] = [&mut state, &mut other].map(|of| of.observe(&window, seen.clock(), seen.observation()));
            // What was seen last is told however long ago it was, if it is known.
            let both = [&expected, &found].map(|verdict| match (verdict, &window.kind) {
                (Verdict::Fires(_), WindowKind::FirstSeen { .. }) => "fires".to_owned(),
                (verdict, _) => words(verdict),
            });
            if both[0] != both[1] {
                let story: Vec<_> = story.iter().map(|seen| format!("{seen:?}")).collect();
                return Err(format!("{window:#?}\n{}\ncut before {cut}, number {place}: {both:?}", story.join("\n")));
            }
        }
        Ok(fired)
    });
}

/// What happens to a silence.
#[derive(Clone, Debug)]
enum Happens {
    Comes(Seen),
    Tick(i64),
}

fn told(window: &Window, state: &mut State, now: i64) -> Vec<String> {
    std::iter::from_fn(|| state.due(window, seconds(now)))
        .map(|due| format!("{}: {} {:?}", due.told.key, told_words(&due.told), (due.at, due.again)))
        .collect()
}

#[test]
fn a_silence_that_began_long_ago_is_told_again_when_it_would_have_been() {
    each(|rng| {
        let mut window = window(WindowKind::Silence, rng.u64(2..8), Some(rng.u64(1..30)));
        window.per = vec![Part::Author];
        let mut now = 100;
        let count = rng.u32(2..60);
        let mut happens: VecDeque<_> = (1..count)
            .map(|tweet| {
                now += rng.i64(0..6);
                if rng.u8(..3) == 0 { Happens::Comes(at(now).of(rng.u8(..4), 0).tweet(tweet)) } else { Happens::Tick(now) }
            })
            .collect();
        let cut = rng.usize(..=happens.len());
        let (mut state, mut lefts, mut fired, mut last) = (State::new(&window), HashMap::new(), 0, 0);
        let mut recent = Vec::new();
        for happens in happens.drain(..cut) {
            match happens {
                Happens::Comes(seen) => {
                    last = seen.now;
                    state.observe(&window, seen.clock(), seen.observation());
                    keep(&mut state, &mut lefts);
                    recent.push(seen);
                }
                Happens::Tick(now) => {
                    last = now;
                    while state.due(&window, seconds(now)).is_some() {
                        fired += 1;
                        keep(&mut state, &mut lefts);
                    }
                }
            }
        }
        let mut other = State::new(&window);
        for seen in recent.iter().filter(|seen| seen.now >= last - i64::try_from(window.reach().as_secs()).unwrap()) {
            other.observe(&window, seen.clock(), seen.observation());
        }
        told(&window, &mut other, last);
        while state.due(&window, seconds(last)).is_some() {
            keep(&mut state, &mut lefts);
        }
        let before = lefts.clone();
        other.restore(&window, seconds(last), lefts);
        for (place, happens) in happens.into_iter().enumerate() {
            let both = [&mut state, &mut other].map(|state| match &happens {
                Happens::Comes(seen) => {
                    state.observe(&window, seen.clock(), seen.observation());
                    Vec::new()
                }
                Happens::Tick(now) => {
                    let mut all = told(&window, state, *now);
                    // Of those that are due at the same moment the order is not kept.
                    all.sort();
                    all
                }
            });
            if both[0] != both[1] {
                return Err(format!("{window:?}\n{recent:#?}\n{before:?}\n{place} after {cut}: {happens:?}: {both:?}"));
            }
        }
        Ok(fired)
    });
}

#[test]
fn a_price_that_has_not_gone_back_for_longer_than_it_looks_back_to_does_not_cross_again() {
    let level = Level { price: 100.0, direction: Direction::Up, hysteresis: Hysteresis::Usd(5.0) };
    let window = window(WindowKind::Cross(level), 10, None);
    assert_eq!(window.within, Duration::from_secs(10));
    let before: Vec<_> = [99.0, 101.0].into_iter().chain(std::iter::repeat_n(97.0, 12)).collect();
    let story: Vec<_> =
        before.iter().enumerate().map(|(n, price)| at(100 + 5 * n as i64).usd(*price).tweet(n as u32 + 1)).collect();
    let (mut state, mut lefts) = (State::new(&window), HashMap::new());
    for seen in &story {
        state.observe(&window, seen.clock(), seen.observation());
        keep(&mut state, &mut lefts);
    }
    let next = at(170).usd(101.0).tweet(99);
    let says = |lefts| words(&restored(&window, &story, &lefts).observe(&window, next.clock(), next.observation()));
    assert_eq!(says(lefts), "fired");
    assert_eq!(says(HashMap::new()), "fires 2: 14 99", "nothing is on record");
}

#[test]
fn what_was_seen_is_known_from_what_was_left_alone_also_who_leaves_for_want_of_room() {
    each(|rng| {
        let mut window = window(WindowKind::FirstSeen { of: Part::Author }, rng.u64(2..60), None);
        window.max_keys = rng.usize(1..6);
        let mut now = 100;
        let count = rng.u32(2..60);
        let one = |tweet: u32| {
            now += rng.i64(1..20);
            at(now).of(rng.u8(..2), rng.u8(..4)).tweet(tweet)
        };
        let story: Vec<_> = (1..count).map(one).collect();
        let cut = rng.usize(..story.len());
        // On record what was written last comes last.
        let (mut state, mut record, mut fired) = (State::new(&window), Vec::<(Box<str>, Left)>::new(), 0);
        for seen in &story[..cut] {
            fired += usize::from(matches!(state.observe(&window, seen.clock(), seen.observation()), Verdict::Fires(_)));
            for (key, left) in state.take_left() {
                record.retain(|(known, _)| *known != key);
                record.extend((!left.is_empty()).then_some((key, left)));
            }
        }
        let mut other = State::new(&window);
        other.restore(&window, seconds(story[cut].now), record.clone());
        if other.counts().keys != record.len() || other.counts().members != state.counts().members {
            return Err(format!("{window:#?}\n{record:#?}: {:?}, and not {:?}", other.counts(), state.counts()));
        }
        for (place, seen) in story.iter().enumerate().skip(cut) {
            let both = [&mut state, &mut other].map(|of| words(&of.observe(&window, seen.clock(), seen.observation())));
            if both[0] != both[1] {
                return Err(format!("{window:#?}\n{story:#?}\ncut before {cut}, number {place}: {both:?}"));
            }
        }
        Ok(fired)
    });
}

#[test]
fn of_more_than_there_is_room_for_the_last_are_known_and_the_others_are_taken_off_the_record() {
    let mut window = window(WindowKind::FirstSeen { of: Part::Author }, 100, None);
    let (mut state, mut record) = (State::new(&window), Vec::new());
    for value in 0..5 {
        let seen = at(100 + i64::from(value)).of(0, value);
        state.observe(&window, seen.clock(), seen.observation());
        record.extend(state.take_left());
    }
    window.max_keys = 2;
    let mut other = State::new(&window);
    other.restore(&window, seconds(105), record.clone());
    let mut gone: Vec<_> = other.take_left().collect();
    gone.sort_by(|one, other| one.0.cmp(&other.0));
    let first: Vec<_> = record[..3].iter().map(|(key, _)| (key.clone(), Left::default())).collect();
    assert_eq!(gone, first);
    let says = |value: u8, state: &mut State| {
        let seen = at(105).of(0, value);
        words(&state.observe(&window, seen.clock(), seen.observation()))
    };
    assert_eq!([4, 3].map(|value| says(value, &mut other)), ["known", "known"]);
}
