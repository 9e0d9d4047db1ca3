//! An order's intent is on disk before its first byte leaves, or it is refused with the reason.

use birdcall::journal::{RedeliverRow, State};

use super::*;

#[tokio::test]
async fn what_was_begun_is_on_disk_as_sending_with_its_body() {
    let home = Home::new();
    let open = home.open();
    open.journal.begin(record(2, &["order", "desk"]), key(2, "order"), at(3)).await.unwrap();
    let mut reader = home.reader();
    let found = all(&mut reader);
    let states = found.iter().map(|row| (row.state, row.sent_at, row.body.clone()));
    assert_eq!(states.collect::<Vec<_>>(), [(State::Sending, Some(at(3)), Some(body(2))), (State::Pending, None, Some(body(2)))]);
    let fired = reader.fired(10).unwrap();
    let ahead = reader.ahead(&fired).unwrap().len();
    let expected = if fired.is_empty() { 2 } else { 0 };
    assert_eq!(ahead, expected, "known to have been begun, whether its firing is written yet or not: {fired:?}");
    open.close();
}

#[tokio::test]
async fn what_an_intent_overtakes_is_written_all_the_same() {
    let home = Home::new();
    let open = home.open();
    for n in 0..200 {
        open.journal.record(record(n * 2, &["desk"]));
        open.journal.begin(record(n * 2 + 1, &["order"]), key(n * 2 + 1, "order"), at(n)).await.unwrap();
    }
    open.flush().await;
    let mut reader = home.reader();
    assert_eq!(entries(&mut reader).into_iter().map(|(at, _)| at).collect::<Vec<_>>(), (0..400).map(at).collect::<Vec<_>>());
    assert_eq!(all(&mut reader).len(), 400);
    let fired = reader.fired(400).unwrap();
    assert_eq!(fired, (0..400).map(|n| firing(n).id).collect::<Vec<_>>());
    open.close();
}

/// As a crash leaves it that comes between the two commits.
#[tokio::test]
async fn an_order_whose_firing_was_not_written_is_known_to_have_been_begun() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(0, &["desk"]));
    open.journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap();
    open.close();
    let connection = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    assert_eq!(connection.execute("DELETE FROM firings WHERE firing = ?1", [firing(1).id.to_string()]).unwrap(), 1);
    drop(connection);
    let mut reader = home.reader();
    let fired = reader.fired(10).unwrap();
    assert_eq!(fired, [firing(0).id]);
    assert_eq!(reader.ahead(&fired).unwrap(), [(firing(1).id, "order".to_owned())]);
}

#[tokio::test]
async fn an_intent_of_a_delivery_that_is_not_to_be_sent_is_refused() {
    let home = Home::new();
    let open = home.open();
    let none = open.journal.begin(Record::default(), key(1, "order"), at(1)).await.unwrap_err();
    assert!(none.0.contains("no such delivery"), "{none}");
    open.journal.record(record(1, &["order"]));
    let other = open.journal.begin(Record::default(), key(1, "other"), at(1)).await.unwrap_err();
    assert!(other.0.contains("no such delivery"), "{other}");
    open.journal.ended(end(1, "order", delivered()));
    let ended = open.journal.begin(Record::default(), key(1, "order"), at(1)).await.unwrap_err();
    assert!(ended.0.contains("still to be sent"), "{ended}");
    open.close();
}

#[tokio::test]
async fn one_that_is_sending_is_begun_again_only_if_it_may_be_sent_twice_and_keeps_its_first_time() {
    let home = Home::new();
    let open = home.open();
    open.journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap();
    let twice = open.journal.begin(Record::default(), key(1, "order"), at(800)).await.unwrap_err();
    assert!(twice.0.contains("begun already"), "{twice}");
    let told_again = open.journal.begin(record(1, &["order"]), key(1, "order"), at(800)).await.unwrap_err();
    assert!(told_again.0.contains("begun already"), "{told_again}");
    let idempotent = BeginKey { once: false, ..key(1, "order") };
    open.journal.begin(Record::default(), idempotent, at(900)).await.unwrap();
    assert_eq!(home.reader().unfinished().unwrap()[0].sent_at, Some(at(1)));
    // A person's word makes it pending, and then once again.
    open.journal.ended(end(1, "order", Outcome::Unknown { reason: "no answer".to_owned() }));
    let id = {
        open.flush().await;
        all(&mut home.reader())[0].id
    };
    open.journal.redelivered(RedeliverRow { id, expires_at: at(9_000) });
    open.journal.begin(Record::default(), key(1, "order"), at(1_000)).await.unwrap();
    assert!(open.journal.begin(Record::default(), key(1, "order"), at(1_001)).await.is_err());
    open.close();
}

#[tokio::test]
async fn one_that_has_not_left_after_all_is_pending_again_and_can_be_begun_again() {
    let home = Home::new();
    let open = home.open();
    open.journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap();
    open.journal.begin(record(2, &["order"]), key(2, "order"), at(2)).await.unwrap();
    open.journal.ended(end(1, "order", Outcome::Abandoned));
    open.close();
    let open = home.open();
    let unfinished = home.reader().unfinished().unwrap();
    let found: Vec<_> = unfinished.iter().map(|row| (row.state, row.sent_at)).collect();
    assert_eq!(found, [(State::Pending, Some(at(1))), (State::Sending, Some(at(2)))]);
    open.journal.begin(Record::default(), key(1, "order"), at(900)).await.unwrap();
    assert_eq!(home.reader().unfinished().unwrap()[0].state, State::Sending);
    open.journal.ended(end(1, "order", delivered()));
    open.journal.ended(end(1, "order", Outcome::Abandoned));
    open.flush().await;
    assert_eq!(all(&mut home.reader())[0].state, State::Delivered, "what has ended stays so");
    open.close();
}

#[tokio::test]
async fn a_delivery_told_twice_is_one_row_with_the_first_body() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["order"]));
    let again = DeliveryRow { body: Some(Arc::new(body(99))), ..delivery(1, "order") };
    open.journal.record(Record { deliveries: vec![again.clone()], ..Record::default() });
    open.close();
    let open = home.open();
    open.journal.record(Record { deliveries: vec![again], ..Record::default() });
    assert_eq!(open.journal.pending().await, 1);
    assert_eq!(home.reader().unfinished().unwrap().iter().map(|row| row.body.clone()).collect::<Vec<_>>(), [Some(body(1))]);
    open.close();
}

#[tokio::test]
async fn without_a_writer_an_order_is_refused_and_nobody_waits() {
    let home = Home::new();
    let (journal, writer) = journal::open(home.path(), home.settings, Clock::starting_at(at(0))).unwrap();
    let waiting = journal.begin(record(1, &["order"]), key(1, "order"), at(1));
    drop(writer);
    for begun in [waiting, journal.begin(record(2, &["order"]), key(2, "order"), at(1))] {
        assert!(begun.await.unwrap_err().0.contains("writer has ended"));
    }
    assert!(!journal.flush().await);
    assert_eq!(journal.pending().await, 0);
    assert!(journal.health().degraded.unwrap().contains("writer has ended"));
    assert_eq!(journal.health().unrecorded, 5, "two intents, what the first had overtaken, a flush and a count");
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_held_refuses_an_order_in_time_and_leaves_its_intent_out() {
    let home = Home::new();
    let (journal, writer) = journal::open(home.path(), home.settings, Clock::starting_at(at(0))).unwrap();
    let began = tokio::time::Instant::now();
    let refused = journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap_err();
    assert!(refused.0.contains("did not take it within 2 s"), "{refused}");
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    let thread = std::thread::spawn(writer);
    drop(journal);
    thread.join().unwrap();
    let found = home.reader().unfinished().unwrap();
    assert_eq!(found.iter().map(|row| row.state).collect::<Vec<_>>(), [State::Pending], "its record is kept, its intent is not");
}

#[tokio::test]
async fn many_intents_at_once_are_all_answered_and_all_there() {
    let home = Home::new();
    let open = home.open();
    let begun: Vec<_> = (0..500).map(|n| open.journal.begin(record(n, &["order"]), key(n, "order"), at(n))).collect();
    for begun in begun {
        begun.await.unwrap();
    }
    let found = home.reader().unfinished().unwrap();
    assert_eq!(found.len(), 500);
    assert!(found.iter().all(|row| row.state == State::Sending));
    open.close();
}

#[tokio::test]
async fn in_power_mode_an_intent_is_there_too() {
    let home = Home::with(Settings { sync: Sync::Power, ..Settings::default() });
    let open = home.open();
    open.journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap();
    assert_eq!(home.reader().unfinished().unwrap()[0].state, State::Sending);
    open.close();
}

#[tokio::test]
async fn the_log_has_its_length_before_the_first_order_and_keeps_what_is_in_it_over_a_kill() {
    let home = Home::new();
    let open = home.open();
    open.flush().await;
    let long = std::fs::metadata(home.path().join("journal.db-wal")).unwrap().len();
    assert!(long >= 8 * 1024 * 1024, "{long}");
    open.journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap();
    assert_eq!(std::fs::metadata(home.path().join("journal.db-wal")).unwrap().len(), long, "an order makes no file longer");
    // As a kill leaves it: the files as they are.
    let copy = Home::new();
    for name in ["journal.db", "journal.db-wal"] {
        std::fs::copy(home.path().join(name), copy.path().join(name)).unwrap();
    }
    open.close();
    let open = copy.open();
    assert_eq!(open.journal.pending().await, 1);
    assert_eq!(copy.reader().unfinished().unwrap()[0].body, Some(body(1)));
    open.close();
    assert!(copy.is_sound());
}

/// What is pending is held against what should be at the moment at which it was asked.
#[tokio::test]
async fn a_count_tells_of_nothing_that_came_after_it_was_asked_for_whether_that_overtakes_it_or_not() {
    let home = Home::new();
    let (journal, writer) = journal::open(home.path(), home.settings, Clock::starting_at(at(0))).unwrap();
    for n in 0..10 {
        journal.record(record(n, &["desk"]));
    }
    let pending = journal.pending();
    let begun: Vec<_> = (10..13).map(|n| journal.begin(record(n, &["order"]), key(n, "order"), at(n))).collect();
    journal.ended(end(0, "desk", delivered()));
    journal.record(record(20, &["desk", "order"]));
    let later = journal.pending();
    let writer = std::thread::spawn(writer);
    assert_eq!((pending.await, later.await), (10, 10 + 3 - 1 + 2));
    for begun in begun {
        begun.await.unwrap();
    }
    drop(journal);
    writer.join().unwrap();
}
