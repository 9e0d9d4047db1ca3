//! The program is killed at any moment: what it was told is on disk is there, once, and the rest is a beginning of what it told.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use birdcall::journal::State;

use super::*;

/// Where the child of these tests writes; it does nothing without.
const FOLDER: &str = "BIRDCALL_TEST_JOURNAL";

/// The child: records and begins as fast as it can, and says on its standard output which orders were granted.
#[tokio::test]
#[ignore = "is run by the test below"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let clock = Clock::starting_at(at(0));
    let settings = Settings { max_bytes: 8 * 1024 * 1024, ..Settings::default() };
    let (journal, writer) = journal::open(folder.as_ref(), settings, clock).unwrap();
    std::thread::spawn(writer);
    let first = i64::try_from(Reader::open(folder.as_ref()).unwrap().fired(1_000_000).unwrap().len()).unwrap();
    let first = all(&mut Reader::open(folder.as_ref()).unwrap()).last().map_or(first, |row| row.id * 1_000);
    println!("from {first}");
    for n in first.. {
        journal.record(record(n * 2, &["desk"]));
        journal.begin(record(n * 2 + 1, &["order"]), key(n * 2 + 1, "order"), at(n)).await.unwrap();
        println!("granted {}", n * 2 + 1);
        journal.ended(end(n * 2, "desk", delivered()));
        if n % 3 == 0 {
            journal.ended(end(n * 2 + 1, "order", delivered()));
        }
        journal.alive(at(n), true);
    }
}

fn start(home: &Home) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["journal::crash::child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it after `lines` of what it says; all that it said.
fn killed(mut child: Child, lines: usize) -> Vec<i64> {
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said: Vec<String> = out.by_ref().take(lines).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    said.extend(out.map_while(Result::ok));
    said.iter().filter_map(|line| line.split_once("granted ")?.1.parse().ok()).collect()
}

#[test]
fn every_intent_that_was_granted_before_a_kill_is_on_disk_with_its_body() {
    let home = Home::new();
    let mut granted = Vec::new();
    for round in 0..20 {
        let these = killed(start(&home), 5 + round * 7);
        assert!(these.len() >= 2, "round {round}: it was killed before it did anything");
        granted.extend(these.iter().copied());
        let mut reader = home.reader();
        let found = all(&mut reader);
        let entries: Vec<_> = entries(&mut reader).into_iter().map(|(at, _)| at).collect();
        for n in these {
            let rows: Vec<_> = found.iter().filter(|row| row.firing.id == firing(n).id).collect();
            assert_eq!(rows.len(), 1, "round {round}, order {n}");
            assert!(matches!(rows[0].state, State::Sending | State::Delivered), "{:?}", rows[0]);
            assert_eq!(rows[0].body, Some(body(n)));
        }
        for found_at in entries {
            // An intent may be there before its entry, never an entry without what came of it.
            let came = |row: &StoredDelivery| row.firing.at == found_at;
            assert!(found.iter().any(came), "round {round}: the entry of {found_at:?} is there without its delivery");
        }
        assert_eq!(reader.damaged(), 0);
    }
    let open = home.open();
    open.close();
    assert!(home.is_sound());
    assert!(granted.len() > 500, "{}", granted.len());
}
