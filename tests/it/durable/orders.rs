//! Whether orders go: by hand, by themselves, and on paper.

use birdcall::journal::{Query, Reader};
use birdcall::model::message::Body;
use serde_json::{Value, json};

use super::world::{World, in_state, plain, rules, stop};
use super::{content, now};
use crate::kit::agreed::agreed;
use crate::kit::binary::Home;
use crate::kit::feed::Rig;
use crate::kit::http::Reply;

/// Runs a command that must work.
fn ask(home: &Home, arguments: &[&str]) {
    let (code, out, said) = home.run(arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{said}");
}

fn armed(home: &Home) -> bool {
    home.status()["orders"]["armed"].as_bool().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn disarm_stops_the_next_order_at_once_and_for_later_runs_until_arm() {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    ask(&home, &["disarm", "--because", "I go to bed"]);
    world.lists("2");
    in_state(&home, "desk", "delivered", 2);
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "disarmed");
    let status = home.status();
    assert_eq!((&status["orders"]["armed"], &status["orders"]["why"]), (&json!(false), &json!("I go to bed")));
    agreed(&home);
    stop(program);
    let program = world.start(&home);
    world.lists("3");
    in_state(&home, "bot", "suppressed", 2);
    ask(&home, &["arm"]);
    world.lists("4");
    in_state(&home, "bot", "delivered", 2);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(2), ["1", "4"]);
    for id in ["1", "2", "3", "4"] {
        assert_eq!(world.said(&format!("/status/{id}")), 1, "{id}");
    }
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn disarm_survives_a_kill() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    ask(&home, &["disarm"]);
    program.kill();
    let program = world.start(&home);
    assert!(!armed(&home));
    world.lists("1");
    in_state(&home, "bot", "suppressed", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.bot.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_its_pace_is_held_by_disarm() {
    let (world, home) = plain("rate_limit = \"1/5s\"").await;
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    world.lists("2");
    in_state(&home, "bot", "pending", 1);
    ask(&home, &["disarm"]);
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "disarmed");
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn disarm_without_a_running_instance_is_for_the_next_start() {
    let (world, home) = plain("").await;
    let (code, _, said) = home.run(&["disarm"]);
    assert!(code == 2 && said.contains("there is no journal here yet"), "nothing was stopped: {said}");
    stop(world.start(&home));
    ask(&home, &["disarm"]);
    let program = world.start(&home);
    assert!(!armed(&home));
    world.lists("1");
    in_state(&home, "bot", "suppressed", 1);
    agreed(&home);
    stop(program);
    ask(&home, &["arm"]);
    let program = world.start(&home);
    world.lists("2");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["2"]);
}

/// Five orders are answered like this, one after the other: the sixth is not sent, and the desk knows why.
async fn disarmed_by_answers(status: u16, state: &str) {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    for count in 1..=5 {
        assert!(armed(&home));
        world.bot.say_next([Reply::new(status, "")]);
        world.lists(&count.to_string());
        in_state(&home, "bot", state, count);
    }
    world.told("Orders are stopped");
    assert!(!armed(&home));
    assert_eq!(world.said("5 orders in a row were not placed"), 1);
    world.lists("6");
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "disarmed");
    world.told("/status/6");
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(5).len(), 5);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn five_orders_in_a_row_that_may_have_arrived_stop_orders() {
    disarmed_by_answers(500, "unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_orders_in_a_row_that_were_refused_stop_orders() {
    disarmed_by_answers(400, "dead").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_lags_stops_orders() {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    for id in 1..=5 {
        assert!(armed(&home));
        let mut old = content(&id.to_string(), "gm");
        old["ts"] = json!(now() - 20_000);
        world.feed().send(old.to_string());
    }
    world.told("Orders are stopped");
    assert_eq!(world.said("the feed lags"), 1);
    world.lists("6");
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "disarmed");
    agreed(&home);
    stop(program);
    assert_eq!(world.bot.received().len(), 0);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_order_of_two_a_day_stops_orders_whatever_was_restarted_between() {
    the_third_stops_orders((200, "delivered"), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_one_of_the_orders_of_a_day_whatever_was_restarted_between() {
    the_third_stops_orders((400, "dead"), 1).await;
}

/// The first of them is answered so, and ends so.
async fn the_third_stops_orders((answer, end): (u16, &str), delivered: usize) {
    let (world, home) = plain("max_per_day = 2").await;
    let mut program = world.start(&home);
    world.bot.say_next([Reply::new(answer, "")]);
    world.lists("1");
    in_state(&home, "bot", end, 1);
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    world.lists("2");
    in_state(&home, "bot", "delivered", delivered);
    assert!(armed(&home));
    world.lists("3");
    world.told("Orders are stopped");
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "max_per_day");
    assert!(!armed(&home));
    world.lists("4");
    let held = in_state(&home, "bot", "suppressed", 2);
    assert_eq!(held[0]["why"], "disarmed");
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(2), ["1", "2"]);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_sends_nothing_and_the_journal_has_what_would_have_been_sent() {
    let (world, home) = plain("mode = \"paper\"").await;
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "desk", "delivered", 1);
    in_state(&home, "bot", "suppressed", 1);
    let paper = home.deliveries(&["--paper"]);
    assert_eq!(paper.len(), 1, "{paper:?}");
    let (action, why, tries) = (&paper[0]["action"], &paper[0]["why"], &paper[0]["tries"]);
    assert_eq!((action, why, tries), (&json!("bot"), &json!("paper"), &json!(0)));
    let query = Query { ids: vec![paper[0]["id"].as_i64().unwrap()], at_most: 1, bodies: true, ..Query::default() };
    let rows = Reader::open(&home.path().join("state")).unwrap().deliveries(&query).unwrap();
    let Some(Body::Webhook(body)) = &rows[0].body else { panic!("{rows:?}") };
    let body: Value = serde_json::from_slice(&body.bytes).unwrap();
    assert_eq!(body["tweet"], "1");
    let (code, _, said) = home.run(&["redeliver", "--orders", &paper[0]["id"].to_string()]);
    assert!(code == 2 && said.contains("paper"), "{said}");
    agreed(&home);
    stop(program);
    assert_eq!(world.bot.received().len(), 0);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_its_pace_holds_for_longer_than_it_is_worth_expires() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&rules("", "rate_limit = \"1/h\"\nmax_age = \"2s\""));
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    world.lists("2");
    in_state(&home, "bot", "expired", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
}
