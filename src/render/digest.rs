//! Several firings → one message: how many, and the newest with who, what and where. For chats whose limit does not let them through one by
//! one.
//!
//! Somebody else's words stand where each platform takes them for text, as in a whole message; links are ours.

use serde_json::json;

use super::card::{Card, card};
use super::fit::{chars, cut, utf16};
use super::{discord, sanitise, slack, telegram};
use crate::model::action::Discord;
use crate::model::delivery::DigestLine;
use crate::model::firing::Firing;
use crate::model::message::{AllowedMentions, DiscordBody, Embed, EmbedFooter, LinkPreview, SlackBody, TelegramBody};

/// Of a rule's name, of who did what, of a text, in the unit of each platform and after its escaping.
const RULE: usize = 60;
const WHO: usize = 90;
const TEXT: usize = 140;
/// Rules that are named with their counts.
const RULES: usize = 5;
/// Lines that are shown at most.
const LINES: usize = 25;
/// UTF-16 code units of a Telegram message, and of Slack's blocks (DESTINATIONS 4.2, 5.2).
const TELEGRAM: usize = 4_096;
const SLACK: usize = 6_500;
/// Left for `and 1,234 more`.
const REST: usize = 40;

const WHY: &str = "told together, because more came than may be sent one by one";

/// What a digest says of a firing.
pub(super) fn line(firing: &Firing) -> DigestLine {
    let card: Card = card(firing);
    let who = card.deed().unwrap_or_default();
    let text = card.text.as_deref().map(sanitise::line).or(card.title.about).unwrap_or_default();
    DigestLine { rule: card.title.rule, who, text: cut(&text, TEXT, chars).into_owned(), link: card.link }
}

/// `🗞️ 23 alerts`.
fn head(total: usize) -> String {
    format!("🗞️ {}", if total == 1 { "1 alert".to_owned() } else { format!("{total} alerts") })
}

/// The rules and how often each fired, the busiest first.
fn by_rule<'l>(lines: &[&'l DigestLine]) -> Vec<(&'l str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for line in lines {
        match counts.iter_mut().find(|(rule, _)| *rule == line.rule) {
            Some((_, count)) => *count += 1,
            None => counts.push((&line.rule, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(RULES);
    counts
}

fn rest(left: usize) -> Option<String> {
    (left > 0).then(|| format!("and {left} more"))
}

/// A link of ours, if it is one that cannot break out of anything.
fn link(line: &DigestLine) -> Option<&str> {
    let safe = |link: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:.@_-".contains(&byte);
        link.starts_with("https://") && link.bytes().all(plain)
    };
    line.link.as_deref().filter(safe)
}

/// An embed with a line for each.
pub(super) fn discord(action: &Discord, lines: &[&DigestLine], total: usize) -> DiscordBody {
    let rules = by_rule(lines).into_iter().map(|(rule, count)| format!(" · {rule} {count}")).collect::<String>();
    let content = discord::escaped(&format!("{}{rules}", head(total)), discord::TITLE_MARKUP, discord::CONTENT);
    let mut description = String::new();
    let mut shown = 0;
    for line in lines.iter().take(LINES) {
        let parts = [(&line.rule, RULE), (&line.who, WHO), (&line.text, TEXT)];
        let parts = parts.map(|(part, room)| discord::escaped(part, discord::MARKUP, room));
        let words = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
        let open = link(line).map_or_else(String::new, |link| format!(" [open]({link})"));
        let gap = if shown == 0 { "" } else { "\n" };
        if chars(&description) + chars(&words) + chars(&open) + REST > discord::DESCRIPTION {
            break;
        }
        description.push_str(&format!("{gap}{words}{open}"));
        shown += 1;
    }
    if let Some(rest) = rest(total.saturating_sub(shown)) {
        description.push_str(&format!("\n{rest}"));
    }
    let embed = Embed {
        title: Some("The newest first".to_owned()),
        description: Some(description).filter(|text| !text.is_empty()),
        color: Some(0x1d_9b_f0),
        footer: Some(EmbedFooter { text: WHY.to_owned() }),
        ..Embed::default()
    };
    DiscordBody {
        username: action.username.clone(),
        avatar_url: action.avatar.clone(),
        content: Some(content),
        embeds: vec![embed],
        allowed_mentions: AllowedMentions::default(),
        flags: action.silent.then_some(discord::SILENT),
    }
}

/// A line for each, as many as there may be entities.
pub(super) fn telegram(lines: &[&DigestLine], total: usize) -> TelegramBody {
    let mut text = telegram::Text::default();
    text.mark("bold", &head(total), None);
    for (rule, count) in by_rule(lines) {
        text.push(" · ");
        text.mark("code", &cut(rule, RULE, utf16), None);
        text.push(&format!(" {count}"));
    }
    text.push(&format!("\n{WHY}, the newest first"));
    let mut shown = 0;
    for line in lines.iter().take(LINES) {
        let mut row = telegram::Text::default();
        row.push("\n");
        row.mark("code", &cut(&line.rule, RULE, utf16), None);
        if !line.who.is_empty() {
            row.push(&format!(" · {}", telegram::defused(&cut(&line.who, WHO, utf16))));
        }
        if !line.text.is_empty() {
            row.push(" · ");
            row.mark("code", &cut(&line.text, TEXT, utf16), None);
        }
        if let Some(link) = link(line) {
            row.push(" ");
            row.mark("text_link", "open", Some(link.to_owned()));
        }
        let is_full = text.units + row.units + REST > TELEGRAM || text.entities.len() + row.entities.len() > telegram::ENTITIES;
        if is_full {
            break;
        }
        text.append(row);
        shown += 1;
    }
    if let Some(rest) = rest(total.saturating_sub(shown)) {
        text.push(&format!("\n{rest}"));
    }
    TelegramBody { text: text.text, entities: text.entities, link_preview_options: LinkPreview::default(), reply_markup: None }
}

/// One block of text that is never parsed.
pub(super) fn slack(lines: &[&DigestLine], total: usize) -> SlackBody {
    let rules =
        by_rule(lines).into_iter().map(|(rule, count)| format!(" · {} {count}", cut(rule, RULE, utf16))).collect::<String>();
    let (mut elements, mut spent, mut shown) = (Vec::new(), 0, 0);
    for line in lines.iter().take(LINES) {
        let rule = cut(&line.rule, RULE, utf16);
        let parts = [cut(&line.who, WHO, utf16), cut(&line.text, TEXT, utf16)];
        let words: String = parts.iter().filter(|part| !part.is_empty()).map(|part| format!(" · {part}")).collect();
        let cost = utf16(&rule) + utf16(&words) + REST;
        if spent + cost > SLACK {
            break;
        }
        spent += cost;
        if shown > 0 {
            slack::push(&mut elements, "\n");
        }
        elements.push(slack::styled(&rule, "bold"));
        slack::push(&mut elements, &format!("{words} "));
        if let Some(link) = link(line) {
            elements.push(json!({ "type": "link", "url": link, "text": "open" }));
        }
        shown += 1;
    }
    if let Some(rest) = rest(total.saturating_sub(shown)) {
        slack::push(&mut elements, &format!("\n{rest}"));
    }
    let why = slack::plain(&format!("{WHY}, the newest first"), slack::CONTEXT);
    let mut blocks = vec![
        json!({ "type": "header", "text": slack::plain(&head(total), slack::HEADER) }),
        json!({ "type": "context", "elements": [why] }),
    ];
    if !elements.is_empty() {
        blocks.push(json!({ "type": "rich_text", "elements": [slack::section(&elements)] }));
    }
    SlackBody { text: slack::notified(&format!("{}{rules}", head(total))), blocks, unfurl_links: false, unfurl_media: false }
}
