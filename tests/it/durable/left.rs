//! What an earlier run left, at a start at which the rules, the destinations or the day's count say that it is not to go on as it was.

use std::time::Duration;

use serde_json::Value;

use super::world::{World, in_state, plain, rules, stop, stop_at_once};
use crate::kit::agreed::{agreed, agreed_after};
use crate::kit::binary::{Home, wait_until};
use crate::kit::feed::Rig;
use crate::kit::http::{Manner, Reply};

/// The only delivery of `rule` to `action`.
fn of(home: &Home, rule: &str, action: &str) -> Value {
    let found = home.deliveries(&["--rule", rule, "--action", action]);
    assert!(found.len() <= 1, "{found:#?}");
    found.into_iter().next().unwrap_or_default()
}

fn becomes(home: &Home, rule: &str, action: &str, state: &str, why: &str) {
    wait_until(&format!("{rule} to {action} is {state}"), || of(home, rule, action)["state"] == state);
    let row = of(home, rule, action);
    assert!(row["why"].as_str().unwrap_or_default().contains(why), "{row:#}");
}

/// One rule more that fires with the first one.
fn rule(name: &str, more: &str, send: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\n{more}\nsend = [{send}]\nwhen = {{ handle = \"kol\", keyword = \"will list\" }}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_left_that_is_off_or_on_paper_by_now_is_not_sent_and_of_a_rule_that_is_gone_only_the_alert() {
    let world = World::new(Rig::plain().await).await;
    let pace = "rate_limit = \"1/3s\"";
    let first = rules("", &format!("max_age = \"60s\"\n{pace}")).replace("rate_limit = \"10000/s\"", pace);
    let both = "\"desk\", \"bot\"";
    let all = ["rests", "tries", "goes", "keeps"].map(|name| rule(name, "", both)).concat();
    let home = world.home(&format!("{first}{all}"));
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    in_state(&home, "desk", "delivered", 1);
    for name in ["rests", "tries", "goes", "keeps"] {
        for action in ["desk", "bot"] {
            becomes(&home, name, action, "pending", "");
        }
    }
    agreed(&home);
    program.kill();
    let now = [rule("rests", "mode = \"off\"", both), rule("tries", "mode = \"paper\"", both), rule("keeps", "", "\"desk\"")];
    home.write("rules.toml", &format!("{first}{}", now.concat()));
    let program = world.start(&home);
    for action in ["desk", "bot"] {
        becomes(&home, "rests", action, "suppressed", "off");
        becomes(&home, "tries", action, "suppressed", "paper");
    }
    becomes(&home, "goes", "bot", "dead", "the rules have no rule goes any more");
    becomes(&home, "keeps", "bot", "dead", "the rule keeps does not send to bot any more");
    for name in ["goes", "keeps"] {
        becomes(&home, name, "desk", "delivered", "");
    }
    agreed(&home);
    let again = |name: &str| home.run(&["redeliver", "--orders", &of(&home, name, "bot")["id"].to_string()]);
    let (code, _, said) = again("rests");
    assert!(code == 2 && said.contains("the rule rests has mode = \"off\" for bot"), "{said}");
    let (code, out, said) = again("goes");
    assert!(code == 0 && out.contains("on its way to bot"), "a person asks for it: {out}{said}");
    becomes(&home, "goes", "bot", "delivered", "");
    agreed_after(&home, 1);
    stop(program);
    assert_eq!(world.orders(2).len(), 2);
    world.is_well();
}

/// An order whose answer had not come when the program was killed, and then a start with other rules.
async fn under_way(bot: &str, then: &str) {
    let (world, home) = plain(bot).await;
    let mut program = world.start(&home);
    world.bot.say_next([Reply::manner(Manner::Late(Duration::from_secs(60)))]);
    world.lists("1");
    world.orders(1);
    world.told("/status/1");
    agreed(&home);
    program.kill();
    let text = rules("", &format!("max_age = \"60s\"\n{bot}"));
    let text = text.replace("trading = true", then);
    home.write("rules.toml", &text);
    let program = world.start(&home);
    in_state(&home, "bot", "unknown", 1);
    world.told("It is unknown whether an order arrived");
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1).len(), 1);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_order_that_may_have_left_and_is_not_to_be_sent_any_more_is_unknown_and_the_desk_is_told() {
    under_way("idempotent = true", "trading = true\nmode = \"paper\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_may_have_left_is_one_whatever_its_action_is_by_now_and_the_desk_is_told() {
    under_way("", "trading = false").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_to_be_sent_counts_as_one_of_the_day_after_the_restart_though_it_was_tried_before() {
    let (world, home) = plain("max_per_day = 1").await;
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let home = home.env("BOT", &format!("http://{nowhere}/hook"));
    let program = world.start(&home);
    world.lists("1");
    wait_until("it was tried", || of(&home, "listing", "bot")["attempts"][0]["verdict"] == "not sent");
    stop_at_once(program);
    in_state(&home, "bot", "pending", 1);
    let home = home.env("BOT", &world.bot.url());
    let program = world.start(&home);
    in_state(&home, "bot", "delivered", 1);
    world.lists("2");
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "max_per_day");
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_after_a_restart_says_what_its_messages_said() {
    let world = World::new(Rig::plain().await).await;
    let text = rules("", "max_age = \"60s\"").replace("rate_limit = \"10000/s\"", "rate_limit = \"1/4s\"\noverflow = \"digest\"");
    let home = world.home(&text.replace("notices = [\"desk\"]\n", ""));
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "desk", "delivered", 1);
    for id in ["2", "3", "4"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 4);
    in_state(&home, "desk", "pending", 3);
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    let told = in_state(&home, "desk", "delivered", 4);
    assert!(told.iter().any(|row| row["form"] == "digest"), "{told:#?}");
    for id in ["2", "3", "4"] {
        assert_eq!(world.said(&format!("/status/{id}")), 1, "{id}: {:?}", world.desk.messages());
    }
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_destination_asked_for_is_waited_for_after_a_restart() {
    let wait = Duration::from_secs(6);
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    world.desk.say_next([Reply::new(429, "{\"retry_after\": 6.0}").with("retry-after", "6")]);
    world.lists("1");
    wait_until("the answer is recorded", || of(&home, "listing", "desk")["attempts"][0]["verdict"] == "throttled");
    agreed(&home);
    program.kill();
    let program = world.start(&home);
    in_state(&home, "desk", "delivered", 1);
    agreed(&home);
    stop(program);
    let asked = world.desk.received();
    let early = asked[1..].iter().filter(|request| request.at < asked[0].at + wait).count();
    assert_eq!(early, 0, "{:?}", asked.iter().map(|request| request.at).collect::<Vec<_>>());
}

/// What `redeliver` says of the delivery `row` that it refuses.
fn refused(home: &Home, row: &Value) -> String {
    let (code, out, said) = home.run(&["redeliver", "--orders", &row["id"].to_string()]);
    assert_eq!(code, 2, "{out}{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn redeliver_refuses_what_its_lane_would_not_send() {
    let world = World::new(Rig::plain().await).await;
    let text = rules("", "max_age = \"60s\"").replace("notices = [\"desk\"]\n", "");
    let home = world.home(&text.replace("rate_limit = \"10000/s\"", "rate_limit = \"1/h\"\noverflow = \"drop\""));
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "desk", "delivered", 1);
    world.lists("2");
    let lost = in_state(&home, "desk", "suppressed", 1);
    assert_eq!(lost[0]["why"], "overflow");
    let said = refused(&home, &lost[0]);
    assert!(said.contains("desk has no room"), "{said}");
    agreed(&home);
    stop(program);
    let home = world.home(&text);
    let program = world.start(&home);
    world.desk.say_next([Reply::new(404, "{\"message\": \"Unknown Webhook\", \"code\": 10015}")]);
    world.lists("3");
    let dead = in_state(&home, "desk", "dead", 1);
    let said = refused(&home, &dead[0]);
    assert!(said.contains("desk takes nothing any more"), "{said}");
    assert_eq!(in_state(&home, "desk", "dead", 1)[0]["ended_at"], dead[0]["ended_at"], "it was left as it was");
    agreed(&home);
    stop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn redeliver_sends_no_order_beyond_those_of_the_day() {
    let (world, home) = plain("max_per_day = 1").await;
    let program = world.start(&home);
    world.bot.say_next([Reply::new(400, "{}")]);
    world.lists("1");
    let dead = in_state(&home, "bot", "dead", 1);
    let said = refused(&home, &dead[0]);
    assert!(said.contains("bot has had its 1 of today"), "{said}");
    world.lists("2");
    world.told("Orders are stopped");
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_an_action_has_had_its_messages_of_today_is_told_once_whatever_is_restarted_between() {
    let world = World::new(Rig::plain().await).await;
    let desk = "rate_limit = \"10000/s\"";
    let rules = rules("", "max_age = \"60s\"").replace(desk, &format!("{desk}\nmax_per_day = 1"));
    let home = world.home(&rules);
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "desk", "delivered", 1);
    world.lists("2");
    in_state(&home, "desk", "suppressed", 1);
    world.told("desk has had its 1 messages of today");
    agreed(&home);
    program.kill();
    let mut program = world.start(&home);
    world.lists("3");
    in_state(&home, "desk", "suppressed", 2);
    agreed(&home);
    assert_eq!(world.said("messages of today"), 1);
    // What has reached nobody was not told.
    program.kill();
    let journal = rusqlite::Connection::open(home.path().join("state/journal.db")).unwrap();
    let lost = "UPDATE deliveries SET state = 'expired' WHERE subject = 'notice:max_per_day:desk'";
    assert_eq!(journal.execute(lost, ()).unwrap(), 1);
    drop(journal);
    let program = world.start(&home);
    world.lists("4");
    in_state(&home, "desk", "suppressed", 3);
    wait_until("it is told once more", || world.said("messages of today") == 2);
    stop(program);
}
