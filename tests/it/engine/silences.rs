//! Silences: they end at their time, over holds of the feed and reloads.

use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Hold, Prepared};
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use serde_json::json;

use super::over_time::{Step, Told, at, firings, load, one, step, told};
use crate::kit::story::{START, content};

/// A rule of each of these, in their order, for a silence of these minutes of the handle `kol`.
fn silences(of: &[(&str, i64, &str)]) -> Arc<RuleSet> {
    let rule = |(name, minutes, more): &(&str, i64, &str)| {
        format!(
            "[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\nwhen = {{ handle = \"kol\" }}\nwindow = {{ type = \"silence\", within = \"{minutes}m\"{more} }}\n"
        )
    };
    load(&("[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n".to_owned() + &of.iter().map(rule).collect::<String>()))
}

/// At which of the minutes which rules tell that it is silent.
fn silent_at(engine: &mut Engine, minutes: std::ops::RangeInclusive<i64>) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    for minute in minutes {
        for of in told(step(engine, &Step { at: minute * 60_000, entry: None })) {
            if let Told::Fired(of, ..) = of {
                all.push((minute, of.split_once(' ').unwrap().0.to_owned()));
            }
        }
    }
    all
}

#[test]
fn silences_of_many_rules_end_each_at_its_time_over_words_a_hold_and_a_reload() {
    let (a, b, c) = (("a", 10, ""), ("b", 10, ", rearm = \"20m\""), ("c", 25, ""));
    let old = silences(&[a, b, c]);
    let mut engine = Engine::new(Arc::clone(&old));
    at(&mut engine, 0, &content("1", "kol", "gm"));
    let told = |engine: &mut Engine, minutes| {
        let all = silent_at(engine, minutes);
        all.iter().map(|(minute, rule)| format!("{minute} {rule}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(&mut engine, 1..=5), "");
    let mut word = content("2", "kol", "gm");
    word["d"]["createdAt"] = json!(START + 6 * 60_000);
    at(&mut engine, 6 * 60_000, &word);
    assert_eq!(told(&mut engine, 7..=20), "16 a, 16 b");
    engine.hold(Hold::Everything);
    assert_eq!(told(&mut engine, 21..=50), "");
    engine.hold(Hold::Nothing);
    assert_eq!(told(&mut engine, 51..=60), "", "the clock has stood still for half an hour");
    let new = silences(&[("d", 1, ""), c, b]);
    drop(engine.replace_rules(Prepared::new(new, &old)));
    assert_eq!(told(&mut engine, 61..=90), "61 c, 66 b, 86 b");
}

#[test]
fn a_silence_does_not_go_on_while_nobody_listens() {
    let mut engine = one("when = { handle = \"kol\" }\nwindow = { type = \"silence\", within = \"1h\" }");
    let minutes = |engine: &mut Engine, minutes: i64| firings(&told(step(engine, &Step { at: minutes * 60_000, entry: None })));
    at(&mut engine, 0, &content("1", "kol", "gm"));
    assert_eq!(minutes(&mut engine, 30), 0);
    engine.hold(Hold::Everything);
    assert_eq!(minutes(&mut engine, 500), 0, "nobody knows");
    engine.hold(Hold::Nothing);
    assert_eq!(minutes(&mut engine, 529), 0, "half an hour was heard");
    assert_eq!(minutes(&mut engine, 530), 1);
    assert_eq!(minutes(&mut engine, 900), 0, "once");
    let mut word = content("2", "kol", "gm");
    word["d"]["createdAt"] = json!(START + 901 * 60_000);
    at(&mut engine, 901 * 60_000, &word);
    assert_eq!(minutes(&mut engine, 961), 1, "again after a word");
}

#[test]
fn a_silence_that_goes_on_over_a_reload_takes_the_time_that_the_rules_have_now() {
    let rule = |within: &str| {
        let window = format!("window = {{ type = \"silence\", within = \"{within}\" }}");
        load(&format!(
            "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"r\"\nsend = [\"out\"]\nwhen = {{ handle = \"kol\" }}\n{window}"
        ))
    };
    let minutes = |engine: &mut Engine, minutes: i64| firings(&told(step(engine, &Step { at: minutes * 60_000, entry: None })));
    // By the third it was silent for so long that it would be too late to say so.
    for (next, quiet, over) in [("20m", 29, 31), ("2h", 119, 120), ("10m", 29, 31)] {
        let first = rule("1h");
        let mut engine = Engine::new(Arc::clone(&first));
        at(&mut engine, 0, &content("1", "kol", "gm"));
        assert_eq!(minutes(&mut engine, 29), 0);
        drop(engine.replace_rules(Prepared::new(rule(next), &first)));
        if quiet > 29 {
            assert_eq!(minutes(&mut engine, quiet), 0, "{next}");
        }
        let effects = step(&mut engine, &Step { at: over * 60_000, entry: None });
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Deliver(_))), "{next}: {effects:?}");
    }
}

#[test]
fn a_silence_that_is_new_by_a_reload_counts_the_time_that_was_not_heard_once_and_only_what_is_after_the_word() {
    let minute = |minutes: i64| Timestamp::from_millis(START + minutes * 60_000);
    let hold = |engine: &mut Engine, (since, until)| {
        engine.hold_at(Hold::Everything, (since, since));
        engine.hold_at(Hold::Nothing, (until, until));
    };
    // Whoever has gone through the journal knows of a gap once it is recorded, and never of the time before the first connection.
    for (why, knows_of_it, deaf, over) in [
        ("the first connection, before the word", false, (Timestamp::default(), minute(-5)), "20 a, 30 b, 50 b"),
        ("a gap before the word", false, (minute(-9), minute(-5)), "20 a, 30 b, 50 b"),
        ("a gap before the word, and recorded", true, (minute(-9), minute(-5)), "20 a, 30 b, 50 b"),
        ("a gap after the word", false, (minute(3), minute(8)), "25 a, 35 b, 55 b"),
        ("a gap after the word, and recorded", true, (minute(3), minute(8)), "25 a, 35 b, 55 b"),
    ] {
        let (old, new) = (silences(&[("old", 90, "")]), silences(&[("a", 20, ""), ("b", 30, ", rearm = \"20m\"")]));
        let (mut live, mut seed) = (Engine::new(Arc::clone(&old)), Engine::without_messages(Arc::clone(&new)));
        let is_before = deaf.1 < minute(0);
        let word = |engine: &mut Engine| drop(at(engine, 0, &content("1", "kol", "gm")));
        for (engine, is_told) in [(&mut live, true), (&mut seed, knows_of_it)] {
            if is_before && is_told {
                hold(engine, deaf);
            }
            word(engine);
            if !is_before && is_told {
                step(engine, &Step { at: 3 * 60_000, entry: None });
                hold(engine, deaf);
            }
        }
        step(&mut live, &Step { at: 10 * 60_000, entry: None });
        drop(live.replace_rules(Prepared::new(new, &old)));
        live.adopt_windows(&mut seed, |_| true);
        let told = silent_at(&mut live, 11..=60);
        let told: Vec<_> = told.iter().map(|(minute, rule)| format!("{minute} {rule}")).collect();
        assert_eq!(told.join(", "), over, "{why}");
    }
}

#[test]
fn a_silence_stops_when_the_feed_is_lost_though_no_time_passes_for_the_engine() {
    let mut engine = one("when = { handle = \"kol\" }\nwindow = { type = \"silence\", within = \"1h\" }");
    let minute = |minutes: i64| Timestamp::from_millis(START + minutes * 60_000);
    at(&mut engine, 0, &content("1", "kol", "gm"));
    engine.hold_at(Hold::Everything, (minute(30), minute(31)));
    engine.hold_at(Hold::Nothing, (minute(500), minute(500)));
    let fires = |engine: &mut Engine, minutes: i64| firings(&told(step(engine, &Step { at: minutes * 60_000, entry: None })));
    assert_eq!(fires(&mut engine, 529), 0);
    assert_eq!(fires(&mut engine, 530), 1);
}

#[test]
fn a_silence_that_was_over_for_longer_than_max_age_before_anybody_could_know_goes_out_and_is_of_its_moment() {
    let minute = |minutes: i64| Timestamp::from_millis(START + minutes * 60_000);
    for (until, found) in [
        // It was over in the sixtieth minute; what was missed before that took until the hundredth to be fetched, and nothing came of it.
        (Hold::Before(minute(40)), minute(100)),
        // Nobody had to wait for anything.
        (Hold::Nothing, minute(60)),
    ] {
        let rules = load(
            "[actions.out]\ntype = \"console\"\nmax_age = \"10m\"\n[[rule]]\nname = \"r\"\nsend = [\"out\"]\nwhen = { handle = \"kol\" }\n\
             window = { type = \"silence\", within = \"1h\" }\n",
        );
        let mut engine = Engine::new(rules);
        at(&mut engine, 0, &content("1", "kol", "gm"));
        engine.hold_at(Hold::Everything, (minute(40), minute(40)));
        engine.hold_at(until, (minute(40), minute(40)));
        engine.hold_at(Hold::Nothing, (minute(40), minute(100)));
        let effects = step(&mut engine, &Step { at: 101 * 60_000, entry: None });
        let sent = effects.iter().filter_map(|effect| match effect {
            Effect::Deliver(of) => Some((of.firing.at, of.expires_at)),
            _ => None,
        });
        let expires_at = found.shifted(10 * 60_000);
        assert_eq!(sent.collect::<Vec<_>>(), [(minute(60), expires_at)], "{until:?}: {effects:?}");
    }
}
