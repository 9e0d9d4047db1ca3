//! Damage where only retention looks: it is found, put aside and said, and the journal keeps to its size.

use std::time::Duration;

use birdcall::clock::Clock;
use birdcall::journal::{self, EntryRow, Record, Settings};
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use tokio::time::{Instant, sleep};

const CAP: u64 = 4 * 1024 * 1024;
const PAGE: usize = 4096;

fn record(n: usize) -> Record {
    let text = format!("{{\"n\":{n:07},\"t\":\"{}\"}}", "o".repeat(1_500));
    let at = Timestamp::from_millis(i64::try_from(n).unwrap());
    Record { entry: Some(EntryRow { at, origin: Origin::Live, matched: true, text: text.into() }), ..Record::default() }
}

#[tokio::test]
async fn a_damaged_old_page_does_not_stop_retention() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: CAP, ..Settings::default() };
    let open = || {
        let (journal, writer) = journal::open(folder.path(), settings, Clock::system()).unwrap();
        (journal, std::thread::spawn(writer))
    };
    let (journal, writer) = open();
    for n in 0..1_500 {
        journal.record(record(n));
    }
    assert!(journal.flush().await);
    drop(journal);
    writer.join().unwrap();
    let path = folder.path().join("journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"\"n\":0000100,";
    let place = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[place / PAGE * PAGE..][..PAGE].fill(0);
    std::fs::write(&path, bytes).unwrap();

    let (journal, writer) = open();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut n = 1_500;
    while journal.health().repaired.is_none() {
        assert!(Instant::now() < deadline, "it was never found: {:?}", journal.health());
        for _ in 0..200 {
            journal.record(record(n));
            n += 1;
        }
        journal.flush().await;
        sleep(Duration::from_millis(20)).await;
    }
    while journal.health().bytes > 2 * CAP {
        assert!(Instant::now() < deadline, "it does not come back to its size: {:?}", journal.health());
        sleep(Duration::from_millis(20)).await;
    }
    drop(journal);
    writer.join().unwrap();
}
