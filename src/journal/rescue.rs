//! A damaged journal → put aside, and all that can be read of it in a new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::Settings;
use super::clocks;
use super::connect::{self, Broken, MAGIC, beside};
use super::error::JournalError;
use super::reader::Reader;
use super::schema::TRACES_SINCE;
use super::store::{Ahead, PLAUSIBLE, Store};
use crate::model::limits::{
    EDITS_KEPT, FIRED_IDS, IDENTITIES, JOURNAL_RESCUED_DELIVERIES, JOURNAL_RESCUED_ENTRIES, MUTES_KEPT, TRACES_KEPT,
};
use crate::model::time::Timestamp;

/// A table, its columns, the one that numbers its rows, and how many of the newest are taken over.
struct Table {
    name: &'static str,
    columns: &'static str,
    key: &'static str,
    newest: usize,
}

/// The most important first.
const COPIED: [Table; 12] = [
    Table { name: "switches", columns: "id, at, state, why", key: "id", newest: 1_000 },
    Table {
        name: "mutes",
        columns: "id, kind, name, token, handle, from_at, until_at, ended_at, because, held, told",
        key: "id",
        newest: MUTES_KEPT,
    },
    Table {
        name: "deliveries",
        columns: "id, firing, rule, subject, fired_at, late, action, trading, expires_at, sum, state, attempts, sent_at, ended_at, form, \
                  receipt, why, body_sum, kind, fallback_kind, body, fallback, line",
        key: "id",
        newest: JOURNAL_RESCUED_DELIVERIES,
    },
    Table { name: "firings", columns: "id, firing, rule, subject, at, late", key: "id", newest: FIRED_IDS },
    Table { name: "traces", columns: "id, rule, key, counted, at, trace", key: "id", newest: TRACES_KEPT },
    Table { name: "sightings", columns: "id, rule, key, counted, at, seen", key: "id", newest: JOURNAL_RESCUED_ENTRIES },
    Table { name: "identities", columns: "id, kind, name, identity, before, at", key: "id", newest: 2 * IDENTITIES },
    Table { name: "entries", columns: "id, at, origin, matched, sum, text", key: "id", newest: JOURNAL_RESCUED_ENTRIES },
    Table {
        name: "attempts",
        columns: "id, delivery, number, at, verdict, answer, took_ms, not_before",
        key: "id",
        newest: 2 * JOURNAL_RESCUED_DELIVERIES,
    },
    Table { name: "edits", columns: "id, firing, action, times, at, says, why", key: "id", newest: EDITS_KEPT },
    Table { name: "gaps", columns: "from_at, to_at, state, why", key: "from_at", newest: 1_000 },
    Table { name: "marks", columns: "lived, at, entry, firing, delivery, attempt", key: "lived", newest: 1_000 },
];

/// What was met on the way: a damaged row or page is left out, but what cannot be written now may be written later.
enum Trouble {
    /// The damaged journal cannot be read at all.
    Old,
    /// The new one cannot be written.
    New(JournalError),
}

/// Opens the journal; a damaged one is mended if it `may` be. With what was mended, in words.
pub(super) fn open_or_rescue(
    path: &Path,
    settings: &Settings,
    now: Timestamp,
    may: bool,
) -> Result<(Store, Option<String>), JournalError> {
    // A journal is never empty; one that is was cut to nothing.
    let is_empty = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0);
    let opened = if is_empty || halfway(path).exists() { Err(Broken::Damaged) } else { Store::open(path, settings, now) };
    match opened {
        Ok((store, 0)) => Ok((store, None)),
        Ok((store, damaged)) => {
            Ok((store, Some(format!("{damaged} deliveries whose rows in the journal are damaged end as unknown"))))
        }
        Err(Broken::Damaged) if may => rescue(path, settings, now, DAMAGED).map(|(store, words)| (store, Some(words))),
        Err(broken) => Err(broken.into_error(path, "open the journal")),
    }
}

/// The usual cause.
pub(super) const DAMAGED: &str = "the journal was damaged";

/// The name of a journal that is being put aside. As long as a file has it, the new one is incomplete: a program that is killed meanwhile,
/// or has no room, begins anew with it, so that neither a disarmed switch nor a delivery is forgotten.
pub(super) fn halfway(path: &Path) -> PathBuf {
    path.with_file_name("journal-rescue.db")
}

/// Puts the journal at `path` aside, makes a new one, and takes over what can be read. `cause` says why, in words. Returns the new one,
/// which the disk has, and what happened, in words. Nobody else in this program may have the file open.
pub(super) fn rescue(path: &Path, settings: &Settings, now: Timestamp, cause: &str) -> Result<(Store, String), JournalError> {
    let failed = |source| JournalError::Folder { path: path.to_owned(), what: "put the damaged journal aside", source };
    let aside = halfway(path);
    put_aside(path, &aside).map_err(failed)?;
    let broken = |broken: Broken| broken.into_error(path, "make a new journal");
    let (mut store, _) = Store::open(path, settings, now).map_err(broken)?;
    let taken = match Reader::open_file(&aside) {
        Ok(mut reader) => take_over(&mut reader, &mut store, now),
        Err(_) => Err(Trouble::Old),
    };
    let writing = super::error::trouble(path, "write the journal");
    let taken = match taken {
        Ok(taken) => Some(taken),
        Err(Trouble::New(error)) => return Err(error),
        Err(Trouble::Old) => {
            let why = format!("{cause} and could not be read: look at what was sent, then arm again");
            store.say_switch(false, &why, now).map_err(&writing)?;
            None
        }
    };
    // Numbers and unfinished deliveries are what was taken over; the disk must have it before the old one counts as done.
    store.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).map_err(&writing)?;
    drop(store);
    connect::sync_folder(path).map_err(failed)?;
    let name = number(path, &aside).map_err(failed)?;
    let (store, lost) = Store::open(path, settings, now).map_err(broken)?;
    let lost = if lost > 0 { format!("; {lost} deliveries whose rows were damaged end as unknown") } else { String::new() };
    let words = match taken {
        Some(taken) => format!("{cause}: it was put aside as {name}, and what could be read of it was taken over: {taken}"),
        None => format!("{cause} and could not be read: it was put aside as {name}, a new one begins, and orders are disarmed"),
    };
    Ok((store, words + &lost))
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives the file and its log the name of one that is being put aside, however far an earlier try had come.
fn put_aside(path: &Path, aside: &Path) -> io::Result<()> {
    let (log, log_aside) = (beside(path, "-wal"), beside(aside, "-wal"));
    if !is_there(aside) {
        // Left by a program that was killed at the very end of this; it must not become another file's log.
        remove(&log_aside)?;
        fs::rename(path, aside)?;
    } else if is_there(path) {
        // An incomplete new one. Its log first: a log without a file is taken for the old one's, below.
        remove(&log)?;
        remove(path)?;
    }
    if is_there(&log) && !is_there(&log_aside) {
        fs::rename(&log, &log_aside)?;
    }
    // Indexes of the logs: they are made anew, from check sums.
    remove(&beside(path, "-shm"))?;
    remove(&beside(aside, "-shm"))?;
    // The start of a journal is always the same, so where that alone is damaged it can be mended.
    if fs::metadata(aside)?.len() > MAGIC.len() as u64 {
        OpenOptions::new().write(true).open(aside)?.write_all(MAGIC)?;
    }
    Ok(())
}

/// All is taken over: gives what was put aside a name for people, which is returned. The file goes first, and with that it is done.
fn number(path: &Path, aside: &Path) -> io::Result<String> {
    let named = |n: u32| path.with_file_name(format!("journal-damaged-{n}.db"));
    let free = |n: &u32| !is_there(&named(*n)) && !is_there(&beside(&named(*n), "-wal"));
    let last = (1..10_000).find(free).map(named).ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    fs::rename(aside, &last)?;
    // Nothing depends on what is left beside it.
    let _ = fs::rename(beside(aside, "-wal"), beside(&last, "-wal"));
    let _ = fs::remove_file(beside(aside, "-shm"));
    connect::sync_folder(path)?;
    Ok(last.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// The switch as the damaged journal has it, which is off where it cannot be read; and the cursors.
fn said(reader: &mut Reader, store: &mut Store, now: Timestamp) -> Result<(), Trouble> {
    let path = reader.path.clone();
    let failed = super::error::trouble(&path, "write the journal");
    let failed = |error| Trouble::New(failed(error));
    if let Some(switch) = reader.switch().map_err(|_| Trouble::Old)? {
        let at = if switch.at == Timestamp::default() { now } else { switch.at };
        store.say_switch(switch.armed, &switch.why, at).map_err(failed)?;
    }
    let names = ["alive", "connected", "heard", "lived", "written"].into_iter().chain(Ahead::NAMES).map(str::to_owned);
    for name in names.chain(clocks::names()) {
        if let Some(value) = reader.cursor(&name).map_err(|_| Trouble::Old)? {
            let sql = super::schema::CURSOR;
            store.connection.execute(sql, rusqlite::params![name, value]).map_err(failed)?;
        }
    }
    // What could not be read of the traces is taken for no word that there was none.
    store.connection.execute(super::schema::CURSOR, rusqlite::params![TRACES_SINCE, now.as_millis()]).map_err(failed)?;
    store.connection.execute(super::schema::NOT_COMPLETE, ()).map_err(failed)?;
    Ok(())
}

fn take_over(reader: &mut Reader, store: &mut Store, now: Timestamp) -> Result<String, Trouble> {
    let mut taken = Vec::new();
    for table in &COPIED {
        let is_deliveries = table.name == "deliveries";
        let unfinished = if is_deliveries { reader.unfinished_ids().map_err(|_| Trouble::Old)? } else { Vec::new() };
        let failed = super::error::trouble(&reader.path, "take over what can be read");
        let count =
            copy(&reader.connection, &store.connection, table, &unfinished).map_err(|error| Trouble::New(failed(error)))?;
        if count > 0 {
            taken.push(format!("{count} {}", table.name));
        }
    }
    said(reader, store, now)?;
    Ok(if taken.is_empty() { "nothing".to_owned() } else { taken.join(", ") })
}

/// Copies the newest rows of a table, and those with the numbers `also`. Only an error of the new journal ends it.
fn copy(from: &Connection, to: &Connection, table: &Table, also: &[i64]) -> rusqlite::Result<usize> {
    let Table { name, columns, key, newest } = table;
    let columns = &known(from, name, columns);
    let places: Vec<_> = (1..=columns.split(',').count()).map(|at| format!("?{at}")).collect();
    let insert = format!("INSERT OR IGNORE INTO {name} ({columns}) VALUES ({})", places.join(", "));
    let transaction = to.unchecked_transaction()?;
    let mut count = 0;
    let mut put = |row: Vec<Value>| {
        if *key == "id" && !matches!(row.first(), Some(Value::Integer(id)) if PLAUSIBLE.contains(id)) {
            return Ok(());
        }
        transaction.prepare_cached(&insert)?.execute(params_from_iter(row)).map(|rows| count += rows)
    };
    let newest = i64::try_from(*newest).unwrap_or(i64::MAX);
    let order = |direction| format!("SELECT {columns} FROM {name} ORDER BY {key} {direction} LIMIT {newest}");
    // From the newest back to what is damaged; and, if that was met, from the oldest on to it.
    if !read(from, &order("DESC"), &mut put)? {
        read(from, &order("ASC"), &mut put)?;
        between(from, table, columns, &mut put)?;
    }
    for id in also {
        read(from, &format!("SELECT {columns} FROM {name} WHERE {key} = {id}"), &mut put)?;
    }
    transaction.commit()?;
    Ok(count)
}

/// Those of the columns that a journal has, which may be of an earlier version.
fn known(from: &Connection, table: &str, columns: &str) -> String {
    let known = |column: &&str| connect::has_column(from, table, column).unwrap_or(true);
    columns.split(", ").filter(known).collect::<Vec<_>>().join(", ")
}

/// The rows beyond a damaged page, one by one: as far as the numbers can be known.
fn between(
    from: &Connection,
    table: &Table,
    columns: &str,
    put: &mut impl FnMut(Vec<Value>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let Table { name, key, newest, .. } = table;
    if *key != "id" {
        return Ok(());
    }
    let end = |what| from.query_row(&format!("SELECT {what}({key}) FROM {name}"), (), |row| row.get::<_, Option<i64>>(0));
    let (Ok(Some(first)), Ok(Some(last))) = (end("min"), end("max")) else { return Ok(()) };
    let newest = i64::try_from(*newest).unwrap_or(i64::MAX);
    for id in first.max(last.saturating_sub(newest))..=last {
        read(from, &format!("SELECT {columns} FROM {name} WHERE {key} = {id}"), put)?;
    }
    Ok(())
}

/// Hands out rows until the end (`true`) or something damaged.
fn read(from: &Connection, sql: &str, put: &mut impl FnMut(Vec<Value>) -> rusqlite::Result<()>) -> rusqlite::Result<bool> {
    let Ok(mut statement) = from.prepare_cached(sql) else { return Ok(false) };
    let columns = statement.column_count();
    let Ok(mut rows) = statement.query(()) else { return Ok(false) };
    loop {
        let row = match rows.next() {
            Ok(None) => return Ok(true),
            Ok(Some(row)) => (0..columns).map(|column| row.get::<_, Value>(column)).collect::<rusqlite::Result<Vec<_>>>(),
            Err(_) => return Ok(false),
        };
        // A row with a value that cannot be is left out; those after it are fine.
        if let Ok(row) = row {
            match put(row) {
                Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::ConstraintViolation) => return Err(error),
                _ => {}
            }
        }
    }
}
