//! Discord: URLs, requests, and every answer of DESTINATIONS 3.3 and 3.4.

use std::time::Duration;

use super::*;
use crate::deliver::verdict::tests::{answer, delivered};
use crate::model::action::{SecretRef, Span};
use crate::model::limits::RETRY_AFTER_MAX;
use crate::model::secret::SecretSource;

fn action() -> Discord {
    let url = SecretRef { source: SecretSource::Env("X".into()), span: Span::default() };
    Discord { url, thread: None, username: Some("birdcall".into()), avatar: None, silent: false }
}

fn body_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn every_spelling_of_a_webhook_url_becomes_version_10_with_wait() {
    let ten = "https://discord.com/api/v10/webhooks/123/tok-en_1?wait=true";
    for (written, expected) in [
        ("https://discord.com/api/webhooks/123/tok-en_1", ten),
        (" https://discord.com/api/v8/webhooks/123/tok-en_1/ ", ten),
        ("https://discord.com/api/v10/webhooks/123/tok-en_1?wait=false#x", ten),
        ("https://discordapp.com/api/webhooks/123/tok-en_1", ten),
        ("https://ptb.discord.com/api/webhooks/123/t", "https://ptb.discord.com/api/v10/webhooks/123/t?wait=true"),
        ("https://canary.discord.com/api/webhooks/123/t", "https://canary.discord.com/api/v10/webhooks/123/t?wait=true"),
        (
            "https://discord.com/api/webhooks/123/t?thread_id=77",
            "https://discord.com/api/v10/webhooks/123/t?wait=true&thread_id=77",
        ),
        ("http://127.0.0.1:8080/api/webhooks/1/t", "http://127.0.0.1:8080/api/v10/webhooks/1/t?wait=true"),
    ] {
        assert_eq!(Endpoint::new(&action(), written).ok().unwrap().url.as_str(), expected, "{written}");
    }
    let threaded = Endpoint::new(&Discord { thread: Some(5), ..action() }, "https://discord.com/api/webhooks/1/t?thread_id=77");
    assert!(threaded.ok().unwrap().url.as_str().ends_with("?wait=true&thread_id=5"));
}

#[test]
fn what_is_no_discord_webhook_is_refused_without_repeating_it() {
    for written in [
        "https://evil.example/api/webhooks/123/s3cret",
        "https://discord.com.evil.example/api/webhooks/123/s3cret",
        "https://user@evil.example:443/api/webhooks/123/s3cret",
        "http://discord.com/api/webhooks/123/s3cret",
        "https://discord.com/api/webhooks/123/s3cret/slack",
        "https://discord.com/api/webhooks/abc/s3cret",
        "https://discord.com/api/webhooks/123",
        "https://discord.com/channels/1/s3cret",
        "https://discord.com/api/webhooks/123/s3c%2fret",
        "s3cret",
    ] {
        let problem = Endpoint::new(&action(), written).err().unwrap_or_else(|| panic!("{written}"));
        assert!(!format!("{problem} {problem:?}").contains("s3cret"), "{problem}");
    }
}

#[test]
fn the_action_s_name_and_silence_are_put_into_the_message_but_not_the_name_into_a_fallback() {
    let endpoint = Endpoint::new(&Discord { silent: true, ..action() }, "https://discord.com/api/webhooks/1/t").ok().unwrap();
    let message = DiscordBody {
        username: None,
        avatar_url: None,
        content: None,
        embeds: Vec::new(),
        allowed_mentions: crate::model::message::AllowedMentions::default(),
        flags: None,
    };
    let sent = body_of(&endpoint.request(&message, false));
    assert_eq!(
        (&sent["username"], &sent["flags"], &sent["allowed_mentions"]["parse"]),
        (&"birdcall".into(), &4096.into(), &Value::Array(vec![]))
    );
    assert!(body_of(&endpoint.request(&message, true)).get("username").is_none());
}

#[test]
fn every_status_is_classified() {
    for status in 100..600 {
        let expected = match status {
            200..=299 => "delivered",
            300..=399 => "dead",
            429 => "throttled",
            400 | 413 => "refused",
            401 | 403 | 404 => "blocked",
            408 | 500..=599 => "failed",
            400..=499 => "dead",
            _ => "ambiguous",
        };
        for body in ["", "{}", "<html>", "[1]"] {
            assert_eq!(classify(&answer(status, &[], body)).name(), expected, "{status} {body}");
        }
    }
}

#[test]
fn codes_say_more_than_the_status() {
    for (status, code, expected) in [
        (404, 10015, "disabled"),
        (401, 50027, "disabled"),
        (403, 50013, "disabled"),
        (400, 10003, "disabled"),
        (400, 160_005, "disabled"),
        (400, 50083, "disabled"),
        (400, 220_001, "disabled"),
        (400, 220_004, "disabled"),
        (403, 40333, "disabled"),
        (400, 50035, "refused"),
        (400, 200_000, "refused"),
        (403, 200_000, "refused"),
        (400, 240_000, "refused"),
        (403, 20009, "refused"),
        (400, 40005, "refused"),
        (413, 40005, "refused"),
        (400, 50006, "dead"),
        (400, 20016, "throttled"),
        (403, 20028, "throttled"),
        (429, 20028, "throttled"),
        (503, 130_000, "failed"),
    ] {
        let body = format!(r#"{{"code": {code}, "message": "no"}}"#);
        assert_eq!(classify(&answer(status, &[], &body)).name(), expected, "{status} {code}");
    }
}

#[test]
fn a_429_is_obeyed_in_every_documented_shape() {
    let told = |ms| Pause::Told(Duration::from_millis(ms));
    let edge = Pause::Untold { first: BLOCKED_FIRST };
    let limited = r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false,"code":0}"#;
    let blocked =
        r#"{"code":0,"message":"You are being blocked from accessing our API temporarily due to exceeding our rate limits"}"#;
    for (headers, body, expected) in [
        (vec![("retry-after", "65")], limited, told(64_570)),
        (vec![("retry-after", "3")], "{}", told(3_000)),
        (vec![("x-ratelimit-reset-after", "1.25")], "{}", told(1_250)),
        (vec![("retry-after", "3"), ("x-ratelimit-reset-after", "1")], r#"{"retry_after":-5}"#, told(3_000)),
        (vec![], r#"{"retry_after":"2.5"}"#, told(2_500)),
        (vec![], r#"{"retry_after":1e9}"#, Pause::Told(RETRY_AFTER_MAX)),
        (vec![], r#"{"retry_after":1e999}"#, edge),
        (vec![], r#"{"retry_after":"NaN"}"#, edge),
        (vec![], r#"{"retry_after":null}"#, edge),
        (vec![], blocked, edge),
        (vec![("retry-after", "600")], blocked, told(600_000)),
        (vec![], "error code: 1015", edge),
        (vec![("retry-after", "garbage")], "<html><span class=\"cf-error-code\">1015</span></html>", edge),
    ] {
        let Verdict::Throttled { pause, .. } = classify(&answer(429, &headers, body)) else { panic!("{body}") };
        assert_eq!(pause, expected, "{headers:?} {body}");
    }
    for (status, stray) in [
        (401, r#"{"message":"Unauthorized"}"#),
        (403, r#"{"code":403,"message":"Forbidden"}"#),
        (404, r#"{"code":404,"message":"no Route matched"}"#),
        (404, r#"{"code":0,"message":"not found"}"#),
    ] {
        assert_eq!(classify(&answer(status, &[], stray)).name(), "blocked", "{stray}");
    }
    assert_eq!(classify(&answer(401, &[], r#"{"message":"401: Unauthorized","code":0}"#)).name(), "disabled");
    assert_eq!(classify(&answer(403, &[], "error code: 1015")).name(), "throttled");
    assert_eq!(classify(&answer(403, &[], r#"{"message":"Missing access to 1015","code":50001}"#)).name(), "disabled");
}

#[test]
fn an_empty_bucket_cools_the_lane_down_even_on_success() {
    let empty = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "1.5")];
    assert_eq!(cool_down(&answer(200, &empty, "")), Some(Duration::from_millis(1_500)));
    assert_eq!(cool_down(&answer(200, &[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset-after", "1.5")], "")), None);
    assert_eq!(cool_down(&answer(200, &[("x-ratelimit-remaining", "0")], "")), None);
    assert_eq!(cool_down(&answer(200, &[], "")), None);
}

#[test]
fn a_refusal_names_the_field_and_a_success_the_message() {
    let body = r#"{"code":50035,"message":"Invalid Form Body","errors":{"embeds":{"0":{"title":{"_errors":[{"code":"X","message":"Must be 256 or fewer in length."}]}}}}}"#;
    let Verdict::Refused { reason } = classify(&answer(400, &[], body)) else { panic!() };
    assert_eq!(reason, "HTTP 400: Invalid Form Body (50035): embeds.0.title: Must be 256 or fewer in length.");
    assert_eq!(classify(&answer(200, &[], r#"{"id":"42"}"#)), delivered(Some("42")));
}
