//! A receiver of Standard Webhooks that checks every signature (DESTINATIONS 6.1), and says what the test tells it to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::book::{Book, StandIn};
use super::http::{Received, Reply};

pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Accepts what is signed with [`SECRET`], and refuses the rest with 401.
pub(crate) async fn start() -> StandIn {
    StandIn::start("/hook", &[], rules).await
}

fn rules(request: &Received, book: &mut Book) -> Reply {
    if let Err(what) = verify(request, SECRET) {
        book.violation(what);
        return Reply::new(401, what);
    }
    book.accept(request.json());
    Reply::new(204, "")
}

/// Whether the request is what the owner of `secret` sent, within five minutes of now.
pub(crate) fn verify(request: &Received, secret: &str) -> Result<(), &'static str> {
    let header = |name: &'static str| request.header(name).ok_or(name);
    let (id, timestamp, signatures) = (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    if id.contains('.') {
        return Err("the id contains a dot");
    }
    let now = jiff::Timestamp::now().as_second();
    if !timestamp.parse::<i64>().is_ok_and(|at| (now - at).abs() <= 300) {
        return Err("the timestamp is not of these minutes");
    }
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(|_| "the secret is not base64")?;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).map_err(|_| "the secret is no key")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&request.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    signatures.split(' ').any(|signature| signature == expected).then_some(()).ok_or("the signature is wrong")
}
