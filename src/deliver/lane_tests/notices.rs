//! What birdcall itself has to say: it stands in front of what waits, and is not let go.

use super::*;
use crate::model::limits;
use crate::rules::ruleset::NOTICES;

fn notice(rig: &Rig, n: usize) -> Delivery {
    let delivery = rig.delivery(n, secs(3_600));
    let firing = FiringBrief { rule: NOTICES.into(), ..FiringBrief::clone(&delivery.firing) };
    Delivery { firing: Arc::new(firing), ..delivery }
}

/// One every ten seconds, and the first has gone.
async fn busy(overflow: Overflow) -> Rig {
    let action = Action { overflow, rate_limits: rates(&[(1, secs(10))]), ..to_discord() };
    let mut rig = Rig::new(action, |_, _| Said::Status(200, r#"{"id":"9"}"#));
    rig.put(rig.delivery(0, secs(600)));
    rig.wait(ms(20)).await;
    rig
}

/// The numbers in the order in which they were told; those of a digest one after the other.
fn told(rig: &Rig) -> Vec<usize> {
    let bodies: String = rig.asked().into_iter().map(|asked| asked.body).collect();
    bodies.split("mark").skip(1).map(|rest| rest.split('x').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_not_dropped_where_alerts_are() {
    let mut rig = busy(Overflow::Drop).await;
    assert_eq!(rig.lane.offer(rig.delivery(1, secs(600)), None).len(), 1);
    (10..12).for_each(|n| rig.put(notice(&rig, n)));
    assert_eq!(rig.lane.offer(rig.delivery(2, secs(600)), None).len(), 1);
    rig.drain().await;
    assert_eq!(told(&rig), [0, 10, 11]);
}

#[tokio::test(start_paused = true)]
async fn a_notice_stands_in_front_of_the_alerts_that_wait_and_behind_earlier_notices() {
    let mut rig = busy(Overflow::Queue).await;
    (1..5).for_each(|n| rig.put(rig.delivery(n, secs(600))));
    rig.wait(ms(20)).await;
    (10..12).for_each(|n| rig.put(notice(&rig, n)));
    rig.put(rig.delivery(5, secs(600)));
    rig.drain().await;
    // The first of them had been taken out of the queue to be sent next.
    assert_eq!(told(&rig), [0, 1, 10, 11, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_lets_alerts_go_and_keeps_the_notices_and_all_of_them_are_bounded() {
    let mut rig = busy(Overflow::Queue).await;
    rig.put(rig.delivery(1, secs(600)));
    rig.wait(ms(20)).await;
    (10..13).for_each(|n| rig.put(notice(&rig, n)));
    let mut lost: Vec<Report> =
        (0..limits::LANE_QUEUE).flat_map(|n| rig.lane.offer(rig.delivery(100 + n, secs(600)), None)).collect();
    assert_eq!(lost.iter().map(|report| report.firing.id).collect::<Vec<_>>(), [id(100), id(101), id(102)]);
    lost.extend((0..2 * limits::LANE_QUEUE).flat_map(|n| rig.lane.offer(notice(&rig, 10_000 + n), None)));
    assert_eq!(rig.lane.waiting(), 1 + limits::LANE_QUEUE);
    assert_eq!(lost.len(), 3 + 2 * limits::LANE_QUEUE);
}

#[tokio::test(start_paused = true)]
async fn a_digest_tells_its_notices_first() {
    let mut rig = busy(Overflow::Digest).await;
    (100..130).for_each(|n| rig.put(rig.delivery(n, secs(600))));
    (10..12).for_each(|n| rig.put(notice(&rig, n)));
    (200..240).for_each(|n| rig.put(rig.delivery(n, secs(600))));
    rig.drain().await;
    let told = told(&rig);
    assert_eq!(told[..4], [0, 11, 10, 239], "{told:?}");
    assert_eq!(rig.asked().len(), 2);
    assert!(rig.asked()[1].body.contains("70 alerts, 2 notices"), "{:?}", rig.asked()[1]);
}

#[tokio::test(start_paused = true)]
async fn with_overflow_drop_what_an_earlier_run_left_or_a_person_sends_again_is_not_dropped() {
    let mut rig = busy(Overflow::Drop).await;
    for n in 1..4 {
        assert_eq!(rig.lane.resume(rig.delivery(n, secs(600)), None).len(), 0);
    }
    assert_eq!(rig.lane.offer(rig.delivery(4, secs(600)), None).len(), 1, "what comes fresh is");
    rig.drain().await;
    assert_eq!((told(&rig), rig.outcomes()), (vec![0, 1, 2, 3], vec!["delivered"; 4]));
}
