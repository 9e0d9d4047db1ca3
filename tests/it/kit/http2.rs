//! A server that speaks HTTP/2 and nothing else, counts, and can go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Answers 204 to everything, after a pause. Runs until it is dropped.
pub(crate) struct Http2 {
    pub(crate) url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    part: Notify,
    break_off: Notify,
}

impl Http2 {
    #[expect(clippy::disallowed_methods, reason = "a test server runs beside the test")]
    pub(crate) async fn start(acceptor: TlsAcceptor, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook", listener.local_addr().unwrap().port());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    state.open.fetch_add(1, Ordering::SeqCst);
                    if let Ok(stream) = acceptor.accept(stream).await {
                        talk(stream, &state, pause).await;
                    }
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { url, state, task }
    }

    /// Connections that came.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// Requests that promised a body.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// The most requests that were unanswered at once.
    pub(crate) fn most_under_way(&self) -> usize {
        self.state.most_under_way.load(Ordering::SeqCst)
    }

    /// Parts from all connections as HTTP/2 wants it (GOAWAY).
    pub(crate) fn part(&self) {
        self.state.part.notify_waiters();
    }

    /// Drops all connections without a word.
    pub(crate) fn break_off(&self) {
        self.state.break_off.notify_waiters();
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(stream: TlsStream<TcpStream>, state: &State, pause: Duration) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let mut answers = futures_util::stream::FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                answers.push(answer(request, respond, state, pause));
            }
            Some(()) = futures_util::StreamExt::next(&mut answers), if !answers.is_empty() => {}
            () = state.part.notified() => connection.graceful_shutdown(),
            () = state.break_off.notified() => return,
        }
    }
}

async fn answer(
    request: axum::http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<bytes::Bytes>,
    state: &State,
    pause: Duration,
) {
    let under_way = state.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    state.most_under_way.fetch_max(under_way, Ordering::SeqCst);
    // What a request sends comes only while the connection is driven, so the answer does not wait for the body.
    let length = request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    state.requests.fetch_add(usize::from(length.is_some_and(|length| length > 0)), Ordering::SeqCst);
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let mut response = axum::http::Response::new(());
    *response.status_mut() = axum::http::StatusCode::NO_CONTENT;
    let _ = respond.send_response(response, true);
    state.under_way.fetch_sub(1, Ordering::SeqCst);
}
