//! Long pauses between entries, found without reading all of them: as somebody finds them who does.

use birdcall::journal::Stretch;

use super::*;

const MINUTE: i64 = 60_000;

/// Entries that came at these moments, in minutes; those that do not count are of the history.
fn heard(open: &Open, entries: &[(i64, bool)]) {
    for (minute, counts) in entries {
        let origin = if *counts { Origin::Live } else { Origin::Backfill };
        let entry = EntryRow { at: at(minute * MINUTE), origin, matched: true, text: "{}".into() };
        open.journal.record(Record { entry: Some(entry), ..Record::default() });
    }
}

/// The stretches from a minute on, in minutes.
fn stretches(home: &Home, since: i64) -> Vec<(i64, i64)> {
    let (at_least, is_live) =
        (Duration::from_secs(300), |entry: &birdcall::journal::StoredEntry<'_>| entry.origin == Origin::Live);
    let found = home.reader().stretches(at(since * MINUTE), at_least, is_live).unwrap();
    let minute = |moment: Timestamp| (moment.as_millis() - at(0).as_millis()) / MINUTE;
    found.iter().map(|Stretch { first, last }| (minute(*first), minute(*last))).collect()
}

/// The same by reading all of them.
fn naive(entries: &[(i64, bool)]) -> Vec<(i64, i64)> {
    let mut found: Vec<(i64, i64)> = Vec::new();
    for (minute, _) in entries {
        match found.last_mut().filter(|(_, last)| minute - *last < 5) {
            Some((_, last)) => *last = *minute,
            None => found.push((*minute, *minute)),
        }
    }
    found
}

#[tokio::test]
async fn each_stretch_between_long_pauses_is_found() {
    let home = Home::new();
    let open = home.open();
    let all = |minutes: &[i64]| minutes.iter().map(|minute| (*minute, true)).collect::<Vec<_>>();
    heard(&open, &all(&[0, 1, 2, 10, 11, 15, 16, 30]));
    open.flush().await;
    assert_eq!(stretches(&home, 0), [(0, 2), (10, 16), (30, 30)]);
    assert_eq!(stretches(&home, 11), [(11, 16), (30, 30)]);
    assert_eq!(stretches(&home, 31), []);
    // What does not count ends no pause where it stands at an end, and is no stretch by itself.
    heard(&open, &[(40, false), (41, true), (42, true), (43, false), (60, false), (70, true)]);
    open.flush().await;
    assert_eq!(stretches(&home, 20), [(30, 30), (41, 42), (70, 70)]);
    open.close();
}

#[tokio::test]
async fn they_are_those_that_a_reader_of_all_entries_finds() {
    for seed in 1..12_u64 {
        let home = Home::new();
        let open = home.open();
        let (mut dice, mut minute) = (seed, 0);
        let mut roll = |sides: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((dice >> 33) % sides).unwrap()
        };
        let entries: Vec<_> = (0..400)
            .map(|_| {
                minute += if roll(10) == 0 { roll(40) } else { roll(2) };
                (minute, true)
            })
            .collect();
        heard(&open, &entries);
        open.flush().await;
        assert_eq!(stretches(&home, 0), naive(&entries), "seed {seed}");
        open.close();
        assert_eq!(home.reader().damaged(), 0);
    }
}

#[tokio::test]
async fn an_empty_journal_has_none_and_forgotten_rows_part_nothing() {
    let home = Home::new();
    let open = home.open();
    open.flush().await;
    assert_eq!(stretches(&home, 0), []);
    heard(&open, &(0..100).map(|minute| (minute, true)).collect::<Vec<_>>());
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    connection.execute("DELETE FROM entries WHERE id <= 20 OR id IN (50, 51, 52)", ()).unwrap();
    assert_eq!(stretches(&home, 0), [(20, 99)]);
}
