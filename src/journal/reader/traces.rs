//! What the past has left of windows, as it is on record.

use super::super::connect::has_column;
use super::super::error::JournalError;
use super::super::schema::TRACES_SINCE;
use super::{Reader, limit};
use crate::model::limits::TRACES_KEPT;
use crate::model::time::Timestamp;
use crate::model::window::Trace;

impl Reader {
    /// All that is left, the oldest first. `None`: an earlier version has written some of what came at or after `since`, and kept nothing of the kind.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn traces(&mut self, since: Timestamp) -> Result<Option<Vec<Trace>>, JournalError> {
        if !has_column(&self.connection, "traces", "id").unwrap_or(true) {
            return Ok(None);
        }
        let begun: Option<i64> = self.query_row("SELECT value FROM cursors WHERE name = ?1", [TRACES_SINCE], |row| row.get(0))?;
        if begun.is_some_and(|begun| begun > since.as_millis()) {
            return Ok(None);
        }
        let sql = "SELECT rule, counted, key, at, trace FROM traces ORDER BY id DESC LIMIT ?1";
        let found = self.collect(sql, [limit(TRACES_KEPT)], |row| Ok(trace(row)))?;
        let all = found.len();
        let mut traces: Vec<_> = found.into_iter().filter_map(Result::ok).collect();
        self.damaged += (all - traces.len()) as u64;
        traces.reverse();
        Ok(Some(traces))
    }

    /// What rules with `first_seen` have seen, the oldest first, with the words that it is all that they have; without those where some of it is
    /// damaged. An earlier version kept none.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn sightings(&mut self) -> Result<Vec<Trace>, JournalError> {
        if !has_column(&self.connection, "sightings", "id").unwrap_or(true) {
            return Ok(Vec::new());
        }
        let sql = "SELECT rule, counted, key, at, seen FROM sightings ORDER BY at, id";
        let damaged = self.damaged;
        let found = self.collect(sql, (), |row| Ok(trace(row)))?;
        let all = found.len();
        let mut sightings: Vec<_> = found.into_iter().filter_map(Result::ok).collect();
        self.damaged += (all - sightings.len()) as u64;
        if self.damaged > damaged {
            sightings.retain(|trace| trace.left.complete.is_none());
        }
        Ok(sightings)
    }
}

fn trace(row: &rusqlite::Row<'_>) -> Result<Trace, Box<dyn std::error::Error + Send + Sync>> {
    let text = |column| row.get::<_, String>(column);
    let (rule, of, key, left) = (text(0)?.into(), text(1)?.into(), text(2)?.into(), text(4)?);
    Ok(Trace { rule, of, key, at: Timestamp::from_millis(row.get(3)?), left: serde_json::from_str(&left)? })
}
