//! What a lane keeps to tell it as one message: until when, and what of it is not told at all.
//!
//! Times are those of the firings by the clock, so that neither a restart nor other rules begin the wait anew. Notices are not kept: what
//! birdcall itself has to say is told at all hours.

use std::time::Duration;

use crate::model::action::Digest;
use crate::model::delivery::{Delivery, Outcome};
use crate::model::time::Timestamp;
use crate::render::Together;

use super::lane::is_notice;
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

    /// These were told.
    pub(crate) fn told(&mut self, told: Self) {
        self.too_old = self.too_old.saturating_sub(told.too_old);
        self.no_room = self.no_room.saturating_sub(told.no_room);
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
pub(crate) fn is_kept(digest: &Digest, delivery: &Delivery) -> bool {
    let is_for_all = digest.every.is_some() || digest.count.is_some();
    !is_notice(delivery) && (is_for_all || is_quiet(digest, delivery.firing.at))
}

/// When what is first in the queue may go.
pub(crate) fn due(digest: &Digest, state: &State, now: Timestamp) -> Due {
    let notices = state.notices();
    let (kept, first) = (state.queue.len() - notices, state.queue.get(notices));
    let Some(first) = first.filter(|_| notices == 0) else {
        return if notices > 0 { Due::Now(None) } else { Due::Never };
    };
    let at = first.delivery.firing.at;
    if let Some(quiet) = &digest.quiet {
        if quiet.0.is_open(now) {
            return quiet.0.next_change(now).map_or(Due::Never, Due::At);
        }
        if quiet.0.is_open(at) {
            return Due::Now(Some(Together::Quiet));
        }
    }
    if digest.every.is_none() && digest.count.is_none() {
        return Due::Now(None);
    }
    let is_enough = digest.count.is_some_and(|count| kept >= count);
    let until = digest.every.map(|every| at.plus(every));
    if is_enough || state.closed || until.is_some_and(|until| until <= now) {
        return Due::Now(Some(Together::Kept));
    }
    until.map_or(Due::Never, Due::At)
}

impl Shared {
    /// Whether the first of the queue may go now, and how; ends what has become too old while it was kept. `None`: it is kept.
    pub(super) fn may_go(&self, state: &mut State) -> Option<Option<Together>> {
        let Some(digest) = &self.action.digest else { return Some(None) };
        let now = self.clock.now();
        self.end_kept(state, now);
        if state.closed && is_quiet(digest, now) {
            // A night may be long. With a journal it is pending there, and the next run keeps it on.
            while let Some(at) = Some(state.notices()).filter(|at| *at < state.queue.len()) {
                let Some(kept) = state.remove(at) else { break };
                self.end(state, &kept.delivery, Outcome::Abandoned, 0);
            }
        }
        match due(digest, state, now) {
            Due::Now(together) => Some(together),
            Due::At(_) | Due::Never => None,
        }
    }

    /// Ends, one by one, what has become too old.
    fn end_kept(&self, state: &mut State, now: Timestamp) {
        let mut at = 0;
        while let Some(waiting) = state.queue.get(at) {
            if waiting.delivery.expires_at > now {
                at += 1;
            } else if let Some(old) = state.remove(at) {
                let is_kept = self.action.digest.as_ref().is_some_and(|digest| is_kept(digest, &old.delivery));
                state.missed.too_old += usize::from(is_kept);
                self.end(state, &old.delivery, Outcome::Expired, 0);
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
