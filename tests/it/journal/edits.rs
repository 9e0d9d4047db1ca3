//! How messages were edited: of each the latest word, with the delivery that sent it.

use birdcall::journal::{EditRow, RedeliverRow, StoredEdit};
use birdcall::model::limits::EDITS_KEPT;

use super::*;

fn edit(n: i64, ms: i64, says: Result<i64, &str>) -> EditRow {
    let says = says.map(|n| Arc::new(body(n))).map_err(str::to_owned);
    EditRow { firing: firing(n).id, action: "desk".into(), at: at(ms), says }
}

/// How often each was edited, when last, what it says of these, and why it was given up.
type Told = Option<(u64, Timestamp, Vec<i64>, Option<String>)>;

/// Of each delivery, the oldest first.
fn told(home: &Home) -> Vec<Told> {
    let says = |edit: &StoredEdit| (0..10).filter(|n| edit.says(&body(*n))).collect();
    let edit = |edit: StoredEdit| (edit.times, edit.at, says(&edit), edit.why);
    all(&mut home.reader()).into_iter().map(|row| row.edit.map(edit)).collect()
}

/// Messages that have arrived.
fn sent(open: &Open, count: i64) {
    for n in 1..=count {
        open.journal.record(record(n, &["desk"]));
        open.journal.ended(end(n, "desk", delivered()));
    }
}

#[tokio::test]
async fn a_message_is_told_with_its_latest_edit_and_what_it_says_by_it() {
    let home = Home::new();
    let open = home.open();
    sent(&open, 4);
    for row in
        [edit(1, 60, Ok(7)), edit(2, 61, Ok(7)), edit(1, 62, Ok(8)), edit(3, 63, Err("HTTP 404")), edit(2, 64, Err("down"))]
    {
        open.journal.edited(row);
    }
    open.flush().await;
    let of = |times, ms, says: &[i64], why: Option<&str>| Some((times, at(ms), says.to_vec(), why.map(str::to_owned)));
    let first = [of(2, 62, &[8], None), of(1, 64, &[], Some("down")), of(0, 63, &[], Some("HTTP 404")), None];
    assert_eq!(told(&home), first);
    open.journal.edited(edit(3, 65, Ok(9)));
    open.close();
    assert_eq!(told(&home)[2], of(1, 65, &[9], None), "it could be edited after all");
}

#[tokio::test]
async fn what_is_sent_again_by_hand_is_another_message_that_nobody_has_edited() {
    let home = Home::new();
    let open = home.open();
    sent(&open, 2);
    open.journal.edited(edit(1, 60, Ok(7)));
    open.journal.edited(edit(2, 60, Ok(7)));
    open.journal.redelivered(RedeliverRow { id: 1, expires_at: at(900_000) });
    open.journal.ended(end(1, "desk", delivered()));
    open.close();
    assert!(matches!(told(&home).as_slice(), [None, Some(_)]), "{:?}", told(&home));
}

#[tokio::test]
async fn of_many_edits_the_latest_are_kept_and_all_are_taken_over_from_a_damaged_journal() {
    let home = Home::new();
    let open = home.open();
    let count = i64::try_from(EDITS_KEPT).unwrap() + 1_200;
    for n in 1..=count {
        open.journal.record(Record { deliveries: vec![delivery(n, "desk")], ..Record::default() });
        open.journal.ended(end(n, "desk", delivered()));
        open.journal.edited(edit(n, 60, Ok(7)));
        if n % 500 == 0 {
            open.flush().await;
        }
    }
    open.close();
    let kept = |home: &Home| told(home).iter().map(Option::is_some).collect::<Vec<_>>();
    let before = kept(&home);
    let some = before.iter().filter(|is_some| **is_some).count();
    assert!((EDITS_KEPT..EDITS_KEPT + 512).contains(&some), "{some}");
    assert!(before.iter().rev().take(EDITS_KEPT).all(|is_some| *is_some), "it is the oldest that are forgotten");
    // The first page, where the tables are named.
    let path = home.path().join("journal.db");
    let mut file = std::fs::read(&path).unwrap();
    file[..16].fill(b'x');
    std::fs::write(&path, file).unwrap();
    home.open().close();
    let after = kept(&home);
    assert!(after.iter().filter(|is_some| **is_some).count() >= EDITS_KEPT && home.is_sound());
}
