//! Slack: URLs, requests, and every answer of DESTINATIONS 5.3 and 5.4.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::deliver::verdict::tests::{answer, delivered};
use crate::model::limits::{RETRY_AFTER_MAX, THROTTLED_FIRST};

#[test]
fn only_slack_s_own_urls_and_tokens_are_taken_and_none_is_repeated() {
    for good in [
        "https://hooks.slack.com/services/T1/B1/abc",
        "http://127.0.0.1:80/services/T/B/x",
        "https://hooks.slack.com/triggers/E/1/x",
    ] {
        assert!(Endpoint::webhook(good).is_ok(), "{good}");
    }
    for bad in [
        "https://evil.example/services/T/B/canary",
        "http://hooks.slack.com/services/T/B/canary",
        "https://hooks.slack.com/canary",
        "https://hooks.slack.com.evil.example/services/T/B/canary",
    ] {
        let problem = Endpoint::webhook(bad).err().unwrap_or_else(|| panic!("{bad}"));
        assert!(!format!("{problem} {problem:?}").contains("canary"), "{problem}");
    }
    for bad in ["", "canary", "xoxb-can ary", "xoxb-canary\u{e9}"] {
        let problem = Endpoint::app(bad, "C1", None).err().unwrap_or_else(|| panic!("{bad}"));
        assert!(!format!("{problem} {problem:?}").contains("canary"), "{problem}");
    }
}

#[test]
fn an_app_names_its_channel_and_shows_its_token_in_the_header_only() {
    let endpoint = Endpoint::app("xoxb-1-canary\n", "C1", Some("http://127.0.0.1:9/api/")).ok().unwrap();
    let request = endpoint.request(&SlackBody { text: "hi".into(), ..SlackBody::default() });
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(request.url.as_str(), "http://127.0.0.1:9/api/chat.postMessage");
    assert_eq!(request.headers[AUTHORIZATION], "Bearer xoxb-1-canary");
    assert!(!format!("{:?}", request.headers).contains("canary"));
    assert_eq!((&body["channel"], &body["text"], &body["unfurl_links"]), (&"C1".into(), &"hi".into(), &false.into()));
}

#[test]
fn every_status_is_classified() {
    for status in 100..600 {
        let expected = match status {
            300..=399 => "dead",
            429 => "throttled",
            400 | 413 => "refused",
            401 | 403 | 404 | 410 => "blocked",
            408 | 500..=599 => "failed",
            400..=499 => "dead",
            _ => "ambiguous",
        };
        for body in ["", "{}", "<html>"] {
            assert_eq!(classify_app(&answer(status, &[], body)).name(), expected, "{status} {body}");
            assert_eq!(classify_webhook(&answer(status, &[], body)).name(), expected, "{status} {body}");
        }
    }
    assert_eq!(classify_webhook(&answer(200, &[], "ok")), delivered(None));
    assert_eq!(classify_webhook(&answer(200, &[], r#"{"ok":true}"#)), delivered(None));
    assert_eq!(classify_app(&answer(200, &[], r#"{"ok":true,"ts":"1.2"}"#)), delivered(Some("1.2")));
    assert_eq!(classify_app(&answer(200, &[], r#"{"ok":true,"channel":"C1","ts":"1.2"}"#)), delivered(Some("C1/1.2")));
    assert_eq!(classify_app(&answer(200, &[], "ok")).name(), "ambiguous");
}

#[test]
fn a_webhook_s_words_are_understood() {
    for (status, text, expected) in [
        (400, "invalid_payload", "refused"),
        (400, "no_text", "refused"),
        (400, "invalid_blocks\n", "refused"),
        (400, "too_many_attachments", "refused"),
        (400, "user_not_found", "disabled"),
        (403, "action_prohibited", "disabled"),
        (403, "invalid_token", "disabled"),
        (404, "no_service", "disabled"),
        (404, "channel_not_found", "disabled"),
        (404, "no_active_hooks", "disabled"),
        (410, "channel_is_archived", "disabled"),
        (500, "rollup_error", "failed"),
        (404, "404 page not found", "blocked"),
        (403, "no_service is here", "blocked"),
        (403, r#"{"ok":false}"#, "blocked"),
        (404, r#"{"ok":false,"error":"Not Found"}"#, "blocked"),
    ] {
        assert_eq!(classify_webhook(&answer(status, &[], text)).name(), expected, "{text}");
    }
}

#[test]
fn an_error_inside_a_200_is_seen() {
    for (errors, expected) in [
        (
            "not_authed invalid_auth account_inactive token_revoked token_expired no_permission missing_scope channel_not_found \
             not_in_channel is_archived restricted_action restricted_action_read_only_channel ekm_access_denied",
            "disabled",
        ),
        (
            "msg_too_long no_text too_many_attachments invalid_blocks msg_blocks_too_long invalid_arguments never_heard_of",
            "refused",
        ),
        ("ratelimited rate_limited message_limit_exceeded", "throttled"),
        ("team_added_to_org org_login_required request_timeout service_unavailable", "failed"),
        ("fatal_error internal_error", "ambiguous"),
    ] {
        for error in errors.split_whitespace() {
            let body = format!(r#"{{"ok":false,"error":"{error}"}}"#);
            assert_eq!(classify_app(&answer(200, &[], &body)).name(), expected, "{error}");
            assert_eq!(classify_webhook(&answer(200, &[], &body)).name(), expected, "{error}");
        }
    }
    let body = r#"{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]}}"#;
    let Verdict::Refused { reason } = classify_app(&answer(200, &[], body)) else { panic!() };
    assert!(reason.contains("json-pointer:/blocks/0/text/text"), "{reason}");
}

#[test]
fn a_429_is_obeyed_wherever_it_stands() {
    let told = |secs| Pause::Told(Duration::from_secs(secs));
    for (status, headers, body, expected) in [
        (429, vec![("retry-after", "30")], r#"{"ok":false,"error":"ratelimited"}"#, told(30)),
        (200, vec![("retry-after", "30")], r#"{"ok":false,"error":"ratelimited"}"#, told(30)),
        (429, vec![], r#"{"retry_after":1,"ok":false,"error":"rate_limited"}"#, told(1)),
        (200, vec![], r#"{"retry_after":2,"ok":false,"error":"rate_limited"}"#, told(2)),
        (429, vec![("retry-after", "soon")], r#"{"retry_after":2,"ok":false,"error":"rate_limited"}"#, told(2)),
        (429, vec![("retry-after", "1e9")], "", Pause::Told(RETRY_AFTER_MAX)),
        (429, vec![], "", Pause::Untold { first: THROTTLED_FIRST }),
        (200, vec![], r#"{"ok":false,"error":"message_limit_exceeded"}"#, Pause::Told(RETRY_AFTER_MAX)),
    ] {
        for verdict in [classify_app(&answer(status, &headers, body)), classify_webhook(&answer(status, &headers, body))] {
            let Verdict::Throttled { pause, .. } = verdict else { panic!("{body}") };
            assert_eq!(pause, expected, "{status} {headers:?} {body}");
        }
    }
}
