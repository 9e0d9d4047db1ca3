//! A card → an embed of a Discord webhook (DESTINATIONS 3).
//!
//! Somebody else's words stand in the description and in field values, every character that Discord could take for markup escaped
//! there, and in the author line, which Discord shows as it is. In `content`, which notifications show and people with embeds switched
//! off have alone, stand our own words, checked handles and checked symbols. Nobody may be mentioned.

use super::card::{Card, Fact, Piece};
use super::fit::{chars, cut};
use super::sanitise;
use super::who::Who;
use crate::model::action::Discord;
use crate::model::message::{AllowedMentions, DiscordBody, Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedImage};

/// Code points (DESTINATIONS 3.2).
const TITLE: usize = 256;
const AUTHOR: usize = 256;
pub(super) const DESCRIPTION: usize = 4_096;
const FIELD: usize = 1_024;
const TOTAL: usize = 6_000;
/// Left for the fields when the description is long.
const FOR_FIELDS: usize = 1_200;
/// No push notification.
pub(super) const SILENT: u32 = 1 << 12;
/// Every character that starts or ends any of Discord's markup (DESTINATIONS 3.5, tried there).
pub(super) const MARKUP: &str = "\\*_~`|>#[]()<@:-+.!{}";
/// The few that matter in a title of our own words, which a `-` in a rule's name should not make ugly.
pub(super) const TITLE_MARKUP: &str = "\\*_~`|<>[]@:";
/// What strikes through, on both sides.
const STRIKE: &str = "~~";
/// Of the line above the embed, escapes counted.
pub(super) const CONTENT: usize = 199;
/// So much of a rule's name tells it from others.
const TOLD: usize = 40;

/// The embed.
pub(super) fn body(card: &Card, action: &Discord) -> DiscordBody {
    DiscordBody {
        username: action.username.clone(),
        avatar_url: action.avatar.clone(),
        content: Some(content(card)),
        embeds: vec![embed(card)],
        allowed_mentions: AllowedMentions::default(),
        flags: action.silent.then_some(SILENT),
    }
}

fn embed(card: &Card) -> Embed {
    let title = title(card);
    let author = card.who.as_ref().map(|who| EmbedAuthor {
        name: cut(&sanitise::line(&who.line()), AUTHOR, chars).into_owned(),
        url: who.link.clone(),
        icon_url: who.avatar.clone(),
    });
    let footer = card.delayed();
    let of_title = title.as_deref().map_or(0, chars);
    let spent = of_title + author.as_ref().map_or(0, |author| chars(&author.name)) + chars(&footer);
    let mut room = TOTAL.saturating_sub(spent);
    let description = description(card, DESCRIPTION.min(room.saturating_sub(FOR_FIELDS)));
    room = room.saturating_sub(description.as_deref().map_or(0, chars));
    Embed {
        title,
        url: card.link.clone(),
        description,
        color: Some(card.color),
        timestamp: jiff::Timestamp::from_millisecond(card.at.as_millis()).is_ok().then(|| card.at.to_string()),
        author,
        fields: fields(card, room),
        image: card.picture.clone().map(|url| EmbedImage { url }),
        footer: Some(EmbedFooter { text: footer }),
    }
}

/// `🔔 listing-watch · ORBL $0.0012 · orbitlab\\_xyz replied to kairo\\_trades`. A long rule's name gives way to the rest, and to whom it
/// was done to a rule's name that can be told.
fn content(card: &Card) -> String {
    let mark = card.mark();
    let about = card.title.about.as_ref().map_or_else(String::new, |about| format!(" · {about}"));
    let person = |who: &Who| escaped(who.handle.as_deref().unwrap_or("an account"), TITLE_MARKUP, CONTENT);
    let deed = |who: &Who, act: &str, whom: &str| format!(" · {} {act}{whom}{}", person(who), who.place);
    let room = |deed: &str| CONTENT.saturating_sub(chars(&mark) + chars(&about) + chars(deed));
    let short = card.who.as_ref().map_or_else(String::new, |who| deed(who, card.did, ""));
    let full = card.who.as_ref().zip(card.whom.as_ref());
    let full = full.map(|(who, whom)| deed(who, card.verb(), &format!(" {}", person(whom))));
    let deed = full.filter(|full| room(full) >= TOLD).unwrap_or(short);
    format!("{mark}{}{about}{deed}", escaped(&card.title.rule, TITLE_MARKUP, room(&deed)))
}

/// What a template wrote, else what was done: the author line above it says by whom, the content which rule it is about.
fn title(card: &Card) -> Option<String> {
    if let Some(written) = &card.title.written {
        return Some(escaped(written, MARKUP, TITLE));
    }
    card.who.as_ref()?;
    let act = escaped(&card.act(), TITLE_MARKUP, TITLE);
    let mut letters = act.chars();
    let act = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())?;
    let name = card.whom.as_ref().and_then(|whom| whom.name.as_deref());
    let name = name.map_or_else(String::new, |name| format!(" · {}", escaped(name, MARKUP, TITLE / 2)));
    Some(format!("{act}{name}"))
}

fn description(card: &Card, room: usize) -> Option<String> {
    let text = match &card.deleted {
        None => card.text.as_deref().map(|text| escaped(text, MARKUP, room)),
        Some(_) => card.text.as_deref().map(|text| struck(text, room)),
    };
    text.or_else(|| card.note.clone()).filter(|text| !text.is_empty())
}

/// The text with each line struck through: Discord does not strike over an empty one, nor beside a space.
fn struck(text: &str, room: usize) -> String {
    let strikes = STRIKE.len() * 2 * text.lines().count();
    let text = escaped(text, MARKUP, room.saturating_sub(strikes));
    let strike = |line: &str| match line.trim() {
        "" => String::new(),
        line => format!("{STRIKE}{line}{STRIKE}"),
    };
    text.lines().map(strike).collect::<Vec<_>>().join("\n")
}

fn fields(card: &Card, mut room: usize) -> Vec<EmbedField> {
    let mut fields = Vec::new();
    let mut push = |name: String, value: &dyn Fn(usize) -> String| {
        let Some(left) = room.checked_sub(chars(&name)) else { return };
        let value = value(left.min(FIELD));
        // Discord refuses a field without a value.
        if !value.trim().is_empty() && value != super::fit::ELLIPSIS {
            room = left.saturating_sub(chars(&value));
            fields.push(EmbedField { name, value, inline: false });
        }
    };
    if let Some(quoted) = &card.quoted {
        // The title says already what was done to whom.
        let whom = card.whom.as_ref().filter(|_| card.title.written.is_none());
        let name = whom.map_or_else(|| card.over_quoted(), Who::safe);
        push(escaped(&name, TITLE_MARKUP, TITLE), &|room| escaped(quoted, MARKUP, room.min(FIELD)));
    }
    for (name, facts) in card.grouped() {
        push(name, &|room| value(&facts, room));
    }
    fields
}

/// Facts of one field, a line each. What does not fit whole is left out, but for texts, which are cut.
fn value(facts: &[&Fact], room: usize) -> String {
    let mut out = String::new();
    let mut left = room;
    for piece in facts.iter().enumerate().flat_map(|(at, fact)| lined(at, fact)) {
        let (before, piece) = piece;
        let space = left.saturating_sub(chars(before));
        let text = match piece {
            Piece::Ours(text) => text.clone(),
            Piece::Code(text) => format!("`{text}`"),
            Piece::Post { handle, url } => format!("[{}]({url})", escaped(handle, MARKUP, space)),
            Piece::Theirs(text) | Piece::Block(text) => escaped(text, MARKUP, space),
        };
        if chars(&text) > space || text.is_empty() {
            break;
        }
        left = space - chars(&text);
        out.push_str(before);
        out.push_str(&text);
    }
    out
}

/// The pieces of a fact with what stands in front of each: a line break in front of a fact, a block or something to copy.
fn lined(at: usize, fact: &Fact) -> impl Iterator<Item = (&'static str, &Piece)> {
    fact.pieces.iter().enumerate().map(move |(index, piece)| {
        let before = match (at, index, piece) {
            (0, 0, _) => "",
            (_, 0, _) | (_, _, Piece::Code(_) | Piece::Block(_)) => "\n",
            _ => " ",
        };
        (before, piece)
    })
}

/// The text with a backslash in front of every character of `markup`, cut so that it is no longer than `room` with them.
pub(super) fn escaped(text: &str, markup: &str, room: usize) -> String {
    let cost = |part: &str| chars(part) + part.chars().filter(|letter| markup.contains(*letter)).count();
    let kept = cut(text, room, cost);
    kept.chars().fold(String::with_capacity(kept.len() * 2), |mut out, letter| {
        if markup.contains(letter) {
            out.push('\\');
        }
        out.push(letter);
        out
    })
}
