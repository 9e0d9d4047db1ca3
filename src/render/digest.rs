//! Several firings → one message: how many, and the newest with who, what and where, those of one rule and token together. For chats whose limit
//! does not let them through one by one, and for what was kept to be told together.
//!
//! Somebody else's words stand where each platform takes them for text, as in a whole message; links are ours.

use serde_json::{Value, json};

use super::digest_groups::{Group, RULES, by_rule, most};
use super::digest_line::TEXT;
use super::fit::{chars, cut, utf16};
use super::{discord, slack, telegram};
use crate::model::action::Discord;
use crate::model::delivery::{DigestLine, Together};
use crate::model::message::{AllowedMentions, DiscordBody, Embed, EmbedFooter, LinkPreview, SlackBody, TelegramBody};

/// Of a rule's name and of a token, of our words on an alert, of who did what, in the unit of each platform and after its escaping.
const RULE: usize = 60;
const NAMED: usize = 100;
const FACTS: usize = 80;
const WHO: usize = 90;
/// UTF-16 code units of a Telegram message, and of Slack's blocks (DESTINATIONS 4.2, 5.2).
const TELEGRAM: usize = 4_096;
const SLACK: usize = 6_500;
/// What an element of Slack's takes besides its words.
const SLACK_ELEMENT: usize = 20;
/// Between the alerts of one rule and token.
const BULLET: &str = "• ";

/// What is true of all alerts of a digest together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// How many there are.
    pub total: usize,
    /// So many of them are birdcall's own words, and no alerts.
    pub notices: usize,
    /// Why they are told together.
    pub why: Together,
    /// So many more had become too old while they were kept.
    pub too_old: usize,
    /// So many more were let go, as more was kept than there is room for.
    pub no_room: usize,
}

impl Whole {
    fn why(&self) -> &'static str {
        match self.why {
            Together::Pace => "told together, because more came than may be sent one by one",
            Together::Kept => "told together, as a digest",
            Together::Quiet => "told together, at the end of the quiet hours",
        }
    }

    /// What stands behind the alerts, of which so many are shown.
    fn end(&self, shown: usize) -> Vec<String> {
        let left = self.total.saturating_sub(shown);
        let told = |count: usize, words: &str| (count > 0).then(|| format!("{count} more {words}"));
        let more = [told(self.too_old, "had become too old to be sent"), told(self.no_room, "had to be let go for want of room")];
        (left > 0).then(|| format!("and {left} more")).into_iter().chain(more.into_iter().flatten()).collect()
    }
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `🗞️ 23 alerts, 1 notice, +7 held back`.
fn head(lines: &[&DigestLine], whole: &Whole) -> String {
    let held: u64 = lines.iter().map(|line| u64::from(line.held)).sum();
    let (alerts, notices) = (whole.total.saturating_sub(whole.notices), whole.notices);
    let alerts = (alerts > 0 || notices == 0).then(|| plural(alerts, "alert"));
    let notices = (notices > 0).then(|| plural(notices, "notice"));
    let held = (held > 0).then(|| format!("+{held} held back"));
    format!("🗞️ {}", alerts.into_iter().chain(notices).chain(held).collect::<Vec<_>>().join(", "))
}

/// What is said of the rules that are not named, with how often they fired together.
fn unnamed(rules: &[(&str, usize)], named: usize) -> Option<String> {
    let rest = rules.get(named..).filter(|rest| !rest.is_empty())?;
    let more = if named == 0 { "" } else { " more" };
    let rule = if rest.len() == 1 { "rule" } else { "rules" };
    Some(format!("{}{more} {rule} {}", rest.len(), rest.iter().map(|(_, count)| count).sum::<usize>()))
}

/// The head with the busiest rules, as many of them as `fits`, and how many more there are.
fn with_rules(head: &str, lines: &[&DigestLine], fits: impl Fn(&str) -> bool) -> String {
    let rules = by_rule(lines);
    let written = |named: usize| {
        let names = rules.iter().take(named).map(|(rule, count)| format!(" · {} {count}", cut(rule, RULE, utf16)));
        let more = unnamed(&rules, named).map(|more| format!(" · {more}"));
        format!("{head}{}", names.chain(more).collect::<String>())
    };
    (0..=RULES.min(rules.len())).rev().map(written).find(|words| fits(words)).unwrap_or_else(|| head.to_owned())
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
pub(super) fn discord(action: &Discord, lines: &[&DigestLine], whole: &Whole) -> DiscordBody {
    let escaped = |words: &str, room| discord::escaped(words, discord::TITLE_MARKUP, room);
    let fits = |words: &str| chars(&escaped(words, usize::MAX)) <= discord::CONTENT;
    let content = escaped(&with_rules(&head(lines, whole), lines, fits), discord::CONTENT);
    let description = most(lines, |groups, shown| {
        let mut rows = Vec::new();
        for group in groups {
            let named =
                [(group.rule, RULE), (&*group.token, NAMED)].map(|(part, room)| discord::escaped(part, discord::MARKUP, room));
            let named = joined(&named);
            if !group.is_one() {
                rows.push(format!("{named} · {}", group.count));
            }
            for line in group.alerts() {
                let said = [(&group.facts(line), FACTS), (&line.who, WHO), (&line.text, TEXT)];
                let said = said.map(|(part, room)| discord::escaped(part, discord::MARKUP, room));
                let words =
                    if group.is_one() { joined(&[named.clone(), joined(&said)]) } else { format!("{BULLET}{}", joined(&said)) };
                let open = link(line).map_or_else(String::new, |link| format!(" [open]({link})"));
                rows.push(format!("{words}{open}"));
            }
        }
        rows.extend(whole.end(shown));
        Some(rows.join("\n")).filter(|text| chars(text) <= discord::DESCRIPTION)
    });
    let embed = Embed {
        title: Some("The newest first; times are UTC".to_owned()),
        description: Some(description).filter(|text| !text.is_empty()),
        color: Some(0x1d_9b_f0),
        footer: Some(EmbedFooter { text: whole.why().to_owned() }),
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

fn joined(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
}

/// A line for each, as many as there may be entities.
pub(super) fn telegram(lines: &[&DigestLine], whole: &Whole) -> TelegramBody {
    let text = most(lines, |groups, shown| {
        let mut text = telegram_head(lines, whole);
        for group in groups {
            if !group.is_one() {
                text.push("\n");
                telegram_name(&mut text, group);
                text.push(&format!(" · {}", group.count));
            }
            for line in group.alerts() {
                text.push("\n");
                match group.is_one() {
                    true => telegram_name(&mut text, group),
                    false => text.push(BULLET),
                }
                telegram_words(&mut text, (line, &group.facts(line)), group.is_one());
            }
        }
        for end in whole.end(shown) {
            text.push(&format!("\n{end}"));
        }
        Some(text).filter(|text| text.units <= TELEGRAM && text.entities.len() <= telegram::ENTITIES)
    });
    TelegramBody { text: text.text, entities: text.entities, link_preview_options: LinkPreview::default(), reply_markup: None }
}

fn telegram_head(lines: &[&DigestLine], whole: &Whole) -> telegram::Text {
    let mut text = telegram::Text::default();
    text.mark("bold", &head(lines, whole), None);
    let rules = by_rule(lines);
    for (rule, count) in rules.iter().take(RULES) {
        text.push(" · ");
        text.mark("code", &cut(rule, RULE, utf16), None);
        text.push(&format!(" {count}"));
    }
    if let Some(more) = unnamed(&rules, RULES) {
        text.push(&format!(" · {more}"));
    }
    text.push(&format!("\n{}, the newest first; times are UTC", whole.why()));
    text
}

fn telegram_name(text: &mut telegram::Text, group: &Group<'_>) {
    text.mark("code", &cut(group.rule, RULE, utf16), None);
    if !group.token.is_empty() {
        text.push(" · ");
        text.mark("code", &cut(&group.token, NAMED, utf16), None);
    }
}

/// When and who and what and where, after a name or not.
fn telegram_words(text: &mut telegram::Text, (line, facts): (&DigestLine, &str), after_name: bool) {
    let mut gap = if after_name { " · " } else { "" };
    if !facts.is_empty() {
        text.push(&format!("{gap}{}", telegram::defused(&cut(facts, FACTS, utf16))));
        gap = " · ";
    }
    if !line.who.is_empty() {
        text.push(&format!("{gap}{}", telegram::defused(&cut(&line.who, WHO, utf16))));
        gap = " · ";
    }
    if !line.text.is_empty() {
        text.push(gap);
        text.mark("code", &cut(&line.text, TEXT, utf16), None);
    }
    if let Some(link) = link(line) {
        text.push(" ");
        text.mark("text_link", "open", Some(link.to_owned()));
    }
}

/// One block of text that is never parsed.
pub(super) fn slack(lines: &[&DigestLine], whole: &Whole) -> SlackBody {
    let elements = most(lines, |groups, shown| {
        let mut row = SlackRows::default();
        for group in groups {
            if !group.is_one() {
                row.name(group);
                row.push(&format!(" · {}", group.count));
            }
            for line in group.alerts() {
                match group.is_one() {
                    true => row.name(group),
                    false => row.line(BULLET),
                }
                row.words(line, &group.facts(line), group.is_one());
            }
        }
        whole.end(shown).iter().for_each(|end| row.line(end));
        Some(row).filter(|row| row.spent <= SLACK).map(|row| row.elements)
    });
    let why = slack::plain(&format!("{}, the newest first; times are UTC", whole.why()), slack::CONTEXT);
    let mut blocks = vec![
        json!({ "type": "header", "text": slack::plain(&head(lines, whole), slack::HEADER) }),
        json!({ "type": "context", "elements": [why] }),
    ];
    if !elements.is_empty() {
        blocks.push(json!({ "type": "rich_text", "elements": [slack::section(&elements)] }));
    }
    let text = slack::notified(&with_rules(&head(lines, whole), lines, |words| utf16(words) <= slack::NOTIFIED));
    SlackBody { text, blocks, unfurl_links: false, unfurl_media: false }
}

/// Elements of Slack, and what they take of the room.
#[derive(Default)]
struct SlackRows {
    elements: Vec<Value>,
    spent: usize,
}

impl SlackRows {
    fn push(&mut self, words: &str) {
        self.spent += utf16(words);
        slack::push(&mut self.elements, words);
    }

    /// Begins a line.
    fn line(&mut self, words: &str) {
        let gap = if self.elements.is_empty() { "" } else { "\n" };
        if !(gap.is_empty() && words.is_empty()) {
            self.push(&format!("{gap}{words}"));
        }
    }

    /// Begins a line with a rule and a token.
    fn name(&mut self, group: &Group<'_>) {
        self.line("");
        let rule = cut(group.rule, RULE, utf16);
        self.spent += utf16(&rule) + SLACK_ELEMENT;
        self.elements.push(slack::styled(&rule, "bold"));
        if !group.token.is_empty() {
            self.push(&format!(" · {}", cut(&group.token, NAMED, utf16)));
        }
    }

    /// When and who and what and where, after a name or not.
    fn words(&mut self, line: &DigestLine, facts: &str, after_name: bool) {
        let parts = [(facts, FACTS), (&*line.who, WHO), (&*line.text, TEXT)];
        let parts = parts.map(|(part, room)| cut(part, room, utf16).into_owned());
        let words = joined(&parts);
        let gap = if after_name && !words.is_empty() { " · " } else { "" };
        self.push(&format!("{gap}{words} "));
        if let Some(link) = link(line) {
            self.spent += SLACK_ELEMENT;
            self.elements.push(json!({ "type": "link", "url": link, "text": "open" }));
        }
    }
}
