//! Destinations that fail again and again.

use super::*;
use crate::model::delivery::Suppression;
use crate::model::limits;
use crate::model::status::LaneState;

/// 50 deliveries a second for `time`, each to be delivered within `age`; returns how many that were.
async fn flood(rig: &mut Rig, time: Duration, age: Duration) -> (usize, Vec<Report>) {
    let count = usize::try_from(time.as_millis() / 20).unwrap();
    let mut lost = Vec::new();
    for n in 0..count {
        lost.extend(rig.lane.offer(rig.delivery(n, age), None));
        rig.wait(ms(20)).await;
    }
    (count, lost)
}

/// The moment from which on the lane knew.
fn verdict_at(rig: &Rig) -> Duration {
    let mut latest = Duration::ZERO;
    for event in &rig.told {
        match event {
            LaneEvent::Attempted(attempt) => latest = attempt.at.since(START) + attempt.took,
            LaneEvent::Circuit { open: Some(_), .. } | LaneEvent::Disabled { .. } => return latest,
            _ => {}
        }
    }
    panic!("the lane never knew: {:?}", rig.told.last());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_asked_five_times_in_ten_minutes_whatever_the_answer() {
    let unknown = r#"{"message":"Unknown Webhook","code":10015}"#;
    let unauthorised = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
    let cases = [
        (to_webhook(), 400, "no"),
        (to_webhook(), 401, "no"),
        (to_webhook(), 403, "no"),
        (to_webhook(), 404, "no"),
        (to_webhook(), 405, "no"),
        (to_webhook(), 410, "no"),
        (to_webhook(), 413, "no"),
        (to_webhook(), 422, "no"),
        (to_webhook(), 301, "no"),
        (to_discord(), 400, r#"{"message":"Invalid Form Body","code":50035}"#),
        (to_discord(), 401, "no"),
        (to_discord(), 403, "no"),
        (to_discord(), 404, unknown),
        (to_discord(), 410, "no"),
        (to_telegram(), 400, r#"{"ok":false,"error_code":400,"description":"Bad Request: message text is empty"}"#),
        (to_telegram(), 401, unauthorised),
        (to_telegram(), 403, r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the chat"}"#),
        (to_slack(), 400, "invalid_payload"),
        (to_slack(), 403, "action_prohibited"),
        (to_slack(), 404, "channel_not_found"),
        (to_slack(), 410, "channel_is_archived"),
    ];
    for (action, status, text) in cases {
        let what = format!("{} {status} {text}", action.destination.name());
        let mut rig = Rig::new(action, move |_, _| Said::Status(status, text));
        let (count, mut lost) = flood(&mut rig, secs(600), secs(60)).await;
        rig.drain().await;
        let asked = rig.asked();
        // Refused by something before the platform is obeyed as "too fast" is: one request, and then a minute, doubling.
        let known = if rig.changes().is_empty() { asked[0].at } else { verdict_at(&rig) };
        let after = asked.iter().filter(|asked| asked.at > known && asked.at <= known + secs(600)).count();
        assert!(after <= 5, "{what}: {after} requests");
        assert!(rig.changes().len() <= 1, "{what}: told once: {:?}", rig.changes());
        // Before the verdict each of five messages of a chat had its fallback, too; the last probe is that of the eleventh minute.
        assert!(asked.len() <= 2 * 5 + 5 + 1, "{what}: {} in all", asked.len());
        lost.extend(rig.reports().into_iter().cloned());
        assert_eq!(lost.len(), count, "{what}");
        assert!(lost.iter().all(|report| !matches!(report.outcome, Outcome::Delivered { .. })), "{what}");
        assert!(
            lost.iter().any(|report| matches!(&report.outcome, Outcome::Dead { reason } if reason.contains("HTTP"))),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn five_failures_open_it_one_probe_goes_at_a_time_and_the_first_success_closes_it() {
    for trouble in [Said::NotSent, Said::Status(503, "down")] {
        let mut rig = Rig::new(to_webhook(), move |_, at| if at < secs(10) { trouble.clone() } else { OK });
        for n in 0..20 {
            rig.put(rig.delivery(n, secs(60)));
        }
        rig.wait(secs(9)).await;
        let tries = rig.tries();
        // What was under way together is answered together; then one goes after 1 s, after 2 s and after 4 s.
        let probes: Vec<u64> = tries.iter().filter(|at| **at > ms(500)).map(Duration::as_secs).collect();
        assert_eq!((tries[19], probes), (ms(0), vec![1, 3, 7]));
        let before = tries.len();
        let health = rig.lane.health();
        assert_eq!((health.state, rig.lane.waiting()), (LaneState::CircuitOpen, 20));
        assert!(health.why.is_some());
        rig.drain().await;
        assert_eq!(rig.tries().len(), before + 20, "the fourth probe and the nineteen behind it");
        assert_eq!(rig.changes().len(), 2, "{:?}", rig.changes());
        assert!(rig.changes()[0].starts_with("open: ") && rig.changes()[1] == "closed");
        assert_eq!(rig.outcomes(), vec!["delivered"; 20]);
        assert_eq!(rig.lane.health().state, LaneState::Ok);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_probe_grows_old_and_makes_room_as_ever() {
    let mut rig = Rig::new(Action { rate_limits: Vec::new(), ..to_discord() }, |_, _| Said::NotSent);
    rig.put(rig.delivery(0, secs(3_600)));
    rig.wait(secs(20)).await;
    for n in 1..=limits::LANE_QUEUE {
        rig.put(rig.delivery(n, secs(120)));
    }
    let lost = rig.lane.offer(rig.delivery(9_999, secs(120)), None);
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].firing.id, &lost[0].outcome), (id(1), &Outcome::Suppressed { reason: Suppression::Overflow }));
    rig.lane.close();
    rig.wait(secs(4_000)).await;
    assert_eq!(rig.outcomes().len(), 1 + limits::LANE_QUEUE);
    assert!(rig.outcomes().iter().all(|outcome| *outcome == "expired"));
    assert!(rig.tries().len() < 130, "{} requests in an hour", rig.tries().len());
}

#[tokio::test(start_paused = true)]
async fn with_overflow_drop_what_would_wait_for_a_probe_is_dropped() {
    let action = Action { overflow: Overflow::Drop, ..to_webhook() };
    let mut rig = Rig::new(action, |_, _| Said::NotSent);
    (0..5).for_each(|n| rig.put(rig.delivery(n, secs(600))));
    rig.wait(ms(100)).await;
    assert_eq!(rig.lane.offer(rig.delivery(5, secs(600)), None).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_does_not_know_us_is_left_alone_after_the_fifth_time() {
    for status in [401, 403] {
        let mut rig = Rig::new(to_webhook(), move |_, _| Said::Status(status, "who are you?"));
        for n in 0..10 {
            rig.put(rig.delivery(n, secs(60)));
            rig.wait(ms(100)).await;
        }
        assert_eq!(rig.changes(), [format!("disabled: HTTP {status}: who are you?")]);
        assert_eq!((rig.asked().len(), rig.outcomes()), (5, vec!["dead"; 10]));
        assert!(rig.lane.disabled().is_some() && !rig.lane.is_ready());
        let first = rig.told.iter().position(|event| matches!(event, LaneEvent::Disabled { .. }));
        assert!(matches!(rig.told[first.unwrap() - 1], LaneEvent::Attempted(_)), "after its attempt and before its end");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_refused_one_by_one_do_not_stop_the_others() {
    let mut rig = Rig::new(to_webhook(), |n, _| if n % 5 == 4 { OK } else { Said::Status(422, "bad") });
    for n in 0..50 {
        rig.put(rig.delivery(n, secs(60)));
        rig.wait(ms(50)).await;
    }
    assert_eq!((rig.asked().len(), rig.changes()), (50, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_a_chat_that_refuses_is_one_request_the_fallback() {
    let refused = r#"{"message":"Invalid Form Body","code":50035}"#;
    let mut rig = Rig::new(Action { rate_limits: Vec::new(), ..to_discord() }, move |n, _| match n {
        0..10 => Said::Status(400, refused),
        _ => Said::Status(200, r#"{"id":"1"}"#),
    });
    for n in 0..8 {
        rig.put(rig.delivery(n, secs(600)));
    }
    rig.drain().await;
    let asked = rig.asked();
    assert_eq!(asked.len(), 10 + 3, "five messages and their fallbacks, the probe, and the rest");
    assert!(asked[10].at >= secs(10) && asked[10].body.contains("fallback of mark5x"), "{:?}", asked[10]);
    assert!(asked[11].body.contains("mark6x") && !asked[11].body.contains("fallback"));
    assert_eq!(rig.outcomes()[5..], ["delivered"; 3]);
}

#[tokio::test(start_paused = true)]
async fn no_order_s_first_attempt_waits_for_longer_than_a_second() {
    let mut rig = Rig::new(to_bot(), |_, _| Said::NotSent);
    for n in 0..10 {
        rig.put(rig.delivery(n, secs(30)));
    }
    rig.wait(secs(20)).await;
    assert_eq!(rig.changes().len(), 1, "{:?}", rig.changes());
    for n in 10..20 {
        let offered = rig.common.clock.elapsed();
        rig.put(rig.delivery(n, secs(30)));
        rig.wait(ms(1_500)).await;
        let first = rig.attempts().into_iter().find(|attempt| attempt.firing == id(n)).unwrap();
        assert!(first.at.since(START) <= offered + ms(1_010), "{n}: {:?}", first.at.since(START) - offered);
    }
}

#[tokio::test(start_paused = true)]
async fn orders_that_come_together_do_not_wait_one_after_the_other() {
    let mut rig = Rig::new(to_bot(), |_, at| if at < secs(5) { Said::NotSent } else { OK });
    (0..6).for_each(|n| rig.put(rig.delivery(n, ms(1_500))));
    rig.wait(secs(6)).await;
    let offered = rig.common.clock.elapsed();
    (10..40).for_each(|n| rig.put(rig.delivery(n, secs(10))));
    rig.wait(ms(1_200)).await;
    assert_eq!(rig.asked().len(), 30);
    assert!(rig.asked().iter().all(|asked| asked.at <= offered + ms(1_010)));
}

#[tokio::test(start_paused = true)]
async fn an_hour_at_a_dead_destination_stays_within_its_bounds_and_another_lane_does_not_notice() {
    for overflow in [Overflow::Queue, Overflow::Drop, Overflow::Digest] {
        let action = Action { overflow, ..to_discord() };
        let mut dead = Rig::new(action, |_, _| Said::NotSent);
        let mut alive = Rig::new(to_webhook(), |_, _| OK);
        let body = Arc::new(for_discord(&"x".repeat(4_000)));
        let (count, mut lost, mut most, mut ended) = (3_600 * 50, 0, 0, 0);
        for n in 0..count {
            let delivery = Delivery { body: Arc::clone(&body), fallback: None, ..dead.delivery(n, secs(600)) };
            lost += dead.lane.offer(delivery, None).len();
            alive.put(alive.delivery(n, secs(600)));
            most = most.max(Arc::strong_count(&body)).max(dead.lane.waiting());
            if n % 10 == 9 {
                alive.wait(ms(200)).await;
                dead.hear();
                ended += dead.reports().len();
                dead.told.clear();
            }
        }
        // The queue, what is under way, and what was taken out of the queue to make a digest of.
        assert!(most <= 2 * (limits::LANE_QUEUE + 1), "{overflow:?}: {most} held at once");
        assert!(dead.lane.shared.state().bytes <= limits::LANE_BYTES);
        assert!(dead.tries().len() < 200, "{overflow:?}: {} requests in an hour", dead.tries().len());
        assert_eq!(lost + ended + dead.lane.waiting(), count, "{overflow:?}");
        let slowest = alive.reports().iter().map(|report| report.took).max();
        assert_eq!((alive.reports().len(), slowest), (count, Some(ms(11))), "{overflow:?}");
    }
}
