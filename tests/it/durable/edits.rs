//! `update = true`: a message that went out is edited on the platform itself, never sent twice, whatever comes in between.

use birdcall::feed::simulator::Handle;
use serde_json::{Value, json};

use super::world::{LISTING, World, in_state, rules, stop};
use super::{content, now};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, wait_until};
use crate::kit::book::StandIn;
use crate::kit::feed::Rig;
use crate::kit::{slack, telegram};

const ORBL: &str = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";

fn updating(bot: &str) -> String {
    rules("", bot).replace("send = [\"desk\", \"bot\"]", "send = [{ to = \"desk\", update = true }, \"bot\"]")
}

fn of_tweet(feed: &Handle, op: &str, id: &str, mut data: Value) {
    data["tweetId"] = json!(id);
    feed.send(json!({"v": 1, "t": "tweet", "op": op, "id": id, "ts": now(), "d": data}).to_string());
}

fn price(feed: &Handle, id: &str, price: f64) {
    let token = json!({"symbol": "ORBL", "contract": ORBL, "chain": "solana", "priceUsd": price, "sources": ["text"]});
    of_tweet(feed, "meta", id, json!({ "detected": { "tokens": [token] } }));
}

/// Waits until a message reads so.
fn reads(of: &StandIn, message: usize, words: &str) {
    wait_until(&format!("message {message} reads {words:?}"), || {
        of.messages().len() >= message && of.reads(message).to_string().contains(words)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_edited_when_meta_comes_when_an_order_ends_and_when_the_tweet_is_deleted() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&updating("max_age = \"60s\""));
    let program = world.start(&home);
    world.lists("1");
    reads(&world.desk, 1, "will list");
    reads(&world.desk, 1, "✅ delivered");
    price(world.feed(), "1", 0.0012);
    reads(&world.desk, 1, "$0.0012");
    of_tweet(world.feed(), "delete", "1", json!({}));
    reads(&world.desk, 1, "~~Kol will list");
    let last = world.desk.reads(1).to_string();
    assert!(["✅ delivered", "$0.0012", "🗑️ deleted"].iter().all(|words| last.contains(words)), "{last}");
    assert_eq!((world.desk.messages().len(), world.orders(1).len()), (1, 1));
    agreed(&home);
    let said = stop(program);
    assert!(said.contains("1 message edited") || said.contains("messages edited"), "{said}");
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_failed_is_told_by_the_message_on_its_tweet() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&updating("max_age = \"60s\""));
    world.bot.say_next([crate::kit::http::Reply::new(400, "no money")]);
    let program = world.start(&home);
    world.lists("1");
    reads(&world.desk, 1, "❌ failed");
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_learned_before_a_kill_is_edited_after_it_and_nothing_is_sent_twice() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&updating("max_age = \"60s\""));
    let mut program = world.start(&home);
    world.lists("1");
    world.lists("2");
    in_state(&home, "desk", "delivered", 2);
    in_state(&home, "bot", "delivered", 2);
    reads(&world.desk, 1, "✅ delivered");
    reads(&world.desk, 2, "✅ delivered");
    // No edit gets through any more.
    world.desk.say_next((0..64).map(|_| crate::kit::http::Reply::new(503, "down")));
    price(world.feed(), "1", 0.0012);
    // What came before an order is on record when that is.
    world.lists("3");
    in_state(&home, "bot", "delivered", 3);
    program.kill();
    world.desk.say_nothing_more();
    let edits = world.desk.edits().len();
    let program = world.start(&home);
    reads(&world.desk, 1, "$0.0012");
    assert!(world.desk.reads(1).to_string().contains("✅ delivered"));
    in_state(&home, "desk", "delivered", 3);
    for id in ["1", "2", "3"] {
        assert_eq!(world.said(&format!("/status/{id}\"")), 1, "{id}: {:?}", world.desk.messages());
    }
    stop(program);
    let mut after: Vec<_> = world.desk.edits().into_iter().skip(edits).map(|(message, _)| message).collect();
    after.sort_unstable();
    assert_eq!(after, [1, 3], "the second reads as it is to read");
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_edited_is_on_record_and_no_later_run_edits_it_to_the_same_words() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&updating("max_age = \"60s\""));
    let program = world.start(&home);
    world.lists("1");
    reads(&world.desk, 1, "✅ delivered");
    price(world.feed(), "1", 0.0012);
    reads(&world.desk, 1, "$0.0012");
    world.feed().send(content("2", LISTING).to_string());
    reads(&world.desk, 2, "✅ delivered");
    // Each edit is told after its answer.
    wait_until("both edits of the first are counted", || lane(&home)["edits"]["made"] == 3);
    assert_eq!(lane(&home)["edits"], json!({"made": 3, "failed": 0}));
    stop(program);
    let edited = |id: &str| {
        let found = in_state(&home, "desk", "delivered", 2);
        found.iter().find(|row| row["subject"] == format!("tweet:{id}")).unwrap()["edit"].clone()
    };
    assert_eq!((edited("1")["times"].clone(), edited("2")["times"].clone()), (json!(2), json!(1)));
    assert_eq!((edited("1")["why"].clone(), edited("2")["why"].clone()), (Value::Null, Value::Null));
    let said = home.run(&["why", "1"]).1;
    assert!(said.contains("edited ") && said.contains(", 2 times"), "{said}");
    let said = home.run(&["deliveries"]).1;
    assert!(said.contains(", 2 times"), "{said}");
    let edits = world.desk.edits().len();
    for _ in 0..2 {
        let program = world.start(&home);
        price(world.feed(), "2", 0.5);
        reads(&world.desk, 2, "$0.5");
        stop(program);
    }
    let after: Vec<_> = world.desk.edits().into_iter().skip(edits).map(|(message, _)| message).collect();
    assert_eq!(after, [2], "what the second run has edited, the third knows, too");
    world.is_well();
}

/// How the desk's lane is, as `birdcall status` says.
fn lane(home: &Home) -> Value {
    let status: Value = serde_json::from_str(&home.run(&["status", "--json"]).1).unwrap();
    status["lanes"].as_array().unwrap().iter().find(|lane| lane["action"] == "desk").unwrap().clone()
}

/// A rule to a group on Telegram and a channel on Slack, and to a webhook of Slack's, which cannot edit.
fn three(home: impl Fn(&str) -> Home, chat: &StandIn, room: &StandIn, hook: &StandIn) -> Home {
    let more = format!(
        "[actions.chat]\ntype = \"telegram\"\ntoken = \"env:CHAT\"\nchat = {}\napi = \"{}\"\nrate_limit = \"10000/s\"\n\
         [actions.room]\ntype = \"slack\"\ntoken = \"env:ROOM\"\nchannel = \"{}\"\napi = \"{}\"\nrate_limit = \"10000/s\"\n\
         [actions.hook]\ntype = \"slack\"\nurl = \"env:HOOK\"\nrate_limit = \"10000/s\"\n[[rule]]",
        telegram::CHAT,
        chat.url(),
        slack::CHANNEL,
        room.url(),
    );
    let sends = ["chat", "room", "hook"].map(|name| format!("{{ to = \"{name}\", update = true }}")).join(", ");
    let text = updating("max_age = \"60s\"").replacen("[[rule]]", &more, 1).replace("\"bot\"]", &format!("\"bot\", {sends}]"));
    home(&text).env("CHAT", telegram::TOKEN).env("ROOM", slack::TOKEN).env("HOOK", &hook.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_and_slack_with_a_token_edit_and_a_webhook_of_slack_s_is_sent_one_message() {
    let world = World::new(Rig::plain().await).await;
    let (chat, room, hook) = (telegram::start(&[]).await, slack::start_app(&[]).await, slack::start_webhook(&[]).await);
    let home = three(|rules| world.home(rules), &chat, &room, &hook);
    let program = world.start(&home);
    world.lists("1");
    for of in [&chat, &room, &hook] {
        wait_until("it is told", || of.messages().len() == 1);
    }
    price(world.feed(), "1", 0.0012);
    of_tweet(world.feed(), "delete", "1", json!({}));
    for of in [&world.desk, &chat, &room] {
        reads(of, 1, "🗑️ deleted");
        reads(of, 1, "$0.0012");
        assert_eq!(of.messages().len(), 1);
    }
    stop(program);
    for of in [&chat, &room, &hook] {
        assert_eq!((of.messages().len(), of.violations()), (1, vec![]));
    }
    assert!(hook.edits().is_empty() && hook.received().len() == 1, "nothing is sent a second time");
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_somebody_has_taken_away_is_left_alone_and_its_chat_goes_on() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&updating("max_age = \"60s\"").replace(", \"bot\"]", "]"));
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "desk", "delivered", 1);
    let gone = json!({"message": "Unknown Message", "code": 10008});
    world.desk.say_next([crate::kit::http::Reply::json(404, &gone)]);
    price(world.feed(), "1", 0.0012);
    program.wait_for("could not be edited");
    world.feed().send(content("2", "Kol will list more").to_string());
    in_state(&home, "desk", "delivered", 2);
    assert_eq!((world.desk.messages().len(), world.desk.edits().len()), (2, 0));
    stop(program);
    world.is_well();
}
