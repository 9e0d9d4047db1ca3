//! What is muted while it is on its way: it ends when its turn comes, between two attempts, and before its first byte leaves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::model::delivery::{Delivery, Outcome, Suppression};
use crate::model::subject::Str;
use crate::model::time::Timestamp;

use super::job::{Job, Member};
use super::lane::{Lane, is_notice};
use super::state::State;

pub(crate) const MUTED: Outcome = Outcome::Suppressed { reason: Suppression::Muted };

/// A mute of all that a rule sends through a lane, or of all that goes through it, but for notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneMute {
    /// `None`: of whatever rule.
    pub rule: Option<Str>,
    /// It holds nothing at or after this moment.
    pub until: Timestamp,
}

impl Lane {
    /// From now on these hold, in the place of those before. An order whose bytes are leaving goes on, and what became of it is told as ever.
    pub fn set_mutes(&self, mutes: Vec<LaneMute>) {
        self.shared.has_mutes.store(!mutes.is_empty(), Ordering::Relaxed);
        self.shared.state().mutes = mutes;
        self.shared.news.notify_waiters();
        self.shared.muted.notify_waiters();
    }
}

impl LaneMute {
    fn holds(&self, delivery: &Delivery, now: Timestamp) -> bool {
        now < self.until && !is_notice(delivery) && self.rule.as_ref().is_none_or(|rule| *rule == delivery.firing.rule)
    }
}

impl Job {
    /// Ends what is muted by now. An order of which an attempt may have arrived ends as that.
    pub(super) fn end_muted(&mut self, state: &mut State) {
        if state.mutes.is_empty() {
            return;
        }
        let (shared, outcome, now) = (Arc::clone(&self.shared), self.progress.ending(MUTED), self.shared.clock.now());
        let mutes = std::mem::take(&mut state.mutes);
        let is_muted = |member: &mut Member| mutes.iter().any(|mute| mute.holds(&member.waiting.delivery, now));
        for member in self.members.extract_if(.., is_muted) {
            member.end(&shared, state, outcome.clone());
        }
        state.mutes = mutes;
    }

    /// Whether any of it is muted.
    pub(super) fn is_muted(&self) -> bool {
        if !self.shared.has_mutes.load(Ordering::Relaxed) {
            return false;
        }
        let (state, now) = (self.shared.state(), self.shared.clock.now());
        let is_muted = |member: &Member| state.mutes.iter().any(|mute| mute.holds(&member.waiting.delivery, now));
        self.members.iter().any(is_muted)
    }

    /// Waits between two attempts, for so long at most: what makes another attempt worth while ends that, or forbids it. What is muted meanwhile
    /// ends at once, and what is left goes on waiting.
    pub(super) async fn rest(&mut self, pause: Duration) {
        let (shared, until) = (Arc::clone(&self.shared), tokio::time::Instant::now() + pause);
        let mut hope = std::pin::pin!(shared.hope.notified());
        loop {
            // From here on, so that none is missed.
            let muted = shared.muted.notified();
            if self.is_muted() {
                self.end_muted(&mut shared.state());
            }
            if self.members.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                () = &mut hope => return,
                () = tokio::time::sleep_until(until) => return,
                () = shared.disarmed() => return,
                () = muted => {}
            }
        }
    }
}
