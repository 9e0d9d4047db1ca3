//! When the history says no, says nothing, or says nonsense: what follows, and in which words.

use std::time::Duration;

use birdcall::feed::Unavailable;
use birdcall::feed::simulator::HistoryAnswer;
use birdcall::model::secret::Secret;
use futures_util::future::join_all;

use crate::kit::feed::{CANARY, KEY, Past, Rig};

const TWEET: &str =
    r#"{"v":1,"t":"tweet","op":"content","id":"1","ts":1781700000000,"d":{"tweetId":"1","text":"a","receivedAt":1781700000010}}"#;

fn status(status: u16, body: &str) -> HistoryAnswer {
    HistoryAnswer::Status(status, Vec::new(), body.to_owned())
}

fn with(status: u16, name: &'static str, value: impl Into<String>) -> HistoryAnswer {
    HistoryAnswer::Status(status, vec![(name, value.into())], String::new())
}

#[tokio::test]
async fn what_is_final_is_said_in_words_once_and_never_asked_again() {
    let table = [
        (
            HistoryAnswer::plan(),
            true,
            "not included in the plan of this API key (HTTP 403: History is available on Pro and Scale plans)",
        ),
        (status(403, ""), true, "not included in the plan of this API key (HTTP 403)"),
        (status(402, r#"{"message":"subscription past due"}"#), true, "HTTP 402: subscription past due"),
        (status(401, r#"{"error":{"message":"invalid key"}}"#), false, "HTTP 401: invalid key; is the API key right?"),
        (status(404, "<html>not here</html>"), false, "HTTP 404; is the url of the history right?"),
        (
            with(302, "location", "http://127.0.0.1:9/stolen"),
            false,
            "HTTP 302; it leads elsewhere, and redirects are not followed",
        ),
        (status(400, r#"{"error":"bad request","details":"startDate"}"#), false, "HTTP 400: bad request (startDate)"),
        (status(405, "plain words"), false, "HTTP 405: plain words"),
        (status(418, r#"{"error":7}"#), false, "refuses the request: HTTP 418"),
        (status(410, ""), false, "HTTP 410"),
    ];
    // Whether it is for the plan, and what is said.
    for (answer, is_plan, words) in table {
        let rig = Rig::with_history(|_| {}).await;
        rig.handle.always_answer_history(Some(answer.clone()));
        let past = Past::of(&rig);
        let (pages, filled) = past.fill(0, 1_000).await;
        let why = filled.unwrap_err();
        assert!(matches!(why, Unavailable::Plan(_)) == is_plan && why.is_final(), "{answer:?}: {why:?}");
        assert!(why.to_string().contains(words), "{why}");
        assert_eq!(past.fill(0, 1_000).await.1, Err(why));
        assert_eq!((pages.len(), rig.handle.history_requests().len()), (0, 1), "{answer:?}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_until_it_has() {
    let mut checks = Vec::new();
    for answer in [
        status(500, "oops"),
        status(502, "<html>bad gateway</html>"),
        status(503, ""),
        status(429, ""),
        status(408, ""),
        status(425, ""),
        // Of some proxy in between: it says nothing about the plan.
        status(403, "<!doctype html><title>Attention required</title>"),
        HistoryAnswer::Garbage("<html>log in to the hotel's network</html>".to_owned()),
        HistoryAnswer::Garbage(r#"{"data":[{"tweetId":"1","#.to_owned()),
        HistoryAnswer::Garbage(r#"{"error":"later"}"#.to_owned()),
        HistoryAnswer::Garbage(String::new()),
        HistoryAnswer::Cut,
        HistoryAnswer::Late(Duration::from_millis(900)),
        HistoryAnswer::Silence,
        HistoryAnswer::Trickle,
    ] {
        checks.push(async move {
            let rig = Rig::with_history(|_| {}).await;
            rig.handle.send(TWEET);
            rig.handle.answer_history(answer.clone());
            rig.handle.answer_history(answer.clone());
            let past = Past::of(&rig);
            assert_eq!(past.frames(0, 1_000).await.len(), 1, "{answer:?}");
        });
    }
    // At the same time: some of it is waiting.
    join_all(checks).await;
}

#[tokio::test]
async fn what_does_not_pass_is_given_up_in_words_and_asked_again_another_time() {
    for (answer, words) in [
        (status(503, r#"{"error":"maintenance"}"#), "gives no answer: HTTP 503: maintenance (tried "),
        (HistoryAnswer::Silence, "127.0.0.1 did not answer in time (tried "),
        (HistoryAnswer::Garbage("[1]".to_owned()), "what it answers is no history ("),
        (HistoryAnswer::Garbage(r#"{"error":"busy"}"#.to_owned()), ": busy (tried "),
        (HistoryAnswer::Cut, "127.0.0.1: "),
    ] {
        let rig = Rig::with_history(|_| {}).await;
        rig.handle.send(TWEET);
        rig.handle.always_answer_history(Some(answer.clone()));
        let past = Past::with(&rig, |_, timers, _| {
            (timers.patience, timers.timeout) = (Duration::from_millis(300), Duration::from_millis(100));
        });
        let why = past.fill(0, 1_000).await.1.unwrap_err();
        assert!(!why.is_final() && why.to_string().contains(words), "{answer:?}: {why}");
        assert!(rig.handle.history_requests().len() > 1, "{answer:?}");
        rig.handle.always_answer_history(None);
        assert_eq!(past.frames(0, 1_000).await.len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn no_question_comes_earlier_than_the_api_asks() {
    let mut checks = Vec::new();
    let date = |seconds: i64| {
        let at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(1_781_700_000 + seconds).unwrap());
        httpdate::fmt_http_date(at)
    };
    for (answer, least) in [
        (HistoryAnswer::too_many(1), 1_000),
        (with(503, "retry-after", "1"), 1_000),
        (with(429, "retry-after", "0.7"), 700),
        // Dates have whole seconds: two ahead is more than one away.
        (with(429, "retry-after", date(2)), 1_000),
    ] {
        checks.push(async move {
            let rig = Rig::with_history(|_| {}).await;
            rig.handle.send(TWEET);
            rig.handle.answer_history(answer.clone());
            assert_eq!(Past::of(&rig).frames(0, 1_000).await.len(), 1, "{answer:?}");
            let asked = rig.handle.history_requests();
            let pause = asked[1].at.since(asked[0].at);
            assert!(pause >= Duration::from_millis(least), "{answer:?}: {pause:?}");
        });
    }
    join_all(checks).await;
}

#[tokio::test]
async fn a_pause_that_is_longer_than_our_patience_is_kept_by_later_backfills_too() {
    let rig = Rig::with_history(|_| {}).await;
    rig.handle.answer_history(HistoryAnswer::too_many(600));
    let past = Past::of(&rig);
    let why = past.fill(0, 1_000).await.1.unwrap_err();
    assert!(!why.is_final(), "{why:?}");
    assert_eq!(
        why.to_string(),
        "the history API gives no answer: HTTP 429: rate limit exceeded (tried once, and it asks to be left alone for 600 s)"
    );
    let why = past.fill(0, 1_000).await.1.unwrap_err();
    assert!(why.to_string().contains("it asks to be left alone for another 600 s"), "{why}");
    assert_eq!(rig.handle.history_requests().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_said_in_words() {
    let rig = Rig::with_history(|_| {}).await;
    let past = Past::with(&rig, |settings, timers, _| {
        "http://127.0.0.1:9/api/history".clone_into(&mut settings.url);
        timers.patience = Duration::from_millis(100);
    });
    let why = past.fill(0, 1_000).await.1.unwrap_err();
    assert!(why.to_string().contains("127.0.0.1: ") && why.to_string().contains("refused"), "{why}");
    // A name that may be private (it has no dot) and is none.
    let past = Past::with(&rig, |settings, timers, _| {
        "http://no-such-host-here/".clone_into(&mut settings.url);
        timers.patience = Duration::from_millis(100);
    });
    assert!(!past.fill(0, 1_000).await.1.unwrap_err().is_final());
}

#[tokio::test]
async fn the_key_is_never_shown_whatever_the_api_says() {
    let body = format!(r#"{{"error":"bad key {KEY}","details":"\u001b[31m{KEY}\u202e ts_live_\u200bcanary4f9c {KEY}"}}"#);
    for code in [400, 401, 403, 500] {
        let rig = Rig::with_history(|_| {}).await;
        rig.handle.always_answer_history(Some(status(code, &body)));
        let past = Past::with(&rig, |_, timers, _| timers.patience = Duration::from_millis(50));
        let why = past.fill(0, 1_000).await.1.unwrap_err().to_string();
        assert!(why.contains("bad key ***") && why.is_ascii() && !why.contains(CANARY) && !why.contains('\u{1b}'), "{why}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let rig = Rig::with_history(|_| {}).await;
    let past = Past::with(&rig, |settings, _, _| settings.key = Secret::new("other_canary4f9c"));
    let why = past.fill(0, 1_000).await.1.unwrap_err();
    assert_eq!(why.to_string(), "the history API refuses the request: HTTP 401: invalid API key; is the API key right?");
}

#[tokio::test]
async fn bad_rows_are_left_out_alone_and_counted() {
    let rig = Rig::with_history(|_| {}).await;
    let answer = r#"{"data":[
        {"tweetId":"2","messageType":"TWEET","time":"2026-06-17T12:40:00.500Z","content":{"tweetId":"2","text":"one","text":"another"}},
        {"tweetId":"1","messageType":"TWEET","time":"2026-06-17T12:40:00.400Z","body":"only the row says it"},
        17],"metadata":{"count":3}}"#;
    rig.handle.answer_history(HistoryAnswer::Garbage(answer.to_owned()));
    let (pages, filled) = Past::of(&rig).fill(0, 1_000).await;
    let frames: Vec<_> = pages.into_iter().flat_map(|page| page.envelopes).collect();
    assert_eq!(frames.len(), 1);
    assert!(frames[0].contains("only the row says it"));
    let filled = filled.unwrap();
    assert_eq!((filled.rows, filled.unusable), (1, 2));
}
