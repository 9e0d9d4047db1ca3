//! Two rule sets over the same past.

use super::{ACTIONS, content, lines};
use crate::kit::binary::Home;

fn rules(keyword: &str) -> String {
    format!(
        "{ACTIONS}\n[[rule]]\nname = \"listing\"\nsend = [\"desk\"]\nwhen = {{ keyword = [{keyword}] }}\n\
         [[rule]]\nname = \"all\"\nsend = [\"desk\"]\nwhen = {{ handle = \"binance\" }}\n"
    )
}

#[test]
fn what_only_one_of_them_fires_is_told_and_what_both_do_is_counted() {
    let home = Home::with_rules(&rules("\"will list\", \"spot\""));
    home.write("old.toml", &rules("\"will list\", \"roadmap\""));
    let words = ["will list A", "spot B", "roadmap C", "nothing D"];
    let tweets: Vec<_> = words.iter().zip(1..).map(|(text, n)| content(n * 1_000, &n.to_string(), "binance", text)).collect();
    home.write("feed.jsonl", &lines(&tweets));
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--compare", "old.toml", "--json"]);
    let compared = &summary["compared"];
    let subjects =
        |side: &str| -> Vec<_> { compared[side].as_array().unwrap().iter().map(|told| told["subject"].clone()).collect() };
    assert_eq!((subjects("appear"), subjects("disappear")), (vec!["tweet:2".into()], vec!["tweet:3".into()]), "{compared:#}");
    assert_eq!((&compared["both"], &compared["not_compared"]), (&5.into(), &0.into()));
    let (code, out, _) = home.run(&["replay", "--file", "feed.jsonl", "--compare", "old.toml"]);
    assert_eq!(code, 0);
    assert!(out.contains("Firings compared with those of the old rules: 1 new, 1 gone, 5 the same"), "{out}");
    let signs: Vec<_> = out.lines().filter(|line| line.starts_with(['+', '-'])).map(|line| &line[line.len() - 1..]).collect();
    assert_eq!(signs, ["B", "C"], "{out}");
    let same = home.json(&["replay", "--file", "feed.jsonl", "--compare", "rules.toml", "--json"]);
    assert_eq!((&same["compared"]["both"], &same["compared"]["appear"]), (&6.into(), &serde_json::json!([])));
}

#[test]
fn a_cooldown_that_holds_back_less_is_seen_in_what_is_sent() {
    let of = |cooldown: &str| {
        format!(
            "{ACTIONS}\n[[rule]]\nname = \"all\"\ncooldown = \"{cooldown}\"\nsend = [\"desk\"]\nwhen = {{ handle = \"binance\" }}\n"
        )
    };
    let home = Home::with_rules(&of("1s"));
    home.write("old.toml", &of("10m"));
    let tweets: Vec<_> = (1..=3).map(|n| content(n * 60_000, &n.to_string(), "binance", "gm")).collect();
    home.write("feed.jsonl", &lines(&tweets));
    let arguments = ["replay", "--file", "feed.jsonl", "--compare", "old.toml"];
    let compared = home.json(&[&arguments[..], &["--json"]].concat())["compared"].clone();
    let counts = ["both", "appear", "disappear", "held", "released"]
        .map(|name| compared[name].as_array().map_or_else(|| compared[name].as_u64().unwrap(), |of| of.len() as u64));
    assert_eq!(counts, [3, 0, 0, 0, 2], "{compared:#}");
    let (_, out, _) = home.run(&arguments);
    assert!(out.contains("0 new, 0 gone, 3 the same, of which 0 are held back now and 2 are sent now"), "{out}");
    let (_, out, _) = home.run(&["replay", "old.toml", "--file", "feed.jsonl", "--list"]);
    assert_eq!(out.lines().filter(|line| line.ends_with("gm  [cooldown]")).count(), 2, "{out}");
}
