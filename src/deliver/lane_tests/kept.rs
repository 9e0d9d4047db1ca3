//! `digest` and `quiet`: what is kept, to be told as one message, and what of it is told in none.

use proptest::prelude::*;

use super::super::Returned;
use super::*;
use crate::model::action::{Digest, Quiet};
use crate::model::delivery::{Form, Suppression, Together};
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

/// How many alerts a message tells of, and how many more it says are told in none: too old, or without room.
fn all_numbers(body: &str) -> (usize, usize, usize) {
    let before = |words: &str| {
        let (before, _) = body.split_once(words)?;
        before.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    let told = before(" alerts").or_else(|| before(" alert")).unwrap_or(1);
    (told, before(" more had become too old").unwrap_or(0), before(" more had to be let go").unwrap_or(0))
}

/// The same, where there is room for all.
fn numbers(body: &str) -> (usize, usize) {
    let (told, too_old, no_room) = all_numbers(body);
    assert_eq!(no_room, 0, "{body}");
    (told, too_old)
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
    assert_eq!(all_numbers(&rig.asked()[0].body), (limits::LANE_QUEUE, 0, 7), "{}", rig.asked()[0].body);
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

/// As the engine makes it: with the word that its action keeps it.
fn kept(rig: &Rig, n: usize, why: Together) -> Delivery {
    let delivery = rig.delivery(n, hour());
    let line = DigestLine { rule: "rule".into(), text: mark(n), kept: Some(why), ..DigestLine::default() };
    Delivery { line: Some(Box::new(line)), ..delivery }
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_waits_for_the_end_of_the_quiet_hours() {
    let mut rig = Plan { jitter: 1.0, ..Plan::new(keeping(None, None, Some("12:41-13:00"))) }.open(|n, at| match n {
        0 => Said::Status(503, "down"),
        _ if at < secs(60) => Said::Status(503, "down"),
        _ => taken(),
    });
    rig.wait(secs(59)).await;
    rig.put(rig.delivery(0, hour()));
    rig.put(rig.delivery(1, secs(300)));
    rig.wait(secs(200)).await;
    assert!(rig.tries().iter().all(|at| *at < secs(60)), "{:?}", rig.tries());
    // What birdcall itself has to say goes all the same.
    let notice = rig.delivery(9, hour());
    let firing = FiringBrief { rule: NOTICES.into(), ..FiringBrief::clone(&notice.firing) };
    rig.put(Delivery { firing: Arc::new(firing), ..notice });
    rig.wait(secs(200)).await;
    assert_eq!((form(rig.outcome(9)), rig.outcome(1)), (Form::Message, &Outcome::Expired));
    rig.wait(secs(800)).await;
    assert_eq!(at(&rig).last(), Some(&1_200));
    assert_eq!(form(rig.outcome(0)), Form::Message);
    let attempts = rig.reports().iter().find(|report| report.firing.id == id(0)).unwrap().attempts;
    assert_eq!(attempts as usize, rig.attempts().iter().filter(|attempt| attempt.firing == id(0)).count(), "all are counted");
}

#[tokio::test(start_paused = true)]
async fn what_is_let_go_while_a_digest_is_tried_again_is_a_number_of_it() {
    let mut rig = Plan { jitter: 1.0, ..Plan::new(keeping(Some(secs(60)), None, None)) }
        .open(|n, _| if n < 2 { Said::Status(503, "down") } else { taken() });
    (0..limits::LANE_QUEUE).for_each(|n| rig.put(rig.delivery(n, hour())));
    rig.wait(ms(60_500)).await;
    assert_eq!(rig.asked().len(), 1);
    (0..9).for_each(|n| rig.put(rig.delivery(limits::LANE_QUEUE + n, hour())));
    rig.wait(secs(60)).await;
    let last = rig.asked().last().unwrap().body.clone();
    assert_eq!(all_numbers(&last), (limits::LANE_QUEUE, 0, 9), "{last}");
    assert_eq!(rig.outcomes().iter().filter(|outcome| **outcome == "suppressed").count(), 9);
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_a_digest_under_way_are_told_once_whether_it_arrives_or_not() {
    for arrives in [true, false] {
        let plan = Plan { takes: (ms(1), secs(5)), ..Plan::new(keeping(Some(secs(60)), None, None)) };
        let mut old = plan.open(move |_, _| if arrives { taken() } else { Said::Status(404, "gone") });
        (0..3).for_each(|n| old.put(old.delivery(n, if n == 0 { secs(30) } else { hour() })));
        old.wait(secs(62)).await;
        assert_eq!(numbers(&old.asked()[0].body), (2, 1));
        let mut new = Rig::new(keeping(Some(secs(60)), None, None), |_, _| taken());
        assert_eq!(old.lane.retire().len(), 0, "it is under way");
        new.lane.inherit(&old.lane);
        old.wait(secs(10)).await;
        (5..7).for_each(|n| new.put(new.delivery(n, hour())));
        new.wait(secs(70)).await;
        assert_eq!(numbers(&new.asked()[0].body), (2, usize::from(!arrives)), "{arrives}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_kept_and_lost_is_a_number_of_the_next_digest() {
    let mut rig = Rig::new(keeping(Some(secs(60)), None, None), |_, _| taken());
    let overflow = Outcome::Suppressed { reason: Suppression::Overflow };
    for (n, end) in [Outcome::Expired, Outcome::Expired, overflow, Outcome::Abandoned].iter().enumerate() {
        rig.lane.missed(&rig.delivery(n, hour()).firing, end);
    }
    rig.put(rig.delivery(5, hour()));
    rig.wait(secs(70)).await;
    assert_eq!(all_numbers(&rig.asked()[0].body), (1, 2, 1));
    // Of what is not kept nobody tells.
    let mut rig = Rig::new(keeping(None, None, Some("13:00-14:00")), |_, _| taken());
    rig.lane.missed(&rig.delivery(0, hour()).firing, &Outcome::Expired);
    rig.put(rig.delivery(1, hour()));
    rig.wait(secs(1)).await;
    assert_eq!(form(rig.outcome(1)), Form::Message);
}

#[tokio::test(start_paused = true)]
async fn what_other_rules_have_kept_is_one_message_now_and_what_is_fresh_is_one_each() {
    for (action, why) in [
        (to_discord(), Together::Kept),
        (to_discord(), Together::Quiet),
        (keeping(None, None, Some("13:00-14:00")), Together::Kept),
    ] {
        let mut rig = Rig::new(action, |_, _| taken());
        for n in 0..20 {
            assert!(rig.lane.resume(kept(&rig, n, why), None).is_empty());
        }
        rig.put(Delivery { line: None, ..rig.delivery(30, hour()) });
        rig.put(Delivery { line: None, ..rig.delivery(31, hour()) });
        rig.wait(secs(10)).await;
        let numbers: Vec<_> = rig.asked().iter().map(|asked| numbers(&asked.body).0).collect();
        assert_eq!(numbers, [1, 1, 20], "{why:?}");
        assert!((0..20).all(|n| form(rig.outcome(n)) == Form::Digest));
        assert!((30..32).all(|n| form(rig.outcome(n)) == Form::Message));
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_come_first_by_when_they_fired_and_what_a_person_sends_again_ends_no_wait() {
    let mut rig = Rig::new(keeping(Some(secs(900)), None, None), |_, _| taken());
    let old: Vec<_> = (0..3).map(|n| rig.delivery(n, hour())).collect();
    rig.wait(secs(10)).await;
    rig.put(rig.delivery(3, hour()));
    for n in [1, 0, 2] {
        assert!(rig.lane.resume(old[n].clone(), None).is_empty());
    }
    // As app/commands.rs gives it: without words for a digest.
    let again = Delivery { line: None, expires_at: rig.common.clock.now().plus(hour()), ..old[0].clone() };
    rig.wait(secs(880)).await;
    let firing = FiringBrief { id: id(7), at: START.shifted(-86_400_000), ..FiringBrief::clone(&again.firing) };
    assert!(rig.lane.resume(Delivery { firing: Arc::new(firing), ..again }, None).is_empty());
    rig.wait(secs(1)).await;
    assert_eq!((at(&rig), form(rig.outcome(7))), (vec![890], Form::Message), "by itself, at once");
    rig.wait(secs(20)).await;
    assert_eq!(at(&rig), [890, 900], "from the first that is kept");
    let body = &rig.asked()[1].body;
    let places: Vec<_> = [3, 2, 1, 0].iter().map(|n| body.find(&mark(*n)).unwrap()).collect();
    assert!(places[0] < places[1..].iter().copied().min().unwrap(), "{body}");
}

#[tokio::test(start_paused = true)]
async fn quiet_hours_end_by_the_clock_on_the_wall_when_that_is_put_back() {
    // 2026-10-25: at 02:00 it is 01:00 once more in London, and the night is nine hours long.
    let hours = Hours::parse(&["23:00-07:00"], &Zone::parse("Europe/London").unwrap()).unwrap();
    let digest = Digest { every: None, count: None, quiet: Some(Quiet(Arc::new(hours))) };
    let mut rig = Rig::new(Action { digest: Some(digest), ..to_discord() }, |_, _| taken());
    let begin = Timestamp::from_millis(1_792_879_200_000);
    rig.wait(begin.since(START)).await;
    rig.put(rig.delivery(0, hour() * 24));
    rig.put(rig.delivery(1, hour() * 24));
    rig.wait(hour() * 9 - secs(1)).await;
    assert_eq!(rig.asked().len(), 0, "it is 06:59:59");
    rig.wait(secs(62)).await;
    assert_eq!(numbers(&rig.asked()[0].body), (2, 0));
    assert!(rig.asked()[0].at < begin.since(START) + hour() * 9 + secs(61));
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
