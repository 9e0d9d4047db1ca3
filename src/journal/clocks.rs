//! Runs whose clock was put right while they lasted: how far their moments are off, for the runs after them. The newest few are kept.

use std::time::Duration;

use rusqlite::params;

use super::error::JournalError;
use super::reader::Reader;
use super::schema;
use super::store::{Ahead, Store};
use crate::model::limits::CLOCK_JUMP;
use crate::model::time::Timestamp;

/// So many milliseconds may lie between two clocks because they are not read at the same moment.
const READ_APART: u64 = 10;
/// From the connection of a run to its first entry, as a rule.
const FIRST_ENTRY: Duration = Duration::from_secs(60);
/// Runs that are kept beside the last one. A clock is seldom put right during a run, but where it starts wrong it is in each.
const KEPT: usize = 16;
/// What is kept of one: by how much it is off, its first rows, when it was last written, and the first rows after it.
const FIELDS: [&str; 8] = ["ms", "entry", "delivery", "attempt", "written", "end_entry", "end_delivery", "end_attempt"];

/// Whose numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Entries,
    Deliveries,
    Attempts,
}

/// The cursor of a field of the run that was so many of these ago.
fn name(field: &str, ago: usize) -> String {
    format!("ahead_{field}_{ago}")
}

/// The names of all cursors.
pub(super) fn names() -> impl Iterator<Item = String> {
    (0..KEPT).flat_map(|ago| FIELDS.map(|field| name(field, ago)))
}

/// Keeps what is known of the last run when this one begins, whose first rows `this` has. To be called before anything else is written of it.
pub(super) fn keep(store: &Store, this: Ahead) -> rusqlite::Result<()> {
    let mut last = [0; 4];
    for (value, name) in last.iter_mut().zip(Ahead::NAMES) {
        let Some(found) = store.cursor(name)? else { return Ok(()) };
        *value = found;
    }
    let [ms, entry, delivery, attempt] = last;
    let is_same = (entry, delivery, attempt) == (this.entry, this.delivery, this.attempt);
    if is_same || ms.unsigned_abs() < READ_APART {
        return Ok(());
    }
    let written = store.cursor("written")?.unwrap_or(i64::MIN);
    let set = |name: &str, value: i64| store.connection.prepare_cached(schema::CURSOR)?.execute(params![name, value]);
    for ago in (1..KEPT).rev() {
        for field in FIELDS {
            if let Some(value) = store.cursor(&name(field, ago - 1))? {
                set(&name(field, ago), value)?;
            }
        }
    }
    let values = [ms, entry, delivery, attempt, written, this.entry, this.delivery, this.attempt];
    FIELDS.into_iter().zip(values).try_for_each(|(field, value)| set(&name(field, 0), value).map(drop))
}

/// Judges by the right clock until when the last run heard the feed, as long as it is known by how much that run's was off: this one may end
/// before it hears anything. To be called when this run begins, before anything else is written of it.
pub(super) fn put_alive_right(store: &Store, now: Timestamp) -> rusqlite::Result<()> {
    let (ms, written, alive) = (store.cursor("ahead")?, store.cursor("written")?, store.cursor("alive")?);
    let ms = if store.cursor("heard")? == Some(0) { None } else { ms };
    let by = ms.and_then(|ms| off(ms, written.unwrap_or(i64::MIN), now));
    if let (Some(by), Some(alive)) = (by, alive) {
        let right = Timestamp::from_millis(alive).shifted(by);
        store.connection.prepare_cached(schema::CURSOR)?.execute(params!["alive", right.as_millis()])?;
    }
    Ok(())
}

/// By how much the moments of rows are off.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks {
    /// Of the last run: of what has no number, too.
    pub(super) last: i64,
    runs: Vec<Run>,
}

/// Of one run.
#[derive(Clone, Debug)]
struct Run {
    ms: i64,
    first: [i64; 3],
    end: [i64; 3],
}

impl Clocks {
    /// As the journal has them, at the start of a run at `now`.
    pub(super) fn read(reader: &mut Reader, now: Timestamp) -> Result<Self, JournalError> {
        let mut clocks = Self::default();
        let mut last = [0; 4];
        for (value, name) in last.iter_mut().zip(Ahead::NAMES) {
            let Some(found) = reader.cursor(name)? else { return Ok(clocks) };
            *value = found;
        }
        let [ms, first @ ..] = last;
        let written = reader.cursor("written")?.unwrap_or(i64::MIN);
        if let Some(ms) = off(ms, written, now) {
            clocks.last = ms;
            clocks.runs.push(Run { ms, first, end: [i64::MAX; 3] });
        }
        for ago in 0..KEPT {
            let mut values = [0; 8];
            for (value, field) in values.iter_mut().zip(FIELDS) {
                let Some(found) = reader.cursor(&name(field, ago))? else { return Ok(clocks) };
                *value = found;
            }
            let [ms, first_entry, first_delivery, first_attempt, written, end @ ..] = values;
            let first = [first_entry, first_delivery, first_attempt];
            clocks.runs.extend(off(ms, written, now).map(|ms| Run { ms, first, end }));
        }
        Ok(clocks)
    }

    /// Of the row with that number.
    pub(super) fn of(&self, id: i64, of: Of) -> i64 {
        let is_in = |run: &&Run| run.first[of as usize] <= id && id < run.end[of as usize];
        self.runs.iter().find(is_in).map_or(0, |run| run.ms)
    }

    /// The same in SQL, of a row's `id`.
    pub(super) fn sql(&self, of: Of) -> String {
        let of = of as usize;
        let when = |run: &Run| format!(" WHEN id >= {} AND id < {} THEN {}", run.first[of], run.end[of], run.ms);
        let when: String = self.runs.iter().map(when).collect();
        if when.is_empty() { "0".to_owned() } else { format!("(CASE{when} ELSE 0 END)") }
    }

    /// The most that a moment may seem too early.
    pub(super) fn most(&self) -> i64 {
        self.runs.iter().map(|run| run.ms).max().unwrap_or(0).max(0)
    }
}

/// The stretches of runs whose moments are off, by their own clocks: gaps have no numbers.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<Time>);

#[derive(Debug)]
struct Time {
    ms: i64,
    from: Timestamp,
    to: Timestamp,
}

impl Clocks {
    pub(super) fn times(self, reader: &mut Reader) -> Result<Times, JournalError> {
        let mut times = Vec::new();
        for Run { ms, first, end } in self.runs {
            let (first, end) = (first[Of::Entries as usize], end[Of::Entries as usize]);
            let Some((from, to)) = reader.entered(first, end)? else { continue };
            // The last run may have lost the feed after its last entry.
            let to = if end == i64::MAX { Timestamp::from_millis(i64::MAX) } else { to };
            times.push(Time { ms, from, to });
        }
        Ok(Times(times))
    }
}

impl Times {
    /// By how much a moment of no row is off.
    pub(super) fn off(&self, at: Timestamp) -> i64 {
        self.0.iter().find(|time| time.from <= at && at <= time.to).map_or(0, |time| time.ms)
    }

    /// A gap by the right clock. One that began in the run before ends by the clock of the run that closed it.
    pub(super) fn gap(&self, from: Timestamp, to: Timestamp) -> (Timestamp, Timestamp) {
        let within = |at: Timestamp| self.0.iter().find(|time| time.from <= at && at <= time.to);
        let begun = self.0.iter().find(|time| time.from > to && time.from.since(to) <= FIRST_ENTRY);
        let right = |at: Timestamp, time: Option<&Time>| time.map_or(at, |time| at.shifted(time.ms));
        let (from, to) = (right(from, within(from)), right(to, within(to).or(begun)));
        (from, to.max(from))
    }
}

/// What the moments of a run are off by that was `ms` off at its end, where it was last written at `written`.
fn off(ms: i64, written: i64, now: Timestamp) -> Option<i64> {
    let written = Timestamp::from_millis(written);
    // The clock was moved again between the runs, to where the log's time fits better.
    let moved = written.shifted(ms) > now.plus(CLOCK_JUMP) && written <= now;
    // Both clocks' milliseconds were cut off; in doubt, what was sent was sent later.
    (!moved && ms.unsigned_abs() >= READ_APART).then(|| ms.saturating_add(1))
}
