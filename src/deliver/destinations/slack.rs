//! Slack's incoming webhooks and `chat.postMessage` (DESTINATIONS 5): a message → a POST, the answer → a verdict. Slack says most of what
//! goes wrong inside a 200.

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::deliver::client::Request;
use crate::deliver::reach::{Probe, Unreached, refused};
use crate::deliver::verdict::{Answer, Pause, Verdict, seconds_from};
use crate::deliver::words;
use crate::model::limits::RETRY_AFTER_MAX;
use crate::model::message::SlackBody;

use super::{Problem, credential_url, get, http_url, is_private, post_json};

const API: &str = "https://slack.com/api";
const HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// A webhook, or a channel of an app.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Webhook { url: Url },
    App { url: Url, token: String, bearer: HeaderValue, channel: String },
}

#[derive(Serialize)]
struct PostMessage<'a> {
    channel: &'a str,
    #[serde(flatten)]
    body: &'a SlackBody,
}

#[derive(Serialize)]
struct Update<'a> {
    channel: &'a str,
    ts: &'a str,
    text: &'a str,
    blocks: &'a [serde_json::Value],
}

impl Endpoint {
    pub(crate) fn webhook(written: &str) -> Result<Self, Problem> {
        let url = credential_url(written, "Slack", "hooks.slack.com", &HOSTS)?;
        if !url.path().starts_with("/services/")
            && !url.path().starts_with("/workflows/")
            && !url.path().starts_with("/triggers/")
        {
            return Err(Problem::Path("a Slack webhook (https://hooks.slack.com/services/T…/B…/…)"));
        }
        Ok(Self::Webhook { url })
    }

    pub(crate) fn app(token: &str, channel: &str, api: Option<&str>) -> Result<Self, Problem> {
        let token = token.trim().to_owned();
        let shape = Problem::Token("a Slack bot's token (xoxb-…)");
        if !token.starts_with("xox") || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(shape);
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| shape)?;
        bearer.set_sensitive(true);
        let mut url = http_url(api.unwrap_or(API))?;
        if url.scheme() != "https" && !is_private(&url) {
            return Err(Problem::InClear(url.host_str().unwrap_or_default().to_owned()));
        }
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/chat.postMessage"));
        Ok(Self::App { url, token, bearer, channel: channel.to_owned() })
    }

    /// Where requests go.
    pub(crate) fn url(&self) -> &Url {
        match self {
            Self::Webhook { url } | Self::App { url, .. } => url,
        }
    }

    /// What must not be seen.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Webhook { url } => {
                let parts = url.path_segments().into_iter().flatten().skip(1).map(str::to_owned);
                std::iter::once(url.path().to_owned()).chain(parts).collect()
            }
            Self::App { token, .. } => vec![token.clone()],
        }
    }

    pub(crate) fn request(&self, body: &SlackBody) -> Request {
        match self {
            Self::Webhook { url } => post_json(url, body),
            Self::App { url, bearer, channel, .. } => {
                let mut request = post_json(url, &PostMessage { channel, body });
                request.headers.insert(AUTHORIZATION, bearer.clone());
                request
            }
        }
    }

    /// `chat.update`, by the channel's own id, which the answer to the message gave beside its time; a webhook edits nothing.
    pub(crate) fn edit(&self, body: &SlackBody, message: &str) -> Option<Request> {
        let Self::App { url, bearer, .. } = self else { return None };
        let (channel, ts) = message.split_once('/')?;
        let mut url = url.clone();
        let base = url.path().trim_end_matches("chat.postMessage").to_owned();
        url.set_path(&format!("{base}chat.update"));
        let mut request = post_json(&url, &Update { channel, ts, text: &body.text, blocks: &body.blocks });
        request.headers.insert(AUTHORIZATION, bearer.clone());
        Some(request)
    }

    /// Whose the token is. A webhook posts whatever it gets.
    pub(crate) fn probe(&self) -> Probe {
        let Self::App { url, bearer, .. } = self else { return Probe::Connect };
        let mut url = url.clone();
        let base = url.path().trim_end_matches("chat.postMessage").to_owned();
        url.set_path(&format!("{base}auth.test"));
        let mut request = get(&url);
        request.headers.insert(AUTHORIZATION, bearer.clone());
        Probe::Ask(vec![request])
    }

    pub(crate) fn classify(&self, answer: &Answer) -> Verdict {
        match self {
            Self::Webhook { .. } => classify_webhook(answer),
            Self::App { .. } => classify_app(answer),
        }
    }
}

#[derive(Deserialize)]
struct Body {
    ok: bool,
    #[serde(default)]
    error: String,
    channel: Option<String>,
    ts: Option<String>,
    retry_after: Option<f64>,
    #[serde(default)]
    response_metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    messages: Vec<String>,
}

/// What Slack says of an app's token, and whether that may post at all.
pub(crate) fn found(answer: &Answer) -> Result<String, Unreached> {
    #[derive(Deserialize)]
    struct Known {
        ok: bool,
        team: Option<String>,
        user: Option<String>,
    }
    let todo = "the token is wrong or was taken back: copy the bot token again, from api.slack.com/apps, OAuth & Permissions";
    let Some(known) = answer.json::<Known>().filter(|known| known.ok && answer.status == 200) else {
        return Err(refused(answer, &classify_app(answer), todo));
    };
    let scopes = answer.headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
    if scopes.is_some_and(|scopes| !scopes.split(',').any(|scope| scope.trim() == "chat:write")) {
        let todo = "give the app the scope chat:write under OAuth & Permissions, and install it again";
        return Err(Unreached::new("the token may not post: it lacks the scope chat:write", todo));
    }
    let (user, team) = (known.user.unwrap_or_default(), known.team.unwrap_or_default());
    Ok(words::shown(&format!("the app {user} of {team}")))
}

/// A webhook answers in plain text; some errors come as the Web API's JSON all the same.
pub(crate) fn classify_webhook(answer: &Answer) -> Verdict {
    if let Some(body) = answer.json::<Body>() {
        return if body.ok && answer.status < 300 { answer.taken(None) } else { from_error(answer, &body) };
    }
    let text = answer.text();
    let reason = answer.words();
    match (answer.status, text.trim()) {
        (200..=299, "ok") => answer.taken(None),
        (429, _) => throttled(answer, None, reason),
        (500..=599 | 408, _) => Verdict::Retry { wait: answer.retry_after(), reason },
        (300..=399, _) => Verdict::Dead { reason: format!("{reason}; redirects are not followed") },
        (400, "user_not_found" | "channel_not_found" | "channel_is_archived" | "no_service" | "invalid_token") => {
            Verdict::Disabled { reason }
        }
        (400 | 413, _) => Verdict::Refused { reason },
        (403 | 404 | 410, error) if is_about_us(error) => Verdict::Disabled { reason },
        (401 | 403 | 404 | 410, _) => Verdict::Blocked { reason },
        (400..=499, _) => Verdict::Dead { reason },
        _ => Verdict::Ambiguous { reason: format!("{reason}; this is not an answer of Slack's") },
    }
}

/// `chat.postMessage` says `ok`.
pub(crate) fn classify_app(answer: &Answer) -> Verdict {
    let reason = answer.words();
    match (answer.status, answer.json::<Body>()) {
        // `chat.update` asks for both.
        (200..=299, Some(body)) if body.ok => {
            answer.taken(body.ts.map(|ts| body.channel.map_or_else(|| ts.clone(), |channel| format!("{channel}/{ts}"))))
        }
        (_, Some(body)) if !body.ok => from_error(answer, &body),
        (429, _) => throttled(answer, None, reason),
        (500..=599 | 408, _) => Verdict::Retry { wait: answer.retry_after(), reason },
        (300..=399, _) => Verdict::Dead { reason: format!("{reason}; redirects are not followed") },
        (401 | 403 | 404 | 410, _) => Verdict::Blocked { reason },
        (400 | 413, _) => Verdict::Refused { reason },
        (400..=499, _) => Verdict::Dead { reason },
        _ => Verdict::Ambiguous { reason: format!("{reason}; this is not an answer of Slack's") },
    }
}

/// DESTINATIONS 5.4, by the name of the error.
fn from_error(answer: &Answer, body: &Body) -> Verdict {
    let mut said = if body.error.is_empty() { "an error without a name".to_owned() } else { body.error.clone() };
    if let Some(detail) = body.response_metadata.messages.first() {
        said = format!("{said}: {detail}");
    }
    let reason = words::with_status(answer.status, &said);
    match body.error.as_str() {
        "ratelimited" | "rate_limited" => throttled(answer, body.retry_after, reason),
        _ if answer.status == 429 => throttled(answer, body.retry_after, reason),
        "message_limit_exceeded" => Verdict::Throttled { pause: Pause::Told(RETRY_AFTER_MAX), reason },
        "team_added_to_org" | "org_login_required" | "request_timeout" | "service_unavailable" | "rollup_error" => {
            Verdict::Retry { wait: answer.retry_after(), reason }
        }
        // "Some aspect of the operation may have succeeded."
        "fatal_error" | "internal_error" => Verdict::Ambiguous { reason },
        error if is_about_us(error) => Verdict::Disabled { reason },
        // JSON of the same shape, but none of Slack's names: something before it.
        error if matches!(answer.status, 401 | 403 | 404 | 410) && !is_a_name(error) => Verdict::Blocked { reason },
        _ if answer.status >= 500 => Verdict::Retry { wait: answer.retry_after(), reason },
        _ => Verdict::Refused { reason },
    }
}

/// Slack's errors look like `invalid_blocks`.
fn is_a_name(error: &str) -> bool {
    !error.is_empty() && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// About the token or the channel, not about the message.
fn is_about_us(error: &str) -> bool {
    matches!(
        error,
        "not_authed"
            | "invalid_auth"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "no_permission"
            | "missing_scope"
            | "not_allowed_token_type"
            | "channel_not_found"
            | "not_in_channel"
            | "is_archived"
            | "channel_is_archived"
            | "ekm_access_denied"
            | "enterprise_is_restricted"
            | "access_denied"
            | "two_factor_setup_required"
            | "team_access_not_granted"
            | "no_service"
            | "no_active_hooks"
            | "no_team"
            | "action_prohibited"
            | "invalid_token"
            | "posting_to_general_channel_denied"
            | "user_not_found"
    ) || error.starts_with("restricted_action")
}

fn throttled(answer: &Answer, in_body: Option<f64>, reason: String) -> Verdict {
    let told = answer.retry_after().or_else(|| in_body.and_then(seconds_from));
    Verdict::Throttled { pause: Pause::from(told), reason }
}

#[cfg(test)]
#[path = "slack_tests.rs"]
mod tests;
