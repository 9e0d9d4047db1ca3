//! `[rule.when]`: the matchers.

use schemars::JsonSchema;

use super::elements::{ContractOr, MarketOr, PredictionOr, TokenOr};
use super::values::{Age, Any, Bounds, Handle, OneOrMany, Text, Word};

/// A condition. Every key must hold; in a list any value may.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct When {
    /// Who wrote it, or did it.
    pub handle: Option<OneOrMany<Handle>>,
    /// The account followed, replied to, quoted or retweeted.
    pub target: Option<OneOrMany<Handle>>,
    /// The author's profile: `{ followers = { above = 10000 } }`.
    pub author: Option<Author>,
    /// Where it was posted.
    pub platform: Option<Word<Platform>>,
    /// What sort of tweet it is.
    pub kind: Option<Word<Kind>>,
    /// Whole words or phrases of the text: `["listing", "will list"]`.
    pub keyword: Option<OneOrMany<Text>>,
    /// Parts of the text, within words, too.
    pub contains: Option<OneOrMany<Text>>,
    /// Rust regexes, best in single quotes: `'\blist(s|ed|ing)?\b'`. They ignore case unless `case = true`.
    pub regex: Option<OneOrMany<Text>>,
    /// Cashtags as X recognises them: `"DOGE"` finds $DOGE.
    pub cashtag: Option<OneOrMany<Text>>,
    /// Addresses of contracts in the text, the links or the detections; `true` for any.
    pub contract: Option<ContractOr>,
    /// One detected token: `"DOGE"`, `true` for any, or `{ symbol = "DOGE", contract = true, price = { below = 0.5 } }`.
    pub token: Option<TokenOr>,
    /// One detected market of an exchange: `{ exchange = "binance", base = "BTC" }`, or `true` for any.
    pub market: Option<MarketOr>,
    /// One detected prediction market: `{ title = "election" }`, or `true` for any.
    pub prediction: Option<PredictionOr>,
    /// The price of any token, market or prediction market of the tweet, in US dollars.
    pub price: Option<Bounds<f64>>,
    /// Where links lead to: `"t.me"`, subdomains too, or `{ regex = 'pump\.fun/coin/' }`.
    pub link: Option<LinkOr>,
    /// What is attached: `"image"`, `"video"`, `"gif"`, or `true` for anything.
    pub media: Option<MediaOr>,
    /// What of a profile has changed, in rules on `profile_update`; `true` for anything.
    pub changed: Option<ChangedOr>,
    /// What it was before, beside `changed`.
    pub before: Option<TextOr>,
    /// What it is now, beside `changed`.
    pub after: Option<TextOr>,
    /// How old the tweet was when it came: `{ below = "30m" }`.
    pub age: Option<Bounds<Age>>,
    /// Every one of these tables must hold.
    #[schemars(length(min = 1))]
    pub all: Option<Vec<When>>,
    /// One of these tables must hold, or as many as `at_least` says.
    #[schemars(length(min = 1))]
    pub any: Option<Vec<When>>,
    /// None of these tables may hold.
    #[schemars(length(min = 1))]
    pub none: Option<Vec<When>>,
    /// So many of `any` must hold.
    #[schemars(range(min = 1))]
    pub at_least: Option<u32>,
    /// The text matchers of this table are exact.
    pub case: Option<bool>,
    /// Where the text matchers of this table look; `"text"` unless said otherwise.
    pub r#in: Option<Word<In>>,
}

/// Where a tweet was posted.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum Platform {
    /// X.
    Twitter,
    /// Truth Social.
    TruthSocial,
}

/// What sort of tweet it is.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum Kind {
    /// One of its own.
    Post,
    /// A reply to another.
    Reply,
    /// One that quotes another.
    Quote,
    /// Another's, passed on.
    Retweet,
}

/// Where text matchers look.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum In {
    /// The tweet's text.
    Text,
    /// The text of the tweet that is quoted, replied to or retweeted.
    Quoted,
    /// Text recognised in images.
    Ocr,
    /// The author's display name.
    Name,
    /// The author's self-description.
    Bio,
}

/// The author's profile. All that is given must hold.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct Author {
    /// How many follow the account: `{ above = 10000 }`.
    pub followers: Option<Bounds<f64>>,
    /// How it is verified: `"blue"`, `"business"`, `"government"`, `"none"`.
    pub verified: Option<OneOrMany<Text>>,
    /// A part of the display name, or a table of text matchers.
    pub name: Option<TextOr>,
    /// A part of the self-description, or a table of text matchers.
    pub bio: Option<TextOr>,
}

/// Parts of a text, or a table of text matchers.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum TextOr {
    /// Parts of it.
    Parts(OneOrMany<Text>),
    /// Text matchers.
    Table(TextOf),
}

/// Text matchers. All that are given must hold.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct TextOf {
    /// Whole words or phrases.
    pub keyword: Option<OneOrMany<Text>>,
    /// Parts, within words, too.
    pub contains: Option<OneOrMany<Text>>,
    /// Rust regexes.
    pub regex: Option<OneOrMany<Text>>,
    /// Cashtags as X recognises them.
    pub cashtag: Option<OneOrMany<Text>>,
    /// The matchers of this table are exact.
    pub case: Option<bool>,
}

/// Domains, or a table.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum LinkOr {
    /// Domains; subdomains are included.
    Domains(OneOrMany<Domain>),
    /// Domains, or regexes on the whole URL.
    Table(Link),
}

/// A domain alone: `"pump.fun"`. Subdomains are included.
#[derive(Debug, JsonSchema)]
#[schemars(extend("pattern" = r"^@.|^\s*[^\s/:?#@*.]+(\.[^\s/:?#@*.]+)+\s*$"))]
pub struct Domain(pub String);

/// Where links lead to. Any that is given is enough.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("anyOf" = [{ "required": ["domain"] }, { "required": ["regex"] }]))]
pub struct Link {
    /// Domains; subdomains are included.
    pub domain: Option<OneOrMany<Domain>>,
    /// Regexes on the whole URL.
    pub regex: Option<OneOrMany<Text>>,
    /// The regexes are exact.
    pub case: Option<bool>,
}

/// What is attached.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum MediaOr {
    /// `true`: anything.
    Any(Any),
    /// One of these.
    Kinds(Word<Media>),
}

/// What is attached.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum Media {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A moving picture.
    Gif,
}

/// What of a profile has changed.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum ChangedOr {
    /// `true`: anything.
    Any(Any),
    /// One of these.
    Parts(Word<Changed>),
}

/// A part of a profile.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum Changed {
    /// The handle.
    Handle,
    /// The display name.
    Name,
    /// The self-description.
    Bio,
    /// The picture.
    Avatar,
    /// The picture behind it.
    Banner,
    /// The place.
    Location,
}
