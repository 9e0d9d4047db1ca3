//! `distinct`: so many different values within a time.

use std::collections::BTreeSet;

use birdcall::model::window::Member;
use birdcall::model::window::Part;
use birdcall::rules::ruleset::{Window, WindowKind};
use birdcall::window::{State, Verdict};

use super::kit::{Seen, at, late, tells, window};
use super::law::{Few, Naive, each, fires, history, holds, runs};

fn distinct(at_least: u32, within: u64, rearm: Option<u64>) -> Window {
    window(WindowKind::Distinct { of: Part::Author, at_least }, within, rearm)
}

fn by(moment: i64, value: u8) -> Seen {
    at(moment).of(0, value)
}

#[test]
fn a_value_counts_once_and_its_latest_match_is_told() {
    let seen =
        [(by(1, 1), "1 of 3"), (by(2, 1), "1 of 3"), (by(3, 2), "2 of 3"), (by(4, 1), "2 of 3"), (by(5, 3), "fires 3: 3 4 5")];
    tells(&distinct(3, 10, None), &seen);
}

#[test]
fn it_is_rearmed_by_falling_below_its_threshold() {
    let seen = [
        (by(1, 1), "1 of 2"),
        (by(5, 2), "fires 2: 1 2"),
        (by(10, 2), "fired"),
        (by(13, 2), "1 of 2"),
        (by(14, 1), "fires 2: 4 5"),
    ];
    tells(&distinct(2, 10, None), &seen);
}

#[test]
fn who_goes_on_keeps_it_true_and_it_is_told_once() {
    let seen: Vec<_> = (0..40).map(|n| (by(n, (n % 2) as u8), if n == 1 { "fires 2: 1 2" } else { "fired" })).collect();
    tells(&distinct(2, 10, None), &[&[(by(0, 0), "1 of 2")], &seen[1..]].concat());
}

#[test]
fn one_that_comes_late_is_put_where_it_belongs() {
    let late = |now, at, value| late(now, at).of(0, value);
    let seen = [(by(1, 1), "1 of 3"), (by(11, 2), "1 of 3"), (late(12, 6, 1), "2 of 3"), (late(13, 8, 3), "fires 3: 3 4 2")];
    tells(&distinct(3, 10, None), &seen);
}

#[test]
fn a_burst_of_what_happened_long_ago_fakes_no_confluence() {
    let burst = |at, value| late(1_000, at).of(0, value).fetching(0);
    let seen = [(burst(100, 1), "1 of 3"), (burst(120, 2), "1 of 3"), (burst(140, 3), "1 of 3"), (burst(1_000, 4), "1 of 3")];
    tells(&distinct(3, 10, None), &seen);
}

#[test]
fn with_rearm_it_fires_again_after_that_time() {
    let seen = [(by(0, 1), "1 of 2"), (by(1, 2), "fires 2: 1 2"), (by(5, 1), "fired"), (by(6, 1), "fires 2: 2 4")];
    tells(&distinct(2, 10, Some(5)), &seen);
}

#[test]
fn a_value_that_is_seen_all_the_time_takes_no_room_and_evicts_no_other() {
    let window = distinct(3, 1_000, None);
    let mut state = State::new(&window);
    let mut take = |seen: Seen| state.observe(&window, seen.clock(), seen.observation());
    take(by(0, 1).tweet(1));
    (1..900).for_each(|n| drop(take(by(n, 2).tweet(2))));
    let Verdict::Fires(told) = take(by(900, 3).tweet(3)) else { panic!("it does not fire") };
    assert_eq!((told.count, told.members.len()), (3, 3));
    let counts = state.counts();
    assert!(counts.members <= 5 && counts.evicted_members == 0, "{counts:?}");
}

/// Counts the different values, second by second.
struct Reference {
    firings: Vec<(u8, i64)>,
}

fn values(seen: &[&Seen], t: i64, within: i64) -> BTreeSet<u8> {
    seen.iter().filter(|seen| seen.at > t - within && seen.at <= t).map(|seen| seen.value).collect()
}

impl Naive for Reference {
    fn judge(&mut self, window: &Window, history: &[Seen]) -> Verdict {
        let WindowKind::Distinct { at_least, .. } = window.kind else { panic!("{window:?}") };
        let (within, needed) = (window.within.as_secs() as i64, at_least as usize);
        let new = history.last().unwrap();
        let all: Vec<_> = history.iter().filter(|seen| seen.key == new.key).collect();
        let (first, last) = (all.iter().map(|seen| seen.at).min().unwrap() - 1, all.iter().map(|seen| seen.at).max().unwrap());
        let enough =
            |seen: &[&Seen]| (first..last + within + 2).map(|t| values(seen, t, within).len() >= needed).collect::<Vec<_>>();
        let (before, after) = (enough(&all[..all.len() - 1]), enough(&all));
        let its = new.at..new.at + within;
        let fires_at = match window.rearm {
            Some(rearm) => {
                let is_near = |(key, at): &(u8, i64)| *key == new.key && (at - new.at).abs() < rearm.as_secs() as i64;
                let true_at = its.clone().find(|t| values(&all, *t, within).len() >= needed);
                true_at.filter(|_| !self.firings.iter().any(is_near))
            }
            None => runs(&after).into_iter().find(|run| !before[run.clone()].contains(&true)).map(|run| first + run.start as i64),
        };
        if let Some(t) = fires_at {
            self.firings.push((new.key, new.at));
            let latest = |value: u8| {
                let its = all.iter().copied().filter(|seen| seen.value == value && seen.at > t - within && seen.at <= t);
                its.max_by_key(|seen| seen.at).unwrap()
            };
            let mut members: Vec<_> = values(&all, t, within).into_iter().map(latest).collect();
            members.sort_by_key(|seen| seen.at);
            return fires(window, &new.key(), members.len(), members);
        }
        match its.map(|t| values(&all, t, within).len()).max().unwrap() as u32 {
            have if have < at_least => Verdict::Gathers { have, need: at_least },
            _ => Verdict::Fired,
        }
    }

    /// Of a moment after which something happened that has come already, any match of a value that is within the span may be
    /// told.
    fn agrees(&self, window: &Window, history: &[Seen], expected: &Verdict, found: &Verdict) -> bool {
        let (Verdict::Fires(expected), Verdict::Fires(found)) = (expected, found) else { return expected == found };
        let who = |members: &[Member]| members.iter().map(|member| member.who.clone()).collect::<BTreeSet<_>>();
        let new = history.last().unwrap();
        let latest = history.iter().filter(|seen| seen.key == new.key).map(|seen| seen.at).max();
        let is_real = |member: &Member| history.iter().any(|seen| seen.key == new.key && seen.member() == *member);
        let (Some(first), Some(last)) = (found.members.first(), found.members.last()) else { return false };
        let same = latest > Some(new.at)
            || who(&found.members) == who(&expected.members) && {
                let sorted = |members: &[Member]| {
                    let mut all: Vec<_> = members.iter().map(|member| format!("{member:?}")).collect();
                    all.sort();
                    all
                };
                sorted(&expected.members) == sorted(&found.members)
            };
        same && found.count == expected.count
            && who(&found.members) == who(&expected.members)
            && found.members.len() == expected.members.len()
            && found.members.is_sorted_by_key(|member| member.at)
            && found.members.iter().all(is_real)
            && last.at.since(first.at) < window.within
    }
}

#[test]
fn it_says_what_a_reference_says_that_keeps_everything() {
    each(|rng| {
        let rearm = rng.bool().then(|| rng.u64(1..12));
        let window = distinct(rng.u32(2..5), rng.u64(1..8), rearm);
        let few = Few { keys: 2, values: 5, steps: 1, prices: &[] };
        let story = history(rng, window.within.as_secs() as i64, few);
        holds(&window, || Reference { firings: Vec::new() }, story)
    });
}
