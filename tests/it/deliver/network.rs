//! What networks do to requests: delays, resets, wrong certificates, redirects, answers without end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::kit::http::{Door, Manner, Received, Reply, Server};
use crate::kit::tls::Authority;

fn hook_at(server: &Server) -> Action {
    Action { timeout: Duration::from_millis(400), ..to_webhook(&format!("{}/CANARY-hook-path", server.url())) }
}

/// Every request but the first is answered with 200.
fn first_then_fine(first: Reply) -> impl Fn(&Received) -> Reply + Send + Sync {
    let seen = AtomicUsize::new(0);
    move |_| if seen.fetch_add(1, Ordering::SeqCst) == 0 { first.clone() } else { Reply::new(200, "ok") }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_nobody_is_told_the_secret() {
    for status in [301, 302, 303, 307, 308] {
        let other = Server::start(|_| Reply::new(200, "ok")).await;
        let location = format!("{}/stolen", other.url());
        let first = Server::start(move |_| Reply::new(status, "").with("location", location.clone())).await;
        let mut rig = Rig::new();
        let report = rig.deliver(&hook_at(&first), rig.delivery("a", for_webhook("x"))).await;
        assert!(dead(&report.outcome).contains("redirects are not followed"), "{:?}", report.outcome);
        assert_eq!((first.received().len(), other.received().len()), (1, 0), "{status}");
        assert!(first.received()[0].header("referer").is_none());
    }
}

#[tokio::test]
async fn every_slow_answer_ends_at_the_timeout_and_is_tried_again() {
    for manner in [Manner::Late(PATIENCE), Manner::SlowHead, Manner::Close, Manner::Reset, Manner::Raw(b"NOT HTTP\r\n\r\n")] {
        let server = Server::start(first_then_fine(Reply::manner(manner.clone()))).await;
        let mut rig = Rig::new();
        let started = Instant::now();
        let report = rig.deliver(&hook_at(&server), rig.delivery("a", for_webhook("x"))).await;
        assert_eq!((report.outcome.name(), report.attempts), ("delivered", 2), "{manner:?}");
        assert!(started.elapsed() < Duration::from_millis(1_500), "{manner:?} {:?}", started.elapsed());
        let received = server.received();
        assert_eq!(received[0].body, received[1].body);
        assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    }
}

#[tokio::test]
async fn a_2xx_counts_whatever_becomes_of_its_body() {
    for manner in [Manner::SlowBody, Manner::Endless, Manner::Short] {
        let server = Server::start(first_then_fine(Reply::manner(manner.clone()))).await;
        let mut rig = Rig::new();
        let started = Instant::now();
        let report = rig.deliver(&hook_at(&server), rig.delivery("a", for_webhook("x"))).await;
        assert_eq!((report.outcome.name(), report.attempts), ("delivered", 1), "{manner:?}");
        assert!(started.elapsed() < Duration::from_secs(1), "{manner:?}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_read_up_to_the_cap_and_shown_short() {
    let reply = Reply { status: 404, ..Reply::manner(Manner::Endless) };
    let server = Server::start(move |_| reply.clone()).await;
    let mut rig = Rig::new();
    let started = Instant::now();
    let patient = Action { timeout: PATIENCE, ..hook_at(&server) };
    let report = rig.deliver(&patient, rig.delivery("a", for_webhook("x"))).await;
    assert!(started.elapsed() < PATIENCE / 4, "it was the timeout that ended it, not the cap");
    let reason = dead(&report.outcome);
    assert!(reason.starts_with("HTTP 404: xxx") && reason.chars().count() < 250, "{reason}");
}

#[tokio::test]
async fn a_chat_message_without_an_answer_is_sent_twice_at_most() {
    let server = Server::start(|_| Reply::manner(Manner::Close)).await;
    let mut rig = Rig::new();
    let action = to_discord(&format!("{}/api/webhooks/1/CANARY-token", server.url()));
    let report = rig.deliver(&action, rig.delivery("a", for_discord("x"))).await;
    let Outcome::Unknown { reason } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert!(reason.contains("no complete answer") && reason.ends_with("twice"), "{reason}");
    assert_eq!((report.attempts, server.received().len()), (2, 2));
}

#[tokio::test]
async fn a_slack_or_telegram_answer_that_breaks_off_is_no_answer() {
    let server = Server::start(|_| Reply { body: br#"{"ok":true,"#.to_vec(), ..Reply::manner(Manner::Short) }).await;
    let mut rig = Rig::new();
    let slack = to_slack(&format!("{}/services/T/B/CANARY", server.url()));
    for (action, body) in [(slack, for_slack("x")), (to_telegram(&server.url(), 1), for_telegram("x"))] {
        let report = rig.deliver(&action, rig.delivery("a", body)).await;
        assert_eq!((report.outcome.name(), report.attempts), ("unknown", 2));
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_the_handshake_costs_the_timeout_and_no_more() {
    let authority = Authority::new("ours");
    let server = Server::start_tls(authority.server("localhost", 4000, &[]), |_| Reply::new(200, "ok")).await;
    server.set_door(Door::Ignore);
    let mut rig = Rig::trusting(authority.roots());
    let delivery = rig.delivery("a", for_webhook("x"));
    let started = Instant::now();
    let soon = Delivery { expires_at: rig.common.clock.now().plus(Duration::from_millis(900)), ..delivery };
    let report = rig.deliver(&hook_at(&server), soon).await;
    assert_eq!((report.outcome, server.received().len()), (Outcome::Expired, 0));
    assert!(report.attempts >= 2 && started.elapsed() < Duration::from_secs(2), "{} {:?}", report.attempts, started.elapsed());
}

#[tokio::test]
async fn a_message_that_grows_too_old_while_connecting_is_not_sent() {
    let authority = Authority::new("ours");
    let acceptor = authority.server("localhost", 4000, &[]);
    let server = Server::start_slow_tls(acceptor, Duration::from_millis(300), |_| Reply::new(200, "ok")).await;
    let mut rig = Rig::trusting(authority.roots());
    let delivery = rig.delivery("a", for_webhook("x"));
    let soon = Delivery { expires_at: rig.common.clock.now().plus(Duration::from_millis(150)), ..delivery };
    let action = Action { timeout: Duration::from_secs(5), ..hook_at(&server) };
    let report = rig.deliver(&action, soon).await;
    assert_eq!((report.outcome, server.received().len()), (Outcome::Expired, 0));
    assert_eq!(server.connections(), 1, "it did connect");
}

#[tokio::test]
async fn https_works_and_a_wrong_certificate_gets_not_a_byte() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("a stranger"));
    let mut rig = Rig::trusting(authority.roots());
    let good = Server::start_tls(authority.server("localhost", 4000, &[b"http/1.1"]), |_| Reply::new(200, "ok")).await;
    let report = rig.deliver(&hook_at(&good), rig.delivery("a", for_webhook("x"))).await;
    assert_eq!(report.outcome.name(), "delivered");
    for (acceptor, word) in [
        (authority.server("localhost", 2020, &[]), "expired"),
        (authority.server("other.example", 4000, &[]), "not valid for name"),
        (stranger.server("localhost", 4000, &[]), "UnknownIssuer"),
    ] {
        let server = Server::start_tls(acceptor, |_| Reply::new(200, "ok")).await;
        let words = words_of(&rig, &format!("{}/CANARY-path", server.url())).await;
        assert!(words.starts_with("not sent") && words.contains(word) && !words.contains("CANARY"), "{words}");
        assert!(server.received().is_empty());
    }
    let plain = Server::start(|_| Reply::new(200, "ok")).await;
    let words = words_of(&rig, &plain.url().replace("http:", "https:")).await;
    assert!(words.starts_with("not sent"), "{words}");
}

async fn words_of(rig: &Rig, url: &str) -> String {
    let action = Action { timeout: Duration::from_millis(400), ..to_webhook(url) };
    let delivery = rig.delivery("a", for_webhook("x"));
    birdcall::deliver::send_once(&action, target(&action), &rig.common, &delivery).await.unwrap().to_string()
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered_over_one_connection() {
    let authority = Authority::new("ours");
    let server = Http2::start(authority.server("localhost", 4000, &[b"h2"])).await;
    let mut rig = Rig::trusting(authority.roots());
    let lane = rig.open(&to_webhook(&server.url));
    for n in 0..20 {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
        assert_eq!(rig.report().await.outcome.name(), "delivered");
    }
    assert_eq!(server.counts(), (1, 20));
}

/// Answers 204 to everything, over HTTP/2 only; counts connections and requests with a whole body.
struct Http2 {
    url: String,
    counts: Arc<[AtomicUsize; 2]>,
}

impl Http2 {
    fn counts(&self) -> (usize, usize) {
        (self.counts[0].load(Ordering::SeqCst), self.counts[1].load(Ordering::SeqCst))
    }

    #[expect(clippy::disallowed_methods, reason = "a test server runs beside the test")]
    async fn start(acceptor: tokio_rustls::TlsAcceptor) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook", listener.local_addr().unwrap().port());
        let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared[0].fetch_add(1, Ordering::SeqCst);
                tokio::spawn(talk_http2(acceptor.accept(stream).await.unwrap(), Arc::clone(&shared)));
            }
        });
        Self { url, counts }
    }
}

async fn talk_http2(stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>, counts: Arc<[AtomicUsize; 2]>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        // What a request sends comes only while the connection is driven, so the answer does not wait for the body.
        let length = request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        counts[1].fetch_add(usize::from(length.is_some_and(|length| length > 0)), Ordering::SeqCst);
        let mut response = axum::http::Response::new(());
        *response.status_mut() = axum::http::StatusCode::NO_CONTENT;
        respond.send_response(response, true).unwrap();
    }
}

/// The environment is read once for a whole run, so each case is a run of its own: this test, started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authorities_that_ssl_cert_file_names_are_the_ones_trusted() {
    if let Ok(url) = std::env::var("BIRDCALL_TEST_URL") {
        let words = match birdcall::tls::client_config(&[b"http/1.1"]) {
            Ok(tls) => words_of(&Rig::with_tls(tls), &url).await,
            Err(error) => error.to_string(),
        };
        println!("said: {words}");
        return;
    }
    let authority = Authority::new("ours");
    let server = Server::start_tls(authority.server("localhost", 4000, &[]), |_| Reply::new(200, "ok")).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let missing = folder.path().join("missing.pem");
    for (file, expected) in [
        (path("ours.pem", &authority.pem()), "said: delivered"),
        (path("other.pem", &Authority::new("a stranger").pem()), "UnknownIssuer"),
        (path("empty.pem", ""), "no certificate could be read"),
        (missing, "missing.pem"),
    ] {
        let name = "deliver::network::the_authorities_that_ssl_cert_file_names_are_the_ones_trusted";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", name, "--nocapture"])
            .env_remove("SSL_CERT_DIR")
            .env("SSL_CERT_FILE", &file)
            .env("BIRDCALL_TEST_URL", server.url());
        let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.contains("said: ") && output.contains(expected), "{}: {output}", file.display());
    }
}
