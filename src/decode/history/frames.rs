//! A row → the texts of the frames that say the same. What the row wrote is copied as it stands, numbers and unknown fields included; only
//! spaces between the signs go, and what the content does not say is put in from the row.

use serde::Deserialize as _;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::HistoryRow;
use crate::model::envelope::{Author, Body, Text, TweetPart};
use crate::model::time::Timestamp;

/// Where a row's parts stand in the answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written<'a> {
    pub(super) t: &'static str,
    pub(super) op: &'static str,
    /// An object, if anything.
    pub(super) content: Option<&'a str>,
    pub(super) meta: Option<&'a str>,
    pub(super) completed: Completed,
}

/// What a content did not say, or said so that it cannot be meant, and the row did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each field")]
pub(super) struct Completed {
    pub(super) tweet_id: bool,
    pub(super) text: bool,
    pub(super) link: bool,
    pub(super) created_at: bool,
    pub(super) received_at: bool,
    pub(super) author_id: bool,
    pub(super) author_handle: bool,
}

/// The frames of a row: its body's, and its meta's if it has one.
pub(super) fn frames(row: &HistoryRow<'_>) -> Vec<String> {
    let Written { t, op, content, meta, completed } = &row.written;
    let (id, ts) = (row.body.tweet_id(), row.received_at.or(row.time));
    let d = match &row.body {
        Body::Content(part) => of_content(part, *content, *completed),
        _ => object(*content, &[], &[]),
    };
    let mut frames = vec![envelope(t, op, id, ts, &d)];
    if row.meta.is_some() {
        let d = object(*meta, &["tweetId"], &[("tweetId", string(id.unwrap_or_default()))]);
        frames.push(envelope("tweet", "meta", id, ts, &d));
    }
    frames
}

fn envelope(t: &str, op: &str, id: Option<&str>, ts: Option<Timestamp>, d: &str) -> String {
    let id = id.map(|id| format!(r#""id":{},"#, string(id))).unwrap_or_default();
    let ts = ts.map(|ts| format!(r#""ts":{},"#, ts.as_millis())).unwrap_or_default();
    format!(r#"{{"v":1,"t":"{t}","op":"{op}",{id}{ts}"d":{d}}}"#)
}

fn of_content(part: &TweetPart<'_>, content: Option<&str>, completed: Completed) -> String {
    let text = |text: &Option<Text<'_>>| string(text.as_deref().unwrap_or_default());
    let moment = |at: Option<Timestamp>| at.unwrap_or_default().as_millis().to_string();
    let no_one = Author::default();
    let author = part.author.as_ref().unwrap_or(&no_one);
    let mut put = Vec::new();
    let mut put_if = |is_missing: bool, key: &'static str, value: &dyn Fn() -> String| {
        if is_missing {
            put.push((key, value()));
        }
    };
    put_if(completed.tweet_id, "tweetId", &|| string(&part.tweet_id));
    put_if(completed.text, "text", &|| text(&part.text));
    put_if(completed.link, "link", &|| text(&part.link));
    put_if(completed.created_at, "createdAt", &|| moment(part.created_at));
    put_if(completed.received_at, "receivedAt", &|| moment(part.received_at));
    put_if(completed.author_id || completed.author_handle, "author", &|| {
        let known = content.and_then(|content| pairs(content).into_iter().find(|(key, _)| is(key, "author")));
        let mut put = Vec::new();
        if completed.author_id {
            put.push(("id", text(&author.id)));
        }
        if completed.author_handle {
            put.push(("handle", text(&author.handle)));
        }
        let keys: Vec<_> = put.iter().map(|(key, _)| *key).collect();
        object(known.map(|(_, value)| value), &keys, &put)
    });
    let keys: Vec<_> = put.iter().map(|(key, _)| *key).collect();
    object(content, &keys, &put)
}

/// The object as written, without the keys `without` and with `put` behind. What is no object has no keys.
fn object(written: Option<&str>, without: &[&str], put: &[(&str, String)]) -> String {
    let kept = written.map(pairs).unwrap_or_default();
    let mut object = String::with_capacity(written.map_or(0, str::len) + 64);
    for (key, value) in kept.iter().filter(|(key, _)| !without.iter().any(|name| is(key, name))) {
        object.push(if object.is_empty() { '{' } else { ',' });
        object.push_str(key);
        object.push(':');
        squeeze(value, &mut object);
    }
    for (key, value) in put {
        object.push(if object.is_empty() { '{' } else { ',' });
        object.push_str(&string(key));
        object.push(':');
        object.push_str(value);
    }
    if object.is_empty() {
        object.push('{');
    }
    object.push('}');
    object
}

/// The keys of an object, in quotation marks, and their values, as they stand.
fn pairs(object: &str) -> Vec<(&str, &str)> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(&'de str, &'de str)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some((key, value)) = from.next_entry::<&'de RawValue, &'de RawValue>()? {
                pairs.push((key.get(), value.get()));
            }
            Ok(pairs)
        }
    }
    serde_json::Deserializer::from_str(object).deserialize_map(Pairs).unwrap_or_default()
}

/// Whether a key, in quotation marks, is this one, however it is escaped.
fn is(key: &str, name: &str) -> bool {
    let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    bare == name
        || (bare.contains('\\') && String::deserialize(&mut serde_json::Deserializer::from_str(key)).is_ok_and(|key| key == name))
}

/// JSON without the spaces between its signs, so that a frame is one line.
fn squeeze(json: &str, into: &mut String) {
    let (mut in_text, mut is_escaped) = (false, false);
    into.extend(json.chars().filter(|c| {
        if in_text {
            in_text = *c != '"' || is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            return true;
        }
        in_text = *c == '"';
        !matches!(c, ' ' | '\t' | '\r' | '\n')
    }));
}

/// A JSON string.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
