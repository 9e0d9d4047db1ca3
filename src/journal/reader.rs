//! The journal read back: by a starting program, and by commands beside a running one.
//!
//! Every transaction is short, so that a slow reader does not keep the write-ahead log from being emptied. What is damaged is left out and
//! counted, and what comes after it is still read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::clocks::{Clocks, Of};
use super::connect;
use super::error::{JournalError, Why, trouble};
use super::rescue::halfway;
use super::rows::{GapState, State};
use super::schema::{ADDED, ARMED, DISARMED, ONE, ONE_BODY, ONE_BODY_1, UNFINISHED};
use super::store::PLAUSIBLE;
use super::stored::{Query, StoredAttempt, StoredDelivery, StoredEntry, StoredGap, StoredSwitch};
use super::sum;
use crate::model::firing::Origin;
use crate::model::ids::FiringId;
use crate::model::time::Timestamp;

mod select;
mod sends;

pub(super) use select::delivery;

/// More deliveries than are ever written ahead of their firings.
const AHEAD: usize = 10_000;

/// Reads a journal, whether an instance is running on it or not.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    damaged: u64,
    /// Stretches in a row in which nothing could be read.
    in_vain: u32,
    clocks: Clocks,
    /// It is of version 1, and nobody has brought it up yet.
    is_old: bool,
}

impl Reader {
    /// Opens the journal in `folder` for reading.
    ///
    /// # Errors
    /// [`JournalError`]: there is none, it is of a newer version or not a journal, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = connect::file(folder);
        if halfway(&path).exists() {
            // What is there is not all that was told.
            return Err(JournalError::Unmended { path });
        }
        Self::open_file(&path)
    }

    pub(super) fn open_file(path: &Path) -> Result<Self, JournalError> {
        let connection = connect::for_reading(path)?;
        // What cannot be told because of damage is met again where it matters.
        let is_old = ADDED.iter().any(|(table, column, _)| !connect::has_column(&connection, table, column).unwrap_or(true));
        Ok(Self { connection, path: path.to_owned(), damaged: 0, in_vain: 0, clocks: Clocks::default(), is_old })
    }

    /// From here on tells the moments of the newest runs by the clock that was right at the end of each: the log's time does not move when
    /// somebody puts the clock right, but that of the next run, the newest of which begins at `now`, starts from the clock.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn put_right(&mut self, now: Timestamp) -> Result<(), JournalError> {
        self.clocks = Clocks::read(self, now)?;
        Ok(())
    }

    /// How many rows were left out so far because they are damaged.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

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
    fn span(&mut self, since: Timestamp, at_most: usize) -> Result<(Option<i64>, i64), JournalError> {
        let ends = self.query_row("SELECT min(id), max(id) FROM entries", (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends.unwrap_or_default() else { return Ok((None, 0)) };
        let first = first.max(PLAUSIBLE.start);
        let (mut found, mut older, mut start, mut end) = (0, 0, None, last);
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
                } else if found < at_most {
                    (found, older, start) = (found + 1, 0, Some(id));
                }
            }
            end = from.saturating_sub(1);
            if is_empty {
                // A damaged number may be any: from it to the next there is nothing for as long as it likes.
                let before =
                    self.query_row("SELECT max(id) FROM entries WHERE id < ?1", [from], |row| row.get::<_, Option<i64>>(0))?;
                end = end.min(before.flatten().unwrap_or(end));
                self.in_vain += 1;
                if self.in_vain > IN_VAIN {
                    break;
                }
            }
        }
        Ok((start, last))
    }

    /// The ids of the newest `at_most` firings, oldest first. A crash may have come between the delivery of an order and its firing, so the
    /// newest deliveries tell of firings, too.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn fired(&mut self, at_most: usize) -> Result<Vec<FiringId>, JournalError> {
        let mut fired = Vec::new();
        self.newest_ids("firings", at_most, &mut fired)?;
        let (mut told, mut known) = (Vec::new(), fired.iter().copied().collect::<HashSet<_>>());
        self.newest_ids("deliveries", AHEAD.min(at_most), &mut told)?;
        fired.extend(told.into_iter().filter(|id| known.insert(*id)));
        Ok(fired)
    }

    /// The numbers of the first and the last of the newest `at_most` rows.
    fn newest(&mut self, table: &str, at_most: usize) -> Result<(Option<i64>, Option<i64>), JournalError> {
        let ends = self.query_row(&format!("SELECT min(id), max(id) FROM {table}"), (), |row| Ok((row.get(0)?, row.get(1)?)))?;
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

    fn newest_ids(&mut self, table: &str, at_most: usize, found: &mut Vec<FiringId>) -> Result<(), JournalError> {
        let (Some(mut next), Some(last)) = self.newest(table, at_most)? else { return Ok(()) };
        while next <= last {
            next = self.chunk(next, last, &format!("SELECT id, firing FROM {table} WHERE id BETWEEN ?1 AND ?2"), |row| {
                let id = text(row, 1)?.and_then(FiringId::parse);
                found.extend(id);
                Ok(id.is_some())
            })?;
        }
        Ok(())
    }

    /// The deliveries that are pending or sending, with their bodies, oldest first. One whose body is damaged comes without it.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn unfinished(&mut self) -> Result<Vec<StoredDelivery>, JournalError> {
        let ids = self.unfinished_ids()?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.delivery(id, true)?.filter(|row| row.state.is_unfinished()));
        }
        Ok(found)
    }

    pub(super) fn unfinished_ids(&mut self) -> Result<Vec<i64>, JournalError> {
        self.collect(UNFINISHED, (), |row| row.get(0))
    }

    /// The newest deliveries that `query` asks for, newest first.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn deliveries(&mut self, query: &Query) -> Result<Vec<StoredDelivery>, JournalError> {
        let (sql, values) = select::ids(query);
        let ids: Vec<i64> = self.collect(&sql, rusqlite::params_from_iter(values), |row| row.get(0))?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            // The row may have changed since, or an index be damaged.
            found.extend(self.delivery(id, query.bodies)?.filter(|row| select::fits(query, row)));
        }
        Ok(found)
    }

    /// The delivery with this number. `None` when there is none, or it is damaged, which counts.
    pub(super) fn delivery(&mut self, id: i64, bodies: bool) -> Result<Option<StoredDelivery>, JournalError> {
        let Some(found) = self.query_row(ONE, [id], delivery)? else { return Ok(None) };
        let Some(mut found) = found else {
            self.damaged += 1;
            return Ok(None);
        };
        let by = self.clocks.of(id, Of::Deliveries);
        if by != 0 {
            let later = |at: Timestamp| at.shifted(by);
            Arc::make_mut(&mut found.firing).at = later(found.firing.at);
            found.expires_at = later(found.expires_at);
            (found.sent_at, found.ended_at) = (found.sent_at.map(later), found.ended_at.map(later));
        }
        if bodies {
            let sql = if self.is_old { ONE_BODY_1 } else { ONE_BODY };
            match self.query_row(sql, [id], |row| select::bodies(id, row))?.flatten() {
                Some(bodies) => (found.body, found.fallback, found.line) = bodies,
                None => self.damaged += 1,
            }
        }
        Ok(Some(found))
    }

    /// The attempts at the delivery with this number, in order.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn attempts(&mut self, id: i64) -> Result<Vec<StoredAttempt>, JournalError> {
        let sql = "SELECT number, at, verdict, answer, took_ms FROM attempts WHERE delivery = ?1 ORDER BY id";
        self.collect(sql, [id], |row| {
            Ok(StoredAttempt {
                number: row.get(0)?,
                at: Timestamp::from_millis(row.get(1)?),
                verdict: row.get(2)?,
                answer: row.get(3)?,
                took: Duration::from_millis(u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0)),
            })
        })
    }

    /// The last word on whether orders may go; `None` when nobody ever said any. One that cannot be read says no.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn switch(&mut self) -> Result<Option<StoredSwitch>, JournalError> {
        let damaged = self.damaged;
        let last = self.query_row("SELECT at, state, why FROM switches ORDER BY id DESC LIMIT 1", (), |row| {
            let state = text(row, 1)?;
            let (at, why) = (Timestamp::from_millis(row.get(0)?), text(row, 2)?.unwrap_or_default().to_owned());
            Ok(match state {
                Some(ARMED) => StoredSwitch { armed: true, why, at },
                Some(DISARMED) => StoredSwitch { armed: false, why, at },
                _ => StoredSwitch { armed: false, why: DAMAGED_SWITCH.to_owned(), at },
            })
        })?;
        let unread = || StoredSwitch { armed: false, why: DAMAGED_SWITCH.to_owned(), at: Timestamp::default() };
        Ok(last.or_else(|| (self.damaged > damaged).then(unread)))
    }

    /// Until when the feed was heard.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn last_alive(&mut self) -> Result<Option<Timestamp>, JournalError> {
        let by = self.clocks.last;
        Ok(self.cursor("alive")?.map(|at| Timestamp::from_millis(at).shifted(by)))
    }

    /// When it was last noted how far the feed was heard, as the other moments: the program has lived until then.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn last_written(&mut self) -> Result<Option<Timestamp>, JournalError> {
        let by = self.clocks.last;
        Ok(self.cursor("written")?.map(|at| Timestamp::from_millis(at).shifted(by)))
    }

    pub(super) fn cursor(&mut self, name: &str) -> Result<Option<i64>, JournalError> {
        self.query_row("SELECT value FROM cursors WHERE name = ?1", [name], |row| row.get(0))
    }

    /// How many deliveries to the action of this name were sent between `since` and `now`, or may have been. What was sent later than now is
    /// of a clock that has been set back, and counts for a day in which the journal is kept: nobody knows which day it was.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn sent_since(&mut self, action: &str, since: Timestamp, now: Timestamp) -> Result<u64, JournalError> {
        let a_day_ago = self.cursor("lived")?.unwrap_or(0).saturating_sub(86_400_000);
        let mark = "SELECT delivery FROM marks WHERE lived <= ?1 ORDER BY lived DESC LIMIT 1";
        let recent: i64 = self.query_row(mark, [a_day_ago], |row| row.get(0))?.unwrap_or(0);
        let right = format!("sent_at + {}", self.clocks.sql(Of::Deliveries));
        let when = format!("sent_at >= ?5 AND {right} >= ?2 AND ({right} <= ?3 OR id >= ?4)");
        let sql = format!(
            "SELECT (SELECT count(*) FROM deliveries INDEXED BY deliveries_sent WHERE action = ?1 AND {when} \
             AND ended_at IS NOT NULL AND state IN ('delivered', 'unknown')) \
             + (SELECT count(*) FROM deliveries INDEXED BY deliveries_unfinished WHERE state IN ('pending', 'sending') \
             AND +state = 'sending' AND action = ?1 AND {when})"
        );
        let earliest = since.shifted(-self.clocks.most()).as_millis();
        let values = (action, since.as_millis(), now.as_millis(), recent, earliest);
        Ok(self.query_row(&sql, values, |row| row.get::<_, i64>(0))?.map_or(0, i64::unsigned_abs))
    }

    /// The newest `at_most` gaps, newest first.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn gaps(&mut self, at_most: usize) -> Result<Vec<StoredGap>, JournalError> {
        let sql = "SELECT from_at, to_at, state, why FROM gaps ORDER BY from_at DESC LIMIT ?1";
        let found = self.collect(sql, [limit(at_most)], |row| {
            let state = text(row, 2)?.and_then(|state| GapState::ALL.into_iter().find(|one| one.name() == state));
            let (from, to) = (Timestamp::from_millis(row.get(0)?), Timestamp::from_millis(row.get(1)?));
            Ok(state.map(|state| (from, to, state, row.get::<_, String>(3))))
        })?;
        let found = found.into_iter().flatten();
        Ok(found.filter_map(|(from, to, state, why)| Some(StoredGap { from, to, state, why: why.ok()? })).collect())
    }

    /// One row; `None` when there is none, or it is damaged, which counts.
    fn query_row<T>(
        &mut self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, JournalError> {
        let found = self.connection.prepare_cached(sql).and_then(|mut sql| sql.query_row(values, read).optional());
        found.or_else(|error| self.unless_damaged(error).map(|()| None))
    }

    /// All rows up to the first that is damaged.
    fn collect<T>(
        &mut self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let mut found = Vec::new();
        let all = self.connection.prepare_cached(sql).and_then(|mut sql| {
            for row in sql.query_map(values, read)? {
                found.push(row?);
            }
            Ok(())
        });
        all.or_else(|error| self.unless_damaged(error))?;
        Ok(found)
    }

    /// Reads the rows with numbers from `next` to at most `last`, some hundred at once; one by one where something is damaged. `each` says
    /// whether a row was fine. Returns the number to go on with.
    fn chunk(
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

    /// Counts an error that says that something is damaged; passes any other on.
    fn unless_damaged(&mut self, error: rusqlite::Error) -> Result<(), JournalError> {
        if Why::of(&error) == Why::Damaged {
            self.damaged += 1;
            return Ok(());
        }
        Err(trouble(&self.path, "read the journal")(error))
    }
}

/// So many stretches in a row in which nothing can be read are the end of what can.
const IN_VAIN: u32 = 4_096;
/// So many entries in a row that are too old are the end of those that are not.
const OLDER: usize = 2_000;

/// Rows read in one transaction.
const CHUNK: i64 = 256;

const DAMAGED_SWITCH: &str = "the journal is damaged where it says whether orders may go";

fn limit(at_most: usize) -> i64 {
    i64::try_from(at_most).unwrap_or(i64::MAX)
}

/// A text column, without copying it; `None` when it is none.
fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<Option<&'row str>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    })
}

/// `id, at, origin, text, sum`; `None` when it is damaged.
fn entry<'row>(row: &'row Row<'_>) -> rusqlite::Result<Option<StoredEntry<'row>>> {
    let (id, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    let origin = text(row, 2)?.and_then(|name| Origin::ALL.into_iter().find(|origin| origin.name() == name));
    let (Some(origin), Some(text)) = (origin, text(row, 3)?) else { return Ok(None) };
    let whole = sum::of_entry(id, at, origin.name(), text.as_bytes()) == row.get::<_, i64>(4)?;
    Ok(whole.then_some(StoredEntry { id, at: Timestamp::from_millis(at), origin, text }))
}

impl State {
    fn of_row(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Self>> {
        Ok(text(row, column)?.and_then(Self::parse))
    }
}
