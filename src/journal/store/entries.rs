//! Entries → rows, many with one statement: to begin and end a statement, and to find the table's end, costs as much as to write the row.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection};

use crate::journal::rows::EntryRow;
use crate::journal::schema;
use crate::journal::sum;

/// Rows that are written at once.
const MANY: usize = 16;
/// Of a row.
const COLUMNS: usize = 6;

static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    let places = |row: usize| {
        let places: Vec<_> = (1..=COLUMNS).map(|column| format!("?{}", row * COLUMNS + column)).collect();
        format!("({})", places.join(", "))
    };
    format!("{} {}", schema::ENTRIES, (0..MANY).map(places).collect::<Vec<_>>().join(", "))
});

/// Entries of a batch that are not written yet, with their numbers.
#[derive(Default)]
pub(super) struct Entries<'i>(Vec<(i64, &'i EntryRow)>);

impl<'i> Entries<'i> {
    /// Takes one; writes all when there are enough.
    pub(super) fn add(&mut self, connection: &Connection, id: i64, entry: &'i EntryRow) -> rusqlite::Result<()> {
        self.0.push((id, entry));
        if self.0.len() < MANY {
            return Ok(());
        }
        let mut statement = connection.prepare_cached(&STATEMENT)?;
        for (row, entry) in self.0.drain(..).enumerate() {
            bind(&mut statement, row, entry)?;
        }
        statement.raw_execute().map(drop)
    }

    /// Writes those that are left.
    pub(super) fn finish(self, connection: &Connection) -> rusqlite::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut statement = connection.prepare_cached(schema::ENTRY)?;
        for entry in self.0 {
            bind(&mut statement, 0, entry)?;
            statement.raw_execute()?;
        }
        Ok(())
    }
}

fn bind(statement: &mut CachedStatement<'_>, row: usize, (id, entry): (i64, &EntryRow)) -> rusqlite::Result<()> {
    let (at, origin, first) = (entry.at.as_millis(), entry.origin.name(), row * COLUMNS);
    // The feed's text is UTF-8; what is not is kept as far as it is.
    let text = std::str::from_utf8(&entry.text).map_or_else(|_| String::from_utf8_lossy(&entry.text), Cow::Borrowed);
    statement.raw_bind_parameter(first + 1, id)?;
    statement.raw_bind_parameter(first + 2, at)?;
    statement.raw_bind_parameter(first + 3, origin)?;
    statement.raw_bind_parameter(first + 4, entry.matched)?;
    statement.raw_bind_parameter(first + 5, sum::of_entry(id, at, origin, text.as_bytes()))?;
    statement.raw_bind_parameter(first + 6, &*text)
}
