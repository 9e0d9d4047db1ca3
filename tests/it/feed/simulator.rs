//! The simulator as a client sees it.

use birdcall::feed::Loss;
use birdcall::model::secret::Secret;
use birdcall::rules::ruleset::Auth;

use crate::kit::feed::{Client, Rig, clock, quick};

#[tokio::test]
async fn traffic_flows_in_real_time() {
    let rig = Rig::with_traffic(1, 1_000.0).await;
    let now = clock();
    let mut client = rig.client();
    client.connected().await;
    let (mut contents, mut metas, mut last) = (0, 0, 0);
    for _ in 0..600 {
        let envelope: serde_json::Value = serde_json::from_str(&client.frame().await).unwrap();
        let ts = envelope["ts"].as_i64().unwrap();
        assert!(ts >= last, "in order");
        last = ts;
        contents += usize::from(envelope["op"] == "content");
        metas += usize::from(envelope["op"] == "meta");
    }
    assert!(contents > 100 && metas > 50, "{contents} {metas}");
    let lag = now().as_millis() - last;
    assert!((-50..2_000).contains(&lag), "what is sent is of now: {lag} ms");
}

#[tokio::test]
async fn every_client_gets_everything() {
    let rig = Rig::plain().await;
    let (mut one, mut two) = (rig.client(), rig.client());
    one.connected().await;
    two.connected().await;
    rig.handle.send("to both");
    assert_eq!((one.frame().await, two.frame().await), ("to both".into(), "to both".into()));
}

#[tokio::test]
async fn without_a_key_of_its_own_it_takes_any() {
    let rig = Rig::start(|options| options.key = None).await;
    Client::new(&rig.url, "whatever_canary4f9c", Auth::Query, quick()).connected().await;
}

#[tokio::test]
async fn stopping_it_is_a_restart_to_its_clients() {
    let mut rig = Rig::start(|options| options.key = Some(Secret::new("any_canary4f9c"))).await;
    let mut client = Client::new(&rig.url, "any_canary4f9c", Auth::Bearer, quick());
    client.connected().await;
    rig.stop();
    let (why, _) = client.lost().await;
    assert!(matches!(why, Loss::Closed { code: Some(1012), .. }), "{why:?}");
    rig.stopped().await;
    let (why, _) = client.lost().await;
    assert!(matches!(why, Loss::Unreachable { .. }), "{why:?}");
}
