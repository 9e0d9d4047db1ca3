//! Cooldowns in the engine: what begins none, what outlives a restart, and what is given back.

use std::collections::HashMap;

use birdcall::engine::Effect;
use birdcall::model::delivery::Suppression;
use birdcall::model::firing::Origin;
use birdcall::model::ids::FiringId;
use serde_json::json;

use super::over_time::{Step, Told, at, one, step, told};
use crate::kit::story::{START, content};

#[test]
fn what_is_too_old_for_every_send_begins_no_cooldown_for_what_comes_of_the_same_moment() {
    let mut engine = one("cooldown = \"10m\"\nmax_age = \"10m\"\nwhen = { keyword = \"gm\", none = [{ token = true }] }");
    let old = |id: &str, minutes: i64| {
        let mut envelope = content(id, "kol", "gm");
        envelope["d"]["createdAt"] = json!(START - minutes * 60_000);
        envelope
    };
    at(&mut engine, 0, &old("1", 18));
    at(&mut engine, 0, &old("2", 2));
    let settled = told(step(&mut engine, &Step { at: 20_000, entry: None }));
    assert!(settled.iter().any(|of| matches!(of, Told::Ended(_, _, "expired"))), "{settled:?}");
    assert!(settled.iter().any(|of| matches!(of, Told::Sent(..))), "{settled:?}");
}

#[test]
fn what_was_held_before_a_restart_is_told_after_it_and_keeps_its_reason_though_what_passed_before_it_is_not_replayed() {
    for (brake, reason) in [("cooldown = \"8m\"", Suppression::Cooldown), ("limit = \"1/8m\"", Suppression::Limit)] {
        let mut engine = one(&format!("{brake}\nwhen = {{ keyword = \"gm\" }}"));
        let held = ["2", "3"].map(|tweet| (FiringId::of("r", &format!("tweet:{tweet}"), ""), vec![(0, reason)]));
        engine.were_held(held.into());
        for (minute, tweet) in [(5, "2"), (6, "3")] {
            let told = at(&mut engine, minute * 60_000, &content(tweet, "kol", "gm"));
            assert!(told.iter().any(|of| matches!(of, Told::Ended(_, _, why) if *why == reason.name())), "{told:?}");
        }
        engine.were_held(HashMap::new());
        let told = at(&mut engine, 9 * 60_000, &content("4", "kol", "gm"));
        assert!(told.iter().any(|of| matches!(of, Told::Fired(_, _, _, 2))), "{told:?}");
    }
}

#[test]
fn what_expires_unsent_gives_its_cooldown_back() {
    let mut engine = one("cooldown = \"10m\"\nwhen = { keyword = \"gm\" }");
    let first = step(&mut engine, &Step { at: 0, entry: Some((content("1", "kol", "gm"), Origin::Live)) });
    let Some(Effect::Deliver(delivery)) = first.iter().find(|effect| matches!(effect, Effect::Deliver(_))) else {
        panic!("{first:?}")
    };
    let ended = |told: &[Told]| told.iter().any(|of| matches!(of, Told::Ended(_, _, "cooldown")));
    assert!(ended(&at(&mut engine, 1_000, &content("2", "kol", "gm"))));
    engine.expired((&delivery.firing.rule, delivery.firing.id), delivery.action);
    let third = at(&mut engine, 2_000, &content("3", "kol", "gm"));
    assert!(!ended(&third), "{third:?}");
    assert!(third.iter().any(|of| matches!(of, Told::Fired(_, _, _, 1))), "one was held back meanwhile: {third:?}");
}
