//! What windows have left: of each key the latest, until nothing is left of it.

use birdcall::journal::Record;
use birdcall::model::window::{Left, Trace, Used};

use super::{Home, at};

fn trace(rule: &str, key: &str, ms: i64, fired: &[i64]) -> Trace {
    let used = fired.iter().map(|ms| Used { step: 1, at: at(*ms), tweet: Some("1".to_owned()), who: None }).collect();
    let left = Left { fired: fired.iter().map(|ms| at(*ms)).collect(), used, ..Left::default() };
    Trace { rule: rule.into(), of: "what".into(), key: key.into(), at: at(ms), left }
}

#[tokio::test]
async fn of_each_key_the_latest_is_kept_until_nothing_is_left() {
    let home = Home::new();
    let open = home.open();
    for traces in [
        vec![trace("a", "x", 1, &[1]), trace("a", "y", 1, &[1])],
        vec![trace("b", "x", 2, &[2]), trace("a", "x", 3, &[1, 3])],
        vec![trace("a", "y", 4, &[])],
    ] {
        open.journal.record(Record { traces, ..Record::default() });
    }
    open.flush().await;
    let kept = Some(vec![trace("b", "x", 2, &[2]), trace("a", "x", 3, &[1, 3])]);
    assert_eq!(home.reader().traces(at(0)).unwrap(), kept);
    open.close();
    // A damaged one is left out, and said.
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    connection.execute("UPDATE traces SET trace = '{\"fired\":7' WHERE rule = 'b'", ()).unwrap();
    let mut reader = home.reader();
    let kept = reader.traces(at(0)).unwrap();
    assert_eq!((kept, reader.damaged()), (Some(vec![trace("a", "x", 3, &[1, 3])]), 1));
}
