//! What the past says, in pieces that go from the thread that reads to those that evaluate.

use std::sync::Arc;

use crate::decode;
use crate::engine::Hold;
use crate::feed::recording::{Fault, Faulty, Order};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::time::Timestamp;

/// Bytes of the texts of one piece.
pub(super) const BYTES: usize = 256 * 1024;
/// Pieces that are decoded and evaluated in one go, and as many are read ahead.
pub(super) const TOGETHER: usize = 32;
/// Pieces that are decoded ahead.
pub(super) const DECODED: usize = 2;

/// A number of entries of one source, in their order.
#[derive(Debug)]
pub(super) struct Batch {
    /// Which source, to name it when something is wrong with a line.
    pub(super) name: Arc<str>,
    /// Texts, one behind the other.
    text: String,
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    /// A line of a recording, which ends there.
    Line { number: u64, end: usize },
    /// An entry of the journal.
    Entry { at: Timestamp, origin: Origin, end: usize },
    /// From then on waits are held, or let go.
    Hold { at: Timestamp, hold: Hold },
    /// A line that is none.
    Faulty(Faulty),
}

/// One step of what happened.
pub(super) enum Past<'a> {
    /// An entry.
    Entry { envelope: Envelope<'a>, at: Timestamp, origin: Origin },
    /// From then on waits are held, or let go.
    Hold { at: Timestamp, hold: Hold },
    /// Nothing that can be read.
    Faulty(Faulty),
}

impl Batch {
    pub(super) fn new(name: &Arc<str>) -> Self {
        Self { name: Arc::clone(name), text: String::with_capacity(BYTES + BYTES / 8), items: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= BYTES || self.items.len() >= BYTES / 16
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn line(&mut self, number: u64, line: &str) {
        self.text.push_str(line);
        self.items.push(Item::Line { number, end: self.text.len() });
    }

    pub(super) fn entry(&mut self, at: Timestamp, origin: Origin, text: &str) {
        self.text.push_str(text);
        self.items.push(Item::Entry { at, origin, end: self.text.len() });
    }

    pub(super) fn hold(&mut self, at: Timestamp, hold: Hold) {
        self.items.push(Item::Hold { at, hold });
    }

    pub(super) fn faulty(&mut self, faulty: Faulty) {
        self.items.push(Item::Faulty(faulty));
    }

    /// What it says. `order` goes on from one piece to the next.
    pub(super) fn decode(&self, order: &mut Order) -> Vec<Past<'_>> {
        let mut start = 0;
        let mut text = |end: usize| {
            let text = self.text.get(start..end).unwrap_or_default();
            start = end;
            text
        };
        let past = self.items.iter().map(|item| match item {
            Item::Line { number, end } => match order.entry(*number, text(*end)) {
                Ok(entry) => Past::Entry { envelope: entry.envelope, at: entry.at, origin: entry.origin },
                Err(faulty) => Past::Faulty(faulty),
            },
            Item::Entry { at, origin, end } => match decode::decode(text(*end)) {
                Ok(envelope) => Past::Entry { envelope, at: *at, origin: *origin },
                Err(malformed) => Past::Faulty(Faulty { number: 0, fault: Fault::Malformed(malformed) }),
            },
            Item::Hold { at, hold } => Past::Hold { at: *at, hold: *hold },
            Item::Faulty(faulty) => Past::Faulty(faulty.clone()),
        });
        past.collect()
    }
}
