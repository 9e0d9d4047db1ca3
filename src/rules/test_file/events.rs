//! `events` of a test: short forms, whole envelopes, files; with `at` beside or between them.

use std::time::Duration;

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::parts::{self, AUTHOR, LINK, MARKET, PREDICTION, PROFILE, REFERENCE, TOKEN, TWEET};
use super::{Event, Says, moment};
use crate::model::firing::Origin;
use crate::model::time::Timestamp;
use crate::rules::check::Check;
use crate::rules::diagnostic::Diagnostic;
use crate::rules::keys::{Place, one_of};
use crate::rules::names::choice;
use crate::rules::read::{Field, Node, Table};
use crate::rules::units::duration;

const EXAMPLE: &str = "[{ content = { handle = \"binance\", text = \"…\" } }]";
/// What can happen, as it is written.
const SORTS: [&str; 11] =
    ["content", "update", "meta", "delete", "pin", "unpin", "profile_update", "follow", "unfollow", "envelope", "file"];
/// The id of a tweet that is given none: most tests are about one.
const FIRST: &str = "1";

pub(super) fn read<'a>(check: &mut Check<'a>, field: Field<'a>) -> Vec<Event> {
    let mut now = Duration::ZERO;
    let tables = field.node.tables(check, "events", Place::TestEvent, EXAMPLE);
    tables.into_iter().enumerate().filter_map(|(place, table)| event(check, (place, table), &mut now)).collect()
}

fn event<'a>(check: &mut Check<'a>, (place, mut table): (usize, Table<'a>), now: &mut Duration) -> Option<Event> {
    let span = table.span;
    let is_known = |field: &Field<'_>| SORTS.contains(&field.name) || matches!(field.name, "at" | "origin");
    let has_unknown = !table.fields().iter().all(is_known);
    let at = table.take("at");
    if let Some(field) = at
        && let Some(at) = moment(check, field)
    {
        if at < *now {
            let mistake = Diagnostic::error("out-of-order", field.node.span, "this lies before what happened above it");
            check.report(mistake.help("`at` is the time since the test began; put the events in order"));
        }
        *now = (*now).max(at);
    }
    let origins = Origin::ALL.map(|origin| (origin.name(), origin));
    let origin = table.take("origin").and_then(|field| choice(check, field, &origins)).unwrap_or(Origin::Live);
    let said: Vec<_> = SORTS.into_iter().filter_map(|sort| table.take(sort)).collect();
    table.finish(check);
    let says = match said.as_slice() {
        [] if at.is_some() => Says::Nothing,
        // What was meant to happen is misspelled, which has been reported.
        [] if has_unknown => return None,
        [] => {
            let mistake = Diagnostic::error("missing-key", span, "nothing happens here");
            check.report(mistake.help(format!("an event is {}, or `at = \"+2s\"`", one_of(&SORTS))));
            return None;
        }
        [one] => says(check, *one, (place, *now))?,
        [_, second, ..] => {
            let mistake = Diagnostic::error("misplaced-key", second.key, "two things happen in one event");
            check.report(mistake.help("give each a table of its own: [{ content = { … } }, { meta = { … } }]"));
            return None;
        }
    };
    Some(Event { span, at: *now, origin, says })
}

fn says<'a>(check: &mut Check<'a>, field: Field<'a>, (place, at): (usize, Duration)) -> Option<Says> {
    match field.name {
        "file" => return field.node.text(check, "file", "\"yesterday.jsonl\"").map(|path| Says::File(path.to_owned())),
        "envelope" => return envelope(check, field.node),
        _ => {}
    }
    let table = field.node.table(check, field.name, Place::TestSaid, "{ … }")?;
    let now = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let (family, id, said) = match field.name {
        "meta" => meta(check, table),
        "profile_update" | "follow" | "unfollow" => account(check, field.name, (place, table), now),
        _ => tweet(check, table, now, field.name == "content"),
    };
    Some(Says::Short(json!({ "v": 1, "t": family, "op": field.name, "id": id, "ts": now, "d": said })))
}

/// The envelope of a short form in a test that begins then.
#[must_use]
pub fn envelope_of(short: &Value, begun: Timestamp) -> String {
    let mut short = short.clone();
    for place in ["/ts", "/d/createdAt", "/d/observedAt"] {
        if let Some(moment) = short.pointer_mut(place)
            && let Some(since) = moment.as_i64()
        {
            *moment = json!(begun.as_millis().saturating_add(since));
        }
    }
    short.to_string()
}

fn id<'a>(check: &mut Check<'a>, table: &mut Table<'a>) -> Option<&'a str> {
    table.take("id").and_then(|field| field.node.text(check, "id", "\"1\""))
}

fn author<'a>(check: &mut Check<'a>, table: &mut Table<'a>) -> Option<Value> {
    let author = parts::take(check, table, AUTHOR);
    (!author.is_empty()).then_some(Value::Object(author))
}

/// content, update, delete, pin, unpin.
fn tweet<'a>(check: &mut Check<'a>, mut table: Table<'a>, now: i64, is_content: bool) -> (&'static str, String, Value) {
    let id = id(check, &mut table).unwrap_or(FIRST).to_owned();
    let author = author(check, &mut table);
    let mut said = parts::take(check, &mut table, TWEET);
    said.insert("tweetId".to_owned(), json!(id));
    said.extend(author.map(|author| ("author".to_owned(), author)));
    let age = table.take("age").and_then(|field| duration(check, field));
    if is_content || age.is_some() {
        let age = age.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        said.insert("createdAt".to_owned(), json!(now.saturating_sub(age)));
    }
    if is_content {
        said.entry("text").or_insert_with(|| json!(""));
    }
    if let Some(field) = table.take("ref")
        && let Some(mut table) = field.node.table(check, "ref", Place::TestRef, "{ handle = \"…\", text = \"…\" }")
    {
        let author = self::author(check, &mut table);
        let mut reference = parts::take(check, &mut table, REFERENCE);
        table.finish(check);
        reference.extend(author.map(|author| ("author".to_owned(), author)));
        said.insert("ref".to_owned(), Value::Object(reference));
    }
    let links = table.take("links").map(|field| links(check, field));
    said.extend(links.map(|links| ("urls".to_owned(), Value::Array(links))));
    if let Some(field) = table.take("media")
        && let Some(kinds) = choice_of_media(check, field)
    {
        let url = |kind: &str| json!({ "type": kind, "url": format!("https://pbs.twimg.com/media/{kind}") });
        said.insert("media".to_owned(), kinds.into_iter().map(url).collect());
    }
    table.finish(check);
    ("tweet", id, Value::Object(said))
}

fn choice_of_media<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Vec<&'static str>> {
    crate::rules::names::choices(check, field, &["image", "video", "gif"].map(|kind| (kind, kind)))
}

/// `["https://…"]`, or tables with the `tco` that stands in the text.
fn links<'a>(check: &mut Check<'a>, field: Field<'a>) -> Vec<Value> {
    let is_texts = field.node.as_list().is_some_and(|mut items| items.all(|item| item.as_text().is_some()));
    if !is_texts && field.node.as_text().is_none() {
        return parts::list(check, field, Place::TestLink, LINK);
    }
    let (words, _) = field.node.words(check, "links", "\"https://…\"");
    words.into_iter().map(|word| json!({ "url": word.text })).collect()
}

fn meta<'a>(check: &mut Check<'a>, mut table: Table<'a>) -> (&'static str, String, Value) {
    let id = id(check, &mut table).unwrap_or(FIRST).to_owned();
    let mut said = Map::new();
    said.insert("tweetId".to_owned(), json!(id));
    if let Some(text) = table.take("ocr").and_then(|field| field.node.text(check, "ocr", "\"…\"")) {
        said.insert("ocr".to_owned(), json!({ "text": text }));
    }
    let mut detected = Map::new();
    let sorts = [
        ("tokens", "tokens", Place::TestToken, TOKEN),
        ("markets", "cex", Place::TestMarket, MARKET),
        ("predictions", "prediction", Place::TestPrediction, PREDICTION),
    ];
    for (key, wire, place, parts) in sorts {
        if let Some(field) = table.take(key) {
            detected.insert(wire.to_owned(), Value::Array(parts::list(check, field, place, parts)));
        }
    }
    table.finish(check);
    said.insert("detected".to_owned(), Value::Object(detected));
    ("tweet", id, Value::Object(said))
}

/// Each is one of its own unless its id says otherwise: nothing more is said of an event, as it is of a tweet.
fn account<'a>(
    check: &mut Check<'a>,
    op: &str,
    (place, mut table): (usize, Table<'a>),
    now: i64,
) -> (&'static str, String, Value) {
    let id = id(check, &mut table).map_or_else(|| format!("event-{}", place + 1), str::to_owned);
    let kind = if op == "profile_update" { "PROFILE".to_owned() } else { op.to_uppercase() };
    let mut said = Map::new();
    said.insert("kind".to_owned(), json!(kind));
    said.insert("eventId".to_owned(), json!(id));
    said.insert("observedAt".to_owned(), json!(now));
    said.insert("actor".to_owned(), author(check, &mut table).unwrap_or_else(|| json!({})));
    let places: &[(&'static str, &str, &[parts::Part])] = match op {
        "profile_update" => &[("after", "changes", PROFILE), ("before", "previous", PROFILE)],
        _ => &[("target", "target", AUTHOR)],
    };
    for (key, wire, parts) in places {
        if let Some(field) = table.take(key)
            && let Some(table) = field.node.table(check, key, Place::TestProfile, "{ handle = \"…\" }")
        {
            said.insert((*wire).to_owned(), parts::whole(check, table, parts));
        }
    }
    table.finish(check);
    ("account", id, Value::Object(said))
}

/// A record of an envelope, as it stands in a recording.
#[derive(serde::Deserialize)]
struct Record<'a> {
    at: i64,
    origin: Option<String>,
    #[serde(borrow)]
    envelope: &'a serde_json::value::RawValue,
}

/// A whole envelope, or a record of one: its JSON as a text, or as a table.
fn envelope(check: &mut Check<'_>, node: Node<'_>) -> Option<Says> {
    let json = match node.value {
        DeValue::String(text) => text.to_string(),
        DeValue::Table(_) => json_of(node.value).to_string(),
        _ => {
            node.wrong(check, "envelope", "an envelope: its JSON in quotes, or a table", "'{\"v\":1,\"t\":\"tweet\",…}'");
            return None;
        }
    };
    Some(match serde_json::from_str::<Record<'_>>(&json) {
        Ok(of) => {
            let named = |name: String| Origin::ALL.into_iter().find(|origin| origin.name() == name);
            let (at, origin) = (Timestamp::from_millis(of.at), of.origin.and_then(named));
            Says::Record { at, origin, text: of.envelope.get().to_owned() }
        }
        Err(_) => Says::Frame(json),
    })
}

fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Boolean(value) => json!(value),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| json!(number.as_str()), |number| json!(number))
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, |number| json!(number)),
        DeValue::Datetime(moment) => json!(moment.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.get_ref().to_string(), json_of(value.get_ref()))).collect())
        }
    }
}
