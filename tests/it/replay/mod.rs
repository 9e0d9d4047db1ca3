//! The past through the rules again: recordings, journals, comparisons, reports; and what passes, as it passes.

mod brakes;
mod compare;
mod exact;
mod forgotten;
mod history;
mod known;
mod record;
mod sources;
mod tail;
mod worth;

use std::sync::Arc;

use birdcall::feed::simulator::HistoryOptions;
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

use crate::kit::feed::Rig;

/// When stories begin: 2026-06-17T12:40:00Z, in milliseconds.
const START: i64 = 1_781_700_000_000;

/// A tweet of `handle`, sent and written `ms` after the start.
fn content(ms: i64, id: &str, handle: &str, text: &str) -> Value {
    json!({"v": 1, "t": "tweet", "op": "content", "id": id, "ts": START + ms, "d": {
        "tweetId": id, "kind": "post", "text": text, "createdAt": START + ms - 200, "author": {"id": handle, "handle": handle}}})
}

/// What was detected in it.
fn meta(ms: i64, id: &str, symbol: &str, price: f64) -> Value {
    json!({"v": 1, "t": "tweet", "op": "meta", "id": id, "ts": START + ms, "d": {"tweetId": id, "detected": {"tokens": [
        {"symbol": symbol, "chain": "solana", "priceUsd": price, "sources": ["text"]}]}}})
}

/// A record of an envelope.
fn record(ms: i64, origin: &str, envelope: &Value) -> String {
    format!("{{\"at\":{},\"origin\":\"{origin}\",\"envelope\":{envelope}}}\n", START + ms)
}

fn lines(envelopes: &[Value]) -> String {
    envelopes.iter().map(|envelope| format!("{envelope}\n")).collect()
}

/// A desk and a bot, neither of which is ever asked.
const ACTIONS: &str = r#"
[actions.desk]
type = "discord"
url = "env:DESK"
max_age = "1h"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "30s"
"#;

/// The rule of this name in a summary.
fn rule<'a>(summary: &'a Value, name: &str) -> &'a Value {
    summary["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == name).unwrap()
}

/// A feed with a history, by the system's clock, as the program has it.
async fn rig_with_history() -> Rig {
    Rig::start(|options| {
        options.history = Some(HistoryOptions::default());
        options.clock = Arc::new(|| Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()));
    })
    .await
}
