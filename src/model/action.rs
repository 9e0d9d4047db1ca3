//! Actions: named places to send to, as the rules file means them. Secrets are still references here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::delivery::Together;
use super::mode::Mode;
use super::rate::Rate;
use super::secret::SecretSource;
use super::time::Timestamp;

/// A place in a rules file: byte offsets into the text of file number `file`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Index of the file among those that were read.
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A secret and the place where the rules file names it, so that an unset variable can be shown where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    /// Where to find it.
    pub source: SecretSource,
    /// Where it was named.
    pub span: Span,
}

/// A named place to send to.
#[derive(Clone, Debug)]
pub struct Action {
    /// Its name: `[actions.NAME]`.
    pub name: String,
    /// Where the name stands in the rules file.
    pub span: Span,
    /// What it is and how it is reached.
    pub destination: Destination,
    /// Limits that must all hold: the platform's documented ones unless the file says otherwise (DESTINATIONS 1). Empty for `webhook` and
    /// `console`, which have none.
    pub rate_limits: Vec<Rate>,
    /// What to do with a delivery that finds the lane's queue full.
    pub overflow: Overflow,
    /// When what it has to tell is kept, to be told together; `None`: everything is told when it comes. Chats alone have one.
    pub digest: Option<Digest>,
    /// Nothing older is ever sent, unless a rule's `send` says otherwise.
    pub max_age: Duration,
    /// One whole request, answer included.
    pub timeout: Duration,
    /// It places orders: never sends what is late, never repeats what may have arrived.
    pub trading: bool,
    /// The stricter of its own and that of `[defaults]`. A rule and its `send` can make it stricter still: what counts for one delivery
    /// is the mode of the rule's `send`.
    pub mode: Mode,
    /// What it may send in a day; `None`: as much as there is.
    pub max_per_day: Option<u32>,
    /// Rules that were loaded later do not have it, or have another one of its name: it only finishes what is under way.
    pub retired: bool,
}

impl Action {
    /// Whether several of its alerts may become one message, so that each needs a line for that.
    #[must_use]
    pub fn tells_together(&self) -> bool {
        self.overflow == Overflow::Digest || self.digest.is_some()
    }

    /// Whether its receiver knows a repetition by its id, and carries it out once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        matches!(&self.destination, Destination::Webhook(webhook) if webhook.idempotent)
    }
}

/// What an action keeps, to tell it as one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Until so long after the first that is kept. Without `count` and without this only what comes in quiet hours is kept.
    pub every: Option<Duration>,
    /// Until there are so many.
    pub count: Option<usize>,
    /// Nothing is told in these hours; at their end all that came in them is.
    pub quiet: Option<Quiet>,
}

impl Digest {
    /// Why what fires at a moment is kept, if it is.
    #[must_use]
    pub fn keeps(&self, at: Timestamp) -> Option<Together> {
        let is_quiet = self.quiet.as_ref().is_some_and(|quiet| quiet.0.is_open(at));
        let is_for_all = self.every.is_some() || self.count.is_some();
        if is_quiet { Some(Together::Quiet) } else { is_for_all.then_some(Together::Kept) }
    }
}

/// Hours in which nothing is told.
#[derive(Clone, Debug)]
pub struct Quiet(pub Arc<dyn WeekHours>);

/// Hours of a week, in some time zone.
pub trait WeekHours: fmt::Debug + Send + Sync {
    /// Whether a moment is within them.
    fn is_open(&self, at: Timestamp) -> bool;

    /// The next moment after `at` at which they begin or end, if ever.
    fn next_change(&self, at: Timestamp) -> Option<Timestamp>;

    /// As they were written, with the time zone.
    fn in_words(&self) -> String;
}

impl PartialEq for Quiet {
    fn eq(&self, other: &Self) -> bool {
        self.0.in_words() == other.0.in_words()
    }
}

impl Eq for Quiet {}

/// What to do with a delivery that finds its lane's queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest waiting delivery makes room and is counted.
    #[default]
    Queue,
    /// The new delivery is dropped whenever the rate limit does not let it through at once, and counted.
    Drop,
    /// What waits is told in one message, with the newest.
    Digest,
}

/// What an action is and how it is reached.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A Discord webhook.
    Discord(Discord),
    /// A chat of a Telegram bot.
    Telegram(Telegram),
    /// A Slack webhook or a channel of a Slack app.
    Slack(Slack),
    /// Any HTTP endpoint.
    Webhook(Webhook),
    /// Prints to standard output.
    Console,
}

impl Destination {
    /// As `type` in rules.toml spells it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Discord(_) => "discord",
            Self::Telegram(_) => "telegram",
            Self::Slack(_) => "slack",
            Self::Webhook(_) => "webhook",
            Self::Console => "console",
        }
    }
}

/// A Discord webhook.
#[derive(Clone, Debug)]
pub struct Discord {
    /// The webhook's URL (a secret: its path is the credential).
    pub url: SecretRef,
    /// A thread of the webhook's channel.
    pub thread: Option<u64>,
    /// Shown as the sender.
    pub username: Option<String>,
    /// Shown as the sender's picture.
    pub avatar: Option<String>,
    /// No push notification.
    pub silent: bool,
}

/// A chat of a Telegram bot.
#[derive(Clone, Debug)]
pub struct Telegram {
    /// The bot's token.
    pub token: SecretRef,
    /// Which chat.
    pub chat: Chat,
    /// A forum topic of the chat (`message_thread_id`).
    pub topic: Option<i64>,
    /// No push notification.
    pub silent: bool,
    /// Show a preview of the tweet's own link.
    pub preview: bool,
    /// The Bot API's base URL; `https://api.telegram.org` unless self-hosted.
    pub api: Option<String>,
}

/// A Telegram chat.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Chat {
    /// By number.
    Id(i64),
    /// A public channel by `@name`.
    Name(String),
}

/// How Slack is reached.
#[derive(Clone, Debug)]
pub enum Slack {
    /// An incoming webhook (a secret: its path is the credential).
    Webhook(SecretRef),
    /// `chat.postMessage` of an app.
    App {
        /// `xoxb-…`.
        token: SecretRef,
        /// The channel's id.
        channel: String,
        /// The Web API's base URL; `https://slack.com/api` unless for tests.
        api: Option<String>,
    },
}

/// Any HTTP endpoint.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where to.
    pub url: SecretRef,
    /// `POST`, `PUT` or `PATCH`.
    pub method: Method,
    /// Fixed headers; values may be secrets.
    pub headers: Vec<(String, SecretRef)>,
    /// Signs as Standard Webhooks. `whsec_…` is base64, anything else is taken as it is.
    pub secret: Option<SecretRef>,
    /// The receiver takes the same id twice for one: ambiguous outcomes may be retried even for orders.
    pub idempotent: bool,
}

/// How a webhook is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
}

/// Whether a webhook's header, by its name in lower case, is set by the program or belongs to the connection, so that a rules file cannot.
#[must_use]
pub fn is_reserved_header(name: &str) -> bool {
    const RESERVED: [&str; 9] =
        ["content-type", "content-length", "host", "connection", "transfer-encoding", "upgrade", "te", "trailer", "expect"];
    RESERVED.contains(&name) || name.starts_with("webhook-")
}
