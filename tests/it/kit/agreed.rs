//! Whether a running program's counts agree: each with itself, and all of them with the journal, which is counted here anew.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use super::binary::{Home, wait_until};

/// The counts of the running program agree with themselves and with the journal, as soon as the journal has been written.
pub(crate) fn agreed(home: &Home) {
    agreed_after(home, 0);
}

/// As [`agreed`], after so many deliveries were sent again by `redeliver`: those were begun twice and have one row.
pub(crate) fn agreed_after(home: &Home, redelivered: u64) {
    let wrong = RefCell::new(Vec::new());
    let agrees = || {
        *wrong.borrow_mut() = disagreements(home, redelivered);
        wrong.borrow().is_empty()
    };
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| wait_until("the counts agree", agrees)));
    assert!(told.is_ok(), "the counts do not agree: {:#?}", wrong.borrow());
}

const STATES: [&str; 5] = ["delivered", "suppressed", "expired", "dead", "unknown"];

fn disagreements(home: &Home, redelivered: u64) -> Vec<String> {
    let status = home.status();
    let mut rows: BTreeMap<(String, String, &str), u64> = BTreeMap::new();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    for row in home.deliveries(&[]) {
        let state = STATES.into_iter().find(|state| row["state"] == *state).unwrap_or("pending");
        // What ended in an earlier run is not counted by this one.
        if state == "pending" || text(&row, "ended_at") >= text(&status, "started_at") {
            *rows.entry((text(&row, "rule"), text(&row, "action"), state)).or_default() += 1;
        }
    }
    let mut wrong = Vec::new();
    if status["agree"] != true {
        wrong.push("it says so itself".to_owned());
    }
    let (mut matched, all) = (0, rows.values().sum::<u64>());
    for count in status["counts"].as_array().unwrap() {
        let number = |value: &Value| value.as_u64().unwrap();
        let suppressed: u64 = count["suppressed"].as_object().unwrap().values().map(number).sum();
        let mut sum = 0;
        for state in STATES.into_iter().chain(["pending"]) {
            let here = if state == "suppressed" { suppressed } else { number(&count[state]) };
            let there = rows.remove(&(text(count, "rule"), text(count, "action"), state)).unwrap_or_default();
            // What was sent again has left the state it had.
            let fits = if matches!(state, "delivered" | "pending") { here == there } else { there <= here };
            if !fits {
                wrong.push(format!("{there} rows are {state}: {count}"));
            }
            sum += here;
        }
        if sum != number(&count["matched"]) {
            wrong.push(format!("its parts are {sum}: {count}"));
        }
        matched += number(&count["matched"]);
    }
    if !rows.is_empty() {
        wrong.push(format!("nobody counts {rows:?}"));
    }
    if matched != all + redelivered {
        wrong.push(format!("{matched} were begun, {redelivered} of them again, and the journal has {all}: {}", status["counts"]));
    }
    wrong
}
