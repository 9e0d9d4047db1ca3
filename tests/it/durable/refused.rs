//! State folders that the program cannot have: it says so, and ends before anything is sent.

use std::time::Duration;

use tokio::time::Instant;

use super::world::{World, in_state, plain, stop};
use crate::kit::agreed::agreed;
use crate::kit::binary::Home;

/// It does not start: exit code 2 and these words. Returns all that it said.
fn refused(world: &World, home: &Home, words: &str) -> String {
    let (code, _, said) = home.run(&["run", "--url", &world.rig.url]);
    assert!(code == 2 && said.contains(words), "{code}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_on_the_folder_is_refused_within_a_second_and_the_first_goes_on() {
    let (world, home) = plain("").await;
    let program = world.start(&home);
    let begun = Instant::now();
    let said = refused(&world, &home, "another birdcall is running on this state folder");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(said.contains(home.path().join("state").to_str().unwrap()), "{said}");
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_the_place_of_the_folder_is_refused_and_left_as_it_is() {
    let (world, home) = plain("").await;
    home.write("state", "mine");
    refused(&world, &home, home.path().join("state").to_str().unwrap());
    assert_eq!(std::fs::read_to_string(home.path().join("state")).unwrap(), "mine");
    assert_eq!(world.feed().stats().accepted, 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (world, home) = plain("").await;
    let state = home.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(state.join("probe"), "").is_ok() {
        // Who is root may write everywhere: a folder in the place of the journal's lock does as well.
        std::fs::remove_file(state.join("probe")).unwrap();
        std::fs::create_dir(state.join("lock")).unwrap();
    }
    let said = refused(&world, &home, state.to_str().unwrap());
    assert!(said.contains("check that this user may write there"), "{said}");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_read_is_said_alerts_go_on_and_orders_wait_for_somebody_to_look() {
    let (world, home) = plain("").await;
    stop(world.start(&home));
    let journal = home.path().join("state").join("journal.db");
    assert!(journal.exists());
    std::fs::write(&journal, "this was a database once").unwrap();
    let program = world.start(&home);
    world.told("The journal was damaged");
    world.lists("1");
    world.told("/status/1");
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "disarmed");
    let why = home.status()["orders"]["why"].to_string();
    assert!(why.contains("the journal was damaged"), "{why}");
    let (code, _, said) = home.run(&["arm"]);
    assert_eq!(code, 0, "{said}");
    world.lists("2");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["2"]);
    world.is_well();
}
