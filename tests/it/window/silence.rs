//! `silence`: no match for that long, after there was one.

use std::collections::HashMap;

use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::{Window, WindowKind};
use birdcall::window::{Due, State, Verdict};
use fastrand::Rng;

use super::kit::{Seen, at, late, seconds, told_words, window};
use super::law::each;

fn silence(within: u64, rearm: Option<u64>) -> Window {
    window(WindowKind::Silence, within, rearm)
}

/// What happens to a silence.
#[derive(Clone, Debug)]
enum Step {
    Comes(Seen),
    /// Time passes.
    Tick(i64),
    /// Nothing was heard from the first until the second.
    Deaf(i64, i64),
}
use Step::{Comes, Deaf, Tick};

/// `key 1, 0: 2, since 110`; of one that is told again the how manieth time.
fn words_of(due: &Due) -> String {
    let again = if due.again == 0 { String::new() } else { format!(", again {}", due.again) };
    format!("{}, {}, since {}{again}", due.told.key, told_words(&due.told), due.at.as_millis() / 1_000)
}

struct Listener(Window, State);

impl Listener {
    fn new(window: Window) -> Self {
        let state = State::new(&window);
        Self(window, state)
    }

    /// What is told, in words; for a match, that it is late.
    fn take(&mut self, step: &Step) -> Vec<String> {
        let Self(window, state) = self;
        match step {
            Comes(seen) => {
                let verdict = state.observe(window, seen.clock(), seen.observation());
                (verdict != Verdict::Known).then(|| super::kit::words(&verdict)).into_iter().collect()
            }
            Tick(now) => {
                let due = std::iter::from_fn(|| state.due(window, seconds(*now)));
                due.map(|due| words_of(&due)).collect()
            }
            Deaf(since, until) => {
                state.resume(seconds(*until), seconds(*since));
                Vec::new()
            }
        }
    }
}

#[track_caller]
fn tells(window: Window, steps: &[(Step, &[&str])]) {
    let mut listener = Listener::new(window);
    for (place, (step, told)) in steps.iter().enumerate() {
        assert_eq!(listener.take(step), *told, "{place}: {step:?}");
    }
}

fn comes(moment: i64, key: u8, tweet: u32) -> Step {
    Comes(at(moment).of(key, 0).tweet(tweet))
}

#[test]
fn it_is_told_once_so_long_after_the_last_match_and_armed_again_by_the_next() {
    let none: &[&str] = &[];
    tells(
        silence(10, None),
        &[
            (Tick(50), none),
            (comes(100, 1, 1), none),
            (comes(105, 1, 2), none),
            (Tick(114), none),
            (Tick(115), &["key 1, 0: 2, since 115"]),
            (Tick(900), none),
            (comes(900, 1, 3), none),
            (Tick(912), &["key 1, 0: 3, since 910"]),
        ],
    );
}

#[test]
fn several_are_told_in_the_order_in_which_they_were_due() {
    let steps: &[(Step, &[&str])] = &[
        (comes(103, 3, 1), &[]),
        (comes(103, 1, 2), &[]),
        (comes(104, 2, 3), &[]),
        (Comes(late(104, 101).of(4, 0).tweet(4)), &[]),
        (Tick(200), &["key 4, 0: 4, since 111", "key 3, 0: 1, since 113", "key 1, 0: 2, since 113", "key 2, 0: 3, since 114"]),
    ];
    tells(silence(10, None), steps);
}

#[test]
fn a_match_that_is_not_newer_than_the_last_changes_nothing() {
    let steps: &[(Step, &[&str])] = &[
        (comes(100, 1, 1), &[]),
        (Comes(late(102, 95).of(1, 0)), &[]),
        (comes(100, 1, 3), &[]),
        (Tick(110), &["key 1, 0: 1, since 110"]),
    ];
    tells(silence(10, None), steps);
}

#[test]
fn with_rearm_it_is_told_again_while_it_lasts_each_time_as_of_its_moment_whenever_somebody_asks() {
    let steps: &[(Step, &[&str])] = &[
        (comes(100, 1, 1), &[]),
        (Tick(110), &["key 1, 0: 1, since 110"]),
        (Tick(114), &[]),
        (Tick(115), &["key 1, 0: 1, since 115, again 1"]),
        (Tick(133), &["key 1, 0: 1, since 120, again 2", "key 1, 0: 1, since 125, again 3", "key 1, 0: 1, since 130, again 4"]),
        (Tick(134), &[]),
        (Tick(135), &["key 1, 0: 1, since 135, again 5"]),
        (comes(136, 1, 2), &[]),
        (Tick(145), &[]),
        (Tick(149), &["key 1, 0: 2, since 146"]),
    ];
    tells(silence(10, Some(5)), steps);
}

#[test]
fn time_in_which_nothing_could_be_heard_does_not_count() {
    let steps: &[(Step, &[&str])] =
        &[(comes(100, 1, 1), &[]), (Deaf(103, 200), &[]), (Tick(206), &[]), (Tick(208), &["key 1, 0: 1, since 207"])];
    tells(silence(10, None), steps);
    // One that happened meanwhile, and came with history.
    let fetched = Comes(late(200, 150).of(1, 0).fetching(103).tweet(2));
    let steps: &[(Step, &[&str])] = &[
        (comes(100, 1, 1), &[]),
        (Deaf(103, 200), &[]),
        (fetched, &[]),
        (Tick(209), &[]),
        (Tick(213), &["key 1, 0: 2, since 210"]),
    ];
    tells(silence(10, None), steps);
}

#[test]
fn it_says_when_it_has_to_be_asked() {
    let mut listener = Listener::new(silence(10, None));
    assert_eq!(listener.1.next_deadline(), None);
    listener.take(&comes(100, 1, 1));
    listener.take(&comes(95, 2, 2));
    assert_eq!(listener.1.next_deadline(), Some(seconds(105)));
    listener.take(&Deaf(101, 201));
    assert_eq!(listener.1.next_deadline(), Some(seconds(205)));
    assert_eq!(listener.take(&Tick(300)).len(), 2);
    assert_eq!(listener.1.next_deadline(), None);
}

#[test]
fn a_key_that_had_to_leave_is_not_told_and_is_counted() {
    let mut window = silence(10, None);
    window.max_keys = 2;
    let mut listener = Listener::new(window);
    (1..=3).for_each(|key| drop(listener.take(&comes(100, key, u32::from(key)))));
    assert_eq!(listener.take(&Tick(110)), ["key 2, 0: 2, since 110", "key 3, 0: 3, since 110"]);
    assert_eq!((listener.1.counts().evicted_keys, listener.1.counts().keys), (1, 2));
}

/// Remembers all that came, all that was told and all times without hearing.
#[derive(Default)]
struct Reference {
    came: Vec<Seen>,
    deaf: Vec<(i64, i64)>,
    /// Of a match, by its place, how often it was told.
    told: HashMap<usize, u32>,
}

impl Reference {
    /// For so long it has been listened to in silence.
    fn silent(&self, since: i64, now: i64) -> i64 {
        let deaf = |(from, until): &(i64, i64)| (now.min(*until) - since.max(*from)).max(0);
        now - since - self.deaf.iter().map(deaf).sum::<i64>()
    }

    /// The matches that are the last of their keys, by their places.
    fn last(&self) -> Vec<usize> {
        let mut last: Vec<usize> = Vec::new();
        for key in 0..8 {
            let of = self.came.iter().enumerate().filter(|(_, seen)| seen.key == key);
            let newest = of.clone().map(|(_, seen)| seen.at).max();
            last.extend(of.clone().find(|(_, seen)| Some(seen.at) == newest).map(|(place, _)| place));
        }
        last
    }

    /// For so long it must have been silent after a match to be told next. `None`: never.
    fn needed(&self, window: &Window, place: usize) -> Option<i64> {
        let seconds = |of: std::time::Duration| of.as_secs() as i64;
        match self.told.get(&place).copied().unwrap_or(0) {
            0 => Some(seconds(window.within)),
            told => window.rearm.map(|rearm| seconds(window.within) + i64::from(told) * seconds(rearm)),
        }
    }

    /// The first moment at which it had been silent for so long.
    fn moment(&self, since: i64, needed: i64) -> i64 {
        (since..since + 10_000).find(|t| self.silent(since, *t) >= needed).unwrap()
    }

    /// All that is told by now: in the order in which it was due, then in that in which the matches came.
    fn due(&mut self, window: &Window, now: i64) -> Vec<String> {
        let mut due = Vec::new();
        for place in self.last() {
            let silent = self.silent(self.came[place].at, now);
            while let Some(needed) = self.needed(window, place).filter(|needed| *needed <= silent) {
                let again = self.told.entry(place).or_default();
                due.push((needed - silent, place, needed, *again));
                *again += 1;
            }
        }
        due.sort_unstable();
        let words = |(_, place, needed, again): (i64, usize, i64, u32)| {
            let seen = &self.came[place];
            let again = if again == 0 { String::new() } else { format!(", again {again}") };
            format!("{}, 0: {}, since {}{again}", seen.key(), seen.tweet, self.moment(seen.at, needed))
        };
        due.into_iter().map(words).collect()
    }

    fn take(&mut self, window: &Window, step: &Step) -> Vec<String> {
        match step {
            Comes(seen) => {
                let horizon = (seen.now - window.within.as_secs() as i64).min(seen.oldest.unwrap_or(i64::MAX));
                if seen.at < horizon {
                    return vec!["late".into()];
                }
                self.came.push(seen.clone());
                Vec::new()
            }
            Tick(now) => self.due(window, *now),
            Deaf(since, until) => {
                self.deaf.push((*since, *until));
                Vec::new()
            }
        }
    }

    /// The first second at which something is due, from this one on.
    fn next(&self, window: &Window, now: i64) -> Option<Timestamp> {
        let due = |place: usize| Some(self.moment(self.came[place].at, self.needed(window, place)?));
        let next = self.last().into_iter().filter_map(due).min();
        next.filter(|next| (now - 200..now + 200).contains(next)).map(seconds)
    }
}

fn steps(rng: &mut Rng, within: i64) -> Vec<Step> {
    let (mut now, mut steps, mut oldest, mut horizon) = (1_000, Vec::new(), None::<i64>, i64::MIN);
    for number in 1..rng.u32(2..30) {
        match rng.u8(..8) {
            0 => {
                let since = now;
                now += rng.i64(1..within * 3);
                steps.push(Deaf(since, now));
                oldest = Some(since);
            }
            1 => oldest = None,
            2..5 => {
                now += rng.i64(0..within);
                steps.push(Tick(now));
            }
            _ => now += rng.i64(0..2),
        }
        horizon = horizon.max(oldest.map_or(now - within, |oldest| oldest.min(now - within)));
        let moment = if rng.bool() { now } else { rng.i64(horizon - 1..=now) };
        let seen = Seen { oldest, ..late(now, moment).of(rng.u8(..3), 0).tweet(number) };
        steps.push(Comes(seen));
    }
    steps
}

#[test]
fn it_says_what_a_reference_says_that_keeps_everything() {
    each(|rng| {
        let window = silence(rng.u64(2..8), rng.bool().then(|| rng.u64(1..6)));
        let steps = steps(rng, window.within.as_secs() as i64);
        let (mut listener, mut reference, mut fired) = (Listener::new(window.clone()), Reference::default(), 0);
        for (place, step) in steps.iter().enumerate() {
            let (expected, found) = (reference.take(&window, step), listener.take(step));
            let now = match step {
                Comes(seen) => seen.now,
                Tick(now) | Deaf(_, now) => *now,
            };
            let asks = (reference.next(&window, now), listener.1.next_deadline());
            if expected != found || asks.0 != asks.1 {
                return Err(format!("{window:?}\n{steps:#?}\n{place}: expected {expected:?}, found {found:?}; asks {asks:?}"));
            }
            fired += found.iter().filter(|found| *found != "late").count();
        }
        Ok(fired)
    });
}
