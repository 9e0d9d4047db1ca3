//! Windows that are new by a reload go on as if they had been there, once they have gone through the past.

use std::sync::Arc;

use birdcall::engine::{Engine, Prepared};
use proptest::prelude::*;

use super::over_time::{Step, Told, any_story, load, runner, step, told, windows};

const OTHERS: &str =
    "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"other\"\nsend = [\"out\"]\nwhen = { keyword = \"never\" }\n";

/// What a window fires that is new before step `cut`, and by an engine that had it all the time, from then on.
fn new_and_old(story: &[Step], cut: usize) -> [Vec<Told>; 2] {
    let (rules, others) = (windows(), load(OTHERS));
    let (before, after) = story.split_at(cut);
    let mut old = Engine::new(Arc::clone(&rules));
    let mut new = Engine::new(Arc::clone(&others));
    let mut seed = Engine::without_messages(Arc::clone(&rules));
    for engine in [&mut old, &mut new] {
        before.iter().for_each(|of| drop(step(engine, of)));
    }
    // The past has entries, and no ticks.
    before.iter().filter(|of| of.entry.is_some()).for_each(|of| drop(step(&mut seed, of)));
    drop(new.replace_rules(Prepared::new(rules, &others)));
    new.adopt_windows(&mut seed);
    [new, old].map(|mut engine| after.iter().flat_map(|of| told(step(&mut engine, of))).collect())
}

#[test]
fn a_window_that_is_new_by_a_reload_fires_from_then_on_as_if_it_had_been_there() {
    let law = |story: Vec<Step>| {
        for cut in 0..=story.len() {
            let [new, old] = new_and_old(&story, cut);
            prop_assert_eq!(&new, &old, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&any_story(), law).unwrap();
}
