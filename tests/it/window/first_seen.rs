//! `first_seen`: a value that was not seen for that long, or never.

use birdcall::model::window::Part;
use birdcall::rules::ruleset::{Window, WindowKind};
use birdcall::window::Verdict;

use super::kit::{Seen, at, late, tells, window};
use super::law::{Few, Naive, each, fires, history, holds};

fn first_seen(within: u64) -> Window {
    window(WindowKind::FirstSeen { of: Part::Contract }, within, None)
}

#[test]
fn it_fires_when_a_value_was_never_seen_or_not_for_that_long() {
    let seen = [
        (at(0).of(0, 1), "fires 1: 1"),
        (at(5).of(0, 1), "known"),
        (at(14).of(0, 1), "known"),
        (at(24).of(0, 1), "fires 1: 3 4"),
        (at(25).of(0, 2), "fires 1: 5"),
    ];
    tells(&first_seen(10), &seen);
}

#[test]
fn each_key_has_its_own_values() {
    tells(&first_seen(10), &[(at(0).of(1, 1), "fires 1: 1"), (at(1).of(2, 1), "fires 1: 2"), (at(2).of(1, 1), "known")]);
}

#[test]
fn a_sighting_that_is_not_newer_than_the_last_never_fires() {
    let seen = [(at(50).of(0, 1), "fires 1: 1"), (late(50, 45).of(0, 1), "known"), (at(50).of(0, 1), "known")];
    tells(&first_seen(10), &seen);
}

/// Looks through all sightings.
struct Reference;

impl Naive for Reference {
    fn judge(&mut self, window: &Window, history: &[Seen]) -> Verdict {
        let (new, before) = history.split_last().unwrap();
        let same = |seen: &&Seen| seen.key == new.key && seen.value == new.value;
        if before.iter().filter(same).any(|seen| seen.at > new.at - window.within.as_secs() as i64) {
            return Verdict::Known;
        }
        // Of equal times the one that came first.
        let last = before.iter().rev().filter(same).max_by_key(|seen| seen.at);
        fires(window, &new.key(), 1, last.into_iter().chain([new]).collect())
    }
}

#[test]
fn it_says_what_a_reference_says_that_keeps_everything() {
    each(|rng| {
        let window = first_seen(rng.u64(1..8));
        let story = history(rng, window.within.as_secs() as i64, Few { keys: 2, values: 3, steps: 1, prices: &[] });
        holds(&window, || Reference, story)
    });
}
