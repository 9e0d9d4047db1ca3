//! Telegram's `sendMessage`, as DESTINATIONS 4 describes it, and its questions about the bot and a chat.

use std::time::Duration;

use serde_json::{Value, json};

use super::book::{Book, Check, StandIn};
use super::http::{Received, Reply};

pub(crate) const TOKEN: &str = "123456789:telegram-CANARY_0123456789";
/// A group that the bot may write to.
pub(crate) const CHAT: i64 = -1_001_234_567_890;
/// A group that has thrown the bot out.
pub(crate) const KICKED: i64 = -1_002;
/// A group that has become [`CHAT`].
pub(crate) const OLD_GROUP: i64 = -1_003;

/// About one a second in a chat, 20 a minute in a group.
pub(crate) const WINDOWS: [(usize, Duration); 2] = [(1, Duration::from_secs(1)), (20, Duration::from_secs(60))];

/// `url()` is what an action's `api` is to be.
pub(crate) async fn start(windows: &[(usize, Duration)]) -> StandIn {
    StandIn::start("", windows, rules).await
}

fn error(status: u16, description: &str) -> Reply {
    Reply::json(status, &json!({"ok": false, "error_code": status, "description": description}))
}

fn rules(request: &Received, book: &mut Book) -> Reply {
    let Some(rest) = request.path.strip_prefix("/bot") else { return error(404, "Not Found") };
    match rest.split_once('/') {
        Some((TOKEN, "sendMessage" | "editMessageText")) if request.method == "POST" => {}
        Some((TOKEN, question)) if request.method == "GET" => return answer(question, request, book),
        Some((TOKEN, _)) => return error(404, "Not Found"),
        _ => return error(401, "Unauthorized"),
    }
    let body = request.json();
    if !body["parse_mode"].is_null() {
        book.violation("parse_mode is set");
    }
    match body["chat_id"].as_i64() {
        Some(CHAT) => {}
        Some(KICKED) => return error(403, "Forbidden: bot was kicked from the supergroup chat"),
        Some(OLD_GROUP) => {
            let body = json!({"ok": false, "error_code": 400, "parameters": {"migrate_to_chat_id": CHAT},
                "description": "Bad Request: group chat was upgraded to a supergroup chat"});
            return Reply::json(400, &body);
        }
        _ => return error(400, "Bad Request: chat not found"),
    }
    if let Some(wait) = book.too_fast(request.at) {
        let seconds = wait.as_secs_f64().ceil() as u64;
        let body = json!({"ok": false, "error_code": 429, "parameters": {"retry_after": seconds},
            "description": format!("Too Many Requests: retry after {seconds}")});
        return Reply::json(429, &body).with("retry-after", seconds.to_string());
    }
    let edits = rest.ends_with("/editMessageText");
    if let Some((path, what)) = check(&body, edits).wrong.first() {
        book.violation(format!("{path}: {what}"));
        return error(400, &format!("Bad Request: {what}"));
    }
    if edits {
        let number = body["message_id"].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default();
        let Some(before) = book.reads(number) else { return error(400, "Bad Request: message to edit not found") };
        if ["text", "entities", "reply_markup", "link_preview_options"].iter().all(|key| before[key] == body[key]) {
            let same = "specified new message content and reply markup are exactly the same as a current content and reply markup of the message";
            return error(400, &format!("Bad Request: message is not modified: {same}"));
        }
        book.edit(number, body);
        return Reply::json(200, &json!({"ok": true, "result": {"message_id": number, "date": 1, "chat": {"id": CHAT}}}));
    }
    book.accept(body);
    Reply::json(200, &json!({"ok": true, "result": {"message_id": book.count(), "date": 1, "chat": {"id": CHAT}}}))
}

/// `getMe` and `getChat`.
fn answer(question: &str, request: &Received, book: &mut Book) -> Reply {
    if !request.body.is_empty() {
        book.violation("a question with a body");
    }
    let fine = |result: Value| Reply::json(200, &json!({ "ok": true, "result": result }));
    let chat = question.strip_prefix("getChat?chat_id=");
    match (question, chat.and_then(|chat| chat.parse::<i64>().ok())) {
        ("getMe", _) => fine(json!({ "id": 123_456_789, "is_bot": true, "first_name": "Desk", "username": "desk_bot" })),
        (_, Some(CHAT)) => fine(json!({ "id": CHAT, "type": "supergroup", "title": "Traders\u{202e}" })),
        (_, Some(KICKED)) => error(403, "Forbidden: bot was kicked from the supergroup chat"),
        _ if chat.is_some() => error(400, "Bad Request: chat not found"),
        _ => error(404, "Not Found"),
    }
}

pub(crate) fn check(body: &Value, edits: bool) -> Check {
    let mut check = Check::new();
    let both = ["chat_id", "text", "entities", "link_preview_options", "reply_markup"];
    let own: &[&str] = if edits { &["message_id"] } else { &["message_thread_id", "disable_notification"] };
    check.keys("body", body, &[&both, own].concat());
    let text: Vec<u16> = body["text"].as_str().unwrap_or_default().encode_utf16().collect();
    if body["text"].as_str().unwrap_or_default().trim().is_empty() {
        check.fail("text", "message text is empty");
    }
    if text.len() > 4_096 {
        check.fail("text", "message is too long");
    }
    for (index, entity) in check.list("entities", &body["entities"], 100).iter().enumerate() {
        check_entity(&mut check, &format!("entities.{index}"), entity, &text);
    }
    let preview = &body["link_preview_options"];
    if preview["is_disabled"] != true && !preview["url"].is_string() {
        check.fail("link_preview_options", "the first link in the text would be shown");
    }
    for row in check.list("reply_markup", &body["reply_markup"]["inline_keyboard"], 100) {
        for button in check.list("reply_markup", row, 8) {
            check.text("button", &button["text"], 1, 128);
            check.url("button", &button["url"], 2_048);
        }
    }
    check
}

fn check_entity(check: &mut Check, path: &str, entity: &Value, text: &[u16]) {
    let kinds = [
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
        "pre",
        "text_link",
    ];
    if !kinds.iter().any(|kind| entity["type"] == *kind) {
        check.fail(path, format!("can't parse entities: {} is none of ours", entity["type"]));
    }
    let number = |key: &str| entity[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let (Some(start), Some(length)) = (number("offset"), number("length")) else {
        return check.fail(path, "can't parse entities");
    };
    let is_low = |index: usize| text.get(index).is_some_and(|unit| (0xdc00..0xe000).contains(unit));
    if length == 0 || start + length > text.len() {
        check.fail(path, "can't parse entities: outside of the text");
    }
    if is_low(start) || is_low(start + length) {
        check.fail(path, "can't parse entities: splits a surrogate pair");
    }
    if entity["type"] == "text_link" {
        check.url(path, &entity["url"], 2_048);
    }
}
