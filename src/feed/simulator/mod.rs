//! A TweetStream server of our own, over real WebSockets: what PROTOCOL.md says of the real one, with traffic that never ends.
//!
//! ```text
//! Options ──bind──> Simulator ──run(stop)──> accept ─> connection ─> client
//!                       │         traffic ─────────────┤
//!                       └─handle──> Handle: a test sends, closes, cuts, freezes, refuses, and sees what clients offered and sent
//! ```
//!
//! The demo, `birdcall simulate` and the tests use it.

mod connection;
mod script;
pub mod traffic;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};

use script::{Command, Shared};
pub use script::{Handle, Offer, Received, Stats};
use traffic::Traffic;

use super::Text;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// How long a stopping simulator waits for its clients to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// A machine that slept longer than this is not sent what it missed.
const STALE: Duration = Duration::from_secs(5);

/// Where the simulator takes the time from: the real clock for people, any other for tests.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Which of the offered subprotocols is selected (PROTOCOL 1.2 does not know what the real one does).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Echo {
    /// `tweetstream.v1`.
    #[default]
    Version,
    /// The one that holds the key.
    Token,
    /// None, although some were offered.
    Nothing,
}

/// What kind of simulator it is.
#[derive(Clone)]
pub struct Options {
    /// The only key that is accepted; `None` accepts any key, but no absent one.
    pub key: Option<Secret>,
    /// Connections at the same time; further ones are refused with 429.
    pub connections: usize,
    /// Which subprotocol is selected.
    pub echo: Echo,
    /// Speaks TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Traffic from the first connection on; `None` is silent unless its [`Handle`] sends.
    pub traffic: Option<TrafficOptions>,
    /// The time that envelopes carry.
    pub clock: Clock,
}

/// What the traffic is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficOptions {
    /// The same seed and start tell the same story.
    pub seed: u64,
    /// Envelopes a second, on average.
    pub rate: f64,
}

impl Default for TrafficOptions {
    fn default() -> Self {
        Self { seed: 1, rate: traffic::RATE }
    }
}

impl Options {
    /// Any key, many connections, no TLS, no traffic.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { key: None, connections: 1_000, echo: Echo::default(), tls: None, traffic: None, clock }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Options");
        shown.field("key", &self.key).field("connections", &self.connections).field("echo", &self.echo);
        shown.field("tls", &self.tls.is_some()).field("traffic", &self.traffic).finish_non_exhaustive()
    }
}

/// A simulated TweetStream server, bound to its address.
#[derive(Debug)]
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Takes the address; port 0 takes a free one. Clients can connect from now on, but are answered by [`Simulator::run`] only.
    ///
    /// # Errors
    /// When the address cannot be taken.
    pub async fn bind(address: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, shared: Arc::new(Shared::new(options)) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What goes into `[feed] url`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.shared.options.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}/ws", self.address)
    }

    /// For scripts: sends and sees everything.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Serves until `stop`, then closes every connection with 1012 as a restarting server does.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut connections = JoinSet::new();
        let mut traffic = Ticker::new(&self.shared);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((tcp, _)) => self.welcome(tcp, &mut connections),
                    // Out of descriptors, mostly: let others finish.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
                Some(_) = connections.join_next() => {}
                text = traffic.next() => self.shared.tell(Command::Text(text)),
            }
        }
        self.shared.tell(Command::Close(1012, "restarting".to_owned()));
        let _ = timeout(GOODBYE, async { while connections.join_next().await.is_some() {} }).await;
    }

    fn welcome(&self, tcp: TcpStream, connections: &mut JoinSet<()>) {
        // Subscribed here, not in the task: what is sent after the client connected must reach it.
        let commands = self.shared.subscribe();
        connections.spawn(connection::serve(tcp, Arc::clone(&self.shared), commands));
    }
}

/// The traffic in real time.
struct Ticker<'a> {
    shared: &'a Shared,
    traffic: Option<Traffic>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<'a> Ticker<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self { shared, traffic: None, pause: None }
    }

    /// The next envelope, when it is due. Cancel-safe: it leaves the traffic only when it is returned.
    async fn next(&mut self) -> Text {
        let Some(options) = self.shared.options.traffic else { return std::future::pending().await };
        loop {
            if let Some(pause) = &mut self.pause {
                pause.await;
            }
            self.pause = None;
            if self.traffic.is_none() {
                self.shared.wait(|stats| stats.accepted > 0).await;
            }
            let now = (self.shared.options.clock)();
            let traffic = self.traffic.get_or_insert_with(|| Traffic::new(options.seed, options.rate, now));
            if now.since(traffic.due()) > STALE {
                traffic.skip_to(now);
            }
            let wait = traffic.due().since(now);
            if wait.is_zero() {
                return traffic.take().json.into();
            }
            self.pause = Some(Box::pin(sleep(wait)));
        }
    }
}
