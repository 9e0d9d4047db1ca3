//! What was said while the feed was not heard: sent late when there is a history, said aloud when there is none.

use birdcall::feed::simulator::HistoryAnswer;
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

use super::world::{LISTING, World, in_state, plain, rules, stop};
use super::{content, now};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, Program, wait_until};

/// The feed restarts and is found again.
fn interrupt(world: &World, program: &mut Program) {
    program.forget("connected to the feed");
    world.feed().close(1012, "restarting");
    program.wait_for("connected to the feed");
}

/// The gaps of the running program: state and why.
fn gaps(home: &Home) -> Vec<(String, String)> {
    let gaps: Vec<Value> = serde_json::from_value(home.status()["feed"]["gaps"].clone()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    gaps.iter().map(|gap| (text(&gap["state"]), text(&gap["why"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_history_a_gap_is_an_alert_at_the_desk() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    interrupt(&world, &mut program);
    world.told("gap from ");
    let notice = world.desk.messages()[0].to_string();
    assert!(notice.contains(" to 20") && notice.contains("there is no history for this feed"), "{notice}");
    let gaps = gaps(&home);
    assert!(gaps.len() == 1 && gaps[0].0 == "unavailable" && gaps[0].1.contains("no history"), "{gaps:?}");
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.said("gap from "), 1);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_a_gap_too() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    program.kill();
    let program = world.start(&home);
    world.told("gap from ");
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_history_is_said_once_and_every_gap_is_an_alert() {
    let world = World::new(super::rig().await).await;
    let history = format!("history = \"{}\"", world.rig.history.as_deref().unwrap());
    let home = world.home(&rules(&history, "max_age = \"60s\""));
    world.feed().always_answer_history(Some(HistoryAnswer::plan()));
    let mut program = world.start(&home);
    for count in 1..=2 {
        interrupt(&world, &mut program);
        wait_until("the desk is told", || world.said("gap from ") == count);
    }
    let gaps = gaps(&home);
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert!(gaps.iter().all(|(state, why)| state == "unavailable" && why.contains("not included in the plan")), "{gaps:?}");
    assert_eq!(world.feed().history_requests().len(), 1, "a refused plan is not asked again");
    agreed(&home);
    let said = stop(program);
    assert_eq!(said.matches("HTTP 403").count(), 1, "{said}");
    assert_eq!(said.matches("not included in the plan of this API key, as was said").count(), 1, "{said}");
    assert_eq!(world.said("HTTP 403"), 1);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_history_gives_out_only_in_part_is_told_and_once() {
    let world = World::new(super::rig().await).await;
    let history = format!("history = \"{}\"", world.rig.history.as_deref().unwrap());
    let home = world.home(&rules(&history, "max_age = \"60s\""));
    let mut program = world.start(&home);
    let truth = || HistoryAnswer::Late(std::time::Duration::ZERO);
    // Of tweets a row that is none, and the profiles refused.
    world.feed().answer_history(HistoryAnswer::Garbage(r#"{"data":[{}],"metadata":{"count":1}}"#.to_owned()));
    world.feed().answer_history(HistoryAnswer::plan());
    interrupt(&world, &mut program);
    world.told("A part is missing of the gap from ");
    assert_eq!((world.said("one row of it could not be read"), world.said("PROFILE"), world.said("HTTP 403")), (1, 1, 1));
    program.wait_for("the history has what was missed");
    world.feed().answer_history(truth());
    world.feed().answer_history(HistoryAnswer::plan());
    program.forget("the history has what was missed");
    interrupt(&world, &mut program);
    program.wait_for("the history has what was missed");
    let gaps = gaps(&home);
    assert!(gaps.iter().all(|(state, why)| state == "filled" && why.contains("PROFILE")), "{gaps:?}");
    assert_eq!((gaps.len(), gaps[1].1.contains("could not be read")), (2, false), "{gaps:?}");
    agreed(&home);
    let said = stop(program);
    assert_eq!(said.matches("HTTP 403").count(), 1, "{said}");
    assert_eq!((world.said("A part is missing"), world.said("gap from ")), (1, 1), "the second has nothing new to tell");
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_delivered_once_and_marked_late_and_no_order_is_made_of_it() {
    let world = World::new(super::rig().await).await;
    let history = format!("history = \"{}\"", world.rig.history.as_deref().unwrap());
    let home = world.home(&rules(&history, "max_age = \"60s\""));
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    world.feed().remember(&content("2", LISTING).to_string());
    interrupt(&world, &mut program);
    program.wait_for("the history has what was missed");
    let delivered = in_state(&home, "desk", "delivered", 2);
    assert_eq!((delivered[0]["late"].as_bool(), delivered[1]["late"].as_bool()), (Some(true), Some(false)));
    in_state(&home, "bot", "expired", 1);
    // The next gap overlaps this one, and the restart both.
    interrupt(&world, &mut program);
    program.forget("the history has what was missed");
    program.wait_for("the history has what was missed");
    agreed(&home);
    program.kill();
    let mut program = world.start(&home);
    program.wait_for("the history has what was missed");
    assert!(gaps(&home).iter().all(|(state, _)| state == "filled"), "{:?}", gaps(&home));
    world.lists("3");
    in_state(&home, "bot", "delivered", 2);
    in_state(&home, "desk", "delivered", 3);
    agreed(&home);
    stop(program);
    for id in ["1", "2", "3"] {
        assert_eq!(world.said(&format!("/status/{id}")), 1, "{id}");
    }
    assert_eq!(world.orders(2), ["1", "3"]);
    assert_eq!(world.said("gap from "), 0);
    world.is_well();
}

/// When the journal last noted how far the feed was heard; zero before the first time.
fn written(home: &Home) -> i64 {
    let journal = rusqlite::Connection::open(home.path().join("state").join("journal.db")).unwrap();
    journal.query_row("SELECT value FROM cursors WHERE name = 'written'", [], |row| row.get(0)).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_was_being_filled_when_it_was_killed_is_filled_after_the_restart() {
    const GAP_MS: i64 = 600_000;
    let world = World::new(super::rig().await).await;
    let history = format!("history = \"{}\"", world.rig.history.as_deref().unwrap());
    let home = world.home(&rules(&history, "max_age = \"60s\""));
    stop(world.start(&home));
    // The feed was not heard for ten minutes, and something was said in the middle of them.
    let begun = now() - GAP_MS;
    let journal = rusqlite::Connection::open(home.path().join("state").join("journal.db")).unwrap();
    journal.execute("INSERT OR REPLACE INTO cursors (name, value) VALUES ('alive', ?1)", [begun]).unwrap();
    drop(journal);
    let mut missed = content("1", LISTING);
    let at = begun + GAP_MS / 2;
    (missed["ts"], missed["d"]["createdAt"]) = (json!(at), json!(at));
    world.feed().remember_at(&missed.to_string(), Timestamp::from_millis(at));
    world.feed().always_answer_history(Some(HistoryAnswer::Silence));
    let mut program = world.start(&home);
    wait_until("the history is asked", || !world.feed().history_requests().is_empty());
    // The feed goes on meanwhile, and the journal notes how far.
    let asked = now();
    wait_until("the journal notes it", || written(&home) > asked + 1_000);
    program.kill();
    world.feed().always_answer_history(None);
    let mut program = world.start(&home);
    program.wait_for("the history has what was missed");
    let delivered = in_state(&home, "desk", "delivered", 1);
    assert_eq!(delivered[0]["late"], true);
    agreed(&home);
    stop(program);
    assert_eq!(world.said("/status/1"), 1);
    assert_eq!(world.bot.received().len(), 0);
}
