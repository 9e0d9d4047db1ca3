//! A file → a connection to the journal in it, or why not. A file that is not ours, or of a later version, is not touched.

use std::fs::{self, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{JournalError, Why, trouble};
use super::folder::private;
use super::schema::{ADDED, APPLICATION, EDITS, IDENTITIES, MUTES, SIGHTINGS, TABLES, TRACES, TRACES_SINCE, VERSION};
use super::{Settings, Sync};
use crate::model::limits::{JOURNAL_BUSY, JOURNAL_BYTES_MIN, JOURNAL_CACHE_KIB, JOURNAL_WAL_BYTES};

/// The journal of a state folder.
pub(super) fn file(folder: &Path) -> PathBuf {
    // SQLite takes a relative name that starts with `file:` for a URL.
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).join("journal.db")
}

/// A name beside the journal: `-wal` or `-shm`.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Broken {
    /// It is not to be used, or this user may not.
    Refused(JournalError),
    /// It is damaged.
    Damaged,
    /// It may be better in a while.
    Passing(Why),
}

impl Broken {
    pub(super) fn of(path: &Path, what: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |error| match Why::of(&error) {
            Why::Damaged => Self::Damaged,
            why if why.may_pass() => Self::Passing(why),
            why => Self::Refused(JournalError::Trouble { path: path.to_owned(), what, why }),
        }
    }

    /// For who cannot wait or mend.
    pub(super) fn into_error(self, path: &Path, what: &'static str) -> JournalError {
        match self {
            Self::Refused(error) => error,
            Self::Damaged => JournalError::Trouble { path: path.to_owned(), what, why: Why::Damaged },
            Self::Passing(why) => JournalError::Trouble { path: path.to_owned(), what, why },
        }
    }
}

/// The first 24 bytes of every journal: the format's name and numbers that never change.
pub(super) const MAGIC: &[u8; 24] = b"SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20";

fn known(path: &Path, application: u32, version: u32) -> Result<(), JournalError> {
    if application != APPLICATION {
        return Err(JournalError::Foreign { path: path.to_owned() });
    }
    if version > VERSION {
        return Err(JournalError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Opens it for reading only.
///
/// The file is opened by nobody but SQLite, here and below: closing another handle of it would take the locks of every connection that
/// this process has.
pub(super) fn for_reading(path: &Path) -> Result<Connection, JournalError> {
    if fs::metadata(path).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |found| found.len() == 0) {
        return Err(JournalError::Missing { path: path.to_owned() });
    }
    let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let checked = opened.and_then(|connection| {
        connection.busy_timeout(JOURNAL_BUSY)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch("PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;")?;
        let identity = identity(&connection)?;
        Ok((connection, identity))
    });
    let (connection, identity) = checked.map_err(trouble(path, "read the journal"))?;
    match identity {
        (0, 0, 0) => Err(JournalError::Missing { path: path.to_owned() }),
        (application, version, _) => known(path, application, version).map(|()| connection),
    }
}

/// Opens it for writing; makes it if there is none.
pub(super) fn for_writing(path: &Path, settings: &Settings) -> Result<Connection, Broken> {
    let made = match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        // SQLite gives the files beside it the same mode.
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(Broken::Passing(Why::Full)),
        Err(source) => {
            return Err(Broken::Refused(JournalError::Folder { path: path.to_owned(), what: "make the journal", source }));
        }
    };
    let opened = opened(path, settings);
    if made && opened.is_err() {
        // An empty file would look like a journal that was cut to nothing.
        let _ = fs::remove_file(path);
    }
    opened
}

fn opened(path: &Path, settings: &Settings) -> Result<Connection, Broken> {
    let broken = Broken::of(path, "open the journal");
    let connection = plain(path).map_err(&broken)?;
    let ours = match identity(&connection).map_err(&broken)? {
        (0, 0, 0) => None,
        (application, version, _) => known(path, application, version).map(|()| Some(version)).map_err(Broken::Refused)?,
    };
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(&broken)? {
        let (path, what) = (path.to_owned(), "write the journal");
        return Err(Broken::Refused(JournalError::Trouble { path, what, why: Why::ReadOnly }));
    }
    set_up(&connection, settings).map_err(&broken)?;
    match ours {
        Some(version) => bring_up(&connection, version),
        None => fill(&connection),
    }
    .map_err(&broken)?;
    Ok(connection)
}

/// A connection for writing, of which nothing is set but what keeps it from doing things by itself. It leaves the file as it is.
pub(super) fn plain(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(JOURNAL_BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0;")?;
    Ok(connection)
}

/// From here on every commit waits until the disk has it. Returns how it was.
pub(super) fn force(connection: &Connection) -> rusqlite::Result<i64> {
    let usual = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    Ok(usual)
}

/// Ends what [`force`] began.
pub(super) fn as_usual(connection: &Connection, usual: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA synchronous = {usual}"))
}

/// Makes the names in the file's folder outlive a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn set_up(connection: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    let synchronous = match settings.sync {
        Sync::Process => "NORMAL",
        Sync::Power => "FULL",
    };
    connection.set_prepared_statement_cache_capacity(64);
    // `auto_vacuum` counts only before there is a table.
    connection.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
         PRAGMA cache_size = -{JOURNAL_CACHE_KIB}; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;
         PRAGMA journal_size_limit = {};",
        wal_bytes(settings).saturating_mul(2)
    ))
}

/// Application, version, and how many tables there are.
fn identity(connection: &Connection) -> rusqlite::Result<(u32, u32, u32)> {
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok((pragma(connection, "application_id")?, pragma(connection, "user_version")?, tables))
}

/// Makes the tables, and sees to it that the file itself, not only its log, says what it is.
fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let all = format!(
        "BEGIN IMMEDIATE; {TABLES} {MUTES} {TRACES} {SIGHTINGS} {EDITS} {IDENTITIES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
    );
    connection.execute_batch(&all).inspect_err(|_| {
        // It is still in the transaction, or it is not: either is fine.
        let _ = connection.execute_batch("ROLLBACK");
    })?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
}

/// Gives a journal of an earlier version what it lacks. Its number, too, where that is nothing: the earlier program would take the check sums that are
/// written from here on for damage.
fn bring_up(connection: &Connection, version: u32) -> rusqlite::Result<()> {
    let mut missing = String::new();
    for (table, column, of) in ADDED {
        if !has_column(connection, table, column)? {
            missing.push_str(&format!("ALTER TABLE {table} ADD COLUMN {column} {of}; "));
        }
    }
    if !has_column(connection, "mutes", "id")? {
        missing.push_str(MUTES);
    }
    if !has_column(connection, "traces", "id")? {
        let now = "CAST(strftime('%s', 'now') AS INTEGER) * 1000";
        missing.push_str(&format!("{TRACES} INSERT OR REPLACE INTO cursors (name, value) VALUES ('{TRACES_SINCE}', {now}); "));
    }
    if !has_column(connection, "sightings", "id")? {
        missing.push_str(SIGHTINGS);
    }
    if !has_column(connection, "edits", "id")? {
        missing.push_str(EDITS);
    }
    if !has_column(connection, "identities", "id")? {
        missing.push_str(IDENTITIES);
    }
    if missing.is_empty() && version == VERSION {
        return Ok(());
    }
    let all = format!("BEGIN IMMEDIATE; {missing} PRAGMA user_version = {VERSION}; COMMIT;");
    connection.execute_batch(&all).inspect_err(|_| {
        let _ = connection.execute_batch("ROLLBACK");
    })
}

/// Whether a table has it: a journal of an earlier version has fewer.
pub(super) fn has_column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) > 0 FROM pragma_table_info(?1) WHERE name = ?2";
    connection.query_row(sql, [table, column], |row| row.get(0))
}

/// Bytes of write-ahead log after which it is emptied.
pub(super) fn wal_bytes(settings: &Settings) -> u64 {
    (cap(settings) / 16).min(JOURNAL_WAL_BYTES)
}

/// Makes the write-ahead log as long as it will be, with zeros that SQLite takes for its end: writing over what is there costs half of what
/// it costs to make a file longer, and an order waits for it. What the disk has no room for is left out. Not to be done beside a commit.
pub(super) fn reserve_log(path: &Path, settings: &Settings) -> io::Result<()> {
    let log = OpenOptions::new().write(true).open(beside(path, "-wal"))?;
    let (long, zeros) = (log.metadata()?.len(), [0; 64 * 1024]);
    let mut end = long;
    let mut log = &log;
    log.seek(SeekFrom::Start(long))?;
    while end < wal_bytes(settings) {
        if let Err(error) = log.write_all(&zeros) {
            log.set_len(long)?;
            return Err(error);
        }
        end += zeros.len() as u64;
    }
    Ok(())
}

/// Bytes of the log's index, `-shm`: 32 KiB for each 16 MiB of log.
pub(super) const INDEX: u64 = 64 * 1024;

/// How large the file is once all that was committed is copied into it.
pub(super) fn file_bytes(connection: &Connection) -> u64 {
    let one = |name| pragma(connection, name).map_or(0, u64::from);
    one("page_count") * one("page_size")
}

/// What the journal may take.
pub(super) fn cap(settings: &Settings) -> u64 {
    settings.max_bytes.max(JOURNAL_BYTES_MIN)
}
