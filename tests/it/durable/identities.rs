//! Who and what is the same, whatever an envelope leaves out: a program that is killed has told the next one, which need not read it once more.

use serde_json::{Value, json};

use super::world::{World, rules, stop};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, wait_until};
use crate::kit::feed::Rig;
use crate::kit::story::meta;

const NEW_AUTHOR: &str = "\n[[rule]]\nname = \"new\"\nsend = [\"desk\"]\nwhen = { keyword = \"gm\" }\n\
                          window = { type = \"first_seen\", of = \"author\", within = \"30d\" }\n";
const NEW_TOKEN: &str = "\n[[rule]]\nname = \"new\"\nsend = [\"desk\"]\nwhen = { token = true }\n\
                         window = { type = \"first_seen\", of = \"token\", within = \"30d\" }\n";
const EVM: &str = "0x6982508145454ce325ddbe47a25d4ec3d2311933";

fn base() -> String {
    rules("", "max_age = \"60s\"")
}

async fn world_with(rule: &str) -> (World, Home) {
    let world = World::new(Rig::plain().await).await;
    let home = world.home(&(base() + rule));
    (world, home)
}

/// Sends it, and waits until the journal has it.
fn hear(world: &World, home: &Home, envelopes: &[Value]) {
    for envelope in envelopes {
        world.feed().send(envelope.to_string());
    }
    let id = envelopes[0]["d"]["tweetId"].as_str().unwrap();
    wait_until("the journal has it", || home.run(&["why", id]).0 == 0);
}

/// A good morning of somebody, of whom an envelope says so much.
fn by(id: &str, author: Value) -> [Value; 1] {
    let mut envelope = super::content(id, "gm");
    envelope["d"]["author"] = author;
    [envelope]
}

fn on_chain(id: &str, chain: &str) -> [Value; 2] {
    let token = json!({"symbol": "PEPE", "contract": EVM, "chain": chain, "priceUsd": 1.0, "sources": ["text"]});
    [super::content(id, &format!("look at {EVM}")), meta(id, &json!({"tokens": [token]}))]
}

/// So long ago that a start does not read it any more.
fn forget_entries(home: &Home) {
    let journal = rusqlite::Connection::open(home.path().join("state/journal.db")).unwrap();
    assert!(journal.execute("DELETE FROM entries", ()).unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_it_is_that_only_a_handle_is_told_of_is_known_after_a_kill_without_the_entries_that_said_it() {
    let (world, home) = world_with(NEW_AUTHOR).await;
    let mut program = world.start(&home);
    hear(&world, &home, &by("1", json!({"id": "1", "handle": "@kol"})));
    world.told("/status/1");
    agreed(&home);
    program.kill();
    forget_entries(&home);
    let program = world.start(&home);
    hear(&world, &home, &by("2", json!({"handle": "@Kol"})));
    hear(&world, &home, &by("3", json!({"handle": "@other"})));
    world.told("/status/3");
    // Whoever asks is told the same.
    let (code, out, said) = home.run(&["why", "2"]);
    assert!(code == 0 && out.contains("it was seen before"), "{out}{said}");
    // Of one that was the first to be seen it is said so, whenever it was posted.
    let (_, out, _) = home.run(&["why", "3"]);
    assert!(out.contains("new: fires") && !out.contains("does not fire"), "{out}");
    agreed(&home);
    stop(program);
    assert_eq!((world.said("/status/1"), world.said("/status/2"), world.said("/status/3")), (1, 0, 1));
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_that_a_contract_goes_without_stays_the_first_after_a_kill() {
    let (world, home) = world_with(NEW_TOKEN).await;
    let mut program = world.start(&home);
    hear(&world, &home, &on_chain("1", "ethereum"));
    world.told("/status/1");
    agreed(&home);
    program.kill();
    forget_entries(&home);
    let program = world.start(&home);
    hear(&world, &home, &on_chain("2", "base"));
    world.told("/status/2");
    hear(&world, &home, &on_chain("3", "ethereum"));
    hear(&world, &home, &on_chain("4", "polygon"));
    world.told("/status/4");
    agreed(&home);
    stop(program);
    assert_eq!((world.said("/status/2"), world.said("/status/3"), world.said("/status/4")), (1, 0, 1));
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_that_is_new_by_a_reload_learned_of_the_past_is_known_in_that_run_and_in_the_next() {
    let (world, home) = world_with("").await;
    let mut program = world.start(&home);
    hear(&world, &home, &by("1", json!({"id": "1", "handle": "@kol"})));
    home.write("rules.toml", &(base() + NEW_AUTHOR));
    program.wait_for("the rules were reloaded");
    hear(&world, &home, &by("2", json!({"handle": "@kol"})));
    hear(&world, &home, &by("3", json!({"handle": "@other"})));
    world.told("/status/3");
    agreed(&home);
    program.kill();
    forget_entries(&home);
    let program = world.start(&home);
    hear(&world, &home, &by("4", json!({"handle": "@kol"})));
    hear(&world, &home, &by("5", json!({"handle": "@third"})));
    world.told("/status/5");
    agreed(&home);
    stop(program);
    let said = ["1", "2", "3", "4", "5"].map(|id| world.said(&format!("/status/{id}")));
    assert_eq!(said, [0, 0, 1, 0, 1]);
    world.is_well();
}
