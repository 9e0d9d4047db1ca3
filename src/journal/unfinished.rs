//! Firing and action → the row of an unfinished delivery, as the last commit left it and as the next one will.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::ids::FiringId;

/// Where the unfinished deliveries are.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    rows: HashMap<FiringId, Vec<(Arc<str>, i64)>>,
    count: u64,
    /// Not committed yet, the latest last.
    staged: Vec<(FiringId, Arc<str>, Option<i64>)>,
}

impl Unfinished {
    pub(super) fn find(&self, firing: FiringId, action: &str) -> Option<i64> {
        let is = |(of, to, _): &&(FiringId, Arc<str>, Option<i64>)| *of == firing && **to == *action;
        match self.staged.iter().rev().find(is) {
            Some((_, _, id)) => *id,
            None => self.rows.get(&firing)?.iter().find(|(to, _)| **to == *action).map(|(_, id)| *id),
        }
    }

    pub(super) fn stage(&mut self, firing: FiringId, action: &Arc<str>, id: Option<i64>) {
        self.staged.push((firing, Arc::clone(action), id));
    }

    pub(super) fn settle(&mut self) {
        for (firing, action, id) in std::mem::take(&mut self.staged) {
            let rows = self.rows.entry(firing).or_default();
            let before = rows.len();
            rows.retain(|(to, _)| *to != action);
            rows.extend(id.map(|id| (action, id)));
            self.count = self.count.saturating_add(rows.len() as u64).saturating_sub(before as u64);
            if rows.is_empty() {
                self.rows.remove(&firing);
            }
        }
    }

    /// What was staged is not committed.
    pub(super) fn forget(&mut self) {
        self.staged.clear();
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
