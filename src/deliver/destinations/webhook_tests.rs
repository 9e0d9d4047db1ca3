//! Webhooks: headers, signatures, and every answer of DESTINATIONS 6.1.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::deliver::verdict::tests::answer;
use crate::model::action::{SecretRef, Span};
use crate::model::limits::THROTTLED_FIRST;
use crate::model::message::ContentType;
use crate::model::secret::SecretSource;

fn endpoint(url: &str) -> Endpoint {
    let url_ref = SecretRef { source: SecretSource::Env("X".into()), span: Span::default() };
    let action = Webhook { url: url_ref, method: action::Method::Put, headers: Vec::new(), secret: None, idempotent: false };
    Endpoint::new(&action, url).ok().unwrap()
}

fn body() -> WebhookBody {
    WebhookBody { bytes: Bytes::from_static(b"{}"), content_type: ContentType::Json }
}

#[test]
fn every_attempt_has_the_same_id_and_bytes_and_its_own_time() {
    let mut endpoint = endpoint("https://bot.example/hook");
    endpoint.sign_with(&Secret::new("key")).unwrap();
    let [first, second] = [1_000_999, 5_000_000].map(|ms| endpoint.request(&body(), "bc_1", Timestamp::from_millis(ms)));
    assert_eq!((&first.headers[ID], &first.body, &first.method), (&second.headers[ID], &second.body, &Method::PUT));
    assert_eq!((&first.headers[TIMESTAMP], &second.headers[TIMESTAMP]), (&"1000".parse().unwrap(), &"5000".parse().unwrap()));
    assert_ne!(first.headers[SIGNATURE], second.headers[SIGNATURE]);
    assert_eq!(first.headers[SIGNATURE].to_str().unwrap(), Key::new(&Secret::new("key")).unwrap().sign("bc_1", 1_000, b"{}"));
}

#[test]
fn without_a_secret_the_id_is_sent_all_the_same() {
    let request = endpoint("http://10.0.0.1/x").request(&body(), "bc_1", Timestamp::default());
    assert!(request.headers.contains_key(ID) && !request.headers.contains_key(SIGNATURE));
}

#[test]
fn a_user_s_header_cannot_be_one_of_ours_and_cannot_break_the_request() {
    let mut endpoint = endpoint("https://bot.example/");
    for name in
        ["webhook-id", "Webhook-Signature", "webhook-anything", "Content-Type", "HOST", "content-length", "Transfer-Encoding"]
    {
        assert_eq!(endpoint.add_header(name, &Secret::new("x")), Err(Problem::Reserved(name.to_lowercase())), "{name}");
    }
    assert!(matches!(endpoint.add_header("a b", &Secret::new("x")), Err(Problem::HeaderName(_))));
    let problem = endpoint.add_header("x-key", &Secret::new("canary\r\nwebhook-id: 1")).unwrap_err();
    assert!(!format!("{problem} {problem:?}").contains("canary"), "{problem}");
    endpoint.add_header("X-Api-Key", &Secret::new("canary")).unwrap();
    let request = endpoint.request(&body(), "bc_1", Timestamp::default());
    assert_eq!(request.headers["x-api-key"], "canary");
    assert!(!format!("{:?}", request.headers).contains("canary"));
}

#[test]
fn every_status_is_classified() {
    for status in 100..600 {
        let expected = match status {
            200..=299 => "delivered",
            300..=399 => "dead",
            410 => "disabled",
            429 => "throttled",
            408 | 425 | 500..=599 => "failed",
            400..=499 => "dead",
            _ => "ambiguous",
        };
        for body in ["", "{}", "no"] {
            assert_eq!(classify(&answer(status, &[], body)).name(), expected, "{status}");
        }
    }
}

#[test]
fn retry_after_is_obeyed_on_429_and_on_503() {
    let wait = Duration::from_secs(4);
    assert!(
        matches!(classify(&answer(429, &[("retry-after", "4")], "")), Verdict::Throttled { pause: Pause::Told(told), .. } if told == wait)
    );
    assert!(
        matches!(classify(&answer(503, &[("retry-after", "4")], "")), Verdict::Retry { wait: Some(told), .. } if told == wait)
    );
    let untold = Pause::Untold { first: THROTTLED_FIRST };
    assert!(matches!(classify(&answer(429, &[], "")), Verdict::Throttled { pause, .. } if pause == untold));
}

#[test]
fn what_could_be_a_credential_is_known_for_striking_out() {
    let mut endpoint = endpoint("https://me:hunter22@bot.example/trading/webhook/aaaaaaaa-bbbb/p4ssw0rd-long?key=querykey#frag");
    endpoint.add_header("authorization", &Secret::new("Bearer tokentoken")).unwrap();
    let secrets = endpoint.secrets();
    for secret in [
        "hunter22",
        "bWU6aHVudGVyMjI=",
        "/trading/webhook/aaaaaaaa-bbbb/p4ssw0rd-long",
        "aaaaaaaa-bbbb",
        "p4ssw0rd-long",
        "key=querykey",
        "querykey",
        "tokentoken",
    ] {
        assert!(secrets.iter().any(|known| known == secret), "{secret}");
    }
}
