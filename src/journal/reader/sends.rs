//! When requests were made, as far as the journal knows: for the rate limits of the next run.

use std::time::Duration;

use super::walk::{CHUNK, OLDER};
use super::{Reader, limit};
use crate::journal::error::JournalError;
use crate::journal::stored::StoredRequest;
use crate::model::time::Timestamp;

impl Reader {
    /// The attempts that were answered, or given up, at or after `since`, newest first; no more than the newest `at_most` are looked at. A
    /// digest has one for each delivery in it.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn requests_since(&mut self, since: Timestamp, at_most: usize) -> Result<Vec<StoredRequest>, JournalError> {
        let ends = self.query_row("SELECT min(id), max(id) FROM attempts", (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends.unwrap_or_default() else { return Ok(Vec::new()) };
        let first = first.max(1).max(last.saturating_sub(limit(at_most)).saturating_add(1));
        let (mut found, mut end, mut older) = (Vec::new(), last, 0);
        // Numbers tell the order and times need not, where the clock was set back for a while.
        while end >= first && older < OLDER {
            let from = first.max(end.saturating_sub(CHUNK - 1));
            let sql = "SELECT delivery, at + iif(id >= ?4, ?5, 0), took_ms, (SELECT action FROM deliveries WHERE id = delivery) FROM attempts \
                WHERE id BETWEEN ?1 AND ?2 AND at + took_ms + iif(id >= ?4, ?5, 0) >= ?3 ORDER BY id DESC";
            let rows = self.collect(sql, (from, end, since.as_millis(), self.ahead.attempt, self.ahead.ms), |row| {
                let took = Duration::from_millis(u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0));
                let (delivery, begun) = (row.get(0)?, Timestamp::from_millis(row.get(1)?));
                Ok(row.get::<_, Option<String>>(3)?.map(|action| StoredRequest { delivery, action, begun, took }))
            })?;
            older = if rows.is_empty() { older + usize::try_from(CHUNK).unwrap_or(0) } else { 0 };
            found.extend(rows.into_iter().flatten());
            end = from.saturating_sub(1);
        }
        Ok(found)
    }

    /// The newest `at_most` deliveries to the action of this name that were sent at or after `since` and have ended, each with its end. For
    /// attempts that were not recorded, as those are left out first when the disk is slow.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn sent_and_ended_since(
        &mut self,
        action: &str,
        since: Timestamp,
        at_most: usize,
    ) -> Result<Vec<(i64, Timestamp)>, JournalError> {
        let sql = "SELECT id, ended_at + iif(id >= ?4, ?5, 0) FROM deliveries WHERE action = ?1 AND sent_at >= ?6 AND \
            sent_at + iif(id >= ?4, ?5, 0) >= ?2 AND ended_at IS NOT NULL ORDER BY sent_at DESC LIMIT ?3";
        let (by, first) = (self.ahead.ms, self.ahead.delivery);
        let earliest = since.shifted(-by.max(0)).as_millis();
        self.collect(sql, (action, since.as_millis(), limit(at_most), first, by, earliest), |row| {
            Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?)))
        })
    }
}
