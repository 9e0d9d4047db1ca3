//! The state folder: whose it is, and what is not to be touched in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use birdcall::journal::JournalError;

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
    connection.execute_batch("PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    connection.close().unwrap();
    let before = bytes(&home);
    let error = refused(&home);
    assert!(matches!(error, JournalError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("was written by a newer birdcall"), "{error}");
    assert!(matches!(Reader::open(home.path()), Err(JournalError::Newer { .. })));
    assert!(matches!(journal::set_switch(home.path(), false, "x", at(1)), Err(JournalError::Newer { .. })));
    assert_eq!(bytes(&home), before);
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
