//! Settings → a connection that comes back by itself: frames, and what happens to the connection, until it must stop.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::Text;
use super::backoff::{Backoff, Pace};
use super::close::Loss;
use super::dial::{Dialled, dial};
use super::session::{News, Session};
use super::target::{SettingsError, Target};
use crate::model::limits::{DEAD_AFTER, HANDSHAKE_TIMEOUT, PING_EVERY, STABLE_AFTER};
use crate::model::secret::Secret;
use crate::model::time::Timestamp;
use crate::rules::ruleset::Auth;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// How the feed is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `wss://…`, or `ws://…` on this machine and private networks. Must not hold the key.
    pub url: String,
    /// The API key.
    pub key: Secret,
    /// How the key is shown.
    pub auth: Auth,
    /// What TLS trusts. Its ALPN is replaced: a WebSocket is HTTP/1.1.
    pub tls: Arc<rustls::ClientConfig>,
    /// Spreads the reconnects of many clients; any number, different for each process.
    pub jitter_seed: u64,
}

/// The feed's times. The default is the contract (`model::limits`, PROTOCOL 1.3 to 1.5); tests shorten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Between two pings.
    pub ping_every: Duration,
    /// Without any frame for this long the connection is dead.
    pub dead_after: Duration,
    /// TCP, TLS and upgrade together.
    pub handshake: Duration,
    /// A connection that is heard this long after its opening was stable, and the back-off starts anew.
    pub stable_after: Duration,
    /// The pace of reconnecting.
    pub pace: Pace,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            ping_every: PING_EVERY,
            dead_after: DEAD_AFTER,
            handshake: HANDSHAKE_TIMEOUT,
            stable_after: STABLE_AFTER,
            pace: Pace::default(),
        }
    }
}

/// What the feed has to say.
#[derive(Debug)]
pub enum Signal {
    /// A connection is open. What was sent while there was none is lost to the live feed.
    Connected {
        /// The other end.
        peer: SocketAddr,
        /// Name, TCP, TLS and upgrade together.
        took: Duration,
        /// What the feed's clock said just now, to the second; `None` when it does not say.
        date: Option<Timestamp>,
    },
    /// One message, of at most `MESSAGE_BYTES`; nobody has looked into it yet.
    Frame(Text),
    /// One binary message that is not UTF-8.
    Unreadable {
        /// Its length.
        bytes: usize,
    },
    /// There is no connection (any more); the next attempt is made by itself.
    Lost {
        /// Why.
        why: Loss,
        /// When the next attempt begins, from now.
        retry_in: Duration,
    },
    /// There is no connection and there will be none: a person has to change something first. The last signal.
    Stopped {
        /// Why, and what to do.
        why: Loss,
    },
}

/// TweetStream, live. Nothing runs in the background: the connection lives while somebody waits in [`Feed::next`].
pub struct Feed {
    target: Arc<Target>,
    tls: Arc<rustls::ClientConfig>,
    timers: Timers,
    backoff: Backoff,
    random: fastrand::Rng,
    /// When the latest connection that ended was last heard.
    last_heard: Option<Instant>,
    state: State,
}

enum State {
    /// Before an attempt.
    Waiting(Option<Pin<Box<Sleep>>>),
    Dialling(Pin<Box<dyn Future<Output = Result<Dialled, Loss>> + Send>>),
    Open(Box<Session>),
    Over,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Waiting(_) => "waiting",
            State::Dialling(_) => "dialling",
            State::Open(_) => "open",
            State::Over => "over",
        };
        f.debug_struct("Feed").field("target", &self.target).field("state", &state).finish_non_exhaustive()
    }
}

impl Feed {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// When the URL or the key cannot work, with words for people.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Self::with_timers(settings, Timers::default())
    }

    /// As [`Feed::new`], with other times than the contract's.
    ///
    /// # Errors
    /// As [`Feed::new`].
    pub fn with_timers(settings: Settings, timers: Timers) -> Result<Self, SettingsError> {
        let Settings { url, key, auth, tls, jitter_seed } = settings;
        let target = Arc::new(Target::new(&url, &key, auth)?);
        let mut tls = Arc::unwrap_or_clone(tls);
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            target,
            tls: Arc::new(tls),
            timers,
            backoff: Backoff::new(timers.pace),
            random: fastrand::Rng::with_seed(jitter_seed),
            last_heard: None,
            state: State::Waiting(None),
        })
    }

    /// The next signal; connects and reconnects as needed. Cancel-safe: dropping the future loses neither a frame nor an attempt under
    /// way. After [`Signal::Stopped`] and [`Feed::close`] it waits for ever.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next signal if it is there already. Otherwise nobody is woken for it: [`Feed::next`] waits.
    pub async fn ready(&mut self) -> Option<Signal> {
        poll_fn(|cx| match self.poll_next(cx) {
            Poll::Ready(signal) => Poll::Ready(Some(signal)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// How long ago the feed was last heard, on this connection or the one before: its opening and any frame count, pongs included. `None`:
    /// never. What was sent before that moment has arrived, so a gap begins there.
    #[must_use]
    pub fn heard_ago(&self) -> Option<Duration> {
        let at = match &self.state {
            State::Open(session) => Some(session.last_heard()),
            _ => self.last_heard,
        };
        at.map(|at| at.elapsed())
    }

    /// Gives up the connection that is open, with what it holds and has not handed on: it may have been lying there while the machine stood
    /// still. The next one is dialled at once. When it was last heard is not known any more, as the time since was not measured. Says whether
    /// one was open.
    pub fn hang_up(&mut self) -> bool {
        let is_open = matches!(self.state, State::Open(_));
        self.last_heard = None;
        if is_open {
            self.state = State::Waiting(None);
        }
        is_open
    }

    /// Says goodbye to the feed, within a second, and connects no more.
    pub async fn close(&mut self) {
        if let State::Open(session) = std::mem::replace(&mut self.state, State::Over) {
            self.last_heard = Some(session.last_heard());
            session.close(GOODBYE).await;
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Pending,
                State::Waiting(pause) => {
                    if let Some(pause) = pause {
                        ready!(pause.as_mut().poll(cx));
                    }
                    let attempt = dial(Arc::clone(&self.target), Arc::clone(&self.tls), self.timers.handshake);
                    self.state = State::Dialling(Box::pin(attempt));
                }
                State::Dialling(attempt) => match ready!(attempt.as_mut().poll(cx)) {
                    Ok(Dialled { socket, peer, took, date }) => {
                        let session = Session::new(socket, self.timers.ping_every, self.timers.dead_after);
                        self.state = State::Open(Box::new(session));
                        return Poll::Ready(Signal::Connected { peer, took, date });
                    }
                    Err(why) => return Poll::Ready(self.lost(why)),
                },
                State::Open(session) => match ready!(session.poll(&self.target, cx)) {
                    News::Text(text) => return Poll::Ready(Signal::Frame(text)),
                    News::Unreadable(bytes) => return Poll::Ready(Signal::Unreadable { bytes }),
                    News::Gone(why) => {
                        self.last_heard = Some(session.last_heard());
                        if session.heard() >= self.timers.stable_after {
                            self.backoff.reset();
                        }
                        return Poll::Ready(self.lost(why));
                    }
                },
            }
        }
    }

    fn lost(&mut self, why: Loss) -> Signal {
        match self.backoff.after(why.reaction(), self.random.f64()) {
            Some(retry_in) => {
                self.state = State::Waiting(Some(Box::pin(sleep(retry_in))));
                Signal::Lost { why, retry_in }
            }
            None => {
                self.state = State::Over;
                Signal::Stopped { why }
            }
        }
    }
}
