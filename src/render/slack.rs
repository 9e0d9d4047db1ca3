//! A card → blocks of a Slack message (DESTINATIONS 5).
//!
//! Slack's `mrkdwn` has no escape for `*`, `_`, `~` and the backtick, so there is none: somebody else's words stand in `text` elements of
//! `rich_text`, which are never parsed, or in `plain_text`. The top-level `text`, which notifications show, holds our words and checked
//! handles only, its `&`, `<` and `>` escaped.

use serde_json::{Value, json};

use super::card::{Card, Piece};
use super::fit::{cut, utf16};
use super::who::Who;
use crate::model::message::SlackBody;

/// UTF-16 code units (DESTINATIONS 5.2): all blocks together stay under 8,000.
pub(super) const HEADER: usize = 150;
pub(super) const NOTIFIED: usize = 300;
pub(super) const CONTEXT: usize = 400;
const TEXT: usize = 3_000;
const QUOTED: usize = 1_000;
const VALUE: usize = 600;
const FACTS: usize = 2_500;

/// The message.
pub(super) fn body(card: &Card) -> SlackBody {
    let mut blocks = vec![json!({ "type": "header", "text": plain(&card.headline(), HEADER) }), context(card)];
    let said = said(card);
    if !said.is_empty() {
        blocks.push(json!({ "type": "rich_text", "elements": said }));
    }
    let facts = facts(card);
    if !facts.is_empty() {
        blocks.push(json!({ "type": "rich_text", "elements": [section(&facts)] }));
    }
    if let Some(url) = &card.picture {
        blocks.push(json!({ "type": "image", "image_url": url, "alt_text": "picture of the post" }));
    }
    SlackBody { text: notification(card), blocks, unfurl_links: false, unfurl_media: false }
}

/// Our own words alone, even when a template wrote the header.
fn notification(card: &Card) -> String {
    let deed = card.deed().map_or_else(String::new, |deed| format!(" · {deed}"));
    notified(&format!("{}{deed}", card.lead()))
}

/// Words of ours for the top-level `text`.
pub(super) fn notified(words: &str) -> String {
    cut(words, NOTIFIED, utf16).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn context(card: &Card) -> Value {
    // What cannot be forged comes first, so that a display name is what is cut.
    let parts = [card.deed(), Some(card.when()), card.names()];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let words = plain(&line, CONTEXT);
    let avatar = card.who.as_ref().and_then(|who| who.avatar.as_ref());
    let elements = match avatar {
        Some(url) => vec![json!({ "type": "image", "image_url": url, "alt_text": "avatar" }), words],
        None => vec![words],
    };
    json!({ "type": "context", "elements": elements })
}

fn said(card: &Card) -> Vec<Value> {
    let mut elements = Vec::new();
    match (&card.text, &card.note) {
        (Some(said), _) if card.deleted.is_some() => elements.push(quoted(&styled(&cut(said, TEXT, utf16), "strike"))),
        (Some(said), _) => elements.push(quote(&cut(said, TEXT, utf16))),
        (None, Some(note)) => elements.push(section(&[text(note)])),
        (None, None) => {}
    }
    if let Some(quoted) = &card.quoted {
        elements.push(section(&[styled(&format!("{}:", card.over_quoted()), "bold")]));
        elements.push(quote(&cut(quoted, QUOTED, utf16)));
    }
    elements
}

fn facts(card: &Card) -> Vec<Value> {
    let mut elements = Vec::new();
    let mut room = FACTS;
    for (name, facts) in card.grouped() {
        let mut group = Vec::new();
        let mut cost = utf16(&name) + 3;
        group.push(styled(&format!("{}{name}:", if elements.is_empty() { "" } else { "\n" }), "bold"));
        for (at, fact) in facts.iter().enumerate() {
            for (index, piece) in fact.pieces.iter().enumerate() {
                let breaks =
                    (at > 0 && index == 0) || (index > 0 && matches!(piece, Piece::Code(_))) || matches!(piece, Piece::Block(_));
                let shown = cut(piece.text(), VALUE, utf16);
                cost += utf16(&shown) + 1;
                let before = if breaks { "\n" } else { " " };
                match piece {
                    Piece::Code(_) => {
                        push(&mut group, before);
                        group.push(styled(&shown, "code"));
                    }
                    Piece::Post { url, .. } => {
                        push(&mut group, before);
                        cost += utf16(url);
                        group.push(json!({ "type": "link", "url": url, "text": shown }));
                    }
                    _ => push(&mut group, &format!("{before}{shown}")),
                }
            }
        }
        if let Some(left) = room.checked_sub(cost) {
            room = left;
            elements.extend(group);
        }
    }
    if let Some(url) = &card.link {
        if !elements.is_empty() {
            push(&mut elements, "\n");
        }
        elements.push(json!({ "type": "link", "url": url, "text": card.link_label }));
    }
    if let Some((link, handle)) = card.who.as_ref().and_then(profile).filter(|(link, _)| Some(link) != card.link.as_ref()) {
        if !elements.is_empty() {
            elements.push(text(" · "));
        }
        elements.push(json!({ "type": "link", "url": link, "text": handle }));
    }
    elements
}

fn profile(who: &Who) -> Option<(String, String)> {
    Some((who.link.clone()?, format!("@{}", who.handle.as_ref()?)))
}

pub(super) fn plain(text: &str, limit: usize) -> Value {
    json!({ "type": "plain_text", "text": cut(text, limit, utf16), "emoji": false })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// Adds plain words, to the last element when that is plain, too.
pub(super) fn push(elements: &mut Vec<Value>, words: &str) {
    match elements.last_mut() {
        Some(last) if last["type"] == "text" && last.get("style").is_none() => {
            let joined = format!("{}{words}", last["text"].as_str().unwrap_or_default());
            *last = text(&joined);
        }
        _ => elements.push(text(words)),
    }
}

pub(super) fn styled(text: &str, style: &str) -> Value {
    json!({ "type": "text", "text": text, "style": { style: true } })
}

pub(super) fn section(elements: &[Value]) -> Value {
    json!({ "type": "rich_text_section", "elements": elements })
}

fn quote(words: &str) -> Value {
    quoted(&text(words))
}

fn quoted(element: &Value) -> Value {
    json!({ "type": "rich_text_quote", "elements": [element] })
}
