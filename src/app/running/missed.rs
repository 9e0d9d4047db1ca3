//! What the feed said while it was not heard: fetched from the history, told if it cannot be had, and on record.

use bytes::Bytes;
use tracing::{error, info, warn};

use super::Running;
use crate::app::catch_up::{Caught, Words};
use crate::app::dispatch::Seen;
use crate::app::notices::Notice;
use crate::app::safety::written;
use crate::engine::Input;
use crate::feed::{Filled, Gap};
use crate::journal::{GapRow, GapState};
use crate::model::firing::Origin;
use crate::model::status::GapState as Shown;

impl Running {
    /// Begins to close the next gap, or says that it stays open.
    pub(super) fn catch_up(&mut self) {
        while let Some(gap) = self.catch_up.begin() {
            let why = self.catch_up.why_not();
            self.stays_open(&gap, why);
        }
        self.hold_or_let_go();
    }

    /// Something came of catching up. Says whether something was brought to a lane.
    pub(in crate::app) fn caught(&mut self, caught: Caught) -> bool {
        match caught {
            Caught::Envelope(text) => return self.missed(text),
            Caught::Ended(gap, Ok(filled)) => self.filled(&gap, &filled),
            Caught::Ended(gap, Err(why)) => self.stays_open(&gap, Words::of(why.to_string())),
            Caught::Due => {}
        }
        self.catch_up();
        false
    }

    fn missed(&mut self, text: String) -> bool {
        let at = self.clock.now();
        let Some(envelope) = self.decode(&text) else { return false };
        self.dispatch.totals.backfilled += 1;
        self.dispatch.safety.feed_clock.history_said(self.catch_up.ahead);
        self.engine.feed_is_ahead(self.dispatch.safety.feed_clock.ahead());
        self.give_back();
        self.engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Backfill }, &mut self.effects);
        drop(envelope);
        let (text, counted) = (Bytes::from(text), self.engine.has_counted());
        self.meantime.note(at, Origin::Backfill, &text);
        // What came live, or was fetched before, is in the journal already: queries overlap.
        let seen = self.engine.was_news().then_some(Seen { at, origin: Origin::Backfill, text, counted });
        self.dispatch.perform(seen, &mut self.effects)
    }

    /// A hole was filled; what it could not be filled with is told.
    fn filled(&mut self, gap: &Gap, filled: &Filled) {
        info!(from = %gap.from, to = %gap.to, rows = filled.rows, "the history has what was missed");
        let Words { kept, told } = self.catch_up.missing(gap, filled, self.dispatch.safety.feed_clock.ahead());
        self.record(gap, GapState::Filled, &kept);
        self.catch_up.show(gap, Shown::Filled, Some(kept).filter(|kept| !kept.is_empty()));
        if told.is_empty() {
            return;
        }
        warn!(from = %gap.from, to = %gap.to, "not all of it: {told}");
        self.dispatch.tell(&Notice {
            key: format!("rest:{}", gap.from.as_millis()),
            about: None,
            title: format!("A part is missing of the gap from {gap}"),
            text: format!("What the feed said meanwhile was fetched from the history, but not all of it: {told}."),
        });
    }

    /// A hole that cannot be filled is an alert itself.
    fn stays_open(&mut self, gap: &Gap, why: Words) {
        let length = written(gap.to.since(gap.from));
        let Words { kept, told: why } = why;
        error!(from = %gap.from, to = %gap.to, "gap: what the feed said in {length} is missing: {why}");
        self.record(gap, GapState::Unavailable, &kept);
        self.catch_up.show(gap, Shown::Unavailable, Some(kept));
        self.dispatch.tell(&Notice {
            key: format!("gap:{}", gap.from.as_millis()),
            about: None,
            title: format!("gap from {gap}"),
            text: format!("For {length} birdcall did not hear the feed, and what was said then cannot be had: {why}."),
        });
    }

    fn record(&self, gap: &Gap, state: GapState, why: &str) {
        if let Some(journal) = &self.dispatch.journal {
            journal.gap(GapRow { from: gap.from, to: gap.to, state, why: why.to_owned() });
        }
    }
}
