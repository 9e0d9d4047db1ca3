//! Names and identities.

use std::fmt;
use std::sync::Arc;

use sha2::Digest as _;

/// The id of a tweet: an X snowflake or a Truth Social id. Always text, as ids exceed 2^53.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct TweetId(Arc<str>);

impl TweetId {
    /// Takes an id as the feed wrote it.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// As the feed wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Only digits, so that it may stand in a URL of ours (nothing else that the feed says may).
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        !self.0.is_empty() && self.0.len() <= 20 && self.0.bytes().all(|b| b.is_ascii_digit())
    }
}

impl fmt::Display for TweetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a firing: always the same for the same rule, subject and element, wherever and however often it is computed.
/// Receivers see it as the idempotency key, so it must not be guessable into a clash: 128 bits of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FiringId([u8; 16]);

impl FiringId {
    /// `rule` and `subject` as defined by the caller; `element` names the token or market of a rule with `each`, else it is empty.
    #[must_use]
    pub fn of(rule: &str, subject: &str, element: &str) -> Self {
        let mut hash = sha2::Sha256::new();
        for part in [rule, subject, element] {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(id)
    }
}

impl FiringId {
    /// The id that is written so.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        let digits = written.strip_prefix("bc_").filter(|digits| digits.len() == 32 && digits.is_ascii())?;
        let mut id = [0; 16];
        for (at, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        // `from_str_radix` takes a sign and capitals, too.
        let id = Self(id);
        (id.to_string() == written).then_some(id)
    }
}

impl fmt::Display for FiringId {
    /// `bc_` and 32 hexadecimal digits: no dot, as Standard Webhooks signs `id.timestamp.body`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bc_")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FiringId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for FiringId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A handle as people mean it: no leading `@`, lower case.
#[must_use]
pub fn normal_handle(written: &str) -> String {
    let bare = written.trim();
    bare.strip_prefix('@').unwrap_or(bare).to_lowercase()
}

/// A symbol as people mean it: no leading `$`, upper case.
#[must_use]
pub fn normal_symbol(written: &str) -> String {
    let bare = written.trim();
    bare.strip_prefix('$').unwrap_or(bare).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firing_id_is_the_same_for_the_same_parts_and_no_others() {
        let id = FiringId::of("rule", "tweet:1", "");
        assert_eq!(id, FiringId::of("rule", "tweet:1", ""));
        assert_ne!(id, FiringId::of("rule", "tweet:", "1"));
        assert_ne!(id, FiringId::of("rul", "etweet:1", ""));
        assert!(id.to_string().starts_with("bc_") && id.to_string().len() == 35, "{id}");
        assert_eq!(FiringId::parse(&id.to_string()), Some(id));
        for wrong in ["", "bc_", "bc_12", &id.to_string().to_uppercase(), &id.to_string().replacen("bc_", "bc_+", 1)] {
            assert_eq!(FiringId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn handles_and_symbols_lose_their_sign_and_case() {
        assert_eq!(normal_handle(" @ElonMusk"), "elonmusk");
        assert_eq!(normal_symbol("$doge"), "DOGE");
    }

    #[test]
    fn only_digits_may_stand_in_a_link() {
        assert!(TweetId::new("2067225747256360460").is_numeric());
        assert!(!TweetId::new("1/../../evil").is_numeric() && !TweetId::new("").is_numeric());
    }
}
