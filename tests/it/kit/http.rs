//! An HTTP/1.1 server small enough to misbehave on purpose: a handler in, requests recorded, answers given in the manner that the test asks for.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// One request, whole.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    /// Number of the connection, from zero.
    pub(crate) connection: usize,
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// How an answer is given.
#[derive(Clone, Debug, Default)]
pub(crate) enum Manner {
    #[default]
    Plain,
    /// After so long.
    Late(Duration),
    /// The request is read, then the connection ends without an answer.
    Close,
    /// The request is read, then the connection is reset.
    Reset,
    /// One byte of the head now and then.
    SlowHead,
    /// The head, then one byte of the body now and then.
    SlowBody,
    /// The head, then bytes for ever.
    Endless,
    /// A head that promises more than comes.
    Short,
    /// So many bytes of the answer, then the connection ends.
    CutAt(usize),
    /// The same, then the connection is reset.
    ResetAt(usize),
    /// These bytes instead of an answer.
    Raw(&'static [u8]),
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) manner: Manner,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), manner: Manner::Plain }
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, body.to_string()).with("content-type", "application/json")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn manner(manner: Manner) -> Self {
        Self { manner, ..Self::new(200, "ok") }
    }

    /// The bytes of a plain answer.
    pub(crate) fn whole(&self) -> Vec<u8> {
        [self.head(Some(self.body.len())).as_bytes(), &self.body].concat()
    }

    fn head(&self, length: Option<usize>) -> String {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(length) = length.filter(|_| self.status != 204 && self.status != 304 && self.status >= 200) {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        head + "\r\n"
    }
}

/// What happens to a new connection before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// Reset at once.
    Reset,
    /// Accepted and then ignored.
    Ignore,
    /// Reset after so many bytes.
    ResetAfter(usize),
    /// Says these bytes as soon as it hears something, reads nothing more, and closes.
    Say(&'static [u8]),
    /// Accepted, and closed before anything is heard.
    Close,
}

type Handler = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
    door: Arc<Mutex<Door>>,
    gauges: Arc<Gauges>,
    task: JoinHandle<()>,
}

/// What goes on at the moment.
#[derive(Default)]
struct Gauges {
    open: AtomicUsize,
    bytes: AtomicUsize,
    hang_up: Notify,
    /// How long a connection may lie idle.
    life: Mutex<Option<Duration>>,
    /// Connections that lay longer.
    idled: AtomicUsize,
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(Arc::new(handler), None, Duration::ZERO).await
    }

    /// Speaks https only.
    pub(crate) async fn start_tls(acceptor: TlsAcceptor, handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(Arc::new(handler), Some(acceptor), Duration::ZERO).await
    }

    /// Speaks https, but thinks for a while before each handshake.
    pub(crate) async fn start_slow_tls(
        acceptor: TlsAcceptor,
        pause: Duration,
        handler: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Arc::new(handler), Some(acceptor), pause).await
    }

    #[expect(clippy::disallowed_methods, reason = "a test server runs beside the test")]
    async fn serve(handler: Handler, acceptor: Option<TlsAcceptor>, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let received = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let door = Arc::new(Mutex::new(Door::Open));
        let (log, count, guard) = (Arc::clone(&received), Arc::clone(&connections), Arc::clone(&door));
        let gauges = Arc::new(Gauges::default());
        let all = Arc::clone(&gauges);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let door = *guard.lock().unwrap();
                let connection =
                    Connection { number, handler: Arc::clone(&handler), log: Arc::clone(&log), gauges: Arc::clone(&all) };
                let acceptor = acceptor.clone();
                let gauges = Arc::clone(&all);
                tokio::spawn(async move {
                    gauges.open.fetch_add(1, Ordering::SeqCst);
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    open(stream, acceptor, door, connection).await;
                    gauges.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, scheme, received, connections, door, gauges, task }
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT` with TLS, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}", self.scheme, self.address.port())
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Takes out what came, so that a long run need not keep it all.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.received.lock().unwrap())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.gauges.open.load(Ordering::SeqCst)
    }

    /// Bytes of requests that came, whole or not.
    pub(crate) fn bytes(&self) -> usize {
        self.gauges.bytes.load(Ordering::SeqCst)
    }

    /// Closes all connections that wait for a request.
    pub(crate) fn hang_up(&self) {
        self.gauges.hang_up.notify_waiters();
    }

    /// From the next request or connection on, ends what lies idle for so long.
    pub(crate) fn set_life(&self, life: Duration) {
        *self.gauges.life.lock().unwrap() = Some(life);
    }

    /// Connections that were ended because they lay idle.
    pub(crate) fn idled(&self) -> usize {
        self.gauges.idled.load(Ordering::SeqCst)
    }

    pub(crate) fn set_door(&self, door: Door) {
        *self.door.lock().unwrap() = door;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Connection {
    number: usize,
    handler: Handler,
    log: Arc<Mutex<Vec<Received>>>,
    gauges: Arc<Gauges>,
}

async fn open(mut stream: TcpStream, acceptor: Option<TlsAcceptor>, door: Door, connection: Connection) {
    match (door, acceptor) {
        (Door::Reset, _) => stream.set_zero_linger().unwrap(),
        (Door::Close, _) => {}
        (Door::Ignore, _) => {
            // Until the other side gives up.
            while more(&mut stream, &mut Vec::new()).await.is_some() {}
        }
        (Door::ResetAfter(bytes), _) => {
            let mut heard = Vec::new();
            while heard.len() < bytes && more(&mut stream, &mut heard).await.is_some() {}
            connection.gauges.bytes.fetch_add(heard.len(), Ordering::SeqCst);
            stream.set_zero_linger().unwrap();
        }
        (Door::Say(bytes), _) => {
            let mut heard = [0; 1];
            let read = stream.read(&mut heard).await.unwrap_or_default();
            connection.gauges.bytes.fetch_add(read, Ordering::SeqCst);
            let _ = stream.write_all(bytes).await;
        }
        (Door::Open, None) => {
            let reset = |stream: TcpStream| stream.set_zero_linger().unwrap();
            connection.talk(stream, reset).await;
        }
        (Door::Open, Some(acceptor)) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                connection.talk(stream, drop).await;
            }
        }
    }
}

impl Connection {
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(self, mut stream: S, reset: impl FnOnce(S)) {
        let mut buffer = Vec::new();
        loop {
            let life = *self.gauges.life.lock().unwrap();
            let request = tokio::select! {
                () = tokio::time::sleep(life.unwrap_or_default()), if life.is_some() => {
                    self.gauges.idled.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.shutdown().await;
                    return;
                }
                request = read(&mut stream, &mut buffer, self.number, &self.gauges.bytes) => request,
                () = self.gauges.hang_up.notified() => {
                    let _ = stream.shutdown().await;
                    return;
                }
            };
            let Some(request) = request else { return };
            let reply = (self.handler)(&request);
            self.log.lock().unwrap().push(request);
            let goes_on = answer(&mut stream, &reply).await;
            if matches!(reply.manner, Manner::Reset | Manner::ResetAt(_)) {
                return reset(stream);
            }
            if !goes_on {
                return;
            }
        }
    }
}

async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    connection: usize,
    bytes: &AtomicUsize,
) -> Option<Received> {
    let more = async |stream: &mut S, buffer: &mut Vec<u8>| {
        let read = more(stream, buffer).await?;
        bytes.fetch_add(read, Ordering::SeqCst);
        Some(())
    };
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse::<usize>());
    // Only what has a body has a length.
    let length = if method == "GET" { length.map_or(Some(0), Result::ok)? } else { length?.ok()? };
    while buffer.len() < end + 4 + length {
        more(stream, buffer).await?;
    }
    let body = buffer[end + 4..end + 4 + length].to_vec();
    buffer.drain(..end + 4 + length);
    Some(Received { at: Instant::now(), connection, method, path, headers, body })
}

async fn more<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<usize> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(read)
}

/// Whether the connection goes on.
async fn answer<S: AsyncWrite + Unpin>(stream: &mut S, reply: &Reply) -> bool {
    let whole = reply.whole();
    let done = match &reply.manner {
        Manner::Plain => stream.write_all(&whole).await.is_ok(),
        Manner::Late(pause) => {
            tokio::time::sleep(*pause).await;
            stream.write_all(&whole).await.is_ok()
        }
        Manner::Close | Manner::Reset => return false,
        Manner::CutAt(bytes) | Manner::ResetAt(bytes) => {
            let _ = stream.write_all(&whole[..*bytes]).await;
            return false;
        }
        Manner::Raw(bytes) => {
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            return false;
        }
        Manner::SlowHead => return trickle(stream, b"HTTP/1.1 200 OK\r\nx-slow: ", b'x').await,
        Manner::SlowBody => return trickle(stream, reply.head(Some(1_000_000)).as_bytes(), b' ').await,
        Manner::Endless => {
            let _ = stream.write_all(reply.head(Some(1 << 40)).as_bytes()).await;
            while stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {}
            return false;
        }
        Manner::Short => {
            let _ = stream.write_all(reply.head(Some(reply.body.len() + 10)).as_bytes()).await;
            let _ = stream.write_all(&reply.body).await;
            let _ = stream.shutdown().await;
            return false;
        }
    };
    done && stream.flush().await.is_ok()
}

async fn trickle<S: AsyncWrite + Unpin>(stream: &mut S, start: &[u8], then: u8) -> bool {
    let mut fine = stream.write_all(start).await.is_ok();
    while fine {
        tokio::time::sleep(Duration::from_millis(20)).await;
        fine = stream.write_all(&[then]).await.is_ok() && stream.flush().await.is_ok();
    }
    false
}
