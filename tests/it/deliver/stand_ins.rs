//! The stand-ins themselves: what the platforms reject, they reject. A stand-in that takes everything proves nothing.

use serde_json::{Value, json};

use crate::kit::{discord, slack, telegram};

/// `good` with `patch` laid over it; `null` removes.
fn patched(good: &Value, patch: &Value) -> Value {
    let mut body = good.clone();
    for (key, value) in patch.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[track_caller]
fn table(good: &Value, check: impl Fn(&Value) -> Vec<(String, String)>, bad: &[Value]) {
    assert_eq!(check(good), []);
    for patch in bad {
        assert!(!check(&patched(good, patch)).is_empty(), "taken: {patch}");
    }
}

#[test]
fn discord_rejects_what_discord_rejects() {
    let long = |n| "x".repeat(n);
    let embed = |embed: Value| json!({ "embeds": [embed] });
    let field = json!({"name": "a", "value": "b", "inline": true});
    let good = json!({"username": "birdcall", "embeds": [{"title": "t", "url": "https://x.com/i/status/1", "description": "d", "color": 1,
        "timestamp": "2026-08-06T11:31:01Z", "author": {"name": "a"}, "fields": [field], "footer": {"text": "f"}}], "allowed_mentions": {"parse": []}});
    let many: Vec<Value> = vec![json!({"description": "x"}); 11];
    let sum = json!([{"description": long(4_000)}, {"description": long(2_001)}]);
    let bad = [
        json!({"conten": "typo"}),
        json!({"content": long(2_001)}),
        json!({"username": "My Discord"}),
        json!({"username": "here"}),
        json!({"username": long(81)}),
        json!({"avatar_url": "javascript:alert(1)"}),
        json!({"allowed_mentions": null}),
        json!({"allowed_mentions": {"parse": ["users"]}}),
        json!({"flags": 1}),
        json!({"embeds": many}),
        json!({"embeds": sum}),
        embed(json!({"title": long(257)})),
        embed(json!({"title": "  "})),
        embed(json!({"description": long(4_097)})),
        embed(json!({"color": 16_777_216})),
        embed(json!({"timestamp": "yesterday"})),
        embed(json!({"url": "x.com"})),
        embed(json!({"author": {"name": ""}})),
        embed(json!({"author": {"name": long(257)}})),
        embed(json!({"footer": {"text": long(2_049)}})),
        embed(json!({"fields": vec![field.clone(); 26]})),
        embed(json!({"fields": [{"name": "", "value": "b"}]})),
        embed(json!({"fields": [{"name": "a", "value": long(1_025)}]})),
        embed(json!({"fields": [{"name": "a"}]})),
        embed(json!({"unknown": 1})),
    ];
    table(&good, |body| discord::check(body).wrong, &bad);
}

#[test]
fn telegram_rejects_what_telegram_rejects() {
    // The bird is two UTF-16 units.
    let good = json!({"chat_id": 1, "text": "\u{1f426} hi", "entities": [{"type": "bold", "offset": 0, "length": 2}],
        "link_preview_options": {"is_disabled": true}, "reply_markup": {"inline_keyboard": [[{"text": "Open", "url": "https://x.com"}]]}});
    let entity = |entity: Value| json!({ "entities": [entity] });
    let bad = [
        json!({"parse_mode": "HTML"}),
        json!({"text": " "}),
        json!({"text": "x".repeat(4_097)}),
        json!({"link_preview_options": null}),
        json!({"reply_markup": {"inline_keyboard": [[{"text": "Open", "url": "javascript:x"}]]}}),
        entity(json!({"type": "mention", "offset": 0, "length": 2})),
        entity(json!({"type": "bold", "offset": 1, "length": 1})),
        entity(json!({"type": "bold", "offset": 0, "length": 1})),
        entity(json!({"type": "bold", "offset": 3, "length": 3})),
        entity(json!({"type": "bold", "offset": 0, "length": 0})),
        entity(json!({"type": "bold", "offset": -1, "length": 1})),
        entity(json!({"type": "text_link", "offset": 0, "length": 2, "url": "tg://user?id=1"})),
    ];
    table(&good, |body| telegram::check(body, false).wrong, &bad);
}

#[test]
fn slack_rejects_what_slack_rejects_and_what_could_ping() {
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let rich = |element: Value| json!({"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [element]}]}]});
    let good = json!({"text": "hi", "unfurl_links": false, "unfurl_media": false, "blocks": [
        {"type": "header", "text": plain("h")}, {"type": "divider"},
        {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [{"type": "text", "text": "<!channel>"}]}]},
        {"type": "context", "elements": [plain("c")]},
        {"type": "actions", "elements": [{"type": "button", "text": plain("Open"), "url": "https://x.com"}]}]});
    let block = |block: Value| json!({ "blocks": [block] });
    let bad = [
        json!({"link_names": true}),
        json!({"unfurl_links": true}),
        json!({"unfurl_media": null}),
        json!({"text": "<!channel>"}),
        json!({"blocks": vec![json!({"type": "divider"}); 51]}),
        block(json!({"type": "video"})),
        block(json!({"type": "header", "text": plain(&"x".repeat(151))})),
        block(json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}})),
        block(json!({"type": "section", "text": {"type": "mrkdwn", "text": "<@U1>"}})),
        block(json!({"type": "section", "text": plain(&"x".repeat(3_001))})),
        block(json!({"type": "section", "fields": vec![plain("x"); 11]})),
        block(json!({"type": "context", "elements": vec![plain("x"); 11]})),
        block(
            json!({"type": "actions", "elements": [{"type": "button", "text": plain(&"x".repeat(76)), "url": "https://x.com"}]}),
        ),
        rich(json!({"type": "broadcast", "range": "channel"})),
        rich(json!({"type": "user", "user_id": "U1"})),
        rich(json!({"type": "link", "url": "javascript:x"})),
    ];
    table(&good, |body| slack::check(body, false).wrong, &bad);
    assert!(slack::check(&patched(&good, &json!({"channel": "C"})), false).wrong.len() == 1);
}
