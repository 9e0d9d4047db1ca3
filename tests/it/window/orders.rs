//! What does not depend on the order in which matches come: of `count` and `distinct`, that every stretch is told.
//!
//! The *number* of firings does depend on it, in two corners: two stretches that were told apart may be joined by one that comes
//! later, and one match may make two stretches at once, of which it tells the first. In the order in which things happened
//! neither can be, and there is exactly one firing for each stretch.

use std::ops::Range;

use birdcall::model::window::Part;
use birdcall::rules::ruleset::{Window, WindowKind};
use birdcall::window::{State, Verdict};

use super::kit::{Seen, late, window};
use super::law::{each, runs};

const WITHIN: i64 = 5;
/// None is late: all are within the horizon of the last.
const LENGTH: i64 = 30;

/// The stretches that there are in the end.
fn stretches(window: &Window, all: &[Seen]) -> Vec<Range<i64>> {
    let count = |t: i64| {
        let span: Vec<_> = all.iter().filter(|seen| seen.at > t - WITHIN && seen.at <= t).collect();
        match window.kind {
            WindowKind::Count { at_least } => span.len() >= at_least as usize,
            WindowKind::Distinct { at_least, .. } => {
                (0..4).filter(|value| span.iter().any(|seen| seen.value == *value)).count() >= at_least as usize
            }
            _ => false,
        }
    };
    let enough: Vec<_> = (0..LENGTH + WITHIN + 1).map(count).collect();
    runs(&enough).into_iter().map(|run| run.start as i64..run.end as i64).collect()
}

/// When the matches happened that fire if they come in this order.
fn firings(window: &Window, all: &[Seen]) -> Vec<i64> {
    let mut state = State::new(window);
    let fires = |seen: &&Seen| matches!(state.observe(window, seen.clock(), seen.observation()), Verdict::Fires(_));
    all.iter().filter(fires).map(|seen| seen.at).collect()
}

#[test]
fn in_any_order_every_stretch_is_told_and_in_the_right_one_exactly_once() {
    each(|rng| {
        let kind = match rng.bool() {
            true => WindowKind::Count { at_least: rng.u32(1..4) },
            false => WindowKind::Distinct { of: Part::Author, at_least: rng.u32(2..4) },
        };
        let window = window(kind, WITHIN as u64, None);
        let new = |_| late(LENGTH, rng.i64(0..LENGTH)).of(0, rng.u8(..4)).fetching(0);
        let mut all: Vec<_> = (0..20).map(new).take(20).collect();
        all.truncate(rng.usize(1..20));
        let stretches = stretches(&window, &all);
        rng.shuffle(&mut all);
        let shuffled = firings(&window, &all);
        let covers = |at: i64, stretch: &Range<i64>| at < stretch.end && stretch.start < at + WITHIN;
        let untold = stretches.iter().find(|stretch| !shuffled.iter().any(|at| covers(*at, stretch)));
        let false_one = shuffled.iter().find(|at| !stretches.iter().any(|stretch| covers(**at, stretch)));
        all.sort_by_key(|seen| seen.at);
        let in_order = firings(&window, &all);
        match untold.is_none() && false_one.is_none() && in_order.len() == stretches.len() {
            true => Ok(shuffled.len()),
            false => Err(format!("{window:?}\n{all:#?}\n{stretches:?}, and fires {shuffled:?}, in order {in_order:?}")),
        }
    });
}
