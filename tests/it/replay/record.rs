//! The feed in files: whole ones that take turns, what a kill leaves, and what is refused.

use crate::kit::binary::{Home, wait_until};
use crate::kit::feed::{KEY, Rig};

const RULES: &str = "[feed]\nkey = \"env:FEED_KEY\"\n[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"all\"\nsend = [\"out\"]\nwhen = { handle = \"nobody\" }\n";

fn frame(n: usize, padding: usize) -> String {
    let noise: String = (0..padding).map(|_| fastrand::alphanumeric()).collect();
    format!(
        r#"{{"v":1,"t":"tweet","op":"content","id":"{n}","ts":{n},"d":{{"tweetId":"{n}","text":"{noise}","author":{{"handle":"kol"}}}}}}"#
    )
}

fn names(home: &Home, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(home.path().join(folder)).map(|all| all.map(|entry| entry.unwrap().file_name()));
    let mut names: Vec<_> = entries.into_iter().flatten().map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn entries(home: &Home, path: &str) -> u64 {
    home.json(&["replay", "--file", path, "--json"])["entries"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_take_turns_and_each_that_has_a_name_is_whole() {
    let rig = Rig::plain().await;
    // Nothing is evaluated, so that no rules are asked for.
    let home = Home::new().env("TWEETSTREAM_API_KEY", KEY);
    let mut program = home.start(&["record", "--url", &rig.url, "--out", "feed", "--max-size", "64KB"]);
    program.wait_for("connected to the feed");
    (0..300).for_each(|n| rig.handle.send(frame(n, 1_000)));
    wait_until("a third file began", || names(&home, "feed").len() >= 3);
    program.ask_to_stop();
    let (code, said) = program.end();
    assert_eq!(code, 0, "{said}");
    home.write("rules.toml", RULES);
    let names = names(&home, "feed");
    assert!(names.len() >= 3 && names.iter().all(|name| name.starts_with("feed-") && name.ends_with(".jsonl.zst")), "{names:?}");
    let all: u64 = names.iter().map(|name| entries(&home, &format!("feed/{name}"))).sum();
    assert_eq!(all, entries(&home, "feed"));
    assert!(said.contains(&format!("{all} envelopes, ")) && said.contains(&format!("{} files, ", names.len())), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_leaves_can_be_read_and_a_loss_of_the_feed_ends_nothing() {
    let rig = Rig::plain().await;
    let home = Home::with_rules(RULES).env("FEED_KEY", KEY);
    let mut program = home.start(&["record", "--url", &rig.url, "--out", "feed"]);
    program.wait_for("connected to the feed");
    rig.handle.send(frame(1, 10));
    rig.handle.send("no envelope at all");
    rig.handle.close(1012, "restart");
    program.forget("connected to the feed");
    program.wait_for("connected to the feed");
    rig.handle.send(frame(2, 10));
    wait_until("it was brought out", || {
        let part = names(&home, "feed").into_iter().find(|name| name.ends_with(".part"));
        part.is_some_and(|part| {
            let (_, out, _) = home.run(&["replay", "--json", "--file", &format!("feed/{part}")]);
            serde_json::from_str::<serde_json::Value>(&out).is_ok_and(|summary| summary["entries"] == 2)
        })
    });
    program.kill();
    assert_eq!(entries(&home, "feed"), 2, "a folder's parts count");
}

#[test]
fn nothing_is_written_over_and_odd_wishes_are_refused() {
    let home = Home::with_rules(RULES);
    home.write("there.jsonl", "");
    home.write("there.txt", "");
    for (arguments, words) in [
        (["--out", "there.jsonl"].as_slice(), "there.jsonl: it is there already"),
        (&["--out", "there.txt"], "ends neither in .jsonl nor in .jsonl.zst"),
        (&["--out", "feed", "--max-size", "1"], "--max-size 1: "),
        (&["--out", "feed", "--max-time", "soon"], "--max-time soon: "),
        (&["--out", "x.jsonl", "--last", "7d"], "--from-journal"),
        (&["--out", "x.jsonl", "--from-journal"], "state"),
    ] {
        let (code, _, said) = home.run(&[["record"].as_slice(), arguments].concat());
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let (code, out, _) = home.run(&["record", "--help"]);
    assert!(code == 0 && out.contains("counts connections by plan"), "{out}");
}
