//! `[actions.NAME]`: one type for each `type`.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::Template;
use super::brakes::Hours;
use super::values::{Duration, Form, Mode, Name, Overflow, Payload, Rates, Secret};

/// Where to send to. Its keys depend on `type`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Action {
    /// A webhook of Discord.
    Discord(Box<Discord>),
    /// A chat of Telegram.
    Telegram(Box<Telegram>),
    /// A channel of Slack.
    Slack(Box<Slack>),
    /// Any HTTP endpoint.
    Webhook(Box<Webhook>),
    /// Prints.
    Console(Box<Console>),
}

/// What every type has.
#[derive(Debug, JsonSchema)]
pub struct Common {
    /// Whether it sends. Of the modes of `[defaults]`, the rule, the action and the send the strictest wins.
    pub mode: Option<Mode>,
    /// It places orders: they leave before everything else and are never made of late news. Needs `max_age`.
    pub trading: Option<bool>,
    /// Nothing older is ever sent, such as `"3s"` for orders; `"10m"` unless said otherwise, and with `digest` or `quiet` as much more as it may be
    /// kept.
    pub max_age: Option<Duration>,
    /// How much it may send in a day of UTC.
    #[schemars(range(min = 1))]
    pub max_per_day: Option<u32>,
    /// How fast it may send; the platform's own limit unless said otherwise.
    pub rate_limit: Option<Rates>,
    /// What becomes of what comes faster.
    pub overflow: Option<Overflow>,
    /// Alerts are kept and told as one message: for Discord, Telegram and Slack, and never for orders.
    pub digest: Option<Digest>,
    /// Hours in which nothing is told, such as `"22:00-07:00"`, in the time zone of `[defaults]`; at their end what came in them is one message.
    /// For Discord, Telegram and Slack, and never for orders. What birdcall itself has to say is told at all hours.
    pub quiet: Option<Hours>,
    /// Of one request; `"15s"` unless said otherwise, two minutes at most.
    pub timeout: Option<Duration>,
}

/// When what is kept is told: whichever comes first.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct Digest {
    /// So long after the first that is kept. What is older than the action's own `max_age` by then is left out.
    pub every: Option<Duration>,
    /// As soon as there are so many.
    #[schemars(range(min = 2, max = 500))]
    pub count: Option<u32>,
}

/// What a message says: the name of one of `[templates]`, or a template itself.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Message {
    /// One of `[templates]`.
    Named(Name),
    /// A title, a body or both.
    Template(Template),
}

/// A webhook of Discord.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Discord {
    /// `"discord"`: a webhook of Discord.
    pub r#type: OfDiscord,
    /// The webhook's URL, a secret: channel settings, Integrations, Webhooks, Copy Webhook URL.
    pub url: Secret,
    /// The id of a thread of the channel.
    pub thread: Option<Snowflake>,
    /// The name under which it writes.
    #[schemars(length(min = 1))]
    pub username: Option<String>,
    /// The URL of the picture beside its name.
    pub avatar: Option<String>,
    /// Nobody's phone rings.
    pub silent: Option<bool>,
    /// What a message says.
    pub template: Option<Message>,
    /// What every type has.
    #[schemars(flatten)]
    pub common: Common,
}

/// An id, best in quotes: it has more digits than some programs keep.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Snowflake {
    /// In quotes.
    Text(#[schemars(regex(pattern = r"^\+?[0-9]+$"))] String),
    /// Without.
    Number(u64),
}

/// A chat of Telegram.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Telegram {
    /// `"telegram"`: a chat of Telegram.
    pub r#type: OfTelegram,
    /// The bot's token, a secret: @BotFather gives it.
    pub token: Secret,
    /// The number of a chat (`-1001234567890`), or the `"@name"` of a public channel.
    pub chat: Chat,
    /// The number of a topic of a forum.
    #[schemars(range(min = 1))]
    pub topic: Option<i64>,
    /// Nobody's phone rings.
    pub silent: Option<bool>,
    /// Show what the first link leads to.
    pub preview: Option<bool>,
    /// Where the Bot API is, if not at `https://api.telegram.org`.
    pub api: Option<String>,
    /// What a message says.
    pub template: Option<Message>,
    /// What every type has.
    #[schemars(flatten)]
    pub common: Common,
}

/// A chat of Telegram.
#[derive(Debug, JsonSchema)]
#[schemars(inline, untagged)]
pub enum Chat {
    /// Its number.
    Number(i64),
    /// Its name or number.
    Text(#[schemars(regex(pattern = r"^(@[A-Za-z0-9_]{4,}|[+-]?[0-9]+)$"))] String),
}

/// A channel of Slack: an incoming webhook (`url`), or an app (`token` and `channel`).
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [
    { "required": ["url"], "not": { "anyOf": [{ "required": ["token"] }, { "required": ["channel"] }] } },
    { "required": ["token", "channel"], "not": { "required": ["url"] } },
]))]
pub struct Slack {
    /// `"slack"`: a channel of Slack.
    pub r#type: OfSlack,
    /// An incoming webhook's URL, a secret.
    pub url: Option<Secret>,
    /// An app's bot token with `chat:write`, a secret. Needs `channel`.
    pub token: Option<Secret>,
    /// The channel's id, such as `"C0123456789"`.
    #[schemars(regex(pattern = r"^\s*\S+\s*$"))]
    pub channel: Option<String>,
    /// Where the Web API is, if not at `https://slack.com/api`.
    pub api: Option<String>,
    /// What a message says.
    pub template: Option<Message>,
    /// What every type has.
    #[schemars(flatten)]
    pub common: Common,
}

/// Any HTTP endpoint. Without `json` and `form` it gets the whole firing as JSON.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, extend("not" = { "required": ["json", "form"] }))]
pub struct Webhook {
    /// `"webhook"`: any HTTP endpoint.
    pub r#type: OfWebhook,
    /// Where to; a secret if whoever knows it can place orders.
    pub url: Secret,
    /// `"POST"` unless said otherwise.
    pub method: Option<Method>,
    /// Fixed headers, such as `{ Authorization = "env:BOT_AUTH" }`.
    pub headers: Option<Headers>,
    /// Requests are signed with it, as Standard Webhooks.
    pub secret: Option<Secret>,
    /// The receiver does the same thing once, however often it is asked with the same `webhook-id`.
    pub idempotent: Option<bool>,
    /// What is sent, as JSON.
    pub json: Option<Payload>,
    /// What is sent, as a form.
    pub form: Option<Form>,
    /// What every type has.
    #[schemars(flatten)]
    pub common: Common,
}

/// Headers by name.
pub type Headers = BTreeMap<String, Secret>;

/// How a webhook is asked.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "UPPERCASE", inline)]
pub enum Method {
    /// What is taken unless said otherwise.
    Post,
    /// Puts the body at the URL.
    Put,
    /// Changes a part of what is there.
    Patch,
}

/// Prints; for trying things out.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Console {
    /// `"console"`: prints.
    pub r#type: OfConsole,
    /// What a message says.
    pub template: Option<Message>,
    /// What every type has.
    #[schemars(flatten)]
    pub common: Common,
}

/// A `type` of one word.
macro_rules! of {
    ($($name:ident $word:literal)*) => {$(
        #[doc = concat!("`\"", $word, "\"`.")]
        #[derive(Debug, JsonSchema)]
        #[schemars(inline)]
        pub enum $name {
            #[doc = concat!("`\"", $word, "\"`.")]
            #[schemars(rename = $word)]
            It,
        }
    )*};
}

of! { OfDiscord "discord" OfTelegram "telegram" OfSlack "slack" OfWebhook "webhook" OfConsole "console" }
