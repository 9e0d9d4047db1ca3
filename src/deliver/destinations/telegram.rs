//! Telegram's Bot API (DESTINATIONS 4): a message → `POST /bot{token}/sendMessage`, the answer → a verdict.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::deliver::client::Request;
use crate::deliver::reach::{Probe, Unreached, advice, refused};
use crate::deliver::verdict::{Answer, Pause, Verdict, seconds_from};
use crate::deliver::words;
use crate::model::action::{Chat, Telegram};
use crate::model::delivery::Receipt;
use crate::model::message::TelegramBody;

use super::{Problem, get, http_url, is_private, post_json};

const API: &str = "https://api.telegram.org";

/// One chat of one bot.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url,
    token: String,
    chat: Chat,
    topic: Option<i64>,
    silent: bool,
}

#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: &'a Chat,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_notification: bool,
    #[serde(flatten)]
    body: &'a TelegramBody,
}

impl Endpoint {
    pub(crate) fn new(action: &Telegram, token: &str) -> Result<Self, Problem> {
        let token = token.trim();
        let (id, key) = token.split_once(':').unwrap_or_default();
        let of_key = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if id.is_empty() || key.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) || !key.bytes().all(of_key) {
            return Err(Problem::Token("a bot's token (123456789:ABC…, from @BotFather)"));
        }
        let mut url = http_url(action.api.as_deref().unwrap_or(API))?;
        if url.scheme() != "https" && !is_private(&url) {
            return Err(Problem::InClear(url.host_str().unwrap_or_default().to_owned()));
        }
        url.set_query(None);
        url.set_fragment(None);
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/bot{token}/sendMessage"));
        Ok(Self { url, token: token.to_owned(), chat: action.chat.clone(), topic: action.topic, silent: action.silent })
    }

    /// Where requests go.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What must not be seen.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let key = self.token.split(':').next_back().map(str::to_owned);
        std::iter::once(self.token.clone()).chain(key).collect()
    }

    /// Who the bot is, and whether it sees the chat.
    pub(crate) fn probe(&self) -> Probe {
        let of = |method: &str| {
            let mut url = self.url.clone();
            let base = url.path().trim_end_matches("sendMessage").to_owned();
            url.set_path(&format!("{base}{method}"));
            url
        };
        let mut chat = of("getChat");
        let id = match &self.chat {
            Chat::Id(id) => id.to_string(),
            Chat::Name(name) => name.clone(),
        };
        chat.query_pairs_mut().append_pair("chat_id", &id);
        Probe::Ask(vec![get(&of("getMe")), get(&chat)])
    }

    /// `moved` is the chat's new id, if Telegram has told us one.
    pub(crate) fn request(&self, body: &TelegramBody, moved: Option<i64>) -> Request {
        let moved = moved.map(Chat::Id);
        let chat_id = moved.as_ref().unwrap_or(&self.chat);
        post_json(&self.url, &SendMessage { chat_id, message_thread_id: self.topic, disable_notification: self.silent, body })
    }
}

#[derive(Serialize)]
struct EditMessageText<'a> {
    chat_id: &'a Chat,
    message_id: i64,
    #[serde(flatten)]
    body: &'a TelegramBody,
}

impl Endpoint {
    /// `editMessageText`.
    pub(crate) fn edit(&self, body: &TelegramBody, message: &str, moved: Option<i64>) -> Option<Request> {
        let message_id = message.parse().ok()?;
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches("sendMessage").to_owned();
        url.set_path(&format!("{base}editMessageText"));
        let moved = moved.map(Chat::Id);
        let chat_id = moved.as_ref().unwrap_or(&self.chat);
        Some(post_json(&url, &EditMessageText { chat_id, message_id, body }))
    }
}

/// As [`classify`]. A message that says so already is as good as edited.
pub(crate) fn classify_edit(answer: &Answer) -> Verdict {
    let body: Option<Body> = answer.json();
    let is_same = |body: &Body| body.description.to_lowercase().contains("message is not modified");
    if body.as_ref().is_some_and(is_same)
        && let Some(receipt) = Receipt::of_answer(200, None)
    {
        return Verdict::Delivered { receipt };
    }
    classify(answer)
}

#[derive(Deserialize)]
struct Body {
    ok: bool,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    parameters: Option<Parameters>,
    result: Option<Message>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<f64>,
    migrate_to_chat_id: Option<i64>,
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
}

/// What a 400 says when it is about the chat and not about the message, compared without case.
const CHAT_IS_WRONG: [&str; 14] = [
    "chat not found",
    "private chat not found",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "topic closed",
    "have no rights to send",
    "not enough rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "peer_id_invalid",
    "channel_private",
    "group is deactivated",
];

/// DESTINATIONS 4.3 and 4.4.
pub(crate) fn classify(answer: &Answer) -> Verdict {
    let body: Option<Body> = answer.json();
    let described = body.as_ref().map(|body| body.description.as_str()).filter(|description| !description.is_empty());
    let reason = described.map_or_else(|| answer.words(), |description| words::with_status(answer.status, description));
    let parameters = body.as_ref().and_then(|body| body.parameters.as_ref());
    let accepted = body.as_ref().is_some_and(|body| body.ok);
    // Every refusal of the Bot API says its status again and why; a proxy before it does not.
    let is_its_own = described.is_some() && body.as_ref().is_some_and(|body| !body.ok && body.error_code.is_some());
    // A self-hosted server behind a proxy may answer 200 to everything; the body's word counts.
    let status = match &body {
        Some(body) if !body.ok => body.error_code.unwrap_or(answer.status),
        _ => answer.status,
    };
    match status {
        200..=299 if accepted => {
            let receipt = body.and_then(|body| body.result).map(|message| message.message_id.to_string());
            answer.taken(receipt)
        }
        429 => {
            let told = parameters.and_then(|parameters| parameters.retry_after).and_then(seconds_from);
            Verdict::Throttled { pause: Pause::from(told.or_else(|| answer.retry_after())), reason }
        }
        500..=599 | 408 => Verdict::Retry { wait: answer.retry_after(), reason },
        300..=399 => Verdict::Dead { reason: format!("{reason}; redirects are not followed") },
        400 => match parameters.and_then(|parameters| parameters.migrate_to_chat_id) {
            Some(chat) => Verdict::Moved { chat },
            None if is_about_the_chat(described.unwrap_or_default()) => Verdict::Disabled { reason },
            None => Verdict::Refused { reason },
        },
        413 => Verdict::Refused { reason },
        401 | 403 | 404 | 421 if is_its_own => Verdict::Disabled { reason },
        401 | 403 | 404 | 421 => Verdict::Blocked { reason },
        402..=499 => Verdict::Dead { reason },
        _ => Verdict::Ambiguous { reason: format!("{reason}; this is not an answer of the Bot API") },
    }
}

/// What Telegram says of the bot, and then of the chat.
pub(crate) fn found(step: usize, answer: &Answer) -> Result<String, Unreached> {
    #[derive(Deserialize)]
    struct Body {
        ok: bool,
        result: Option<About>,
    }
    #[derive(Deserialize)]
    struct About {
        username: Option<String>,
        title: Option<String>,
        first_name: Option<String>,
        r#type: Option<String>,
    }
    let body = answer.json::<Body>();
    let is_refusal = body.as_ref().is_some_and(|body| !body.ok);
    let about = body.filter(|body| body.ok && answer.status == 200).and_then(|body| body.result);
    let todo = if step == 0 {
        "the token is wrong or was taken back: ask @BotFather for it (/token)"
    } else {
        "add the bot to the chat, as one that may write; the chat's number is in the bot's getUpdates"
    };
    let Some(about) = about else {
        let verdict = classify(answer);
        return Err(match verdict {
            Verdict::Moved { chat } => {
                Unreached::new("the group has become a supergroup", format!("write chat = {chat} into the rules"))
            }
            other if is_refusal && (step > 0 || matches!(answer.status, 401 | 404)) => refused(answer, &other, todo),
            other => Unreached {
                what: format!(
                    "no whole answer of the Bot API ({})",
                    other.reason().map_or_else(|| answer.words(), str::to_owned)
                ),
                todo: advice(&other).unwrap_or("look at `api`, and at what stands before it: a proxy, another server").to_owned(),
            },
        });
    };
    let name = about.title.or(about.username).or(about.first_name).unwrap_or_default();
    Ok(words::shown(&match (step, about.r#type.as_deref()) {
        (0, _) => format!("the bot @{name}"),
        (_, Some(kind)) => format!("the {kind} \"{name}\""),
        (_, None) => format!("the chat \"{name}\""),
    }))
}

fn is_about_the_chat(description: &str) -> bool {
    let description = description.to_lowercase();
    let description = description.strip_prefix("bad request: ").unwrap_or(&description);
    CHAT_IS_WRONG.iter().any(|start| description.starts_with(start))
}

#[cfg(test)]
#[path = "telegram_tests.rs"]
mod tests;
