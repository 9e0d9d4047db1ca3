//! A file of envelopes → what stands in it, in order.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::firing::Origin;
use crate::model::time::Timestamp;
use crate::rule_test::Recorded;

/// Bytes of one line: an envelope is far smaller.
const LINE: u64 = 4 * 1024 * 1024;
/// Envelopes of one file.
const MOST: usize = 1_000_000;

/// A line that says when and how its envelope came.
#[derive(Deserialize)]
struct Line<'a> {
    at: i64,
    origin: Option<String>,
    #[serde(borrow)]
    envelope: &'a RawValue,
}

/// Reads a file: bare envelopes, or records `{"at": ms, "origin": "live", "envelope": {…}}`, one a line.
pub(super) fn read(path: &Path) -> Result<Vec<Recorded>, String> {
    if path.extension().is_some_and(|extension| extension == "zst") {
        return Err("it is compressed; unpack it first: zstd -d".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    read_from(file)
}

/// The same from anywhere.
pub(super) fn read_from(from: impl Read) -> Result<Vec<Recorded>, String> {
    let mut from = BufReader::new(from);
    let mut found = Vec::new();
    let mut number = 0;
    loop {
        let mut line = String::new();
        number += 1;
        let read = from.by_ref().take(LINE).read_line(&mut line).map_err(|error| format!("line {number}: {error}"))?;
        if read == 0 {
            return Ok(found);
        }
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        if found.len() >= MOST {
            return Err(format!("it has more than {MOST} envelopes; replay is for so many"));
        }
        found.push(record(text).ok_or_else(|| format!("line {number}: this is no envelope and no record of one"))?);
    }
}

/// One envelope, as it came or as it was recorded.
pub(super) fn record(text: &str) -> Option<Recorded> {
    if let Ok(line) = serde_json::from_str::<Line<'_>>(text) {
        let named = |name: String| Origin::ALL.into_iter().find(|origin| origin.name() == name);
        let origin = line.origin.map_or(Some(Origin::Live), named)?;
        return Some(Recorded { at: Some(Timestamp::from_millis(line.at)), origin, text: line.envelope.get().to_owned() });
    }
    let envelope = crate::decode::decode(text).ok()?;
    Some(Recorded { at: envelope.ts, origin: Origin::Live, text: text.to_owned() })
}
