//! A lane in whose place another comes.

use super::super::Returned;
use super::*;

/// What was given back, at once and later.
fn given_back(rig: &mut Rig, at_once: &[Returned]) -> Vec<FiringId> {
    rig.hear();
    let later = rig.told.iter().filter_map(|event| match event {
        LaneEvent::Returned(returned) => Some(returned.delivery.firing.id),
        _ => None,
    });
    at_once.iter().map(|returned| returned.delivery.firing.id).chain(later).collect()
}

#[tokio::test(start_paused = true)]
async fn what_has_not_arrived_for_sure_is_given_back_though_it_was_tried() {
    let mut rig = Plan::new(to_discord()).open(|_, _| Said::Status(503, "down"));
    for n in 0..3 {
        assert!(rig.lane.offer(rig.delivery(n, secs(600)), None).is_empty());
    }
    rig.wait(ms(100)).await;
    assert!(!rig.asked().is_empty());
    let returned = rig.lane.retire();
    rig.wait(ms(100)).await;
    let mut all = given_back(&mut rig, &returned);
    all.sort();
    let mut expected = vec![id(0), id(1), id(2)];
    expected.sort();
    assert_eq!(all, expected);
    assert!(rig.worker.is_finished() && rig.reports().is_empty(), "it has nothing more to do");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_begun_stays_and_what_waits_behind_it_is_given_back() {
    let paced = Action { rate_limits: rates(&[(1, secs(30))]), ..to_bot() };
    let mut rig = Plan::new(paced).open(|_, _| OK);
    for n in 0..3 {
        assert!(rig.lane.offer(rig.delivery(n, secs(600)), None).is_empty());
    }
    rig.wait(ms(10)).await;
    let returned = rig.lane.retire();
    rig.wait(ms(10)).await;
    assert_eq!(given_back(&mut rig, &returned).len(), 2, "the first was on its way");
    assert_eq!(rig.outcome(0).name(), "delivered");
    let next = Plan::new(Action { rate_limits: rates(&[(1, secs(30))]), ..to_bot() }).open(|_, _| OK);
    assert!(next.lane.is_ready());
    next.lane.inherit(&rig.lane);
    assert!(!next.lane.is_ready(), "the rate limit holds over both");
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_out_of_a_lane_once_is_taken_by_it_again() {
    let paced = Action { rate_limits: rates(&[(1, secs(30))]), ..to_bot() };
    let mut rig = Plan::new(paced).open(|_, _| OK);
    for n in 0..4 {
        assert!(rig.lane.offer(rig.delivery(n, secs(600)), None).is_empty());
    }
    rig.wait(ms(10)).await;
    // The first has left; the second had its turn, and waits for the pace.
    let returned = rig.lane.take_out(|_| true);
    assert_eq!(given_back(&mut rig, &returned).len(), 2);
    assert!(rig.lane.offer(rig.delivery(4, secs(600)), None).is_empty());
    rig.wait(secs(61)).await;
    assert_eq!([0, 1, 4].map(|n| rig.outcome(n).name().to_owned()), ["delivered", "delivered", "delivered"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_unwanted_rules_have_asked_for_is_taken_back_from_a_lane_that_stays() {
    let paced = Action { rate_limits: rates(&[(1, secs(30))]), ..to_bot() };
    let mut rig = Plan::new(paced).open(|_, _| OK);
    let of = |rig: &Rig, n: usize, rule: &str| {
        let mut delivery = rig.delivery(n, secs(600));
        let brief = (*delivery.firing).clone();
        delivery.firing = Arc::new(FiringBrief { rule: rule.into(), ..brief });
        delivery
    };
    for (n, rule) in ["a", "b", "b", "a"].into_iter().enumerate() {
        assert!(rig.lane.offer(of(&rig, n, rule), None).is_empty());
    }
    rig.wait(ms(10)).await;
    let returned = rig.lane.give_back(&["b".into()]);
    rig.wait(ms(10)).await;
    // The first has left; the second had its turn, and waits for the pace.
    assert_eq!(given_back(&mut rig, &returned).len(), 2);
    rig.wait(secs(31)).await;
    assert_eq!((rig.outcome(0).name(), rig.outcome(3).name()), ("delivered", "delivered"));
}
