//! A request as it goes to a connection, and as each protocol wants it.

use std::sync::Arc;

use hyper::header::HeaderMap;
use hyper::{Method, Request, Version};

use super::gate::Gated;
use super::route::Route;

/// Bytes of most heads beside those of the route.
const USUAL: usize = 512;

/// See the module. Its parts are secret: there is no `Debug`.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) route: Arc<Route>,
    pub(crate) body: Gated,
}

impl Outgoing {
    /// What stands in front of the body in HTTP/1.1, with room for a body of `beside` bytes behind it.
    pub(crate) fn head(&self, beside: usize) -> Vec<u8> {
        let Self { method, headers, route, body } = self;
        let mut head = Vec::with_capacity(route.lead().len() + USUAL + beside);
        head.extend_from_slice(method.as_str().as_bytes());
        head.extend_from_slice(route.lead());
        let mut line =
            |name: &[u8], value: &[u8]| [name, b": ", value, b"\r\n"].iter().for_each(|part| head.extend_from_slice(part));
        headers.iter().for_each(|(name, value)| line(name.as_str().as_bytes(), value.as_bytes()));
        for (name, value) in route.usual().filter(|(name, _)| !headers.contains_key(*name)) {
            line(name.as_str().as_bytes(), value.as_bytes());
        }
        if body.length() > 0 || method != Method::GET {
            line(b"content-length", body.length().to_string().as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// As hyper takes it for HTTP/2.
    pub(crate) fn into_http2(self) -> Request<Gated> {
        let Self { method, mut headers, route, body } = self;
        for (name, value) in route.usual() {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut(), *request.version_mut()) = (method, route.full().clone(), Version::HTTP_2);
        *request.headers_mut() = headers;
        request
    }

    /// What [`into_http2`](Self::into_http2) was made of, as it comes back.
    pub(crate) fn back(request: Request<Gated>, route: Arc<Route>) -> Self {
        let (parts, body) = request.into_parts();
        Self { method: parts.method, headers: parts.headers, route, body }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
    use url::Url;

    use super::*;
    use crate::clock::Clock;
    use crate::deliver::gate::Gate;

    fn outgoing(method: Method, body: &'static [u8], headers: &[(hyper::header::HeaderName, &'static str)]) -> Outgoing {
        let url = Arc::new(Url::parse("https://us:er@bot.example:8443/hook?a=b").unwrap());
        let route = Route::new(&url, &HeaderValue::from_static("birdcall")).unwrap();
        let clock = Clock::system();
        let not_after = clock.now().plus(std::time::Duration::from_secs(60));
        let body = Gated::new(Bytes::from_static(body), not_after, clock, Arc::new(Gate::default()));
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Outgoing { method, headers, route: Arc::new(route), body }
    }

    #[test]
    fn a_head_says_all_that_http_1_wants_and_what_the_user_says_comes_before_what_is_usual() {
        let written = |outgoing: &Outgoing| String::from_utf8(outgoing.head(0)).unwrap();
        let own = [(CONTENT_TYPE, "application/json"), (ACCEPT, "text/plain")];
        assert_eq!(
            written(&outgoing(Method::PUT, b"{}", &own)),
            "PUT /hook?a=b HTTP/1.1\r\nhost: bot.example:8443\r\ncontent-type: application/json\r\naccept: text/plain\r\n\
             user-agent: birdcall\r\nauthorization: Basic dXM6ZXI=\r\ncontent-length: 2\r\n\r\n"
        );
        assert!(written(&outgoing(Method::POST, b"", &[])).ends_with("\r\ncontent-length: 0\r\n\r\n"));
        assert!(!written(&outgoing(Method::GET, b"", &[])).contains("content-length"));
    }

    #[test]
    fn http_2_has_the_place_in_its_address_and_the_request_comes_back_as_it_was() {
        let own = [(USER_AGENT, "mine")];
        let first = outgoing(Method::POST, b"{}", &own);
        let (route, head) = (Arc::clone(&first.route), first.head(0));
        let request = first.into_http2();
        assert_eq!(request.uri(), "https://bot.example:8443/hook?a=b");
        assert_eq!((request.version(), request.headers().get("host")), (Version::HTTP_2, None));
        assert!(request.headers()[USER_AGENT] == "mine" && request.headers().contains_key(AUTHORIZATION));
        let again = Outgoing::back(request, route).head(0);
        let sorted = |head: &[u8]| {
            let mut lines: Vec<_> = head.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&again), sorted(&head));
    }
}
