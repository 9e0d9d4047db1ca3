//! The long pauses between entries, found without reading what lies between them.

use super::super::error::JournalError;
use super::super::schema;
use super::super::store::PLAUSIBLE;
use super::super::stored::{StoredEntry, Stretch};
use super::walk::entry;
use super::{Reader, limit};
use crate::model::time::Timestamp;

/// Entries that are looked up at most. To find a pause takes one for each time that the journal can be halved.
const LOOKS: u32 = 20_000;
/// Entries that are read at each end of a stretch, to find one that counts.
const ENDS: usize = 16;

/// The number of an entry, and when it came.
type Place = (i64, Timestamp);

impl Reader {
    /// The stretches since then that pauses of at least so long part, the oldest first; of the entries that `counts` says count. Where many that do
    /// not stand at an end, all of them are taken to.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn stretches(
        &mut self,
        since: Timestamp,
        at_least: std::time::Duration,
        counts: impl Fn(&StoredEntry<'_>) -> bool,
    ) -> Result<Vec<Stretch>, JournalError> {
        let ends = self.query_row(&schema::ends("entries"), (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends.unwrap_or_default() else { return Ok(Vec::new()) };
        let (before, after) = (first.max(PLAUSIBLE.start).saturating_sub(1), last.saturating_add(1));
        let (Some(first), Some(last)) = (self.next_after(before, after)?, self.last_before(after, before)?) else {
            return Ok(Vec::new());
        };
        let pauses = self.pauses((first, last), since, at_least)?;
        let starts = std::iter::once(first).chain(pauses.iter().map(|(_, to)| *to));
        let ends = pauses.iter().map(|(from, _)| *from).chain([last]);
        let mut stretches = Vec::new();
        for (start, end) in starts.zip(ends).filter(|(_, end)| end.1 >= since) {
            let first = self.counting((start, end), "ASC", &counts)?;
            let last = self.counting((start, end), "DESC", &counts)?;
            stretches.extend(first.zip(last).map(|(first, last)| Stretch { first: first.max(since), last }));
        }
        Ok(stretches)
    }

    /// The entries before and after each pause, in order. What lies within less than a pause is not looked into.
    fn pauses(
        &mut self,
        all: (Place, Place),
        since: Timestamp,
        at_least: std::time::Duration,
    ) -> Result<Vec<(Place, Place)>, JournalError> {
        let (mut pauses, mut open, mut looks) = (Vec::new(), vec![all], 0);
        while let Some((from, to)) = open.pop() {
            if to.1 < since || to.1.since(from.1) < at_least {
                continue;
            }
            looks += 1;
            if looks > LOOKS {
                break;
            }
            let middle = from.0 + (to.0 - from.0) / 2;
            let found = match self.next_after(middle - 1, to.0)?.filter(|found| found.0 > from.0) {
                Some(found) => Some(found),
                None => self.last_before(middle, from.0)?,
            };
            match found {
                // The earlier half first.
                Some(found) => open.extend([(found, to), (from, found)]),
                None => pauses.push((from, to)),
            }
        }
        Ok(pauses)
    }

    fn next_after(&mut self, number: i64, below: i64) -> Result<Option<Place>, JournalError> {
        self.place("SELECT id, at FROM entries WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT 1", [number, below])
    }

    pub(super) fn last_before(&mut self, number: i64, above: i64) -> Result<Option<Place>, JournalError> {
        self.place("SELECT id, at FROM entries WHERE id < ?1 AND id > ?2 ORDER BY id DESC LIMIT 1", [number, above])
    }

    fn place(&mut self, sql: &str, between: [i64; 2]) -> Result<Option<Place>, JournalError> {
        let found = self.query_row(sql, between, |row| Ok((row.get::<_, i64>(0)?, Timestamp::from_millis(row.get(1)?))))?;
        Ok(found.map(|(id, at)| (id, self.right(id, at))))
    }

    /// When the first entry of a stretch came that counts, or the last, by the `order`.
    fn counting(
        &mut self,
        ((first, first_at), (last, last_at)): (Place, Place),
        order: &str,
        counts: &impl Fn(&StoredEntry<'_>) -> bool,
    ) -> Result<Option<Timestamp>, JournalError> {
        let sql = format!(
            "SELECT id, at, origin, text, sum FROM entries WHERE id BETWEEN ?1 AND ?2 ORDER BY id {order} LIMIT {}",
            limit(ENDS)
        );
        let of = |found: StoredEntry<'_>| (found.id, found.at, counts(&found));
        let found = self.collect(&sql, [first, last], |row| Ok(entry(row)?.map(of)))?;
        let end = if order == "ASC" { first_at } else { last_at };
        let counting = found.iter().flatten().find(|(.., counts)| *counts).map(|(id, at, _)| self.right(*id, *at));
        Ok(counting.or_else(|| (found.len() >= ENDS).then_some(end)))
    }
}
