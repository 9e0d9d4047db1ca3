//! firing → message. Pure.
//!
//! ```text
//!  firing ──> card ──> discord, telegram, slack, console      (what is said)  ──> (how each platform says it)
//!     └────> values ──> templates of the rules file, webhook
//! ```
//!
//! Texts are sanitised once ([`sanitise`]), escaped by the platform's own module and cut on letters ([`fit`]); links are built from
//! ids ([`link`]). Nothing that is rendered is ever rendered again, so that a tweet's `{{ 7 * 7 }}` stays what it is.

mod card;
mod console;
mod digest;
mod digest_groups;
mod digest_line;
mod discord;
mod facts;
pub mod fit;
mod gather;
mod given;
pub mod link;
mod notice;
mod orders;
mod over_time;
pub mod sanitise;
mod slack;
mod telegram;
mod values;
mod webhook;
mod who;

use self::card::Card;
pub use self::digest::Whole;
use crate::model::action::{Action, Destination};
use crate::model::delivery::DigestLine;
pub use crate::model::delivery::Together;
use crate::model::firing::Firing;
use crate::model::message::Body;
use crate::model::revision::OrderEnd;
use crate::model::time::Timestamp;
use crate::rules::ruleset::Send;
use crate::rules::template::ChatTemplate;

/// A message, and what is sent instead when the platform refuses it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The message.
    pub body: Body,
    /// Our own words and the tweet's link. Chat only.
    pub fallback: Option<Body>,
}

/// A send whose template needs what the firing does not have: nothing must be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("incomplete: {what}")]
pub struct Incomplete {
    /// Which part of the template, and why.
    pub what: String,
}

/// The message of one firing for one of its rule's sends. `expires_at`: when the delivery will no longer be sent.
///
/// # Errors
/// Only for webhooks with a template: when one of its leaves has no value. A chat template that cannot be worked out gives way to
/// the default message, which then says so: an alert is worth more than its form.
pub fn render(firing: &Firing, send: &Send, action: &Action, expires_at: Timestamp) -> Result<Rendered, Incomplete> {
    if let Destination::Webhook(_) = action.destination {
        let body = Body::Webhook(webhook::body(firing, send.payload.as_ref(), expires_at)?);
        return Ok(Rendered { body, fallback: None });
    }
    Ok(message(firing, send, action, (expires_at, &[])))
}

/// The message of a firing as it is to be read after it was sent: `firing` with what is known of its tweet by now, and what became of `orders` on it.
/// For chats alone.
#[must_use]
pub fn revised(firing: &Firing, send: &Send, action: &Action, (expires_at, orders): (Timestamp, &[&OrderEnd])) -> Rendered {
    message(firing, send, action, (expires_at, orders))
}

fn message(firing: &Firing, send: &Send, action: &Action, (expires_at, orders): (Timestamp, &[&OrderEnd])) -> Rendered {
    let plain = card::card(firing);
    let fallback = card::fallback(&plain);
    let card = match &send.template {
        Some(template) => templated(plain, template, firing, expires_at),
        None => plain,
    };
    let card = Card { facts: ordered(card.facts, orders.iter().map(|end| orders::told(end, &firing.rule))), ..card };
    let fallback = Card { facts: ordered(fallback.facts, orders.iter().map(|end| orders::bare(end))), ..fallback };
    let fallback = (!matches!(action.destination, Destination::Console)).then(|| body(&fallback, action));
    Rendered { body: body(&card, action), fallback }
}

/// A message that says that it is a test, for `birdcall send ACTION`.
#[must_use]
pub fn test_message(action: &Action, at: Timestamp) -> Rendered {
    let body = match action.destination {
        Destination::Webhook(_) => Body::Webhook(webhook::test(&action.name, at)),
        _ => body(&card::test(&action.name, at), action),
    };
    Rendered { body, fallback: None }
}

/// What a digest says of a firing, kept with each delivery to an action that tells several together.
#[must_use]
pub fn digest_line(firing: &Firing) -> DigestLine {
    digest_line::line(firing)
}

/// One message for many firings, of which `lines`, the newest first, are shown as far as they fit. `None` where nobody is told together: only
/// chats are.
#[must_use]
pub fn digest(action: &Action, lines: &[&DigestLine], whole: &Whole) -> Option<Body> {
    match &action.destination {
        Destination::Discord(discord) => Some(Body::Discord(Box::new(digest::discord(discord, lines, whole)))),
        Destination::Telegram(_) => Some(Body::Telegram(Box::new(digest::telegram(lines, whole)))),
        Destination::Slack(_) => Some(Body::Slack(Box::new(digest::slack(lines, whole)))),
        Destination::Console | Destination::Webhook(_) => None,
    }
}

/// A notice of birdcall's own: a gap in the feed, orders stopped, a lane disabled, … `title` is in our own words; `text` may repeat what
/// others said. For webhooks: `{"type":"notice","timestamp":"…","data":{"title":"…","text":"…"}}`.
#[must_use]
pub fn notice(action: &Action, title: &str, text: &str, at: Timestamp) -> Body {
    match action.destination {
        Destination::Webhook(_) => Body::Webhook(notice::webhook(title, text, at)),
        _ => body(&notice::card(title, text, at), action),
    }
}

/// What became of orders comes first.
fn ordered(facts: Vec<card::Fact>, orders: impl Iterator<Item = card::Fact>) -> Vec<card::Fact> {
    let mut all: Vec<_> = orders.collect();
    all.extend(facts);
    all
}

fn body(card: &Card, action: &Action) -> Body {
    match &action.destination {
        Destination::Discord(discord) => Body::Discord(Box::new(discord::body(card, discord))),
        Destination::Telegram(telegram) => Body::Telegram(Box::new(telegram::body(card, telegram.preview))),
        Destination::Slack(_) => Body::Slack(Box::new(slack::body(card))),
        // A webhook has no card; `render` and `test_message` do not come here with one.
        Destination::Console | Destination::Webhook(_) => Body::Console(console::body(card)),
    }
}

/// The card with the template's title and body in the place of the default ones. Who did what, link, time and lateness stay ours.
fn templated(mut card: Card, template: &ChatTemplate, firing: &Firing, expires_at: Timestamp) -> Card {
    let values = gather::context(firing, expires_at, template.uses());
    let (title, body) = match (template.title(&values), template.body(&values)) {
        (Ok(title), Ok(body)) => (title, body),
        (Err(failure), _) | (_, Err(failure)) => {
            let why = sanitise::line(&format!("The template could not be worked out: {failure}"));
            card.facts.push(card::Fact { name: "Note", pieces: vec![card::Piece::Theirs(why)], more: 0 });
            return card;
        }
    };
    card.title.written = title.map(|title| sanitise::line(&title)).filter(|title| !title.is_empty());
    match body {
        Some(body) => card::rewritten(card, sanitise::text(&body).into_owned()),
        None => card,
    }
}
