//! The simulator's history API: requests in, rows or scripted answers out (PROTOCOL 5).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::archive::{Column, Manner, Question};
use super::script::Shared;
use crate::feed::dial::Wire;
use crate::model::limits::HANDSHAKE_TIMEOUT;
use crate::model::time::Timestamp;

/// Between two bytes of a slow answer.
const TRICKLE: Duration = Duration::from_millis(10);

/// How the simulator's history API is and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryOptions {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Rows of one answer, at most; the documented maximum is 1000.
    pub maximum: usize,
    /// Which of a row's times the bounds look at.
    pub column: Column,
    /// Whether a row at `startDate` belongs to it.
    pub start_inclusive: bool,
    /// Whether a row at `endDate` belongs to it.
    pub end_inclusive: bool,
    /// A row is given out only so long after it was sent.
    pub lag: Duration,
    /// Rows kept; the oldest leave first.
    pub rows: usize,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            maximum: 1_000,
            column: Column::default(),
            start_inclusive: true,
            end_inclusive: true,
            lag: Duration::ZERO,
            rows: 50_000,
        }
    }
}

/// A scripted answer of the history API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryAnswer {
    /// This status, with these headers (names in lower case) and this body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// 200 with this body, whatever it is.
    Garbage(String),
    /// The true answer, so much later.
    Late(Duration),
    /// The true answer, byte for byte, so that it takes for ever.
    Trickle,
    /// The first half of the true answer; then the connection breaks off.
    Cut,
    /// The true answer with every row twice.
    Twice,
    /// No answer, while the connection stays open.
    Silence,
}

impl HistoryAnswer {
    /// As the API refuses a plan: 403 with words.
    #[must_use]
    pub fn plan() -> Self {
        let body = r#"{"error":"History is available on Pro and Scale plans"}"#;
        Self::Status(403, Vec::new(), body.to_owned())
    }

    /// 429 with `Retry-After` in seconds.
    #[must_use]
    pub fn too_many(seconds: u64) -> Self {
        Self::Status(429, vec![("retry-after", seconds.to_string())], r#"{"error":"rate limit exceeded"}"#.to_owned())
    }
}

/// What a client asked the history API.
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryRequest {
    /// When, by the simulator's clock.
    pub at: Timestamp,
    /// Path and query.
    pub path: String,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What it was answered; 0 for silence.
    pub status: u16,
    /// Rows it was given.
    pub rows: usize,
}

impl HistoryRequest {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// The value of the first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for HistoryRequest {
    /// Without headers: they hold the client's key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("HistoryRequest");
        shown.field("at", &self.at).field("path", &self.path).field("status", &self.status).field("rows", &self.rows);
        shown.finish_non_exhaustive()
    }
}

type Body = BoxBody<Bytes, std::io::Error>;

/// Serves one connection to its end.
pub(super) async fn serve(tcp: TcpStream, shared: Arc<Shared>) {
    let _ = tcp.set_nodelay(true);
    let accepted = timeout(HANDSHAKE_TIMEOUT, async {
        let wire: Box<dyn Wire> = match &shared.options.tls {
            Some(config) => Box::new(TlsAcceptor::from(Arc::clone(config)).accept(tcp).await.ok()?),
            None => Box::new(tcp),
        };
        Some(wire)
    });
    let Ok(Some(wire)) = accepted.await else { return };
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&request, &shared).await) }
    });
    // A connection that fails is the client's affair.
    let _ =
        hyper::server::conn::http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(wire), service).await;
}

async fn answer(request: &Request<Incoming>, shared: &Shared) -> Response<Body> {
    let scripted = shared.history_answer();
    let (status, body, rows) = match &scripted {
        Some(HistoryAnswer::Silence) => (0, String::new(), 0),
        Some(HistoryAnswer::Status(status, _, body)) => (*status, body.clone(), 0),
        Some(HistoryAnswer::Garbage(body)) => (200, body.clone(), 0),
        _ => {
            if let Some(HistoryAnswer::Late(by)) = &scripted {
                sleep(*by).await;
            }
            truth(request, shared, scripted == Some(HistoryAnswer::Twice))
        }
    };
    let now = (shared.options.clock)();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    shared.asked(HistoryRequest { at: now, path, headers: request.headers().iter().map(line).collect(), status, rows });
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let body = match &scripted {
        Some(HistoryAnswer::Trickle) => trickle(body),
        Some(HistoryAnswer::Cut) => cut(&body),
        _ => Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(date(now).map(|date| (DATE, date)));
    if let Some(HistoryAnswer::Status(_, extra, _)) = &scripted {
        for (name, value) in extra {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
    response
}

/// What the archive says: status, body, rows.
fn truth(request: &Request<Incoming>, shared: &Shared, twice: bool) -> (u16, String, usize) {
    let error = |status: u16, words: &str| (status, serde_json::json!({ "error": words }).to_string(), 0);
    if request.uri().path() != "/api/history" {
        return error(404, "not found");
    }
    if request.method() != Method::GET {
        return error(405, "method not allowed");
    }
    let key = request.headers().get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match (key, &shared.options.key) {
        (None | Some(""), _) => return error(401, "missing API key"),
        (Some(key), Some(right)) if right.expose() != key => return error(401, "invalid API key"),
        _ => {}
    }
    if request.headers().get("user-agent").is_none() {
        return error(403, "forbidden");
    }
    let Some(options) = shared.options.history else { return error(404, "not found") };
    let asked = match question(request.uri().query().unwrap_or_default(), options.maximum) {
        Ok(asked) => asked,
        Err(words) => return error(400, words),
    };
    let HistoryOptions { column, start_inclusive, end_inclusive, lag, .. } = options;
    let manner = Manner { column, start_inclusive, end_inclusive, lag };
    shared.archive(|archive| {
        let mut rows = archive.ask(&asked, manner, (shared.options.clock)());
        if twice {
            rows = rows.into_iter().flat_map(|row| [row, row]).collect();
        }
        let metadata = serde_json::json!({ "count": rows.len(), "type": asked.kind });
        (200, format!(r#"{{"data":[{}],"metadata":{metadata}}}"#, rows.join(",")), rows.len())
    })
}

fn question(query: &str, maximum: usize) -> Result<Question, &'static str> {
    let mut asked = Question { kind: "TWEET", limit: 100, ..Question::default() };
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let moment = || value.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| "invalid date");
        match name.as_ref() {
            "startDate" => asked.start = Some(moment()?),
            "endDate" => asked.end = Some(moment()?),
            "limit" => asked.limit = value.parse().ok().filter(|limit| *limit > 0).ok_or("invalid limit")?,
            "type" => {
                let kinds = ["TWEET", "PROFILE", "FOLLOW"];
                asked.kind = kinds.into_iter().find(|kind| value.eq_ignore_ascii_case(kind)).ok_or("invalid type")?;
            }
            "handle" | "handles" | "handle[]" | "handles[]" => {
                asked.handles.extend(value.split(',').map(|handle| handle.trim().trim_start_matches('@').to_lowercase()));
            }
            _ => {}
        }
    }
    asked.limit = asked.limit.min(maximum);
    Ok(asked)
}

fn trickle(body: String) -> Body {
    let bytes = stream::unfold(body.into_bytes().into_iter(), |mut bytes| async move {
        sleep(TRICKLE).await;
        let byte = bytes.next()?;
        Some((Ok(Frame::data(Bytes::copy_from_slice(&[byte]))), bytes))
    });
    StreamBody::new(bytes).boxed()
}

fn cut(body: &str) -> Body {
    let half = Bytes::copy_from_slice(body.as_bytes().get(..body.len() / 2).unwrap_or_default());
    let parts = [Ok(Frame::data(half)), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    StreamBody::new(stream::iter(parts)).boxed()
}

/// A `Date` of the simulator's clock, which may be another than the system's; none where HTTP cannot say it.
pub(super) fn date(now: Timestamp) -> Option<HeaderValue> {
    let ms = u64::try_from(now.as_millis()).unwrap_or(0);
    let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms))?;
    HeaderValue::from_str(&httpdate::fmt_http_date(date)).ok()
}
