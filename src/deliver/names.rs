//! Host name → addresses, for one lane. A name server that does not answer holds a thread for each question, and the feed needs one of the
//! same threads to come back; so a lane asks once and all its requests wait for that answer, even those that come after the first gave up.
//! Only the first connection ever waits: the addresses are asked for again now and then, and the last known ones serve meanwhile.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;

use crate::model::limits::NAMES_REFRESH;

/// How long a connection waits for an answer when nothing has come of the addresses that it knows.
const NAMES_NEWS: Duration = Duration::from_secs(1);

/// Addresses without a port, or the system's words.
pub(crate) type Found = Result<Arc<[SocketAddr]>, Arc<str>>;
pub(crate) type Question = Pin<Box<dyn Future<Output = Found> + Send>>;

/// Asks the system.
fn ask(host: String) -> Question {
    Box::pin(async move {
        let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| Arc::from(error.to_string()))?;
        let found: Arc<[SocketAddr]> = found.collect();
        if found.is_empty() { Err("the name has no address".into()) } else { Ok(found) }
    })
}

/// What is known of one name.
pub(crate) struct Names {
    /// `None` for what is an address itself.
    host: Option<String>,
    ask: fn(String) -> Question,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<[SocketAddr]>>,
    under_way: Option<Shared<Question>>,
    /// When the addresses are to be asked for again, on the lane's clock; at once when there is none.
    due: Option<Duration>,
    /// Somebody waits in [`Names::refresh`].
    refreshing: bool,
    /// Nobody answers at the known addresses, or somebody else does.
    doubted: bool,
}

impl Names {
    pub(crate) fn of(host: &str) -> Self {
        Self { host: Some(host.to_owned()), ask, state: Mutex::default() }
    }

    /// Needs no question.
    pub(crate) fn known(address: IpAddr) -> Self {
        let known = Some(Arc::from([SocketAddr::new(address, 0)]));
        Self { host: None, ask, state: Mutex::new(State { known, ..State::default() }) }
    }

    /// Asks somebody else.
    #[cfg(test)]
    pub(crate) fn asking(host: &str, ask: fn(String) -> Question) -> Self {
        Self { ask, ..Self::of(host) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last known addresses, or the answer to the question that is under way.
    pub(crate) async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let known = self.state().known.clone();
        let found = match known {
            Some(known) => Ok(known),
            None => self.answer().await,
        };
        found.map(|found| found.to_vec()).map_err(|words| io::Error::other(words.as_ref()))
    }

    /// The answer to a question of now, if the known addresses are doubted and it comes within a moment.
    pub(crate) async fn news(&self) -> Vec<SocketAddr> {
        if !self.state().doubted {
            return Vec::new();
        }
        let news = tokio::time::timeout(NAMES_NEWS, self.answer()).await;
        news.ok().and_then(Result::ok).map(|found| found.to_vec()).unwrap_or_default()
    }

    /// The answer to a question that is under way or begins now; what it says is known from then on.
    async fn answer(&self) -> Found {
        let Some(host) = &self.host else { return self.state().known.clone().ok_or_else(|| "no address".into()) };
        let question = {
            let mut state = self.state();
            // One that has its answer is over: that was a moment ago, or, when nobody was left to hear it, any time ago.
            let open = state.under_way.take().filter(|question| question.clone().now_or_never().is_none());
            let question = open.unwrap_or_else(|| (self.ask)(host.clone()).shared());
            state.under_way = Some(question.clone());
            question
        };
        let found = question.await;
        if let Ok(found) = &found {
            let mut state = self.state();
            (state.known, state.doubted) = (Some(Arc::clone(found)), false);
        }
        found
    }

    /// How long until [`Names::refresh`] is to be called, if ever.
    pub(crate) fn due(&self, now: Duration) -> Option<Duration> {
        self.host.as_ref()?;
        let due = self.state().due;
        Some(due.map_or(Duration::ZERO, |due| due.saturating_sub(now)))
    }

    /// The next time is [`NAMES_REFRESH`] from `now`. Says whether [`Names::refresh`] is worth calling: no answer is waited for already.
    pub(crate) fn begin_refresh(&self, now: Duration) -> bool {
        let mut state = self.state();
        state.due = Some(now + NAMES_REFRESH);
        !std::mem::replace(&mut state.refreshing, true)
    }

    /// Asks again. What fails leaves what is known.
    pub(crate) async fn refresh(&self) {
        let _ = self.answer().await;
        self.state().refreshing = false;
    }

    /// Nobody answers at the known addresses, or somebody else does: they are asked for at once, and whoever connects next waits for the
    /// answer, too, before it gives up.
    pub(crate) fn doubt(&self) {
        let mut state = self.state();
        if self.host.is_some() && state.known.is_some() {
            (state.due, state.doubted) = (None, true);
        }
    }

    /// They have proved right.
    pub(crate) fn trust(&self) {
        self.state().doubted = false;
    }

    /// They are asked for at once.
    #[cfg(test)]
    pub(crate) fn ask_again(&self) {
        self.state().due = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn one() -> Arc<[SocketAddr]> {
        Arc::from([SocketAddr::from(([10, 0, 0, 1], 0))])
    }

    fn names(ask: fn(String) -> Question) -> Names {
        Names::asking("bot.example", ask)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_asks_once_however_many_requests_wait_and_give_up() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        /// Answers after a minute, that there is no such name.
        fn slow(_: String) -> Question {
            ASKED.fetch_add(1, Ordering::SeqCst);
            Box::pin(async {
                tokio::time::sleep(secs(60)).await;
                Err("NXDOMAIN".into())
            })
        }
        let names = names(slow);
        let asked = || ASKED.load(Ordering::SeqCst);
        for _ in 0..10 {
            let waiting = futures_util::future::join_all((0..64).map(|_| names.addresses()));
            assert!(tokio::time::timeout(secs(5), waiting).await.is_err());
        }
        assert_eq!(asked(), 1);
        assert_eq!(names.addresses().await.unwrap_err().to_string(), "NXDOMAIN", "the first question is answered all the same");
        assert_eq!(asked(), 1);
        assert!(names.addresses().now_or_never().is_none());
        assert_eq!(asked(), 2, "a failure is not kept");
        tokio::time::sleep(secs(3_600)).await;
        assert!(names.addresses().now_or_never().is_none());
        assert_eq!(asked(), 3, "an answer that nobody has heard is old");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_serves_while_the_name_server_fails_or_stalls() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        /// Knows it, then fails, then stalls for ever.
        fn failing(_: String) -> Question {
            match ASKED.fetch_add(1, Ordering::SeqCst) {
                0 => Box::pin(std::future::ready(Ok(one()))),
                1 => Box::pin(std::future::ready(Err("SERVFAIL".into()))),
                _ => Box::pin(std::future::pending()),
            }
        }
        let names = names(failing);
        assert_eq!(names.addresses().await.unwrap(), one().to_vec());
        names.refresh().await;
        assert_eq!(names.addresses().now_or_never().unwrap().unwrap(), one().to_vec(), "a failure is no news");
        assert!(names.refresh().now_or_never().is_none());
        assert_eq!(names.addresses().now_or_never().unwrap().unwrap(), one().to_vec(), "nor is silence");
        assert_eq!(ASKED.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubted_address_is_asked_for_anew_and_serves_meanwhile() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        /// Knows one, then stalls for ever, then knows another.
        fn moving(_: String) -> Question {
            match ASKED.fetch_add(1, Ordering::SeqCst) {
                0 => Box::pin(std::future::ready(Ok(one()))),
                1 => Box::pin(async {
                    tokio::time::sleep(secs(3)).await;
                    Ok(Arc::from([SocketAddr::from(([10, 0, 0, 2], 0))]))
                }),
                _ => Box::pin(std::future::pending()),
            }
        }
        let names = names(moving);
        names.doubt();
        assert_eq!(names.addresses().await.unwrap(), one().to_vec());
        assert!(names.news().now_or_never().unwrap().is_empty(), "nobody doubts it");
        let began = tokio::time::Instant::now();
        names.doubt();
        assert_eq!(names.addresses().now_or_never().unwrap().unwrap(), one().to_vec(), "it may be right all the same");
        assert!(names.news().await.is_empty());
        assert_eq!(began.elapsed(), NAMES_NEWS, "no news is not worth more than a moment");
        // Meanwhile somebody waits for the answer that whoever connects has given up.
        assert!(names.begin_refresh(secs(1)));
        names.refresh().await;
        assert_eq!(names.addresses().now_or_never().unwrap().unwrap(), [SocketAddr::from(([10, 0, 0, 2], 0))]);
        assert!(names.begin_refresh(secs(4)), "that is over");
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn addresses_are_due_at_the_start_every_minute_and_when_nobody_answers_there() {
        let names = names(|_| Box::pin(std::future::pending()));
        assert_eq!(names.due(secs(5)), Some(Duration::ZERO));
        assert!(names.begin_refresh(secs(5)));
        assert!(names.refresh().now_or_never().is_none());
        assert!(!names.begin_refresh(secs(5)), "one question at a time");
        assert_eq!(names.due(secs(25)), Some(NAMES_REFRESH - secs(20)));
        names.ask_again();
        assert_eq!(names.due(secs(26)), Some(Duration::ZERO));
        assert_eq!(Names::known([127, 0, 0, 1].into()).due(secs(0)), None);
    }
}
