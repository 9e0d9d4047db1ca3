//! The clock here is not the feed's: what the feed dates is as old as it is, and no older and no younger.

use birdcall::engine::Effect;
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

use super::rule;
use crate::kit::story::{START, Story, content, of_tweet};

const HOUR: i64 = 3_600_000;

/// The deliveries that go out, each by when it must have been sent, in ms after the start.
fn until(effects: Vec<Effect>) -> Vec<i64> {
    let of = |effect| match effect {
        Effect::Deliver(delivery) => Some(delivery.expires_at.as_millis() - START),
        _ => None,
    };
    effects.into_iter().filter_map(of).collect()
}

fn follow(id: &str) -> Value {
    json!({"v": 1, "t": "account", "op": "follow", "ts": START, "d": {"kind": "FOLLOW", "eventId": id, "observedAt": START,
        "actor": {"handle": "kol"}, "target": {"handle": "orbit"}}})
}

#[test]
fn what_the_feed_dates_is_aged_by_the_feeds_clock() {
    let rules = rule("any", "on = [\"tweet\", \"delete\", \"follow\"]\nmax_age = \"10m\"\nwhen = { handle = \"kol\" }");
    // (the clock here is so far ahead, the envelope came so long after it was dated, it is sent)
    for (ours, old, sent) in [
        (0, 1_000, true),
        (0, HOUR, false),
        (HOUR, 1_000, true),
        (HOUR, HOUR, false),
        (-HOUR, 1_000, true),
        (-HOUR, HOUR, false),
        (40_000 * 24 * HOUR, 1_000, true),
        (-20_000 * 24 * HOUR, 1_000, true),
        (-20_000 * 24 * HOUR, HOUR, false),
    ] {
        let mut story = Story::new(&rules);
        story.feed_is_ahead(-ours);
        let expected = if sent { vec![ours + 600_000] } else { vec![] };
        for (n, envelope) in [content("1", "kol", "gm"), of_tweet("delete", "1", &json!({})), follow("f1")].iter().enumerate() {
            let found = until(story.all(ours + old, envelope));
            // The deletion is dated a millisecond later than the rest.
            let expected: Vec<_> = expected.iter().map(|at| at + i64::from(n == 1)).collect();
            assert_eq!(found, expected, "{ours} {old} {envelope}");
        }
    }
}

#[test]
fn without_a_word_on_clocks_what_lies_ahead_is_as_old_as_its_arrival() {
    let mut story = Story::new(&rule("any", "max_age = \"10m\"\nwhen = { handle = \"kol\" }"));
    assert_eq!(until(story.all(-HOUR, &content("1", "kol", "gm"))), [600_000 - HOUR]);
    assert_eq!(Timestamp::from_millis(i64::MAX).shifted(1), Timestamp::from_millis(i64::MAX));
}

#[test]
fn a_rule_on_age_asks_how_old_it_was_by_the_feeds_clock() {
    let rules = rule("fresh", "when = { handle = \"kol\", age = { below = \"1m\" } }");
    for (ours, old, fires) in [(0, 1_000, true), (HOUR, 1_000, true), (HOUR, 120_000, false), (-HOUR, 120_000, false)] {
        let mut story = Story::new(&rules);
        let fired = story.feed_is_ahead(-ours).at(ours + old, &content("1", "kol", "gm"));
        assert_eq!(!fired.is_empty(), fires, "{ours} {old}");
    }
}
