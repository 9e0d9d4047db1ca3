//! Orders: no byte leaves without its intent, or while orders are stopped.

use tokio::time::Instant;

use super::*;
use crate::deliver::{Pledge, Unrecorded};
use crate::model::delivery::Suppression;

const DISARMED: Outcome = Outcome::Suppressed { reason: Suppression::Disarmed };

/// A journal that takes its time.
#[derive(Debug)]
struct Book {
    takes: Duration,
    refuses: bool,
    begun: Mutex<Vec<FiringId>>,
    kept: Arc<Mutex<Vec<Instant>>>,
}

impl Book {
    fn new(takes: Duration, refuses: bool) -> Arc<Self> {
        Arc::new(Self { takes, refuses, begun: Mutex::default(), kept: Arc::default() })
    }

    fn begun(&self) -> usize {
        self.begun.lock().unwrap().len()
    }
}

impl Intents for Book {
    fn begin(&self, delivery: &Delivery, _: &Action) -> Pledge {
        self.begun.lock().unwrap().push(delivery.firing.id);
        let (takes, refuses, kept) = (self.takes, self.refuses, Arc::clone(&self.kept));
        // From now on, whether it is awaited already or not.
        let written = sleep(takes);
        Box::pin(async move {
            written.await;
            if refuses {
                return Err(Unrecorded("the disk is full".to_owned()));
            }
            kept.lock().unwrap().push(Instant::now());
            Ok(())
        })
    }
}

fn with(action: Action, book: &Arc<Book>) -> Plan {
    Plan { intents: Arc::<Book>::clone(book), ..Plan::new(action) }
}

#[tokio::test(start_paused = true)]
async fn the_intent_is_committed_before_the_first_byte_leaves_and_once_however_often_it_is_sent() {
    let book = Book::new(ms(30), false);
    let started = Instant::now();
    let mut rig = with(to_bot(), &book).open(|n, _| match n {
        0 => Said::NotSent,
        1 => Said::With(429, "retry-after", "1"),
        _ => OK,
    });
    rig.put(rig.delivery(1, secs(10)));
    rig.drain().await;
    let kept = book.kept.lock().unwrap()[0].duration_since(started);
    assert_eq!((book.begun(), kept), (1, ms(30)));
    assert!(rig.tries()[0] >= kept && rig.asked().len() == 2);
    assert_eq!((rig.outcome(1).name(), rig.reports()[0].attempts), ("delivered", 3));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_recorded_is_not_sent_and_the_next_one_is_asked_for_again() {
    let book = Book::new(ms(30), true);
    let mut rig = with(to_bot(), &book).open(|_, _| OK);
    rig.put(rig.delivery(1, secs(10)));
    rig.put(rig.delivery(2, secs(10)));
    rig.drain().await;
    for n in [1, 2] {
        let Outcome::Dead { reason } = rig.outcome(n) else { panic!("{:?}", rig.outcome(n)) };
        assert_eq!(reason, "not sent: the journal cannot record it: the disk is full");
    }
    assert_eq!((rig.tries(), rig.asked().len(), rig.attempts().len(), book.begun()), (vec![], 0, 0, 2));
    assert!(rig.reports().iter().all(|report| report.attempts == 0));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_the_app_has_begun_is_not_begun_again() {
    let (book, other) = (Book::new(ms(5), false), Book::new(ms(5), false));
    let mut rig = with(to_bot(), &book).open(|_, _| OK);
    let delivery = rig.delivery(1, secs(10));
    assert!(rig.lane.is_ready());
    let pledge = other.begin(&delivery, &to_bot());
    assert!(rig.lane.offer(delivery, Some(pledge)).is_empty());
    rig.drain().await;
    assert_eq!((rig.outcome(1).name(), book.begun(), other.kept.lock().unwrap().len()), ("delivered", 0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_order_needs_no_intent_and_minds_no_switch() {
    let book = Book::new(ms(5), true);
    let mut rig = with(to_webhook(), &book).open(|_, _| OK);
    rig.common.switch.set(false);
    rig.put(rig.delivery(1, secs(10)));
    rig.drain().await;
    assert_eq!((rig.outcome(1).name(), book.begun()), ("delivered", 0));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_comes_too_late_ends_the_order_as_expired() {
    let mut rig = with(to_bot(), &Book::new(secs(5), false)).open(|_, _| OK);
    rig.put(rig.delivery(1, secs(2)));
    rig.wait(ms(2_010)).await;
    assert_eq!((rig.outcome(1), rig.tries().len()), (&Outcome::Expired, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_intent_holds_up_its_own_order_alone() {
    #[derive(Debug)]
    struct First(Mutex<usize>);
    impl Intents for First {
        fn begin(&self, _: &Delivery, _: &Action) -> Pledge {
            let mut count = self.0.lock().unwrap();
            *count += 1;
            let takes = if *count == 1 { secs(2) } else { ms(0) };
            Box::pin(async move {
                sleep(takes).await;
                Ok(())
            })
        }
    }
    let plan = Plan { intents: Arc::new(First(Mutex::default())), ..Plan::new(to_bot()) };
    let mut rig = plan.open(|_, _| OK);
    (0..3).for_each(|n| rig.put(rig.delivery(n, secs(10))));
    rig.wait(ms(100)).await;
    assert_eq!(rig.outcomes(), ["delivered"; 2]);
}

/// Stops orders at `when`; the outcomes of the orders `0..count`, and how many were asked for.
async fn stopped(mut rig: Rig, count: usize, when: Duration) -> (Vec<Outcome>, usize) {
    (0..count).for_each(|n| rig.put(rig.delivery(n, secs(60))));
    rig.wait(when).await;
    rig.common.switch.set(false);
    // At once: what was stopped is told without waiting for anything.
    rig.wait(ms(1)).await;
    let at_once = rig.reports().len();
    rig.drain().await;
    let outcomes: Vec<Outcome> = (0..count).map(|n| rig.outcome(n).clone()).collect();
    let stopped = outcomes.iter().filter(|outcome| **outcome == DISARMED).count();
    assert!(at_once >= stopped - usize::from(rig.asked().is_empty() && rig.tries().len() == 1), "{at_once} of {stopped} at once");
    (outcomes, rig.asked().len())
}

#[tokio::test(start_paused = true)]
async fn orders_that_wait_behind_others_are_stopped_at_once_and_those_under_way_come_to_their_own_end() {
    let slow = Plan { takes: (ms(0), secs(5)), ..Plan::new(to_bot()) };
    let (outcomes, asked) = stopped(slow.open(|_, _| OK), 70, secs(1)).await;
    assert_eq!(asked, 64);
    assert!(outcomes[..64].iter().all(|outcome| outcome.name() == "delivered"));
    assert!(outcomes[64..].iter().all(|outcome| *outcome == DISARMED));
}

#[tokio::test(start_paused = true)]
async fn orders_that_wait_for_a_slot_are_stopped_at_once() {
    let paced = Action { rate_limits: rates(&[(1, secs(30))]), ..to_bot() };
    let (outcomes, asked) = stopped(Rig::new(paced, |_, _| OK), 4, secs(1)).await;
    assert_eq!((asked, outcomes[0].name()), (1, "delivered"));
    assert!(outcomes[1..].iter().all(|outcome| *outcome == DISARMED));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_waits_for_its_intent_is_stopped_at_once() {
    let rig = with(to_bot(), &Book::new(secs(2), false)).open(|_, _| OK);
    assert_eq!(stopped(rig, 1, ms(500)).await, (vec![DISARMED], 0));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_waits_for_its_next_attempt_is_stopped_at_once() {
    let plan = Plan { jitter: 1.0, ..Plan::new(to_bot()) };
    let rig = plan.open(|_, _| Said::NotSent);
    assert_eq!(stopped(rig, 1, ms(2_000)).await, (vec![DISARMED], 0));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_stopped_while_it_connects_does_not_leave() {
    let plan = Plan { takes: (secs(2), ms(10)), ..Plan::new(to_bot()) };
    let mut rig = plan.open(|_, _| OK);
    rig.put(rig.delivery(1, secs(60)));
    rig.wait(ms(1_999)).await;
    rig.common.switch.set(false);
    rig.drain().await;
    assert_eq!((rig.outcome(1), rig.asked().len()), (&DISARMED, 0));
    assert_eq!(rig.attempts()[0].verdict, "held");
}

#[tokio::test(start_paused = true)]
async fn no_order_leaves_between_a_loss_of_time_and_its_notice() {
    let jumps: [fn(&Clock); 4] = [
        |clock| clock.sleep(secs(60)),
        |clock| clock.stand_still(secs(60)),
        |clock| clock.set_wall_ahead(3_600_000),
        |clock| clock.set_wall_ahead(-3_600_000),
    ];
    for jump in jumps {
        let mut rig = Rig::new(to_bot(), |_, _| OK);
        rig.put(rig.delivery(0, secs(600)));
        rig.wait(ms(100)).await;
        assert_eq!(rig.common.clock.lost(), None);
        jump(&rig.common.clock);
        rig.put(rig.delivery(1, secs(600)));
        rig.wait(ms(100)).await;
        assert_eq!((rig.outcomes(), rig.asked().len()), (vec!["delivered", "suppressed"], 1));
        // Somebody has looked, and armed them again.
        rig.common.clock.told(rig.common.clock.lost().unwrap());
        rig.put(rig.delivery(2, secs(600)));
        rig.drain().await;
        assert_eq!((rig.outcomes()[2], rig.asked().len()), ("delivered", 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_machine_has_slept_through_has_aged() {
    let mut rig = Plan { jitter: 1.0, ..Plan::new(to_webhook()) }.open(|n, _| if n == 0 { Said::NotSent } else { OK });
    rig.put(rig.delivery(0, secs(60)));
    rig.wait(ms(100)).await;
    assert_eq!(rig.tries().len(), 1);
    rig.common.clock.sleep(secs(3_600));
    rig.put(rig.delivery(1, secs(60)));
    rig.drain().await;
    assert_eq!((rig.outcome(0).name(), rig.outcome(1).name()), ("expired", "delivered"));
    assert_eq!(rig.asked().iter().map(|asked| asked.body.clone()).collect::<Vec<_>>(), [mark(1)]);
}

#[tokio::test(start_paused = true)]
async fn while_orders_are_stopped_none_is_taken_and_afterwards_they_go_again() {
    let mut rig = Rig::new(to_bot(), |_, _| OK);
    rig.common.switch.set(false);
    assert!(!rig.lane.is_ready());
    let reports = rig.lane.offer(rig.delivery(1, secs(10)), None);
    assert_eq!((reports.len(), &reports[0].outcome), (1, &DISARMED));
    rig.common.switch.set(true);
    assert!(rig.lane.is_ready());
    rig.put(rig.delivery(2, secs(10)));
    rig.drain().await;
    assert_eq!((rig.outcome(2).name(), rig.outcomes().len()), ("delivered", 1));
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_ready_while_nothing_would_hold_one_back() {
    let paced = Action { rate_limits: rates(&[(2, secs(30))]), ..to_bot() };
    let rig = Rig::new(paced, |_, _| OK);
    assert!(rig.lane.is_ready());
    rig.put(rig.delivery(1, secs(10)));
    assert!(rig.lane.is_ready(), "one waits in front of it, and two may go at once");
    tokio::task::yield_now().await;
    assert!(rig.lane.is_ready(), "it is under way, and there is room for another");
    rig.put(rig.delivery(2, secs(10)));
    sleep(ms(100)).await;
    assert!(!rig.lane.is_ready(), "the pace is used up");
    rig.lane.close();
    sleep(secs(60)).await;
    assert!(!rig.lane.is_ready());
}

#[tokio::test(start_paused = true)]
async fn attempts_and_the_end_are_told_in_order_with_what_was_answered() {
    let plan = Plan { jitter: 1.0, ..Plan::new(to_bot()) };
    let mut rig = plan.open(|n, _| match n {
        0 => Said::NotSent,
        1 => Said::With(429, "retry-after", "2"),
        _ => Said::Status(
            503,
            "the exchange is down, \u{1b}[31m and this is a long story about it. \
            The exchange is down, and this is a long story about it. The exchange is down, and this is a long story about it. \
            The exchange is down, and this is a long story about it.",
        ),
    });
    rig.put(rig.delivery(1, secs(60)));
    rig.drain().await;
    let attempts = rig.attempts();
    let said: Vec<(u32, &str)> = attempts.iter().map(|attempt| (attempt.number, attempt.verdict)).collect();
    assert_eq!(said, [(1, "not sent"), (2, "throttled"), (3, "failed")]);
    assert_eq!(attempts[0].answer, "cannot connect: refused");
    assert!(attempts[2].answer.starts_with("HTTP 503: the exchange is down, [31m"), "{}", attempts[2].answer);
    assert!(attempts.iter().all(|attempt| attempt.answer.chars().count() <= 200 && attempt.action == 7));
    assert_eq!((attempts[1].at.since(START), attempts[1].took), (ms(1 + 500), ms(11)));
    assert!(matches!(&rig.told[3], LaneEvent::Ended(report) if report.attempts == 3 && report.outcome.name() == "unknown"));
    assert_eq!(rig.told.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_order_that_may_have_arrived_never_ends_as_if_it_had_not() {
    let (down, silent) = (Said::Status(503, "down"), Said::Silence);
    let (silently, badly) = ("no complete answer: it may have arrived; then ", "HTTP 503: down: it may have arrived; then ");
    for (first, then, stops, expected) in [
        (silent.clone(), Said::NotSent, false, format!("{silently}it became too old to be sent again")),
        (silent.clone(), Said::NotSent, true, format!("{silently}orders were stopped before it could be sent again")),
        (silent.clone(), Said::Status(409, "exists"), false, format!("{silently}HTTP 409: exists")),
        (silent, Said::Status(422, "no"), false, format!("{silently}HTTP 422: no")),
        (down.clone(), down.clone(), false, format!("{badly}it became too old to be sent again")),
        (down.clone(), Said::NotSent, true, format!("{badly}orders were stopped before it could be sent again")),
        (down, Said::Status(404, "gone"), false, format!("{badly}HTTP 404: gone")),
    ] {
        let plan = Plan { jitter: 1.0, ..Plan::new(to_idempotent_bot()) };
        let mut rig = plan.open(move |n, _| if n == 0 { first.clone() } else { then.clone() });
        rig.put(rig.delivery(1, secs(10)));
        rig.wait(ms(300)).await;
        rig.common.switch.set(!stops);
        rig.drain().await;
        assert_eq!(rig.outcome(1), &Outcome::Unknown { reason: expected });
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_order_of_which_nothing_can_have_arrived_or_that_has_ends_as_what_it_is() {
    for (first, then, expected) in [
        (Said::Silence, OK, "delivered"),
        (Said::Status(500, "boom"), OK, "delivered"),
        (Said::NotSent, Said::NotSent, "expired"),
        (Said::NotSent, Said::Status(409, "no"), "dead"),
        (Said::With(429, "retry-after", "1"), Said::Status(422, "no"), "dead"),
    ] {
        let mut rig = Rig::new(to_idempotent_bot(), move |n, _| if n == 0 { first.clone() } else { then.clone() });
        rig.put(rig.delivery(1, secs(10)));
        rig.drain().await;
        assert_eq!(rig.outcomes(), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_an_earlier_run_may_have_placed_ends_delivered_or_unknown_and_an_alert_as_it_ends() {
    let doubt = "birdcall ended while it was being sent";
    for (said, stops, is_order, expected) in [
        (OK, false, true, "delivered"),
        (Said::NotSent, false, true, "unknown"),
        (Said::Status(409, "exists"), false, true, "unknown"),
        (Said::NotSent, true, true, "unknown"),
        (Said::Status(409, "exists"), false, false, "dead"),
    ] {
        let mut action = to_idempotent_bot();
        action.trading = is_order;
        let mut rig = Rig::new(action, move |_, _| said.clone());
        rig.common.switch.set(!stops);
        let told = rig.lane.resume(rig.delivery(1, secs(10)), Some(doubt));
        let at_once: Vec<_> = told.iter().map(|report| report.outcome.name()).collect();
        rig.drain().await;
        assert_eq!([at_once, rig.outcomes()].concat(), [expected]);
    }
}

/// A disk that stands still until `until`, and then takes all at once.
#[derive(Debug)]
struct Stalled {
    until: Instant,
    begun: Mutex<usize>,
}

impl Stalled {
    fn until(until: Instant) -> Arc<Self> {
        Arc::new(Self { until, begun: Mutex::default() })
    }
}

impl Intents for Stalled {
    fn begin(&self, _: &Delivery, _: &Action) -> Pledge {
        *self.begun.lock().unwrap() += 1;
        let written = tokio::time::sleep_until(self.until);
        Box::pin(async move {
            written.await;
            Ok(())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn orders_whose_intents_are_committed_together_leave_at_their_pace_all_the_same() {
    let paced = Action { rate_limits: rates(&[(1, ms(400))]), ..to_bot() };
    let disk = Stalled::until(Instant::now() + secs(1));
    let plan = Plan { intents: Arc::<Stalled>::clone(&disk), ..Plan::new(paced) };
    let mut rig = plan.open(|_, _| OK);
    (0..4).for_each(|n| rig.put(rig.delivery(n, secs(10))));
    rig.put(rig.delivery(4, ms(1_900)));
    // Others are offered all the time.
    for _ in 0..10 {
        rig.wait(ms(100)).await;
    }
    rig.drain().await;
    let at: Vec<Duration> = rig.asked().iter().map(|asked| asked.at).collect();
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= ms(400)) && at.len() == 4, "{at:?}");
    assert_eq!((rig.outcome(4), *disk.begun.lock().unwrap()), (&Outcome::Expired, 4), "no intent for what is not sent");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_waits_for_its_slot_after_its_intent_is_stopped_at_once() {
    let paced = Action { rate_limits: rates(&[(1, secs(30))]), ..to_bot() };
    let disk = Stalled::until(Instant::now() + secs(1));
    let mut rig = Plan { intents: disk, ..Plan::new(paced) }.open(|_, _| OK);
    (0..2).for_each(|n| rig.put(rig.delivery(n, secs(60))));
    rig.wait(secs(2)).await;
    rig.common.switch.set(false);
    rig.wait(ms(1)).await;
    assert_eq!((rig.outcomes(), rig.asked().len()), (vec!["delivered", "suppressed"], 1));
}

#[tokio::test(start_paused = true)]
async fn paced_orders_that_come_together_do_not_wait_for_each_other_s_intents() {
    let paced = Action { rate_limits: rates(&[(5, secs(1))]), ..to_bot() };
    let book = Book::new(ms(30), false);
    let mut rig = with(paced, &book).open(|_, _| OK);
    for n in 0..7 {
        let delivery = rig.delivery(n, secs(10));
        // As the app does.
        let pledge = rig.lane.is_ready().then(|| book.begin(&delivery, &to_bot()));
        assert_eq!(pledge.is_some(), n < 5, "no intent for what must wait");
        assert!(rig.lane.offer(delivery, pledge).is_empty());
    }
    rig.wait(ms(100)).await;
    assert!(rig.asked().len() == 5 && rig.asked().iter().all(|asked| asked.at <= ms(35)), "{:?}", rig.asked());
}

#[tokio::test(start_paused = true)]
async fn orders_that_a_long_patience_holds_up_are_told_of_once_when_it_begins() {
    let mut rig = Rig::new(to_bot(), |n, _| match n {
        0..=2 => Said::With(429, "retry-after", "120"),
        4 => Said::With(429, "retry-after", "60"),
        5 => Said::With(429, "retry-after", "59"),
        _ => OK,
    });
    (0..2).for_each(|n| rig.put(rig.delivery(n, secs(10))));
    rig.wait(secs(20)).await;
    assert_eq!((rig.outcomes(), rig.changes()), (vec!["expired"; 2], vec!["patience: 120 s".to_owned()]));
    rig.put(rig.delivery(2, secs(300)));
    rig.wait(secs(290)).await;
    assert_eq!((rig.outcome(2).name(), rig.changes().len()), ("delivered", 1), "it goes on asking for patience");
    rig.put(rig.delivery(3, secs(300)));
    rig.drain().await;
    assert_eq!(rig.changes(), ["patience: 120 s", "patience: 60 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_patience_of_what_carries_no_orders_is_nothing_to_tell() {
    let mut rig = Rig::new(to_webhook(), |n, _| if n == 0 { Said::With(429, "retry-after", "120") } else { OK });
    rig.put(rig.delivery(0, secs(300)));
    rig.drain().await;
    assert_eq!((rig.outcomes(), rig.changes().len()), (vec!["delivered"], 0));
}
