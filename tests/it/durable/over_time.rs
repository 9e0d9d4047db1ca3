//! Windows and cooldowns of a program that is killed in the middle of them: the next one goes on where it was.

use serde_json::json;

use super::world::{World, in_state, rules, stop};
use crate::engine::{ORBL, OTHER};
use crate::kit::agreed::agreed;
use crate::kit::binary::wait_until;
use crate::kit::feed::Rig;
use crate::kit::story::{meta, token};

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
    // Whoever asks why is told the same: the first began none.
    let (code, out, said) = home.run(&["why", "2", "--json"]);
    assert!(code == 0 && !out.contains("cooldown"), "{out}{said}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_new_by_a_reload_knows_what_was_before_and_does_not_tell_it() {
    let world = World::new(Rig::plain().await).await;
    let base = rules("", "max_age = \"60s\"");
    let home = world.home(&base);
    let mut program = world.start(&home);
    let tweet = |id: &str, contract: &str| {
        world.feed().send(super::content(id, &format!("look at {contract}")).to_string());
        wait_until("the journal has it", || home.run(&["why", id]).0 == 0);
    };
    tweet("1", ORBL);
    let rule = "\n[[rule]]\nname = \"new\"\nsend = [\"desk\"]\nwhen = { token = true }\n\
                window = { type = \"first_seen\", of = \"contract\", within = \"30d\" }\n";
    home.write("rules.toml", &(base + rule));
    program.wait_for("the rules were reloaded");
    tweet("2", ORBL);
    tweet("3", OTHER);
    world.told("/status/3");
    agreed(&home);
    stop(program);
    assert_eq!((world.said("/status/1"), world.said("/status/2"), world.said("/status/3")), (0, 0, 1));
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_is_new_by_a_reload_is_told_in_the_first_run_of_whoever_spoke_before_it() {
    let world = World::new(Rig::plain().await).await;
    let base = rules("", "max_age = \"60s\"");
    let home = world.home(&base);
    let mut program = world.start(&home);
    world.feed().send(super::content("1", "gm").to_string());
    wait_until("the journal has it", || home.run(&["why", "1"]).0 == 0);
    let rule = "\n[[rule]]\nname = \"quiet\"\nsend = [\"desk\"]\nwhen = { keyword = \"gm\" }\n\
                window = { type = \"silence\", within = \"10s\" }\n";
    home.write("rules.toml", &(base + rule));
    program.wait_for("the rules were reloaded");
    world.told("/status/1");
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_had_crossed_before_all_that_a_start_reads_does_not_cross_again_until_it_has_gone_back() {
    let window = "window = { type = \"cross\", above = 1.0, hysteresis = 0.1, per = \"token\", within = \"1h\" }";
    let (world, home) = world_with(window).await;
    let price = |id: &str, usd: f64| {
        world.feed().send(super::content(id, "Kol will list $ORBL now").to_string());
        world.feed().send(meta(id, &json!({"tokens": [token("ORBL", ORBL, usd)]})).to_string());
        wait_until("the journal has it", || home.run(&["why", id]).0 == 0);
    };
    let mut program = world.start(&home);
    price("1", 0.5);
    price("2", 1.5);
    world.told("/status/2");
    price("3", 0.95);
    program.kill();
    // So long ago that a start does not read it any more.
    let journal = rusqlite::Connection::open(home.path().join("state/journal.db")).unwrap();
    let old = "DELETE FROM entries WHERE text NOT LIKE '%\"3\"%'";
    assert!(journal.execute(old, ()).unwrap() >= 4);
    drop(journal);
    let program = world.start(&home);
    price("4", 1.6);
    price("5", 0.8);
    price("6", 1.7);
    world.told("/status/6");
    agreed(&home);
    stop(program);
    assert_eq!((world.said("/status/2"), world.said("/status/4"), world.said("/status/6")), (1, 0, 1));
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_known_after_a_restart_without_the_entries_that_said_it() {
    let world = World::new(Rig::plain().await).await;
    let rule = "\n[[rule]]\nname = \"new\"\nsend = [\"desk\"]\nwhen = { token = true }\n\
                window = { type = \"first_seen\", of = \"contract\", within = \"30d\" }\n";
    let home = world.home(&(rules("", "max_age = \"60s\"") + rule));
    let tweet = |id: &str, contract: &str| {
        world.feed().send(super::content(id, &format!("look at {contract}")).to_string());
        wait_until("the journal has it", || home.run(&["why", id]).0 == 0);
    };
    let mut program = world.start(&home);
    tweet("1", ORBL);
    world.told("/status/1");
    agreed(&home);
    program.kill();
    let journal = rusqlite::Connection::open(home.path().join("state/journal.db")).unwrap();
    assert!(journal.execute("DELETE FROM entries", ()).unwrap() >= 1);
    drop(journal);
    let program = world.start(&home);
    tweet("2", ORBL);
    tweet("3", OTHER);
    world.told("/status/3");
    agreed(&home);
    stop(program);
    assert_eq!((world.said("/status/1"), world.said("/status/2"), world.said("/status/3")), (1, 0, 1));
    world.is_well();
}
