//! A simulator and a feed that knows it, with short times; every signal is searched for the key.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use birdcall::feed::Timers;
use birdcall::feed::backoff::Pace;
use birdcall::feed::history::{HistoryBounds, HistoryTimers};
use birdcall::feed::simulator::{Clock, Echo, Handle, HistoryOptions, Options, Simulator, TrafficOptions};
use birdcall::feed::{Feed, Filled, History, HistorySettings, Loss, Page, Settings, Signal, Unavailable};
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
    /// Where its history is, if it has one.
    pub(crate) history: Option<String>,
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
        let history = simulator.history_url();
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(simulator.run(async { stopped.await.unwrap_or_default() }));
        Self { handle, url, address, history, stop: Some(stop), tasks }
    }

    /// With a history of everything that it sends.
    pub(crate) async fn with_history(adapt: impl FnOnce(&mut HistoryOptions)) -> Self {
        let mut history = HistoryOptions::default();
        adapt(&mut history);
        Self::start(|options| options.history = Some(history)).await
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

/// When [`clock`] begins.
pub(crate) const BASE: Timestamp = Timestamp::from_millis(1_781_700_000_000);

/// A client of a history.
pub(crate) struct Past {
    history: History,
}

impl Past {
    /// Of a simulator, with times so short that nobody waits for them.
    pub(crate) fn of(rig: &Rig) -> Self {
        Self::with(rig, |_, _, _| {})
    }

    pub(crate) fn with(rig: &Rig, adapt: impl FnOnce(&mut HistorySettings, &mut HistoryTimers, &mut HistoryBounds)) -> Self {
        let ms = Duration::from_millis;
        let clock = birdcall::clock::Clock::starting_at(BASE);
        let mut settings = HistorySettings {
            url: rig.history.clone().unwrap_or_else(|| format!("http://{}/api/history", rig.address)),
            key: Secret::new(KEY),
            tls: no_trust(),
            agent: "birdcall/test".to_owned(),
            clock,
        };
        let mut timers = HistoryTimers { timeout: ms(500), patience: ms(3_000), pause: ms(5), pause_max: ms(50) };
        let mut bounds = HistoryBounds::default();
        adapt(&mut settings, &mut timers, &mut bounds);
        let shown = format!("{settings:?}");
        assert!(!shown.contains(CANARY), "{shown}");
        Self { history: History::with(settings, timers, bounds).unwrap() }
    }

    /// What the feed sent between the two moments, in ms since [`BASE`], within [`PATIENCE`], without the key in anything that is said.
    pub(crate) async fn fill(&self, from: i64, to: i64) -> (Vec<Page>, Result<Filled, Unavailable>) {
        let at = |ms: i64| Timestamp::from_millis(BASE.as_millis() + ms);
        let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
        let filling = for_any_thread(self.history.backfill(at(from), at(to), sender));
        let receiving = async {
            let mut pages = Vec::new();
            while let Some(page) = receiver.recv().await {
                pages.push(page);
            }
            pages
        };
        let (filled, pages) = timeout(PATIENCE, async { tokio::join!(filling, receiving) }).await.expect("an end");
        let words = filled.as_ref().map_or_else(ToString::to_string, |filled| format!("{filled:?}"));
        let shown = format!("{filled:?} {words} {:?} {:#?}", self.history, self.history);
        assert!(!shown.contains(CANARY), "{shown}");
        (pages, filled)
    }

    /// The frames of it alone.
    pub(crate) async fn frames(&self, from: i64, to: i64) -> Vec<String> {
        let (pages, filled) = self.fill(from, to).await;
        filled.unwrap();
        pages.into_iter().flat_map(|page| page.envelopes).collect()
    }
}

/// A moment of 2026, later by what has passed since.
pub(crate) fn clock() -> Clock {
    let begun = Instant::now();
    Arc::new(move || BASE.plus(begun.elapsed()))
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

/// The compiler says whether it can be spawned.
fn for_any_thread<T: Send>(value: T) -> T {
    value
}

pub(crate) fn no_trust() -> Arc<rustls::ClientConfig> {
    let roots = rustls::RootCertStore::empty();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(versions.with_root_certificates(roots).with_no_client_auth())
}
