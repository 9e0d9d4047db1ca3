//! What somebody has muted: at once, over restarts, until its end, of which people are told.

use serde_json::{Value, json};

use super::world::{in_state, plain, stop};
use super::{content, now};
use crate::kit::agreed::{agreed, agreed_after};
use crate::kit::binary::{Home, wait_until};

/// Runs a command that must work. What it printed.
fn ask(home: &Home, arguments: &[&str]) -> String {
    let (code, out, said) = home.run(arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{said}");
    out
}

fn mutes(home: &Home) -> Vec<Value> {
    serde_json::from_value(home.json(&["mutes", "--json"])).unwrap()
}

fn held(home: &Home, count: u64) {
    wait_until(&format!("{count} firings are held"), || mutes(home)[0]["held"] == json!(count));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_rule_stays_muted_over_a_kill_until_somebody_ends_it_and_a_replay_decides_the_same() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    let out = ask(&home, &["mute", "listing", "--for", "2h", "--because", "fed day"]);
    assert!(out.contains("this would have held back 1 of the last 24 hours' 1 firings of listing"), "{out}");
    world.lists("2");
    for action in ["bot", "desk"] {
        assert_eq!(in_state(&home, action, "suppressed", 1)[0]["why"], "muted");
    }
    held(&home, 1);
    assert_eq!((mutes(&home)[0]["because"].as_str(), home.status()["mutes"].as_u64()), (Some("fed day"), Some(1)));
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    held(&home, 1);
    world.lists("3");
    in_state(&home, "bot", "suppressed", 2);
    held(&home, 2);
    let out = ask(&home, &["unmute", "listing"]);
    assert_eq!(out, "the mute of listing has ended; it held back 2 firings\n");
    assert_eq!((mutes(&home), home.status()["mutes"].as_u64()), (vec![], Some(0)));
    world.lists("4");
    in_state(&home, "bot", "delivered", 2);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(2), ["1", "4"]);
    let summary = home.json(&["replay", "--json"]);
    let ends = &summary["rules"][0]["ends"];
    assert_eq!(
        (ends["orders"].as_u64(), ends["messages"].as_u64(), ends["muted"].as_u64()),
        (Some(2), Some(2), Some(4)),
        "{ends}"
    );
    assert_eq!(world.said("The mute of"), 0, "who ends one knows it");
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_mute_is_told_once_also_when_it_came_while_nobody_ran() {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    ask(&home, &["mute", "bot", "--for", "1s"]);
    world.told("The mute of bot has ended");
    ask(&home, &["mute", "listing", "--for", "5s", "--because", "fed day"]);
    world.lists("1");
    in_state(&home, "desk", "suppressed", 1);
    held(&home, 1);
    stop(program);
    let over = now() + 5_000;
    wait_until("it is over", || now() > over);
    let program = world.start(&home);
    world.told("The mute of listing has ended");
    world.told("It held back 1 firing in 5");
    world.lists("2");
    in_state(&home, "bot", "delivered", 1);
    stop(program);
    let program = world.start(&home);
    world.lists("3");
    in_state(&home, "bot", "delivered", 2);
    stop(program);
    assert_eq!((world.said("The mute of listing"), world.said("The mute of bot")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_about_the_token_or_the_account_is_held() {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    world.feed().send(content("2", "Kol will list $DOGE").to_string());
    in_state(&home, "bot", "delivered", 2);
    let out = ask(&home, &["mute", "bot", "--for", "1h", "--token", "orbl", "--dry-run"]);
    assert!(out.contains("held back 1 of the last 24 hours' 2 firings that went to bot\nnothing was muted"), "{out}");
    assert_eq!(mutes(&home), Vec::<Value>::new());
    ask(&home, &["mute", "bot", "--for", "1h", "--token", "orbl", "--handle", "@KOL"]);
    world.lists("3");
    world.feed().send(content("4", "Kol will list $DOGE").to_string());
    in_state(&home, "bot", "delivered", 3);
    in_state(&home, "desk", "delivered", 4);
    assert_eq!(in_state(&home, "bot", "suppressed", 1)[0]["why"], "muted");
    let (code, _, said) = home.run(&["mute", "listin", "--for", "1h"]);
    assert!(code == 2 && said.contains("did you mean \"listing\"?"), "{said}");
    let (code, _, said) = home.run(&["unmute", "7"]);
    assert!(code == 2 && said.contains("there is no mute 7"), "{said}");
    agreed(&home);
    stop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_running_instance_a_mute_is_for_the_next_start() {
    let (world, home) = plain("").await;
    let (code, _, said) = home.run(&["mute", "listing", "--for", "1h"]);
    assert!(code == 2 && said.contains("there is no journal here yet"), "nothing was muted: {said}");
    stop(world.start(&home));
    let (code, out, said) = home.run(&["mute", "listing", "--for", "1h"]);
    assert!(code == 0 && out.contains("also for the next start") && said.contains("no birdcall is running"), "{out}{said}");
    ask(&home, &["mute", "desk", "--for", "1h"]);
    assert_eq!(ask(&home, &["unmute", "2"]), "the mute of desk has ended; it held back 0 firings\n");
    let numbers: Vec<_> = mutes(&home).iter().map(|mute| mute["number"].as_i64()).collect();
    assert_eq!(numbers, [Some(1)]);
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "suppressed", 1);
    ask(&home, &["unmute", "1"]);
    world.lists("2");
    in_state(&home, "bot", "delivered", 1);
    ask(&home, &["mute", "desk", "--for", "1h"]);
    assert_eq!(mutes(&home)[0]["number"], 3, "a number is given once");
    stop(program);
}

/// Runs a command that must be refused. What it said.
fn refused(home: &Home, arguments: &[&str]) -> String {
    let (code, out, said) = home.run(arguments);
    assert_eq!(code, 2, "{arguments:?}: {out}{said}");
    out + &said
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_for_their_pace_or_their_turn_end_when_they_are_muted_and_redeliver_does_not_send_them() {
    let (world, home) = plain("rate_limit = \"1/4s\"").await;
    let program = world.start(&home);
    for id in ["1", "2", "3"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 1);
    in_state(&home, "bot", "pending", 2);
    ask(&home, &["mute", "bot", "--for", "1h"]);
    let muted = in_state(&home, "bot", "suppressed", 2);
    assert!(muted.iter().all(|row| row["why"] == "muted"), "{muted:#?}");
    held(&home, 2);
    let id = muted[0]["id"].to_string();
    assert!(refused(&home, &["redeliver", "--orders", &id]).contains("it is muted"));
    agreed(&home);
    ask(&home, &["unmute", "bot"]);
    world.lists("4");
    in_state(&home, "bot", "delivered", 2);
    ask(&home, &["redeliver", "--orders", &id]);
    in_state(&home, "bot", "delivered", 3);
    agreed_after(&home, 1);
    stop(program);
    assert_eq!(world.orders(3)[..2], ["1", "4"]);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_when_a_run_was_killed_is_not_sent_by_the_next_if_it_was_muted_meanwhile() {
    let (world, home) = plain("rate_limit = \"1/20s\"").await;
    let mut program = world.start(&home);
    world.lists("1");
    world.lists("2");
    in_state(&home, "bot", "delivered", 1);
    in_state(&home, "bot", "pending", 1);
    program.kill();
    ask(&home, &["mute", "listing", "--for", "1h"]);
    let program = world.start(&home);
    assert_eq!(in_state(&home, "bot", "suppressed", 1)[0]["why"], "muted");
    held(&home, 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_and_again_ends_when_it_is_muted_and_an_order_that_may_have_arrived_ends_as_unknown() {
    let (world, home) = plain("idempotent = true").await;
    let program = world.start(&home);
    let down = || std::iter::repeat_with(|| crate::kit::http::Reply::new(503, "")).take(50);
    world.desk.say_next(down());
    world.bot.say_next(down());
    world.lists("1");
    wait_until("both are tried again", || world.desk.received().len() > 1 && world.bot.received().len() > 1);
    ask(&home, &["mute", "listing", "--for", "1h"]);
    assert_eq!(in_state(&home, "desk", "suppressed", 1)[0]["why"], "muted");
    let why = in_state(&home, "bot", "unknown", 1)[0]["why"].to_string();
    assert!(why.contains("it may have arrived; then it was held back (muted)"), "{why}");
    let tried = (world.desk.received().len(), world.bot.received().len());
    world.desk.say_nothing_more();
    world.bot.say_nothing_more();
    agreed(&home);
    // Of the order people are told.
    world.told("It is unknown whether an order arrived");
    stop(program);
    assert_eq!(world.bot.received().len(), tried.1);
    assert_eq!(world.said("/status/1"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_would_have_gone_to_an_action_only_that_counts_which_went() {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    ask(&home, &["mute", "bot", "--for", "1h"]);
    world.lists("1");
    in_state(&home, "bot", "suppressed", 1);
    ask(&home, &["unmute", "bot"]);
    world.bot.say_next([crate::kit::http::Reply::new(400, "")]);
    world.lists("2");
    in_state(&home, "bot", "dead", 1);
    world.lists("3");
    in_state(&home, "bot", "delivered", 1);
    let out = ask(&home, &["mute", "bot", "--for", "1h", "--dry-run"]);
    assert!(out.contains("held back 2 of the last 24 hours' 2 firings that went to bot"), "{out}");
    let out = ask(&home, &["mute", "bot", "--for", "1h"]);
    let said = |words: &str| out.find(words).unwrap_or_else(|| panic!("{words}: {out}"));
    assert!(said("held back 2 of") < said("is muted for 1 h"));
    let (_, _, said) = home.run(&["mute", "bot", "--for", "1h", "--token", "ORBL"]);
    assert!(said.contains("it holds what fires from now on"), "{said}");
    stop(program);
}

/// What birdcall itself has said of ended mutes, by state.
fn ends_told(home: &Home, state: &str) -> usize {
    let rows = home.deliveries(&["--action", "desk"]);
    rows.iter()
        .filter(|row| row["subject"].as_str().is_some_and(|of| of.starts_with("notice:mute:")) && row["state"] == state)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_mute_is_told_once_more_if_nobody_had_it_and_not_again_after_a_kill() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    world.desk.say_next(std::iter::repeat_with(|| crate::kit::http::Reply::new(400, "")).take(2));
    ask(&home, &["mute", "bot", "--for", "1s"]);
    wait_until("it comes to nothing", || ends_told(&home, "dead") == 1);
    world.desk.say_nothing_more();
    program.kill();
    let mut program = world.start(&home);
    world.told("The mute of bot has ended");
    wait_until("it is on record", || ends_told(&home, "delivered") == 1);
    program.kill();
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!((world.said("The mute of bot"), ends_told(&home, "delivered"), ends_told(&home, "dead")), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_rule_that_gets_another_name_is_told_of_and_marked() {
    let (world, home) = plain("").await;
    // Or the rules may be there before they are asked for.
    let mut program = home.start(&["run", "--url", &world.rig.url, "--no-watch"]);
    program.wait_for("connected to the feed");
    ask(&home, &["mute", "listing", "--for", "1h"]);
    ask(&home, &["mute", "desk", "--for", "1h"]);
    let text = std::fs::read_to_string(home.path().join("rules.toml")).unwrap();
    home.write("rules.toml", &text.replace("\"listing\"", "\"listings\""));
    let out = ask(&home, &["reload", "--force-reload"]);
    assert!(out.contains("listing (mute 1): the rules have nothing of that name any more"), "{out}");
    world.told("What was muted is not in the rules any more");
    let gone: Vec<_> = mutes(&home).iter().map(|mute| mute["gone"].as_bool()).collect();
    assert_eq!(gone, [Some(true), Some(false)]);
    assert!(ask(&home, &["mutes"]).contains("rule, gone"));
    stop(program);
    // With nothing running, the rules say so that the next start will read.
    let gone = || mutes(&home).iter().map(|mute| mute["gone"].as_bool()).collect::<Vec<_>>();
    assert_eq!(gone(), [Some(true), Some(false)]);
    home.write("rules.toml", "[");
    assert_eq!(gone(), [Some(false), Some(false)], "what is muted is shown all the same");
    let (code, _, said) = home.run(&["mutes", "--rules", "rules.toml"]);
    assert!(code == 1 && said.contains("rules.toml"), "{code} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_what_was_muted_when_it_came_and_what_an_action_takes_a_day() {
    let (world, home) = plain("max_per_day = 7").await;
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    ask(&home, &["mute", "desk", "--for", "1h"]);
    world.lists("2");
    in_state(&home, "desk", "suppressed", 1);
    ask(&home, &["unmute", "desk"]);
    stop(program);
    let (before, muted) = (ask(&home, &["explain", "1"]), ask(&home, &["explain", "2"]));
    assert!(before.contains("desk: a message, sent") && !before.contains("held back"), "{before}");
    assert!(muted.contains("desk: held back (muted): the rule or the action was muted then"), "{muted}");
    assert!(muted.contains("bot: an order, sent, number 2 of 7 that day (max_per_day)"), "{muted}");
}
