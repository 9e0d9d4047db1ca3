//! What is muted while it waits between attempts, for its pace or for its intent.

use super::*;
use crate::deliver::{LaneMute, Pledge};
use crate::model::delivery::Suppression;

const MUTED: Outcome = Outcome::Suppressed { reason: Suppression::Muted };

/// Everything, or what a rule sends, for an hour.
fn mute(rule: Option<&str>) -> Vec<LaneMute> {
    vec![LaneMute { rule: rule.map(Into::into), until: START.plus(secs(3_600)) }]
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_tried_again_ends_at_once_when_it_is_muted_and_what_is_not_keeps_its_pause() {
    for (rule, ends) in [(Some("rule"), true), (None, true), (Some("other"), false)] {
        let mut rig = Plan { jitter: 1.0, ..Plan::new(to_discord()) }.open(|n, _| if n == 0 { Said::NotSent } else { OK });
        rig.put(rig.delivery(1, secs(600)));
        rig.wait(ms(100)).await;
        assert_eq!((rig.tries().len(), rig.reports().len()), (1, 0));
        rig.lane.set_mutes(mute(rule));
        rig.wait(ms(1)).await;
        assert_eq!((rig.tries().len(), rig.reports().len()), (1, usize::from(ends)), "{rule:?}");
        rig.drain().await;
        let expected = if ends { "suppressed" } else { "delivered" };
        assert_eq!((rig.outcome(1).name(), rig.tries().len()), (expected, if ends { 1 } else { 2 }), "{rule:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_has_had_its_turn_and_waits_for_its_pace_ends_when_it_is_muted_and_the_next_after_the_mute_goes() {
    let paced = Action { rate_limits: rates(&[(1, secs(30))]), ..to_bot() };
    let mut rig = Plan::new(paced).open(|_, _| OK);
    for n in 0..3 {
        rig.put(rig.delivery(n, secs(600)));
    }
    rig.wait(ms(100)).await;
    rig.lane.set_mutes(vec![LaneMute { rule: None, until: rig.common.clock.now().plus(secs(5)) }]);
    rig.wait(ms(1)).await;
    assert_eq!((rig.outcome(0).name(), rig.outcome(1), rig.outcome(2)), ("delivered", &MUTED, &MUTED));
    rig.wait(secs(5)).await;
    rig.put(rig.delivery(3, secs(600)));
    rig.drain().await;
    assert_eq!((rig.outcome(3).name(), rig.asked().len()), ("delivered", 2));
}

/// A journal that takes a second.
#[derive(Debug)]
struct Slow;

impl Intents for Slow {
    fn begin(&self, _: &Delivery, _: &Action) -> Pledge {
        let written = sleep(secs(1));
        Box::pin(async move {
            written.await;
            Ok(())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn no_byte_leaves_of_an_order_that_is_muted_while_its_intent_is_committed() {
    for limits in [Vec::new(), rates(&[(1, secs(30))])] {
        let bot = Action { rate_limits: limits, ..to_bot() };
        let mut rig = Plan { intents: Arc::new(Slow), ..Plan::new(bot) }.open(|_, _| OK);
        rig.put(rig.delivery(1, secs(600)));
        rig.wait(ms(100)).await;
        rig.lane.set_mutes(mute(None));
        rig.wait(secs(2)).await;
        assert_eq!((rig.outcome(1), rig.tries().len()), (&MUTED, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_may_have_arrived_before_it_was_muted_ends_as_unknown_and_what_is_under_way_as_it_was_answered() {
    let plan = || Plan { jitter: 1.0, ..Plan::new(to_idempotent_bot()) };
    let mut rig = plan().open(|_, _| Said::Silence);
    rig.put(rig.delivery(1, secs(600)));
    rig.wait(ms(100)).await;
    rig.lane.set_mutes(mute(None));
    rig.wait(ms(1)).await;
    let Outcome::Unknown { reason } = rig.outcome(1) else { panic!("{:?}", rig.outcome(1)) };
    assert!(reason.contains("it may have arrived; then it was held back (muted)"), "{reason}");
    let mut rig = Plan { takes: (ms(1), secs(1)), ..plan() }.open(|_, _| OK);
    rig.put(rig.delivery(1, secs(600)));
    rig.wait(ms(100)).await;
    rig.lane.set_mutes(mute(None));
    rig.wait(secs(1)).await;
    assert_eq!(rig.outcome(1).name(), "delivered");
}

#[tokio::test(start_paused = true)]
async fn of_a_digest_that_is_to_be_tried_again_the_muted_are_left_out() {
    // The pace would let another one through at once.
    let desk = Action { overflow: Overflow::Digest, rate_limits: rates(&[(2, secs(1))]), ..to_discord() };
    let mut rig = Plan { jitter: 1.0, ..Plan::new(desk) }.open(|n, _| if n == 0 { Said::NotSent } else { OK });
    for (n, rule) in ["rule", "one", "other"].into_iter().enumerate() {
        let delivery = rig.delivery(n, secs(600));
        let firing = Arc::new(FiringBrief { rule: rule.into(), ..(*delivery.firing).clone() });
        rig.put(Delivery { firing, ..delivery });
    }
    rig.wait(ms(100)).await;
    assert_eq!(rig.tries().len(), 1);
    rig.lane.set_mutes(mute(Some("one")));
    rig.wait(ms(300)).await;
    assert_eq!((rig.outcome(1), rig.reports().len(), rig.tries().len()), (&MUTED, 1, 1), "the others wait out their pause");
    rig.drain().await;
    assert_eq!((rig.outcome(0).name(), rig.outcome(2).name()), ("delivered", "delivered"));
    let asked = rig.asked();
    assert!(asked.len() == 1 && !asked[0].body.contains(&mark(1)) && asked[0].body.contains(&mark(2)), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_waits_for_its_pace_is_never_muted() {
    let paced = Action { rate_limits: rates(&[(1, secs(30))]), ..to_discord() };
    let mut rig = Plan::new(paced).open(|_, _| OK);
    rig.put(rig.delivery(0, secs(600)));
    rig.wait(ms(100)).await;
    let delivery = rig.delivery(1, secs(600));
    let firing = Arc::new(FiringBrief { rule: crate::rules::ruleset::NOTICES.into(), ..(*delivery.firing).clone() });
    rig.put(Delivery { firing, ..delivery });
    rig.wait(ms(100)).await;
    rig.lane.set_mutes(mute(None));
    rig.drain().await;
    assert_eq!(rig.outcome(1).name(), "delivered");
}
