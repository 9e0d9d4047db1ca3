//! Windows that are new by a reload go on as if they had been there, once they have gone through the past.

use std::sync::Arc;

use birdcall::engine::{Engine, Prepared};
use birdcall::model::firing::Origin;
use birdcall::rules::ruleset::RuleSet;
use proptest::prelude::*;

use super::over_time::{Step, Told, any_story, brakes, firings, load, on_record, runner, step, told, windows};
use crate::kit::story::content;

const OTHERS: &str =
    "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"other\"\nsend = [\"out\"]\nwhen = { keyword = \"never\" }\n";

/// What rules fire that are new before step `cut`, and by an engine that had them all the time, from then on.
fn new_and_old(rules: &Arc<RuleSet>, story: &[Step], cut: usize) -> [Vec<Told>; 2] {
    let others = load(OTHERS);
    let (before, after) = story.split_at(cut);
    let mut old = Engine::new(Arc::clone(rules));
    let mut new = Engine::new(Arc::clone(&others));
    let mut seed = Engine::without_messages(Arc::clone(rules));
    for engine in [&mut old, &mut new] {
        before.iter().for_each(|of| drop(step(engine, of)));
    }
    // The past has entries, and no ticks.
    before.iter().filter(|of| of.entry.is_some()).for_each(|of| drop(step(&mut seed, of)));
    drop(new.replace_rules(Prepared::new(Arc::clone(rules), &others)));
    new.adopt_windows(&mut seed, |_| true);
    new.adopt_brakes(&mut seed, |_| true);
    [new, old].map(|mut engine| after.iter().flat_map(|of| told(step(&mut engine, of))).collect())
}

/// For every story, and wherever it is cut.
fn law(rules: &Arc<RuleSet>) {
    let law = |story: Vec<Step>| {
        for cut in 0..=story.len() {
            let [new, old] = new_and_old(rules, &story, cut);
            prop_assert_eq!(&new, &old, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&any_story(), law).unwrap();
}

#[test]
fn a_window_that_is_new_by_a_reload_fires_from_then_on_as_if_it_had_been_there() {
    law(&windows());
}

#[test]
fn a_cooldown_or_limit_that_is_new_by_a_reload_holds_back_from_then_on_what_it_would_if_it_had_been_there() {
    law(&brakes());
}

/// Of these handles the silence is told, again and again.
fn silences(handles: &str) -> Arc<RuleSet> {
    load(&format!(
        "[actions.out]\ntype = \"console\"\nmax_age = \"7d\"\n[[rule]]\nname = \"quiet\"\nsend = [\"out\"]\nwhen = {{ handle = {handles} }}\n\
         window = {{ type = \"silence\", per = \"author\", within = \"10m\", rearm = \"10m\" }}\n"
    ))
}

#[test]
fn the_silence_of_whom_a_rule_does_not_name_any_more_is_told_no_more_neither_after_a_reload_nor_after_a_start() {
    let (both, one) = (silences("[\"kol\", \"other\"]"), silences("[\"other\"]"));
    let (mut live, mut seed) = (Engine::new(Arc::clone(&both)), Engine::without_messages(Arc::clone(&one)));
    let mut effects = Vec::new();
    for (id, handle) in [("1", "kol"), ("2", "other")] {
        let entry = Step { at: 0, entry: Some((content(id, handle, "gm"), Origin::Live)) };
        effects.extend(step(&mut live, &entry));
        step(&mut seed, &entry);
    }
    let tick = |engine: &mut Engine, minute: i64| step(engine, &Step { at: minute * 60_000, entry: None });
    effects.extend(tick(&mut live, 15));
    let (traces, told_once) = (on_record(&effects), firings(&told(effects)));
    assert_eq!(told_once, 2);
    drop(live.replace_rules(Prepared::new(Arc::clone(&one), &both)));
    live.adopt_windows(&mut seed, |_| true);
    assert_eq!(firings(&told(tick(&mut live, 25))), 1, "it is told again of the other");
    let mut again = Engine::new(one);
    again.restore_traces(traces, &[]);
    assert_eq!(firings(&told(tick(&mut again, 25))), 0, "what is on record of it is of other words");
}
