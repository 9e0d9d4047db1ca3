//! A notice of birdcall's own (a gap in the feed, orders stopped, a lane disabled, …) → a message for any action.
//!
//! The title is ours. The text may repeat what others said (an error of a destination, a rule's name), so that it is treated as
//! anybody's words.

use bytes::Bytes;

use super::card::{Card, Title};
use super::sanitise;
use crate::model::message::{ContentType, WebhookBody};
use crate::model::time::Timestamp;
use crate::rules::template::words;

/// Bytes of a text in a webhook's body; it stays under 20 kB whatever is escaped.
const TEXT: usize = 12_000;

/// For people.
pub(super) fn card(title: &str, text: &str, at: Timestamp) -> Card {
    Card {
        emoji: "📣",
        color: 0xff_ad_1f,
        title: Title { rule: sanitise::line(title), ..Title::default() },
        text: Some(sanitise::text(text).into_owned()).filter(|text| !text.is_empty()),
        moment: words::moment(at, at),
        delay: "a notice of birdcall".to_owned(),
        at,
        ..Card::default()
    }
}

/// For programs: `{"type":"notice","timestamp":"…","data":{"title":"…","text":"…"}}`.
pub(super) fn webhook(title: &str, text: &str, at: Timestamp) -> WebhookBody {
    let text = super::fit::cut(&sanitise::text(text), TEXT, super::fit::json).into_owned();
    let data = serde_json::json!({ "title": sanitise::line(title), "text": text });
    let body = serde_json::json!({ "type": "notice", "timestamp": at.to_string(), "data": data });
    WebhookBody { bytes: Bytes::from(body.to_string()), content_type: ContentType::Json }
}
