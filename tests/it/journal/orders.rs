//! An order's intent is on disk before its first byte leaves, or it is refused with the reason.

use birdcall::journal::State;

use super::*;

#[tokio::test]
async fn what_was_begun_is_on_disk_as_sending_with_its_body_and_all_before_it() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk"]));
    open.journal.begin(record(2, &["order"]), key(2, "order"), at(3)).await.unwrap();
    let mut reader = home.reader();
    let found = all(&mut reader);
    let states = found.iter().map(|row| (row.state, row.sent_at, row.body.clone()));
    assert_eq!(states.collect::<Vec<_>>(), [(State::Pending, None, Some(body(1))), (State::Sending, Some(at(3)), Some(body(2)))]);
    assert_eq!(entries(&mut reader).len(), 2);
    open.close();
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
async fn one_that_is_sending_may_be_begun_again_and_keeps_its_first_time() {
    let home = Home::new();
    let open = home.open();
    open.journal.begin(record(1, &["order"]), key(1, "order"), at(1)).await.unwrap();
    open.journal.begin(Record::default(), key(1, "order"), at(900)).await.unwrap();
    assert_eq!(home.reader().unfinished().unwrap()[0].sent_at, Some(at(1)));
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
    assert_eq!(journal.health().unrecorded, 4, "two intents, a flush and a count");
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
