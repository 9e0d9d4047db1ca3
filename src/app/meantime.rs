//! Entries that come while rules are made ready: windows that are to know the past know it up to then, and these after it.

use bytes::Bytes;

use crate::model::firing::Origin;
use crate::model::limits::MEANTIME_ENTRIES;
use crate::model::time::Timestamp;

/// When it came, how, and its text.
pub(super) type Came = (Timestamp, Origin, Bytes);

/// What has come since it is wanted.
#[derive(Debug, Default)]
pub(super) struct Meantime {
    wanted: bool,
    came: Vec<Came>,
    /// There was more.
    is_cut: bool,
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
        self.is_cut |= self.came.len() >= MEANTIME_ENTRIES;
        if !self.is_cut {
            self.came.push((at, origin, text.clone()));
        }
    }

    /// All that has come. `None`: it is more than is kept.
    pub(super) fn take(&mut self) -> Option<Vec<Came>> {
        let Self { came, is_cut, .. } = std::mem::take(self);
        (!is_cut).then_some(came)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_it_is_wanted_is_kept_up_to_a_bound_and_what_is_cut_is_not_taken_for_all() {
        let (mut meantime, at) = (Meantime::default(), Timestamp::from_millis(0));
        let come = |meantime: &mut Meantime, count| (0..count).for_each(|_| meantime.note(at, Origin::Live, &Bytes::new()));
        come(&mut meantime, 3);
        meantime.want(true);
        come(&mut meantime, 2);
        meantime.want(true);
        assert_eq!(meantime.take().map(|came| came.len()), Some(2));
        meantime.want(true);
        come(&mut meantime, MEANTIME_ENTRIES + 1);
        assert_eq!(meantime.take(), None);
    }
}
