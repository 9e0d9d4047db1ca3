//! What is sent, per kind of destination: already sanitised, escaped and cut, serialised as the platform's documentation says.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The body of one message, in the shape of its destination.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// For a Discord webhook.
    Discord(Box<DiscordBody>),
    /// For Telegram's `sendMessage`, without the chat.
    Telegram(Box<TelegramBody>),
    /// For a Slack webhook, or for `chat.postMessage` without the channel.
    Slack(Box<SlackBody>),
    /// For any HTTP endpoint.
    Webhook(WebhookBody),
    /// For the terminal.
    Console(ConsoleBody),
}

impl Body {
    /// What the journal keeps of it: its kind and its bytes, for webhooks the very bytes that are sent.
    #[must_use]
    pub fn store(&self) -> (&'static str, Bytes) {
        // These types serialise whatever is in them.
        let json = |body: serde_json::Result<Vec<u8>>| body.map(Bytes::from).unwrap_or_default();
        match self {
            Self::Discord(body) => ("discord", json(serde_json::to_vec(body))),
            Self::Telegram(body) => ("telegram", json(serde_json::to_vec(body))),
            Self::Slack(body) => ("slack", json(serde_json::to_vec(body))),
            Self::Console(body) => ("console", json(serde_json::to_vec(body))),
            Self::Webhook(WebhookBody { bytes, content_type: ContentType::Json }) => ("json", bytes.clone()),
            Self::Webhook(WebhookBody { bytes, content_type: ContentType::Form }) => ("form", bytes.clone()),
        }
    }

    /// The body that was stored like this; `None` when it is damaged.
    #[must_use]
    pub fn restore(kind: &str, bytes: &[u8]) -> Option<Self> {
        let webhook = |content_type| Self::Webhook(WebhookBody { bytes: Bytes::copy_from_slice(bytes), content_type });
        match kind {
            "discord" => serde_json::from_slice(bytes).ok().map(Self::Discord),
            "telegram" => serde_json::from_slice(bytes).ok().map(Self::Telegram),
            "slack" => serde_json::from_slice(bytes).ok().map(Self::Slack),
            "console" => serde_json::from_slice(bytes).ok().map(Self::Console),
            "json" => Some(webhook(ContentType::Json)),
            "form" => Some(webhook(ContentType::Form)),
            _ => None,
        }
    }
}

/// `POST /webhooks/{id}/{token}` (DESTINATIONS 3.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscordBody {
    /// Shown as the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Shown as the sender's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// Our own words alone, escaped: what notifications show, and all that people with embeds switched off see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// One embed a message: text inside embeds never pings.
    pub embeds: Vec<Embed>,
    /// Always present and always empty: without it Discord parses user mentions.
    pub allowed_mentions: AllowedMentions,
    /// 4096: no push notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u32>,
}

/// Nobody may be mentioned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AllowedMentions {
    /// Always empty.
    pub parse: [String; 0],
}

/// A Discord embed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Discord's, documented there")]
pub struct Embed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<u32>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<EmbedAuthor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<EmbedField>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<EmbedImage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<EmbedFooter>,
}

/// An embed's author line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Discord's, documented there")]
pub struct EmbedAuthor {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

/// An embed's field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Discord's, documented there")]
pub struct EmbedField {
    pub name: String,
    pub value: String,
    pub inline: bool,
}

/// An embed's image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Discord's, documented there")]
pub struct EmbedImage {
    pub url: String,
}

/// An embed's last line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Discord's, documented there")]
pub struct EmbedFooter {
    pub text: String,
}

/// `sendMessage` without `chat_id`, `message_thread_id` and `disable_notification`, which the action decides (DESTINATIONS 4.1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TelegramBody {
    /// The text as it is to be read: no markup in it, ever.
    pub text: String,
    /// The markup, beside the text. Sorted by offset.
    pub entities: Vec<Entity>,
    /// Always set, or else the first link in the text is fetched and shown.
    pub link_preview_options: LinkPreview,
    /// Buttons under the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_markup: Option<Keyboard>,
}

/// One piece of markup of a Telegram message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// `bold`, `italic`, `pre`, `code`, `blockquote`, `text_link`, …
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// In UTF-16 code units.
    pub offset: usize,
    /// In UTF-16 code units.
    pub length: usize,
    /// Of a `text_link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What Telegram may preview.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LinkPreview {
    /// Nothing.
    Off {
        /// Always true.
        is_disabled: bool,
    },
    /// This link and no other.
    Of {
        /// The tweet's own link.
        url: String,
    },
}

impl Default for LinkPreview {
    fn default() -> Self {
        Self::Off { is_disabled: true }
    }
}

/// Rows of buttons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keyboard {
    /// Rows.
    pub inline_keyboard: Vec<Vec<Button>>,
}

/// A button that opens a link of ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Telegram's, documented there")]
pub struct Button {
    pub text: String,
    pub url: String,
}

/// An incoming webhook's body, or `chat.postMessage` without `channel` (DESTINATIONS 5.1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlackBody {
    /// Shown in notifications: our own words, escaped.
    pub text: String,
    /// Blocks in Block Kit's JSON, built by us; tweet text only inside `rich_text` and `plain_text`.
    pub blocks: Vec<serde_json::Value>,
    /// Always false.
    pub unfurl_links: bool,
    /// Always false.
    pub unfurl_media: bool,
}

/// The bytes for any HTTP endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookBody {
    /// What is sent on every attempt, unchanged.
    pub bytes: Bytes,
    /// What they are.
    pub content_type: ContentType,
}

/// What the bytes of a webhook are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// A JSON document.
    Json,
    /// Names and values.
    Form,
}

impl ContentType {
    /// As the header says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
        }
    }
}

/// A message for the terminal: pieces with a role, coloured at the edge. No control characters but line breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleBody {
    /// In reading order.
    pub pieces: Vec<(Role, String)>,
}

/// What a piece of a terminal message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rule's name and other headings.
    Title,
    /// The author.
    Author,
    /// Somebody else's words.
    Quoted,
    /// A link.
    Link,
    /// Tokens, prices and what matched.
    Fact,
    /// Ours, of lesser weight; spaces and line breaks.
    Plain,
}
