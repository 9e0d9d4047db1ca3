//! Birdcall's own notices, on every kind of action.

use birdcall::model::message::{Body, ContentType};
use birdcall::render::notice;
use serde_json::json;

use super::hostile::words;
use super::inert;
use super::samples::{AT, action_of, sent};

const CHATS: [&str; 4] = ["discord", "telegram", "slack", "console"];

fn check(body: &Body) {
    match body {
        Body::Discord(body) => {
            let body = serde_json::to_value(body).unwrap();
            inert::all_clean(&body);
            inert::no_discord_markup(body["content"].as_str().unwrap());
            inert::no_discord_markup(body["embeds"][0]["description"].as_str().unwrap_or_default());
            assert!(inert::chars(&body["content"]) < 200 && inert::chars(&body["embeds"][0]["description"]) <= 4_096);
            assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
        }
        Body::Telegram(body) => inert::telegram(body),
        Body::Slack(body) => inert::slack(&serde_json::to_value(body).unwrap()),
        Body::Console(_) => inert::check(body),
        Body::Webhook(body) => {
            assert!(body.bytes.len() < 20_000 && serde_json::from_slice::<serde_json::Value>(&body.bytes).is_ok());
        }
    }
}

#[test]
fn a_notice_says_what_happened_and_when() {
    let (title, text) = ("Orders are stopped", "The feed lags by 12 s, more than 10 s. Start them again with: birdcall arm");
    for platform in CHATS {
        let body = notice(&action_of(platform), title, text, AT);
        check(&body);
        let shown = sent(&body).to_string().replace('\\', "");
        assert!(shown.contains(title) && shown.contains("birdcall arm") && shown.contains("📣"), "{platform}: {shown}");
    }
    let Body::Webhook(body) = notice(&action_of("webhook"), title, text, AT) else { panic!() };
    let expected = json!({ "type": "notice", "timestamp": "2026-06-17T12:40:00.000Z", "data": { "title": title, "text": text } });
    assert_eq!(
        (serde_json::from_slice::<serde_json::Value>(&body.bytes).unwrap(), body.content_type),
        (expected, ContentType::Json)
    );
}

#[test]
fn what_others_said_does_not_act_in_a_notice() {
    for words in words() {
        for platform in CHATS.iter().chain(&["webhook"]) {
            for (title, text) in
                [("The lane of desk is disabled", words.as_str()), (words.as_str(), "text"), (words.as_str(), "")]
            {
                let body = notice(&action_of(platform), title, text, AT);
                let held = std::panic::catch_unwind(|| check(&body));
                let start: String = words.chars().take(60).collect();
                assert!(held.is_ok(), "{platform}: {start:?}");
            }
        }
    }
}
