//! The clock is put right in the middle of a run, which is then killed: the next run, whose clock is right from the start, judges what the first
//! one wrote by it. The oracle's own clock is the right one.

use std::time::Duration;

use tokio::time::sleep;

use super::clock::{HOUR, World};
use super::world::stop;
use crate::kit::binary::Program;
use crate::kit::http::Reply;

/// A run that begins so many seconds ahead of what is right, and is put right.
async fn put_right(world: &World, ahead: i64) -> Program {
    world.wall.ahead(ahead);
    let mut program = world.start();
    world.lists([1]);
    world.in_state("desk", "delivered", 1);
    world.wall.ahead(0);
    program.wait_for("this machine's clock jumped");
    sleep(Duration::from_secs(4)).await;
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_waits_is_sent_by_the_next_run() {
    for ahead in [-HOUR, HOUR] {
        let world = World::new(false, "").await;
        let mut program = put_right(&world, ahead).await;
        world.team.say_next([Reply::new(503, "").with("retry-after", "6")]);
        world.lists([2]);
        world.in_state("desk", "delivered", 2);
        sleep(Duration::from_secs(1)).await;
        world.in_state("team", "pending", 1);
        program.kill();
        let program = world.start();
        world.in_state("team", "delivered", 2);
        stop(program);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_destination_is_asked_faster_than_it_allows_by_the_next_run() {
    let world = World::new(false, "").await;
    let mut program = put_right(&world, -HOUR).await;
    world.lists(2..=6);
    world.in_state("desk", "delivered", 6);
    // The team's lane, too, so that nothing is under way whose arrival nobody knows.
    world.in_state("team", "delivered", 6);
    sleep(Duration::from_millis(100)).await;
    program.kill();
    let program = world.start();
    world.lists(7..=11);
    world.in_state("desk", "delivered", 11);
    stop(program);
    world.is_polite();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_too_old_is_not_sent_by_the_next_run() {
    let world = World::new(true, "").await;
    let text = std::fs::read_to_string(world.home.path().join("rules.toml")).unwrap();
    world.home.write("rules.toml", &text.replace("max_age = \"60s\"", "max_age = \"8s\"\nrate_limit = \"1/5s\""));
    let mut program = put_right(&world, 10).await;
    let (code, _, said) = world.home.run(&["arm"]);
    assert_eq!(code, 0, "{said}");
    sleep(Duration::from_secs(6)).await;
    let before = world.orders().len();
    world.lists([2, 3]);
    world.in_state("desk", "delivered", 3);
    world.in_state("bot", "delivered", before + 1);
    world.in_state("bot", "pending", 1);
    program.kill();
    sleep(Duration::from_secs(10)).await;
    let program = world.start();
    world.in_state("bot", "expired", 1);
    stop(program);
    assert_eq!(world.orders().len(), before + 1);
}
