//! Lists from elsewhere while the program runs: a file that is saved, and the accounts that the key tracks.

use crate::kit::account;
use crate::kit::agreed::agreed;
use crate::kit::binary::wait_until;
use crate::kit::feed::Rig;

use super::content;
use super::world::{World, rules, stop};

const RELOADED: &str = "the rules were reloaded";

/// Rules for the accounts of a list.
fn of_list(list: &str, feed: &str) -> String {
    let rules = rules(feed, "max_age = \"60s\"").replace("handle = \"kol\"", "handle = \"@kols\"");
    format!("[lists]\nkols = {list}\n{rules}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_saved_is_in_force_soon_and_a_mistake_in_it_leaves_the_old_one() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&of_list("{ file = \"kols.txt\" }", ""));
    home.write("kols.txt", "somebody\nanybody\n");
    let mut program = world.start(&home);
    home.write("kols.txt", "somebody\nkol\nanybody\n");
    program.wait_for(RELOADED);
    world.lists("1");
    world.told("/status/1");
    // Without its last line it is no half of itself.
    program.forget(RELOADED);
    home.write("kols.txt", "somebody\nkol\n");
    program.wait_for(RELOADED);
    home.write("kols.txt", "somebody\nkol\nno handle\n");
    program.wait_for("the rules were not reloaded");
    let refused = &home.status()["rules"]["refused"];
    assert!(refused["brief"].as_str().unwrap().contains("kols.txt:3:1"), "{refused}");
    std::fs::remove_file(home.path().join("kols.txt")).unwrap();
    world.told("there is no such file");
    world.lists("2");
    world.told("/status/2");
    // As Kubernetes mounts it, by a link that is turned.
    std::fs::create_dir(home.path().join("..2")).unwrap();
    home.write("..2/kols.txt", "nobody\n");
    program.forget(RELOADED);
    std::os::unix::fs::symlink("..2/kols.txt", home.path().join("link")).unwrap();
    std::fs::rename(home.path().join("link"), home.path().join("kols.txt")).unwrap();
    program.wait_for(RELOADED);
    world.lists("3");
    world.feed().send(content("4", "nothing").to_string());
    agreed(&home);
    stop(program);
    assert_eq!(world.said("/status/3"), 0);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_key_tracks_is_asked_at_the_start_and_again_at_a_reload_and_a_dead_api_changes_nothing() {
    let account = account::start(account::tracking(&["Kol"])).await;
    let world = World::new(Rig::plain().await).await;
    let history = format!("history = \"{}\"", account.url());
    let home = world.home(&of_list("{ tracked = true }", &history));
    // It begins with what is kept, which is nothing, and goes on with what the feed says.
    let mut program = world.start(&home);
    program.wait_for(RELOADED);
    world.lists("1");
    world.told("/status/1");
    let asked = account.received().iter().filter(|of| of.path == "/api/me").count();
    assert_eq!(asked, 1);
    assert_eq!(home.run(&["reload"]).0, 0);
    wait_until("it is asked again", || account.received().iter().filter(|of| of.path == "/api/me").count() == 2);
    stop(program);
    drop(account);
    let mut program = world.start(&home);
    program.wait_for("which accounts the key tracks is not known");
    world.lists("2");
    world.told("/status/2");
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_has_lost_most_of_its_end_waits_for_a_word_as_it_may_be_half_written() {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&of_list("{ file = \"kols.txt\" }", ""));
    home.write("kols.txt", "somebody\nanybody\nnobody\nkol\nothers\n");
    let mut program = world.start(&home);
    home.write("kols.txt", "somebody\nanybody\n");
    program.wait_for("the rules were not reloaded");
    world.told("is the beginning of what it was");
    world.lists("1");
    world.told("/status/1");
    home.write("kols.txt", "somebody\nanybody\nnobody\nkol\n");
    program.wait_for("kols.txt: 5 → 4 values");
    program.forget("the rules were not reloaded");
    home.write("kols.txt", "somebody\n");
    program.wait_for("the rules were not reloaded");
    let (code, out, said) = home.run(&["reload"]);
    assert!(code == 0 && out.contains("kols.txt: 4 → 1 values"), "{out}{said}");
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn that_the_key_tracks_nobody_any_more_is_told_to_people() {
    let account = account::start(account::tracking(&["Kol"])).await;
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&of_list("{ tracked = true }", &format!("history = \"{}\"", account.url())));
    let mut program = world.start(&home);
    program.wait_for(RELOADED);
    stop(program);
    let nobody = account::start(account::tracking(&[])).await;
    home.write("rules.toml", &of_list("{ tracked = true }", &format!("history = \"{}\"", nobody.url())));
    let program = world.start(&home);
    world.told("The feed says that the key tracks nobody");
    world.lists("1");
    world.told("/status/1");
    stop(program);
    world.is_well();
}
