//! A flood is read no faster than the journal can write it: what it has no room for would be left out, and whoever sends a flood can wait. So after
//! a turn of frames the loop sleeps for a moment while the journal is behind, which also gives its writer a processor that it may have to itself.
//! A disk that takes nothing is not waited for: alerts go on, and what is left out then is counted.

use std::time::Duration;

use crate::journal::Journal;

/// So long at a time.
const MOMENT: Duration = Duration::from_millis(1);
/// After so many in a row in which the writer took nothing it is waited for no more, until it does.
const MOMENTS: u32 = 100;

/// What waiting for the writer has come to.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The writer's turns when it was last waited for.
    turns: u64,
    /// In vain, in a row.
    moments: u32,
}

impl Backlog {
    /// Lets others have their turn; for a moment, if the journal is behind and waiting helps.
    pub(super) async fn wait(&mut self, journal: Option<&Journal>) {
        match journal {
            Some(journal) if journal.is_behind() && self.helps(journal.turns()) => tokio::time::sleep(MOMENT).await,
            _ => tokio::task::yield_now().await,
        }
    }

    /// Whether to wait once more, the writer having had so many turns.
    fn helps(&mut self, turns: u64) -> bool {
        if turns != self.turns {
            (self.turns, self.moments) = (turns, 0);
        }
        self.moments += u32::from(self.moments < MOMENTS);
        self.moments < MOMENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_takes_nothing_is_waited_for_no_more_until_it_does() {
        let mut backlog = Backlog::default();
        let waits = |backlog: &mut Backlog, turns| (0..2 * MOMENTS).filter(|_| backlog.helps(turns)).count();
        assert_eq!(waits(&mut backlog, 7), 99);
        assert!(!backlog.helps(7));
        assert!(backlog.helps(8));
        assert_eq!(
            (9..1_000).filter(|turns| backlog.helps(*turns)).count(),
            991,
            "one that goes on is waited for as often as need be"
        );
    }
}
