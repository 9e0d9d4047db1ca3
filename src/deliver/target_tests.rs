//! Actions that can be sent to, and those that cannot.

use std::time::Duration;

use super::*;
use crate::model::action::{Chat, Discord, Method, Overflow, Telegram};
use crate::model::mode::Mode;
use crate::model::secret::SecretSource;

fn secret_ref(written: &str, start: usize) -> SecretRef {
    SecretRef { source: SecretSource::parse(written), span: Span { file: 0, start, end: start + 1 } }
}

fn action(destination: Destination) -> Action {
    Action {
        name: "a".into(),
        span: Span::default(),
        destination,
        rate_limits: Vec::new(),
        overflow: Overflow::Queue,
        max_age: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        trading: false,
        mode: Mode::Armed,
        max_per_day: None,
        digest: None,
        retired: false,
    }
}

/// Every kind, with a canary in every secret.
fn all() -> Vec<Destination> {
    let url = |written: &str| secret_ref(written, 0);
    let telegram =
        |token: &str| Telegram { token: url(token), chat: Chat::Id(1), topic: None, silent: false, preview: false, api: None };
    let discord = Discord {
        url: url("https://discord.com/api/webhooks/1/canary"),
        thread: None,
        username: None,
        avatar: None,
        silent: false,
    };
    let webhook = Webhook {
        url: url("https://bot.example/canary"),
        method: Method::Post,
        headers: vec![("x-key".into(), url("canary"))],
        secret: Some(url("canary")),
        idempotent: false,
    };
    vec![
        Destination::Discord(discord),
        Destination::Telegram(telegram("1:canary")),
        Destination::Slack(Slack::Webhook(url("https://hooks.slack.com/services/T/B/canary"))),
        Destination::Slack(Slack::App { token: url("xoxb-canary"), channel: "C".into(), api: None }),
        Destination::Webhook(webhook),
    ]
}

fn clear(secret: &SecretRef) -> Result<Secret, String> {
    match &secret.source {
        SecretSource::Clear(secret) => Ok(secret.clone()),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn every_kind_resolves_and_does_not_print_its_secrets() {
    for (destination, secret) in all().into_iter().zip(["canary", "1:canary", "canary", "xoxb-canary", "canary"]) {
        let name = destination.name();
        let target = Target::resolve(&action(destination), &mut clear).unwrap();
        assert_eq!(format!("{target:?}"), format!("Target({name})"));
        assert_eq!(target.scrub().text(&format!("<h1>{secret}</h1>")), "<h1>***</h1>", "{name}");
    }
}

#[test]
fn an_unread_secret_and_an_unusable_value_point_at_their_place() {
    let webhook = |url: &str, secret: &str| {
        let url = secret_ref(url, 10);
        let secret = Some(secret_ref(secret, 20));
        action(Destination::Webhook(Webhook { url, method: Method::Post, headers: Vec::new(), secret, idempotent: false }))
    };
    for (action, start, word) in [
        (webhook("env:UNSET", "x"), 10, "UNSET"),
        (webhook("ftp://canary/", "x"), 10, "https://"),
        (webhook("https://bot.example/", "whsec_"), 20, "empty"),
        (webhook("https://bot.example/", "whsec_canary!"), 20, "base64"),
    ] {
        let error = Target::resolve(&action, &mut clear).unwrap_err();
        let text = format!("{error} {error:?}");
        assert_eq!(error.span().start, start, "{text}");
        assert!(text.contains(word) && !text.contains("canary"), "{text}");
    }
    assert!(Target::resolve(&action(Destination::Console), &mut clear).is_err());
}
