//! What a replay gives back of cooldowns, as a run does.

use std::sync::Arc;

use birdcall::decode;
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use birdcall::replay::Replay;
use birdcall::rules::{self, Source};

use super::{ACTIONS, START, content};

#[test]
fn what_an_action_has_no_room_for_in_its_day_begins_no_cooldown() {
    let rule = "[[rule]]\nname = \"gm\"\ncooldown = \"10m\"\nsend = [\"bot\"]\nwhen = { keyword = \"gm\" }\n";
    let text = format!("{ACTIONS}max_per_day = 1\n{rule}");
    let rules = Arc::new(rules::load(&[Source::rules("rules.toml", text)]).ruleset.unwrap());
    // From the first on, and of what is not told as it fired before.
    for (from, ends) in [(None, [1, 2, 1]), (Some(12), [0, 1, 0])] {
        let from = from.map(|minute: i64| Timestamp::from_millis(START + minute * 60_000));
        let mut replay = Replay::new(Arc::clone(&rules), from);
        for (n, minute) in [0, 5, 11, 12].into_iter().enumerate() {
            let text = content(minute * 60_000, &n.to_string(), "kol", "gm").to_string();
            let at = Timestamp::from_millis(START + minute * 60_000);
            replay.entry(&decode::decode(&text).unwrap(), at, Origin::Live, |_| {});
        }
        let of = replay.summary().rules[0].ends;
        assert_eq!([of.orders, of.max_per_day, of.cooldown], ends, "{from:?}");
    }
}
