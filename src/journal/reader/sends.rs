//! When requests were made, as far as the journal knows: for the rate limits of the next run.

use std::time::Duration;

use super::walk::{CHUNK, OLDER};
use super::{Reader, limit};
use crate::journal::clocks::Of;
use crate::journal::error::JournalError;
use crate::journal::schema::NO_BODY;
use crate::journal::stored::{StoredDelivery, StoredRequest};
use crate::model::delivery::Suppression;
use crate::model::ids::FiringId;
use crate::model::time::Timestamp;
use crate::rules::ruleset::NOTICES;

/// So many deliveries are looked at for what no digest has told of.
const UNTOLD: i64 = 20_000;

impl Reader {
    /// The attempts that were answered, or given up, at or after `since`, newest first; no more than the newest `at_most` are looked at. That of
    /// a digest is with the first delivery in it.
    ///
    /// Numbers tell the order and times need not. What seems later than `now` is of a clock that has been set back since: it was over when
    /// the next one was, at the latest.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn requests_since(
        &mut self,
        since: Timestamp,
        now: Timestamp,
        at_most: usize,
    ) -> Result<Vec<StoredRequest>, JournalError> {
        let (Some(first), Some(last)) = self.newest("attempts", at_most)? else { return Ok(Vec::new()) };
        let not_before = if self.is_old { "NULL" } else { "not_before" };
        let by = self.clocks.sql(Of::Attempts);
        let sql = format!(
            "SELECT delivery, at + {by}, took_ms, (SELECT action FROM deliveries WHERE id = delivery), \
             {not_before} - at - took_ms FROM attempts WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC"
        );
        let (mut found, mut end, mut older, mut next) = (Vec::new(), last, 0, now);
        while end >= first && older < OLDER {
            let from = first.max(end.saturating_sub(CHUNK - 1));
            let rows = self.collect(&sql, [from, end], |row| {
                let time = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
                let (delivery, begun, took) = (row.get(0)?, Timestamp::from_millis(row.get(1)?), time(row.get(2)?));
                let patience = time(row.get::<_, Option<i64>>(4)?.unwrap_or(0));
                let action = row.get::<_, Option<String>>(3)?.unwrap_or_default();
                Ok(StoredRequest { delivery, action, begun, took, patience })
            })?;
            end = from.saturating_sub(1);
            if rows.is_empty() {
                // A damaged number may be any: below it there is nothing for as long as it likes.
                older += usize::try_from(CHUNK).unwrap_or(0);
                let below = "SELECT max(id) FROM attempts WHERE id < ?1";
                let below = self.query_row(below, [from], |row| row.get::<_, Option<i64>>(0))?;
                end = end.min(below.flatten().unwrap_or(end));
            }
            for mut request in rows {
                let over = request.begun.plus(request.took);
                if over > now {
                    request.begun = before(next, request.took);
                } else {
                    next = over;
                }
                older = if request.begun.plus(request.took) >= since { 0 } else { older + 1 };
                if older == 0 && !request.action.is_empty() {
                    found.push(request);
                }
            }
        }
        Ok(found)
    }

    /// The newest `at_most` deliveries to the action of this name that were sent at or after `since` and have ended, each with its end and whether
    /// it may have been sent together with others, of which one has the attempt on record. For attempts that were not recorded, as those are left out first when the disk is slow.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn sent_and_ended_since(
        &mut self,
        action: &str,
        since: Timestamp,
        at_most: usize,
    ) -> Result<Vec<(i64, Timestamp, bool)>, JournalError> {
        let by = self.clocks.sql(Of::Deliveries);
        let sql = format!(
            "SELECT id, ended_at + {by}, form IS 'digest' OR state <> 'delivered' FROM deliveries WHERE action = ?1 AND sent_at >= ?4 AND sent_at + {by} >= ?2 \
             AND ended_at IS NOT NULL ORDER BY sent_at DESC LIMIT ?3"
        );
        let earliest = since.shifted(-self.clocks.most()).as_millis();
        self.collect(&sql, (action, since.as_millis(), limit(at_most), earliest), |row| {
            Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?), row.get(2)?))
        })
    }

    /// How many deliveries to the action of this name that fired between `from` and `until` were sent, or may have been.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn sent_of(&mut self, action: &str, from: Timestamp, until: Timestamp) -> Result<u64, JournalError> {
        let by = self.clocks.sql(Of::Deliveries);
        let sql = format!(
            "SELECT count(*) FROM deliveries WHERE action = ?1 AND rule <> ?5 AND sent_at >= ?4 AND fired_at + {by} >= ?2 AND fired_at + {by} < ?3"
        );
        let earliest = from.shifted(-self.clocks.most()).as_millis();
        let values = (action, from.as_millis(), until.as_millis(), earliest, NOTICES);
        Ok(self.query_row(&sql, values, |row| row.get::<_, i64>(0))?.map_or(0, i64::unsigned_abs))
    }

    /// What was made for the action of this name and came to its end at or after `since` without being sent, as it was too old or had no room, and
    /// after its latest digest has arrived: no message has told of it. Only the newest deliveries are looked at.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn untold(&mut self, action: &str, since: Timestamp) -> Result<Vec<StoredDelivery>, JournalError> {
        let by = self.clocks.sql(Of::Deliveries);
        let newest = "id > (SELECT max(id) FROM deliveries) - ?2";
        let sql = format!("SELECT max(ended_at + {by}) FROM deliveries WHERE {newest} AND action = ?1 AND form = 'digest'");
        let told: Option<i64> = self.query_row(&sql, (action, UNTOLD), |row| row.get(0))?.flatten();
        let since = told.map_or(since, |told| since.max(Timestamp::from_millis(told.saturating_add(1))));
        let sql = format!(
            "SELECT id FROM deliveries WHERE {newest} AND action = ?1 AND kind <> '{NO_BODY}' AND ended_at + {by} >= ?3 \
             AND (state = 'expired' OR state = 'suppressed' AND why = 'overflow')"
        );
        let ids: Vec<i64> = self.collect(&sql, (action, UNTOLD, since.as_millis()), |row| row.get(0))?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.delivery(id, false)?);
        }
        Ok(found)
    }

    /// The deliveries that have come to nothing unsent at or after `since`, by when.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn unsent_since(&mut self, since: Timestamp) -> Result<Vec<Unsent>, JournalError> {
        let by = self.clocks.sql(Of::Deliveries);
        let of =
            |part: &str| format!("SELECT ended_at + {by}, rule, firing, action FROM deliveries {part} AND ended_at + {by} >= ?1");
        let failed = of("INDEXED BY deliveries_failed WHERE state IN ('expired', 'dead', 'unknown') \
             AND (state = 'expired' OR state = 'dead' AND attempts = 0)");
        let names = Suppression::UNSENT.map(|reason| format!("'{}'", reason.name())).join(", ");
        let suppressed = of(&format!("WHERE state = 'suppressed' AND why IN ({names})"));
        let all = self.collect(&format!("{failed} UNION ALL {suppressed}"), (since.as_millis(),), |row| {
            let firing = FiringId::parse(&row.get::<_, String>(2)?);
            let (at, rule, action) = (Timestamp::from_millis(row.get(0)?), row.get(1)?, row.get(3)?);
            Ok(firing.map(|firing| Unsent { at, rule, firing, action }))
        })?;
        let mut all: Vec<_> = all.into_iter().flatten().collect();
        all.sort_by_key(|unsent| unsent.at);
        Ok(all)
    }

    /// The deliveries of firings since `since` that a cooldown, a limit or the hours held back: the firing and the action of each, and by what.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read.
    pub fn held_since(&mut self, since: Timestamp) -> Result<Vec<(FiringId, String, Suppression)>, JournalError> {
        let by = self.clocks.sql(Of::Deliveries);
        let reasons = [Suppression::Cooldown, Suppression::Limit, Suppression::Hours];
        let names = reasons.map(|reason| format!("'{}'", reason.name())).join(", ");
        let sql = format!(
            "SELECT firing, action, why FROM deliveries WHERE state = 'suppressed' AND why IN ({names}) AND fired_at + {by} >= ?1"
        );
        let all = self.collect(&sql, (since.as_millis(),), |row| {
            let why: String = row.get(2)?;
            let reason = reasons.into_iter().find(|reason| reason.name() == why);
            Ok((FiringId::parse(&row.get::<_, String>(0)?), row.get::<_, String>(1)?, reason))
        })?;
        Ok(all.into_iter().filter_map(|(firing, action, reason)| Some((firing?, action, reason?))).collect())
    }
}

/// A delivery that came to nothing unsent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// When.
    pub at: Timestamp,
    /// The rule's name.
    pub rule: String,
    /// The firing.
    pub firing: FiringId,
    /// The action's name.
    pub action: String,
}

fn before(at: Timestamp, by: Duration) -> Timestamp {
    at.shifted(i64::try_from(by.as_millis()).map_or(i64::MIN, |by| -by))
}
