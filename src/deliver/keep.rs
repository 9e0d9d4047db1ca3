//! What a lane keeps to tell it as one message: until when, and what of it is not told at all.
//!
//! Times are those of the firings by the clock, so that neither a restart nor other rules begin the wait anew. Notices are not kept: what
//! birdcall itself has to say is told at all hours.

use std::time::Duration;

use crate::model::action::{Digest, Overflow};
use crate::model::delivery::{Delivery, Outcome, Together};
use crate::model::firing::FiringBrief;
use crate::model::time::Timestamp;
use crate::rules::ruleset::NOTICES;

use super::lane::{OVERFLOW, is_notice};
use super::state::{Shared, State};

/// Between two looks at the clock, which may be set meanwhile.
const LOOK: Duration = Duration::from_secs(60);

/// Of what was kept, what is told in no message: numbers for the next digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missed {
    pub(crate) too_old: usize,
    pub(crate) no_room: usize,
}

impl Missed {
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.too_old += more.too_old;
        self.no_room += more.no_room;
    }

    /// What the end of one delivery is of it.
    pub(crate) fn of(end: &Outcome) -> Self {
        Self { too_old: usize::from(*end == Outcome::Expired), no_room: usize::from(*end == OVERFLOW) }
    }
}

/// Whether what is first in the queue may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Now: by itself, or together with all the rest.
    Now(Option<Together>),
    /// Not before then.
    At(Timestamp),
    /// Not before more comes.
    Never,
}

/// Whether nothing is to be told now.
pub(crate) fn is_quiet(digest: &Digest, now: Timestamp) -> bool {
    digest.quiet.as_ref().is_some_and(|quiet| quiet.0.is_open(now))
}

/// Whether a delivery is one of those that are kept, and does not only wait for its turn.
pub(crate) fn is_kept(digest: &Digest, firing: &FiringBrief) -> bool {
    &*firing.rule != NOTICES && digest.keeps(firing.at).is_some()
}

/// When what is first in the queue may go.
pub(crate) fn due(digest: &Digest, state: &State, now: Timestamp) -> Due {
    let Some(first) = state.queue.front() else { return Due::Never };
    if is_notice(&first.delivery) {
        return Due::Now(None);
    }
    let at = first.delivery.firing.at;
    if let Some(quiet) = digest.quiet.as_ref().filter(|quiet| quiet.0.is_open(now)) {
        return quiet.0.next_change(now).map_or(Due::Never, Due::At);
    }
    // It has no words for a digest, and ends nobody's wait.
    let Some(line) = &first.delivery.line else { return Due::Now(None) };
    if is_quiet(digest, at) {
        return Due::Now(Some(Together::Quiet));
    }
    if digest.every.is_none() && digest.count.is_none() {
        return Due::Now(line.kept);
    }
    let is_enough = digest.count.is_some_and(|count| state.queue.len() >= count);
    let until = digest.every.map(|every| at.plus(every));
    if is_enough || state.closed || until.is_some_and(|until| until <= now) {
        return Due::Now(Some(Together::Kept));
    }
    until.map_or(Due::Never, Due::At)
}

impl Shared {
    /// Whether the first of the queue may go now, and how; ends what has become too old while it was kept. `None`: it is kept.
    pub(super) fn may_go(&self, state: &mut State) -> Option<Option<Together>> {
        let Some(digest) = &self.action.digest else {
            // What other rules have kept is no message each.
            let first = state.queue.front().filter(|_| self.policy.chat);
            return Some(first.and_then(|first| first.delivery.line.as_ref()?.kept));
        };
        let now = self.clock.now();
        self.end_kept(state, now);
        if state.closed && is_quiet(digest, now) {
            // A night may be long. With a journal it is pending there, and the next run keeps it on.
            while let Some(at) = Some(state.notices()).filter(|at| *at < state.queue.len()) {
                let Some(kept) = state.remove(at) else { break };
                self.end(state, &kept.delivery, Outcome::Abandoned, kept.attempts);
            }
        }
        match due(digest, state, now) {
            Due::Now(together) => Some(together),
            Due::At(_) | Due::Never => None,
        }
    }

    /// Whether what waits goes with others that are told together: it has words for that, and was kept or may not go one by one.
    pub(super) fn is_for_all(&self, delivery: &Delivery) -> bool {
        let Some(line) = &delivery.line else { return false };
        let is_kept = || self.action.digest.as_ref().is_some_and(|digest| is_kept(digest, &delivery.firing));
        self.overflow == Overflow::Digest || line.kept.is_some() || is_notice(delivery) || is_kept()
    }

    /// Takes on what is to be told by the next digest: of this lane, or of the one that has taken its place.
    pub(super) fn take_on(&self, missed: Missed) {
        let mut state = self.state();
        let Some(heir) = state.heir.clone() else { return state.missed.add(missed) };
        drop(state);
        heir.take_on(missed);
    }

    /// Ends, one by one, what has become too old.
    fn end_kept(&self, state: &mut State, now: Timestamp) {
        let mut at = 0;
        while let Some(waiting) = state.queue.get(at) {
            if waiting.delivery.expires_at > now {
                at += 1;
            } else if let Some(old) = state.remove(at) {
                let is_kept = self.action.digest.as_ref().is_some_and(|digest| is_kept(digest, &old.delivery.firing));
                state.missed.too_old += usize::from(is_kept);
                self.end(state, &old.delivery, Outcome::Expired, old.attempts);
            }
        }
    }

    /// How many it keeps, in words; nothing where it keeps none.
    pub(super) fn keeps(&self, state: &State) -> Option<String> {
        let digest = self.action.digest.as_ref()?;
        let (kept, now) = (state.queue.len() - state.notices(), self.clock.now());
        let until = match due(digest, state, now) {
            Due::At(at) => format!(", for another {} s", at.since(now).as_secs()),
            Due::Never => String::new(),
            Due::Now(_) => return None,
        };
        let what = if is_quiet(digest, now) { "in quiet hours" } else { "for a digest" };
        (kept > 0).then(|| format!("keeps {kept} {what}{until}"))
    }

    /// Waits until what is kept is to be looked at again. For ever where nothing is kept.
    pub(super) async fn kept(&self) {
        let wait = self.action.digest.as_ref().and_then(|digest| {
            let (state, now) = (self.state(), self.clock.now());
            let due = match due(digest, &state, now) {
                Due::At(at) => Some(at.since(now)),
                Due::Now(_) | Due::Never => None,
            };
            let too_old = state.queue.iter().map(|waiting| waiting.delivery.expires_at.since(now)).min();
            due.into_iter().chain(too_old).min()
        });
        match wait {
            Some(wait) => tokio::time::sleep(wait.clamp(Duration::from_millis(1), LOOK)).await,
            None => std::future::pending().await,
        }
    }
}
