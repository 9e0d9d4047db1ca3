//! Slack's incoming webhooks and `chat.postMessage`, as DESTINATIONS 5 describes them, and `auth.test`.

use std::time::Duration;

use serde_json::{Value, json};

use super::book::{Book, Check, StandIn};
use super::http::{Received, Reply};

pub(crate) const HOOK: &str = "/services/T0000/B0000/slack-CANARY-0123456789";
pub(crate) const TOKEN: &str = "xoxb-slack-CANARY-0123456789";
pub(crate) const CHANNEL: &str = "C0123456789";

/// One a second.
pub(crate) const WINDOWS: [(usize, Duration); 1] = [(1, Duration::from_secs(1))];

/// `url()` is the webhook's.
pub(crate) async fn start_webhook(windows: &[(usize, Duration)]) -> StandIn {
    StandIn::start(HOOK, windows, webhook).await
}

/// `url()` is what an action's `api` is to be.
pub(crate) async fn start_app(windows: &[(usize, Duration)]) -> StandIn {
    StandIn::start("/api", windows, app).await
}

fn webhook(request: &Received, book: &mut Book) -> Reply {
    if request.path != HOOK {
        return Reply::new(404, "no_service");
    }
    if let Some(wait) = book.too_fast(request.at) {
        let seconds = wait.as_secs_f64().ceil() as u64;
        let body = json!({"retry_after": seconds, "ok": false, "error": "rate_limited"});
        return Reply::json(429, &body).with("retry-after", seconds.to_string());
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else { return Reply::new(400, "invalid_payload") };
    if body["text"].as_str().is_none_or(str::is_empty) && body["blocks"].as_array().is_none_or(Vec::is_empty) {
        book.violation("no_text");
        return Reply::new(400, "no_text");
    }
    if let Some((path, what)) = check(&body, false).wrong.first() {
        book.violation(format!("{path}: {what}"));
        return Reply::new(400, "invalid_blocks");
    }
    book.accept(body);
    Reply::new(200, "ok")
}

fn app(request: &Received, book: &mut Book) -> Reply {
    let refuse = |error: &str| Reply::json(200, &json!({"ok": false, "error": error}));
    let asks = request.method == "GET" && request.path == "/api/auth.test";
    let edits = request.path == "/api/chat.update";
    if !asks && !edits && request.path != "/api/chat.postMessage" {
        return refuse("unknown_method");
    }
    match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        Some(TOKEN) => {}
        Some(_) => return refuse("invalid_auth"),
        None => return refuse("not_authed"),
    }
    if asks {
        let body = json!({"ok": true, "url": "https://desk.slack.com/", "team": "Desk", "user": "bird", "team_id": "T0", "user_id": "U0"});
        return Reply::json(200, &body).with("x-oauth-scopes", "chat:write,users:read");
    }
    if let Some(wait) = book.too_fast(request.at) {
        let seconds = wait.as_secs_f64().ceil() as u64;
        return Reply::json(429, &json!({"ok": false, "error": "ratelimited"})).with("retry-after", seconds.to_string());
    }
    let body = request.json();
    if body["channel"] != CHANNEL {
        return refuse("channel_not_found");
    }
    if let Some((path, what)) = check_of(&body, if edits { Of::Edit } else { Of::Message }).wrong.first() {
        book.violation(format!("{path}: {what}"));
        let detail = format!("[ERROR] {what} [json-pointer:{path}]");
        let body = json!({"ok": false, "error": "invalid_blocks", "response_metadata": {"messages": [detail]}});
        return Reply::json(200, &body);
    }
    if edits {
        let number = body["ts"].as_str().and_then(|ts| ts.strip_prefix("1503435956.")?.parse::<usize>().ok());
        let Some(number) = number.filter(|number| book.reads(*number).is_some()) else { return refuse("message_not_found") };
        let answer = json!({"ok": true, "channel": CHANNEL, "ts": body["ts"], "text": body["text"]});
        book.edit(number, body);
        return Reply::json(200, &answer);
    }
    book.accept(body);
    Reply::json(200, &json!({"ok": true, "channel": CHANNEL, "ts": format!("1503435956.{:06}", book.count())}))
}

/// What a body is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Webhook,
    Message,
    Edit,
}

pub(crate) fn check(body: &Value, with_channel: bool) -> Check {
    check_of(body, if with_channel { Of::Message } else { Of::Webhook })
}

fn check_of(body: &Value, of: Of) -> Check {
    let mut check = Check::new();
    let known: &[&str] = match of {
        Of::Webhook => &["text", "blocks", "unfurl_links", "unfurl_media"],
        Of::Message => &["text", "blocks", "unfurl_links", "unfurl_media", "channel"],
        Of::Edit => &["text", "blocks", "channel", "ts"],
    };
    check.keys("", body, known);
    check.text("/text", &body["text"], 0, 4_000);
    if of != Of::Edit && (body["unfurl_links"] != false || body["unfurl_media"] != false) {
        check.fail("/unfurl_links", "a link in the text would be fetched and shown");
    }
    if has_control(body["text"].as_str().unwrap_or_default()) {
        check.fail("/text", "a control sequence");
    }
    for (index, block) in check.list("/blocks", &body["blocks"], 50).iter().enumerate() {
        check_block(&mut check, &format!("/blocks/{index}"), block);
    }
    check
}

/// `<!channel>`, `<@U…>`, `<#C…>`: what would ping.
fn has_control(text: &str) -> bool {
    ["<!", "<@", "<#"].iter().any(|start| text.contains(start))
}

fn text_object(check: &mut Check, path: &str, object: &Value, most: usize) {
    check.text(path, &object["text"], 1, most);
    match object["type"].as_str() {
        Some("plain_text") => {}
        Some("mrkdwn") if !has_control(object["text"].as_str().unwrap_or_default()) => {}
        Some("mrkdwn") => check.fail(path, "a control sequence"),
        _ => check.fail(path, "unsupported type of text"),
    }
}

fn check_block(check: &mut Check, path: &str, block: &Value) {
    match block["type"].as_str().unwrap_or_default() {
        "divider" => {}
        "header" => {
            text_object(check, path, &block["text"], 150);
            if block["text"]["type"] != "plain_text" {
                check.fail(path, "a header is plain text");
            }
        }
        "section" => {
            if !block["text"].is_null() {
                text_object(check, path, &block["text"], 3_000);
            }
            for field in check.list(path, &block["fields"], 10) {
                text_object(check, path, field, 2_000);
            }
        }
        "context" => {
            for element in check.list(path, &block["elements"], 10) {
                if element["type"] != "image" {
                    text_object(check, path, element, 3_000);
                }
            }
        }
        "actions" => {
            for button in check.list(path, &block["elements"], 25) {
                text_object(check, path, &button["text"], 75);
                check.url(path, &button["url"], 3_000);
            }
        }
        "image" => {
            check.url(path, &block["image_url"], 3_000);
            check.text(path, &block["alt_text"], 1, 2_000);
        }
        "rich_text" => check_rich(check, path, block),
        other => check.fail(path, format!("unsupported type: {other}")),
    }
}

fn check_rich(check: &mut Check, path: &str, block: &Value) {
    for part in check.list(path, &block["elements"], 100) {
        let kind = part["type"].as_str().unwrap_or_default();
        if !["rich_text_section", "rich_text_quote", "rich_text_preformatted", "rich_text_list"].contains(&kind) {
            check.fail(path, format!("unsupported type: {kind}"));
        }
        if kind == "rich_text_list" {
            check_rich(check, path, part);
            continue;
        }
        for element in check.list(path, &part["elements"], 500) {
            match element["type"].as_str().unwrap_or_default() {
                "text" => {
                    check.text(path, &element["text"], 0, 12_000);
                }
                "link" => check.url(path, &element["url"], 3_000),
                other => check.fail(path, format!("{other} could ping")),
            }
        }
    }
}
