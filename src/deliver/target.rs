//! An action and its secrets in, a place that requests can be sent to out. What cannot work is said here, when the program starts.

use std::fmt;

use url::Url;

use crate::model::action::{Action, Destination, SecretRef, Slack, Span, Webhook};
use crate::model::message::Body;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

use super::client::Request;
pub use super::destinations::Problem;
use super::destinations::{discord, slack, telegram, webhook};
use super::reach::{Probe, Unreached};
use super::verdict::{Answer, Verdict};
use super::words::Scrub;

/// An action with its secrets read and its URLs parsed. Two are equal when the same requests go to the same place.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    endpoint: Endpoint,
}

#[derive(Clone, PartialEq, Eq)]
enum Endpoint {
    Discord(discord::Endpoint),
    Telegram(telegram::Endpoint),
    Slack(slack::Endpoint),
    Webhook(Box<webhook::Endpoint>),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.kind())
    }
}

/// Why an action cannot be sent to.
#[derive(Debug, thiserror::Error)]
pub enum TargetError<E> {
    /// A secret could not be read.
    #[error("{error}")]
    Secret {
        /// Where the rules file names it.
        span: Span,
        /// Why not.
        error: E,
    },
    /// What the action says cannot work.
    #[error("{problem}")]
    Unusable {
        /// Where the rules file says it.
        span: Span,
        /// What is wrong with it.
        problem: Problem,
    },
}

impl<E> TargetError<E> {
    /// The place in the rules file that it is about.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Secret { span, .. } | Self::Unusable { span, .. } => *span,
        }
    }
}

/// What decides how one request for a message looks, besides the message.
pub(crate) struct Stamp {
    /// The firing's id.
    pub(crate) id: String,
    /// The wall clock.
    pub(crate) at: Timestamp,
    /// It is the fallback that is sent.
    pub(crate) fallback: bool,
    /// The chat's new id, if it has moved.
    pub(crate) moved: Option<i64>,
}

impl Target {
    /// Reads the action's secrets through `secret` and checks all that can be checked without sending.
    ///
    /// # Errors
    /// The first secret that cannot be read, or the first thing that cannot work: a URL of another service, a header that is not the user's
    /// to set, an empty signing secret.
    pub fn resolve<E>(action: &Action, secret: &mut dyn FnMut(&SecretRef) -> Result<Secret, E>) -> Result<Self, TargetError<E>> {
        let mut read = |from: &SecretRef| match secret(from) {
            Ok(secret) => Ok((secret, from.span)),
            Err(error) => Err(TargetError::Secret { span: from.span, error }),
        };
        let at = |span: Span| move |problem| TargetError::Unusable { span, problem };
        let endpoint = match &action.destination {
            Destination::Discord(discord) => {
                let (url, span) = read(&discord.url)?;
                Endpoint::Discord(discord::Endpoint::new(discord, url.expose()).map_err(at(span))?)
            }
            Destination::Telegram(telegram) => {
                let (token, span) = read(&telegram.token)?;
                Endpoint::Telegram(telegram::Endpoint::new(telegram, token.expose()).map_err(at(span))?)
            }
            Destination::Slack(Slack::Webhook(url)) => {
                let (url, span) = read(url)?;
                Endpoint::Slack(slack::Endpoint::webhook(url.expose()).map_err(at(span))?)
            }
            Destination::Slack(Slack::App { token, channel, api }) => {
                let (token, span) = read(token)?;
                Endpoint::Slack(slack::Endpoint::app(token.expose(), channel, api.as_deref()).map_err(at(span))?)
            }
            Destination::Webhook(webhook) => Endpoint::Webhook(Box::new(resolve_webhook(webhook, &mut read)?)),
            Destination::Console => return Err(at(action.span)(Problem::Console)),
        };
        Ok(Self { endpoint })
    }

    /// The host to which this sends unencrypted over networks of strangers. Only a webhook may; the credentials of the others are
    /// refused there.
    #[must_use]
    pub fn in_clear(&self) -> Option<String> {
        match &self.endpoint {
            Endpoint::Webhook(endpoint) => endpoint.in_clear(),
            _ => None,
        }
    }

    /// A URL of the place that all its requests go to. Secret.
    pub(crate) fn url(&self) -> &Url {
        match &self.endpoint {
            Endpoint::Discord(endpoint) => endpoint.url(),
            Endpoint::Telegram(endpoint) => endpoint.url(),
            Endpoint::Slack(endpoint) => endpoint.url(),
            Endpoint::Webhook(endpoint) => endpoint.url(),
        }
    }

    /// As `type` in rules.toml spells it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Discord(_) => "discord",
            Endpoint::Telegram(_) => "telegram",
            Endpoint::Slack(_) => "slack",
            Endpoint::Webhook(_) => "webhook",
        }
    }

    /// Messages for people: one at a time, in order.
    pub(crate) fn is_chat(&self) -> bool {
        !matches!(self.endpoint, Endpoint::Webhook(_))
    }

    pub(crate) fn user_agent(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Discord(_) => discord::USER_AGENT,
            _ => concat!("birdcall/", env!("CARGO_PKG_VERSION")),
        }
    }

    pub(crate) fn scrub(&self) -> Scrub {
        let secrets = match &self.endpoint {
            Endpoint::Discord(endpoint) => endpoint.secrets(),
            Endpoint::Telegram(endpoint) => endpoint.secrets(),
            Endpoint::Slack(endpoint) => endpoint.secrets(),
            Endpoint::Webhook(endpoint) => endpoint.secrets(),
        };
        Scrub::new(secrets.iter().map(String::as_str))
    }

    /// The request that carries `body`; `None` when it is a message for another kind of destination.
    pub(crate) fn request(&self, body: &Body, stamp: &Stamp) -> Option<Request> {
        match (&self.endpoint, body) {
            (Endpoint::Discord(endpoint), Body::Discord(body)) => Some(endpoint.request(body, stamp.fallback)),
            (Endpoint::Telegram(endpoint), Body::Telegram(body)) => Some(endpoint.request(body, stamp.moved)),
            (Endpoint::Slack(endpoint), Body::Slack(body)) => Some(endpoint.request(body)),
            (Endpoint::Webhook(endpoint), Body::Webhook(body)) => Some(endpoint.request(body, &stamp.id, stamp.at)),
            _ => None,
        }
    }

    /// The request that has a message of this id say something else; `None` where nothing can be edited.
    pub(crate) fn edit(&self, body: &Body, message: &str, moved: Option<i64>) -> Option<Request> {
        match (&self.endpoint, body) {
            (Endpoint::Discord(endpoint), Body::Discord(body)) => endpoint.edit(body, message),
            (Endpoint::Telegram(endpoint), Body::Telegram(body)) => endpoint.edit(body, message, moved),
            (Endpoint::Slack(endpoint), Body::Slack(body)) => endpoint.edit(body, message),
            _ => None,
        }
    }

    /// What the answer to an edit means.
    pub(crate) fn classify_edit(&self, answer: &Answer) -> Verdict {
        match &self.endpoint {
            Endpoint::Telegram(_) => telegram::classify_edit(answer),
            _ => self.classify(answer),
        }
    }

    /// What it can be asked without anybody hearing of it.
    pub(crate) fn probe(&self) -> Probe {
        match &self.endpoint {
            Endpoint::Discord(endpoint) => endpoint.probe(),
            Endpoint::Telegram(endpoint) => endpoint.probe(),
            Endpoint::Slack(endpoint) => endpoint.probe(),
            Endpoint::Webhook(endpoint) => endpoint.probe(),
        }
    }

    /// What the answer to request number `step` of [`probe`](Self::probe) says.
    pub(crate) fn found(&self, step: usize, answer: &Answer) -> Result<String, Unreached> {
        match &self.endpoint {
            Endpoint::Discord(_) => discord::found(answer),
            Endpoint::Telegram(_) => telegram::found(step, answer),
            Endpoint::Slack(_) => slack::found(answer),
            // It is asked nothing.
            Endpoint::Webhook(_) => Ok(String::new()),
        }
    }

    pub(crate) fn classify(&self, answer: &Answer) -> Verdict {
        match &self.endpoint {
            Endpoint::Discord(_) => discord::classify(answer),
            Endpoint::Telegram(_) => telegram::classify(answer),
            Endpoint::Slack(endpoint) => endpoint.classify(answer),
            Endpoint::Webhook(_) => webhook::classify(answer),
        }
    }

    /// A pause that the answer asks for although it is no refusal.
    pub(crate) fn cool_down(&self, answer: &Answer) -> Option<std::time::Duration> {
        match self.endpoint {
            Endpoint::Discord(_) => discord::cool_down(answer),
            _ => None,
        }
    }
}

fn resolve_webhook<E>(
    action: &Webhook,
    read: &mut impl FnMut(&SecretRef) -> Result<(Secret, Span), TargetError<E>>,
) -> Result<webhook::Endpoint, TargetError<E>> {
    let at = |span: Span| move |problem| TargetError::Unusable { span, problem };
    let (url, span) = read(&action.url)?;
    let mut endpoint = webhook::Endpoint::new(action, url.expose()).map_err(at(span))?;
    for (name, value) in &action.headers {
        let (value, span) = read(value)?;
        endpoint.add_header(name, &value).map_err(at(span))?;
    }
    if let Some(secret) = &action.secret {
        let (secret, span) = read(secret)?;
        endpoint.sign_with(&secret).map_err(at(span))?;
    }
    Ok(endpoint)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
