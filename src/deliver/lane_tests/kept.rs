//! `digest` and `quiet`: what is kept, to be told as one message, and what of it is told in none.

use proptest::prelude::*;

use super::super::Returned;
use super::*;
use crate::model::action::{Digest, Quiet};
use crate::model::delivery::{Form, Suppression};
use crate::model::limits;
use crate::rules::hours::{Hours, Zone};
use crate::rules::ruleset::NOTICES;

fn taken() -> Said {
    Said::Status(200, r#"{"id":"9"}"#)
}

/// A desk that keeps. Every test begins at 12:40.
fn keeping(every: Option<Duration>, count: Option<usize>, quiet: Option<&str>) -> Action {
    let quiet = quiet.map(|text| Quiet(Arc::new(Hours::parse(&[text], &Zone::default()).unwrap())));
    let overflow = if every.is_some() || count.is_some() { Overflow::Digest } else { Overflow::Queue };
    Action { overflow, digest: Some(Digest { every, count, quiet }), ..to_discord() }
}

fn hour() -> Duration {
    secs(3_600)
}

/// How many alerts a message tells of, and how many more it says are told in none.
fn numbers(body: &str) -> (usize, usize) {
    let before = |words: &str| {
        let (before, _) = body.split_once(words)?;
        before.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    let told = before(" alerts").or_else(|| before(" alert")).unwrap_or(1);
    (told, before(" more had become too old").unwrap_or(0) + before(" more had to be let go").unwrap_or(0))
}

fn form(outcome: &Outcome) -> Form {
    match outcome {
        Outcome::Delivered { form, .. } => *form,
        other => panic!("not delivered: {other:?}"),
    }
}

fn at(rig: &Rig) -> Vec<u64> {
    rig.asked().iter().map(|asked| asked.at.as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_digest_by_time_comes_so_long_after_the_first_and_one_alone_is_itself() {
    let mut rig = Rig::new(keeping(Some(secs(900)), None, None), |_, _| taken());
    for n in 0..5 {
        rig.put(rig.delivery(n, hour()));
        rig.wait(secs(100)).await;
    }
    rig.wait(secs(399)).await;
    assert_eq!((rig.asked().len(), rig.lane.waiting()), (0, 5));
    assert_eq!(rig.lane.health().why.as_deref(), Some("keeps 5 for a digest, for another 1 s"));
    rig.wait(secs(2)).await;
    assert_eq!(at(&rig), [900]);
    assert!(rig.asked()[0].body.contains("told together, as a digest"), "{}", rig.asked()[0].body);
    assert_eq!(numbers(&rig.asked()[0].body), (5, 0));
    assert!((0..5).all(|n| form(rig.outcome(n)) == Form::Digest));
    rig.put(rig.delivery(5, hour()));
    rig.wait(secs(901)).await;
    assert_eq!((at(&rig), form(rig.outcome(5))), (vec![900, 1_801], Form::Message));
}

#[tokio::test(start_paused = true)]
async fn a_digest_by_count_comes_with_the_last_of_them_or_when_the_time_is_over() {
    for (every, expected) in [(None, vec![(30, 4)]), (Some(secs(900)), vec![(30, 4), (940, 2)])] {
        let mut rig = Rig::new(keeping(every, Some(4), None), |_, _| taken());
        for n in 0..6 {
            rig.put(rig.delivery(n, hour()));
            rig.wait(secs(10)).await;
        }
        rig.wait(secs(1_000)).await;
        let told: Vec<_> = rig.asked().iter().map(|asked| (asked.at.as_secs(), numbers(&asked.body).0)).collect();
        assert_eq!(told, expected, "{every:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_quiet_hours_is_told_at_their_end_and_then_one_by_one() {
    let mut rig = Rig::new(keeping(None, None, Some("12:41-13:00")), |_, _| taken());
    rig.put(rig.delivery(0, hour()));
    rig.wait(secs(90)).await;
    assert_eq!(form(rig.outcome(0)), Form::Message, "they have not begun");
    for n in 1..4 {
        rig.put(rig.delivery(n, hour()));
    }
    // What birdcall itself has to say is not kept.
    let notice = rig.delivery(9, hour());
    let firing = FiringBrief { rule: NOTICES.into(), ..FiringBrief::clone(&notice.firing) };
    rig.put(Delivery { firing: Arc::new(firing), ..notice });
    rig.wait(secs(1_100)).await;
    assert_eq!((at(&rig), form(rig.outcome(9))), (vec![0, 90], Form::Message));
    rig.wait(secs(20)).await;
    assert_eq!(at(&rig), [0, 90, 1_200]);
    assert!(rig.asked()[2].body.contains("at the end of the quiet hours"), "{}", rig.asked()[2].body);
    assert!((1..4).all(|n| form(rig.outcome(n)) == Form::Digest));
    for n in 4..6 {
        rig.put(rig.delivery(n, hour()));
    }
    rig.wait(secs(1)).await;
    assert!((4..6).all(|n| form(rig.outcome(n)) == Form::Message));
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_is_due_in_quiet_hours_comes_at_their_end() {
    let mut rig = Rig::new(keeping(Some(secs(300)), Some(3), Some("12:42-13:00")), |_, _| taken());
    for n in 0..6 {
        rig.put(rig.delivery(n, hour()));
        rig.wait(secs(100)).await;
    }
    rig.wait(secs(700)).await;
    assert_eq!(at(&rig), [1_200]);
    assert_eq!(numbers(&rig.asked()[0].body), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn what_grows_too_old_ends_at_its_own_moment_and_the_digest_says_how_many_that_were() {
    let mut rig = Rig::new(keeping(Some(secs(900)), None, None), |_, _| taken());
    for n in 0..8 {
        rig.put(rig.delivery(n, if n % 2 == 0 { secs(600) } else { hour() }));
    }
    rig.wait(secs(601)).await;
    assert_eq!(rig.outcomes(), ["expired"; 4]);
    rig.wait(secs(300)).await;
    assert_eq!(numbers(&rig.asked()[0].body), (4, 4), "{}", rig.asked()[0].body);
    // Said once.
    rig.put(rig.delivery(8, hour()));
    rig.put(rig.delivery(9, hour()));
    rig.wait(secs(901)).await;
    assert_eq!(numbers(&rig.asked()[1].body), (2, 0));
    // One that is left tells of the others.
    rig.put(rig.delivery(10, secs(10)));
    rig.put(rig.delivery(11, hour()));
    rig.wait(secs(901)).await;
    assert_eq!((numbers(&rig.asked()[2].body), form(rig.outcome(11))), ((1, 1), Form::Digest));
}

#[tokio::test(start_paused = true)]
async fn a_digest_is_tried_again_as_one_and_who_has_come_meanwhile_joins() {
    let mut rig = Plan { jitter: 1.0, ..Plan::new(keeping(Some(secs(60)), None, None)) }
        .open(|n, _| if n < 2 { Said::Status(503, "down") } else { taken() });
    for n in 0..3 {
        rig.put(rig.delivery(n, hour()));
    }
    rig.wait(secs(61)).await;
    rig.put(rig.delivery(3, hour()));
    rig.wait(secs(60)).await;
    assert_eq!(rig.asked().len(), 3);
    assert_eq!(numbers(&rig.asked()[2].body), (4, 0));
    assert!((0..4).all(|n| form(rig.outcome(n)) == Form::Digest));
    let attempts = |n: usize| rig.reports().iter().find(|report| report.firing.id == id(n)).unwrap().attempts;
    assert_eq!((attempts(0), attempts(2)), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_closed_tells_what_it_keeps_but_not_in_quiet_hours() {
    let mut rig = Rig::new(keeping(Some(secs(900)), None, None), |_, _| taken());
    (0..3).for_each(|n| rig.put(rig.delivery(n, hour())));
    rig.wait(secs(5)).await;
    rig.drain().await;
    assert_eq!((at(&rig), numbers(&rig.asked()[0].body)), (vec![5], (3, 0)));
    let mut rig = Rig::new(keeping(None, None, Some("12:00-13:00")), |_, _| taken());
    (0..3).for_each(|n| rig.put(rig.delivery(n, hour())));
    rig.wait(secs(5)).await;
    rig.drain().await;
    assert_eq!(
        (rig.asked().len(), rig.outcomes()),
        (0, vec!["abandoned"; 3]),
        "they are pending, and the next run keeps them on"
    );
    assert_eq!(rig.common.clock.elapsed(), secs(5), "nobody waits for the end of the night");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_waits_on_in_another_lane_from_when_it_fired() {
    let mut old = Rig::new(keeping(Some(secs(900)), None, None), |_, _| taken());
    let old_ones: Vec<_> = (0..3).map(|n| old.delivery(n, hour())).collect();
    for delivery in &old_ones {
        old.put(delivery.clone());
    }
    old.wait(secs(200)).await;
    let returned = old.lane.retire();
    assert_eq!(returned.len(), 3);
    let mut new = Rig::new(keeping(Some(secs(300)), None, None), |_, _| taken());
    new.wait(secs(200)).await;
    new.lane.inherit(&old.lane);
    for Returned { delivery, doubt, .. } in returned {
        assert!(new.lane.resume(delivery, doubt).is_empty());
    }
    new.wait(secs(110)).await;
    assert_eq!((at(&new), numbers(&new.asked()[0].body)), (vec![300], (3, 0)));
}

#[tokio::test(start_paused = true)]
async fn of_more_than_there_is_room_for_the_newest_are_kept_and_the_others_are_counted() {
    let mut rig = Rig::new(keeping(None, None, Some("12:00-13:00")), |_, _| taken());
    let mut lost = Vec::new();
    for n in 0..limits::LANE_QUEUE + 7 {
        lost.extend(rig.lane.offer(rig.delivery(n, hour()), None));
    }
    assert_eq!(lost.len(), 7);
    assert!(lost.iter().all(|report| report.outcome == Outcome::Suppressed { reason: Suppression::Overflow }));
    rig.wait(hour()).await;
    assert_eq!(numbers(&rig.asked()[0].body), (limits::LANE_QUEUE, 7), "{}", rig.asked()[0].body);
}

#[tokio::test(start_paused = true)]
async fn what_grew_too_old_at_another_hour_is_no_number_of_the_night() {
    let paced = Action { rate_limits: rates(&[(1, secs(60))]), ..keeping(None, None, Some("12:45-13:00")) };
    let mut rig = Rig::new(paced, |_, _| taken());
    for n in 0..4 {
        rig.put(rig.delivery(n, secs(5)));
    }
    rig.wait(secs(310)).await;
    assert_eq!(rig.outcomes(), ["delivered", "expired", "expired", "expired"]);
    (4..6).for_each(|n| rig.put(rig.delivery(n, hour())));
    rig.wait(secs(1_000)).await;
    assert_eq!(numbers(&rig.asked()[1].body), (2, 0), "{}", rig.asked()[1].body);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// Each ends once; the messages tell of as many as arrived, and of as many as were too old.
    #[test]
    fn the_numbers_of_all_digests_are_those_of_the_ends(
        every in prop::option::of(30..400_u64),
        count in prop::option::of(2..6_usize),
        quiet in prop::option::of(prop::sample::select(vec!["12:41-12:44", "12:43-12:50", "12:30-12:42"])),
        came in prop::collection::vec((0..90_u64, 20..700_u64), 1..25),
        failing in prop::collection::vec(any::<bool>(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let action = keeping(every.map(secs), count, quiet);
            let mut rig = Rig::new(action, move |n, _| match failing.get(n) {
                Some(true) => Said::Status(503, "down"),
                _ => taken(),
            });
            for (n, (pause, age)) in came.iter().enumerate() {
                rig.wait(secs(*pause)).await;
                rig.put(rig.delivery(n, secs(*age)));
            }
            rig.wait(secs(2_000)).await;
            // What no digest was left to tell of is told in the next.
            rig.put(rig.delivery(came.len(), hour()));
            rig.wait(ms(1)).await;
            rig.drain().await;
            let outcomes = rig.outcomes();
            assert_eq!(outcomes.len(), came.len() + 1, "each has one end");
            let of = |name: &str| outcomes.iter().filter(|of| **of == name).count();
            let arrived: Vec<_> = rig.asked().into_iter().filter(|asked| matches!(asked.said, Said::Status(200, _))).collect();
            let told: usize = arrived.iter().map(|asked| numbers(&asked.body).0).sum();
            let missed: usize = arrived.iter().map(|asked| numbers(&asked.body).1).sum();
            assert_eq!((told, of("delivered") + of("expired")), (of("delivered"), came.len() + 1));
            assert!(missed <= of("expired"), "{missed} of {}", of("expired"));
            if every.is_some() || count.is_some() {
                assert_eq!(missed, of("expired"));
            }
        });
    }
}
