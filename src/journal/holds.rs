//! When a run did not hear the feed, as its journal says → when its waits were held, so that they end in a replay when they ended then.

use std::collections::VecDeque;
use std::time::Duration;

use super::{JournalError, Reader};
use crate::engine::Hold;
use crate::model::firing::Origin;
use crate::model::limits::HISTORY_SETTLE;
use crate::model::time::Timestamp;

/// The newest gaps that are looked at; more than a year of bad days.
const GAPS: usize = 100_000;

/// What comes so long after the rest was fetched came of a second look.
const SECOND_LOOK: Duration = HISTORY_SETTLE.saturating_sub(Duration::from_secs(5));

/// A gap, and until when what was missed was being fetched.
#[derive(Debug)]
struct Held {
    from: Timestamp,
    to: Timestamp,
    fetched: Option<Timestamp>,
}

/// Gaps that are still to come, and where the replay is in the one at hand.
#[derive(Debug, Default)]
pub struct Holds {
    gaps: VecDeque<Held>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Heard,
    /// Nobody listens.
    Deaf,
    /// Heard again, and what was missed is being fetched.
    Fetching,
}

impl Holds {
    /// Those of a journal from `since` on. When what was missed had come is told by the entries that it brought.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read(reader: &mut Reader, since: Timestamp) -> Result<Self, JournalError> {
        let all = reader.gaps(GAPS)?.into_iter().rev().filter(|gap| gap.to >= since);
        let mut gaps: Vec<_> = all.map(|gap| Held { from: gap.from, to: gap.to, fetched: None }).collect();
        gaps.sort_by_key(|gap| gap.from);
        if let Some(first) = gaps.first().map(|gap| gap.from.max(since)) {
            let mut at_hand = 0;
            reader.recent(first, usize::MAX, |entry| {
                if entry.origin != Origin::Backfill {
                    return;
                }
                while gaps.get(at_hand + 1).is_some_and(|next| next.to <= entry.at) {
                    at_hand += 1;
                }
                if let Some(gap) = gaps.get_mut(at_hand).filter(|gap| gap.to <= entry.at) {
                    let latest = gap.fetched.unwrap_or(gap.to);
                    // The second look, for what came into the history late, held nothing.
                    if entry.at < latest.plus(SECOND_LOOK) {
                        gap.fetched = Some(entry.at);
                    }
                }
            })?;
        }
        Ok(Self { gaps: gaps.into(), stage: Stage::Heard })
    }

    /// What has changed by the time that an entry comes.
    pub fn before(&mut self, at: Timestamp, origin: Origin, mut hold: impl FnMut(Timestamp, Hold)) {
        while let Some(gap) = self.gaps.front() {
            if self.stage == Stage::Heard && at > gap.from {
                hold(gap.from, Hold::Everything);
                self.stage = Stage::Deaf;
            }
            if self.stage == Stage::Deaf && at >= gap.to {
                hold(gap.to, Hold::Before(gap.to));
                self.stage = Stage::Fetching;
            }
            // What is fetched at the same moment still belongs to it.
            let is_fetched = gap.fetched.is_none_or(|fetched| at > fetched || (at == fetched && origin == Origin::Live));
            if self.stage != Stage::Fetching || !is_fetched {
                return;
            }
            hold(gap.fetched.unwrap_or(gap.to), Hold::Nothing);
            self.stage = Stage::Heard;
            self.gaps.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// What changes before each of these entries.
    fn told(gaps: &[(i64, i64, Option<i64>)], entries: &[(i64, Origin)]) -> Vec<Vec<(i64, Hold)>> {
        let held =
            |(from, to, fetched): &(i64, i64, Option<i64>)| Held { from: at(*from), to: at(*to), fetched: fetched.map(at) };
        let mut gaps = Holds { gaps: gaps.iter().map(held).collect(), stage: Stage::Heard };
        let told = entries.iter().map(|(ms, origin)| {
            let mut told = Vec::new();
            gaps.before(at(*ms), *origin, |moment, hold| told.push((moment.as_millis(), hold)));
            told
        });
        told.collect()
    }

    #[test]
    fn waits_are_held_from_the_loss_until_what_was_missed_has_come() {
        let entries = [(9, Origin::Live), (10, Origin::Live), (25, Origin::Live), (30, Origin::Backfill), (31, Origin::Live)];
        let before = (20, Hold::Before(at(20)));
        let expected = [vec![], vec![], vec![(10, Hold::Everything), before], vec![], vec![(30, Hold::Nothing)]];
        assert_eq!(told(&[(10, 20, Some(30))], &entries), expected);
    }

    #[test]
    fn a_gap_of_which_nothing_came_is_over_when_the_feed_is_heard_again() {
        let all = vec![(10, Hold::Everything), (20, Hold::Before(at(20))), (20, Hold::Nothing)];
        assert_eq!(told(&[(10, 20, None)], &[(40, Origin::Live), (41, Origin::Live)]), [all.clone(), vec![]]);
        let next = vec![(50, Hold::Everything), (60, Hold::Before(at(60))), (60, Hold::Nothing)];
        assert_eq!(told(&[(10, 20, None), (50, 60, None)], &[(70, Origin::Live)]), [[all, next].concat()]);
    }
}
