//! Waits for what may still be said of a tweet: which one is over next, and which are held.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use crate::model::ids::TweetId;
use crate::model::limits::JOIN_TWEETS;
use crate::model::time::Timestamp;

/// Which waits do not end for now, as what rules wait for may have been said while nobody listened, and is still to be fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// None is held.
    #[default]
    Nothing,
    /// All but those of tweets whose content came live, then or later: all that is said of them is heard.
    Before(Timestamp),
    /// Nobody listens.
    Everything,
}

/// The end of a wait, what of, and how long it was.
pub(super) type Wait = (Timestamp, TweetId, Duration);

/// All waits.
#[derive(Debug, Default)]
pub(super) struct Waits {
    due: BinaryHeap<Reverse<Wait>>,
    /// They are over, and held.
    aside: Vec<Wait>,
    hold: Hold,
    /// So many were left when those of forgotten tweets went the last time.
    kept: usize,
}

impl Waits {
    pub(super) fn hold(&self) -> Hold {
        self.hold
    }

    pub(super) fn set_hold(&mut self, hold: Hold) {
        if self.hold != hold {
            self.hold = hold;
            self.due.extend(self.aside.drain(..).map(Reverse));
        }
    }

    pub(super) fn push(&mut self, wait: Wait) {
        self.due.push(Reverse(wait));
    }

    /// What is waited for, each once.
    pub(super) fn tweets(&self) -> BTreeSet<TweetId> {
        let due = self.due.iter().map(|Reverse((_, id, _))| id);
        due.chain(self.aside.iter().map(|(_, id, _)| id)).cloned().collect()
    }

    /// When the next one may be over.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let next = self.due.peek().map(|Reverse((at, ..))| *at);
        next.filter(|_| self.hold != Hold::Everything)
    }

    /// The next one that is over by `to` and not held.
    pub(super) fn pop(&mut self, to: Timestamp, mut is_held: impl FnMut(&TweetId) -> bool) -> Option<Wait> {
        while self.next().is_some_and(|at| at <= to)
            && let Some(Reverse(wait)) = self.due.pop()
        {
            if !is_held(&wait.1) {
                return Some(wait);
            }
            self.aside.push(wait);
        }
        None
    }

    /// Lets go of the waits of tweets that are not known any more, now and then: while all are held their number would grow with that of
    /// the tweets that come.
    pub(super) fn forget(&mut self, mut is_known: impl FnMut(&TweetId) -> bool) {
        if self.len() < 2 * self.kept.max(JOIN_TWEETS) {
            return;
        }
        self.due.retain(|Reverse((_, id, _))| is_known(id));
        self.aside.retain(|(_, id, _)| is_known(id));
        self.kept = self.len();
    }

    fn len(&self) -> usize {
        self.due.len() + self.aside.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_forgotten_tweets_do_not_grow_without_bound_while_all_are_held() {
        let (mut waits, many) = (Waits::default(), 10 * JOIN_TWEETS);
        waits.set_hold(Hold::Everything);
        for n in 0..many {
            waits.push((Timestamp::from_millis(0), TweetId::new(&n.to_string()), Duration::ZERO));
            // The joiner knows the latest.
            let oldest = (n + 1).saturating_sub(JOIN_TWEETS);
            waits.forget(|id| id.to_string().parse::<usize>().unwrap() >= oldest);
            assert!(waits.len() <= 2 * JOIN_TWEETS, "after {n}");
        }
        waits.set_hold(Hold::Nothing);
        let left = std::iter::from_fn(|| waits.pop(Timestamp::from_millis(0), |_| false)).count();
        assert!(left >= JOIN_TWEETS, "{left}: none of a known tweet is lost");
    }
}
