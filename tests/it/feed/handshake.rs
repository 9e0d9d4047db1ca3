//! How connections begin: showing the key, TLS, and servers that are no feed.

use std::time::Duration;

use birdcall::feed::simulator::Echo;
use birdcall::feed::{Feed, Loss, Settings, SettingsError, Timers};
use birdcall::model::secret::Secret;
use birdcall::rules::ruleset::Auth;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::kit::feed::{Client, KEY, Rig, quick};
use crate::kit::tls::Authority;

#[tokio::test]
async fn every_way_to_show_the_key_with_every_echo() {
    for echo in [Echo::Version, Echo::Token, Echo::Nothing] {
        for auth in [Auth::Subprotocol, Auth::Bearer, Auth::Query] {
            let rig = Rig::echoing(echo).await;
            let mut client = Client::new(&rig.url, KEY, auth, quick());
            client.connected().await;
            rig.handle.send("hello");
            assert_eq!(client.frame().await, "hello", "{echo:?} {auth:?}");
        }
    }
}

#[tokio::test]
async fn what_the_feed_is_offered() {
    let rig = Rig::plain().await;
    for auth in [Auth::Subprotocol, Auth::Bearer, Auth::Query] {
        Client::new(&rig.url, KEY, auth, quick()).connected().await;
    }
    let offers = rig.handle.offers();
    let [pair, bearer, query] = offers.as_slice() else { panic!("{offers:?}") };
    let both = format!("tweetstream.v1, tweetstream.auth.token.{KEY}");
    assert_eq!((pair.path.as_str(), pair.header("sec-websocket-protocol")), ("/ws", Some(both.as_str())));
    assert_eq!(pair.header("authorization"), None);
    assert_eq!(bearer.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!((bearer.path.as_str(), bearer.header("sec-websocket-protocol")), ("/ws", Some("tweetstream.v1")));
    assert_eq!(query.path, format!("/ws?apiKey={KEY}"));
    for offer in &offers {
        assert_eq!(offer.header("host"), Some(rig.address.to_string().as_str()));
        assert_eq!(offer.header("sec-websocket-extensions"), None, "no compression, so no compressed bombs");
        assert!(offer.header("user-agent").is_some_and(|agent| agent.starts_with("birdcall/")));
    }
}

#[tokio::test]
async fn tls_with_a_trusted_certificate() {
    let authority = Authority::new("ours");
    let rig = Rig::start(|options| options.tls = Some(authority.server_config("127.0.0.1", 2099, &[]))).await;
    assert!(rig.url.starts_with("wss://127.0.0.1:"));
    let by_name = format!("wss://localhost:{}/ws", rig.address.port());
    let mut client = Client::trusting(&rig.url, KEY, Auth::Subprotocol, quick(), authority.client().clone());
    client.connected().await;
    rig.handle.send("in private");
    assert_eq!(client.frame().await, "in private");

    let mut other = Client::trusting(&by_name, KEY, Auth::Subprotocol, quick(), authority.client().clone());
    let (why, _) = other.lost().await;
    assert!(matches!(why, Loss::Insecure { .. }), "the certificate is for another name: {why}");
    assert_eq!(rig.handle.offers().len(), 1, "no byte of the request was sent");
}

#[tokio::test]
async fn tls_with_an_unknown_authority_sends_nothing() {
    let rig = Rig::start(|options| options.tls = Some(Authority::new("ours").server_config("127.0.0.1", 2099, &[]))).await;
    let stranger = Authority::new("ours");
    let mut client = Client::trusting(&rig.url, KEY, Auth::Subprotocol, quick(), stranger.client().clone());
    let (why, _) = client.lost().await;
    assert!(why.to_string().starts_with("no secure connection to 127.0.0.1:"), "{why}");
    assert!(why.to_string().contains("invalid peer certificate"), "{why}");
    assert!(rig.handle.offers().is_empty());
}

#[tokio::test]
async fn wss_never_falls_back_to_clear() {
    let rig = Rig::plain().await;
    let mut client = Client::new(&rig.url.replace("ws://", "wss://"), KEY, Auth::Subprotocol, quick());
    let (why, _) = client.lost().await;
    assert!(matches!(why, Loss::Insecure { .. }), "{why:?}");
    assert!(rig.handle.offers().is_empty());
}

#[tokio::test]
async fn nobody_at_home() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (why, _) = Client::new(&format!("ws://{address}/ws"), KEY, Auth::Bearer, quick()).lost().await;
    assert!(why.to_string().starts_with(&format!("cannot connect to {address}: ")), "{why}");
}

#[tokio::test]
async fn a_feed_that_starts_later_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut client = Client::new(&format!("ws://{address}/ws"), KEY, Auth::Bearer, quick());
    client.lost().await;
    let answering = TcpListener::bind(address).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(answering.accept().await) });
    // Refused again or hung up on: either way somebody was asked again.
    loop {
        if matches!(client.lost().await.0, Loss::NotAFeed { .. } | Loss::Broken(_)) {
            break;
        }
    }
}

#[tokio::test]
async fn wrong_settings_are_found_before_anything_is_sent() {
    let settings = |url: &str, key: &str| Settings {
        url: url.to_owned(),
        key: Secret::new(key),
        auth: Auth::Subprotocol,
        tls: Authority::new("ours").client(),
        jitter_seed: 1,
    };
    assert_eq!(Feed::new(settings("http://127.0.0.1/", KEY)).err(), Some(SettingsError::Scheme));
    assert_eq!(Feed::new(settings("wss://127.0.0.1/", "two words")).err(), Some(SettingsError::Key("subprotocol")));
}

/// A server of raw TCP: reads the request, then does what it is told.
async fn raw<F>(answer: impl Fn(TcpStream, String) -> F + Send + Sync + 'static) -> (String, JoinSet<()>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = tcp.read(&mut request).await.unwrap_or(0);
            if length > 0 {
                answer(tcp, String::from_utf8_lossy(&request[..length]).into_owned()).await;
            }
        }
    });
    (url, tasks)
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_the_time_limit_and_no_more() {
    let (url, _tasks) = raw(|tcp, _| async move {
        sleep(Duration::from_secs(30)).await;
        drop(tcp);
    })
    .await;
    let limit = Duration::from_millis(100);
    let mut client = Client::new(&url, KEY, Auth::Subprotocol, Timers { handshake: limit, ..quick() });
    let begun = Instant::now();
    let (why, _) = client.lost().await;
    assert!(matches!(why, Loss::TooSlow { .. }) && why.to_string().ends_with("within 0.1 s"), "{why}");
    assert!((limit..limit * 20).contains(&begun.elapsed()));
}

#[tokio::test]
async fn a_server_that_answers_byte_by_byte_costs_the_time_limit_and_no_more() {
    let (url, _tasks) = raw(|mut tcp, _| async move {
        for byte in b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n".iter().cycle() {
            if tcp.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut client = Client::new(&url, KEY, Auth::Subprotocol, Timers { handshake: Duration::from_millis(150), ..quick() });
    assert!(matches!(client.lost().await.0, Loss::TooSlow { .. }));
}

#[tokio::test]
async fn answers_that_are_none() {
    for (answer, says) in [
        ("", "it hung up on our request"),
        ("220 mail.example ESMTP\r\n", "its answer is not HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP status 200"),
        (
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
            "Sec-WebSocket-Accept is wrong",
        ),
    ] {
        let (url, _tasks) = raw(move |mut tcp, _| async move { drop(tcp.write_all(answer.as_bytes()).await) }).await;
        let (why, _) = Client::new(&url, KEY, Auth::Subprotocol, quick()).lost().await;
        assert!(why.to_string().contains(says), "{why}");
    }
}

#[tokio::test]
async fn frames_in_the_same_packet_as_the_answer_are_not_lost() {
    let (url, _tasks) = raw(|mut tcp, request| async move {
        let nonce = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
        let accept = derive_accept_key(nonce.as_bytes());
        let head =
            format!("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        let frames = b"\x81\x05first\x81\x06second\x81\x05th";
        drop(tcp.write_all(&[head.as_bytes(), frames].concat()).await);
        drop(tcp.write_all(b"ird").await);
    })
    .await;
    let mut client = Client::new(&url, KEY, Auth::Subprotocol, quick());
    client.connected().await;
    for expected in ["first", "second", "third"] {
        assert_eq!(client.frame().await, expected);
    }
}

#[tokio::test]
async fn headers_without_end_are_not_read_to_the_end() {
    let (url, _tasks) = raw(|mut tcp, _| async move {
        let line = format!("X-Long: {}\r\n", "y".repeat(1_000));
        if tcp.write_all(b"HTTP/1.1 101 X\r\n").await.is_ok() {
            while tcp.write_all(line.as_bytes()).await.is_ok() {}
        }
    })
    .await;
    let (why, _) = Client::new(&url, KEY, Auth::Subprotocol, quick()).lost().await;
    assert!(why.to_string().ends_with("its answer has no end"), "{why}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("HTTP/1.1 302 Found\r\nLocation: ws://{}/ws\r\n\r\n", elsewhere.local_addr().unwrap());
    let (url, _tasks) = raw(move |mut tcp, _| {
        let location = location.clone();
        async move { drop(tcp.write_all(location.as_bytes()).await) }
    })
    .await;
    let mut client = Client::new(&url, KEY, Auth::Subprotocol, quick());
    assert!(client.lost().await.0.to_string().contains("HTTP status 302"));
    client.lost().await;
    tokio::select! {
        biased;
        visited = elsewhere.accept() => panic!("{visited:?}"),
        () = sleep(Duration::from_millis(20)) => {}
    }
}
