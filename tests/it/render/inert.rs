//! What has to hold for every message, whatever was written: nothing pings, links, formats or reaches a terminal raw, and it fits.

use birdcall::model::message::{Body, TelegramBody};
use serde_json::Value;

/// Where links of ours may lead.
const LINKS: [&str; 3] = ["https://x.com/", "https://truthsocial.com/@", "https://pbs.twimg.com/"];

/// Everything that has to hold for this message.
pub(crate) fn check(body: &Body) {
    match body {
        Body::Discord(body) => discord(&serde_json::to_value(body).unwrap()),
        Body::Telegram(body) => telegram(body),
        Body::Slack(body) => slack(&serde_json::to_value(body).unwrap()),
        Body::Webhook(body) => {
            let json: Value = serde_json::from_slice(&body.bytes).expect("JSON");
            assert!(body.bytes.len() < 20_000, "{} bytes", body.bytes.len());
            assert!(json["type"].as_str().unwrap().starts_with("firing."));
        }
        Body::Console(body) => {
            let text: String = body.pieces.iter().map(|(_, text)| text.as_str()).collect();
            assert!(text.lines().count() <= 20, "{text}");
            assert!(text.chars().count() <= 5_000);
            clean(&text);
            let hidden = |c: char| matches!(c, '\t' | '\u{200c}'..='\u{200f}' | '\u{61c}');
            assert!(!text.contains(hidden), "{text:?}");
        }
    }
}

/// No control characters but line breaks and tabs, no bidi controls, nothing that hides.
pub(super) fn clean(text: &str) {
    let bad = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}' | '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!text.contains(bad), "{text:?}");
}

fn strings<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(super) fn all_clean(value: &Value) {
    let mut all = Vec::new();
    strings(value, &mut all);
    all.into_iter().for_each(clean);
}

pub(super) fn link(url: &Value) {
    if let Some(url) = url.as_str() {
        assert!(LINKS.iter().any(|ours| url.starts_with(ours)), "{url}");
        assert!(url.len() <= 2_048);
    }
}

pub(super) fn chars(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

/// DESTINATIONS 3.2 and 3.5.
fn discord(body: &Value) {
    assert_eq!(body["allowed_mentions"], serde_json::json!({ "parse": [] }));
    discord_content(body["content"].as_str().unwrap());
    let embeds = body["embeds"].as_array().unwrap();
    assert_eq!(embeds.len(), 1);
    let embed = &embeds[0];
    all_clean(embed);
    for url in [&embed["url"], &embed["author"]["url"], &embed["author"]["icon_url"], &embed["image"]["url"]] {
        link(url);
    }
    let fields = embed["fields"].as_array().cloned().unwrap_or_default();
    assert!(fields.len() <= 25);
    for field in &fields {
        for (part, limit) in [("name", 256), ("value", 1_024)] {
            assert!((1..=limit).contains(&chars(&field[part])), "{field}");
            assert!(!field[part].as_str().unwrap().trim().is_empty());
            no_discord_markup(field[part].as_str().unwrap());
        }
    }
    for (part, limit) in [(&embed["title"], 256), (&embed["description"], 4_096), (&embed["author"]["name"], 256)] {
        assert!(chars(part) <= limit, "{part}");
    }
    no_discord_markup(embed["title"].as_str().unwrap_or_default());
    no_discord_markup(&unstruck(embed["description"].as_str().unwrap_or_default()));
    let of_fields: usize = fields.iter().map(|field| chars(&field["name"]) + chars(&field["value"])).sum();
    let total = chars(&embed["title"])
        + chars(&embed["description"])
        + chars(&embed["author"]["name"])
        + chars(&embed["footer"]["text"])
        + of_fields;
    assert!(total <= 6_000, "{total}");
}

/// The text without what strikes all of its lines through, each by itself.
fn unstruck(text: &str) -> String {
    let struck = |line: &str| {
        let inside = line.strip_prefix("~~").and_then(|line| line.strip_suffix("~~"));
        // An escaped tilde at the end would close nothing.
        inside.filter(|inside| !inside.is_empty() && inside.trim() == *inside).map(str::to_owned)
    };
    let lines: Vec<_> = text.split('\n').map(|line| if line.is_empty() { Some(String::new()) } else { struck(line) }).collect();
    let all: Option<Vec<String>> = lines.into_iter().collect();
    all.map_or_else(|| text.to_owned(), |lines| lines.join("\n"))
}

/// `🔔 listing-watch · ORBL $0.0012 · orbitlab_xyz posted`: the rule's name, perhaps a checked symbol and its price, a checked handle
/// and what was done. Whatever was written, nothing else ever stands there.
fn discord_content(content: &str) {
    no_discord_markup(content);
    assert!(content.chars().count() < 200, "{content}");
    let plain = content.replace('\\', "");
    let parts: Vec<&str> = plain.split(" · ").collect();
    let (head, middle, who) = match parts[..] {
        [head, who] => (head, None, who),
        [head, about, who] => (head, Some(about), who),
        _ => panic!("{content}"),
    };
    let mark = head.strip_suffix(" listing-watch").unwrap_or_else(|| panic!("{content}"));
    assert!(mark.chars().all(|c| !c.is_ascii() || c == ' '), "{content}");
    if let Some(about) = middle {
        let (name, price) = about.split_once(' ').unwrap_or((about, "$1"));
        let (start, end) = name.split_once('…').unwrap_or((name, "x"));
        let symbol = |name: &str| (1..=15).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.');
        assert!(symbol(start) && symbol(end), "{content}");
        let price = price.strip_prefix("under ").unwrap_or(price).strip_suffix('¢').or_else(|| price.strip_prefix('$'));
        let digits = |price: &str| price.bytes().all(|c| c.is_ascii_digit() || b".,e-".contains(&c));
        assert!(price.is_some_and(digits), "{content}");
    }
    let mut who = who;
    for place in [" on Truth Social", " on another platform"] {
        who = who.strip_suffix(place).unwrap_or(who);
    }
    let (who, rest) = handle(who).unwrap_or_else(|| panic!("{content}"));
    let whom = DEEDS.iter().find_map(|deed| rest.strip_prefix(deed)).unwrap_or_else(|| panic!("{who}: {content}"));
    assert!(whom.is_empty() || whom.strip_prefix(' ').and_then(handle).is_some_and(|(_, rest)| rest.is_empty()), "{content}");
}

/// What people do; the longer one first where one starts with another.
const DEEDS: [&str; 12] = [
    " posted",
    " replied to",
    " replied",
    " quoted",
    " reposted",
    " deleted a post",
    " pinned a post",
    " unpinned a post",
    " changed their profile",
    " followed",
    " unfollowed",
    " has fallen silent",
];

/// A handle, or our word for an account without one, and what follows it.
fn handle(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix("an account") {
        return Some(("an account", rest));
    }
    let end = text.find(' ').unwrap_or(text.len());
    let (handle, rest) = text.split_at(end);
    let plain = (1..=30).contains(&end) && handle.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    plain.then_some((handle, rest))
}

/// A small reader of Discord's markup: what is escaped is text; code of ours holds only what cannot close it; nothing else may be there.
pub(super) fn no_discord_markup(text: &str) {
    let mut rest = text.chars().peekable();
    let mut line_start = true;
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                let escaped = rest.next().expect("a backslash escapes something");
                assert!(escaped.is_ascii_punctuation(), "{text}");
            }
            '`' => loop {
                let inside = rest.next().expect("code is closed");
                if inside == '`' {
                    break;
                }
                assert!(inside.is_ascii_alphanumeric() || ":_-./".contains(inside), "{text}");
            },
            '[' => post_of_a_member(&mut rest),
            '*' | '_' | '~' | '|' | '<' | ']' | '@' => panic!("{c} is not escaped in {text}"),
            '>' | '#' | '-' if line_start => panic!("{c} is not escaped in {text}"),
            ':' if rest.peek() == Some(&'/') => panic!("a link is not escaped in {text}"),
            _ => {}
        }
        line_start = c == '\n';
    }
}

/// `\@handle](https://…)`: a checked handle, and a page that we name.
fn post_of_a_member(rest: &mut impl Iterator<Item = char>) {
    let label: String = rest.take_while(|c| *c != ']').filter(|c| *c != '\\').collect();
    let handle = label.strip_prefix('@').expect("a member is named by its handle");
    assert!(!handle.is_empty() && handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{label}");
    assert_eq!(rest.next(), Some('('), "{label}");
    let url: String = rest.take_while(|c| *c != ')').collect();
    assert!(url.contains("/status/") || url.contains("/posts/"), "{url}");
    link(&Value::from(url));
}

/// DESTINATIONS 4.2 and 4.5.
pub(super) fn telegram(body: &TelegramBody) {
    let units: Vec<u16> = body.text.encode_utf16().collect();
    assert!((1..=4_096).contains(&units.len()), "{}", units.len());
    assert!(body.entities.len() <= 100, "{}", body.entities.len());
    clean(&body.text);
    let mut ours = String::new();
    let mut end = 0;
    for entity in &body.entities {
        assert!(entity.length > 0 && entity.offset >= end, "entities are in order and do not overlap: {entity:?}");
        let before = units.get(end..entity.offset).expect("within the text");
        ours.push_str(&String::from_utf16(before).expect("no surrogate pair is cut"));
        end = entity.offset + entity.length;
        let inside = String::from_utf16(units.get(entity.offset..end).expect("within the text")).expect("no pair is cut");
        match entity.kind.as_ref() {
            "pre" | "code" => {}
            // Of a tweet that was deleted: Telegram strikes nothing through inside of code.
            "bold" | "strikethrough" => ours.push_str(&inside),
            "text_link" => {
                link(&Value::from(entity.url.clone().unwrap()));
                ours.push_str(&inside);
            }
            other => panic!("{other}"),
        }
        ours.push('\u{0}');
    }
    ours.push_str(&String::from_utf16(&units[end..]).unwrap());
    // Outside of code Telegram looks for mentions, tags, cashtags, commands, links and mail addresses.
    let mut letters = ours.chars().peekable();
    let mut before = ' ';
    while let Some(c) = letters.next() {
        let next = letters.peek().copied().unwrap_or(' ');
        let active = match c {
            '@' => next != '\u{2060}',
            '#' | '/' => next.is_alphanumeric(),
            '$' => next.is_alphabetic(),
            '.' => before.is_alphabetic() && next.is_alphabetic(),
            _ => false,
        };
        assert!(!active, "{c} is live outside of code: {ours:?}");
        before = c;
    }
    let json = serde_json::to_value(body).unwrap();
    link(&json["link_preview_options"]["url"]);
    assert!(json["link_preview_options"]["is_disabled"] == true || json["link_preview_options"]["url"].is_string());
    for row in json["reply_markup"]["inline_keyboard"].as_array().into_iter().flatten().flat_map(|row| row.as_array().unwrap()) {
        link(&row["url"]);
    }
}

/// DESTINATIONS 5.2 and 5.5.
pub(super) fn slack(body: &Value) {
    all_clean(body);
    let text = body["text"].as_str().unwrap();
    assert!((1..=4_000).contains(&text.len()));
    let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
    assert!(!bare.contains(['<', '>', '&']), "{text}");
    assert_eq!((&body["unfurl_links"], &body["unfurl_media"]), (&Value::from(false), &Value::from(false)));
    let blocks = body["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    let mut total = 0;
    blocks.iter().for_each(|block| slack_node(block, &mut total));
    assert!(total <= 8_000, "{total}");
    assert!(blocks[0]["text"]["text"].as_str().unwrap().encode_utf16().count() <= 150);
}

fn slack_node(node: &Value, total: &mut usize) {
    let kind = node["type"].as_str().expect("every node has a type");
    let length = |value: &Value| value.as_str().map_or(0, |text| text.encode_utf16().count());
    match kind {
        "header" => slack_node(&node["text"], total),
        "context" => {
            let elements = node["elements"].as_array().unwrap();
            assert!((1..=10).contains(&elements.len()));
            elements.iter().for_each(|element| slack_node(element, total));
        }
        "rich_text" | "rich_text_section" | "rich_text_quote" => {
            let elements = node["elements"].as_array().unwrap();
            assert!(!elements.is_empty());
            elements.iter().for_each(|element| slack_node(element, total));
        }
        "plain_text" => {
            assert_eq!(node["emoji"], false);
            assert!((1..=3_000).contains(&length(&node["text"])));
            *total += length(&node["text"]);
        }
        "text" => {
            assert!((1..=3_000).contains(&length(&node["text"])), "{node}");
            *total += length(&node["text"]);
        }
        "link" => link(&node["url"]),
        "image" => {
            link(&node["image_url"]);
            assert!(length(&node["alt_text"]) > 0);
        }
        other => panic!("{other} is parsed for markup"),
    }
}
