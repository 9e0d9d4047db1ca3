//! What must hold however a run ends and whatever fails around it: the program itself, killed, cut off, and out of disk.

#[cfg(target_os = "linux")]
mod changed;
mod clock;
#[cfg(target_os = "linux")]
mod clock_put_right;
mod crash;
mod disk;
mod disorder;
mod edits;
mod gaps;
mod identities;
mod kept;
mod left;
mod lists;
mod mutes;
mod orders;
mod over_time;
mod paces;
mod quiet;
mod refused;
mod reload;
mod restart;
mod sleep;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use birdcall::feed::simulator::HistoryOptions;
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

use crate::kit::feed::Rig;
use crate::kit::http::Received;

/// A feed with a history, in the time of the world.
async fn rig() -> Rig {
    Rig::start(|options| {
        options.clock = Arc::new(|| Timestamp::from_millis(now()));
        options.history = Some(HistoryOptions::default());
    })
    .await
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn content(id: &str, text: &str) -> Value {
    json!({"v": 1, "t": "tweet", "op": "content", "id": id, "ts": now(), "d": {
        "tweetId": id, "kind": "post", "text": text, "createdAt": now(), "author": {"id": "1", "handle": "@kol", "name": "Kol"}}})
}

/// The tweets that messages are about, by the links in them, each with how many messages were about it.
fn tweets(messages: &[Received]) -> BTreeMap<String, usize> {
    const LINK: &str = "https://x.com/i/status/";
    let mut seen = BTreeMap::new();
    for message in messages {
        let body = String::from_utf8_lossy(&message.body);
        if let Some((_, rest)) = body.split_once(LINK) {
            let id: String = rest.chars().take_while(char::is_ascii_digit).collect();
            *seen.entry(id).or_insert(0) += 1;
        }
    }
    seen
}

/// The bodies of orders by their idempotency key.
fn order_ids(orders: &[Received]) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut seen: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for order in orders {
        seen.entry(order.header("webhook-id").unwrap().to_owned()).or_default().push(order.body.clone());
    }
    seen
}
