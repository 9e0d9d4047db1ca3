//! What should be pending, held against what the lanes and the journal have.

use std::future::Future;
use std::pin::Pin;

use super::Dispatch;
use crate::app::lanes::Waiting;

/// A count that the journal is asked for, beside what it should be.
pub(in crate::app) struct Audit {
    pub(in crate::app) expected: u64,
    pub(in crate::app) counting: Pin<Box<dyn Future<Output = u64> + Send>>,
}

impl Dispatch {
    /// Holds what should be pending against what the lanes have: `(an action, or all that print; how many wait there)`.
    pub(in crate::app) fn audit(&self, waiting: &Waiting) -> Result<(), String> {
        let said = |action: Option<usize>, ledger: u64, other: u64| {
            let whose = action.map_or_else(|| "the console".to_owned(), |action| self.name(action).to_string());
            format!("{whose} has {other} deliveries under way and {ledger} should be")
        };
        let mut printing = 0;
        for (action, lane) in waiting.lanes.iter().enumerate() {
            let pending = self.ledger.pending_of(action);
            match lane {
                Some(lane) if *lane != pending => return Err(said(Some(action), pending, *lane)),
                Some(_) => {}
                None => printing += pending,
            }
        }
        if printing != waiting.console {
            return Err(said(None, printing, waiting.console));
        }
        self.ledger.over().map_or(Ok(()), |(action, rule)| {
            Err(format!("more deliveries of {rule} to {} have ended than were begun", self.name(action)))
        })
    }

    /// What the journal should have pending, and its answer.
    pub(in crate::app) fn pending_of_journal(&self) -> Option<Audit> {
        let journal = self.journal.clone()?;
        Some(Audit { expected: self.ledger.pending(), counting: Box::pin(async move { journal.pending().await }) })
    }
}
