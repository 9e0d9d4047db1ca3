//! Settings → the URL and the header that every request has, or why they cannot work. Pure.

use reqwest::header::HeaderValue;
use url::{Host, Url};

use crate::model::host::is_private;
use crate::model::secret::Secret;

/// Where TweetStream's own history is (PROTOCOL 5).
const OFFICIAL: &str = "https://api.tweetstream.io/api/history";

/// Query parameters that are ours to set.
const OURS: [&str; 4] = ["startDate", "endDate", "limit", "type"];

/// What is wrong with the settings. Names neither the key nor the URL, which may hold it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read as a URL.
    #[error("the history's url cannot be read ({0}); it looks like {OFFICIAL}")]
    Url(url::ParseError),
    /// Neither `http` nor `https`.
    #[error("the history's url must start with https:// (or with http://, on this machine or a private network)")]
    Scheme,
    /// `https://name:password@host`.
    #[error("the history's url must not contain a user name or password; the API key is sent by itself")]
    Credentials,
    /// `…#fragment`.
    #[error("the history's url must not contain a #")]
    Fragment,
    /// The key stands in the URL, where everything prints it.
    #[error("the history's url contains the API key; leave it out, it is sent by itself")]
    KeyInUrl,
    /// A parameter that each request sets.
    #[error("the history's url must not set {0}: each request does")]
    Parameter(&'static str),
    /// `http://` to somewhere public.
    #[error(
        "http:// would show the API key to everybody between here and {0}; use https:// (http:// is for this machine and private networks)"
    )]
    InClear(String),
    /// No key at all.
    #[error("the API key is empty")]
    NoKey,
    /// The key cannot stand in a header.
    #[error("the API key contains a character that cannot be sent (a space, a line break, a quote?); copy the key again")]
    Key,
    /// The HTTP client could not be set up.
    #[error("the client of the history API cannot be set up: {0}")]
    Client(String),
}

/// The history of a feed that did not say where its history is: TweetStream's own for TweetStream's own feed, and none for any other, as
/// the key must not travel to somebody else.
#[must_use]
pub fn default_url(feed: &str) -> Option<String> {
    let url = Url::parse(feed.trim()).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_official = host == "tweetstream.io" || host.ends_with(".tweetstream.io");
    (is_official && url.scheme() == "wss").then(|| OFFICIAL.to_owned())
}

/// Checks and composes: the URL, and `Authorization`.
pub(super) fn check(url: &str, key: &Secret) -> Result<(Url, HeaderValue), SettingsError> {
    let url = Url::parse(url.trim()).map_err(SettingsError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SettingsError::Scheme);
    }
    let host = url.host().ok_or(SettingsError::Url(url::ParseError::EmptyHost))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SettingsError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(SettingsError::Fragment);
    }
    if key.expose().trim().is_empty() {
        return Err(SettingsError::NoKey);
    }
    let fits = key.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {}", key.expose())).ok().filter(|_| fits).ok_or(SettingsError::Key)?;
    bearer.set_sensitive(true);
    // A very short key may be part of a path by chance.
    let has_key = key.expose().len() >= 8 && url.as_str().contains(key.expose());
    if has_key || url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("apiKey")) {
        return Err(SettingsError::KeyInUrl);
    }
    if let Some(ours) = OURS.into_iter().find(|ours| url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case(ours))) {
        return Err(SettingsError::Parameter(ours));
    }
    if url.scheme() == "http" && !is_private(&host) {
        return Err(SettingsError::InClear(host.to_string()));
    }
    Ok((url, bearer))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ts_live_4f9c0e";

    #[test]
    fn the_key_goes_to_tweetstream_s_own_history_only_when_the_feed_is_tweetstream_s_own() {
        for feed in [
            "wss://ws.tweetstream.io/ws",
            "wss://ws-iad.tweetstream.io/ws?x=1",
            " wss://WS.TweetStream.io./ws",
            "wss://tweetstream.io",
        ] {
            assert_eq!(default_url(feed).as_deref(), Some("https://api.tweetstream.io/api/history"), "{feed}");
        }
        for feed in [
            "wss://ws.tweetstream.io.evil.example/ws",
            "wss://eviltweetstream.io/ws",
            "wss://evil.example/tweetstream.io",
            "wss://tweetstream.io@evil.example/",
            "ws://ws.tweetstream.io/ws",
            "ws://127.0.0.1:7070/ws",
            "wss://[::1]/ws",
            "nonsense",
            "",
        ] {
            assert_eq!(default_url(feed), None, "{feed}");
        }
    }

    #[test]
    fn mistakes_are_named_without_the_key() {
        let mistakes = [
            ("", KEY, SettingsError::Url(url::ParseError::RelativeUrlWithoutBase)),
            ("https://", KEY, SettingsError::Url(url::ParseError::EmptyHost)),
            ("wss://ws.tweetstream.io/ws", KEY, SettingsError::Scheme),
            ("https://me:pw@host/", KEY, SettingsError::Credentials),
            ("https://host/#x", KEY, SettingsError::Fragment),
            ("https://host/?apikey=x", KEY, SettingsError::KeyInUrl),
            ("https://host/ts_live_4f9c0e", KEY, SettingsError::KeyInUrl),
            ("https://host/?enddate=x", KEY, SettingsError::Parameter("endDate")),
            ("http://api.tweetstream.io/api/history", KEY, SettingsError::InClear("api.tweetstream.io".into())),
            ("https://host/", " ", SettingsError::NoKey),
            ("https://host/", "ts live 4f9c0e", SettingsError::Key),
            ("https://host/", "4f9c0e\r\nX: 1", SettingsError::Key),
            ("https://host/", "4f9c0eé", SettingsError::Key),
        ];
        for (url, key, expected) in mistakes {
            let error = check(url, &Secret::new(key)).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert_eq!(error, expected, "{url}");
            assert!(!shown.contains("4f9c0e"), "{shown}");
        }
        for url in
            ["https://api.tweetstream.io/api/history", "http://127.0.0.1:1/api/history", "http://history.internal/?handle=a"]
        {
            let (_, bearer) = check(url, &Secret::new(KEY)).unwrap();
            assert!(!format!("{bearer:?}").contains("4f9c0e"), "{url}");
        }
    }
}
