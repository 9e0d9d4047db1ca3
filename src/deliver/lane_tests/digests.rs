//! `overflow = "digest"`: what waits goes as one message.

use super::*;
use crate::model::delivery::{Form, Suppression};
use crate::model::limits;

fn digesting() -> Action {
    Action { overflow: Overflow::Digest, rate_limits: rates(&[(1, secs(10))]), ..to_discord() }
}

fn taken() -> Said {
    Said::Status(200, r#"{"id":"9"}"#)
}

/// The numbers in the body's digest, as they stand there; none when it is no digest.
fn told(asked: &Asked) -> Vec<usize> {
    if !asked.body.contains(" alerts") {
        return Vec::new();
    }
    let numbers = asked.body.split("mark").skip(1).map(|rest| rest.split('x').next().unwrap());
    numbers.map(|number| number.parse().unwrap()).collect()
}

/// Uses up the pace.
async fn first(rig: &mut Rig) {
    rig.put(rig.delivery(0, secs(600)));
    rig.wait(ms(20)).await;
}

fn form(outcome: &Outcome) -> Form {
    match outcome {
        Outcome::Delivered { form, .. } => *form,
        other => panic!("not delivered: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_pace_goes_as_one_message_with_its_number_the_newest_first() {
    let mut rig = Rig::new(digesting(), |_, _| taken());
    for n in 0..24 {
        rig.put(rig.delivery(n, secs(60)));
        rig.wait(ms(100)).await;
    }
    rig.drain().await;
    let asked = rig.asked();
    assert_eq!(asked.len(), 2);
    assert!(told(&asked[0]).is_empty() && asked[0].body.contains("mark0x"), "the first one goes at once, as it is");
    assert_eq!(told(&asked[1]), (1..24).rev().collect::<Vec<_>>());
    assert!(asked[1].body.contains("23 alerts"), "{}", asked[1].body);
    assert_eq!(form(rig.outcome(0)), Form::Message);
    for n in 1..24 {
        assert_eq!(form(rig.outcome(n)), Form::Digest);
        assert!(rig.reports().iter().all(|report| report.attempts == 1));
    }
    assert_eq!(rig.attempts().len(), 2, "one for each request, whosoever is in it");
    assert_eq!(rig.lane.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_pace_lets_through_goes_one_by_one() {
    let action = Action { rate_limits: rates(&[(5, secs(2))]), ..digesting() };
    let mut rig = Rig::new(action, |_, _| taken());
    (0..5).for_each(|n| rig.put(rig.delivery(n, secs(60))));
    rig.drain().await;
    assert_eq!(rig.asked().len(), 5);
    assert!((0..5).all(|n| form(rig.outcome(n)) == Form::Message));
}

#[tokio::test(start_paused = true)]
async fn who_has_grown_too_old_is_taken_out_before_each_attempt_and_the_number_is_right() {
    let plan = Plan { jitter: 1.0, ..Plan::new(Action { rate_limits: rates(&[(1, secs(2))]), ..digesting() }) };
    // The first message goes through, then the digest fails twice.
    let mut rig = plan.open(|n, _| if n == 1 || n == 2 { Said::Status(503, "down") } else { taken() });
    first(&mut rig).await;
    for n in 1..10 {
        // Odd ones live for three seconds only.
        rig.put(rig.delivery(n, if n % 2 == 1 { secs(3) } else { secs(60) }));
    }
    rig.wait(ms(2_500)).await;
    rig.put(rig.delivery(10, secs(60)));
    rig.drain().await;
    let asked = rig.asked();
    assert_eq!(told(&asked[1]), (1..10).rev().collect::<Vec<_>>());
    assert_eq!(told(&asked[2]), [10, 8, 6, 4, 2], "made anew: five have gone, one has come");
    assert!(asked[2].body.contains("5 alerts"), "{}", asked[2].body);
    for n in [1, 3, 5, 7, 9] {
        assert_eq!(rig.outcome(n), &Outcome::Expired);
    }
    for n in [2, 4, 6, 8, 10] {
        assert_eq!(form(rig.outcome(n)), Form::Digest);
    }
    let attempts = |n: usize| rig.reports().iter().find(|report| report.firing.id == id(n)).unwrap().attempts;
    assert_eq!((attempts(1), attempts(2), attempts(10)), (1, 3, 2), "each knows its own");
}

#[tokio::test(start_paused = true)]
async fn one_that_grows_too_old_on_the_way_does_not_take_the_others_along() {
    let plan = Plan { takes: (ms(500), ms(10)), ..Plan::new(digesting()) };
    let mut rig = plan.open(|_, _| taken());
    rig.put(rig.delivery(0, secs(60)));
    rig.wait(ms(600)).await;
    rig.put(rig.delivery(1, ms(10_200)));
    rig.put(rig.delivery(2, secs(60)));
    rig.put(rig.delivery(3, secs(60)));
    rig.drain().await;
    assert_eq!(rig.outcome(1), &Outcome::Expired);
    assert_eq!((form(rig.outcome(2)), form(rig.outcome(3))), (Form::Digest, Form::Digest));
    assert!(rig.asked().iter().all(|asked| !asked.body.contains("mark1x")));
    assert!(rig.attempts().iter().any(|attempt| attempt.verdict == "late"), "it was on its way");
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_is_refused_goes_in_our_own_words() {
    let refused = r#"{"message":"Message was blocked","code":200000}"#;
    let mut rig = Rig::new(digesting(), move |n, _| if n == 1 { Said::Status(400, refused) } else { taken() });
    first(&mut rig).await;
    (1..4).for_each(|n| rig.put(rig.delivery(n, secs(60))));
    rig.drain().await;
    let asked = rig.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[2].body.contains("3 alerts") && told(&asked[2]).is_empty(), "{}", asked[2].body);
    assert!((1..4).all(|n| form(rig.outcome(n)) == Form::Digest));
}

#[tokio::test(start_paused = true)]
async fn nothing_joins_what_may_have_arrived() {
    let mut rig =
        Rig::new(
            Action { rate_limits: rates(&[(1, secs(2))]), ..digesting() },
            |n, _| if n == 0 { Said::Silence } else { taken() },
        );
    rig.put(rig.delivery(0, secs(60)));
    rig.wait(ms(500)).await;
    (1..4).for_each(|n| rig.put(rig.delivery(n, secs(60))));
    rig.drain().await;
    let asked = rig.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].body.contains("mark0x") && told(&asked[1]).is_empty(), "alone again");
    assert_eq!(told(&asked[2]), [3, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_digest_without_an_answer_is_sent_twice_at_most() {
    let mut rig = Rig::new(digesting(), |n, _| if n == 0 { taken() } else { Said::Silence });
    first(&mut rig).await;
    (1..4).for_each(|n| rig.put(rig.delivery(n, secs(60))));
    rig.drain().await;
    assert_eq!(rig.asked().len(), 3);
    assert!((1..4).all(|n| matches!(rig.outcome(n), Outcome::Unknown { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_wait_at_most_and_the_oldest_makes_room() {
    let mut rig = Rig::new(digesting(), |_, _| taken());
    first(&mut rig).await;
    let mut lost = Vec::new();
    for n in 1..=2_000 {
        lost.extend(rig.lane.offer(rig.delivery(n, secs(600)), None));
        tokio::task::yield_now().await;
    }
    rig.drain().await;
    lost.extend(rig.reports().into_iter().filter(|report| report.outcome.name() == "suppressed").cloned());
    assert!(lost.iter().all(|report| report.outcome == Outcome::Suppressed { reason: Suppression::Overflow }));
    assert_eq!(lost.len(), 2_000 - limits::LANE_QUEUE);
    let digest = &rig.asked()[1];
    assert!(digest.body.contains("1000 alerts"), "{}", digest.body);
    assert_eq!(told(digest)[..3], [2_000, 1_999, 1_998]);
    assert_eq!(rig.outcomes().iter().filter(|outcome| **outcome == "delivered").count(), 1 + limits::LANE_QUEUE);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_there_again_gets_one_message() {
    let action = Action { rate_limits: Vec::new(), ..digesting() };
    let mut rig = Rig::new(action, |_, at| if at < secs(20) { Said::NotSent } else { taken() });
    for n in 0..40 {
        rig.put(rig.delivery(n, secs(60)));
        rig.wait(ms(500)).await;
    }
    rig.drain().await;
    assert_eq!(rig.asked().len(), 1);
    assert!(rig.asked()[0].body.contains("40 alerts"));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_words_for_a_digest_goes_by_itself_in_front_of_the_others() {
    let mut rig = Rig::new(digesting(), |_, _| taken());
    first(&mut rig).await;
    for n in 1..5 {
        rig.put(rig.delivery(n, secs(60)));
        rig.put(Delivery { line: None, ..rig.delivery(10 + n, secs(60)) });
    }
    rig.drain().await;
    let asked = rig.asked();
    assert_eq!(asked.len(), 6);
    assert!((1..5).all(|n| told(&asked[n]).is_empty() && asked[n].body.contains(&mark(10 + n))), "{asked:?}");
    assert_eq!(told(&asked[5]), [4, 3, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_is_refused_for_good_is_dead_for_each_in_it() {
    let mut rig = Rig::new(digesting(), |n, _| if n == 0 { taken() } else { Said::Status(404, "unknown webhook") });
    first(&mut rig).await;
    (1..4).for_each(|n| rig.put(rig.delivery(n, secs(60))));
    rig.drain().await;
    for n in 1..4 {
        assert!(matches!(rig.outcome(n), Outcome::Dead { reason } if reason.contains("404")), "{:?}", rig.outcome(n));
    }
    assert!(rig.reports().iter().all(|report| report.attempts == 1));
    assert_eq!(rig.attempts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_grew_too_old_behind_another_is_not_put_into_a_digest() {
    let mut rig = Rig::new(digesting(), |_, _| taken());
    first(&mut rig).await;
    rig.put(rig.delivery(1, secs(60)));
    rig.put(rig.delivery(2, secs(5)));
    rig.drain().await;
    let asked = rig.asked();
    assert_eq!((rig.outcome(2), form(rig.outcome(1))), (&Outcome::Expired, Form::Message));
    assert!(asked.len() == 2 && asked[1].at < secs(11), "there was nothing to hold it up: {asked:?}");
    assert!(rig.attempts().iter().all(|attempt| attempt.firing != id(2)));
}
