//! What cannot be seen from outside: name servers that fail, and messages that are held back at the last moment.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::names::{Names, Question};
use super::*;

const BODY: &[u8] = b"buy!";

/// To `url`, whose name is looked up by `ask`.
fn client(url: &Url, ask: fn(String) -> Question) -> Client {
    client_trusting(rustls::RootCertStore::empty(), url, ask)
}

fn client_trusting(roots: rustls::RootCertStore, url: &Url, ask: fn(String) -> Question) -> Client {
    let tls = crate::tls::client_config_trusting(Arc::new(roots), &[]).unwrap();
    let profile = Profile {
        place: url.clone(),
        agent: "birdcall".to_owned(),
        timeout: limits::REQUEST_TIMEOUT,
        warm: 1,
        most: 64,
        scrub: Scrub::default(),
    };
    let mut place = Place::of(url, &tls);
    place.names = Names::asking(url.host_str().unwrap(), ask);
    Client::to(place, profile, Clock::system()).unwrap()
}

async fn send(client: &Client, url: &Url, gate: Gate) -> Result<u16, SendError> {
    let request =
        Request { method: Method::POST, url: Arc::new(url.clone()), headers: HeaderMap::new(), body: Bytes::from_static(BODY) };
    let not_after = client.clock.now().plus(Duration::from_secs(60));
    client.send(request, not_after, Arc::new(gate)).await.map(|answer| answer.status)
}

fn loopback() -> Question {
    Box::pin(std::future::ready(Ok(Arc::from([std::net::SocketAddr::from(([127, 0, 0, 1], 0))]))))
}

/// What a server has seen.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// Answers requests with 200, and closes after each if it is `closing`.
async fn serve(listener: TcpListener, closing: bool, seen: &Seen) {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                open.push(talk(accepted.unwrap().0, closing, seen));
            }
            Some(()) = open.next(), if !open.is_empty() => {}
        }
    }
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, closing: bool, seen: &Seen) {
    let mut heard = Vec::new();
    while stream.read_buf(&mut heard).await.is_ok_and(|read| read > 0) {
        if heard.ends_with(BODY) {
            seen.requests.fetch_add(1, Ordering::SeqCst);
            heard.clear();
            let close = if closing { "connection: close\r\n" } else { "" };
            let answer = format!("HTTP/1.1 200 OK\r\n{close}content-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            if closing {
                return;
            }
        }
    }
}

async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://bot.example:{}/hook", listener.local_addr().unwrap().port())).unwrap();
    (listener, url)
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_said() {
    let url = Url::parse("http://bot.example/hook").unwrap();
    let client = client(&url, |_| Box::pin(std::future::ready(Err("NXDOMAIN".into()))));
    let error = send(&client, &url, Gate::default()).await;
    assert_eq!(error, Err(SendError::NotSent("cannot connect: NXDOMAIN".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_name_server_that_stalls_costs_the_time_to_connect_and_is_asked_once() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let url = Url::parse("http://bot.example/hook").unwrap();
    let client = client(&url, |_| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    });
    let started = client.clock.elapsed();
    let all = futures_util::future::join_all((0..64).map(|_| send(&client, &url, Gate::default())));
    let words = tokio::select! {
        all = all => all,
        () = client.keep_warm() => unreachable!(),
    };
    let expected = Err(SendError::NotSent("cannot connect within 5s".to_owned()));
    assert!(words.iter().all(|result| *result == expected), "{words:?}");
    assert_eq!(client.clock.elapsed() - started, Duration::from_secs(5));
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_server_that_fails_later_delays_nothing() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let (listener, url) = listen().await;
    let client = client(&url, |_| match ASKED.fetch_add(1, Ordering::SeqCst) {
        0 => loopback(),
        1 => Box::pin(std::future::ready(Err("SERVFAIL".into()))),
        _ => Box::pin(std::future::pending()),
    });
    let seen = Seen::default();
    let began = tokio::time::Instant::now();
    let sending = async {
        for _ in 0..5 {
            assert_eq!(send(&client, &url, Gate::default()).await, Ok(200));
            client.pool.doubt_names();
        }
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    };
    tokio::select! {
        () = sending => {}
        () = client.keep_warm() => {}
        () = serve(listener, true, &seen) => {}
    }
    assert!(seen.connections.load(Ordering::SeqCst) >= 5, "each request had a connection of its own");
    assert!(ASKED.load(Ordering::SeqCst) >= 3, "it was asked again");
}

#[tokio::test]
async fn a_message_that_may_not_leave_does_not_and_its_connection_serves_the_next() {
    let (listener, url) = listen().await;
    let client = client(&url, |_| loopback());
    let seen = Seen::default();
    let armed = Arc::new(AtomicBool::new(false));
    let gate = || {
        let armed = Arc::clone(&armed);
        Gate::held_by(Box::new(move || armed.load(Ordering::SeqCst)))
    };
    let sending = async {
        assert_eq!(send(&client, &url, gate()).await, Err(SendError::Held));
        assert_eq!(seen.requests.load(Ordering::SeqCst), 0);
        armed.store(true, Ordering::SeqCst);
        assert_eq!(send(&client, &url, gate()).await, Ok(200));
    };
    tokio::select! {
        () = sending => {}
        () = client.drive() => {}
        () = serve(listener, false, &seen) => {}
    }
    assert_eq!((seen.connections.load(Ordering::SeqCst), seen.requests.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn a_request_for_another_place_is_not_sent_there() {
    let (listener, url) = listen().await;
    let client = client(&url, |_| loopback());
    let elsewhere = Url::parse("http://evil.example/hook").unwrap();
    assert!(matches!(send(&client, &elsewhere, Gate::default()).await, Err(SendError::NotSent(_))));
    assert!(futures_util::FutureExt::now_or_never(listener.accept()).is_none());
}

/// A certificate for `name` that vouches for itself; `roots` trusts it from now on.
fn acceptor(name: &str, roots: &mut rustls::RootCertStore) -> TlsAcceptor {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    roots.add(cert.der().clone()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap()))
}

/// Serves over TLS, or accepts and says nothing.
async fn serve_tls(listener: &TcpListener, acceptor: Option<&TlsAcceptor>, seen: &Seen) {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                open.push(async move {
                    let stream = accepted.unwrap().0;
                    let Some(acceptor) = acceptor else { return std::future::pending().await };
                    if let Ok(stream) = acceptor.accept(stream).await {
                        talk(stream, true, seen).await;
                    }
                });
            }
            Some(()) = open.next(), if !open.is_empty() => {}
        }
    }
}

fn at(hosts: &[u8]) -> Question {
    let found: Vec<_> = hosts.iter().map(|host| std::net::SocketAddr::from(([127, 0, 0, *host], 0))).collect();
    Box::pin(std::future::ready(Ok(Arc::from(found))))
}

/// Two addresses with the same port.
async fn two_listeners() -> (TcpListener, TcpListener, Url) {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        if let Ok(second) = TcpListener::bind(("127.0.0.2", port)).await {
            return (first, second, Url::parse(&format!("https://bot.example:{port}/hook")).unwrap());
        }
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn an_address_where_somebody_else_or_nobody_speaks_makes_way_for_the_next() {
    for is_silent in [false, true] {
        let (first, second, url) = two_listeners().await;
        let mut roots = rustls::RootCertStore::empty();
        let (right, wrong) = (acceptor("bot.example", &mut roots), acceptor("other.example", &mut roots));
        let client = client_trusting(roots, &url, |_| at(&[1, 2]));
        let (elsewhere, seen) = (Seen::default(), Seen::default());
        let began = tokio::time::Instant::now();
        tokio::select! {
            sent = send(&client, &url, Gate::default()) => assert_eq!(sent, Ok(200)),
            () = client.drive() => {}
            () = serve_tls(&first, Some(&wrong).filter(|_| !is_silent), &elsewhere) => {}
            () = serve_tls(&second, Some(&right), &seen) => {}
        }
        let took = began.elapsed();
        assert!(took < Duration::from_secs(if is_silent { 3 } else { 1 }), "{took:?}");
        assert_eq!((elsewhere.connections.load(Ordering::SeqCst), seen.requests.load(Ordering::SeqCst)), (1, 1));
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_service_that_has_moved_is_found_at_the_next_attempt() {
    static MOVED: AtomicBool = AtomicBool::new(false);
    // Another certificate at the old address, silence, and nothing.
    for (has_other, is_there) in [(true, true), (false, true), (false, false)] {
        MOVED.store(false, Ordering::SeqCst);
        let (first, second, url) = two_listeners().await;
        let mut roots = rustls::RootCertStore::empty();
        let (right, wrong) = (acceptor("bot.example", &mut roots), acceptor("other.example", &mut roots));
        let mut client = client_trusting(roots, &url, |_| at(if MOVED.load(Ordering::SeqCst) { &[2] } else { &[1] }));
        client.timeout = Duration::from_secs(1);
        let (old, new) = (Seen::default(), Seen::default());
        tokio::select! {
            sent = send(&client, &url, Gate::default()) => assert_eq!(sent, Ok(200)),
            () = client.drive() => {}
            () = serve_tls(&first, Some(&right), &old) => {}
        }
        assert_eq!(old.requests.load(Ordering::SeqCst), 1);
        MOVED.store(true, Ordering::SeqCst);
        let first = is_there.then_some(first);
        let sending = async {
            let lost = send(&client, &url, Gate::default()).await;
            assert!(matches!(lost, Err(SendError::NotSent(_))), "{lost:?}");
            assert_eq!(send(&client, &url, Gate::default()).await, Ok(200));
        };
        let strangers = async {
            match &first {
                Some(first) => serve_tls(first, Some(&wrong).filter(|_| has_other), &old).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sending => {}
            () = strangers => {}
            () = serve_tls(&second, Some(&right), &new) => {}
        }
        assert_eq!(new.requests.load(Ordering::SeqCst), 1);
    }
}
