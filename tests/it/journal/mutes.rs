//! Mutes on record: each as it was last told, whatever else is damaged.

use birdcall::journal::MuteRow;
use birdcall::model::mute::{Mute, MuteOf, Muted};

use super::*;

fn mute(number: i64, what: Muted, until: i64) -> MuteRow {
    let of = MuteOf { what, name: "doge".to_owned(), token: Some("DOGE".to_owned()), handle: None };
    let mute = Mute { number, of, from: at(1), until: at(until), ended: None, because: Some("fed day".to_owned()) };
    MuteRow { mute, held: 0, told: false }
}

#[tokio::test]
async fn a_mute_is_as_it_was_last_told_and_one_that_is_over_is_read_while_it_matters() {
    let home = Home::new();
    let open = home.open();
    let (first, second, third) = (mute(1, Muted::Rule, 100), mute(2, Muted::Action, 200), mute(3, Muted::Rule, 50));
    for row in [&first, &second, &third] {
        open.journal.mute(row.clone(), true);
    }
    let over = MuteRow { held: 7, told: true, ..first };
    open.journal.mute(over.clone(), false);
    let ended = MuteRow { mute: Mute { ended: Some(at(90)), ..second.mute.clone() }, held: 2, told: true };
    open.journal.mute(ended.clone(), true);
    open.flush().await;
    let mutes = |since| home.reader().mutes(at(since)).unwrap();
    assert_eq!(mutes(0), [over.clone(), ended.clone(), third.clone()]);
    assert_eq!(mutes(95), [over, third.clone()], "the newest tells the next number, and its end was not told");
    let told = MuteRow { told: true, ..third };
    open.journal.mute(told.clone(), false);
    open.close();
    assert_eq!(home.reader().mutes(at(500)).unwrap(), [told]);
}

#[tokio::test]
async fn what_a_mute_would_have_held_is_counted_in_the_newest_rows_and_it_is_said_that_there_are_more() {
    let home = Home::new();
    let open = home.open();
    (1..=4).for_each(|n| open.journal.record(record(n, &["desk"])));
    open.close();
    let count = |what, name, since| home.reader().firings_of(what, name, at(since)).unwrap();
    for (what, name) in [(Muted::Rule, "doge"), (Muted::Action, "desk")] {
        assert_eq!((count(what, name, 0), count(what, name, 3), count(what, "other", 0)), ((4, false), (2, false), (0, false)));
    }
    // As if many others had come in between.
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    for table in ["firings", "deliveries"] {
        connection.execute(&format!("UPDATE {table} SET id = id + 600000 WHERE id > 2"), ()).unwrap();
    }
    for (what, name) in [(Muted::Rule, "doge"), (Muted::Action, "desk")] {
        assert_eq!((count(what, name, 0), count(what, name, 3)), ((2, true), (2, false)));
    }
}

#[tokio::test]
async fn mutes_are_taken_over_from_a_damaged_journal_and_a_damaged_one_is_left_out() {
    let home = Home::new();
    let open = home.open();
    open.journal.mute(mute(1, Muted::Rule, 100), true);
    open.journal.mute(mute(2, Muted::Action, 100), true);
    for n in 0..2_000 {
        open.journal.record(record(n, &["desk"]));
    }
    open.close();
    let path = home.path().join("journal.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE mutes SET kind = 'rulf' WHERE id = 1", ()).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
    connection.close().unwrap();
    let mut reader = home.reader();
    assert_eq!((reader.mutes(at(0)).unwrap(), reader.damaged()), (vec![mute(2, Muted::Action, 100)], 1));
    drop(reader);
    // The first page, where the tables are named.
    let mut file = std::fs::read(&path).unwrap();
    file[..16].fill(b'x');
    std::fs::write(&path, file).unwrap();
    let open = home.open();
    let said = open.journal.health().repaired.unwrap();
    assert!(said.contains("2 mutes"), "{said}");
    assert_eq!(home.reader().mutes(at(0)).unwrap(), [mute(2, Muted::Action, 100)]);
    open.close();
}
