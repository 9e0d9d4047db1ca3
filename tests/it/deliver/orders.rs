//! Actions with `trading = true`: an order sent twice is worse than an order missed.

use std::time::Duration;

use birdcall::deliver::{Intents, Pledge, Unrecorded};
use tokio::time::Instant;

use super::*;
use crate::kit::http::{Door, Manner, Reply, Server};
use crate::kit::tls::Authority;
use crate::kit::webhook;

fn order(url: &str) -> Action {
    Action { trading: true, timeout: Duration::from_millis(300), ..to_webhook(url) }
}

#[tokio::test]
async fn an_order_that_may_have_arrived_is_never_sent_again() {
    for reply in [
        Reply::manner(Manner::Close),
        Reply::manner(Manner::Reset),
        Reply::manner(Manner::Late(PATIENCE)),
        Reply::manner(Manner::SlowHead),
        Reply::manner(Manner::Raw(b"HTTP/1.1 20")),
        Reply::new(500, "boom"),
        Reply::new(502, r#"{"error":"position already open"}"#),
        Reply::new(503, "").with("retry-after", "0"),
        Reply::new(408, ""),
    ] {
        let bot = webhook::start().await;
        bot.say_next([reply.clone()]);
        let mut rig = Rig::new();
        let lane = rig.open(&order(&bot.url()));
        put(&lane, rig.delivery("a", for_webhook("buy")));
        let report = rig.report().await;
        assert!(matches!(&report.outcome, Outcome::Unknown { reason } if !reason.is_empty()), "{reply:?}: {:?}", report.outcome);
        assert_eq!((report.attempts, bot.received().len()), (1, 1), "{reply:?}");
        put(&lane, rig.delivery("b", for_webhook("buy")));
        assert_eq!(rig.report().await.outcome.name(), "delivered", "the next order is another one");
    }
}

#[tokio::test]
async fn an_order_of_which_nothing_was_written_is_tried_again_while_it_is_young() {
    let authority = Authority::new("ours");
    let bot = Server::start_tls(authority.server("localhost", 4000, &[]), |_| Reply::new(200, "ok")).await;
    bot.set_door(Door::Reset);
    let mut rig = Rig::trusting(authority.roots());
    let lane = rig.open(&order(&bot.url()));
    let delivery = rig.delivery("a", for_webhook("buy"));
    put(&lane, Delivery { expires_at: rig.common.clock.now().plus(Duration::from_millis(200)), ..delivery });
    let report = rig.report().await;
    assert_eq!(report.outcome, Outcome::Expired);
    assert!(report.attempts > 1, "{}", report.attempts);

    put(&lane, rig.delivery("b", for_webhook("buy")));
    let before = bot.connections();
    while bot.connections() < before + 2 {
        tokio::task::yield_now().await;
    }
    bot.set_door(Door::Open);
    assert_eq!((rig.report().await.outcome.name(), bot.received().len()), ("delivered", 1));
}

#[tokio::test]
async fn an_order_that_was_throttled_comes_again_when_told_and_not_by_guess() {
    let bot = webhook::start().await;
    let mut rig = Rig::new();
    let lane = rig.open(&order(&bot.url()));
    bot.say_next([Reply::new(429, "").with("retry-after", "1")]);
    let started = Instant::now();
    put(&lane, rig.delivery("a", for_webhook("buy")));
    let report = rig.report().await;
    assert_eq!((report.outcome.name(), report.attempts), ("delivered", 2));
    assert!(started.elapsed() >= Duration::from_secs(1));

    bot.say_next([Reply::new(429, "").with("retry-after", "30")]);
    let delivery = rig.delivery("b", for_webhook("buy"));
    put(&lane, Delivery { expires_at: rig.common.clock.now().plus(Duration::from_secs(2)), ..delivery });
    let report = rig.report().await;
    assert_eq!((report.outcome, report.attempts), (Outcome::Expired, 1));

    let lane = rig.open(&order(&bot.url()));
    bot.say_next([Reply::new(429, "slow down")]);
    put(&lane, rig.delivery("c", for_webhook("buy")));
    let report = rig.report().await;
    assert_eq!((dead(&report.outcome), report.attempts), ("HTTP 429: slow down", 1));
}

#[tokio::test]
async fn news_that_did_not_come_live_is_never_traded_on() {
    let bot = webhook::start().await;
    let mut rig = Rig::new();
    for origin in [Origin::Backfill, Origin::Replay] {
        let mut delivery = rig.delivery("a", for_webhook("buy"));
        let firing = Firing { origin, ..firing("a", rig.common.clock.now()) };
        delivery.firing = firing.brief();
        let report = rig.deliver(&order(&bot.url()), delivery.clone()).await;
        assert_eq!((report.outcome, report.attempts), (Outcome::Expired, 0));
        let report = rig.deliver(&to_webhook(&bot.url()), delivery).await;
        assert_eq!(report.outcome.name(), "delivered", "what is no order is sent all the same");
    }
    assert_eq!(bot.received().len(), 2);
}

#[tokio::test]
async fn an_idempotent_receiver_gets_the_same_order_again() {
    let bot = webhook::start().await;
    bot.say_next([Reply::manner(Manner::Close), Reply::new(500, ""), Reply::manner(Manner::Reset)]);
    let mut action = order(&bot.url());
    if let Destination::Webhook(webhook) = &mut action.destination {
        webhook.idempotent = true;
    }
    let mut rig = Rig::new();
    let report = rig.deliver(&action, rig.delivery("a", for_webhook("buy"))).await;
    assert_eq!((report.outcome.name(), report.attempts), ("delivered", 4));
    let received = bot.received();
    assert!(received.iter().all(|request| request.body == received[0].body));
    assert!(received.iter().all(|request| request.header("webhook-id") == received[0].header("webhook-id")));
}

#[tokio::test]
async fn an_order_cut_off_by_the_end_of_the_program_is_unknown_and_one_that_waited_is_abandoned() {
    let bot = webhook::start().await;
    bot.say_next([Reply::manner(Manner::Late(PATIENCE))]);
    let mut rig = Rig::new();
    // Its turn comes before it is too old, however late the first one leaves.
    let action = Action { timeout: PATIENCE, rate_limits: vec![rate(1, PATIENCE / 2)], ..order(&bot.url()) };
    let (lane, worker) = rig.open_as(7, &action);
    put(&lane, rig.delivery("sent", for_webhook("buy")));
    put(&lane, rig.delivery("waiting", for_webhook("buy")));
    while bot.received().is_empty() {
        tokio::task::yield_now().await;
    }
    lane.abandon();
    worker.await.unwrap();
    let mut outcomes = rig.outcomes(2).await;
    outcomes.sort_by_key(Outcome::name);
    assert_eq!((outcomes[0].name(), outcomes[1].name()), ("abandoned", "unknown"));
}

/// A journal that looks at the receiver before it answers.
struct Book {
    refuses: bool,
    /// Requests that the receiver had when the intent was committed.
    seen: Arc<std::sync::Mutex<Vec<usize>>>,
    bot: Arc<Server>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Book")
    }
}

impl Intents for Book {
    fn begin(&self, _: &Delivery, _: &Action) -> Pledge {
        let (refuses, seen, bot) = (self.refuses, Arc::clone(&self.seen), Arc::clone(&self.bot));
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            seen.lock().unwrap().push(bot.received().len());
            if refuses { Err(Unrecorded("the disk is full".to_owned())) } else { Ok(()) }
        })
    }
}

#[tokio::test]
async fn nothing_of_an_order_leaves_before_its_intent_is_committed_and_nothing_at_all_when_it_cannot_be() {
    let bot = Arc::new(Server::start(|_| Reply::new(200, "ok")).await);
    for refuses in [false, true] {
        let seen = Arc::default();
        let mut rig = Rig::new();
        rig.common.intents = Arc::new(Book { refuses, seen: Arc::clone(&seen), bot: Arc::clone(&bot) });
        let report = rig.deliver(&order(&bot.url()), rig.delivery("a", for_webhook("buy"))).await;
        if refuses {
            assert_eq!(dead(&report.outcome), "not sent: the journal cannot record it: the disk is full");
            assert_eq!((report.attempts, bot.received().len(), seen.lock().unwrap().clone()), (0, 1, vec![1]));
        } else {
            assert_eq!((report.outcome.name(), bot.received().len(), seen.lock().unwrap().clone()), ("delivered", 1, vec![0]));
        }
    }
}

#[tokio::test]
async fn an_order_that_is_stopped_while_it_connects_gets_no_byte_out() {
    let authority = Authority::new("ours");
    let acceptor = authority.server("localhost", 4000, &[]);
    let bot = Server::start_slow_tls(acceptor, Duration::from_millis(400), |_| Reply::new(200, "ok")).await;
    let mut rig = Rig::trusting(authority.roots());
    let lane = rig.open(&Action { timeout: Duration::from_secs(5), ..order(&bot.url()) });
    put(&lane, rig.delivery("a", for_webhook("buy")));
    while bot.connections() == 0 {
        tokio::task::yield_now().await;
    }
    rig.common.switch.set(false);
    let report = rig.report().await;
    assert_eq!(report.outcome, Outcome::Suppressed { reason: Suppression::Disarmed });
    rig.common.switch.set(true);
    put(&lane, rig.delivery("b", for_webhook("sell")));
    assert_eq!(rig.report().await.outcome.name(), "delivered");
    let bodies: Vec<_> = bot.received().iter().map(|request| request.json()["text"].clone()).collect();
    assert_eq!(bodies, ["sell"]);
}
