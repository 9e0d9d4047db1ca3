//! `birdcall status`, `arm`, `disarm` and `redeliver` against an instance that answers as it is told.

use birdcall::control::{Answer, Command, Redelivery};
use birdcall::model::status::Status;

use super::{Instance, status};
use crate::kit::binary::Home;

/// Runs the program beside the instance in this process.
pub(super) async fn run(
    arguments: &[&str],
    instance: impl FnMut(&Command) -> Option<Answer> + Send + 'static,
) -> (i32, String, String, Vec<Command>) {
    // Two hours ahead of UTC, in POSIX's way round.
    let home = Home::new().env("TZ", "HERE-2");
    let instance = Instance::start(home.path(), instance);
    let state = home.path().to_str().unwrap().to_owned();
    let mut arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    arguments.extend(["--state".to_owned(), state]);
    let ran = tokio::task::spawn_blocking(move || home.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    let (code, out, said) = ran.await.unwrap();
    (code, out, said, instance.asked())
}

fn with_status(change: impl FnOnce(&mut Status)) -> impl FnMut(&Command) -> Option<Answer> + Send + 'static {
    let mut status = status();
    change(&mut status);
    move |_| Some(Answer::Status(Box::new(status.clone())))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_everything_on_one_page() {
    let (code, out, said, asked) = run(&["status"], with_status(|_| {})).await;
    assert_eq!((code, said.as_str(), asked.as_slice()), (0, "", [Command::Status].as_slice()));
    insta::assert_snapshot!(out, @"
    birdcall 0.1.0, process 4242, running for 2 h 5 min

    feed     lost, api.tweetstream.io, since 14:39:48 (12 s ago): the feed was silent for 45 s
             last frame 13 s ago; 310 ms behind; lost 2 times
             last tweet 2067225747256360460, 14:36:40 (3 min 20 s ago)
    rules    12 rules and 2 actions, since 12:43:20 (1 h 56 min ago)
             [feed] url changed: that counts after a restart
             not those of the files since 14:39:40 (20 s ago): rules.toml:3:1: unknown key `handel`
    orders   disarmed since 14:39:50 (10 s ago): the feed lags
    muted    2 mutes hold; birdcall mutes lists them
    journal  degraded: the disk is full; free some space; 12.3 MiB, 17 waiting to be written; unmatched entries left out: 5; other records lost: 1
    gaps     unavailable, from 14:38:30 to 14:39:00 (30 s): the plan has no history
             open, from 14:39:47 until now

    LANE          KIND     MODE   STATE         WARM  WAITING  DELIVERED  REQUESTS        EDITED  WHY
    desk          discord  armed  ok            yes         3       1234      1300            12
    bot (orders)  discord  armed  circuit open  yes         3       1234      1300  12, 1 failed  503, 5 times in a row

    RULE  ACTION  MATCHED  DELIVERED  EXPIRED  DEAD  UNKNOWN  PENDING  SUPPRESSED
    上場  desk         10          4        1     1        0        1  1 overflow, 2 paper

    WINDOW OF    KEYS  MATCHES  KEYS FORGOTTEN  MATCHES FORGOTTEN  TOO LATE
    confluence  20000    25004              17                  0         2

    What is wrong with the rules files
    error: unknown key `handel`
    --> rules.toml:3:1
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_as_json_is_the_status() {
    let (code, out, _, _) = run(&["status", "--json"], with_status(|_| {})).await;
    assert_eq!(code, 0);
    assert_eq!(serde_json::from_str::<Status>(&out).unwrap(), status());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["running"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_do_not_agree_are_shouted() {
    let wrong = "the counts do not agree";
    let (_, out, _, _) = run(&["status"], with_status(|status| status.agree = false)).await;
    assert!(out.contains(wrong), "{out}");
    let (_, out, _, _) = run(&["status"], with_status(|status| status.counts[0].pending = 7)).await;
    assert!(out.contains(wrong), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_status_acts_on_the_terminal() {
    let evil = "\u{1b}]0;title\u{7}\u{9b}2J\r\n\u{202e}evil";
    for arguments in [&["status"][..], &["status", "--json"]] {
        let change = |status: &mut Status| {
            for text in [&mut status.version, &mut status.feed.host, &mut status.lanes[0].action, &mut status.counts[0].rule] {
                evil.clone_into(text);
            }
            status.feed.last_tweet.as_mut().unwrap().id = evil.to_owned();
            for why in [
                &mut status.feed.why,
                &mut status.orders.why,
                &mut status.journal.why,
                &mut status.lanes[0].why,
                &mut status.feed.gaps[0].why,
            ] {
                *why = Some(evil.to_owned());
            }
            status.counts[0].suppressed.insert(evil.to_owned(), 1);
        };
        let (code, out, _, _) = run(arguments, with_status(change)).await;
        assert_eq!(code, 0);
        let raw = out.chars().find(|letter| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}');
        assert_eq!(raw, None, "{out}");
        assert!(out.contains("evil"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_stopped_and_let_go_on_the_running_instance() {
    for (arguments, asked, armed, before, words) in [
        (&["disarm"][..], Command::Disarm { why: Some("by hand".to_owned()) }, false, true, "orders are disarmed: none goes\n"),
        (
            &["disarm", "--because", "fed \u{1b}[31mday"],
            Command::Disarm { why: Some("fed [31mday".to_owned()) },
            false,
            false,
            "orders are disarmed: none goes, as they were before\n",
        ),
        (&["arm"], Command::Arm, true, false, "orders are armed: they go\n"),
    ] {
        let answer = Answer::Switched { armed, before, note: None };
        let (code, out, said, heard) = run(arguments, move |_| Some(answer.clone())).await;
        assert_eq!((code, out.as_str(), said.as_str()), (0, words, ""), "{arguments:?}");
        assert_eq!(heard, [asked]);
    }
    let answer = Answer::Switched { armed: false, before: true, note: Some("a restart will not know".to_owned()) };
    let (code, _, said, _) = run(&["disarm"], move |_| Some(answer.clone())).await;
    assert_eq!((code, said.as_str()), (0, "warning: a restart will not know\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_each_delivery_is_said_and_one_that_is_refused_fails() {
    let of = |id, accepted, said: &str| Redelivery { id, accepted, said: said.to_owned() };
    let fine = vec![of(1_041, true, "on its way to desk"), of(7, true, "on its way to desk")];
    let answer = Answer::Redelivered { deliveries: fine };
    let (code, out, said, asked) = run(&["redeliver", "1041", "7", "1041"], move |_| Some(answer.clone())).await;
    assert_eq!((code, out.as_str(), said.as_str()), (0, "1041: on its way to desk\n7: on its way to desk\n", ""));
    assert_eq!(asked, [Command::Redeliver { ids: vec![1_041, 7], orders: false }]);
    let mixed = vec![of(1, true, "on its way"), of(2, false, "it is an order; --orders\u{1b}[0m")];
    let answer = Answer::Redelivered { deliveries: mixed };
    let (code, out, said, asked) = run(&["redeliver", "--orders", "1", "2"], move |_| Some(answer.clone())).await;
    assert_eq!((code, out.as_str(), said.as_str()), (2, "1: on its way\n", "error: 2: it is an order; --orders[0m\n"));
    assert_eq!(asked, [Command::Redeliver { ids: vec![1, 2], orders: true }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_passed_on_and_ends_with_2() {
    for arguments in
        [&["status"][..], &["arm"], &["disarm"], &["redeliver", "1"], &["mutes"], &["mute", "x", "--for", "1h"], &["unmute", "x"]]
    {
        let refused = |_: &Command| Some(Answer::Refused { why: "not \u{1b}[31mnow".to_owned() });
        let (code, out, said, _) = run(arguments, refused).await;
        assert_eq!((code, out.as_str(), said.as_str()), (2, "", "error: not [31mnow\n"), "{arguments:?}");
        let other = |_: &Command| Some(Answer::Redelivered { deliveries: Vec::new() });
        let (code, _, said, _) = run(arguments, other).await;
        assert!(code == 2 && (said.contains("another version") || arguments[0] == "redeliver"), "{arguments:?}: {said}");
    }
}

#[test]
fn numbers_that_name_no_delivery_are_refused_before_anything_is_asked() {
    let home = Home::new();
    for arguments in [&["redeliver"][..], &["redeliver", "0"], &["redeliver", "-1"], &["redeliver", "x"], &["redeliver", "1.5"]] {
        let (code, _, said) = home.run(arguments);
        assert!(code == 2 && said.starts_with("error: "), "{arguments:?}: {said}");
    }
}
