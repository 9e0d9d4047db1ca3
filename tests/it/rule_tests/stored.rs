//! A stored tweet is explained with what came before it: windows have counted it, and cooldowns have begun.

use std::sync::Arc;

use birdcall::clock::Clock;
use birdcall::journal::{self, DeliveryRow, EntryRow, GapRow, GapState, Record, Settings};
use birdcall::model::delivery::Outcome;
use birdcall::model::firing::{FiringBrief, Origin};
use birdcall::model::ids::FiringId;
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

use crate::kit::binary::Home;
use crate::kit::story::{START, content};

const RULES: &str = r#"
[actions.out]
type = "console"
max_age = "7d"
[[rule]]
name = "twice"
send = ["out"]
when = { keyword = "gm" }
window = { type = "count", within = "10m", at_least = 2 }
[[rule]]
name = "cooled"
cooldown = "10m"
send = ["out"]
when = { keyword = "gm" }
"#;

/// So many tweets, a minute apart, in the journal of a folder.
fn lived(tweets: i64) -> Home {
    let tweet = |number: i64| {
        let (ms, mut tweet) = (START + number * 60_000, content(&number.to_string(), "kol", "gm"));
        tweet["d"]["createdAt"] = json!(ms);
        (ms, tweet)
    };
    kept(RULES, &(1..=tweets).map(tweet).collect::<Vec<_>>())
}

/// These envelopes, in the journal of a folder.
fn kept(rules: &str, envelopes: &[(i64, Value)]) -> Home {
    kept_with(rules, envelopes, &[], None)
}

/// The same, where the feed was not heard for some times, and not any more after a moment.
fn kept_with(rules: &str, envelopes: &[(i64, Value)], gaps: &[(i64, i64)], alive: Option<i64>) -> Home {
    let home = Home::with_rules(rules);
    let (journal, writer) = journal::open(&home.path().join("state"), Settings::default(), Clock::system()).unwrap();
    let writer = std::thread::spawn(writer);
    for (ms, envelope) in envelopes {
        let at = Timestamp::from_millis(*ms);
        let entry = EntryRow { at, origin: Origin::Live, matched: true, text: envelope.to_string().into() };
        journal.record(Record { entry: Some(entry), ..Record::default() });
    }
    for (from, to) in gaps {
        let (from, to) = (Timestamp::from_millis(*from), Timestamp::from_millis(*to));
        journal.gap(GapRow { from, to, state: GapState::Filled, why: String::new() });
    }
    alive.into_iter().for_each(|ms| journal.alive(Timestamp::from_millis(ms), true));
    drop(journal);
    writer.join().unwrap();
    home
}

#[test]
fn a_story_by_hand_goes_through_windows_and_cooldowns_in_explain_and_replay() {
    let home = Home::with_rules(RULES);
    let line = |at: &str, id: &str| {
        let mut tweet = content(id, "kol", "gm");
        (tweet["d"]["createdAt"], tweet["ts"]) = (json!(null), json!(null));
        json!({ "at": at, "envelope": tweet }).to_string()
    };
    let story = [line("+0s", "1"), line("+5m", "2"), line("+16m", "3")].join("\n");
    home.write("story.jsonl", &story);
    let (code, out, said) = home.run(&["explain", "story.jsonl"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(out.matches("fires twice").count(), 1, "{out}");
    assert_eq!(out.matches("the window has 1 of 2").count(), 2, "{out}");
    assert_eq!(out.matches("held back (cooldown)").count(), 1, "{out}");
    let summary = home.json(&["replay", "--file", "story.jsonl", "--json"]);
    let of = |at: usize| (&summary["rules"][at]["firings"], &summary["rules"][at]["ends"]["cooldown"]);
    assert_eq!((of(0), of(1)), ((&json!(1), &json!(0)), (&json!(3), &json!(1))), "{summary:#}");
}

#[test]
fn a_silence_is_explained_as_what_fires_and_its_length_is_no_delay() {
    let home = Home::with_rules(
        r#"
[actions.out]
type = "console"
[[rule]]
name = "quiet"
send = ["out"]
when = { handle = "kol" }
window = { type = "silence", within = "1h", per = "author" }
"#,
    );
    let line = |at: &str, id: &str, who: &str| json!({ "at": at, "envelope": content(id, who, "gm") }).to_string();
    home.write("story.jsonl", &[line("+0s", "1", "kol"), line("+2h", "2", "kim")].join("\n"));
    let (code, out, said) = home.run(&["explain", "story.jsonl"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("quiet  is true, but it is what was heard: the window fires when nothing comes after it"), "{out}");
    assert!(out.contains("fires quiet") && out.contains("quiet  fires\n"), "{out}");
    let summary = home.json(&["replay", "--file", "story.jsonl", "--json"]);
    let rule = &summary["rules"][0];
    assert_eq!((&rule["firings"], &rule["delay_p50_ms"]), (&json!(1), &json!(null)), "{summary:#}");
}

#[test]
fn explain_and_why_know_what_a_window_and_a_cooldown_knew_when_the_tweet_came() {
    let home = lived(3);
    for command in ["explain", "why"] {
        let (code, out, said) = home.run(&[command, "2"]);
        assert_eq!(code, 0, "{said}");
        assert!(out.contains("fires twice") || out.contains("twice: fires"), "{command}: {out}");
        assert!(out.contains("cooldown"), "{command}: {out}");
        // What came after it is of no account.
        let (_, out, _) = home.run(&[command, "1"]);
        assert!(out.contains("the window has 1 of 2") && !out.contains("cooldown"), "{command}: {out}");
    }
}

#[test]
fn the_first_test_of_a_rule_with_a_window_has_all_that_it_fired_on() {
    let home = lived(3);
    let (code, out, said) = home.run(&["test", "--new", "twice"]);
    assert_eq!(code, 0, "{out}{said}");
    let written = std::fs::read_to_string(home.path().join("rules.test.toml")).unwrap_or(out);
    assert!(!written.contains("does not make it fire yet"), "{written}");
    assert!(written.matches("tweetId").count() >= 2, "{written}");
}

/// Two tweets of the journal, of which one was told of by envelopes that came around the other.
#[test]
fn what_came_between_the_envelopes_of_a_tweet_is_known_to_explain_and_why() {
    let meta = |id: &str| {
        json!({ "v": 1, "t": "tweet", "op": "meta", "id": id, "d": { "tweetId": id, "detected": { "tokens": [
            { "symbol": "WIF", "contract": "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump", "chain": "solana", "sources": ["text"] }] } } })
    };
    let tweet = |ms: i64, id: &str, who: &str| {
        let mut tweet = content(id, who, "$WIF");
        tweet["d"]["createdAt"] = json!(START + ms);
        tweet
    };
    let rules = r#"
[actions.out]
type = "console"
max_age = "7d"
[[rule]]
name = "together"
each = "token"
send = ["out"]
when = { token = { contract = true } }
window = { type = "distinct", of = "author", per = "token", within = "10m", at_least = 2 }
"#;
    let story = [(0, tweet(0, "1", "kol")), (100, tweet(100, "2", "kim")), (200, meta("1")), (300, meta("2"))];
    let home = kept(rules, &story.map(|(ms, envelope)| (START + ms, envelope)));
    for command in ["explain", "why"] {
        let (code, out, said) = home.run(&[command, "2"]);
        assert_eq!(code, 0, "{said}");
        assert!(out.contains("together: ") || out.contains("fires together"), "{command}: {out}");
        assert!(out.contains("fires") && !out.contains("the window has 1 of 2"), "{command}: {out}");
        let (_, out, _) = home.run(&[command, "1"]);
        assert!(out.contains("the window has 1 of 2"), "{command}: {out}");
        // The firing is of the other tweet.
        assert!(!out.contains("fires together") && !out.contains("not on record"), "{command}: {out}");
    }
}

#[test]
fn a_silence_of_a_stored_tweet_ends_when_there_was_another_or_when_the_feed_was_not_heard() {
    let rules = r#"
[actions.out]
type = "console"
max_age = "7d"
[[rule]]
name = "quiet"
send = ["out"]
when = { handle = "kol" }
window = { type = "silence", within = "6h", per = "author", rearm = "1h" }
"#;
    let tweet = |hours: i64, id: &str, who: &str| {
        let (ms, mut tweet) = (START + hours * 3_600_000, content(id, who, "gm"));
        tweet["d"]["createdAt"] = json!(ms);
        (ms, tweet)
    };
    let home = kept(rules, &[tweet(0, "1", "kol"), tweet(5, "2", "kol"), tweet(30, "3", "kim")]);
    for command in ["explain", "why"] {
        let (code, out, said) = home.run(&[command, "1"]);
        assert_eq!(code, 0, "{said}");
        assert!(!out.contains("fires quiet") && !out.contains("not on record"), "{command}: {out}");
        // It was silent for six hours after that, and no more is told of it than the first time.
        let (_, out, _) = home.run(&[command, "2"]);
        assert_eq!(out.matches("fires quiet").count(), 1, "{command}: {out}");
    }
}

const QUIET: &str = r#"
[actions.out]
type = "console"
max_age = "7d"
[[rule]]
name = "quiet"
send = ["out"]
when = { handle = "kol" }
window = { type = "silence", within = "6h", per = "author" }
"#;

fn hour(hours: i64) -> i64 {
    START + hours * 3_600_000
}

fn at_hour(hours: i64, id: &str, who: &str) -> (i64, Value) {
    let mut tweet = content(id, who, "gm");
    tweet["d"]["createdAt"] = json!(hour(hours));
    (hour(hours), tweet)
}

#[test]
fn a_silence_of_a_stored_tweet_is_told_when_it_was_due_however_long_gaps_have_put_it_off() {
    let envelopes = [at_hour(0, "1", "kol"), at_hour(1, "2", "kim"), at_hour(90, "3", "kim")];
    for (gaps, due) in [
        (vec![], 6),
        (vec![(2, 22)], 26),
        (vec![(2, 22), (25, 55), (58, 60)], 56),
        // It was due before that.
        (vec![(7, 80)], 6),
    ] {
        let gaps: Vec<_> = gaps.into_iter().map(|(from, to)| (hour(from), hour(to))).collect();
        let home = kept_with(QUIET, &envelopes, &gaps, Some(hour(100)));
        let told = home.json(&["why", "1", "--json"]);
        let fired = |moment: &&Value| moment["firings"].as_array().is_some_and(|firings| !firings.is_empty());
        let at: Vec<_> = told["moments"].as_array().unwrap().iter().filter(fired).map(|moment| moment["at"].clone()).collect();
        assert_eq!(at, [json!(Timestamp::from_millis(hour(due)).to_string())], "{gaps:?}");
        assert_eq!((&told["due"], &told["past_is_cut"]), (&json!([]), &json!(false)));
        let (_, out, _) = home.run(&["explain", "1"]);
        assert!(out.contains("fires quiet") && !out.contains("due quiet"), "{out}");
    }
}

#[test]
fn of_a_silence_that_the_journal_does_not_know_the_end_of_it_is_said_when_it_is_due() {
    // It was heard until the fourth hour, and until the tenth, in which it was not heard for seven.
    for (gaps, alive, due, left) in [(vec![], 4, 6, "2 h"), (vec![(2, 9)], 10, 13, "3 h")] {
        let gaps: Vec<_> = gaps.into_iter().map(|(from, to)| (hour(from), hour(to))).collect();
        let home = kept_with(QUIET, &[at_hour(0, "1", "kol"), at_hour(1, "2", "kim")], &gaps, Some(hour(alive)));
        let told = home.json(&["why", "1", "--json"]);
        let at = Timestamp::from_millis(hour(due)).to_string();
        assert_eq!(told["due"], json!([{ "rule": "quiet", "at": at }]));
        for command in ["explain", "why"] {
            let (code, out, said) = home.run(&[command, "1"]);
            assert_eq!((code, said.as_str()), (0, ""));
            assert!(out.contains(&format!("due quiet fires {left} after")) && !out.contains("fires quiet"), "{command}: {out}");
        }
        let (_, out, _) = home.run(&["explain", "1", "--json"]);
        let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        assert_eq!(last, json!({ "past_is_cut": false, "due": [{ "rule": "quiet", "at": at }] }));
        // Nothing is due of a tweet that was no match.
        let (_, out, _) = home.run(&["explain", "2"]);
        assert!(!out.contains("due quiet"), "{out}");
    }
}

#[test]
fn each_telling_of_a_silence_that_is_on_record_is_one_by_the_rules_as_they_are() {
    let rules = QUIET.replace("within = \"6h\"", "within = \"6h\", rearm = \"1h\"");
    let home = kept_with(&rules, &[at_hour(0, "1", "kol"), at_hour(8, "2", "kim")], &[], Some(hour(12)));
    let (journal, writer) = journal::open(&home.path().join("state"), Settings::default(), Clock::system()).unwrap();
    let writer = std::thread::spawn(writer);
    for (again, hours) in (6..=10).enumerate() {
        let id = FiringId::of("quiet", "silence:@kol", &format!("1:{again}"));
        let (rule, subject, at) = ("quiet".into(), "tweet:1".to_owned(), Timestamp::from_millis(hour(hours)));
        let firing = Arc::new(FiringBrief { id, rule, subject, at, late: false });
        let delivery = DeliveryRow {
            firing: Arc::clone(&firing),
            action: "out".into(),
            trading: false,
            expires_at: at,
            body: None,
            fallback: None,
            line: None,
            outcome: Some(Outcome::Expired),
        };
        journal.record(Record { firings: vec![firing], deliveries: vec![delivery], ..Record::default() });
    }
    drop(journal);
    writer.join().unwrap();
    let (code, out, said) = home.run(&["why", "1"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(out.matches("fired quiet").count(), 5, "{out}");
    assert!(!out.contains("it does not fire") && !out.contains("not on record"), "{out}");
}
