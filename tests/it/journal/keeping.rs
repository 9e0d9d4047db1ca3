//! What is forgotten, and what never is.

use birdcall::journal::State;

use super::*;

fn small(max_bytes: u64) -> Home {
    Home::with(Settings { max_bytes, ..Settings::default() })
}

async fn fill(open: &Open, from: i64, to: i64) {
    for n in from..to {
        open.journal.record(record(n, &["desk", "order"]));
        open.journal.ended(end(n, "desk", delivered()));
        if n % 100 == 0 {
            open.flush().await;
        }
    }
    open.flush().await;
}

#[tokio::test]
async fn the_oldest_goes_when_the_cap_is_reached_and_the_pending_stay() {
    const CAP: u64 = 4 * 1024 * 1024;
    let home = small(CAP);
    let open = home.open();
    // All of it would take some 12 MiB.
    let mut largest = 0;
    for part in 0..60 {
        for n in part * 100..(part + 1) * 100 {
            open.journal.record(record(n, &["desk", "order"]));
            open.journal.ended(end(n, "desk", delivered()));
            if n != 7 {
                open.journal.ended(end(n, "order", delivered()));
            }
        }
        open.flush().await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        largest = largest.max(size(&home));
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let health = open.journal.health();
    // With so small a cap its log is ahead of the copying for a moment.
    assert!(largest <= CAP + CAP / 2 && size(&home) <= CAP + CAP / 8, "{largest} bytes at most, {health:?}");
    assert!(health.oldest.unwrap() > at(1_000), "{health:?}");
    let mut reader = home.reader();
    let found = all(&mut reader);
    assert_eq!((found[0].firing.id, found[0].state, found[0].body.clone()), (firing(7).id, State::Pending, Some(body(7))));
    assert!(found[1].firing.at > at(1_000), "{:?}", found[1]);
    assert_eq!(found.last().unwrap().firing.id, firing(5_999).id);
    assert_eq!(reader.fired(1_000_000).unwrap().len(), 6_000, "without them a restart would fire again");
    open.close();
    assert!(home.is_sound());
}

/// They are urgent, and would put off whatever is not: copying the log, forgetting what is old.
#[tokio::test]
async fn orders_without_a_pause_do_not_let_the_log_grow() {
    const CAP: u64 = 16 * 1024 * 1024;
    let home = small(CAP);
    let open = home.open();
    let log = || std::fs::metadata(home.path().join("journal.db-wal")).map_or(0, |found| found.len());
    let (mut longest, mut slowest) = (0, Duration::ZERO);
    let mut tick = tokio::time::interval(Duration::from_millis(3));
    for n in 0..1_500 {
        tick.tick().await;
        let began = tokio::time::Instant::now();
        open.journal.begin(record(n, &["order"]), key(n, "order"), at(n)).await.unwrap();
        slowest = slowest.max(began.elapsed());
        open.journal.ended(end(n, "order", delivered()));
        longest = longest.max(log());
    }
    open.close();
    assert!(longest < CAP / 2, "{longest} bytes of log, an order waited {slowest:?}");
    assert!(home.is_sound());
}

fn size(home: &Home) -> u64 {
    std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn a_smaller_cap_gives_space_back() {
    let home = small(64 * 1024 * 1024);
    let open = home.open();
    fill(&open, 0, 3_000).await;
    open.close();
    let before = size(&home);
    let home = Home { settings: Settings { max_bytes: 2 * 1024 * 1024, ..home.settings }, ..home };
    let open = home.open();
    for n in 0..1_200 {
        // Orders of the first run are pending; they stay until they have ended.
        open.journal.ended(end(n, "order", delivered()));
    }
    for n in 1_200..3_000 {
        open.journal.ended(end(n, "order", Outcome::Expired));
    }
    open.flush().await;
    let most = 2 * 1024 * 1024 + 512 * 1024;
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if open.journal.health().bytes <= most {
            break;
        }
    }
    let health = open.journal.health();
    open.close();
    assert!(before > 6 * 1024 * 1024 && size(&home) <= most, "{before} before, {} after, {health:?}", size(&home));
    assert!(home.is_sound());
}

#[tokio::test]
async fn age_is_counted_in_lived_time_so_a_clock_that_jumps_ahead_forgets_nothing() {
    let home = Home::with(Settings { max_age: Duration::from_secs(14 * 86_400), ..Settings::default() });
    let open = home.open();
    fill(&open, 0, 50).await;
    open.close();
    // 2100, then 1970.
    for jumped in [4_102_444_800_000, 0] {
        let open = home.open_at(Timestamp::from_millis(jumped));
        open.journal.alive(Timestamp::from_millis(jumped), true);
        open.flush().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        open.close();
    }
    assert_eq!(entries(&mut home.reader()).len(), 50);
}

#[tokio::test]
async fn what_is_older_than_max_age_goes_over_runs_of_a_day_each() {
    let home = Home::with(Settings { max_age: Duration::from_secs(3 * 86_400), ..Settings::default() });
    for day in 0..8 {
        let now = at(day * 86_400_000);
        let open = home.open_at(now);
        // The run's first mark.
        tokio::time::sleep(Duration::from_millis(100)).await;
        fill(&open, day * 10, day * 10 + 10).await;
        open.journal.alive(now, true);
        open.flush().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        open.close();
    }
    let left: Vec<_> = entries(&mut home.reader()).into_iter().map(|(at, _)| at).collect();
    assert_eq!((left.first(), left.last(), left.len()), (Some(&at(40)), Some(&at(79)), 40), "three days and the marks' grain");
    let mut reader = home.reader();
    let pending = reader.unfinished().unwrap();
    assert_eq!(pending.len(), 80, "what is pending stays, whatever its age");
}

#[tokio::test]
async fn unmatched_entries_are_shed_and_counted_when_the_queue_is_long_but_never_deliveries() {
    let home = Home::new();
    let (journal, writer) = journal::open(home.path(), home.settings, Clock::starting_at(at(0))).unwrap();
    for n in 0..9_000 {
        journal.record(Record { entry: Some(entry(n, false)), ..Record::default() });
    }
    for n in 9_000..9_100 {
        journal.record(Record { entry: Some(entry(n, false)), ..record(n, &["desk"]) });
        journal.record(record(n + 1_000, &["desk"]));
    }
    let health = journal.health();
    assert_eq!((health.queue, health.shed, health.unrecorded), (8_192 + 200, 9_000 - 8_192 + 100, 0));
    let thread = std::thread::spawn(writer);
    assert!(journal.flush().await);
    let mut reader = home.reader();
    assert_eq!(
        (all(&mut reader).len(), reader.fired(10_000).unwrap().len(), entries(&mut reader).len()),
        (200, 200, 8_192 + 100)
    );
    assert_eq!(journal.health().queue, 0);
    drop(journal);
    thread.join().unwrap();
}

#[tokio::test]
async fn memory_is_bounded_when_nothing_is_written_for_long() {
    let home = Home::new();
    let (journal, writer) = journal::open(home.path(), home.settings, Clock::starting_at(at(0))).unwrap();
    for n in 0..40_000 {
        journal.record(record(n, &["desk"]));
    }
    let health = journal.health();
    assert!(health.queue < 32_768 && health.unrecorded > 3 * 7_000, "{health:?}");
    let full = journal.begin(record(50_000, &["order"]), key(50_000, "order"), at(0)).await.unwrap_err();
    assert!(full.0.contains("too much waits"), "{full}");
    drop((journal, writer));
}
