//! What rules with `first_seen` have seen: a restart knows it without the entries that said it.

use std::sync::Arc;
use std::time::Duration;

use birdcall::engine::{Effect, Engine, Prepared};
use birdcall::model::firing::Origin;
use birdcall::model::ids::FiringId;
use birdcall::model::time::Timestamp;
use birdcall::model::window::Trace;
use birdcall::rules::ruleset::{RuleSet, WindowKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::over_time::{Step, Told, at, firings, load, on_record, runner, step, told, with_a_short_memory, without};
use super::{ORBL, OTHER};
use crate::kit::story::{START, content};

const HOUR: i64 = 3_600_000;

fn rule(name: &str, lines: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\nwhen = {{ keyword = \"gm\" }}\n{lines}\n")
}

fn rules(all: &[String]) -> Arc<RuleSet> {
    load(&("[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n".to_owned() + &all.concat()))
}

/// Of few tokens and people, over months; some of it comes late, some twice.
fn a_long_story() -> impl Strategy<Value = Vec<Step>> {
    let hours = prop::sample::select(vec![0_i64, 1, 2, 5, 23, 24, 300, 720, 800]);
    let old = prop::sample::select(vec![0_i64, 0, 0, 1, 5]);
    let one = (hours, old, prop::sample::select(vec!["kol", "other"]), prop::sample::select(vec![ORBL, OTHER]), any::<bool>());
    prop::collection::vec(one, 1..30).prop_map(|steps| {
        let (mut now, mut story) = (0, Vec::new());
        for (number, (hours, old, handle, contract, again)) in steps.into_iter().enumerate() {
            now += hours * HOUR + 1;
            let mut envelope = content(&number.to_string(), handle, &format!("gm {contract}"));
            envelope["d"]["createdAt"] = json!(START + now - old * HOUR);
            let origin = if old > 0 { Origin::Backfill } else { Origin::Live };
            story.push(Step { at: now, entry: Some((envelope.clone(), origin)) });
            story.extend(again.then_some(Step { at: now + 1, entry: Some((envelope, origin)) }));
        }
        story
    })
}

#[test]
fn a_restart_with_the_entries_of_the_last_hours_alone_changes_nothing_of_what_is_new_in_thirty_days() {
    let rules = rules(&[
        rule("new", "window = { type = \"first_seen\", of = \"contract\", within = \"30d\" }"),
        rule("of-each", "window = { type = \"first_seen\", of = \"contract\", per = \"author\", within = \"10d\" }"),
        rule(
            "cooled",
            "cooldown = \"3h\"\nwindow = { type = \"first_seen\", of = \"contract\", per = \"author\", within = \"1d\" }",
        ),
    ]);
    // How many were held back before the first entry that is replayed is not known, nor is what was seen longer ago than that matters.
    let told_of = |told: Vec<Told>| -> Vec<Told> {
        let of = |of| if let Told::Fired(id, at, ..) = of { Told::Fired(id, at, None, 0) } else { of };
        told.into_iter().map(of).collect()
    };
    let law = |story: Vec<Step>| {
        let expected = told_of(without(&rules, &story));
        for cut in 0..=story.len() {
            prop_assert_eq!(&told_of(with_a_short_memory(&rules, &story, cut)), &expected, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&a_long_story(), law).unwrap();
}

const NEW: &str = "window = { type = \"first_seen\", of = \"contract\", within = \"30d\" }";

fn day(days: i64) -> Timestamp {
    Timestamp::from_millis(START + days * 24 * HOUR)
}

fn tweet(id: &str, days: i64, contract: &str) -> Step {
    let mut envelope: Value = content(id, "kol", &format!("gm {contract}"));
    envelope["d"]["createdAt"] = json!(day(days).as_millis());
    Step { at: days * 24 * HOUR, entry: Some((envelope, Origin::Live)) }
}

fn tick(engine: &mut Engine, days: i64) -> Vec<Effect> {
    step(engine, &Step { at: days * 24 * HOUR, entry: None })
}

/// A run from the first day on that has heard of one contract; what it left on record.
fn a_run(rules: &Arc<RuleSet>) -> (Engine, Vec<Trace>) {
    let mut engine = Engine::new(Arc::clone(rules));
    engine.restore_traces(Vec::new(), &[]);
    let effects = step(&mut engine, &tweet("1", 1, ORBL));
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Fired(_))).count(), 1);
    (engine, on_record(&effects))
}

fn started(rules: &Arc<RuleSet>, sightings: &[Trace]) -> (Engine, Duration) {
    let mut engine = Engine::new(Arc::clone(rules));
    engine.restore_sightings(sightings.to_vec(), [], (day(2), day(2)));
    let reach = engine.reach();
    tick(&mut engine, 2);
    engine.restore_traces(Vec::new(), &[]);
    (engine, reach)
}

#[test]
fn entries_are_needed_until_all_sightings_of_a_rule_as_it_is_are_on_record() {
    let old = rules(&[rule("new", NEW)]);
    let (_, record) = a_run(&old);
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let wider = rules(&[rule("new", NEW).replace("gm", "gn")]);
    let longer = rules(&[rule("new", &NEW.replace("30d", "60d"))]);
    let off = rules(&[rule("new", &format!("mode = \"off\"\n{NEW}"))]);
    let word: Vec<_> = record.iter().filter(|trace| trace.left.complete.is_some()).cloned().collect();
    let without_word: Vec<_> = record.iter().filter(|trace| trace.left.complete.is_none()).cloned().collect();
    for (what, rules, record, needed) in [
        ("nothing on record", &old, &[][..], days(31)),
        ("the same", &old, &record[..], Duration::ZERO),
        ("of no sighting", &old, &word[..], Duration::ZERO),
        ("from before there was a word", &old, &without_word[..], days(31)),
        ("other words", &wider, &record[..], days(31)),
        ("a longer time", &longer, &record[..], Duration::ZERO),
        ("off", &off, &record[..], Duration::ZERO),
    ] {
        let (mut engine, reach) = started(rules, record);
        // Of the first run it is known that there was nothing before it.
        assert_eq!(reach, needed, "{what}");
        // What was not complete is, from then on; and what is on record of other rules is taken off it.
        let next = after(record, tick(&mut engine, 2));
        let expected = if what == "off" { (0, Duration::ZERO) } else { (1, Duration::ZERO) };
        let words = next.iter().filter(|trace| trace.left.complete.is_some()).count();
        assert_eq!((words, started(rules, &next).1), expected, "{what}: {next:?}");
    }
}

/// What is on record after these, where this was before.
fn after(record: &[Trace], effects: Vec<Effect>) -> Vec<Trace> {
    let before = record.iter().map(|trace| Effect::Trace(Box::new(trace.clone())));
    on_record(&before.chain(effects).collect::<Vec<_>>())
}

#[test]
fn what_was_seen_by_other_words_is_no_news_either() {
    let (_, record) = a_run(&rules(&[rule("new", NEW)]));
    let (mut engine, _) = started(&rules(&[rule("new", NEW).replace("{ keyword = \"gm\" }", "{ handle = \"kol\" }")]), &record);
    assert_eq!(
        [("2", ORBL), ("3", OTHER)].map(|(id, contract)| firings(&told(step(&mut engine, &tweet(id, 3, contract))))),
        [0, 1]
    );
}

#[test]
fn of_a_rule_that_is_gone_by_a_reload_nothing_stays_on_record() {
    let old = rules(&[rule("new", NEW)]);
    let (mut engine, record) = a_run(&old);
    assert_eq!(record.len(), 2);
    drop(engine.replace_rules(Prepared::new(rules(&[rule("other", "")]), &old)));
    assert_eq!(after(&record, tick(&mut engine, 2)), []);
}

#[test]
fn a_rule_that_had_other_words_for_a_while_has_not_seen_all_of_its_own() {
    let of = |word: &str| rules(&[rule("new", NEW).replace("gm", word)]);
    let (first, other) = (of("gm"), of("gn"));
    let (mut engine, record) = a_run(&first);
    assert_eq!(started(&first, &record).1, Duration::ZERO);
    drop(engine.replace_rules(Prepared::new(Arc::clone(&other), &first)));
    let effects = tick(&mut engine, 2);
    let record = after(&record, effects);
    drop(engine.replace_rules(Prepared::new(Arc::clone(&first), &other)));
    let record = after(&record, tick(&mut engine, 2));
    // What only the first words find was not recorded meanwhile: the entries are needed.
    assert_ne!(started(&first, &record).1, Duration::ZERO, "{record:?}");
}

#[test]
fn no_other_trace_waits_behind_very_many_sightings() {
    let of_tweets = rule("new", "window = { type = \"first_seen\", of = \"tweet\", within = \"30d\" }");
    let rearmed = rule("told", "window = { type = \"count\", within = \"1h\", at_least = 1, rearm = \"10m\" }");
    let mut engine = Engine::new(rules(&[of_tweets, rearmed]));
    for number in 0..5_000 {
        step(&mut engine, &tweet(&number.to_string(), 1, ""));
    }
    engine.restore_traces(Vec::new(), &[]);
    tick(&mut engine, 2);
    let record = on_record(&step(&mut engine, &tweet("next", 3, "")));
    assert!(record.iter().any(|trace| &*trace.rule == "told"), "{}", record.len());
}

#[test]
fn what_a_new_rule_was_told_of_the_past_by_a_reload_is_on_record_as_all_of_it() {
    let (old, new) = (rules(&[rule("other", "")]), rules(&[rule("new", NEW)]));
    let (mut live, mut seed) = (Engine::new(Arc::clone(&old)), Engine::without_messages(Arc::clone(&new)));
    for engine in [&mut live, &mut seed] {
        step(engine, &tweet("1", 1, ORBL));
    }
    drop(live.replace_rules(Prepared::new(Arc::clone(&new), &old)));
    live.adopt_windows(&mut seed, |_| true);
    let record = on_record(&tick(&mut live, 2));
    let (mut again, reach) = started(&new, &record);
    assert_eq!(reach, Duration::ZERO);
    assert_eq!(firings(&at(&mut again, 3 * 24 * HOUR, &tweet("2", 3, ORBL).entry.unwrap().0)), 0);
}

#[test]
fn very_many_sightings_are_recorded_in_parts_and_the_word_that_they_are_all_comes_last() {
    let rules = rules(&[rule("new", "window = { type = \"first_seen\", of = \"tweet\", within = \"30d\" }")]);
    let mut engine = Engine::new(rules);
    for number in 0..5_000 {
        step(&mut engine, &tweet(&number.to_string(), 1, ""));
    }
    engine.restore_traces(Vec::new(), &[]);
    let parts: Vec<_> = std::iter::repeat_with(|| tick(&mut engine, 2)).take_while(|part| !part.is_empty()).collect();
    assert!(
        parts.len() == 3 && parts.iter().all(|part| part.len() <= 2_048),
        "{:?}",
        parts.iter().map(Vec::len).collect::<Vec<_>>()
    );
    let last = parts.into_iter().flatten().last();
    assert!(matches!(last, Some(Effect::Trace(trace)) if trace.left.complete.is_some()));
}

/// A journal of any version has these words.
#[test]
fn what_a_rule_counts_and_how_it_finds_its_matches_goes_on_record_by_the_same_words_as_ever() {
    let steps = "[rule.window]\ntype = \"sequence\"\nwithin = \"1h\"\nper = \"author\"\nsteps = [{ keyword = \"gm\" }, { keyword = \"gn\" }]";
    let set = rules(&[rule("new", NEW), rule("steps", steps)]);
    let [new, of_steps] = &set.rules[..] else { panic!("{set:?}") };
    let by = FiringId::of("judged", &format!("{:?} {:?} {:?}", new.on, new.each, new.when), "").to_string();
    let counted = |words: &str| FiringId::of("window", words, "").to_string();
    let (_, record) = a_run(&rules(&[rule("new", NEW)]));
    assert!(record.iter().all(|trace| *trace.of == counted("first_seen contract per ")), "{record:?}");
    assert!(record.iter().any(|trace| trace.left.complete.as_ref().is_some_and(|complete| complete.by == by)), "{record:?}");
    let Some(WindowKind::Sequence { steps }) = of_steps.window.as_ref().map(|window| &window.kind) else { panic!("{set:?}") };
    assert_eq!(of_steps.counted().map(ToString::to_string), Some(counted(&format!("sequence {steps:?} per author"))));
}
