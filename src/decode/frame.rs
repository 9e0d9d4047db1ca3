//! A whole frame: the envelope's own keys, and which body belongs to its pair of `t` and `op`.

use super::json::Reader;
use super::malformed::Malformed;
use super::object::{Fields, Seen, fields};
use super::scalar::{count, filled, id, moment};
use super::tweet::Lifecycle;
use crate::model::envelope::{Body, Envelope, MetaPart, Text, TweetPart};
use crate::model::limits;
use crate::model::time::Timestamp;

/// Reads one frame of the feed. What is odd about the envelope is counted in it and loses nothing else.
///
/// # Errors
/// When the frame is no envelope; the reason is for the counters.
pub fn decode(frame: &str) -> Result<Envelope<'_>, Malformed> {
    if frame.len() > limits::MESSAGE_BYTES {
        return Err(Malformed::TooLong);
    }
    let mut from = Reader::new(frame);
    if from.peek()? != b'{' {
        // What is no JSON either is told so; of a list nobody looks at the rest.
        return Err(if from.peek()? == b'[' {
            Malformed::NotAnObject
        } else {
            from.loose().err().unwrap_or(Malformed::NotAnObject)
        });
    }
    let mut head = Head::default();
    if head.begins_as_usual(&mut from) {
        head.fill_rest(&mut from, Seen::first(3))?;
    } else {
        head.fill(&mut from)?;
    }
    let envelope = head.finish(&mut from)?;
    from.end()?;
    Ok(envelope)
}

/// What has been read of an envelope.
#[derive(Default)]
struct Head<'de> {
    v: Option<u64>,
    t: Option<Text<'de>>,
    op: Option<Text<'de>>,
    id: Option<Text<'de>>,
    ts: Option<Timestamp>,
    data: Data<'de>,
}

/// `d`: read at once when `t` and `op` stand in front of it, as they do on the feed.
#[derive(Default)]
enum Data<'de> {
    #[default]
    Missing,
    Read(Body<'de>),
    Later(&'de str),
}

fields! { Head<'de>;
    "v" => v: count,
    "t" => t: filled,
    "op" => op: filled,
    "id" => id: id,
    "ts" => ts: moment,
    "d" => data: by(Head::read_data),
}

impl<'de> Head<'de> {
    /// Takes the first three members of nearly all envelopes at once, if they stand there.
    fn begins_as_usual(&mut self, from: &mut Reader<'de>) -> bool {
        let op = if from.takes(br#"{"v":1,"t":"tweet","op":"content","#) {
            "content"
        } else if from.takes(br#"{"v":1,"t":"tweet","op":"meta","#) {
            "meta"
        } else if from.takes(br#"{"v":1,"t":"tweet","op":"update","#) {
            "update"
        } else {
            return false;
        };
        (self.v, self.t, self.op) = (Some(1), Some("tweet".into()), Some(op.into()));
        true
    }

    fn read_data(&mut self, from: &mut Reader<'de>) -> Result<(), Malformed> {
        self.data = match (&self.t, &self.op) {
            (Some(t), Some(op)) => Data::Read(payload(t, op, from)?),
            _ => Data::Later(from.raw()?),
        };
        Ok(())
    }

    fn finish(self, from: &mut Reader<'de>) -> Result<Envelope<'de>, Malformed> {
        let Self { v, t, op, id, ts, data } = self;
        let (t, op) = (t.ok_or(Malformed::NoType)?, op.ok_or(Malformed::NoOp)?);
        let mut body = match data {
            Data::Missing => return Err(Malformed::NoData),
            Data::Read(body) => body,
            Data::Later(raw) => {
                let mut later = Reader::new(raw);
                let body = payload(&t, &op, &mut later)?;
                from.tally.add(later.tally.oddities());
                body
            }
        };
        if v != Some(1) {
            from.tally.note(|odd| &mut odd.version);
        }
        identify(&mut body, id.as_ref())?;
        Ok(Envelope { v, id, ts, body, oddities: from.tally.oddities() })
    }
}

/// Gives a body about a tweet the envelope's id when it has none of its own.
fn identify<'de>(body: &mut Body<'de>, id: Option<&Text<'de>>) -> Result<(), Malformed> {
    let tweet_id = match body {
        Body::Content(part) | Body::Update(part) | Body::Delete(part) | Body::Pin(part) | Body::Unpin(part) => &mut part.tweet_id,
        Body::Meta(meta) => &mut meta.tweet_id,
        _ => return Ok(()),
    };
    if tweet_id.is_empty() {
        *tweet_id = id.ok_or(Malformed::NoTweetId)?.clone();
    }
    Ok(())
}

/// Reads `d` as what the pair of `t` and `op` says that it is. Never by `op` alone: an `update` of another family is something else.
pub(super) fn payload<'de>(t: &Text<'de>, op: &Text<'de>, from: &mut Reader<'de>) -> Result<Body<'de>, Malformed> {
    let body = match (t.as_str(), op.as_str()) {
        ("tweet", "content") => Body::Content(whole(from)?),
        ("tweet", "update") => Body::Update(whole(from)?),
        ("tweet", "meta") => Body::Meta(whole::<MetaPart<'de>>(from)?),
        ("tweet", "delete") => Body::Delete(lifecycle(from)?),
        ("tweet", "pin") => Body::Pin(lifecycle(from)?),
        ("tweet", "unpin") => Body::Unpin(lifecycle(from)?),
        ("account", "profile_update") => Body::ProfileUpdate(whole(from)?),
        ("account", "follow") => Body::Follow(whole(from)?),
        ("account", "unfollow") => Body::Unfollow(whole(from)?),
        ("account", "callout") => Body::Callout(whole(from)?),
        ("control", "twitter_handles_result") => Body::HandlesResult(whole(from)?),
        // The payload of a ping is "any object"; that of an unknown pair may be anything.
        ("control", "auth_ping") => passed_over(Body::AuthPing, from)?,
        ("control", "auth_pong") => passed_over(Body::AuthPong, from)?,
        _ => {
            from.skip()?;
            Body::Unknown { t: t.clone(), op: op.clone() }
        }
    };
    Ok(body)
}

fn must_be_object(from: &mut Reader<'_>) -> Result<(), Malformed> {
    if from.peek()? == b'{' {
        return Ok(());
    }
    // What is no JSON either is told so.
    from.skip()?;
    Err(Malformed::NoData)
}

fn whole<'de, T: Fields<'de>>(from: &mut Reader<'de>) -> Result<Box<T>, Malformed> {
    must_be_object(from)?;
    let mut made = Box::<T>::default();
    made.fill(from)?;
    Ok(made)
}

fn lifecycle<'de>(from: &mut Reader<'de>) -> Result<Box<TweetPart<'de>>, Malformed> {
    whole::<Lifecycle<'de>>(from).map(|read| Box::new(read.resolve()))
}

fn passed_over<'de>(body: Body<'de>, from: &mut Reader<'de>) -> Result<Body<'de>, Malformed> {
    must_be_object(from)?;
    from.skip().map(|()| body)
}
