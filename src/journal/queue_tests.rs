//! What goes first, and what must not.

use super::*;
use crate::journal::rows::EntryRow;
use crate::model::delivery::{Form, Receipt};
use crate::model::firing::{FiringBrief, Origin};
use crate::model::ids::FiringId;

fn at(n: i64) -> Timestamp {
    Timestamp::from_millis(n)
}

fn firing(n: i64) -> Arc<FiringBrief> {
    let (rule, subject) = ("doge", format!("tweet:{n}"));
    Arc::new(FiringBrief { id: FiringId::of(rule, &subject, ""), rule: rule.into(), subject, at: at(n), late: false })
}

fn key(n: i64) -> BeginKey {
    BeginKey { firing: firing(n).id, action: "order".into(), once: true }
}

fn record(n: i64) -> Record {
    let delivery = DeliveryRow {
        firing: firing(n),
        action: "order".into(),
        trading: true,
        expires_at: at(n + 1),
        body: None,
        fallback: None,
        line: None,
        outcome: None,
    };
    let entry = EntryRow { at: at(n), origin: Origin::Live, matched: true, text: "{}".into() };
    Record { entry: Some(entry), firings: vec![firing(n)], deliveries: vec![delivery], ..Record::default() }
}

fn begin(queue: &Queue, record: Record, n: i64) -> oneshot::Receiver<Result<(), Unrecorded>> {
    let (answer, answered) = oneshot::channel();
    queue.push(Item::Begin { record, key: key(n), at: at(n), answer });
    answered
}

fn end(n: i64) -> Item {
    let outcome =
        crate::model::delivery::Outcome::Delivered { receipt: Receipt::of_answer(200, None).unwrap(), form: Form::Message };
    Item::End(EndRow { firing: firing(n).id, action: "order".into(), outcome, attempts: 1, at: at(n) })
}

/// A batch, as letters: what it holds, in order.
fn taken(queue: &Queue) -> Vec<String> {
    let batch = queue.next(Duration::ZERO, false, Some(Most { items: 1_000, bytes: usize::MAX }));
    let name = |record: &Record| {
        let entry = record.entry.as_ref().map(|entry| format!("entry {}", entry.at.as_millis()));
        let rows = record.deliveries.iter().map(|row| format!("delivery {}", row.firing.at.as_millis()));
        entry.into_iter().chain(rows).collect::<Vec<_>>().join(", ")
    };
    let item = |item: &Item| match item {
        Item::Record(record) => name(record),
        Item::Begin { record, .. } => format!("begin [{}]", name(record)),
        Item::End(row) => format!("end {}", row.at.as_millis()),
        other => format!("{other:?}"),
    };
    batch.items.iter().map(item).collect()
}

#[test]
fn an_intent_overtakes_what_waits_with_its_deliveries_alone() {
    let queue = Queue::default();
    queue.push(Item::Record(record(1)));
    let _answered = begin(&queue, record(2), 2);
    queue.push(Item::Record(record(3)));
    assert_eq!(taken(&queue), ["begin [delivery 2]"]);
    assert_eq!(taken(&queue), ["entry 1, delivery 1", "entry 2", "entry 3, delivery 3"]);
    assert_eq!(queue.len(), 0);
}

#[test]
fn several_intents_go_in_one_commit_even_of_one_record() {
    let queue = Queue::default();
    let _first = begin(&queue, record(1), 1);
    let _second = begin(&queue, Record::default(), 1);
    let _third = begin(&queue, record(2), 2);
    assert_eq!(taken(&queue), ["begin [delivery 1]", "begin []", "begin [delivery 2]"]);
    assert_eq!(taken(&queue), ["entry 1", "entry 2"]);
}

#[test]
fn an_intent_overtakes_nothing_that_concerns_its_delivery() {
    for before in [Item::Record(record(1)), end(1), Item::Redeliver(RedeliverRow { id: 7, expires_at: at(9) })] {
        let (queue, name) = (Queue::default(), format!("{before:?}"));
        queue.push(before);
        let _answered = begin(&queue, Record::default(), 1);
        let taken = taken(&queue);
        assert_eq!(taken.len(), 2, "{name}: {taken:?}");
        assert_eq!(taken[1], "begin []", "{name}");
    }
}

#[test]
fn orders_that_never_end_do_not_keep_the_rest_from_being_written() {
    let queue = Queue::default();
    queue.push(Item::Record(record(1)));
    let mut before = 0;
    loop {
        let _answered = begin(&queue, record(2), 2);
        let taken = taken(&queue);
        assert_eq!(taken[0], "begin [delivery 2]", "the rest is never before an intent that waits");
        if taken.len() > 1 {
            assert_eq!(taken[1], "entry 1, delivery 1");
            break;
        }
        before += 1;
        assert!(before < 100, "it is still not written");
    }
    assert!(before > 1, "orders go first");
}

/// A chat may answer while the intent that its delivery is written with still waits.
#[test]
fn an_end_is_never_written_before_the_intent_that_its_delivery_came_with() {
    let (queue, mut all, mut answers) = (Queue::default(), Vec::new(), Vec::new());
    for n in 0..100 {
        answers.push(begin(&queue, record(n), n));
        queue.push(end(n));
        if n % 3 > 0 {
            all.extend(taken(&queue));
        }
    }
    while queue.len() > 0 {
        all.extend(taken(&queue));
    }
    for n in 0..100 {
        let place = |what: String| all.iter().position(|item| *item == what).unwrap();
        assert!(place(format!("begin [delivery {n}]")) < place(format!("end {n}")), "{n}: {all:?}");
    }
}

#[test]
fn what_was_refused_is_kept_before_what_it_would_have_overtaken() {
    let queue = Queue::default();
    queue.push(Item::Record(record(1)));
    let mut answered = begin(&queue, record(2), 2);
    queue.refuse("the disk is full", 0);
    assert!(answered.try_recv().unwrap().is_err());
    assert_eq!(taken(&queue), ["delivery 2", "entry 1, delivery 1", "entry 2"]);
}

fn count(queue: &Queue) -> oneshot::Receiver<u64> {
    let (answer, answered) = oneshot::channel();
    queue.push(Item::Count { answer, begun: 0 });
    answered
}

/// What is there by the end of a batch that was taken out and that is not to be counted.
fn not_counted(batch: &Batch) -> Option<u64> {
    match batch.items.last() {
        Some(Item::Count { begun, .. }) => Some(*begun),
        _ => None,
    }
}

#[test]
fn a_count_is_the_last_of_its_batch_and_knows_how_many_intents_have_overtaken_it() {
    let (queue, most) = (Queue::default(), Most { items: 1_000, bytes: usize::MAX });
    let mut answers = vec![begin(&queue, record(1), 1)];
    let _counted = count(&queue);
    // One of a delivery that is written already, and two that come with theirs.
    answers.push(begin(&queue, Record::default(), 2));
    answers.push(begin(&queue, record(3), 3));
    let express = queue.next(Duration::ZERO, false, Some(most));
    assert_eq!((express.items.len(), express.express, not_counted(&express)), (3, 3, None));
    answers.push(begin(&queue, record(4), 4));
    let express = queue.next(Duration::ZERO, false, Some(most));
    assert_eq!((express.items.len(), not_counted(&express)), (1, None));
    queue.push(Item::Record(record(5)));
    let rest = queue.next(Duration::ZERO, false, Some(most));
    assert_eq!((rest.items.len(), not_counted(&rest)), (2, Some(2)), "the entry of the first, and the count");
    let _counted = count(&queue);
    let rest = queue.next(Duration::ZERO, false, Some(most));
    assert_eq!((rest.items.len(), not_counted(&rest)), (4, Some(0)), "the rest of two orders, a record and the count");
}

#[test]
fn nobody_is_waited_for_any_more_once_what_they_wait_for_is_taken_out() {
    let (queue, most) = (Queue::default(), Most { items: 2, bytes: usize::MAX });
    queue.push(Item::Record(record(1)));
    let (answer, _answered) = oneshot::channel();
    queue.push(Item::Flush(answer));
    queue.push(Item::Record(record(2)));
    assert!(queue.is_urgent());
    // It is taken although only orders were asked for.
    let batch = queue.next(Duration::ZERO, false, Some(Most { items: 0, ..most }));
    assert_eq!((batch.urgent, batch.items.len()), (true, 2));
    assert!(!queue.is_urgent(), "although something waits still");
    let batch = queue.next(Duration::ZERO, false, Some(Most { items: 0, ..most }));
    assert_eq!((batch.urgent, batch.items.len()), (false, 0));
}

#[test]
fn a_batch_is_no_larger_than_the_log_may_grow_but_for_one_item() {
    let queue = Queue::default();
    for n in 0..10 {
        queue.push(Item::Record(record(n)));
    }
    let each = Item::Record(record(0)).log_bytes();
    let taken = |bytes| queue.next(Duration::ZERO, false, Some(Most { items: 1_000, bytes })).items.len();
    assert_eq!((taken(1), taken(3 * each), taken(3 * each + 1)), (1, 3, 4));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is looked at is real time")]
fn what_fills_a_batch_goes_at_once_and_what_does_not_waits_for_more() {
    let queue = Queue::default();
    let most = Most { items: 3, bytes: usize::MAX };
    // Longer than anybody waits for a test.
    let long = Duration::from_secs(3_600);
    for n in 0..7 {
        queue.push(Item::Record(record(n)));
    }
    assert_eq!([(); 2].map(|()| queue.next(long, false, Some(most)).items.len()), [3, 3]);
    let began = std::time::Instant::now();
    let wait = Duration::from_millis(20);
    assert_eq!(queue.next(wait, false, Some(most)).items.len(), 1);
    assert!(began.elapsed() >= wait, "{:?}", began.elapsed());
}

#[test]
fn how_full_it_is_counts_what_waits_by_items_or_bytes_until_the_writer_has_taken_it() {
    let queue = Queue::default();
    for n in 1..JOURNAL_SHED_ITEMS as i64 / 2 {
        queue.push(end(n));
    }
    assert_eq!((queue.filled(), queue.taken()), (7, 0));
    queue.push(end(0));
    assert_eq!(queue.filled(), 8);
    drop(queue.next(Duration::ZERO, false, None));
    assert_eq!((queue.filled(), queue.taken()), (8, 0), "a writer that only waits takes nothing");
    assert_eq!(taken(&queue).len(), JOURNAL_BATCH);
    assert_eq!((queue.filled(), queue.taken()), (7, 1));
    while !taken(&queue).is_empty() {}
    let turns = queue.taken();
    assert!(queue.filled() == 0 && taken(&queue).is_empty() && queue.taken() == turns, "nothing is no turn");

    let long = EntryRow { at: at(1), origin: Origin::Live, matched: false, text: "x".repeat(JOURNAL_SHED_BYTES / 2).into() };
    queue.push(Item::Record(Record { entry: Some(long), ..Record::default() }));
    assert_eq!(queue.filled(), 8, "few that are large are as many that are small");
    queue.abandon();
    assert_eq!(queue.filled(), 0, "where nobody writes, nobody is waited for");
}

#[test]
fn an_intent_is_awaited_until_the_writer_has_taken_it() {
    let queue = Queue::default();
    queue.push(end(1));
    assert!(!queue.is_awaited());
    let _answer = begin(&queue, record(2), 2);
    assert!(queue.is_awaited());
    drop(taken(&queue));
    assert!(!queue.is_awaited());
}
