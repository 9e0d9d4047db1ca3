//! Who and what is the same: what was learned last of each name, and once what that took the place of.

use birdcall::journal::{Record, Settings};
use birdcall::model::identity::{Identity, Kind};
use birdcall::model::time::Timestamp;

use super::{Home, at, entry};

fn of(kind: Kind, name: &str, is: Option<&str>, at: Timestamp) -> Identity {
    Identity { kind, name: name.into(), is: is.map(Into::into), at }
}

fn handle(name: &str, is: &str, ms: i64) -> Identity {
    of(Kind::Handle, name, Some(is), at(ms))
}

fn was(name: &str, is: &str) -> Identity {
    of(Kind::Handle, name, Some(is), Timestamp::from_millis(i64::MIN))
}

fn record(identities: Vec<Identity>) -> Record {
    Record { identities, ..Record::default() }
}

#[tokio::test]
async fn of_each_name_the_last_is_kept_with_what_it_took_the_place_of_in_the_order_in_which_they_were_written() {
    let home = Home::new();
    let open = home.open();
    let contract = of(Kind::Contract, "@kol", Some("base"), at(1));
    for identities in [
        vec![handle("@kol", "7", 1), handle("@old", "1", 1), contract.clone(), handle("@gone", "2", 1)],
        vec![of(Kind::Handle, "@gone", None, at(2))],
        vec![handle("@kol", "8", 3)],
        // Written again, as others were written since.
        vec![handle("@old", "1", 1)],
    ] {
        open.journal.record(record(identities));
    }
    open.flush().await;
    let kept = vec![contract.clone(), was("@kol", "7"), handle("@kol", "8", 3), handle("@old", "1", 1)];
    assert_eq!(home.reader().identities().unwrap(), kept);
    open.journal.record(record(vec![handle("@kol", "9", 4), handle("@kol", "9", 4)]));
    open.flush().await;
    let kept = vec![contract, handle("@old", "1", 1), was("@kol", "8"), handle("@kol", "9", 4)];
    assert_eq!(home.reader().identities().unwrap(), kept);
    open.close();
    // A damaged one is left out, and said.
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    connection.execute("UPDATE identities SET kind = 'hand' WHERE kind = 'contract'", ()).unwrap();
    let mut reader = home.reader();
    assert_eq!((reader.identities().unwrap(), reader.damaged()), (kept[1..].to_vec(), 1));
}

#[tokio::test]
async fn what_is_known_to_be_the_same_stays_however_little_the_journal_may_take() {
    let home = Home::with(Settings { max_bytes: 1_048_576, ..Settings::default() });
    let open = home.open();
    for n in 0..40 {
        open.journal.record(record((0..100).map(|of| handle(&format!("@{:060}", n * 100 + of), "7", 1)).collect()));
    }
    for n in 0..2_000 {
        open.journal.record(Record { entry: Some(entry(n, true)), ..Record::default() });
        // Nobody waits for it, so that it forgets as it goes.
        while n % 10 == 0 && open.journal.health().queue > 0 {
            std::thread::yield_now();
        }
    }
    open.flush().await;
    assert_eq!(home.reader().identities().unwrap().len(), 4_000);
    let mut entries = 0;
    home.reader().recent(at(0), usize::MAX, |_| entries += 1).unwrap();
    assert!((200..2_000).contains(&entries), "{entries}");
    open.close();
}

#[tokio::test]
async fn a_journal_of_version_5_has_none_and_gets_a_place_for_them() {
    let home = Home::new();
    home.open().close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    connection.execute_batch("DROP TABLE identities; PRAGMA user_version = 5;").unwrap();
    connection.close().unwrap();
    let mut reader = home.reader();
    assert_eq!((reader.identities().unwrap(), reader.damaged()), (vec![], 0));
    let open = home.open();
    open.journal.record(record(vec![handle("@kol", "7", 1)]));
    open.flush().await;
    assert_eq!(home.reader().identities().unwrap(), [handle("@kol", "7", 1)]);
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    assert_eq!(connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap(), 7);
}

#[tokio::test]
async fn of_a_journal_that_is_put_aside_they_are_taken_over() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(vec![handle("@kol", "7", 1), handle("@old", "1", 1)]));
    open.journal.record(record(vec![handle("@kol", "8", 2)]));
    open.close();
    let path = |name: &str| home.path().join(name);
    std::fs::rename(path("journal.db"), path("journal-rescue.db")).unwrap();
    home.open().close();
    assert!(path("journal-damaged-1.db").exists());
    assert_eq!(home.reader().identities().unwrap(), [handle("@old", "1", 1), was("@kol", "7"), handle("@kol", "8", 2)]);
}
