//! A file that was cut or that rotted: it opens, what is whole is read, and what is not is never handed out as if it were.

use std::fs;
use std::path::Path;

use birdcall::journal::{JournalError, State};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::*;

/// A journal as a killed program leaves it: the file, and a log with more.
struct Left {
    file: Vec<u8>,
    log: Vec<u8>,
    records: i64,
}

async fn left() -> Left {
    let home = Home::new();
    let open = home.open();
    for n in 0..40 {
        open.journal.record(record(n, &["desk"]));
        if n % 2 == 0 {
            open.journal.ended(end(n, "desk", delivered()));
        }
    }
    open.journal.set_switch(false, "by hand", at(1));
    open.close();
    let open = home.open();
    for n in 40..60 {
        open.journal.record(record(n, &["desk"]));
        open.flush().await;
    }
    let read = |name: &str| fs::read(home.path().join(name)).unwrap();
    let left = Left { file: read("journal.db"), log: read("journal.db-wal"), records: 60 };
    open.close();
    assert!(left.log.len() > 100_000, "{}", left.log.len());
    left
}

/// Puts a journal of this file and this log into the folder, and nothing else.
fn put(folder: &Path, file: &[u8], log: &[u8]) {
    for found in fs::read_dir(folder).unwrap() {
        fs::remove_file(found.unwrap().path()).unwrap();
    }
    fs::write(folder.join("journal.db"), file).unwrap();
    fs::write(folder.join("journal.db-wal"), log).unwrap();
}

/// Opens what is there. What is found is what was told, or nothing; how many records are whole.
async fn holds(home: &Home, left: &Left, what: &str) -> usize {
    let (journal, writer) = match journal::open(home.path(), home.settings, Clock::starting_at(at(1_000))) {
        Ok(opened) => opened,
        // A bit of the name or of the version: nothing was touched, a person has to look.
        Err(JournalError::Newer { .. } | JournalError::Foreign { .. }) => return usize::MAX,
        Err(error) => panic!("{what}: {error}"),
    };
    let thread = std::thread::spawn(writer);
    let mut reader = home.reader();
    let told = 0..left.records;
    for row in reader.unfinished().unwrap() {
        let n = told.clone().find(|n| firing(*n).id == row.firing.id);
        let n = n.unwrap_or_else(|| panic!("{what}: a delivery that nobody told: {row:?}"));
        assert_eq!(
            (&*row.firing, &*row.action, row.expires_at, row.trading),
            (&*firing(n), "desk", at(n + 600_000), false),
            "{what}"
        );
        assert!(row.body.is_none() || row.body == Some(body(n)), "{what}: another body: {row:?}");
        assert!(n % 2 == 1 || n >= 40 || row.state == State::Pending, "{what}");
    }
    let mut whole = 0;
    reader
        .recent(Timestamp::from_millis(i64::MIN), usize::MAX, |entry| {
            let n = told.clone().find(|n| text(*n) == entry.text).unwrap_or_else(|| panic!("{what}: {entry:?}"));
            assert_eq!(entry.at, at(n), "{what}");
            whole += 1;
        })
        .unwrap();
    let _ = (reader.fired(1_000).unwrap(), all(&mut reader), reader.switch().unwrap(), reader.last_alive().unwrap());
    // It goes on.
    journal.record(record(500, &["desk"]));
    assert!(journal.flush().await, "{what}: {:?}", journal.health());
    journal.begin(record(501, &["order"]), key(501, "order"), at(501)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(
        home.reader().unfinished().unwrap().iter().any(|row| row.body == Some(body(501)) && row.state == State::Sending),
        "{what}"
    );
    drop(journal);
    thread.join().unwrap();
    whole
}

#[tokio::test]
async fn a_log_that_is_cut_anywhere_ends_with_the_last_whole_record_before() {
    let (left, home) = (left().await, Home::new());
    let page = 4_096 + 24;
    let mut least = usize::MAX;
    let tail = (left.log.len() - 3 * page..left.log.len()).step_by(97);
    let spread = (0..left.log.len()).step_by(left.log.len() / 60);
    for length in tail.chain(spread) {
        put(home.path(), &left.file, &left.log[..length]);
        let whole = holds(&home, &left, &format!("cut at {length}")).await;
        // The first run's 40 are in the file; of the second's, each record was a commit of its own.
        assert!((40..=60).contains(&whole), "cut at {length}: {whole}");
        if length >= left.log.len() - page {
            assert!(whole >= 58, "cut at {length}: {whole}");
        }
        least = least.min(whole);
    }
    assert_eq!(least, 40);
}

#[tokio::test]
async fn a_file_that_is_cut_anywhere_still_opens_and_what_is_left_is_read() {
    let (left, home) = (left().await, Home::new());
    let mut most = 0;
    for length in (1..left.file.len()).step_by(left.file.len() / 70 + 13) {
        put(home.path(), &left.file[..length], &[]);
        let whole = holds(&home, &left, &format!("cut at {length}")).await;
        most = most.max(whole);
    }
    assert!(most > 30, "{most}");
}

/// A bit flipped anywhere: `BIRDCALL_FLIPS=10000` makes a night of it.
#[tokio::test]
async fn a_flipped_bit_never_makes_another_message_of_one() {
    let (left, home) = (left().await, Home::new());
    let flips = std::env::var("BIRDCALL_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(250);
    let (mut repaired, mut all) = (0, 0);
    let mut random: u64 = 0x5eed;
    for _ in 0..flips {
        // Steele and Vigna's splitmix64; the case is in the message.
        random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits ^= bits >> 27;
        let (mut file, mut log) = (left.file.clone(), left.log.clone());
        let at = usize::try_from(bits >> 3).unwrap() % (file.len() + log.len());
        match at.checked_sub(file.len()) {
            None => file[at] ^= 1 << (bits & 7),
            Some(at) => log[at] ^= 1 << (bits & 7),
        }
        put(home.path(), &file, &log);
        let whole = holds(&home, &left, &format!("byte {at}, bit {}", bits & 7)).await;
        repaired += usize::from(home.path().join("journal-damaged-1.db").exists());
        all += usize::from(whole == 60);
        if at < left.file.len() && whole != usize::MAX {
            assert!(whole >= 20, "byte {at}: {whole} entries are left");
        }
    }
    println!("{flips} flips: {repaired} put aside, {all} with all entries");
    assert!(all < flips, "none was met");
}

/// What may happen to the bytes of a file.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index, u8),
    Cut(Index),
    Fill(Index, usize, u8),
    /// A page's content from somewhere else: a write that went astray.
    Move(Index, Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let filling = prop_oneof![Just(0), Just(0xFF), any::<u8>()];
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        any::<Index>().prop_map(Harm::Cut),
        (any::<Index>(), 1..9_000_usize, filling).prop_map(|(at, length, with)| Harm::Fill(at, length, with)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Harm::Move(from, to)),
    ]
}

impl Harm {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let place = |at: &Index| at.index(bytes.len());
        match self {
            Self::Flip(at, bit) => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Fill(at, length, with) => {
                let (at, end) = (place(at), bytes.len());
                bytes[at..end.min(at + length)].fill(*with);
            }
            Self::Move(from, to) => {
                let (from, to) = (place(from) / 4_096 * 4_096, place(to) / 4_096 * 4_096);
                let length = 4_096.min(bytes.len() - from).min(bytes.len() - to);
                bytes.copy_within(from..from + length, to);
            }
        }
    }
}

/// `PROPTEST_CASES=10000` makes a night of it.
#[test]
fn whatever_happens_to_the_files_nothing_false_is_read_and_it_goes_on() {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (left, home) = (run().block_on(left()), Home::new());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { 100 };
    let harms = || prop::collection::vec(harm(), 0..4);
    let tested = TestRunner::new(ProptestConfig { cases, ..config }).run(&(harms(), harms()), |(to_file, to_log)| {
        let (mut file, mut log) = (left.file.clone(), left.log.clone());
        to_file.iter().for_each(|harm| harm.apply(&mut file));
        to_log.iter().for_each(|harm| harm.apply(&mut log));
        put(home.path(), &file, &log);
        run().block_on(holds(&home, &left, "this harm"));
        Ok(())
    });
    tested.unwrap();
}

#[tokio::test]
async fn a_file_of_rubbish_is_put_aside_orders_are_disarmed_and_a_new_one_begins() {
    let home = Home::new();
    for round in 1..=2 {
        fs::write(home.path().join("journal.db"), "not a database, but a letter to somebody".repeat(100)).unwrap();
        let open = home.open();
        let said = open.journal.health().repaired.unwrap();
        assert!(said.contains(&format!("put aside as journal-damaged-{round}.db")) && said.contains("disarmed"), "{said}");
        let switch = home.reader().switch().unwrap().unwrap();
        assert!(!switch.armed && switch.why.contains("damaged"), "{switch:?}");
        open.journal.record(record(1, &["desk"]));
        open.flush().await;
        open.close();
    }
}

#[tokio::test]
async fn damage_that_is_met_while_it_runs_is_mended_without_a_restart() {
    let home = Home::new();
    let open = home.open();
    for n in 0..2_000 {
        open.journal.record(record(n, &["desk"]));
    }
    open.journal.set_switch(false, "by hand", at(1));
    open.close();
    // Every page but those of the start and of the end, where the rows are that are looked at first.
    let path = home.path().join("journal.db");
    let mut file = fs::read(&path).unwrap();
    let length = file.len();
    file[40 * 4_096..length - 300 * 4_096].fill(0xA5);
    fs::write(&path, file).unwrap();
    let open = home.open();
    for n in 0..2_000 {
        open.journal.ended(end(n, "desk", delivered()));
    }
    for n in 3_000..3_100 {
        open.journal.record(record(n, &["desk"]));
    }
    let mut flushed = false;
    for _ in 0..20 {
        flushed = flushed || open.journal.flush().await;
    }
    let health = open.journal.health();
    assert!(flushed && health.degraded.is_none(), "{health:?}");
    assert!(health.repaired.as_ref().is_some_and(|said| said.contains("journal-damaged-1.db")), "{health:?}");
    open.journal.begin(record(9_000, &["order"]), key(9_000, "order"), at(9_000)).await.unwrap();
    let found = all(&mut home.reader());
    for n in 3_000..3_100 {
        assert_eq!(found.iter().filter(|row| row.firing.id == firing(n).id).count(), 1, "{n}");
    }
    assert!(!home.reader().switch().unwrap().unwrap().armed);
    open.close();
    assert!(home.is_sound());
}

#[tokio::test]
async fn numbers_that_nobody_gave_keep_no_reader_from_what_is_there() {
    let home = Home::new();
    let open = home.open();
    for n in 0..3 {
        open.journal.record(record(n, &["desk"]));
    }
    open.flush().await;
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    for (table, id) in [("entries", -1_365_353_171_i64), ("entries", 1 << 45), ("firings", -1_365_353_171)] {
        let sql = format!("UPDATE {table} SET id = ?1 WHERE id = (SELECT min(id) FROM {table} WHERE id > 0)");
        connection.execute(&sql, [id]).unwrap();
    }
    drop(connection);
    // What is told now has numbers beyond that of nobody.
    let open = home.open();
    open.journal.record(record(3, &["desk"]));
    open.flush().await;
    open.close();
    let mut reader = home.reader();
    let found: Vec<_> = entries(&mut reader).into_iter().map(|(found, _)| found).collect();
    assert_eq!(found, [at(2), at(3)], "those whose numbers are right");
    let fired = reader.fired(10).unwrap();
    assert_eq!(fired.len(), 3);
    assert_eq!(reader.ahead(&fired).unwrap(), [(firing(0).id, "desk".to_owned())], "what was sent is known all the same");
}
