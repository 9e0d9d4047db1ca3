//! What waits to be tried again: it keeps nothing else from its first attempt, and goes as soon as there is hope.

use super::*;

#[tokio::test(start_paused = true)]
async fn orders_that_wait_to_be_tried_again_keep_no_fresh_one_from_its_first_attempt() {
    let mut rig = Plan { jitter: 1.0, ..Plan::new(to_bot()) }.open(|_, _| Said::NotSent);
    for n in 0..100 {
        rig.put(rig.delivery(n, secs(600)));
        rig.wait(ms(100)).await;
    }
    rig.wait(secs(20)).await;
    for n in 100..110 {
        let offered = rig.common.clock.elapsed();
        rig.put(rig.delivery(n, secs(60)));
        rig.wait(ms(1_500)).await;
        let first = rig.attempts().into_iter().find(|attempt| attempt.firing == id(n)).map(|attempt| attempt.at.since(START));
        assert!(first.is_some_and(|first| first <= offered + ms(1_010)), "{n} at {offered:?}: {first:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_never_more_than_may_be_however_many_wait_to_be_tried_again() {
    let plan = Plan { jitter: 1.0, takes: (ms(1), secs(2)), ..Plan::new(to_webhook()) };
    let mut rig = plan.open(|n, _| if n < 64 { Said::Status(503, "down") } else { OK });
    (0..150).for_each(|n| rig.put(rig.delivery(n, secs(600))));
    rig.drain().await;
    let mut ends: Vec<(Duration, i32)> = rig.asked().iter().flat_map(|asked| [(asked.at, 1), (asked.at + secs(2), -1)]).collect();
    // Of one moment the answers come first.
    ends.sort_unstable();
    let most = ends
        .iter()
        .scan(0, |open, (_, step)| {
            *open += step;
            Some(*open)
        })
        .max();
    assert!(most.is_some_and(|most| (60..=64).contains(&most)), "{most:?}");
    assert_eq!(rig.outcomes(), vec!["delivered"; 150]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_be_tried_again_goes_as_soon_as_the_destination_is_there_again() {
    for action in [to_bot(), to_webhook()] {
        let mut rig = Plan { jitter: 1.0, ..Plan::new(action) }.open(|_, at| if at < secs(40) { Said::NotSent } else { OK });
        // Tried for the seventh time after 31.5 s, it is to wait for 32 s.
        rig.put(rig.delivery(0, secs(600)));
        rig.wait(secs(41)).await;
        assert_eq!((rig.asked().len(), rig.changes().len()), (0, 1));
        rig.put(rig.delivery(9, secs(60)));
        let closed = loop {
            rig.wait(ms(100)).await;
            if rig.changes().len() == 2 {
                break rig.common.clock.elapsed();
            }
        };
        rig.wait(ms(50)).await;
        assert_eq!(rig.asked().len(), 2, "at {closed:?}: {:?}", rig.asked());
    }
}
