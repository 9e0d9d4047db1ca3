//! Host name → addresses, for one lane. A name server that does not answer holds a thread for each question, and the feed needs one of the
//! same threads to come back; so a lane asks once and all its requests wait for that answer, even those that come after the first gave up.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Addresses, or the system's words.
type Found = Result<Vec<SocketAddr>, String>;
type Question = Pin<Box<dyn Future<Output = Found> + Send>>;

/// Asks the system.
fn ask(host: String) -> Question {
    Box::pin(async move {
        let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| error.to_string())?;
        Ok(found.collect())
    })
}

/// One question under way for each host; a lane has one or two.
pub(crate) struct Names {
    ask: fn(String) -> Question,
    under_way: Mutex<HashMap<String, Shared<Question>>>,
}

impl Default for Names {
    fn default() -> Self {
        Self { ask, under_way: Mutex::default() }
    }
}

impl Names {
    fn question(&self, host: &str) -> Shared<Question> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has its answer is over: that was a moment ago, or, when nobody was left to hear it, any time ago.
        let open = under_way.get(host).filter(|question| (*question).clone().now_or_never().is_none()).cloned();
        open.unwrap_or_else(|| {
            let question = (self.ask)(host.to_owned()).shared();
            under_way.insert(host.to_owned(), question.clone());
            question
        })
    }
}

/// A handle that the HTTP client takes.
#[derive(Clone, Default)]
pub(crate) struct Resolver(Arc<Names>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let question = self.0.question(name.as_str());
        Box::pin(async move {
            let found = question.await.map_err(std::io::Error::other)?;
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    static ASKED: AtomicUsize = AtomicUsize::new(0);

    /// Answers after a minute.
    fn slow(_: String) -> Question {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(Vec::new())
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_asks_once_however_many_requests_wait_and_give_up() {
        let names = Names { ask: slow, under_way: Mutex::default() };
        let asked = || ASKED.load(Ordering::SeqCst);
        for _ in 0..10 {
            let waiting = futures_util::future::join_all((0..64).map(|_| names.question("bot.example")));
            assert!(tokio::time::timeout(Duration::from_secs(5), waiting).await.is_err());
        }
        assert_eq!(asked(), 1);
        assert_eq!(names.question("bot.example").await, Ok(Vec::new()), "the first question is answered all the same");
        assert_eq!(asked(), 1);
        assert_eq!(names.question("bot.example").now_or_never(), None);
        assert_eq!(asked(), 2, "an answer is not kept");
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        drop(names.question("bot.example"));
        assert_eq!(asked(), 3, "an answer that nobody has heard is old");
    }
}
