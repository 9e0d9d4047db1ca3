//! What is written beside rows: how far the feed was heard, how long the journal has lived, and by which clock.

use rusqlite::{OptionalExtension as _, params};

use super::Store;
use crate::journal::queue::Alive;
use crate::journal::retention::Lived;
use crate::journal::{clocks, schema};
use crate::model::time::{Timestamp, Uptime};

/// How far the wall clock is ahead of the steady one of this run, in milliseconds, and the first rows of it: all moments from these rows on
/// are wrong by so much where somebody has put the clock right since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::journal) struct Ahead {
    pub(in crate::journal) ms: i64,
    pub(in crate::journal) entry: i64,
    pub(in crate::journal) delivery: i64,
    pub(in crate::journal) attempt: i64,
}

impl Ahead {
    /// The names of the cursors.
    pub(in crate::journal) const NAMES: [&str; 4] = ["ahead", "ahead_entry", "ahead_delivery", "ahead_attempt"];

    pub(in crate::journal) fn values(self) -> [i64; 4] {
        [self.ms, self.entry, self.delivery, self.attempt]
    }
}

/// What is written beside a batch: how far the feed was heard, and how long the journal has lived.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Cursors {
    pub(in crate::journal) alive: Option<Alive>,
    pub(in crate::journal) lived: Lived,
    pub(in crate::journal) now: Timestamp,
    /// Nothing of this run was written before.
    pub(in crate::journal) is_first: bool,
    pub(in crate::journal) ahead: Ahead,
    /// At the moment of `now`.
    pub(in crate::journal) uptime: Option<Uptime>,
    /// All that was sent is on record: nothing more will be.
    pub(in crate::journal) finished: bool,
}

impl Store {
    pub(super) fn cursors(&self, cursors: &Cursors) -> rusqlite::Result<()> {
        if cursors.is_first {
            clocks::put_alive_right(self, cursors.now)?;
        }
        clocks::keep(self, cursors.ahead)?;
        if let Some(alive) = cursors.alive {
            self.run(schema::CURSOR, params!["alive", alive.at.as_millis()])?;
            self.run(schema::CURSOR, params!["connected", alive.connected])?;
        }
        if cursors.is_first || cursors.alive.is_some() {
            self.run(schema::CURSOR, params!["heard", cursors.alive.is_some()])?;
        }
        self.run(schema::CURSOR, params!["lived", cursors.lived.as_millis()])?;
        self.run(schema::CURSOR, params!["written", cursors.now.as_millis()])?;
        let (boot, up) = cursors.uptime.map_or((0, 0), |uptime| (uptime.boot, uptime.ms));
        self.run(schema::CURSOR, params!["boot", boot])?;
        self.run(schema::CURSOR, params!["uptime", up])?;
        self.run(schema::CURSOR, params!["finished", cursors.finished])?;
        for (name, value) in Ahead::NAMES.into_iter().zip(cursors.ahead.values()) {
            self.run(schema::CURSOR, params![name, value])?;
        }
        Ok(())
    }

    /// A row of `cursors`.
    pub(in crate::journal) fn cursor(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        self.connection.query_row("SELECT value FROM cursors WHERE name = ?1", [name], |row| row.get(0)).optional()
    }
}
