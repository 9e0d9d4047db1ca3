//! Entries that come while rules are made ready: windows that are to know the past know it up to then, and these after it.

use std::sync::Arc;

use bytes::Bytes;

use crate::model::firing::{FiringBrief, Origin};
use crate::model::limits::{MEANTIME_BYTES, MEANTIME_ENTRIES};
use crate::model::time::Timestamp;

/// When it came, how, and its text.
pub(super) type Came = (Timestamp, Origin, Bytes);

/// What has come since it is wanted.
#[derive(Debug, Default)]
pub(super) struct Meantime {
    wanted: bool,
    came: Vec<Came>,
    bytes: usize,
    /// There was more than is kept.
    is_cut: bool,
    /// Deliveries that have come to nothing, by firing and action.
    unsent: Vec<(Arc<FiringBrief>, usize)>,
}

impl Meantime {
    /// What comes is wanted, or not any more.
    pub(super) fn want(&mut self, wanted: bool) {
        if self.wanted != wanted {
            *self = Self { wanted, ..Self::default() };
        }
    }

    /// An entry has come.
    pub(super) fn note(&mut self, at: Timestamp, origin: Origin, text: &Bytes) {
        if !self.wanted {
            return;
        }
        self.is_cut |= self.came.len() >= MEANTIME_ENTRIES || self.bytes >= MEANTIME_BYTES;
        if !self.is_cut {
            self.bytes += text.len();
            self.came.push((at, origin, text.clone()));
        }
    }

    /// A delivery has come to nothing unsent.
    pub(super) fn note_unsent(&mut self, firing: &Arc<FiringBrief>, action: usize) {
        if self.wanted && self.unsent.len() < MEANTIME_ENTRIES {
            self.unsent.push((Arc::clone(firing), action));
        }
    }

    /// What has come to nothing since it is wanted.
    pub(super) fn take_unsent(&mut self) -> Vec<(Arc<FiringBrief>, usize)> {
        std::mem::take(&mut self.unsent)
    }

    /// How much has come since it was taken.
    pub(super) fn len(&self) -> usize {
        self.came.len()
    }

    /// What has come since it was taken the last time.
    pub(super) fn take(&mut self) -> Vec<Came> {
        self.bytes = 0;
        std::mem::take(&mut self.came)
    }

    /// Some of what came is not kept.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_it_is_wanted_is_kept_up_to_a_bound_and_it_is_known_when_there_was_more() {
        let (mut meantime, at) = (Meantime::default(), Timestamp::from_millis(0));
        let come = |meantime: &mut Meantime, count| (0..count).for_each(|_| meantime.note(at, Origin::Live, &Bytes::new()));
        come(&mut meantime, 3);
        meantime.want(true);
        come(&mut meantime, 2);
        meantime.want(true);
        assert_eq!((meantime.take().len(), meantime.len()), (2, 0));
        come(&mut meantime, MEANTIME_ENTRIES);
        assert!(!meantime.is_cut());
        come(&mut meantime, 1);
        assert_eq!((meantime.is_cut(), meantime.take().len()), (true, MEANTIME_ENTRIES));
        meantime.want(false);
        meantime.want(true);
        let large = Bytes::from(vec![0; MEANTIME_BYTES]);
        (0..2).for_each(|_| meantime.note(at, Origin::Live, &large));
        assert_eq!((meantime.is_cut(), meantime.len()), (true, 1));
    }
}
