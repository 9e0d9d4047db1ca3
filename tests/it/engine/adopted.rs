//! Windows that are new by a reload go on as if they had been there, once they have gone through the past.

use std::sync::Arc;

use birdcall::engine::{Engine, Prepared};
use birdcall::model::firing::Origin;
use birdcall::rules::ruleset::RuleSet;
use proptest::prelude::*;

use super::over_time::{Step, Told, any_story, brakes, by_other_words, firings, load, on_record, runner, step, told, windows};
use crate::kit::story::{START, content};

const OTHERS: &str =
    "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"other\"\nsend = [\"out\"]\nwhen = { keyword = \"never\" }\n";

/// What rules fire that take the place of others before step `cut`, and by an engine that had them all the time, from then on.
fn new_and_old((others, rules): (&Arc<RuleSet>, &Arc<RuleSet>), story: &[Step], cut: usize) -> [Vec<Told>; 2] {
    let (before, after) = story.split_at(cut);
    let mut old = Engine::new(Arc::clone(rules));
    let mut new = Engine::new(Arc::clone(others));
    let mut seed = Engine::without_messages(Arc::clone(rules));
    for engine in [&mut old, &mut new] {
        before.iter().for_each(|of| drop(step(engine, of)));
    }
    // The past has entries, and no ticks.
    before.iter().filter(|of| of.entry.is_some()).for_each(|of| drop(step(&mut seed, of)));
    drop(new.replace_rules(Prepared::new(Arc::clone(rules), others)));
    new.adopt_windows(&mut seed, |_| true);
    new.adopt_brakes(&mut seed, |_| true);
    [new, old].map(|mut engine| after.iter().flat_map(|of| told(step(&mut engine, of))).collect())
}

/// For every story, and wherever it is cut.
fn law(others: &Arc<RuleSet>, rules: &Arc<RuleSet>) {
    let law = |story: Vec<Step>| {
        for cut in 0..=story.len() {
            let [new, old] = new_and_old((others, rules), &story, cut);
            prop_assert_eq!(&new, &old, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&any_story(), law).unwrap();
}

#[test]
fn a_window_that_is_new_by_a_reload_fires_from_then_on_as_if_it_had_been_there() {
    law(&load(OTHERS), &windows());
}

#[test]
fn a_cooldown_or_limit_that_is_new_by_a_reload_holds_back_from_then_on_what_it_would_if_it_had_been_there() {
    law(&load(OTHERS), &brakes());
}

#[test]
fn a_rule_that_takes_the_place_of_one_by_other_words_goes_on_as_if_it_had_been_there() {
    law(&by_other_words(), &windows());
    law(&by_other_words(), &brakes());
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

#[test]
fn what_was_told_is_told_though_a_start_finds_other_words_or_a_record_of_an_earlier_version() {
    let often = |handles: &str| {
        load(&format!(
            "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"often\"\nsend = [\"out\"]\nwhen = {{ handle = {handles} }}\n\
             window = {{ type = \"count\", within = \"10m\", at_least = 2, rearm = \"1h\" }}\n"
        ))
    };
    let (before, after) = (often("[\"kol\", \"other\"]"), often("[\"kol\"]"));
    let says = |engine: &mut Engine, minute: i64| {
        let at = minute * 60_000;
        let mut tweet = content(&minute.to_string(), "kol", "gm");
        tweet["d"]["createdAt"] = serde_json::json!(START + at);
        step(engine, &Step { at, entry: Some((tweet, Origin::Live)) })
    };
    let mut live = Engine::new(Arc::clone(&before));
    let effects: Vec<_> = [1, 2].into_iter().flat_map(|minute| says(&mut live, minute)).collect();
    let traces = on_record(&effects);
    assert_eq!((firings(&told(effects)), traces.len()), (1, 1));
    let mut old = traces.clone();
    old.iter_mut().for_each(|trace| trace.of = Arc::clone(before.rules[0].counted().unwrap()));
    for (what, rules, traces) in
        [("as ever", &before, &traces), ("other words", &after, &traces), ("an earlier version", &before, &old)]
    {
        let mut again = Engine::new(Arc::clone(rules));
        [1, 2].into_iter().for_each(|minute| drop(says(&mut again, minute)));
        again.restore_traces(traces.clone(), &[]);
        let anew = on_record(&step(&mut again, &Step { at: 3 * 60_000, entry: None }));
        assert!(
            what == "as ever" || anew.iter().all(|trace| Some(&trace.of) == rules.rules[0].seen()) && anew.len() == 1,
            "{what}"
        );
        let fired: Vec<_> = [4, 5, 63].into_iter().map(|minute| firings(&told(says(&mut again, minute)))).collect();
        assert_eq!(fired, [0, 0, 0], "{what}");
        assert_eq!(firings(&told(says(&mut again, 64))), 1, "{what}: it may tell again");
    }
}
