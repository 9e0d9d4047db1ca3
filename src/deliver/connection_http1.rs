//! HTTP/1.1 over one connection, one request at a time: whoever holds it also does its work, so that a request and its bytes leave in one
//! step, and an answer is there in the step in which it is read. Head and body leave in one write; nothing stands between that and the socket.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, ReadBuf};

use super::connection::{Sight, Stream};
use super::http1_answer::{self, Flaw, Head, Progress, Rest};
use super::outgoing::Outgoing;

/// Bytes that are read at once of an answer: few have more.
const READ: usize = 4 * 1024;
/// A body up to here is copied behind its head, so that both are one piece.
const COPIED: usize = 16 * 1024;

/// A connection that nobody else holds.
pub(crate) struct Single {
    stream: Box<dyn Stream>,
    sight: Sight,
    /// What was read and is not taken yet.
    read: BytesMut,
    /// How the rest of an answer is to be read, once its head is there.
    rest: Option<Rest>,
    /// What of a request has not left yet.
    leaving: Option<Leaving>,
    /// It was looked at, and stood, for the request that comes next.
    is_seen: bool,
    /// Nothing more goes over it.
    is_over: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The gate stayed shut. Nothing has left, and the connection stands.
    #[error("not let through")]
    Shut,
    /// Nothing has left.
    #[error("connection closed before the request was sent")]
    Ended,
    #[error("{0}")]
    Flawed(#[from] Flaw),
    #[error("connection error: {0}")]
    Io(#[from] io::Error),
}

/// A request on its way.
struct Leaving {
    /// Its head, and a small body.
    first: Vec<u8>,
    /// So much of that has left.
    left: usize,
    /// What is left of a large body.
    second: Bytes,
}

impl Single {
    pub(crate) fn new(stream: Box<dyn Stream>, sight: Sight) -> Self {
        Self { stream, sight, read: BytesMut::new(), rest: None, leaving: None, is_seen: false, is_over: false }
    }

    /// Looks after it while nothing is under way. Says whether it still stands: whatever comes unasked is its end.
    pub(crate) fn work(&mut self, cx: &mut Context<'_>) -> bool {
        let mut byte = [0];
        self.is_over = self.is_over || Pin::new(&mut self.stream).poll_read(cx, &mut ReadBuf::new(&mut byte)).is_ready();
        !self.is_over
    }

    /// Whether a request may be put on it, as far as the kernel knows.
    pub(crate) fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        self.sight.sharpen();
        self.is_seen = self.work(cx);
        self.is_seen
    }

    /// Sends, and waits for the answer's head. Asked of the gate at the last moment. One that has ended, or that speaks unasked, takes nothing.
    pub(crate) async fn exchange(&mut self, request: &mut Outgoing) -> Result<Head, Broken> {
        let mut is_begun = false;
        let exchanged = std::future::poll_fn(|cx| {
            if !is_begun {
                if let Err(broken) = self.begin(request, cx) {
                    return Poll::Ready(Err(broken));
                }
                is_begun = true;
            }
            self.poll_exchange(cx)
        });
        exchanged.await
    }

    fn begin(&mut self, request: &mut Outgoing, cx: &mut Context<'_>) -> Result<(), Broken> {
        if !std::mem::take(&mut self.is_seen) && !self.is_ready(cx) {
            return Err(Broken::Ended);
        }
        self.is_seen = false;
        let beside = Some(request.body.length()).filter(|length| *length <= COPIED);
        let head = request.head(beside.unwrap_or_default());
        let body = request.body.take().ok_or(Broken::Shut)?;
        // Until its answer has been read to the end.
        self.is_over = true;
        self.leaving = Some(Leaving::new(head, body));
        Ok(())
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Broken>> {
        let has_left = self.poll_leaving(cx)?.is_ready();
        loop {
            // An answer may come before all has left.
            if !self.read.is_empty()
                && let Some((head, mut rest)) = http1_answer::head(&mut self.read)?
            {
                rest.keeps &= has_left;
                self.rest = Some(rest);
                return Poll::Ready(Ok(head));
            }
            // A head that comes in many pieces is not read from its beginning for each of them.
            loop {
                let read = ready!(self.poll_read(cx))?;
                if read == 0 {
                    return Poll::Ready(Err(Broken::Flawed(Flaw::Incomplete)));
                }
                if http1_answer::may_have_head(&self.read, read) {
                    break;
                }
            }
        }
    }

    /// Until all of the request was handed to the connection.
    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(leaving) = &mut self.leaving {
            ready!(leaving.poll(&mut *self.stream, cx))?;
            self.leaving = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once, behind what was read before.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.read.reserve(READ);
        pin!(self.stream.read_buf(&mut self.read)).poll(cx)
    }

    /// Reads the body of an answer whose head is there, as much of it as is read of any. Says whether that was all; if it was, and nothing speaks
    /// against it, another request can follow.
    pub(crate) async fn body(&mut self, into: &mut Vec<u8>) -> bool {
        let Some(mut rest) = self.rest.take() else { return false };
        std::future::poll_fn(|cx| {
            // Who answers early may want to hear the rest before going on. That it does not want to says nothing of what it said.
            let _ = self.poll_leaving(cx);
            loop {
                match rest.take(&mut self.read, into) {
                    Ok(Progress::Whole) => {
                        self.is_over = !rest.keeps || !self.read.is_empty();
                        return Poll::Ready(true);
                    }
                    Ok(Progress::More) => {}
                    Ok(Progress::Cut) | Err(_) => return Poll::Ready(false),
                }
                match ready!(self.poll_read(cx)) {
                    Ok(1..) => {}
                    Ok(0) => return Poll::Ready(rest.is_whole_at_end()),
                    Err(_) => return Poll::Ready(false),
                }
            }
        })
        .await
    }

    /// After an answer was read to its end: whether another request can follow.
    pub(crate) async fn is_free(&mut self) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(!self.is_over && self.work(cx))).await
    }
}

impl Leaving {
    fn new(head: Vec<u8>, body: Bytes) -> Self {
        let (mut first, mut second) = (head, body);
        if second.len() <= COPIED {
            first.extend_from_slice(&second);
            second.clear();
        }
        Self { first, left: 0, second }
    }

    /// Until all was handed to the connection.
    fn poll(&mut self, stream: &mut dyn Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let head = self.first.get(self.left..).unwrap_or_default();
            let part = if head.is_empty() { &self.second } else { head };
            if part.is_empty() {
                return Pin::new(stream).poll_flush(cx);
            }
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, part))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            } else if head.is_empty() {
                self.second.advance(written);
            } else {
                self.left += written;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use hyper::Method;
    use hyper::header::{HeaderMap, HeaderValue};
    use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
    use url::Url;

    use super::*;
    use crate::clock::Clock;
    use crate::deliver::gate::{Gate, Gated};
    use crate::deliver::route::Route;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    fn request(body: &str, gate: Gate) -> Outgoing {
        let url = Arc::new(Url::parse("http://bot.example/hook").unwrap());
        let route = Arc::new(Route::new(&url, &HeaderValue::from_static("birdcall")).unwrap());
        let clock = Clock::system();
        let not_after = clock.now().plus(Duration::from_secs(60));
        let body = Gated::new(Bytes::from(body.to_owned()), not_after, clock, Arc::new(gate));
        Outgoing { method: Method::POST, headers: HeaderMap::new(), route, body }
    }

    /// A connection whose peer takes so many bytes before it reads.
    fn connection(room: usize) -> (Single, DuplexStream) {
        let (ours, theirs) = duplex(room);
        (Single::new(Box::new(ours), Sight::default()), theirs)
    }

    async fn is_ready(single: &mut Single) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(single.is_ready(cx))).await
    }

    /// What a peer hears until the body of a request is there.
    async fn hear(peer: &mut DuplexStream, body: &str) -> Vec<u8> {
        let mut heard = Vec::new();
        while !heard.ends_with(body.as_bytes()) {
            assert!(peer.read_buf(&mut heard).await.unwrap() > 0);
        }
        heard
    }

    /// What a peer says when it has heard the first of a request.
    async fn answer_early(peer: &mut DuplexStream, answer: &[u8]) {
        assert!(peer.read_buf(&mut Vec::with_capacity(10)).await.unwrap() > 0);
        peer.write_all(answer).await.unwrap();
    }

    #[tokio::test]
    async fn requests_of_any_length_go_one_after_the_other_over_the_same_connection() {
        let (mut single, mut peer) = connection(1_000);
        for length in [1, 900, COPIED, COPIED + 1, 10 * COPIED] {
            let body = "x".repeat(length) + "!";
            assert!(is_ready(&mut single).await, "{length}");
            let mut request = request(&body, Gate::default());
            let head = request.head(0);
            let answering = async {
                let heard = hear(&mut peer, &body).await;
                assert!(heard == [&head, body.as_bytes()].concat(), "{length}");
                peer.write_all(ANSWER).await.unwrap();
            };
            let (answer, ()) = tokio::join!(single.exchange(&mut request), answering);
            assert_eq!(answer.unwrap().status, 200);
            let mut said = Vec::new();
            assert!(single.body(&mut said).await && single.is_free().await);
            assert_eq!(said, b"ok");
        }
    }

    #[tokio::test]
    async fn head_and_body_of_a_usual_request_are_there_at_once() {
        let (mut single, mut peer) = connection(100_000);
        let mut request = request("{}", Gate::default());
        let length = request.head(0).len() + 2;
        let mut sending = pin!(single.exchange(&mut request));
        assert!(std::future::poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx).is_pending())).await);
        let mut heard = vec![0; 100_000];
        assert_eq!(peer.read(&mut heard).await.unwrap(), length);
    }

    #[tokio::test]
    async fn what_was_not_let_through_leaves_nothing_behind() {
        let (mut single, mut peer) = connection(1_000);
        let held = request("{}", Gate::held_by(Box::new(|| false)));
        assert!(matches!(single.exchange(&mut { held }).await, Err(Broken::Shut)));
        assert!(is_ready(&mut single).await);
        drop(single);
        let mut heard = Vec::new();
        assert_eq!(peer.read_to_end(&mut heard).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_connection_on_which_something_is_out_of_step_serves_no_more() {
        // Words that nobody asked for, while it is idle and behind an answer; an answer that says so, and one before all was heard.
        let (mut single, mut peer) = connection(1_000);
        peer.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
        assert!(!is_ready(&mut single).await);
        for (answer, body) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1"[..], "{}".to_owned()),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", "{}".to_owned()),
            (ANSWER, "x".repeat(100_000)),
        ] {
            let (mut single, mut peer) = connection(1_000);
            let mut request = request(&body, Gate::default());
            let (head, ()) = tokio::join!(single.exchange(&mut request), answer_early(&mut peer, answer));
            assert_eq!(head.unwrap().status, 200);
            let mut said = Vec::new();
            assert!(single.body(&mut said).await && !single.is_free().await && !is_ready(&mut single).await);
            assert_eq!(said, b"ok");
        }
    }

    #[tokio::test]
    async fn one_that_has_ended_or_speaks_unasked_takes_no_request_even_if_it_is_new() {
        for word in [&b""[..], ANSWER, b"HTTP/1.1 408 Request Timeout\r\n\r\n"] {
            let (mut single, mut peer) = connection(1_000);
            peer.write_all(word).await.unwrap();
            peer.shutdown().await.unwrap();
            let mut request = request("{}", Gate::default());
            assert!(matches!(single.exchange(&mut request).await, Err(Broken::Ended)));
            assert_eq!(request.body.length(), 2, "it is as it was");
        }
    }

    #[tokio::test]
    async fn who_answers_early_hears_the_rest_before_the_answer_is_over() {
        let (mut single, mut peer) = connection(1_000);
        let body = "x".repeat(50_000) + "!";
        let mut request = request(&body, Gate::default());
        let (head, ()) =
            tokio::join!(single.exchange(&mut request), answer_early(&mut peer, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"));
        assert_eq!(head.unwrap().status, 200);
        let mut said = Vec::new();
        let rest = async {
            hear(&mut peer, "x!").await;
            peer.write_all(b"ok").await.unwrap();
        };
        let (is_whole, ()) = tokio::join!(single.body(&mut said), rest);
        assert!(is_whole && said == b"ok");
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_none_and_a_body_that_does_is_not_whole() {
        for cut in 0..=ANSWER.len() {
            let (mut single, mut peer) = connection(1_000);
            let breaking_off = async {
                answer_early(&mut peer, &ANSWER[..cut]).await;
                peer.shutdown().await.unwrap();
            };
            let mut request = request("{}", Gate::default());
            let (answer, ()) = tokio::join!(single.exchange(&mut request), breaking_off);
            assert_eq!(answer.is_ok(), cut >= ANSWER.len() - 2, "{cut}");
            if answer.is_ok() {
                assert_eq!(single.body(&mut Vec::new()).await, cut == ANSWER.len(), "{cut}");
            }
            assert!(!is_ready(&mut single).await);
        }
    }
}
