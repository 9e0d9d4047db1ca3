//! The payloads of the tweet family (PROTOCOL 3.1 to 3.4), as far as the feed says them.

use super::Text;
use crate::model::price::Price;
use crate::model::subject::{Kind, Platform};
use crate::model::time::Timestamp;

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
