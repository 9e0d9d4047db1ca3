//! The journal read back: by a starting program, and by commands beside a running one.
//!
//! Every transaction is short, so that a slow reader does not keep the write-ahead log from being emptied. What is damaged is left out and
//! counted, and what comes after it is still read.

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
use super::schema::{ADDED, ARMED, DISARMED, EDITED, ONE, ONE_BODY, ONE_BODY_1, UNFINISHED};
use super::stored::{Query, StoredAttempt, StoredDelivery, StoredEdit, StoredGap, StoredSwitch};
use crate::model::limits::CLOCK_JUMP;
use crate::model::subject::Str;
use crate::model::time::{Timestamp, Uptime};
use crate::rules::ruleset::NOTICES;

mod around;
mod identities;
mod mutes;
mod pauses;
mod select;
mod sends;
mod traces;
mod walk;

pub use around::CameBefore;
pub use mutes::ToldOf;
pub use sends::Unsent;

pub(super) use select::delivery;
pub(super) use walk::OLDER;

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
    has_edits: bool,
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
        let has_edits = connect::has_column(&connection, "edits", "id").unwrap_or(true);
        Ok(Self { connection, path: path.to_owned(), damaged: 0, in_vain: 0, clocks: Clocks::default(), is_old, has_edits })
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
            let Some(mut row) = self.delivery(id, query.bodies)?.filter(|row| select::fits(query, row)) else { continue };
            if row.state == State::Delivered && self.has_edits {
                row.edit = self.edit(&row)?;
            }
            found.push(row);
        }
        Ok(found)
    }

    fn edit(&mut self, of: &StoredDelivery) -> Result<Option<StoredEdit>, JournalError> {
        let by = self.clocks.of(of.id, Of::Deliveries);
        self.query_row(EDITED, (of.firing.id.to_string(), &of.action), |row| {
            let times = row.get::<_, i64>(0)?.unsigned_abs();
            Ok(StoredEdit { times, at: Timestamp::from_millis(row.get(1)?).shifted(by), says: row.get(2)?, why: row.get(3)? })
        })
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
        // The last run may have heard nothing: then it has put right what it had of the one before, and its own clock is not of it.
        let by = if self.cursor("heard")? == Some(0) { 0 } else { self.clocks.last };
        Ok(self.cursor("alive")?.map(|at| Timestamp::from_millis(at).shifted(by)))
    }

    /// When a rule last fired: until then waits have ended, whether or not it was noted that the feed was heard. Notices are no rule's.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn last_fired(&mut self) -> Result<Option<Timestamp>, JournalError> {
        let sql = "SELECT at FROM firings WHERE rule <> ?1 ORDER BY id DESC LIMIT 1";
        let by = self.clocks.last;
        Ok(self.query_row(sql, [NOTICES], |row| row.get(0))?.map(|at| Timestamp::from_millis(at).shifted(by)))
    }

    /// When rules fired since `since`, in the order of time, but for what came late: at each of these moments the run was hearing the feed, as far as
    /// it knew, and had ended what was over. What a run noted by a clock that was put right later is told by the right one.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn fired_live(&mut self, since: Timestamp) -> Result<Vec<Timestamp>, JournalError> {
        let sql = "SELECT at FROM firings WHERE late = 0 AND rule <> ?1 AND at >= ?2";
        let earliest = since.shifted(-self.clocks.most());
        let all = self.collect(sql, (NOTICES, earliest.as_millis()), |row| row.get(0))?;
        let clocks = self.clocks.clone().times(self)?;
        let right = all.into_iter().map(Timestamp::from_millis).map(|at| at.shifted(clocks.off(at)));
        let mut right: Vec<_> = right.filter(|at| *at >= since).collect();
        right.sort_unstable();
        Ok(right)
    }

    /// The rules that fired for a subject.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn fired_of(&mut self, subject: &str) -> Result<Vec<Str>, JournalError> {
        let rules = self.collect("SELECT rule FROM firings WHERE subject = ?1", [subject], |row| row.get::<_, String>(0))?;
        Ok(rules.into_iter().map(Str::from).collect())
    }

    /// When it was last noted how far the feed was heard, as the other moments: the program has lived until then.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn last_written(&mut self) -> Result<Option<Timestamp>, JournalError> {
        let by = self.clocks.last;
        Ok(self.cursor("written")?.map(|at| Timestamp::from_millis(at).shifted(by)))
    }

    /// By how many milliseconds the clock on the wall was moved forward (negative: back) between the last run and `now`, as far as the machine
    /// knows, which must not have been off in between. 0 where that cannot be known, and for what clocks differ by anyhow.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn moved_since(&mut self, uptime: Option<Uptime>, now: Timestamp) -> Result<i64, JournalError> {
        let then = (self.cursor("boot")?, self.cursor("uptime")?, self.last_written()?);
        let (Some(uptime), (Some(boot), Some(up), Some(written))) = (uptime, then) else { return Ok(0) };
        let (passed, seems) = (uptime.ms.saturating_sub(up), now.as_millis().saturating_sub(written.as_millis()));
        let moved = seems.saturating_sub(passed);
        let is_known = boot == uptime.boot && passed >= 0 && u128::from(moved.unsigned_abs()) >= CLOCK_JUMP.as_millis();
        Ok(if is_known { moved } else { 0 })
    }

    /// Whether the last run had recorded all that it had sent when it ended.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn has_finished(&mut self) -> Result<bool, JournalError> {
        Ok(self.cursor("finished")? == Some(1))
    }

    pub(super) fn cursor(&mut self, name: &str) -> Result<Option<i64>, JournalError> {
        self.query_row("SELECT value FROM cursors WHERE name = ?1", [name], |row| row.get(0))
    }

    /// How many deliveries to the action of this name were sent between `since` and `now`, or may have been, those included that were refused, and not
    /// those of notices. A message that fired before is none of them: it was kept until then, and counts for the day on which it fired. What was sent later than now is of a clock that has been set back, and counts for a day in which the journal is kept: nobody knows which day it was.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn sent_since(&mut self, action: &str, since: Timestamp, now: Timestamp) -> Result<u64, JournalError> {
        let a_day_ago = self.cursor("lived")?.unwrap_or(0).saturating_sub(86_400_000);
        let mark = "SELECT delivery FROM marks WHERE lived <= ?1 ORDER BY lived DESC LIMIT 1";
        let recent: i64 = self.query_row(mark, [a_day_ago], |row| row.get(0))?.unwrap_or(0);
        let right = format!("sent_at + {}", self.clocks.sql(Of::Deliveries));
        let fired = format!("fired_at + {}", self.clocks.sql(Of::Deliveries));
        let when = format!(
            "rule <> ?6 AND sent_at >= ?5 AND {right} >= ?2 AND ({right} <= ?3 OR id >= ?4) AND (trading = 1 OR {fired} >= ?2)"
        );
        let sql = format!(
            "SELECT (SELECT count(*) FROM deliveries INDEXED BY deliveries_sent WHERE action = ?1 AND {when} \
             AND ended_at IS NOT NULL AND (state IN ('delivered', 'unknown') OR state = 'dead' AND attempts > 0)) \
             + (SELECT count(*) FROM deliveries INDEXED BY deliveries_unfinished WHERE state IN ('pending', 'sending') \
             AND +state = 'sending' AND action = ?1 AND {when})"
        );
        let earliest = since.shifted(-self.clocks.most()).as_millis();
        let values = (action, since.as_millis(), now.as_millis(), recent, earliest, NOTICES);
        Ok(self.query_row(&sql, values, |row| row.get::<_, i64>(0))?.map_or(0, i64::unsigned_abs))
    }

    /// The newest `at_most` gaps, newest first. What a run noted by a clock that was put right later is told by the right one.
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
        let clocks = self.clocks.clone().times(self)?;
        let found = found.into_iter().flatten();
        let right = |(from, to, state, why): (_, _, _, rusqlite::Result<String>)| {
            let (from, to) = clocks.gap(from, to);
            Some(StoredGap { from, to, state, why: why.ok()? })
        };
        Ok(found.filter_map(right).collect())
    }

    /// By the clock of their run, when the first and the last entry with numbers from `first` to before `end` came.
    pub(super) fn entered(&mut self, first: i64, end: i64) -> Result<Option<(Timestamp, Timestamp)>, JournalError> {
        let ends = ["", "DESC"].map(|order| {
            let sql = format!("SELECT at FROM entries WHERE id >= ?1 AND id < ?2 ORDER BY id {order} LIMIT 1");
            self.query_row(&sql, [first, end], |row| row.get::<_, i64>(0))
        });
        let [from, to] = ends;
        Ok(from?.zip(to?).map(|(from, to)| (Timestamp::from_millis(from), Timestamp::from_millis(to))))
    }

    /// When the entry with that number came, by the right clock.
    fn right(&self, entry: i64, at: Timestamp) -> Timestamp {
        at.shifted(self.clocks.of(entry, Of::Entries))
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

    /// Counts an error that says that something is damaged; passes any other on.
    fn unless_damaged(&mut self, error: rusqlite::Error) -> Result<(), JournalError> {
        if Why::of(&error) == Why::Damaged {
            self.damaged += 1;
            return Ok(());
        }
        Err(trouble(&self.path, "read the journal")(error))
    }
}

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

impl State {
    fn of_row(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Self>> {
        Ok(text(row, column)?.and_then(Self::parse))
    }
}
