//! A damaged journal → put aside, and all that can be read of it in a new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::Settings;
use super::connect::{Broken, MAGIC, beside};
use super::error::{JournalError, Why};
use super::reader::Reader;
use super::store::{PLAUSIBLE, Store};
use crate::model::limits::{FIRED_IDS, JOURNAL_RESCUED_DELIVERIES, JOURNAL_RESCUED_ENTRIES};
use crate::model::time::Timestamp;

/// A table, its columns, the one that numbers its rows, and how many of the newest are taken over.
struct Table {
    name: &'static str,
    columns: &'static str,
    key: &'static str,
    newest: usize,
}

/// The most important first.
const COPIED: [Table; 7] = [
    Table { name: "switches", columns: "id, at, state, why", key: "id", newest: 1_000 },
    Table {
        name: "deliveries",
        columns: "id, firing, rule, subject, fired_at, late, action, trading, expires_at, sum, state, attempts, sent_at, ended_at, form, \
                  receipt, why, body_sum, kind, fallback_kind, body, fallback",
        key: "id",
        newest: JOURNAL_RESCUED_DELIVERIES,
    },
    Table { name: "firings", columns: "id, firing, rule, subject, at, late", key: "id", newest: FIRED_IDS },
    Table { name: "entries", columns: "id, at, origin, matched, sum, text", key: "id", newest: JOURNAL_RESCUED_ENTRIES },
    Table {
        name: "attempts",
        columns: "id, delivery, number, at, verdict, answer, took_ms",
        key: "id",
        newest: 2 * JOURNAL_RESCUED_DELIVERIES,
    },
    Table { name: "gaps", columns: "from_at, to_at, state, why", key: "from_at", newest: 1_000 },
    Table { name: "marks", columns: "lived, at, entry, firing, delivery, attempt", key: "lived", newest: 1_000 },
];

/// Puts the journal at `path` aside, makes a new one, and takes over what can be read. Returns the new one, and what happened, in words.
pub(super) fn rescue(path: &Path, settings: &Settings, now: Timestamp) -> Result<(Store, String), JournalError> {
    let failed = |source| JournalError::Folder { path: path.to_owned(), what: "put the damaged journal aside", source };
    let aside = put_aside(path).map_err(failed)?;
    let broken = |broken: Broken| broken.into_error(path, "make a new journal");
    let (mut store, _) = Store::open(path, settings, now).map_err(broken)?;
    let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let taken = match Reader::open_file(&aside) {
        Ok(mut reader) => Some(take_over(&mut reader, &store.connection).and_then(|taken| {
            said(&mut reader, &mut store, now)?;
            Ok(taken)
        })),
        Err(_) => None,
    };
    let words = match taken {
        Some(Ok(taken)) => {
            format!("the journal was damaged: it was put aside as {name}, and what could be read of it was taken over: {taken}")
        }
        _ => {
            let why = "the journal was damaged and could not be read: look at what was sent, then arm again";
            store.say_switch(false, why, now).map_err(super::error::trouble(path, "write the journal"))?;
            format!(
                "the journal was damaged and could not be read: it was put aside as {name}, a new one begins, and orders are disarmed"
            )
        }
    };
    // Numbers and unfinished deliveries are what was taken over.
    drop(store);
    let (store, lost) = Store::open(path, settings, now).map_err(broken)?;
    let lost = if lost > 0 { format!("; {lost} deliveries whose rows were damaged end as unknown") } else { String::new() };
    Ok((store, words + &lost))
}

/// Moves the file and its log. The names keep them together.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let free = |n: &u32| !path.with_file_name(format!("journal-damaged-{n}.db")).exists();
    let number = (1..10_000).find(free).ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    let aside = path.with_file_name(format!("journal-damaged-{number}.db"));
    fs::rename(path, &aside)?;
    match fs::rename(beside(path, "-wal"), beside(&aside, "-wal")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // An index of the log: it is made anew.
    let _ = fs::remove_file(beside(path, "-shm"));
    // The start of a journal is always the same, so where that alone is damaged it can be mended.
    if fs::metadata(&aside)?.len() > MAGIC.len() as u64 {
        OpenOptions::new().write(true).open(&aside)?.write_all(MAGIC)?;
    }
    Ok(aside)
}

/// The switch as the damaged journal has it, which is off where it cannot be read; and the cursors.
fn said(reader: &mut Reader, store: &mut Store, now: Timestamp) -> Result<(), JournalError> {
    let path = reader.path.clone();
    let failed = super::error::trouble(&path, "write the journal");
    if let Some(switch) = reader.switch()? {
        let at = if switch.at == Timestamp::default() { now } else { switch.at };
        store.say_switch(switch.armed, &switch.why, at).map_err(&failed)?;
    }
    for name in ["alive", "connected", "lived", "written"] {
        if let Some(value) = reader.cursor(name)? {
            let sql = super::schema::CURSOR;
            store.connection.execute(sql, rusqlite::params![name, value]).map_err(&failed)?;
        }
    }
    Ok(())
}

fn take_over(reader: &mut Reader, to: &Connection) -> Result<String, JournalError> {
    let mut taken = Vec::new();
    for table in &COPIED {
        let unfinished = if table.name == "deliveries" { reader.unfinished_ids()? } else { Vec::new() };
        let count = copy(&reader.connection, to, table, &unfinished).map_err(|error| JournalError::Trouble {
            path: reader.path.clone(),
            what: "take over what can be read",
            why: Why::of(&error),
        })?;
        if count > 0 {
            taken.push(format!("{count} {}", table.name));
        }
    }
    Ok(if taken.is_empty() { "nothing".to_owned() } else { taken.join(", ") })
}

/// Copies the newest rows of a table, and those with the numbers `also`. Only an error of the new journal ends it.
fn copy(from: &Connection, to: &Connection, table: &Table, also: &[i64]) -> rusqlite::Result<usize> {
    let Table { name, columns, key, newest } = table;
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
        between(from, table, &mut put)?;
    }
    for id in also {
        read(from, &format!("SELECT {columns} FROM {name} WHERE {key} = {id}"), &mut put)?;
    }
    transaction.commit()?;
    Ok(count)
}

/// The rows beyond a damaged page, one by one: as far as the numbers can be known.
fn between(from: &Connection, table: &Table, put: &mut impl FnMut(Vec<Value>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let Table { name, columns, key, newest } = table;
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
