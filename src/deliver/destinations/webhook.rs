//! Any HTTP endpoint, by Standard Webhooks (DESTINATIONS 6): bytes → a signed request, the answer's status → a verdict.

use reqwest::Method;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::deliver::client::Request;
use crate::deliver::sign::Key;
use crate::deliver::verdict::{Answer, Pause, Verdict};
use crate::model::action::{self, Webhook};
use crate::model::message::WebhookBody;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

use super::{Problem, http_url};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What a user's header may not be: what we sign by, and what belongs to the connection.
const RESERVED: [&str; 9] =
    ["content-type", "content-length", "host", "connection", "transfer-encoding", "upgrade", "te", "trailer", "expect"];

/// One endpoint.
pub(crate) struct Endpoint {
    url: Url,
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
        Ok(Self { url, method, headers: HeaderMap::new(), key: None })
    }

    pub(crate) fn add_header(&mut self, name: &str, value: &Secret) -> Result<(), Problem> {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Problem::HeaderName(name.to_owned()))?;
        if RESERVED.contains(&header.as_str()) || header.as_str().starts_with("webhook-") {
            return Err(Problem::Reserved(header.as_str().to_owned()));
        }
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| Problem::HeaderValue(header.as_str().to_owned()))?;
        value.set_sensitive(true);
        self.headers.append(header, value);
        Ok(())
    }

    pub(crate) fn sign_with(&mut self, secret: &Secret) -> Result<(), Problem> {
        self.key = Some(Key::new(secret)?);
        Ok(())
    }

    /// What must not be seen: the path with its query and their long parts, a password, and the values of headers.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let path = self.url.path_segments().into_iter().flatten().filter(|segment| segment.len() >= 12).map(str::to_owned);
        let query = self.url.query_pairs().map(|(_, value)| value.into_owned());
        let whole = self.url.query().map(|query| format!("{}?{query}", self.url.path()));
        let password = self.url.password().map(str::to_owned);
        let headers = self.headers.values().filter_map(|value| value.to_str().ok()).flat_map(|value| {
            // "Bearer abc": the scheme is no secret, what follows is.
            std::iter::once(value.to_owned()).chain(value.split_once(' ').map(|(_, rest)| rest.to_owned()))
        });
        path.chain(query).chain(whole).chain(password).chain(headers).collect()
    }

    /// The same id and bytes on every attempt; the time and so the signature are this attempt's.
    pub(crate) fn request(&self, body: &WebhookBody, id: &str, at: Timestamp) -> Request {
        let mut headers = self.headers.clone();
        let seconds = at.as_millis().div_euclid(1_000);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
        headers.insert(TIMESTAMP, HeaderValue::from(seconds));
        let signature = self.key.as_ref().map(|key| key.sign(id, seconds, &body.bytes));
        for (name, value) in [(ID, Some(id.to_owned())), (SIGNATURE, signature)] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        }
        if headers.contains_key(AUTHORIZATION) {
            // Said twice, in the URL and in a header: the header was written for this.
            let mut url = self.url.clone();
            let _ = (url.set_username(""), url.set_password(None));
            return Request { method: self.method.clone(), url, headers, body: body.bytes.clone() };
        }
        Request { method: self.method.clone(), url: self.url.clone(), headers, body: body.bytes.clone() }
    }
}

/// DESTINATIONS 6.1. A 2xx is the receiver's word, whatever follows it.
pub(crate) fn classify(answer: &Answer) -> Verdict {
    let reason = answer.words();
    match answer.status {
        200..=299 => Verdict::Delivered { receipt: None },
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
