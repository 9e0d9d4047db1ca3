//! However fast it is written, the journal takes no more of the disk than it may.

use super::*;

const CAP: u64 = 8 * 1024 * 1024;

/// The most that the journal had on disk with all that lies beside it, while things were told as fast as its queue takes them.
struct Flood<'a> {
    home: &'a Home,
    open: Open,
    most: u64,
    most_log: u64,
}

impl<'a> Flood<'a> {
    fn start(home: &'a Home) -> Self {
        Self { home, open: home.open(), most: 0, most_log: 0 }
    }

    fn look(&mut self) {
        let length = |name: &str| std::fs::metadata(self.home.path().join(name)).map_or(0, |found| found.len());
        let log = length("journal.db-wal");
        self.most_log = self.most_log.max(log);
        self.most = self.most.max(length("journal.db") + log + length("journal.db-shm"));
    }

    /// Waits for nothing but room in the queue, which is never longer than that.
    fn make_room(&mut self, longest: usize) {
        self.look();
        while self.open.journal.health().queue > longest {
            self.look();
            std::thread::yield_now();
        }
    }

    async fn end(mut self) {
        self.make_room(0);
        self.open.flush().await;
        self.look();
        let (most, log, health) = (self.most, self.most_log, self.open.journal.health());
        assert!(most <= CAP, "{most} bytes, {log} of log at most: {health:?}");
        assert_eq!((health.shed, health.unrecorded), (0, 0), "what does not wait in the queue is written");
        self.open.close();
        assert!(self.home.is_sound());
    }
}

fn capped() -> Home {
    Home::with(Settings { max_bytes: CAP, ..Settings::default() })
}

/// As a long gap is filled from history.
#[tokio::test]
async fn entries_as_fast_as_they_come_stay_within_the_cap() {
    let home = capped();
    let mut flood = Flood::start(&home);
    for n in 0..60_000 {
        flood.open.journal.record(Record { entry: Some(entry(n, false)), ..Record::default() });
        if n % 32 == 0 {
            flood.make_room(8_000);
        }
    }
    flood.end().await;
}

#[tokio::test]
async fn deliveries_and_their_ends_as_fast_as_they_come_stay_within_the_cap() {
    let home = capped();
    let mut flood = Flood::start(&home);
    // Some 40 MiB. Of more firings than so many not enough may be forgotten for so small a cap.
    for n in 0..12_000 {
        flood.open.journal.record(record(n, &["desk", "order"]));
        flood.open.journal.ended(end(n, "desk", delivered()));
        flood.open.journal.ended(end(n, "order", delivered()));
        if n % 32 == 0 {
            flood.make_room(8_000);
        }
    }
    flood.end().await;
}
