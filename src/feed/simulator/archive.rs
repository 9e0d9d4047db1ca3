//! What the simulator sent → the rows of its history (PROTOCOL 5): content and events become rows, an update completes its row, a meta stands in its
//! row from when it was sent. Whether anybody received them makes no difference.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::time::Timestamp;

/// Metas that came before their content and wait for it.
const ORPHANS: usize = 1_000;

/// By which of a row's two times `startDate` and `endDate` look. PROTOCOL does not know which it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// `receivedTime`.
    #[default]
    Received,
    /// `time`: the publication.
    Published,
}

/// One question, as read from the query.
#[derive(Clone, Debug, Default)]
pub(super) struct Question {
    pub(super) kind: &'static str,
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) limit: usize,
    /// Without `@`, in lower case; empty asks for all.
    pub(super) handles: Vec<String>,
}

/// How the archive answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) column: Column,
    pub(super) start_inclusive: bool,
    pub(super) end_inclusive: bool,
    pub(super) lag: Duration,
}

#[derive(Debug)]
struct Row {
    kind: &'static str,
    published: i64,
    received: i64,
    /// When the simulator took it in.
    known: Timestamp,
    /// The whole row as JSON: compact, as there may be many.
    json: String,
}

/// The rows, oldest first as they were sent; the oldest leave first.
#[derive(Debug)]
pub(super) struct Archive {
    rows: VecDeque<Row>,
    /// How many have left.
    gone: usize,
    /// By tweet, which row it is, counted from the first that ever was.
    tweets: HashMap<String, usize>,
    orphans: VecDeque<(String, Value)>,
    bound: usize,
}

impl Archive {
    pub(super) fn new(bound: usize) -> Self {
        Self { rows: VecDeque::new(), gone: 0, tweets: HashMap::new(), orphans: VecDeque::new(), bound: bound.max(1) }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.bound);
    }

    /// Takes in a frame that is sent at `now`. What history does not hold (deletes, pins, what is no envelope) is left out.
    pub(super) fn remember(&mut self, frame: &str, now: Timestamp) {
        let Ok(Value::Object(mut envelope)) = serde_json::from_str::<Value>(frame) else { return };
        let Some(Value::Object(d)) = envelope.remove("d") else { return };
        let word = |name: &str| envelope.get(name).and_then(Value::as_str);
        let moment = |name: &str| d.get(name).and_then(Value::as_i64);
        let ts = envelope.get("ts").and_then(Value::as_i64).unwrap_or(now.as_millis());
        let id = d.get("tweetId").and_then(Value::as_str).or(word("id")).map(str::to_owned);
        match (word("t"), word("op"), id) {
            (Some("tweet"), Some("content"), Some(id)) => {
                let published = moment("createdAt").unwrap_or(ts);
                self.content(id, &d, published, now);
            }
            (Some("tweet"), Some("update"), Some(id)) => self.change(&id, |row| merge(row.entry("content"), d)),
            (Some("tweet"), Some("meta"), Some(id)) => {
                let meta = Value::Object(d);
                if self.tweets.contains_key(&id) {
                    self.change(&id, |row| drop(row.insert("meta".to_owned(), meta)));
                } else {
                    self.orphans.push_back((id, meta));
                    if self.orphans.len() > ORPHANS {
                        self.orphans.pop_front();
                    }
                }
            }
            (Some("account"), Some(op @ ("profile_update" | "follow")), _) => {
                let kind = if op == "follow" { "FOLLOW" } else { "PROFILE" };
                let published = moment("observedAt").unwrap_or(ts);
                let received = now.as_millis();
                self.push(kind, published, received, now, row(kind, published, received, &d));
            }
            _ => {}
        }
    }

    fn content(&mut self, id: String, d: &Map<String, Value>, published: i64, now: Timestamp) {
        if self.tweets.contains_key(&id) {
            return;
        }
        let received = d.get("receivedAt").and_then(Value::as_i64).unwrap_or(now.as_millis());
        let mut json = row("TWEET", published, received, d);
        let author = d.get("author");
        let of_author = |name: &str| author.and_then(|author| author.get(name)).cloned().unwrap_or(Value::Null);
        json.insert("tweetId".to_owned(), Value::from(id.as_str()));
        json.insert("twitterId".to_owned(), of_author("id"));
        json.insert("twitterHandle".to_owned(), of_author("handle"));
        json.insert("body".to_owned(), d.get("text").cloned().unwrap_or_default());
        json.insert("link".to_owned(), d.get("link").cloned().unwrap_or_default());
        if let Some(place) = self.orphans.iter().position(|(orphan, _)| *orphan == id)
            && let Some((_, meta)) = self.orphans.remove(place)
        {
            json.insert("meta".to_owned(), meta);
        }
        self.tweets.insert(id, self.gone + self.rows.len());
        self.push("TWEET", published, received, now, json);
    }

    fn push(&mut self, kind: &'static str, published: i64, received: i64, known: Timestamp, json: Map<String, Value>) {
        let json = Value::Object(json).to_string();
        self.rows.push_back(Row { kind, published, received, known, json });
        if self.rows.len() > self.bound {
            self.rows.pop_front();
            self.gone += 1;
            let gone = self.gone;
            // Now and then, so that it costs next to nothing.
            if self.tweets.len() > self.bound * 2 {
                self.tweets.retain(|_, place| *place >= gone);
            }
        }
    }

    fn change(&mut self, id: &str, how: impl FnOnce(&mut Map<String, Value>)) {
        let place = self.tweets.get(id).and_then(|place| place.checked_sub(self.gone));
        let Some(row) = place.and_then(|place| self.rows.get_mut(place)) else { return };
        if let Ok(Value::Object(mut json)) = serde_json::from_str(&row.json) {
            how(&mut json);
            row.json = Value::Object(json).to_string();
        }
    }

    /// The rows that are asked for, newest first, as JSON.
    pub(super) fn ask(&self, question: &Question, manner: Manner, now: Timestamp) -> Vec<&str> {
        let at = |row: &Row| match manner.column {
            Column::Received => row.received,
            Column::Published => row.published,
        };
        let is_asked = |row: &&Row| {
            let at = at(row);
            let starts = question.start.is_none_or(|start| at > start || (manner.start_inclusive && at == start));
            let ends = question.end.is_none_or(|end| at < end || (manner.end_inclusive && at == end));
            row.kind == question.kind && starts && ends && row.known.plus(manner.lag) <= now && is_by(row, &question.handles)
        };
        let mut found: Vec<&Row> = self.rows.iter().rev().filter(is_asked).collect();
        found.sort_by_key(|row| std::cmp::Reverse(at(row)));
        found.into_iter().take(question.limit).map(|row| row.json.as_str()).collect()
    }
}

fn is_by(row: &Row, handles: &[String]) -> bool {
    if handles.is_empty() {
        return true;
    }
    let json: Value = serde_json::from_str(&row.json).unwrap_or_default();
    let content = json.get("content");
    let people = ["author", "actor"].iter().filter_map(|name| content?.get(name)?.get("handle")?.as_str());
    people.map(|handle| handle.trim_start_matches('@').to_lowercase()).any(|handle| handles.contains(&handle))
}

/// A row but for what only tweets have.
fn row(kind: &str, published: i64, received: i64, content: &Map<String, Value>) -> Map<String, Value> {
    let iso = |ms: i64| Value::from(Timestamp::from_millis(ms).to_string());
    let content = Value::Object(content.clone());
    match json!({ "messageType": kind, "time": iso(published), "receivedTime": iso(received), "content": content }) {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

/// Completes a content by an update: field by field, `ref` deeply, nothing known by nothing (PROTOCOL 3.2).
fn merge(content: serde_json::map::Entry<'_>, update: Map<String, Value>) {
    let Value::Object(content) = content.or_insert_with(|| json!({})) else { return };
    for (key, value) in update {
        match (content.get_mut(&key), value) {
            (_, Value::Null) => {}
            (Some(Value::Object(known)), Value::Object(more)) if key == "ref" => {
                known.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
            }
            (_, value) => drop(content.insert(key, value)),
        }
    }
}
