//! One file per kind of destination, each of the same shape: `Endpoint::new` checks what the action says, `request` turns a message into
//! a request, `classify` turns the answer into a verdict; `probe` is what it can be asked without anybody hearing of it, and `found` what the
//! answer to that says. No file here does I/O.

pub(crate) mod discord;
pub(crate) mod slack;
pub(crate) mod telegram;
pub(crate) mod webhook;

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;

use super::client::Request;
use super::sign::KeyError;
use crate::model::host;

/// What is wrong with where an action points. Names at most the host of a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No URL at all.
    #[error("this is not a URL: {0}")]
    NotAUrl(String),
    /// A scheme that we do not speak.
    #[error("a URL must start with https:// (or http://), not {0}:")]
    Scheme(String),
    /// The credential in the URL would travel in clear.
    #[error("http:// to {0} would send the credential in clear; write https://")]
    InClear(String),
    /// The URL of another service.
    #[error("{host} is not {service}'s host ({known}); for other services use type = \"webhook\"")]
    Host {
        /// The host of the URL.
        host: String,
        /// Whose it should be.
        service: &'static str,
        /// Which ones are.
        known: &'static str,
    },
    /// A URL of the right service that is not the right thing.
    #[error("this is not the URL of {0}")]
    Path(&'static str),
    /// Not of the shape of a credential.
    #[error("this does not look like {0}")]
    Token(&'static str),
    /// A header that is ours, or the connection's.
    #[error("the header {0} is set by birdcall and cannot be set here")]
    Reserved(String),
    /// Not allowed in HTTP.
    #[error("{0:?} is not the name of an HTTP header")]
    HeaderName(String),
    /// Line breaks and the like.
    #[error("the value of the header {0} holds characters that no header may hold")]
    HeaderValue(String),
    /// No key to sign with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A console is written to, not sent to.
    #[error("a console action has no address")]
    Console,
}

/// A URL that speaks HTTP. Says why not without repeating the URL.
pub(crate) fn http_url(written: &str) -> Result<Url, Problem> {
    let url = Url::parse(written.trim()).map_err(|error| Problem::NotAUrl(error.to_string()))?;
    match url.scheme() {
        "https" | "http" => Ok(url),
        other => Err(Problem::Scheme(other.to_owned())),
    }
}

/// A URL whose path is a credential: on one of `hosts` by https, or on this machine or a private network by whatever it says.
pub(crate) fn credential_url(written: &str, service: &'static str, known: &'static str, hosts: &[&str]) -> Result<Url, Problem> {
    let mut url = http_url(written)?;
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
    if !is_private(&url) {
        if !hosts.contains(&host.as_str()) {
            return Err(Problem::Host { host, service, known });
        }
        if url.scheme() != "https" {
            return Err(Problem::InClear(host));
        }
    }
    url.set_fragment(None);
    Ok(url)
}

/// This machine or a private network: where stand-ins and trading bots live.
pub(crate) fn is_private(url: &Url) -> bool {
    url.host().is_some_and(|host| host::is_private(&host))
}

/// A POST of JSON. The bodies are ours and always serialise; should one not, an empty body is refused by every destination.
pub(crate) fn post_json(url: &Url, body: &impl Serialize) -> Request {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let body = serde_json::to_vec(body).map(Bytes::from).unwrap_or_default();
    Request { method: Method::POST, url: Arc::new(url.clone()), headers, body }
}

/// A question that changes nothing.
pub(crate) fn get(url: &Url) -> Request {
    Request { method: Method::GET, url: Arc::new(url.clone()), headers: HeaderMap::new(), body: Bytes::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_with_a_url_does_not_repeat_it() {
        for written in
            ["canary", "ftp://host/canary", "https://[canary", "https://evil.example/canary", "http://a.example/canary"]
        {
            let problem = credential_url(written, "X", "x.example", &["a.example"]).unwrap_err();
            let text = format!("{problem} {problem:?}");
            assert!(!text.contains("canary"), "{text}");
        }
    }
}
