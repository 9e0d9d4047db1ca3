//! A URL → what HTTP needs of it, worked out once: the parts that each protocol names, and the credentials in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Request, Uri, Version};
use url::{Position, Url};

/// How requests to one URL are addressed. Secret like the URL: there is no `Debug`.
pub(crate) struct Route {
    url: Url,
    /// Path and query, for HTTP/1.1.
    short: Uri,
    /// With scheme and host, for HTTP/2.
    full: Uri,
    host: HeaderValue,
    /// Of user and password in the URL.
    basic: Option<HeaderValue>,
}

impl Route {
    /// `None` for a URL that HTTP cannot express.
    pub(crate) fn new(url: &Url) -> Option<Self> {
        let short = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery]).ok()?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let full = Uri::builder().scheme(url.scheme()).authority(host).path_and_query(short.path_and_query()?.clone());
        let host = HeaderValue::try_from(host).ok()?;
        Some(Self { url: url.clone(), short, full: full.build().ok()?, host, basic: basic(url) })
    }

    pub(crate) fn leads_to(&self, url: &Url) -> bool {
        self.url == *url
    }

    /// The headers that every request of ours has, unless they are there.
    pub(crate) fn sign_on(&self, headers: &mut HeaderMap, agent: &HeaderValue) {
        let basic = self.basic.as_ref().map(|basic| (AUTHORIZATION, basic));
        let accept = HeaderValue::from_static("*/*");
        for (name, value) in [Some((USER_AGENT, agent)), Some((ACCEPT, &accept)), basic].into_iter().flatten() {
            if !headers.contains_key(&name) {
                headers.insert(name, value.clone());
            }
        }
    }

    /// Addresses a request as the connection's protocol wants it.
    pub(crate) fn address<B>(&self, request: &mut Request<B>, http2: bool) {
        if http2 {
            *request.uri_mut() = self.full.clone();
            *request.version_mut() = Version::HTTP_2;
            request.headers_mut().remove(HOST);
        } else {
            *request.uri_mut() = self.short.clone();
            *request.version_mut() = Version::HTTP_11;
            request.headers_mut().insert(HOST, self.host.clone());
        }
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

    fn addressed(url: &str, http2: bool) -> Request<()> {
        let route = Route::new(&Url::parse(url).unwrap()).unwrap();
        let mut request = Request::new(());
        route.sign_on(request.headers_mut(), &HeaderValue::from_static("birdcall"));
        // As when a request changes over to another connection.
        route.address(&mut request, !http2);
        route.address(&mut request, http2);
        request
    }

    #[test]
    fn each_protocol_names_the_place_in_its_own_way() {
        for (url, path, host) in [
            ("https://bot.example/hook?key=1#x", "/hook?key=1", "bot.example"),
            ("https://bot.example:443", "/", "bot.example"),
            ("http://[::1]:8080/a%20b", "/a%20b", "[::1]:8080"),
            ("https://user:p%40ss@bot.example:8443/h", "/h", "bot.example:8443"),
        ] {
            let (one, two) = (addressed(url, false), addressed(url, true));
            assert_eq!((one.uri().to_string().as_str(), one.headers()[HOST].to_str().unwrap()), (path, host));
            let scheme = url.split("://").next().unwrap();
            assert_eq!((two.uri().to_string(), two.headers().get(HOST)), (format!("{scheme}://{host}{path}"), None));
        }
    }

    #[test]
    fn user_and_password_travel_as_a_header_that_logs_do_not_show() {
        let request = addressed("https://us%3Aer:p%40ss@bot.example/", true);
        let header = &request.headers()[AUTHORIZATION];
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", STANDARD.encode("us:er:p@ss")));
        assert!(header.is_sensitive() && !format!("{request:?}").contains("Basic"));
        assert_eq!(percent_decoded(b"%zz%4"), b"%zz%4");
    }
}
