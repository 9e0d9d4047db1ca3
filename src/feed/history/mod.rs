//! A span of time → what the feed sent in it, from the history API (PROTOCOL 5): frames as the socket would have carried them, oldest
//! first, each once.
//!
//! ```text
//! backfill(from, to) ──> windows, oldest first ──> for each type: answers, newest first, until no older row is left
//!                                                  └─> rows of all types, sorted ──> Page, Page, …
//! ```
//!
//! What PROTOCOL calls unknown is not guessed. Both bounds are asked for a millisecond wider than needed, whether they are inclusive or not;
//! the end moves by the column (publication or receipt) that is the safer one until the answers show which it is; and an answer is
//! taken as complete only when it is shorter than one that was.

mod account;
mod ask;
mod paging;
mod question;
mod run;
mod settings;
#[cfg(test)]
mod tests;
mod window;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::model::limits;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

pub use account::{Account, AccountError, account, account_url};
use ask::Asker;
pub use ask::Unanswered;
use paging::Learned;
pub use settings::{SettingsError, default_url};

/// How the history API is reached.
#[derive(Clone, Debug)]
pub struct HistorySettings {
    /// `https://…`, or `http://…` on this machine and private networks. Must not hold the key. See [`default_url`].
    pub url: String,
    /// The API key.
    pub key: Secret,
    /// What TLS trusts.
    pub tls: Arc<rustls::ClientConfig>,
    /// `User-Agent`: the API may reject requests without one (PROTOCOL 5).
    pub agent: String,
    /// The time.
    pub clock: Clock,
}

/// The times of a backfill. The default is the contract (`model::limits`); tests shorten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryTimers {
    /// One request, answer included.
    pub timeout: Duration,
    /// How long one request is tried again.
    pub patience: Duration,
    /// Before the second try; doubles for each further one, with jitter.
    pub pause: Duration,
    /// Before a further try, at most.
    pub pause_max: Duration,
}

impl Default for HistoryTimers {
    fn default() -> Self {
        Self {
            timeout: limits::HISTORY_TIMEOUT,
            patience: limits::HISTORY_PATIENCE,
            pause: Duration::from_secs(1),
            pause_max: Duration::from_secs(30),
        }
    }
}

/// How much of the history is held and asked for at once. The default is the contract (`model::limits`); tests make it small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    /// The first window.
    pub window: Duration,
    /// The longest window.
    pub window_max: Duration,
    /// `limit` of a request, at most.
    pub limit: usize,
    /// Rows of one window.
    pub rows: usize,
    /// Bytes of one window's frames.
    pub bytes: usize,
    /// Bytes of one answer.
    pub answer_bytes: usize,
    /// Bytes of an answer as it should be.
    pub answer_wanted: usize,
    /// Requests of one backfill.
    pub requests: usize,
    /// Envelopes of one page.
    pub page: usize,
}

impl Default for HistoryBounds {
    fn default() -> Self {
        Self {
            window: limits::HISTORY_WINDOW,
            window_max: limits::HISTORY_WINDOW_MAX,
            limit: limits::HISTORY_LIMIT,
            rows: limits::HISTORY_ROWS,
            bytes: limits::HISTORY_BYTES,
            answer_bytes: limits::HISTORY_ANSWER_BYTES,
            answer_wanted: limits::HISTORY_ANSWER_WANTED,
            requests: limits::HISTORY_REQUESTS,
            page: limits::HISTORY_PAGE,
        }
    }
}

/// Some of what was missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Frames, oldest first within the page and from page to page: `decode` reads them as it reads the socket's.
    pub envelopes: Vec<String>,
    /// Everything from before this moment has been handed on when this page has been taken in.
    pub until: Timestamp,
    /// How far the API's clock is ahead of ours, in ms and to the second; 0 when that is not known, or no more than clocks differ.
    pub ahead: i64,
}

/// What came of a backfill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Tweets and events, each once.
    pub rows: usize,
    /// Pages handed on.
    pub pages: usize,
    /// Some rows may be missing: more of them had the same moment than the API gives out at once.
    pub cut: bool,
    /// Rows that could not be read.
    pub unusable: usize,
    /// Requests made, tries included.
    pub requests: usize,
    /// For each type that the API refused while it gave out tweets: which, and why.
    pub without: Vec<String>,
}

impl Filled {
    /// What may be missing of the tweets and events that it gives out, in words; `None` when it gave out all.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let cut = self.cut.then(|| "more happened in one moment than it gives out at once, and the rest is missing".to_owned());
        let unusable = (self.unusable > 0).then(|| match self.unusable {
            1 => "one row of it could not be read".to_owned(),
            many => format!("{many} rows of it could not be read"),
        });
        let words: Vec<_> = cut.into_iter().chain(unusable).collect();
        (!words.is_empty()).then(|| words.join(", and "))
    }
}

/// Why the history cannot be had, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The plan does not include it. Final.
    #[error("the history is not included in the plan of this API key ({0})")]
    Plan(String),
    /// The API says no, and would say so again. Final.
    #[error("the history API refuses the request: {0}")]
    Refused(String),
    /// No usable answer, although it was tried for a while. Another time it may come.
    #[error("the history API gives no answer: {0}")]
    Unreachable(String),
    /// More than can be held or asked for.
    #[error("too much was missed to be fetched: {0}")]
    TooMuch(String),
}

impl Unavailable {
    /// Whether it is of no use for this process to ask again: further backfills return the same at once and ask nothing.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Plan(_) | Self::Refused(_))
    }

    /// Without the API's own words, for who has heard them already.
    #[must_use]
    pub fn in_short(&self) -> &'static str {
        match self {
            Self::Plan(_) => "the history is not included in the plan of this API key",
            Self::Refused(_) => "the history API refuses the request",
            Self::Unreachable(_) => "the history API gives no answer",
            Self::TooMuch(_) => "too much was missed to be fetched",
        }
    }
}

/// TweetStream's history. One backfill at a time is enough; several wait for nobody and share what was learned.
#[derive(Debug)]
pub struct History {
    asker: Asker,
    bounds: HistoryBounds,
    shared: Mutex<Shared>,
}

/// What one backfill leaves to the next.
#[derive(Clone, Debug, Default)]
struct Shared {
    over: Option<Unavailable>,
    learned: Learned,
    /// How far the API's clock is ahead of ours, in ms.
    ahead: i64,
}

impl History {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// When the URL or the key cannot work, with words for people.
    pub fn new(settings: HistorySettings) -> Result<Self, SettingsError> {
        Self::with(settings, HistoryTimers::default(), HistoryBounds::default())
    }

    /// As [`History::new`], with other times and bounds than the contract's.
    ///
    /// # Errors
    /// As [`History::new`].
    pub fn with(settings: HistorySettings, timers: HistoryTimers, bounds: HistoryBounds) -> Result<Self, SettingsError> {
        let asker = Asker::new(settings, timers, bounds.answer_bytes)?;
        Ok(Self { asker, bounds, shared: Mutex::default() })
    }

    /// Hands on what the feed sent between the two moments, and as it happens some of what it sent just outside of them. Waits while `sender` is full; ends early,
    /// as if all was handed on, when nobody listens any more. May be dropped at any time.
    ///
    /// The moments are of our clock; when the API's `Date` shows that the two clocks differ, they are corrected.
    ///
    /// # Errors
    /// When the history cannot be had, or not to the end. What was handed on before is good.
    pub async fn backfill(&self, from: Timestamp, to: Timestamp, sender: mpsc::Sender<Page>) -> Result<Filled, Unavailable> {
        let Shared { over, learned, ahead } = self.shared().clone();
        if let Some(over) = over {
            return Err(over);
        }
        let mut run = run::Run::new(&self.asker, self.bounds, learned, ahead);
        let ended = run.fill(from, to, &sender).await;
        let mut shared = self.shared();
        (shared.learned, shared.ahead) = run.learned();
        if let Err(why) = &ended
            && why.is_final()
        {
            shared.over = Some(why.clone());
        }
        ended
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
