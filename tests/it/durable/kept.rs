//! What is kept for a digest outlives the program and changes of its rules.

use crate::kit::agreed::agreed;
use crate::kit::binary::wait_until;
use crate::kit::feed::Rig;

use super::world::{World, in_state, rules, stop};

fn keeping(digest: &str) -> String {
    rules("", "max_age = \"60s\"").replace("rate_limit = \"10000/s\"", digest).replace("notices = [\"desk\"]\n", "notices = []\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_told_after_a_restart_with_its_words() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&keeping("digest = { every = \"5s\" }"));
    let mut program = world.start(&home);
    for id in ["1", "2", "3"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 3);
    in_state(&home, "desk", "pending", 3);
    agreed(&home);
    assert_eq!(world.desk.messages().len(), 0);
    program.kill();
    let program = world.start(&home);
    let told = in_state(&home, "desk", "delivered", 3);
    assert!(told.iter().all(|row| row["form"] == "digest"), "{told:#?}");
    assert_eq!(world.said("3 alerts"), 1, "{:?}", world.desk.messages());
    for id in ["1", "2", "3"] {
        assert_eq!(world.said(&format!("/status/{id}")), 1, "{id}: {:?}", world.desk.messages());
    }
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_waits_on_when_only_the_digest_is_changed_and_is_told_when_the_program_ends() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&keeping("max_age = \"2h\"\ndigest = { every = \"1h\" }"));
    let mut program = world.start(&home);
    for id in ["1", "2"] {
        world.lists(id);
    }
    in_state(&home, "desk", "pending", 2);
    home.write("rules.toml", &keeping("max_age = \"2h\"\ndigest = { every = \"1h\", count = 3 }"));
    program.wait_for("the rules were reloaded");
    agreed(&home);
    assert_eq!(world.desk.messages().len(), 0);
    world.lists("3");
    in_state(&home, "desk", "delivered", 3);
    assert!(world.said("3 alerts") == 1, "{:?}", world.desk.messages());
    for id in ["4", "5"] {
        world.lists(id);
    }
    in_state(&home, "desk", "pending", 2);
    stop(program);
    wait_until("it was told at the end", || world.said("2 alerts") == 1);
    in_state(&home, "desk", "delivered", 5);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_quiet_hours_stays_kept_over_a_stop_and_is_told_when_they_are_no_more() {
    let world = World::new(Rig::plain().await).await;
    // Whatever time it is, it is quiet.
    let by_clock = |minutes: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        at.to_zoned_datetime(jiff::tz::TimeZone::UTC).strftime("%H:%M").to_string()
    };
    let quiet = format!("max_age = \"7d\"\nquiet = \"{}-{}\"", by_clock(-30), by_clock(90));
    let home = world.home(&keeping(&quiet));
    let program = world.start(&home);
    for id in ["1", "2"] {
        world.lists(id);
    }
    in_state(&home, "desk", "pending", 2);
    stop(program);
    in_state(&home, "desk", "pending", 2);
    assert_eq!(world.desk.messages().len(), 0);
    home.write("rules.toml", &keeping("max_age = \"7d\""));
    let program = world.start(&home);
    in_state(&home, "desk", "delivered", 2);
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grew_too_old_while_the_program_was_down_is_a_number_of_the_next_digest_once() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&keeping("max_age = \"4s\"\ndigest = { count = 3 }"));
    let mut program = world.start(&home);
    for id in ["1", "2"] {
        world.lists(id);
    }
    in_state(&home, "desk", "pending", 2);
    program.kill();
    let killed = jiff::Timestamp::now();
    wait_until("they are too old", || jiff::Timestamp::now().duration_since(killed).as_secs() >= 4);
    let mut program = world.start(&home);
    in_state(&home, "desk", "expired", 2);
    // And once more, with nobody told meanwhile: now it is the journal that knows.
    program.kill();
    let program = world.start(&home);
    for id in ["3", "4", "5"] {
        world.lists(id);
    }
    in_state(&home, "desk", "delivered", 3);
    assert_eq!(world.said("3 alerts"), 1, "{:?}", world.desk.messages());
    assert_eq!(world.said("2 more had become too old"), 1, "{:?}", world.desk.messages());
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_one_message_when_the_digest_is_no_more_after_a_reload_or_a_restart() {
    for reload in [true, false] {
        let world = World::new(Rig::plain().await).await;
        let home = world.home(&keeping("max_age = \"2h\"\ndigest = { every = \"1h\" }"));
        let mut program = world.start(&home);
        for id in ["1", "2", "3"] {
            world.lists(id);
        }
        in_state(&home, "desk", "pending", 3);
        if !reload {
            program.kill();
        }
        home.write("rules.toml", &keeping("max_age = \"2h\""));
        let program = if reload { program } else { world.start(&home) };
        let told = in_state(&home, "desk", "delivered", 3);
        assert!(told.iter().all(|row| row["form"] == "digest"), "{told:#?}");
        assert_eq!((world.said("3 alerts"), world.said("/status/1")), (1, 1), "{:?}", world.desk.messages());
        agreed(&home);
        stop(program);
        world.is_well();
    }
}
