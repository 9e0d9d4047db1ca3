//! What windows have left: of each key the latest, until nothing is left of it.

use birdcall::journal::{Record, Settings};
use birdcall::model::subject::Event;
use birdcall::model::window::{Complete, Left, Member, Trace, Used};

use super::{Home, at, entry};

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

/// A sighting; of no key the word that all are there.
fn sighting(rule: &str, key: &str, ms: i64) -> Trace {
    let seen = Member { who: Some("kol".into()), platform: None, tweet: None, event: Event::Tweet, at: at(ms), price: None };
    let left = match key {
        "" => Left { complete: Some(Complete { since: at(ms), by: "so".to_owned() }), ..Left::default() },
        _ => Left { seen: Some(Box::new(seen)), ..Left::default() },
    };
    Trace { rule: rule.into(), of: "what".into(), key: key.into(), at: at(ms), left }
}

fn record(traces: Vec<Trace>) -> Record {
    Record { traces, ..Record::default() }
}

#[tokio::test]
async fn of_what_was_seen_the_last_is_kept_apart_from_what_windows_leave() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(vec![
        sighting("a", "", 1),
        sighting("a", "x", 1),
        sighting("a", "y", 2),
        trace("b", "x", 2, &[2]),
    ]));
    open.journal.record(record(vec![sighting("a", "x", 3), sighting("b", "x", 3)]));
    let gone = Trace { left: Left::default(), ..sighting("a", "y", 4) };
    open.journal.record(record(vec![gone]));
    open.flush().await;
    let kept = vec![sighting("a", "", 1), sighting("a", "x", 3), sighting("b", "x", 3)];
    assert_eq!(home.reader().sightings().unwrap(), kept);
    assert_eq!(home.reader().traces(at(0)).unwrap(), Some(vec![trace("b", "x", 2, &[2])]));
    open.close();
    // Where one is damaged, nobody knows any more whether that was all.
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    connection.execute("UPDATE sightings SET seen = '{\"seen\":7' WHERE rule = 'b'", ()).unwrap();
    let mut reader = home.reader();
    assert_eq!((reader.sightings().unwrap(), reader.damaged()), (vec![sighting("a", "x", 3)], 1));
}

#[tokio::test]
async fn what_was_seen_stays_however_little_the_journal_may_take_and_other_rows_have_room_beside_it() {
    let home = Home::with(Settings { max_bytes: 1_048_576, ..Settings::default() });
    let open = home.open();
    // Twice as much as the journal may take.
    for n in 0..64 {
        open.journal.record(record((0..128).map(|of| sighting("a", &format!("{:060}", n * 128 + of), 1)).collect()));
    }
    for n in 0..4_000 {
        open.journal.record(Record { entry: Some(entry(n, true)), ..Record::default() });
        // Nobody waits for it, so that it forgets as it goes.
        while n % 10 == 0 && open.journal.health().queue > 0 {
            std::thread::yield_now();
        }
    }
    open.flush().await;
    assert_eq!(home.reader().sightings().unwrap().len(), 64 * 128);
    let mut entries = 0;
    home.reader().recent(at(0), usize::MAX, |_| entries += 1).unwrap();
    assert!((500..4_000).contains(&entries), "{entries}: as much again as what stays");
    open.close();
}
