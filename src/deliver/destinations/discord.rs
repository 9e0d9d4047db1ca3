//! Discord webhooks (DESTINATIONS 3): a message → `POST /api/v10/webhooks/{id}/{token}?wait=true`, the answer → a verdict.

use std::time::Duration;

use reqwest::header::HeaderName;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::deliver::client::Request;
use crate::deliver::reach::{Probe, Unreached, refused};
use crate::deliver::verdict::{Answer, Pause, Verdict, seconds, seconds_from};
use crate::deliver::words;
use crate::model::action::Discord;
use crate::model::limits::BLOCKED_FIRST;
use crate::model::message::DiscordBody;

use super::{Problem, credential_url, get, post_json};

const HOSTS: [&str; 4] = ["discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com"];
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET_AFTER: HeaderName = HeaderName::from_static("x-ratelimit-reset-after");
/// `SUPPRESS_NOTIFICATIONS`.
const SILENT: u32 = 1 << 12;

/// Discord asks for this form and its edge blocks browser-like ones (DESTINATIONS 2.5).
pub(crate) const USER_AGENT: &str = concat!("DiscordBot (birdcall, ", env!("CARGO_PKG_VERSION"), ")");

/// One webhook, and how messages through it are to look.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url,
    username: Option<String>,
    avatar: Option<String>,
    silent: bool,
}

impl Endpoint {
    /// Accepts every spelling of a webhook URL and rewrites it to version 10, as the client's own copies name none, which means the
    /// deprecated v6 (DESTINATIONS 0).
    pub(crate) fn new(action: &Discord, written: &str) -> Result<Self, Problem> {
        let known = "discord.com, ptb.discord.com, canary.discord.com, discordapp.com";
        let mut url = credential_url(written, "Discord", known, &HOSTS)?;
        let (id, token) =
            id_and_token(&url).ok_or(Problem::Path("a Discord webhook (https://discord.com/api/webhooks/ID/TOKEN)"))?;
        let in_url = url.query_pairs().find(|(key, _)| key == "thread_id").and_then(|(_, thread)| thread.parse().ok());
        let thread: Option<u64> = action.thread.or(in_url);
        if url.host_str() == Some("discordapp.com") {
            url.set_host(Some("discord.com")).map_err(|error| Problem::NotAUrl(error.to_string()))?;
        }
        url.set_path(&format!("/api/v10/webhooks/{id}/{token}"));
        url.set_query(Some("wait=true"));
        if let Some(thread) = thread {
            url.query_pairs_mut().append_pair("thread_id", &thread.to_string());
        }
        Ok(Self { url, username: action.username.clone(), avatar: action.avatar.clone(), silent: action.silent })
    }

    /// Where requests go.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What must not be seen.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.url.path_segments().into_iter().flatten().next_back().map(str::to_owned).into_iter().collect()
    }

    /// The webhook itself, which needs no other credential than its URL.
    pub(crate) fn probe(&self) -> Probe {
        let mut url = self.url.clone();
        url.set_query(None);
        Probe::Ask(vec![get(&url)])
    }

    /// The fallback goes under the webhook's own name: an overridden one may be what Discord refused.
    pub(crate) fn request(&self, body: &DiscordBody, fallback: bool) -> Request {
        let mut body = body.clone();
        body.username = body.username.or_else(|| self.username.clone()).filter(|_| !fallback);
        body.avatar_url = body.avatar_url.or_else(|| self.avatar.clone()).filter(|_| !fallback);
        if self.silent {
            body.flags = Some(body.flags.unwrap_or_default() | SILENT);
        }
        post_json(&self.url, &body)
    }
}

impl Endpoint {
    /// `PATCH …/messages/{id}`. What belongs to the sending stays as it was; who may be mentioned has to be said again.
    pub(crate) fn edit(&self, body: &DiscordBody, message: &str) -> Option<Request> {
        if message.is_empty() || !message.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut url = self.url.clone();
        url.set_path(&format!("{}/messages/{message}", self.url.path()));
        let thread = self.url.query_pairs().find(|(key, _)| key == "thread_id").map(|(_, thread)| thread.into_owned());
        url.set_query(None);
        if let Some(thread) = thread {
            url.query_pairs_mut().append_pair("thread_id", &thread);
        }
        let body = DiscordBody { username: None, avatar_url: None, flags: None, ..body.clone() };
        Some(Request { method: Method::PATCH, ..post_json(&url, &body) })
    }
}

fn id_and_token(url: &Url) -> Option<(String, String)> {
    let mut segments = url.path_segments()?.filter(|segment| !segment.is_empty()).peekable();
    if segments.next()? != "api" {
        return None;
    }
    let is_version = |segment: &&str| segment.strip_prefix('v').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    segments.next_if(is_version);
    let (webhooks, id, token) = (segments.next()?, segments.next()?, segments.next()?);
    let well_formed = webhooks == "webhooks"
        && segments.next().is_none()
        && id.bytes().all(|b| b.is_ascii_digit())
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    well_formed.then(|| (id.to_owned(), token.to_owned()))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    id: Option<String>,
    code: Option<i64>,
    message: Option<String>,
    retry_after: Option<Value>,
    errors: Option<Value>,
}

impl Body {
    /// Whether these are Discord's own words and not those of something before it: its codes have five digits or more, and the general
    /// code 0 comes with "404: Not Found" and the like.
    fn is_discord_s(&self, status: u16) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        match self.code {
            Some(0) => message.starts_with(&format!("{status}: ")),
            Some(code) => code >= 10_000 && !message.is_empty(),
            None => false,
        }
    }
}

/// DESTINATIONS 3.3 and 3.4.
pub(crate) fn classify(answer: &Answer) -> Verdict {
    let body: Body = answer.json().unwrap_or_default();
    let reason = || explain(answer, &body);
    let code = body.code.unwrap_or_default();
    match (answer.status, code) {
        (200..=299, _) => answer.taken(body.id),
        (429, _) | (400..=499, 20016 | 20028) => Verdict::Throttled { pause: pause(answer, &body), reason: reason() },
        (403, 0) if is_edge(&answer.text()) => Verdict::Throttled { pause: pause(answer, &body), reason: reason() },
        // 130000: overloaded.
        (500..=599 | 408, _) | (_, 130_000) => Verdict::Retry { wait: answer.retry_after(), reason: reason() },
        (300..=399, _) => Verdict::Dead { reason: format!("{}; redirects are not followed", reason()) },
        // Gone, forbidden, archived, locked, misconfigured forum, our address blocked.
        (400..=499, 10003 | 10015 | 50027 | 50083 | 160_005 | 220_001..=220_004 | 40333) => {
            Verdict::Disabled { reason: reason() }
        }
        // AutoMod, harmful links, explicit content.
        (400..=499, 200_000 | 240_000 | 20009) => Verdict::Refused { reason: reason() },
        // Empty message.
        (400, 50006) => Verdict::Dead { reason: reason() },
        (400 | 413, _) | (400..=499, 40005) => Verdict::Refused { reason: reason() },
        (401 | 403 | 404, _) if body.is_discord_s(answer.status) => Verdict::Disabled { reason: reason() },
        (401 | 403 | 404, _) => Verdict::Blocked { reason: reason() },
        (400..=499, _) => Verdict::Dead { reason: reason() },
        _ => Verdict::Ambiguous { reason: reason() },
    }
}

/// What Discord says of the webhook.
pub(crate) fn found(answer: &Answer) -> Result<String, Unreached> {
    #[derive(Deserialize)]
    struct Webhook {
        name: Option<String>,
        channel_id: Option<String>,
    }
    match answer.json::<Webhook>().filter(|_| answer.status == 200) {
        Some(Webhook { name, channel_id: Some(channel) }) => {
            Ok(words::shown(&format!("the webhook \"{}\" of the channel {channel}", name.unwrap_or_default())))
        }
        _ => Err(refused(
            answer,
            &classify(answer),
            "the webhook is gone or the URL is not whole: copy it again from the channel's settings, Integrations, Webhooks",
        )),
    }
}

/// Discord's edge, which does not speak JSON about itself: our address is blocked for a while.
fn is_edge(text: &str) -> bool {
    let text = text.to_lowercase();
    let marks = ["error code: 1015", "error 1015", "cf-error-code\">1015", "blocked from accessing our api"];
    marks.iter().any(|mark| text.contains(mark))
}

/// In the order of DESTINATIONS 3.3. Without a word of when, it is the edge, which blocks our address.
fn pause(answer: &Answer, body: &Body) -> Pause {
    let in_body = match &body.retry_after {
        Some(Value::Number(told)) => told.as_f64().and_then(seconds_from),
        Some(Value::String(told)) => seconds(told),
        _ => None,
    };
    let told = in_body.or_else(|| answer.retry_after()).or_else(|| answer.seconds_header(&RESET_AFTER));
    told.map_or(Pause::Untold { first: BLOCKED_FIRST }, Pause::Told)
}

/// The bucket is empty: nothing before so much time has passed, although this answer was no 429.
pub(crate) fn cool_down(answer: &Answer) -> Option<Duration> {
    let remaining = answer.headers.get(REMAINING)?.to_str().ok()?;
    (remaining.trim() == "0").then(|| answer.seconds_header(&RESET_AFTER)).flatten()
}

fn explain(answer: &Answer, body: &Body) -> String {
    let Some(message) = &body.message else { return answer.words() };
    let code = body.code.map(|code| format!(" ({code})")).unwrap_or_default();
    let mut found = Vec::new();
    if let Some(errors) = &body.errors {
        details(errors, &mut Vec::new(), &mut found);
    }
    let details = if found.is_empty() { String::new() } else { format!(": {}", found.join("; ")) };
    words::with_status(answer.status, &format!("{message}{code}{details}"))
}

/// `errors.embeds.0.title._errors[0].message` → "embeds.0.title: message". The first few; the depth is bounded by the parser.
fn details<'a>(errors: &'a Value, path: &mut Vec<&'a str>, found: &mut Vec<String>) {
    let Value::Object(errors) = errors else { return };
    for (key, value) in errors {
        if found.len() >= 3 {
            return;
        }
        if key == "_errors" {
            let message = value.get(0).and_then(|first| first.get("message")).and_then(Value::as_str).unwrap_or_default();
            found.push(format!("{}: {message}", path.join(".")));
        } else {
            path.push(key);
            details(value, path, found);
            path.pop();
        }
    }
}

#[cfg(test)]
#[path = "discord_tests.rs"]
mod tests;
