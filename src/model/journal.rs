//! How the journal is kept: `[journal]` of a rules file.

use std::time::Duration;

use super::limits::{JOURNAL_AGE, JOURNAL_BYTES};

/// `[journal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// What a commit outlives.
    pub sync: Sync,
    /// What is older is forgotten.
    pub max_age: Duration,
    /// What the journal may take on disk; the oldest goes first.
    pub max_bytes: u64,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { sync: Sync::default(), max_age: JOURNAL_AGE, max_bytes: JOURNAL_BYTES }
    }
}

/// What a commit outlives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// The end of the program, however it comes: `kill -9` loses nothing that was committed.
    #[default]
    Process,
    /// A loss of power, too: the disk has it before an order leaves.
    Power,
}

impl Sync {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Process, Self::Power];

    /// As rules.toml spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Power => "power",
        }
    }
}
