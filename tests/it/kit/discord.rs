//! Discord's webhook endpoint, as DESTINATIONS 3 describes it; the schema restated by hand. Asked with GET it says what it is.

use std::time::Duration;

use serde_json::{Value, json};

use super::book::{Book, Check, StandIn};
use super::http::{Received, Reply};

pub(crate) const ID: &str = "123456789012345678";
pub(crate) const TOKEN: &str = "discord-token-CANARY-0123456789";

/// Its practised limits: 5 in 2 s for the webhook and 30 in 60 s for the channel.
pub(crate) const WINDOWS: [(usize, Duration); 2] = [(5, Duration::from_secs(2)), (30, Duration::from_secs(60))];

/// A message with this word is stopped by AutoMod.
pub(crate) const FORBIDDEN_WORD: &str = "forbiddenword";

/// `url()` is the webhook's, as the client shows it: without a version.
pub(crate) async fn start(windows: &[(usize, Duration)]) -> StandIn {
    StandIn::start(&format!("/api/webhooks/{ID}/{TOKEN}"), windows, rules).await
}

fn rules(request: &Received, book: &mut Book) -> Reply {
    let reply = judge(request, book);
    let Some((limit, remaining, reset)) = book.bucket(request.at) else { return reply };
    reply
        .with("x-ratelimit-limit", limit.to_string())
        .with("x-ratelimit-remaining", remaining.to_string())
        .with("x-ratelimit-reset-after", format!("{:.3}", reset.as_secs_f64()))
        .with("x-ratelimit-bucket", "80c17d2f203122d936070c88c8d10f33")
}

fn error(status: u16, code: u64, message: &str) -> Reply {
    Reply::json(status, &json!({"message": message, "code": code}))
}

fn judge(request: &Received, book: &mut Book) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    if !request.header("user-agent").is_some_and(|agent| agent.starts_with("DiscordBot (")) {
        book.violation("User-Agent is not DiscordBot (…)");
        return error(403, 40333, "internal network error");
    }
    let Some(rest) = path.strip_prefix("/api/v10/webhooks/") else {
        book.violation(format!("not version 10: {path}"));
        return error(404, 0, "404: Not Found");
    };
    let (rest, message) = rest.split_once("/messages/").map_or((rest, None), |(rest, message)| (rest, Some(message)));
    match rest.split_once('/') {
        Some((ID, TOKEN)) => {}
        Some((ID, _)) => return error(401, 50027, "Invalid Webhook Token"),
        _ => return error(404, 10015, "Unknown Webhook"),
    }
    if request.method == "GET" {
        if !request.body.is_empty() {
            book.violation("a question with a body");
        }
        return Reply::json(
            200,
            &json!({"id": ID, "type": 1, "name": "desk", "channel_id": "42", "guild_id": "7", "token": TOKEN}),
        );
    }
    if message.is_some() != (request.method == "PATCH") {
        return error(405, 0, "405: Method Not Allowed");
    }
    if message.is_none() && !query.split('&').any(|pair| pair == "wait=true") {
        book.violation("wait=true is missing");
        return Reply::new(204, "");
    }
    if let Some(wait) = book.too_fast(request.at) {
        let body = json!({"message": "You are being rate limited.", "retry_after": wait.as_secs_f64(), "global": false});
        let whole = wait.as_secs_f64().ceil() as u64;
        return Reply::json(429, &body).with("retry-after", whole.to_string()).with("x-ratelimit-scope", "user");
    }
    let body = request.json();
    let wrong = check(&body).wrong;
    if let Some((path, what)) = wrong.first() {
        book.violation(format!("{path}: {what}"));
        let errors =
            path.rsplit('.').fold(json!({"_errors": [{"code": "BASE_TYPE", "message": what}]}), |inner, key| json!({key: inner}));
        return Reply::json(400, &json!({"message": "Invalid Form Body", "code": 50035, "errors": errors}));
    }
    if is_empty(&body) {
        book.violation("empty message");
        return error(400, 50006, "Cannot send an empty message");
    }
    if body.to_string().to_lowercase().contains(FORBIDDEN_WORD) {
        return error(400, 200_000, "Message was blocked by automatic moderation");
    }
    if let Some(message) = message {
        let number = message.parse::<usize>().ok().and_then(|id| id.checked_sub(9000));
        let Some(number) = number.filter(|number| book.reads(*number).is_some()) else {
            return error(404, 10008, "Unknown Message");
        };
        for key in ["username", "avatar_url", "flags", "tts"] {
            if !body[key].is_null() {
                book.violation(format!("{key} cannot be edited"));
            }
        }
        book.edit(number, body);
        return Reply::json(200, &json!({"id": message, "channel_id": "1", "edited_timestamp": "2026-06-17T12:40:00Z"}));
    }
    book.accept(body);
    Reply::json(200, &json!({"id": format!("{}", 9000 + book.count()), "channel_id": "1"}))
}

fn is_empty(body: &Value) -> bool {
    let content = body["content"].as_str().unwrap_or_default();
    content.trim().is_empty() && ["embeds", "components"].iter().all(|key| body[key].as_array().is_none_or(Vec::is_empty))
}

pub(crate) fn check(body: &Value) -> Check {
    let mut check = Check::new();
    let known = [
        "content",
        "username",
        "avatar_url",
        "tts",
        "embeds",
        "allowed_mentions",
        "components",
        "flags",
        "thread_name",
        "applied_tags",
    ];
    check.keys("body", body, &known);
    check.text("content", &body["content"], 0, 2_000);
    if !body["username"].is_null() {
        check.text("username", &body["username"], 1, 80);
        let name = body["username"].as_str().unwrap_or_default().to_lowercase();
        for word in ["discord", "clyde", "@", "#", ":", "```"] {
            if name.contains(word) {
                check.fail("username", format!("Username cannot contain \"{word}\""));
            }
        }
        if ["everyone", "here"].contains(&name.trim()) {
            check.fail("username", format!("Username cannot be \"{name}\""));
        }
    }
    if !body["avatar_url"].is_null() {
        check.url("avatar_url", &body["avatar_url"], 2_048);
    }
    if body["allowed_mentions"] != json!({"parse": []}) {
        check.fail("allowed_mentions", "somebody could be mentioned");
    }
    if !body["flags"].is_null() && body["flags"].as_u64().is_none_or(|flags| flags & !(4096 | 4) != 0) {
        check.fail("flags", "unknown flags");
    }
    let mut total = 0;
    for (index, embed) in check.list("embeds", &body["embeds"], 10).iter().enumerate() {
        total += check_embed(&mut check, &format!("embeds.{index}"), embed);
    }
    if total > 6_000 {
        check.fail("embeds", format!("the texts sum to {total}, at most 6000"));
    }
    check
}

fn check_embed(check: &mut Check, path: &str, embed: &Value) -> usize {
    check.keys(
        path,
        embed,
        &["title", "url", "description", "color", "timestamp", "author", "fields", "image", "footer", "thumbnail"],
    );
    let mut total = check.text(&format!("{path}.title"), &embed["title"], 1, 256);
    total += check.text(&format!("{path}.description"), &embed["description"], 1, 4_096);
    for url in ["url", "image.url", "thumbnail.url", "author.url", "author.icon_url", "footer.icon_url"] {
        let value = url.split('.').fold(embed, |value, key| &value[key]);
        if !value.is_null() {
            check.url(&format!("{path}.{url}"), value, 2_048);
        }
    }
    if !embed["color"].is_null() && embed["color"].as_u64().is_none_or(|color| color > 0xff_ffff) {
        check.fail(&format!("{path}.color"), "must be 0 to 16777215");
    }
    if !embed["timestamp"].is_null() && embed["timestamp"].as_str().is_none_or(|at| at.parse::<jiff::Timestamp>().is_err()) {
        check.fail(&format!("{path}.timestamp"), "is not ISO 8601");
    }
    if !embed["author"].is_null() {
        total += required(check, &format!("{path}.author.name"), &embed["author"]["name"], 256);
    }
    if !embed["footer"].is_null() {
        total += required(check, &format!("{path}.footer.text"), &embed["footer"]["text"], 2_048);
    }
    for (index, field) in check.list(&format!("{path}.fields"), &embed["fields"], 25).iter().enumerate() {
        check.keys(&format!("{path}.fields.{index}"), field, &["name", "value", "inline"]);
        total += required(check, &format!("{path}.fields.{index}.name"), &field["name"], 256);
        total += required(check, &format!("{path}.fields.{index}.value"), &field["value"], 1_024);
    }
    total
}

fn required(check: &mut Check, path: &str, value: &Value, to: usize) -> usize {
    if value.is_null() {
        check.fail(path, "is required");
    }
    check.text(path, value, 1, to)
}
