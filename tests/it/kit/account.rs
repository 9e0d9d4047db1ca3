//! TweetStream's `GET /api/me`, as PROTOCOL 6 describes it.

use serde_json::{Value, json};

use super::book::{Book, StandIn};
use super::feed::KEY;
use super::http::{Received, Reply};

/// Says `account` to whoever has the key. `url()` is that of the history beside it.
pub(crate) async fn start(account: Value) -> StandIn {
    StandIn::start("/api/history", &[], move |request, book| rules(request, book, &account)).await
}

/// An account of this plan that tracks these.
pub(crate) fn tracking(handles: &[&str]) -> Value {
    json!({
        "plan": "ELITE",
        "trackedAccounts": { "count": handles.len(), "limit": 250, "handles": handles },
        "websocket": { "count": 1, "limit": 10 },
        "stripe": { "customerId": "cus_CANARY-0123456789" },
    })
}

fn rules(request: &Received, book: &mut Book, account: &Value) -> Reply {
    let refuse = |status: u16, words: &str| Reply::json(status, &json!({ "error": words }));
    if (request.method.as_str(), request.path.as_str()) != ("GET", "/api/me") {
        book.violation(format!("{} {}", request.method, request.path));
        return refuse(404, "not found");
    }
    if request.header("user-agent").is_none() {
        book.violation("no User-Agent");
    }
    match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        Some(KEY) => Reply::json(200, account).with("cache-control", "no-store"),
        Some(_) => refuse(401, "invalid API key"),
        None => refuse(401, "missing API key"),
    }
}
