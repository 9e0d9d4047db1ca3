//! Stretches: the spans of time in which there is enough, and whether a match makes a new one.
//!
//! `c(t)` is how many there are in the span that ends at `t`. A match at `at` adds at most one to it, for every `t` in `[at, at +
//! within)`. A stretch is a greatest connected set of moments with `c(t) ≥ at_least`; two of which one begins where the other
//! ends are one. A match fires if a stretch is there now that shares no moment with one that was there before. So each is told
//! once, whatever the order in which the matches come; but for one that came of joining two that had been told, and for two that
//! one match made at once, of which the first is told.

use super::moment::Moment;
use crate::model::time::Timestamp;

/// When there is enough, as a rule says.
#[derive(Debug)]
pub(super) struct Enough {
    pub(super) at_least: u32,
    pub(super) moment: Moment,
}

/// Whether a stretch by what is enough now goes on at `now` that has had no stretch by what was enough before in it: nobody was told of it.
/// Both are given when each that is known counts.
pub(super) fn is_untold(
    (old, was): (&Enough, impl Iterator<Item = (Timestamp, Timestamp)>),
    (new, is): (&Enough, impl Iterator<Item = (Timestamp, Timestamp)>),
    now: Timestamp,
) -> bool {
    let was = was.flat_map(|(start, end)| [(start, 0, 1), (end, 0, -1)]);
    let is = is.flat_map(|(start, end)| [(start, 1, 0), (end, -1, 0)]);
    let mut edges: Vec<(Timestamp, i64, i64)> = was.chain(is).filter(|edge| edge.0 <= now).collect();
    edges.sort_unstable_by_key(|edge| edge.0);
    let (mut counted, mut before, mut untold) = (0, 0, None);
    for edges in edges.chunk_by(|a, b| a.0 == b.0) {
        for (_, by_new, by_old) in edges {
            counted += by_new;
            before += by_old;
        }
        let is_told = before >= i64::from(old.at_least);
        // None goes on; or one does, and it is as it was, unless it is told of now.
        untold = (counted >= i64::from(new.at_least)).then_some(untold.unwrap_or(true) && !is_told);
    }
    untold == Some(true)
}

/// Changes of `c` around a match.
#[derive(Debug)]
pub(super) struct Sweep {
    /// When the match happened.
    at: Timestamp,
    /// From when on it does not count any more.
    until: Timestamp,
    /// `c` just before it, without it.
    before: i64,
    /// Of what is counted with it as one, whether that counted just before.
    own_before: i64,
    /// By how much `c` changes when, and the part of what is counted with it as one.
    edges: Vec<(Timestamp, i64, i64)>,
}

/// What a match does to the stretches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Where the first stretch begins that is new.
    pub(super) new: Option<Timestamp>,
    /// The first moment at which it is among enough.
    pub(super) enough: Option<Timestamp>,
    /// The greatest number that it is among.
    pub(super) most: u32,
}

impl Look {
    /// Of a match after which none happened that is known: `c` falls from there on, so that its own moment says everything. `c`
    /// just before it, and at its moment without and with it.
    pub(super) fn at_the_end(at: Timestamp, before: usize, (without, with): (usize, usize), at_least: u32) -> Self {
        let needed = usize::try_from(at_least).unwrap_or(usize::MAX);
        let enough = (with >= needed).then_some(at);
        Self {
            new: enough.filter(|_| before < needed && without < needed),
            enough,
            most: u32::try_from(with).unwrap_or(u32::MAX),
        }
    }
}

impl Sweep {
    pub(super) fn new(at: Timestamp, until: Timestamp) -> Self {
        Self { at, until, before: 0, own_before: 0, edges: Vec::new() }
    }

    /// One counts from `start` until `end`; `own`: as one with the match.
    pub(super) fn add(&mut self, start: Timestamp, end: Timestamp, own: bool) {
        if end < self.at || start > self.until {
            return;
        }
        let own = i64::from(own);
        if start < self.at {
            self.before += 1;
            self.own_before += own;
        } else {
            self.edges.push((start, 1, own));
        }
        if end <= self.until {
            self.edges.push((end, -1, -own));
        }
    }

    /// Goes through the moments from the match on.
    pub(super) fn look(mut self, at_least: u32) -> Look {
        self.edges.push((self.at, 0, 0));
        self.edges.push((self.until, 0, 0));
        self.edges.sort_unstable_by_key(|edge| edge.0);
        let needed = i64::from(at_least);
        let (mut count, mut own, mut look) = (self.before, self.own_before, Look::default());
        // The stretch that goes on at this moment: where it begins, and whether it shares a moment with one that was there.
        let mut open: Option<(Timestamp, bool)> = None;
        let was_enough = count >= needed;
        for edges in self.edges.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(t, ..)) = edges.first() else { continue };
            for (_, all, of_own) in edges {
                count += all;
                own += of_own;
            }
            let with = if t < self.until { count + 1 - own } else { count };
            if with >= needed {
                let (_, shared) = open.get_or_insert((t, t == self.at && was_enough));
                *shared |= count >= needed;
            } else if let Some((start, false)) = open.take() {
                look.new = look.new.or(Some(start));
            }
            if t < self.until {
                look.enough = look.enough.or((with >= needed).then_some(t));
                look.most = look.most.max(u32::try_from(with).unwrap_or(0));
            }
        }
        if let Some((start, false)) = open {
            look.new = look.new.or(Some(start));
        }
        look
    }
}
