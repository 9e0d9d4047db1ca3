//! One question to the history API → its rows, or why there are none. Tries again where that may help, and never earlier than the API asks.
//! The only place that sees what the HTTP client and the API say, which may hold the key or worse.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AGE, AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use tokio::time::{Instant, sleep, sleep_until};
use url::{Host, Url};

use super::paging::Stamp;
use super::question::{Answer, Ask, Failure, Query};
use super::settings::{SettingsError, check};
use super::window::Row;
use super::{HistorySettings, HistoryTimers, Unavailable};
use crate::clock::Clock;
use crate::decode;
use crate::model::host::is_private;
use crate::model::limits::{ANSWER_BYTES, ANSWER_SHOWN, CONNECT_TIMEOUT, MESSAGE_BYTES, RETRY_AFTER_MAX};
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// The API itself, over HTTP.
pub(super) struct Asker {
    http: reqwest::Client,
    url: Url,
    bearer: HeaderValue,
    key: Secret,
    clock: Clock,
    timers: HistoryTimers,
    answer_bytes: usize,
    /// The API asked to be left alone until then.
    not_before: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// Why there is no answer to a question that is asked once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Unanswered {
    /// The HTTP status, if one came.
    pub status: Option<u16>,
    /// In words, without the key.
    pub words: String,
}

/// What became of one try.
enum Try {
    Answered(Answer),
    TooLong,
    Over(Unavailable),
    /// In words, and how long the API asks to be left alone.
    Again(String, Option<Duration>),
}

impl Asker {
    pub(super) fn new(settings: HistorySettings, timers: HistoryTimers, answer_bytes: usize) -> Result<Self, SettingsError> {
        let HistorySettings { url, key, tls, agent, clock } = settings;
        let (url, bearer) = check(&url, &key)?;
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .user_agent(agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT.min(timers.timeout))
            .timeout(timers.timeout)
            .pool_idle_timeout(Duration::from_secs(10))
            .pool_max_idle_per_host(1);
        if url.scheme() == "http" {
            http = http.dns_resolver(PrivateOnly);
        }
        let http = http.build().map_err(|error| SettingsError::Client(causes(&error.without_url(), &key)))?;
        Ok(Self { http, url, bearer, key, clock, timers, answer_bytes, not_before: Mutex::default() })
    }

    async fn try_once(&self, query: Query) -> Try {
        let at = |ms: i64| Timestamp::from_millis(ms).to_string();
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("startDate", &at(query.start))
            .append_pair("endDate", &at(query.end))
            .append_pair("limit", &query.limit.to_string())
            .append_pair("type", query.kind.name());
        let sent = self.http.get(url).header(AUTHORIZATION, self.bearer.clone()).header(ACCEPT, "application/json").send().await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Try::Again(self.explain(error), None),
        };
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        // Its time is that of its head; the rest may take long.
        let ahead = self.ahead(&headers);
        let wanted = if status.is_success() { self.answer_bytes } else { ANSWER_BYTES };
        let body = match read(&mut response, wanted).await {
            Ok(Some(body)) => body,
            Ok(None) if status.is_success() => return Try::TooLong,
            // Why it refuses may be as long as it likes; its status was said.
            Ok(None) => Vec::new(),
            Err(error) if status.is_success() => return Try::Again(self.explain(error), None),
            Err(_) => Vec::new(),
        };
        if status.is_success() {
            return self.understand(body, ahead).await;
        }
        self.refused(status, &headers, &body)
    }

    /// Reads a whole answer: some megabytes, so not on the thread on which the live feed waits.
    async fn understand(&self, body: Vec<u8>, ahead: Option<i64>) -> Try {
        let bytes = body.len();
        let read = tokio::task::spawn_blocking(move || {
            let text = String::from_utf8_lossy(&body);
            rows(&text).map_err(|why| (why, text.chars().take(ANSWER_SHOWN * 4).collect::<String>()))
        });
        match read.await {
            Ok(Ok((rows, unusable))) => Try::Answered(Answer { rows, unusable, bytes, ahead, requests: 0 }),
            Ok(Err((why, begin))) => {
                let said = self.said(&begin);
                let behind = if said.is_empty() { String::new() } else { format!(": {said}") };
                Try::Again(format!("what it answers is no history ({why}){behind}"), None)
            }
            Err(_) => Try::Again("its answer could not be read".to_owned(), None),
        }
    }

    /// Asks for the URL itself, once: the answer, or why there is none.
    pub(super) async fn once(&self) -> Result<Vec<u8>, Unanswered> {
        let without = |words: String| Unanswered { status: None, words };
        let request =
            self.http.get(self.url.clone()).header(AUTHORIZATION, self.bearer.clone()).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| without(self.explain(error)))?;
        let status = response.status();
        let body = read(&mut response, self.answer_bytes).await.map_err(|error| without(self.explain(error)))?;
        if status.is_success() {
            return body.ok_or_else(|| without("its answer is too long".to_owned()));
        }
        let said = self.said(&String::from_utf8_lossy(&body.unwrap_or_default()));
        let behind = if said.is_empty() { String::new() } else { format!(": {said}") };
        Err(Unanswered { status: Some(status.as_u16()), words: format!("HTTP {}{behind}", status.as_u16()) })
    }

    fn refused(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Try {
        let body = String::from_utf8_lossy(body);
        let said = self.said(&body);
        let words =
            if said.is_empty() { format!("HTTP {}", status.as_u16()) } else { format!("HTTP {}: {said}", status.as_u16()) };
        match status.as_u16() {
            408 | 425 | 429 | 500..=599 => Try::Again(words, self.retry_after(headers)),
            // A page of some proxy in between says nothing about the plan or the key.
            401 | 403 if body.trim_start().starts_with('<') => Try::Again(words, self.retry_after(headers)),
            401 => Try::Over(Unavailable::Refused(format!("{words}; is the API key right?"))),
            402 | 403 => Try::Over(Unavailable::Plan(words)),
            300..=399 => Try::Over(Unavailable::Refused(format!("{words}; it leads elsewhere, and redirects are not followed"))),
            404 | 410 => Try::Over(Unavailable::Refused(format!("{words}; is the url of the history right?"))),
            _ => Try::Over(Unavailable::Refused(words)),
        }
    }

    /// What an answer that is none says: one short line of plain text, without the key.
    fn said(&self, body: &str) -> String {
        let parsed: Option<serde_json::Value> = serde_json::from_str(body).ok();
        let text = match &parsed {
            Some(value) => {
                let message =
                    |value: &serde_json::Value| value.as_str().or_else(|| value.get("message")?.as_str()).map(str::to_owned);
                let found = ["error", "message"].into_iter().find_map(|name| value.get(name).and_then(message));
                let details = value.get("details").and_then(serde_json::Value::as_str);
                match (found, details) {
                    (Some(found), Some(details)) => format!("{found} ({details})"),
                    (Some(found), None) => found,
                    (None, details) => details.unwrap_or_default().to_owned(),
                }
            }
            None if body.trim_start().starts_with(['<', '{', '[']) => String::new(),
            None => body.to_owned(),
        };
        safe(&text, &self.key)
    }

    fn explain(&self, error: reqwest::Error) -> String {
        let error = error.without_url();
        let host = self.url.host_str().unwrap_or_default();
        if error.is_timeout() {
            format!("{host} did not answer in time")
        } else {
            format!("{host}: {}", causes(&error, &self.key))
        }
    }

    fn ahead(&self, headers: &HeaderMap) -> Option<i64> {
        // From a cache it would be the time of another answer.
        if headers.contains_key(AGE) {
            return None;
        }
        let theirs = millis(date(headers.get(DATE)?)?);
        Some(theirs.saturating_sub(self.clock.now().as_millis()))
    }

    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = headers.get(RETRY_AFTER)?;
        let text = value.to_str().ok()?.trim();
        let seconds = || {
            text.parse::<f64>()
                .ok()
                .filter(|seconds| *seconds >= 0.0)
                .map(|s| Duration::try_from_secs_f64(s).unwrap_or(RETRY_AFTER_MAX))
        };
        let until = || {
            // Their own clock says how far away their date is.
            let now = headers.get(DATE).and_then(date).map_or_else(|| self.clock.wall().as_millis(), millis);
            let ms = millis(date(value)?).saturating_sub(now);
            Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
        };
        seconds().or_else(until).map(|after| after.min(RETRY_AFTER_MAX))
    }

    /// Waits until the API wants to be asked again, if that is soon enough.
    async fn wait_our_turn(&self, deadline: Instant) -> Result<(), Unavailable> {
        let until = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        match until {
            Some(until) if until > deadline => {
                let wait = until.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
                Err(Unavailable::Unreachable(format!("it asks to be left alone for another {wait} s")))
            }
            Some(until) => {
                sleep_until(until).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn leave_alone(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = (*not_before).max(Some(until));
    }
}

impl Ask for Asker {
    async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.timers.patience;
        self.wait_our_turn(deadline).await?;
        let mut pause = self.timers.pause;
        for requests in 1.. {
            let (words, after) = match self.try_once(query).await {
                Try::Answered(answer) => return Ok(Answer { requests, ..answer }),
                Try::TooLong => return Err(Failure::TooLong),
                Try::Over(why) => return Err(why.into()),
                Try::Again(words, after) => (words, after),
            };
            if let Some(after) = after {
                self.leave_alone(after);
            }
            // Jitter only makes it longer when the API said how long.
            let wait = after.unwrap_or_default().max(pause.mul_f64(0.5 + fastrand::f64() / 2.0));
            if Instant::now() + wait > deadline {
                let tries = if requests == 1 { "once".to_owned() } else { format!("{requests} times") };
                let asked = after.map(|after| format!(", and it asks to be left alone for {} s", after.as_secs_f64().ceil()));
                let words = format!("{words} (tried {tries}{})", asked.unwrap_or_default());
                return Err(Unavailable::Unreachable(words).into());
            }
            sleep(wait).await;
            pause = (pause * 2).min(self.timers.pause_max);
        }
        Err(Unavailable::Unreachable("it was tried too often".to_owned()).into())
    }
}

/// The rows of an answer as frames, and how many could not be read.
fn rows(text: &str) -> Result<(Vec<Row>, usize), decode::Malformed> {
    let decode::History { rows, mut unusable, .. } = decode::history(text)?;
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        let mut frames = row.frames();
        // They are held for a while, and are as long as is counted.
        frames.shrink_to_fit();
        frames.iter_mut().for_each(String::shrink_to_fit);
        // A frame that the socket could not have carried is none.
        if frames.iter().any(|frame| frame.len() > MESSAGE_BYTES) {
            unusable += 1;
            continue;
        }
        let key = row.key().or_else(|| frames.first().cloned()).unwrap_or_default();
        let stamp = Stamp { time: row.time.map(Timestamp::as_millis), received: row.received_at.map(Timestamp::as_millis) };
        read.push(Row { key, stamp, frames });
    }
    Ok((read, unusable))
}

/// The body, or `None` when it is longer than `limit`.
async fn read(response: &mut reqwest::Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let length = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut body = Vec::with_capacity(length.min(limit));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

fn millis(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The causes of an error, without the HTTP client's outer layers, which say only that there was one.
fn causes(error: &reqwest::Error, key: &Secret) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !text.starts_with("client error") && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        cause = error.source();
    }
    if said.is_empty() {
        said.push(error.to_string());
    }
    safe(&said.join(": "), key)
}

/// Text of the other side, fit for people: one printable line, short, without the key.
fn safe(text: &str, key: &Secret) -> String {
    let hide = |text: &str| text.replace(key.expose(), "***");
    let printable: String = hide(text).chars().filter(|c| c.is_whitespace() || c.is_ascii_graphic()).collect();
    let line = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    // Twice: what was left out may have kept two halves of the key apart.
    hide(&line).chars().take(ANSWER_SHOWN).collect()
}

/// Names that are asked over `http://`, which shows the key: only private addresses of them are used, as for `ws://`.
struct PrivateOnly;

impl Resolve for PrivateOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let private = |address: &SocketAddr| match address {
                SocketAddr::V4(v4) => is_private(&Host::<&str>::Ipv4(*v4.ip())),
                SocketAddr::V6(v6) => is_private(&Host::<&str>::Ipv6(*v6.ip())),
            };
            let found: Vec<_> = found.into_iter().filter(private).collect();
            if found.is_empty() {
                return Err("http:// would show the API key, as its address is public; use https://".into());
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
