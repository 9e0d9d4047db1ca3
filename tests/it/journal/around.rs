//! A stretch of the past is found and read without all that came after it.

use std::ops::ControlFlow;

use birdcall::journal::{CameBefore, EntryRow, Record};
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;

use super::{Home, at};

/// More than are ever looked through for an earlier one.
const MANY: i64 = 9_000;

/// In pairs of the same moment.
fn moment(n: i64) -> i64 {
    n / 2 * 10
}

fn record(n: i64) -> Record {
    let entry = EntryRow { at: at(moment(n)), origin: Origin::Live, matched: true, text: format!("{{\"n\":\"<{n}>\"}}").into() };
    Record { entry: Some(entry), ..Record::default() }
}

async fn lived() -> Home {
    let home = Home::new();
    let open = home.open();
    for n in 1..=MANY {
        open.journal.record(record(n));
        if n % 1_000 == 0 {
            open.flush().await;
        }
    }
    open.flush().await;
    open.close();
    home
}

#[tokio::test]
async fn what_came_before_a_moment_is_counted_back_from_there_and_what_came_then_is_found_after_it() {
    let home = lived().await;
    let mut reader = home.reader();
    let all = || (1..=MANY).map(|n| (n, moment(n)));
    for since in [-1, 0, 5, 20_000, 44_990, 50_000] {
        for until in [0, 1, 10, 11, 20_000, 20_005, 44_990, 44_995, 45_000, 60_000] {
            for at_most in [0, 1, 100, 1_500, usize::MAX] {
                let expected: Vec<_> = all().filter(|(_, ms)| (since..until).contains(ms)).map(|(n, _)| n).collect();
                let expected = &expected[expected.len().saturating_sub(at_most)..];
                let mut found = Vec::new();
                let CameBefore { entries, next } =
                    reader.before((at(since), at(until)), at_most, |entry| found.push(entry.id)).unwrap();
                let asked = format!("from {since} to {until}, {at_most}");
                assert!(found == expected && entries == expected.len(), "{asked}: {} of {}", found.len(), expected.len());
                let mut later = Vec::new();
                let hear = |id| {
                    later.push(id);
                    if later.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                };
                let mut hear = hear;
                reader.read_on(next, at(until), |entry| hear(entry.id)).unwrap();
                let expected: Vec<_> = all().filter(|(_, ms)| *ms >= until).map(|(n, _)| n).take(3).collect();
                assert_eq!(later, expected, "{asked}");
            }
        }
    }
    assert_eq!(reader.damaged(), 0);
}

#[tokio::test]
async fn entries_with_a_word_are_found_wherever_they_stand() {
    let home = lived().await;
    let mut reader = home.reader();
    for (since, words, expected) in [
        (i64::MIN, vec!["<1>", "<9000>"], vec![1, 9_000]),
        (at(moment(4_000)).as_millis(), vec!["<3999>", "<4000>", "<8765>"], vec![4_000, 8_765]),
        (i64::MAX, vec!["<9000>"], vec![]),
    ] {
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        let (mut looked_at, mut found) = (0, Vec::new());
        let since = Timestamp::from_millis(since);
        reader.with_words(since, &words, || looked_at += 1, |entry| found.push(entry.id)).unwrap();
        assert_eq!(found, expected, "{words:?}");
        assert!(since == Timestamp::from_millis(i64::MIN) || looked_at < 8_000, "{looked_at}");
    }
}
