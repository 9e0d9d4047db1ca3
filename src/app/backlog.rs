//! A flood waits for the journal: what it has no room for would be left out, and whoever sends a flood can wait. So after a turn of frames the loop
//! sleeps for the longer, the fuller the journal is, which also gives its writer a processor that it may not get otherwise
//! ([`priority`](crate::priority)). A disk that takes nothing is hardly waited for: alerts go on, and what is left out then is counted.

use std::time::Duration;

use crate::journal::Journal;

/// So long at a time.
const MOMENT: Duration = Duration::from_millis(1);
/// The journal is waited for from so many sixteenths of its room on.
const FROM: u32 = 8;
/// For twice as long with each sixteenth more, so often: while the writer stands still for the log's copying, which takes half a second, there is
/// room for what is read meanwhile.
const DOUBLED: u32 = 4;
/// After so many turns in a row in which the writer took nothing, only one in [`SELDOM`] is waited for: it may be that it cannot, or that nobody
/// lets it.
const PATIENCE: u32 = 100;
const SELDOM: u32 = 16;

/// What waiting for the writer has come to.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// How often the writer had taken something when it was last waited for.
    taken: u64,
    /// In vain, in a row.
    turns: u32,
    /// The same a second ago.
    before: u64,
}

impl Backlog {
    /// Lets others have their turn, for longer if the journal fills or an order waits for it.
    pub(super) async fn wait(&mut self, journal: Option<&Journal>) {
        tokio::task::yield_now().await;
        let Some(journal) = journal else { return };
        let filled = journal.filled();
        if filled >= FROM && self.helps(journal.taken().0) {
            tokio::time::sleep(MOMENT * (1 << (filled - FROM).min(DOUBLED))).await;
        } else if journal.is_awaited() {
            tokio::time::sleep(MOMENT).await;
        }
    }

    /// Whether to wait once more for a writer that has taken something so often.
    fn helps(&mut self, taken: u64) -> bool {
        if taken != self.taken {
            (self.taken, self.turns) = (taken, 0);
        }
        self.turns = self.turns.saturating_add(1);
        self.turns <= PATIENCE || self.turns.is_multiple_of(SELDOM)
    }

    /// Once a second: if the writer has taken nothing since the last time though there was something, the processor is left to it for a moment. It
    /// may wait for that while something in the loop waits for it, and does so by asking again and again.
    pub(super) fn leave_room(&mut self, journal: Option<&Journal>) {
        let Some((taken, is_waiting)) = journal.map(Journal::taken) else { return };
        if is_waiting && taken == self.before {
            std::thread::sleep(MOMENT);
        }
        self.before = taken;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::clock::Clock;
    use crate::journal::{EntryRow, Record, Settings};
    use crate::model::firing::Origin;
    use crate::model::limits::JOURNAL_SHED_ITEMS;
    use crate::model::time::Timestamp;

    fn fill(journal: &Journal, entries: usize) {
        for _ in 0..entries {
            let entry = EntryRow { at: Timestamp::from_millis(1), origin: Origin::Live, matched: false, text: "{}".into() };
            journal.record(Record { entry: Some(entry), ..Record::default() });
        }
    }

    async fn waited(backlog: &mut Backlog, journal: Option<&Journal>) -> u128 {
        let before = Instant::now();
        backlog.wait(journal).await;
        before.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn the_fuller_the_journal_is_the_longer_a_turn_waits_and_where_nothing_is_taken_hardly_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _writer) = crate::journal::open(folder.path(), Settings::default(), Clock::system()).unwrap();
        let mut backlog = Backlog::default();
        assert_eq!(waited(&mut backlog, None).await, 0);
        fill(&journal, JOURNAL_SHED_ITEMS / 2 - 1);
        assert_eq!(waited(&mut backlog, Some(&journal)).await, 0);
        fill(&journal, 1);
        assert_eq!(waited(&mut backlog, Some(&journal)).await, 1);
        fill(&journal, JOURNAL_SHED_ITEMS / 2 - 1);
        assert_eq!(waited(&mut backlog, Some(&journal)).await, 16);
        let mut turns = Vec::new();
        for _ in 0..10 * SELDOM {
            turns.push(waited(&mut backlog, Some(&journal)).await);
        }
        // Two of the patience are gone already.
        assert_eq!(turns.iter().filter(|waited| **waited > 0).count(), 98 + 4);
        assert!(turns.iter().skip(98).filter(|waited| **waited > 0).count() == 4, "a starved writer still gets a turn");
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_that_waits_for_its_intent_is_reason_enough() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _writer) = crate::journal::open(folder.path(), Settings::default(), Clock::system()).unwrap();
        let mut backlog = Backlog::default();
        assert_eq!(waited(&mut backlog, Some(&journal)).await, 0);
        let mut flushed = std::pin::pin!(journal.flush());
        let is_pending = std::future::poll_fn(|cx| std::task::Poll::Ready(flushed.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending);
        assert_eq!(waited(&mut backlog, Some(&journal)).await, 1);
    }
}
