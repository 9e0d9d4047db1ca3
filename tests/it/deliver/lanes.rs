//! Queue, order, pace, independence, and how a lane ends.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::kit::http::{Manner, Reply, Server};
use crate::kit::{discord, slack, telegram, webhook};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn forty_queued_messages_arrive_in_order_and_the_platform_never_says_too_fast() {
    // Discord's two windows, twenty times as fast.
    let windows = [(5, ms(100)), (30, ms(3_000))];
    let discord = discord::start(&windows).await;
    let mut rig = Rig::new();
    let action = Action { rate_limits: rates(&windows), ..to_discord(&discord.url()) };
    let lane = rig.open(&action);
    let started = Instant::now();
    for n in 0..40 {
        put(&lane, rig.delivery(&n.to_string(), for_discord(&n.to_string())));
    }
    let outcomes = rig.outcomes(40).await;
    assert!(outcomes.iter().all(|outcome| outcome.name() == "delivered"), "{outcomes:?}");
    let texts: Vec<String> =
        discord.messages().iter().map(|body| body["embeds"][0]["description"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (0..40).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!((discord.throttled(), discord.violations()), (0, vec![]));
    assert!(started.elapsed() >= ms(3_000), "the second window was not full");
    assert!(discord.received().iter().all(|request| request.connection == 0), "the connection is kept");
}

#[tokio::test]
async fn the_other_platforms_never_say_too_fast_either() {
    let windows = [(1, ms(40)), (8, ms(600))];
    let (telegram, hook, app) =
        (telegram::start(&windows).await, slack::start_webhook(&windows).await, slack::start_app(&windows).await);
    let mut rig = Rig::new();
    let paced = |action: Action| Action { rate_limits: rates(&windows), ..action };
    let lanes = [
        (rig.open(&paced(to_telegram(&telegram.url(), telegram::CHAT))), for_telegram("hi")),
        (rig.open(&paced(to_slack(&hook.url()))), for_slack("hi")),
        (rig.open(&paced(to_slack_app(&app.url()))), for_slack("hi")),
    ];
    for n in 0..12 {
        lanes.iter().for_each(|(lane, body)| put(lane, rig.delivery(&n.to_string(), body.clone())));
    }
    let outcomes = rig.outcomes(36).await;
    assert!(outcomes.iter().all(|outcome| outcome.name() == "delivered"), "{outcomes:?}");
    for stand_in in [&telegram, &hook, &app] {
        assert_eq!((stand_in.messages().len(), stand_in.throttled(), stand_in.violations()), (12, 0, vec![]));
    }
}

#[tokio::test]
async fn without_a_pace_of_our_own_the_stand_in_does_say_too_fast_and_is_obeyed() {
    let windows = [(2, ms(300))];
    let discord = discord::start(&windows).await;
    let mut rig = Rig::new();
    let lane = rig.open(&to_discord(&discord.url()));
    // The stand-in's X-RateLimit headers would hold us back before it has to refuse.
    discord.say_next([Reply::json(429, &serde_json::json!({"message": "x", "retry_after": 0.25, "global": true}))]);
    for n in 0..6 {
        put(&lane, rig.delivery(&n.to_string(), for_discord(&n.to_string())));
    }
    assert!(rig.outcomes(6).await.iter().all(|outcome| outcome.name() == "delivered"));
    let at: Vec<_> = discord.received().iter().map(|request| request.at).collect();
    assert!(at[1] - at[0] >= ms(250), "the retry came early");
    assert_eq!((discord.throttled(), at.len()), (0, 7), "an empty bucket is seen in the headers, before the 429");
}

#[tokio::test]
async fn after_a_429_one_request_goes_first_and_the_others_follow_its_answer() {
    let refused = std::sync::atomic::AtomicUsize::new(0);
    let hook = Server::start(move |_| match refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        // All that are under way together, and the one that tries whether it is over.
        0..=64 => Reply { manner: Manner::Late(ms(50)), ..Reply::new(429, "").with("retry-after", "0.3") },
        65 => Reply { manner: Manner::Late(ms(150)), ..Reply::new(200, "") },
        _ => Reply::new(200, ""),
    })
    .await;
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&hook.url()));
    for n in 0..80 {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
    }
    assert!(rig.outcomes(80).await.iter().all(|outcome| outcome.name() == "delivered"));
    let at: Vec<_> = hook.received().iter().map(|request| request.at).collect();
    assert_eq!(at.len(), 80 + 65);
    assert!(at[65] - at[64] >= ms(300), "the probe was refused, and then nobody else was sent");
    assert!(at[66] - at[65] >= ms(150), "the second probe was not waited for");
}

#[tokio::test]
async fn a_dead_destination_delays_nobody_else() {
    let silent = Server::start(|_| Reply::manner(Manner::Late(PATIENCE))).await;
    let healthy = webhook::start().await;
    let mut rig = Rig::new();
    let dead = rig.open(&to_discord(&format!("{}/api/webhooks/1/t", silent.url())));
    let alive = rig.open(&to_webhook(&healthy.url()));
    let started = Instant::now();
    for n in 0..50 {
        put(&dead, rig.delivery(&n.to_string(), for_discord("x")));
        put(&alive, rig.delivery(&n.to_string(), for_webhook("x")));
    }
    assert!(rig.outcomes(50).await.iter().all(|outcome| outcome.name() == "delivered"));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!((dead.waiting(), alive.waiting(), silent.received().len()), (50, 0, 1));
}

#[tokio::test]
async fn a_webhook_s_retry_does_not_hold_up_those_behind_it_but_a_chat_s_does() {
    let (hook, discord) = (webhook::start().await, discord::start(&[]).await);
    hook.say_next([Reply::manner(Manner::Late(ms(500)))]);
    discord.say_next([Reply::new(503, "")]);
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&hook.url()));
    for name in ["slow", "fast", "faster"] {
        put(&lane, rig.delivery(name, for_webhook(name)));
    }
    let ids: Vec<FiringId> =
        [rig.report().await, rig.report().await, rig.report().await].iter().map(|report| report.firing.id).collect();
    assert_eq!(ids[2], FiringId::of("rule", "slow", ""));
    let started: Vec<_> = hook.received().iter().map(|request| request.json()["text"].clone()).collect();
    assert_eq!(started, ["slow", "fast", "faster"], "started in order");

    let lane = rig.open(&to_discord(&discord.url()));
    put(&lane, rig.delivery("first", for_discord("first")));
    put(&lane, rig.delivery("second", for_discord("second")));
    let reports = [rig.report().await, rig.report().await];
    assert_eq!(reports[0].firing.id, FiringId::of("rule", "first", ""));
    assert_eq!((reports[0].attempts, reports[1].attempts), (2, 1));
    let texts: Vec<_> = discord.messages().iter().map(|body| body["embeds"][0]["description"].clone()).collect();
    assert_eq!(texts, ["first", "second"]);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_the_bound() {
    let hook = Server::start(|_| Reply::manner(Manner::Late(ms(200)))).await;
    let mut rig = Rig::new();
    let lane = rig.open(&to_webhook(&hook.url()));
    for n in 0..150 {
        put(&lane, rig.delivery(&n.to_string(), for_webhook("x")));
    }
    rig.outcomes(150).await;
    assert_eq!(hook.connections(), birdcall::model::limits::WEBHOOK_CONCURRENCY);
}

#[tokio::test]
async fn a_full_queue_lets_the_oldest_go_and_counts_it() {
    let silent = Server::start(|_| Reply::manner(Manner::Late(PATIENCE))).await;
    let rig = Rig::new();
    let lane = rig.open(&to_discord(&format!("{}/api/webhooks/1/t", silent.url())));
    put(&lane, rig.delivery("under way", for_discord("x")));
    while silent.received().is_empty() {
        tokio::task::yield_now().await;
    }
    for n in 0..birdcall::model::limits::LANE_QUEUE {
        put(&lane, rig.delivery(&n.to_string(), for_discord("x")));
    }
    let lost = lane.offer(rig.delivery("one more", for_discord("x")), None);
    let [report] = lost.try_into().expect("no room for one");
    assert_eq!(
        (report.firing.id, report.outcome, report.attempts),
        (FiringId::of("rule", "0", ""), Outcome::Suppressed { reason: Suppression::Overflow }, 0)
    );
    assert_eq!(lane.waiting(), birdcall::model::limits::LANE_QUEUE + 1);
}

#[tokio::test]
async fn with_overflow_drop_only_what_the_pace_lets_through_at_once_is_taken() {
    let hook = webhook::start().await;
    let mut rig = Rig::new();
    let limits = vec![rate(3, Duration::from_secs(60))];
    let lane = rig.open(&Action { overflow: Overflow::Drop, rate_limits: limits, ..to_webhook(&hook.url()) });
    let dropped: Vec<bool> =
        (0..5).map(|n| !lane.offer(rig.delivery(&n.to_string(), for_webhook("x")), None).is_empty()).collect();
    assert_eq!(dropped, [false, false, false, true, true]);
    rig.outcomes(3).await;
    let report = lane.offer(rig.delivery("late", for_webhook("x")), None).pop().expect("the pace is used up");
    assert_eq!((report.outcome, report.action), (Outcome::Suppressed { reason: Suppression::Overflow }, 7));
}

#[tokio::test]
async fn what_would_come_too_late_expires_at_once_and_is_never_sent() {
    let telegram = telegram::start(&[]).await;
    telegram.say_next([Reply::json(
        429,
        &serde_json::json!({"ok": false, "error_code": 429, "description": "x", "parameters": {"retry_after": 2}}),
    )]);
    let mut rig = Rig::new();
    let lane = rig.open(&to_telegram(&telegram.url(), telegram::CHAT));
    let started = Instant::now();
    for name in ["told to wait", "behind it"] {
        let delivery = rig.delivery(name, for_telegram("x"));
        put(&lane, Delivery { expires_at: rig.common.clock.now().plus(Duration::from_secs(1)), ..delivery });
    }
    assert_eq!(rig.outcomes(2).await, [Outcome::Expired, Outcome::Expired]);
    assert!(started.elapsed() < Duration::from_secs(1), "there was no use in waiting");
    put(&lane, rig.delivery("in time", for_telegram("x")));
    assert_eq!(rig.report().await.outcome.name(), "delivered");
    let at: Vec<_> = telegram.received().iter().map(|request| request.at).collect();
    assert_eq!(at.len(), 2);
    assert!(at[1] - at[0] >= Duration::from_secs(2), "the lane waits all the same: {:?}", at[1] - at[0]);
    let old = rig.delivery("old", for_telegram("x"));
    put(&lane, Delivery { expires_at: rig.common.clock.now(), ..old });
    let report = rig.report().await;
    assert_eq!((report.outcome, report.attempts, telegram.received().len()), (Outcome::Expired, 0, 2));
}

#[tokio::test]
async fn a_closed_lane_finishes_what_it_has_and_takes_nothing_more() {
    let discord = discord::start(&[]).await;
    let mut rig = Rig::new();
    let (lane, worker) = rig.open_as(3, &to_discord(&discord.url()));
    for n in 0..3 {
        put(&lane, rig.delivery(&n.to_string(), for_discord("x")));
    }
    lane.close();
    let late = lane.offer(rig.delivery("late", for_discord("x")), None).pop().expect("closed");
    assert_eq!((late.outcome, late.action), (Outcome::Abandoned, 3));
    tokio::time::timeout(PATIENCE, worker).await.unwrap().unwrap();
    assert!(rig.outcomes(3).await.iter().all(|outcome| outcome.name() == "delivered"));
}

#[tokio::test]
async fn an_abandoned_lane_ends_now_and_reports_every_delivery() {
    let silent = Server::start(|_| Reply::manner(Manner::Late(PATIENCE))).await;
    for drop_worker in [false, true] {
        let before = silent.received().len();
        let mut rig = Rig::new();
        let (lane, worker) = rig.open_as(7, &to_discord(&format!("{}/api/webhooks/1/t", silent.url())));
        for n in 0..5 {
            put(&lane, rig.delivery(&n.to_string(), for_discord("x")));
        }
        while silent.received().len() == before {
            tokio::task::yield_now().await;
        }
        if drop_worker {
            worker.abort();
            assert!(worker.await.is_err());
        } else {
            lane.abandon();
            tokio::time::timeout(Duration::from_secs(1), worker).await.unwrap().unwrap();
        }
        assert_eq!(rig.outcomes(5).await, vec![Outcome::Abandoned; 5]);
        assert_eq!(lane.waiting(), 0);
    }
}

#[tokio::test]
async fn whatever_happens_every_delivery_ends_in_exactly_one_report() {
    let manners = [Manner::Plain, Manner::Close, Manner::Reset, Manner::Late(ms(30)), Manner::Raw(b"?"), Manner::Short];
    for seed in 0..4 {
        let chance = std::sync::Mutex::new(fastrand::Rng::with_seed(seed));
        let statuses = [200, 204, 400, 404, 429, 500, 503];
        let manners = manners.clone();
        let server = Server::start(move |_| {
            let mut chance = chance.lock().unwrap();
            let manner = chance.choice(&manners).cloned().unwrap_or_default();
            Reply { manner, ..Reply::new(chance.choice(statuses).unwrap(), "x").with("retry-after", "0") }
        })
        .await;
        let mut rig = Rig::new();
        let limits = vec![rate(100, ms(100))];
        let overflow = if seed % 2 == 0 { Overflow::Queue } else { Overflow::Drop };
        let action = Action { rate_limits: limits, overflow, timeout: ms(200), trading: seed >= 2, ..to_webhook(&server.url()) };
        let (lane, worker) = rig.open_as(7, &action);
        let mut ids: Vec<FiringId> = (0..1_300)
            .flat_map(|n| lane.offer(rig.delivery(&n.to_string(), for_webhook("x")), None))
            .map(|report| report.firing.id)
            .collect();
        let let_go = ids.len();
        for _ in 0..100 {
            ids.push(rig.report().await.firing.id);
        }
        lane.abandon();
        let mut abandoned = 0;
        while ids.len() < 1_300 {
            let report = rig.report().await;
            abandoned += usize::from(report.outcome == Outcome::Abandoned);
            ids.push(report.firing.id);
        }
        worker.await.unwrap();
        assert!(rig.events.try_recv().is_err(), "one too many");
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), lane.waiting()), (1_300, 0));
        assert!(let_go > 0 && (abandoned > 0 || overflow == Overflow::Drop), "seed {seed}: the test was idle");
    }
}
