//! The files that rules came from, as the app sees them: to be looked at again and again, and read when they have changed.

use std::sync::Arc;

use crate::app::Way;
use crate::rules::Source;
use crate::rules::ruleset::RuleSet;

/// Where rules came from. Asked on threads that may block.
pub trait RulesFiles: Send + Sync {
    /// What can be seen of the files without reading them: another value whenever one of them was saved, in whatever way.
    fn look(&self) -> Look;

    /// Asks the feed anew for what of the rules it knows, and keeps it for [`RulesFiles::read`]. What cannot be had stays as it was.
    fn fetch(&self) {}

    /// What was not believed of the feed's latest word, in words for people; once.
    fn to_tell(&self) -> Option<String> {
        None
    }

    /// The texts of all of them.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn read(&self) -> Result<Vec<Source>, String>;

    /// Rules and the ways of their actions, secrets and all; or every mistake.
    ///
    /// # Errors
    /// [`Mistakes`].
    fn load(&self, sources: &[Source]) -> Result<(RuleSet, Vec<Way>), Mistakes>;
}

/// What can be seen of files from outside: names, sizes, times, numbers.
pub type Look = Vec<(std::path::PathBuf, [u64; 4])>;

/// Why texts are no rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// In one line: how many, and the first.
    pub brief: String,
    /// All of them, with their places underlined.
    pub text: String,
}

impl std::fmt::Debug for dyn RulesFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RulesFiles")
    }
}

/// The rules of a run, and what they were made of.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) rules: Arc<RuleSet>,
    pub(super) sources: Vec<Source>,
    /// For each action, where it goes; `None`: it prints.
    pub(super) targets: Vec<Option<crate::deliver::Target>>,
}
