//! When a run did not hear the feed, as its journal says → when its waits were held, so that they end in a replay when they ended then.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use super::reader::OLDER;
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

impl Held {
    /// What comes from then on is of the second look, for what came into the history late, which held nothing.
    fn second_look(&self) -> Timestamp {
        self.fetched.unwrap_or(self.to).plus(SECOND_LOOK)
    }
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
        let gaps = reader.gaps(GAPS)?.into_iter().map(|gap| (gap.from, gap.to));
        Self::of(reader, since, gaps.collect())
    }

    /// The same until somebody who heard of something at `heard`, and then listened for `listening`, was done with that: what came later is not read.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read_until(
        reader: &mut Reader,
        (since, heard): (Timestamp, Timestamp),
        listening: Duration,
    ) -> Result<Self, JournalError> {
        let mut gaps: Vec<_> = reader.gaps(GAPS)?.into_iter().map(|gap| (gap.from, gap.to)).collect();
        gaps.sort_unstable();
        let mut end = heard.plus(listening);
        gaps.retain(|(from, to)| {
            let begins_before = *from <= end;
            if begins_before {
                end = end.plus(to.since(heard.max(*from)));
            }
            begins_before
        });
        Self::of(reader, since, gaps)
    }

    fn of(reader: &mut Reader, since: Timestamp, gaps: Vec<(Timestamp, Timestamp)>) -> Result<Self, JournalError> {
        let gaps = gaps.into_iter().filter(|(_, to)| *to >= since);
        let mut gaps: Vec<_> = gaps.map(|(from, to)| Held { from, to, fetched: None }).collect();
        gaps.sort_by_key(|gap| gap.from);
        if let Some(first) = gaps.first() {
            // It did not know at once that nothing was heard any more: what ended until then has ended.
            let fired = reader.fired_live(first.from)?;
            for gap in &mut gaps {
                let before = fired.partition_point(|at| *at < gap.to);
                gap.from = before.checked_sub(1).and_then(|last| fired.get(last)).map_or(gap.from, |at| gap.from.max(*at));
            }
        }
        if let Some(first) = gaps.first().map(|gap| gap.from.max(since)) {
            let (mut at_hand, mut later) = (0, 0);
            reader.came(first, |at, origin| {
                if origin == Origin::Backfill {
                    while gaps.get(at_hand + 1).is_some_and(|next| next.to <= at) {
                        at_hand += 1;
                    }
                    if let Some(gap) = gaps.get_mut(at_hand).filter(|gap| gap.to <= at && at < gap.second_look()) {
                        gap.fetched = Some(at);
                    }
                }
                // Numbers tell the order and times need not.
                later = if gaps.last().is_some_and(|last| at >= last.second_look()) { later + 1 } else { 0 };
                if later >= OLDER { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        Ok(Self { gaps: gaps.into(), stage: Stage::Heard })
    }

    /// While something is held: when that may change next.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let gap = self.gaps.front()?;
        match self.stage {
            Stage::Heard => None,
            Stage::Deaf => Some(gap.to),
            Stage::Fetching => Some(gap.fetched.unwrap_or(gap.to)),
        }
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

    #[tokio::test]
    async fn what_fired_before_it_was_known_that_nothing_is_heard_was_not_held() {
        use crate::journal::{GapRow, GapState, Record, Settings};
        use crate::model::firing::FiringBrief;
        use crate::model::ids::FiringId;
        let folder = tempfile::tempdir().unwrap();
        let (journal, writer) = crate::journal::open(folder.path(), Settings::default(), crate::clock::Clock::system()).unwrap();
        let writer = std::thread::spawn(writer);
        let now = jiff::Timestamp::now().as_millisecond();
        for (ms, late) in [(5, false), (12, false), (50, true), (100, false), (130, false)] {
            let (id, rule, subject) = (FiringId::of("r", &ms.to_string(), ""), "r".into(), ms.to_string());
            let firing = FiringBrief { id, rule, subject, at: at(now + ms), late };
            journal.record(Record { firings: vec![firing.into()], ..Record::default() });
        }
        for (from, to) in [(10, 100), (120, 125)] {
            journal.gap(GapRow { from: at(now + from), to: at(now + to), state: GapState::Filled, why: String::new() });
        }
        assert!(journal.flush().await);
        drop(journal);
        writer.join().unwrap();
        let mut holds = Holds::read(&mut Reader::open(folder.path()).unwrap(), at(now)).unwrap();
        let mut told = Vec::new();
        holds.before(at(now + 1_000), Origin::Live, |moment, hold| told.push((moment.as_millis() - now, hold)));
        let held: Vec<_> = told.into_iter().filter(|(_, hold)| *hold == Hold::Everything).map(|(ms, _)| ms).collect();
        assert_eq!(held, [12, 120]);
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
    fn while_something_is_held_it_is_known_when_that_changes_next() {
        let mut gaps = Holds { gaps: [Held { from: at(10), to: at(20), fetched: Some(at(30)) }].into(), stage: Stage::Heard };
        for (ms, next) in [(10, None), (11, Some(20)), (19, Some(20)), (20, Some(30)), (30, None)] {
            gaps.before(at(ms), Origin::Live, |_, _| {});
            assert_eq!(gaps.next(), next.map(at), "{ms}");
        }
    }

    #[test]
    fn a_gap_of_which_nothing_came_is_over_when_the_feed_is_heard_again() {
        let all = vec![(10, Hold::Everything), (20, Hold::Before(at(20))), (20, Hold::Nothing)];
        assert_eq!(told(&[(10, 20, None)], &[(40, Origin::Live), (41, Origin::Live)]), [all.clone(), vec![]]);
        let next = vec![(50, Hold::Everything), (60, Hold::Before(at(60))), (60, Hold::Nothing)];
        assert_eq!(told(&[(10, 20, None), (50, 60, None)], &[(70, Origin::Live)]), [[all, next].concat()]);
    }
}
