//! A feed that lives and brings nothing: who reads the chats hears of it, and that it is over, by what is usual as the journal has it.

use std::time::Duration;

use birdcall::clock::Clock;
use birdcall::journal::{self, EntryRow, Record, Settings};
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;

use super::world::{World, in_state, rules, stop};
use super::{content, now};
use crate::kit::binary::{Home, wait_until};
use crate::kit::feed::Rig;

/// A journal of a run that heard a tweet every minute for hours, then nothing for so long, and ended a moment ago.
async fn heard_before(home: &Home, quiet_for: Duration) {
    let ended = Timestamp::from_millis(now());
    let quiet_for = i64::try_from(quiet_for.as_millis()).unwrap();
    let (journal, writer) = journal::open(&home.path().join("state"), Settings::default(), Clock::starting_at(ended)).unwrap();
    let writer = std::thread::spawn(writer);
    for minute in (0..240).rev() {
        let at = ended.shifted(-quiet_for - minute * 60_000);
        let text = content(&format!("9{minute}"), "good morning").to_string();
        let entry = EntryRow { at, origin: Origin::Live, matched: false, text: text.into() };
        journal.record(Record { entry: Some(entry), ..Record::default() });
    }
    journal.alive(ended, true);
    journal.finished();
    assert!(journal.flush().await);
    drop(journal);
    writer.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn that_the_feed_has_gone_quiet_and_that_it_is_over_reaches_a_chat() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&rules("", "max_age = \"60s\""));
    heard_before(&home, Duration::from_secs(15 * 60 - 1)).await;
    let program = world.start(&home);
    world.told("The feed has gone quiet");
    // On a busy machine it is some seconds more.
    assert_eq!(world.said("no tweet has come for 15 min 0"), 1);
    assert_eq!(world.said("no other pause of the last day was longer than 5 min"), 1);
    world.feed().send(content("1", "gm").to_string());
    world.told("The feed brings tweets again");
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_within_a_pause_that_was_told_tells_its_end_alone() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&rules("", "max_age = \"60s\""));
    heard_before(&home, Duration::from_secs(20 * 60)).await;
    let program = world.start(&home);
    wait_until("a second has passed", || home.status()["feed"]["state"] == "connected");
    world.lists("1");
    world.told("The feed brings tweets again");
    in_state(&home, "desk", "delivered", 1);
    stop(program);
    assert_eq!(world.said("The feed has gone quiet"), 0, "that was told before");
    world.is_well();
}
