//! `birdcall test`, `explain` and `why` as a user meets them.

use std::sync::Arc;

use birdcall::clock::Clock;
use birdcall::journal::{self, AttemptRow, DeliveryRow, EndRow, EntryRow, Record, Settings};
use birdcall::model::delivery::{Form, Outcome, Receipt};
use birdcall::model::firing::{FiringBrief, Origin};
use birdcall::model::ids::FiringId;
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

use crate::kit::binary::Home;
use crate::kit::story::{content, meta, token};

const RULES: &str = "[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n\
    [[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { handle = \"kol\", keyword = \"gm\" }\n\
    [[rule]]\nname = \"cheap\"\nsend = [\"out\"]\nwhen = { handle = \"kol\", token = { symbol = \"DOGE\", price = { below = 0.5 } } }\n";
const TESTS: &str = "[[test]]\nname = \"good\"\nevents = [{ content = { handle = \"kol\", text = \"gm\" } }]\nexpect = [{ rule = \"gm\" }]\n\
    [[test]]\nname = \"bad\"\nevents = [{ content = { handle = \"kim\", text = \"gm\\u001b[31m\" } }]\nexpect = [{ rule = \"gm\" }]\n";
const HOSTILE: &str = "gm \u{1b}[31m\u{9b}2J\u{202e} <b>";

fn home() -> Home {
    let home = Home::with_rules(RULES);
    home.write("rules.test.toml", TESTS);
    home
}

fn inert(text: &str) {
    assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}'), "{text:?}");
}

#[test]
fn tests_that_fail_say_what_differs_and_why_and_end_with_1() {
    let (code, out, said) = home().run(&["test"]);
    assert_eq!((code, said.as_str()), (1, ""), "{out}");
    for words in [
        "✓ good",
        "✗ bad",
        "rules.test.toml:8:11",
        "- expected: `gm` fires once",
        "+ found:    it does not fire",
        "✗ handle = \"kol\"  the author is @kim",
        "✓ keyword = \"gm\"",
        "no test of rules.test.toml makes these rules fire: cheap",
        "1 passed, 1 failed",
    ] {
        assert!(out.contains(words), "{words}:\n{out}");
    }
    inert(&out);
}

#[test]
fn tests_that_pass_end_with_0_and_a_filter_leaves_the_others_out() {
    let home = home();
    let (code, out, _) = home.run(&["test", "--filter", "goo"]);
    assert!(code == 0 && out.contains("1 passed, 0 failed, 1 left out by --filter"), "{out}");
    let (code, _, said) = home.run(&["test", "--filter", "nothing"]);
    assert!(code == 1 && said.contains("no test has `nothing` in its name"), "{said}");
}

#[test]
fn results_are_told_to_programs() {
    let home = home();
    let (code, out, _) = home.run(&["test", "--json", "--junit", "junit.xml"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["tests"][0]["passed"].clone(), json["tests"][1]["passed"].clone()), (1, json!(true), json!(false)));
    assert_eq!(json["tests"][1]["failures"][0]["looks"][0]["answer"], "false");
    assert_eq!(json["never_fired"][0]["rule"], "cheap");
    let xml = std::fs::read_to_string(home.path().join("junit.xml")).unwrap();
    assert!(
        xml.contains("<testsuite name=\"rules.test.toml\" tests=\"2\" failures=\"1\"")
            && xml.contains("<failure message=\"line 8:"),
        "{xml}"
    );
    inert(&xml);
}

#[test]
fn what_cannot_be_tested_says_what_to_do() {
    let (code, _, said) = Home::with_rules(RULES).run(&["test"]);
    assert!(code == 1 && said.contains("birdcall test --new RULE"), "{said}");
    let (code, _, said) = Home::new().run(&["test"]);
    assert!(code == 2 && said.contains("no rules"), "{said}");
    let home = home();
    home.write("rules.test.toml", "[[test]]\nname = \"x\"\nevents = []\nexpect = [{ rule = \"gmm\" }]\n");
    let (code, _, said) = home.run(&["test"]);
    assert!(code == 1 && said.contains("there is no rule `gmm`") && said.contains("did you mean `gm`?"), "{said}");
}

#[test]
fn a_part_of_a_folder_is_tested_with_its_folder() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("rules")).unwrap();
    home.write("rules/actions.toml", "[actions.out]\ntype = \"console\"\n");
    home.write("rules/gm.toml", "[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n");
    home.write(
        "rules/gm.test.toml",
        "[[test]]\nname = \"it\"\nevents = [{ content = { text = \"gm\" } }]\nexpect = [{ rule = \"gm\" }]\n",
    );
    let (code, out, said) = home.run(&["test"]);
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
}

#[test]
fn the_first_test_of_a_rule_is_written_and_passes() {
    let home = Home::with_rules(RULES);
    let (code, out, said) = home.run(&["test", "--new", "cheap", "--out", "rules.test.toml"]);
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
    let (code, out, _) = home.run(&["test"]);
    assert!(
        code == 0 && out.contains("2 passed"),
        "{out}{}",
        std::fs::read_to_string(home.path().join("rules.test.toml")).unwrap()
    );
    let (code, _, _) = home.run(&["test", "--new", "cheap", "--out", "rules.test.toml"]);
    assert_eq!(code, 2, "what is there is not written over");
    let (code, _, said) = home.run(&["test", "--new", "cheep"]);
    assert!(code == 1 && said.contains("did you mean `cheap`?"), "{said}");
}

#[test]
fn an_envelope_is_explained_with_every_value_that_was_seen() {
    let home = home();
    let frame = content("1", "kol", HOSTILE).to_string();
    let (code, out, said) = home.run(&["explain", "--envelope", &frame]);
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
    for words in [
        "fires gm",
        "→ out: a message, sent",
        "✓ handle = \"kol\"  the author is @kol",
        "✓ keyword = \"gm\"  “gm” stands in the text: “»gm«",
        "cheap  unknown: waits for 15 s more",
        "? token = { symbol = \"DOGE\", price = { below = 0.5 } }  no token in it; no meta has come",
        "nothing more has come in time",
        "cheap  false",
    ] {
        assert!(out.contains(words), "{words}:\n{out}");
    }
    inert(&out);
    let (_, out, _) = home.run(&["explain", "--envelope", &frame, "--rule", "cheap"]);
    assert!(!out.contains("keyword"), "{out}");
    let (code, _, said) = home.run(&["explain", "--envelope", &frame, "--rule", "cheep"]);
    assert!(code == 1 && said.contains("did you mean `cheap`?"), "{said}");
}

#[test]
fn a_file_is_explained_envelope_by_envelope_and_for_programs() {
    let home = home();
    let found = json!({ "tokens": [token("DOGE", crate::engine::ORBL, 0.3)] });
    let lines = [
        content("1", "kol", "gn").to_string(),
        format!("{{\"at\":1781700000900,\"origin\":\"live\",\"envelope\":{}}}", meta("1", &found)),
    ];
    home.write("x.jsonl", &lines.join("\n"));
    let (code, out, said) = home.run(&["explain", "rules.toml", "x.jsonl", "--json"]);
    assert_eq!((code, said.as_str()), (0, ""));
    let moments: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = |at: usize| moments[at]["subjects"][0]["rules"][1]["answer"].clone();
    assert_eq!((answer(0), answer(1)), (json!("unknown"), json!("fires")), "{out}");
    assert_eq!(moments[1]["firings"][0]["sends"][0]["way"], "message");
    let (_, last, _) = home.run(&["explain", "x.jsonl", "--last"]);
    assert!(
        !last.contains("tweet/content") && last.contains("tweet/meta") && last.contains("token.price below 0.5  0.3"),
        "{last}"
    );
}

#[test]
fn what_cannot_be_explained_says_how_it_could_be() {
    let home = home();
    for (what, words) in [
        (["explain", "nothing.jsonl"], "this is no file, no tweet's id"),
        (["explain", "1846987139428634858"], "--envelope"),
        (["explain", "--envelope={\"v\":1}"], "no envelope of the feed"),
        (["why", "1846987139428634858"], "--envelope"),
        (["why", "hm"], "no tweet's id"),
    ] {
        let (code, _, said) = home.run(&what);
        assert!(code == 2 && said.contains(words), "{what:?}: {said}");
    }
    let (code, _, said) = home.run(&["explain"]);
    assert!(code == 2 && said.contains("nothing to explain"), "{said}");
}

/// A state folder in which tweet 1 fired `gm` and was sent at the second attempt, and tweet 2 fired nothing.
fn lived() -> Home {
    let home = home();
    let (journal, writer) = journal::open(&home.path().join("state"), Settings::default(), Clock::system()).unwrap();
    let writer = std::thread::spawn(writer);
    let at = |ms: i64| Timestamp::from_millis(crate::kit::story::START + ms);
    let entry =
        |ms: i64, value: &Value| EntryRow { at: at(ms), origin: Origin::Live, matched: true, text: value.to_string().into() };
    let firing = Arc::new(FiringBrief {
        id: FiringId::of("gm", "tweet:1", ""),
        rule: "gm".into(),
        subject: "tweet:1".to_owned(),
        at: at(100),
        late: false,
    });
    let delivery = DeliveryRow {
        firing: Arc::clone(&firing),
        action: "out".into(),
        trading: false,
        expires_at: at(600_000),
        body: None,
        fallback: None,
        line: None,
        outcome: None,
    };
    journal.record(Record {
        entry: Some(entry(100, &content("1", "kol", HOSTILE))),
        firings: vec![Arc::clone(&firing)],
        deliveries: vec![delivery],
        ..Record::default()
    });
    for (number, ms, verdict) in [(1, 110, "retry"), (2, 400, "delivered")] {
        let took = std::time::Duration::from_millis(40);
        let answer = "503 \u{1b}[31mbusy".to_owned();
        let (action, not_before) = ("out".into(), None);
        journal.attempted(AttemptRow { firing: firing.id, action, number, at: at(ms), verdict, answer, took, not_before });
    }
    let outcome = Outcome::Delivered { receipt: Receipt::of_answer(200, None).unwrap(), form: Form::Message };
    journal.ended(EndRow { firing: firing.id, action: "out".into(), outcome, attempts: 2, at: at(440) });
    let found = json!({ "tokens": [token("DOGE", crate::engine::ORBL, 0.9)] });
    for (ms, value) in [(500, content("2", "kol", "gn")), (900, meta("2", &found)), (950, meta("1", &found))] {
        journal.record(Record { entry: Some(entry(ms, &value)), ..Record::default() });
    }
    drop(journal);
    writer.join().unwrap();
    home
}

#[test]
fn a_tweet_that_fired_is_told_from_the_journal_with_its_deliveries() {
    let (code, out, said) = lived().run(&["why", "https://x.com/kol/status/1"]);
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
    for words in [
        "tweet/content",
        "gm: fires",
        "cheap: unknown",
        "+850 ms tweet/meta",
        "cheap: unknown → false",
        "fired gm",
        "0 ms after the first envelope",
        "→ out  delivered 340 ms after the firing",
        "attempt 1 10 ms after the firing, took 40 ms: retry",
        "attempt 2 300 ms after the firing",
    ] {
        assert!(out.contains(words), "{words}:\n{out}");
    }
    inert(&out);
}

#[test]
fn a_tweet_that_fired_nothing_is_told_with_what_came_nearest() {
    let home = lived();
    let (code, out, _) = home.run(&["why", "2"]);
    assert!(code == 0 && out.contains("nothing fired") && out.contains("what came nearest"), "{out}");
    assert!(out.contains("✗ token.price below 0.5  0.9"), "{out}");
    let json = home.json(&["why", "1", "--json"]);
    assert_eq!(json["deliveries"][0]["attempts"][1]["verdict"], "delivered");
    assert_eq!(json["moments"][0]["firings"][0]["rule"], "gm");
}

#[test]
fn one_rule_is_asked_about_and_others_do_not_answer() {
    let home = lived();
    let (code, out, _) = home.run(&["why", "1", "--rule", "cheap"]);
    assert!(code == 0 && !out.contains("not on record") && !out.contains("gm\""), "{out}");
    assert!(out.contains("nothing fired") && out.contains("✗ token.price below 0.5  0.9"), "{out}");
    let frame = content("1", "kol", "gm").to_string();
    let (_, out, _) = home.run(&["explain", "--envelope", &frame, "--rule", "cheap"]);
    assert!(!out.contains("fires gm"), "{out}");
}

#[test]
fn faulty_lines_are_told_with_their_numbers_and_waits_between_others_end() {
    let home = home();
    let record = |at: i64, value: &Value| format!("{{\"at\":{at},\"origin\":\"live\",\"envelope\":{value}}}");
    let lines = [record(1_000, &content("1", "kol", "gn")), "no json".to_owned(), record(60_000, &content("2", "kol", "gn"))];
    home.write("x.jsonl", &lines.join("\n"));
    let (code, out, said) = home.run(&["explain", "x.jsonl", "--json", "--rule", "cheap"]);
    assert!(code == 0 && said.contains("line 2: ") && said.contains("left out"), "{said}");
    let moments: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        moments.iter().map(|of| (&of["subjects"][0]["subject"], &of["subjects"][0]["rules"][0]["answer"])).collect();
    let (one, two) = (json!("tweet:1"), json!("tweet:2"));
    let (unknown, wrong) = (json!("unknown"), json!("false"));
    assert_eq!(told, [(&one, &unknown), (&one, &wrong), (&two, &unknown), (&two, &wrong)], "{out}");
    home.write("y.jsonl", "no json\n");
    let (code, _, said) = home.run(&["explain", "y.jsonl"]);
    assert!(code == 2 && said.contains("line 1: ") && said.contains("nothing could be explained"), "{said}");
}

#[test]
fn a_broken_file_of_tests_is_an_error_to_programs() {
    let home = home();
    home.write("rules.test.toml", "[[test]]\nname = \"x\"\nevents = []\nexpect = [{ rule = \"gmm\" }]\n");
    let (code, out, _) = home.run(&["test", "--json", "--junit", "junit.xml"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert!(code == 1 && json["broken"][0]["why"].as_str().is_some_and(|why| why.contains("no rule `gmm`")), "{out}");
    let xml = std::fs::read_to_string(home.path().join("junit.xml")).unwrap();
    assert!(xml.contains("errors=\"1\"") && xml.contains("<error message=") && xml.contains("no rule `gmm`"), "{xml}");
}

#[test]
fn what_a_folder_loads_as_is_what_is_tested_and_else_each_file() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("rules")).unwrap();
    let whole = |action: &str, rule: &str| {
        format!(
            "[actions.{action}]\ntype = \"console\"\n[[rule]]\nname = \"{rule}\"\nsend = [\"{action}\"]\nwhen = {{ keyword = \"gm\" }}\n"
        )
    };
    let test = |rule: &str| {
        format!(
            "[[test]]\nname = \"{rule}\"\nevents = [{{ content = {{ text = \"gm\" }} }}]\nexpect = [{{ rule = \"{rule}\" }}]\n"
        )
    };
    home.write("rules/a.toml", &whole("a", "one"));
    home.write("rules/b.toml", &whole("b", "two"));
    home.write("rules/a.test.toml", &(test("one") + &test("two")));
    let (code, out, said) = home.run(&["test"]);
    assert!(code == 0 && out.contains("2 tests of rules\n") && !out.contains("no test"), "{out}{said}");
    // Twice the same name: as a folder they do not load.
    home.write("rules/b.toml", &whole("b", "one"));
    home.write("rules/a.test.toml", &test("one"));
    let (code, out, said) = home.run(&["test"]);
    assert!(code == 0 && out.contains("1 test of rules/a.toml\n"), "{out}{said}");
}

#[test]
fn the_first_test_of_a_rule_is_made_of_what_was_heard() {
    let home = lived();
    let (code, out, said) = home.run(&["test", "--new", "gm"]);
    assert_eq!((code, said.as_str()), (0, ""));
    inert(&out);
    assert!(
        out.contains("gm: as it fired") && out.contains("gm: as it nearly fired") && out.contains("because = \"keyword\""),
        "{out}"
    );
    home.write("rules.test.toml", &out);
    let (code, out, said) = home.run(&["test"]);
    assert!(code == 0 && out.contains("2 passed, 0 failed"), "{out}{said}");
}

#[test]
fn recordings_that_only_say_how_far_apart_they_are_begin_when_their_events_do() {
    let home = home();
    let line = |at: &str, id: &str| {
        let mut tweet = content(id, "kol", "gm");
        (tweet["d"]["createdAt"], tweet["ts"]) = (json!(null), json!(null));
        json!({ "at": at, "envelope": tweet }).to_string()
    };
    home.write("a.jsonl", &[line("+0s", "1"), line("+90m", "2")].join("\n"));
    home.write("b.jsonl", &[line("+0s", "3"), line("+5m", "4")].join("\n"));
    let test = |events: &str, expected: &[(&str, &str)]| {
        let expect = |(tweet, at): &(&str, &str)| format!("{{ rule = \"gm\", tweet = \"{tweet}\", at = \"{at}\" }}");
        let expect: Vec<_> = expected.iter().map(expect).collect();
        format!("[[test]]\nname = \"{events}\"\nevents = {events}\nexpect = [{}]\n", expect.join(", "))
    };
    let dated = json!({ "at": 1_700_000_000_000_i64, "envelope": content("5", "kol", "gm") }).to_string();
    home.write("dated.jsonl", &dated);
    let tests = [
        test(
            "[{ file = 'a.jsonl' }, { file = 'b.jsonl', at = '+1h' }]",
            &[("1", "+0s"), ("3", "+1h"), ("4", "+65m"), ("2", "+90m")],
        ),
        test("[{ file = 'b.jsonl', at = '+10m' }]", &[("3", "+10m"), ("4", "+15m")]),
        // What says when it was says when the test begins, wherever it stands.
        test("[{ file = 'b.jsonl', at = '+10m' }, { file = 'dated.jsonl', at = '+20m' }]", &[("3", "+10m"), ("5", "+20m")]),
    ];
    home.write("rules.test.toml", &tests.concat());
    let (code, out, said) = home.run(&["test"]);
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
}
