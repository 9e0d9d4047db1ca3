//! The keys of each type of action.

use crate::model::action::{Chat, Destination, Discord, Method, SecretRef, Slack, Span, Telegram, Webhook};
use crate::rules::check::Check;
use crate::rules::diagnostic::Diagnostic;
use crate::rules::http::{self, UrlOf, public_url, secret, signing_secret};
use crate::rules::keys::Place;
use crate::rules::names::choice;
use crate::rules::read::{Field, Table};

/// What an action is, or reports. `key` is where its name stands.
pub(super) fn destination<'a>(check: &mut Check<'a>, table: &mut Table<'a>, place: Place, key: Span) -> Option<Destination> {
    match place {
        Place::Discord => discord(check, table, key).map(Destination::Discord),
        Place::Telegram => telegram(check, table, key).map(Destination::Telegram),
        Place::Slack => slack(check, table, key).map(Destination::Slack),
        Place::Webhook => webhook(check, table, key).map(Destination::Webhook),
        _ => Some(Destination::Console),
    }
}

fn required<'a>(check: &mut Check<'a>, table: &mut Table<'a>, name: &'static str, key: Span, example: &str) -> Option<Field<'a>> {
    let field = table.take(name);
    if field.is_none() {
        let mistake = Diagnostic::error("missing-key", key, format!("{} needs `{name}`", table.place.name()));
        check.report(mistake.help(format!("for example `{name} = {example}`")));
    }
    field
}

fn flag<'a>(check: &mut Check<'a>, table: &mut Table<'a>, name: &'static str, default: bool) -> bool {
    table.take(name).and_then(|field| field.node.boolean(check, name)).unwrap_or(default)
}

fn discord<'a>(check: &mut Check<'a>, table: &mut Table<'a>, key: Span) -> Option<Discord> {
    let url = required(check, table, "url", key, "\"env:DISCORD_URL\"").and_then(|field| http::url(check, field, UrlOf::Discord));
    let thread = table.take("thread").and_then(|field| snowflake(check, field));
    let username = table.take("username").and_then(|field| username(check, field));
    let avatar = table.take("avatar").and_then(|field| {
        let url = public_url(check, field, &["https", "http"], "\"https://example.com/bird.png\"")?;
        Some(String::from(url))
    });
    let silent = flag(check, table, "silent", false);
    Some(Discord { url: url?, thread, username, avatar, silent })
}

fn snowflake(check: &mut Check<'_>, field: Field<'_>) -> Option<u64> {
    let written = field.node.as_text().and_then(|text| text.parse().ok());
    let id = written.or_else(|| field.node.as_integer().and_then(|id| u64::try_from(id).ok()));
    if id.is_none() {
        field.node.wrong(check, field.name, "the id of a thread", "\"1290000000000000000\"");
    }
    id
}

/// What Discord refuses as the sender's name (DESTINATIONS 3.2), said before it is sent.
fn username(check: &mut Check<'_>, field: Field<'_>) -> Option<String> {
    let name = field.node.text(check, "username", "\"birdcall\"")?.trim();
    let lower = name.to_lowercase();
    let problem = if name.is_empty() || name.chars().count() > 80 {
        Some("a name on Discord has 1 to 80 characters".to_owned())
    } else if let Some(word) = ["discord", "clyde"].into_iter().find(|word| lower.contains(word)) {
        Some(format!("Discord refuses every message whose sender's name contains `{word}`"))
    } else if matches!(lower.as_str(), "everyone" | "here") {
        Some(format!("Discord refuses the name `{lower}`"))
    } else {
        ["@", "#", ":", "```"]
            .into_iter()
            .find(|sign| name.contains(sign))
            .map(|sign| format!("Discord refuses names with `{sign}`"))
    };
    match problem {
        None => Some(name.to_owned()),
        Some(problem) => {
            check.report(
                Diagnostic::error("bad-username", field.node.span, problem).help("choose another name, such as \"birdcall\""),
            );
            None
        }
    }
}

fn telegram<'a>(check: &mut Check<'a>, table: &mut Table<'a>, key: Span) -> Option<Telegram> {
    let token =
        required(check, table, "token", key, "\"env:TELEGRAM_TOKEN\"").and_then(|field| secret(check, field, "the bot's token"));
    let chat = required(check, table, "chat", key, "-1001234567890").and_then(|field| chat(check, field));
    let topic = table.take("topic").and_then(|field| {
        let topic = field.node.as_integer().filter(|id| *id > 0);
        if topic.is_none() {
            field.node.wrong(check, "topic", "the number of a topic", "42");
        }
        topic
    });
    let silent = flag(check, table, "silent", false);
    let preview = flag(check, table, "preview", false);
    let api = api(check, table, "\"https://api.telegram.org\"");
    Some(Telegram { token: token?, chat: chat?, topic, silent, preview, api })
}

fn chat(check: &mut Check<'_>, field: Field<'_>) -> Option<Chat> {
    if let Some(id) = field.node.as_integer().filter(|id| *id != 0) {
        return Some(Chat::Id(id));
    }
    let Some(text) = field.node.as_text() else {
        field.node.wrong(check, "chat", "the number of a chat or the @name of a public channel", "-1001234567890");
        return None;
    };
    let is_name = |name: &str| name.len() >= 4 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match (text.parse(), text.strip_prefix('@')) {
        (Ok(id), _) => Some(Chat::Id(id)),
        (_, Some(name)) if is_name(name) => Some(Chat::Name(text.to_owned())),
        _ => {
            let mistake = Diagnostic::error("bad-chat", field.node.span, "this is no chat of Telegram");
            check.report(mistake.help("a chat is a number such as -1001234567890, or \"@name\" of a public channel"));
            None
        }
    }
}

fn api<'a>(check: &mut Check<'a>, table: &mut Table<'a>, example: &str) -> Option<String> {
    let url = public_url(check, table.take("api")?, &["https", "http"], example)?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn slack<'a>(check: &mut Check<'a>, table: &mut Table<'a>, key: Span) -> Option<Slack> {
    let (url, token, channel) = (table.take("url"), table.take("token"), table.take("channel"));
    let api = api(check, table, "\"https://slack.com/api\"");
    match (url, token, channel) {
        (Some(url), None, None) => http::url(check, url, UrlOf::Slack).map(Slack::Webhook),
        (None, Some(token), Some(channel)) => {
            let token = secret(check, token, "the app's token");
            let channel = channel_id(check, channel);
            Some(Slack::App { token: token?, channel: channel?, api })
        }
        (url, token, channel) => {
            let at = url.and(token.or(channel)).map_or(key, |field| field.key);
            let message = match (url, token) {
                (Some(_), _) => "an action of type `slack` has `url`, or `token` and `channel`, not both",
                (None, Some(_)) => "an action of type `slack` with `token` needs `channel`",
                (None, None) => "an action of type `slack` needs `url`, or `token` and `channel`",
            };
            let help = "for an incoming webhook `url = \"env:SLACK_URL\"`; for an app `token = \"env:SLACK_TOKEN\"` and `channel = \"C0123456789\"`";
            check.report(Diagnostic::error("missing-key", at, message).help(help));
            None
        }
    }
}

fn channel_id(check: &mut Check<'_>, field: Field<'_>) -> Option<String> {
    let text = field.node.text(check, "channel", "\"C0123456789\"")?.trim();
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let mistake = Diagnostic::error("bad-chat", field.node.span, "this is no channel of Slack");
        check.report(
            mistake.help("write the channel's id, such as \"C0123456789\": it stands at the end of the channel's details"),
        );
        return None;
    }
    Some(text.to_owned())
}

fn webhook<'a>(check: &mut Check<'a>, table: &mut Table<'a>, key: Span) -> Option<Webhook> {
    let url = required(check, table, "url", key, "\"https://bot.example/orders\"")
        .and_then(|field| http::url(check, field, UrlOf::Webhook));
    let known = [("POST", Method::Post), ("PUT", Method::Put), ("PATCH", Method::Patch)];
    let method = table.take("method").and_then(|field| choice(check, field, &known)).unwrap_or_default();
    let headers = table.take("headers").map(|field| headers(check, field)).unwrap_or_default();
    let signed = table.take("secret");
    let secret = signed.and_then(|field| signing_secret(check, field));
    let idempotent = flag(check, table, "idempotent", false);
    Some(Webhook { url: url?, method, headers, secret, idempotent })
}

/// Headers of one webhook; servers refuse many more.
const HEADERS: usize = 50;

fn headers<'a>(check: &mut Check<'a>, field: Field<'a>) -> Vec<(String, SecretRef)> {
    let Some(table) = field.node.table(check, "headers", Place::Free, "{ Authorization = \"env:BOT_AUTH\" }") else {
        return Vec::new();
    };
    let mut headers: Vec<(String, SecretRef)> = Vec::new();
    let fields = table.fields();
    if fields.len() > HEADERS {
        let message = format!("a webhook can have {HEADERS} headers at most");
        check.report(Diagnostic::error("too-large", field.key, message).help("put what is more into the body, with `json`"));
        return Vec::new();
    }
    for field in fields {
        let Some((name, value)) = http::header(check, field) else { continue };
        if let Some((_, first)) = headers.iter().find(|(known, _)| *known == name) {
            let mistake = Diagnostic::error("duplicate-name", field.key, format!("the header `{name}` is given twice"));
            check.report(mistake.also(first.span, "first here").help("case makes no difference in the names of headers"));
        }
        headers.push((name, value));
    }
    headers
}
