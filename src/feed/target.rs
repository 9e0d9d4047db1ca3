//! Settings → where to connect and what to say there, or why they cannot work. Pure.
//!
//! `ws://` shows the key to everybody on the way, so it is for this machine and private networks only: a public address or a public name is
//! refused here, and `dial` refuses a name that turns out to have a public address.

use std::fmt;

use url::{Host, Url};

use crate::model::host::is_private;
use crate::model::secret::Secret;
use crate::rules::ruleset::Auth;

/// Offered with every way of showing the key (PROTOCOL 1.2).
pub(super) const PROTOCOL: &str = "tweetstream.v1";
/// Goes before the key in the second subprotocol.
pub(super) const TOKEN: &str = "tweetstream.auth.token.";

/// What is wrong with the settings. Names neither the key nor the URL, which may hold it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read as a URL.
    #[error("the feed's url cannot be read ({0}); it looks like wss://ws.tweetstream.io/ws")]
    Url(url::ParseError),
    /// Neither `ws` nor `wss`.
    #[error("the feed's url must start with wss:// (or with ws://, on this machine or a private network)")]
    Scheme,
    /// `wss://name:password@host`.
    #[error("the feed's url must not contain a user name or password; put the API key into key")]
    Credentials,
    /// `…#fragment`.
    #[error("the feed's url must not contain a #")]
    Fragment,
    /// The key stands in the URL, where everything prints it.
    #[error("the feed's url contains the API key; put it into key, and set auth = \"query\" if the feed wants it in the url")]
    KeyInUrl,
    /// `ws://` to somewhere public.
    #[error(
        "ws:// would show the API key to everybody between here and {0}; use wss:// (ws:// is for this machine and private networks)"
    )]
    InClear(String),
    /// No key at all.
    #[error("the API key is empty")]
    NoKey,
    /// The key cannot stand where `auth` puts it.
    #[error(
        "the API key contains a character that cannot be sent with auth = \"{0}\" (a space, a line break, a quote?); copy the key again"
    )]
    Key(&'static str),
}

/// Where to connect and what to say there.
pub(super) struct Target {
    /// Name or address, IPv6 without brackets.
    pub(super) host: String,
    /// 443 and 80 unless the URL says otherwise.
    pub(super) port: u16,
    /// Whether TLS is spoken.
    pub(super) secure: bool,
    /// `host:port` for people.
    pub(super) at: String,
    /// Host header.
    authority: String,
    /// Path and query; holds the key with [`Auth::Query`].
    path: Secret,
    /// Further header lines; hold the key with the other two.
    headers: Secret,
    key: Secret,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("at", &self.at).field("secure", &self.secure).finish_non_exhaustive()
    }
}

impl Target {
    /// Checks and composes.
    pub(super) fn new(url: &str, key: &Secret, auth: Auth) -> Result<Self, SettingsError> {
        let mut url = Url::parse(url.trim()).map_err(SettingsError::Url)?;
        let secure = match url.scheme() {
            "wss" => true,
            "ws" => false,
            _ => return Err(SettingsError::Scheme),
        };
        let host = url.host().map(|host| host.to_owned()).ok_or(SettingsError::Url(url::ParseError::EmptyHost))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SettingsError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(SettingsError::Fragment);
        }
        check_key(key, auth)?;
        // A very short key may be part of a path by chance.
        let has_key = key.expose().len() >= 8 && url.as_str().contains(key.expose());
        if has_key || url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("apiKey")) {
            return Err(SettingsError::KeyInUrl);
        }
        if !secure && !is_private(&host) {
            return Err(SettingsError::InClear(host.to_string()));
        }
        if auth == Auth::Query {
            url.query_pairs_mut().append_pair("apiKey", key.expose());
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let authority = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let bare = match &host {
            Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        };
        let at = format!("{host}:{port}");
        let headers = Secret::new(headers(key, auth));
        Ok(Self { host: bare, port, secure, at, authority, path: Secret::new(path), headers, key: key.clone() })
    }

    /// The bytes of the upgrade request. They hold the key: write them to the socket and nowhere else.
    pub(super) fn request(&self, nonce: &str) -> Secret {
        Secret::new(format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: birdcall/{version}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n{headers}\r\n",
            path = self.path.expose(),
            host = self.authority,
            version = env!("CARGO_PKG_VERSION"),
            headers = self.headers.expose(),
        ))
    }

    /// Whether the feed may select this subprotocol: either of the two (PROTOCOL 1.2 does not know which it is).
    pub(super) fn offered(&self, subprotocol: &str) -> bool {
        subprotocol == PROTOCOL || subprotocol.strip_prefix(TOKEN) == Some(self.key.expose())
    }

    /// Text of the other side, fit for people: printable, short, and without the key, should it be echoed.
    pub(super) fn safe(&self, text: &str) -> String {
        let hide = |text: &str| text.replace(self.key.expose(), "***");
        let printable = |c: &char| (c.is_ascii_graphic() && *c != '"') || *c == ' ';
        // Twice: what was left out may have kept two halves of the key apart.
        hide(&hide(text).chars().filter(printable).collect::<String>()).chars().take(123).collect()
    }
}

fn headers(key: &Secret, auth: Auth) -> String {
    let key = key.expose();
    match auth {
        Auth::Subprotocol => format!("Sec-WebSocket-Protocol: {PROTOCOL}, {TOKEN}{key}\r\n"),
        Auth::Bearer => format!("Sec-WebSocket-Protocol: {PROTOCOL}\r\nAuthorization: Bearer {key}\r\n"),
        Auth::Query => format!("Sec-WebSocket-Protocol: {PROTOCOL}\r\n"),
    }
}

fn check_key(key: &Secret, auth: Auth) -> Result<(), SettingsError> {
    // RFC 9110 5.6.2.
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let mut bytes = key.expose().bytes();
    let (fits, auth) = match auth {
        _ if key.expose().trim().is_empty() => return Err(SettingsError::NoKey),
        Auth::Subprotocol => (bytes.all(is_token), "subprotocol"),
        Auth::Bearer => (bytes.all(|b| b.is_ascii_graphic()), "bearer"),
        Auth::Query => (bytes.all(|b| b >= b' ' && b != 0x7f), "query"),
    };
    if fits { Ok(()) } else { Err(SettingsError::Key(auth)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ts_live_4f9c0e";

    fn target(url: &str, key: &str, auth: Auth) -> Result<Target, SettingsError> {
        Target::new(url, &Secret::new(key), auth)
    }

    fn request(url: &str, auth: Auth) -> String {
        target(url, KEY, auth).unwrap().request("NONCE").expose().to_owned()
    }

    #[test]
    fn the_three_ways_to_show_the_key() {
        let a = request("wss://ws.tweetstream.io/ws", Auth::Subprotocol);
        assert!(a.starts_with("GET /ws HTTP/1.1\r\nHost: ws.tweetstream.io\r\n"), "{a}");
        assert!(a.contains("\r\nSec-WebSocket-Protocol: tweetstream.v1, tweetstream.auth.token.ts_live_4f9c0e\r\n"), "{a}");
        assert!(a.contains("\r\nSec-WebSocket-Key: NONCE\r\n") && a.ends_with("\r\n\r\n"));
        assert!(!a.contains("Authorization"));

        let b = request("wss://ws.tweetstream.io/ws", Auth::Bearer);
        assert!(b.contains("\r\nAuthorization: Bearer ts_live_4f9c0e\r\n"), "{b}");
        assert!(b.contains("\r\nSec-WebSocket-Protocol: tweetstream.v1\r\n"));

        let c = request("wss://ws.tweetstream.io:8443/ws?region=iad", Auth::Query);
        assert!(c.starts_with("GET /ws?region=iad&apiKey=ts_live_4f9c0e HTTP/1.1\r\nHost: ws.tweetstream.io:8443\r\n"), "{c}");
        assert!(!c.contains("Authorization") && !c.contains("auth.token"));
    }

    #[test]
    fn a_key_in_the_query_is_encoded() {
        let written = target("ws://localhost", "a b&c=d?e/é", Auth::Query).unwrap().request("N");
        assert!(written.expose().starts_with("GET /?apiKey=a+b%26c%3Dd%3Fe%2F%C3%A9 HTTP/1.1\r\nHost: localhost\r\n"));
    }

    #[test]
    fn mistakes_in_the_url_are_named() {
        let mistakes = [
            ("", SettingsError::Url(url::ParseError::RelativeUrlWithoutBase)),
            ("ws.tweetstream.io/ws", SettingsError::Url(url::ParseError::RelativeUrlWithoutBase)),
            ("wss://", SettingsError::Url(url::ParseError::EmptyHost)),
            ("wss://host:99999/", SettingsError::Url(url::ParseError::InvalidPort)),
            ("https://ws.tweetstream.io/ws", SettingsError::Scheme),
            ("wss://me:pw@host/ws", SettingsError::Credentials),
            ("wss://host/ws#top", SettingsError::Fragment),
            ("wss://host/ws?apikey=other", SettingsError::KeyInUrl),
            ("wss://host/ts_live_4f9c0e", SettingsError::KeyInUrl),
            ("ws://ws.tweetstream.io/ws", SettingsError::InClear("ws.tweetstream.io".into())),
            ("ws://1.1.1.1/", SettingsError::InClear("1.1.1.1".into())),
            ("ws://[2606:4700::1111]/", SettingsError::InClear("[2606:4700::1111]".into())),
        ];
        for (url, expected) in mistakes {
            assert_eq!(target(url, KEY, Auth::Subprotocol).err(), Some(expected), "{url}");
        }
    }

    #[test]
    fn in_clear_on_this_machine_and_private_networks_only() {
        for url in [
            "ws://127.0.0.1:9000/ws",
            "ws://[::1]:9000",
            "ws://localhost",
            "ws://simulator:8080/ws",
            "ws://feed.internal",
            "ws://nas.local",
            "ws://192.168.1.7",
            "ws://10.0.0.1",
            "ws://172.16.0.1",
            "ws://100.64.0.1",
            "ws://169.254.1.1",
            "ws://[fd00::1]",
            "ws://[::ffff:10.0.0.1]",
        ] {
            assert!(target(url, KEY, Auth::Subprotocol).is_ok(), "{url}");
        }
        for url in
            ["ws://localhost.evil.com", "ws://notlocal.example", "ws://172.32.0.1", "ws://100.128.0.1", "ws://[::ffff:8.8.8.8]"]
        {
            assert!(matches!(target(url, KEY, Auth::Subprotocol), Err(SettingsError::InClear(_))), "{url}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_refused() {
        for (key, auth, expected) in [
            ("", Auth::Bearer, SettingsError::NoKey),
            (" \n", Auth::Query, SettingsError::NoKey),
            ("a b", Auth::Subprotocol, SettingsError::Key("subprotocol")),
            ("a,b", Auth::Subprotocol, SettingsError::Key("subprotocol")),
            ("a/b=", Auth::Subprotocol, SettingsError::Key("subprotocol")),
            ("schlüssel", Auth::Subprotocol, SettingsError::Key("subprotocol")),
            ("a\r\nX-Evil: 1", Auth::Bearer, SettingsError::Key("bearer")),
            ("key\n", Auth::Query, SettingsError::Key("query")),
        ] {
            assert_eq!(target("wss://host/ws", key, auth).err(), Some(expected), "{key:?}");
        }
        assert!(target("wss://host/ws", "a/b=", Auth::Bearer).is_ok());
    }

    #[test]
    fn neither_errors_nor_debug_show_the_key() {
        let keys = ["ts_live_4f9c0e", "ts live 4f9c0e"];
        let urls =
            ["wss://host", "ws://host.example/", "wss://h/?apiKey=ts_live_4f9c0e", "wss://ts_live_4f9c0e@h/", "ts_live_4f9c0e:x"];
        for (key, url) in keys.into_iter().flat_map(|key| urls.map(|url| (key, url))) {
            for auth in [Auth::Subprotocol, Auth::Bearer, Auth::Query] {
                let shown = match target(url, key, auth) {
                    Ok(target) => format!("{target:?} {target:#?}"),
                    Err(error) => format!("{error} {error:?}"),
                };
                assert!(!shown.contains("4f9c0e"), "{shown}");
            }
        }
    }

    #[test]
    fn what_the_feed_says_is_made_safe() {
        let target = target("wss://host", KEY, Auth::Bearer).unwrap();
        assert_eq!(
            target.safe("invalid key ts_live_4f9c0e or ts_live\u{200b}_4f9c0e!\x1b[31m\r\n\u{202e}\"x"),
            "invalid key *** or ***![31mx"
        );
        assert_eq!(target.safe(&"x".repeat(500)).len(), 123);
        assert!(target.offered("tweetstream.v1") && target.offered("tweetstream.auth.token.ts_live_4f9c0e"));
        assert!(!target.offered("graphql-ws") && !target.offered("tweetstream.auth.token.other"));
    }
}
