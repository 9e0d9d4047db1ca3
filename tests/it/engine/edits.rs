//! Messages that were sent and are edited: when they read otherwise, and that nothing is sent for it.

use std::sync::Arc;
use std::time::Duration;

use birdcall::engine::{Effect, Engine, Input, Prepared};
use birdcall::model::delivery::{Delivery, Form, Outcome, Receipt, Report, Suppression};
use birdcall::model::firing::{FiringBrief, Origin};
use birdcall::model::limits::EDITABLE_MESSAGES;
use birdcall::model::message::Body;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use birdcall::{decode, rules};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ORBL, OTHER};
use crate::kit::story::{START, content, meta, of_tweet, token, update};

const ACTIONS: &str = r#"
[actions.desk]
type = "discord"
url = "https://discord.com/api/webhooks/1/abc"
[actions.chat]
type = "telegram"
token = "1:abc"
chat = 1
[actions.room]
type = "slack"
token = "xoxb-1"
channel = "C1"
[actions.hook]
type = "slack"
url = "https://hooks.slack.com/services/T1/B1/x"
[actions.bot]
type = "webhook"
url = "http://127.0.0.1:1/"
trading = true
max_age = "1h"
json = { text = "{{ tweet.id }}" }
"#;
const GM: &str = "[[rule]]\nname = \"gm\"\nwhen = { keyword = \"gm\" }\n";

fn set(text: &str) -> Arc<RuleSet> {
    let sources = [rules::Source::rules("rules.toml", format!("{ACTIONS}{text}"))];
    let loaded = rules::load(&sources);
    let Some(set) = loaded.ruleset else { panic!("{}", rules::render(&loaded.diagnostics, &sources, rules::Style::Plain)) };
    Arc::new(set)
}

fn gm(send: &str) -> Engine {
    Engine::new(set(&format!("{GM}send = [{send}]\n")))
}

/// What is sent, and what is to read otherwise, of a frame that comes `ms` after the start.
struct Step {
    sent: Vec<Delivery>,
    revised: Vec<(usize, String)>,
}

fn come(engine: &mut Engine, ms: i64, frame: &Value) -> Step {
    let (frame, at) = (frame.to_string(), Timestamp::from_millis(START + ms));
    let envelope = decode::decode(&frame).unwrap_or_else(|why| panic!("{why}: {frame}"));
    let mut effects = Vec::new();
    engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut effects);
    assert!(!engine.is_unfinished());
    step(effects)
}

fn step(effects: Vec<Effect>) -> Step {
    let mut step = Step { sent: Vec::new(), revised: Vec::new() };
    for effect in effects {
        match effect {
            Effect::Deliver(delivery) => step.sent.push(*delivery),
            Effect::Revise(revision) => step.revised.push((revision.action, text(&revision.body))),
            Effect::Fired(_) | Effect::Paper(_) | Effect::Ended(_) | Effect::Trace(_) | Effect::Identity(_) => {}
        }
    }
    step
}

fn text(body: &Body) -> String {
    String::from_utf8(body.store().1.to_vec()).unwrap()
}

fn orbl(price: f64) -> Value {
    json!({ "tokens": [token("ORBL", ORBL, price)] })
}

fn deleted(id: &str) -> Value {
    of_tweet("delete", id, &json!({}))
}

/// The action with the name.
fn place(name: &str) -> usize {
    set(&format!("{GM}send = [\"desk\"]\n")).actions.iter().position(|action| action.name == name).unwrap()
}

fn ended(rule: &str, tweet: &str, outcome: Outcome) -> Report {
    let (id, at) = (birdcall::model::ids::FiringId::of(rule, tweet, ""), Timestamp::from_millis(START));
    let firing = Arc::new(FiringBrief { id, rule: rule.into(), subject: format!("tweet:{tweet}"), at, late: false });
    Report { firing, action: place("bot"), outcome, attempts: 1, took: Duration::ZERO }
}

fn delivered() -> Outcome {
    Outcome::Delivered { receipt: Receipt::of_answer(200, None).unwrap(), form: Form::Message }
}

fn told(engine: &mut Engine, report: &Report) -> Vec<(usize, String)> {
    let mut effects = Vec::new();
    engine.order_ended(report, &mut effects);
    let step = step(effects);
    assert!(step.sent.is_empty());
    step.revised
}

const ALL: &str = "{ to = \"desk\", update = true }, { to = \"chat\", update = true }, { to = \"room\", update = true }";

#[test]
fn a_message_that_went_out_on_the_text_is_edited_when_meta_brings_token_and_price() {
    let mut engine = gm(ALL);
    let first = come(&mut engine, 10, &content("1", "kol", "gm $ORBL"));
    assert_eq!((first.sent.len(), first.revised.len()), (3, 0));
    let second = come(&mut engine, 300, &meta("1", &orbl(0.0012)));
    assert!(second.sent.is_empty(), "nothing is sent twice");
    assert_eq!(second.revised.len(), 3);
    for (of, (action, revised)) in first.sent.iter().zip(&second.revised) {
        assert_eq!(of.action, *action);
        assert!(!text(&of.body).contains("0.0012") && revised.contains("0.0012"), "{revised}");
        assert!(revised.contains(ORBL), "{revised}");
    }
    let again = come(&mut engine, 400, &meta("1", &orbl(0.0012)));
    assert!(again.revised.is_empty(), "a duplicate teaches nothing");
    let dearer = come(&mut engine, 500, &meta("1", &orbl(0.0034)));
    assert!(dearer.sent.is_empty());
    let other = come(&mut engine, 600, &meta("2", &orbl(0.5)));
    assert!(other.revised.is_empty(), "of another tweet");
}

#[test]
fn what_does_not_change_how_it_reads_is_no_edit() {
    let mut engine = gm(ALL);
    come(&mut engine, 10, &content("1", "kol", "gm"));
    let told = come(&mut engine, 20, &update("1", &json!({ "receivedAt": START + 5 })));
    assert!(told.revised.is_empty());
}

#[test]
fn a_deleted_tweet_is_struck_through_and_said_to_be_deleted_on_every_platform() {
    let mut engine = gm(ALL);
    come(&mut engine, 10, &content("1", "kol", "gm to @everyone at evil.com\n\nand $ORBL"));
    let gone = come(&mut engine, 60_000, &deleted("1"));
    assert!(gone.sent.is_empty());
    let [(_, desk), (_, chat), (_, room)] = gone.revised.as_slice() else { panic!("{:?}", gone.revised) };
    assert!(desk.contains(r"~~gm to \\@everyone at evil\\.com~~\n\n~~and $ORBL~~"), "{desk}");
    assert!(chat.contains(r#""type":"strikethrough""#) && !chat.contains(r#""type":"pre""#), "{chat}");
    assert!(chat.contains("@\u{2060}everyone at evil.\u{2060}com"), "{chat}");
    assert!(room.contains(r#""strike":true"#), "{room}");
    for message in [desk, chat, room] {
        assert!(message.contains("🗑️ deleted 12:"), "{message}");
    }
    let again = come(&mut engine, 61_000, &deleted("1"));
    assert!(again.revised.is_empty());
}

#[test]
fn only_sends_that_say_so_and_platforms_that_can_are_edited() {
    let sends = "\"desk\", { to = \"chat\", update = false }, { to = \"hook\", update = true }, { to = \"room\", update = true, mode = \"paper\" }";
    let mut engine = gm(sends);
    assert_eq!(come(&mut engine, 10, &content("1", "kol", "gm $ORBL")).sent.len(), 3);
    let news = come(&mut engine, 300, &meta("1", &orbl(0.0012)));
    assert_eq!((news.sent.len(), news.revised.len()), (0, 0));
    assert!(engine.revisions().is_empty());
}

#[test]
fn messages_say_what_became_of_an_order_on_their_tweet() {
    let mut engine = gm("{ to = \"desk\", update = true }");
    come(&mut engine, 10, &content("1", "kol", "gm"));
    come(&mut engine, 20, &content("2", "kol", "gm gm"));
    let of_one = told(&mut engine, &ended("buy", "1", delivered()));
    assert_eq!(of_one.len(), 1);
    assert!(of_one[0].1.contains("bot of buy") && of_one[0].1.contains("✅ delivered"), "{of_one:?}");
    assert!(told(&mut engine, &ended("buy", "1", delivered())).is_empty(), "it says so already");
    let dead = Outcome::Dead { reason: "HTTP 400: no `money` @here".to_owned() };
    let of_two = told(&mut engine, &ended("gm", "2", dead));
    assert!(of_two[0].1.contains("❌ failed"), "{of_two:?}");
    assert!(of_two[0].1.contains(r"no \\`money\\` \\@here"), "a destination's words are anybody's: {of_two:?}");
    assert!(told(&mut engine, &ended("buy", "3", delivered())).is_empty());
    let held = Outcome::Suppressed { reason: Suppression::Cooldown };
    assert!(told(&mut engine, &ended("other", "1", held)).is_empty(), "what was held back on purpose was no order");
    let stopped = Outcome::Suppressed { reason: Suppression::Disarmed };
    assert!(told(&mut engine, &ended("other", "1", stopped))[0].1.contains("orders are stopped"));
}

#[test]
fn an_order_that_ended_before_the_message_went_out_is_told_as_well() {
    let mut engine = gm("{ to = \"desk\", update = true }");
    assert!(told(&mut engine, &ended("buy", "1", delivered())).is_empty());
    let step = come(&mut engine, 10, &content("1", "kol", "gm"));
    assert_eq!(step.sent.len(), 1);
    assert!(step.revised[0].1.contains("✅ delivered"), "{:?}", step.revised);
}

#[test]
fn what_is_known_is_not_lost_with_a_tweet_that_was_forgotten() {
    let mut engine = Engine::forgetful(set(&format!("{GM}send = [{{ to = \"desk\", update = true }}]\n")), 2);
    come(&mut engine, 0, &content("1", "kol", "gm there"));
    come(&mut engine, 300, &meta("1", &orbl(0.0012)));
    for other in ["7", "8", "9"] {
        come(&mut engine, 400, &content(other, "kol", "hello"));
    }
    let gone = come(&mut engine, 60_000, &deleted("1"));
    assert!(gone.revised[0].1.contains("~~gm there~~") && gone.revised[0].1.contains("0.0012"), "{:?}", gone.revised);
}

#[test]
fn a_message_is_edited_for_three_hours_and_says_for_a_day_that_its_tweet_was_deleted() {
    let hours = 3_600_000;
    let mut engine = gm("{ to = \"desk\", update = true }");
    for id in ["1", "2", "3"] {
        come(&mut engine, 0, &content(id, "kol", "gm there"));
    }
    assert_eq!(come(&mut engine, 3 * hours - 1, &meta("1", &orbl(0.0012))).revised.len(), 1);
    assert!(come(&mut engine, 3 * hours, &meta("2", &orbl(0.0034))).revised.is_empty(), "a price of later is no news");
    let gone = come(&mut engine, 23 * hours, &deleted("2")).revised;
    assert!(gone[0].1.contains("~~gm there~~") && !gone[0].1.contains("0.0034"), "{gone:?}");
    assert!(come(&mut engine, 23 * hours + 1, &meta("2", &orbl(0.5))).revised.is_empty());
    let gone = come(&mut engine, 24 * hours - 1, &deleted("1")).revised;
    assert!(gone[0].1.contains("~~gm there~~") && gone[0].1.contains("0.0012"), "{gone:?}");
    assert!(come(&mut engine, 24 * hours, &deleted("3")).revised.is_empty());
}

#[test]
fn of_many_messages_the_latest_are_remembered() {
    let mut engine = gm("{ to = \"desk\", update = true }, { to = \"chat\", update = true }");
    let most = EDITABLE_MESSAGES / 2;
    for n in 0..=most {
        come(&mut engine, i64::try_from(n).unwrap(), &content(&format!("1{n:06}"), "kol", "gm"));
    }
    assert_eq!(engine.revisions().len(), EDITABLE_MESSAGES);
    assert!(come(&mut engine, 60_000, &deleted("1000000")).revised.is_empty(), "the oldest");
    assert_eq!(come(&mut engine, 60_000, &deleted("1000001")).revised.len(), 2);
}

#[test]
fn a_reload_goes_on_with_rules_that_kept_their_name_and_still_edit() {
    let first = set(&format!("{GM}send = [{{ to = \"desk\", update = true }}, {{ to = \"chat\", update = true }}]\n"));
    let mut engine = Engine::new(Arc::clone(&first));
    come(&mut engine, 10, &content("1", "kol", "gm"));
    let next = "[[rule]]\nname = \"first\"\nwhen = { keyword = \"x\" }\nsend = [\"room\"]\n";
    let next = set(&format!("{next}{GM}send = [{{ to = \"desk\", update = true }}, \"chat\"]\n"));
    drop(engine.replace_rules(Prepared::new(next, &first)));
    let news = come(&mut engine, 300, &meta("1", &orbl(0.0012)));
    assert_eq!(news.revised.iter().map(|(action, _)| *action).collect::<Vec<_>>(), [place("desk")]);
}

#[test]
fn the_template_of_a_message_is_worked_out_anew() {
    let template = "template = { title = \"t\", body = \"{{ tweet.text }} {% if tokens %}{{ tokens[0].price }}{% endif %}\" }";
    let mut engine = gm(&format!("{{ to = \"desk\", update = true, {template} }}"));
    come(&mut engine, 10, &content("1", "kol", "gm"));
    let news = come(&mut engine, 300, &meta("1", &orbl(0.25)));
    assert!(news.revised[0].1.contains(r"gm 0\\.25"), "{:?}", news.revised);
    assert!(told(&mut engine, &ended("gm", "1", delivered()))[0].1.contains("✅ delivered"), "facts or not");
}

/// What each message says in the end, live; and what it is to say by an engine that has gone through the same after a restart.
fn law(frames: &[Value], orders: &[(usize, bool)]) {
    let rules = set(&format!(
        "{GM}send = [{ALL}]\n[[rule]]\nname = \"each\"\neach = \"token\"\nwhen = {{ token = {{ symbol = \"ORBL\" }} }}\nsend = [{{ to = \"desk\", update = true }}]\n"
    ));
    let (mut live, mut after) = (Engine::new(Arc::clone(&rules)), Engine::new(rules));
    let mut says: Vec<((String, usize), String)> = Vec::new();
    let mut sent = 0;
    after.spare_messages(true);
    let order = |at: usize| {
        let (_, ok) = orders.iter().find(|(of, _)| *of == at)?;
        Some(ended("buy", "1", if *ok { delivered() } else { Outcome::Expired }))
    };
    for (at, frame) in frames.iter().enumerate() {
        let ms = i64::try_from(at).unwrap() * 700;
        let mut effects = Vec::new();
        let (frame, moment) = (frame.to_string(), Timestamp::from_millis(START + ms));
        let envelope = decode::decode(&frame).unwrap();
        let input = Input::Entry { envelope: &envelope, at: moment, origin: Origin::Live };
        live.step(&input, &mut effects);
        after.step(&input, &mut Vec::new());
        if let Some(report) = order(at) {
            live.order_ended(&report, &mut effects);
        }
        for effect in effects {
            match effect {
                Effect::Deliver(of) => {
                    sent += 1;
                    says.push(((of.firing.id.to_string(), of.action), text(&of.body)));
                }
                Effect::Revise(of) => {
                    let known = says.iter_mut().find(|(key, _)| *key == (of.firing.to_string(), of.action));
                    let (_, before) = known.expect("only what was sent is edited");
                    assert_ne!(*before, text(&of.body), "an edit that changes nothing");
                    *before = text(&of.body);
                }
                Effect::Fired(_) | Effect::Paper(_) | Effect::Ended(_) | Effect::Trace(_) | Effect::Identity(_) => {}
            }
        }
    }
    after.spare_messages(false);
    for report in (0..frames.len()).filter_map(order) {
        after.order_ended(&report, &mut Vec::new());
    }
    let wanted: Vec<_> = after.revisions().into_iter().map(|of| ((of.firing.to_string(), of.action), text(&of.body))).collect();
    let sorted = |mut all: Vec<((String, usize), String)>| {
        all.sort();
        all
    };
    assert_eq!(sorted(wanted), sorted(says));
    // As many as without.
    let rules = set(&format!(
        "{GM}send = [\"desk\", \"chat\", \"room\"]\n[[rule]]\nname = \"each\"\neach = \"token\"\nwhen = {{ token = {{ symbol = \"ORBL\" }} }}\nsend = [\"desk\"]\n"
    ));
    let mut plain = Engine::new(rules);
    let without: usize =
        frames.iter().enumerate().map(|(at, frame)| come(&mut plain, i64::try_from(at).unwrap() * 700, frame).sent.len()).sum();
    assert_eq!(sent, without);
}

fn frame() -> impl Strategy<Value = Value> {
    let tokens = move |prices: Vec<(bool, u8)>| {
        let of = |(is_orbl, price): (bool, u8)| token("ORBL", if is_orbl { ORBL } else { OTHER }, f64::from(price));
        json!({ "tokens": prices.into_iter().map(of).collect::<Vec<_>>() })
    };
    prop_oneof![
        3 => prop::sample::select(vec!["gm", "gm $ORBL", "hello", "gm gm"]).prop_map(|text| content("1", "kol", text)),
        3 => prop::collection::vec((any::<bool>(), 1..4_u8), 0..3).prop_map(move |of| meta("1", &tokens(of))),
        1 => Just(update("1", &json!({ "text": "gm again" }))),
        1 => Just(deleted("1")),
        1 => Just(content("2", "kol", "gm two")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_restart_knows_what_each_message_is_to_say_and_nothing_more_is_sent_than_without(
        frames in prop::collection::vec(frame(), 1..8),
        orders in prop::collection::vec((0..8_usize, any::<bool>()), 0..3),
    ) {
        law(&frames, &orders);
    }
}
