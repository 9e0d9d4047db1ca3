//! Both ends of a contender: the feed that it listens to and the receiver of its requests.

use std::convert::Infallible;
use std::io;
use std::rc::Rc;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request as Upgrade, Response as Answer};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::board::Board;
use crate::envelopes::number_in;

/// A feed with its one client.
pub(crate) struct Feed(SplitSink<WebSocketStream<TcpStream>, Message>);

impl Feed {
    /// Waits for the client.
    pub(crate) async fn accept(listener: &TcpListener) -> Result<Self, Error> {
        let (wire, _) = listener.accept().await?;
        wire.set_nodelay(true)?;
        let (sink, mut stream) = accept_hdr_async(wire, answer).await?.split();
        // Pings are answered while somebody reads.
        spawn_local(async move { while let Some(Ok(_)) = stream.next().await {} });
        Ok(Self(sink))
    }

    pub(crate) async fn send(&mut self, frame: String) -> Result<(), Error> {
        self.0.send(Message::text(frame)).await
    }
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the signature is tungstenite's")]
fn answer(_: &Upgrade, mut answer: Answer) -> Result<Answer, ErrorResponse> {
    answer.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("tweetstream.v1"));
    Ok(answer)
}

/// Takes requests for ever, answers each at once and writes it on the board.
pub(crate) async fn receive(listener: TcpListener, board: Rc<Board>) -> io::Result<()> {
    loop {
        let (wire, _) = listener.accept().await?;
        wire.set_nodelay(true)?;
        let board = Rc::clone(&board);
        let service = service_fn(move |request: Request<Incoming>| take(request, Rc::clone(&board)));
        spawn_local(http1::Builder::new().serve_connection(TokioIo::new(wire), service));
    }
}

async fn take(request: Request<Incoming>, board: Rc<Board>) -> Result<Response<Full<Bytes>>, Infallible> {
    // A request that ends before its body does tells of nothing.
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    board.came(number_in(&body), Instant::now());
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}
