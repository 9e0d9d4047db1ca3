//! A simulator and a feed that knows it, with short times; every signal is searched for the key.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use birdcall::feed::backoff::Pace;
use birdcall::feed::simulator::{Clock, Echo, Handle, Options, Simulator, TrafficOptions};
use birdcall::feed::{Feed, Loss, Settings, Signal, Timers};
use birdcall::model::secret::Secret;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::Auth;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Every key of these tests contains it, and nothing else does.
pub(crate) const CANARY: &str = "canary4f9c";
/// The key that the simulators accept.
pub(crate) const KEY: &str = "ts_live_canary4f9c";
/// Longer than anything here takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running simulator. It ends with this value.
pub(crate) struct Rig {
    pub(crate) handle: Handle,
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Rig {
    pub(crate) async fn start(adapt: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::new(clock());
        options.key = Some(Secret::new(KEY));
        adapt(&mut options);
        let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), options).await.unwrap();
        let (handle, url, address) = (simulator.handle(), simulator.url(), simulator.address());
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(simulator.run(async { stopped.await.unwrap_or_default() }));
        Self { handle, url, address, stop: Some(stop), tasks }
    }

    pub(crate) async fn plain() -> Self {
        Self::start(|_| {}).await
    }

    pub(crate) async fn echoing(echo: Echo) -> Self {
        Self::start(|options| options.echo = echo).await
    }

    pub(crate) async fn with_traffic(seed: u64, rate: f64) -> Self {
        Self::start(|options| options.traffic = Some(TrafficOptions { seed, rate })).await
    }

    /// Asks the simulator to stop.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url, KEY, Auth::Subprotocol, quick())
    }

    pub(crate) fn client_with(&self, timers: Timers) -> Client {
        Client::new(&self.url, KEY, Auth::Subprotocol, timers)
    }
}

/// A moment of 2026, later by what has passed since.
pub(crate) fn clock() -> Clock {
    let begun = Instant::now();
    Arc::new(move || Timestamp::from_millis(1_781_700_000_000).plus(begun.elapsed()))
}

/// Times so short that nobody waits for them, the pace of reconnecting included.
pub(crate) fn quick() -> Timers {
    let ms = Duration::from_millis;
    let pace = Pace {
        first: ms(1),
        max: ms(8),
        jitter: ms(1),
        slow_first: ms(20),
        slow_max: ms(40),
        at_once_min: ms(0),
        at_once_max: ms(1),
        at_once_times: 3,
    };
    Timers { ping_every: ms(5_000), dead_after: ms(15_000), handshake: ms(5_000), stable_after: ms(60_000), pace }
}

/// [`quick`], but for the pace, which is the real one.
pub(crate) fn real_pace() -> Timers {
    Timers { pace: Pace::default(), ..quick() }
}

/// A feed whose every signal is looked at.
pub(crate) struct Client {
    pub(crate) feed: Feed,
}

impl Client {
    pub(crate) fn new(url: &str, key: &str, auth: Auth, timers: Timers) -> Self {
        Self::trusting(url, key, auth, timers, no_trust())
    }

    pub(crate) fn trusting(url: &str, key: &str, auth: Auth, timers: Timers, tls: Arc<rustls::ClientConfig>) -> Self {
        let settings = Settings { url: url.to_owned(), key: Secret::new(key), auth, tls, jitter_seed: 1 };
        let shown = format!("{settings:?}");
        assert!(!shown.contains(CANARY), "{shown}");
        Self { feed: Feed::with_timers(settings, timers).unwrap() }
    }

    /// The next signal, within [`PATIENCE`], without the key in it.
    pub(crate) async fn next(&mut self) -> Signal {
        let signal = timeout(PATIENCE, self.feed.next()).await.expect("a signal");
        let words = match &signal {
            Signal::Lost { why, .. } | Signal::Stopped { why } => why.to_string(),
            Signal::Connected { .. } | Signal::Frame(_) | Signal::Unreadable { .. } => String::new(),
        };
        let shown = format!("{signal:?} {signal:#?} {words} {:?} {:#?}", self.feed, self.feed);
        assert!(!shown.contains(CANARY), "{shown}");
        signal
    }

    pub(crate) async fn connected(&mut self) {
        let signal = self.next().await;
        assert!(matches!(signal, Signal::Connected { .. }), "{signal:?}");
    }

    pub(crate) async fn frame(&mut self) -> String {
        match self.next().await {
            Signal::Frame(text) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn lost(&mut self) -> (Loss, Duration) {
        match self.next().await {
            Signal::Lost { why, retry_in } => (why, retry_in),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn stopped(&mut self) -> Loss {
        match self.next().await {
            Signal::Stopped { why } => why,
            other => panic!("{other:?}"),
        }
    }

    /// No signal while `during` runs.
    pub(crate) async fn quiet<T>(&mut self, during: impl Future<Output = T>) -> T {
        tokio::select! {
            signal = self.feed.next() => panic!("{signal:?}"),
            done = during => done,
        }
    }
}

fn no_trust() -> Arc<rustls::ClientConfig> {
    let roots = rustls::RootCertStore::empty();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(versions.with_root_certificates(roots).with_no_client_auth())
}
