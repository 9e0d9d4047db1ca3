//! `birdcall deliveries`: what the journal knows of deliveries, as a table or as JSON. An instance may run or not.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::moments::Moments;
use super::state::State as Folder;
use super::table::{self, Cell, FAINT, FINE, PLAIN, WAITING, WARNING, WRONG};
use super::{End, complain, say, warn};
use crate::clock::Clock;
use crate::control::{self, Answer, Command};
use crate::journal::{JournalError, Query, Reader, State, StoredAttempt, StoredDelivery, StoredEdit};
use crate::model::delivery::Suppression;
use crate::model::time::Timestamp;

/// Show deliveries: what was sent, what failed and why, what waits
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Those that were refused, or of which nobody knows whether they arrived
    #[arg(long)]
    failed: bool,
    /// Those that were too old before they could be sent
    #[arg(long)]
    expired: bool,
    /// Those that have not ended
    #[arg(long)]
    pending: bool,
    /// Those that `mode = "paper"` held back: what would have been sent
    #[arg(long, conflicts_with_all = ["failed", "expired", "pending"])]
    paper: bool,
    /// Of this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// To this action
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// Fired since then: 2h, 1d12h, 2026-11-24, 2026-11-24T14:00, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// As JSON: one array of objects, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
}

/// Clocks that differ by less tell the same time to people.
const AGREES: Duration = Duration::from_secs(30);

/// A delivery and the attempts at it.
type Found = (StoredDelivery, Vec<StoredAttempt>);

pub(super) fn run(arguments: &Arguments) -> End {
    let folder = match arguments.folder.folder() {
        Ok(folder) => folder,
        Err(end) => return end,
    };
    let moments = Moments::here(now(&folder));
    match find(arguments, &folder, &moments) {
        Ok((found, more)) => {
            if arguments.json {
                say(json(&found));
            } else {
                say(shown(&found, more, &moments));
            }
            End::Fine
        }
        Err(end) => end,
    }
}

/// By the clock of the instance that runs, whose times these are: it goes on from where it started, whatever the system's does. A journal
/// that is as old as the system's clock says needs nobody to be asked.
fn now(folder: &Path) -> Timestamp {
    let wall = Clock::system().wall();
    let written = Reader::open(folder).and_then(|mut reader| reader.last_written()).ok().flatten();
    let agrees = written.is_none_or(|written| wall.since(written).max(written.since(wall)) < AGREES);
    match (!agrees).then(|| control::ask(folder, &Command::Status)) {
        Some(Ok(Answer::Status(status))) => status.now,
        _ => wall,
    }
}

/// What was asked for, the newest first, and whether there is more of it.
fn find(arguments: &Arguments, folder: &Path, moments: &Moments) -> Result<(Vec<Found>, bool), End> {
    let query = query(arguments, moments).map_err(|error| {
        complain(error);
        End::CannotStart
    })?;
    let read = || -> Result<_, JournalError> {
        let mut reader = Reader::open(folder)?;
        let mut rows = reader.deliveries(&query)?;
        let more = rows.len() >= query.at_most;
        rows.truncate(query.at_most.saturating_sub(1));
        let found = rows.into_iter().map(|row| reader.attempts(row.id).map(|attempts| (row, attempts)));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok((found, more, reader.damaged()))
    };
    let (found, more, damaged) = read().map_err(|error| {
        complain(error);
        End::CannotStart
    })?;
    if damaged > 0 {
        warn(format_args!("the journal is damaged: what could not be read ({damaged} so far) is left out"));
    }
    Ok((found, more))
}

fn query(arguments: &Arguments, moments: &Moments) -> Result<Query, String> {
    let mut states = Vec::new();
    for (asked, of) in [
        (arguments.failed, [State::Dead, State::Unknown].as_slice()),
        (arguments.expired, &[State::Expired]),
        (arguments.pending, &[State::Pending, State::Sending]),
    ] {
        states.extend(of.iter().filter(|_| asked));
    }
    let since = arguments.since.as_deref().map(|since| moments.parse(since)).transpose();
    Ok(Query {
        states,
        suppressed: arguments.paper.then(|| Suppression::Paper.name().to_owned()),
        rule: arguments.rule.clone(),
        action: arguments.action.clone(),
        since: since.map_err(|why| format!("--since: {why}"))?,
        // One more, to know whether there is more.
        at_most: usize::try_from(arguments.limit).unwrap_or(usize::MAX).saturating_add(1),
        ..Query::default()
    })
}

fn shown(found: &[Found], more: bool, moments: &Moments) -> String {
    if found.is_empty() {
        return "no such deliveries".to_owned();
    }
    let rows = found.iter().map(|(delivery, attempts)| row(delivery, attempts, moments)).collect();
    let mut out = table::table(&["ID", "FIRED", "AGE", "RULE", "ACTION", "ABOUT", "STATE", "TRIES", "WHY"], rows);
    if more {
        out.push_str(&format!("the newest {}; there are more: --limit N\n", found.len()));
    }
    let again = |(delivery, _): &Found| matches!(delivery.state, State::Dead | State::Expired | State::Unknown);
    if found.iter().any(again) {
        out.push_str("to send again: birdcall redeliver ID… (orders only with --orders)\n");
    }
    out.truncate(out.trim_end().len());
    out
}

fn row(delivery: &StoredDelivery, attempts: &[StoredAttempt], moments: &Moments) -> Vec<Cell> {
    let style = match delivery.state {
        State::Delivered => FINE,
        State::Pending | State::Sending => WAITING,
        State::Suppressed => FAINT,
        State::Expired => WARNING,
        State::Dead | State::Unknown => WRONG,
    };
    let order = if delivery.trading { " (order)" } else { "" };
    let late = if delivery.firing.late { " (late)" } else { "" };
    vec![
        Cell::id(delivery.id),
        Cell::plain(moments.local(delivery.firing.at)),
        Cell::new(moments.age(delivery.firing.at), FAINT),
        Cell::plain(&delivery.firing.rule),
        Cell::plain(format!("{}{order}", delivery.action)),
        Cell::plain(format!("{}{late}", delivery.firing.subject)),
        Cell::new(delivery.state.name(), style),
        Cell::number(tries(delivery, attempts), PLAIN),
        Cell::plain(why(delivery, attempts, moments)),
    ]
}

/// A row counts its attempts when it ends; until then the attempts themselves do.
fn tries(delivery: &StoredDelivery, attempts: &[StoredAttempt]) -> u64 {
    u64::from(delivery.attempts).max(attempts.len() as u64)
}

/// What a person wants to know of a delivery in this state.
fn why(delivery: &StoredDelivery, attempts: &[StoredAttempt], moments: &Moments) -> String {
    let words = delivery.why.clone().unwrap_or_default();
    match delivery.state {
        State::Delivered => {
            let form = delivery.form.as_ref().map_or(words, |form| format!("as {form}"));
            let edit = delivery.edit.as_ref().map(|edit| edited(edit, moments)).unwrap_or_default();
            [form, edit].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ")
        }
        State::Pending | State::Sending => {
            let last = attempts.last().map(|last| format!("{}: {}; ", last.verdict, last.answer)).unwrap_or_default();
            format!("{last}expires {}", moments.age(delivery.expires_at).replace("now", "any moment"))
        }
        State::Expired if words.is_empty() => {
            attempts.last().map(|last| format!("{}: {}", last.verdict, last.answer)).unwrap_or_default()
        }
        _ => words,
    }
}

/// How a message was edited: `edited 13:40:02, 2 times`. The destination's words are as they came.
pub(super) fn edited(StoredEdit { times, at, why, .. }: &StoredEdit, moments: &Moments) -> String {
    let at = moments.local(*at);
    match (times, why) {
        (1, None) => format!("edited {at}"),
        (times, None) => format!("edited {at}, {times} times"),
        (0, Some(why)) => format!("could not be edited, {at}: {why}"),
        (1, Some(why)) => format!("edited once, then could not be, {at}: {why}"),
        (times, Some(why)) => format!("edited {times} times, then could not be, {at}: {why}"),
    }
}

/// One delivery for programs. The names stay.
#[derive(Serialize)]
struct Row<'a> {
    id: i64,
    firing: String,
    rule: &'a str,
    subject: &'a str,
    action: &'a str,
    trading: bool,
    late: bool,
    fired_at: String,
    expires_at: String,
    state: &'static str,
    why: Option<&'a str>,
    form: Option<&'a str>,
    receipt: Option<&'a str>,
    sent_at: Option<String>,
    ended_at: Option<String>,
    tries: u64,
    attempts: Vec<Attempt<'a>>,
    /// As an object, where the message was edited, or could not be.
    edit: Option<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    times: u64,
    at: String,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct Attempt<'a> {
    number: u32,
    at: String,
    verdict: &'a str,
    answer: &'a str,
    took_ms: u64,
}

/// One array, one object a line.
fn json(found: &[Found]) -> String {
    let objects: Vec<_> = found.iter().map(|(delivery, attempts)| serde_json::to_string(&object(delivery, attempts))).collect();
    // Strings and numbers always serialise.
    let objects: Vec<_> = objects.into_iter().filter_map(Result::ok).map(|object| table::inert(&object)).collect();
    if objects.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", objects.join(",\n")) }
}

/// One delivery as an object, for programs.
pub(super) fn object_of(delivery: &StoredDelivery, attempts: &[StoredAttempt]) -> serde_json::Value {
    serde_json::to_value(object(delivery, attempts)).unwrap_or_default()
}

fn object<'a>(delivery: &'a StoredDelivery, attempts: &'a [StoredAttempt]) -> Row<'a> {
    let attempt = |attempt: &'a StoredAttempt| Attempt {
        number: attempt.number,
        at: attempt.at.to_string(),
        verdict: &attempt.verdict,
        answer: &attempt.answer,
        took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
    };
    Row {
        id: delivery.id,
        firing: delivery.firing.id.to_string(),
        rule: &delivery.firing.rule,
        subject: &delivery.firing.subject,
        action: &delivery.action,
        trading: delivery.trading,
        late: delivery.firing.late,
        fired_at: delivery.firing.at.to_string(),
        expires_at: delivery.expires_at.to_string(),
        state: delivery.state.name(),
        why: delivery.why.as_deref(),
        form: delivery.form.as_deref(),
        receipt: delivery.receipt.as_deref(),
        sent_at: delivery.sent_at.map(|at| at.to_string()),
        ended_at: delivery.ended_at.map(|at| at.to_string()),
        tries: tries(delivery, attempts),
        attempts: attempts.iter().map(attempt).collect(),
        edit: delivery.edit.as_ref().map(|edit| Edit { times: edit.times, at: edit.at.to_string(), why: edit.why.as_deref() }),
    }
}
