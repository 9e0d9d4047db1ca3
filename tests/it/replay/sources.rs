//! Where the past comes from, and what of it is told.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{ACTIONS, START, content, lines, meta, record, rule};
use crate::kit::binary::Home;

const RULES: &str = r#"
[[rule]]
name = "listing"
send = ["desk", "bot"]
when = { handle = "binance", keyword = "will list" }
[[rule]]
name = "nothing-found"
send = ["desk"]
[rule.when]
handle = "binance"
none = [{ token = {} }]
[[rule]]
name = "never"
send = ["desk"]
when = { handle = "nobody" }
"#;

fn home() -> Home {
    Home::with_rules(&format!("{ACTIONS}{}", RULES.replace("token = {}", "token = { symbol = [\"DOGE\"] }")))
}

fn story() -> Vec<Value> {
    vec![
        content(0, "1", "binance", "Binance will list $DOGE"),
        meta(400, "1", "DOGE", 0.4),
        content(1_000, "2", "binance", "Binance will list nothing"),
        content(90_000, "3", "binance", "good morning"),
    ]
}

#[test]
fn a_file_is_replayed_with_its_waits_and_nothing_is_sent() {
    let home = home();
    home.write("feed.jsonl", &lines(&story()));
    // No secret is set: nothing that would need one is done.
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--json"]);
    assert_eq!((&summary["entries"], &summary["firings"]), (&4.into(), &4.into()), "{summary:#}");
    let listing = rule(&summary, "listing");
    assert_eq!(
        (&listing["firings"], &listing["ends"]["orders"], &listing["ends"]["messages"]),
        (&2.into(), &2.into(), &2.into())
    );
    assert_eq!((&listing["authors"], &listing["delay_p50_ms"]), (&1.into(), &200.into()));
    // Fired when the wait was over, and at the end of the file all are.
    assert_eq!(rule(&summary, "nothing-found")["firings"], 2);
    assert_eq!(rule(&summary, "nothing-found")["delay_p50_ms"], 15_200, "{summary:#}");
    let (code, out, said) = home.run(&["replay", "--file", "feed.jsonl"]);
    assert_eq!((code, said.as_str()), (0, ""));
    for words in
        ["4 entries from ", "4 firings of 3 rules; nothing was sent", "Never fired: never", "Firings in every 5 s", "RULE "]
    {
        assert!(out.contains(words), "{words}: {out}");
    }
}

#[test]
fn one_rule_alone_and_its_firings_one_a_line() {
    let home = home();
    home.write("feed.jsonl", &lines(&story()));
    let (code, out, _) = home.run(&["replay", "--file", "feed.jsonl", "--rule", "listing", "--list", "--json"]);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!((code, kinds.as_slice()), (0, ["firing", "firing", "summary"].as_slice()));
    assert_eq!((&rows[0]["rule"], &rows[0]["subject"], &rows[0]["late"]), (&"listing".into(), &"tweet:1".into(), &false.into()));
    let (_, words, _) = home.run(&["replay", "--file", "feed.jsonl", "--rule", "listing", "--list"]);
    assert!(words.lines().next().unwrap().contains("listing  @binance  Binance will list $DOGE"), "{words}");
    let (code, _, said) = home.run(&["replay", "--file", "feed.jsonl", "--rule", "listin"]);
    assert_eq!(code, 2);
    assert!(said.contains("did you mean \"listing\"?"), "{said}");
}

#[test]
fn prices_that_a_change_could_not_keep_are_told() {
    let window = "window = { type = \"change\", percent = 1, within = \"1h\" }\n";
    let rule = format!("[[rule]]\nname = \"rise\"\nsend = [\"desk\"]\nwhen = {{ token = \"DOGE\" }}\n{window}");
    let home = Home::with_rules(&format!("{ACTIONS}{rule}"));
    let price = |n: i64| {
        let id = n.to_string();
        [content(n * 1_000, &id, "kol", "$DOGE"), meta(n * 1_000 + 300, &id, "DOGE", 1.0 + n as f64 / 1_000.0)]
    };
    home.write("feed.jsonl", &lines(&(0..200).flat_map(price).collect::<Vec<_>>()));
    let (code, out, said) = home.run(&["replay", "--file", "feed.jsonl"]);
    assert!(code == 0 && out.contains("1 firing of 1 rule"), "{out}");
    assert!(said.contains("the window of rise had to forget 72 prices for want of room"), "{said}");
}

#[test]
fn standard_input_compressed_or_not_is_a_recording_too() {
    let home = home();
    let packed = zstd::encode_all(lines(&story()).as_bytes(), 3).unwrap();
    for input in [lines(&story()).into_bytes(), packed] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_birdcall"))
            .current_dir(home.path())
            .args(["replay", "--file", "-", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&input).unwrap();
        let output = child.wait_with_output().unwrap();
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &summary["firings"]), (Some(0), &4.into()));
    }
}

#[test]
fn a_folder_of_recordings_is_read_in_the_order_of_names() {
    let home = home();
    let story = story();
    std::fs::create_dir(home.path().join("feed")).unwrap();
    home.write("feed/feed-2.jsonl", &lines(&story[2..]));
    std::fs::write(home.path().join("feed/feed-1.jsonl.zst"), zstd::encode_all(lines(&story[..2]).as_bytes(), 3).unwrap())
        .unwrap();
    home.write("feed/notes.txt", "no recording");
    let (_, out, _) = home.run(&["replay", "--file", "feed", "--rule", "listing", "--list"]);
    let order: Vec<_> = out.lines().take(2).filter_map(|line| line.split_once("will list ")).map(|(_, what)| what).collect();
    assert_eq!(order, ["$DOGE", "nothing"], "{out}");
}

#[test]
fn what_came_late_is_told_and_nothing_is_ordered_on_it() {
    let home = home();
    let story = story();
    home.write("feed.jsonl", &(record(60_000, "backfill", &story[0]) + &record(61_000, "live", &story[2])));
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--json", "--rule", "listing"]);
    let listing = rule(&summary, "listing");
    assert_eq!((&summary["backfilled"], &listing["firings"], &listing["late"]), (&1.into(), &2.into(), &1.into()));
    // The one is late, and the other came a minute after it was written: both are too old for the bot.
    assert_eq!((&listing["ends"]["orders"], &listing["ends"]["expired"]), (&0.into(), &2.into()), "{listing:#}");
    assert_eq!((&listing["ends"]["messages"], &listing["delay_p50_ms"]), (&2.into(), &60_200.into()));
}

#[test]
fn lines_that_are_none_are_told_and_cost_no_other() {
    let home = home();
    let mut text = lines(&story());
    text.insert_str(0, "no json\n");
    home.write("feed.jsonl", &text);
    let (code, out, said) = home.run(&["replay", "--file", "feed.jsonl"]);
    assert_eq!(code, 0);
    assert!(out.contains("4 firings of 3 rules"), "{out}");
    assert!(said.contains("1 line is no entry and was left out (1 not_json)"), "{said}");
    assert!(said.contains("feed.jsonl: line 1: the frame is not JSON"), "{said}");
    let packed = zstd::encode_all(lines(&story()).as_bytes(), 3).unwrap();
    std::fs::write(home.path().join("cut.jsonl.zst"), &packed[..packed.len() - 8]).unwrap();
    let (code, _, said) = home.run(&["replay", "--file", "cut.jsonl.zst"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the file was cut off here"), "{said}");
}

#[test]
fn a_part_of_the_past_is_told_with_what_was_known_before_it() {
    let home = home();
    let story = story();
    home.write("feed.jsonl", &lines(&story));
    let written = |ms: i64| birdcall::model::time::Timestamp::from_millis(START + ms).to_string();
    let (from, to) = (written(500), written(60_000));
    let part = home.json(&["replay", "--file", "feed.jsonl", "--json", "--from", &from, "--to", &to]);
    assert_eq!((&part["entries"], &part["firings"]), (&1.into(), &2.into()), "{part:#}");
    // Tweet 1 has fired before; tweet 3 comes later.
    assert_eq!(rule(&part, "listing")["firings"], 1);
    assert_eq!(rule(&part, "nothing-found")["firings"], 1);
    let (code, _, said) = home.run(&["replay", "--file", "feed.jsonl", "--from", &to, "--to", &from]);
    assert_eq!(code, 2);
    assert!(said.contains("ends before it begins"), "{said}");
}

#[test]
fn what_cannot_be_read_is_named_and_an_empty_past_is_no_mistake() {
    let home = home();
    for (arguments, words) in [
        (["--file", "no-such.jsonl"], "no-such.jsonl: "),
        (["--file", "."], "the folder holds no recording (.jsonl, .jsonl.zst"),
        (["--last", "soon"], "--last: a time is written as an age"),
        (["--state", "nowhere"], "nowhere"),
    ] {
        let (code, out, said) = home.run(&[["replay"].as_slice(), &arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    home.write("empty.jsonl", "");
    let (code, out, _) = home.run(&["replay", "--file", "empty.jsonl"]);
    assert_eq!(code, 0);
    assert!(out.contains("There are no entries in the past that was asked for."), "{out}");
}

#[test]
fn no_more_than_a_day_may_have_is_counted_as_in_a_run() {
    let rules = format!("{ACTIONS}max_per_day = 2\n{RULES}").replace("token = {}", "token = { symbol = [\"DOGE\"] }");
    let home = Home::with_rules(&rules);
    let tweets: Vec<_> = (0..5).map(|n| content(n * 1_000, &n.to_string(), "binance", "Binance will list it")).collect();
    home.write("feed.jsonl", &lines(&tweets));
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--json", "--rule", "listing"]);
    let ends = &rule(&summary, "listing")["ends"];
    assert_eq!((&ends["orders"], &ends["max_per_day"]), (&2.into(), &3.into()), "{ends}");
    assert_eq!(summary["orders"].as_array().unwrap().len(), 2);
}

#[test]
fn files_of_a_folder_are_read_in_the_order_of_what_came_first_in_them() {
    let home = home();
    let story = story();
    std::fs::create_dir(home.path().join("feed")).unwrap();
    home.write("feed/feed-10.jsonl", &lines(&story[2..]));
    home.write("feed/feed-2.jsonl", &lines(&story[..2]));
    let (code, out, said) = home.run(&["replay", "--file", "feed", "--rule", "listing", "--list"]);
    let order: Vec<_> = out.lines().take(2).filter_map(|line| line.split_once("will list ")).map(|(_, what)| what).collect();
    assert_eq!((code, said.as_str(), order), (0, "", vec!["$DOGE", "nothing"]), "{out}");
}

#[test]
fn what_is_dated_wrongly_is_told() {
    let home = home();
    let story = story();
    let far = format!("{{\"at\":99999999999999,\"origin\":\"live\",\"envelope\":{}}}\n", story[0]);
    home.write("feed.jsonl", &(far + &record(60_000, "live", &story[2]) + &record(50_000, "live", &story[3])));
    let (code, _, said) = home.run(&["replay", "--file", "feed.jsonl"]);
    assert_eq!(code, 0);
    assert!(said.contains("1 line is no entry and was left out (1 future)"), "{said}");
    assert!(said.contains("line 1: it is dated more than a day after now"), "{said}");
    assert!(said.contains("1 entry is dated more than 5 s before one that stands before"), "{said}");
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--json"]);
    assert_eq!((&summary["entries"], &summary["went_back"]), (&2.into(), &1.into()));
}

#[test]
fn a_stretch_begins_where_a_run_would_have_been() {
    let rules = format!("{ACTIONS}max_per_day = 2\n{RULES}").replace("token = {}", "token = { symbol = [\"DOGE\"] }");
    let home = Home::with_rules(&rules);
    let hour = 3_600_000;
    let mut tweets: Vec<_> = (0..4).map(|n| content(n * hour, &n.to_string(), "binance", "Binance will list it")).collect();
    tweets.insert(3, content(2 * hour + 60_000, "0", "binance", "Binance will list it, they say"));
    home.write("feed.jsonl", &lines(&tweets));
    let from = birdcall::model::time::Timestamp::from_millis(START + 2 * hour - 1).to_string();
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--json", "--rule", "listing", "--from", &from]);
    let listing = rule(&summary, "listing");
    // Tweet 0 has fired long before, and the two orders of the day were placed then.
    assert_eq!(
        (&summary["entries"], &listing["firings"], &summary["repeated"]),
        (&3.into(), &2.into(), &0.into()),
        "{summary:#}"
    );
    assert_eq!((&listing["ends"]["orders"], &listing["ends"]["max_per_day"]), (&0.into(), &2.into()), "{listing:#}");
}
