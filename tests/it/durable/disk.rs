//! A disk that is full, that may not be written, or that has lost a part of the journal: it is said, alerts go on, orders are refused or
//! held until somebody looks, and what can be mended is, without a restart.
//!
//! Small and read-only disks are made in a user namespace of their own, where a system lets us.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::world::{World, in_state, rules, stop};
use super::{content, now};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, wait_until};
use crate::kit::feed::Rig;

const ALONE: &str = "BIRDCALL_TEST_OWN_DISKS";

/// Runs the test of this name where disks can be mounted. Says what came of it.
fn alone(name: &str) -> String {
    let this = std::env::current_exe().unwrap();
    let mut alone = Command::new("unshare");
    alone.arg("-rm").arg(this).arg(format!("durable::disk::{name}")).args(["--exact", "--ignored", "--nocapture"]);
    let ran = alone.env(ALONE, "1").output();
    let Ok(ran) = ran else { return "there is no `unshare` here: not tested".to_owned() };
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if said.contains("unshare:") || said.contains("mount:") {
        return format!("no disk can be mounted here: not tested: {said}");
    }
    assert!(ran.status.success() && said.contains("all held"), "{said}");
    "tested".to_owned()
}

fn mount(options: &str, folder: &Path) {
    let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(folder).status().unwrap();
    assert!(done.success());
}

async fn world() -> (World, Home, PathBuf) {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&rules("", "max_age = \"60s\""));
    let state = home.path().join("state");
    (world, home, state)
}

/// Nothing is left of the disk.
fn fill(filler: &Path) {
    let mut size = 4 << 20;
    while size > 0 {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(filler).unwrap();
        if std::io::Write::write_all(&mut file, &vec![1; size]).is_err() {
            size /= 2;
        }
    }
}

fn journal(home: &Home) -> Value {
    home.status()["journal"].clone()
}

/// How many orders were refused so far, as the running program counts them.
fn dead(home: &Home) -> u64 {
    let counts = home.status()["counts"].as_array().unwrap().clone();
    counts.iter().filter(|count| count["action"] == "bot").map(|count| count["dead"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is run by the test below"]
async fn full() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let (world, home, state) = world().await;
    std::fs::create_dir(&state).unwrap();
    mount("size=4m,mode=700", &state);
    let mut program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    fill(&state.join("filler"));
    let mut n = 0;
    wait_until("the disk is full", || {
        n += 1;
        world.feed().send(content(&format!("9{n}"), "gm").to_string());
        journal(&home)["state"] == "degraded"
    });
    assert!(journal(&home)["why"].as_str().unwrap().contains("the disk is full; free some space"), "{}", journal(&home));
    program.wait_for("the journal cannot record: the disk is full");
    world.told("The journal cannot record");
    assert_eq!(world.said("orders are refused until it can"), 1);
    for (refused, id) in ["2", "3", "4"].into_iter().enumerate() {
        world.lists(id);
        world.told(&format!("/status/{id}"));
        wait_until("the order is refused", || dead(&home) == refused as u64 + 1);
    }
    assert_eq!(world.bot.received().len(), 1, "nothing is sent that is not on the disk");
    // And what stops orders meanwhile is not said to be kept.
    for id in ["50", "51", "52", "53", "54"] {
        let mut old = content(id, "gm");
        old["ts"] = json!(now() - 20_000);
        world.feed().send(old.to_string());
    }
    world.told("Orders are stopped");
    world.told("a restart would let them go again");
    assert_eq!(world.said(r"go again \\(the disk is full"), 1, "{:#?}", world.desk.messages());
    std::fs::remove_file(state.join("filler")).unwrap();
    wait_until("it records again", || journal(&home)["state"] == "fine");
    program.wait_for("the journal records again");
    let (code, _, said) = home.run(&["arm"]);
    assert_eq!(code, 0, "{said}");
    world.lists("6");
    in_state(&home, "bot", "delivered", 2);
    assert_eq!(world.orders(2), ["1", "6"]);
    let refused = in_state(&home, "bot", "dead", 3);
    assert!(refused.iter().all(|row| row["why"].as_str().unwrap().contains("the disk is full")), "{refused:?}");
    for id in ["1", "2", "3", "4", "6"] {
        assert_eq!(world.said(&format!("/status/{id}")), 1, "{id}");
    }
    agreed(&home);
    let said = stop(program);
    assert!(!said.contains("panicked"), "{said}");
    world.is_well();
    println!("all held");
}

#[test]
fn on_a_full_disk_alerts_go_on_orders_are_refused_in_words_and_with_room_again_all_goes_on() {
    println!("{}", alone("full"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is run by the test below"]
async fn read_only() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let (world, home, state) = world().await;
    std::fs::create_dir(&state).unwrap();
    mount("size=16m,mode=700", &state);
    let refused = || {
        let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&state).status().unwrap();
        assert!(remounted.success());
        let (code, _, said) = home.run(&["run", "--url", &world.rig.url]);
        assert!(code == 2 && said.contains(state.to_str().unwrap()), "{code}: {said}");
        assert!(said.contains("Read-only") && said.contains("choose another folder with --state"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        assert!(Command::new("mount").args(["-o", "remount,rw"]).arg(&state).status().unwrap().success());
    };
    refused();
    stop(world.start(&home));
    let accepted = world.feed().stats().accepted;
    refused();
    assert_eq!(world.feed().stats().accepted, accepted, "nothing was begun");
    println!("all held");
}

#[test]
fn a_state_folder_on_a_read_only_disk_is_refused_in_words_whether_there_is_a_journal_or_not() {
    println!("{}", alone("read_only"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is run by the test below"]
async fn damaged_without_room() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let (world, home, state) = world().await;
    std::fs::create_dir(&state).unwrap();
    mount("size=4m,mode=700", &state);
    let program = world.start(&home);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    assert_eq!(home.run(&["disarm", "--because", "I go to bed"]).0, 0);
    stop(program);
    // No journal as far as SQLite sees, and all of it is still there.
    let file = state.join("journal.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..16].fill(0);
    std::fs::write(&file, bytes).unwrap();
    fill(&state.join("filler"));
    let program = world.start(&home);
    world.told("The journal cannot record");
    assert_eq!(home.status()["orders"]["armed"], false, "nobody knows what it said");
    world.lists("2");
    world.told("/status/2");
    std::fs::remove_file(state.join("filler")).unwrap();
    world.told("The journal was damaged");
    wait_until("it records", || journal(&home)["state"] == "fine");
    let held = in_state(&home, "bot", "suppressed", 1);
    assert_eq!(held[0]["why"], "disarmed");
    stop(program);
    let program = world.start(&home);
    let orders = home.status()["orders"].clone();
    assert_eq!((&orders["armed"], &orders["why"]), (&json!(false), &json!("I go to bed")), "it was not forgotten");
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
    println!("all held");
}

#[test]
fn a_damaged_journal_that_there_is_no_room_to_mend_stops_orders_and_is_mended_when_there_is() {
    println!("{}", alone("damaged_without_room"));
}

/// What may be left of a file.
type Harm = fn(&mut Vec<u8>);

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_was_cut_or_overwritten_is_said_at_the_start_and_alerts_go_on() {
    let (world, home, state) = world().await;
    let program = world.start(&home);
    for id in 1..=20 {
        world.lists(&id.to_string());
    }
    in_state(&home, "bot", "delivered", 20);
    in_state(&home, "desk", "delivered", 20);
    stop(program);
    let file = state.join("journal.db");
    let whole = std::fs::read(&file).unwrap();
    // What, whether a start meets it, and how.
    let harms: [(&str, bool, Harm); 7] = [
        ("cut to nothing", true, |file| file.clear()),
        ("cut within its first page", true, |file| file.truncate(100)),
        ("cut in half", true, |file| file.truncate(file.len() / 2)),
        ("its last page cut", false, |file| file.truncate(file.len() - 1_000)),
        ("its first page overwritten", true, |file| file[..4_096].fill(0)),
        ("its middle overwritten", true, |file| {
            let length = file.len();
            file[length / 4..length * 3 / 4].fill(0xA5);
        }),
        ("rubbish", true, |file| file.fill(0x5A)),
    ];
    for (n, (what, met, harm)) in harms.into_iter().enumerate() {
        for found in std::fs::read_dir(&state).unwrap().map(|found| found.unwrap().path()) {
            std::fs::remove_file(found).unwrap();
        }
        let mut bytes = whole.clone();
        harm(&mut bytes);
        std::fs::write(&file, bytes).unwrap();
        let (told, orders) = (world.said("The journal was damaged"), world.bot.received().len());
        let mut program = world.start(&home);
        if met {
            wait_until(&format!("{what}: the desk is told"), || world.said("The journal was damaged") > told);
            program.wait_for("the journal was damaged");
        }
        let id = (100 + n).to_string();
        world.lists(&id);
        world.told(&format!("/status/{id}"));
        wait_until(&format!("{what}: the journal is well"), || journal(&home)["state"] == "fine");
        // The order goes where the switch could be read, and waits for somebody to look where it could not.
        let armed = home.status()["orders"]["armed"].as_bool().unwrap();
        wait_until(&format!("{what}: the order is sent or held"), || {
            let rows = home.deliveries(&["--rule", "listing", "--action", "bot"]);
            rows.first().is_some_and(|row| row["state"] == if armed { "delivered" } else { "suppressed" })
        });
        assert_eq!(world.bot.received().len() - orders, usize::from(armed), "{what}");
        let said = stop(program);
        assert!(!said.contains("panicked"), "{what}: {said}");
        // What the last page holds differs from run to run; only what is read there is met.
        assert!(state.join("journal-damaged-1.db").exists() || !met, "{what}");
    }
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_stop_by_themselves_while_the_journal_cannot_record_it_are_said_to_be_so_only_for_this_run() {
    let (world, home, state) = world().await;
    let mut program = world.start(&home);
    let lag = |first: i64| {
        for id in first..first + 5 {
            let mut old = content(&id.to_string(), "gm");
            old["ts"] = json!(now() - 20_000);
            world.feed().send(old.to_string());
        }
    };
    let other = rusqlite::Connection::open(state.join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    lag(1);
    world.told("Orders are stopped");
    assert_eq!(home.status()["orders"]["armed"], false, "it waits for no disk");
    world.told("Orders are stopped only as long as birdcall runs");
    program.wait_for("a restart would let them go again");
    other.execute_batch("ROLLBACK").unwrap();
    wait_until("it records", || journal(&home)["state"] == "fine");
    // What waited is written piece by piece: the first of it may be on the disk a moment before this.
    let last = "SELECT state FROM switches ORDER BY id DESC LIMIT 1";
    let is_on_record = || other.query_row(last, (), |row| row.get::<_, String>(0)).is_ok_and(|state| state == "disarmed");
    wait_until("it is on record", is_on_record);
    program.kill();
    let program = world.start(&home);
    assert_eq!(home.status()["orders"]["armed"], false, "a restart knows of it");
    stop(program);
    world.is_well();
}
