//! Entries and firings by their numbers, some hundred at once, past what is damaged.

use std::collections::{HashSet, VecDeque};

use rusqlite::Row;

use super::super::clocks::Of;
use super::super::error::JournalError;
use super::super::schema;
use super::super::store::PLAUSIBLE;
use super::super::stored::StoredEntry;
use super::super::sum;
use super::{Reader, limit, text};
use crate::model::firing::Origin;
use crate::model::ids::FiringId;
use crate::model::time::Timestamp;

/// More deliveries than are ever written ahead of their firings.
const AHEAD: usize = 10_000;
/// So many stretches in a row in which nothing can be read are the end of what can.
const IN_VAIN: u32 = 4_096;
/// So many entries in a row that are too old, or too late, are the end of those that are not.
pub(in crate::journal) const OLDER: usize = 2_000;

/// Rows read in one transaction.
pub(super) const CHUNK: i64 = 256;

impl Reader {
    /// Hands out the newest `at_most` entries that came at or after `since`, oldest first. How many there were.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn recent(
        &mut self,
        since: Timestamp,
        at_most: usize,
        mut each: impl FnMut(StoredEntry<'_>),
    ) -> Result<usize, JournalError> {
        let clocks = self.clocks.clone();
        let earliest = since.shifted(-clocks.most());
        let (Some(mut next), last) = self.span(earliest, at_most)? else { return Ok(0) };
        let mut found = 0;
        self.in_vain = 0;
        while next <= last && found < at_most {
            next = self.chunk(next, last, "SELECT id, at, origin, text, sum FROM entries WHERE id BETWEEN ?1 AND ?2", |row| {
                let Some(mut entry) = entry(row)? else { return Ok(false) };
                entry.at = entry.at.shifted(clocks.of(entry.id, Of::Entries));
                if entry.at >= since && found < at_most {
                    each(entry);
                    found += 1;
                }
                Ok(true)
            })?;
        }
        Ok(found)
    }

    /// The first and the last of the newest `at_most` entries that came at or after `since`.
    ///
    /// It goes back from the last one, as numbers tell the order and times need not. Where a clock was set back for a while, there are
    /// older ones between newer ones; a long stretch of older ones is the end.
    pub(super) fn span(&mut self, since: Timestamp, at_most: usize) -> Result<(Option<i64>, i64), JournalError> {
        let Some((_, last)) = self.numbers()? else { return Ok((None, 0)) };
        // Where all are wanted it need not be counted how many there are.
        let end = if at_most == usize::MAX { self.around(since)?.map_or(last, |(_, beyond)| beyond) } else { last };
        let start = self.first_of((since, Timestamp::from_millis(i64::MAX)), (end, at_most))?;
        Ok((start.or((end < last).then_some(end)), last))
    }

    /// The first of the newest `at_most` entries up to the one with that number, that came at or after `since` and before `until`.
    pub(super) fn first_of(
        &mut self,
        (since, until): (Timestamp, Timestamp),
        (last, at_most): (i64, usize),
    ) -> Result<Option<i64>, JournalError> {
        let Some((first, _)) = self.numbers()? else { return Ok(None) };
        let (mut found, mut older, mut start, mut end) = (0, 0, None, last);
        // Its own count: a stretch that is read to its end counts as read, whatever was in it.
        let mut in_vain = 0;
        while end >= first && found < at_most && older < OLDER {
            let from = first.max(end.saturating_sub(CHUNK - 1));
            let mut times = Vec::new();
            let next = self.chunk(from, end, "SELECT id, at FROM entries WHERE id BETWEEN ?1 AND ?2", |row| {
                times.push((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
                Ok(true)
            })?;
            debug_assert!(next > end);
            let is_empty = times.is_empty();
            for (id, at) in times.into_iter().rev() {
                if at < since.as_millis() {
                    older += 1;
                } else if found < at_most && self.right(id, Timestamp::from_millis(at)) < until {
                    (found, older, start) = (found + 1, 0, Some(id));
                }
            }
            end = from.saturating_sub(1);
            if is_empty {
                // A damaged number may be any: from it to the next there is nothing for as long as it likes.
                let before =
                    self.query_row("SELECT max(id) FROM entries WHERE id < ?1", [from], |row| row.get::<_, Option<i64>>(0))?;
                end = end.min(before.flatten().unwrap_or(end));
                in_vain += 1;
                if in_vain > IN_VAIN {
                    break;
                }
            } else {
                in_vain = 0;
            }
        }
        Ok(start)
    }

    /// The ids of the newest `at_most` firings, oldest first.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn fired(&mut self, at_most: usize) -> Result<Vec<FiringId>, JournalError> {
        let mut fired = Vec::new();
        self.newest_ids("firings", "''", at_most, |id, _| fired.push(id))?;
        Ok(fired)
    }

    /// The ids of the newest `at_most` firings that fired before `before` for certain, whatever their clocks were off by, oldest first.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn fired_before(&mut self, before: Timestamp, at_most: usize) -> Result<Vec<FiringId>, JournalError> {
        let (mut fired, before) = (VecDeque::new(), before.shifted(-self.clocks.most()).as_millis());
        let (Some(mut next), Some(last)) = self.newest("firings", usize::MAX)? else { return Ok(Vec::new()) };
        self.in_vain = 0;
        while next <= last {
            next = self.chunk(next, last, "SELECT id, firing, at FROM firings WHERE id BETWEEN ?1 AND ?2", |row| {
                let id = text(row, 1)?.and_then(FiringId::parse);
                if let Some(id) = id.filter(|_| row.get::<_, i64>(2).is_ok_and(|at| at < before)) {
                    if fired.len() >= at_most {
                        fired.pop_front();
                    }
                    fired.push_back(id);
                }
                Ok(id.is_some())
            })?;
        }
        Ok(fired.into())
    }

    /// Deliveries, by firing and action, of firings that are not among those `fired`: a crash came between an order and the rest of its step, which
    /// is not on record. Their firings come once more with their entries.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn ahead(&mut self, fired: &[FiringId]) -> Result<Vec<(FiringId, String)>, JournalError> {
        let (mut ahead, fired) = (Vec::new(), fired.iter().copied().collect::<HashSet<_>>());
        self.newest_ids("deliveries", "action", AHEAD, |id, action| {
            if !fired.contains(&id) {
                ahead.push((id, action.to_owned()));
            }
        })?;
        Ok(ahead)
    }

    /// The numbers of the first and the last of the newest `at_most` rows.
    pub(super) fn newest(&mut self, table: &str, at_most: usize) -> Result<(Option<i64>, Option<i64>), JournalError> {
        let ends = self.query_row(&schema::ends(table), (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (first, last): (Option<i64>, Option<i64>) = ends.unwrap_or_default();
        let (Some(first), Some(last)) = (first.map(|first| first.max(PLAUSIBLE.start)), last) else { return Ok((None, None)) };
        if last.saturating_sub(first) < limit(at_most) {
            return Ok((Some(first), Some(last)));
        }
        // Counted, not reckoned: one damaged number may be any, and must not hide all others.
        let damaged = self.damaged;
        let sql = format!("SELECT id FROM {table} ORDER BY id DESC LIMIT 1 OFFSET ?1");
        let counted = self.query_row(&sql, [limit(at_most).saturating_sub(1)], |row| row.get::<_, i64>(0))?;
        let reckoned = last.saturating_sub(limit(at_most)).saturating_add(1);
        let is_readable = self.damaged == damaged;
        Ok((Some(counted.unwrap_or(if is_readable { first } else { first.max(reckoned) })), Some(last)))
    }

    /// The firings of the newest rows of a table, with one more of its columns.
    fn newest_ids(
        &mut self,
        table: &str,
        beside: &str,
        at_most: usize,
        mut found: impl FnMut(FiringId, &str),
    ) -> Result<(), JournalError> {
        let (Some(mut next), Some(last)) = self.newest(table, at_most)? else { return Ok(()) };
        self.in_vain = 0;
        while next <= last {
            let sql = format!("SELECT id, firing, {beside} FROM {table} WHERE id BETWEEN ?1 AND ?2");
            next = self.chunk(next, last, &sql, |row| {
                let id = text(row, 1)?.and_then(FiringId::parse);
                if let Some(id) = id {
                    found(id, text(row, 2)?.unwrap_or_default());
                }
                Ok(id.is_some())
            })?;
        }
        Ok(())
    }

    /// Reads the rows with numbers from `next` to at most `last`, some hundred at once; one by one where something is damaged. `each` says
    /// whether a row was fine. Returns the number to go on with.
    pub(super) fn chunk(
        &mut self,
        next: i64,
        last: i64,
        sql: &str,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
    ) -> Result<i64, JournalError> {
        let end = last.min(next.saturating_add(CHUNK - 1));
        let (mut reached, mut wrong) = (next, 0);
        let nothing = reached;
        let mut run = |from: i64, to: i64, reached: &mut i64| {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([from, to])?;
            while let Some(row) = rows.next()? {
                *reached = row.get::<_, i64>(0)?.saturating_add(1);
                wrong += u64::from(!each(row)?);
            }
            rusqlite::Result::Ok(())
        };
        let mut failed = Vec::new();
        if let Err(error) = run(next, end, &mut reached) {
            failed.push(error);
            for id in reached.max(next)..=end {
                failed.extend(run(id, id, &mut reached).err());
            }
        }
        self.damaged += wrong;
        let (has_failed, after) = (!failed.is_empty(), end.saturating_add(1));
        for error in failed.into_iter().skip(1) {
            self.unless_damaged(error)?;
        }
        if reached != nothing || after > last {
            self.in_vain = 0;
            return Ok(after);
        }
        // A damaged number may be any: from one to the next there may be nothing, or nothing but damage, for as long as it likes.
        self.in_vain += 1;
        if has_failed {
            return Ok(if self.in_vain > IN_VAIN { last.saturating_add(1) } else { after });
        }
        let further = self.query_row(&format!("{sql} LIMIT 1"), [after, last], |row| row.get::<_, i64>(0))?;
        Ok(further.unwrap_or(if self.in_vain > IN_VAIN { last.saturating_add(1) } else { after }))
    }
}

/// `id, at, origin, text, sum`; `None` when it is damaged.
pub(super) fn entry<'row>(row: &'row Row<'_>) -> rusqlite::Result<Option<StoredEntry<'row>>> {
    let (id, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    let origin = text(row, 2)?.and_then(|name| Origin::ALL.into_iter().find(|origin| origin.name() == name));
    let (Some(origin), Some(text)) = (origin, text(row, 3)?) else { return Ok(None) };
    let whole = sum::is_of_entry(row.get(4)?, (id, at, origin.name()), text.as_bytes());
    Ok(whole.then_some(StoredEntry { id, at: Timestamp::from_millis(at), origin, text }))
}
