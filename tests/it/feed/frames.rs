//! What arrives: every frame once, in order, whatever the caller does meanwhile.

use std::time::Duration;

use birdcall::feed::Signal;
use birdcall::feed::simulator::Received;
use birdcall::model::limits::MESSAGE_BYTES;
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::kit::feed::{PATIENCE, Rig, quick};

#[tokio::test]
async fn text_comes_as_text_and_binary_as_text_when_it_is_utf_8() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    rig.handle.send("{\"v\":1}");
    rig.handle.send_binary("{\"v\":\"zwei €\"}".as_bytes());
    rig.handle.send_binary(&b"\xff\xfe\x00"[..]);
    rig.handle.send("last");
    assert_eq!(client.frame().await, "{\"v\":1}");
    assert_eq!(client.frame().await, "{\"v\":\"zwei €\"}");
    assert!(matches!(client.next().await, Signal::Unreadable { bytes: 3 }));
    assert_eq!(client.frame().await, "last");
}

#[tokio::test]
async fn next_loses_nothing_when_another_branch_wins() {
    const FRAMES: usize = 3_000;
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    let mut tick = interval(Duration::from_micros(100));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut got, mut ticks, mut sent) = (Vec::new(), 0, 0);
    let reading = async {
        while got.len() < FRAMES {
            tokio::select! {
                signal = client.feed.next() => match signal {
                    Signal::Frame(text) => got.push(text.to_string()),
                    other => panic!("{other:?}"),
                },
                _ = tick.tick() => {
                    ticks += 1;
                    // Sent from here, so that frames and ticks interleave.
                    for _ in 0..3 {
                        rig.handle.send(sent.to_string());
                        sent += 1;
                    }
                }
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    assert!(ticks > 100, "the other branch must have won often: {ticks}");
    assert!(got.iter().take(FRAMES).map(|text| text.parse::<usize>().unwrap()).eq(0..got.len()));
}

#[tokio::test]
async fn a_handshake_under_way_survives_the_future_that_began_it() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    let mut cancelled = 0;
    let connected = loop {
        tokio::select! {
            biased;
            signal = client.feed.next() => break signal,
            // Ready at the second look, so that the future is dropped in the middle of whatever it does.
            () = yield_now() => cancelled += 1,
        }
        assert!(cancelled < 1_000_000, "it begins anew each time");
    };
    assert!(matches!(connected, Signal::Connected { .. }), "{connected:?}");
    assert!(cancelled > 0);
    assert_eq!(rig.handle.offers().len(), 1, "one attempt, however often the future was dropped");
}

#[tokio::test]
async fn the_largest_message_passes_and_one_byte_more_closes_with_1009() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    rig.handle.send("x".repeat(MESSAGE_BYTES));
    assert_eq!(client.frame().await.len(), MESSAGE_BYTES);
    rig.handle.send("x".repeat(MESSAGE_BYTES + 1));
    let (why, _) = client.lost().await;
    assert_eq!(why.to_string(), "the feed sent a message of more than 1048576 bytes");
    client.connected().await;
    rig.handle.send("still here");
    assert_eq!(client.frame().await, "still here");
}

#[tokio::test]
async fn a_message_cut_at_any_byte_is_no_message() {
    // RELIABILITY C2: 2 KiB in four fragments.
    let fragments: Vec<String> = ["a", "b", "c", "d"].iter().map(|letter| letter.repeat(512)).collect();
    let whole: Vec<u8> = fragments
        .iter()
        .enumerate()
        .flat_map(|(index, payload)| {
            let fin = if index == 3 { 0x80 } else { 0 };
            let opcode = u8::from(index == 0);
            [vec![fin | opcode, 126, 2, 0], payload.clone().into_bytes()].concat()
        })
        .collect();
    let rig = Rig::plain().await;
    let mut timers = quick();
    timers.pace.max = Duration::ZERO;
    timers.pace.jitter = Duration::ZERO;
    let mut client = rig.client_with(timers);
    for cut in 0..whole.len() {
        client.connected().await;
        rig.handle.send_raw(whole[..cut].to_vec());
        rig.handle.cut();
        client.lost().await;
    }
    client.connected().await;
    rig.handle.send_raw(whole);
    assert_eq!(client.frame().await, fragments.concat());
}

#[tokio::test]
async fn auth_ping_is_data_and_is_not_answered() {
    let rig = Rig::plain().await;
    let mut client = rig.client();
    client.connected().await;
    rig.handle.send("{\"v\":1,\"t\":\"control\",\"op\":\"auth_ping\",\"ts\":1,\"d\":{}}");
    assert!(client.frame().await.contains("auth_ping"));
    client.feed.close().await;
    rig.handle.wait(|stats| stats.ended == 1).await;
    assert_eq!(rig.handle.received(), [Received::Close(Some(1000)), Received::End], "nothing but our goodbye");
}
