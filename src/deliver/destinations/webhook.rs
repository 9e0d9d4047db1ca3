//! Any HTTP endpoint, by Standard Webhooks (DESTINATIONS 6): bytes → a signed request, the answer's status → a verdict.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::deliver::client::Request;
use crate::deliver::reach::Probe;
use crate::deliver::sign::Key;
use crate::deliver::verdict::{Answer, Pause, Verdict};
use crate::model::action::{self, Webhook};
use crate::model::message::WebhookBody;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

use super::{Problem, http_url, is_private};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Headers that a request has beside those of the rules file: the four of here, and those that each request and connection add.
const OURS: usize = 9;

/// One endpoint.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url,
    /// As requests have it: without user and password where a header says who we are. That was written for this.
    sent_to: Arc<Url>,
    method: Method,
    headers: HeaderMap,
    key: Option<Key>,
}

impl Endpoint {
    pub(crate) fn new(action: &Webhook, written: &str) -> Result<Self, Problem> {
        let mut url = http_url(written)?;
        url.set_fragment(None);
        let method = match action.method {
            action::Method::Post => Method::POST,
            action::Method::Put => Method::PUT,
            action::Method::Patch => Method::PATCH,
        };
        Ok(Self { sent_to: Arc::new(url.clone()), url, method, headers: HeaderMap::new(), key: None })
    }

    pub(crate) fn add_header(&mut self, name: &str, value: &Secret) -> Result<(), Problem> {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Problem::HeaderName(name.to_owned()))?;
        if action::is_reserved_header(header.as_str()) {
            return Err(Problem::Reserved(header.as_str().to_owned()));
        }
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| Problem::HeaderValue(header.as_str().to_owned()))?;
        value.set_sensitive(true);
        if header == AUTHORIZATION {
            // Said twice, in the URL and here: a URL that can have a host can have none of the two.
            let sent_to = Arc::make_mut(&mut self.sent_to);
            let _ = (sent_to.set_username(""), sent_to.set_password(None));
        }
        self.headers.append(header, value);
        Ok(())
    }

    pub(crate) fn sign_with(&mut self, secret: &Secret) -> Result<(), Problem> {
        self.key = Some(Key::new(secret)?);
        Ok(())
    }

    /// The host, if what is sent there can be read and changed on its way.
    pub(crate) fn in_clear(&self) -> Option<String> {
        (self.url.scheme() == "http" && !is_private(&self.url)).then(|| self.url.host_str().unwrap_or_default().to_owned())
    }

    /// Where requests go.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What must not be seen: the whole path and query and their long parts (a trading service's URL is its password), user and password
    /// and how they travel, and the values of headers.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let url = &self.url;
        let mut secrets = vec![url.path().to_owned(), decoded(url.path())];
        for part in url.path_segments().into_iter().flatten().filter(|part| part.len() >= 8) {
            secrets.extend([part.to_owned(), decoded(part)]);
        }
        if let Some(query) = url.query() {
            secrets.extend([format!("{}?{query}", url.path()), query.to_owned()]);
            secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        }
        let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
        if !user.is_empty() || !password.is_empty() {
            let pair = format!("{user}:{password}");
            secrets.extend([STANDARD.encode(&pair), pair, password, url.password().unwrap_or_default().to_owned()]);
        }
        for value in self.headers.values().filter_map(|value| value.to_str().ok()) {
            secrets.push(value.to_owned());
            // "Bearer abc": the scheme is no secret, what follows is.
            secrets.extend(value.split_once(' ').map(|(_, rest)| rest.to_owned()));
        }
        secrets
    }

    /// It does something with whatever it gets, so it is asked nothing.
    #[expect(clippy::unused_self, reason = "of the same shape as the others")]
    pub(crate) fn probe(&self) -> Probe {
        Probe::Connect
    }

    /// The same id and bytes on every attempt; the time and so the signature are this attempt's.
    pub(crate) fn request(&self, body: &WebhookBody, id: &str, at: Timestamp) -> Request {
        // With room for all: an order waits for it.
        let mut headers = HeaderMap::with_capacity(self.headers.len() + OURS);
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        let seconds = at.as_millis().div_euclid(1_000);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type.as_str()));
        headers.insert(TIMESTAMP, HeaderValue::from(seconds));
        if let Ok(value) = HeaderValue::try_from(id) {
            headers.insert(ID, value);
        }
        let signature = self.key.as_ref().map(|key| key.sign(id, seconds, &body.bytes));
        if let Some(value) = signature.and_then(|signature| HeaderValue::try_from(signature).ok()) {
            headers.insert(SIGNATURE, value);
        }
        Request { method: self.method.clone(), url: Arc::clone(&self.sent_to), headers, body: body.bytes.clone() }
    }
}

/// Without percent-encoding.
fn decoded(part: &str) -> String {
    let value = format!("x={}", part.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(value.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

/// DESTINATIONS 6.1. A 2xx is the receiver's word, whatever follows it.
pub(crate) fn classify(answer: &Answer) -> Verdict {
    let reason = answer.words();
    match answer.status {
        200..=299 => answer.taken(None),
        300..=399 => Verdict::Dead { reason: format!("{reason}; redirects are not followed") },
        410 => Verdict::Disabled { reason },
        429 => Verdict::Throttled { pause: Pause::from(answer.retry_after()), reason },
        408 | 425 | 500..=599 => Verdict::Retry { wait: answer.retry_after(), reason },
        400..=499 => Verdict::Dead { reason },
        _ => Verdict::Ambiguous { reason },
    }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
