//! Telegram: URLs, requests, and every answer of DESTINATIONS 4.3 and 4.4.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::deliver::verdict::tests::{answer, delivered};
use crate::model::action::{SecretRef, Span};
use crate::model::limits::{RETRY_AFTER_MAX, THROTTLED_FIRST};
use crate::model::secret::SecretSource;

fn action() -> Telegram {
    let token = SecretRef { source: SecretSource::Env("X".into()), span: Span::default() };
    Telegram { token, chat: Chat::Id(-100), topic: None, silent: false, preview: false, api: None }
}

fn refusal(status: u16, description: &str) -> Verdict {
    let body = json!({"ok": false, "error_code": status, "description": description});
    classify(&answer(status, &[], &body.to_string()))
}

#[test]
fn the_token_goes_into_the_path_of_the_configured_server() {
    let url = |api: Option<&str>| {
        let action = Telegram { api: api.map(str::to_owned), ..action() };
        Endpoint::new(&action, " 12:Ab-_c\n").map(|endpoint| endpoint.url.to_string())
    };
    assert_eq!(url(None).unwrap(), "https://api.telegram.org/bot12:Ab-_c/sendMessage");
    assert_eq!(url(Some("http://127.0.0.1:8081/")).unwrap(), "http://127.0.0.1:8081/bot12:Ab-_c/sendMessage");
    assert_eq!(url(Some("http://telegram-bot-api:8081")).unwrap(), "http://telegram-bot-api:8081/bot12:Ab-_c/sendMessage");
    assert_eq!(url(Some("https://bots.example/tg")).unwrap(), "https://bots.example/tg/bot12:Ab-_c/sendMessage");
    assert_eq!(url(Some("http://bots.example")).unwrap_err(), Problem::InClear("bots.example".into()));
}

#[test]
fn what_is_no_token_is_refused_without_repeating_it() {
    for token in ["", "canary", "12:", ":canary", "x:canary", "12:can/ary", "12:can?ary", "12:can ary", "bot12:canary"] {
        let problem = Endpoint::new(&action(), token).err().unwrap_or_else(|| panic!("{token}"));
        assert!(!format!("{problem} {problem:?}").contains("canary"), "{problem}");
    }
}

#[test]
fn the_action_decides_chat_topic_and_silence() {
    let body = TelegramBody { text: "hi".into(), ..TelegramBody::default() };
    let sent = |action: &Telegram, moved| -> Value {
        serde_json::from_slice(&Endpoint::new(action, "1:a").ok().unwrap().request(&body, moved).body).unwrap()
    };
    let plain = json!({"chat_id": -100, "text": "hi", "entities": [], "link_preview_options": {"is_disabled": true}});
    assert_eq!(sent(&action(), None), plain);
    assert_eq!(sent(&action(), Some(-7))["chat_id"], -7);
    let special = Telegram { topic: Some(4), silent: true, chat: Chat::Name("@news".into()), ..action() };
    let sent = sent(&special, None);
    assert_eq!(
        (&sent["chat_id"], &sent["message_thread_id"], &sent["disable_notification"]),
        (&"@news".into(), &4.into(), &true.into())
    );
}

#[test]
fn every_status_is_classified() {
    for status in 100..600 {
        let expected = match status {
            300..=399 => "dead",
            429 => "throttled",
            400 | 413 => "refused",
            401 | 403 | 404 | 421 => "blocked",
            408 | 500..=599 => "failed",
            400..=499 => "dead",
            // A 200 that is not the Bot API's says nothing.
            _ => "ambiguous",
        };
        for body in ["", "{}", "<html>Bad Gateway</html>", r#"{"ok":true"#, r#"{"ok":false,"message":"no"}"#] {
            assert_eq!(classify(&answer(status, &[], body)).name(), expected, "{status} {body}");
        }
    }
    let sent = r#"{"ok":true,"result":{"message_id":9,"text":"x"}}"#;
    assert_eq!(classify(&answer(200, &[], sent)), delivered(Some("9")));
    assert_eq!(classify(&answer(200, &[], r#"{"ok":false,"error_code":403,"description":"x"}"#)).name(), "disabled");
}

#[test]
fn the_description_tells_the_chat_from_the_message() {
    for (status, description, expected) in [
        (401, "Unauthorized", "disabled"),
        (401, "Unauthorized: invalid token specified", "disabled"),
        (404, "Not Found", "disabled"),
        (421, "Misdirected Request: unallowed token specified", "disabled"),
        (403, "Forbidden: bot was blocked by the user", "disabled"),
        (403, "Forbidden: user is deactivated", "disabled"),
        (403, "Forbidden: bot was kicked from the supergroup chat", "disabled"),
        (403, "Forbidden: the group chat was deleted", "disabled"),
        (400, "Bad Request: chat not found", "disabled"),
        (400, "BAD REQUEST: Chat Not Found", "disabled"),
        (400, "Bad Request: private chat not found", "disabled"),
        (400, "Bad Request: message thread not found", "disabled"),
        (400, "Bad Request: TOPIC_CLOSED", "disabled"),
        (400, "Bad Request: not enough rights to send text messages to the chat", "disabled"),
        (400, "Bad Request: can't parse entities: whatever", "refused"),
        (400, "Bad Request: message is too long", "refused"),
        (400, "Bad Request: message text is empty", "refused"),
        (400, "Bad Request: reply markup is too long", "refused"),
        // A tweet cannot disable the chat by what it says.
        (400, "Bad Request: can't parse entities: chat not found", "refused"),
        (500, "Internal Server Error: restart", "failed"),
    ] {
        assert_eq!(refusal(status, description).name(), expected, "{description}");
    }
}

#[test]
fn a_migrated_group_is_followed_and_a_429_is_obeyed() {
    let moved = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}"#;
    assert_eq!(classify(&answer(400, &[], moved)), Verdict::Moved { chat: -1_001_234_567_890 });
    let body = |told: &str| {
        format!(
            r#"{{"ok":false,"error_code":429,"description":"Too Many Requests: retry after {told}","parameters":{{"retry_after":{told}}}}}"#
        )
    };
    for (headers, body, expected) in [
        (vec![("retry-after", "9")], body("7"), Pause::Told(Duration::from_secs(7))),
        (vec![("retry-after", "9")], body("-7"), Pause::Told(Duration::from_secs(9))),
        (vec![("retry-after", "9")], body("\"x\""), Pause::Told(Duration::from_secs(9))),
        (vec![("retry-after", "9")], "<html>".into(), Pause::Told(Duration::from_secs(9))),
        (vec![], body("1e9"), Pause::Told(RETRY_AFTER_MAX)),
        (vec![], "{}".into(), Pause::Untold { first: THROTTLED_FIRST }),
    ] {
        let Verdict::Throttled { pause, .. } = classify(&answer(429, &headers, &body)) else { panic!("{body}") };
        assert_eq!(pause, expected, "{body}");
    }
}
