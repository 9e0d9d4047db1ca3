//! A restart in the middle of a story is none: a new engine that is given what fired and replays the entries goes on as the old one would.

use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Input};
use birdcall::feed::simulator::traffic::Traffic;
use birdcall::model::firing::Origin;
use birdcall::model::ids::FiringId;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use birdcall::{decode, rules};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ORBL, OTHER, rule};
use crate::kit::story::{START, content, meta, of_tweet, token, update};

/// Something that happens, and when.
#[derive(Clone, Debug)]
struct Step {
    at: Timestamp,
    /// `None`: only time passes.
    entry: Option<(String, Origin)>,
}

/// A firing, as far as anybody could tell one from another.
type Told = (FiringId, String, Timestamp, Origin, String);

fn load(text: &str) -> Arc<RuleSet> {
    let sources = [rules::Source::rules("rules.toml", text)];
    let loaded = rules::load(&sources);
    Arc::new(loaded.ruleset.unwrap_or_else(|| {
        panic!("{}", rules::render(&loaded.diagnostics, &sources, rules::Style::Plain));
    }))
}

fn every_sort_of_rule() -> Arc<RuleSet> {
    let rules = "[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n".to_owned()
        + &rule("word", "when = { keyword = \"listing\" }")
        + &rule("each", "each = \"token\"\nwhen = { token = true }")
        + &rule("each-of", "each = \"token\"\nwhen = { handle = \"kol\" }")
        + &rule("dip", "when = { handle = \"kol\", token = { symbol = \"DOGE\", price = { below = 0.5 } } }")
        + &rule("quiet", "wait = \"2s\"\nwhen = { handle = \"kol\", none = [{ token = true }] }")
        + &rule("bare", "when = { none = [{ link = \"t.me\" }, { cashtag = \"ORBL\" }] }")
        + &rule("young", "max_age = \"3s\"\nwhen = { any = [{ contract = true }, { market = true }] }")
        + &rule("gone", "on = [\"delete\", \"pin\", \"unpin\"]\nwhen = { keyword = \"listing\" }")
        + &rule("bio", "on = \"profile_update\"\nwhen = { changed = \"bio\" }");
    load(&rules)
}

fn step(engine: &mut Engine, step: &Step, origin: Option<Origin>) -> Vec<Told> {
    let mut effects = Vec::new();
    match &step.entry {
        None => engine.step(&Input::Tick(step.at), &mut effects),
        Some((frame, of)) => {
            let envelope = decode::decode(frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
            let origin = origin.unwrap_or(*of);
            engine.step(&Input::Entry { envelope: &envelope, at: step.at, origin }, &mut effects);
        }
    }
    let told = |effect| match effect {
        Effect::Fired(of) => Some((of.id, of.rule.to_string(), of.at, of.origin, format!("{:?} {:?}", of.element, of.subject))),
        _ => None,
    };
    effects.into_iter().filter_map(told).collect()
}

/// History knows of no deletions and pins.
fn is_in_history(of: &Step) -> bool {
    let is_other = |frame: &str| ["delete", "pin", "unpin"].iter().any(|op| frame.contains(&format!("\"op\":\"{op}\"")));
    of.entry.as_ref().is_some_and(|(frame, _)| !is_other(frame))
}

/// What is told when the program ends before step `cut` and begins anew; then the last `overlap` entries come once more from history.
fn with_a_restart(rules: &Arc<RuleSet>, story: &[Step], cut: usize, overlap: usize) -> Vec<Told> {
    let (before, after) = story.split_at(cut);
    let mut engine = Engine::new(Arc::clone(rules));
    let mut told: Vec<_> = before.iter().flat_map(|of| step(&mut engine, of, None)).collect();

    // The journal has what fired and the entries, but not how time passed between them.
    let mut engine = Engine::new(Arc::clone(rules));
    engine.restore(told.iter().map(|(id, ..)| *id));
    let entries = before.iter().filter(|of| of.entry.is_some());
    for entry in entries.clone() {
        let again = step(&mut engine, entry, None);
        assert!(again.is_empty(), "all of it had fired: {again:#?}");
    }
    let now = before.last().map_or(Timestamp::from_millis(START), |of| of.at);
    for entry in entries.filter(|of| is_in_history(of)).rev().take(overlap).collect::<Vec<_>>().into_iter().rev() {
        told.extend(step(&mut engine, &Step { at: now, ..entry.clone() }, Some(Origin::Backfill)));
    }
    told.extend(after.iter().flat_map(|of| step(&mut engine, of, None)));
    told
}

fn without(rules: &Arc<RuleSet>, story: &[Step]) -> Vec<Told> {
    let mut engine = Engine::new(Arc::clone(rules));
    let told: Vec<_> = story.iter().flat_map(|of| step(&mut engine, of, None)).collect();
    let mut ids: Vec<_> = told.iter().map(|(id, ..)| *id).collect();
    ids.sort();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "once each");
    told
}

/// One envelope about one of two tweets, of few words, so that they meet.
fn any_envelope() -> impl Strategy<Value = Value> {
    let id = prop::sample::select(vec!["1", "2"]);
    let handle = prop::sample::select(vec!["kol", "other"]);
    let text = prop::sample::select(vec![
        "Listing soon".to_owned(),
        "gm".to_owned(),
        "gm https://t.co/abc".to_owned(),
        format!("$ORBL {OTHER}"),
    ]);
    let tokens = prop::sample::subsequence(
        vec![token("DOGE", ORBL, 0.4), token("DOGE", ORBL, 0.6), token("ORBL", OTHER, 1.0), json!({"symbol": "ORBL"})],
        0..3,
    );
    (0..8, id, handle, text, tokens).prop_map(|(sort, id, handle, text, tokens)| match sort {
        0..=2 => content(id, handle, &text),
        3 => update(id, &json!({"text": text, "urls": [{"url": "https://t.me/pump", "tco": "https://t.co/abc"}]})),
        4 | 5 => meta(id, &json!({ "tokens": tokens })),
        6 => of_tweet(["delete", "pin", "unpin"][text.len() % 3], id, &json!({})),
        _ => json!({"v": 1, "t": "account", "op": "profile_update", "id": id, "ts": START, "d": {
            "kind": "PROFILE", "eventId": id, "observedAt": START, "actor": {"handle": "@kol"}, "changes": {"bio": text}}}),
    })
}

/// Some entries, mostly live, with time between them.
fn any_story() -> impl Strategy<Value = Vec<Step>> {
    let origin = prop::sample::select(vec![Origin::Live, Origin::Live, Origin::Live, Origin::Backfill]);
    let entry = prop::option::weighted(0.8, (any_envelope().prop_map(|envelope| envelope.to_string()), origin));
    let wait = prop::sample::select(vec![0, 100, 500, 1_500, 2_000, 14_000, 15_000]);
    prop::collection::vec((wait, entry), 1..12).prop_map(|steps| {
        let mut ms = START;
        let mut story: Vec<_> = steps
            .into_iter()
            .map(|(wait, entry)| {
                ms += wait;
                Step { at: Timestamp::from_millis(ms), entry }
            })
            .collect();
        // Nothing is left to wait for.
        story.push(Step { at: Timestamp::from_millis(ms + 60_000), entry: None });
        story
    })
}

/// The envelopes of some tweets that never say one thing and then another, shuffled, some of them twice; all of it live.
fn consistent_story() -> impl Strategy<Value = Vec<Step>> {
    let tweets =
        [("1", "kol", "Listing soon", 0.4), ("2", "other", "gm", 0.4), ("3", "kol", "listing", 0.6), ("4", "kol", "gm", 0.1)];
    let parts = tweets.into_iter().flat_map(|(id, handle, text, price)| {
        let found = json!({"tokens": [token("DOGE", ORBL, price), token("ORBL", OTHER, 1.0)]});
        [content(id, handle, text), update(id, &json!({"urls": [{"url": "https://t.me/x"}]})), meta(id, &found)]
    });
    let twice: Vec<_> = parts.map(|part| part.to_string()).flat_map(|part| [part.clone(), part]).collect();
    (Just(twice).prop_shuffle(), 4_usize..24).prop_map(|(frames, of)| {
        let step =
            |(frame, n): (String, i64)| Step { at: Timestamp::from_millis(START + n * 100), entry: Some((frame, Origin::Live)) };
        frames.into_iter().take(of).zip(0_i64..).map(step).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restart_at_any_point_and_a_backfill_that_overlaps_change_nothing(story in any_story(), overlap in 0_usize..12) {
        let rules = every_sort_of_rule();
        let expected = without(&rules, &story);
        for cut in 0..=story.len() {
            prop_assert_eq!(&with_a_restart(&rules, &story, cut, overlap), &expected, "cut before step {}", cut);
        }
    }

    /// Of rules that wait for nothing to stay away: what they ask for has come in the end, in whatever order.
    #[test]
    fn what_was_missed_and_comes_from_history_fires_what_it_would_have_fired(
        story in consistent_story(), from in any::<prop::sample::Index>(), missed in 1_usize..6, after in 0_usize..6,
    ) {
        let rules = "[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n".to_owned()
            + &rule("word", "when = { keyword = \"listing\" }")
            + &rule("each", "each = \"token\"\nwhen = { token = true }")
            + &rule("dip", "when = { handle = \"kol\", token = { symbol = \"DOGE\", price = { below = 0.5 } } }");
        let rules = load(&rules);
        let from = from.index(story.len());
        let until = (from + missed).min(story.len());
        let mut engine = Engine::new(Arc::clone(&rules));
        let mut told: Vec<_> = story[..from].iter().flat_map(|of| step(&mut engine, of, None)).collect();
        // Live goes on before history answers.
        let answered = (until + after).min(story.len());
        told.extend(story[until..answered].iter().flat_map(|of| step(&mut engine, of, None)));
        let now = story[answered - 1].at;
        let lost = story[from..until].iter().filter(|of| of.entry.is_some());
        for entry in lost {
            let more = step(&mut engine, &Step { at: now, ..entry.clone() }, Some(Origin::Backfill));
            prop_assert!(more.iter().all(|(.., origin, _)| *origin == Origin::Backfill), "late: {:?}", more);
            told.extend(more);
        }
        told.extend(story[answered..].iter().flat_map(|of| step(&mut engine, of, None)));
        let ids = |told: &[Told]| {
            let mut ids: Vec<_> = told.iter().map(|(id, rule, ..)| (*id, rule.clone())).collect();
            ids.sort();
            ids
        };
        prop_assert_eq!(ids(&told), ids(&without(&rules, &story)));
    }
}

#[test]
fn restarts_in_the_traffic_of_the_simulator_change_nothing() {
    let start = Timestamp::from_millis(START);
    let mut traffic = Traffic::new(7, 20.0, start);
    let mut story: Vec<_> = (0..600)
        .map(|_| traffic.take())
        .map(|of| Step { at: of.at, entry: decode::decode(&of.json).is_ok().then_some((of.json, Origin::Live)) })
        .collect();
    story.push(Step { at: Timestamp::from_millis(START + 600_000), entry: None });
    let rules = load(include_str!("../../../rules/rules.toml"));
    let expected = without(&rules, &story);
    assert!(expected.len() > 50, "{}", expected.len());
    for cut in (0..story.len()).step_by(61) {
        let told = with_a_restart(&rules, &story, cut, 40);
        assert_eq!(told.len(), expected.len(), "cut before step {cut}");
        assert!(told == expected, "cut before step {cut}");
    }
}
