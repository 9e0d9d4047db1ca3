//! The state folder: whose it is, and what is not to be touched in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use birdcall::journal::JournalError;
use sha2::Digest as _;

use super::*;

fn refused(home: &Home) -> JournalError {
    match journal::open(home.path(), home.settings, Clock::starting_at(at(0))) {
        Err(error) => error,
        Ok(_) => panic!("it opened"),
    }
}

fn bytes(home: &Home) -> Vec<u8> {
    fs::read(home.path().join("journal.db")).unwrap()
}

#[tokio::test]
async fn it_is_made_for_this_user_alone() {
    let home = Home::new();
    let folder = home.path().join("a/b");
    let (journal, writer) = journal::open(&folder, home.settings, Clock::starting_at(at(0))).unwrap();
    let thread = std::thread::spawn(writer);
    journal.record(record(1, &["desk"]));
    assert!(journal.flush().await);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&home.path().join("a"))), (0o700, 0o700));
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "lock"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    drop(journal);
    thread.join().unwrap();
}

#[tokio::test]
async fn a_second_instance_is_refused_until_the_first_has_ended() {
    let home = Home::new();
    let open = home.open();
    let error = refused(&home);
    assert!(matches!(error, JournalError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("another birdcall is running on this state folder"), "{error}");
    assert!(matches!(journal::set_switch(home.path(), false, "x", at(1)), Err(JournalError::InUse { .. })));
    open.close();
    home.open().close();
}

#[test]
fn the_switch_can_be_set_while_nothing_runs_and_before_anything_ever_ran() {
    let home = Home::new();
    let folder = home.path().join("new");
    for armed in [false, true] {
        journal::set_switch(&folder, armed, "by hand", at(5)).unwrap();
        let switch = Reader::open(&folder).unwrap().switch().unwrap().unwrap();
        assert_eq!((switch.armed, &*switch.why, switch.at), (armed, "by hand", at(5)));
    }
}

#[tokio::test]
async fn a_newer_journal_is_refused_and_stays_as_it_is() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk"]));
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    connection.execute_batch("PRAGMA user_version = 8; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    connection.close().unwrap();
    let before = bytes(&home);
    let error = refused(&home);
    assert!(matches!(error, JournalError::Newer { found: 8, known: 7, .. }), "{error}");
    assert!(error.to_string().contains("was written by a newer birdcall"), "{error}");
    assert!(matches!(Reader::open(home.path()), Err(JournalError::Newer { .. })));
    assert!(matches!(journal::set_switch(home.path(), false, "x", at(1)), Err(JournalError::Newer { .. })));
    assert_eq!(bytes(&home), before);
}

#[tokio::test]
async fn a_journal_of_the_first_version_is_read_as_it_is_and_brought_up_by_the_next_run() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk"]));
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    let back = "ALTER TABLE deliveries DROP COLUMN line; ALTER TABLE attempts DROP COLUMN not_before; DROP TABLE mutes; DROP TABLE traces; \
                DROP TABLE sightings; DROP TABLE edits; DROP TABLE identities; PRAGMA user_version = 1;";
    connection.execute_batch(back).unwrap();
    connection.close().unwrap();
    let old = all(&mut home.reader());
    assert_eq!((old.len(), &old[0].body, &old[0].line), (1, &Some(body(1)), &None));
    assert_eq!(home.reader().requests_since(at(0), at(9), 10).unwrap(), []);
    assert_eq!(home.reader().mutes(at(0)).unwrap(), []);
    assert_eq!((home.reader().traces(at(0)).unwrap(), home.reader().sightings().unwrap()), (None, vec![]));
    assert_eq!(home.reader().identities().unwrap(), []);
    let open = home.open();
    let line = Box::new(DigestLine { rule: "doge".to_owned(), text: "gm".to_owned(), ..DigestLine::default() });
    let row = DeliveryRow { line: Some(line.clone()), ..delivery(2, "desk") };
    open.journal.record(Record { deliveries: vec![row], ..Record::default() });
    open.flush().await;
    let mut reader = home.reader();
    let found: Vec<_> = all(&mut reader).into_iter().map(|row| (row.body, row.line)).collect();
    assert_eq!((found, reader.damaged()), (vec![(Some(body(1)), None), (Some(body(2)), Some(line))], 0));
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    assert_eq!(connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap(), 7);
    assert_eq!((home.reader().mutes(at(0)).unwrap(), home.reader().damaged()), (vec![], 0));
    let next_year = at(jiff::Timestamp::now().as_millisecond() + 31_536_000_000);
    let traces = [at(0), next_year].map(|since| home.reader().traces(since).unwrap());
    assert_eq!(traces, [None, Some(vec![])], "of what came before, the earlier version kept none");
    connection.execute("UPDATE deliveries SET line = replace(line, 'gm', 'pm') WHERE id = 2", ()).unwrap();
    let mut reader = home.reader();
    let found: Vec<_> = all(&mut reader).into_iter().map(|row| row.body).collect();
    assert_eq!((found, reader.damaged()), (vec![Some(body(1)), None], 1), "a line that rotted is never told");
}

#[test]
fn a_database_of_something_else_is_refused_and_stays_as_it_is() {
    let home = Home::new();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    connection.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1);").unwrap();
    connection.close().unwrap();
    let before = bytes(&home);
    assert!(matches!(refused(&home), JournalError::Foreign { .. }));
    assert!(matches!(Reader::open(home.path()), Err(JournalError::Foreign { .. })));
    assert_eq!(bytes(&home), before);
}

#[test]
fn an_empty_folder_has_no_journal_to_read() {
    let home = Home::new();
    let error = Reader::open(home.path()).unwrap_err();
    assert!(matches!(error, JournalError::Missing { .. }), "{error}");
    fs::write(home.path().join("journal.db"), "").unwrap();
    assert!(matches!(Reader::open(home.path()), Err(JournalError::Missing { .. })));
    home.open().close();
    assert_eq!(all(&mut home.reader()), []);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_said() {
    let home = Home::new();
    let folder = home.path().join("file");
    fs::write(&folder, "").unwrap();
    match journal::open(&folder, home.settings, Clock::starting_at(at(0))) {
        Err(error @ JournalError::Folder { .. }) => {
            assert!(error.to_string().contains("/file: cannot make the state folder"), "{error}")
        }
        other => panic!("{:?}", other.map(|(journal, _)| journal)),
    }
}

fn mode_of(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_folder_and_files_that_others_could_read_are_made_private() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk"]));
    open.flush().await;
    // A backup's copies, as a killed program leaves them.
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "lock", "control.sock"] {
        if let Ok(bytes) = fs::read(home.path().join(name)) {
            fs::write(home.path().join(format!("{name}.copy")), bytes).unwrap();
        }
    }
    open.close();
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "lock"] {
        fs::rename(home.path().join(format!("{name}.copy")), home.path().join(name)).unwrap();
        set_mode(&home.path().join(name), 0o644);
    }
    fs::write(home.path().join("journal-damaged-1.db"), "old").unwrap();
    set_mode(&home.path().join("journal-damaged-1.db"), 0o666);
    set_mode(home.path(), 0o755);
    let open = home.open();
    open.flush().await;
    assert_eq!(mode_of(home.path()), 0o700);
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "lock", "journal-damaged-1.db"] {
        assert_eq!(mode_of(&home.path().join(name)), 0o600, "{name}");
    }
    assert_eq!(all(&mut home.reader()).len(), 1);
    open.close();
}

#[test]
fn a_folder_that_is_not_the_journals_alone_keeps_its_mode_and_one_that_others_may_write_is_refused() {
    let home = Home::new();
    fs::write(home.path().join("notes.txt"), "mine").unwrap();
    set_mode(home.path(), 0o755);
    home.open().close();
    assert_eq!(mode_of(home.path()), 0o755, "somebody's home is not ours to shut");
    for mode in [0o775, 0o777, 0o1777] {
        set_mode(home.path(), mode);
        let error = refused(&home);
        assert!(matches!(error, JournalError::NotOurs { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("others may write there") && said.contains("--state"), "{said}");
        assert_eq!(mode_of(home.path()), mode);
    }
    // A shared folder is not shut, whatever is in it.
    let home = Home::new();
    set_mode(home.path(), 0o1777);
    assert!(matches!(refused(&home), JournalError::NotOurs { .. }));
    assert_eq!(mode_of(home.path()), 0o1777);
    set_mode(home.path(), 0o777);
    home.open().close();
    assert_eq!(mode_of(home.path()), 0o700);
}

#[test]
fn a_journal_that_is_a_link_to_somewhere_else_is_refused_and_a_folder_may_be_one() {
    let home = Home::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("journal.db");
    for name in ["journal.db", "journal.db-wal"] {
        std::os::unix::fs::symlink(&target, home.path().join(name)).unwrap();
        let error = refused(&home);
        assert!(error.to_string().contains(&format!("{name}: it is a symbolic link")), "{error}");
        fs::remove_file(home.path().join(name)).unwrap();
    }
    assert!(!target.exists(), "nothing was written there");
    let link = home.path().join("link");
    std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
    let (journal, writer) = journal::open(&link, home.settings, Clock::starting_at(at(0))).unwrap();
    drop((journal, writer));
    assert!(target.exists());
}

/// Only root can try: as another user whose folder it is not.
#[test]
fn a_folder_of_another_user_is_refused_unless_root_asks() {
    let home = Home::new();
    if std::os::unix::fs::chown(home.path(), Some(12_345), None).is_err() {
        return println!("only root can give a folder away: not tested");
    }
    home.open().close();
    std::os::unix::fs::chown(home.path(), None, None).unwrap();
}

/// An entry's check sum as versions before 7 wrote it.
fn sum_of_version_6(id: i64, at: i64, text: &str) -> i64 {
    let mut hash = sha2::Sha256::new();
    for part in [&id.to_le_bytes()[..], &at.to_le_bytes(), b"live", text.as_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let first = hash.finalize().first_chunk().map(|first| u64::from_be_bytes(*first)).unwrap();
    i64::try_from(first >> 1).unwrap()
}

#[tokio::test]
async fn entries_of_version_6_are_read_beside_newer_ones_and_damage_is_found_in_either() {
    let home = Home::new();
    let open = home.open();
    for n in 1..=40 {
        open.journal.record(record(n, &[]));
    }
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    for n in 1..=40 {
        let sum = sum_of_version_6(n, at(n).as_millis(), &text(n));
        connection.execute("UPDATE entries SET sum = ?2 WHERE id = ?1", [n, sum]).unwrap();
    }
    connection.execute_batch("PRAGMA user_version = 6").unwrap();
    connection.close().unwrap();
    let all = |count| (1..=count).map(|n| (at(n), text(n))).collect::<Vec<_>>();
    let mut reader = home.reader();
    assert_eq!((entries(&mut reader), reader.damaged()), (all(40), 0), "before a run brought it up");
    let open = home.open();
    for n in 41..=80 {
        open.journal.record(record(n, &[]));
    }
    open.close();
    let mut reader = home.reader();
    assert_eq!((entries(&mut reader), reader.damaged()), (all(80), 0));
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    assert_eq!(connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap(), 7);
    connection.execute("UPDATE entries SET text = replace(text, 'oo', 'op') WHERE id IN (7, 70)", ()).unwrap();
    connection.close().unwrap();
    let mut reader = home.reader();
    let found = entries(&mut reader);
    assert_eq!((found.len(), reader.damaged()), (78, 2));
    assert!(found.iter().all(|(moment, _)| ![at(7), at(70)].contains(moment)));
}
