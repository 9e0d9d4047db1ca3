//! A query for deliveries → its statement, and rows → deliveries.

use std::sync::Arc;

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

use super::{State, limit, text};
use crate::journal::schema::NO_BODY;
use crate::journal::stored::{Query, StoredDelivery};
use crate::journal::sum::{self, Fixed};
use crate::model::delivery::DigestLine;
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::message::Body;
use crate::model::time::Timestamp;

/// The statement that finds the numbers. What the query names is bound; only states, which are words of ours, are part of the text, as
/// SQLite uses an index on some states only when it sees them.
pub(super) fn ids(query: &Query) -> (String, Vec<Value>) {
    let (mut wanted, mut values) = (Vec::new(), Vec::new());
    let mut bind = |column: &str, value: Value| {
        values.push(value);
        wanted.push(format!("{column} ?{}", values.len()));
    };
    if let Some(reason) = &query.suppressed {
        bind("state = 'suppressed' AND why =", Value::Text(reason.clone()));
    }
    if let Some(rule) = &query.rule {
        bind("rule =", Value::Text(rule.clone()));
    }
    if let Some(action) = &query.action {
        bind("action =", Value::Text(action.clone()));
    }
    if let Some(since) = query.since {
        bind("fired_at >=", Value::Integer(since.as_millis()));
    }
    if !query.states.is_empty() {
        let states: Vec<_> = query.states.iter().map(|state| format!("'{}'", state.name())).collect();
        wanted.push(format!("state IN ({})", states.join(", ")));
    }
    let mut any_of = |column: &str, of: Vec<Value>| {
        if !of.is_empty() {
            let places: Vec<_> = (values.len() + 1..=values.len() + of.len()).map(|at| format!("?{at}")).collect();
            wanted.push(format!("{column} IN ({})", places.join(", ")));
            values.extend(of);
        }
    };
    any_of("id", query.ids.iter().copied().map(Value::Integer).collect());
    any_of("firing", query.firings.iter().map(|firing| Value::Text(firing.to_string())).collect());
    any_of("subject", query.subjects.iter().cloned().map(Value::Text).collect());
    values.push(Value::Integer(limit(query.at_most)));
    let wanted = if wanted.is_empty() { String::new() } else { format!("WHERE {}", wanted.join(" AND ")) };
    (format!("SELECT id FROM deliveries {wanted} ORDER BY id DESC LIMIT ?{}", values.len()), values)
}

/// Whether the row is one that the query asks for.
pub(super) fn fits(query: &Query, row: &StoredDelivery) -> bool {
    (query.states.is_empty() || query.states.contains(&row.state))
        && query.suppressed.as_deref().is_none_or(|reason| row.state == State::Suppressed && row.why.as_deref() == Some(reason))
        && query.rule.as_deref().is_none_or(|rule| *row.firing.rule == *rule)
        && query.action.as_deref().is_none_or(|action| row.action == action)
        && query.since.is_none_or(|since| row.firing.at >= since)
        && (query.ids.is_empty() || query.ids.contains(&row.id))
        && (query.firings.is_empty() || query.firings.contains(&row.firing.id))
        && (query.subjects.is_empty() || query.subjects.contains(&row.firing.subject))
}

/// A row of `schema::ONE`; `None` when it is damaged.
pub(in crate::journal) fn delivery(row: &Row<'_>) -> rusqlite::Result<Option<StoredDelivery>> {
    let (Some(firing), Some(rule), Some(subject), Some(action)) = (text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 6)?)
    else {
        return Ok(None);
    };
    let fixed = Fixed {
        id: row.get(0)?,
        firing,
        rule,
        subject,
        fired_at: row.get(4)?,
        late: row.get(5)?,
        action,
        trading: row.get(7)?,
        expires_at: row.get(8)?,
    };
    let whole = fixed.sum() == row.get::<_, i64>(9)?;
    let (Some(id), Some(state), true) = (FiringId::parse(firing), State::of_row(row, 10)?, whole) else { return Ok(None) };
    let (at, late) = (Timestamp::from_millis(fixed.fired_at), fixed.late);
    let moment = |column| row.get::<_, Option<i64>>(column).map(|ms| ms.map(Timestamp::from_millis));
    let words = |column| text(row, column).map(|words| words.map(str::to_owned));
    Ok(Some(StoredDelivery {
        id: fixed.id,
        firing: Arc::new(FiringBrief { id, rule: rule.into(), subject: subject.to_owned(), at, late }),
        action: action.to_owned(),
        trading: fixed.trading,
        expires_at: Timestamp::from_millis(fixed.expires_at),
        state,
        attempts: row.get(11)?,
        sent_at: moment(12)?,
        ended_at: moment(13)?,
        form: words(14)?,
        receipt: words(15)?,
        why: words(16)?,
        body: None,
        fallback: None,
        line: None,
        edit: None,
    }))
}

/// A body, its fallback, and its line of a digest.
type Bodies = (Option<Body>, Option<Body>, Option<Box<DigestLine>>);

/// A row of `schema::ONE_BODY`; `None` when it is damaged.
pub(super) fn bodies(id: i64, row: &Row<'_>) -> rusqlite::Result<Option<Bodies>> {
    let bytes = |column| {
        row.get_ref(column).map(|value| match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        })
    };
    let (Some(kind), Some(body)) = (text(row, 0)?, bytes(3)?) else { return Ok(None) };
    let (fallback, line) = (text(row, 1)?.zip(bytes(4)?), text(row, 5)?);
    if sum::of_body(id, (kind, body), fallback, line) != row.get::<_, i64>(2)? {
        return Ok(None);
    }
    let restored = fallback.map(|(kind, bytes)| Body::restore(kind, bytes));
    let line = line.and_then(|line| serde_json::from_str(line).ok());
    Ok(match (Body::restore(kind, body), restored) {
        (None, None) if kind == NO_BODY => Some((None, None, None)),
        (Some(body), None) => Some((Some(body), None, line)),
        (Some(body), Some(Some(fallback))) => Some((Some(body), Some(fallback), line)),
        _ => None,
    })
}
