//! A clock that was put right while a run lasted: what that run wrote is judged by the right one, by every run after it.

use birdcall::journal::{AttemptRow, GapRow, GapState, RedeliverRow};
use birdcall::model::time::Uptime;

use super::*;

const HOUR: i64 = 3_600_000;

/// A run that begins at `now` with `told`, and whose clock is then put right by `by` milliseconds.
async fn run(home: &Home, now: Timestamp, by: i64, told: impl FnOnce(&Journal)) {
    let clock = Clock::starting_at(now);
    let (journal, writer) = journal::open(home.path(), home.settings, clock.clone()).unwrap();
    let open = Open { journal, writer: std::thread::spawn(writer) };
    told(&open.journal);
    open.flush().await;
    clock.set_wall_ahead(by);
    open.journal.alive(now, true);
    open.journal.redelivered(RedeliverRow { id: 999, expires_at: now });
    open.flush().await;
    open.close();
}

fn attempt(n: i64) -> AttemptRow {
    AttemptRow {
        firing: firing(n).id,
        action: "desk".into(),
        number: 1,
        at: at(n),
        verdict: "delivered",
        answer: String::new(),
        took: Duration::from_millis(10),
        not_before: None,
    }
}

#[tokio::test]
async fn what_a_run_wrote_before_its_clock_was_put_right_is_judged_by_the_right_one_over_several_runs() {
    let home = Home::new();
    // An hour behind, put right; then a right one; then one that was ten minutes ahead, and two right ones.
    run(&home, at(0), HOUR, |journal| {
        journal.record(record(0, &["desk", "order"]));
        journal.attempted(attempt(0));
        journal.ended(EndRow { at: at(20), ..end(0, "desk", delivered()) });
    })
    .await;
    run(&home, at(HOUR + 1_000), 0, |journal| journal.record(record(HOUR + 1_000, &["order"]))).await;
    let ahead = HOUR + 2_000 + 600_000;
    run(&home, at(ahead), -600_000, |journal| journal.record(record(ahead, &["order"]))).await;
    for n in [HOUR + 3_000, HOUR + 4_000] {
        run(&home, at(n), 0, |journal| journal.record(record(n, &["order"]))).await;
    }
    let now = at(HOUR + 5_000);
    let mut reader = home.reader();
    reader.put_right(now).unwrap();
    let fired: Vec<_> = all(&mut reader).iter().map(|row| row.firing.at.as_millis() - at(0).as_millis()).collect();
    assert_eq!(fired, [HOUR + 1, HOUR + 1, HOUR + 1_000, HOUR + 2_001, HOUR + 3_000, HOUR + 4_000]);
    let mut entered = Vec::new();
    reader.recent(at(HOUR), 100, |entry| entered.push(entry.at.as_millis() - at(0).as_millis())).unwrap();
    assert_eq!(entered, [HOUR + 1, HOUR + 1_000, HOUR + 2_001, HOUR + 3_000, HOUR + 4_000]);
    assert_eq!(reader.fired_before(at(HOUR + 3_000), 9).unwrap(), [firing(0).id], "those that may be later are not");
    let newest = [firing(HOUR + 3_000).id, firing(HOUR + 4_000).id];
    assert_eq!(
        (reader.fired_before(at(3 * HOUR), 9).unwrap().len(), reader.fired_before(at(3 * HOUR), 2).unwrap()),
        (5, newest.to_vec())
    );
    let requests = reader.requests_since(at(HOUR), now, 100).unwrap();
    assert_eq!(requests.iter().map(|one| one.begun).collect::<Vec<_>>(), [at(HOUR + 1)]);
    assert_eq!(reader.sent_since("desk", at(HOUR), now).unwrap(), 1);
    assert_eq!(reader.sent_and_ended_since("desk", at(HOUR), 9).unwrap(), [(1, at(HOUR + 21), false)]);
}

#[tokio::test]
async fn only_the_newest_of_many_runs_are_kept() {
    let home = Home::new();
    for n in 0..40 {
        run(&home, at(n * 1_000), HOUR, |journal| journal.record(record(n * 1_000, &["desk"]))).await;
    }
    let mut reader = home.reader();
    reader.put_right(at(2 * HOUR)).unwrap();
    let rows = all(&mut reader);
    let right = rows.iter().rev().take_while(|row| row.firing.at > at(HOUR - 1)).count();
    assert_eq!((rows.len(), right), (40, 17));
    let database = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    let cursors: u32 = database.query_row("SELECT count(*) FROM cursors", (), |row| row.get(0)).unwrap();
    assert!(cursors < 150, "{cursors}");
}

#[tokio::test]
async fn how_far_the_clock_was_moved_between_two_runs_is_known_while_the_machine_was_on() {
    let home = Home::new();
    run(&home, at(0), 0, |journal| journal.record(record(0, &["order"]))).await;
    let up = |boot, ms| Some(Uptime { boot, ms });
    let moved = |uptime, now| home.reader().moved_since(uptime, now).unwrap();
    assert_eq!(moved(up(7, 60_000), at(HOUR)), 0, "a clock that is moved by hand says nothing of the machine");
    let set = "UPDATE cursors SET value = CASE name WHEN 'boot' THEN 7 ELSE 50000 END WHERE name IN ('boot', 'uptime')";
    rusqlite::Connection::open(home.path().join("journal.db")).unwrap().execute(set, ()).unwrap();
    for by in [HOUR, -HOUR, 3_000, -3_000] {
        let found = moved(up(7, 60_000), at(10_000 + by));
        assert!((by - 500..=by).contains(&found), "{by}: {found}, as it was written some milliseconds after the start");
    }
    for (uptime, now) in [(up(7, 60_000), at(10_900)), (up(8, 60_000), at(HOUR)), (up(7, 40_000), at(HOUR)), (None, at(HOUR))] {
        assert_eq!(moved(uptime, now), 0, "{uptime:?} {now}");
    }
}

#[tokio::test]
async fn until_when_the_feed_was_heard_is_right_though_the_next_run_hears_nothing() {
    let home = Home::new();
    run(&home, at(0), HOUR, |_| {}).await;
    let heard = |now| {
        let mut reader = home.reader();
        reader.put_right(now).unwrap();
        reader.last_alive().unwrap()
    };
    let right = Some(at(HOUR + 1));
    assert_eq!(heard(at(HOUR + 1_000)), right);
    // The second one's clock is put right as well, which says nothing of what the first has heard.
    for (n, by) in [(HOUR + 1_000, 0), (HOUR + 2_000, -HOUR), (3_000, HOUR), (HOUR + 4_000, 0)] {
        let clock = Clock::starting_at(at(n));
        let (journal, writer) = journal::open(home.path(), home.settings, clock.clone()).unwrap();
        let open = Open { journal, writer: std::thread::spawn(writer) };
        open.journal.started();
        open.flush().await;
        clock.set_wall_ahead(by);
        open.journal.redelivered(RedeliverRow { id: 999, expires_at: at(n) });
        open.close();
        assert_eq!(heard(at(HOUR + 5_000)), right, "{n}");
    }
}

#[tokio::test]
async fn that_a_run_ended_in_order_holds_until_the_next_one_begins() {
    let home = Home::new();
    for ends_in_order in [true, false, true] {
        let (journal, writer) = journal::open(home.path(), home.settings, Clock::starting_at(at(0))).unwrap();
        let open = Open { journal, writer: std::thread::spawn(writer) };
        open.journal.started();
        if ends_in_order {
            open.journal.finished();
        }
        open.close();
        assert_eq!(home.reader().has_finished().unwrap(), ends_in_order);
    }
}

#[tokio::test]
async fn gaps_of_a_run_whose_clock_was_put_right_are_told_by_the_right_one() {
    let home = Home::new();
    run(&home, at(0), HOUR, |journal| {
        for n in [0, 5_000, 9_000] {
            journal.record(record(n, &["desk"]));
        }
        journal.gap(GapRow { from: at(1_000), to: at(4_000), state: GapState::Filled, why: String::new() });
    })
    .await;
    run(&home, at(2 * HOUR), 0, |journal| {
        journal.record(record(2 * HOUR, &["desk"]));
        let (from, to) = (at(2 * HOUR + 1_000), at(2 * HOUR + 2_000));
        journal.gap(GapRow { from, to, state: GapState::Filled, why: String::new() });
    })
    .await;
    let mut reader = home.reader();
    reader.put_right(at(2 * HOUR + 10_000)).unwrap();
    let gaps: Vec<_> = reader.gaps(9).unwrap().iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(gaps, [(at(2 * HOUR + 1_000), at(2 * HOUR + 2_000)), (at(HOUR + 1_001), at(HOUR + 4_001))]);
}

#[tokio::test]
async fn when_rules_fired_in_a_run_whose_clock_was_put_right_is_told_by_the_right_one() {
    let home = Home::new();
    // An hour behind, put right; then one that was ten minutes ahead; then a right one.
    run(&home, at(0), HOUR, |journal| [0, 5_000].into_iter().for_each(|n| journal.record(record(n, &["desk"])))).await;
    let ahead = HOUR + 60_000 + 600_000;
    run(&home, at(ahead), -600_000, |journal| journal.record(record(ahead, &["desk"]))).await;
    run(&home, at(HOUR + 90_000), 0, |journal| journal.record(record(HOUR + 90_000, &["desk"]))).await;
    let mut reader = home.reader();
    reader.put_right(at(HOUR + 100_000)).unwrap();
    let mut fired = |since| -> Vec<_> {
        reader.fired_live(at(since)).unwrap().into_iter().map(|of| of.as_millis() - at(0).as_millis()).collect()
    };
    assert_eq!(fired(0), [HOUR + 1, HOUR + 5_001, HOUR + 60_001, HOUR + 90_000]);
    assert_eq!(fired(HOUR + 5_000), [HOUR + 5_001, HOUR + 60_001, HOUR + 90_000]);
}
