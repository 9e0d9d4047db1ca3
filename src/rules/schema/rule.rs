//! `[[rule]]` and its `send`.

use schemars::JsonSchema;

use super::actions::Message;
use super::brakes::{Cooldown, Hours, Limits};
use super::values::{Duration, Form, Mode, Name, OneOrMany, Payload, Word};
use super::when::When;
use super::window::Window;

/// What to look for, and where to send what is found.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rule {
    /// What alerts, counters and duplicates are known by. No two rules have the same.
    #[schemars(regex(pattern = r"\S"))]
    pub name: String,
    /// Which events it is about: `"tweet"` unless said otherwise.
    pub on: Option<Word<On>>,
    /// The condition. In a table every key must hold; in a list any value may.
    pub when: Option<When>,
    /// One firing for each matching token, market or prediction market, instead of one for the tweet.
    pub each: Option<Each>,
    /// How long to wait for detections; as `meta_timeout` of `[feed]` unless said otherwise.
    pub wait: Option<Duration>,
    /// Nothing older is ever sent.
    pub max_age: Option<Duration>,
    /// Whether it is evaluated and sends. The strictest of all modes wins.
    pub mode: Option<Mode>,
    /// What has to be true over time: `{ type = "distinct", of = "author", per = "token", within = "15m", at_least = 3 }`.
    pub window: Option<Window>,
    /// After a firing none for so long: `"10m"`, or `{ for = "10m", per = "token" }`.
    pub cooldown: Option<Cooldown>,
    /// At most so many firings in any span of so long: `"5/h"`.
    pub limit: Option<Limits>,
    /// Only in these hours of the time zone of `[defaults]`: `"Mon-Fri 08:00-22:00"`.
    pub active: Option<Hours>,
    /// The actions that hear of it: `["desk"]`, or tables that say what is different for this rule, `[{ to = "bot", max_age = "2s" }]`.
    pub send: OneOrMany<Entry>,
}

/// What an event is about.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", extend("x-any-case" = true))]
pub enum On {
    /// A tweet: its content, what completes it, and what was detected in it.
    Tweet,
    /// A tweet was deleted.
    Delete,
    /// A tweet was pinned to a profile.
    Pin,
    /// A tweet was unpinned.
    Unpin,
    /// A profile has changed.
    ProfileUpdate,
    /// An account follows another.
    Follow,
    /// An account follows another no more.
    Unfollow,
}

/// What a rule fires once for.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Each {
    /// Each token.
    Token,
    /// Each market of an exchange.
    Market,
    /// Each prediction market.
    Prediction,
}

/// An action, and perhaps what is different for this rule.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Entry {
    /// The name of an action.
    Name(Name),
    /// What is different for this rule.
    Table(Box<Send>),
}

/// An action, and what is different for this rule.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("not" = { "required": ["json", "form"] }))]
pub struct Send {
    /// The name of an action.
    pub to: Name,
    /// Whether it sends. The strictest of all modes wins.
    pub mode: Option<Mode>,
    /// Nothing older is ever sent.
    pub max_age: Option<Duration>,
    /// After one that went this way none for so long.
    pub cooldown: Option<Cooldown>,
    /// At most so many this way in any span of so long.
    pub limit: Option<Limits>,
    /// What a message says.
    pub template: Option<Message>,
    /// What a webhook gets, as JSON.
    pub json: Option<Payload>,
    /// What a webhook gets, as a form.
    pub form: Option<Form>,
    /// The message is edited as more becomes known: tokens and prices, that the tweet was deleted, what became of orders on it.
    pub update: Option<bool>,
}
