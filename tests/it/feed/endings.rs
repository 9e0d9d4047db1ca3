//! How connections end, and what the feed does then: the tables of PROTOCOL 1.3 and 1.4, live.

use std::ops::RangeInclusive;
use std::time::Duration;

use birdcall::feed::simulator::Received;
use birdcall::feed::{Loss, Reaction};
use birdcall::rules::ruleset::Auth;
use tokio::time::{sleep, timeout};

use crate::kit::feed::{Client, KEY, Rig, quick, real_pace};

const AT_ONCE: RangeInclusive<u64> = 50..=250;
const BACKOFF: RangeInclusive<u64> = 1_000..=2_000;
const SLOW: RangeInclusive<u64> = 90_000..=99_000;

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap()
}

/// After a stop nothing is tried again, whatever happens.
async fn nothing_follows(client: &mut Client, rig: &Rig, attempts: usize) {
    client.quiet(sleep(Duration::from_millis(30))).await;
    assert_eq!(rig.handle.offers().len(), attempts);
}

#[tokio::test]
async fn close_codes_that_come_back() {
    for (code, range) in [
        (1000, BACKOFF),
        (1001, BACKOFF),
        (1002, BACKOFF),
        (1003, BACKOFF),
        (1007, BACKOFF),
        (1008, SLOW),
        (1009, BACKOFF),
        (1010, BACKOFF),
        (1011, BACKOFF),
        (1012, AT_ONCE),
        (1013, BACKOFF),
        (3000, BACKOFF),
        (4000, BACKOFF),
        (4002, BACKOFF),
        (4029, SLOW),
        (4999, BACKOFF),
    ] {
        let rig = Rig::plain().await;
        let mut client = rig.client_with(real_pace());
        client.connected().await;
        rig.handle.close(code, "because");
        let (why, retry_in) = client.lost().await;
        assert!(matches!(why, Loss::Closed { code: Some(found), .. } if found == code), "{why:?}");
        assert!(why.to_string().contains(&format!("code {code}: ")) && why.to_string().contains("because"), "{why}");
        assert!(range.contains(&millis(retry_in)), "{code}: {retry_in:?}");
        assert_eq!(why.wants_attention(), range == SLOW);
        rig.handle.wait(|stats| stats.ended == 1).await;
        assert_eq!(rig.handle.received(), [Received::Close(Some(code)), Received::End], "our answer to the Close frame");
    }
}

#[tokio::test]
async fn close_codes_that_stop() {
    for (code, says) in [(4001, "API key"), (4003, "plan"), (4401, "API key"), (4403, "plan")] {
        let rig = Rig::plain().await;
        let mut client = rig.client();
        client.connected().await;
        rig.handle.close(code, "");
        let why = client.stopped().await;
        assert_eq!(why.reaction(), Reaction::Stop);
        assert!(why.to_string().contains(says), "{why}");
        nothing_follows(&mut client, &rig, 1).await;
    }
}

#[tokio::test]
async fn http_statuses_that_come_back() {
    for (status, range) in [
        (301, BACKOFF),
        (302, BACKOFF),
        (404, BACKOFF),
        (426, BACKOFF),
        (429, SLOW),
        (500, BACKOFF),
        (502, BACKOFF),
        (503, BACKOFF),
    ] {
        let rig = Rig::plain().await;
        rig.handle.refuse(status);
        let mut client = rig.client_with(real_pace());
        let (why, retry_in) = client.lost().await;
        assert!(matches!(why, Loss::Refused { status: found } if found == status), "{why:?}");
        assert!(range.contains(&millis(retry_in)), "{status}: {retry_in:?}");
    }
}

#[tokio::test]
async fn http_statuses_that_stop() {
    for (status, says) in [(400, "auth = "), (401, "API key"), (403, "plan")] {
        let rig = Rig::plain().await;
        rig.handle.refuse(status);
        let mut client = rig.client();
        let why = client.stopped().await;
        assert!(why.to_string().contains(says), "{why}");
        nothing_follows(&mut client, &rig, 1).await;
    }
}

#[tokio::test]
async fn a_wrong_key_stops() {
    let rig = Rig::plain().await;
    for auth in [Auth::Subprotocol, Auth::Bearer, Auth::Query] {
        let mut client = Client::new(&rig.url, "wrong_canary4f9c", auth, quick());
        assert!(matches!(client.stopped().await, Loss::Refused { status: 401 }));
    }
}

#[tokio::test]
async fn one_connection_too_many_waits_for_its_slot() {
    let rig = Rig::start(|options| options.connections = 1).await;
    let mut first = rig.client();
    first.connected().await;
    let mut second = rig.client();
    let (why, retry_in) = second.lost().await;
    assert!(matches!(why, Loss::Refused { status: 429 }), "{why:?}");
    assert!(retry_in >= Duration::from_millis(20), "slow by the shortened pace");
    first.feed.close().await;
    rig.handle.wait(|stats| stats.open == 0).await;
    second.connected().await;
}

#[tokio::test]
async fn a_cut_connection_comes_back() {
    let rig = Rig::plain().await;
    let mut client = rig.client_with(real_pace());
    client.connected().await;
    rig.handle.send("before");
    rig.handle.cut();
    assert_eq!(client.frame().await, "before");
    let (why, retry_in) = client.lost().await;
    assert_eq!(why.to_string(), "the connection ended without a word");
    assert!(BACKOFF.contains(&millis(retry_in)), "{retry_in:?}");
}

#[tokio::test]
async fn accept_then_close_does_not_reset_the_back_off() {
    for code in [1012, 1000] {
        let rig = Rig::plain().await;
        let mut client = rig.client();
        let mut waits = Vec::new();
        for _ in 0..8 {
            client.connected().await;
            rig.handle.send("data does not make it stable");
            client.frame().await;
            rig.handle.close(code, "");
            waits.push(client.lost().await.1);
        }
        let free = if code == 1012 { 3 } else { 0 };
        let floors = [1, 2, 4, 8, 8].map(Duration::from_millis);
        for (wait, floor) in waits.iter().skip(free).zip(floors) {
            assert!((floor..=floor + Duration::from_millis(1)).contains(wait), "{code}: {waits:?}");
        }
        let all_the_same = waits.iter().skip(free + 3).all(|wait| Some(wait) == waits.last());
        assert!(!all_the_same, "the waits are jittered: {waits:?}");
    }
}

#[tokio::test]
async fn a_stable_connection_resets_the_back_off() {
    let rig = Rig::plain().await;
    let mut timers = quick();
    timers.stable_after = Duration::from_millis(30);
    let mut client = rig.client_with(timers);
    for _ in 0..5 {
        client.connected().await;
        rig.handle.cut();
        client.lost().await;
    }
    client.connected().await;
    client.quiet(sleep(Duration::from_millis(40))).await;
    rig.handle.send("heard after thirty milliseconds");
    client.frame().await;
    rig.handle.cut();
    let (_, retry_in) = client.lost().await;
    assert!(retry_in <= Duration::from_millis(2), "{retry_in:?}");
}

#[tokio::test]
async fn an_open_but_mute_connection_was_not_stable() {
    let rig = Rig::plain().await;
    let mut timers = quick();
    timers.stable_after = Duration::from_millis(30);
    let mut client = rig.client_with(timers);
    for _ in 0..5 {
        client.connected().await;
        rig.handle.cut();
        client.lost().await;
    }
    client.connected().await;
    client.quiet(sleep(Duration::from_millis(40))).await;
    rig.handle.cut();
    let (_, retry_in) = client.lost().await;
    assert!(retry_in >= Duration::from_millis(8), "{retry_in:?}");
}

#[tokio::test]
async fn closing_says_goodbye_and_is_the_end() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    client.feed.close().await;
    rig.handle.wait(|stats| stats.ended == 1).await;
    assert_eq!(rig.handle.received(), [Received::Close(Some(1000)), Received::End]);
    nothing_follows(&mut client, &rig, 1).await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_feed_that_does_not_answer() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    rig.handle.freeze();
    timeout(Duration::from_secs(3), client.feed.close()).await.unwrap();
}

#[tokio::test]
async fn the_feeds_own_words_are_shown_without_the_key() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    rig.handle.close(4001, &format!("unknown key {KEY}\u{1b}[31m \"x\""));
    let why = client.stopped().await;
    assert!(why.to_string().ends_with("(it said \"unknown key ***[31m x\")"), "{why}");
}
