//! Signatures of webhooks, as Standard Webhooks 1.0.0 says (DESTINATIONS 6.1): key, id, time and bytes in, header out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::model::secret::Secret;

/// A key to sign with. Never empty.
#[derive(Clone)]
pub(crate) struct Key {
    mac: Hmac<Sha256>,
    /// Of the key's bytes: to tell two apart.
    digest: [u8; 32],
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Key {}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

/// Why a secret is no key. Says nothing of the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Anybody could sign with it.
    #[error("the signing secret is empty")]
    Empty,
    /// `whsec_` promises base64.
    #[error("the signing secret starts with whsec_, but what follows is not base64")]
    NotBase64,
}

impl Key {
    /// `whsec_…` is base64, anything else is taken as it is.
    pub(crate) fn new(secret: &Secret) -> Result<Self, KeyError> {
        let bytes = match secret.expose().strip_prefix("whsec_") {
            Some(coded) => STANDARD.decode(coded.trim()).map_err(|_| KeyError::NotBase64)?,
            None => secret.expose().as_bytes().to_vec(),
        };
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        // HMAC takes keys of every length; the type just cannot say so.
        let digest = Sha256::digest(&bytes).into();
        Hmac::new_from_slice(&bytes).map(|mac| Self { mac, digest }).map_err(|_| KeyError::Empty)
    }

    /// `v1,…` for `id.timestamp.body`. `timestamp` is Unix time in seconds.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.mac.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        for (secret, id, timestamp, body, expected) in [
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ] {
            let key = Key::new(&Secret::new(secret)).unwrap();
            assert_eq!(key.sign(id, timestamp, body.as_bytes()), expected);
        }
    }

    #[test]
    fn an_empty_or_broken_secret_is_no_key() {
        for (secret, error) in [
            ("", KeyError::Empty),
            ("whsec_", KeyError::Empty),
            ("whsec_ ", KeyError::Empty),
            ("whsec_not base64!", KeyError::NotBase64),
        ] {
            assert_eq!(Key::new(&Secret::new(secret)).unwrap_err(), error, "{secret:?}");
        }
    }

    #[test]
    fn a_secret_without_the_prefix_is_taken_as_it_is_and_does_not_print() {
        let raw = Key::new(&Secret::new("plain canary")).unwrap();
        let coded = Key::new(&Secret::new(format!("whsec_{}", STANDARD.encode("plain canary")))).unwrap();
        assert_eq!(raw.sign("a", 1, b"x"), coded.sign("a", 1, b"x"));
        assert_eq!(format!("{raw:?}"), "Key(***)");
    }
}
