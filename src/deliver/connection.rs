//! Where to, and who is there → one connection, open and ready for HTTP: addresses tried side by side, TCP, TLS, the protocol agreed on.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::names::Names;
use super::nowhere::Nowhere;
use crate::model::limits;

/// One address gets so much of a head start before the next is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);
/// The same for one that has answered, until TLS is agreed on: it takes several times as long.
const TLS_HEAD_START: Duration = Duration::from_secs(1);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 16;
/// Signs of life that a silent peer owes us before it counts as gone, and the pause between them.
const PROBES: u32 = 3;
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The one place that a lane connects to.
pub(crate) struct Place {
    pub(crate) host: String,
    port: u16,
    tls: Option<TlsConnector>,
    pub(crate) names: Names,
    is_nowhere: bool,
}

/// Open and ready.
pub(crate) struct Reached {
    pub(crate) stream: Box<dyn Stream>,
    /// Another handle of the socket, if the peer has chosen HTTP/2.
    pub(crate) http2: Option<socket2::Socket>,
    pub(crate) sight: Sight,
}

impl Place {
    /// Where requests to `url` go.
    pub(crate) fn of(url: &Url, tls: &Arc<ClientConfig>) -> Self {
        let (host, names) = match url.host() {
            Some(Host::Ipv4(v4)) => (v4.to_string(), Names::known(v4.into())),
            Some(Host::Ipv6(v6)) => (v6.to_string(), Names::known(v6.into())),
            Some(Host::Domain(name)) => (name.to_owned(), Names::of(name)),
            None => (String::new(), Names::of("")),
        };
        let tls = (url.scheme() == "https").then(|| TlsConnector::from(Arc::clone(tls)));
        Self { host, port: url.port_or_known_default().unwrap_or_default(), tls, names, is_nowhere: false }
    }

    /// Nobody is there, and nothing leaves: for a rehearsal.
    pub(crate) fn nowhere() -> Self {
        let names = Names::known(std::net::Ipv4Addr::LOCALHOST.into());
        Self { host: String::new(), port: 0, tls: None, names, is_nowhere: true }
    }

    /// HTTP/2 is agreed on in TLS; without it nobody speaks it.
    pub(crate) fn may_speak_http2(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.config().alpn_protocols.iter().any(|protocol| protocol == b"h2"))
    }

    /// Connects: an address that does not answer, or not as the one we want, makes way for the next. The caller knows how long to wait,
    /// and doubts the name when nothing comes of it; then the next time the name is asked for anew, beside trying what is known.
    pub(crate) async fn dial(&self) -> io::Result<Reached> {
        if self.is_nowhere {
            return Ok(Reached { stream: Box::new(Nowhere::default()), http2: None, sight: Sight::default() });
        }
        let addresses = in_turns(self.names.addresses().await?, self.port);
        let mut race = Race::between(addresses.clone());
        let (mut news, mut has_news, mut is_told) = (pin!(self.names.news()), false, false);
        let (mut agreeing, mut why) = (FuturesUnordered::new(), None);
        loop {
            let head_start = if agreeing.is_empty() || has_news { Duration::ZERO } else { TLS_HEAD_START };
            tokio::select! {
                biased;
                Some(agreed) = agreeing.next(), if !agreeing.is_empty() => match agreed {
                    Ok(reached) => {
                        self.names.trust();
                        return Ok(reached);
                    }
                    // Somebody is there, but not who we want: that says more than that somebody else is not there.
                    Err(error) => why = Some(error),
                },
                found = &mut news, if !is_told => {
                    is_told = true;
                    let mut found = in_turns(found, self.port);
                    found.retain(|address| !addresses.contains(address));
                    has_news = !found.is_empty();
                    race.prefer(found);
                }
                tcp = race.next_after(head_start), if !race.is_over() => match tcp {
                    Ok(tcp) => agreeing.push(self.agree(tcp)),
                    Err(error) => why = why.or(Some(error)),
                },
                else => return Err(why.unwrap_or_else(|| io::Error::other("the name has no address"))),
            }
        }
    }

    /// TLS, if it is to be, and the protocol.
    async fn agree(&self, tcp: TcpStream) -> io::Result<Reached> {
        tcp.set_nodelay(true)?;
        let alive = TcpKeepalive::new().with_time(limits::KEEP_ALIVE).with_interval(PROBE_EVERY).with_retries(PROBES);
        SockRef::from(&tcp).set_tcp_keepalive(&alive)?;
        let sight = Sight::default();
        let wire = Wire { tcp, sight: sight.clone(), deaf: false };
        let Some(tls) = &self.tls else {
            return Ok(Reached { stream: Box::new(wire), http2: None, sight });
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = tls.connect(name, wire).await?;
        let (wire, session) = stream.get_ref();
        let http2 = match session.alpn_protocol() {
            Some(b"h2") => Some(SockRef::from(&wire.tcp).try_clone()?),
            _ => None,
        };
        Ok(Reached { stream: Box::new(stream), http2, sight })
    }
}

/// IPv6 and IPv4 by turns, the first family first, so that one that leads nowhere holds up only itself.
fn in_turns(found: Vec<SocketAddr>, port: u16) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    first.truncate(ADDRESSES);
    second.truncate(ADDRESSES);
    let mut second = second.into_iter();
    let mut turns = Vec::with_capacity(ADDRESSES);
    for address in first {
        turns.push(address);
        turns.extend(second.next());
    }
    turns.extend(second);
    turns.truncate(ADDRESSES);
    turns.iter_mut().for_each(|address| address.set_port(port));
    turns
}

/// Addresses tried side by side. The next one starts when the one before has failed, or has had its head start.
struct Race {
    waiting: VecDeque<SocketAddr>,
    trying: FuturesUnordered<Connecting>,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl Race {
    fn between(addresses: Vec<SocketAddr>) -> Self {
        Self { waiting: addresses.into(), trying: FuturesUnordered::new() }
    }

    /// Tries these before what waits.
    fn prefer(&mut self, addresses: Vec<SocketAddr>) {
        addresses.into_iter().rev().for_each(|address| self.waiting.push_front(address));
    }

    /// Nothing is left to try.
    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.trying.is_empty()
    }

    fn start_next(&mut self) {
        self.trying.extend(self.waiting.pop_front().map(|address| -> Connecting { Box::pin(TcpStream::connect(address)) }));
    }

    /// The next that answers, or why none does. Begins after a while. Loses nothing when it is dropped.
    async fn next_after(&mut self, head_start: Duration) -> io::Result<TcpStream> {
        if !head_start.is_zero() {
            tokio::time::sleep(head_start).await;
        }
        if self.trying.is_empty() {
            self.start_next();
        }
        let mut why = io::Error::other("the name has no address");
        loop {
            let has_next = !self.waiting.is_empty();
            tokio::select! {
                biased;
                tried = self.trying.next(), if !self.trying.is_empty() => match tried {
                    Some(Ok(tcp)) => return Ok(tcp),
                    Some(Err(error)) => {
                        why = error;
                        self.start_next();
                    }
                    None => {}
                },
                () = tokio::time::sleep(HEAD_START), if has_next => self.start_next(),
                else => return Err(why),
            }
        }
    }
}

/// Makes the next read of a connection ask the kernel itself. The run time may know only later that a peer has hung up: it looks at its
/// sockets now and then, and a request written in between would be lost.
#[derive(Clone, Default)]
pub(crate) struct Sight(Arc<AtomicBool>);

impl Sight {
    pub(crate) fn sharpen(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// TCP that tells what came before it tells that nothing more can be written: an answer that was sent before the peer hung up is an answer.
struct Wire {
    tcp: TcpStream,
    sight: Sight,
    /// The peer takes nothing more.
    deaf: bool,
}

impl Wire {
    fn written(&mut self, result: io::Result<usize>, length: usize) -> io::Result<usize> {
        let hung_up = |error: &io::Error| matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
        match result {
            // What the peer said last, or that it said nothing, comes from reading.
            Err(error) if hung_up(&error) => {
                self.deaf = true;
                Ok(length)
            }
            result => result,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A look first: to read, all of the buffer must be cleared.
        if self.sight.0.swap(false, Ordering::Relaxed) && has_unread(&SockRef::from(&self.tcp)) {
            let mut socket: &socket2::Socket = &SockRef::from(&self.tcp);
            match socket.read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(Ok(buf.len()));
        }
        let result = ready!(Pin::new(&mut self.tcp).poll_write(cx, buf));
        Poll::Ready(self.written(result, buf.len()))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length = bufs.iter().map(|buf| buf.len()).sum();
        if self.deaf {
            return Poll::Ready(Ok(length));
        }
        let result = ready!(Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs));
        Poll::Ready(self.written(result, length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// Whether there is anything that the run time has not read yet: bytes, an end, an error.
pub(crate) fn has_unread(socket: &socket2::Socket) -> bool {
    let mut byte = [std::mem::MaybeUninit::uninit()];
    !matches!(socket.peek(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns_and_a_thousand_addresses_are_not_all_tried() {
        let of = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = vec![of("[::1]:0"), of("[::2]:0"), of("[::3]:0"), of("10.0.0.1:0")];
        let expected = [of("[::1]:443"), of("10.0.0.1:443"), of("[::2]:443"), of("[::3]:443")];
        assert_eq!(in_turns(found, 443), expected);
        let many = (0..1_000_u32).map(|n| SocketAddr::from((std::net::Ipv4Addr::from(n), 0))).collect();
        assert_eq!(in_turns(many, 1).len(), ADDRESSES);
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
        let mut race = Race::between(vec![closed, listener.local_addr().unwrap()]);
        let tcp = tokio::time::timeout(HEAD_START, race.next_after(Duration::ZERO)).await.unwrap().unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), listener.local_addr().unwrap());
        assert!(race.is_over());
        let refused = Race::between(vec![closed]).next_after(Duration::ZERO).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(Race::between(Vec::new()).is_over());
    }

    #[tokio::test]
    async fn what_a_peer_said_before_it_hung_up_on_us_is_heard_although_nothing_more_can_be_written() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut wire = Wire { tcp, sight: Sight::default(), deaf: false };
        let (mut peer, _) = listener.accept().unwrap();
        wire.write_all(b"a request that nobody reads").await.unwrap();
        std::io::Write::write_all(&mut peer, b"no").unwrap();
        // With something unread this is a reset.
        drop(peer);
        wire.write_all(b"its second part").await.unwrap();
        wire.write_all(b"its third part").await.unwrap();
        let mut said = [0; 2];
        wire.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"no");
        assert!(wire.read(&mut said).await.map_or(0, |read| read) == 0);
    }

    #[tokio::test]
    async fn a_sharp_eye_sees_an_end_that_the_run_time_has_not_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (sight, mut read) = (Sight::default(), [0; 8]);
        let mut wire = Wire { tcp, sight: sight.clone(), deaf: false };
        let mut poll = |wire: &mut Wire| {
            let mut buffer = ReadBuf::new(&mut read);
            Pin::new(wire).poll_read(&mut Context::from_waker(std::task::Waker::noop()), &mut buffer).is_ready()
        };
        sight.sharpen();
        assert!(!poll(&mut wire), "nothing has ended");
        drop(listener.accept().unwrap());
        assert!(!poll(&mut wire));
        sight.sharpen();
        assert!(poll(&mut wire));
    }
}
