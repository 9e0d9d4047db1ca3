//! What recording costs. Prints its figures; run it alone, with `--release --ignored --nocapture`.

use std::time::{Duration, Instant};

use super::*;

async fn begins(sync: Sync, pause: Duration, load: bool) -> (Duration, Duration, Duration) {
    let home = Home::with(Settings { sync, ..Settings::default() });
    let open = home.open();
    let mut times = Vec::new();
    for n in 0..1_000 {
        if load {
            open.journal.record(Record { entry: Some(entry(n, false)), ..Record::default() });
        }
        let began = now();
        open.journal.begin(record(n, &["order"]), key(n, "order"), at(n)).await.unwrap();
        times.push(began.elapsed());
        open.journal.ended(end(n, "order", delivered()));
        tokio::time::sleep(pause).await;
    }
    open.close();
    (percentile(&mut times, 0.5), percentile(&mut times, 0.99), percentile(&mut times, 1.0))
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test]
#[ignore = "prints figures, and takes a minute"]
async fn figures() {
    for sync in Sync::ALL {
        for (name, pause, load) in [("paced 5 ms", 5, false), ("paced 1 ms", 1, true)] {
            let (p50, p99, max) = begins(sync, Duration::from_millis(pause), load).await;
            println!("begin, {}, {name}: p50 {p50:?} p99 {p99:?} max {max:?}", sync.name());
        }
    }
    for (name, matched) in [("unmatched entries", false), ("records with two deliveries and their ends", true)] {
        let home = Home::new();
        let open = home.open();
        let (total, began) = (100_000, now());
        for n in 0..total {
            if matched {
                open.journal.record(record(n, &["desk", "order"]));
                open.journal.ended(end(n, "desk", delivered()));
                open.journal.ended(end(n, "order", delivered()));
            } else {
                open.journal.record(Record { entry: Some(entry(n, false)), ..Record::default() });
            }
            while open.journal.health().queue > 4_000 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        open.flush().await;
        let took = began.elapsed();
        println!("{name}: {:.0}/s, health {:?}", total as f64 / took.as_secs_f64(), open.journal.health());
        open.close();
    }
}

/// A12 of the bars: a journal of 1 GiB is open in under 5 s, with little memory.
#[tokio::test]
#[ignore = "writes 1 GiB"]
async fn a_gibibyte_is_open_at_once() {
    let home = Home::new();
    let open = home.open();
    let mut n = 0;
    while open.journal.health().bytes < 1 << 30 {
        for _ in 0..2_000 {
            open.journal.record(record(n, &["desk"]));
            open.journal.ended(end(n, "desk", delivered()));
            n += 1;
        }
        open.flush().await;
    }
    open.close();
    let began = now();
    let open = home.open_at(at(n));
    let mut reader = home.reader();
    let (fired, unfinished) = (reader.fired(200_000).unwrap().len(), reader.unfinished().unwrap().len());
    let recent = reader.recent(at(n - 10_000), 50_000, |_| {}).unwrap();
    let took = began.elapsed();
    let memory = std::fs::read_to_string("/proc/self/status").unwrap();
    let memory = memory.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    println!("{n} records: open and {fired} firings, {recent} entries, {unfinished} unfinished read in {took:?}; {memory}");
    assert!(took < Duration::from_secs(5));
    open.close();
}
