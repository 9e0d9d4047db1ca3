//! Whether a connection lives: pings, half-open connections, callers that are away.

use std::time::Duration;

use birdcall::feed::simulator::Received;
use birdcall::feed::{Loss, Signal, Timers};
use tokio::time::{Instant, sleep};

use crate::kit::feed::{Rig, quick};

const PING_EVERY: Duration = Duration::from_millis(40);
const DEAD_AFTER: Duration = Duration::from_millis(160);

fn impatient() -> Timers {
    Timers { ping_every: PING_EVERY, dead_after: DEAD_AFTER, ..quick() }
}

#[tokio::test]
async fn a_quiet_connection_lives_by_its_pings() {
    let rig = Rig::plain().await;
    let mut client = rig.client_with(impatient());
    client.connected().await;
    client.quiet(rig.handle.wait(|stats| stats.pings >= 10)).await;
    assert_eq!(rig.handle.stats().accepted, 1);
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_and_replaced() {
    let rig = Rig::plain().await;
    let mut client = rig.client_with(impatient());
    client.connected().await;
    rig.handle.freeze();
    let begun = Instant::now();
    let (why, _) = client.lost().await;
    assert!(matches!(why, Loss::Silent(silent) if silent >= DEAD_AFTER), "{why:?}");
    assert!((DEAD_AFTER - PING_EVERY..DEAD_AFTER * 10).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    client.connected().await;
    // The frozen one is still open, the new one works.
    rig.handle.send("alive");
    assert_eq!(client.frame().await, "alive");
}

#[tokio::test]
async fn pings_of_the_feed_are_answered_and_not_shown() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    rig.handle.send_raw(&b"\x89\x02hi"[..]);
    rig.handle.send("after the ping");
    assert_eq!(client.frame().await, "after the ping");
    let pong = async {
        while !rig.handle.received().contains(&Received::Pong) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    client.quiet(pong).await;
}

#[tokio::test]
async fn any_frame_counts_as_life() {
    let rig = Rig::plain().await;
    // Nothing but pings of the feed's own: with this period ours are never sent.
    let timers = Timers { ping_every: Duration::from_secs(60), dead_after: Duration::from_secs(90), ..quick() };
    let mut client = rig.client_with(Timers { stable_after: Duration::from_millis(50), ..timers });
    client.connected().await;
    client.quiet(sleep(Duration::from_millis(60))).await;
    rig.handle.send_raw(&b"\x89\x00"[..]);
    client.quiet(sleep(Duration::from_millis(10))).await;
    rig.handle.cut();
    let (_, retry_in) = client.lost().await;
    assert!(retry_in <= Duration::from_millis(2), "heard by a ping, so stable: {retry_in:?}");
}

#[tokio::test]
async fn a_caller_that_was_away_finds_its_connection_alive() {
    let rig = Rig::plain().await;
    let mut client = rig.client_with(impatient());
    client.connected().await;
    sleep(DEAD_AFTER * 2).await;
    rig.handle.send("were you away?");
    assert_eq!(client.frame().await, "were you away?");
    sleep(DEAD_AFTER * 2).await;
    client.quiet(rig.handle.wait(|stats| stats.pings >= 3)).await;
    assert_eq!(rig.handle.stats().accepted, 1);
}

#[tokio::test]
async fn an_answer_that_waits_to_be_read_counts_before_the_clock_does() {
    let rig = Rig::plain().await;
    let mut client = rig.client_with(impatient());
    client.connected().await;
    // The ping has arrived; its answer comes while nobody looks.
    client.quiet(rig.handle.wait(|stats| stats.pings == 1)).await;
    sleep(DEAD_AFTER * 2).await;
    client.quiet(rig.handle.wait(|stats| stats.pings >= 3)).await;
    assert_eq!(rig.handle.stats().accepted, 1);
}

#[tokio::test]
async fn a_flood_of_control_frames_does_not_hold_the_task() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    // Pongs that nobody asked for: unlike pings they cost no write, at which the task would yield anyway.
    rig.handle.send_raw(b"\x8a\x00".repeat(100_000));
    rig.handle.send("through the flood");
    let mut turns = 0;
    let frame = loop {
        tokio::select! {
            biased;
            signal = client.feed.next() => break signal,
            () = tokio::task::yield_now() => turns += 1,
        }
    };
    assert!(matches!(&frame, Signal::Frame(text) if *text == "through the flood"), "{frame:?}");
    assert!(turns > 100, "others had their turn: {turns}");
}
