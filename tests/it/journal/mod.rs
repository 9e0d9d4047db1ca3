//! The journal on a real disk: what was told is read back, whatever happens to the program, the file and the disk in between.

mod around;
mod cap;
mod clocks;
mod crash;
mod damage;
mod disk;
mod edits;
mod folder;
mod identities;
mod keeping;
mod measure;
mod mutes;
mod old_damage;
mod orders;
mod pauses;
mod rows;
mod traces;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use birdcall::clock::Clock;
use birdcall::journal::{
    self, BeginKey, DeliveryRow, EndRow, EntryRow, Journal, Query, Reader, Record, Settings, StoredDelivery, Sync,
};
use birdcall::model::delivery::{DigestLine, Form, Outcome, Receipt};
use birdcall::model::firing::{FiringBrief, Origin};
use birdcall::model::ids::FiringId;
use birdcall::model::message::{Body, ContentType, WebhookBody};
use birdcall::model::time::Timestamp;

/// A moment `n` milliseconds into a story.
fn at(n: i64) -> Timestamp {
    Timestamp::from_millis(1_781_700_000_000 + n)
}

fn firing(n: i64) -> Arc<FiringBrief> {
    let (rule, subject) = ("doge", format!("tweet:{n}"));
    Arc::new(FiringBrief { id: FiringId::of(rule, &subject, ""), rule: rule.into(), subject, at: at(n), late: n % 2 == 1 })
}

fn body(n: i64) -> Body {
    let bytes = format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(200)).into_bytes().into();
    Body::Webhook(WebhookBody { bytes, content_type: ContentType::Json })
}

fn entry(n: i64, matched: bool) -> EntryRow {
    EntryRow { at: at(n), origin: Origin::Live, matched, text: text(n).into() }
}

/// An envelope of common size.
fn text(n: i64) -> String {
    format!("{{\"v\":1,\"n\":{n},\"text\":\"{}\"}}", "o".repeat(1_500))
}

fn delivery(n: i64, action: &str) -> DeliveryRow {
    DeliveryRow {
        firing: firing(n),
        action: action.into(),
        trading: action == "order",
        expires_at: at(n + 600_000),
        body: Some(Arc::new(body(n))),
        fallback: None,
        line: None,
        outcome: None,
    }
}

/// One envelope, one firing, and where to it goes.
fn record(n: i64, actions: &[&str]) -> Record {
    let deliveries = actions.iter().map(|action| delivery(n, action)).collect();
    Record { entry: Some(entry(n, true)), firings: vec![firing(n)], deliveries, ..Record::default() }
}

fn key(n: i64, action: &str) -> BeginKey {
    BeginKey { firing: firing(n).id, action: action.into(), once: true }
}

fn end(n: i64, action: &str, outcome: Outcome) -> EndRow {
    EndRow { firing: firing(n).id, action: action.into(), outcome, attempts: 1, at: at(n + 50) }
}

fn delivered() -> Outcome {
    Outcome::Delivered { receipt: Receipt::of_answer(200, Some("r1".to_owned())).unwrap(), form: Form::Message }
}

/// A journal in a folder of its own, and the thread of its writer.
struct Home {
    folder: tempfile::TempDir,
    settings: Settings,
}

/// An open journal.
struct Open {
    journal: Journal,
    writer: JoinHandle<()>,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), settings: Settings::default() }
    }

    fn with(settings: Settings) -> Self {
        Self { settings, ..Self::new() }
    }

    fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn open(&self) -> Open {
        self.open_at(at(0))
    }

    fn open_at(&self, now: Timestamp) -> Open {
        let (journal, writer) = journal::open(self.path(), self.settings, Clock::starting_at(now)).unwrap();
        Open { journal, writer: std::thread::spawn(writer) }
    }

    fn reader(&self) -> Reader {
        Reader::open(self.path()).unwrap()
    }

    /// What SQLite itself thinks of the file.
    fn is_sound(&self) -> bool {
        let connection = rusqlite::Connection::open(self.path().join("journal.db")).unwrap();
        connection.query_row("PRAGMA integrity_check", (), |row| row.get::<_, String>(0)).unwrap() == "ok"
    }
}

impl Open {
    async fn flush(&self) {
        assert!(self.journal.flush().await, "{:?}", self.journal.health());
    }

    /// As a program that stops in order.
    fn close(self) {
        drop(self.journal);
        self.writer.join().unwrap();
    }
}

/// All deliveries, oldest first, with their bodies.
fn all(reader: &mut Reader) -> Vec<StoredDelivery> {
    let mut all = reader.deliveries(&Query { at_most: usize::MAX, bodies: true, ..Query::default() }).unwrap();
    all.reverse();
    all
}

fn entries(reader: &mut Reader) -> Vec<(Timestamp, String)> {
    let mut found = Vec::new();
    reader.recent(Timestamp::from_millis(i64::MIN), usize::MAX, |entry| found.push((entry.at, entry.text.to_owned()))).unwrap();
    found
}

fn percentile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    let at = (times.len() as f64 * part) as usize;
    times[at.min(times.len() - 1)]
}
