//! HTTP towards one destination: a request in, an answer or an error of our own out. What goes wrong is said without the URL, which is
//! a secret (DESTINATIONS 2.4). Connections are the [`pool`](super::pool)'s.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue};
use tokio::time::{Sleep, sleep, timeout};
use url::Url;

use crate::clock::Clock;
use crate::model::limits;
use crate::model::time::Timestamp;

pub(crate) use super::gate::Gate;

use super::connection::Place;
use super::gate::Gated;
use super::http1_answer::Head;
use super::outgoing::Outgoing;
use super::pool::Pool;
use super::pool_hold::{Hold, Unanswered};
use super::route::Route;
use super::verdict::Answer;
use super::words::{Scrub, in_words};

/// One request, ready to leave. Its parts are secret: there is no `Debug`.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Of the place that the client was made for.
    pub(crate) url: Arc<Url>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The way to one place, with connections of its own, for one lane.
pub(crate) struct Client {
    pool: Arc<Pool>,
    origin: url::Origin,
    agent: HeaderValue,
    timeout: Duration,
    clock: Clock,
    scrub: Scrub,
    /// Of the latest request; a lane's requests all have the same.
    route: Mutex<Option<Arc<Route>>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// The message became too old while the connection was made. Nothing of it was sent.
    #[error("too old before it could be sent")]
    Late,
    /// It was not allowed to leave when its turn came. Nothing of it was sent.
    #[error("held back before it could be sent")]
    Held,
    /// No byte of the message left, or the receiver has said that it did nothing with it.
    #[error("{0}")]
    NotSent(String),
    /// The message left, and no answer came.
    #[error("{0}")]
    Ambiguous(String),
}

/// The HTTP client could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct ClientError(String);

/// How a client is to behave.
pub(crate) struct Profile {
    /// A URL of the place that all requests go to.
    pub(crate) place: Url,
    pub(crate) agent: String,
    pub(crate) timeout: Duration,
    /// Connections of HTTP/1.1 to hold open while there is nothing to send. Of HTTP/2 it is one.
    pub(crate) warm: usize,
    /// Connections at most: the requests under way at once.
    pub(crate) most: usize,
    pub(crate) scrub: Scrub,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(tls: &Arc<rustls::ClientConfig>, profile: Profile, clock: Clock) -> Result<Self, ClientError> {
        Self::to(Place::of(&profile.place, tls), profile, clock)
    }

    /// A client whose connections lead nowhere, where every request is taken.
    pub(crate) fn to_nowhere(profile: Profile, clock: Clock) -> Result<Self, ClientError> {
        Self::to(Place::nowhere(), profile, clock)
    }

    fn to(at: Place, profile: Profile, clock: Clock) -> Result<Self, ClientError> {
        let Profile { place, agent, timeout, warm, most, scrub } = profile;
        let origin = place.origin();
        let agent = HeaderValue::try_from(agent).map_err(|error| ClientError(error.to_string()))?;
        let pool = Pool::new(at, clock.clone(), warm, most, limits::CONNECT_TIMEOUT.min(timeout));
        Ok(Self { pool: Arc::new(pool), origin, agent, timeout, clock, scrub, route: Mutex::default() })
    }

    /// Works beside the requests for as long as it is polled: opens connections before they are needed and anew when the peer closes
    /// them, sees to it that they live, keeps the name's addresses fresh, and drives what requests share. Never ends. Nobody but it does
    /// that work, so it must be polled by whoever sends; after it was dropped, nothing more can be sent.
    pub(crate) async fn keep_warm(&self) {
        self.pool.drive(true).await;
    }

    /// The same without opening anything ahead: for sending once.
    pub(crate) async fn drive(&self) {
        self.pool.drive(false).await;
    }

    /// The next request would find a connection open.
    pub(crate) fn is_warm(&self) -> bool {
        self.pool.is_warm()
    }

    /// Sends `request` unless its body would leave at or after `not_after`, or `gate` is held shut. `gate` knows meanwhile whether it has
    /// left.
    pub(crate) async fn send(&self, mut request: Request, not_after: Timestamp, gate: Arc<Gate>) -> Result<Answer, SendError> {
        let mut deadline = pin!(sleep(self.timeout));
        let sent = {
            let body = Gated::new(std::mem::take(&mut request.body), not_after, self.clock.clone(), Arc::clone(&gate));
            let sent = pin!(self.exchange(self.outgoing(request, body)));
            tokio::select! {
                biased;
                sent = sent => sent,
                () = &mut deadline => Err(Failure::TooSlow),
            }
        };
        match sent {
            Ok((head, hold)) => Ok(self.read(head, hold, deadline).await),
            Err(failure) => Err(self.explain(failure, &gate)),
        }
    }

    fn outgoing(&self, request: Request, body: Gated) -> Result<Outgoing, Failure> {
        let Request { method, url, headers, .. } = request;
        Ok(Outgoing { method, headers, route: self.route(&url)?, body })
    }

    fn route(&self, url: &Arc<Url>) -> Result<Arc<Route>, Failure> {
        let mut latest = self.route.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = latest.as_ref().filter(|route| route.leads_to(url)) {
            return Ok(Arc::clone(route));
        }
        if url.origin() != self.origin {
            return Err(Failure::Words("the request is for another place".to_owned()));
        }
        let route = Route::new(url, &self.agent).ok_or_else(|| Failure::Words("its URL cannot be asked for".to_owned()))?;
        Ok(Arc::clone(latest.insert(Arc::new(route))))
    }

    /// Until the answer's head is there. A connection that has ended in the meantime without taking anything makes way for another.
    async fn exchange(&self, request: Result<Outgoing, Failure>) -> Result<(Head, Hold), Failure> {
        let mut request = request?;
        loop {
            let standing = self.pool.standing().await;
            let is_new = standing.is_none();
            let mut hold = match standing {
                Some(hold) => hold,
                None => self.open().await?,
            };
            match hold.exchange(request).await {
                Ok(head) => {
                    if !hold.is_http2() {
                        self.pool.heed(&head.headers);
                    }
                    return Ok((head, hold));
                }
                Err(Unanswered::Shut) => {
                    hold.give_back();
                    return Err(Failure::Shut);
                }
                Err(Unanswered::Untouched(untouched, _)) if !is_new => request = *untouched,
                Err(Unanswered::Unprocessed(words)) => return Err(Failure::Unprocessed(words)),
                Err(Unanswered::Untouched(_, words) | Unanswered::Words(words)) => return Err(Failure::Words(words)),
            }
        }
    }

    async fn open(&self) -> Result<Hold, Failure> {
        let limit = self.timeout.min(limits::CONNECT_TIMEOUT);
        match timeout(limit, self.pool.take()).await {
            Ok(Ok(hold)) => Ok(hold),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::TimedOut => Err(Failure::TooSlow),
            Ok(Err(error)) => Err(Failure::Words(in_words(&error))),
            Err(_) => Err(Failure::TooSlow),
        }
    }

    async fn read(&self, head: Head, mut hold: Hold, deadline: std::pin::Pin<&mut Sleep>) -> Answer {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(self.clock.wall().as_millis()).unwrap_or(0));
        let mut body = Vec::new();
        // A body that breaks off, or that is cut here, is what it is: the status was said.
        let is_whole = tokio::select! {
            biased;
            is_whole = hold.read(&mut body) => is_whole,
            () = deadline => false,
        };
        if is_whole && hold.is_free().await {
            hold.give_back();
        }
        let body = match body.is_empty() {
            true => Bytes::new(),
            false => self.scrub.answer(&String::from_utf8_lossy(&body)).into(),
        };
        Answer { status: head.status, headers: head.headers, body, at }
    }

    fn explain(&self, failure: Failure, gate: &Gate) -> SendError {
        if gate.was_held() {
            return SendError::Held;
        }
        if gate.was_late() {
            return SendError::Late;
        }
        let has_left = gate.give_up();
        if let (true, Failure::Unprocessed(words)) = (has_left, &failure) {
            return SendError::NotSent(format!("not processed by the receiver: {}", self.scrub.text(words)));
        }
        let stage = if has_left { "no complete answer" } else { "cannot connect" };
        let words = match failure {
            Failure::TooSlow => {
                let limit = if has_left { self.timeout } else { self.timeout.min(limits::CONNECT_TIMEOUT) };
                format!("{stage} within {limit:?}")
            }
            Failure::Words(words) | Failure::Unprocessed(words) => format!("{stage}: {}", self.scrub.text(&words)),
            Failure::Shut => stage.to_owned(),
        };
        if has_left { SendError::Ambiguous(words) } else { SendError::NotSent(words) }
    }
}

/// Why there is no answer, before it is known what had left.
enum Failure {
    TooSlow,
    /// The gate did not let it through.
    Shut,
    Words(String),
    /// The receiver says that it did nothing with it.
    Unprocessed(String),
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
