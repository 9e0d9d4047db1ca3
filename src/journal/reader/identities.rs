//! What is known to be the same, as it is on record.

use super::super::connect::has_column;
use super::super::error::JournalError;
use super::Reader;
use crate::model::identity::{Identity, Kind};
use crate::model::subject::Str;
use crate::model::time::Timestamp;

/// Before anything.
const EVER: Timestamp = Timestamp::from_millis(i64::MIN);

impl Reader {
    /// What was learned, the one that was written first first; in front of what took another's place that one, as if it had been known for ever. An
    /// earlier version kept none.
    ///
    /// # Errors
    /// [`JournalError::Trouble`] when nothing can be read; what is damaged is left out.
    pub fn identities(&mut self) -> Result<Vec<Identity>, JournalError> {
        if !has_column(&self.connection, "identities", "id").unwrap_or(true) {
            return Ok(Vec::new());
        }
        let sql = "SELECT kind, name, identity, before, at FROM identities ORDER BY id";
        let found = self.collect(sql, (), |row| {
            let text = |column| row.get::<_, Option<String>>(column).ok().flatten().map(Str::from);
            let kind = text(0).and_then(|written| Kind::ALL.into_iter().find(|kind| kind.name() == &*written));
            let (Some(kind), Some(name), Some(is), Ok(at)) = (kind, text(1), text(2), row.get(4)) else { return Ok(None) };
            let was = text(3).map(|was| Identity { kind, name: Str::clone(&name), is: Some(was), at: EVER });
            Ok(Some((was, Identity { kind, name, is: Some(is), at: Timestamp::from_millis(at) })))
        })?;
        self.damaged += found.iter().filter(|row| row.is_none()).count() as u64;
        Ok(found.into_iter().flatten().flat_map(|(was, is)| was.into_iter().chain([is])).collect())
    }
}
