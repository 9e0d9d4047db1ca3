//! Who and what is the same, whatever the feed leaves out of an envelope: a restart and a reload know it as well as who has heard all of it.

use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Prepared};
use birdcall::model::firing::Origin;
use birdcall::model::identity::{Identity, Kind};
use birdcall::model::limits::IDENTITIES;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use super::ORBL;
use super::over_time::{Step, Told, firings, learned, load, runner, step, told, with_a_short_memory, without};
use crate::kit::story::{START, content, meta};

const MINUTE: i64 = 60_000;
/// On several chains.
const EVM: &str = "0x6982508145454Ce325dDbE47a25d4ec3d2311933";

fn rules(all: &[(&str, &str)]) -> Arc<RuleSet> {
    let rule = |(name, lines): &(&str, &str)| format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\n{lines}\n");
    let all: String = all.iter().map(rule).collect();
    load(&("[actions.out]\ntype = \"console\"\nmax_age = \"30d\"\n".to_owned() + &all))
}

/// A tweet by whoever has this id and this handle, as far as the envelope says so.
fn by(id: &str, (of, handle): (&str, &str), text: &str) -> Value {
    let mut envelope = content(id, handle, text);
    let author = &mut envelope["d"]["author"];
    *author = json!({});
    if !of.is_empty() {
        author["id"] = json!(of);
    }
    if !handle.is_empty() {
        author["handle"] = json!(handle);
    }
    envelope
}

fn on_chain(id: &str, chain: Option<&str>) -> Value {
    let mut token = json!({"symbol": "PEPE", "contract": EVM, "priceUsd": 1.0, "sources": ["text"]});
    if let Some(chain) = chain {
        token["chain"] = json!(chain);
    }
    meta(id, &json!({"tokens": [token]}))
}

/// Two accounts of which envelopes have the id, the handle or both, one of which is renamed, and a handle that another one takes over; and a contract
/// with and without its chain. Hours lie in between, now and then.
fn a_story() -> impl Strategy<Value = Vec<Step>> {
    let minutes = prop::sample::select(vec![0_i64, 0, 1, 2, 5, 9, 30, 70, 300]);
    let old = prop::sample::select(vec![0_i64, 0, 0, 1, 4]);
    let one = (minutes, old, 0..3_usize, 0..3_usize, 0..6_usize);
    (prop::collection::vec(one, 1..24), 0..24_usize).prop_map(|(steps, takeover)| {
        let (mut now, mut story) = (0, Vec::new());
        for (number, (minutes, old, who, says, what)) in steps.into_iter().enumerate() {
            now += minutes * MINUTE;
            let accounts = match number < takeover {
                true => [("7", "kol"), ("8", "other"), ("9", "third")],
                false => [("7", "renamed"), ("8", "kol"), ("9", "third")],
            };
            let (of, handle) = accounts[who];
            let author = [(of, handle), (of, ""), ("", handle)][says];
            let text = ["gm", "gm", "gm", EVM, EVM, EVM][what];
            let id = number.to_string();
            let mut envelope = by(&id, author, text);
            envelope["d"]["createdAt"] = json!(START + now - old * MINUTE);
            let origin = if old > 1 { Origin::Backfill } else { Origin::Live };
            story.push(Step { at: now, entry: Some((envelope, origin)) });
            let chain = [Some("ethereum"), Some("base"), None].get(what.wrapping_sub(3)).copied();
            story.extend(chain.map(|chain| Step { at: now + 300, entry: Some((on_chain(&id, chain), origin)) }));
            now += 300;
        }
        story.push(Step { at: now + 120 * MINUTE, entry: None });
        story
    })
}

fn of_the_law() -> Arc<RuleSet> {
    let gm = "when = { keyword = \"gm\" }";
    let token = "when = { token = true }";
    rules(&[
        ("new", &format!("{gm}\nwindow = {{ type = \"first_seen\", of = \"author\", within = \"12h\" }}")),
        ("often", &format!("{gm}\nwindow = {{ type = \"count\", per = \"author\", within = \"10m\", at_least = 2 }}")),
        (
            "told",
            &format!("{gm}\nwindow = {{ type = \"count\", per = \"author\", within = \"10m\", at_least = 1, rearm = \"3h\" }}"),
        ),
        ("different", &format!("{gm}\nwindow = {{ type = \"distinct\", of = \"author\", within = \"10m\", at_least = 2 }}")),
        ("quiet", &format!("{gm}\nwindow = {{ type = \"silence\", per = \"author\", within = \"20m\" }}")),
        ("cooled", &format!("{gm}\ncooldown = {{ for = \"45m\", per = \"author\" }}")),
        ("new-token", &format!("{token}\nwindow = {{ type = \"first_seen\", of = \"token\", within = \"12h\" }}")),
        (
            "both",
            &format!(
                "{token}\nwindow = {{ type = \"distinct\", of = \"author\", per = \"token\", within = \"9m\", at_least = 2 }}"
            ),
        ),
        ("cooled-token", &format!("{token}\neach = \"token\"\ncooldown = {{ for = \"45m\", per = \"token\" }}")),
    ])
}

/// But for what a restart is known not to know: how many were held back before the first entry that it reads, and what was seen longer ago than
/// that matters.
fn of_now(told: Vec<Told>) -> Vec<Told> {
    let of = |of| match of {
        Told::Fired(id, at, _, _) if id.starts_with("new") => Told::Fired(id, at, None, 0),
        Told::Fired(id, at, window, _) => Told::Fired(id, at, window, 0),
        other => other,
    };
    told.into_iter().map(of).collect()
}

#[test]
fn a_restart_that_reads_the_last_entries_alone_knows_who_and_what_is_the_same() {
    let rules = of_the_law();
    let law = |story: Vec<Step>| {
        let expected = of_now(without(&rules, &story));
        for cut in 0..=story.len() {
            prop_assert_eq!(&of_now(with_a_short_memory(&rules, &story, cut)), &expected, "cut before step {}", cut);
        }
        Ok(())
    };
    runner().run(&a_story(), law).unwrap();
}

#[test]
fn stories_of_the_law_make_every_rule_fire_and_every_cooldown_hold() {
    let rules = of_the_law();
    let (strategy, mut runner) = (a_story(), runner());
    let mut all = String::new();
    for _ in 0..200 {
        all += &format!("{:?}", without(&rules, &strategy.new_tree(&mut runner).unwrap().current()));
    }
    for rule in &rules.rules {
        assert!(all.contains(&format!("Fired(\"{} ", rule.name)), "{} never fires", rule.name);
    }
    assert!(all.contains("cooldown"));
}

const NEW: &str = "when = { keyword = \"gm\" }\nwindow = { type = \"first_seen\", of = \"author\", within = \"30d\" }";

fn hear(engine: &mut Engine, minute: i64, envelope: &Value) -> Vec<Effect> {
    let mut envelope = envelope.clone();
    envelope["d"]["createdAt"] = json!(START + minute * MINUTE);
    step(engine, &Step { at: minute * MINUTE, entry: Some((envelope, Origin::Live)) })
}

fn tick(engine: &mut Engine, minute: i64) -> Vec<Effect> {
    step(engine, &Step { at: minute * MINUTE, entry: None })
}

fn written(effects: &[Effect]) -> Vec<String> {
    let of = |effect: &Effect| match effect {
        Effect::Identity(Identity { kind, name, is, at }) => {
            let minute = (at.as_millis() - START) / MINUTE;
            Some(format!("{} {name} {} {minute}", kind.name(), is.as_deref().unwrap_or("none")))
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn what_is_new_is_to_be_recorded_and_what_is_told_again_is_not() {
    let rules = rules(&[
        ("new", NEW),
        ("often", "when = { token = true }\nwindow = { type = \"count\", per = \"token\", within = \"1h\", at_least = 9 }"),
    ]);
    let mut engine = Engine::new(rules);
    let mut number = 0;
    let mut says = |engine: &mut Engine, author, text, chain: Option<&str>| {
        number += 1;
        let id = number.to_string();
        let mut effects = hear(engine, number, &by(&id, author, text));
        if let Some(chain) = chain {
            effects.extend(step(engine, &Step { at: number * MINUTE, entry: Some((on_chain(&id, Some(chain)), Origin::Live)) }));
        }
        written(&effects)
    };
    assert_eq!(says(&mut engine, ("", "kol"), "gm", None), [""; 0], "nothing was taught");
    assert_eq!(says(&mut engine, ("7", "Kol"), "gm", None), ["handle @kol 7 2"]);
    assert_eq!(says(&mut engine, ("7", "kol"), "gm", None), [""; 0]);
    assert_eq!(says(&mut engine, ("", "kol"), "gm", None), [""; 0]);
    assert_eq!(says(&mut engine, ("7", "kol"), EVM, Some("Ethereum")), [format!("contract {EVM} ethereum 5")]);
    assert_eq!(says(&mut engine, ("7", "kol"), EVM, Some("base")), [""; 0], "the first stays");
    assert_eq!(says(&mut engine, ("8", "kol"), "gm", None), ["handle @kol 8 7"], "it is somebody else's now");
}

#[test]
fn the_chain_of_a_contract_is_the_one_that_is_said_of_it_first_though_nobody_had_waited_for_that() {
    let counted = "when = { keyword = \"gm\" }\nwindow = { type = \"count\", per = \"token\", within = \"1h\", at_least = 2 }";
    let mut engine = Engine::new(rules(&[("often", counted)]));
    // What is said of a tweet after the wait for it was over; and how often that wait's end fired.
    let mut says = |minute: i64, chain| {
        let id = minute.to_string();
        hear(&mut engine, minute, &by(&id, ("7", "kol"), &format!("gm {EVM}")));
        let wait = step(&mut engine, &Step { at: minute * MINUTE + 20_000, entry: None });
        let meta = Step { at: minute * MINUTE + 30_000, entry: Some((on_chain(&id, chain), Origin::Live)) };
        (firings(&told(wait)), written(&step(&mut engine, &meta)))
    };
    assert_eq!(says(1, Some("Base")), (0, vec![format!("contract {EVM} base 1")]));
    assert_eq!(says(2, Some("ethereum")), (1, vec![]), "by its text it was the same, as far as anybody knew");
    assert_eq!(says(3, Some("base")), (0, vec![]));
}

#[test]
fn of_a_contract_whose_form_says_the_chain_nothing_is_to_be_recorded() {
    let counted = "when = { keyword = \"gm\" }\nwindow = { type = \"count\", per = \"token\", within = \"1h\", at_least = 2 }";
    let mut engine = Engine::new(rules(&[("often", counted)]));
    hear(&mut engine, 1, &by("1", ("", "kol"), &format!("gm {ORBL}")));
    let token = json!({"symbol": "ORBL", "contract": ORBL, "chain": "solana", "priceUsd": 1.0, "sources": ["text"]});
    let found = Step { at: MINUTE + 100, entry: Some((meta("1", &json!({"tokens": [token]})), Origin::Live)) };
    assert_eq!(written(&step(&mut engine, &found)), [""; 0]);
}

#[test]
fn what_the_cooldown_of_a_message_taught_is_to_be_recorded_too() {
    let send = "{ to = \"out\", cooldown = { for = \"1h\", per = \"author\" } }";
    let text =
        format!("[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [{send}]\nwhen = {{ keyword = \"gm\" }}\n");
    let mut engine = Engine::new(load(&text));
    assert_eq!(written(&hear(&mut engine, 1, &by("1", ("7", "kol"), "gm"))), ["handle @kol 7 1"]);
}

#[test]
fn what_a_replay_taught_and_was_not_on_record_is_when_it_is_over() {
    let rules = rules(&[("new", NEW)]);
    let known = |name: &str, is: &str, minute: i64| Identity {
        kind: Kind::Handle,
        name: name.into(),
        is: Some(is.into()),
        at: Timestamp::from_millis(START + minute * MINUTE),
    };
    let mut engine = Engine::new(rules);
    engine.know([known("@old", "1", 0), known("@kol", "7", 0)]);
    for (id, author) in [("1", ("7", "kol")), ("2", ("8", "new")), ("3", ("9", "kol"))] {
        assert_eq!(written(&hear(&mut engine, 1, &by(id, author, "gm"))), [""; 0], "the past is replayed");
    }
    engine.restore_traces(Vec::new(), &[]);
    assert_eq!(written(&tick(&mut engine, 2)), ["handle @new 8 1", "handle @kol 9 1"]);
    assert_eq!(written(&tick(&mut engine, 3)), [""; 0]);
}

#[test]
fn a_handle_that_somebody_else_took_over_is_theirs_after_a_restart_and_not_before_they_had_it() {
    let rules = rules(&[
        ("new", NEW),
        ("often", "when = { keyword = \"gm\" }\nwindow = { type = \"count\", per = \"author\", within = \"1h\", at_least = 2 }"),
    ]);
    let story: Vec<_> = [(0, ("7", "kol")), (200, ("", "kol")), (210, ("8", "kol")), (220, ("", "kol")), (230, ("7", ""))]
        .into_iter()
        .enumerate()
        .map(|(number, (minute, author))| {
            let mut envelope = by(&number.to_string(), author, "gm");
            envelope["d"]["createdAt"] = json!(START + minute * MINUTE);
            Step { at: minute * MINUTE, entry: Some((envelope, Origin::Live)) }
        })
        .collect();
    let expected = of_now(without(&rules, &story));
    // Both are new once, and tweet twice within the hour.
    assert_eq!(firings(&expected), 4, "{expected:?}");
    assert_eq!(of_now(with_a_short_memory(&rules, &story, 3)), expected);
}

#[test]
fn tweets_of_a_former_owner_that_come_from_the_history_take_no_handle_back() {
    let rules = rules(&[(
        "often",
        "when = { keyword = \"gm\" }\nwindow = { type = \"count\", per = \"author\", within = \"10m\", at_least = 2 }",
    )]);
    // Who has it, when that was and when it came; the one who has it now tweets twice within the ten minutes, once with the handle alone.
    let [old, new, alone] = [("7", "kol"), ("8", "kol"), ("", "kol")];
    for (told, expected) in [
        (&[(old, 0, 0), (new, 60, 60), (old, 10, 61), (alone, 62, 62)][..], 1),
        (&[(old, 0, 0), (new, 60, 60), (old, 11, 61), (old, 22, 61), (alone, 62, 62)], 1),
        (&[(new, 60, 60), (old, 22, 61), (old, 11, 61), (alone, 62, 62)], 1),
        // All of it comes from the history, the newest first and the oldest first.
        (&[(new, 60, 70), (old, 11, 70), (alone, 62, 71)], 1),
        (&[(old, 11, 70), (new, 60, 70), (alone, 62, 71)], 1),
        // It has gone back.
        (&[(old, 0, 0), (new, 60, 60), (old, 61, 61), (alone, 62, 62)], 1),
        (&[(old, 0, 0), (new, 40, 60), (old, 50, 61), (alone, 62, 62)], 0),
        (&[(old, 0, 0), (new, 40, 60), (old, 53, 61), (alone, 62, 62)], 1),
    ] {
        let step = |(number, (author, at, came)): (usize, &((&str, &str), i64, i64))| {
            let mut envelope = by(&number.to_string(), *author, "gm");
            envelope["d"]["createdAt"] = json!(START + at * MINUTE);
            let origin = if at == came { Origin::Live } else { Origin::Backfill };
            Step { at: came * MINUTE, entry: Some((envelope, origin)) }
        };
        let story: Vec<_> = told.iter().enumerate().map(step).collect();
        let whole = of_now(without(&rules, &story));
        assert_eq!(firings(&whole), expected, "{told:?}: {whole:?}");
        for cut in 0..=story.len() {
            assert_eq!(of_now(with_a_short_memory(&rules, &story, cut)), whole, "{told:?}, cut before {cut}");
        }
    }
}

/// The engine of a run with one rule, and one that has gone through its entries for another.
fn two_engines(of_run: &str, of_seed: &str) -> ([Arc<RuleSet>; 2], [Engine; 2]) {
    let (old, new) = (rules(&[("old", of_run)]), rules(&[("old", of_run), ("new", of_seed)]));
    let seed = rules(&[("new", of_seed)]);
    let engines = [Engine::new(Arc::clone(&old)), Engine::without_messages(seed)];
    ([old, new], engines)
}

#[test]
fn what_a_new_rule_learned_of_the_past_by_a_reload_is_known_and_goes_on_record() {
    let ([old, new], [mut live, mut seed]) = two_engines("when = { keyword = \"never\" }", NEW);
    for engine in [&mut live, &mut seed] {
        hear(engine, 1, &by("1", ("7", "kol"), "gm"));
    }
    drop(live.replace_rules(Prepared::new(new, &old)));
    live.adopt_windows(&mut seed, |_| true);
    assert_eq!(written(&tick(&mut live, 2)), ["handle @kol 7 1"]);
    assert_eq!(firings(&told(hear(&mut live, 3, &by("2", ("", "kol"), "gm")))), 0, "who it is was known");
    assert_eq!(firings(&told(hear(&mut live, 4, &by("3", ("", "other"), "gm")))), 1);
}

#[test]
fn what_the_running_engine_knows_stays_whatever_a_new_rule_learned_of_the_past() {
    let ([old, new], [mut live, mut seed]) = two_engines(&NEW.replace("gm", "gn"), NEW);
    for (id, author, text) in [("1", ("7", "kol"), "gm"), ("2", ("8", "kol"), "gn")] {
        for engine in [&mut live, &mut seed] {
            hear(engine, 1, &by(id, author, text));
        }
    }
    drop(live.replace_rules(Prepared::new(new, &old)));
    live.adopt_windows(&mut seed, |_| true);
    assert_eq!(written(&tick(&mut live, 2)), [""; 0]);
    let fired = |engine: &mut Engine, id, author| firings(&told(hear(engine, 3, &by(id, author, "gm"))));
    assert_eq!(
        [fired(&mut live, "3", ("", "kol")), fired(&mut live, "4", ("8", "")), fired(&mut live, "5", ("7", ""))],
        [1, 0, 0]
    );
}

#[test]
fn of_too_many_a_restart_forgets_the_same_as_who_has_heard_them_all_and_so_does_the_record() {
    let rules = rules(&[("new", NEW)]);
    let author = |number: usize| (number.to_string(), format!("kol{number}"));
    let hear_of = |engine: &mut Engine, number: usize| {
        let (id, handle) = author(number);
        hear(engine, 1, &by(&id, (&id, &handle), "gm"))
    };
    let mut live = Engine::new(Arc::clone(&rules));
    let mut effects: Vec<_> = (0..=IDENTITIES).flat_map(|number| hear_of(&mut live, number)).collect();
    effects.retain(|effect| matches!(effect, Effect::Identity(_)));
    assert_eq!(written(&effects[IDENTITIES..]), ["handle @kol20000 20000 1", "handle @kol0 none 1"]);
    let record = learned(&effects);
    assert_eq!(record.len(), IDENTITIES);
    let mut restarted = Engine::new(rules);
    restarted.know(record);
    restarted.restore_traces(Vec::new(), &[]);
    tick(&mut restarted, 1);
    for engine in [&mut live, &mut restarted] {
        // What is told is not the next to be forgotten. It was written long ago, and so it is once more.
        let (id, handle) = author(1);
        let again = ["a", "b"].map(|tweet| written(&hear(engine, 2, &by(tweet, (&id, &handle), "gm"))));
        assert_eq!(again, [vec!["handle @kol1 1 1".to_owned()], vec![]]);
        let next = written(&hear_of(engine, IDENTITIES + 1));
        assert_eq!(next, ["handle @kol20001 20001 2", "handle @kol2 none 2"]);
    }
}
