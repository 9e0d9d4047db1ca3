//! What windows leave on record: a restart knows it, whatever it was that left it.

use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Hold, Input, Prepared};
use birdcall::model::firing::Firing;
use birdcall::model::time::Timestamp;
use birdcall::model::window::Trace;
use birdcall::rules::ruleset::RuleSet;
use serde_json::{Value, json};

use super::ORBL;
use super::over_time::{Step, at, firings, load, step, told};
use crate::kit::story::{START, content, meta, token};

fn rules(window: &str) -> Arc<RuleSet> {
    load(&format!(
        "[actions.out]\ntype = \"console\"\nmax_age = \"7d\"\n[[rule]]\nname = \"r\"\nsend = [\"out\"]\nwhen = {{ handle = \"kol\", token = \"DOGE\" }}\n{window}\n"
    ))
}

fn no_window() -> Arc<RuleSet> {
    rules("")
}

const CROSS: &str = "window = { type = \"cross\", above = 1.0, hysteresis = 0.1, within = \"1h\" }";

/// A tweet of a price, and what fires by it.
fn price(engine: &mut Engine, minute: i64, usd: f64) -> usize {
    let (id, ms) = (minute.to_string(), minute * 60_000);
    let dated = |mut envelope: Value| {
        envelope["d"]["createdAt"] = json!(START + ms);
        envelope
    };
    let found = meta(&id, &json!({"tokens": [token("DOGE", ORBL, usd)]}));
    firings(&at(engine, ms, &dated(content(&id, "kol", "$DOGE")))) + firings(&at(engine, ms, &found))
}

/// What has been left since the last step.
fn left(engine: &mut Engine, minute: i64) -> Vec<Trace> {
    let effects = step(engine, &Step { at: minute * 60_000, entry: None });
    effects.into_iter().filter_map(|effect| if let Effect::Trace(trace) = effect { Some(*trace) } else { None }).collect()
}

#[test]
fn what_a_window_was_told_by_the_past_when_it_was_new_outlives_a_restart() {
    let (before, after) = (no_window(), rules(CROSS));
    let mut seed = Engine::without_messages(Arc::clone(&after));
    let mut live = Engine::new(Arc::clone(&before));
    for (minute, usd) in [(0, 0.5), (10, 1.5), (20, 0.95)] {
        price(&mut seed, minute, usd);
        price(&mut live, minute, usd);
    }
    drop(live.replace_rules(Prepared::new(Arc::clone(&after), &before)));
    live.adopt_windows(&mut seed, |_| true);
    let traces = left(&mut live, 21);
    assert!(traces.iter().any(|trace| trace.left.is_beyond), "{traces:?}");
    let mut again = Engine::new(Arc::clone(&after));
    price(&mut again, 20, 0.95);
    again.restore_traces(traces, &[]);
    for engine in [&mut live, &mut again] {
        assert_eq!([(30, 1.6), (40, 0.8), (50, 1.7)].map(|(minute, usd)| price(engine, minute, usd)), [0, 0, 1]);
    }
}

#[test]
fn a_price_is_judged_by_the_level_of_now_whatever_was_told_of_another_one() {
    let cross = |above: &str| rules(&format!("window = {{ type = \"cross\", above = {above}, within = \"1h\" }}"));
    let change = |percent: u8| rules(&format!("window = {{ type = \"change\", percent = {percent}, within = \"1h\" }}"));
    for (before, after, prices, next) in
        [(cross("0.5"), cross("0.6"), [0.45, 0.52], 0.62), (change(10), change(20), [100.0, 110.0], 121.0)]
    {
        let mut live = Engine::new(Arc::clone(&before));
        let (mut seed, mut again) = (Engine::without_messages(Arc::clone(&after)), Engine::new(Arc::clone(&after)));
        let of = |engine: &mut Engine| [price(engine, 0, prices[0]), price(engine, 10, prices[1])];
        assert_eq!([of(&mut live), of(&mut seed), of(&mut again)], [[0, 1], [0, 0], [0, 0]], "{next}");
        let traces = left(&mut live, 11);
        drop(live.replace_rules(Prepared::new(after, &before)));
        live.adopt_windows(&mut seed, |_| true);
        again.restore_traces(traces, &[]);
        assert_eq!([price(&mut live, 20, next), price(&mut again, 20, next)], [1, 1], "by a reload, and by a start: {next}");
    }
}

#[test]
fn of_a_window_that_is_gone_nothing_is_left() {
    let (old, new) = (rules(CROSS), no_window());
    let mut engine = Engine::new(Arc::clone(&old));
    assert_eq!([price(&mut engine, 0, 0.5), price(&mut engine, 10, 1.5)], [0, 1]);
    drop(engine.replace_rules(Prepared::new(new, &old)));
    let gone = left(&mut engine, 11);
    assert!(gone.len() == 1 && gone.iter().all(|trace| trace.left.is_empty()), "{gone:?}");
    // The same at a start: what is on record of a rule that counts something else is taken off it.
    let trace = Trace { left: birdcall::model::window::Left { is_beyond: true, ..Default::default() }, ..gone[0].clone() };
    let mut engine = Engine::new(no_window());
    engine.restore_traces(vec![trace], &[]);
    let gone = left(&mut engine, 12);
    assert!(gone.len() == 1 && gone.iter().all(|trace| trace.left.is_empty()), "{gone:?}");
}

#[test]
fn without_a_record_all_that_is_left_is_recorded_anew() {
    let mut engine = Engine::new(rules(CROSS));
    price(&mut engine, 0, 0.5);
    price(&mut engine, 10, 1.5);
    engine.leave_all_traces();
    let all = left(&mut engine, 11);
    assert!(all.len() == 1 && all[0].left.is_beyond, "{all:?}");
}

#[test]
fn a_silence_that_is_told_again_does_not_count_what_was_not_heard_before_a_restart() {
    let window = "window = { type = \"silence\", within = \"1h\", rearm = \"6h\" }";
    let of = |engine: &mut Engine, minute: i64| {
        let mut effects = Vec::new();
        engine.step(&Input::Tick(Timestamp::from_millis(START + minute * 60_000)), &mut effects);
        effects
    };
    let minute = |minute: i64| Timestamp::from_millis(START + minute * 60_000);
    let mut engine = Engine::new(rules(window));
    price(&mut engine, 0, 0.5);
    let effects = of(&mut engine, 60);
    let traces: Vec<_> = effects
        .iter()
        .filter_map(|effect| if let Effect::Trace(trace) = effect { Some((**trace).clone()) } else { None })
        .collect();
    assert_eq!((firings(&told(effects)), traces.len()), (1, 1));
    // Told after one hour, not heard from the second to the fifth, begun anew in the sixth: told again in the tenth.
    let mut again = Engine::new(rules(window));
    of(&mut again, 360);
    again.hold(Hold::Everything);
    again.restore_traces(traces, &[(minute(120), minute(300))]);
    again.hold(Hold::Nothing);
    assert_eq!([599, 600, 960].map(|minute| firings(&told(of(&mut again, minute)))), [0, 1, 1]);
}

/// What the latest step fires.
fn fired(effects: &[Effect]) -> Vec<Arc<Firing>> {
    effects.iter().filter_map(|effect| if let Effect::Fired(firing) = effect { Some(Arc::clone(firing)) } else { None }).collect()
}

fn tick(engine: &mut Engine, minute: i64) -> Vec<Effect> {
    step(engine, &Step { at: minute * 60_000, entry: None })
}

fn traces_of(effects: Vec<Effect>) -> Vec<Trace> {
    effects.into_iter().filter_map(|effect| if let Effect::Trace(trace) = effect { Some(*trace) } else { None }).collect()
}

#[test]
fn a_silence_of_a_token_that_is_told_again_after_a_restart_is_told_as_without_one() {
    let rules = rules("window = { type = \"silence\", per = \"token\", within = \"1h\", rearm = \"6h\" }");
    let mut engine = Engine::new(Arc::clone(&rules));
    price(&mut engine, 0, 0.5);
    let mut traces = traces_of(tick(&mut engine, 60));
    assert_eq!(traces.len(), 1);
    for trace in &mut traces {
        // As a journal keeps it.
        trace.left = serde_json::from_str(&serde_json::to_string(&trace.left).unwrap()).unwrap();
    }
    // So late that no entry of it is replayed any more.
    let mut again = Engine::new(rules);
    tick(&mut again, 300);
    again.restore_traces(traces, &[]);
    for minute in [420, 780] {
        let [expected, found] = [&mut engine, &mut again].map(|engine| fired(&tick(engine, minute)));
        assert_eq!(format!("{expected:#?}"), format!("{found:#?}"));
        assert!(expected.len() == 1 && expected[0].element.is_some(), "{expected:#?}");
    }
}

#[test]
fn what_an_earlier_version_has_left_of_a_silence_is_told_again_as_another_firing() {
    let rules = rules("window = { type = \"silence\", within = \"1h\", rearm = \"6h\" }");
    let mut engine = Engine::new(Arc::clone(&rules));
    price(&mut engine, 0, 0.5);
    let effects = tick(&mut engine, 60);
    let mut ids: Vec<_> = fired(&effects).iter().map(|firing| firing.id).collect();
    let mut traces = traces_of(effects);
    let old = format!(
        r#"{{"silence":{{"at":{START},"event":"tweet","tweet":"0","who":"kol","told":{},"again_in":21600000}}}}"#,
        START + 3_600_000
    );
    traces[0].left = serde_json::from_str(&old).unwrap();
    let mut again = Engine::new(rules);
    tick(&mut again, 60);
    again.restore(ids.clone());
    again.restore_traces(traces, &[]);
    ids.extend([420, 780].iter().flat_map(|minute| fired(&tick(&mut again, *minute))).map(|firing| firing.id));
    ids.dedup();
    assert_eq!(ids.len(), 3, "each time another one");
}
