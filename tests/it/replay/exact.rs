//! A live run and its replay fire the same, in the same order: from the journal, from what `record` wrote beside it, and from what the
//! journal exports.

use std::sync::Arc;
use std::time::Duration;

use birdcall::engine::{Effect, Engine, Input};
use birdcall::feed::simulator::HistoryAnswer;
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use birdcall::{decode, rules};
use serde_json::{Value, json};

use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::feed::{KEY, Rig};

const RULES: &str = r#"
[feed]
key = "env:FEED_KEY"
[actions.out]
type = "console"
max_age = "1h"
[[rule]]
name = "text"
send = ["out"]
when = { handle = "kol", keyword = "list" }
[[rule]]
name = "each"
each = "token"
send = ["out"]
when = { handle = "kol", token = { chain = "solana" } }
[[rule]]
name = "cheap"
send = ["out"]
when = { token = { price = { below = 0.5 } } }
[[rule]]
name = "silent"
wait = "2s"
send = ["out"]
[rule.when]
handle = "kol"
none = [{ token = { chain = "solana" } }]
[[rule]]
name = "gone"
on = "delete"
send = ["out"]
when = { handle = "kol" }
"#;

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn envelope(op: &str, id: u32, d: &Value) -> String {
    json!({"v": 1, "t": "tweet", "op": op, "id": id.to_string(), "ts": now(), "d": d}).to_string()
}

/// Frames of many tweets at once, some of them twice or the wrong way round, and how many firings they must bring.
fn story() -> (Vec<String>, usize) {
    let (mut frames, mut firings) = (Vec::new(), 0);
    for n in 0..120_u32 {
        let id = 1_000 + n;
        let text = if n % 3 == 0 { format!("will list {n}") } else { format!("gm {n}") };
        let content = envelope(
            "content",
            id,
            &json!({
            "tweetId": id.to_string(), "text": text, "createdAt": now(), "author": {"id": "1", "handle": "kol"}}),
        );
        let symbol = format!("T{n}");
        let tokens = json!([{"symbol": symbol, "chain": "solana", "priceUsd": f64::from(n % 10) / 10.0 + 0.01},
            {"symbol": format!("U{n}"), "chain": "solana", "priceUsd": 3.0}]);
        let meta = envelope("meta", id, &json!({"tweetId": id.to_string(), "detected": {"tokens": tokens}}));
        let has_meta = n % 4 != 0;
        firings += usize::from(n % 3 == 0) + if has_meta { 2 + usize::from(n % 10 < 5) } else { 1 };
        match (has_meta, n % 5) {
            (false, _) => frames.push(content),
            (true, 0) => frames.extend([meta, content]),
            (true, 1) => frames.extend([content.clone(), meta.clone(), content, meta]),
            (true, _) => frames.extend([content, meta]),
        }
        if n % 12 == 11 {
            frames.push(envelope("delete", id, &json!({"tweetId": id.to_string()})));
            firings += 1;
        }
    }
    (frames, firings)
}

/// Ids of firings, in the order in which they were recorded.
fn fired(home: &Home) -> Vec<String> {
    let mut reader = birdcall::journal::Reader::open(&home.path().join("state")).unwrap();
    reader.fired(10_000).unwrap().iter().map(ToString::to_string).collect()
}

fn replayed(home: &Home, arguments: &[&str]) -> Vec<String> {
    let (code, out, said) = home.run(&[["replay", "--list", "--json"].as_slice(), arguments].concat());
    assert_eq!(code, 0, "{said}");
    let rows = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "firing").map(|row| row["firing"].as_str().unwrap().to_owned()).collect()
}

fn stop(mut program: Program) -> String {
    program.ask_to_stop();
    let (code, said) = program.end();
    assert_eq!(code, 0, "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_live_run_replayed_fires_the_same_in_the_same_order() {
    let rig = Rig::plain().await;
    let home = Home::with_rules(RULES).env("FEED_KEY", KEY);
    let mut run = home.start(&["run", "--url", &rig.url]);
    run.wait_for("connected to the feed");
    let mut record = home.start(&["record", "--url", &rig.url, "--out", "live.jsonl.zst"]);
    record.wait_for("connected to the feed");
    let (frames, firings) = story();
    frames.iter().for_each(|frame| rig.handle.send(frame.as_str()));
    wait_until("all have fired, those that wait, too", || fired(&home).len() >= firings);
    let said = stop(record);
    assert!(said.contains(&format!("{} envelopes, ", frames.len())) && said.contains("live.jsonl.zst"), "{said}");
    stop(run);
    let live = fired(&home);
    assert_eq!(live.len(), firings);
    assert_eq!(replayed(&home, &[]), live, "the journal");
    assert_eq!(replayed(&home, &["--file", "live.jsonl.zst"]), live, "what was recorded beside it");
    let (code, out, said) = home.run(&["record", "--from-journal", "--out", "journal.jsonl"]);
    assert_eq!(code, 0, "{said}");
    assert!(out.contains(&format!("{} envelopes, ", frames.len())), "{out}");
    assert_eq!(replayed(&home, &["--file", "journal.jsonl"]), live, "what the journal exports");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_missed_something_and_fetched_it_is_replayed_as_it_was() {
    let rig = super::rig_with_history().await;
    let home = Home::with_rules(RULES).env("FEED_KEY", KEY);
    let history = rig.history.clone().unwrap();
    let mut run = home.start(&["run", "--url", &rig.url, "--history", &history]);
    run.wait_for("connected to the feed");
    let content = |id: u32| {
        let d = json!({"tweetId": id.to_string(), "text": "gm", "createdAt": now(), "author": {"id": "1", "handle": "kol"}});
        envelope("content", id, &d)
    };
    let token = json!([{"symbol": "T", "chain": "solana", "priceUsd": 3.0}]);
    let meta = envelope("meta", 7, &json!({"tweetId": "7", "detected": {"tokens": token}}));
    rig.handle.send(content(7));
    wait_until("it came", || home.status()["feed"]["last_tweet"]["id"] == "7");
    rig.handle.remember(&meta);
    // Longer than the rule waits: what it waits for is fetched when it would have been told that there is none.
    rig.handle.answer_history(HistoryAnswer::Late(Duration::from_secs(3)));
    rig.handle.close(1012, "restarting");
    run.wait_for("the history has what was missed");
    rig.handle.send(content(8));
    wait_until("tweet 7 has a token, and tweet 8 never gets one", || fired(&home).len() == 2);
    stop(run);
    assert_eq!(replayed(&home, &[]), fired(&home));
}

/// A rule for each sort of window.
const OVER_TIME: &str = r#"
[feed]
key = "env:FEED_KEY"
[actions.out]
type = "console"
max_age = "1h"
[[rule]]
name = "silence"
send = [{ to = "out", max_age = "1s" }]
when = { handle = "quiet" }
window = { type = "silence", within = "2s", rearm = "1s" }
[[rule]]
name = "count"
send = ["out"]
when = { handle = "kol" }
window = { type = "count", within = "10m", at_least = 3, rearm = "1s" }
[[rule]]
name = "cross"
send = ["out"]
when = { token = { symbol = "T" } }
window = { type = "cross", above = 1.0, hysteresis = 0.1, per = "token", within = "1h" }
[[rule]]
name = "new"
send = ["out"]
when = { handle = "kol" }
window = { type = "first_seen", of = "token", within = "30d" }
[[rule]]
name = "steps"
on = ["tweet", "delete"]
send = ["out"]
[rule.window]
type = "sequence"
per = "tweet"
within = "30m"
steps = [{ on = "tweet", handle = "kol" }, { on = "delete" }]
"#;

/// All that is on record of firings, in the order in which they were recorded.
fn on_record(home: &Home) -> Vec<Value> {
    let journal = rusqlite::Connection::open(home.path().join("state/journal.db")).unwrap();
    let mut asked = journal.prepare("SELECT firing, rule, subject, at, late FROM firings ORDER BY id").unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let text = |column| row.get::<_, String>(column);
        let at = Timestamp::from_millis(row.get(3)?).to_string();
        Ok(json!({"firing": text(0)?, "rule": text(1)?, "subject": text(2)?, "at": at, "late": row.get::<_, bool>(4)?}))
    };
    asked.query_map((), row).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The same of what a replay fires.
fn of_replay(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let (code, out, said) = home.run(&[["replay", "--list", "--json"].as_slice(), arguments].concat());
    assert_eq!(code, 0, "{said}");
    let rows = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|row| row["kind"] == "firing");
    rows.map(|row| {
        ["firing", "rule", "subject", "at", "late"].iter().map(|name| ((*name).to_owned(), row[name].clone())).collect()
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fires_over_time_is_the_same_in_a_replay_to_the_millisecond() {
    let rig = super::rig_with_history().await;
    let home = Home::with_rules(OVER_TIME).env("FEED_KEY", KEY);
    let history = rig.history.clone().unwrap();
    let mut run = home.start(&["run", "--url", &rig.url, "--history", &history]);
    run.wait_for("connected to the feed");
    let content = |id: u32, handle: &str| {
        let d = json!({"tweetId": id.to_string(), "text": "gm", "createdAt": now(), "author": {"id": handle, "handle": handle}});
        envelope("content", id, &d)
    };
    let meta = |id: u32, usd: f64| {
        let tokens = json!([{"symbol": "T", "chain": "solana", "priceUsd": usd}]);
        envelope("meta", id, &json!({"tweetId": id.to_string(), "detected": {"tokens": tokens}}))
    };
    for (id, usd) in [(1, 0.5), (2, 1.5), (3, 0.95), (4, 1.6), (5, 0.8), (6, 1.7)] {
        rig.handle.send(content(id, "kol"));
        rig.handle.send(meta(id, usd));
    }
    let last = content(7, "quiet");
    rig.handle.send(last.as_str());
    wait_until("it came", || home.status()["feed"]["last_tweet"]["id"] == "7");
    rig.handle.send(envelope("delete", 6, &json!({"tweetId": "6"})));
    wait_until("it is deleted", || on_record(&home).iter().any(|row| row["rule"] == "steps"));
    rig.handle.remember(&last);
    rig.handle.close(1012, "restarting");
    run.wait_for("the history has what was missed");
    run.forget("the history has what was missed");
    // Once more: it has nothing that is new, so that no entry says when that was fetched. Meanwhile it is silent for so long, and is told after it.
    rig.handle.answer_history(HistoryAnswer::Late(Duration::from_millis(3_500)));
    rig.handle.close(1012, "restarting");
    run.wait_for("the history has what was missed");
    let of = |rule: &str| on_record(&home).iter().filter(|row| row["rule"] == rule).count();
    wait_until("it is told again and again", || of("silence") >= 4);
    stop(run);
    // Those, too, that were over for longer than a second when they were found.
    let sent: Vec<_> = home.deliveries(&["--rule", "silence"]).iter().map(|row| row["state"].clone()).collect();
    assert!(sent.iter().all(|state| state == "delivered"), "{sent:?}");
    let live = on_record(&home);
    assert_eq!(["count", "cross", "new", "steps"].map(of), [1, 2, 1, 1], "{live:#?}");
    assert_eq!(of_replay(&home, &[]), live);
}

/// What an engine wants done, without what its messages say.
fn wanted(engine: Engine) -> Vec<String> {
    let (mut engine, mut effects, mut wanted) = (engine, Vec::new(), Vec::new());
    let tweet = |id: &str| format!(r#""author":{{"handle":"kol"}},"tweetId":"{id}","text":"list","createdAt":1781700000000"#);
    let frames = [
        format!(r#"{{"v":1,"t":"tweet","op":"content","ts":1,"d":{{{}}}}}"#, tweet("1")),
        r#"{"v":1,"t":"tweet","op":"meta","ts":2,"d":{"tweetId":"1","detected":{"tokens":[{"symbol":"A"}]}}}"#.to_owned(),
        format!(r#"{{"v":1,"t":"tweet","op":"content","ts":3,"d":{{{}}}}}"#, tweet("2")),
    ];
    for (frame, at) in frames.iter().zip([1_000, 2_000, 90_000]) {
        let (envelope, at) = (decode::decode(frame).unwrap(), Timestamp::from_millis(1_781_700_000_000 + at));
        engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut effects);
        wanted.extend(effects.drain(..).map(|effect| match effect {
            Effect::Fired(firing) => format!("fired {}", firing.id),
            Effect::Deliver(delivery) => format!("deliver {} {} {}", delivery.firing.id, delivery.action, delivery.expires_at),
            Effect::Paper(delivery) => format!("paper {} {} {}", delivery.firing.id, delivery.action, delivery.expires_at),
            Effect::Ended(report) => format!("ended {} {} {:?}", report.firing.id, report.action, report.outcome),
            Effect::Revise(revision) => format!("revise {} {}", revision.firing, revision.action),
            Effect::Trace(trace) => format!("{trace:?}"),
            Effect::Identity(identity) => format!("{identity:?}"),
        }));
    }
    wanted
}

#[test]
fn messages_that_nobody_reads_are_not_made_and_all_else_is_the_same() {
    let text = r#"
[actions.desk]
type = "discord"
url = "env:DESK"
overflow = "digest"
[actions.paper]
type = "console"
mode = "paper"
[actions.off]
type = "console"
mode = "off"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "30s"
[[rule]]
name = "words"
send = ["desk", "paper", "off", "bot"]
when = { keyword = "list" }
[[rule]]
name = "token"
send = [{ to = "bot", json = { price = "{{ token.price }}" } }]
when = { handle = "kol", token = { symbol = "A" } }
"#;
    let loaded = rules::load(&[rules::Source::rules("rules.toml", text)]);
    let set = Arc::new(loaded.ruleset.unwrap());
    let (made, spared) = (wanted(Engine::new(Arc::clone(&set))), wanted(Engine::without_messages(set)));
    assert_eq!(made, spared);
    for kind in ["deliver ", "paper ", "Dead", "Off", "Expired"] {
        assert!(made.iter().any(|line| line.contains(kind)), "{kind}: {made:#?}");
    }
}
