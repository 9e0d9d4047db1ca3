//! HTTP towards one destination: a request in, an answer or an error of our own out. The only place that sees reqwest's errors, which
//! print the secret URL (DESTINATIONS 2.4).

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

use crate::clock::Clock;
use crate::model::limits;
use crate::model::time::Timestamp;

use super::names::Resolver;
use super::verdict::Answer;
use super::words::{self, Scrub};

/// One request, ready to leave. Its parts are secret: there is no `Debug`.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A connection pool of its own, for one lane.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    timeout: Duration,
    clock: Clock,
    scrub: Scrub,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// The message became too old while the connection was made. Nothing of it was sent.
    #[error("too old before it could be sent")]
    Late,
    /// No byte of the message left.
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
    pub(crate) agent: String,
    pub(crate) timeout: Duration,
    pub(crate) idle: usize,
    pub(crate) scrub: Scrub,
}

impl Client {
    pub(crate) fn new(tls: &rustls::ClientConfig, profile: Profile, clock: Clock) -> Result<Self, ClientError> {
        let Profile { agent, timeout, idle, scrub } = profile;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Resolver::default())
            .retry(reqwest::retry::never())
            .connect_timeout(limits::CONNECT_TIMEOUT.min(timeout))
            .read_timeout(timeout)
            .timeout(timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(limits::KEEP_ALIVE)
            .http2_keep_alive_interval(limits::KEEP_ALIVE)
            .http2_keep_alive_timeout(limits::CONNECT_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            .pool_idle_timeout(limits::POOL_IDLE)
            .pool_max_idle_per_host(idle)
            .build()
            .map_err(|error| ClientError(in_words(&error.without_url())))?;
        Ok(Self { http, timeout, clock, scrub })
    }

    /// Sends `request` unless its body would leave at or after `not_after`. `gate` knows meanwhile whether it has left.
    pub(crate) async fn send(&self, request: Request, not_after: Timestamp, gate: Arc<Gate>) -> Result<Answer, SendError> {
        let Request { method, url, headers, body } = request;
        if body.is_empty() {
            // Nobody asks for an empty body; its request counts as gone from the start.
            gate.left.store(true, Ordering::Relaxed);
        }
        let body = Gated { bytes: Some(body), not_after, clock: self.clock.clone(), gate: Arc::clone(&gate) };
        let sent = self.http.request(method, url).headers(headers).body(reqwest::Body::wrap(body)).send().await;
        match sent {
            Ok(response) => Ok(self.read(response).await),
            Err(error) => Err(self.explain(error, &gate)),
        }
    }

    async fn read(&self, mut response: reqwest::Response) -> Answer {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(self.clock.wall().as_millis()).unwrap_or(0));
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        // A body that breaks off, or that is cut here, is what it is: the status was said.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = limits::ANSWER_BYTES.saturating_sub(body.len());
            body.extend(chunk.iter().take(room));
            if chunk.len() > room {
                break;
            }
        }
        let body = self.scrub.answer(&String::from_utf8_lossy(&body)).into();
        Answer { status, headers, body, at }
    }

    fn explain(&self, error: reqwest::Error, gate: &Gate) -> SendError {
        let error = error.without_url();
        if gate.was_late() {
            return SendError::Late;
        }
        let stage = if gate.has_left() { "no complete answer" } else { "cannot connect" };
        let words = if error.is_timeout() {
            let limit = if gate.has_left() { self.timeout } else { self.timeout.min(limits::CONNECT_TIMEOUT) };
            format!("{stage} within {limit:?}")
        } else {
            format!("{stage}: {}", self.scrub.text(&in_words(&error)))
        };
        if gate.has_left() { SendError::Ambiguous(words) } else { SendError::NotSent(words) }
    }
}

/// The causes of an error from the outermost that says something to the innermost, each once.
fn in_words(error: &reqwest::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // hyper's outer layers only say "client error (Connect)" and the like.
        if !text.starts_with("client error") && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        cause = error.source();
    }
    if said.is_empty() {
        said.push(error.to_string());
    }
    words::shown(&said.join(": "))
}

/// What is known of one message's way out.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    left: AtomicBool,
    late: AtomicBool,
}

impl Gate {
    /// Its bytes were handed to the connection: from here on they may have arrived.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    fn was_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }
}

/// A request body that knows whether it was asked for, and refuses to leave too late. As it cannot be copied, the HTTP client cannot
/// send it again on its own.
struct Gated {
    bytes: Option<Bytes>,
    not_after: Timestamp,
    clock: Clock,
    gate: Arc<Gate>,
}

#[derive(Debug, thiserror::Error)]
#[error("too old")]
struct TooOld;

impl Body for Gated {
    type Data = Bytes;
    type Error = TooOld;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TooOld>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        if self.clock.now() >= self.not_after {
            self.gate.late.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(TooOld)));
        }
        self.gate.left.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
