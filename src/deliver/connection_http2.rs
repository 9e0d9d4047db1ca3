//! HTTP/2 over one connection that all requests of a lane share. It is driven beside them, by the lane's [`Pool`](super::pool::Pool).

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http2};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::connection::{Stream, has_unread};
use super::gate::Gated;
use super::pool::Crew;
use crate::model::limits;

/// What hyper wants to hear of a request; the request comes back in the error if it was not begun with.
pub(crate) type Sent = Result<hyper::Response<Incoming>, TrySendError<hyper::Request<Gated>>>;

/// Turns that a connection gets to read what has arrived before a request is put on it.
const TURNS: usize = 3;

/// A handle to the connection; it ends with the last one.
#[derive(Clone)]
pub(crate) struct Many {
    sender: http2::SendRequest<Gated>,
    common: Arc<Common>,
}

/// What all handles share.
pub(crate) struct Common {
    socket: socket2::Socket,
    /// Since when it is open, on the lane's clock.
    opened: Duration,
    /// It has carried a request.
    used: AtomicBool,
}

/// What drives it.
pub(crate) type Driver = http2::Connection<TokioIo<Box<dyn Stream>>, Gated, Crew>;

impl Many {
    pub(crate) async fn new(
        stream: Box<dyn Stream>,
        socket: socket2::Socket,
        now: Duration,
        crew: Crew,
    ) -> hyper::Result<(Self, Driver)> {
        let mut builder = http2::Builder::new(crew);
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(limits::KEEP_ALIVE)
            .keep_alive_timeout(limits::CONNECT_TIMEOUT)
            .keep_alive_while_idle(true);
        let (sender, driver) = builder.handshake(TokioIo::new(stream)).await?;
        let common = Arc::new(Common { socket, opened: now, used: AtomicBool::new(false) });
        Ok((Self { sender, common }, driver))
    }

    /// To know it by when it has ended.
    pub(crate) fn mark(&self) -> Weak<Common> {
        Arc::downgrade(&self.common)
    }

    /// Whether this is a handle to the connection with that mark.
    pub(crate) fn is(&self, mark: &Weak<Common>) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.common), mark.as_ptr())
    }

    pub(crate) fn opened(&self) -> Duration {
        self.common.opened
    }

    pub(crate) fn is_used(&self) -> bool {
        self.common.used.load(Ordering::Relaxed)
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Whether a request may be put on it, as far as the kernel knows. What has arrived unread may be its end, so it is read first.
    pub(crate) async fn is_ready(&self) -> bool {
        for _ in 0..TURNS {
            if !has_unread(&self.common.socket) || !self.is_open() {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.is_open()
    }

    pub(crate) async fn exchange(&mut self, request: hyper::Request<Gated>) -> Sent {
        self.common.used.store(true, Ordering::Relaxed);
        self.sender.try_send_request(request).await
    }
}

/// Whether the receiver has said that it did nothing with the request, so that it can be sent again whatever it is (RFC 9113 8.7): it
/// refused the stream, or parted and named a last stream before this one. Of the streams up to the last one it says nothing, and their
/// requests end with the connection, as another error.
pub(crate) fn is_unprocessed(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    let is_refusal = |cause: &h2::Error| cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM);
    cause.is_some_and(|cause| cause.is_remote() && (cause.is_go_away() || is_refusal(cause)))
}

/// The next piece of an answer's body; `None` at its end.
pub(crate) async fn chunk(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        match body.frame().await? {
            // Trailers say nothing to us.
            Ok(frame) => match frame.into_data() {
                Ok(data) => return Some(Ok(data)),
                Err(_trailers) => {}
            },
            Err(error) => return Some(Err(error)),
        }
    }
}
