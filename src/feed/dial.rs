//! Target → one open WebSocket, or why there is none: name, TCP, TLS, upgrade, all within one time limit.
//!
//! The upgrade is ours and not tungstenite's for three reasons: tungstenite insists on the subprotocol that it expects (PROTOCOL 1.2 does not
//! know which one comes back, if any), it writes the whole request with the key into the log at TRACE, and it reads an answer of any length.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::Host;

use super::ahead::Ahead;
use super::close::Loss;
use super::target::Target;
use crate::model::host::is_private;
use crate::model::limits::MESSAGE_BYTES;
use crate::model::time::Timestamp;

/// Bytes of the answer's head that are read before it is no answer.
const HEAD_BYTES: usize = 16 * 1024;
/// Header lines of the answer.
const HEAD_LINES: usize = 64;
/// Addresses of one name that are tried.
const ADDRESSES: usize = 16;
/// What one connection reads ahead; most envelopes are 1 to 4 KiB. So much is cleared before each read, also of one that finds nothing.
const READ_AHEAD: usize = 8 * 1024;

/// TCP or TLS over it.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Ahead<Box<dyn Wire>>>;

/// A connection that has just been opened.
pub(super) struct Dialled {
    pub(super) socket: Socket,
    pub(super) peer: SocketAddr,
    pub(super) took: Duration,
    /// What the feed's clock said when it answered, if it said so; in whole seconds.
    pub(super) date: Option<Timestamp>,
}

/// Connects within `limit`.
pub(super) async fn dial(target: Arc<Target>, tls: Arc<rustls::ClientConfig>, limit: Duration) -> Result<Dialled, Loss> {
    let begun = Instant::now();
    let attempt = async {
        let (wire, peer) = connect(&target, tls, limit).await?;
        let (socket, date) = upgrade(&target, wire).await?;
        Ok(Dialled { socket, peer, took: begun.elapsed(), date })
    };
    timeout(limit, attempt).await.unwrap_or_else(|_| Err(Loss::TooSlow { at: target.at.clone(), limit }))
}

async fn connect(target: &Target, tls: Arc<rustls::ClientConfig>, limit: Duration) -> Result<(Box<dyn Wire>, SocketAddr), Loss> {
    let tcp = reach(target, limit).await?;
    let insecure = |why| Loss::Insecure { at: target.at.clone(), why };
    let peer = tcp.peer_addr().map_err(Loss::Broken)?;
    if !target.secure {
        return Ok((Box::new(tcp), peer));
    }
    let name = ServerName::try_from(target.host.clone()).map_err(|error| insecure(io::Error::other(error)))?;
    let stream = TlsConnector::from(tls).connect(name, tcp).await.map_err(insecure)?;
    Ok((Box::new(stream), peer))
}

/// Every address of the name gets its share of the time, so that a dead first one does not take it all.
async fn reach(target: &Target, limit: Duration) -> Result<TcpStream, Loss> {
    let found = lookup_host((target.host.as_str(), target.port)).await;
    let addresses = usable(target, found.map(|found| found.take(ADDRESSES).collect()))?;
    let share = limit / u32::try_from(addresses.len()).unwrap_or(1);
    let mut why = io::Error::from(io::ErrorKind::TimedOut);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                tcp.set_nodelay(true).map_err(Loss::Broken)?;
                return Ok(tcp);
            }
            Ok(Err(error)) => why = error,
            Err(_) => why = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(Loss::Unreachable { at: target.at.clone(), why })
}

/// Without TLS only addresses of this machine and of private networks: the name may be anybody's.
fn usable(target: &Target, found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, Loss> {
    let unresolved = |why| Loss::Unresolved { host: target.host.clone(), why };
    let mut addresses = found.map_err(unresolved)?;
    if addresses.is_empty() {
        return Err(unresolved(io::Error::other("it has no address")));
    }
    let host = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(v4) => Host::<&str>::Ipv4(v4),
        IpAddr::V6(v6) => Host::Ipv6(v6),
    };
    addresses.retain(|address| target.secure || is_private(&host(address)));
    if addresses.is_empty() { Err(Loss::InClear { host: target.host.clone() }) } else { Ok(addresses) }
}

async fn upgrade(target: &Target, mut wire: Box<dyn Wire>) -> Result<(Socket, Option<Timestamp>), Loss> {
    let nonce = generate_key();
    wire.write_all(target.request(&nonce).expose().as_bytes()).await.map_err(Loss::Broken)?;
    wire.flush().await.map_err(Loss::Broken)?;
    let mut answer = Vec::with_capacity(1024);
    let head = loop {
        if let Some(length) = check(target, &answer, &nonce)? {
            break length;
        }
        if answer.len() >= HEAD_BYTES {
            return Err(not_a_feed(target, "its answer has no end"));
        }
        let room = HEAD_BYTES - answer.len();
        if (&mut wire).take(room as u64).read_buf(&mut answer).await.map_err(Loss::Broken)? == 0 {
            return Err(not_a_feed(target, "it hung up on our request"));
        }
    };
    let tail = answer.split_off(head);
    let date = date(&answer);
    // Not as what tungstenite calls partially read: then its buffer has no room of its own, and it asks the system for every single frame.
    Ok((WebSocketStream::from_raw_socket(Ahead::new(wire, tail), Role::Client, Some(config())).await, date))
}

/// Bounded in all directions: messages, frames and what waits to be written.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES))
        .read_buffer_size(READ_AHEAD)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * 1024)
}

fn not_a_feed(target: &Target, what: &'static str) -> Loss {
    Loss::NotAFeed { at: target.at.clone(), what }
}

/// The `Date` of an answer's whole head.
fn date(answer: &[u8]) -> Option<Timestamp> {
    let mut lines = [httparse::EMPTY_HEADER; HEAD_LINES];
    let mut head = httparse::Response::new(&mut lines);
    head.parse(answer).ok()?;
    let date = head.headers.iter().find(|line| line.name.eq_ignore_ascii_case("Date"))?;
    let date = httpdate::parse_http_date(std::str::from_utf8(date.value).ok()?.trim()).ok()?;
    let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(i64::try_from(since.as_millis()).ok()?))
}

/// The length of the answer's head once it is whole and right; `None` while it is incomplete.
fn check(target: &Target, answer: &[u8], nonce: &str) -> Result<Option<usize>, Loss> {
    let mut lines = [httparse::EMPTY_HEADER; HEAD_LINES];
    let mut head = httparse::Response::new(&mut lines);
    let length = match head.parse(answer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(not_a_feed(target, "its answer is not HTTP")),
    };
    match head.code {
        Some(101) => {}
        Some(status) => return Err(Loss::Refused { status }),
        None => return Err(not_a_feed(target, "its answer has no status")),
    }
    let values = |name: &'static str| {
        let named = head.headers.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        named.filter_map(|line| std::str::from_utf8(line.value).ok()).flat_map(|value| value.split(',')).map(str::trim)
    };
    let says = |name, word: &str| values(name).any(|value| value.eq_ignore_ascii_case(word));
    let wrong = if !says("Upgrade", "websocket") || !says("Connection", "Upgrade") {
        Some("it does not switch to WebSocket")
    } else if !values("Sec-WebSocket-Accept").any(|value| value == derive_accept_key(nonce.as_bytes())) {
        Some("its Sec-WebSocket-Accept is wrong")
    } else if values("Sec-WebSocket-Extensions").any(|value| !value.is_empty()) {
        Some("it uses a WebSocket extension that we did not offer")
    } else if values("Sec-WebSocket-Protocol").any(|value| !target.offered(value)) {
        Some("it selected a subprotocol that we did not offer")
    } else {
        None
    };
    wrong.map_or(Ok(Some(length)), |what| Err(not_a_feed(target, what)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;
    use crate::rules::ruleset::Auth;

    const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    fn target() -> Target {
        Target::new("wss://host/ws", &Secret::new("canary_key"), Auth::Subprotocol).unwrap()
    }

    fn checked(head: &str) -> Result<Option<usize>, String> {
        check(&target(), head.as_bytes(), NONCE).map_err(|loss| {
            let shown = format!("{loss} {loss:?}");
            assert!(!shown.contains("canary"), "{shown}");
            loss.to_string()
        })
    }

    #[test]
    fn without_tls_a_public_address_is_not_used_whatever_its_name() {
        let target = |url| Target::new(url, &Secret::new("canary_key"), Auth::Subprotocol).unwrap();
        let found = |addresses: &[&str]| Ok(addresses.iter().map(|address| address.parse().unwrap()).collect());
        let (public, private) = ("93.184.216.34:80", "10.1.2.3:80");
        let clear = target("ws://feed.internal/ws");
        assert_eq!(usable(&clear, found(&[public, private])).unwrap(), [private.parse().unwrap()]);
        assert!(matches!(usable(&clear, found(&[public])), Err(Loss::InClear { .. })));
        assert_eq!(usable(&target("wss://feed.example/ws"), found(&[public])).unwrap(), [public.parse().unwrap()]);
        assert!(matches!(usable(&clear, found(&[])), Err(Loss::Unresolved { .. })));
        assert!(matches!(usable(&clear, Err(io::Error::other("NXDOMAIN"))), Err(Loss::Unresolved { .. })));
    }

    #[test]
    fn either_subprotocol_or_none_may_come_back() {
        for echo in
            ["", "Sec-WebSocket-Protocol: tweetstream.v1\r\n", "sec-websocket-protocol: tweetstream.auth.token.canary_key\r\n"]
        {
            let head = format!("{GOOD}{echo}\r\n");
            assert_eq!(checked(&format!("{head}\x01\x02")), Ok(Some(head.len())), "{echo}");
        }
    }

    #[test]
    fn the_feeds_clock_is_read_where_it_shows_one() {
        let ms = |line: &str| date(format!("{GOOD}{line}\r\n").as_bytes()).map(Timestamp::as_millis);
        assert_eq!(ms("date: Wed, 17 Jun 2026 12:40:00 GMT\r\n"), Some(1_781_700_000_000));
        for none in ["", "Date: soon\r\n", "Date: \r\n", "Date: Wed, 17 Jun 99999 12:40:00 GMT\r\n"] {
            assert_eq!(ms(none), None, "{none}");
        }
    }

    #[test]
    fn headers_are_compared_as_lists_without_regard_to_case() {
        let head = GOOD.replace("Connection: Upgrade", "connection: keep-alive, upgrade").replace("websocket", "WebSocket");
        assert_eq!(checked(&format!("{head}\r\n")), Ok(Some(head.len() + 2)));
    }

    #[test]
    fn an_answer_is_incomplete_at_every_byte_before_its_end() {
        let head = format!("{GOOD}\r\n");
        for cut in 0..head.len() {
            assert_eq!(checked(&head[..cut]), Ok(None), "{cut}");
        }
    }

    #[test]
    fn wrong_answers_are_named() {
        for (head, expected) in [
            (format!("{GOOD}Sec-WebSocket-Protocol: graphql-ws\r\n\r\n"), "a subprotocol that we did not offer"),
            (
                format!("{GOOD}Sec-WebSocket-Protocol: tweetstream.auth.token.canary\r\n\r\n"),
                "a subprotocol that we did not offer",
            ),
            (
                format!("{GOOD}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
                "an extension|extension that we did not offer",
            ),
            (format!("{}\r\n", GOOD.replace("s3pP", "S3pP")), "Sec-WebSocket-Accept is wrong"),
            (format!("{}\r\n", GOOD.replace("Upgrade: websocket", "Upgrade: h2c")), "does not switch to WebSocket"),
            ("HTTP/1.1 301 Moved\r\nLocation: wss://evil/\r\n\r\n".into(), "HTTP status 301"),
            ("HTTP/1.1 401 Unauthorized\r\n\r\n".into(), "does not accept the API key"),
            ("SSH-2.0-OpenSSH_9.9\r\n".into(), "is not HTTP"),
            ("\x16\x03\x01".into(), "is not HTTP"),
        ] {
            let said = checked(&head).unwrap_err();
            assert!(expected.split('|').any(|part| said.contains(part)), "{said}");
        }
    }
}
