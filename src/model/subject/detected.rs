//! What is detected in a tweet: on-chain tokens, markets of exchanges, prediction markets.

use super::Str;
use crate::model::address::Address;
use crate::model::price::Price;

/// Where a token, market or prediction was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Sources {
    /// In the tweet's text.
    pub text: bool,
    /// In the text of its images.
    pub ocr: bool,
    /// Detected by TweetStream (and not only recognised by birdcall in the text).
    pub meta: bool,
}

/// One on-chain token.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Token<S = Str> {
    /// Without the leading `$`, in the case that the feed wrote.
    pub symbol: Option<S>,
    /// Its name.
    pub name: Option<S>,
    /// The contract as written.
    pub contract: Option<S>,
    /// The contract understood, when it has one of the known forms.
    pub address: Option<Address>,
    /// A free string such as `solana` or `base`.
    pub chain: Option<S>,
    /// The provider's number of the network.
    pub network: Option<u64>,
    /// At the moment of detection.
    pub price: Option<Price>,
    /// Where it was found.
    pub sources: Sources,
}

/// One market of a centralised exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Market<S = Str> {
    /// `bybit`, `binance`, `hyperliquid` or one that we do not know yet.
    pub exchange: Option<S>,
    /// Such as `KAIUSDT`.
    pub symbol: Option<S>,
    /// Such as `KAI`.
    pub base: Option<S>,
    /// Such as `USDT`.
    pub quote: Option<S>,
    /// At the moment of detection.
    pub price: Option<Price>,
    /// The market's page.
    pub url: Option<S>,
    /// Where it was found.
    pub sources: Sources,
}

/// One prediction market.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Prediction<S = Str> {
    /// `polymarket`, `kalshi` or one that we do not know yet.
    pub exchange: Option<S>,
    /// The exchange's id of the market.
    pub id: Option<S>,
    /// The question.
    pub title: Option<S>,
    /// Of one share, presumably 0 to 1.
    pub price: Option<Price>,
    /// The market's page.
    pub url: Option<S>,
    /// Where it was found.
    pub sources: Sources,
}
