//! One line of a recording → what it says: a record or a bare envelope, or why it is neither. Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decode::{self, Malformed};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::limits::RECORDED_LINE_BYTES;
use crate::model::time::Timestamp;
use crate::rules::parse_since;

/// What one line says.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// When it was received, if the line says so.
    pub(super) at: Option<At>,
    /// How it was, if the line says so.
    pub(super) origin: Option<Origin>,
    /// The envelope's own text.
    pub(super) text: &'a str,
    /// The same, decoded.
    pub(super) envelope: Envelope<'a>,
}

/// When an envelope was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// At that moment.
    Moment(Timestamp),
    /// So long after the recording begins.
    Since(Duration),
}

/// A line that is no entry, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {fault}")]
pub struct Faulty {
    /// Which line, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// Why a line is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// It is longer than a line may be.
    #[error("it is longer than {RECORDED_LINE_BYTES} bytes")]
    TooLong,
    /// It is no text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is no envelope, or what a record holds is none.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// A record with a moment that is none.
    #[error("`at` is neither a whole number of milliseconds since 1970 nor a time since the first entry, as \"+10m\"")]
    At,
    /// A record or an envelope of a time that has not come.
    #[error("it is dated more than a day after now")]
    Future,
    /// A record with an origin that we do not know.
    #[error("`origin` is none of \"live\", \"backfill\" and \"replay\"")]
    Origin,
    /// The file ends within it.
    #[error("the file was cut off here")]
    CutOff,
}

impl Fault {
    /// For counters; never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotUtf8 => "not_utf8",
            Self::Malformed(malformed) => malformed.name(),
            Self::At => "bad_at",
            Self::Future => "future",
            Self::Origin => "bad_origin",
            Self::CutOff => "cut_off",
        }
    }
}

/// A record as anybody may have written it: keys in any order, others beside them.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    envelope: &'a RawValue,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
    #[serde(borrow)]
    origin: Option<&'a RawValue>,
}

/// Reads one line.
pub(super) fn parse(line: &str) -> Result<Line<'_>, Fault> {
    if let Some((at, origin, text)) = as_we_write(line)
        && let Ok(envelope) = decode::decode(text)
    {
        return Ok(Line { at: Some(At::Moment(at)), origin: Some(origin), text, envelope });
    }
    match decode::decode(line) {
        Ok(envelope) => Ok(Line { at: None, origin: None, text: line, envelope }),
        // What is JSON and no envelope may be a record.
        Err(malformed) => serde_json::from_str(line).map_or(Err(malformed.into()), |record| read(&record)),
    }
}

fn read<'a>(record: &Record<'a>) -> Result<Line<'a>, Fault> {
    let at = record.at.map(at).transpose()?;
    let named = |word: &RawValue| Origin::ALL.into_iter().find(|origin| word.get().trim_matches('"') == origin.name());
    let origin = record.origin.map(|word| named(word).ok_or(Fault::Origin)).transpose()?;
    let text = record.envelope.get();
    Ok(Line { at, origin, text, envelope: decode::decode(text)? })
}

/// `1764400000000` or `"+10m"`.
fn at(written: &RawValue) -> Result<At, Fault> {
    let written = written.get();
    match written.strip_prefix("\"+").and_then(|rest| rest.strip_suffix('"')) {
        Some(since) => parse_since(since).map(At::Since).map_err(|_| Fault::At),
        None => written.parse().map(|ms| At::Moment(Timestamp::from_millis(ms))).map_err(|_| Fault::At),
    }
}

/// A record to the letter as [`super::Writer`] writes it, which costs nothing to read: if the text is an envelope, the line is that record.
fn as_we_write(line: &str) -> Option<(Timestamp, Origin, &str)> {
    let (at, rest) = line.strip_prefix(r#"{"at":"#)?.split_once(',')?;
    let (origin, rest) = rest.strip_prefix(r#""origin":""#)?.split_once('"')?;
    let text = rest.strip_prefix(r#","envelope":"#)?.strip_suffix('}')?;
    let origin = Origin::ALL.into_iter().find(|known| known.name() == origin)?;
    Some((Timestamp::from_millis(at.parse().ok()?), origin, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"v":1,"t":"tweet","op":"delete","id":"1","ts":5,"d":{"tweetId":"1"}}"#;

    fn told(line: &str) -> Result<(Option<At>, Option<Origin>, String), Fault> {
        parse(line).map(|line| (line.at, line.origin, line.text.to_owned()))
    }

    #[test]
    fn a_record_may_be_written_in_any_way_that_json_allows() {
        let ours = format!(r#"{{"at":7,"origin":"backfill","envelope":{ENVELOPE}}}"#);
        let spaced = format!(r#"{{ "envelope" : {ENVELOPE}, "note": [1, {{}}], "origin": "backfill", "at": 7 }}"#);
        for line in [ours, spaced] {
            assert_eq!(
                told(&line),
                Ok((Some(At::Moment(Timestamp::from_millis(7))), Some(Origin::Backfill), ENVELOPE.to_owned())),
                "{line}"
            );
        }
        let since = |at: &str| told(&format!(r#"{{"at":"{at}","envelope":{ENVELOPE}}}"#)).map(|(at, ..)| at);
        assert_eq!(since("+10m"), Ok(Some(At::Since(Duration::from_secs(600)))));
        assert_eq!(since("+0s"), Ok(Some(At::Since(Duration::ZERO))));
        assert_eq!([since("+10"), since("10m"), since("+10 minutes"), since("-1s")], [const { Err(Fault::At) }; 4]);
        assert_eq!(told(&format!(r#"{{"envelope":{ENVELOPE}}}"#)), Ok((None, None, ENVELOPE.to_owned())));
        assert_eq!(told(ENVELOPE), Ok((None, None, ENVELOPE.to_owned())));
    }

    #[test]
    fn what_is_wrong_is_said_of_what_is_wrong() {
        let rows = [
            ("not json", Malformed::NotJson.into()),
            (r#"{"at":1}"#, Malformed::NoType.into()),
            (r#"{"at":1,"origin":"live","envelope":{"t":"tweet"}}"#, Malformed::NoOp.into()),
            (r#"{"at":1.5,"envelope":{}}"#, Fault::At),
            (r#"{"at":"1","envelope":{}}"#, Fault::At),
            (r#"{"at":1,"origin":"dead","envelope":{}}"#, Fault::Origin),
            (r#"{"at":1,"origin":7,"envelope":{}}"#, Fault::Origin),
            (r#"{"at":1,"origin":"live","envelope":{}"#, Malformed::NotJson.into()),
        ];
        for (line, fault) in rows {
            assert_eq!(told(line), Err(fault), "{line}");
        }
    }
}
