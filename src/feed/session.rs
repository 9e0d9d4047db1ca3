//! One open connection → its frames, and in the end why it ended. Keeps it alive with pings and notices when it is dead.
//!
//! Everything is a `poll`: there is no state in a future that a `select!` could drop.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink as _, SinkExt as _, Stream as _, StreamExt as _};
use tokio::io::AsyncWrite as _;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Text;
use super::close::Loss;
use super::dial::Socket;
use super::liveness::{Due, Liveness};
use super::target::Target;
use crate::model::limits::MESSAGE_BYTES;

/// Control frames read in one go before others get their turn: a flood of pings must not hold the task.
const CONTROL_FRAMES: u32 = 64;

/// What came of a connection.
pub(super) enum News {
    Text(Text),
    /// A binary frame that is not UTF-8, of so many bytes.
    Unreadable(usize),
    /// The connection is over; nothing more comes of it.
    Gone(Loss),
}

/// An open connection.
pub(super) struct Session {
    socket: Socket,
    opened: Instant,
    liveness: Liveness,
    timer: Pin<Box<Sleep>>,
    flushing: bool,
}

impl Session {
    pub(super) fn new(socket: Socket, ping_every: Duration, dead_after: Duration) -> Self {
        let opened = Instant::now();
        let timer = Box::pin(sleep_until(opened + ping_every));
        Self { socket, opened, liveness: Liveness::new(ping_every, dead_after), timer, flushing: false }
    }

    /// How long after its opening the connection was last heard: a measure of how stable it was.
    pub(super) fn heard(&self) -> Duration {
        self.liveness.heard()
    }

    /// When it was last heard.
    pub(super) fn last_heard(&self) -> Instant {
        self.opened + self.liveness.heard()
    }

    /// The next news. `target` makes the feed's words safe.
    pub(super) fn poll(&mut self, target: &Target, cx: &mut Context<'_>) -> Poll<News> {
        let mut control = 0;
        // First everything that has arrived, then the clock: a caller that was away must not find its connection dead.
        while let Poll::Ready(read) = Pin::new(&mut self.socket).poll_next(cx) {
            if let Some(Ok(_)) = &read {
                self.liveness.frame(self.opened.elapsed());
            }
            match read {
                Some(Ok(Message::Text(text))) => return Poll::Ready(News::Text(text)),
                Some(Ok(Message::Binary(bytes))) => {
                    let length = bytes.len();
                    return Poll::Ready(Text::try_from(bytes).map_or(News::Unreadable(length), News::Text));
                }
                Some(Ok(Message::Close(frame))) => return Poll::Ready(News::Gone(self.closed(target, frame, cx))),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                    control += 1;
                    if control == CONTROL_FRAMES {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Some(Err(error)) => return Poll::Ready(News::Gone(self.failed(error, cx))),
                None => return Poll::Ready(News::Gone(Loss::Ended)),
            }
        }
        let broken = match self.poll_flush(cx) {
            Poll::Ready(Err(error)) => error,
            Poll::Ready(Ok(())) | Poll::Pending => ready!(self.poll_clock(cx)),
        };
        Poll::Ready(News::Gone(broken))
    }

    /// Ends when the connection is dead.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<Loss> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = self.opened.elapsed();
            match self.liveness.due(now) {
                Due::Wait(until) => self.timer.as_mut().reset(self.opened + until),
                Due::Dead(silent) => return Poll::Ready(Loss::Silent(silent)),
                Due::Ping => {
                    self.liveness.pinged(now);
                    match Pin::new(&mut self.socket).start_send(Message::Ping(Bytes::new())) {
                        // A full buffer means that the feed does not read; whether it is dead is decided by the clock.
                        Ok(()) | Err(Error::WriteBufferFull(_)) => self.flushing = true,
                        Err(error) => return Poll::Ready(loss(error)),
                    }
                    if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                        return Poll::Ready(error);
                    }
                }
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Loss>> {
        if self.flushing {
            ready!(Pin::new(&mut self.socket).poll_flush(cx)).map_err(loss)?;
            self.flushing = false;
        }
        Poll::Ready(Ok(()))
    }

    /// The feed said goodbye: so do we, as far as that works without waiting.
    fn closed(&mut self, target: &Target, frame: Option<CloseFrame>, cx: &mut Context<'_>) -> Loss {
        self.hang_up(cx);
        let code = frame.as_ref().map(|frame| frame.code.into());
        let reason = frame.map(|frame| target.safe(&frame.reason)).unwrap_or_default();
        Loss::Closed { code, reason }
    }

    /// Reading failed: where RFC 6455 wants the other side to be told why, it is.
    fn failed(&mut self, error: Error, cx: &mut Context<'_>) -> Loss {
        let loss = loss(error);
        let code = match loss {
            Loss::TooBig { .. } => Some(CloseCode::Size),
            Loss::NotUtf8 => Some(CloseCode::Invalid),
            Loss::Protocol(_) => Some(CloseCode::Protocol),
            _ => None,
        };
        if let Some(code) = code {
            let frame = CloseFrame { code, reason: Text::from_static("") };
            // The connection is given up whatever comes of this.
            let _ = Pin::new(&mut self.socket).start_send(Message::Close(Some(frame)));
            self.hang_up(cx);
        }
        loss
    }

    /// Sends what is still to be sent, as far as that works without waiting, and ends TLS and TCP in order.
    fn hang_up(&mut self, cx: &mut Context<'_>) {
        let _ = Pin::new(&mut self.socket).poll_flush(cx);
        let _ = Pin::new(self.socket.get_mut()).poll_shutdown(cx);
    }

    /// Says goodbye and waits up to `limit` for the feed's. Frames that still arrive are lost.
    pub(super) async fn close(mut self, limit: Duration) {
        let goodbye = async {
            let frame = CloseFrame { code: CloseCode::Normal, reason: Text::from_static("") };
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(limit, goodbye).await;
    }
}

fn loss(error: Error) -> Loss {
    match error {
        Error::Capacity(_) => Loss::TooBig { limit: MESSAGE_BYTES },
        Error::Utf8(_) => Loss::NotUtf8,
        Error::Protocol(error) => {
            use tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
            if error == ResetWithoutClosingHandshake { Loss::Ended } else { Loss::Protocol(error.to_string()) }
        }
        Error::Io(error) => Loss::Broken(error),
        Error::ConnectionClosed | Error::AlreadyClosed => Loss::Ended,
        // The rest cannot come from reading, pinging or flushing; its text could hold what we sent.
        _ => Loss::Broken(io::Error::other("unexpected WebSocket error")),
    }
}
