//! The simulator as a client sees it.

use birdcall::feed::Loss;
use birdcall::model::secret::Secret;
use birdcall::rules::ruleset::Auth;

use crate::kit::binary::Home;
use crate::kit::feed::{Client, KEY, Past, Rig, clock, quick};

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

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_a_file_and_the_history_of_it() {
    let home = Home::new();
    home.write("envelopes.jsonl", include_str!("../../data/envelopes.jsonl"));
    let arguments = ["simulate", "--listen", "127.0.0.1:0", "--file", "envelopes.jsonl", "--rate", "1000", "--key", KEY];
    let mut program = home.start(&arguments);
    let (program, urls) = tokio::task::spawn_blocking(move || {
        program.wait_for("Its history at ");
        let urls: Vec<_> = program.heard().split_whitespace().filter(|word| word.contains("://")).map(str::to_owned).collect();
        (program, urls)
    })
    .await
    .unwrap();
    let [url, history] = &urls[..] else { panic!("{urls:?}") };
    let mut client = Client::new(url, KEY, Auth::Subprotocol, quick());
    client.connected().await;
    let mut last = String::new();
    for _ in 0..20 {
        last = client.frame().await;
    }
    assert!(last.contains("callout-0001-7731"), "{last}");
    let past = Past::with(&Rig::plain().await, |settings, _, _| {
        history.clone_into(&mut settings.url);
        settings.clock = birdcall::clock::Clock::system();
    });
    let frames = past.frames(-60_000, 600_000).await;
    assert!(frames.iter().any(|frame| frame.contains("2067225788264200669")), "{frames:?}");
    drop(program);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (code, _, said) = Home::new().run(&["simulate", "--file", "no-such.jsonl"]);
    assert!(code != 0 && said.contains("no-such.jsonl: "), "{code} {said}");
}
