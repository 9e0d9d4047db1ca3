//! A receiver for birdcall's webhooks that believes nobody: it checks the signature (Standard Webhooks), the age, and whether it has seen
//! the id before, and only then acts. Without these checks anybody who finds your URL can place your orders.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run --example webhook_receiver -- 127.0.0.1:8090
//! ```
//!
//! Standard library and HMAC only, one connection at a time, to be read in one go. Put a real HTTP server in front of real money.

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Older or newer than this is a replay or a wrong clock.
const TOLERANCE: i64 = 300;
const LONGEST_BODY: u64 = 1024 * 1024;

#[derive(Default)]
struct Request {
    id: String,
    timestamp: String,
    signatures: String,
    body: Vec<u8>,
}

fn main() -> io::Result<()> {
    let secret = std::env::var("WEBHOOK_SECRET").unwrap_or_default();
    let Some(key) = key_of(&secret) else {
        return Err(io::Error::other(
            "set WEBHOOK_SECRET to the action's secret (whsec_ and base64, or any text that is not empty)",
        ));
    };
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let listener = TcpListener::bind(&address)?;
    writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    let mut seen = HashSet::new();
    for stream in listener.incoming() {
        // One broken client must not end the receiver.
        if let Err(error) = stream.and_then(|stream| serve(stream, &key, &mut seen)) {
            writeln!(io::stderr(), "a request failed: {error}")?;
        }
    }
    Ok(())
}

/// `whsec_…` is base64, anything else is taken as it is; nothing is no key.
fn key_of(secret: &str) -> Option<Hmac<Sha256>> {
    let bytes = match secret.strip_prefix("whsec_") {
        Some(coded) => STANDARD.decode(coded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    if bytes.is_empty() { None } else { Hmac::new_from_slice(&bytes).ok() }
}

fn serve(mut stream: TcpStream, key: &Hmac<Sha256>, seen: &mut HashSet<String>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = read(&stream)?;
    let status = match verify(&request, key, now()) {
        Err(why) => {
            writeln!(io::stdout(), "refused: {why}")?;
            "401 Unauthorized"
        }
        // The same id again is the same alert again: birdcall did not hear our first answer. Say yes, do nothing.
        Ok(()) if !seen.insert(request.id.clone()) => "204 No Content",
        Ok(()) => {
            // Here you would act. Keep `seen` on disk if acting twice costs money, and look at `expires_at` in the body.
            writeln!(io::stdout(), "{} {}", request.id, String::from_utf8_lossy(&request.body))?;
            "204 No Content"
        }
    };
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// The three headers that matter, and the raw body: the signature is over bytes, so parse nothing before it is checked.
fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream.take(LONGEST_BODY));
    let (mut request, mut line, mut length) = (Request::default(), String::new(), 0_u64);
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => request.id = value,
            "webhook-timestamp" => request.timestamp = value,
            "webhook-signature" => request.signatures = value,
            "content-length" => length = value.parse().map_err(io::Error::other)?,
            _ => {}
        }
    }
    reader.take(length).read_to_end(&mut request.body)?;
    Ok(request)
}

/// Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`; one of the signatures must be right.
fn verify(request: &Request, key: &Hmac<Sha256>, now: i64) -> Result<(), &'static str> {
    let at: i64 = request.timestamp.parse().map_err(|_| "no timestamp")?;
    if request.id.is_empty() || now.saturating_sub(at).saturating_abs() > TOLERANCE {
        return Err("too old, too new, or without an id");
    }
    let is_right = |signature: &str| {
        let Some(bytes) = signature.strip_prefix("v1,").and_then(|coded| STANDARD.decode(coded).ok()) else { return false };
        let mut mac = key.clone();
        mac.update(format!("{}.{}.", request.id, request.timestamp).as_bytes());
        mac.update(&request.body);
        // Compares in constant time.
        mac.verify_slice(&bytes).is_ok()
    };
    if request.signatures.split(' ').any(is_right) { Ok(()) } else { Err("no signature is right") }
}

#[expect(clippy::disallowed_methods, reason = "an example has no clock module")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> (Request, Hmac<Sha256>) {
        let request = Request {
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".into(),
            timestamp: "1649367553".into(),
            signatures: "v1,AAAA v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=".into(),
            body: br#"{"email":"test@example.com","username":"test_user"}"#.to_vec(),
        };
        (request, key_of("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap())
    }

    #[test]
    fn the_published_vector_is_right_now_and_wrong_later_or_changed() {
        let (request, key) = published();
        assert_eq!(verify(&request, &key, 1_649_367_600), Ok(()));
        assert!(verify(&request, &key, 1_649_367_553 + TOLERANCE + 1).is_err());
        let changed = Request { body: b"{}".to_vec(), ..published().0 };
        assert!(verify(&changed, &key, 1_649_367_600).is_err());
        let unsigned = Request { signatures: String::new(), ..published().0 };
        assert!(verify(&unsigned, &key, 1_649_367_600).is_err());
    }

    #[test]
    fn nothing_is_no_key() {
        assert!(key_of("").is_none() && key_of("whsec_").is_none() && key_of("whsec_!").is_none());
    }
}
