//! A disk that is full, a folder that may not be written, a file that somebody else holds.

use std::fs;
use std::process::Command;

use birdcall::journal::{JournalError, State};

use super::*;

const FOLDER: &str = "BIRDCALL_TEST_SMALL_DISK";

/// In a user namespace with a disk of 3 MiB of its own: see below.
#[tokio::test]
#[ignore = "is run by the test below"]
async fn on_a_small_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = std::path::PathBuf::from(folder);
    let (journal, writer) = journal::open(&folder, Settings::default(), Clock::system()).unwrap();
    let thread = std::thread::spawn(writer);
    journal.record(record(0, &["desk"]));
    assert!(journal.flush().await);

    // Somebody fills it.
    let filler = folder.join("filler");
    let mut size = 4 << 20;
    while size > 512 {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&filler).unwrap();
        if std::io::Write::write_all(&mut file, &vec![1; size]).is_err() {
            size /= 2;
        }
    }
    for n in 1..200 {
        journal.record(record(n, &["desk"]));
    }
    let began = tokio::time::Instant::now();
    assert!(!journal.flush().await, "there was room");
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(journal.health().degraded.as_deref(), Some("the disk is full; free some space"));
    for n in 1_000..1_010 {
        let began = tokio::time::Instant::now();
        let refused = journal.begin(record(n, &["order"]), key(n, "order"), at(n)).await.unwrap_err();
        assert!(refused.0.contains("the disk is full") && began.elapsed() < Duration::from_secs(1), "{refused}");
    }
    let sent = Reader::open(&folder).unwrap().deliveries(&Query { states: vec![State::Sending], ..Query::default() }).unwrap();
    assert!(sent.is_empty(), "{sent:?}");

    // And empties it.
    fs::remove_file(&filler).unwrap();
    let began = tokio::time::Instant::now();
    while journal.health().degraded.is_some() {
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", journal.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(journal.flush().await);
    journal.begin(record(2_000, &["order"]), key(2_000, "order"), at(2_000)).await.unwrap();
    let found = all(&mut Reader::open(&folder).unwrap());
    // Once each, and nothing of the refused is on its way.
    assert_eq!(found.len(), 200 + 10 + 1, "{:?}", journal.health());
    let sending: Vec<_> = found.iter().filter(|row| row.state == State::Sending).map(|row| row.firing.id).collect();
    assert_eq!(sending, [firing(2_000).id]);
    assert_eq!(journal.health().unrecorded, 0);
    drop(journal);
    thread.join().unwrap();

    // Full from the start: it starts, refuses orders, and is fine once there is room.
    while fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[1; 512]))
        .is_ok()
    {}
    let (journal, writer) = journal::open(&folder, Settings::default(), Clock::system()).unwrap();
    let thread = std::thread::spawn(writer);
    let refused = journal.begin(record(3_000, &["order"]), key(3_000, "order"), at(3_000)).await.unwrap_err();
    assert!(refused.0.contains("the disk"), "{refused}");
    fs::remove_file(&filler).unwrap();
    let began = tokio::time::Instant::now();
    while !journal.flush().await {
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", journal.health());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    journal.begin(Record::default(), key(3_000, "order"), at(3_000)).await.unwrap();
    drop(journal);
    thread.join().unwrap();
    println!("all held");
}

#[test]
fn a_full_disk_refuses_orders_keeps_the_rest_and_recovers_by_itself() {
    let home = Home::new();
    let script = "mount -t tmpfs -o size=3m,mode=700 none \"$0\" && exec \"$1\" journal::disk::on_a_small_disk --exact --ignored --nocapture";
    let ran = Command::new("unshare")
        .args(["-rm", "sh", "-c", script])
        .args([home.path().as_os_str(), std::env::current_exe().unwrap().as_os_str()])
        .env(FOLDER, home.path())
        .output();
    let Ok(ran) = ran else { return println!("there is no `unshare` here: not tested") };
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if said.contains("unshare:") || said.contains("mount:") {
        return println!("no small disk can be made here: not tested: {said}");
    }
    assert!(ran.status.success() && said.contains("all held"), "{said}");
}

#[test]
fn a_folder_or_file_that_may_not_be_written_is_said_with_its_path() {
    // Root may write anything, so this asks as nobody where it runs as root.
    let home = Home::new();
    home.open().close();
    let mut permissions = fs::metadata(home.path()).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o500);
    fs::set_permissions(home.path(), permissions.clone()).unwrap();
    fs::remove_file(home.path().join("lock")).ok();
    let probe = fs::write(home.path().join("probe"), "");
    if probe.is_err() {
        match journal::open(home.path(), home.settings, Clock::starting_at(at(0))) {
            Err(error @ JournalError::Folder { .. }) => {
                assert!(error.to_string().contains(&home.path().display().to_string()), "{error}")
            }
            other => panic!("{:?}", other.map(|(journal, _)| journal)),
        }
    }
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o700);
    fs::set_permissions(home.path(), permissions).unwrap();
}

#[tokio::test]
async fn while_another_program_holds_the_file_orders_are_refused_and_then_it_goes_on() {
    let home = Home::new();
    let open = home.open();
    open.flush().await;
    let other = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = open.journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap_err();
    assert!(refused.0.contains("another program holds the journal"), "{refused}");
    assert!(open.journal.health().degraded.unwrap().contains("another program"));
    other.execute_batch("ROLLBACK").unwrap();
    let began = tokio::time::Instant::now();
    while open.journal.health().degraded.is_some() {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    open.journal.begin(Record::default(), key(1, "order"), at(1)).await.unwrap();
    open.close();
}

#[tokio::test]
async fn a_reader_that_takes_its_time_holds_nobody_up() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(0, &["desk"]));
    open.flush().await;
    let slow = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    slow.execute_batch("BEGIN; SELECT count(*) FROM entries;").unwrap();
    for n in 1..300 {
        open.journal.begin(record(n, &["order"]), key(n, "order"), at(n)).await.unwrap();
    }
    assert_eq!(slow.query_row("SELECT count(*) FROM entries", (), |row| row.get::<_, i64>(0)).unwrap(), 1);
    assert_eq!(home.reader().unfinished().unwrap().len(), 300);
    open.close();
}

#[tokio::test]
async fn a_reader_that_keeps_the_log_from_being_emptied_is_said_and_so_is_its_end() {
    // The log should be 1 MiB at most.
    let home = Home::with(Settings { max_bytes: 16 << 20, ..Settings::default() });
    let open = home.open();
    open.journal.record(record(0, &["desk"]));
    open.flush().await;
    let slow = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    slow.execute_batch("BEGIN; SELECT count(*) FROM entries;").unwrap();
    let began = tokio::time::Instant::now();
    let mut n = 1;
    let said = loop {
        for _ in 0..100 {
            open.journal.record(record(n, &["desk"]));
            n += 1;
        }
        open.flush().await;
        // It is the writer who looks, in a quiet moment.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(said) = open.journal.health().behind {
            break said;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", open.journal.health());
    };
    assert!(said.contains("journal.db-wal") && said.contains("MiB and cannot be emptied: another program"), "{said}");
    let health = open.journal.health();
    assert_eq!(health.degraded, None, "it records all the same");
    assert!(health.bytes > 8 << 20, "{health:?}");
    slow.execute_batch("ROLLBACK").unwrap();
    let began = tokio::time::Instant::now();
    while open.journal.health().behind.is_some() {
        open.journal.record(record(n, &["desk"]));
        n += 1;
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", open.journal.health());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    open.close();
}
