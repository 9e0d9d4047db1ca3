//! Windows, silences, cooldowns and limits in the engine: they survive a restart and a reload, wait until it is known which token it is, and
//! are told of.

use std::collections::HashMap;
use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Input, Prepared};
use birdcall::model::delivery::{Outcome, Suppression};
use birdcall::model::firing::{Firing, Origin};
use birdcall::model::identity::{Identity, Kind};
use birdcall::model::time::Timestamp;
use birdcall::model::window::Trace;
use birdcall::rules::ruleset::RuleSet;
use birdcall::{decode, rules};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

use super::{ORBL, OTHER};
use crate::kit::story::{START, content, meta, of_tweet, token};

/// A rule with each type of window, one with each sort of brake, and those together.
const RULES: &str = r#"
[actions.out]
type = "console"
max_age = "1d"
[actions.other]
type = "console"
max_age = "10m"
[[rule]]
name = "count"
send = ["out"]
when = { keyword = "gm" }
window = { type = "count", per = "author", within = "10m", at_least = 2 }
[[rule]]
name = "often"
send = ["out"]
when = { keyword = "gm" }
window = { type = "count", within = "10m", at_least = 2, rearm = "7m" }
[[rule]]
name = "distinct"
send = ["out"]
when = { token = true }
window = { type = "distinct", of = "author", per = "token", within = "10m", at_least = 2 }
[[rule]]
name = "new"
send = ["out"]
when = { token = true }
window = { type = "first_seen", of = "token", within = "20m" }
[[rule]]
name = "cross"
send = ["out"]
when = { token = "DOGE" }
window = { type = "cross", above = 0.5, hysteresis = 0.05, within = "30m" }
[[rule]]
name = "change"
send = ["out"]
when = { token = "DOGE" }
window = { type = "change", percent = 20, within = "10m" }
[[rule]]
name = "quiet"
send = ["out"]
when = { handle = "kol" }
window = { type = "silence", within = "9m" }
[[rule]]
name = "still-quiet"
send = ["out"]
when = { handle = "kol" }
window = { type = "silence", within = "6m", rearm = "25m" }
[[rule]]
name = "again"
send = ["out"]
when = { token = "DOGE" }
window = { type = "change", percent = 10, within = "4m", rearm = "30m" }
[[rule]]
name = "crosses-again"
send = ["out"]
when = { token = "DOGE" }
window = { type = "cross", below = 0.5, within = "10m", rearm = "20m" }
[[rule]]
name = "steps-again"
send = ["out"]
when = { token = true }
[rule.window]
type = "sequence"
within = "5m"
rearm = "12m"
steps = [{ on = "tweet", keyword = "gm" }, { on = "tweet", handle = "kol" }]
[[rule]]
name = "steps"
on = ["tweet", "delete"]
send = ["out"]
[rule.window]
type = "sequence"
per = "author"
within = "15m"
steps = [{ on = "tweet", keyword = "gm" }, { on = "tweet", token = true }, { on = "delete" }]
[[rule]]
name = "cooled"
cooldown = { for = "8m", per = "author" }
send = ["out", { to = "other", cooldown = "12m" }]
when = { keyword = "gm" }
[[rule]]
name = "limited"
limit = "2/10m"
active = "12:00-12:58"
send = ["out"]
when = { keyword = "gm" }
[[rule]]
name = "both"
cooldown = "5m"
send = ["out"]
when = { token = true }
window = { type = "count", within = "10m", at_least = 2, rearm = "1m" }
"#;

pub(super) fn load(text: &str) -> Arc<RuleSet> {
    let sources = [rules::Source::rules("rules.toml", text)];
    let loaded = rules::load(&sources);
    Arc::new(loaded.ruleset.unwrap_or_else(|| {
        panic!("{}", rules::render(&loaded.diagnostics, &sources, rules::Style::Plain));
    }))
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: i64,
    pub(super) entry: Option<(Value, Origin)>,
}

/// What is told: firings with what their windows say, and what became of their sends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Fired(String, i64, Option<(u32, Vec<i64>)>, u32),
    Sent(String, usize),
    Ended(String, usize, &'static str),
}

fn fired(of: &Firing) -> Told {
    let window = of.window.as_ref().map(|told| (told.count, told.members.iter().map(|of| of.at.as_millis() - START).collect()));
    Told::Fired(format!("{} {}", of.rule, of.id), of.at.as_millis() - START, window, of.held)
}

pub(super) fn told(effects: Vec<Effect>) -> Vec<Told> {
    let of = |effect| match effect {
        Effect::Revise(of) => panic!("no message is edited here: {of:?}"),
        Effect::Trace(_) | Effect::Identity(_) => None,
        Effect::Fired(of) => Some(fired(&of)),
        Effect::Deliver(of) | Effect::Paper(of) => Some(Told::Sent(of.firing.id.to_string(), of.action)),
        Effect::Ended(of) => Some(Told::Ended(
            of.firing.id.to_string(),
            of.action,
            match of.outcome {
                Outcome::Suppressed { reason } => reason.name(),
                other => Box::leak(other.name().to_owned().into_boxed_str()),
            },
        )),
    };
    effects.into_iter().filter_map(of).collect()
}

pub(super) fn step(engine: &mut Engine, step: &Step) -> Vec<Effect> {
    let (mut effects, at) = (Vec::new(), Timestamp::from_millis(START + step.at));
    match &step.entry {
        None => engine.step(&Input::Tick(at), &mut effects),
        Some((envelope, origin)) => {
            let frame = envelope.to_string();
            let envelope = decode::decode(&frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
            engine.step(&Input::Entry { envelope: &envelope, at, origin: *origin }, &mut effects);
        }
    }
    effects
}

/// The story with a restart before step `cut`: a new engine that goes through the entries once more, silently, and is then told what had fired.
fn with_a_restart(rules: &Arc<RuleSet>, story: &[Step], cut: usize) -> Vec<Told> {
    let (before, after) = story.split_at(cut);
    let mut engine = Engine::new(Arc::clone(rules));
    let all: Vec<_> = before.iter().flat_map(|of| step(&mut engine, of)).collect();
    let ids: Vec<_> = all.iter().filter_map(|effect| if let Effect::Fired(of) = effect { Some(of.id) } else { None }).collect();
    let mut all = told(all);
    let mut engine = Engine::new(Arc::clone(rules));
    for entry in before.iter().filter(|of| of.entry.is_some()) {
        step(&mut engine, entry);
    }
    // What has ended by the end of the run before has been told by it.
    if let Some(last) = before.last() {
        step(&mut engine, &Step { at: last.at, entry: None });
    }
    engine.restore(ids);
    all.extend(after.iter().flat_map(|of| told(step(&mut engine, of))));
    all
}

pub(super) fn without(rules: &Arc<RuleSet>, story: &[Step]) -> Vec<Told> {
    let mut engine = Engine::new(Arc::clone(rules));
    story.iter().flat_map(|of| told(step(&mut engine, of))).collect()
}

/// The story with the rules replaced before step `cut` by the same in another order, with others around them.
fn with_a_reload(rules: &Arc<RuleSet>, other: &Arc<RuleSet>, story: &[Step], cut: usize) -> Vec<Told> {
    let (before, after) = story.split_at(cut);
    let mut engine = Engine::new(Arc::clone(rules));
    let mut all: Vec<_> = before.iter().flat_map(|of| told(step(&mut engine, of))).collect();
    drop(engine.replace_rules(Prepared::new(Arc::clone(other), rules)));
    all.extend(after.iter().flat_map(|of| told(step(&mut engine, of))));
    all
}

/// The rules from the last to the first, after one that is new.
fn turned_round() -> Arc<RuleSet> {
    let (head, of) = RULES.split_once("[[rule]]").unwrap();
    let mut all: Vec<_> = of.split("[[rule]]").collect();
    all.push("\nname = \"of-now\"\nsend = [\"out\"]\nwhen = { keyword = \"never\" }\n");
    let all: String = all.into_iter().rev().map(|rule| format!("[[rule]]{rule}")).collect();
    load(&format!("{head}{all}"))
}

/// A story of few people, words and prices, in steps that meet the times of the rules; some of it is old when it comes.
pub(super) fn any_story() -> impl Strategy<Value = Vec<Step>> {
    a_story_of(1..28)
}

fn a_story_of(steps: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let minutes = prop::sample::select(vec![0_i64, 1, 1, 2, 3, 5, 8, 9, 10]);
    let old = prop::sample::select(vec![0_i64, 0, 0, 0, 1, 4, 12]);
    let price = prop::sample::select(vec![0.4, 0.44, 0.48, 0.5, 0.52, 0.6]);
    let one = (minutes, old, 0..10, prop::sample::select(vec!["kol", "other", "third"]), price);
    prop::collection::vec(one, steps).prop_map(|steps| {
        let (mut at, mut story) = (0, Vec::new());
        for (number, (minutes, old, sort, handle, price)) in steps.into_iter().enumerate() {
            at += minutes * 60_000;
            let id = number.to_string();
            let origin = if old > 1 { Origin::Backfill } else { Origin::Live };
            let dated = |mut envelope: Value| {
                envelope["d"]["createdAt"] = json!(START + at - old * 60_000);
                envelope
            };
            let mut push = |envelope| story.push(Step { at, entry: Some((envelope, origin)) });
            match sort {
                0..=3 => push(dated(content(&id, handle, "gm"))),
                4 => push(dated(content(&id, handle, &format!("gm {OTHER}")))),
                5 | 6 => {
                    push(dated(content(&id, handle, "$DOGE")));
                    push(meta(&id, &json!({"tokens": [token("DOGE", ORBL, price)]})));
                }
                7 => push(dated(content(&id, handle, "$DOGE"))),
                8 => push(of_tweet("delete", &number.saturating_sub(3).to_string(), &json!({}))),
                _ => story.push(Step { at, entry: None }),
            }
        }
        story.push(Step { at: at + 3_600_000, entry: None });
        story
    })
}

fn cases() -> u32 {
    std::env::var("INDEX_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48)
}

/// The same stories every time.
pub(super) fn runner() -> proptest::test_runner::TestRunner {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn a_restart_in_the_middle_of_every_window_cooldown_and_limit_changes_nothing() {
    let rules = load(RULES);
    let law = |story: Vec<Step>| {
        let expected = without(&rules, &story);
        for cut in 0..=story.len() {
            prop_assert_eq!(&with_a_restart(&rules, &story, cut), &expected, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&any_story(), law).unwrap();
}

/// What the journal has of the traces that windows have left.
pub(super) fn on_record(effects: &[Effect]) -> Vec<Trace> {
    let mut traces: HashMap<_, Trace> = HashMap::new();
    for effect in effects {
        if let Effect::Trace(trace) = effect {
            let place = (Arc::clone(&trace.rule), Arc::clone(&trace.key));
            if trace.left.is_empty() { drop(traces.remove(&place)) } else { drop(traces.insert(place, (**trace).clone())) }
        }
    }
    let mut traces: Vec<_> = traces.into_values().collect();
    traces.sort_by_key(|trace| trace.at);
    traces
}

/// What the journal has of who and what is the same, the latest written last; in front of what took another's place that one.
pub(super) fn learned(effects: &[Effect]) -> Vec<Identity> {
    let mut rows: Vec<(Option<Identity>, Identity)> = Vec::new();
    for effect in effects {
        let Effect::Identity(of) = effect else { continue };
        let before = rows.iter().position(|(_, row)| (row.kind, &row.name) == (of.kind, &of.name)).map(|at| rows.remove(at));
        if of.is.is_some() {
            let was = before.and_then(|(was, row)| if row.is == of.is { was } else { Some(row) });
            let ever = Timestamp::from_millis(i64::MIN);
            rows.push((was.map(|was| Identity { at: ever, ..was }), of.clone()));
        }
    }
    rows.into_iter().flat_map(|(was, row)| was.into_iter().chain([row])).collect()
}

/// As [`with_a_restart`], where the journal has no more than the rules look back to beyond what is on record; it says what was held back.
pub(super) fn with_a_short_memory(rules: &Arc<RuleSet>, story: &[Step], cut: usize) -> Vec<Told> {
    let (before, after) = story.split_at(cut);
    let mut engine = Engine::new(Arc::clone(rules));
    engine.restore_traces(Vec::new(), &[]);
    let all: Vec<_> = before.iter().flat_map(|of| step(&mut engine, of)).collect();
    let ids: Vec<_> = all.iter().filter_map(|effect| if let Effect::Fired(of) = effect { Some(of.id) } else { None }).collect();
    let mut held: HashMap<_, Vec<_>> = HashMap::new();
    for effect in &all {
        if let Effect::Ended(report) = effect
            && let Outcome::Suppressed { reason } = report.outcome
        {
            held.entry(report.firing.id).or_default().push((report.action, reason));
        }
    }
    let (sightings, traces) = on_record(&all).into_iter().partition(|trace| trace.left.is_sighting());
    let known = learned(&all);
    let mut all = told(all);
    let mut engine = Engine::new(Arc::clone(rules));
    let last = before.last().map_or(0, |last| last.at);
    let now = Timestamp::from_millis(START + last);
    engine.restore_sightings(sightings, ids.clone(), (now, now));
    let since = last - i64::try_from(engine.reach().as_millis()).unwrap();
    engine.were_held(held);
    let is_first = |of: &Identity| of.kind == Kind::Contract || of.at < Timestamp::from_millis(START + since);
    let (first, mut later): (Vec<_>, Vec<_>) = known.into_iter().partition(is_first);
    engine.know(first);
    for entry in before.iter().filter(|of| of.entry.is_some() && of.at >= since) {
        engine.know(later.extract_if(.., |of| of.at < Timestamp::from_millis(START + entry.at)));
        step(&mut engine, entry);
    }
    engine.know(later);
    if let Some(last) = before.last() {
        step(&mut engine, &Step { at: last.at, entry: None });
    }
    engine.were_held(HashMap::new());
    engine.restore(ids);
    engine.restore_traces(traces, &[]);
    all.extend(after.iter().flat_map(|of| told(step(&mut engine, of))));
    all
}

#[test]
fn a_restart_that_sees_no_further_back_than_the_rules_lets_nothing_through_that_was_to_be_held() {
    let rule = |name: &str, lines: &str| {
        format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\nwhen = {{ keyword = \"gm\" }}\n{lines}\n")
    };
    let text = "[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n".to_owned()
        + &rule("cooled", "cooldown = { for = \"8m\", per = \"author\" }")
        + &rule("limited", "limit = \"2/10m\"");
    let rules = load(&text);
    // How many were held back before the first entry that is replayed is not known.
    let but_for_counts = |told: Vec<Told>| -> Vec<Told> {
        let of = |of| if let Told::Fired(id, at, window, _) = of { Told::Fired(id, at, window, 0) } else { of };
        told.into_iter().map(of).collect()
    };
    let law = |story: Vec<Step>| {
        let expected = but_for_counts(without(&rules, &story));
        for cut in 0..=story.len() {
            prop_assert_eq!(&but_for_counts(with_a_short_memory(&rules, &story, cut)), &expected, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&any_story(), law).unwrap();
}

/// The rules of [`RULES`] that hold nothing back.
pub(super) fn windows() -> Arc<RuleSet> {
    some(|rule| !rule.contains("cooldown") && !rule.contains("limit"))
}

/// All of them by other words, and other brakes.
pub(super) fn by_other_words() -> Arc<RuleSet> {
    let words = [("\"gm\"", "\"nobody says that\""), ("\"DOGE\"", "\"WIF\""), ("\"kol\"", "\"third\""), ("\"8m\"", "\"3m\"")];
    load(&words.into_iter().fold(RULES.to_owned(), |text, (word, other)| text.replace(word, other)))
}

/// Those that do.
pub(super) fn brakes() -> Arc<RuleSet> {
    some(|rule| rule.contains("cooldown") || rule.contains("limit"))
}

fn some(is_one: impl Fn(&&str) -> bool) -> Arc<RuleSet> {
    let (head, of) = RULES.split_once("[[rule]]").unwrap();
    let all = of.split("[[rule]]").filter(is_one);
    load(&format!("{head}{}", all.map(|rule| format!("[[rule]]{rule}")).collect::<String>()))
}

#[test]
fn a_restart_that_sees_no_further_back_than_windows_look_changes_nothing_however_long_the_past_was() {
    let rules = windows();
    // What was seen before is told however long ago that was, if it is known.
    let told_of = |told: Vec<Told>| -> Vec<Told> {
        let of = |of| match of {
            Told::Fired(id, at, _, held) if id.starts_with("new ") => Told::Fired(id, at, None, held),
            other => other,
        };
        told.into_iter().map(of).collect()
    };
    let law = |story: Vec<Step>| {
        let expected = told_of(without(&rules, &story));
        for cut in (0..=story.len()).rev().step_by(7) {
            prop_assert_eq!(&told_of(with_a_short_memory(&rules, &story, cut)), &expected, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&a_story_of(30..80), law).unwrap();
}

#[test]
fn what_comes_twice_counts_once() {
    let rules = load(RULES);
    let law = |(story, again): (Vec<Step>, Vec<bool>)| {
        let twice: Vec<_> = story
            .iter()
            .zip(again.into_iter().cycle())
            .flat_map(|(of, again)| std::iter::repeat_n(of.clone(), if again && of.entry.is_some() { 2 } else { 1 }))
            .collect();
        prop_assert_eq!(without(&rules, &twice), without(&rules, &story));
        Ok(())
    };
    runner().run(&(any_story(), prop::collection::vec(any::<bool>(), 1..20)), law).unwrap();
}

#[test]
fn a_reload_of_rules_that_kept_their_names_changes_nothing() {
    let (rules, other) = (load(RULES), turned_round());
    let law = |story: Vec<Step>| {
        let expected = sorted(&without(&rules, &story));
        for cut in 0..=story.len() {
            prop_assert_eq!(&sorted(&with_a_reload(&rules, &other, &story, cut)), &expected, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&any_story(), law).unwrap();
}

/// In another order of the rules what comes of one moment comes in another order.
fn sorted(told: &[Told]) -> Vec<String> {
    let mut told: Vec<_> = told.iter().map(|of| format!("{of:?}")).collect();
    told.sort();
    told
}

#[test]
fn stories_of_the_laws_make_every_rule_fire_and_every_brake_hold() {
    let rules = load(RULES);
    let mut all = String::new();
    let strategy = any_story();
    let mut runner = runner();
    for _ in 0..200 {
        let story = strategy.new_tree(&mut runner).unwrap().current();
        all += &format!("{:?}", without(&rules, &story));
    }
    for rule in &rules.rules {
        assert!(all.contains(&format!("Fired(\"{} ", rule.name)), "{} never fires", rule.name);
    }
    for reason in [Suppression::Cooldown, Suppression::Limit, Suppression::Hours] {
        assert!(all.contains(reason.name()), "{} holds nothing back", reason.name());
    }
}

pub(super) fn one(text: &str) -> Engine {
    Engine::new(load(&format!(
        "[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n[[rule]]\nname = \"r\"\nsend = [\"out\"]\n{text}"
    )))
}

pub(super) fn at(engine: &mut Engine, ms: i64, envelope: &Value) -> Vec<Told> {
    told(step(engine, &Step { at: ms, entry: Some((envelope.clone(), Origin::Live)) }))
}

pub(super) fn firings(told: &[Told]) -> usize {
    told.iter().filter(|of| matches!(of, Told::Fired(..))).count()
}
