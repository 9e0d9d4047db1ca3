//! Entries of a stretch of the past, found and read without what came after it.

use std::ops::ControlFlow;

use super::super::clocks::Of;
use super::super::error::JournalError;
use super::super::schema;
use super::super::store::PLAUSIBLE;
use super::super::stored::StoredEntry;
use super::walk::{OLDER, entry};
use super::{Reader, text};
use crate::model::firing::Origin;
use crate::model::time::Timestamp;

const WHOLE: &str = "SELECT id, at, origin, text, sum FROM entries WHERE id BETWEEN ?1 AND ?2";

/// What [`Reader::before`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CameBefore {
    /// How many entries there were.
    pub entries: usize,
    /// The number from which on what came later is found.
    pub next: i64,
}

impl Reader {
    /// Hands out the newest `at_most` entries that came at or after `since` and before `moment`, oldest first. What came later is not read, but for
    /// some that lies beside it.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn before(
        &mut self,
        (since, moment): (Timestamp, Timestamp),
        at_most: usize,
        mut each: impl FnMut(StoredEntry<'_>),
    ) -> Result<CameBefore, JournalError> {
        let Some((earlier, last)) = self.around(moment)? else { return Ok(CameBefore { entries: 0, next: PLAUSIBLE.start }) };
        let earliest = since.shifted(-self.clocks.most());
        let first = self.first_of((earliest, moment), (last, at_most))?.unwrap_or(earlier);
        let (mut entries, mut next, mut later) = (0, None, 0);
        self.read_on(first, since.min(moment), |entry| {
            if entry.at >= moment {
                next = next.or(Some(entry.id));
                later += 1;
                return if later >= OLDER { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            }
            later = 0;
            if entry.at >= since && entries < at_most {
                entries += 1;
                each(entry);
            }
            ControlFlow::Continue(())
        })?;
        Ok(CameBefore { entries, next: next.unwrap_or_else(|| last.saturating_add(1)) })
    }

    /// Hands out the entries with that number and higher ones that came at or after `since`, until `each` has heard enough.
    ///
    /// # Errors
    /// As [`Reader::before`].
    pub fn read_on(
        &mut self,
        number: i64,
        since: Timestamp,
        mut each: impl FnMut(StoredEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let clocks = self.clocks.clone();
        self.rows(number, WHOLE, |row| {
            let Some(mut entry) = entry(row)? else { return Ok((false, ControlFlow::Continue(()))) };
            entry.at = entry.at.shifted(clocks.of(entry.id, Of::Entries));
            Ok((true, if entry.at >= since { each(entry) } else { ControlFlow::Continue(()) }))
        })
    }

    /// Hands out, oldest first, the entries that came at or after `since` and have one of these words in their text; `every` is told of each that is
    /// looked at. Damage is looked for in none but the former.
    ///
    /// # Errors
    /// As [`Reader::before`].
    pub fn with_words(
        &mut self,
        since: Timestamp,
        words: &[String],
        mut every: impl FnMut(),
        mut each: impl FnMut(StoredEntry<'_>),
    ) -> Result<(), JournalError> {
        let clocks = self.clocks.clone();
        let (Some(first), _) = self.span(since.shifted(-clocks.most()), usize::MAX)? else { return Ok(()) };
        self.rows(first, WHOLE, |row| {
            every();
            let has_words = text(row, 3)?.is_none_or(|text| words.iter().any(|word| text.contains(&**word)));
            if !has_words {
                return Ok((true, ControlFlow::Continue(())));
            }
            let Some(mut entry) = entry(row)? else { return Ok((false, ControlFlow::Continue(()))) };
            entry.at = entry.at.shifted(clocks.of(entry.id, Of::Entries));
            if entry.at >= since {
                each(entry);
            }
            Ok((true, ControlFlow::Continue(())))
        })
    }

    /// Tells when and how entries came, from the first one at or after `since` on, until `each` has heard enough.
    pub(in crate::journal) fn came(
        &mut self,
        since: Timestamp,
        mut each: impl FnMut(Timestamp, Origin) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let clocks = self.clocks.clone();
        let (Some(first), _) = self.span(since.shifted(-clocks.most()), usize::MAX)? else { return Ok(()) };
        self.rows(first, "SELECT id, at, origin FROM entries WHERE id BETWEEN ?1 AND ?2", |row| {
            let (id, at) = (row.get(0)?, Timestamp::from_millis(row.get(1)?));
            let at = at.shifted(clocks.of(id, Of::Entries));
            let origin = text(row, 2)?.and_then(|name| Origin::ALL.into_iter().find(|origin| origin.name() == name));
            let goes_on = ControlFlow::Continue(());
            Ok((origin.is_some(), origin.filter(|_| at >= since).map_or(goes_on, |origin| each(at, origin))))
        })
    }

    /// Rows from that number on, some hundred at once, until `each` has seen enough; it says whether a row was fine.
    fn rows(
        &mut self,
        number: i64,
        sql: &str,
        mut each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<(bool, ControlFlow<()>)>,
    ) -> Result<(), JournalError> {
        let Some((first, last)) = self.numbers()? else { return Ok(()) };
        let (mut next, mut goes_on) = (number.max(first), ControlFlow::Continue(()));
        self.in_vain = 0;
        while next <= last && goes_on.is_continue() {
            next = self.chunk(next, last, sql, |row| {
                if goes_on.is_break() {
                    return Ok(true);
                }
                let (is_fine, goes) = each(row)?;
                goes_on = goes;
                Ok(is_fine)
            })?;
        }
        Ok(())
    }

    /// The numbers of the first and the last entry.
    pub(super) fn numbers(&mut self) -> Result<Option<(i64, i64)>, JournalError> {
        let ends = self.query_row(&schema::ends("entries"), (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (first, last): (Option<i64>, Option<i64>) = ends.unwrap_or_default();
        Ok(first.zip(last).map(|(first, last)| (first.max(PLAUSIBLE.start), last)))
    }

    /// Numbers between which those come to be later than a moment: back from the last entry in steps, each so long that no reader looks further for
    /// what came before it. From the first of them on it may be that nothing came before. `None`: there are no entries.
    pub(super) fn around(&mut self, moment: Timestamp) -> Result<Option<(i64, i64)>, JournalError> {
        let Some((first, last)) = self.numbers()? else { return Ok(None) };
        let (mut end, mut beyond) = (last, last);
        while end >= first {
            let Some((id, at)) = self.last_before(end.saturating_add(1), first.saturating_sub(1))? else { break };
            if at < moment {
                return Ok(Some((id, beyond)));
            }
            beyond = id;
            end = id.saturating_sub(i64::try_from(OLDER).unwrap_or(i64::MAX));
        }
        Ok(Some((first, beyond)))
    }
}
