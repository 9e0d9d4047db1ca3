//! An answer of the History API → rows, each of which says the same as one or two envelopes of the socket, typed or as the text of a
//! frame (PROTOCOL 5). Each row is read alone: a bad one spoils no other.

mod frames;

use super::frame::payload;
use super::json::Reader;
use super::malformed::Malformed;
use super::object::{Fields, Seen, fields};
use super::scalar::{count, filled, handle, id, moment};
use super::tally::Tally;
use crate::model::envelope::{Author, Body, Envelope, MetaPart, Oddities, Text, TweetPart};
use crate::model::time::Timestamp;
use frames::{Completed, Written};

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct History<'a> {
    /// Newest first, as the API answers.
    pub rows: Vec<HistoryRow<'a>>,
    /// How many rows the API says that it sent: at its maximum of 1000 the window was cut off.
    pub count: Option<u64>,
    /// Rows that were none of these, left out.
    pub unusable: usize,
    /// What was odd about the answer, all rows together.
    pub oddities: Oddities,
}

/// One row: what happened, with its meta when there was one.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow<'a> {
    /// A content, or an event of an account.
    pub body: Body<'a>,
    /// The detections of a content.
    pub meta: Option<Box<MetaPart<'a>>>,
    /// `time`: when it was published.
    pub time: Option<Timestamp>,
    /// `receivedTime`: when TweetStream received it.
    pub received_at: Option<Timestamp>,
    written: Written<'a>,
}

impl<'a> HistoryRow<'a> {
    /// The texts of the frames that would have come over the socket: [`super::decode`] reads them as [`HistoryRow::into_envelopes`], and
    /// what we do not know of is in them too, as it was written.
    #[must_use]
    pub fn frames(&self) -> Vec<String> {
        frames::frames(self)
    }

    /// What tells it from other rows: the kind and the tweet's or the event's id. `None`: an event without an id.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let id = match &self.body {
            Body::ProfileUpdate(update) => update.event_id.as_deref(),
            Body::Follow(follow) | Body::Unfollow(follow) => follow.event_id.as_deref(),
            body => body.tweet_id(),
        };
        id.map(|id| format!("{} {id}", self.body.name()))
    }

    /// The envelopes that would have come over the socket.
    pub fn into_envelopes(self) -> impl Iterator<Item = Envelope<'a>> {
        let ts = self.received_at.or(self.time);
        let meta = self.meta.map(Body::Meta);
        std::iter::once(self.body).chain(meta).map(move |body| {
            let id = body.tweet_id().map(|id| Text::from(id.to_owned()));
            Envelope { v: Some(1), id, ts, body, oddities: Oddities::default() }
        })
    }
}

/// Reads an answer of the History API. The caller bounds its length.
///
/// # Errors
/// When it is no such answer: not JSON, no object, or without a list `data`. A bad row is left out alone.
pub fn history(answer: &str) -> Result<History<'_>, Malformed> {
    let mut from = Reader::new(answer);
    if from.peek()? != b'{' {
        return Err(from.skip().err().unwrap_or(Malformed::NotAnObject));
    }
    let mut read = Read::default();
    read.fill(&mut from)?;
    let (rows, unusable) = read.data.ok_or(Malformed::NoData)?;
    from.end()?;
    Ok(History { rows, count: read.metadata.count, unusable, oddities: from.tally.oddities() })
}

#[derive(Default)]
struct Read<'a> {
    data: Option<(Vec<HistoryRow<'a>>, usize)>,
    metadata: Metadata,
}

impl<'de> Fields<'de> for Read<'de> {
    fn read(&mut self, key: &[u8], from: &mut Reader<'de>, seen: &mut Seen) -> Result<bool, Malformed> {
        match key {
            b"data" => {
                seen.once(0)?;
                self.data = rows(from)?;
            }
            b"metadata" => {
                seen.once(1)?;
                from.whole(&mut self.metadata)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Of an answer; the rest of it repeats what was asked.
#[derive(Debug, Default)]
struct Metadata {
    count: Option<u64>,
}

fields! { Metadata;
    "count" => count: count,
}

/// The rows, and how many were none. The list has no bound of its own: an answer has at most 1000.
fn rows<'de>(from: &mut Reader<'de>) -> Result<Option<(Vec<HistoryRow<'de>>, usize)>, Malformed> {
    if from.peek()? != b'[' {
        return from.skip().map(|()| None);
    }
    let (mut rows, mut unusable) = (Vec::new(), 0);
    from.elements(|from| {
        match row(from.raw()?) {
            Ok((read, odd)) => {
                from.tally.add(odd);
                match read {
                    Some(row) => rows.push(row),
                    None => unusable += 1,
                }
            }
            Err(_) => unusable += 1,
        }
        Ok(())
    })?;
    Ok(Some((rows, unusable)))
}

/// Reads one row, by itself. `None`: it is none.
fn row(raw: &str) -> Result<(Option<HistoryRow<'_>>, Oddities), Malformed> {
    let mut from = Reader::new(raw);
    let mut row: Option<Row<'_>> = None;
    from.object(&mut row)?;
    let row = match row {
        Some(row) => row.finish(&mut from.tally)?,
        None => None,
    };
    Ok((row, from.tally.oddities()))
}

/// A row as written.
#[derive(Debug, Default)]
struct Row<'a> {
    tweet_id: Option<Text<'a>>,
    author_id: Option<Text<'a>>,
    author_handle: Option<Text<'a>>,
    text: Option<Text<'a>>,
    link: Option<Text<'a>>,
    time: Option<Timestamp>,
    received_at: Option<Timestamp>,
    message_type: Option<Text<'a>>,
    /// Kept until `messageType` is known, which may stand behind it.
    content: Option<&'a str>,
    meta: Option<&'a str>,
}

impl<'de> Fields<'de> for Row<'de> {
    fn read(&mut self, key: &[u8], from: &mut Reader<'de>, seen: &mut Seen) -> Result<bool, Malformed> {
        let place = match key {
            b"tweetId" => 0,
            b"twitterId" => 1,
            b"twitterHandle" => 2,
            b"body" => 3,
            b"link" => 4,
            b"time" => 5,
            b"receivedTime" => 6,
            b"messageType" => 7,
            b"content" => 8,
            b"meta" => 9,
            _ => return Ok(false),
        };
        seen.once(place)?;
        match place {
            0 => id(from, &mut self.tweet_id)?,
            1 => id(from, &mut self.author_id)?,
            2 => handle(from, &mut self.author_handle)?,
            3 => super::scalar::text(from, &mut self.text)?,
            4 => filled(from, &mut self.link)?,
            5 => moment(from, &mut self.time)?,
            6 => moment(from, &mut self.received_at)?,
            7 => filled(from, &mut self.message_type)?,
            8 => self.content = Some(from.raw()?).filter(|raw| *raw != "null"),
            _ => self.meta = Some(from.raw()?).filter(|raw| *raw != "null"),
        }
        Ok(true)
    }
}

impl<'de> Row<'de> {
    /// `None`: of a type that we do not know, or a tweet without an id.
    fn finish(self, tally: &mut Tally) -> Result<Option<HistoryRow<'de>>, Malformed> {
        let message_type = self.message_type.as_deref().unwrap_or("TWEET");
        let is = |name: &str| message_type.eq_ignore_ascii_case(name);
        let (t, op) = match () {
            () if is("TWEET") => ("tweet", "content"),
            () if is("PROFILE") => ("account", "profile_update"),
            () if is("FOLLOW") => ("account", "follow"),
            () if is("UNFOLLOW") => ("account", "unfollow"),
            () => {
                tally.note(|odd| &mut odd.unknown_values);
                return Ok(None);
            }
        };
        let mut body = match self.content {
            Some(raw) if raw.starts_with('{') => {
                let mut from = Reader::new(raw);
                let body = payload(&t.into(), &op.into(), &mut from)?;
                tally.add(from.tally.oddities());
                body
            }
            // The row itself repeats the main things of a tweet.
            _ if t == "tweet" => Body::Content(Box::default()),
            _ => return Ok(None),
        };
        let mut completed = Completed::default();
        if let Body::Content(part) = &mut body {
            completed = complete(part, &self);
            if part.tweet_id.is_empty() {
                return Ok(None);
            }
        }
        let meta = match (&body, self.meta) {
            (Body::Content(part), Some(raw)) => {
                let (mut from, mut read) = (Reader::new(raw), None::<MetaPart<'de>>);
                from.object(&mut read)?;
                tally.add(from.tally.oddities());
                read.map(|meta| Box::new(MetaPart { tweet_id: part.tweet_id.clone(), ..meta }))
            }
            _ => None,
        };
        let content = self.content.filter(|raw| raw.starts_with('{'));
        let written = Written { t, op, content, meta: self.meta, completed };
        Ok(Some(HistoryRow { body, meta, time: self.time, received_at: self.received_at, written }))
    }
}

/// Fills in from the row what its content does not say.
fn complete<'a>(part: &mut TweetPart<'a>, row: &Row<'a>) -> Completed {
    /// Says whether it had to.
    fn fill<T: Clone>(field: &mut Option<T>, from: Option<&T>) -> bool {
        let fills = field.is_none() && from.is_some();
        if fills {
            *field = from.cloned();
        }
        fills
    }
    let mut completed = Completed::default();
    if part.tweet_id.is_empty() {
        part.tweet_id = row.tweet_id.clone().unwrap_or_default();
        completed.tweet_id = true;
    }
    completed.text = fill(&mut part.text, row.text.as_ref());
    completed.link = fill(&mut part.link, row.link.as_ref());
    completed.created_at = fill(&mut part.created_at, row.time.as_ref());
    completed.received_at = fill(&mut part.received_at, row.received_at.as_ref());
    if row.author_id.is_some() || row.author_handle.is_some() {
        let author = part.author.get_or_insert_with(Author::default);
        completed.author_id = fill(&mut author.id, row.author_id.as_ref());
        completed.author_handle = fill(&mut author.handle, row.author_handle.as_ref());
    }
    completed
}
