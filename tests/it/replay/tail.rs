//! What passes through a running instance, as those see it who watch.

use serde_json::{Value, json};

use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::feed::{KEY, Rig};

const RULES: &str = r#"
[feed]
key = "env:FEED_KEY"
[actions.out]
type = "console"
[actions.paper]
type = "console"
mode = "paper"
[[rule]]
name = "listing"
send = ["out", "paper"]
when = { keyword = "list" }
[[rule]]
name = "other"
send = ["out"]
when = { keyword = "spot" }
"#;

fn content(id: u32, handle: &str, text: &str) -> String {
    let now = jiff::Timestamp::now().as_millisecond();
    json!({"v": 1, "t": "tweet", "op": "content", "id": id.to_string(), "ts": now, "d": {
        "tweetId": id.to_string(), "text": text, "createdAt": now, "author": {"id": handle, "handle": handle}}})
    .to_string()
}

/// Lines until one with these words has come.
fn until(program: &mut Program, words: &str) -> Vec<Value> {
    program.wait_for(words);
    program.heard().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn kinds(lines: &[Value]) -> Vec<String> {
    let word = |line: &Value| line["outcome"].as_str().or(line["what"].as_str()).unwrap_or("").to_owned();
    lines.iter().map(|line| format!("{} {}", line["kind"].as_str().unwrap(), word(line)).trim().to_owned()).collect()
}

/// A watcher is there when what is sent reaches it.
fn watched(rig: &Rig, program: &mut Program, from: u32, handle: &str, text: &str) {
    let mut id = from;
    wait_until("it watches", || {
        id += 1;
        rig.handle.send(content(id, handle, text));
        program.lines().count() > 0
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_firings_and_deliveries_are_told_in_their_order_and_filtered() {
    let rig = Rig::plain().await;
    let home = Home::with_rules(RULES).env("FEED_KEY", KEY);
    let mut run = home.start(&["run", "--url", &rig.url]);
    run.wait_for("connected to the feed");
    let (code, _, said) = home.run(&["tail", "--rule", "listin"]);
    assert!(code == 2 && said.contains("has no rule \"listin\"; did you mean \"listing\"?"), "{said}");
    let mut all = home.start(&["tail", "--json"]);
    watched(&rig, &mut all, 100, "nobody", "gm");
    let mut rule = home.start(&["tail", "--json", "--rule", "other"]);
    watched(&rig, &mut rule, 200, "nobody", "spot");
    let mut handle = home.start(&["tail", "--json", "--handle", "@KOL"]);
    watched(&rig, &mut handle, 300, "kol", "gm");
    let mut held = home.start(&["tail", "--json", "--suppressed"]);
    watched(&rig, &mut held, 400, "nobody", "list");
    let mut words = home.start(&["tail"]);
    watched(&rig, &mut words, 500, "nobody", "gm");
    for frame in [content(1, "kol", "list \u{1b}[31m"), content(2, "else", "spot it"), content(3, "kol", "the end")] {
        rig.handle.send(frame);
    }
    let seen = until(&mut all, "the end");
    let first = seen.iter().position(|line| line["tweet"] == "1").unwrap();
    let of_one: Vec<_> =
        seen[first..].iter().filter(|line| line["subject"] == "tweet:1" || line["tweet"] == "1").cloned().collect();
    assert_eq!(kinds(&of_one)[..2], ["envelope tweet/content", "firing"], "{of_one:#?}");
    assert_eq!(of_one[1]["matched"][0], "keyword list", "{of_one:#?}");
    let of_rule = until(&mut rule, "tweet:2");
    assert!(of_rule.iter().all(|line| line["rule"] == "other"), "{of_rule:#?}");
    let of_handle = until(&mut handle, "the end");
    assert!(of_handle.iter().all(|line| line["subject"] == "tweet:1" || line["author"] == "kol"), "{of_handle:#?}");
    assert!(kinds(&of_handle).contains(&"delivery suppressed".to_owned()), "{of_handle:#?}");
    let of_held = until(&mut held, "tweet:1");
    assert!(kinds(&of_held).iter().all(|kind| kind == "delivery suppressed"), "{of_held:#?}");
    assert_eq!((&of_held[0]["why"], &of_held[0]["action"]), (&"paper".into(), &"paper".into()));
    words.wait_for("the end");
    assert!(words.heard().contains("fired listing  @kol  list [31m"), "{}", words.heard());
    assert!(!words.heard().contains('\u{1b}'), "{}", words.heard());
    run.ask_to_stop();
    assert_eq!(run.end().0, 0);
    let (code, said) = words.end();
    assert!(code == 2 && said.contains("birdcall has ended"), "{code} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_loses_lines_and_holds_up_nobody() {
    let rig = Rig::plain().await;
    let home = Home::with_rules(RULES).env("FEED_KEY", KEY);
    let mut run = home.start(&["run", "--url", &rig.url]);
    run.wait_for("connected to the feed");
    let mut tail = home.start(&["tail", "--json"]);
    watched(&rig, &mut tail, 1_000_000, "nobody", "gm");
    tail.stand_still();
    let many = 30_000;
    for id in 0..many {
        rig.handle.send(content(id, "kol", "gm, a tweet that is neither long nor short, as most of them are"));
        if id % 1_000 == 999 {
            let last = id.to_string();
            wait_until("it has taken them", || home.status()["feed"]["last_tweet"]["id"] == last.as_str());
        }
    }
    tail.go_on();
    let mut dropped = 0;
    let mut id = 2_000_000;
    wait_until("it is told how many", || {
        id += 1;
        rig.handle.send(content(id, "kol", "gm"));
        let told = tail.lines().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        dropped += told.filter(|line| line["kind"] == "dropped").filter_map(|line| line["lines"].as_u64()).sum::<u64>();
        dropped > 0
    });
    assert!(dropped > 1_000 && dropped < u64::from(many), "{dropped}");
    run.ask_to_stop();
    assert_eq!(run.end().0, 0);
}

#[test]
fn without_an_instance_it_says_so() {
    let (code, out, said) = Home::new().run(&["tail"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(said.contains("no birdcall is running with "), "{said}");
}
