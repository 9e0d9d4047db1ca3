//! HTTP/1.1 over one connection, one request at a time: whoever holds it also does its work, so that a request and its bytes leave in one
//! step, and an answer is there in the step in which it is read.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::connection::{Sight, Stream};
use super::gate::Gated;
use crate::model::limits::ANSWER_BYTES;

/// What hyper wants to hear of a request; the request comes back in the error if it was not begun with.
pub(crate) type Sent = Result<hyper::Response<Incoming>, TrySendError<hyper::Request<Gated>>>;
type Io = TokioIo<Box<dyn Stream>>;

/// A connection that nobody else holds.
pub(crate) struct Single {
    sender: http1::SendRequest<Gated>,
    /// Gone once it has ended.
    connection: Option<http1::Connection<Io, Gated>>,
    sight: Sight,
}

impl Single {
    pub(crate) async fn new(stream: Box<dyn Stream>, sight: Sight) -> hyper::Result<Self> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(ANSWER_BYTES);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        let connection = Some(connection);
        Ok(Self { sender, connection, sight })
    }

    /// Does what is to be done. Says whether the connection still stands.
    pub(crate) fn work(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            // Dropping it gives a request back that was not begun with.
            self.connection = None;
        }
        self.connection.is_some()
    }

    /// Whether a request may be put on it, as far as the kernel knows.
    pub(crate) fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        self.sight.sharpen();
        self.work(cx) && self.sender.is_ready()
    }

    /// Sends, and waits for the answer's head.
    pub(crate) async fn exchange(&mut self, request: hyper::Request<Gated>) -> Sent {
        let mut answer = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        std::future::poll_fn(|cx| {
            if let Some(open) = connection
                && Pin::new(open).poll(cx).is_ready()
            {
                *connection = None;
            }
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// The next piece of the answer's body; `None` at its end, or where it breaks off.
    pub(crate) async fn chunk(&mut self, body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
        std::future::poll_fn(|cx| {
            let mut worked = false;
            loop {
                match Pin::new(&mut *body).poll_frame(cx) {
                    // Trailers say nothing to us.
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => return Poll::Ready(Some(Ok(data))),
                        Err(_trailers) => {}
                    },
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending if worked => return Poll::Pending,
                    Poll::Pending => {
                        self.work(cx);
                        worked = true;
                    }
                }
            }
        })
        .await
    }

    /// After an answer was read to its end: whether another request can follow.
    pub(crate) async fn is_free(&mut self) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(self.work(cx) && self.sender.is_ready())).await
    }
}
