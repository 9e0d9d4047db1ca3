//! When the feed was heard, lost and reached again → what was missed. Pure.
//!
//! What counts is when the feed was last *heard*, not when its loss was noticed: a connection that died silently was good for nothing
//! for up to `DEAD_AFTER` before. Any frame counts as heard, pongs included, as a connection delivers in order. On start it was last heard when the
//! journal says so.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::model::limits::{GAPS_WAITING, HISTORY_OVERLAP, HISTORY_REACH};
use crate::model::time::Timestamp;

/// A span in which envelopes may have been sent that never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The feed was last heard.
    pub from: Timestamp,
    /// It was reached again. Never before `from`.
    pub to: Timestamp,
}

impl Gap {
    /// What to ask the history API for: `HISTORY_OVERLAP` more on both sides, and nothing farther back than `HISTORY_REACH`.
    #[must_use]
    pub fn query(&self) -> (Timestamp, Timestamp) {
        (earlier(self.from, HISTORY_OVERLAP).max(earlier(self.to, HISTORY_REACH)), self.to.plus(HISTORY_OVERLAP))
    }

    /// The end of the gap once more, for a second look `HISTORY_SETTLE` after the first: what was published just before the feed was
    /// reached may not have been in the history yet, or not with its meta.
    #[must_use]
    pub fn tail(&self) -> (Timestamp, Timestamp) {
        let (from, to) = self.query();
        (from.max(earlier(self.to, HISTORY_OVERLAP)), to)
    }

    /// The part that no query reaches, if there is one: it is lost.
    #[must_use]
    pub fn beyond_reach(&self) -> Option<Self> {
        let reached = earlier(self.to, HISTORY_REACH);
        (self.from < reached).then_some(Self { from: self.from, to: reached })
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    fn touches(&self, later: &Self) -> bool {
        later.from <= self.to.plus(HISTORY_OVERLAP).plus(HISTORY_OVERLAP)
    }

    fn with(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

impl fmt::Display for Gap {
    /// `2026-06-17T12:40:00.000Z to 2026-06-17T12:41:30.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

/// What was missed and has not been filled yet.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    heard: Option<Timestamp>,
    connected: bool,
    /// Oldest first; no two of them touch.
    waiting: VecDeque<Gap>,
}

impl Gaps {
    /// Nothing was ever heard: the first connection follows no gap.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An earlier run last heard the feed at `last_alive`.
    pub fn restored(&mut self, last_alive: Timestamp) {
        self.heard(last_alive);
    }

    /// A frame of any kind, a pong included, arrived at `at` (see `Feed::heard_ago`).
    pub fn heard(&mut self, at: Timestamp) {
        self.heard = self.heard.max(Some(at));
    }

    /// The clock by which the feed was heard has stood still for so long since, without knowing: it was heard so much earlier.
    pub fn set_back(&mut self, by: Duration) {
        self.heard = self.heard.map(|heard| earlier(heard, by));
    }

    /// There is no connection any more; since when it was good for nothing is known from [`Gaps::heard`].
    pub fn lost(&mut self) {
        self.connected = false;
    }

    /// A connection is open. Returns the gap that it ends, which now waits to be taken.
    ///
    /// When the feed was last heard in what is now the future, the clock was set back: by a little, and the gap has no length but is asked for
    /// with its overlap all the same; by more than the overlap, and it is anybody's guess, so the whole reach of the history is the gap.
    pub fn connected(&mut self, at: Timestamp) -> Option<Gap> {
        let gap = self.heard.map(|heard| {
            let from = match heard.since(at) {
                ahead if ahead > HISTORY_OVERLAP => earlier(at, HISTORY_REACH),
                _ => heard.min(at),
            };
            Gap { from, to: at }
        });
        self.heard = Some(at);
        self.connected = true;
        if let Some(gap) = gap {
            self.add(gap);
        }
        gap
    }

    /// Since when there is no connection, while there is none and there was one.
    #[must_use]
    pub fn missing_since(&self) -> Option<Timestamp> {
        self.heard.filter(|_| !self.connected)
    }

    /// When the feed was last heard.
    #[must_use]
    pub fn last_heard(&self) -> Option<Timestamp> {
        self.heard
    }

    /// The oldest gap that waits to be filled; it waits no longer.
    pub fn take(&mut self) -> Option<Gap> {
        self.waiting.pop_front()
    }

    /// The first moment of all that waits to be filled.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.waiting.front().map(|gap| gap.from)
    }

    /// Lets a gap wait: one that could not be filled now, or that an earlier run left open. Gaps whose queries touch become one; so do the two
    /// nearest when more than `GAPS_WAITING` wait.
    pub fn add(&mut self, gap: Gap) {
        let place = self.waiting.partition_point(|waiting| waiting.from <= gap.from);
        self.waiting.insert(place, gap);
        let mut merged: VecDeque<Gap> = VecDeque::with_capacity(self.waiting.len());
        for gap in self.waiting.drain(..) {
            match merged.back_mut() {
                Some(last) if last.touches(&gap) => *last = last.with(gap),
                _ => merged.push_back(gap),
            }
        }
        self.waiting = merged;
        if self.waiting.len() > GAPS_WAITING {
            self.join_nearest();
        }
    }

    fn join_nearest(&mut self) {
        let between = |(place, (one, next)): (usize, (&Gap, &Gap))| (next.from.since(one.to), place);
        let pairs = self.waiting.iter().zip(self.waiting.iter().skip(1));
        let Some((_, place)) = pairs.enumerate().map(between).min() else { return };
        if let Some(next) = self.waiting.remove(place + 1)
            && let Some(one) = self.waiting.get_mut(place)
        {
            *one = one.with(next);
        }
    }
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}
