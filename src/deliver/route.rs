//! A URL → what HTTP needs of it, worked out once: the parts that each protocol names, and the credentials in it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use url::{Position, Url};

/// How requests to one URL are addressed. Secret like the URL: there is no `Debug`.
pub(crate) struct Route {
    url: Arc<Url>,
    /// For HTTP/1.1, what stands behind the method: path and query, version and host.
    lead: Vec<u8>,
    /// For HTTP/2, with scheme and host.
    full: Uri,
    /// Headers that every request of ours has, unless it has others: who asks, and user and password of the URL.
    usual: Vec<(HeaderName, HeaderValue)>,
}

impl Route {
    /// `None` for a URL that HTTP cannot express.
    pub(crate) fn new(url: &Arc<Url>, agent: &HeaderValue) -> Option<Self> {
        let short = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery]).ok()?;
        let short = short.path_and_query()?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let full = Uri::builder().scheme(url.scheme()).authority(host).path_and_query(short.clone()).build().ok()?;
        HeaderValue::try_from(host).ok()?;
        let lead = format!(" {short} HTTP/1.1\r\nhost: {host}\r\n").into_bytes();
        let usual = [(USER_AGENT, agent.clone()), (ACCEPT, HeaderValue::from_static("*/*"))];
        let usual = usual.into_iter().chain(basic(url).map(|basic| (AUTHORIZATION, basic))).collect();
        Some(Self { url: Arc::clone(url), lead, full, usual })
    }

    pub(crate) fn leads_to(&self, url: &Arc<Url>) -> bool {
        Arc::ptr_eq(&self.url, url) || self.url == *url
    }

    pub(crate) fn lead(&self) -> &[u8] {
        &self.lead
    }

    pub(crate) fn full(&self) -> &Uri {
        &self.full
    }

    pub(crate) fn usual(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.usual.iter().map(|(name, value)| (name, value))
    }
}

fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |part: &str| percent_decoded(part.as_bytes());
    let pair = [decoded(url.username()).as_slice(), b":", &decoded(url.password().unwrap_or_default())].concat();
    let mut basic = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    basic.set_sensitive(true);
    Some(basic)
}

fn percent_decoded(mut text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    while let Some((&byte, rest)) = text.split_first() {
        let code = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.filter(|_| byte == b'%').and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(decoded) => {
                plain.push(decoded);
                text = rest.get(2..).unwrap_or_default();
            }
            None => {
                plain.push(byte);
                text = rest;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(url: &str) -> Route {
        Route::new(&Arc::new(Url::parse(url).unwrap()), &HeaderValue::from_static("birdcall")).unwrap()
    }

    #[test]
    fn each_protocol_names_the_place_in_its_own_way() {
        for (url, path, host) in [
            ("https://bot.example/hook?key=1#x", "/hook?key=1", "bot.example"),
            ("https://bot.example:443", "/", "bot.example"),
            ("http://[::1]:8080/a%20b", "/a%20b", "[::1]:8080"),
            ("https://user:p%40ss@bot.example:8443/h", "/h", "bot.example:8443"),
        ] {
            let route = route(url);
            assert_eq!(route.lead(), format!(" {path} HTTP/1.1\r\nhost: {host}\r\n").as_bytes());
            let scheme = url.split("://").next().unwrap();
            assert_eq!(route.full().to_string(), format!("{scheme}://{host}{path}"));
        }
    }

    #[test]
    fn user_and_password_travel_as_a_header_that_logs_do_not_show() {
        let route = route("https://us%3Aer:p%40ss@bot.example/");
        let (_, header) = route.usual().find(|(name, _)| **name == AUTHORIZATION).unwrap();
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", STANDARD.encode("us:er:p@ss")));
        assert!(header.is_sensitive() && !format!("{header:?}").contains("Basic"));
        assert_eq!(percent_decoded(b"%zz%4"), b"%zz%4");
    }
}
