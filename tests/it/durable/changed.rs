//! Rules that a reload changes know of the past what a start with them would know.

use super::world::{World, in_state, rules, stop};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::feed::Rig;

/// The rule of [`rules`] to the bot alone, with more lines.
fn with(lines: &str) -> String {
    rules("", "max_age = \"60s\"").replace("send = [\"desk\", \"bot\"]", &format!("{lines}\nsend = [\"bot\"]"))
}

async fn started(text: &str) -> (World, Home, Program) {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(text);
    let program = world.start(&home);
    (world, home, program)
}

fn reload(home: &Home, program: &mut Program, text: &str) {
    home.write("rules.toml", text);
    program.wait_for("the rules were reloaded");
    program.forget("the rules were reloaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cooldown_that_is_new_or_counts_apart_by_something_else_holds_for_what_went_before() {
    let by_author = "cooldown = { for = \"10m\", per = \"author\" }";
    for (before, after) in [("", "cooldown = \"10m\""), ("cooldown = \"10m\"", by_author), ("", "limit = \"1/10m\"")] {
        let (world, home, mut program) = started(&with(before)).await;
        world.lists("1");
        in_state(&home, "bot", "delivered", 1);
        reload(&home, &mut program, &with(after));
        world.lists("2");
        let why = in_state(&home, "bot", "suppressed", 1)[0]["why"].clone();
        assert_eq!(why, if after.contains("limit") { "limit" } else { "cooldown" }, "{before:?} {after:?}");
        agreed(&home);
        stop(program);
        assert_eq!(world.orders(1), ["1"], "{before:?} {after:?}");
        world.is_well();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_by_other_words_are_none_of_a_window_once_a_reload_has_changed_them() {
    let window = "window = { type = \"count\", within = \"10m\", at_least = 3 }";
    let (world, home, mut program) = started(&with(window)).await;
    let says = |id: &str, text: &str| {
        world.feed().send(super::content(id, text).to_string());
        wait_until("the journal has it", || home.run(&["why", id]).0 == 0);
    };
    says("1", "it will list");
    says("2", "it will delist, or: will list");
    reload(&home, &mut program, &with(window).replace("keyword = \"will list\"", "keyword = \"delist\""));
    for id in ["3", "4"] {
        says(id, "delist");
    }
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["4"], "the second by both words, and two by the new ones");
    world.is_well();
}
