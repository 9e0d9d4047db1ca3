//! Messages that were sent and are edited: beside what is new, never in its way, and the latest word counts.

use super::*;
use crate::deliver::Edit;
use crate::model::limits::LANE_EDITS;

fn edit(of: usize, says: &str) -> Edit {
    let body = DiscordBody { content: Some(says.to_owned()), ..body_of_discord() };
    Edit { firing: id(of), message: (9_000 + of).to_string(), body: Arc::new(Body::Discord(Box::new(body))) }
}

fn body_of_discord() -> DiscordBody {
    let allowed_mentions = AllowedMentions::default();
    DiscordBody { username: None, avatar_url: None, content: None, embeds: Vec::new(), allowed_mentions, flags: None }
}

/// What was asked, by when, in ms.
fn asked(rig: &Rig) -> Vec<(u128, String)> {
    let content = |asked: &Asked| {
        let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        body["content"].as_str().unwrap_or_default().to_owned()
    };
    rig.asked().iter().map(|asked| (asked.at.as_millis(), content(asked))).collect()
}

/// How the edits ended.
fn ends(rig: &Rig) -> Vec<(FiringId, Result<(), String>)> {
    let end = |event: &LaneEvent| match event {
        LaneEvent::Edited { firing, end, .. } => Some((*firing, end.clone())),
        _ => None,
    };
    rig.told.iter().filter_map(end).collect()
}

#[tokio::test(start_paused = true)]
async fn an_edit_goes_at_once_when_nothing_else_waits_and_the_latest_counts() {
    let mut rig = Rig::new(to_discord(), |_, _| OK);
    rig.lane.edit(edit(1, "one"));
    rig.lane.edit(edit(1, "two"));
    rig.lane.edit(edit(2, "other"));
    rig.wait(secs(5)).await;
    let says: Vec<_> = asked(&rig).into_iter().map(|(_, says)| says).collect();
    assert_eq!(says, ["two", "other"]);
    assert_eq!(ends(&rig), [(id(1), Ok(())), (id(2), Ok(()))]);
    assert!(rig.reports().is_empty(), "an edit is no delivery");
}

#[tokio::test(start_paused = true)]
async fn alerts_go_before_edits_and_none_of_them_waits_for_one() {
    let mut plain = Rig::new(to_discord(), |_, _| OK);
    let mut edited = Rig::new(to_discord(), |_, _| OK);
    for n in 0..12 {
        edited.lane.edit(edit(100 + n, "edit"));
        for rig in [&mut plain, &mut edited] {
            rig.put(rig.delivery(n, secs(600)));
            rig.wait(ms(700)).await;
        }
    }
    for rig in [&mut plain, &mut edited] {
        rig.wait(secs(120)).await;
    }
    let alerts =
        |rig: &Rig| -> Vec<u128> { asked(rig).into_iter().filter(|(_, says)| says != "edit").map(|(at, _)| at).collect() };
    let (without, with) = (alerts(&plain), alerts(&edited));
    assert_eq!((without.len(), with.len()), (12, 12));
    for (n, (without, with)) in without.iter().zip(&with).enumerate() {
        assert!(*with <= without + 1_400, "alert {n}: {without} without edits, {with} with");
    }
    assert_eq!(ends(&edited).len(), 12);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_comes_while_an_edit_is_under_way_does_not_wait_for_its_answer() {
    let mut rig = Plan { takes: (ms(1), secs(3)), ..Plan::new(to_discord()) }.open(|_, _| OK);
    rig.lane.edit(edit(1, "edit"));
    rig.wait(ms(100)).await;
    rig.put(rig.delivery(5, secs(600)));
    rig.wait(ms(100)).await;
    assert_eq!(rig.asked().len(), 2, "{:?}", asked(&rig));
}

#[tokio::test(start_paused = true)]
async fn an_edit_has_its_turn_at_the_very_moment_at_which_nothing_is_before_it() {
    // While a message is under way, and then until two more would fit.
    let mut rig = Plan { takes: (ms(0), ms(1_013)), ..Plan::new(to_discord()) }.open(|_, _| OK);
    rig.put(rig.delivery(1, secs(600)));
    rig.wait(ms(100)).await;
    rig.lane.edit(edit(1, "edit"));
    rig.wait(secs(30)).await;
    assert_eq!(asked(&rig).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1_013]);
    let rates = vec![Rate::new(2, secs(7)).unwrap()];
    let mut rig = Rig::new(Action { rate_limits: rates, ..to_discord() }, |_, _| OK);
    rig.put(rig.delivery(1, secs(600)));
    rig.wait(ms(100)).await;
    rig.lane.edit(edit(1, "edit"));
    rig.wait(secs(30)).await;
    assert_eq!(asked(&rig).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 7_012], "one counts from its answer on");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_somebody_has_try_again_makes_the_edits_that_waited() {
    let gone = r#"{"message": "Unknown Webhook", "code": 10015}"#;
    let mut rig = Rig::new(to_discord(), move |n, _| if n == 0 { Said::Status(404, gone) } else { OK });
    rig.put(rig.delivery(1, secs(600)));
    rig.wait(secs(1)).await;
    assert!(rig.lane.disabled().is_some());
    rig.lane.edit(edit(1, "edit"));
    rig.wait(secs(300)).await;
    let before = rig.asked().len();
    assert!(rig.lane.reopen());
    rig.wait(ms(20)).await;
    let after: Vec<_> = asked(&rig).into_iter().skip(before).map(|(_, says)| says).collect();
    assert_eq!((after, ends(&rig)), (vec!["edit".to_owned()], vec![(id(1), Ok(()))]));
}

#[tokio::test(start_paused = true)]
async fn of_many_edits_that_wait_the_oldest_are_let_go() {
    let mut rig = Plan { takes: (ms(1), secs(60)), ..Plan::new(to_discord()) }.open(|_, _| OK);
    rig.put(rig.delivery(1, secs(600)));
    rig.wait(ms(10)).await;
    for n in 0..=LANE_EDITS {
        rig.lane.edit(edit(100 + n, "edit"));
    }
    rig.wait(ms(10)).await;
    assert_eq!(ends(&rig), [(id(100), Err("too many edits waited".to_owned()))]);
    rig.wait(secs(86_400)).await;
    assert_eq!(asked(&rig).len(), 1 + LANE_EDITS, "the others were all made");
}

#[tokio::test(start_paused = true)]
async fn a_429_on_an_edit_holds_the_lane_and_the_edit_comes_again() {
    let mut rig = Rig::new(to_discord(), |n, _| if n == 0 { Said::With(429, "retry-after", "7") } else { OK });
    rig.lane.edit(edit(1, "edit"));
    rig.wait(ms(100)).await;
    rig.put(rig.delivery(5, secs(600)));
    rig.wait(secs(60)).await;
    let all = asked(&rig);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[1].0 >= 7_000, "patience is patience: {all:?}");
    assert!(all[1].1 != "edit" && all[2].1 == "edit", "the alert first: {all:?}");
    assert_eq!(ends(&rig), [(id(1), Ok(()))]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_edited_says_so_once_and_says_nothing_of_the_lane() {
    let gone = r#"{"message": "Unknown Message", "code": 10008}"#;
    let mut rig = Rig::new(to_discord(), move |n, _| if n < 8 { Said::Status(404, gone) } else { OK });
    for n in 0..8 {
        rig.lane.edit(edit(n, "edit"));
    }
    rig.wait(secs(60)).await;
    let told = ends(&rig);
    assert_eq!(told.len(), 8);
    assert!(told.iter().all(|(_, end)| end.as_ref().is_err_and(|why| why.contains("Unknown Message"))), "{told:?}");
    assert!(rig.changes().is_empty(), "{:?}", rig.changes());
    rig.put(rig.delivery(5, secs(600)));
    rig.drain().await;
    assert_eq!(rig.outcomes(), ["delivered"]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_tried_again_for_a_while_and_then_let_go() {
    let mut rig = Rig::new(to_discord(), |_, _| Said::Status(503, "down"));
    rig.lane.edit(edit(1, "edit"));
    rig.wait(secs(900)).await;
    assert_eq!(rig.asked().len(), 6);
    let told = ends(&rig);
    assert!(matches!(told.as_slice(), [(_, Err(why))] if why.contains("tried 6 times")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn edits_take_no_more_than_half_of_what_may_be_sent() {
    let mut rig = Rig::new(to_discord(), |_, _| OK);
    for n in 0..200 {
        rig.lane.edit(edit(n, "edit"));
    }
    rig.wait(secs(61)).await;
    let in_a_minute = rig.asked().iter().filter(|asked| asked.at < secs(60)).count();
    assert!((10..=16).contains(&in_a_minute), "{in_a_minute}");
}
