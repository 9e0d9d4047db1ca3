//! A TweetStream server of our own, over real WebSockets: what PROTOCOL.md says of the real one, with traffic that never ends.
//!
//! ```text
//! Options ──bind──> Simulator ──run(stop)──> accept ─> connection ─> client
//!                       │         ticker ──────────────┤
//!                       │                           archive ─> history ─> client
//!                       └─handle──> Handle: a test sends, closes, cuts, freezes, refuses, and sees what clients offered and sent
//! ```
//!
//! With [`Options::history`] it keeps what it sends, whether anybody receives it or not, and serves it as the history API does.
//!
//! The demo, `birdcall simulate` and the tests use it.

mod archive;
mod connection;
mod history;
mod script;
mod ticker;
pub mod traffic;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use archive::Column;
pub use history::{HistoryAnswer, HistoryOptions, HistoryRequest};
use script::{Command, Shared};
pub use script::{Handle, Offer, Received, Stats};
use ticker::Ticker;

use super::Text;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// How long a stopping simulator waits for its clients to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

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
    /// Frames that are sent one after the other from the first connection on, besides the traffic, and then no more.
    pub recording: Option<Recording>,
    /// Serves the history API too, of everything that is sent.
    pub history: Option<HistoryOptions>,
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

/// Frames to send.
#[derive(Clone, PartialEq)]
pub struct Recording {
    /// Whole frames, in order.
    pub frames: Arc<[Text]>,
    /// How many a second.
    pub rate: f64,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("frames", &self.frames.len()).field("rate", &self.rate).finish()
    }
}

impl Default for TrafficOptions {
    fn default() -> Self {
        Self { seed: 1, rate: traffic::RATE }
    }
}

impl Options {
    /// Any key, many connections, no TLS, no traffic, no history.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            key: None,
            connections: 1_000,
            echo: Echo::default(),
            tls: None,
            traffic: None,
            recording: None,
            history: None,
            clock,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Options");
        shown.field("key", &self.key).field("connections", &self.connections).field("echo", &self.echo);
        shown.field("tls", &self.tls.is_some()).field("traffic", &self.traffic).field("recording", &self.recording);
        shown.field("history", &self.history).finish_non_exhaustive()
    }
}

/// A simulated TweetStream server, bound to its address.
#[derive(Debug)]
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    history: Option<(TcpListener, SocketAddr)>,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Takes the address, and that of the history; port 0 takes a free one. Clients can connect from now on, but are answered by [`Simulator::run`] only.
    ///
    /// # Errors
    /// When an address cannot be taken.
    pub async fn bind(address: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let history = match options.history {
            Some(HistoryOptions { address, .. }) => {
                let in_words = |error: io::Error| io::Error::new(error.kind(), format!("the history's {address}: {error}"));
                let listener = TcpListener::bind(address).await.map_err(in_words)?;
                let address = listener.local_addr()?;
                Some((listener, address))
            }
            None => None,
        };
        Ok(Self { listener, address, history, shared: Arc::new(Shared::new(options)) })
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

    /// What goes into `[feed] history`, if it serves a history.
    #[must_use]
    pub fn history_url(&self) -> Option<String> {
        let scheme = if self.shared.options.tls.is_some() { "https" } else { "http" };
        self.history.as_ref().map(|(_, address)| format!("{scheme}://{address}/api/history"))
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
        // They are not waited for: a client may keep its connection open for ever.
        let mut askers = JoinSet::new();
        let mut ticker = Ticker::new(&self.shared);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((tcp, _)) => self.welcome(tcp, &mut connections),
                    // Out of descriptors, mostly: let others finish.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
                asking = asked(self.history.as_ref()) => match asking {
                    Ok((tcp, _)) => drop(askers.spawn(history::serve(tcp, Arc::clone(&self.shared)))),
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
                Some(_) = connections.join_next() => {}
                Some(_) = askers.join_next() => {}
                text = ticker.next() => self.shared.send(text),
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

/// The next connection to the history, if there is one.
async fn asked(history: Option<&(TcpListener, SocketAddr)>) -> io::Result<(TcpStream, SocketAddr)> {
    match history {
        Some((listener, _)) => listener.accept().await,
        None => std::future::pending().await,
    }
}
