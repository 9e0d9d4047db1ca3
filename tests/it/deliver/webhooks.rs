//! What a webhook's receiver sees.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use super::*;
use crate::kit::http::Reply;
use crate::kit::webhook;

#[tokio::test]
async fn the_receiver_can_verify_the_signature_and_the_time_of_every_attempt() {
    let hook = webhook::start().await;
    hook.say_next([Reply::new(500, "")]);
    let mut rig = Rig::new();
    let mut action = to_webhook(&hook.url());
    if let Destination::Webhook(webhook) = &mut action.destination {
        webhook.headers = vec![("X-Api-Key".into(), clear("key"))];
    }
    let report = rig.deliver(&action, rig.delivery("a", for_webhook("\"quoted\" \u{1f426}"))).await;
    assert_eq!((report.outcome.name(), report.attempts, hook.violations()), ("delivered", 2, vec![]));
    let received = hook.received();
    for request in &received {
        webhook::verify(request, webhook::SECRET).unwrap();
        assert!(webhook::verify(request, "whsec_AAAA").is_err());
        assert_eq!(request.header("webhook-id"), Some(report.firing.id.to_string().as_str()));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("x-api-key"), Some("key"));
        assert!(request.header("user-agent").unwrap().starts_with("birdcall/"));
        assert!(request.header("accept-encoding").is_none() && request.header("transfer-encoding").is_none());
    }
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test]
async fn a_wrong_secret_is_refused_by_the_receiver_and_not_repeated() {
    let hook = webhook::start().await;
    let mut action = to_webhook(&hook.url());
    if let Destination::Webhook(webhook) = &mut action.destination {
        webhook.secret = Some(clear("another secret"));
    }
    let mut rig = Rig::new();
    let report = rig.deliver(&action, rig.delivery("a", for_webhook("x"))).await;
    assert_eq!((dead(&report.outcome), report.attempts), ("HTTP 401: the signature is wrong", 1));
}

#[tokio::test]
async fn the_method_is_the_action_s() {
    let hook = webhook::start().await;
    for (method, name) in [(Method::Post, "POST"), (Method::Put, "PUT"), (Method::Patch, "PATCH")] {
        let mut action = to_webhook(&hook.url());
        if let Destination::Webhook(webhook) = &mut action.destination {
            webhook.method = method;
        }
        let mut rig = Rig::new();
        rig.deliver(&action, rig.delivery("a", for_webhook("x"))).await;
        assert_eq!(hook.received().last().unwrap().method, name);
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_disables_the_lane() {
    let hook = webhook::start().await;
    hook.say_next([Reply::new(410, "gone")]);
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&hook.url()));
    for name in ["a", "b"] {
        put(&lane, rig.delivery(name, for_webhook("x")));
        assert_eq!(dead(&rig.report().await.outcome), "HTTP 410: gone");
    }
    assert_eq!(hook.received().len(), 1);
}

#[tokio::test]
async fn the_python_example_takes_what_is_signed_once_and_nothing_else() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/webhook_receiver.py");
    let mut receiver = Command::new("python3")
        .args([script, "0"])
        .env("WEBHOOK_SECRET", webhook::SECRET)
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs the example");
    let mut output = BufReader::new(receiver.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let url = line.trim().trim_start_matches("listening on ").to_owned();
    let mut rig = Rig::new();
    for text in ["first", "the same id again"] {
        let report = rig.deliver(&to_webhook(&url), rig.delivery("a", for_webhook(text))).await;
        assert_eq!(report.outcome.name(), "delivered");
    }
    let mut forged = to_webhook(&url);
    if let Destination::Webhook(webhook) = &mut forged.destination {
        webhook.secret = Some(clear("another secret"));
    }
    let report = rig.deliver(&forged, rig.delivery("b", for_webhook("forged"))).await;
    assert_eq!(dead(&report.outcome), "HTTP 401");
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    let id = FiringId::of("rule", "a", "");
    assert_eq!(rest, format!("{id} {{\"text\": \"first\"}}\nrefused: no signature is right\n"));
}
