//! What windows had to forget for want of room is said at the end of a replay, by rule.

use serde_json::json;

use super::{START, content};
use crate::kit::binary::Home;

#[test]
fn what_a_window_of_any_type_had_to_forget_is_said_at_the_end_of_a_replay() {
    let step = "steps = [{ keyword = \"gm\" }, { keyword = \"gn\" }]";
    for (window, words) in [
        ("type = \"count\", at_least = 2", "had to forget 6 matches for want of room, the oldest of busy keys"),
        (
            "type = \"distinct\", of = \"author\", at_least = 2",
            "had to forget 6 matches for want of room, the oldest of busy keys",
        ),
        (
            &*format!("type = \"sequence\", {step}"),
            "had to forget 6 matches for want of room, the oldest of keys with more than 64",
        ),
        ("type = \"count\", at_least = 2, per = \"author\", max_keys = 69", "had to forget 1 key for want of room"),
        ("type = \"count\", at_least = 2, per = \"author\"", ""),
    ] {
        let when = if window.contains("steps") { "" } else { "when = { keyword = \"gm\" }\n" };
        let home = Home::with_rules(&format!(
            "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"busy\"\nsend = [\"out\"]\n{when}window = {{ {window}, within = \"1h\" }}\n"
        ));
        let line = |n: i64| {
            let envelope = content(n * 1_000, &n.to_string(), &format!("kol{n}"), "gm");
            json!({ "at": START + n * 1_000, "origin": "live", "envelope": envelope }).to_string()
        };
        home.write("story.jsonl", &(1..=70).map(line).collect::<Vec<_>>().join("\n"));
        let (code, _, said) = home.run(&["replay", "--file", "story.jsonl"]);
        assert_eq!(code, 0, "{said}");
        let is_said =
            if words.is_empty() { !said.contains("forget") } else { said.contains(&format!("the window of busy {words}")) };
        assert!(is_said, "{window}: {said}");
    }
}
