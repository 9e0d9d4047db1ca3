//! A whole frame: the envelope's own keys, and which body belongs to its pair of `t` and `op`.

use serde::de::{DeserializeSeed as _, Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::de::StrRead;
use serde_json::value::RawValue;

use super::malformed::Malformed;
use super::object::{Seen, read_object};
use super::scalar::{count, filled, id, moment};
use super::tweet::Lifecycle;
use super::wire::{Any, Key, Loose, Scalar, Take, Tally};
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
    read_document(frame, |tally, from| Any(Frame { tally }).deserialize(from))
}

/// Reads a whole JSON document; once more and patiently when serde_json gives up on it.
pub(super) fn read_document<'de, T>(
    document: &'de str,
    read: impl Fn(&Tally, &mut serde_json::Deserializer<StrRead<'de>>) -> serde_json::Result<T>,
) -> Result<T, Malformed> {
    let attempt = |patient| {
        let tally = Tally::new(patient);
        let mut from = serde_json::Deserializer::from_str(document);
        let made = read(&tally, &mut from).and_then(|made| from.end().map(|()| made));
        made.map_err(|error| (tally.fatal(), error.is_eof()))
    };
    match attempt(false) {
        Ok(made) => Ok(made),
        Err((Some(why), _)) => Err(why),
        // Cut off: patience would find no end either.
        Err((None, true)) => Err(Malformed::NotJson),
        Err((None, false)) => attempt(true).map_err(|(why, _)| why.unwrap_or(Malformed::NotJson)),
    }
}

/// Takes the envelope.
struct Frame<'t> {
    tally: &'t Tally,
}

impl<'de> Take<'de> for Frame<'_> {
    type Value = Envelope<'de>;

    fn tally(&self) -> &Tally {
        self.tally
    }

    fn scalar<E: Error>(self, _: Loose<'de>) -> Result<Envelope<'de>, E> {
        Err(self.tally.fail(Malformed::NotAnObject))
    }

    fn list<A: SeqAccess<'de>>(self, _: A) -> Result<Envelope<'de>, A::Error> {
        Err(self.tally.fail(Malformed::NotAnObject))
    }

    fn object<A: MapAccess<'de>>(self, mut from: A) -> Result<Envelope<'de>, A::Error> {
        let mut head = Head::default();
        let mut seen = Seen::default();
        while let Some(key) = from.next_key_seed(Key)? {
            if !head.read(&key, &mut from, &mut seen, self.tally)? {
                self.tally.note(|odd| &mut odd.unknown_fields);
                from.next_value::<IgnoredAny>()?;
            }
        }
        head.finish(self.tally)
    }
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
    Later(&'de RawValue),
}

impl<'de> Head<'de> {
    fn read<A: MapAccess<'de>>(&mut self, key: &[u8], from: &mut A, seen: &mut Seen, tally: &Tally) -> Result<bool, A::Error> {
        match key {
            b"v" => {
                seen.once(0, tally)?;
                self.v = from.next_value_seed(Any(Scalar { tally, read: count }))?;
            }
            b"t" => {
                seen.once(1, tally)?;
                self.t = from.next_value_seed(Any(Scalar { tally, read: filled }))?;
            }
            b"op" => {
                seen.once(2, tally)?;
                self.op = from.next_value_seed(Any(Scalar { tally, read: filled }))?;
            }
            b"id" => {
                seen.once(3, tally)?;
                self.id = from.next_value_seed(Any(Scalar { tally, read: id }))?;
            }
            b"ts" => {
                seen.once(4, tally)?;
                self.ts = from.next_value_seed(Any(Scalar { tally, read: moment }))?;
            }
            b"d" => {
                seen.once(5, tally)?;
                self.data = match (&self.t, &self.op) {
                    (Some(t), Some(op)) => Data::Read(from.next_value_seed(Any(Payload { t, op, tally }))?),
                    _ => Data::Later(from.next_value()?),
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish<E: Error>(self, tally: &Tally) -> Result<Envelope<'de>, E> {
        let Self { v, t, op, id, ts, data } = self;
        let t = t.ok_or_else(|| tally.fail::<E>(Malformed::NoType))?;
        let op = op.ok_or_else(|| tally.fail::<E>(Malformed::NoOp))?;
        let body = match data {
            Data::Missing => return Err(tally.fail(Malformed::NoData)),
            Data::Read(body) => body,
            Data::Later(raw) => {
                let mut from = serde_json::Deserializer::from_str(raw.get());
                Any(Payload { t: &t, op: &op, tally }).deserialize(&mut from).map_err(E::custom)?
            }
        };
        if v != Some(1) {
            tally.note(|odd| &mut odd.version);
        }
        let body = identified(body, id.as_ref()).ok_or_else(|| tally.fail::<E>(Malformed::NoTweetId))?;
        Ok(Envelope { v, id, ts, body, oddities: tally.oddities() })
    }
}

/// Gives a body about a tweet the envelope's id when it has none of its own. `None`: there is none at all.
fn identified<'de>(mut body: Body<'de>, id: Option<&Text<'de>>) -> Option<Body<'de>> {
    let tweet_id = match &mut body {
        Body::Content(part) | Body::Update(part) | Body::Delete(part) | Body::Pin(part) | Body::Unpin(part) => &mut part.tweet_id,
        Body::Meta(meta) => &mut meta.tweet_id,
        _ => return Some(body),
    };
    if tweet_id.is_empty() {
        *tweet_id = id?.clone();
    }
    Some(body)
}

/// Takes `d` as what the pair of `t` and `op` says that it is. Never by `op` alone: an `update` of another family is something else.
pub(super) struct Payload<'a, 'de, 't> {
    pub(super) t: &'a Text<'de>,
    pub(super) op: &'a Text<'de>,
    pub(super) tally: &'t Tally,
}

impl<'de> Payload<'_, 'de, '_> {
    fn unknown(&self) -> Body<'de> {
        Body::Unknown { t: self.t.clone(), op: self.op.clone() }
    }

    fn lifecycle<A: MapAccess<'de>>(&self, from: A) -> Result<Box<TweetPart<'de>>, A::Error> {
        read_object::<Lifecycle<'de>, A>(from, self.tally).map(|read| Box::new(read.resolve()))
    }
}

impl<'de> Take<'de> for Payload<'_, 'de, '_> {
    type Value = Body<'de>;

    fn tally(&self) -> &Tally {
        self.tally
    }

    /// Nothing is known of the `d` of an unknown pair; all others are objects.
    fn scalar<E: Error>(self, _: Loose<'de>) -> Result<Body<'de>, E> {
        let known = matches!(
            (self.t.as_str(), self.op.as_str()),
            ("tweet", "content" | "update" | "meta" | "delete" | "pin" | "unpin")
                | ("account", "profile_update" | "follow" | "unfollow" | "callout")
                | ("control", "twitter_handles_result" | "auth_ping" | "auth_pong")
        );
        if known { Err(self.tally.fail(Malformed::NoData)) } else { Ok(self.unknown()) }
    }

    fn object<A: MapAccess<'de>>(self, mut from: A) -> Result<Body<'de>, A::Error> {
        let tally = self.tally;
        Ok(match (self.t.as_str(), self.op.as_str()) {
            ("tweet", "content") => Body::Content(Box::new(read_object(from, tally)?)),
            ("tweet", "update") => Body::Update(Box::new(read_object(from, tally)?)),
            ("tweet", "meta") => Body::Meta(Box::new(read_object::<MetaPart<'de>, A>(from, tally)?)),
            ("tweet", "delete") => Body::Delete(self.lifecycle(from)?),
            ("tweet", "pin") => Body::Pin(self.lifecycle(from)?),
            ("tweet", "unpin") => Body::Unpin(self.lifecycle(from)?),
            ("account", "profile_update") => Body::ProfileUpdate(Box::new(read_object(from, tally)?)),
            ("account", "follow") => Body::Follow(Box::new(read_object(from, tally)?)),
            ("account", "unfollow") => Body::Unfollow(Box::new(read_object(from, tally)?)),
            ("account", "callout") => Body::Callout(Box::new(read_object(from, tally)?)),
            ("control", "twitter_handles_result") => Body::HandlesResult(Box::new(read_object(from, tally)?)),
            (_, op) => {
                // The payload of a ping is "any object"; that of an unknown pair may be anything.
                let body = match (self.t.as_str(), op) {
                    ("control", "auth_ping") => Body::AuthPing,
                    ("control", "auth_pong") => Body::AuthPong,
                    _ => self.unknown(),
                };
                while from.next_key_seed(Key)?.is_some() {
                    from.next_value::<IgnoredAny>()?;
                }
                body
            }
        })
    }
}
