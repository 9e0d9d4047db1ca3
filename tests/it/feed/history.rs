//! What was missed comes from the history, as the socket would have brought it.

use std::sync::Arc;
use std::time::Duration;

use birdcall::decode::decode;
use birdcall::feed::simulator::{Column, HistoryAnswer, HistoryOptions};
use birdcall::feed::{Gaps, Unavailable};
use birdcall::model::envelope::Body;
use birdcall::model::secret::Secret;
use birdcall::model::time::Timestamp;
use proptest::prelude::*;

use crate::kit::feed::{BASE, KEY, Past, Rig, Timers, quick};
use crate::kit::tls::Authority;

const SAMPLES: &str = include_str!("../../data/envelopes.jsonl");

/// A tweet that was published and received `ms` after [`BASE`].
fn tweet(id: usize, ms: i64) -> String {
    let at = BASE.as_millis() + ms;
    format!(
        r#"{{"v":1,"t":"tweet","op":"content","id":"{id}","ts":{at},"d":{{"tweetId":"{id}","text":"nr {id}","createdAt":{at},"receivedAt":{at},"author":{{"handle":"@a"}}}}}}"#
    )
}

fn meta(id: usize) -> String {
    format!(r#"{{"v":1,"t":"tweet","op":"meta","id":"{id}","ts":1,"d":{{"tweetId":"{id}","ocr":{{"text":"seen"}}}}}}"#)
}

fn event(op: &str, id: usize, ms: i64) -> String {
    let at = BASE.as_millis() + ms;
    format!(
        r#"{{"v":1,"t":"account","op":"{op}","ts":{at},"d":{{"eventId":"{id}","observedAt":{at},"actor":{{"handle":"@a"}}}}}}"#
    )
}

/// Of each frame, which envelope it is: `content 5`, `meta 5`, `follow 7`.
fn names(frames: &[String]) -> Vec<String> {
    let name = |frame: &String| {
        let value: serde_json::Value = serde_json::from_str(frame).unwrap();
        let id = value["d"]["tweetId"].as_str().or(value["d"]["eventId"].as_str()).unwrap();
        format!("{} {id}", value["op"].as_str().unwrap())
    };
    frames.iter().map(name).collect()
}

#[tokio::test]
async fn what_nobody_received_comes_as_the_socket_would_have_brought_it() {
    let rig = Rig::with_history(|_| {}).await;
    for line in SAMPLES.lines() {
        rig.handle.send(line);
    }
    let frames = Past::of(&rig).frames(-1_000, 600_000).await;
    let read: Vec<_> = frames.iter().map(|frame| decode(frame).unwrap()).collect();
    let sent = |line: usize| decode(SAMPLES.lines().nth(line - 1).unwrap()).unwrap();
    // The retweet of line 7 says neither when it was received nor who wrote it: the row knows.
    for line in [1, 2, 5, 6, 8, 14, 15] {
        let sent = sent(line);
        assert!(read.iter().any(|read| is_the_same(&read.body, &sent.body)), "line {line}: {:?}", sent.body);
    }
    // Lines 3 and 4, and 1 and 10, are one row each: an update completes its content.
    let reply = read.iter().find_map(|read| match &read.body {
        Body::Content(part) if part.tweet_id.as_str() == "2067225764536874937" => Some(part),
        _ => None,
    });
    let Body::Update(update) = sent(4).body else { panic!() };
    let reference =
        |part: &birdcall::model::envelope::TweetPart<'_>| part.reference.as_ref().unwrap().tweet_id.as_deref().map(str::to_owned);
    assert_eq!(reference(reply.unwrap()), reference(&update));
    // No deletes, pins, unfollows, callouts or control messages.
    let mut kinds: Vec<_> = read.iter().map(|read| read.body.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["account/follow", "account/profile_update", "tweet/content", "tweet/meta"]);
    assert!(frames.iter().all(|frame| !frame.contains('\n')));
    // Some thousand may be held: what they take is what is counted.
    assert!(frames.iter().all(|frame| frame.capacity() == frame.len()));
}

/// But for what an update put into the row of line 1.
fn is_the_same(read: &Body<'_>, sent: &Body<'_>) -> bool {
    match (read, sent) {
        (Body::Content(read), Body::Content(sent)) => {
            let (mut read, mut sent) = (read.clone(), sent.clone());
            for part in [&mut read, &mut sent] {
                part.urls.clear();
            }
            read == sent
        }
        (read, sent) => read == sent,
    }
}

#[tokio::test]
async fn rows_come_oldest_first_across_types_and_answers_with_their_meta_behind_them() {
    for (maximum, inclusive, column) in
        [(7, true, Column::Received), (7, false, Column::Published), (1_000, false, Column::Received)]
    {
        let rig = Rig::with_history(|options| {
            (options.maximum, options.column) = (maximum, column);
            (options.start_inclusive, options.end_inclusive) = (inclusive, inclusive);
        })
        .await;
        let mut expected = Vec::new();
        for id in 0..120 {
            let at = i64::try_from(id).unwrap() * 500 - 60_000;
            match id % 10 {
                3 => {
                    rig.handle.remember_at(&event("follow", id, at), Timestamp::from_millis(BASE.as_millis() + at));
                    expected.push(format!("follow {id}"));
                }
                6 => {
                    rig.handle.remember_at(&event("profile_update", id, at), Timestamp::from_millis(BASE.as_millis() + at));
                    expected.push(format!("profile_update {id}"));
                }
                _ => {
                    rig.handle.send(tweet(id, at));
                    expected.push(format!("content {id}"));
                    if id % 4 == 0 {
                        rig.handle.send(meta(id));
                        expected.push(format!("meta {id}"));
                    }
                }
            }
        }
        let past = Past::of(&rig);
        let (pages, filled) = past.fill(-60_000, 0).await;
        let frames: Vec<_> = pages.into_iter().flat_map(|page| page.envelopes).collect();
        assert_eq!(names(&frames), expected, "{maximum} {inclusive} {column:?}");
        let filled = filled.unwrap();
        assert_eq!((filled.rows, filled.cut, filled.unusable), (120, false, 0));
        let requests = rig.handle.history_requests();
        assert_eq!(filled.requests, requests.len());
        let one = &requests[0];
        assert_eq!(one.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        assert_eq!(one.header("user-agent"), Some("birdcall/test"));
        assert_eq!((one.parameter("limit").as_deref(), one.parameter("type").as_deref()), (Some("250"), Some("TWEET")));
        assert_eq!(one.parameter("startDate").as_deref(), Some("2026-06-17T12:38:59.999Z"));
        assert!(!one.path.contains(KEY));
    }
}

#[tokio::test]
async fn an_outage_leaves_no_hole() {
    let rig = Rig::with_history(|_| {}).await;
    let clock = birdcall::clock::Clock::starting_at(BASE);
    let ms = Duration::from_millis;
    let mut client = rig.client_with(Timers { ping_every: ms(50), dead_after: ms(200), ..quick() });
    let mut gaps = Gaps::new();
    client.connected().await;
    assert_eq!(gaps.connected(clock.now()), None);
    let now = || clock.now().as_millis() - BASE.as_millis();
    rig.handle.send(tweet(1, now()));
    client.frame().await;
    // Half open: what is sent now reaches nobody, and nobody knows.
    rig.handle.freeze();
    rig.handle.send(tweet(2, now()));
    client.lost().await;
    gaps.heard(Timestamp::from_millis(
        clock.now().as_millis() - i64::try_from(client.feed.heard_ago().unwrap().as_millis()).unwrap(),
    ));
    gaps.lost();
    rig.handle.send(tweet(3, now()));
    client.connected().await;
    let gap = gaps.connected(clock.now()).unwrap();
    assert!(gap.length() >= ms(150), "{gap}");
    rig.handle.send(tweet(4, now()));
    assert!(client.frame().await.contains("nr 4"));
    let (from, to) = gap.query();
    let since = |at: Timestamp| at.as_millis() - BASE.as_millis();
    let frames = Past::of(&rig).frames(since(from), since(to)).await;
    assert_eq!(names(&frames), ["content 1", "content 2", "content 3", "content 4"]);
}

#[tokio::test]
async fn rows_that_come_twice_and_rows_of_one_moment() {
    let rig = Rig::with_history(|options| options.maximum = 4).await;
    for id in 0..12 {
        rig.handle.send(tweet(id, i64::try_from(id / 3).unwrap() * 1_000));
    }
    rig.handle.always_answer_history(Some(HistoryAnswer::Twice));
    let mut found = names(&Past::of(&rig).frames(0, 5_000).await);
    found.sort_by_key(|name| name[8..].parse::<usize>().unwrap());
    assert_eq!(found, (0..12).map(|id| format!("content {id}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_meta_is_there_once_it_was_sent() {
    let rig = Rig::with_history(|_| {}).await;
    rig.handle.send(tweet(1, 10));
    let past = Past::of(&rig);
    assert_eq!(names(&past.frames(0, 100).await), ["content 1"]);
    rig.handle.send(meta(1));
    rig.handle.send(meta(2));
    rig.handle.send(tweet(2, 20));
    assert_eq!(names(&past.frames(0, 100).await), ["content 1", "meta 1", "content 2", "meta 2"]);
    rig.handle.forget();
    assert_eq!((past.frames(0, 100).await, rig.handle.remembered()), (vec![], 0));
}

#[tokio::test]
async fn a_row_is_there_only_when_the_history_has_caught_up() {
    let rig = Rig::with_history(|options| options.lag = Duration::from_millis(300)).await;
    rig.handle.send(tweet(1, 0));
    let past = Past::of(&rig);
    assert_eq!(past.frames(-1_000, 1_000).await, Vec::<String>::new());
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(past.frames(-1_000, 1_000).await.len(), 1);
}

#[tokio::test]
async fn over_tls_only_with_a_certificate_that_is_trusted() {
    let authority = Authority::new("history");
    let rig = Rig::start(|options| {
        options.tls = Some(authority.server_config("localhost", 2040, &[b"http/1.1"]));
        options.history = Some(HistoryOptions::default());
    })
    .await;
    rig.handle.send(tweet(1, 10));
    let localhost = |url: &str| url.replace("127.0.0.1", "localhost");
    let past = Past::with(&rig, |settings, _, _| {
        (settings.url, settings.tls) = (localhost(&settings.url), authority.client());
    });
    assert_eq!(past.frames(0, 100).await.len(), 1);
    let requests = rig.handle.history_requests().len();
    let past = Past::with(&rig, |settings, timers, _| {
        (settings.url, timers.patience) = (localhost(&settings.url), Duration::from_millis(50));
    });
    let (_, filled) = past.fill(0, 100).await;
    assert!(matches!(filled, Err(Unavailable::Unreachable(_))), "{filled:?}");
    assert_eq!(rig.handle.history_requests().len(), requests, "no request was made");
}

#[tokio::test]
async fn an_answer_that_is_longer_than_is_read_is_asked_for_in_parts() {
    let rig = Rig::with_history(|_| {}).await;
    for id in 0..100 {
        rig.handle.send(tweet(id, i64::try_from(id).unwrap() * 10));
    }
    let past = Past::with(&rig, |_, _, bounds| bounds.answer_bytes = 10_000);
    assert_eq!(names(&past.frames(0, 2_000).await), (0..100).map(|id| format!("content {id}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_clock_that_is_wrong_finds_its_rows_all_the_same() {
    let rig = Rig::with_history(|_| {}).await;
    rig.handle.send(tweet(1, 2_000));
    let hour = 3_600_000;
    let past = Past::with(&rig, |settings, _, _| {
        settings.clock = birdcall::clock::Clock::starting_at(Timestamp::from_millis(BASE.as_millis() + hour));
    });
    // From a second before to five after, by the wrong clock.
    assert_eq!(names(&past.frames(hour - 1_000, hour + 5_000).await), ["content 1"]);
}

#[tokio::test]
async fn traffic_is_remembered_too() {
    let rig = Rig::start(|options| {
        options.traffic = Some(birdcall::feed::simulator::TrafficOptions { seed: 3, rate: 500.0 });
        options.history = Some(HistoryOptions::default());
    })
    .await;
    let mut client = rig.client();
    client.connected().await;
    let mut sent = Vec::new();
    for _ in 0..300 {
        sent.push(client.frame().await);
    }
    let contents = sent.iter().filter(|frame| frame.contains(r#""op":"content""#));
    let expected: std::collections::BTreeSet<_> = contents.map(|frame| names(std::slice::from_ref(frame)).remove(0)).collect();
    let found: std::collections::BTreeSet<_> = names(&Past::of(&rig).frames(-60_000, 120_000).await).into_iter().collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(expected.len() > 50 && missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn a_recording_is_sent_and_remembered() {
    let frames: Vec<_> = (0..20).map(|id| birdcall::feed::Text::from(tweet(id, 10))).collect();
    let rig = Rig::start(|options| {
        options.key = Some(Secret::new(KEY));
        options.recording = Some(birdcall::feed::simulator::Recording { frames: frames.into(), rate: 1_000.0 });
        options.history = Some(HistoryOptions::default());
    })
    .await;
    let mut client = rig.client();
    client.connected().await;
    for id in 0..20 {
        assert_eq!(client.frame().await, tweet(id, 10));
    }
    client.quiet(tokio::time::sleep(Duration::from_millis(20))).await;
    assert_eq!(rig.handle.remembered(), 20);
}

#[tokio::test]
async fn backfills_at_once_do_not_disturb_each_other() {
    let rig = Rig::with_history(|options| options.maximum = 5).await;
    for id in 0..40 {
        rig.handle.send(tweet(id, i64::try_from(id).unwrap() * 100));
    }
    let past = Arc::new(Past::of(&rig));
    let (one, two) = tokio::join!(past.frames(0, 5_000), past.frames(1_000, 2_000));
    assert_eq!((one.len(), names(&two).first().map(String::as_str)), (40, Some("content 10")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// The law of the paging, over HTTP and with the rows as they are written.
    #[test]
    fn any_population_comes_once(
        moments in prop::collection::vec(0_i64..3_000, 0..80),
        maximum in 6_usize..40,
        bounds in any::<[bool; 3]>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let [start_inclusive, end_inclusive, published] = bounds;
            let column = if published { Column::Published } else { Column::Received };
            let rig = Rig::with_history(|options| {
                *options = HistoryOptions { maximum, start_inclusive, end_inclusive, column, ..*options };
            })
            .await;
            for (id, ms) in moments.iter().enumerate() {
                rig.handle.send(tweet(id, *ms));
            }
            let past = Past::with(&rig, |_, _, bounds| bounds.window = Duration::from_millis(700));
            let found = names(&past.frames(0, 3_000).await);
            let of = |name: &String| moments[name[8..].parse::<usize>().unwrap()];
            assert!(found.windows(2).all(|pair| of(&pair[0]) <= of(&pair[1])), "{found:?}");
            let mut sorted = found.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!((sorted.len(), found.len()), (moments.len(), moments.len()));
        });
    }
}
