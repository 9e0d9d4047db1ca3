//! Where a delivery stands, and what is sent, as the columns of its row.

use crate::journal::rows::State;
use crate::model::delivery::{Form, Outcome};
use crate::model::time::Timestamp;

/// Where a delivery stands, as columns.
pub(super) struct Stands<'a> {
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) sent_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
    pub(super) form: Option<&'static str>,
    pub(super) receipt: Option<&'a str>,
    pub(super) why: Option<&'a str>,
}

impl<'a> Stands<'a> {
    /// Waiting, or about to be sent.
    pub(super) fn unfinished(begin: Option<Timestamp>) -> Self {
        let (state, sent_at) = match begin {
            None => (State::Pending, None),
            Some(at) => (State::Sending, Some(at.as_millis())),
        };
        Self { state, attempts: 0, sent_at, ended_at: None, form: None, receipt: None, why: None }
    }

    /// `None` for what was abandoned.
    pub(super) fn ended(outcome: &'a Outcome, attempts: u32, at: Timestamp) -> Option<Self> {
        let state = State::of(outcome)?;
        let (mut form, mut receipt, mut why) = (None, None, None);
        match outcome {
            Outcome::Delivered { receipt: given, form: taken } => {
                receipt = given.id();
                form = match taken {
                    Form::Message => None,
                    Form::Fallback => Some("fallback"),
                    Form::Digest => Some("digest"),
                };
            }
            Outcome::Suppressed { reason } => why = Some(reason.name()),
            Outcome::Dead { reason } | Outcome::Unknown { reason } => why = Some(reason.as_str()),
            Outcome::Expired | Outcome::Abandoned => {}
        }
        let was_sent = attempts > 0 || matches!(state, State::Delivered | State::Unknown);
        let sent_at = was_sent.then_some(at.as_millis());
        Some(Self { state, attempts, sent_at, ended_at: Some(at.as_millis()), form, receipt, why })
    }
}

/// A body as text where it is, so that people can read it.
pub(super) struct AsText<'a>(pub(super) &'a [u8]);

impl rusqlite::ToSql for AsText<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match std::str::from_utf8(self.0) {
            Ok(text) => text.to_sql(),
            Err(_) => self.0.to_sql(),
        }
    }
}
