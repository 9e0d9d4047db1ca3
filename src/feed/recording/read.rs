//! A recording → its entries, one after another.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::line::{self, At, Fault, Faulty, Line};
use super::lines::{Lines, RecordingError};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::time::Timestamp;
use crate::rules::test_file::START;

/// Clocks may differ by so much, and zones be mistaken; what is dated later is dated wrongly, and would take all time with it.
const AHEAD: Duration = Duration::from_secs(86_400);
/// Entries may come so much out of order: threads and lines that were merged.
const BACK: Duration = Duration::from_secs(5);

/// An envelope with the time at which it was received and its origin.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its line, from 1.
    pub number: u64,
    /// When it was received.
    pub at: Timestamp,
    /// How: a bare envelope counts as live.
    pub origin: Origin,
    /// The envelope as it was sent.
    pub text: &'a str,
    /// The same, decoded.
    pub envelope: Envelope<'a>,
}

/// What a line has brought.
#[derive(Debug)]
pub enum Read<'a> {
    /// An entry.
    Entry(Entry<'a>),
    /// Nothing: what is wrong with it.
    Faulty(Faulty),
}

/// Gives entries their moments. Those of bare envelopes never go back, also from one file to the next.
#[derive(Debug, Default)]
pub struct Order {
    /// What is dated by the time since then is counted from there: the moment of the first entry.
    begun: Option<Timestamp>,
    /// Something has said when it was.
    is_dated: bool,
    latest: Option<Timestamp>,
    most: Option<Timestamp>,
    went_back: u64,
}

impl Order {
    /// One that takes nothing which is dated more than a day after `now`.
    #[must_use]
    pub fn until(now: Timestamp) -> Self {
        Self { most: Some(now.plus(AHEAD)), ..Self::default() }
    }

    /// Entries that are dated more than some seconds before one that stood before them.
    #[must_use]
    pub fn went_back(&self) -> u64 {
        self.went_back
    }

    /// Where nothing so far has said when it was, but by the time since it began: the moment from which that is counted.
    #[must_use]
    pub fn counted_from(&self) -> Option<Timestamp> {
        self.begun.filter(|_| !self.is_dated)
    }

    /// The entry that a line is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn entry<'a>(&mut self, number: u64, line: &'a str) -> Result<Entry<'a>, Faulty> {
        let line = line::parse(line).map_err(|fault| Faulty { number, fault })?;
        let sent = line.envelope.ts.max(self.latest);
        self.is_dated |= match line.at {
            Some(At::Moment(_)) => true,
            // Of those that are counted from the first only that one says when that was.
            Some(At::Since(_)) => self.begun.is_none() && line.envelope.ts.is_some(),
            None => line.envelope.ts.is_some(),
        };
        let begun = self.begun.unwrap_or_else(|| begins(&line));
        let at = match line.at {
            Some(At::Moment(at)) => at,
            Some(At::Since(since)) => begun.plus(since),
            None => sent.unwrap_or_default(),
        };
        if self.most.is_some_and(|most| at > most) {
            return Err(Faulty { number, fault: Fault::Future });
        }
        self.went_back += u64::from(self.latest.is_some_and(|latest| latest.since(at) > BACK));
        (self.begun, self.latest) = (Some(begun), self.latest.max(Some(at)));
        Ok(Entry { number, at, origin: line.origin.unwrap_or(Origin::Live), text: line.text, envelope: line.envelope })
    }
}

/// Reads a recording.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    order: Order,
}

/// When the first entry of a recording was received, if that stands in its first lines: what tells the order of files.
#[must_use]
pub fn first_at(path: &Path) -> Option<Timestamp> {
    const LINES: usize = 100;
    let mut lines = Lines::open(path).ok()?;
    for _ in 0..LINES {
        let Ok(line) = lines.next_line().ok()?? else { continue };
        let Ok(line) = line::parse(line.text) else { continue };
        match line.at {
            Some(At::Moment(at)) => return Some(at),
            _ if line.envelope.ts.is_some() => return line.envelope.ts,
            _ => {}
        }
    }
    None
}

/// When a recording begins, by its first entry: one that says that it comes so long after that was sent when it came. If nothing says when that was,
/// it begins when tests do.
fn begins(first: &Line<'_>) -> Timestamp {
    match (first.at, first.envelope.ts) {
        (Some(At::Moment(at)), _) => at,
        (Some(At::Since(since)), Some(sent)) => sent.shifted(-i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        (Some(At::Since(_)), None) => Timestamp::from_millis(START),
        (None, sent) => sent.unwrap_or_default(),
    }
}

impl Reader {
    /// Reads a file, plain or compressed.
    ///
    /// # Errors
    /// When it cannot be opened or is compressed in a way that we do not know.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        Ok(Self { lines: Lines::open(path)?, order: Order::default() })
    }

    /// Reads whatever is read, such as the standard input; `name` is for messages.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn of(name: String, from: impl io::Read + Send + 'static) -> Result<Self, RecordingError> {
        Ok(Self { lines: Lines::of(name, from)?, order: Order::default() })
    }

    /// As [`Order::counted_from`], of what was read so far.
    #[must_use]
    pub fn counted_from(&self) -> Option<Timestamp> {
        self.order.counted_from()
    }

    /// What the next line brings; `None` at the end.
    ///
    /// # Errors
    /// When nothing more can be read.
    pub fn next_entry(&mut self) -> Result<Option<Read<'_>>, RecordingError> {
        let Some(line) = self.lines.next_line()? else { return Ok(None) };
        let entry = line.and_then(|line| self.order.entry(line.number, line.text));
        Ok(Some(entry.map_or_else(Read::Faulty, Read::Entry)))
    }
}
