//! One tweet → its envelopes: content at once, then the update that completes it, then meta.

use serde_json::{Map, Value, json};

use super::cast::{Coin, Role};
use super::stage::{Sent, Stage};
use crate::model::time::Timestamp;

/// A tweet that is to be played.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) text: String,
    /// `post` unless it refers to another tweet.
    pub(super) reference: Option<(&'static str, Sent)>,
    /// What the `t.co` link in the text leads to; `{link}` in the text stands for it.
    pub(super) link: Option<String>,
    pub(super) image: bool,
    pub(super) detected: Detected,
}

/// What meta will say.
#[derive(Debug, Default)]
pub(super) struct Detected {
    pub(super) tokens: Vec<Value>,
    pub(super) markets: Vec<Value>,
    pub(super) predictions: Vec<Value>,
    pub(super) ocr: Option<String>,
}

impl Detected {
    fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.markets.is_empty() && self.predictions.is_empty() && self.ocr.is_none()
    }

    /// A token, at a price near its usual one.
    pub(super) fn token(mut self, stage: &mut Stage, coin: &Coin, source: &str) -> Self {
        let contract = if coin.chain == "solana" { coin.contract.clone() } else { coin.contract.to_lowercase() };
        self.tokens.push(json!({
            "symbol": coin.symbol, "name": coin.name, "contract": contract, "chain": coin.chain, "networkId": coin.network,
            "priceUsd": moved(stage, coin.price), "sources": [source],
        }));
        self
    }

    /// Markets of this coin on one or two exchanges.
    pub(super) fn markets(mut self, stage: &mut Stage, base: &str, price: f64) -> Self {
        let exchanges = ["bybit", "binance", "hyperliquid"];
        let first = stage.random.usize(..exchanges.len());
        for exchange in exchanges.iter().cycle().skip(first).take(1 + usize::from(stage.percent(40))) {
            let quote = if *exchange == "hyperliquid" { "USDC" } else { "USDT" };
            self.markets.push(json!({
                "exchange": exchange, "symbol": format!("{base}{quote}"), "baseAsset": base, "quoteAsset": quote,
                "priceUsd": moved(stage, price), "url": format!("https://{exchange}.example/trade/{base}{quote}"), "sources": ["text"],
            }));
        }
        self
    }
}

/// A price within a fifth of the usual one, with six digits.
fn moved(stage: &mut Stage, price: f64) -> f64 {
    let moved = price * (0.8 + 0.4 * stage.random.f64());
    format!("{moved:.5e}").parse().unwrap_or(moved)
}

/// Plays a tweet and remembers it.
pub(super) fn play(stage: &mut Stage, at: Timestamp, author: usize, draft: Draft) -> Sent {
    let truth = stage.cast[author].role == Role::Truth;
    let id = if truth { stage.truth_id(at) } else { stage.snowflake(at) };
    let received = stage.later(at, 120, 260);
    let ts = stage.later(received, 3, 30);
    let handle = stage.cast[author].handle;
    let link = if truth {
        format!("https://truthsocial.com/@{handle}/posts/{id}")
    } else {
        format!("https://x.com/{handle}/status/{id}")
    };
    let tco = draft.link.as_ref().map(|_| tco(stage));
    let text = draft.text.replace("{link}", tco.as_deref().unwrap_or_default());
    let kind = draft.reference.as_ref().map_or("post", |(kind, _)| kind);
    let mut d = json!({
        "tweetId": id, "kind": kind, "text": text, "createdAt": at.as_millis(), "receivedAt": received.as_millis(),
        "author": stage.account(author), "link": link,
    });
    let image = draft.image.then(|| json!([{"type": "image", "url": format!("https://pbs.twimg.com/media/G{id}.jpg")}]));
    let mut update = Map::new();
    // Half of the media and links come with the content, half later; retweets and replies never know their reference at first.
    place(stage, &mut d, &mut update, "media", image);
    let urls = tco.zip(draft.link).map(|(tco, url)| json!([{"url": url, "name": domain(&url), "tco": tco}]));
    place(stage, &mut d, &mut update, "urls", urls);
    if let Some((kind, other)) = &draft.reference {
        refer(stage, &mut d, &mut update, kind, other);
    }
    stage.send(ts, ("tweet", "content"), Some(&id), &d);
    if !update.is_empty() {
        update.insert("tweetId".into(), id.clone().into());
        let at = stage.later(ts, 150, 1_100);
        stage.send(at, ("tweet", "update"), Some(&id), &Value::Object(update));
    }
    if !truth {
        meta(stage, ts, &id, draft.detected);
    }
    let sent = Sent { id, author, text, created: at, link };
    stage.remember(sent.clone());
    sent
}

fn place(stage: &mut Stage, content: &mut Value, update: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) if stage.percent(50) => content[key] = value,
        Some(value) => {
            update.insert(key.to_owned(), value);
        }
        None => {}
    }
}

fn refer(stage: &Stage, content: &mut Value, update: &mut Map<String, Value>, kind: &str, other: &Sent) {
    let whole = json!({"type": kind, "tweetId": other.id, "text": other.text, "author": stage.account(other.author)});
    let handle = format!("@{}", stage.cast[other.author].handle);
    match kind {
        "quote" => content["ref"] = whole,
        "reply" => {
            content["ref"] = json!({"type": kind, "author": {"handle": handle}});
            content["mentions"] =
                json!([{"handle": handle, "id": stage.cast[other.author].id, "name": stage.cast[other.author].name}]);
            update.insert("ref".into(), whole);
        }
        _ => {
            content["ref"] = json!({"type": kind, "text": other.text, "author": {"handle": handle}});
            update.insert("ref".into(), whole);
        }
    }
}

/// Always sent when something was detected; with nothing detected it comes empty or not at all.
fn meta(stage: &mut Stage, content: Timestamp, id: &str, detected: Detected) {
    if detected.is_empty() && stage.percent(40) {
        return;
    }
    let at = if detected.ocr.is_some() { stage.later(content, 600, 2_000) } else { stage.later(content, 150, 400) };
    let mut d = json!({"tweetId": id});
    if let Some(text) = detected.ocr {
        d["ocr"] = json!({"text": text});
    }
    let mut all = Map::new();
    for (name, found) in [("tokens", detected.tokens), ("cex", detected.markets), ("prediction", detected.predictions)] {
        if !found.is_empty() {
            all.insert(name.to_owned(), found.into());
        }
    }
    d["detected"] = all.into();
    stage.send(at, ("tweet", "meta"), Some(id), &d);
}

fn tco(stage: &mut Stage) -> String {
    let code: String = (0..10).map(|_| stage.random.alphanumeric()).collect();
    format!("https://t.co/{code}")
}

fn domain(url: &str) -> &str {
    url.split('/').nth(2).unwrap_or(url)
}
