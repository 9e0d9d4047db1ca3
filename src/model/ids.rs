//! Names and identities.

use std::borrow::Cow;
use std::fmt;

use sha2::Digest as _;

use super::short::ShortText;

/// The id of a tweet: an X snowflake or a Truth Social id. Always text, as ids exceed 2^53. All that there are so far take no allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TweetId(ShortText<INSIDE>);

/// Bytes of the longest id that is kept without an allocation: as many as make it no larger than one that is.
const INSIDE: usize = 22;

impl TweetId {
    /// Takes an id as the feed wrote it.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(ShortText::new(id))
    }

    /// As the feed wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Bytes that it takes beside itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes_outside()
    }

    /// Only digits, so that it may stand in a URL of ours (nothing else that the feed says may).
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        let id = self.as_str();
        !id.is_empty() && id.len() <= 20 && id.bytes().all(|b| b.is_ascii_digit())
    }
}

impl Default for TweetId {
    /// That of no tweet.
    fn default() -> Self {
        Self::new("")
    }
}

impl fmt::Display for TweetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TweetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl serde::Serialize for TweetId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for TweetId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ShortText::deserialize(from).map(Self)
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
    /// One that no firing has: to try out what is kept by ids.
    #[must_use]
    pub(crate) fn of_none(number: u64) -> Self {
        Self(u128::from(number).to_be_bytes())
    }

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
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"bc_00000000000000000000000000000000";
        for (to, byte) in text.iter_mut().skip(3).zip(self.0.iter().flat_map(|byte| [byte >> 4, byte & 15])) {
            *to = DIGITS[usize::from(byte)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
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
pub fn normal_handle(written: &str) -> Cow<'_, str> {
    let bare = written.trim();
    let bare = bare.strip_prefix('@').unwrap_or(bare);
    let is_normal = bare.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_normal { Cow::Borrowed(bare) } else { Cow::Owned(bare.to_lowercase()) }
}

/// A symbol as people mean it: no leading `$`, upper case.
#[must_use]
pub fn normal_symbol(written: &str) -> Cow<'_, str> {
    let bare = written.trim();
    let bare = bare.strip_prefix('$').unwrap_or(bare);
    let is_normal = bare.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase());
    if is_normal { Cow::Borrowed(bare) } else { Cow::Owned(bare.to_uppercase()) }
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
    fn an_id_takes_no_more_room_than_one_outside_would() {
        assert_eq!(size_of::<TweetId>(), 24);
    }

    #[test]
    fn only_digits_may_stand_in_a_link() {
        assert!(TweetId::new("2067225747256360460").is_numeric());
        assert!(!TweetId::new("1/../../evil").is_numeric() && !TweetId::new("").is_numeric());
    }
}
