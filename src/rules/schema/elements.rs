//! `token`, `market`, `prediction` and `contract`: what was detected in a tweet.

use schemars::JsonSchema;

use super::values::{Any, Bounds, OneOrMany, Text, Word};

/// Addresses of contracts.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum ContractOr {
    /// `true`: any.
    Any(Any),
    /// One of these.
    Addresses(OneOrMany<Address>),
}

/// A contract's address: EVM (`0x` and 40 digits) or Solana.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^@.|^\s*(0[xX][0-9a-fA-F]{40}|[1-9A-HJ-NP-Za-km-z]{32,44})\s*$"))]
pub struct Address(pub String);

/// A token.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum TokenOr {
    /// `true`: any.
    Any(Any),
    /// One of these symbols.
    Symbols(OneOrMany<Text>),
    /// All of this.
    Table(Box<Token>),
}

/// One token. All that is given must hold for the same.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct Token {
    /// Its symbol, with or without the $.
    pub symbol: Option<OneOrMany<Text>>,
    /// A part of its name.
    pub name: Option<OneOrMany<Text>>,
    /// Its address; `true`: it must have one.
    pub contract: Option<ContractOr>,
    /// The chain that it is on, such as `"solana"`.
    pub chain: Option<OneOrMany<Text>>,
    /// The number of the network that it is on.
    pub network: Option<OneOrMany<Network>>,
    /// Its price in US dollars.
    pub price: Option<Bounds<f64>>,
    /// Where it must have been found.
    pub source: Option<Word<Source>>,
}

/// The number of a network.
#[derive(Debug, JsonSchema)]
#[schemars(inline)]
pub struct Network(pub u64);

/// A market of an exchange.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum MarketOr {
    /// `true`: any.
    Any(Any),
    /// One of these symbols.
    Symbols(OneOrMany<Text>),
    /// All of this.
    Table(Box<Market>),
}

/// One market of an exchange. All that is given must hold for the same.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct Market {
    /// The exchange, such as `"binance"`.
    pub exchange: Option<OneOrMany<Text>>,
    /// The market's symbol, such as `"BTCUSDT"`.
    pub symbol: Option<OneOrMany<Text>>,
    /// What is bought, such as `"BTC"`.
    pub base: Option<OneOrMany<Text>>,
    /// What it is paid with, such as `"USDT"`.
    pub quote: Option<OneOrMany<Text>>,
    /// Its price in US dollars.
    pub price: Option<Bounds<f64>>,
    /// Where it must have been found.
    pub source: Option<Word<Source>>,
}

/// A prediction market.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum PredictionOr {
    /// `true`: any.
    Any(Any),
    /// All of this.
    Table(Box<Prediction>),
}

/// One prediction market. All that is given must hold for the same.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct Prediction {
    /// Where it is, such as `"polymarket"`.
    pub exchange: Option<OneOrMany<Text>>,
    /// Its id, exactly.
    pub id: Option<OneOrMany<Text>>,
    /// A part of its title.
    pub title: Option<OneOrMany<Text>>,
    /// The price of a share in US dollars.
    pub price: Option<Bounds<f64>>,
    /// Where it must have been found.
    pub source: Option<Word<Source>>,
}

/// Where something was found.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum Source {
    /// In the tweet's text, by birdcall itself or by TweetStream.
    Text,
    /// In an image.
    Ocr,
    /// By TweetStream, wherever.
    Meta,
}
