//! Rows of one window, in any order and repeated → pages, oldest first, each row once.

use std::collections::{HashMap, HashSet};

use super::Page;
use super::paging::Stamp;
use crate::model::time::Timestamp;

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The same for a row that comes again.
    pub(super) key: String,
    pub(super) stamp: Stamp,
    /// One, or two when it has a meta.
    pub(super) frames: Vec<String>,
}

/// A row as it is held; its key stands in [`Window::places`] alone.
#[derive(Debug)]
struct HeldRow {
    stamp: Stamp,
    frames: Vec<String>,
}

fn bytes(frames: &[String]) -> usize {
    frames.iter().map(String::len).sum()
}

/// What is held of the window that is asked for.
#[derive(Debug, Default)]
pub(super) struct Window {
    rows: Vec<HeldRow>,
    /// By key, where it stands.
    places: HashMap<String, usize>,
    bytes: usize,
    /// The keys of the window before, which was handed on: neighbours share their edges.
    before: HashSet<String>,
}

impl Window {
    /// Rows held.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a row in; says whether it is new. One that comes again with more than it had (its meta) takes its own place.
    pub(super) fn take(&mut self, row: Row) -> bool {
        if self.before.contains(&row.key) {
            return false;
        }
        let Row { key, stamp, frames } = row;
        match self.places.get(&key).and_then(|place| self.rows.get_mut(*place)) {
            None => {
                self.bytes += key.len() + bytes(&frames);
                self.places.insert(key, self.rows.len());
                self.rows.push(HeldRow { stamp, frames });
                true
            }
            Some(held) => {
                if frames.len() > held.frames.len() {
                    self.bytes += bytes(&frames);
                    self.bytes -= bytes(&held.frames);
                    *held = HeldRow { stamp, frames };
                }
                false
            }
        }
    }

    /// Lets go of what is held; the window is asked for anew.
    pub(super) fn forget(&mut self) {
        self.rows.clear();
        self.places.clear();
        self.bytes = 0;
    }

    /// Hands out what is held, in pages of about `envelopes`, and begins with the next window. The last page, which may be empty, reaches `until`.
    pub(super) fn close(&mut self, envelopes: usize, until: i64) -> Vec<Page> {
        let mut rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        self.before = std::mem::take(&mut self.places).into_keys().collect();
        // Rows of one moment keep the API's order, turned over; rows that do not say when they happened go first.
        rows.reverse();
        rows.sort_by_key(|row| row.stamp.moment());
        let mut pages = Vec::new();
        let mut frames = Vec::new();
        let mut rows = rows.into_iter().peekable();
        while let Some(row) = rows.next() {
            frames.extend(row.frames);
            if let Some(next) = rows.peek().filter(|_| frames.len() >= envelopes) {
                let until = next.stamp.moment().unwrap_or_default().min(until);
                pages.push(page(std::mem::take(&mut frames), until));
            }
        }
        pages.push(page(frames, until));
        pages
    }
}

fn page(envelopes: Vec<String>, until: i64) -> Page {
    Page { envelopes, until: Timestamp::from_millis(until), ahead: 0 }
}
