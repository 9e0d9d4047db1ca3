//! What the platforms say, and what the lane makes of it.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::kit::http::{Door, Reply, Server};
use crate::kit::{discord, slack, telegram};

fn with_fallback(delivery: Delivery, fallback: Body) -> Delivery {
    Delivery { fallback: Some(Arc::new(fallback)), ..delivery }
}

#[tokio::test]
async fn each_platform_takes_a_message_and_gives_its_receipt() {
    let (discord, telegram) = (discord::start(&discord::WINDOWS).await, telegram::start(&telegram::WINDOWS).await);
    let (hook, app) = (slack::start_webhook(&slack::WINDOWS).await, slack::start_app(&slack::WINDOWS).await);
    let mut rig = Rig::new();
    for (action, body, receipt) in [
        (to_discord(&discord.url()), for_discord("a"), Some("9001")),
        (to_telegram(&telegram.url(), telegram::CHAT), for_telegram("a"), Some("1")),
        (to_slack(&hook.url()), for_slack("a"), None),
        (to_slack_app(&app.url()), for_slack("a"), Some("C0123456789/1503435956.000001")),
    ] {
        let report = rig.deliver(&action, rig.delivery("a", body)).await;
        let expected =
            Outcome::Delivered { receipt: Receipt::of_answer(200, receipt.map(str::to_owned)).unwrap(), form: Form::Message };
        assert_eq!((report.outcome, report.attempts, report.action), (expected, 1, 7), "{:?}", action.destination.name());
    }
    for stand_in in [&discord, &telegram, &hook, &app] {
        assert_eq!((stand_in.messages().len(), stand_in.violations()), (1, vec![]));
    }
}

#[tokio::test]
async fn a_refused_message_gives_way_to_its_fallback_once() {
    let discord = discord::start(&[]).await;
    let mut rig = Rig::new();
    let action = to_discord(&discord.url());
    let bad = || for_discord(discord::FORBIDDEN_WORD);
    let report = rig.deliver(&action, with_fallback(rig.delivery("a", bad()), for_discord("safe"))).await;
    assert_eq!(
        (report.outcome, report.attempts),
        (Outcome::Delivered { receipt: Receipt::of_answer(200, Some("9001".into())).unwrap(), form: Form::Fallback }, 2)
    );
    assert_eq!(discord.messages()[0]["embeds"][0]["description"], "safe");

    let report = rig.deliver(&action, with_fallback(rig.delivery("b", bad()), bad())).await;
    assert!(dead(&report.outcome).contains("200000"), "{:?}", report.outcome);
    assert_eq!((report.attempts, discord.received().len()), (2, 4));

    let report = rig.deliver(&action, rig.delivery("c", bad())).await;
    assert_eq!((report.outcome.name(), report.attempts), ("dead", 1));
}

#[tokio::test]
async fn a_username_that_discord_refuses_does_not_stop_the_fallback() {
    let discord = discord::start(&[]).await;
    let mut rig = Rig::new();
    let mut action = to_discord(&discord.url());
    if let Destination::Discord(discord) = &mut action.destination {
        discord.username = Some("My Discord bot".into());
    }
    let report = rig.deliver(&action, with_fallback(rig.delivery("a", for_discord("x")), for_discord("x"))).await;
    assert_eq!((report.outcome.name(), report.attempts), ("delivered", 2));
    assert!(discord.violations()[0].contains("cannot contain"), "{:?}", discord.violations());
}

#[tokio::test]
async fn fallbacks_work_on_telegram_and_slack_too() {
    let (telegram, app, hook) = (telegram::start(&[]).await, slack::start_app(&[]).await, slack::start_webhook(&[]).await);
    let mut rig = Rig::new();
    let long = "x".repeat(5_000);
    for (action, bad, good) in [
        (to_telegram(&telegram.url(), telegram::CHAT), for_telegram(&long), for_telegram("safe")),
        (to_slack_app(&app.url()), for_slack(&"x".repeat(13_000)), for_slack("safe")),
        (to_slack(&hook.url()), for_slack(&"x".repeat(13_000)), for_slack("safe")),
    ] {
        let report = rig.deliver(&action, with_fallback(rig.delivery("a", bad), good)).await;
        assert!(matches!(report.outcome, Outcome::Delivered { form: Form::Fallback, .. }), "{:?}", report.outcome);
    }
}

#[tokio::test]
async fn a_destination_that_refuses_for_good_gets_no_more_requests() {
    let (discord, telegram, app) = (discord::start(&[]).await, telegram::start(&[]).await, slack::start_app(&[]).await);
    let gone = discord.url().replace(discord::ID, "999");
    let wrong_token = format!("{}x", discord.url());
    let mut other_channel = to_slack_app(&app.url());
    if let Destination::Slack(Slack::App { channel, .. }) = &mut other_channel.destination {
        *channel = "C_OTHER".into();
    }
    for (action, body, word) in [
        (to_discord(&gone), for_discord("x"), "10015"),
        (to_discord(&wrong_token), for_discord("x"), "50027"),
        (to_telegram(&telegram.url(), telegram::KICKED), for_telegram("x"), "kicked"),
        (to_telegram(&telegram.url(), -5), for_telegram("x"), "chat not found"),
        (other_channel, for_slack("x"), "channel_not_found"),
    ] {
        let mut rig = Rig::new();
        let lane = rig.open(&action);
        let before = discord.received().len() + telegram.received().len() + app.received().len();
        for n in 0..10 {
            put(&lane, with_fallback(rig.delivery(&n.to_string(), body.clone()), body.clone()));
        }
        for (n, outcome) in rig.outcomes(10).await.iter().enumerate() {
            assert!(dead(outcome).contains(word), "{n}: {outcome:?}");
        }
        put(&lane, rig.delivery("later", body.clone()));
        let report = rig.report().await;
        assert_eq!((report.outcome.name(), report.attempts), ("dead", 0));
        assert!(lane.disabled().unwrap().contains(word));
        let requests = discord.received().len() + telegram.received().len() + app.received().len() - before;
        assert_eq!(requests, 1, "{word}");
    }
}

#[tokio::test]
async fn a_stray_refusal_of_something_before_the_platform_does_not_disable_the_lane() {
    let (discord, telegram, hook) = (discord::start(&[]).await, telegram::start(&[]).await, slack::start_webhook(&[]).await);
    for (action, body, stand_in) in [
        (to_discord(&discord.url()), for_discord("x"), &discord),
        (to_telegram(&telegram.url(), telegram::CHAT), for_telegram("x"), &telegram),
        (to_slack(&hook.url()), for_slack("x"), &hook),
    ] {
        let mut rig = Rig::new();
        stand_in.say_next([Reply::new(404, "<html>nginx</html>")]);
        let lane = rig.open(&action);
        let delivery = rig.delivery("a", body.clone());
        // The hold of a minute is longer than it may wait.
        put(&lane, Delivery { expires_at: rig.common.clock.now().plus(Duration::from_secs(30)), ..delivery });
        let report = rig.report().await;
        assert!(dead(&report.outcome).contains("nginx") && dead(&report.outcome).contains("too old"), "{:?}", report.outcome);
        assert_eq!((lane.disabled(), report.attempts), (None, 1));
        let delivery = rig.delivery("b", body);
        put(&lane, Delivery { expires_at: rig.common.clock.now().plus(Duration::from_secs(90)), ..delivery });
        tokio::task::yield_now().await;
        assert_eq!(lane.waiting(), 1, "it waits for its turn");
    }
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_is_followed_and_remembered() {
    let telegram = telegram::start(&[]).await;
    let mut rig = Rig::new();
    let lane = rig.open(&to_telegram(&telegram.url(), telegram::OLD_GROUP));
    put(&lane, rig.delivery("a", for_telegram("a")));
    put(&lane, rig.delivery("b", for_telegram("b")));
    let (first, second) = (rig.report().await, rig.report().await);
    assert_eq!((first.outcome.name(), first.attempts), ("delivered", 2));
    assert_eq!((second.outcome.name(), second.attempts), ("delivered", 1), "the new id is kept");
    assert!(telegram.messages().iter().all(|message| message["chat_id"] == telegram::CHAT));
}

enum Which {
    Discord,
    Telegram,
    Hook,
    App,
    Webhook,
}

#[tokio::test]
async fn every_shape_of_429_is_obeyed_to_the_letter() {
    let said = |status, body: serde_json::Value| Reply::json(status, &body);
    let limited = json!({"ok": false, "error": "ratelimited"});
    let cases = [
        (Which::Discord, said(429, json!({"retry_after": 0.3})), 300),
        (Which::Discord, Reply::new(429, "").with("retry-after", "1"), 1_000),
        (Which::Discord, Reply::new(429, "").with("x-ratelimit-reset-after", "0.4"), 400),
        (Which::Discord, Reply::new(429, "error code: 1015").with("retry-after", "0.5"), 500),
        (Which::Telegram, said(429, json!({"ok": false, "parameters": {"retry_after": 1}})), 1_000),
        (Which::Hook, Reply::new(429, "").with("retry-after", "1"), 1_000),
        (Which::Hook, said(200, json!({"ok": false, "error": "rate_limited", "retry_after": 1})), 1_000),
        (Which::App, said(200, limited).with("retry-after", "1"), 1_000),
        (Which::Webhook, Reply::new(429, "").with("retry-after", "1"), 1_000),
        (Which::Webhook, Reply::new(503, "").with("retry-after", "1"), 1_000),
    ];
    futures_util::future::join_all(cases.into_iter().map(|(which, reply, least)| obey(which, reply, least))).await;
}

async fn obey(which: Which, reply: Reply, least: u64) {
    let (stand_in, body) = match which {
        Which::Discord => (discord::start(&[]).await, for_discord("x")),
        Which::Telegram => (telegram::start(&[]).await, for_telegram("x")),
        Which::Hook => (slack::start_webhook(&[]).await, for_slack("x")),
        Which::App => (slack::start_app(&[]).await, for_slack("x")),
        Which::Webhook => (crate::kit::webhook::start().await, for_webhook("x")),
    };
    let action = match which {
        Which::Discord => to_discord(&stand_in.url()),
        Which::Telegram => to_telegram(&stand_in.url(), telegram::CHAT),
        Which::Hook => to_slack(&stand_in.url()),
        Which::App => to_slack_app(&stand_in.url()),
        Which::Webhook => Action { rate_limits: vec![rate(1, Duration::from_millis(20))], ..to_webhook(&stand_in.url()) },
    };
    stand_in.say_next([reply.clone()]);
    let mut rig = Rig::new();
    let lane = rig.open(&action);
    // Two: the second may not slip in before the wait is over either.
    put(&lane, rig.delivery("a", body.clone()));
    put(&lane, rig.delivery("b", body));
    assert!(rig.outcomes(2).await.iter().all(|outcome| outcome.name() == "delivered"));
    let at: Vec<_> = stand_in.received().iter().map(|request| request.at).collect();
    let waited = at[1] - at[0];
    assert!(waited >= Duration::from_millis(least) && waited < Duration::from_millis(least + 900), "{reply:?}: {waited:?}");
}

#[tokio::test]
async fn an_absurd_retry_after_is_an_hour_at_most_and_garbage_is_not_obeyed() {
    let cases = [("1000000000", 1), ("99999999999999999999", 1), ("inf", 1), ("-5", 2), ("NaN", 2), ("soon", 2), ("", 2)];
    let tries = cases.map(async |(told, attempts)| {
        let hook = crate::kit::webhook::start().await;
        hook.say_next([Reply::new(429, "").with("retry-after", told)]);
        let mut rig = Rig::new();
        let delivery = rig.delivery("a", for_webhook("x"));
        // Within the hour that it is cut to, but not within a year; what is ignored waits for a second.
        let long = rig.common.clock.now().plus(Duration::from_secs(3_000));
        let report = rig.deliver(&to_webhook(&hook.url()), Delivery { expires_at: long, ..delivery }).await;
        let expected = if attempts == 1 { "expired" } else { "delivered" };
        assert_eq!((report.outcome.name(), report.attempts), (expected, attempts), "{told:?}");
    });
    futures_util::future::join_all(tries).await;
}

#[tokio::test]
async fn trouble_is_retried_until_it_is_over() {
    let mut rig = Rig::new();
    let discord = discord::start(&[]).await;
    discord.say_next([500, 502, 503, 504].map(|status| Reply::new(status, "<html>")));
    let report = rig.deliver(&to_discord(&discord.url()), rig.delivery("a", for_discord("x"))).await;
    assert_eq!((report.outcome.name(), report.attempts), ("delivered", 5));

    let hook = crate::kit::webhook::start().await;
    hook.server.set_door(Door::Reset);
    let lane = rig.open(&to_webhook(&hook.url()));
    put(&lane, rig.delivery("b", for_webhook("x")));
    while hook.server.connections() < 3 {
        tokio::task::yield_now().await;
    }
    hook.server.set_door(Door::Open);
    assert_eq!(rig.report().await.outcome.name(), "delivered");
}

#[tokio::test]
async fn a_message_for_another_kind_of_destination_is_dead_without_a_request() {
    let discord = discord::start(&[]).await;
    let mut rig = Rig::new();
    let report = rig.deliver(&to_discord(&discord.url()), rig.delivery("a", for_telegram("x"))).await;
    assert!(dead(&report.outcome).contains("discord"));
    assert!(discord.received().is_empty());
}

#[tokio::test]
async fn one_message_sent_by_hand_is_answered_in_words() {
    let discord = discord::start(&[]).await;
    let rig = Rig::new();
    let send = async |url: &str, text: &str| {
        let action = to_discord(url);
        let delivery = rig.delivery("a", for_discord(text));
        birdcall::deliver::send_once(&action, target(&action), &rig.common, &delivery).await.unwrap().to_string()
    };
    assert_eq!(send(&discord.url(), "x").await, "delivered, as message 9001");
    assert!(send(&discord.url(), discord::FORBIDDEN_WORD).await.starts_with("refused: HTTP 400: Message was blocked"));
    let gone = discord.url().replace(discord::ID, "999");
    assert!(send(&gone, "x").await.starts_with("refused for good: HTTP 404: Unknown Webhook (10015); check"));
    discord.say_next([Reply::new(503, "")]);
    assert_eq!(send(&discord.url(), "x").await, "not delivered: the destination has trouble (HTTP 503)");
    assert_eq!(discord.received().len(), 4, "once each");
    let closed = Server::start(|_| Reply::new(200, "")).await.url();
    let words = send(&format!("{closed}/api/webhooks/1/CANARY"), "x").await;
    assert!(words.starts_with("not sent: cannot connect") && !words.contains("CANARY"), "{words}");
}
