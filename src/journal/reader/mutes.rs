//! Mutes as they are on record, and what one of all of a rule, or of an action, would have held.

use rusqlite::Row;

use super::super::clocks::Of;
use super::super::connect::has_column;
use super::super::error::JournalError;
use super::super::rows::MuteRow;
use super::{Reader, limit, text};
use crate::model::limits::MUTES_KEPT;
use crate::model::mute::{Mute, MuteOf, Muted};
use crate::model::time::Timestamp;
use crate::rules::ruleset::NOTICES;

/// So many deliveries are looked at for what was told.
const TOLD: i64 = 20_000;

impl Reader {
    /// Mutes that hold at or after `since`, or whose end nobody was told of yet, and the newest of all; by number. Moments of a run whose clock was put
    /// right later are told by the right one.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn mutes(&mut self, since: Timestamp) -> Result<Vec<MuteRow>, JournalError> {
        // Of an earlier version, that nobody has brought up yet. What cannot be told because of damage is met below.
        if !has_column(&self.connection, "mutes", "id").unwrap_or(true) {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, kind, name, token, handle, from_at, until_at, ended_at, because, held, told FROM mutes ORDER BY id DESC LIMIT ?1";
        let found = self.collect(sql, [limit(2 * MUTES_KEPT)], |row| Ok(mute(row)))?;
        let clocks = self.clocks.clone().times(self)?;
        let (mut rows, mut newest) = (Vec::new(), true);
        for row in found {
            let Ok(mut row) = row else {
                self.damaged += 1;
                continue;
            };
            let by = clocks.off(row.mute.from);
            (row.mute.from, row.mute.until) = (row.mute.from.shifted(by), row.mute.until.shifted(by));
            row.mute.ended = row.mute.ended.map(|ended| ended.shifted(clocks.off(ended)));
            if std::mem::take(&mut newest) || !row.told || row.mute.ends() > since {
                rows.push(row);
            }
        }
        rows.reverse();
        Ok(rows)
    }

    /// How often a rule has fired since then, or how many firings went to an action: what was sent or tried, or is on its way. Notices are none. Only
    /// the newest rows are looked through, as whoever asks wants to mute something now; and whether there are more.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn firings_of(&mut self, what: Muted, name: &str, since: Timestamp) -> Result<(u64, bool), JournalError> {
        let by = self.clocks.sql(Of::Deliveries);
        let mut looked_at = ("deliveries", "fired_at");
        let sql = match what {
            Muted::Rule if by == "0" => {
                looked_at = ("firings", "at");
                format!("SELECT count(*) FROM firings WHERE {} AND rule = ?1 AND rule <> ?3 AND at >= ?2", newest("firings"))
            }
            // Of what firings themselves are off by nothing is known.
            Muted::Rule => {
                let newest = newest("deliveries");
                format!(
                    "SELECT count(DISTINCT firing) FROM deliveries WHERE {newest} AND rule = ?1 AND rule <> ?3 AND fired_at + {by} >= ?2"
                )
            }
            Muted::Action => format!(
                "SELECT count(*) FROM deliveries WHERE {} AND action = ?1 AND rule <> ?3 AND fired_at + {by} >= ?2 \
                 AND (sent_at IS NOT NULL OR state IN ('pending', 'sending'))",
                newest("deliveries")
            ),
        };
        let count = self.query_row(&sql, (name, since.as_millis(), NOTICES), |row| row.get::<_, i64>(0))?;
        let (table, at) = looked_at;
        let next = format!("SELECT {at} + {by} FROM {table} WHERE NOT {} ORDER BY id DESC LIMIT 1", newest(table));
        let next = self.query_row(&next, (), |row| row.get::<_, i64>(0))?;
        Ok((count.map_or(0, i64::unsigned_abs), next.is_some_and(|next| next >= since.as_millis())))
    }
}

impl Reader {
    /// Of the latest of what birdcall itself had to say, that whose subjects begin like this: how often each was told, and whether it has
    /// arrived anywhere.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn told_of(&mut self, subjects: &str) -> Result<Vec<ToldOf>, JournalError> {
        let sql = "SELECT subject, count(DISTINCT firing), max(state = 'delivered') FROM deliveries \
             WHERE id > (SELECT max(id) FROM deliveries) - ?1 AND rule = ?2 AND substr(subject, 1, length(?3)) = ?3 GROUP BY subject";
        self.collect(sql, (TOLD, NOTICES, subjects), |row| {
            Ok(ToldOf { subject: row.get(0)?, tries: row.get::<_, i64>(1)?.unsigned_abs(), arrived: row.get(2)? })
        })
    }
}

/// Something that birdcall itself had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldOf {
    /// `notice:` and the key of the occasion.
    pub subject: String,
    /// So often it was told.
    pub tries: u64,
    /// Somebody has it.
    pub arrived: bool,
}

/// More of them than of a day, and no more than can be gone through in a moment.
fn newest(table: &str) -> String {
    format!("id > (SELECT max(id) FROM {table}) - 500000")
}

fn mute(row: &Row<'_>) -> rusqlite::Result<MuteRow> {
    let wrong = || rusqlite::Error::InvalidQuery;
    let kind = text(row, 1)?.and_then(|kind| Muted::ALL.into_iter().find(|one| one.name() == kind));
    let words = |column| row.get::<_, Option<String>>(column);
    let of = MuteOf { what: kind.ok_or_else(wrong)?, name: words(2)?.ok_or_else(wrong)?, token: words(3)?, handle: words(4)? };
    let moment = |column| row.get::<_, Option<i64>>(column).map(|ms| ms.map(Timestamp::from_millis));
    let (from, until) = moment(5)?.zip(moment(6)?).ok_or_else(wrong)?;
    let mute = Mute { number: row.get(0)?, of, from, until, ended: moment(7)?, because: words(8)? };
    let held = row.get::<_, i64>(9)?.unsigned_abs();
    Ok(MuteRow { mute, held, told: row.get(10)? })
}
