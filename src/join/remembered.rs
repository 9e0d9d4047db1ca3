//! One remembered tweet: its distinct parts in their canonical order, and the tweet that they make.

use super::Bounds;
use super::merge::merge;
use super::packed::{Packed, Packer};
use super::part::Rank;
use crate::model::ids::TweetId;
use crate::model::subject::Tweet;
use crate::model::time::Timestamp;

/// One remembered tweet.
#[derive(Debug)]
pub(super) struct Remembered<S> {
    pub(super) id: TweetId,
    /// What the engine hangs on it.
    pub(super) state: S,
    /// When we first heard of it.
    pub(super) since: Timestamp,
    /// What it takes, near enough.
    pub(super) bytes: usize,
    /// When the feed said that it was deleted.
    deleted_at: Option<Timestamp>,
    parts: Parts,
}

/// What one envelope says. The order is by rank, then by time, and what it says decides between equals: nothing depends on which came first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    rank: Rank,
    ts: Option<Timestamp>,
    says: Packed,
}

impl Part {
    /// What it takes: the same for all that say the same.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.says.as_bytes().len()
    }
}

/// Sorted; no two say the same. Most tweets never have more than one.
#[derive(Debug)]
enum Parts {
    One(Part),
    Many(Vec<Part>),
}

impl Parts {
    fn as_slice(&self) -> &[Part] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Many(parts) => parts,
        }
    }

    fn remove(&mut self, place: usize) -> Option<Part> {
        match std::mem::replace(self, Self::Many(Vec::new())) {
            Self::One(part) => (place == 0).then_some(part),
            Self::Many(mut parts) => {
                let removed = (place < parts.len()).then(|| parts.remove(place));
                *self = Self::Many(parts);
                removed
            }
        }
    }

    fn insert(&mut self, place: usize, part: Part) {
        *self = match std::mem::replace(self, Self::Many(Vec::new())) {
            Self::Many(parts) if parts.is_empty() => Self::One(part),
            Self::One(one) => Self::Many(if place == 0 { vec![part, one] } else { vec![one, part] }),
            Self::Many(mut parts) => {
                parts.insert(place.min(parts.len()), part);
                Self::Many(parts)
            }
        };
    }
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
        // Its number stands in a table that has room for twice as many.
        let bytes = size_of::<Self>() + 2 * (size_of::<u32>() + 1) + id.bytes();
        Self { id, state: S::default(), since, bytes, deleted_at: None, parts: Parts::Many(Vec::new()) }
    }

    /// Takes in what an envelope says. Of two that say the same the earlier `ts` counts; of too many the last in the order go, so that even then
    /// it does not matter which came first.
    pub(super) fn learn(
        &mut self,
        (rank, ts, says): (Rank, Option<Timestamp>, &Tweet<&str>),
        bounds: Bounds,
        packer: &mut Packer,
    ) -> Learned {
        let packed = packer.pack(says);
        let same = |known: &Part| known.rank == rank && known.says.as_bytes() == packed;
        let same = self.parts.as_slice().iter().position(same);
        if same.and_then(|place| self.parts.as_slice().get(place)).is_some_and(|known| known.ts <= ts) {
            return Learned::default();
        }
        let part = Part { rank, ts, says: Packed::new(packed) };
        // Before anything is folded: who floods a tweet with parts is not to have it folded for each of them.
        if same.is_none() && self.refuses(&part, bounds) {
            return Learned { changed: false, refused: true };
        }
        let before = self.before(rank, packer);
        if let Some(place) = same {
            self.forget(place);
        }
        let place = self.parts.as_slice().partition_point(|known| *known < part);
        self.bytes += part.bytes();
        self.parts.insert(place, part);

        let of_rank = || self.parts.as_slice().iter().filter(|known| known.rank == rank);
        let refused = of_rank().count() > bounds.parts;
        if refused && let Some(last) = self.parts.as_slice().iter().rposition(|known| known.rank == rank) {
            self.forget(last);
        }
        let changed = before.map_or(!refused, |before| before.as_bytes() != packer.pack(&self.tweet()));
        Learned { changed, refused }
    }

    /// There is no room for it, or it would be the last of too many.
    fn refuses(&self, part: &Part, bounds: Bounds) -> bool {
        let mut of_rank = self.parts.as_slice().iter().filter(|known| known.rank == part.rank);
        let is_full = of_rank.clone().count() >= bounds.parts;
        let is_last = of_rank.next_back().is_none_or(|last| last < part);
        is_full && is_last || self.bytes + part.bytes() > bounds.bytes / 8
    }

    /// The tweet before a part of this rank is learned, to be held against the tweet afterwards. `None`: it will be another in any case, as the first
    /// content, update or meta says at least that there is one.
    fn before(&self, rank: Rank, packer: &mut Packer) -> Option<Packed> {
        let is_first = rank != Rank::Pin && self.parts.as_slice().iter().all(|known| known.rank != rank);
        (!is_first).then(|| Packed::new(packer.pack(&self.tweet())))
    }

    /// The feed said that it was deleted; the earliest such moment counts.
    pub(super) fn deleted(&mut self, at: Timestamp) {
        self.deleted_at = Some(self.deleted_at.map_or(at, |known| known.min(at)));
    }

    /// The earliest moment at which the feed spoke of it.
    pub(super) fn first_ts(&self) -> Option<Timestamp> {
        self.parts.as_slice().iter().filter_map(|part| part.ts).min()
    }

    /// Whether a part of this rank is all that was ever said of it.
    pub(super) fn is_only(&self, rank: Rank) -> bool {
        matches!(&self.parts, Parts::One(part) if part.rank == rank) && self.deleted_at.is_none()
    }

    /// Whether a content and a meta are all that was ever said of it.
    pub(super) fn is_content_with_meta(&self) -> bool {
        let ranks = self.parts.as_slice().iter().map(|part| part.rank);
        ranks.eq([Rank::Content, Rank::Meta]) && self.deleted_at.is_none()
    }

    /// The fold over the parts, with the moment of its deletion.
    pub(super) fn tweet(&self) -> Tweet<&str> {
        fold(self.id.clone(), self.parts.as_slice(), self.deleted_at)
    }

    /// The tweet, what hangs on it, and the earliest moment at which the feed spoke of it.
    #[inline]
    pub(super) fn with_state(&mut self) -> (Tweet<&str>, &mut S, Option<Timestamp>) {
        let first_ts = self.first_ts();
        (fold(self.id.clone(), self.parts.as_slice(), self.deleted_at), &mut self.state, first_ts)
    }

    fn forget(&mut self, place: usize) {
        if let Some(part) = self.parts.remove(place) {
            self.bytes = self.bytes.saturating_sub(part.bytes());
        }
    }
}

#[inline]
fn fold(id: TweetId, parts: &[Part], deleted_at: Option<Timestamp>) -> Tweet<&str> {
    let mut tweet = match parts {
        [] => Tweet::unknown(id),
        [first, ..] => first.says.unpack(id),
    };
    for part in parts.iter().skip(1) {
        merge(&mut tweet, part.says.unpack(TweetId::default()));
    }
    tweet.deleted_at = deleted_at;
    tweet
}
