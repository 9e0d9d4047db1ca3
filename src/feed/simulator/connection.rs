//! One client of the simulator: TLS, handshake, then what it is told to do until it ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header::DATE};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Echo;
use super::history::date;
use super::script::{Command, Offer, Received, Shared};
use crate::feed::dial::Wire;
use crate::feed::target::{PROTOCOL, TOKEN};
use crate::model::limits::{HANDSHAKE_TIMEOUT, MESSAGE_BYTES};

/// How long a client may take to answer a Close frame.
const GOODBYE: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<Box<dyn Wire>>;

/// Serves one client to its end.
pub(super) async fn serve(tcp: TcpStream, shared: Arc<Shared>, commands: broadcast::Receiver<Command>) {
    let Ok(Some(socket)) = timeout(HANDSHAKE_TIMEOUT, accept(tcp, &shared)).await else { return };
    shared.count(|stats| stats.accepted += 1);
    talk(socket, &shared, commands).await;
    shared.received(Received::End);
    shared.count(|stats| {
        stats.open -= 1;
        stats.ended += 1;
    });
}

async fn accept(tcp: TcpStream, shared: &Shared) -> Option<Socket> {
    tcp.set_nodelay(true).ok()?;
    let wire: Box<dyn Wire> = match &shared.options.tls {
        Some(config) => Box::new(TlsAcceptor::from(Arc::clone(config)).accept(tcp).await.ok()?),
        None => Box::new(tcp),
    };
    let mut placed = false;
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let answer = |request: &Request, response: Response| {
        let result = decide(request, response, shared);
        placed = result.is_ok();
        result
    };
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES));
    let socket = accept_hdr_async_with_config(wire, answer, Some(config)).await;
    if placed && socket.is_err() {
        shared.count(|stats| stats.open -= 1);
    }
    socket.ok()
}

#[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
fn decide(request: &Request, mut response: Response, shared: &Shared) -> Result<Response, ErrorResponse> {
    let options = &shared.options;
    let status = match (shared.refusal(), shown_key(request)) {
        (Some(status), _) => status,
        (None, None) => 401,
        (None, Some(key)) if options.key.as_ref().is_some_and(|right| right.expose() != key) => 401,
        (None, Some(_)) if shared.take_place() => 101,
        (None, Some(_)) => 429,
    };
    let line =
        |(name, value): (&_, &HeaderValue)| (ToString::to_string(name), String::from_utf8_lossy(value.as_bytes()).into_owned());
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    shared.offered(Offer { path, headers: request.headers().iter().map(|(name, value)| line((name, value))).collect(), status });
    if status == 101 {
        response.headers_mut().extend(date((options.clock)()).map(|date| (DATE, date)));
        if let Some(echo) = echo(request, options.echo).and_then(|echo| HeaderValue::from_str(&echo).ok()) {
            response.headers_mut().insert("sec-websocket-protocol", echo);
        }
        return Ok(response);
    }
    shared.count(|stats| stats.refused += 1);
    let mut refusal = ErrorResponse::new(None);
    *refusal.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if (300..400).contains(&status) {
        refusal.headers_mut().insert("location", HeaderValue::from_static("ws://127.0.0.1:9/elsewhere"));
    }
    Err(refusal)
}

/// The offered subprotocols, in order.
fn subprotocols(request: &Request) -> impl Iterator<Item = &str> {
    let lines = request.headers().get_all("sec-websocket-protocol").into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The key, shown in one of the three ways of PROTOCOL 1.2.
fn shown_key(request: &Request) -> Option<String> {
    let by_subprotocol = subprotocols(request).find_map(|name| name.strip_prefix(TOKEN)).map(str::to_owned);
    let by_header = || {
        let value = request.headers().get("authorization")?.to_str().ok()?;
        value.strip_prefix("Bearer ").map(str::to_owned)
    };
    let by_query = || {
        let query = request.uri().query()?.as_bytes();
        url::form_urlencoded::parse(query).find(|(name, _)| name == "apiKey").map(|(_, key)| key.into_owned())
    };
    by_subprotocol.or_else(by_header).or_else(by_query).filter(|key| !key.is_empty())
}

fn echo(request: &Request, echo: Echo) -> Option<String> {
    let mut offered = subprotocols(request);
    let found = match echo {
        Echo::Version => offered.find(|name| *name == PROTOCOL),
        Echo::Token => offered.find(|name| name.starts_with(TOKEN)),
        Echo::Nothing => None,
    };
    found.map(str::to_owned)
}

/// Obeys and listens until the connection ends.
async fn talk(mut socket: Socket, shared: &Shared, mut commands: broadcast::Receiver<Command>) {
    let mut frozen = false;
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Ok(Command::Cut) => return,
                Ok(Command::Freeze) => frozen = true,
                Ok(_) if frozen => {}
                Ok(Command::Close(code, reason)) => return goodbye(socket, shared, code, reason).await,
                Ok(command) => if obey(&mut socket, command).await.is_err() { return },
                Err(RecvError::Lagged(_)) => return goodbye(socket, shared, 1013, "too slow".to_owned()).await,
                Err(RecvError::Closed) => return,
            },
            read = socket.next(), if !frozen => match read {
                Some(Ok(message)) => note(shared, &message),
                Some(Err(_)) | None => return,
            },
        }
    }
}

async fn obey(socket: &mut Socket, command: Command) -> Result<(), Error> {
    match command {
        Command::Text(text) => socket.send(Message::Text(text)).await,
        Command::Binary(bytes) => socket.send(Message::Binary(bytes)).await,
        Command::Raw(bytes) => {
            socket.get_mut().write_all(&bytes).await?;
            Ok(socket.get_mut().flush().await?)
        }
        Command::Close(..) | Command::Cut | Command::Freeze => Ok(()),
    }
}

async fn goodbye(mut socket: Socket, shared: &Shared, code: u16, reason: String) {
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(message)) = socket.next().await {
                note(shared, &message);
            }
        }
    };
    let _ = timeout(GOODBYE, goodbye).await;
}

fn note(shared: &Shared, message: &Message) {
    let frame = match message {
        Message::Text(text) => Received::Text(text.clone()),
        Message::Binary(bytes) => Received::Binary(bytes.clone()),
        Message::Ping(_) => Received::Ping,
        Message::Pong(_) => Received::Pong,
        Message::Close(frame) => Received::Close(frame.as_ref().map(|frame| frame.code.into())),
        Message::Frame(_) => return,
    };
    if frame == Received::Ping {
        shared.count(|stats| stats.pings += 1);
    }
    shared.received(frame);
}
