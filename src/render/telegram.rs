//! A card → a Telegram message with entities (DESTINATIONS 4).
//!
//! There is no `parse_mode`: the text is sent as it is, and the markup beside it. Somebody else's words stand inside `pre` (blocks) or
//! `code` (names, symbols) and nowhere else, because Telegram looks for mentions, links, bare domains, tags, cashtags, commands and
//! phone numbers everywhere but there (4.5); `blockquote` would need characters put into the text to stop each of these, which would
//! change what people copy and still miss bare domains. Handles of ours are links to their own page, with a word joiner after the `@`,
//! so that they never mean a Telegram user of the same name. The words of a tweet that was deleted since are struck through, which Telegram does
//! not do inside of `pre`: there the word joiners are put in, as what was taken back is not there to be copied.

use super::card::{Card, Fact, Piece};
use super::fit::{cut, utf16};
use super::sanitise;
use super::who::Who;
use crate::model::message::{Button, Entity, Keyboard, LinkPreview, TelegramBody};

/// UTF-16 code units, which is stricter than code points (DESTINATIONS 2.3).
const TOTAL: usize = 4_096;
/// Of a title.
const TITLE: usize = 200;
/// Of the other tweet's text.
const QUOTED: usize = 700;
/// Of one value among the facts, and of all facts.
const VALUE: usize = 300;
const FACTS: usize = 1_500;
/// Telegram keeps about a hundred; beyond that somebody else's words would be bare.
pub(super) const ENTITIES: usize = 90;

/// The message.
pub(super) fn body(card: &Card, preview: bool) -> TelegramBody {
    let mut text = head(card);
    let tail = tail(card, ENTITIES - text.entities.len() - 1);
    // Two line breaks around the text.
    let room = TOTAL.saturating_sub(text.units + tail.units + 2);
    match (&card.text, &card.note) {
        (Some(said), _) => {
            text.push("\n");
            match card.deleted {
                None => text.mark("pre", &cut(said, room, utf16), None),
                Some(_) => text.mark("strikethrough", &inert(&cut(said, room, |part| utf16(&inert(part)))), None),
            }
        }
        (None, Some(note)) => text.push(&format!("\n{}", cut(note, room, utf16))),
        (None, None) => {}
    }
    text.append(tail);
    let link_preview_options = match &card.link {
        Some(url) if preview => LinkPreview::Of { url: url.clone() },
        _ => LinkPreview::default(),
    };
    let button =
        |url: &String| Keyboard { inline_keyboard: vec![vec![Button { text: card.link_label.to_owned(), url: url.clone() }]] };
    let reply_markup = card.link.as_ref().map(button);
    TelegramBody { text: text.text, entities: text.entities, link_preview_options, reply_markup }
}

/// The rule, what it is about and who did what, which is what a phone shows; then when, and the display names.
fn head(card: &Card) -> Text {
    let mut text = Text::default();
    if let Some(written) = &card.title.written {
        text.push(&card.mark());
        text.mark("code", &cut(written, TITLE, utf16), None);
    } else {
        text.mark("bold", &defused(&cut(&card.lead(), TITLE, utf16)), None);
    }
    if let Some(who) = &card.who {
        text.push(if card.title.written.is_some() { "\n" } else { " · " });
        person(&mut text, who);
        text.push(&format!(" {}", card.verb()));
        if let Some(whom) = &card.whom {
            text.push(" ");
            person(&mut text, whom);
        }
        text.push(who.place);
    }
    text.push(&format!("\n{}", card.when()));
    if let Some(names) = card.names() {
        text.push(" · ");
        text.mark("code", &names, None);
    }
    text
}

fn person(text: &mut Text, who: &Who) {
    match (&who.handle, &who.link) {
        (Some(handle), Some(link)) => text.mark("text_link", &format!("@\u{2060}{handle}"), Some(link.clone())),
        (Some(handle), None) => text.push(&format!("@\u{2060}{handle}")),
        (None, _) => text.push(&who.safe()),
    }
}

/// Our own words with a word joiner behind what would make a mention, a tag, a command, a cashtag or a domain of the next letters.
pub(super) fn defused(text: &str) -> String {
    let mut letters = text.chars().peekable();
    let mut out = String::with_capacity(text.len());
    while let Some(letter) = letters.next() {
        out.push(letter);
        let next = letters.peek().copied().unwrap_or(' ');
        let is_live = match letter {
            '@' => true,
            '#' | '/' => next.is_alphanumeric() || next == '_',
            '.' | '$' => next.is_alphabetic(),
            _ => false,
        };
        if is_live {
            out.push('\u{2060}');
        }
    }
    out
}

/// Somebody else's words with a word joiner behind everything that Telegram could make something of: nothing is struck through inside `pre`.
fn inert(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len() * 2), |mut out, letter| {
        out.push(letter);
        if "@#/$.:+&=?".contains(letter) {
            out.push('\u{2060}');
        }
        out
    })
}

fn tail(card: &Card, entities: usize) -> Text {
    let mut text = Text::default();
    if let Some(quoted) = &card.quoted {
        let over = card.over_quoted().replace('@', "@\u{2060}");
        text.push(&format!("\n{over}:\n"));
        text.mark("pre", &cut(quoted, QUOTED, utf16), None);
    }
    let limit = text.units + FACTS;
    for (name, facts) in card.grouped() {
        let mut group = Text::default();
        group.push("\n");
        group.mark("bold", &format!("{name}:"), None);
        facts.iter().enumerate().for_each(|(at, fact)| {
            let mut line = Text::default();
            self::fact(&mut line, at, fact);
            let fits = text.units + group.units + line.units <= limit;
            if fits && text.entities.len() + group.entities.len() + line.entities.len() <= entities {
                group.append(line);
            }
        });
        if group.entities.len() > 1 || group.units > utf16(&name) + 2 {
            text.append(group);
        }
    }
    text
}

fn fact(text: &mut Text, at: usize, fact: &Fact) {
    for (index, piece) in fact.pieces.iter().enumerate() {
        let breaks = (at > 0 && index == 0) || (index > 0 && matches!(piece, Piece::Code(_))) || matches!(piece, Piece::Block(_));
        text.push(if breaks { "\n" } else { " " });
        match piece {
            Piece::Ours(ours) => text.push(ours),
            Piece::Theirs(theirs) => text.mark("code", &cut(&sanitise::line(theirs), VALUE, utf16), None),
            Piece::Code(code) => text.mark("code", code, None),
            Piece::Post { handle, url } => text.mark("text_link", &handle.replace('@', "@\u{2060}"), Some(url.clone())),
            Piece::Block(block) => text.mark("pre", &cut(block, VALUE, utf16), None),
        }
    }
}

/// A text under construction with its entities.
#[derive(Default)]
pub(super) struct Text {
    pub(super) text: String,
    /// UTF-16 code units of the text.
    pub(super) units: usize,
    pub(super) entities: Vec<Entity>,
}

impl Text {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.units += utf16(text);
    }

    pub(super) fn mark(&mut self, kind: &'static str, text: &str, url: Option<String>) {
        let length = utf16(text);
        if length > 0 {
            self.entities.push(Entity { kind: kind.into(), offset: self.units, length, url });
            self.push(text);
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        let shift = self.units;
        self.entities.extend(other.entities.into_iter().map(|entity| Entity { offset: entity.offset + shift, ..entity }));
        self.push(&other.text);
    }
}
