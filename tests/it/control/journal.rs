//! The commands that read the journal, or write its switch, while no instance runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use birdcall::clock::Clock;
use birdcall::journal::{self, AttemptRow, DeliveryRow, EndRow, GapRow, GapState, Journal, Reader, Record, Settings};
use birdcall::model::delivery::{Form, Outcome, Receipt, Suppression};
use birdcall::model::firing::FiringBrief;
use birdcall::model::ids::FiringId;
use birdcall::model::message::{Body, ContentType, WebhookBody};
use birdcall::model::time::Timestamp;
use serde_json::Value;

use crate::kit::binary::Home;

const HOSTILE: &str = "re\u{1b}[31md\u{9b}2J\u{7}\r\n\u{202e}and \u{1b}]8;;http://evil\u{1b}\\more";

/// A state folder of which everything below is asked. The clock stands at `now`.
struct Kept {
    home: Home,
    now: Timestamp,
}

impl Kept {
    /// A journal that `fill` has written to, with the clock's now.
    fn new(fill: impl FnOnce(&Journal, Timestamp)) -> Self {
        let home = Home::new().env("TZ", "HERE-2");
        let clock = Clock::system();
        let now = clock.now();
        let (journal, writer) = journal::open(&home.path().join("state"), Settings::default(), clock).unwrap();
        let writer = std::thread::spawn(writer);
        fill(&journal, now);
        drop(journal);
        writer.join().unwrap();
        Self { home, now }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("state")
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.home.run(&[arguments, &["--state", "state"]].concat())
    }

    /// The objects that it prints.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let (code, out, said) = self.run(&[&["deliveries", "--json"], arguments].concat());
        assert_eq!((code, said.as_str()), (0, ""), "{arguments:?}");
        serde_json::from_str(&out).unwrap()
    }

    fn rules(&self, arguments: &[&str]) -> Vec<String> {
        self.json(arguments).iter().map(|row| row["rule"].as_str().unwrap().to_owned()).collect()
    }
}

/// One delivery of a rule, fired some minutes ago.
fn row(rule: &str, action: &str, now: Timestamp, minutes: i64) -> DeliveryRow {
    let at = Timestamp::from_millis(now.as_millis() - minutes * 60_000);
    let id = FiringId::of(rule, "tweet:2067225747256360460", "");
    let body = WebhookBody { bytes: "{}".into(), content_type: ContentType::Json };
    DeliveryRow {
        firing: Arc::new(FiringBrief {
            id,
            rule: rule.into(),
            subject: "tweet:2067225747256360460".to_owned(),
            at,
            late: rule == "late",
        }),
        action: action.into(),
        trading: action == "bot",
        expires_at: at.plus(Duration::from_secs(600)),
        body: Some(Arc::new(Body::Webhook(body))),
        fallback: None,
        line: None,
        outcome: None,
    }
}

fn end(journal: &Journal, of: &DeliveryRow, outcome: Outcome) {
    let (firing, action) = (of.firing.id, Arc::clone(&of.action));
    journal.ended(EndRow { firing, action, outcome, attempts: 1, at: of.firing.at.plus(Duration::from_secs(1)) });
}

fn attempt(journal: &Journal, of: &DeliveryRow, verdict: &'static str, answer: &str) {
    let (firing, action, at) = (of.firing.id, Arc::clone(&of.action), of.firing.at.plus(Duration::from_millis(200)));
    journal.attempted(AttemptRow {
        firing,
        action,
        number: 1,
        at,
        verdict,
        answer: answer.to_owned(),
        took: Duration::from_millis(87),
        not_before: None,
    });
}

/// One of each, the oldest first: 1 delivered, 2 dead, 3 unknown, 4 expired, 5 paper, 6 overflow, 7 pending, 8 with a digest's form.
fn one_of_each(journal: &Journal, now: Timestamp) {
    let rows = [
        row("fine", "desk", now, 5_000),
        row("dead", "desk", now, 170),
        row("unknown", "bot", now, 90),
        row("late", "desk", now, 60),
        row("paper", "bot", now, 30),
        row("overflow", "desk", now, 20),
        row("pending", "desk", now, 2),
        row("digest", "desk", now, 1),
    ];
    journal.record(Record { entry: None, firings: Vec::new(), deliveries: rows.to_vec(), ..Record::default() });
    let [fine, dead, unknown, late, paper, overflow, pending, digest] = &rows;
    let receipt = |id: &str| Receipt::of_answer(200, Some(id.to_owned())).unwrap();
    attempt(journal, fine, "delivered", "200");
    end(journal, fine, Outcome::Delivered { receipt: receipt("m1"), form: Form::Message });
    attempt(journal, dead, "dead", "404 unknown webhook");
    end(journal, dead, Outcome::Dead { reason: format!("404: {HOSTILE}") });
    end(journal, unknown, Outcome::Unknown { reason: "no answer within 15 s".to_owned() });
    end(journal, late, Outcome::Expired);
    end(journal, paper, Outcome::Suppressed { reason: Suppression::Paper });
    end(journal, overflow, Outcome::Suppressed { reason: Suppression::Overflow });
    attempt(journal, pending, "throttled", "429, retry after 3 s");
    end(journal, digest, Outcome::Delivered { receipt: receipt("m2"), form: Form::Digest });
}

#[test]
fn deliveries_are_asked_for_by_state_rule_action_and_time() {
    let kept = Kept::new(one_of_each);
    let all = ["digest", "pending", "overflow", "paper", "late", "unknown", "dead", "fine"];
    for (arguments, expected) in [
        (&[][..], &all[..]),
        (&["--failed"], &["unknown", "dead"]),
        (&["--expired"], &["late"]),
        (&["--pending"], &["pending"]),
        (&["--failed", "--expired", "--pending"], &["pending", "late", "unknown", "dead"]),
        (&["--paper"], &["paper"]),
        (&["--rule", "dead"], &["dead"]),
        (&["--rule", "dea"], &[]),
        (&["--action", "bot"], &["paper", "unknown"]),
        (&["--action", "bot", "--failed"], &["unknown"]),
        (&["--since", "1h30m30s"], &["digest", "pending", "overflow", "paper", "late", "unknown"]),
        (&["--since", "25m", "--limit", "1"], &["digest"]),
        (&["--since", "2020-01-01"], &all),
        (&["--since", "2999-01-01T00:00:00Z"], &[]),
        (&["--limit", "3"], &all[..3]),
    ] {
        assert_eq!(kept.rules(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn the_table_says_of_each_what_became_of_it() {
    let kept = Kept::new(one_of_each);
    let (code, out, said) = kept.run(&["deliveries"]);
    assert_eq!((code, said.as_str()), (0, ""));
    let lines: Vec<Vec<_>> =
        out.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(lines[0], ["ID", "FIRED", "AGE", "RULE", "ACTION", "ABOUT", "STATE", "TRIES", "WHY"]);
    let about = "tweet:2067225747256360460";
    let late = "tweet:2067225747256360460 (late)";
    for (at, id, age, expected) in [
        (1, "8", "1 min", &["digest", "desk", about, "delivered", "1", "as digest"][..]),
        (2, "7", "2 min", &["pending", "desk", about, "pending", "1", "throttled: 429, retry after 3 s; expires in 7 min"]),
        (3, "6", "20 min", &["overflow", "desk", about, "suppressed", "1", "overflow"]),
        (4, "5", "30 min", &["paper", "bot (order)", about, "suppressed", "1", "paper"]),
        (5, "4", "1 h", &["late", "desk", late, "expired", "1"]),
        (6, "3", "1 h 30 min", &["unknown", "bot (order)", about, "unknown", "1", "no answer within 15 s"]),
        (7, "2", "2 h 50 min", &["dead", "desk", about, "dead", "1", "404: re[31md2J and ]8;;http://evil\\more"]),
        (8, "1", "3 d 11 h", &["fine", "desk", about, "delivered", "1"]),
    ] {
        let line = &lines[at];
        assert_eq!(line[0], id, "{out}");
        assert!(line[2].starts_with(age), "{} is not {age}", line[2]);
        let tail: Vec<_> = line[3..].to_vec();
        let expected_last = expected.last().unwrap();
        assert_eq!(tail[..tail.len() - 1], expected[..expected.len() - 1], "{out}");
        assert!(tail.last().unwrap().starts_with(expected_last), "{tail:?} does not end with {expected_last}");
    }
    assert!(out.contains("birdcall redeliver ID"), "{out}");
    let raw = out.chars().find(|letter| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}');
    assert_eq!(raw, None, "{out}");
    let (_, out, _) = kept.run(&["deliveries", "--limit", "2"]);
    assert!(out.contains("the newest 2; there are more") && out.lines().count() == 4, "{out}");
    let (_, out, _) = kept.run(&["deliveries", "--limit", "8"]);
    assert!(!out.contains("there are more"), "{out}");
    assert_eq!(kept.run(&["deliveries", "--rule", "none"]).1, "no such deliveries\n");
}

#[test]
fn json_has_every_field_under_its_documented_name() {
    let kept = Kept::new(one_of_each);
    let found = kept.json(&["--rule", "dead"]);
    let at = |seconds: i64| Timestamp::from_millis(kept.now.as_millis() - 170 * 60_000 + seconds * 1_000).to_string();
    let expected = serde_json::json!({
        "id": 2, "firing": FiringId::of("dead", "tweet:2067225747256360460", "").to_string(), "rule": "dead",
        "subject": "tweet:2067225747256360460", "action": "desk", "trading": false, "late": false,
        "fired_at": at(0), "expires_at": at(600), "state": "dead", "why": format!("404: {HOSTILE}"), "form": null, "receipt": null,
        "sent_at": found[0]["sent_at"], "edit": null, "ended_at": at(1), "tries": 1,
        "attempts": [{
            "number": 1, "at": Timestamp::from_millis(kept.now.as_millis() - 170 * 60_000 + 200).to_string(),
            "verdict": "dead", "answer": "404 unknown webhook", "took_ms": 87,
        }],
    });
    assert_eq!(found, [expected]);
    let fine = &kept.json(&["--rule", "fine"])[0];
    assert_eq!((fine["state"].as_str(), fine["receipt"].as_str()), (Some("delivered"), Some("m1")));
    assert!(fine["sent_at"].is_string());
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for name in found[0].as_object().unwrap().keys() {
        assert!(readme.contains(&format!("`{name}`")), "the README does not say what {name} is");
    }
    let (_, out, _) = kept.run(&["deliveries", "--json"]);
    let raw = out.chars().find(|letter| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}');
    assert_eq!(raw, None, "{out}");
}

#[test]
fn deliveries_are_read_while_an_instance_has_the_journal() {
    let home = Home::new();
    let clock = Clock::system();
    let (journal, writer) = journal::open(&home.path().join("state"), Settings::default(), clock.clone()).unwrap();
    let writer = std::thread::spawn(writer);
    one_of_each(&journal, clock.now());
    let flushed = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(journal.flush());
    assert!(flushed);
    let (code, out, said) = home.run(&["deliveries", "--failed", "--state", "state"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("unknown") && out.contains("dead"), "{out}");
    // And its switch is its own.
    for command in ["arm", "disarm"] {
        let (code, out, said) = home.run(&[command, "--state", "state"]);
        assert_eq!((code, out.as_str()), (2, ""), "{said}");
        assert!(said.contains("Nothing was changed"), "{said}");
    }
    drop(journal);
    writer.join().unwrap();
    assert_eq!(Reader::open(&home.path().join("state")).unwrap().switch().unwrap(), None);
}

#[test]
fn a_time_that_cannot_be_read_is_refused_with_what_can() {
    let kept = Kept::new(|_, _| {});
    let (code, _, said) = kept.run(&["deliveries", "--since", "yesterday"]);
    assert!(code == 2 && said.contains("--since") && said.contains("2026-11-24"), "{said}");
    let (code, out, _) = kept.run(&["deliveries"]);
    assert_eq!((code, out.as_str()), (0, "no such deliveries\n"));
    assert_eq!(kept.run(&["deliveries", "--json"]).1, "[]\n");
}

#[test]
fn without_an_instance_the_switch_waits_in_the_journal() {
    let kept = Kept::new(|_, _| {});
    for (arguments, armed, why) in [
        (&["disarm", "--because", "fed day"][..], false, "fed day"),
        (&["arm"], true, "by hand"),
        (&["disarm"], false, "by hand"),
    ] {
        let (code, out, said) = kept.run(arguments);
        let word = if armed { "armed" } else { "disarmed" };
        assert_eq!((code, out), (0, format!("orders are {word} from the next start on\n")), "{said}");
        assert!(said.contains("no birdcall is running"), "{said}");
        let switch = Reader::open(&kept.folder()).unwrap().switch().unwrap().unwrap();
        assert_eq!((switch.armed, switch.why.as_str()), (armed, why));
        let (_, status, _) = kept.run(&["status"]);
        assert!(status.contains(&format!("{word} from the next start on, since")) && status.contains(why), "{status}");
    }
}

#[test]
fn status_without_an_instance_says_what_the_journal_knows() {
    let kept = Kept::new(|journal, now| {
        one_of_each(journal, now);
        let before = |minutes: i64| Timestamp::from_millis(now.as_millis() - minutes * 60_000);
        journal.alive(before(3), true);
        journal.gap(GapRow { from: before(90), to: before(80), state: GapState::Filled, why: "12 tweets".to_owned() });
        journal.gap(GapRow { from: before(60), to: before(58), state: GapState::Unavailable, why: HOSTILE.to_owned() });
    });
    let (code, out, said) = kept.run(&["status"]);
    assert_eq!((code, said.as_str()), (0, ""));
    for words in [
        "no birdcall is running with state as its state folder",
        "(3 min",
        "orders   as the rules say",
        "1 delivery is pending",
        "gaps     filled, from ",
        "(10 min): 12 tweets",
        "unavailable, from ",
        "(2 min): re[31md2J and",
    ] {
        assert!(out.contains(words), "{words:?} is missing in:\n{out}");
    }
    assert_eq!(out.chars().find(|letter| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}'), None, "{out}");
    let (code, out, _) = kept.run(&["status", "--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["running"], &json["pending"], &json["armed"]), (0, &false.into(), &1.into(), &Value::Null));
    assert_eq!(json["gaps"][1]["why"], HOSTILE);
    assert_eq!(json["last_alive"], Timestamp::from_millis(kept.now.as_millis() - 180_000).to_string());
}

#[test]
fn with_neither_an_instance_nor_a_journal_every_command_ends_with_2_and_makes_nothing() {
    let home = Home::new();
    let mutes = [&["mutes"][..], &["mute", "x", "--for", "1h"], &["unmute", "x"]];
    for arguments in [&["status"][..], &["deliveries"], &["redeliver", "1"], &["arm"], &["disarm"]].into_iter().chain(mutes) {
        let (code, out, said) = home.run(&[arguments, &["--state", "nowhere"]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?} said:\n{said}");
        assert!(said.contains("nowhere") && !said.contains("panicked"), "{arguments:?} said:\n{said}");
        assert!(!home.path().join("nowhere").exists(), "{arguments:?} made a folder");
    }
    let home = home.env("BIRDCALL_STATE", "elsewhere");
    assert!(home.run(&["status"]).2.contains("elsewhere"));
}

#[test]
fn what_is_no_journal_is_said_and_left_alone() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("state")).unwrap();
    home.write("state/journal.db", "something else entirely, and longer than a page's head would be");
    for arguments in [&["status"][..], &["deliveries"], &["arm"], &["disarm"]] {
        let (code, out, said) = home.run(&[arguments, &["--state", "state"]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?} said:\n{said}");
        assert!(said.contains("journal.db") && !said.contains("panicked"), "{arguments:?} said:\n{said}");
    }
}
