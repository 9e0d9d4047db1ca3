//! A restart gives no quota anew: what was sent in the window before it counts. The oracle is the time at which requests arrived.

use std::time::Duration;

use birdcall::journal::Reader;
use birdcall::model::time::Timestamp;

use super::world::{World, in_state, rules, stop, stop_at_once};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, wait_until};
use crate::kit::feed::Rig;
use crate::kit::http::{Manner, Received, Reply};

const COUNT: usize = 3;
const WINDOW: Duration = Duration::from_secs(6);

/// The most that arrived in any window.
fn most_in_a_window(received: &[Received]) -> usize {
    let within = |from: usize| received[from..].iter().take_while(|later| later.at < received[from].at + WINDOW).count();
    (0..received.len()).map(within).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_of_an_action_holds_over_a_kill_and_a_restart() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&rules("", &format!("rate_limit = \"{COUNT}/{}s\"\nmax_age = \"60s\"", WINDOW.as_secs())));
    let mut program = world.start(&home);
    // Two are answered, one is under way when the program is killed.
    for id in ["1", "2"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 2);
    world.bot.say_next([Reply::manner(Manner::Late(Duration::from_secs(60)))]);
    world.lists("3");
    world.orders(COUNT);
    in_state(&home, "desk", "delivered", 3);
    program.kill();
    let program = world.start(&home);
    for id in ["4", "5", "6"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 5);
    agreed(&home);
    stop(program);
    let orders = world.bot.received();
    assert_eq!(orders.len(), 6);
    assert_eq!(most_in_a_window(&orders), COUNT, "{:?}", orders.iter().map(|order| order.at).collect::<Vec<_>>());
    world.is_well();
}

/// Rules under which an alert that was told to wait for 5 s is tried again while it is news, of a quota that a third request would break.
fn patient() -> String {
    rules("", "max_age = \"60s\"").replace("\"10000/s\"", "\"2/12s\"\nmax_age = \"8s\"")
}

/// Makes an alert that waits for its second attempt for so many seconds, and the answers to it and to an order are on record.
fn waits(world: &World, home: &Home, patience: u64) {
    world.desk.say_next([Reply::new(503, "").with("retry-after", patience.to_string())]);
    world.lists("1");
    let state = home.path().join("state");
    wait_until("both answers are on record", || {
        let mut reader = Reader::open(&state).unwrap();
        let requests = reader.requests_since(Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX), 10).unwrap();
        requests.len() == 2 && reader.unfinished().unwrap().len() == 1
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_was_answered_before_the_kill_is_not_held_back_for_a_window_until_it_is_too_old() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&patient());
    let mut program = world.start(&home);
    waits(&world, &home, 5);
    program.kill();
    let program = world.start(&home);
    in_state(&home, "desk", "delivered", 1);
    assert_eq!((world.desk.received().len(), world.orders(1).len()), (2, 1));
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_only_waits_when_it_is_stopped_in_order_does_not_count_as_perhaps_sent() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&patient().replace("notices = [\"desk\"]\n", ""));
    let program = world.start(&home);
    let patience = 3;
    waits(&world, &home, patience);
    stop_at_once(program);
    let over = world.desk.received()[0].at + Duration::from_secs(patience);
    wait_until("it would have been tried again by a run that had gone on", || over.elapsed() > Duration::from_millis(100));
    let program = world.start(&home);
    in_state(&home, "desk", "delivered", 1);
    assert_eq!((world.desk.received().len(), world.orders(1).len()), (2, 1));
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_at_an_orderly_end_is_on_record_and_counts_for_the_rate_of_the_next_run() {
    let world = World::new(Rig::plain().await).await;
    let pace = format!("\"1/{}s\"\nmax_age = \"60s\"", WINDOW.as_secs());
    let text = rules("", "max_age = \"60s\"").replace("\"10000/s\"", &pace);
    let home = world.home(&text.replace("notices = [\"desk\"]\n", ""));
    let program = world.start(&home);
    world.desk.say_next([Reply::manner(Manner::Late(Duration::from_secs(60)))]);
    world.lists("1");
    wait_until("it is under way", || world.desk.received().len() == 1);
    world.orders(1);
    stop_at_once(program);
    let waits = in_state(&home, "desk", "pending", 1);
    assert_eq!(waits[0]["attempts"][0]["verdict"], "ambiguous", "{waits:#?}");
    let program = world.start(&home);
    in_state(&home, "desk", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!(most_in_a_window(&world.desk.received()), 1);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_had_under_way_that_never_reached_the_feed_counts_though_the_run_before_ended_in_order() {
    // It is tried again at once, or after what was noted last in the run before is long past.
    for (count, patience) in [(2, "0"), (1, "5")] {
        let world = World::new(Rig::plain().await).await;
        let pace = format!("\"{count}/{}s\"\nmax_age = \"60s\"", WINDOW.as_secs());
        let text = rules("", "max_age = \"60s\"").replace("\"10000/s\"", &pace);
        let home = world.home(&text.replace("notices = [\"desk\"]\n", ""));
        let program = world.start(&home);
        let asks = Reply::new(503, "").with("retry-after", patience);
        world.desk.say_next([asks, Reply::manner(Manner::Late(Duration::from_secs(60)))]);
        world.lists("1");
        world.orders(1);
        wait_until("it was told to wait", || world.desk.received().len() == 1);
        stop_at_once(program);
        // Nobody listens there.
        let mut program = home.start(&["run", "--url", "ws://127.0.0.1:9"]);
        wait_until("it is under way again", || world.desk.received().len() == 2);
        program.kill();
        let program = world.start(&home);
        in_state(&home, "desk", "delivered", 1);
        agreed(&home);
        stop(program);
        let received = world.desk.received();
        assert_eq!(received.iter().filter(|one| String::from_utf8_lossy(&one.body).contains("listing")).count(), 3);
        assert_eq!(most_in_a_window(&received), count, "{:?}", received.iter().map(|one| one.at).collect::<Vec<_>>());
        world.is_well();
    }
}
