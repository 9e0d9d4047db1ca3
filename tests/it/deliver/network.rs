//! What networks do to requests: delays, resets, wrong certificates, redirects, answers without end.

use futures_util::StreamExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::kit::http::{Door, Manner, Received, Reply, Server};
use crate::kit::http2::Http2;
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
    let server = Http2::start(authority.server("localhost", 4000, &[b"h2"]), Duration::ZERO).await;
    let mut rig = Rig::trusting(authority.roots());
    let lane = rig.open(&to_webhook(&server.url));
    for n in 0..20 {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
        assert_eq!(rig.report().await.outcome.name(), "delivered");
    }
    assert_eq!((server.connections(), server.requests()), (1, 20));
}

#[tokio::test]
async fn one_message_by_hand_works_over_http_2_too() {
    let authority = Authority::new("ours");
    let server = Http2::start(authority.server("localhost", 4000, &[b"h2"]), Duration::ZERO).await;
    assert_eq!(words_of(&Rig::trusting(authority.roots()), &server.url).await, "delivered");
}

/// What a fault comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    /// No byte of the message left: everything is tried again.
    NotSent,
    /// It may have arrived: an order is not repeated.
    Ambiguous,
    /// The answer's head was whole: it has arrived.
    Delivered,
}

/// A place where something goes wrong.
struct Place {
    name: String,
    url: String,
    class: Class,
    /// What people are told.
    word: &'static str,
    server: Option<Server>,
}

impl Place {
    /// Short where the fault is that nothing more comes; else so long that a busy machine is not taken for one.
    fn patience(&self) -> Duration {
        let is_endless = self.word.ends_with("within 400ms") || self.class == Class::Delivered;
        if is_endless { Duration::from_millis(400) } else { Duration::from_secs(20) }
    }
}

/// Every fault below HTTP, and of the answer's form.
async fn faults(authority: &Authority) -> Vec<Place> {
    use Class::{Ambiguous, Delivered, NotSent};
    let mut places = Vec::new();
    let mut place = |name: &str, server: Server, class, word| {
        places.push(Place { name: name.to_owned(), url: server.url(), class, word, server: Some(server) });
    };
    for (name, door, class, word) in [
        ("reset in the middle of the request", Door::ResetAfter(200), Ambiguous, "no complete answer: "),
        ("hung up in the middle of the request", Door::Say(b""), Ambiguous, "no complete answer: "),
        ("never reads", Door::Ignore, Ambiguous, "no complete answer within 400ms"),
        ("answers before it has heard all", Door::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Delivered, ""),
    ] {
        let server = plain(Manner::Plain).await;
        server.set_door(door);
        place(name, server, class, word);
    }
    for (manner, class, word) in [
        (Manner::Reset, Ambiguous, "no complete answer: "),
        (Manner::Close, Ambiguous, "no complete answer: connection closed before message completed"),
        (Manner::Late(PATIENCE), Ambiguous, "no complete answer within 400ms"),
        (Manner::SlowHead, Ambiguous, "no complete answer within 400ms"),
        (Manner::Raw(b"HTTP/1.1 20"), Ambiguous, "no complete answer: "),
        (Manner::Raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), Ambiguous, "no complete answer: invalid HTTP"),
        (Manner::Raw(b"HTTP/1.1 2OO OK\r\n\r\n"), Ambiguous, "no complete answer: invalid HTTP"),
        (Manner::Raw(b"HTTP/1.1 100 Continue\r\n\r\n"), Ambiguous, "no complete answer: "),
        (Manner::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"), Ambiguous, "no complete answer: "),
        (Manner::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok"), Ambiguous, "no complete answer: "),
        (Manner::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"), Delivered, ""),
        (Manner::Raw(b"HTTP/1.0 200 OK\r\n\r\nok"), Delivered, ""),
        (Manner::SlowBody, Delivered, ""),
        (Manner::Endless, Delivered, ""),
        (Manner::Short, Delivered, ""),
    ] {
        place(&format!("{manner:?}"), plain(manner).await, class, word);
    }
    let answer = Reply::new(200, "ok").whole();
    let head = answer.len() - 2;
    for cut in 0..=answer.len() {
        for manner in [Manner::CutAt(cut), Manner::ResetAt(cut)] {
            let (class, word) = if cut < head { (Ambiguous, "no complete answer: ") } else { (Delivered, "") };
            place(&format!("{manner:?}"), plain(manner).await, class, word);
        }
    }
    for (name, acceptor, word) in [
        ("expired certificate", authority.server("localhost", 2020, &[]), "cannot connect: invalid peer certificate: "),
        ("certificate of another", authority.server("other.example", 4000, &[]), "not valid for name"),
        ("unknown authority", Authority::new("a stranger").server("localhost", 4000, &[]), "UnknownIssuer"),
    ] {
        place(name, Server::start_tls(acceptor, |_| Reply::new(200, "ok")).await, NotSent, word);
    }
    for (name, door, word) in [
        ("silent handshake", Door::Ignore, "cannot connect within 400ms"),
        ("reset before the handshake", Door::Reset, "cannot connect: "),
        ("hung up before the handshake", Door::Close, "cannot connect: "),
        ("TLS 1.0 and nothing newer", Door::Say(&[0x15, 3, 1, 0, 2, 2, 70]), "cannot connect: "),
        ("no TLS at all", Door::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "cannot connect: "),
    ] {
        let server = Server::start_tls(authority.server("localhost", 4000, &[]), |_| Reply::new(200, "ok")).await;
        server.set_door(door);
        place(name, server, NotSent, word);
    }
    let closed = plain(Manner::Plain).await.url();
    let refused = "cannot connect: Connection refused";
    places.push(Place { name: "refused".into(), url: closed, class: NotSent, word: refused, server: None });
    places
}

async fn plain(manner: Manner) -> Server {
    Server::start(move |_| Reply::manner(manner.clone())).await
}

#[tokio::test]
async fn every_fault_of_the_network_is_of_its_class_and_has_its_next_step() {
    let authority = Authority::new("ours");
    let places = faults(&authority).await;
    // Some at a time: all at once take longer to agree on TLS than each may, on a busy machine.
    let mut tried = futures_util::stream::iter(places.iter().map(|place| fault(place, authority.roots()))).buffered(16);
    let mut wrong = Vec::new();
    while let Some(fault) = tried.next().await {
        wrong.extend(fault);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(places.len() > 100, "{} faults", places.len());
}

/// By hand, as an order and as an order that may be repeated; what is wrong with it.
async fn fault(place: &Place, roots: Arc<rustls::RootCertStore>) -> Option<String> {
    let mut rig = Rig::trusting(roots);
    let action = Action { timeout: place.patience(), ..to_webhook(&format!("{}/CANARY", place.url)) };
    // More than fits into the sockets' buffers.
    let body = || for_webhook(&"x".repeat(16 << 20));
    let body = if place.name.contains("the request") || place.name.contains("never reads") { body() } else { for_webhook("x") };
    let trial =
        birdcall::deliver::send_once(&action, target(&action), &rig.common, &rig.delivery("a", body.clone())).await.unwrap();
    let said = trial.to_string();
    let begins = match place.class {
        Class::NotSent => "not sent: ",
        Class::Ambiguous => "sent, but it may or may not have arrived: ",
        Class::Delivered => "delivered",
    };
    let mut wrong = Vec::new();
    if !said.starts_with(begins) || !said.contains(place.word) || said.contains("CANARY") {
        wrong.push(format!("expected {:?} with {:?}, got {said:?}", place.class, place.word));
    }
    let bytes = place.server.as_ref().map_or(0, Server::bytes);
    if place.class == Class::NotSent && bytes > 1 {
        wrong.push(format!("{bytes} bytes of the request went out"));
    }
    for idempotent in [false, true] {
        let mut order = Action { trading: true, ..action.clone() };
        if let Destination::Webhook(webhook) = &mut order.destination {
            webhook.idempotent = idempotent;
        }
        let delivery = rig.delivery("a", body.clone());
        // Long enough for a second attempt, beside fifteen others on a slow machine.
        let soon = rig.common.clock.now().plus(Duration::from_secs(2));
        let report = rig.deliver(&order, Delivery { expires_at: soon, ..delivery }).await;
        let (outcome, again) = match (place.class, idempotent) {
            (Class::Delivered, _) => ("delivered", false),
            (Class::Ambiguous, false) => ("unknown", false),
            (Class::Ambiguous, true) => ("unknown", true),
            _ => ("expired", true),
        };
        if report.outcome.name() != outcome || (report.attempts > 1) != again {
            wrong
                .push(format!("expected {outcome}, again: {again}; got {:?} after {} attempts", report.outcome, report.attempts));
        }
    }
    (!wrong.is_empty()).then(|| format!("{}: {}", place.name, wrong.join("; ")))
}

#[tokio::test]
async fn a_reset_at_the_door_is_never_taken_for_a_success() {
    // Whether the message was written before the reset was seen is a matter of microseconds.
    let server = plain(Manner::Plain).await;
    server.set_door(Door::Reset);
    let rig = Rig::new();
    for _ in 0..100 {
        let words = words_of(&rig, &server.url()).await;
        assert!(words.starts_with("not sent") || words.starts_with("sent, but it may or may not"), "{words}");
    }
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_lane_never_has_more_connections_than_requests_under_way() {
    let server = plain(Manner::Plain).await;
    server.set_door(Door::Ignore);
    let (most, port) = (birdcall::model::limits::WEBHOOK_CONCURRENCY, server.url().rsplit(':').next().unwrap().parse().unwrap());
    let rig = Rig::new();
    let lane = rig.open(&hook_at(&server));
    for n in 0..most * 3 {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
    }
    // The first of them, their ends at the timeout, and what comes then.
    let (started, mut peak) = (Instant::now(), 0);
    while server.connections() <= most || started.elapsed() < Duration::from_secs(1) {
        assert!(started.elapsed() < PATIENCE, "{} connections", server.connections());
        peak = peak.max(connected_to(port));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Two are opened ahead again as soon as the ones in use have ended.
    assert!((most..=most + birdcall::model::limits::WEBHOOK_WARM).contains(&peak), "{peak}");
}

/// Sockets of this machine that are connected to a port of loopback.
fn connected_to(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let (remote, established) = (format!("0100007F:{port:04X}"), "01");
    table.lines().filter(|line| line.split_whitespace().skip(2).take(2).eq([remote.as_str(), established])).count()
}

#[tokio::test]
async fn the_head_says_who_asks_for_what_and_wants_nothing_compressed() {
    let server = plain(Manner::Plain).await;
    let rig = Rig::new();
    assert_eq!(words_of(&rig, &format!("{}/a%20b?c=d#e", server.url().replace("://", "://user:p%40ss@"))).await, "delivered");
    let request = server.received().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a%20b?c=d"));
    assert_eq!(request.header("host"), server.url().strip_prefix("http://"));
    assert_eq!(request.header("authorization"), Some("Basic dXNlcjpwQHNz"));
    assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("birdcall/")));
    for absent in ["accept-encoding", "referer", "cookie", "expect"] {
        assert_eq!(request.header(absent), None, "{absent}");
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
