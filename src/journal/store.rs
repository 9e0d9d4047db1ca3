//! The journal's one connection for writing: batches of items → transactions.
//!
//! Which rows are unfinished is kept in memory, so that an end finds its row without an index over random ids; the memory follows the
//! commits, never the attempts at them.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::connect::{self, Broken};
use super::error::{Unrecorded, Why};
use super::queue::Item;
use super::reader::delivery;
use super::rows::{AttemptRow, BeginKey, DeliveryRow, EditRow, EndRow, GapRow, MuteRow, Record, RedeliverRow, State};
use super::schema::NO_BODY;
use super::sum::{self, Fixed};
use super::unfinished::Unfinished;
use super::{Settings, schema};
use crate::model::firing::FiringBrief;
use crate::model::identity::Identity;
use crate::model::limits::{EDITS_KEPT, MUTES_KEPT, TRACES_KEPT};
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::model::window::Trace;

mod columns;
mod cursors;
mod entries;

use columns::{AsText, Stands};
pub(super) use cursors::{Ahead, Cursors};
use entries::Entries;

/// The numbers of the next rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) entry: i64,
    pub(super) firing: i64,
    pub(super) delivery: i64,
    pub(super) attempt: i64,
}

/// Numbers beyond these are of a damaged row: nobody writes so many.
pub(super) const PLAUSIBLE: std::ops::Range<i64> = 1..1 << 53;

/// Of so many traces that are written, with one it is looked at whether there are too many; and of so many edits.
const FORGET_TRACES_EVERY: i64 = 8_192;
const FORGET_EDITS_EVERY: i64 = 512;

/// What became of the intents of a batch: its item's place in the batch, and the answer.
pub(super) type Granted = Vec<(usize, Result<(), Unrecorded>)>;

/// A batch that was not written.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: rusqlite::Error,
    /// It failed at the very end: the disk may have it all the same.
    pub(super) in_doubt: bool,
}

/// The connection, and what must agree with what it has committed.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) next: Next,
    /// Rows of sightings and identities.
    pub(super) lasting: u64,
    unfinished: Unfinished,
}

impl Store {
    /// Opens the journal at `path`. Deliveries whose rows are damaged end as unknown; how many there were.
    pub(super) fn open(path: &Path, settings: &Settings, now: Timestamp) -> Result<(Self, u64), Broken> {
        let connection = connect::for_writing(path, settings)?;
        let next = next(&connection).map_err(Broken::of(path, "read the journal"))?;
        if [next.entry, next.firing, next.delivery, next.attempt].into_iter().any(|next| !PLAUSIBLE.contains(&next)) {
            return Err(Broken::Damaged);
        }
        let count = "SELECT (SELECT count(*) FROM sightings) + (SELECT count(*) FROM identities)";
        let lasting = connection.query_row(count, (), |row| row.get::<_, i64>(0));
        let lasting = u64::try_from(lasting.map_err(Broken::of(path, "read the journal"))?).unwrap_or(0);
        let mut store = Self { connection, next, lasting, unfinished: Unfinished::default() };
        let damaged = store.load(now).map_err(Broken::of(path, "read the journal"))?;
        Ok((store, damaged))
    }

    fn load(&mut self, now: Timestamp) -> rusqlite::Result<u64> {
        let ids: Vec<i64> =
            self.connection.prepare(schema::UNFINISHED)?.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut damaged = 0;
        for id in ids {
            let row = self.connection.prepare_cached(schema::ONE)?.query_row([id], delivery).optional()?;
            match row.flatten() {
                Some(row) if row.state.is_unfinished() => {
                    self.unfinished.stage(row.firing.id, &Arc::from(row.action), Some(id));
                }
                Some(_) => {}
                None => {
                    let why = "its row in the journal is damaged: whether it was sent is not known";
                    self.connection.execute(schema::DAMAGED, params![id, now.as_millis(), why])?;
                    damaged += 1;
                }
            }
        }
        self.unfinished.settle();
        Ok(damaged)
    }

    /// How many deliveries are pending or sending.
    pub(super) fn unfinished(&self) -> u64 {
        self.unfinished.count()
    }

    /// Writes all of it, or nothing.
    pub(super) fn commit(&mut self, items: &[Item], cursors: Option<&Cursors>) -> Result<Granted, Failed> {
        let (next, lasting) = (self.next, self.lasting);
        let written = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute(()));
        let written = written.and_then(|_| self.write_all(items, cursors));
        let in_doubt = written.is_ok();
        let committed = written.and_then(|granted| {
            self.connection.prepare_cached("COMMIT")?.execute(())?;
            Ok(granted)
        });
        match committed {
            Ok(granted) => {
                self.unfinished.settle();
                Ok(granted)
            }
            Err(error) => {
                if !self.connection.is_autocommit() {
                    // If this fails, too, the connection is given up.
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                self.unfinished.forget();
                (self.next, self.lasting) = (next, lasting);
                Err(Failed { error, in_doubt })
            }
        }
    }

    /// As [`Self::commit`]; the disk has it before this returns, and all that was committed before, whatever is usual.
    pub(super) fn commit_forced(&mut self, items: &[Item], cursors: Option<&Cursors>) -> Result<Granted, Failed> {
        let usual = connect::force(&self.connection).map_err(|error| Failed { error, in_doubt: false })?;
        let written = self.commit(items, cursors);
        // Where this fails commits stay slow, which is nothing worse.
        let _ = connect::as_usual(&self.connection, usual);
        written
    }

    fn write_all(&mut self, items: &[Item], cursors: Option<&Cursors>) -> rusqlite::Result<Granted> {
        let (mut granted, mut entries) = (Vec::new(), Entries::default());
        for (place, item) in items.iter().enumerate() {
            match item {
                Item::Record(record) => drop(self.record(record, &mut entries, None)?),
                Item::Begin { record, key, at, answer } => {
                    let awaited = !answer.is_closed();
                    let begun = self.record(record, &mut entries, awaited.then_some((key, *at)))?;
                    if awaited {
                        granted.push((place, if begun { Ok(()) } else { self.begin(key, *at)? }));
                    }
                }
                Item::Attempt(row) => self.attempt(row)?,
                Item::Edit(row) => self.edit(row)?,
                Item::End(row) => self.end(row)?,
                Item::Redeliver(row) => self.redeliver(row)?,
                Item::Gap(GapRow { from, to, state, why }) => {
                    self.run(schema::GAP, params![from.as_millis(), to.as_millis(), state.name(), why])?;
                }
                Item::Switch { armed, why, at } => self.switch(*armed, why, *at)?,
                Item::Mute { row, .. } => self.mute(row)?,
                Item::Count { .. } | Item::Flush(_) | Item::Started | Item::Finished => {}
            }
        }
        entries.finish(&self.connection)?;
        if let Some(cursors) = cursors {
            self.cursors(cursors)?;
        }
        Ok(granted)
    }

    fn run(&self, sql: &'static str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(values)
    }

    /// A delivery of it that is about to `begin` is written as such at once. Whether there was one.
    fn record<'i>(
        &mut self,
        record: &'i Record,
        entries: &mut Entries<'i>,
        begin: Option<(&BeginKey, Timestamp)>,
    ) -> rusqlite::Result<bool> {
        if let Some(entry) = &record.entry {
            entries.add(&self.connection, take(&mut self.next.entry), entry)?;
        }
        for firing in &record.firings {
            let id = take(&mut self.next.firing);
            let FiringBrief { id: firing, rule, subject, at, late } = firing.as_ref();
            self.run(schema::FIRING, params![id, firing.to_string(), rule, subject, at.as_millis(), late])?;
        }
        for trace in &record.traces {
            self.trace(trace)?;
        }
        for identity in &record.identities {
            self.identity(identity)?;
        }
        let mut begun = false;
        for row in &record.deliveries {
            let is = |(key, _): &(&BeginKey, Timestamp)| key.firing == row.firing.id && key.action == row.action;
            begun |= self.delivery(row, begin.filter(is).map(|(_, at)| at))?;
        }
        Ok(begun)
    }

    fn trace(&mut self, Trace { rule, of, key, at, left }: &Trace) -> rusqlite::Result<()> {
        let Some(text) = serde_json::to_string(left).ok().filter(|_| !left.is_empty()) else {
            let gone = self.run(schema::NOT_SEEN, params![rule, key])?;
            self.lasting = self.lasting.saturating_sub(gone as u64);
            return self.run(schema::NO_TRACE, params![rule, key]).map(drop);
        };
        let values = params![rule, key, of, at.as_millis(), text];
        if left.is_sighting() {
            if self.run(schema::SEEN_AGAIN, values)? == 0 {
                self.run(schema::SEEN_FIRST, values)?;
                self.lasting += 1;
            }
            return Ok(());
        }
        self.run(schema::TRACE, values)?;
        self.now_and_then(FORGET_TRACES_EVERY, (schema::FORGET_TRACES, TRACES_KEPT))
    }

    fn identity(&mut self, Identity { kind, name, is, at }: &Identity) -> rusqlite::Result<()> {
        let Some(is) = is else {
            let gone = self.run(schema::NOT_KNOWN, params![kind.name(), name])?;
            self.lasting = self.lasting.saturating_sub(gone as u64);
            return Ok(());
        };
        let values = params![kind.name(), name, is, at.as_millis()];
        if self.run(schema::LEARNED_AGAIN, values)? == 0 {
            self.run(schema::LEARNED_FIRST, values)?;
            self.lasting += 1;
        }
        Ok(())
    }

    /// Whether it has begun by this.
    fn delivery(&mut self, row: &DeliveryRow, begin: Option<Timestamp>) -> rusqlite::Result<bool> {
        let DeliveryRow { firing, action, trading, expires_at, body, fallback, line, outcome } = row;
        if self.unfinished.find(firing.id, action).is_some() {
            // Told twice: there is to be one row, so that there is one message.
            return Ok(false);
        }
        let (id, written) = (take(&mut self.next.delivery), firing.id.to_string());
        let FiringBrief { rule, subject, at, late, .. } = firing.as_ref();
        let (fired_at, late, trading, expires_at) = (at.as_millis(), *late, *trading, expires_at.as_millis());
        let fixed = Fixed { id, firing: &written, rule, subject, fired_at, late, action, trading, expires_at };
        let body = body.as_ref().map_or((NO_BODY, Bytes::new()), |body| body.store());
        let fallback = fallback.as_ref().map(|fallback| fallback.store());
        // What has no JSON is left out: a digest then says less of it.
        let line = line.as_ref().and_then(|line| serde_json::to_string(line).ok());
        let fallback_bytes = fallback.as_ref().map(|(kind, bytes)| (*kind, bytes.as_ref()));
        let body_sum = sum::of_body(id, (body.0, &body.1), fallback_bytes, line.as_deref());
        let (fallback_kind, fallback) = fallback.as_ref().map(|(kind, bytes)| (kind, AsText(bytes))).unzip();
        let stands = match outcome.as_ref().and_then(|outcome| Stands::ended(outcome, 0, firing.at)) {
            Some(ended) => ended,
            None => {
                self.unfinished.stage(firing.id, action, Some(id));
                Stands::unfinished(begin)
            }
        };
        let Stands { state, attempts, sent_at, ended_at, form, receipt, why } = stands;
        #[rustfmt::skip]
        let values = params![
            id, written, rule, subject, fired_at, late, action, trading, expires_at, fixed.sum(),
            body_sum, body.0, fallback_kind, AsText(&body.1), fallback, line,
            state.name(), attempts, sent_at, ended_at, form, receipt, why
        ];
        self.run(schema::DELIVERY, values)?;
        Ok(state == State::Sending)
    }

    fn begin(&mut self, key: &BeginKey, at: Timestamp) -> rusqlite::Result<Result<(), Unrecorded>> {
        let Some(id) = self.unfinished.find(key.firing, &key.action) else {
            return Ok(Err(Unrecorded("the journal has no such delivery that is still to be sent".to_owned())));
        };
        let begin = if key.once { schema::BEGIN } else { schema::BEGIN_AGAIN };
        Ok(match self.run(begin, params![id, at.as_millis()])? {
            1 => Ok(()),
            _ => Err(Unrecorded(format!(
                "the journal's delivery {id} has been begun already, and is not one that is still to be sent"
            ))),
        })
    }

    fn attempt(&mut self, row: &AttemptRow) -> rusqlite::Result<()> {
        let Some(delivery) = self.unfinished.find(row.firing, &row.action) else { return Ok(()) };
        let (id, took) = (take(&mut self.next.attempt), i64::try_from(row.took.as_millis()).unwrap_or(i64::MAX));
        let (at, not_before) = (row.at.as_millis(), row.not_before.map(Timestamp::as_millis));
        self.run(schema::ATTEMPT, params![id, delivery, row.number, at, row.verdict, row.answer, took, not_before])?;
        Ok(())
    }

    fn edit(&self, EditRow { firing, action, at, says }: &EditRow) -> rusqlite::Result<()> {
        let (sum, why) = (says.as_ref().ok().map(|body| sum::of_message(body)), says.as_ref().err());
        self.run(schema::EDIT, params![firing.to_string(), action, at.as_millis(), sum, why])?;
        self.now_and_then(FORGET_EDITS_EVERY, (schema::FORGET_EDITS, EDITS_KEPT))
    }

    /// Forgets all but so many of a table with one of so many rows: to count them takes a while.
    fn now_and_then(&self, every: i64, (forget, keep): (&'static str, usize)) -> rusqlite::Result<()> {
        match self.connection.last_insert_rowid() % every {
            0 => self.run(forget, [i64::try_from(keep).unwrap_or(i64::MAX)]).map(drop),
            _ => Ok(()),
        }
    }

    fn end(&mut self, row: &EndRow) -> rusqlite::Result<()> {
        let Some(id) = self.unfinished.find(row.firing, &row.action) else { return Ok(()) };
        let Some(stands) = Stands::ended(&row.outcome, row.attempts, row.at) else {
            return self.run(schema::TAKE_BACK, [id]).map(drop);
        };
        let Stands { state, attempts, sent_at, ended_at, form, receipt, why } = stands;
        self.run(schema::END, params![id, state.name(), attempts, sent_at, ended_at, form, receipt, why])?;
        self.unfinished.stage(row.firing, &row.action, None);
        Ok(())
    }

    fn redeliver(&mut self, RedeliverRow { id, expires_at }: &RedeliverRow) -> rusqlite::Result<()> {
        let row = self.connection.prepare_cached(schema::ONE)?.query_row([id], delivery).optional()?.flatten();
        let Some(row) = row.filter(|row| !row.state.is_unfinished()) else { return Ok(()) };
        let firing = row.firing.id.to_string();
        // It will be another message.
        self.run(schema::NO_EDIT, params![firing, row.action])?;
        let fixed = Fixed {
            id: *id,
            firing: &firing,
            rule: &row.firing.rule,
            subject: &row.firing.subject,
            fired_at: row.firing.at.as_millis(),
            late: row.firing.late,
            action: &row.action,
            trading: row.trading,
            expires_at: expires_at.as_millis(),
        };
        self.run(schema::REDELIVER, params![id, expires_at.as_millis(), fixed.sum()])?;
        self.unfinished.stage(row.firing.id, &Arc::from(row.action), Some(*id));
        Ok(())
    }

    fn switch(&self, armed: bool, why: &str, at: Timestamp) -> rusqlite::Result<()> {
        let state = if armed { schema::ARMED } else { schema::DISARMED };
        self.run(schema::SWITCH, params![at.as_millis(), state, why]).map(drop)
    }

    fn mute(&self, MuteRow { mute, held, told }: &MuteRow) -> rusqlite::Result<()> {
        let Mute { number, of, from, until, ended, because } = mute;
        let (ended, held) = (ended.map(Timestamp::as_millis), i64::try_from(*held).unwrap_or(i64::MAX));
        let (from, until) = (from.as_millis(), until.as_millis());
        self.run(
            schema::MUTE,
            params![number, of.what.name(), of.name, of.token, of.handle, from, until, ended, because, held, told],
        )?;
        self.run(schema::FORGET_MUTES, [i64::try_from(MUTES_KEPT).unwrap_or(i64::MAX)]).map(drop)
    }

    /// Mutes alone, at once.
    pub(super) fn say_mutes(&mut self, rows: Vec<MuteRow>) -> rusqlite::Result<()> {
        let items: Vec<_> = rows.into_iter().map(|row| Item::Mute { row: Box::new(row), by_hand: true }).collect();
        self.commit(&items, None).map(drop).map_err(|failed| failed.error)
    }

    /// The switch alone, at once.
    pub(super) fn say_switch(&mut self, armed: bool, why: &str, at: Timestamp) -> rusqlite::Result<()> {
        let item = Item::Switch { armed, why: why.to_owned(), at };
        self.commit(&[item], None).map(drop).map_err(|failed| failed.error)
    }

    /// A commit that changes nothing.
    pub(super) fn write_nothing(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "user_version", schema::VERSION)
    }

    /// Copies the write-ahead log into the file, so that the file alone is the journal, and closes it.
    pub(super) fn finish(self) {
        // A log that stays is read by the next run.
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())) {
            tracing::warn!("the journal's log could not be copied into its file: {}", Why::of(&error));
        }
    }
}

fn take(next: &mut i64) -> i64 {
    let this = *next;
    *next = this.saturating_add(1);
    this
}

fn next(connection: &Connection) -> rusqlite::Result<Next> {
    let after = |sql| connection.query_row(sql, (), |row| row.get::<_, i64>(0)).map(|last| last.saturating_add(1));
    Ok(Next {
        entry: after("SELECT coalesce(max(id), 0) FROM entries")?,
        firing: after("SELECT coalesce(max(id), 0) FROM firings")?,
        delivery: after("SELECT coalesce(max(id), 0) FROM deliveries")?,
        attempt: after("SELECT coalesce(max(id), 0) FROM attempts")?,
    })
}
