//! What was told is read back as it was told.

use birdcall::journal::{AttemptRow, GapRow, GapState, RedeliverRow, State};
use birdcall::model::delivery::Suppression;
use birdcall::rules::ruleset::NOTICES;

use super::*;

#[tokio::test]
async fn a_record_is_read_back_with_all_its_parts() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk", "order"]));
    open.flush().await;
    let mut reader = home.reader();
    assert_eq!(entries(&mut reader), [(at(1), text(1))]);
    assert_eq!(reader.fired(10).unwrap(), [firing(1).id]);
    let found = all(&mut reader);
    assert_eq!(found, reader.unfinished().unwrap());
    let told = found.iter().map(|row| (row.id, &*row.action, row.trading, row.state, row.expires_at));
    let expires = at(600_001);
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(1, "desk", false, State::Pending, expires), (2, "order", true, State::Pending, expires)]
    );
    for row in &found {
        assert_eq!((&row.firing, row.body.as_ref()), (&firing(1), Some(&body(1))));
    }
    open.close();
    assert!(home.is_sound());
}

#[tokio::test]
async fn every_outcome_is_a_state_with_its_words() {
    let cases = [
        (delivered(), State::Delivered, None, None, true),
        (
            Outcome::Delivered { receipt: Receipt::of_answer(204, None).unwrap(), form: Form::Digest },
            State::Delivered,
            None,
            Some("digest"),
            true,
        ),
        (Outcome::Suppressed { reason: Suppression::Disarmed }, State::Suppressed, Some("disarmed"), None, false),
        (Outcome::Expired, State::Expired, None, None, false),
        (
            Outcome::Dead { reason: "404 '); DROP TABLE deliveries; --".to_owned() },
            State::Dead,
            Some("404 '); DROP TABLE deliveries; --"),
            None,
            false,
        ),
        (
            Outcome::Unknown { reason: "no answer\0\u{1b}[2J".to_owned() },
            State::Unknown,
            Some("no answer\0\u{1b}[2J"),
            None,
            true,
        ),
        (Outcome::Abandoned, State::Pending, None, None, false),
    ];
    let home = Home::new();
    let open = home.open();
    for (n, (outcome, ..)) in (0..).zip(&cases) {
        open.journal.record(record(n, &["desk"]));
        open.journal.ended(EndRow { attempts: 0, ..end(n, "desk", outcome.clone()) });
    }
    open.flush().await;
    let found = all(&mut home.reader());
    for (row, (_, state, why, form, sent)) in found.iter().zip(&cases) {
        assert_eq!((row.state, row.why.as_deref(), row.form.as_deref(), row.sent_at.is_some()), (*state, *why, *form, *sent));
        assert_eq!(row.ended_at.is_some(), !state.is_unfinished());
    }
    assert_eq!((found.len(), open.journal.pending().await), (cases.len(), 1));
    open.close();
}

#[tokio::test]
async fn a_delivery_may_end_as_it_is_told() {
    let home = Home::new();
    let open = home.open();
    let paper = DeliveryRow { outcome: Some(Outcome::Suppressed { reason: Suppression::Paper }), ..delivery(1, "order") };
    open.journal.record(Record { deliveries: vec![paper], ..record(1, &[]) });
    assert_eq!(open.journal.pending().await, 0);
    let query = Query { suppressed: Some("paper".to_owned()), bodies: true, ..Query::default() };
    let found = home.reader().deliveries(&query).unwrap();
    assert_eq!(found.iter().map(|row| (row.state, row.body.clone())).collect::<Vec<_>>(), [(State::Suppressed, Some(body(1)))]);
    open.close();
}

#[tokio::test]
async fn hostile_text_is_kept_to_the_letter() {
    let home = Home::new();
    let open = home.open();
    let hostile = "'; DELETE FROM entries; --\0\u{202e}\"\n%s {} \u{fffd}\u{10ffff}";
    let brief = FiringBrief { rule: hostile.into(), subject: hostile.to_owned(), ..FiringBrief::clone(&firing(1)) };
    let row = DeliveryRow { firing: Arc::new(brief.clone()), ..delivery(1, hostile) };
    let row_entry = EntryRow { text: hostile.as_bytes().to_vec().into(), ..entry(1, true) };
    open.journal.record(Record {
        entry: Some(row_entry),
        firings: vec![Arc::new(brief.clone())],
        deliveries: vec![row],
        ..Record::default()
    });
    open.flush().await;
    let mut reader = home.reader();
    assert_eq!(entries(&mut reader), [(at(1), hostile.to_owned())]);
    for query in [
        Query { rule: Some(hostile.to_owned()), ..Query::default() },
        Query { action: Some(hostile.to_owned()), ..Query::default() },
        Query::default(),
    ] {
        let found = reader.deliveries(&query).unwrap();
        assert_eq!(found.iter().map(|row| (&*row.firing, &*row.action)).collect::<Vec<_>>(), [(&brief, hostile)]);
    }
    open.close();
}

#[tokio::test]
async fn of_however_many_entries_come_at_once_each_is_there_in_its_place() {
    for count in [1, 15, 16, 17, 31, 32, 33, 100, 1_000] {
        let home = Home::new();
        let open = home.open();
        for n in 0..count {
            // Others stand between them.
            let record =
                if n % 7 == 3 { record(n, &["desk"]) } else { Record { entry: Some(entry(n, false)), ..Record::default() } };
            open.journal.record(record);
        }
        open.flush().await;
        let mut reader = home.reader();
        assert_eq!(entries(&mut reader), (0..count).map(|n| (at(n), text(n))).collect::<Vec<_>>(), "{count}");
        assert_eq!(reader.damaged(), 0);
        open.close();
        assert!(home.is_sound());
    }
}

#[tokio::test]
async fn a_query_narrows_by_each_of_its_parts() {
    let home = Home::new();
    let open = home.open();
    for n in 1..=6 {
        open.journal.record(record(n, &[if n % 2 == 0 { "desk" } else { "order" }]));
        if n > 3 {
            open.journal.ended(end(n, if n % 2 == 0 { "desk" } else { "order" }, Outcome::Dead { reason: "404".to_owned() }));
        }
    }
    open.flush().await;
    let mut reader = home.reader();
    let mut ids = |query: Query| reader.deliveries(&query).unwrap().iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(Query::default()), [6, 5, 4, 3, 2, 1]);
    assert_eq!(ids(Query { at_most: 2, ..Query::default() }), [6, 5]);
    assert_eq!(ids(Query { states: vec![State::Dead], ..Query::default() }), [6, 5, 4]);
    assert_eq!(ids(Query { states: vec![State::Dead, State::Pending], since: Some(at(3)), ..Query::default() }), [6, 5, 4, 3]);
    assert_eq!(ids(Query { action: Some("desk".to_owned()), ..Query::default() }), [6, 4, 2]);
    assert_eq!(ids(Query { ids: vec![2, 5, 99], ..Query::default() }), [5, 2]);
    assert_eq!(ids(Query { firings: vec![firing(3).id], action: Some("order".to_owned()), ..Query::default() }), [3]);
    assert!(ids(Query { rule: Some("dog".to_owned()), ..Query::default() }).is_empty());
    open.close();
}

#[tokio::test]
async fn attempts_gaps_cursors_and_the_switch_are_kept() {
    let home = Home::new();
    let open = home.open();
    let mut reader = {
        open.flush().await;
        home.reader()
    };
    assert_eq!((reader.switch().unwrap(), reader.last_alive().unwrap()), (None, None));
    open.journal.record(record(1, &["desk"]));
    for number in [1, 2] {
        let (verdict, answer, took) = ("retry", "503 '".to_owned(), Duration::from_millis(70));
        let (firing, action, at) = (firing(1).id, "desk".into(), at(i64::from(number)));
        open.journal.attempted(AttemptRow { firing, action, number, at, verdict, answer, took, not_before: None });
    }
    for state in [GapState::Open, GapState::Filled] {
        open.journal.gap(GapRow { from: at(1), to: at(2), state, why: state.name().to_owned() });
    }
    open.journal.gap(GapRow { from: at(5), to: at(6), state: GapState::Unavailable, why: "the plan has none".to_owned() });
    open.journal.set_switch(false, "by hand", at(3));
    open.journal.alive(at(7), true);
    open.flush().await;
    let attempts = reader.attempts(1).unwrap();
    assert_eq!(
        attempts.iter().map(|one| (one.number, &*one.verdict, &*one.answer)).collect::<Vec<_>>(),
        [(1, "retry", "503 '"), (2, "retry", "503 '")]
    );
    assert_eq!(
        reader.gaps(9).unwrap().iter().map(|gap| (gap.from, gap.state)).collect::<Vec<_>>(),
        [(at(5), GapState::Unavailable), (at(1), GapState::Filled)]
    );
    let switch = reader.switch().unwrap().unwrap();
    assert_eq!((switch.armed, &*switch.why, switch.at), (false, "by hand", at(3)));
    open.journal.set_switch(true, "by hand", at(8));
    open.journal.alive(at(9), false);
    open.close();
    assert!(reader.switch().unwrap().unwrap().armed);
    assert_eq!(reader.last_alive().unwrap(), Some(at(9)), "the last word is written at the end");
}

#[tokio::test]
async fn recent_entries_come_oldest_first_even_when_the_clock_jumped() {
    let home = Home::new();
    let open = home.open();
    let jumped = |n: i64, ms: i64| Record {
        entry: Some(EntryRow { at: Timestamp::from_millis(ms), ..entry(n, true) }),
        ..Record::default()
    };
    for (n, ms) in [(1, 1_000), (2, 2_000), (3, 4_102_444_800_000), (4, 0), (5, 3_000), (6, 4_000)] {
        open.journal.record(jumped(n, ms));
    }
    open.flush().await;
    let mut reader = home.reader();
    let mut recent = |since, at_most| {
        let mut found = Vec::new();
        let count = reader.recent(Timestamp::from_millis(since), at_most, |entry| found.push(entry.id)).unwrap();
        assert_eq!(count, found.len());
        found
    };
    assert_eq!(recent(2_000, 100), [2, 3, 5, 6]);
    assert_eq!(recent(2_000, 3), [3, 5, 6], "the newest, in the order in which they came");
    assert_eq!(recent(i64::MIN, 100), [1, 2, 3, 4, 5, 6]);
    assert!(recent(i64::MAX, 100).is_empty());
    open.close();
}

#[tokio::test]
async fn what_was_kept_over_midnight_counts_for_the_day_on_which_it_fired() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk", "order"]));
    for action in ["desk", "order"] {
        open.journal.ended(end(1, action, delivered()));
    }
    open.flush().await;
    let mut reader = home.reader();
    let mut sent = |action, since| reader.sent_since(action, at(since), at(99)).unwrap();
    assert_eq!((sent("desk", 1), sent("desk", 2)), (1, 0), "it fired at 1 and was sent at 51");
    assert_eq!((sent("order", 1), sent("order", 2)), (1, 1), "nothing keeps an order");
    open.close();
}

#[tokio::test]
async fn what_no_digest_has_told_of_is_what_came_to_its_end_unsent_since_the_last_one() {
    let overflow = Outcome::Suppressed { reason: Suppression::Overflow };
    let digest = Outcome::Delivered { receipt: Receipt::of_answer(204, None).unwrap(), form: Form::Digest };
    let home = Home::new();
    let open = home.open();
    let ends = [
        Outcome::Expired,
        digest,
        Outcome::Expired,
        overflow,
        delivered(),
        Outcome::Suppressed { reason: Suppression::Muted },
        Outcome::Dead { reason: "no".to_owned() },
    ];
    for (n, outcome) in (0..).zip(&ends) {
        open.journal.record(record(n, &["desk", "order"]));
        open.journal.ended(end(n, "desk", outcome.clone()));
        open.journal.ended(end(n, "order", Outcome::Expired));
    }
    open.flush().await;
    let mut reader = home.reader();
    let mut untold = |action, since| -> Vec<i64> {
        let found = reader.untold(action, at(since)).unwrap();
        found.iter().map(|row| row.firing.at.as_millis() - at(0).as_millis()).collect()
    };
    assert_eq!(untold("desk", 0), [2, 3], "the digest came at 51");
    assert_eq!(untold("desk", 53), [3], "none that is older than is asked for");
    assert_eq!(untold("order", 0), [0, 1, 2, 3, 4, 5, 6], "of which there was no digest");
    assert_eq!(untold("none", 0), [0_i64; 0]);
    open.close();
}

#[tokio::test]
async fn what_was_sent_is_counted_per_action_and_time() {
    let home = Home::new();
    let open = home.open();
    for n in 0..4 {
        open.journal.record(record(n, &["order", "desk"]));
    }
    for n in 0..2 {
        open.journal.begin(Record::default(), key(n, "order"), at(n)).await.unwrap();
    }
    open.journal.ended(end(0, "order", delivered()));
    open.journal.ended(EndRow { attempts: 0, ..end(2, "order", Outcome::Expired) });
    open.journal.ended(end(3, "desk", delivered()));
    open.journal.ended(end(2, "desk", Outcome::Dead { reason: "refused".to_owned() }));
    // A notice is none of them.
    let mut notice = record(5, &["desk"]);
    let firing =
        Arc::new(FiringBrief { rule: NOTICES.into(), id: FiringId::of(NOTICES, "notice:gap", ""), ..(*firing(5)).clone() });
    notice.firings = vec![Arc::clone(&firing)];
    notice.deliveries.iter_mut().for_each(|row| row.firing = Arc::clone(&firing));
    open.journal.record(notice);
    open.journal.ended(EndRow { firing: firing.id, ..end(5, "desk", delivered()) });
    open.flush().await;
    let mut reader = home.reader();
    assert_eq!(reader.sent_since("order", at(0), at(9)).unwrap(), 2, "delivered, and on its way");
    assert_eq!(reader.sent_since("order", at(1), at(9)).unwrap(), 1, "by when it was begun");
    assert_eq!(reader.sent_since("desk", at(0), at(9)).unwrap(), 2, "delivered, and refused");
    assert_eq!(reader.sent_since("none", at(0), at(9)).unwrap(), 0);
    open.close();
    // The clock was set back: one of the two was sent in what is now the future, and counts for a day of the journal's own time.
    let sent = |reader: &mut Reader| reader.sent_since("order", at(0), at(0)).unwrap();
    assert_eq!(sent(&mut home.reader()), 2);
    let database = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    // The journal makes a mark of its own, when it comes to that.
    database.execute("DELETE FROM marks", ()).unwrap();
    database.execute("INSERT INTO marks VALUES (7, 0, 1000, 1000, 1000, 1000)", ()).unwrap();
    for (lived, counts) in [(86_400_006, 2), (86_400_007, 1)] {
        database.execute("INSERT OR REPLACE INTO cursors VALUES ('lived', ?1)", [lived]).unwrap();
        assert_eq!(sent(&mut home.reader()), counts, "{lived}");
    }
}

#[tokio::test]
async fn requests_are_found_by_when_they_were_over_and_what_has_none_by_its_end() {
    let home = Home::new();
    let open = home.open();
    let request = |n: i64, action: &str, begun: i64| AttemptRow {
        firing: firing(n).id,
        action: action.into(),
        number: 1,
        at: at(begun),
        verdict: "delivered",
        answer: String::new(),
        took: Duration::from_millis(10),
        not_before: None,
    };
    for n in 0..4 {
        open.journal.record(record(n, &["order", "desk"]));
    }
    // A clock that was set back for a while.
    for (n, action, begun) in [(0, "desk", 80), (0, "order", 95), (1, "desk", 7_000), (1, "order", 20), (2, "desk", 101)] {
        open.journal.attempted(request(n, action, begun));
    }
    for n in 0..3 {
        open.journal.ended(end(n, "desk", delivered()));
    }
    open.journal.ended(EndRow { attempts: 0, ..end(3, "desk", Outcome::Expired) });
    open.flush().await;
    let mut reader = home.reader();
    let mut since = |ms: i64, at_most: usize| {
        let found = reader.requests_since(at(ms), at(10_000), at_most).unwrap();
        found
            .iter()
            .map(|one| (one.action.clone(), one.begun.as_millis() - at(0).as_millis(), one.took.as_millis()))
            .collect::<Vec<_>>()
    };
    let (desk, order) = (|begun| ("desk".to_owned(), begun, 10), |begun| ("order".to_owned(), begun, 10));
    assert_eq!(since(105, 100), [desk(101), desk(7_000), order(95)]);
    assert_eq!(since(105, 2), [desk(101)], "of the newest two");
    assert_eq!(since(112, 100), [desk(7_000)]);
    assert_eq!(since(8_000, 100), []);
    // The clock is right again: what seems later than now was over when the next one was, or is of now.
    let mut by = |now: i64| {
        let found = reader.requests_since(at(25), at(now), 100).unwrap();
        found.iter().map(|one| (one.action.clone(), one.over().as_millis() - at(0).as_millis())).collect::<Vec<_>>()
    };
    let (desk, order) = (|over| ("desk".to_owned(), over), |over| ("order".to_owned(), over));
    assert_eq!(by(6_000), [desk(111), order(30), desk(30), order(105), desk(90)]);
    assert_eq!(by(100), [desk(100), order(30), desk(30), order(30), desk(90)]);
    // One damaged number hides none of the others.
    let database = rusqlite::Connection::open(home.path().join("journal.db")).unwrap();
    database.execute("INSERT INTO attempts VALUES (1 << 40, 1, 1, 0, 'x', '', 0, NULL)", ()).unwrap();
    database.execute("INSERT INTO firings VALUES (1 << 40, 'x', 'x', 'x', 0, 0)", ()).unwrap();
    assert_eq!(reader.requests_since(at(25), at(6_000), 100).unwrap().len(), 5);
    assert_eq!(reader.fired(3).unwrap(), [firing(2).id, firing(3).id]);
    let all = all(&mut reader);
    let ended = reader.sent_and_ended_since("desk", at(0), 100).unwrap();
    assert_eq!(ended.len(), 3, "what was never sent is not there: {ended:?}");
    for (id, ended_at, _) in &ended {
        assert!(all.iter().any(|row| row.id == *id && row.ended_at == Some(*ended_at) && &*row.action == "desk"));
    }
    assert_eq!(reader.sent_and_ended_since("desk", at(0), 2).unwrap().len(), 2);
    assert_eq!(reader.sent_and_ended_since("order", at(0), 100).unwrap(), [], "on its way");
    open.close();
}

#[tokio::test]
async fn a_dead_delivery_is_pending_again_with_a_new_end() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk"]));
    open.journal.ended(end(1, "desk", Outcome::Dead { reason: "404".to_owned() }));
    open.journal.redelivered(RedeliverRow { id: 1, expires_at: at(9_000_000) });
    assert_eq!(open.journal.pending().await, 1);
    let mut reader = home.reader();
    let found = reader.unfinished().unwrap();
    assert_eq!(found.iter().map(|row| (row.id, row.expires_at, row.why.clone())).collect::<Vec<_>>(), [(1, at(9_000_000), None)]);
    assert_eq!(found[0].body, Some(body(1)));
    open.journal.ended(end(1, "desk", delivered()));
    assert_eq!(open.journal.pending().await, 0);
    let found = all(&mut reader);
    assert_eq!(found.iter().map(|row| (row.state, row.attempts)).collect::<Vec<_>>(), [(State::Delivered, 2)]);
    open.close();
}

#[tokio::test]
async fn what_is_pending_is_counted_as_it_was_when_that_was_asked_whenever_the_answer_is_awaited() {
    let home = Home::new();
    let open = home.open();
    open.journal.record(record(1, &["desk"]));
    let counted = open.journal.pending();
    assert!(open.journal.flush().await);
    open.journal.record(record(2, &["desk"]));
    assert!(open.journal.flush().await);
    assert_eq!(counted.await, 1);
    open.close();
}

#[tokio::test]
async fn a_second_run_goes_on_where_the_first_stopped() {
    let home = Home::new();
    for run in 0..3 {
        let open = home.open_at(at(run * 1_000));
        assert_eq!(open.journal.pending().await, u64::try_from(run).unwrap(), "one of each run is left");
        open.journal.record(record(2 * run, &["desk"]));
        open.journal.record(record(2 * run + 1, &["desk"]));
        open.journal.ended(end(2 * run + 1, "desk", delivered()));
        open.close();
    }
    let mut reader = home.reader();
    assert_eq!(all(&mut reader).iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(reader.fired(4).unwrap(), [2, 3, 4, 5].map(|n| firing(n).id), "the newest, oldest first");
    assert_eq!(reader.unfinished().unwrap().len(), 3);
    let open = home.open();
    open.journal.ended(end(0, "desk", delivered()));
    assert_eq!(open.journal.pending().await, 2, "an end finds its row of an earlier run");
    open.close();
}
