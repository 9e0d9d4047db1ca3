//! Windows and cooldowns of a program that is killed in the middle of them: the next one goes on where it was.

use super::world::{World, in_state, rules, stop};
use crate::kit::agreed::agreed;
use crate::kit::binary::wait_until;
use crate::kit::feed::Rig;

/// The rule of [`rules`] with more lines.
async fn world_with(lines: &str) -> (World, crate::kit::binary::Home) {
    let world = World::new(Rig::plain().await).await;
    let text = rules("", "max_age = \"60s\"").replace("name = \"listing\"", &format!("name = \"listing\"\n{lines}"));
    let home = world.home(&text);
    (world, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cooldown_goes_on_after_a_kill_and_what_it_holds_back_is_on_record() {
    let (world, home) = world_with("cooldown = \"10m\"").await;
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "desk", "delivered", 1);
    in_state(&home, "bot", "delivered", 1);
    program.kill();
    let program = world.start(&home);
    world.lists("2");
    for action in ["desk", "bot"] {
        let held = in_state(&home, action, "suppressed", 1);
        assert_eq!(held[0]["why"], "cooldown", "{held:#?}");
    }
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
    world.is_well();
}

/// The rule of [`rules`] to the bot alone, with a cooldown.
async fn cooled(bot: &str) -> (World, crate::kit::binary::Home) {
    let world = World::new(Rig::plain().await).await;
    let text = rules("", &format!("max_age = \"60s\"\n{bot}"));
    let home = world.home(&text.replace("send = [\"desk\", \"bot\"]", "cooldown = \"10m\"\nsend = [\"bot\"]"));
    (world, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_stopped_gives_its_cooldown_back_in_that_run_and_in_the_next() {
    let (world, home) = cooled("").await;
    let mut program = world.start(&home);
    assert_eq!(home.run(&["disarm"]).0, 0);
    world.lists("1");
    assert_eq!(in_state(&home, "bot", "suppressed", 1)[0]["why"], "disarmed");
    world.lists("2");
    assert_eq!(in_state(&home, "bot", "suppressed", 2)[0]["why"], "disarmed");
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    assert_eq!(home.run(&["arm"]).0, 0);
    world.lists("3");
    in_state(&home, "bot", "delivered", 1);
    world.lists("4");
    assert_eq!(in_state(&home, "bot", "suppressed", 3)[0]["why"], "cooldown");
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["3"]);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_after_an_attempt_or_only_made_on_paper_keeps_its_cooldown() {
    let (world, home) = cooled("").await;
    let program = world.start(&home);
    world.bot.say_next([crate::kit::http::Reply::new(400, "")]);
    world.lists("1");
    in_state(&home, "bot", "dead", 1);
    world.lists("2");
    assert_eq!(in_state(&home, "bot", "suppressed", 1)[0]["why"], "cooldown");
    stop(program);
    let (world, home) = cooled("mode = \"paper\"").await;
    let program = world.start(&home);
    world.lists("1");
    assert_eq!(in_state(&home, "bot", "suppressed", 1)[0]["why"], "paper");
    world.lists("2");
    assert_eq!(in_state(&home, "bot", "suppressed", 2)[0]["why"], "cooldown");
    stop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_goes_on_after_a_kill_and_names_what_it_had_counted_before() {
    let (world, home) = world_with("window = { type = \"count\", within = \"10m\", at_least = 2 }").await;
    let mut program = world.start(&home);
    world.lists("1");
    wait_until("the journal has it", || home.run(&["why", "1"]).0 == 0);
    assert_eq!(world.said("/status/1"), 0, "one of two");
    program.kill();
    let program = world.start(&home);
    world.lists("2");
    world.told("/status/2");
    world.told("In all");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    world.is_well();
}
