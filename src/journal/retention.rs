//! What is too old, or too much, is forgotten: in small slices, so that nobody waits for it.
//!
//! Age is counted in time that the program has lived, not by the clock on the wall, which may jump to 2100 and back: every so often a mark
//! says which rows come next, and what lies before a mark of `max_age` ago goes. Unfinished deliveries stay, whatever their age; and
//! so do the newest firings, as many as the engine remembers: without them a restart would fire again.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::connect::{INDEX, cap, wal_bytes};
use super::store::{Next, Store};
use super::{Settings, Sync, schema};
use crate::model::limits::{
    FIRED_IDS, JOURNAL_FIRING_BYTES, JOURNAL_PAUSE, JOURNAL_SLICE, JOURNAL_SLICE_POWER, JOURNAL_TRACE_BYTES, TRACES_KEPT,
};
use crate::model::time::Timestamp;

/// How long the journal has been kept: runs, and pauses of at most a day each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lived(u64);

impl Lived {
    /// At the start of a run: what was lived until `written`, the last word of the run before, and the pause since then.
    pub(super) fn at_start(store: &Store, now: Timestamp) -> rusqlite::Result<Self> {
        let before = store.cursor("lived")?.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
        let pause = store.cursor("written")?.map_or(Duration::ZERO, |ms| now.since(Timestamp::from_millis(ms)));
        Ok(Self(before).plus(pause.min(JOURNAL_PAUSE)))
    }

    pub(super) fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    fn minus(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    pub(super) fn as_millis(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

/// Decides what goes.
#[derive(Debug)]
pub(super) struct Retention {
    settings: Settings,
    /// Rows with lower numbers are going.
    before: Option<Next>,
    /// Some of them have gone.
    going: bool,
    /// The next mark is due.
    mark_at: Lived,
    /// The oldest mark is `max_age` ago.
    old_at: Lived,
    /// Nothing new is found until so much was ever written to the log.
    look_at: u64,
}

impl Retention {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, before: None, going: false, mark_at: Lived::default(), old_at: Lived::default(), look_at: 0 }
    }

    /// Does one slice of what there is to do, when so much was `ever` written to the log. Whether there is more.
    pub(super) fn step(&mut self, store: &Store, lived: Lived, now: Timestamp, ever: u64) -> rusqlite::Result<bool> {
        if lived >= self.mark_at {
            self.mark(store, lived, now)?;
        }
        let ages = lived >= self.old_at;
        if self.before.is_none() && !ages && ever < self.look_at {
            return Ok(false);
        }
        if self.before.is_none() && ages {
            self.before = self.too_old(&store.connection, lived)?;
            if self.before.is_none() {
                let oldest: Option<i64> = store.connection.query_row("SELECT min(lived) FROM marks", (), |row| row.get(0))?;
                let oldest = oldest.map_or(lived, |lived| Lived(u64::try_from(lived).unwrap_or(0)));
                // At once only where a mark is none that this journal made.
                self.old_at = oldest.plus(self.settings.max_age).max(lived.plus(Duration::from_millis(1)));
            }
        }
        if self.before.is_none() {
            self.before = self.too_much(store)?;
        }
        let more = match self.before {
            Some(before) if remove(&store.connection, before, self.slice())? > 0 => {
                self.going = true;
                true
            }
            Some(_) => {
                self.before = None;
                // When all that is left must stay, looking again at once is of no use.
                std::mem::take(&mut self.going)
            }
            None => self.give_back(store)?,
        };
        self.look_at = if more { 0 } else { ever.saturating_add(wal_bytes(&self.settings) / 8) };
        Ok(more)
    }

    /// Whether it has something to remove, and should before anything else is written that can wait.
    pub(super) fn is_pressed(&self, store: &Store) -> bool {
        if self.before.is_none() {
            return false;
        }
        let room = self.room(store, 5).and_then(|room| pages(room, &store.connection));
        used(&store.connection).is_ok_and(|used| room.is_ok_and(|room| used > room))
    }

    /// Rows of each table that go at once.
    pub(super) fn slice(&self) -> usize {
        match self.settings.sync {
            Sync::Process => JOURNAL_SLICE,
            Sync::Power => JOURNAL_SLICE_POWER,
        }
    }

    fn mark(&mut self, store: &Store, lived: Lived, now: Timestamp) -> rusqlite::Result<()> {
        let Next { entry, firing, delivery, attempt } = store.next;
        let last: Option<i64> = store.connection.query_row("SELECT max(lived) FROM marks", (), |row| row.get(0))?;
        let every = (self.settings.max_age / 16).clamp(Duration::from_secs(1), Duration::from_secs(3_600));
        let due = last.map_or(Lived::default(), |last| Lived(u64::try_from(last).unwrap_or(0)).plus(every));
        // A mark ahead of what was lived is none that this journal made: it must not hold the next one back for ever.
        let sane = due <= lived.plus(every);
        if lived >= due || !sane {
            let values = params![lived.as_millis(), now.as_millis(), entry, firing, delivery, attempt];
            store.connection.prepare_cached(schema::MARK)?.execute(values)?;
            self.mark_at = lived.plus(every);
        } else {
            self.mark_at = due;
        }
        Ok(())
    }

    /// All that came before a mark of `max_age` ago.
    fn too_old(&self, connection: &Connection, lived: Lived) -> rusqlite::Result<Option<Next>> {
        let until = lived.minus(self.settings.max_age).as_millis();
        if until == 0 {
            return Ok(None);
        }
        let sql = "SELECT lived, entry, firing, delivery, attempt FROM marks WHERE lived <= ?1 ORDER BY lived DESC LIMIT 1";
        let mark = connection.prepare_cached(sql)?.query_row([until], |row| {
            let before = Next { entry: row.get(1)?, firing: row.get(2)?, delivery: row.get(3)?, attempt: row.get(4)? };
            Ok((row.get::<_, i64>(0)?, before))
        });
        let Some((at, before)) = mark.optional()? else { return Ok(None) };
        connection.prepare_cached("DELETE FROM marks WHERE lived <= ?1")?.execute([at])?;
        Ok(Some(before))
    }

    /// What the cap leaves beside so many half lengths of the write-ahead log, which is emptied when it has one length and cut down to two.
    /// Where firings, what windows have left and seen, and identities alone fill a small cap, the rest has as much again, or nothing else could stay.
    fn room(&self, store: &Store, halves: u64) -> rusqlite::Result<u64> {
        let log = wal_bytes(&self.settings).saturating_mul(halves) / 2;
        let room = cap(&self.settings).saturating_sub(INDEX).saturating_sub(log);
        let stay = firings(&store.connection)?.saturating_add(traces(store)?);
        Ok(room.max(stay.saturating_mul(2)))
    }

    /// The oldest twentieth of every table when the journal is about to outgrow its cap.
    fn too_much(&self, store: &Store) -> rusqlite::Result<Option<Next>> {
        let connection = &store.connection;
        // Less than the file may take, so that what is forgotten makes room in it, and it need not shrink and grow again.
        if used(connection)? <= pages(self.room(store, 6)?, connection)? {
            return Ok(None);
        }
        let cut = |sql: &str| -> rusqlite::Result<i64> {
            let ends = connection.prepare_cached(sql)?.query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends else { return Ok(0) };
            Ok(first.saturating_add((last.saturating_sub(first) / 20).max(1)))
        };
        let before = Next {
            entry: cut(&schema::ends("entries"))?,
            firing: cut(&schema::ends("firings"))?,
            // Not from the oldest of all, which may be one that is pending for days.
            delivery: cut(schema::ENDED)?,
            attempt: cut(&schema::ends("attempts"))?,
        };
        Ok(Some(before))
    }

    /// Gives some empty pages back to the disk when the file is larger than it may be. Whether there is more.
    fn give_back(&self, store: &Store) -> rusqlite::Result<bool> {
        let connection = &store.connection;
        let may = pages(self.room(store, 4)?, connection)?;
        let (all, free) = (pragma(connection, "page_count")?, pragma(connection, "freelist_count")?);
        if all <= may || free == 0 {
            return Ok(false);
        }
        // Each page costs one of the log.
        let count = pages(wal_bytes(&self.settings) / 4, connection)?.clamp(1, 64);
        // It returns a row for each page.
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({count})"))?;
        let mut rows = vacuum.query(())?;
        while rows.next()?.is_some() {}
        Ok(true)
    }
}

/// Roughly the bytes of the firings that stay.
fn firings(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce((SELECT max(id) FROM firings) - (SELECT min(id) FROM firings) + 1, 0)";
    let count: i64 = connection.prepare_cached(sql)?.query_row((), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0).min(FIRED_IDS as u64).saturating_mul(JOURNAL_FIRING_BYTES))
}

/// Roughly the bytes of what windows have left and seen, and of what is known to be the same, all of which stays.
fn traces(store: &Store) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce((SELECT max(id) FROM traces) - (SELECT min(id) FROM traces) + 1, 0)";
    let count: i64 = store.connection.prepare_cached(sql)?.query_row((), |row| row.get(0))?;
    let traces = u64::try_from(count).unwrap_or(0).min(TRACES_KEPT as u64);
    Ok(traces.saturating_add(store.lasting).saturating_mul(JOURNAL_TRACE_BYTES))
}

/// One slice of each table; how many rows went. The newest row always stays, so that numbers are never given twice, and the newest firings.
fn remove(connection: &Connection, before: Next, slice: usize) -> rusqlite::Result<usize> {
    let slice = i64::try_from(slice).unwrap_or(i64::MAX);
    let transaction = connection.unchecked_transaction()?;
    let last: Option<i64> = transaction.prepare_cached("SELECT max(id) FROM firings")?.query_row((), |row| row.get(0))?;
    let stay = last.unwrap_or(0).saturating_sub(i64::try_from(FIRED_IDS).unwrap_or(i64::MAX)).saturating_add(1);
    let mut gone = 0;
    for (sql, before) in [
        (
            "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE id < min(?1, (SELECT max(id) FROM entries)) ORDER BY id LIMIT ?2)",
            before.entry,
        ),
        ("DELETE FROM firings WHERE id IN (SELECT id FROM firings WHERE id < ?1 ORDER BY id LIMIT ?2)", before.firing.min(stay)),
        (
            "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE id < min(?1, (SELECT max(id) FROM deliveries)) \
             AND state NOT IN ('pending', 'sending') ORDER BY id LIMIT ?2)",
            before.delivery,
        ),
        (
            "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE id < min(?1, (SELECT max(id) FROM attempts)) ORDER BY id LIMIT ?2)",
            before.attempt,
        ),
    ] {
        gone += transaction.prepare_cached(sql)?.execute(params![before, slice])?;
    }
    transaction.commit()?;
    Ok(gone)
}

/// Pages that hold something.
fn used(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(pragma(connection, "page_count")?.saturating_sub(pragma(connection, "freelist_count")?))
}

fn pages(bytes: u64, connection: &Connection) -> rusqlite::Result<i64> {
    let size = u64::try_from(pragma(connection, "page_size")?).unwrap_or(4_096).max(1);
    Ok(i64::try_from(bytes / size).unwrap_or(i64::MAX))
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
