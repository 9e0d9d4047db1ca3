//! A firing → the body of a webhook: the whole firing as JSON, or what the rules file says instead.
//!
//! # The whole firing
//!
//! In the shape that Standard Webhooks advises, under 20 kB (longer texts and lists are cut, and `truncated` says so):
//!
//! ```json
//! {
//!   "type": "firing.tweet",
//!   "timestamp": "2026-06-17T12:40:00.468Z",
//!   "data": {
//!     "rule": "kol-doge-dip",
//!     "event": "tweet",
//!     "firing": { "id": "bc_…", "at": "…", "at_ms": 1781700000468, "age": 0.468, "expires_at": "…", "expires_at_ms": 1781700003468, "late": false },
//!     "tweet": { "id": "…", "text": "…", "raw_text": "…", "link": "https://x.com/i/status/…", "kind": "post", "created_at": "…", … },
//!     "author": { "id": "…", "handle": "kairo_trades", "name": "kairo", "platform": "twitter", "followers": 48213, … },
//!     "ref": { "id": "…", "kind": "quote", "text": "…", "author": { … } },
//!     "token": { "symbol": "DOGE", "contract": "…", "chain": "solana", "price": 0.12, "sources": ["text", "meta"] },
//!     "tokens": [ … ], "markets": [ … ], "predictions": [ … ], "ocr": "…",
//!     "account": { "id": "…", "actor": { … }, "target": { … }, "changes": [ { "field": "bio", "before": "…", "after": "…" } ] },
//!     "matched": [ { "matcher": "token", "value": "DOGE", "place": "text" } ],
//!     "truncated": false
//!   }
//! }
//! ```
//!
//! `type` ends in the event's name. The names in `data` are those of the template variables; what is not known is left out, so
//! `token`, `market` or `prediction` is there when the firing is about one, `tweet` on tweets, `account` on account events. Prices are
//! numbers of US dollars. `tweet.text` is safe to print, with `&amp;` and its like decoded; `tweet.raw_text` is what was posted, character by character. Ids are
//! text. `firing.id` is the idempotency key and also the `webhook-id` header; act on nothing after `firing.expires_at`.

use bytes::Bytes;
use serde::Serialize;

use super::given::Given;
use super::values::{Caps, Values};
use super::{Incomplete, gather, sanitise};
use crate::model::firing::Firing;
use crate::model::limits::TEMPLATE_BYTES;
use crate::model::message::{ContentType, WebhookBody};
use crate::model::time::Timestamp;
use crate::rules::ruleset::Payload;
use crate::rules::template::Failure;

/// Bytes that the whole firing stays under (Standard Webhooks).
const WHOLE: usize = 20_000;
/// How often the caps are halved until it fits: after that they are a few bytes each.
const HALVINGS: usize = 6;
/// Bytes of most: a tweet with a token and its author.
const USUAL: usize = 2_048;

#[derive(Serialize)]
struct Envelope<'a, T> {
    r#type: &'a str,
    timestamp: String,
    data: T,
}

/// The body of one firing.
pub(super) fn body(firing: &Firing, payload: Option<&Payload>, expires_at: Timestamp) -> Result<WebhookBody, Incomplete> {
    match payload {
        None => whole(firing, expires_at),
        Some(Payload::Json(template)) => {
            let values = Given::new(firing, expires_at, template.uses());
            let json = template.json(&values).map_err(|(leaf, failure)| incomplete("json", &leaf, &failure))?;
            bounded(json, ContentType::Json)
        }
        Some(Payload::Form(template)) => {
            let values = Given::new(firing, expires_at, template.uses());
            let fields = template.form(&values).map_err(|(leaf, failure)| incomplete("form", &leaf, &failure))?;
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(fields);
            bounded(form.finish().into_bytes(), ContentType::Form)
        }
    }
}

/// The body of a test.
pub(super) fn test(action: &str, at: Timestamp) -> WebhookBody {
    let data = serde_json::json!({
        "test": true,
        "action": sanitise::line(action),
        "message": "This is only a test: nobody posted anything, and no rule has fired.",
    });
    let body = serde_json::json!({ "type": "test", "timestamp": at.to_string(), "data": data });
    WebhookBody { bytes: Bytes::from(body.to_string()), content_type: ContentType::Json }
}

fn whole(firing: &Firing, expires_at: Timestamp) -> Result<WebhookBody, Incomplete> {
    let mut caps = Caps::WEBHOOK;
    let mut bytes = Vec::new();
    for _ in 0..=HALVINGS {
        let values: Values = gather::all(firing, expires_at, caps);
        let kind = format!("firing.{}", values.event);
        bytes = encode(&Envelope { r#type: &kind, timestamp: firing.at.to_string(), data: values })?;
        if bytes.len() < WHOLE {
            break;
        }
        caps = caps.halved();
    }
    bounded(bytes, ContentType::Json)
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, Incomplete> {
    let mut bytes = Vec::with_capacity(USUAL);
    let written = serde_json::to_writer(&mut bytes, value);
    written.map_err(|error| Incomplete { what: format!("the firing cannot be written as JSON: {error}") })?;
    Ok(bytes)
}

fn bounded(bytes: Vec<u8>, content_type: ContentType) -> Result<WebhookBody, Incomplete> {
    if bytes.len() > TEMPLATE_BYTES {
        return Err(Incomplete { what: format!("the body would have {} bytes; {TEMPLATE_BYTES} are allowed", bytes.len()) });
    }
    Ok(WebhookBody { bytes: Bytes::from(bytes), content_type })
}

fn incomplete(of: &str, leaf: &str, failure: &Failure) -> Incomplete {
    Incomplete { what: format!("{of}{leaf}: {failure}") }
}
