//! One message of the feed as typed values that borrow from its frame: what PROTOCOL 2 to 4 list, and nothing made of it yet.
//! `decode` writes these, `join` reads them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use super::price::Price;
use super::subject::{Kind, Platform};
use super::time::Timestamp;

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
        let bare = |text: &str| -> (usize, usize) {
            let trimmed = text.trim();
            let bare = trimmed.strip_prefix(sign).unwrap_or(trimmed);
            let start = text.len() - text.trim_start().len() + (trimmed.len() - bare.len());
            (start, start + bare.len())
        };
        let (start, end) = bare(&self.0);
        match self.0 {
            Cow::Borrowed(text) => text.get(start..end).unwrap_or(text).into(),
            Cow::Owned(text) if start == 0 && end == text.len() => text.into(),
            Cow::Owned(text) => text.get(start..end).unwrap_or(&text).to_owned().into(),
        }
    }
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

/// What content, update, delete, pin and unpin say of a tweet (PROTOCOL 3.1, 3.2, 3.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TweetPart<'a> {
    /// Never empty once decoded.
    pub tweet_id: Text<'a>,
    /// `kind`, only of the newest feed.
    pub kind: Option<Kind>,
    /// May be empty: a pure retweet, or nothing but media.
    pub text: Option<Text<'a>>,
    /// When it was published.
    pub created_at: Option<Timestamp>,
    /// When TweetStream received it.
    pub received_at: Option<Timestamp>,
    /// Who wrote it.
    pub author: Option<Author<'a>>,
    /// The permalink.
    pub link: Option<Text<'a>>,
    /// Images, videos, GIFs.
    pub media: Vec<Media<'a>>,
    /// Accounts mentioned.
    pub mentions: Vec<Mention<'a>>,
    /// Links with their expansion.
    pub urls: Vec<Link<'a>>,
    /// `ref`: what it replies to, quotes or retweets. Often incomplete at first.
    pub reference: Option<Box<Reference<'a>>>,
}

/// An author, actor or target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Author<'a> {
    /// Stays the same when the handle changes.
    pub id: Option<Text<'a>>,
    /// Without the leading `@`.
    pub handle: Option<Text<'a>>,
    /// Display name.
    pub name: Option<Text<'a>>,
    /// Absent means X.
    pub platform: Option<Platform>,
    /// URL of the picture.
    pub profile_image: Option<Text<'a>>,
    /// URL of the banner.
    pub banner: Option<Text<'a>>,
    /// Self-description.
    pub bio: Option<Text<'a>>,
    /// Followers.
    pub followers_count: Option<u64>,
    /// Accounts followed.
    pub following_count: Option<u64>,
    /// When the account was created.
    pub joined_at: Option<Timestamp>,
    /// Stated place.
    pub location: Option<Text<'a>>,
    /// Totals of the account, not of one tweet.
    pub metrics: Option<Metrics>,
    /// Stated URL, or that of the profile.
    pub url: Option<Text<'a>>,
    /// Stated web site; only of actors and targets.
    pub website_url: Option<Text<'a>>,
    /// The organisation's label.
    pub verified_label: Option<VerifiedLabel<'a>>,
    /// `blue`, `business`, `government`, `none` or one that we do not know yet.
    pub verified_type: Option<Text<'a>>,
}

/// Totals of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Likes given.
    pub likes: Option<u64>,
    /// Tweets written.
    pub tweets: Option<u64>,
}

/// A label beside a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VerifiedLabel<'a> {
    /// URL of its picture.
    pub badge: Option<Text<'a>>,
    /// What it says.
    pub description: Option<Text<'a>>,
    /// Where it leads.
    pub url: Option<Text<'a>>,
}

/// An image, video or GIF.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media<'a> {
    /// Where it is; never empty.
    pub url: Text<'a>,
    /// `image`, `video`, `gif` or one that we do not know yet; often left out.
    pub kind: Option<Text<'a>>,
    /// A still of it.
    pub thumbnail: Option<Text<'a>>,
}

/// An account mentioned in a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mention<'a> {
    /// The account's id.
    pub id: Option<Text<'a>>,
    /// Without the leading `@`.
    pub handle: Option<Text<'a>>,
    /// Display name.
    pub name: Option<Text<'a>>,
}

/// A link of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link<'a> {
    /// The expanded URL; never empty.
    pub url: Text<'a>,
    /// What the text shows in its place.
    pub name: Option<Text<'a>>,
    /// The `https://t.co/…` of the raw text.
    pub tco: Option<Text<'a>>,
}

/// What a tweet replies to, quotes or retweets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference<'a> {
    /// `type`: reply, quote or retweet.
    pub kind: Option<Kind>,
    /// The other tweet's id.
    pub tweet_id: Option<Text<'a>>,
    /// The other tweet's text.
    pub text: Option<Text<'a>>,
    /// The other tweet's author.
    pub author: Option<Author<'a>>,
    /// The other tweet's media.
    pub media: Vec<Media<'a>>,
}

/// tweet/meta (PROTOCOL 3.3).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetaPart<'a> {
    /// Never empty once decoded.
    pub tweet_id: Text<'a>,
    /// Text recognised in the images.
    pub ocr: Option<Ocr<'a>>,
    /// What was detected.
    pub detected: Option<Detected<'a>>,
}

/// Text recognised in images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ocr<'a> {
    /// The text.
    pub text: Option<Text<'a>>,
}

/// Detections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detected<'a> {
    /// On-chain tokens.
    pub tokens: Vec<Token<'a>>,
    /// `cex`: markets of centralised exchanges.
    pub markets: Vec<Market<'a>>,
    /// `prediction`: prediction markets.
    pub predictions: Vec<Prediction<'a>>,
}

/// Where a detection was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources<'a> {
    /// In the tweet's text.
    pub text: bool,
    /// In the text of its images.
    pub ocr: bool,
    /// Sources that we do not know yet.
    pub other: Vec<Text<'a>>,
}

/// One on-chain token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Token<'a> {
    /// As written.
    pub symbol: Option<Text<'a>>,
    /// Its name.
    pub name: Option<Text<'a>>,
    /// The contract as written.
    pub contract: Option<Text<'a>>,
    /// A free string such as `solana`.
    pub chain: Option<Text<'a>>,
    /// The provider's number of the network.
    pub network_id: Option<u64>,
    /// At detection.
    pub price_usd: Option<Price>,
    /// Where it was found.
    pub sources: Sources<'a>,
}

/// One market of a centralised exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Market<'a> {
    /// `bybit`, `binance`, `hyperliquid` or one that we do not know yet.
    pub exchange: Option<Text<'a>>,
    /// Such as `KAIUSDT`.
    pub symbol: Option<Text<'a>>,
    /// Such as `KAI`.
    pub base_asset: Option<Text<'a>>,
    /// Such as `USDT`.
    pub quote_asset: Option<Text<'a>>,
    /// At detection.
    pub price_usd: Option<Price>,
    /// The market's page.
    pub url: Option<Text<'a>>,
    /// Where it was found.
    pub sources: Sources<'a>,
}

/// One prediction market.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction<'a> {
    /// `polymarket`, `kalshi` or one that we do not know yet.
    pub exchange: Option<Text<'a>>,
    /// The exchange's id of the market.
    pub market_id: Option<Text<'a>>,
    /// The question.
    pub title: Option<Text<'a>>,
    /// Of one share, presumably 0 to 1.
    pub price_usd: Option<Price>,
    /// The market's page.
    pub url: Option<Text<'a>>,
    /// Where it was found.
    pub sources: Sources<'a>,
}

/// account/profile_update (PROTOCOL 3.5).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileUpdate<'a> {
    /// `PROFILE`.
    pub kind: Option<Text<'a>>,
    /// The event's id.
    pub event_id: Option<Text<'a>>,
    /// When it was seen.
    pub observed_at: Option<Timestamp>,
    /// Who changed the profile.
    pub actor: Author<'a>,
    /// The new values, only what changed.
    pub changes: Profile<'a>,
    /// The old values.
    pub previous: Profile<'a>,
}

/// The parts of a profile that can change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile<'a> {
    /// Display name.
    pub name: Option<Text<'a>>,
    /// Without the leading `@`.
    pub handle: Option<Text<'a>>,
    /// Self-description.
    pub bio: Option<Text<'a>>,
    /// URL of the picture.
    pub avatar: Option<Text<'a>>,
    /// URL of the banner.
    pub banner: Option<Text<'a>>,
    /// Stated place.
    pub location: Option<Text<'a>>,
}

/// account/follow and account/unfollow (PROTOCOL 3.6).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Follow<'a> {
    /// `FOLLOW` or `UNFOLLOW`.
    pub kind: Option<Text<'a>>,
    /// The event's id.
    pub event_id: Option<Text<'a>>,
    /// When it was seen.
    pub observed_at: Option<Timestamp>,
    /// Who followed.
    pub actor: Author<'a>,
    /// Who was followed.
    pub target: Option<Author<'a>>,
}

/// account/callout (PROTOCOL 3.7).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Callout<'a> {
    /// `pump_fun`.
    pub platform: Option<Text<'a>>,
    /// `callout`.
    pub kind: Option<Text<'a>>,
    /// The callout's id.
    pub callout_id: Option<Text<'a>>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When TweetStream received it.
    pub received_at: Option<Timestamp>,
    /// Who made it.
    pub caller: Caller<'a>,
    /// Of which token.
    pub token: CalloutToken<'a>,
}

/// Who made a callout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller<'a> {
    /// Without the leading `@`.
    pub username: Option<Text<'a>>,
}

/// The token of a callout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalloutToken<'a> {
    /// The contract.
    pub address: Option<Text<'a>>,
    /// A CAIP-2 id such as `solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp`.
    pub chain_id: Option<Text<'a>>,
}

/// control/twitter_handles_result (PROTOCOL 3.8).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandlesResult<'a> {
    /// `follow` or `unfollow`.
    pub action: Option<Text<'a>>,
    /// Which request it answers.
    pub request_id: Option<Text<'a>>,
    /// Why the request failed as a whole.
    pub error: Option<Text<'a>>,
    /// One for each handle asked for.
    pub results: Vec<HandleResult<'a>>,
}

/// What became of one handle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandleResult<'a> {
    /// As it was asked for.
    pub input: Option<Text<'a>>,
    /// `added`, `already_following`, … or one that we do not know yet.
    pub state: Option<Text<'a>>,
    /// Without the leading `@`.
    pub handle: Option<Text<'a>>,
    /// As the server compares it.
    pub normalized_handle: Option<Text<'a>>,
    /// Display name.
    pub name: Option<Text<'a>>,
    /// URL of the picture.
    pub profile_image: Option<Text<'a>>,
    /// The account's id.
    pub twitter_id: Option<Text<'a>>,
    /// For people.
    pub message: Option<Text<'a>>,
}
