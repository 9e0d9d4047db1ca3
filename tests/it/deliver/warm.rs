//! Connections are there before they are needed, and are there again after they have gone.

use std::io::{Read as _, Write as _};

use birdcall::model::limits::WEBHOOK_WARM as WARM;
use tokio::time::Instant;

use super::*;
use crate::kit::http::{Door, Manner, Reply, Server};
use crate::kit::http2::Http2;
use crate::kit::tls::Authority;

/// Until it is so, in real time.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let started = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    while !so() {
        assert!(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() - started < PATIENCE, "never: {what}");
        tokio::task::yield_now().await;
    }
}

/// Time that passes only by our word. tokio's paused time runs ahead by itself while all wait for a socket; a thread that is at work for
/// the run time stops that.
pub(super) struct Stopped(std::sync::mpsc::SyncSender<()>);

impl Stopped {
    pub(super) fn now() -> Self {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        tokio::time::pause();
        tokio::task::spawn_blocking(move || receiver.recv());
        Self(sender)
    }

    /// Lets time pass a second at a time, with leisure for everyone to do what is due.
    async fn pass(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            tokio::time::advance(Duration::from_secs(1)).await;
            self.settle().await;
        }
    }

    pub(super) async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn go_on(self) {
        drop(self.0);
        tokio::time::resume();
    }
}

fn fine() -> impl Fn(&crate::kit::http::Received) -> Reply + Send + Sync {
    |_| Reply::new(200, "ok")
}

#[tokio::test]
async fn a_lane_is_connected_before_its_first_message_and_asks_nothing_for_that() {
    let server = Server::start(fine()).await;
    let discord = format!("{}/api/webhooks/1/token", server.url());
    for (action, body, connections) in
        [(to_webhook(&server.url()), for_webhook("x"), WARM), (to_discord(&discord), for_discord("x"), 1)]
    {
        let before = server.connections();
        let mut rig = Rig::new();
        let lane = rig.open(&action);
        assert!(!lane.health().warm);
        until("connected", || server.connections() == before + connections && lane.health().warm).await;
        let requests = server.received().len();
        put(&lane, rig.delivery("a", body));
        assert_eq!(rig.report().await.outcome.name(), "delivered");
        assert_eq!((server.connections() - before, server.received().len() - requests), (connections, 1));
    }
}

#[tokio::test]
async fn the_first_message_after_ten_minutes_of_silence_opens_no_connection() {
    let authority = Authority::new("ours");
    let plain = Server::start(fine()).await;
    let secure = Server::start_tls(authority.server("localhost", 4000, &[b"http/1.1"]), fine()).await;
    let http2 = Http2::start(authority.server("localhost", 4000, &[b"h2"]), Duration::ZERO).await;
    let mut rig = Rig::trusting(authority.roots());
    let lanes = [&plain.url(), &secure.url(), &http2.url].map(|url| rig.open(&to_webhook(url)));
    let connections = || [plain.connections(), secure.connections(), http2.connections()];
    until("connected", || lanes.iter().all(|lane| lane.health().warm) && connections() == [WARM, WARM, 1]).await;
    let stopped = Stopped::now();
    stopped.pass(Duration::from_secs(600)).await;
    stopped.go_on();
    for lane in &lanes {
        assert!(lane.health().warm);
        put(lane, rig.delivery("a", for_webhook("x")));
        assert_eq!(rig.report().await.outcome.name(), "delivered");
    }
    assert_eq!(connections(), [WARM, WARM, 1]);
}

#[tokio::test]
async fn what_the_peer_closes_is_open_again_before_the_next_message() {
    let authority = Authority::new("ours");
    let plain = Server::start(fine()).await;
    let secure = Server::start_tls(authority.server("localhost", 4000, &[b"http/1.1"]), fine()).await;
    let http2 = Http2::start(authority.server("localhost", 4000, &[b"h2"]), Duration::ZERO).await;
    let mut rig = Rig::trusting(authority.roots());
    let lanes = [&plain.url(), &secure.url(), &http2.url].map(|url| rig.open(&to_webhook(url)));
    let connections = || [plain.connections(), secure.connections(), http2.connections()];
    until("connected", || lanes.iter().all(|lane| lane.health().warm) && connections() == [WARM, WARM, 1]).await;
    // A server that closes what was idle for 20 seconds, seven times; the last times an HTTP/2 one that crashes.
    for round in 2..9 {
        let stopped = Stopped::now();
        stopped.pass(Duration::from_secs(20)).await;
        plain.hang_up();
        secure.hang_up();
        if round < 6 {
            http2.part()
        } else {
            http2.break_off()
        }
        stopped.settle().await;
        stopped.go_on();
        // Over HTTP/1.1 more than that, as it is known by now that they do not live long.
        let is_back = |[plain, secure, http2]: [usize; 3]| plain >= WARM * round && secure >= WARM * round && http2 == round;
        until("connected again", || is_back(connections()) && lanes.iter().all(|lane| lane.health().warm)).await;
        until("all of them", || plain.open() == WARM && secure.open() == WARM).await;
        let all = connections();
        for lane in &lanes {
            put(lane, rig.delivery(&round.to_string(), for_webhook("x")));
            let report = rig.report().await;
            assert_eq!((report.outcome.name(), report.attempts), ("delivered", 1));
        }
        assert_eq!(connections(), all);
    }
}

#[tokio::test]
async fn a_peer_that_closes_new_connections_or_cannot_be_reached_is_asked_less_and_less() {
    for door in [Door::Close, Door::Reset] {
        let server = Server::start(fine()).await;
        server.set_door(door);
        let stopped = Stopped::now();
        let mut rig = Rig::new();
        let lane = rig.open(&to_webhook(&server.url()));
        stopped.pass(Duration::from_secs(600)).await;
        // Some after 0, 1, 3, 7, 15, 31, 63 s, and then each minute.
        assert!((8..=18 * WARM).contains(&server.connections()), "{door:?}: {} connections", server.connections());
        // It comes to its senses.
        server.set_door(Door::Open);
        stopped.pass(Duration::from_secs(61)).await;
        assert!(lane.health().warm);
        let before = server.connections();
        put(&lane, rig.delivery("a", for_webhook("x")));
        stopped.go_on();
        assert_eq!(rig.report().await.outcome.name(), "delivered");
        assert_eq!(server.connections(), before);
    }
}

#[tokio::test]
async fn an_idle_connection_is_replaced_before_the_receiver_ends_it() {
    for (life, says_so) in [(5, false), (5, true), (60, false), (60, true)] {
        let reply = move |_: &crate::kit::http::Received| match says_so {
            true => Reply::new(200, "ok").with("keep-alive", format!("timeout={life}")),
            false => Reply::new(200, "ok"),
        };
        let server = Server::start(reply).await;
        server.set_life(Duration::from_secs(life));
        let mut rig = Rig::new();
        let lane = rig.open(&Action { trading: true, ..to_webhook(&server.url()) });
        until("connected", || server.connections() == WARM && lane.health().warm).await;
        put(&lane, rig.delivery("first", for_webhook("buy")));
        assert_eq!(rig.report().await.outcome.name(), "delivered");
        let stopped = Stopped::now();
        // Nobody has said it, so that it is seen once.
        stopped.pass(Duration::from_secs(life + 1)).await;
        let seen = server.idled();
        assert!(seen <= if says_so { 0 } else { WARM }, "{life} s, {says_so}: {seen}");
        for round in 0..60 {
            for _ in 0..10 {
                stopped.pass(Duration::from_secs(1)).await;
                assert!(server.open() >= WARM && lane.health().warm, "{life} s, {says_so}: a message would find none");
            }
            let before = server.connections();
            put(&lane, rig.delivery(&round.to_string(), for_webhook("buy")));
            stopped.settle().await;
            assert_eq!((server.received().len(), server.connections()), (round + 2, before), "{life} s, {says_so}");
            assert_eq!(rig.report().await.attempts, 1);
        }
        assert_eq!(server.idled(), seen, "{life} s, {says_so}: a message could have met its end");
        let most = WARM * (600 + life as usize) / (life as usize * 3 / 4) + 2 * WARM;
        assert!(server.connections() <= most, "{life} s, {says_so}: {} connections, {most} are enough", server.connections());
        stopped.go_on();
    }
}

#[tokio::test]
async fn a_receiver_that_ends_idle_connections_after_a_second_is_connected_to_less_and_less() {
    let reply = |_: &crate::kit::http::Received| Reply::new(200, "ok").with("keep-alive", "timeout=1");
    let server = Server::start(reply).await;
    server.set_life(Duration::from_secs(1));
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&server.url()));
    until("connected", || server.connections() == WARM && lane.health().warm).await;
    put(&lane, rig.delivery("a", for_webhook("x")));
    assert_eq!(rig.report().await.outcome.name(), "delivered");
    let stopped = Stopped::now();
    stopped.pass(Duration::from_secs(600)).await;
    assert!((8..=20 * WARM).contains(&server.connections()), "{} connections", server.connections());
    stopped.go_on();
    put(&lane, rig.delivery("b", for_webhook("x")));
    assert_eq!(rig.report().await.outcome.name(), "delivered");
}

/// A server with a run time and a thread of its own.
fn beside<S: Send + 'static>(start: impl AsyncFnOnce() -> S + Send + 'static) -> S {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            sender.send(start().await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

#[tokio::test]
async fn an_order_never_goes_onto_a_connection_that_was_closed_unseen() {
    let authority = Authority::new("ours");
    let acceptors = (authority.server("localhost", 4000, &[b"http/1.1"]), authority.server("localhost", 4000, &[b"h2"]));
    let plain = beside(async || Server::start(fine()).await);
    let secure = beside(async move || Server::start_tls(acceptors.0, fine()).await);
    let http2 = beside(async move || Http2::start(acceptors.1, Duration::ZERO).await);
    let mut rig = Rig::trusting(authority.roots());
    let order = |url: &str| Action { trading: true, ..to_webhook(url) };
    let lanes = [&plain.url(), &secure.url(), &http2.url].map(|url| rig.open(&order(url)));
    for round in 0..6 {
        // All are there, and our side has seen all there is to see.
        until("connected", || plain.open() == WARM && secure.open() == WARM && http2.open() == 1).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        until("warm", || lanes.iter().all(|lane| lane.health().warm)).await;
        plain.hang_up();
        secure.hang_up();
        if round % 2 == 0 {
            http2.part()
        } else {
            http2.break_off()
        }
        // Our run time is busy with something else and sees none of it.
        std::thread::sleep(Duration::from_millis(20));
        for (n, lane) in lanes.iter().enumerate() {
            put(lane, rig.delivery(&format!("{round} {n}"), for_webhook("buy")));
        }
        for _ in &lanes {
            let report = rig.report().await;
            assert_eq!((report.outcome.name(), report.attempts), ("delivered", 1), "{round}: {:?}", report.outcome);
        }
    }
    assert_eq!((plain.received().len(), secure.received().len(), http2.requests()), (6, 6, 6));
}

#[tokio::test]
async fn a_burst_goes_out_at_once_and_what_it_opened_is_closed_in_time() {
    const BURST: usize = 2 * WARM;
    let slow = |_: &crate::kit::http::Received| Reply::manner(Manner::Late(Duration::from_millis(200)));
    let server = Server::start(slow).await;
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&server.url()));
    until("connected", || server.open() == WARM && lane.health().warm).await;
    for n in 0..BURST {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
    }
    until("all sent", || server.received().len() == BURST).await;
    let received = server.received();
    let spread = received[BURST - 1].at - received[0].at;
    assert!(spread < Duration::from_millis(200), "one waited for another's answer: {spread:?}");
    assert_eq!(server.connections(), BURST);
    assert!(rig.outcomes(BURST).await.iter().all(|outcome| outcome.name() == "delivered"));
    let stopped = Stopped::now();
    stopped.pass(birdcall::model::limits::POOL_IDLE - Duration::from_secs(10)).await;
    assert_eq!(server.open(), BURST, "the next burst would find them");
    stopped.pass(Duration::from_secs(15)).await;
    assert_eq!((server.open(), server.connections()), (WARM, BURST));
    stopped.go_on();
}

#[tokio::test]
async fn a_burst_shares_a_connection_of_http_2() {
    let authority = Authority::new("ours");
    let server = Http2::start(authority.server("localhost", 4000, &[b"h2"]), Duration::from_millis(200)).await;
    let mut rig = Rig::trusting(authority.roots());
    let lane = rig.open(&to_webhook(&server.url));
    // Even when nothing was open yet: it is not known what the peer speaks, so one connection is opened and all wait for it.
    for n in 0..8 {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
    }
    assert!(rig.outcomes(8).await.iter().all(|outcome| outcome.name() == "delivered"));
    assert_eq!((server.connections(), server.most_under_way()), (1, 8));
}

#[tokio::test]
async fn a_lane_that_ends_leaves_no_connection_behind() {
    let authority = Authority::new("ours");
    let plain = Server::start(fine()).await;
    let http2 = Http2::start(authority.server("localhost", 4000, &[b"h2"]), Duration::ZERO).await;
    let rig = Rig::trusting(authority.roots());
    let lanes = [&plain.url(), &http2.url].map(|url| rig.open_as(7, &to_webhook(url)));
    until("connected", || plain.open() == WARM && http2.open() == 1).await;
    for (lane, worker) in lanes {
        lane.close();
        worker.await.unwrap();
        // The app may keep its half for as long as it likes.
        until("closed", || if lane.health().warm { false } else { plain.open() == 0 || http2.open() == 0 }).await;
    }
    until("closed", || plain.open() == 0 && http2.open() == 0).await;
}

/// A measurement and no test: `cargo test --release --test it warm_post -- --ignored --nocapture`. Prints how long a request on a warm
/// connection takes from the offer to its last byte at the receiver, and to the report.
#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_a_warm_post_takes() {
    const ROUNDS: usize = 3_000;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (arrived, arrivals) = std::sync::mpsc::sync_channel(ROUNDS * 2);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, arrived) = (stream.unwrap(), arrived.clone());
            std::thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                let mut buffer = [0; 8192];
                let mut filled = 0;
                while let Ok(read) = stream.read(&mut buffer[filled..]) {
                    filled += read;
                    if read == 0 {
                        break;
                    }
                    if buffer[..filled].ends_with(b"}") {
                        arrived.send(Instant::now()).unwrap();
                        filled = 0;
                        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
                    }
                }
            });
        }
    });
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&url));
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for n in 0..ROUNDS {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let delivery = rig.delivery(&n.to_string(), for_webhook("x"));
        let offered = Instant::now();
        put(&lane, delivery);
        assert_eq!(rig.report().await.outcome.name(), "delivered");
        back.push(offered.elapsed());
        there.push(arrivals.recv().unwrap() - offered);
    }
    for (what, mut took) in [("to the receiver", there), ("to the report", back)] {
        took.sort();
        println!("{what}: p50 {:?} p90 {:?} p99 {:?}", took[ROUNDS / 2], took[ROUNDS * 9 / 10], took[ROUNDS * 99 / 100]);
    }
}
