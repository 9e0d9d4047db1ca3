//! What the program had not finished when it was killed, and what it does about it at the next start.

use std::time::Duration;

use serde_json::json;

use super::world::{LISTING, World, in_state, plain, rules, stop, stop_at_once};
use super::{content, now};
use crate::kit::agreed::{agreed, agreed_after};
use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::feed::Rig;
use crate::kit::http::{Manner, Reply};

/// An answer that comes after the program was killed.
fn held() -> Reply {
    Reply::manner(Manner::Late(Duration::from_secs(60)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_be_sent_when_it_was_killed_is_sent_after_the_restart() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    world.desk.say_next([Reply::new(503, "").with("retry-after", "3")]);
    world.lists("1");
    wait_until("the failure is recorded", || {
        let rows = home.deliveries(&["--action", "desk", "--pending"]);
        rows.iter().any(|row| row["attempts"][0]["verdict"] == "failed")
    });
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    in_state(&home, "desk", "delivered", 1);
    world.lists("2");
    in_state(&home, "desk", "delivered", 2);
    agreed(&home);
    stop(program);
    let sent = world.desk.received();
    assert_eq!(sent.len() - world.said("gap from "), 3, "once before, once after, and the next one");
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(world.said("/status/1"), 1);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_under_way_when_it_was_killed_is_unknown_not_sent_again_and_the_desk_is_told() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    world.bot.say_next([held()]);
    world.lists("1");
    world.orders(1);
    world.told("/status/1");
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    world.told("It is unknown whether an order arrived");
    let unknown = in_state(&home, "bot", "unknown", 1);
    assert!(unknown[0]["why"].as_str().unwrap().contains("an order is not repeated"), "{unknown:?}");
    world.lists("2");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(2), ["1", "2"]);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_order_under_way_when_it_was_killed_is_sent_again_with_the_same_id_and_bytes() {
    let (world, home) = plain("idempotent = true").await;
    let mut program = world.start(&home);
    world.bot.say_next([held()]);
    world.lists("1");
    world.orders(1);
    world.told("/status/1");
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    in_state(&home, "bot", "delivered", 1);
    world.lists("2");
    in_state(&home, "bot", "delivered", 2);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(3), ["1", "1", "2"]);
    let sent = world.bot.received();
    assert_eq!(sent[0].header("webhook-id"), sent[1].header("webhook-id"));
    assert_ne!(sent[1].header("webhook-id"), sent[2].header("webhook-id"));
    assert_eq!(sent[0].body, sent[1].body);
    world.is_well();
}

/// A program with an order that has been tried once and could not be sent, as nobody listens there; afterwards somebody does.
async fn trying_in_vain() -> (World, Home, Program) {
    let (world, home) = plain("").await;
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let home = home.env("BOT", &format!("http://{nowhere}/hook"));
    let program = world.start(&home);
    world.lists("1");
    wait_until("it was tried", || {
        let rows = home.deliveries(&["--action", "bot", "--pending"]);
        rows.iter().any(|row| row["state"] == "sending" && row["attempts"][0]["verdict"] == "not sent")
    });
    agreed(&home);
    let home = home.env("BOT", &world.bot.url());
    (world, home, program)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_has_not_left_when_it_was_stopped_is_sent_after_the_restart() {
    let (world, home, program) = trying_in_vain().await;
    stop_at_once(program);
    let waits = in_state(&home, "bot", "pending", 1);
    let program = world.start(&home);
    let sent = in_state(&home, "bot", "delivered", 1);
    assert_eq!((&sent[0]["id"], &sent[0]["firing"]), (&waits[0]["id"], &waits[0]["firing"]));
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
    assert_eq!(world.said("It is unknown"), 0);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_had_not_left_before_a_kill_is_unknown_as_its_next_attempt_may_have() {
    let (world, home, mut program) = trying_in_vain().await;
    program.kill();
    let program = world.start(&home);
    world.told("It is unknown whether an order arrived");
    in_state(&home, "bot", "unknown", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.bot.received().len(), 0);
    world.is_well();
}

/// Two orders of which the second waits for its pace; killed; started again at once or when that one is too old.
async fn waiting_for_its_pace(pace: &str, max_age: &str, until_expired: bool) -> (World, Home) {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&rules("", &format!("rate_limit = \"{pace}\"\nmax_age = \"{max_age}\"")));
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    world.lists("2");
    in_state(&home, "desk", "delivered", 2);
    let waits = in_state(&home, "bot", "pending", 1);
    assert_eq!(waits[0]["attempts"], json!([]));
    agreed(&home);
    program.kill();
    if until_expired {
        let expires: jiff::Timestamp = waits[0]["expires_at"].as_str().unwrap().parse().unwrap();
        wait_until("it is too old", || now() > expires.as_millisecond());
    }
    let program = world.start(&home);
    in_state(&home, "bot", if until_expired { "expired" } else { "delivered" }, if until_expired { 1 } else { 2 });
    agreed(&home);
    stop(program);
    world.is_well();
    (world, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waited_for_its_pace_when_it_was_killed_is_sent_after_the_restart() {
    let (world, _home) = waiting_for_its_pace("1/8s", "2h", false).await;
    assert_eq!(world.orders(2), ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_has_become_too_old_meanwhile_expires_at_the_start() {
    let (world, home) = waiting_for_its_pace("1/8s", "9s", true).await;
    assert_eq!(world.orders(1), ["1"]);
    assert_eq!(home.deliveries(&["--expired"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_tweet_again_and_again_is_one_message() {
    let (world, home) = plain("").await;
    let parts = |id: &str| {
        let part = |op: &str, fields: serde_json::Value| {
            let mut data = fields;
            data["tweetId"] = json!(id);
            json!({"v": 1, "t": "tweet", "op": op, "id": id, "ts": now(), "d": data}).to_string()
        };
        let whole = content(id, LISTING).to_string();
        let update = part("update", json!({"text": format!("{LISTING} today")}));
        let meta = part(
            "meta",
            json!({"detected": {"tokens": [
            {"symbol": "ORBL", "contract": "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump", "chain": "solana", "sources": ["text"]}]}}),
        );
        [meta, update, whole.clone(), whole.clone(), whole]
    };
    let send = |id: &str, order: [usize; 5]| order.iter().for_each(|at| world.feed().send(parts(id)[*at].clone()));
    let mut program = world.start(&home);
    send("1", [0, 2, 1, 3, 4]);
    in_state(&home, "bot", "delivered", 1);
    program.forget("connected to the feed");
    world.feed().close(1012, "restarting");
    program.wait_for("connected to the feed");
    send("1", [2, 1, 0, 4, 3]);
    send("2", [1, 2, 3, 0, 4]);
    in_state(&home, "bot", "delivered", 2);
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    send("2", [4, 0, 3, 2, 1]);
    send("1", [1, 0, 2, 3, 4]);
    send("3", [2, 0, 1, 3, 4]);
    in_state(&home, "bot", "delivered", 3);
    in_state(&home, "desk", "delivered", 3);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(3), ["1", "2", "3"]);
    for id in ["1", "2", "3"] {
        assert_eq!(world.said(&format!("/status/{id}")), 1, "{id}");
    }
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_message_is_sent_again_on_request_and_an_order_only_when_it_is_meant() {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    // The desk takes neither the message nor what stands in for it.
    world.desk.say_next([Reply::new(400, "{}"), Reply::new(400, "{}")]);
    world.bot.say_next([Reply::new(400, "{}")]);
    world.lists("1");
    let message = in_state(&home, "desk", "dead", 1);
    let order = in_state(&home, "bot", "dead", 1);
    let id = |rows: &[serde_json::Value]| rows[0]["id"].to_string();
    let (code, out, said) = home.run(&["redeliver", &id(&message)]);
    assert!(code == 0 && out.contains("on its way to desk"), "{out}{said}");
    in_state(&home, "desk", "delivered", 1);
    let (code, _, said) = home.run(&["redeliver", &id(&order)]);
    assert!(code == 2 && said.contains("--orders"), "{said}");
    agreed_after(&home, 1);
    assert_eq!(world.orders(1).len(), 1);
    let (code, out, said) = home.run(&["redeliver", "--orders", &id(&order)]);
    assert!(code == 0 && out.contains("on its way to bot"), "{out}{said}");
    in_state(&home, "bot", "delivered", 1);
    let (code, _, said) = home.run(&["redeliver", "--orders", &id(&order)]);
    assert!(code == 2 && said.contains("arrived already"), "{said}");
    agreed_after(&home, 2);
    stop(program);
    assert_eq!(world.orders(2), ["1", "1"]);
    let sent = world.bot.received();
    assert_eq!((sent[0].header("webhook-id"), &sent[0].body), (sent[1].header("webhook-id"), &sent[1].body));
    assert_eq!(world.said("/status/1"), 1);
    world.is_well();
}
