//! The history fetched into a file, and replayed from there as if it had come live.

use serde_json::json;

use super::rule;
use crate::kit::binary::Home;
use crate::kit::feed::KEY;

const RULES: &str = r#"
[feed]
key = "env:FEED_KEY"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "30s"
[[rule]]
name = "dip"
send = [{ to = "bot", json = { symbol = "{{ token.symbol }}" } }]
when = { handle = "kol", token = { symbol = "DOGE", chain = "solana" } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_kept_in_a_file_and_replayed_as_if_live() {
    let rig = super::rig_with_history().await;
    let now = jiff::Timestamp::now().as_millisecond() - 60_000;
    let content = json!({"v": 1, "t": "tweet", "op": "content", "id": "7", "ts": now, "d": {
        "tweetId": "7", "text": "$DOGE", "createdAt": now - 300, "receivedAt": now, "author": {"id": "1", "handle": "kol"}}});
    let meta = json!({"v": 1, "t": "tweet", "op": "meta", "id": "7", "ts": now + 400, "d": {"tweetId": "7", "detected": {"tokens": [
        {"symbol": "DOGE", "chain": "solana", "priceUsd": 0.4}]}}});
    for frame in [content, meta] {
        rig.handle.remember_at(&frame.to_string(), birdcall::model::time::Timestamp::from_millis(now));
    }
    let home = Home::with_rules(RULES).env("FEED_KEY", KEY);
    let url = rig.history.clone().unwrap();
    let arguments = ["replay", "--history", "--history-url", &url, "--last", "1h", "--keep", "kept.jsonl.zst", "--json"];
    let (code, out, said) = home.run(&arguments);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 envelopes of the history are kept in kept.jsonl.zst"), "{said}");
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&summary["entries"], &rule(&summary, "dip")["ends"]["orders"]), (&2.into(), &1.into()), "{summary:#}");
    let again = home.json(&["replay", "--file", "kept.jsonl.zst", "--json"]);
    assert_eq!(again["orders"], summary["orders"]);
    let (code, _, said) = home.run(&arguments);
    assert_eq!(code, 2);
    assert!(said.contains("it is there already") && said.contains("--file kept.jsonl.zst"), "{said}");
    let stretch = ["--last", "1h", "--to", "30m", "--keep", "none.jsonl", "--json"];
    let (code, out, said) = home.run(&[&["replay", "--history", "--history-url", &url], stretch.as_slice()].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("The history has nothing from ") && !home.path().join("none.jsonl").exists(), "{said}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["entries"], 0);
    let (code, _, said) = home.run(&["replay", "--history"]);
    assert_eq!(code, 2);
    assert!(said.contains("say from when on"), "{said}");
}
