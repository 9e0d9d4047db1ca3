//! types → the JSON Schema of rules.toml, for editors: completion, help on hover, and mistakes underlined while one types.
//!
//! The types are never read into; files are read by hand ([`super::load`]), which says more about a mistake than any schema can. They say the
//! same as the reader about what a table may hold: a test holds each of them against the reader's own table of keys, and every file that is
//! shipped or tested against the schema. The schema errs on the side of yes: what only [`super::load`] can judge, such as a checksum or a
//! name that is not defined, passes here.
//!
//! It is of draft 7, which every editor knows.

pub mod actions;
pub mod brakes;
pub mod elements;
pub mod rule;
mod tidy;
pub mod values;
pub mod when;
pub mod window;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;

use actions::Action;
use brakes::Zone;
use rule::Rule;
use values::{Duration, Mode, Name, Overflow, Secret, Size};

/// What `birdcall schema` prints.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut settings = SchemaSettings::draft07();
    // First, as what they leave behind has to suit draft 7, too.
    settings.transforms.insert(0, Box::new(RecursiveTransform(tidy::tidy)));
    settings.into_generator().into_root_schema_for::<File>().to_value()
}

/// # birdcall rules
///
/// Rules of birdcall: what to look for in a live feed of tweets, and where to send what is found. `birdcall check` says more about a mistake
/// than this schema can.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct File {
    /// How the feed is reached.
    pub feed: Option<Feed>,
    /// How long what happened is remembered, and how safely.
    pub journal: Option<Journal>,
    /// What actions have that do not say otherwise.
    pub defaults: Option<Defaults>,
    /// Lists of handles, words, symbols or addresses, by name. A matcher names one as `"@name"`.
    pub lists: Option<BTreeMap<String, List>>,
    /// What messages look like, by name. Without one there is a good default for every event and platform.
    pub templates: Option<BTreeMap<String, Template>>,
    /// Where to send to, by name: `[actions.desk]`.
    pub actions: Option<BTreeMap<String, Action>>,
    /// Rules: `[[rule]]`, each with a `name`, a condition `when`, and `send`.
    pub rule: Option<Vec<Rule>>,
}

/// A list: `["binance", "coinbase"]`, or where it stands.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum List {
    /// `["binance", "coinbase"]`.
    Here(#[schemars(length(min = 1))] Vec<ListValue>),
    /// `{ file = "kols.txt" }`, or `{ tracked = true }`.
    Elsewhere(ListElsewhere),
}

/// A list that stands elsewhere. It says one of both.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
pub struct ListElsewhere {
    /// A file of one value a line, in which # begins a comment; relative to the file of rules. It is read again with the rules when it is saved.
    #[schemars(length(min = 1))]
    pub file: Option<String>,
    /// The accounts that the feed's key tracks, for `handle` and `target`: asked when birdcall starts and when the rules are read again.
    #[schemars(extend("const" = true))]
    pub tracked: Option<bool>,
}

/// A value of a list: a handle, a word, a symbol, an address. A list cannot hold another list.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("pattern" = "^[^@]|^$"))]
pub struct ListValue(pub String);

/// How the feed is reached.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Feed {
    /// The API key: `"env:TWEETSTREAM_API_KEY"` or `"file:/run/secrets/key"`.
    pub key: Option<Secret>,
    /// Where the feed is: `wss://…`. TweetStream's own unless said otherwise.
    #[schemars(regex(pattern = r"^\s*[Ww][Ss][Ss]?://"))]
    pub url: Option<String>,
    /// How the key is sent.
    pub auth: Option<Auth>,
    /// How long rules wait for detections; `"15s"` unless said otherwise, ten minutes at most.
    pub meta_timeout: Option<Duration>,
    /// Where an outage is made up for: `https://…`, or `http://…` within this machine or a private network. TweetStream's own feed has its own.
    #[schemars(regex(pattern = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub history: Option<String>,
    /// The actions that are told of gaps, stopped orders and dead destinations; else every chat and console that is armed.
    pub notices: Option<Names>,
}

/// Names of actions; none is fine.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Names {
    /// One.
    One(Name),
    /// Several.
    Many(Vec<Name>),
}

/// How the key is sent.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Auth {
    /// As a subprotocol of the WebSocket. What is taken unless said otherwise.
    Subprotocol,
    /// As `Authorization: Bearer`.
    Bearer,
    /// As a parameter of the URL, where proxies may log it.
    Query,
}

/// How long what happened is remembered, and how safely.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Journal {
    /// What outlives what.
    pub sync: Option<Sync>,
    /// What is older is forgotten; `"14d"` unless said otherwise, one day at least.
    pub max_age: Option<Duration>,
    /// What is more is forgotten; `"2GiB"` unless said otherwise, `"16MiB"` at least.
    pub max_bytes: Option<Size>,
}

/// What outlives what.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Sync {
    /// What was committed outlives `kill -9`. What is taken unless said otherwise.
    Process,
    /// What was committed outlives a power cut, too, at the price of a disk flush in front of every order.
    Power,
}

/// What actions have that do not say otherwise.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Defaults {
    /// Everything is at least so strict, rules and actions.
    pub mode: Option<Mode>,
    /// Nothing older is ever sent; `"10m"` unless said otherwise.
    pub max_age: Option<Duration>,
    /// Of one request; `"15s"` unless said otherwise, two minutes at most.
    pub timeout: Option<Duration>,
    /// What becomes of what comes faster than the pace lets through.
    pub overflow: Option<Overflow>,
    /// In which `active` is meant: `"Europe/London"`. UTC unless said otherwise.
    pub timezone: Option<Zone>,
}

/// What a message says. Both parts are templates: `"{{ author.name }}: {{ tweet.text }}"`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct Template {
    /// Its first line.
    pub title: Option<String>,
    /// The rest.
    pub body: Option<String>,
}

#[cfg(test)]
mod tests;
