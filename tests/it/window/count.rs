//! `count`: so many matches within a time.

use birdcall::rules::ruleset::{Window, WindowKind};
use birdcall::window::Verdict;

use super::kit::{Seen, at, late, tells, window};
use super::law::{Few, Naive, each, fires, history, holds, runs};

fn count(at_least: u32, within: u64, rearm: Option<u64>) -> Window {
    window(WindowKind::Count { at_least }, within, rearm)
}

#[test]
fn it_fires_at_the_match_that_makes_it_enough_and_not_again_while_it_is() {
    let seen = [(at(1), "1 of 3"), (at(5), "2 of 3"), (at(9), "fires 3: 1 2 3"), (at(10), "fired"), (at(12), "fired")];
    tells(&count(3, 10, None), &seen);
}

#[test]
fn what_happened_exactly_so_long_ago_is_outside() {
    tells(&count(2, 10, None), &[(at(0), "1 of 2"), (at(10), "1 of 2"), (at(19), "fires 2: 2 3")]);
}

#[test]
fn it_is_rearmed_by_falling_below_its_threshold() {
    // Enough until 11, when the first leaves.
    let seen = [(at(1), "1 of 2"), (at(5), "fires 2: 1 2"), (at(16), "1 of 2"), (at(17), "fires 2: 3 4")];
    tells(&count(2, 10, None), &seen);
}

#[test]
fn two_stretches_that_touch_are_one() {
    // Enough from 5 until 11, and from 11 on.
    let seen = [(at(1), "1 of 2"), (at(5), "fires 2: 1 2"), (at(11), "fired"), (at(12), "fired")];
    tells(&count(2, 10, None), &seen);
    let seen = [(at(1), "1 of 2"), (at(5), "fires 2: 1 2"), (at(15), "1 of 2"), (late(16, 12), "fires 2: 2 4")];
    tells(&count(2, 10, None), &seen);
}

#[test]
fn one_that_comes_late_is_put_where_it_belongs() {
    let seen = [(at(1), "1 of 3"), (at(11), "1 of 3"), (late(12, 5), "2 of 3"), (late(13, 8), "fires 3: 1 3 4")];
    tells(&count(3, 10, None), &seen);
}

#[test]
fn one_that_joins_stretches_that_have_been_told_does_not_fire() {
    let seen = [(at(0), "1 of 2"), (at(9), "fires 2: 1 2"), (at(18), "fires 2: 2 3"), (late(19, 10), "fired")];
    tells(&count(2, 10, None), &seen);
}

#[test]
fn a_burst_of_what_happened_long_ago_fakes_nothing() {
    let burst = |now, at| late(now, at).fetching(0);
    let seen = [(burst(100, 20), "1 of 3"), (burst(100, 40), "1 of 3"), (burst(100, 60), "1 of 3"), (burst(100, 100), "1 of 3")];
    tells(&count(3, 10, None), &seen);
    // What was together then is told.
    tells(&count(3, 10, None), &[(burst(100, 20), "1 of 3"), (burst(100, 28), "2 of 3"), (burst(100, 25), "fires 3: 1 3 2")]);
}

#[test]
fn older_than_within_is_late_unless_older_is_still_to_come() {
    let window = count(1, 10, None);
    tells(&window, &[(late(100, 90), "fires 1: 1"), (late(100, 89), "late")]);
    tells(&window, &[(late(100, 50).fetching(50), "fires 1: 1"), (late(100, 49).fetching(50), "late")]);
    tells(&window, &[(late(100, 90).fetching(95), "fires 1: 1"), (late(100, 89).fetching(95), "late")]);
}

#[test]
fn what_is_said_to_happen_in_the_future_happens_now() {
    tells(&count(2, 10, None), &[(late(1, 50), "1 of 2"), (at(11), "1 of 2"), (at(12), "fires 2: 2 3")]);
}

#[test]
fn keys_are_counted_apart() {
    let seen = [(at(1).of(1, 0), "1 of 2"), (at(2).of(2, 0), "1 of 2"), (at(3).of(1, 0), "fires 2: 1 3")];
    tells(&count(2, 10, None), &seen);
}

#[test]
fn with_rearm_it_fires_again_after_that_time_even_if_it_has_been_true_all_along() {
    let seen = [
        (at(0), "1 of 2"),
        (at(1), "fires 2: 1 2"),
        (at(4), "fired"),
        (at(6), "fires 4: 1 2 3 4"),
        (late(12, 3), "fired"),
        (at(12), "fires 4: 5 3 4 6"),
    ];
    tells(&count(2, 10, Some(5)), &seen);
}

#[test]
fn of_very_many_the_newest_hundred_are_told() {
    let mut seen: Vec<_> = (1..200).map(|n| (at(n), format!("{n} of 200"))).collect();
    let told: Vec<_> = (101..=200).map(|n| n.to_string()).collect();
    seen.push((at(200), format!("fires 200: {}", told.join(" "))));
    let seen: Vec<_> = seen.iter().map(|(seen, told)| (seen.clone(), told.as_str())).collect();
    tells(&count(200, 1_000, None), &seen);
}

/// Counts, second by second.
struct Reference {
    firings: Vec<(u8, i64)>,
}

fn enough(seen: &[&Seen], seconds: std::ops::Range<i64>, (within, needed): (i64, usize)) -> Vec<bool> {
    seconds.map(|t| seen.iter().filter(|seen| seen.at > t - within && seen.at <= t).count() >= needed).collect()
}

impl Naive for Reference {
    fn judge(&mut self, window: &Window, history: &[Seen]) -> Verdict {
        let WindowKind::Count { at_least } = window.kind else { panic!("{window:?}") };
        let within = window.within.as_secs() as i64;
        let new = history.last().unwrap();
        let all: Vec<_> = history.iter().filter(|seen| seen.key == new.key).collect();
        let (first, last) = (all.iter().map(|seen| seen.at).min().unwrap() - 1, all.iter().map(|seen| seen.at).max().unwrap());
        let seconds = first..last + within + 2;
        let before = enough(&all[..all.len() - 1], seconds.clone(), (within, at_least as usize));
        let after = enough(&all, seconds, (within, at_least as usize));
        let count = |t: i64| all.iter().filter(|seen| seen.at > t - within && seen.at <= t).count();
        let its = new.at..new.at + within;
        let fires_at = match window.rearm {
            Some(rearm) => {
                let is_near = |(key, at): &(u8, i64)| *key == new.key && (at - new.at).abs() < rearm.as_secs() as i64;
                let true_at = its.clone().find(|t| count(*t) >= at_least as usize);
                true_at.filter(|_| !self.firings.iter().any(is_near))
            }
            None => runs(&after).into_iter().find(|run| !before[run.clone()].contains(&true)).map(|run| first + run.start as i64),
        };
        if let Some(t) = fires_at {
            self.firings.push((new.key, new.at));
            let mut members: Vec<_> = all.iter().copied().filter(|seen| seen.at > t - within && seen.at <= t).collect();
            members.sort_by_key(|seen| seen.at);
            return fires(window, &new.key(), members.len(), members);
        }
        match its.map(count).max().unwrap() as u32 {
            have if have < at_least => Verdict::Gathers { have, need: at_least },
            _ => Verdict::Fired,
        }
    }
}

#[test]
fn it_says_what_a_reference_says_that_keeps_everything() {
    each(|rng| {
        let rearm = rng.bool().then(|| rng.u64(1..12));
        let window = count(rng.u32(1..5), rng.u64(1..8), rearm);
        let few = Few { keys: 2, values: 1, steps: 1, prices: &[] };
        let story = history(rng, window.within.as_secs() as i64, few);
        holds(&window, || Reference { firings: Vec::new() }, story)
    });
}
