//! One remembered tweet: its distinct parts in their canonical order, and the tweet that they make.

use std::sync::Arc;

use super::Bounds;
use super::merge::merge;
use super::part::Part;
use crate::model::ids::TweetId;
use crate::model::subject::Tweet;
use crate::model::time::Timestamp;

/// One remembered tweet.
#[derive(Debug)]
pub(super) struct Remembered<S> {
    /// The fold over `parts`, with the moment of its deletion.
    pub(super) tweet: Arc<Tweet>,
    /// What the engine hangs on it.
    pub(super) state: S,
    /// When we first heard of it.
    pub(super) since: Timestamp,
    /// What it takes, near enough.
    pub(super) bytes: usize,
    /// Sorted; no two say the same.
    parts: Vec<Part>,
}

/// What came of a part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Learned {
    /// The tweet is another one now.
    pub(super) changed: bool,
    /// A part was not kept: this one, or one that comes after it in the order.
    pub(super) refused: bool,
}

impl<S: Default> Remembered<S> {
    pub(super) fn new(id: TweetId, since: Timestamp) -> Self {
        // The id stands in the map, the ring and the tweet, but is one allocation.
        let bytes = size_of::<Self>() + size_of::<Tweet>() + 4 * size_of::<TweetId>() + id.as_str().len();
        Self { tweet: Arc::new(Tweet::unknown(id)), state: S::default(), since, bytes, parts: Vec::new() }
    }

    /// Takes in a part. Of two that say the same the earlier `ts` counts; of too many the last in the order go, so that even then it does
    /// not matter which came first.
    pub(super) fn learn(&mut self, part: Part, bounds: Bounds) -> Learned {
        let part = match self.parts.iter().position(|known| known.rank == part.rank && known.says == part.says) {
            Some(place) => {
                let Some(known) = self.parts.get_mut(place) else { return Learned::default() };
                // The same can be said at greater length (a token listed twice); what counts must not depend on which came first.
                let longer = known.bytes.saturating_sub(part.bytes);
                known.bytes -= longer;
                self.bytes = self.bytes.saturating_sub(longer);
                if known.ts <= part.ts {
                    return Learned::default();
                }
                Part { ts: part.ts, ..self.forget(place) }
            }
            None => part,
        };
        if self.bytes + part.bytes > bounds.bytes / 8 {
            return Learned { changed: false, refused: true };
        }
        let rank = part.rank;
        let place = self.parts.partition_point(|known| *known < part);
        let is_last = place == self.parts.len();
        self.bytes += part.bytes;
        self.parts.insert(place, part);

        let of_rank = self.parts.iter().filter(|known| known.rank == rank).count();
        if of_rank > bounds.parts {
            let last = self.parts.iter().rposition(|known| known.rank == rank).unwrap_or(place);
            self.forget(last);
            return Learned { changed: last != place && self.fold_anew(), refused: true };
        }
        let changed = if is_last { self.fold_last() } else { self.fold_anew() };
        Learned { changed, refused: false }
    }

    /// The feed said that it was deleted; the earliest such moment counts.
    pub(super) fn deleted(&mut self, at: Timestamp) -> Learned {
        if self.tweet.deleted_at.is_some_and(|known| known <= at) {
            return Learned::default();
        }
        Arc::make_mut(&mut self.tweet).deleted_at = Some(at);
        Learned { changed: true, refused: false }
    }

    /// The earliest moment at which the feed spoke of it.
    pub(super) fn first_ts(&self) -> Option<Timestamp> {
        self.parts.iter().filter_map(|part| part.ts).min()
    }

    fn forget(&mut self, place: usize) -> Part {
        let part = self.parts.remove(place);
        self.bytes = self.bytes.saturating_sub(part.bytes);
        part
    }

    /// Continues the fold with the last part. The same as folding anew, as a fold goes from left to right.
    fn fold_last(&mut self) -> bool {
        let tweet = match self.parts.as_slice() {
            [] => return false,
            [only] => self.with_deletion(Arc::clone(&only.says)),
            [.., last] => {
                let mut tweet = Tweet::clone(&self.tweet);
                merge(&mut tweet, &last.says);
                Arc::new(tweet)
            }
        };
        self.replace(tweet)
    }

    fn fold_anew(&mut self) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return false };
        let mut tweet = Arc::clone(&first.says);
        for part in rest {
            merge(Arc::make_mut(&mut tweet), &part.says);
        }
        let tweet = self.with_deletion(tweet);
        self.replace(tweet)
    }

    fn with_deletion(&self, mut tweet: Arc<Tweet>) -> Arc<Tweet> {
        if self.tweet.deleted_at.is_some() {
            Arc::make_mut(&mut tweet).deleted_at = self.tweet.deleted_at;
        }
        tweet
    }

    fn replace(&mut self, tweet: Arc<Tweet>) -> bool {
        let changed = *self.tweet != *tweet;
        if changed {
            self.tweet = tweet;
        }
        changed
    }
}
