//! What is taken up at a start and what is not, and which waits go on.

use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::decode;
use crate::engine::{Effect, Hold, Input};
use crate::journal::{DeliveryRow, EntryRow, GapRow, GapState, Journal, Record, Settings};
use crate::model::firing::Origin;
use crate::model::identity::{Identity, Kind};
use crate::model::ids::FiringId;
use crate::model::message::{ContentType, WebhookBody};

const NOON: Timestamp = Timestamp::from_millis(1_781_697_600_000);
const HOUR: Duration = Duration::from_secs(3_600);

fn rules(text: &str) -> Arc<RuleSet> {
    let source = crate::rules::Source::rules("rules.toml", text);
    Arc::new(crate::rules::load(&[source]).ruleset.unwrap())
}

/// A bot whose receiver knows a repetition, and a desk; one rule of each mode to both.
fn all_modes() -> Arc<RuleSet> {
    let mut text = "[actions.bot]\ntype = \"webhook\"\nurl = \"env:BOT\"\nsecret = \"env:SECRET\"\ntrading = true\nidempotent = true\nmax_age = \"60s\"\n\
        [actions.desk]\ntype = \"discord\"\nurl = \"env:DESK\"\n"
        .to_owned();
    for mode in Mode::ALL {
        let name = mode.name();
        text += &format!(
            "[[rule]]\nname = \"{name}\"\nmode = \"{name}\"\nsend = [\"bot\", \"desk\"]\nwhen = {{ keyword = \"gm\" }}\n"
        );
    }
    rules(&text)
}

fn stored(rule: &str, action: &str, state: State) -> StoredDelivery {
    let (id, subject) = (FiringId::of(rule, "tweet:1", ""), "tweet:1".to_owned());
    StoredDelivery {
        id: 1,
        firing: Arc::new(FiringBrief { id, rule: rule.into(), subject, at: NOON, late: false }),
        action: action.to_owned(),
        trading: action == "bot",
        expires_at: NOON.plus(HOUR),
        state,
        attempts: 0,
        sent_at: None,
        ended_at: None,
        form: None,
        receipt: None,
        why: None,
        body: Some(Body::Webhook(WebhookBody { bytes: "{}".into(), content_type: ContentType::Json })),
        fallback: None,
        line: None,
        edit: None,
    }
}

/// What becomes of it in one word, and why.
fn end(stored: &StoredDelivery, armed: bool, now: Timestamp) -> String {
    let rules = all_modes();
    let at = rules.actions.iter().position(|action| action.name == stored.action);
    match fate(stored, &rules, at, armed, now) {
        Ok(()) => "goes on".to_owned(),
        Err(Outcome::Suppressed { reason }) => reason.name().to_owned(),
        Err(Outcome::Dead { reason } | Outcome::Unknown { reason }) => reason,
        Err(outcome) => outcome.name().to_owned(),
    }
}

#[test]
fn what_is_pending_goes_on_only_as_the_rules_are_now() {
    let soon = NOON.plus(Duration::from_secs(1));
    for action in ["bot", "desk"] {
        let ends = ["armed", "paper", "off", "birdcall"].map(|rule| end(&stored(rule, action, State::Pending), true, soon));
        assert_eq!(ends, ["goes on", "paper", "off", "goes on"], "{action}");
        assert_eq!(end(&stored("armed", action, State::Pending), true, NOON.plus(HOUR)), "expired");
    }
    assert_eq!(end(&stored("gone", "bot", State::Pending), true, soon), "the rules have no rule gone any more");
    assert_eq!(end(&stored("gone", "desk", State::Pending), true, soon), "goes on", "an alert that was matched");
    assert_eq!(end(&stored("armed", "bot", State::Pending), false, soon), "disarmed");
    assert_eq!(end(&stored("armed", "desk", State::Pending), false, soon), "goes on");
    assert_eq!(end(&stored("armed", "none", State::Pending), true, soon), "the rules have no such action any more");
    assert!(end(&StoredDelivery { body: None, ..stored("armed", "desk", State::Pending) }, true, soon).contains("damaged"));
}

#[test]
fn what_was_an_order_is_one_and_so_is_what_is_one_now() {
    let soon = NOON.plus(Duration::from_secs(1));
    let was = StoredDelivery { trading: true, ..stored("gone", "desk", State::Pending) };
    assert_eq!(end(&was, true, soon), "the rules have no rule gone any more");
    let was = StoredDelivery { trading: true, ..stored("armed", "desk", State::Pending) };
    assert_eq!(end(&was, false, soon), "disarmed");
    let is = StoredDelivery { trading: false, ..stored("gone", "bot", State::Pending) };
    assert_eq!(end(&is, true, soon), "the rules have no rule gone any more");
}

#[test]
fn an_order_that_may_have_left_and_cannot_go_on_is_unknown_whatever_its_receiver_knows() {
    let soon = NOON.plus(Duration::from_secs(1));
    assert_eq!(end(&stored("armed", "bot", State::Sending), true, soon), "goes on", "its receiver knows a repetition");
    let unknown = |rule: &str, armed: bool, now: Timestamp| {
        let rules = all_modes();
        match fate(&stored(rule, "bot", State::Sending), &rules, Some(0), armed, now) {
            Err(Outcome::Unknown { reason }) => reason,
            other => panic!("{rule}: {other:?}"),
        }
    };
    assert!(unknown("armed", true, NOON.plus(HOUR)).contains("too old"));
    assert!(unknown("armed", false, soon).contains("disarmed"));
    assert!(unknown("paper", true, soon).contains("paper"));
    assert!(unknown("off", true, soon).contains("off"));
    assert!(unknown("gone", true, soon).contains("no rule gone"));
}

fn content(id: &str) -> String {
    format!(
        r#"{{"v":1,"t":"tweet","op":"content","id":"{id}","ts":{0},"d":{{"tweetId":"{id}","kind":"post","text":"gm","createdAt":{0},"author":{{"id":"1","handle":"kol","name":"Kol"}}}}}}"#,
        NOON.as_millis()
    )
}

/// The folder of a journal that an earlier run has written.
async fn written(write: impl FnOnce(&Journal)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (journal, writer) = crate::journal::open(folder.path(), Settings::default(), Clock::starting_at(NOON)).unwrap();
    let writer = std::thread::spawn(writer);
    write(&journal);
    assert!(journal.flush().await);
    drop(journal);
    writer.join().unwrap();
    folder
}

/// A tweet whose rule waits for two seconds, another one a minute later, and until when the feed was heard with nothing missing.
async fn waited(heard_until: Option<Duration>) -> usize {
    let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"bare\"\nwait = \"2s\"\nsend = [\"out\"]\n\
        when = { all = [{ handle = \"kol\" }], none = [{ token = \"DOGE\" }] }\n";
    let rules = rules(text);
    let folder = written(|journal| {
        let entry = |id: &str, after: u64| {
            let at = NOON.plus(Duration::from_secs(after));
            let entry = Some(EntryRow { at, origin: Origin::Live, matched: true, text: content(id).into() });
            journal.record(Record { entry, ..Record::default() });
        };
        entry("1", 0);
        entry("2", 60);
        if let Some(until) = heard_until {
            Journal::alive(journal, NOON.plus(until), true);
        }
    })
    .await;
    let mut engine = Engine::new(Arc::clone(&rules));
    let now = NOON.plus(Duration::from_secs(70));
    recover(folder.path(), &rules, &mut engine, (now, None)).unwrap();
    engine.hold(crate::engine::Hold::Nothing);
    let mut effects = Vec::new();
    engine.step(&Input::Tick(now), &mut effects);
    effects.iter().filter(|effect| matches!(effect, Effect::Fired(_))).count()
}

#[tokio::test]
async fn a_wait_that_the_run_before_was_holding_ends_in_this_one() {
    assert_eq!(waited(Some(Duration::from_secs(1))).await, 2, "the feed was not heard any more when it was over");
    assert_eq!(waited(None).await, 2, "the feed was never heard");
}

#[tokio::test]
async fn a_wait_that_was_over_in_the_run_before_is_over() {
    assert_eq!(waited(Some(Duration::from_secs(60))).await, 1, "the second one is waited for still");
}

/// A crash came when one of two messages of a firing was on record, and neither the entry nor the firing was.
#[tokio::test]
async fn a_step_that_a_crash_has_parted_comes_again_but_for_what_is_on_record() {
    let text = "[actions.bot]\ntype = \"console\"\n[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"bot\", \"out\"]\n\
        when = { keyword = \"gm\" }\n";
    let rules = rules(text);
    let frame = content("1");
    let fire = |engine: &mut Engine| {
        let (envelope, mut effects) = (decode::decode(&frame).unwrap(), Vec::new());
        engine.step(&Input::Entry { envelope: &envelope, at: NOON, origin: Origin::Live }, &mut effects);
        effects
    };
    let folder = written(|journal| {
        for effect in fire(&mut Engine::new(Arc::clone(&rules))) {
            if let Effect::Deliver(delivery) = effect
                && delivery.action == 0
            {
                let (firing, outcome) =
                    (Arc::clone(&delivery.firing), Some(Outcome::Unknown { reason: "it crashed".to_owned() }));
                let (action, body, expires_at) = ("bot".into(), Some(Arc::clone(&delivery.body)), delivery.expires_at);
                let row = DeliveryRow { firing, action, trading: true, expires_at, body, fallback: None, line: None, outcome };
                journal.record(Record { deliveries: vec![row], ..Record::default() });
            }
        }
    })
    .await;

    let mut engine = Engine::new(Arc::clone(&rules));
    let recovered = recover(folder.path(), &rules, &mut engine, (NOON, None)).unwrap();
    let mut dispatch = Dispatch::of_consoles(&rules);
    recovered.apply(&mut dispatch);
    assert!(dispatch.perform(None, &mut fire(&mut engine)));
    assert_eq!((dispatch.totals.firings, dispatch.totals.deliveries), (1, 1));
    assert_eq!((dispatch.ledger.pending_of(0), dispatch.ledger.pending_of(1)), (0, 1));
}

#[tokio::test]
async fn a_silence_goes_on_after_a_night_in_which_nothing_was_heard() {
    let text = "[actions.out]\ntype = \"console\"\nmax_age = \"7d\"\n[[rule]]\nname = \"quiet\"\nsend = [\"out\"]\nwhen = { handle = \"kol\" }\n\
        window = { type = \"silence\", within = \"2h\" }\n";
    let rules = rules(text);
    let after = |hours: u64| NOON.plus(Duration::from_secs(hours * 3_600));
    let folder = written(|journal| {
        let entry = Some(EntryRow { at: NOON, origin: Origin::Live, matched: true, text: content("1").into() });
        journal.record(Record { entry, ..Record::default() });
        // It was not heard for an hour before the run ended, either.
        let gap = GapRow { from: after(0).shifted(60_000), to: after(1), state: GapState::Filled, why: String::new() };
        journal.gap(gap);
        Journal::alive(journal, after(2), true);
    })
    .await;
    let (mut engine, now) = (Engine::new(Arc::clone(&rules)), after(26));
    recover(folder.path(), &rules, &mut engine, (now, None)).unwrap();
    engine.hold_at(Hold::Nothing, (now, now));
    let mut effects = Vec::new();
    let mut fired = |minutes: u64| {
        engine.step(&Input::Tick(now.plus(Duration::from_secs(minutes * 60))), &mut effects);
        effects.drain(..).filter(|effect| matches!(effect, Effect::Fired(_))).count()
    };
    // A minute and an hour of silence were heard.
    assert_eq!((fired(58), fired(59)), (0, 1));
}

#[tokio::test]
async fn what_came_to_nothing_at_the_end_of_a_wait_begins_no_cooldown_in_a_replay_either() {
    let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"bare\"\nwait = \"2s\"\ncooldown = \"1h\"\nsend = [\"out\"]\n\
        when = { all = [{ handle = \"kol\" }], none = [{ token = \"DOGE\" }] }\n";
    let rules = rules(text);
    let second = |seconds: u64| NOON.plus(Duration::from_secs(seconds));
    for came_to_nothing in [true, false] {
        let folder = written(|journal| {
            let entry = |id: &str, after: u64| {
                let entry = Some(EntryRow { at: second(after), origin: Origin::Live, matched: true, text: content(id).into() });
                journal.record(Record { entry, ..Record::default() });
            };
            entry("1", 0);
            if came_to_nothing {
                let (id, subject) = (FiringId::of("bare", "tweet:1", ""), "tweet:1".to_owned());
                let firing = Arc::new(FiringBrief { id, rule: "bare".into(), subject, at: second(2), late: false });
                let (action, outcome) = ("out".into(), Some(Outcome::Suppressed { reason: Suppression::Disarmed }));
                let (expires_at, body, fallback, line) = (second(60), None, None, None);
                let row = DeliveryRow { firing, action, trading: true, expires_at, body, fallback, line, outcome };
                journal.record(Record { deliveries: vec![row], ..Record::default() });
            }
            // Of a handle that no rule is about.
            let other = content("2").replace("kol", "nobody");
            let entry = Some(EntryRow { at: second(10), origin: Origin::Live, matched: false, text: other.into() });
            journal.record(Record { entry, ..Record::default() });
            Journal::alive(journal, second(20), true);
        })
        .await;
        let mut engine = Engine::new(Arc::clone(&rules));
        recover(folder.path(), &rules, &mut engine, (second(20), None)).unwrap();
        engine.hold(Hold::Nothing);
        let (frame, mut effects) = (content("3"), Vec::new());
        let envelope = decode::decode(&frame).unwrap();
        engine.step(&Input::Entry { envelope: &envelope, at: second(21), origin: Origin::Live }, &mut effects);
        engine.step(&Input::Tick(second(30)), &mut effects);
        let is_sent = effects.iter().any(|effect| matches!(effect, Effect::Deliver(_)));
        assert_eq!(is_sent, came_to_nothing, "{effects:?}");
    }
}

#[tokio::test]
async fn the_past_is_gone_through_with_what_was_known_then_of_whose_a_handle_was() {
    let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"often\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n\
        window = { type = \"count\", per = \"author\", within = \"1h\", at_least = 2 }\n";
    let rules = rules(text);
    let minute = |minutes: u64| NOON.plus(Duration::from_secs(minutes * 60));
    let by = |id: &str, author: &str, minutes: u64| {
        let written = content(id).replace(&NOON.as_millis().to_string(), &minute(minutes).as_millis().to_string());
        written.replace("{\"id\":\"1\",\"handle\":\"kol\",\"name\":\"Kol\"}", author)
    };
    let folder = written(|journal| {
        let record = |entry: Option<(u64, String)>, is: Option<(&str, u64)>| {
            let row =
                |(at, text): (u64, String)| EntryRow { at: minute(at), origin: Origin::Live, matched: true, text: text.into() };
            let identity =
                |(is, at): (&str, u64)| Identity { kind: Kind::Handle, name: "@kol".into(), is: Some(is.into()), at: minute(at) };
            journal.record(Record {
                entry: entry.map(row),
                identities: is.map(identity).into_iter().collect(),
                ..Record::default()
            });
        };
        // What said so first is gone from the journal.
        record(None, Some(("7", 0)));
        record(Some((200, by("1", "{\"handle\":\"kol\"}", 200))), None);
        record(Some((210, by("2", "{\"id\":\"8\",\"handle\":\"kol\"}", 210))), Some(("8", 210)));
        Journal::alive(journal, minute(211), true);
    })
    .await;
    let mut engine = Engine::new(Arc::clone(&rules));
    recover(folder.path(), &rules, &mut engine, (minute(211), None)).unwrap();
    engine.hold(Hold::Nothing);
    let mut fired = |id: &str, author: &str| {
        let (frame, mut effects) = (by(id, author, 212), Vec::new());
        let envelope = decode::decode(&frame).unwrap();
        engine.step(&Input::Entry { envelope: &envelope, at: minute(212), origin: Origin::Live }, &mut effects);
        effects.iter().filter(|effect| matches!(effect, Effect::Fired(_))).count()
    };
    assert_eq!(fired("3", "{\"handle\":\"kol\"}"), 1, "the second of the one who has it now");
    assert_eq!(fired("4", "{\"id\":\"7\"}"), 1, "the second of the one who had it then");
}

#[tokio::test]
async fn what_fired_when_nothing_was_heard_any_more_has_begun_its_cooldown() {
    let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"bare\"\nwait = \"2s\"\ncooldown = \"1h\"\nsend = [\"out\"]\n\
        when = { all = [{ handle = \"kol\" }], none = [{ token = \"DOGE\" }] }\n\
        [[rule]]\nname = \"quiet\"\ncooldown = \"1h\"\nsend = [\"out\"]\nwhen = { handle = \"kol\" }\n\
        window = { type = \"silence\", within = \"3s\" }\n";
    let rules = rules(text);
    let second = |seconds: u64| NOON.plus(Duration::from_secs(seconds));
    // It fired, or was killed before that: then it is still to come.
    for fired in [true, false] {
        let folder = written(|journal| {
            let entry = Some(EntryRow { at: second(0), origin: Origin::Live, matched: true, text: content("1").into() });
            journal.record(Record { entry, ..Record::default() });
            Journal::alive(journal, second(0), true);
            let mut live = Engine::new(Arc::clone(&rules));
            let (frame, mut effects) = (content("1"), Vec::new());
            let envelope = decode::decode(&frame).unwrap();
            live.step(&Input::Entry { envelope: &envelope, at: second(0), origin: Origin::Live }, &mut effects);
            live.step(&Input::Tick(second(if fired { 4 } else { 1 })), &mut effects);
            let firings = effects.iter().filter_map(|effect| match effect {
                Effect::Fired(firing) => Some(firing.brief()),
                _ => None,
            });
            let firings: Vec<_> = firings.collect();
            assert_eq!(firings.len(), if fired { 2 } else { 0 });
            journal.record(Record { firings, ..Record::default() });
        })
        .await;
        let mut engine = Engine::new(Arc::clone(&rules));
        recover(folder.path(), &rules, &mut engine, (second(20), None)).unwrap();
        engine.hold(Hold::Nothing);
        let (frame, mut effects) = (content("3"), Vec::new());
        let envelope = decode::decode(&frame).unwrap();
        engine.step(&Input::Entry { envelope: &envelope, at: second(21), origin: Origin::Live }, &mut effects);
        engine.step(&Input::Tick(second(30)), &mut effects);
        let sent = effects.iter().filter(|effect| matches!(effect, Effect::Deliver(_))).count();
        assert_eq!(sent, if fired { 0 } else { 2 }, "{effects:?}");
    }
}
