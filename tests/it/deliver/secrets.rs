//! Credentials are in the URLs that we ask for, and are nowhere else: not in reasons, not in logs of any level.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::kit::http::{Door, Manner, Reply, Server};
use crate::kit::http2::Http2;
use crate::kit::tls::Authority;

const CANARY: &str = "CANARY-0123456789";
/// Too short to be known by itself.
const SHORT: &str = "c4n4ry";

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn all(base: &str) -> Vec<(Action, Body)> {
    let mut hook = to_webhook(&format!("{base}/{CANARY}?key={CANARY}"));
    if let Destination::Webhook(webhook) = &mut hook.destination {
        webhook.headers = vec![("authorization".into(), clear(&format!("Bearer {CANARY}")))];
        webhook.secret = Some(clear(CANARY));
    }
    let mut telegram = to_telegram(base, 1);
    if let Destination::Telegram(telegram) = &mut telegram.destination {
        telegram.token = clear(&format!("12345:{CANARY}"));
    }
    let app = Slack::App { token: clear(&format!("xoxb-{CANARY}")), channel: "C".into(), api: Some(base.to_owned()) };
    vec![
        (to_discord(&format!("{base}/api/webhooks/1/{CANARY}")), for_discord("x")),
        (telegram, for_telegram("x")),
        (to_slack(&format!("{base}/services/T/B/{CANARY}")), for_slack("x")),
        (action(Destination::Slack(app)), for_slack("x")),
        (hook, for_webhook("x")),
        (to_webhook(&base.replace("://", &format!("://user:{CANARY}@"))), for_webhook("x")),
        (to_webhook(&format!("{base}/t/{SHORT}?{SHORT}")), for_webhook("x")),
    ]
}

/// Repeats the path and the credentials in header and body, as error pages do.
fn echo(status: u16) -> impl Fn(&crate::kit::http::Received) -> Reply + Send + Sync + 'static {
    move |request| {
        let authorization = request.header("authorization").unwrap_or_default();
        let token = authorization.trim_start_matches("Bearer ");
        Reply::new(status, format!("<html>{} {authorization} {token}</html>", request.path)).with("x-path", request.path.clone())
    }
}

#[tokio::test]
async fn no_fault_of_the_network_and_no_answer_brings_a_secret_to_light() {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let mut servers = Vec::new();
    for status in [301, 400, 401, 404, 410, 429, 500] {
        servers.push(Server::start(echo(status)).await);
    }
    for manner in [Manner::Close, Manner::Reset, Manner::Raw(b"garbage"), Manner::Late(PATIENCE), Manner::Short] {
        servers.push(Server::start(move |_| Reply::manner(manner.clone())).await);
    }
    servers.push(Server::start(|_| Reply::new(200, "")).await);
    servers.last().unwrap().set_door(Door::Reset);
    let closed = { Server::start(|_| Reply::new(200, "")).await.url() };
    let authority = Authority::new("ours");
    let http2 = Http2::start(authority.server("localhost", 4000, &[b"h2"]), Duration::ZERO).await;
    let http2_url = http2.url.trim_end_matches("/hook").to_owned();
    let urls: Vec<String> = servers.iter().map(Server::url).chain([closed, http2_url]).collect();
    let tries = urls.iter().flat_map(|url| all(url)).map(|(action, body)| try_it(action, body, authority.roots()));
    let said = futures_util::future::join_all(tries).await;
    let log = String::from_utf8_lossy(&sink.0.lock().unwrap()).into_owned();
    let leak = said.iter().map(String::as_str).chain(log.lines()).find(|line| {
        [CANARY, SHORT, "Q0FOQVJZLTAxMjM0NTY3ODk", "dXNlcjpDQU5BUlktMDEyMzQ1Njc4OQ"].iter().any(|secret| line.contains(secret))
    });
    assert_eq!(leak, None);
    assert!(log.contains("birdcall::deliver") && log.contains("h2::"), "nothing was logged, so nothing was shown");
    assert!(said.iter().any(|line| line.contains("***")), "no page repeated a secret");
}

/// By hand and through a lane; everything that can be printed of either.
async fn try_it(action: Action, body: Body, roots: Arc<rustls::RootCertStore>) -> String {
    let action = Action { timeout: Duration::from_millis(300), ..action };
    let mut rig = Rig::trusting(roots);
    let delivery = rig.delivery("a", body);
    let soon = rig.common.clock.now().plus(Duration::from_millis(400));
    let trial = birdcall::deliver::send_once(&action, target(&action), &rig.common, &delivery).await.unwrap();
    let report = rig.deliver(&action, Delivery { expires_at: soon, ..delivery }).await;
    format!("{trial} {trial:?} {:?} {:?} {action:?}", report.outcome, target(&action))
}

#[tokio::test]
async fn an_operator_is_told_once_that_a_destination_refuses_for_good() {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start(|_| Reply::new(410, "gone")).await;
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&server.url()));
    for n in 0..100 {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
    }
    let outcomes = rig.outcomes(100).await;
    assert!(outcomes.iter().all(|outcome| dead(outcome) == "HTTP 410: gone"));
    let log = String::from_utf8_lossy(&sink.0.lock().unwrap()).into_owned();
    assert_eq!(log.lines().filter(|line| line.contains("desk") && line.contains("gone")).count(), 1, "{log}");
    assert!(server.received().len() <= birdcall::model::limits::WEBHOOK_CONCURRENCY);
}
