//! What was said while nobody listened is waited for, and what was heard is not.

use birdcall::engine::Hold;
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use serde_json::json;

use super::over_time::{at, firings, one};
use super::{ORBL, rule};
use crate::kit::story::{START, Story, content, meta, token};

fn quiet() -> Story {
    Story::new(&rule("quiet", "wait = \"4s\"\n[rule.when]\nhandle = \"kol\"\nnone = [{ token = true }]"))
}

fn connected_at(ms: i64) -> Hold {
    Hold::Before(Timestamp::from_millis(START + ms))
}

#[test]
fn while_nobody_listens_no_wait_ends_and_when_all_was_fetched_each_does() {
    let mut story = quiet();
    story.at(0, &content("1", "kol", "gm"));
    story.at(0, &content("2", "kol", "gm too"));
    assert_eq!(story.hold(Hold::Everything).tick(60_000), [""; 0]);
    assert_eq!(story.hold(connected_at(61_000)).tick(62_000), [""; 0]);
    let found = meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0)]}));
    assert_eq!(story.now_from(Origin::Backfill).at(63_000, &found), [""; 0], "it was said meanwhile");
    assert_eq!(story.hold(Hold::Nothing).tick(63_000), ["quiet"], "of the other one it is known now");
    assert_eq!(story.tick(120_000), [""; 0]);
}

#[test]
fn what_came_live_since_the_connection_is_not_held_by_what_is_still_to_be_fetched() {
    let mut story = quiet();
    story.at(0, &content("1", "kol", "before"));
    story.hold(Hold::Everything);
    story.tick(10_000);
    story.hold(connected_at(10_000));
    story.now_from(Origin::Backfill).at(10_500, &content("2", "kol", "missed"));
    story.now_from(Origin::Live).at(11_000, &content("3", "kol", "live"));
    assert_eq!(story.tick(14_999), [""; 0]);
    assert_eq!(story.tick(15_000), ["quiet"], "the live one alone");
    assert_eq!(story.tick(100_000), [""; 0]);
    assert_eq!(story.hold(Hold::Nothing).tick(100_000), ["quiet", "quiet"]);
}

#[test]
fn a_connection_that_is_lost_again_holds_what_came_over_it_too() {
    let mut story = quiet();
    story.hold(connected_at(0)).at(1_000, &content("1", "kol", "gm"));
    assert_eq!(story.hold(Hold::Everything).tick(6_000), [""; 0]);
    assert_eq!(story.hold(connected_at(7_000)).tick(8_000), [""; 0]);
    assert_eq!(story.hold(Hold::Nothing).tick(8_000), ["quiet"]);
}

#[test]
fn an_envelope_of_a_held_tweet_does_not_end_its_wait_either() {
    let mut story = quiet();
    story.at(0, &content("1", "kol", "gm"));
    story.hold(Hold::Everything).tick(5_000);
    story.hold(connected_at(5_000));
    let edited = crate::kit::story::update("1", &json!({"text": "gm!"}));
    assert_eq!(story.now_from(Origin::Backfill).at(6_000, &edited), [""; 0]);
    assert_eq!(story.at(6_100, &meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0)]}))), [""; 0]);
    assert_eq!(story.hold(Hold::Nothing).tick(60_000), [""; 0], "a token was said meanwhile");
}

#[test]
fn the_wait_of_what_was_fetched_ends_as_soon_as_it_is_heard_live_too() {
    let mut story = quiet();
    story.hold(connected_at(0)).now_from(Origin::Backfill).at(500, &content("1", "kol", "gm"));
    assert_eq!(story.tick(10_000), [""; 0], "its meta may have been missed");
    assert_eq!(story.now_from(Origin::Live).at(11_000, &content("1", "kol", "gm")), [""; 0]);
    assert_eq!(story.tick(11_000), ["quiet"]);
    assert_eq!(story.hold(Hold::Nothing).tick(100_000), [""; 0]);
}

#[test]
fn what_history_brings_at_another_try_is_not_too_late_for_a_window_as_long_as_it_may_come() {
    let rule = "when = { keyword = \"gm\" }\nwindow = { type = \"count\", within = \"15m\", at_least = 2 }";
    let told_of = |owed: bool| {
        let mut engine = one(rule);
        let minute = |minute: i64| Timestamp::from_millis(START + minute * 60_000);
        at(&mut engine, 0, &content("0", "nobody", "hm"));
        engine.hold_at(Hold::Everything, (minute(1), minute(1)));
        engine.hold_at(Hold::Nothing, (minute(60), minute(60)));
        engine.owe(owed.then(|| minute(1)));
        let mut fired = 0;
        for (id, minutes) in [("1", 10), ("2", 12)] {
            let mut old = content(id, "kol", "gm");
            old["d"]["createdAt"] = json!(START + minutes * 60_000);
            fired += firings(&at(&mut engine, 61 * 60_000, &old));
        }
        fired
    };
    assert_eq!((told_of(true), told_of(false)), (1, 0));
}
