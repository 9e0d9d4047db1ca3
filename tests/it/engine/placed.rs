//! When a window counts a match: when it is known which token it is of, and where it belongs in time, whenever it came.

use birdcall::engine::Hold;
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use serde_json::json;

use super::over_time::{Step, at, firings, one, step, told};
use super::{ORBL, OTHER};
use crate::kit::story::{START, content, meta, token};

#[test]
fn a_symbol_is_counted_when_it_is_known_whether_it_has_a_contract() {
    let mut engine =
        one("when = { token = true }\nwindow = { type = \"count\", per = \"token\", within = \"10m\", at_least = 1 }");
    assert_eq!(firings(&at(&mut engine, 0, &content("1", "kol", "$DOGE"))), 0, "it may be any DOGE");
    assert_eq!(firings(&at(&mut engine, 300, &meta("1", &json!({"tokens": [token("DOGE", ORBL, 0.5)]})))), 1);
    assert_eq!(firings(&at(&mut engine, 1_000, &content("2", "kol", OTHER))), 1, "a contract is a contract");
    at(&mut engine, 2_000, &content("3", "kol", "$ORBL"));
    let settled = told(step(&mut engine, &Step { at: 17_000, entry: None }));
    assert_eq!(firings(&settled), 1, "nothing more comes: it is known by its symbol");
}

#[test]
fn what_came_while_nobody_listened_is_put_where_it_belongs_and_fakes_nothing() {
    let rule = "when = { keyword = \"gm\" }\nwindow = { type = \"distinct\", of = \"author\", within = \"15m\", at_least = 3 }";
    let old = |id: &str, handle: &str, minutes: i64| {
        let mut envelope = content(id, handle, "gm");
        envelope["d"]["createdAt"] = json!(START + minutes * 60_000);
        envelope
    };
    let told_of = |minutes: [i64; 3]| {
        let mut engine = one(rule);
        at(&mut engine, 0, &content("0", "nobody", "hm"));
        engine.hold(Hold::Everything);
        step(&mut engine, &Step { at: 180 * 60_000, entry: None });
        engine.hold(Hold::Before(Timestamp::from_millis(START + 180 * 60_000)));
        let mut all = Vec::new();
        for (minutes, handle) in minutes.into_iter().zip(["a", "b", "c"]) {
            let envelope = old(handle, handle, minutes);
            all.extend(step(&mut engine, &Step { at: 180 * 60_000, entry: Some((envelope, Origin::Backfill)) }));
        }
        firings(&told(all))
    };
    assert_eq!(told_of([10, 70, 130]), 0, "an hour apart, fetched together");
    assert_eq!(told_of([100, 105, 110]), 1, "together, an hour ago");
    assert_eq!(told_of([110, 100, 105]), 1, "in whatever order");
}
