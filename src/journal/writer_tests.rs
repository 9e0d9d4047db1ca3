//! A disk that fails: its errors are put in where SQLite's come out.

use rusqlite::ffi;
use tokio::sync::oneshot;

use super::super::queue::Item;
use super::super::reader::Reader;
use super::super::rows::{BeginKey, DeliveryRow, Record, State};
use super::*;
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::message::{Body, ContentType, WebhookBody};
use crate::model::time::Timestamp;

fn at(n: i64) -> Timestamp {
    Timestamp::from_millis(1_781_700_000_000 + n)
}

fn firing(n: i64) -> Arc<FiringBrief> {
    let subject = format!("tweet:{n}");
    Arc::new(FiringBrief { id: FiringId::of("doge", &subject, ""), rule: "doge".into(), subject, at: at(n), late: false })
}

fn record(n: i64) -> Record {
    let body = Body::Webhook(WebhookBody { bytes: format!("order {n}").into_bytes().into(), content_type: ContentType::Json });
    let row = DeliveryRow {
        firing: firing(n),
        action: "bot".into(),
        trading: true,
        expires_at: at(60_000),
        body: Some(Arc::new(body)),
        fallback: None,
        line: None,
        outcome: None,
    };
    Record { entry: None, firings: vec![firing(n)], deliveries: vec![row], ..Record::default() }
}

fn error(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

fn writer(folder: &Path, sync: Sync) -> Writer {
    Writer::open(folder, Settings { sync, ..Settings::default() }, Clock::starting_at(at(0))).unwrap()
}

fn batch(items: Vec<Item>) -> Batch {
    Batch { items, ..Batch::default() }
}

fn switch(armed: bool) -> Item {
    Item::Switch { armed, why: "by hand".to_owned(), at: at(1) }
}

/// An intent, and its answer.
fn begin(n: i64) -> (Item, oneshot::Receiver<Result<(), Unrecorded>>) {
    let (answer, answered) = oneshot::channel();
    let key = BeginKey { firing: firing(n).id, action: "bot".into(), once: true };
    (Item::Begin { record: record(n), key, at: at(n), answer }, answered)
}

fn aside(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.filter(|name| name.starts_with("journal-damaged-") && name.ends_with(".db")).count()
}

fn bodies(folder: &Path) -> Vec<(State, Option<Body>)> {
    let rows = Reader::open(folder).unwrap().unfinished().unwrap();
    rows.into_iter().map(|row| (row.state, row.body)).collect()
}

fn body(n: i64) -> Option<Body> {
    record(n).deliveries[0].body.as_deref().cloned()
}

#[test]
fn after_a_failed_fsync_of_a_commit_all_is_in_a_new_file_once_whether_the_old_one_had_it_or_not() {
    for had_it in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(folder.path(), Sync::Power);
        writer.write(batch(vec![switch(false), Item::Record(record(1))]));
        let (order, mut answered) = begin(2);
        let items = vec![order];
        let next = writer.store.as_ref().unwrap().next;
        if had_it {
            writer.store.as_mut().unwrap().commit(&items, None).unwrap();
        }
        writer.failed(batch(items), next, &Failed { error: error(ffi::SQLITE_IOERR_FSYNC), in_doubt: true });
        assert_eq!(aside(folder.path()), 1);
        let log = std::fs::metadata(beside(&writer.path, "-wal")).unwrap().len();
        assert!(log >= connect::wal_bytes(&writer.settings), "orders would wait for a log that grows: {log}");
        let words = writer.shared.words();
        assert_eq!(words.degraded, None);
        let repaired = words.repaired.unwrap();
        assert!(repaired.contains("cannot be trusted any more (the disk reports an error (SQLite's code 1034)"), "{repaired}");
        assert!(repaired.contains("put aside as journal-damaged-1.db"), "{repaired}");
        // Nobody may send it whose answer was lost; it is there once.
        assert_eq!(answered.try_recv().unwrap().is_ok(), !had_it);
        let found = bodies(folder.path());
        assert_eq!(found, [(State::Pending, body(1)), (State::Sending, body(2))]);
        assert!(!Reader::open(folder.path()).unwrap().switch().unwrap().unwrap().armed);
    }
}

#[test]
fn what_emptying_the_log_meets_is_told_to_the_writer_who_makes_the_file_anew_or_leaves_it() {
    for (code, anew) in [
        (ffi::SQLITE_IOERR_FSYNC, true),
        (ffi::SQLITE_IOERR_WRITE, true),
        (ffi::SQLITE_CORRUPT, true),
        (ffi::SQLITE_FULL, false),
        (ffi::SQLITE_BUSY, false),
        (ffi::SQLITE_IOERR_READ, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(folder.path(), Sync::Process);
        writer.write(batch(vec![switch(false), Item::Record(record(1))]));
        writer.checkpoint.came_to(Err(error(code)));
        assert!(writer.checkpoint.behind().is_some());
        assert!(writer.turn(false));
        assert_eq!(aside(folder.path()), usize::from(anew), "{code}");
        assert_eq!(writer.shared.words().repaired.is_some(), anew, "{code}");
        assert_eq!(writer.shared.words().degraded, None, "{code}");
        let (order, mut answered) = begin(2);
        writer.write(batch(vec![order]));
        assert_eq!(answered.try_recv(), Ok(Ok(())), "{code}");
        assert_eq!(bodies(folder.path()).len(), 2, "{code}");
        assert!(!Reader::open(folder.path()).unwrap().switch().unwrap().unwrap().armed, "{code}");
    }
}

#[test]
fn a_disk_that_fails_again_and_again_is_left_alone_and_orders_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), Sync::Process);
    writer.write(batch(vec![Item::Record(record(1))]));
    for _ in 0..10 {
        writer.checkpoint.came_to(Err(error(ffi::SQLITE_IOERR_FSYNC)));
        assert!(writer.turn(false));
    }
    assert_eq!(aside(folder.path()), JOURNAL_RESCUES - 1, "the start counts as one");
    let (order, mut answered) = begin(2);
    writer.write(batch(vec![order]));
    let refused = answered.try_recv().unwrap().unwrap_err();
    assert!(refused.0.contains("1034") && refused.0.contains("left alone now"), "{refused}");
    assert!(writer.shared.words().degraded.unwrap().contains("then restart birdcall"));
    drop(writer);
    assert_eq!(bodies(folder.path()), [(State::Pending, body(1))], "what was there is there");
}

#[test]
fn a_journal_that_was_being_put_aside_when_the_program_was_killed_is_taken_over_whole() {
    let names = |folder: &Path| {
        let file = connect::file(folder);
        (file.clone(), beside(&file, "-wal"), rescue::halfway(&file), beside(&rescue::halfway(&file), "-wal"))
    };
    // How far it had come, and whether there was a log.
    for (stage, log) in (0..5).flat_map(|stage| [(stage, true), (stage, false)]) {
        let folder = tempfile::tempdir().unwrap();
        let mut first = writer(folder.path(), Sync::Process);
        first.write(batch(vec![switch(false), Item::Record(record(1))]));
        if !log {
            first.store.take().unwrap().finish();
        }
        drop(first);
        let (file, wal, half, half_wal) = names(folder.path());
        if !log {
            std::fs::remove_file(&wal).ok();
        }
        assert_eq!(wal.exists(), log);
        if stage > 0 {
            std::fs::rename(&file, &half).unwrap();
        }
        if stage > 1 && log {
            std::fs::rename(&wal, &half_wal).unwrap();
        }
        if stage > 2 {
            // An incomplete new one, or only a part of it.
            std::fs::write(&file, b"SQLite format 3\0").unwrap();
        }
        if stage > 3 {
            std::fs::write(&wal, b"half of a log").unwrap();
        }
        if stage > 0 {
            assert!(Reader::open(folder.path()).is_err(), "{stage}: half of it must not count as the whole");
        }
        let second = writer(folder.path(), Sync::Process);
        assert_eq!(second.shared.words().repaired.is_some(), stage > 0, "{stage}");
        assert_eq!(bodies(folder.path()), [(State::Pending, body(1))], "{stage}, log: {log}");
        assert!(!Reader::open(folder.path()).unwrap().switch().unwrap().unwrap().armed, "{stage}, log: {log}");
        assert!(!half.exists() && !half_wal.exists(), "{stage}");
    }
}

#[test]
fn the_switch_is_forced_to_the_disk_in_every_mode_and_nothing_else_in_process_mode() {
    const FULL: i64 = 2;
    for (sync, usual) in [(Sync::Process, 1), (Sync::Power, FULL)] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(folder.path(), sync);
        let connection = |writer: &Writer| {
            // What the connection does at the commit that a row comes with.
            let sql = "CREATE TEMP TABLE seen (what TEXT, synchronous INTEGER);
                CREATE TEMP TRIGGER s AFTER INSERT ON main.switches BEGIN
                  INSERT INTO seen SELECT 'switch', synchronous FROM pragma_synchronous; END;
                CREATE TEMP TRIGGER d AFTER INSERT ON main.deliveries BEGIN
                  INSERT INTO seen SELECT 'delivery', synchronous FROM pragma_synchronous; END;";
            writer.store.as_ref().unwrap().connection.execute_batch(sql).unwrap();
        };
        connection(&writer);
        writer.write(batch(vec![Item::Record(record(1))]));
        writer.write(batch(vec![switch(false)]));
        writer.write(batch(vec![Item::Record(record(2)), switch(true), begin(3).0]));
        writer.write(batch(vec![Item::Record(record(4))]));
        let store = writer.store.as_ref().unwrap();
        let mut statement = store.connection.prepare("SELECT what, synchronous FROM seen ORDER BY rowid").unwrap();
        let seen = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let seen: Vec<(String, i64)> = seen.map(Result::unwrap).collect();
        let told = [
            ("delivery", usual),
            ("switch", FULL),
            ("delivery", FULL),
            ("switch", FULL),
            ("delivery", FULL),
            ("delivery", usual),
        ];
        assert_eq!(seen, told.map(|(what, level)| (what.to_owned(), level)), "{sync:?}");
    }
}

#[test]
fn the_commit_that_waits_for_the_disk_when_the_log_begins_anew_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), Sync::Process);
    let long = connect::wal_bytes(&writer.settings) / 8;
    let mut count = 0;
    while writer.log.bytes() < long {
        writer.write(batch((0..100).map(|n| Item::Record(record(count + n))).collect()));
        count += 100;
    }
    assert!(writer.turn(false) && writer.log.bytes() >= long, "it was not copied yet");
    assert!(writer.checkpoint.pass(&writer.store.as_ref().unwrap().connection).unwrap());
    assert!(writer.turn(false));
    let small = writer.log.bytes();
    assert!(small < 10_000, "{small}");
    assert!(writer.turn(false) && writer.log.bytes() == small, "once is enough");
    assert_eq!(bodies(folder.path()).len(), usize::try_from(count).unwrap());
}

#[test]
fn before_a_run_is_said_to_begin_nothing_is_written_of_it_however_long_the_one_before_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = writer(folder.path(), Sync::Process);
    first.write(batch(vec![Item::Started, Item::Record(record(1)), Item::Finished]));
    drop(first);
    let cursors = || {
        let mut reader = Reader::open(folder.path()).unwrap();
        (reader.has_finished().unwrap(), reader.last_written().unwrap(), reader.unfinished().unwrap().len())
    };
    let left = cursors();
    assert_eq!((left.0, left.2), (true, 1));
    let clock = Clock::starting_at(at(5_000));
    let mut second = Writer::open(folder.path(), Settings::default(), clock).unwrap();
    for _ in 0..3 {
        assert!(second.turn(true));
    }
    assert_eq!(cursors(), left);
    second.write(batch(vec![Item::Started]));
    let noted = cursors();
    assert!(!noted.0 && noted.1 >= Some(at(5_000)), "{noted:?}");
}
