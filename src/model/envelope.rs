//! One message of the feed as typed values that borrow from its frame: what PROTOCOL 2 to 4 list, and nothing made of it yet.
//! `decode` writes these, `join` reads them.

mod account;
mod tweet;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use super::time::Timestamp;

pub use account::{Caller, Callout, CalloutToken, Follow, HandleResult, HandlesResult, Profile, ProfileUpdate};
pub use tweet::{
    Author, Detected, Link, Market, Media, Mention, MetaPart, Metrics, Ocr, Prediction, Reference, Sources, Token, TweetPart,
    VerifiedLabel,
};

/// A text of the feed. Borrowed from the frame wherever the JSON has no escape in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it lies in the frame, so that no copy was made.
    #[must_use]
    pub fn is_borrowed(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }

    /// The same without a sign in front and spaces around, as for the `@` of a handle. Copies nothing when it is borrowed.
    #[must_use]
    pub fn without(self, sign: char) -> Self {
        match self.0 {
            Cow::Borrowed(text) => bare(text, sign).into(),
            Cow::Owned(text) => match bare(&text, sign) {
                bare if bare.len() < text.len() => bare.to_owned().into(),
                _ => text.into(),
            },
        }
    }
}

/// A text without a sign in front and spaces around.
#[must_use]
pub fn bare(text: &str, sign: char) -> &str {
    // Nearly always there is nothing to trim, which two bytes tell.
    let ends = text.as_bytes().first().zip(text.as_bytes().last());
    let is_trimmed = ends.is_some_and(|(first, last)| first.is_ascii_graphic() && last.is_ascii_graphic());
    let trimmed = if is_trimmed { text } else { text.trim() };
    trimmed.strip_prefix(sign).unwrap_or(trimmed)
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One message of the feed (PROTOCOL 2).
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope<'a> {
    /// The protocol's version, 1 so far.
    pub v: Option<u64>,
    /// Of a tweet's envelopes the tweet's id: no key to tell duplicates by.
    pub id: Option<Text<'a>>,
    /// When the server sent it.
    pub ts: Option<Timestamp>,
    /// What it says.
    pub body: Body<'a>,
    /// What was odd about it.
    pub oddities: Oddities,
}

/// What an envelope says, by its pair of `t` and `op` (PROTOCOL 3).
#[derive(Clone, Debug, PartialEq)]
pub enum Body<'a> {
    /// tweet/content.
    Content(Box<TweetPart<'a>>),
    /// tweet/update: more has become known. Not an edit.
    Update(Box<TweetPart<'a>>),
    /// tweet/meta.
    Meta(Box<MetaPart<'a>>),
    /// tweet/delete, mostly nothing but the id.
    Delete(Box<TweetPart<'a>>),
    /// tweet/pin, with the tweet's content when the feed gave it, wherever in `d` it stood.
    Pin(Box<TweetPart<'a>>),
    /// tweet/unpin.
    Unpin(Box<TweetPart<'a>>),
    /// account/profile_update.
    ProfileUpdate(Box<ProfileUpdate<'a>>),
    /// account/follow.
    Follow(Box<Follow<'a>>),
    /// account/unfollow.
    Unfollow(Box<Follow<'a>>),
    /// account/callout.
    Callout(Box<Callout<'a>>),
    /// control/twitter_handles_result.
    HandlesResult(Box<HandlesResult<'a>>),
    /// control/auth_ping.
    AuthPing,
    /// control/auth_pong.
    AuthPong,
    /// A pair that we do not know yet: counted, and nothing read of it.
    Unknown {
        /// The family.
        t: Text<'a>,
        /// The operation.
        op: Text<'a>,
    },
}

impl Body<'_> {
    /// The tweet that it is about, if it is about one.
    #[must_use]
    pub fn tweet_id(&self) -> Option<&str> {
        match self {
            Self::Content(part) | Self::Update(part) | Self::Delete(part) | Self::Pin(part) | Self::Unpin(part) => {
                Some(&part.tweet_id)
            }
            Self::Meta(meta) => Some(&meta.tweet_id),
            _ => None,
        }
    }

    /// `t/op` for counters: from a fixed set, however odd the feed's words are.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Content(_) => "tweet/content",
            Self::Update(_) => "tweet/update",
            Self::Meta(_) => "tweet/meta",
            Self::Delete(_) => "tweet/delete",
            Self::Pin(_) => "tweet/pin",
            Self::Unpin(_) => "tweet/unpin",
            Self::ProfileUpdate(_) => "account/profile_update",
            Self::Follow(_) => "account/follow",
            Self::Unfollow(_) => "account/unfollow",
            Self::Callout(_) => "account/callout",
            Self::HandlesResult(_) => "control/twitter_handles_result",
            Self::AuthPing => "control/auth_ping",
            Self::AuthPong => "control/auth_pong",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// What was odd about an envelope and did not keep it from being read: how often, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Fields that we do not know.
    pub unknown_fields: u32,
    /// Values that were dropped because of their type, or because they cannot be meant (a price of zero, a moment of year 90000,
    /// an element of a list without the URL that makes it one).
    pub wrong_types: u32,
    /// Words that stand where we know all words (`kind`, `platform`, `exchange`, …) and are none of them. They are kept.
    pub unknown_values: u32,
    /// Texts in which a lone surrogate was replaced by U+FFFD.
    pub replaced_text: u32,
    /// 1 when `v` was not 1.
    pub version: u32,
    /// Elements beyond the bound of a list.
    pub elements: u32,
}

impl Oddities {
    /// Each kind with its stable name for counters.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u32); 6] {
        [
            ("unknown_fields", self.unknown_fields),
            ("wrong_types", self.wrong_types),
            ("unknown_values", self.unknown_values),
            ("replaced_text", self.replaced_text),
            ("version", self.version),
            ("elements", self.elements),
        ]
    }
}
