//! Rules files that are saved while the program runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use birdcall::control::{self, Answer, Command};
use serde_json::json;

use super::world::{LISTING, World, in_state, plain, rules, stop};
use super::{content, tweets};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::feed::Rig;
use crate::kit::http::Reply;

const RELOADED: &str = "the rules were reloaded";
const NOT: &str = "the rules were not reloaded";
/// One rule more.
const GM: &str = "\n[[rule]]\nname = \"gm\"\nsend = [\"desk\"]\nwhen = { keyword = \"gm\" }\n";
const BOT: &str = "max_age = \"60s\"";

fn base() -> String {
    rules("", BOT)
}

fn reload(home: &Home, force: bool) -> Answer {
    let folder = home.path().join("state");
    // It has a run time of its own.
    std::thread::spawn(move || control::ask(&folder, &Command::Reload { force }).unwrap()).join().unwrap()
}

fn is_refused(answer: &Answer, words: &str) {
    assert!(matches!(answer, Answer::Refused { why } if why.contains(words)), "{answer:?}");
}

fn is_reloaded(answer: &Answer) {
    assert!(matches!(answer, Answer::Reloaded { .. }), "{answer:?}");
}

/// A way to save a text.
type Save<'s> = &'s dyn Fn(&str);

/// What has been said so far is of no interest any more.
fn wait_anew(program: &mut Program, words: &str) {
    program.wait_for(words);
    program.forget(words);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_file_is_saved_its_rules_are_in_force_soon() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    let path = |name: &str| home.path().join(name);
    let text = |word: &str| base() + &GM.replace("\"gm\" }", &format!("\"{word}\" }}"));
    let save: [(&str, Save<'_>); 4] = [
        ("in place", &|text| home.write("rules.toml", text)),
        ("renamed", &|text| {
            home.write("new", text);
            std::fs::rename(path("new"), path("rules.toml")).unwrap();
        }),
        ("removed first", &|text| {
            std::fs::remove_file(path("rules.toml")).unwrap();
            home.write("rules.toml", text);
        }),
        // As Kubernetes mounts a ConfigMap: the file is a link through a folder that is itself a link, and that one is turned.
        ("a link that is turned", &|text| {
            std::fs::create_dir(path("..2")).unwrap();
            home.write("..2/rules.toml", text);
            std::os::unix::fs::symlink("..2", path("..data_tmp")).unwrap();
            std::fs::rename(path("..data_tmp"), path("..data")).unwrap();
            std::os::unix::fs::symlink("..data/rules.toml", path("link")).unwrap();
            std::fs::rename(path("link"), path("rules.toml")).unwrap();
        }),
    ];
    for (n, (way, save)) in save.into_iter().enumerate() {
        let word = format!("word{n}");
        save(&text(&word));
        wait_anew(&mut program, RELOADED);
        world.feed().send(content(&format!("10{n}"), &word).to_string());
        world.told(&format!("/status/10{n}"));
        assert!(home.status()["rules"]["refused"].is_null(), "{way}");
    }
    // The same text, saved again, is no news; a signal is.
    home.write("rules.toml", &text("word3"));
    std::process::Command::new("kill").args(["-HUP", &program.pid().to_string()]).status().unwrap();
    wait_anew(&mut program, RELOADED);
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_leaves_the_old_rules_in_force_and_is_told_once_with_its_place() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    home.write("rules.toml", &base().replace("keyword", "keywrod"));
    wait_anew(&mut program, NOT);
    world.told("The rules were not reloaded");
    let refused = &home.status()["rules"]["refused"];
    let brief = refused["brief"].as_str().unwrap();
    assert!(brief.starts_with("rules.toml:") && brief.contains("keywrod"), "{refused}");
    assert!(refused["text"].as_str().unwrap().contains("did you mean"), "{refused}");
    assert!(home.run(&["status"]).1.contains("not those of the files"));
    // The same mistake again.
    is_refused(&reload(&home, false), "keywrod");
    is_refused(&reload(&home, true), "keywrod");
    let (code, _, said) = home.run(&["reload"]);
    assert!(code == 1 && said.contains("keywrod") && said.contains("did you mean"), "{code} {said}");
    // A secret that is not there is one, too.
    home.write("rules.toml", &base().replace("env:DESK", "env:NOBODY"));
    is_refused(&reload(&home, false), "NOBODY");
    world.lists("1");
    in_state(&home, "bot", "delivered", 1);
    in_state(&home, "desk", "delivered", 1);
    home.write("rules.toml", &base());
    wait_until("nothing is wrong any more", || home.status()["rules"]["refused"].is_null());
    assert_eq!(world.said("keywrod"), 1, "told once");
    agreed(&home);
    stop(program);
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_half_written_or_loses_most_of_the_rules_wants_a_word() {
    let (world, home) = plain("").await;
    let more: String = (0..6).map(|n| GM.replace("gm", &format!("gm{n}"))).collect();
    home.write("rules.toml", &(base() + &more));
    let mut program = world.start(&home);
    home.write("rules.toml", &base());
    wait_anew(&mut program, NOT);
    assert!(home.status()["rules"]["refused"]["brief"].as_str().unwrap().contains("half written"));
    is_refused(&reload(&home, false), "6 of 7 rules would be lost");
    assert_eq!(home.status()["rules"]["rules"], 7);
    assert_eq!(home.run(&["reload", "--force-reload"]).0, 0);
    assert_eq!((&home.status()["rules"]["rules"], &home.status()["rules"]["refused"]), (&json!(1), &json!(null)));
    stop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_lane_that_changes_goes_on_in_the_new_one_once_and_what_is_not_wanted_any_more_ends() {
    let world = World::new(Rig::plain().await).await;
    let slow = base().replace("rate_limit = \"10000/s\"", "rate_limit = \"1/60s\"");
    let home = world.home(&slow);
    let program = world.start(&home);
    for id in ["1", "2", "3"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 3);
    in_state(&home, "desk", "delivered", 1);
    is_reloaded(&reload(&home, false));
    home.write("rules.toml", &(slow.clone() + GM));
    is_reloaded(&reload(&home, false));
    assert_eq!(world.desk.messages().len(), 1, "the lane has not changed, nor has its pace");
    home.write("rules.toml", &base());
    is_reloaded(&reload(&home, false));
    world.told("/status/2");
    world.told("/status/3");
    home.write("rules.toml", &base().replace("type = \"discord\"", "type = \"discord\"\nmode = \"off\""));
    is_reloaded(&reload(&home, false));
    world.lists("4");
    in_state(&home, "bot", "delivered", 4);
    let off = in_state(&home, "desk", "suppressed", 1);
    assert_eq!(off[0]["why"], "off");
    agreed(&home);
    stop(program);
    assert_eq!(tweets(&world.desk.received()), (1..=3).map(|id| (id.to_string(), 1)).collect());
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_refused_for_good_is_tried_again_when_somebody_says_so_and_not_when_a_file_is_saved() {
    let world = World::new(Rig::plain().await).await;
    let text = base().replace("notices = [\"desk\"]\n", "");
    let home = world.home(&text);
    let mut program = world.start(&home);
    world.desk.say_next([Reply::new(404, "{\"message\": \"Unknown Webhook\", \"code\": 10015}")]);
    world.lists("1");
    in_state(&home, "desk", "dead", 1);
    home.write("rules.toml", &(text + GM));
    wait_anew(&mut program, RELOADED);
    world.lists("2");
    in_state(&home, "desk", "dead", 2);
    let (code, out, said) = home.run(&["reload"]);
    assert!(code == 0 && out.contains("tried again, though refused for good before: desk"), "{out}{said}");
    world.lists("3");
    in_state(&home, "desk", "delivered", 1);
    let (_, out, _) = home.run(&["reload"]);
    assert!(!out.contains("tried again"), "it works: {out}");
    agreed(&home);
    stop(program);
    assert_eq!(tweets(&world.desk.received()), [("1".to_owned(), 1), ("3".to_owned(), 1)].into());
    world.is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_are_not_sent_when_their_action_goes_on_paper() {
    let (world, home) = plain("rate_limit = \"1/30s\"").await;
    let program = world.start(&home);
    for id in ["1", "2", "3"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 1);
    let paper = rules("", "max_age = \"60s\"\nrate_limit = \"1/30s\"\nmode = \"paper\"");
    home.write("rules.toml", &paper);
    is_reloaded(&reload(&home, false));
    let held = in_state(&home, "bot", "suppressed", 2);
    assert!(held.iter().all(|row| row["why"] == "paper"), "{held:#?}");
    world.lists("4");
    in_state(&home, "bot", "suppressed", 3);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_are_not_sent_when_their_rule_is_gone_though_their_action_stays() {
    let (world, home) = plain("rate_limit = \"1/30s\"").await;
    let program = world.start(&home);
    for id in ["1", "2", "3"] {
        world.lists(id);
    }
    in_state(&home, "bot", "delivered", 1);
    let text = std::fs::read_to_string(home.path().join("rules.toml")).unwrap();
    home.write("rules.toml", &text.replace("name = \"listing\"", "name = \"other\""));
    is_reloaded(&reload(&home, false));
    let dead = in_state(&home, "bot", "dead", 2);
    assert!(dead.iter().all(|row| row["why"].as_str().unwrap().contains("no rule listing")), "{dead:#?}");
    in_state(&home, "desk", "delivered", 3);
    agreed(&home);
    stop(program);
    assert_eq!(world.orders(1), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_stands_in_the_line_of_a_mistake_is_shown_nowhere() {
    let (world, home) = plain("").await;
    let mut program = world.start(&home);
    let line = "url = \"http://127.0.0.1:9/\", secret = \"hunter2 and more\", tiemout = \"1s\"";
    home.write("rules.toml", &format!("actions.other = {{ type = \"webhook\", {line} }}\n{}", base()));
    wait_anew(&mut program, NOT);
    is_refused(&reload(&home, false), "tiemout");
    world.told("tiemout");
    let (_, status, _) = home.run(&["status"]);
    let said = home.status().to_string() + &status + &format!("{:?}", reload(&home, false)) + &stop(program);
    assert!(said.contains("tiemout") && !said.contains("hunter2"), "{said}");
    assert_eq!(world.said("hunter2"), 0);
}

/// Tweets that fire, one after the other, until it is said to stop; how many they were.
fn traffic(world: &World, every_ms: u64) -> (Arc<AtomicBool>, std::thread::JoinHandle<usize>) {
    let (go_on, feed) = (Arc::new(AtomicBool::new(true)), world.feed().clone());
    let until = Arc::clone(&go_on);
    let thread = std::thread::spawn(move || {
        let mut sent = 0;
        while until.load(Ordering::Relaxed) {
            sent += 1;
            feed.send(content(&sent.to_string(), LISTING).to_string());
            std::thread::sleep(std::time::Duration::from_millis(every_ms));
        }
        sent
    });
    (go_on, thread)
}

/// Starts it; it reads its rules again when it is asked to.
fn only_when_asked(world: &World, home: &Home) -> Program {
    let mut program = home.start(&["run", "--url", &world.rig.url, "--no-watch"]);
    program.wait_for("connected to the feed");
    program
}

/// Each of so many tweets was ordered on once, and told of once.
fn once_each(world: &World, home: &Home, sent: usize) {
    wait_until("all is delivered", || world.orders(0).len() >= sent && tweets(&world.desk.received()).len() >= sent);
    let mut orders = BTreeMap::new();
    world.orders(sent).into_iter().for_each(|id| *orders.entry(id).or_insert(0) += 1);
    let expected: BTreeMap<_, _> = (1..=sent).map(|id| (id.to_string(), 1)).collect();
    assert_eq!(orders, expected);
    assert_eq!(tweets(&world.desk.received()), expected);
    agreed(home);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_files_with_one_defect_each_change_nothing_under_load() {
    let (world, home) = plain("").await;
    let good = base() + GM;
    home.write("rules.toml", &good);
    let program = only_when_asked(&world, &home);
    let (go_on, thread) = traffic(&world, 5);
    let mut tried = 0;
    for defect in defects(&good) {
        home.write("rules.toml", &defect);
        match reload(&home, false) {
            Answer::Refused { .. } => tried += 1,
            // Nobody can tell that what is written is not what is meant.
            other => panic!("{other:?} of {defect}"),
        }
        if tried == 200 {
            break;
        }
    }
    assert_eq!(tried, 200);
    go_on.store(false, Ordering::Relaxed);
    once_each(&world, &home, thread.join().unwrap());
    assert_eq!(home.status()["rules"]["rules"], 2);
    stop(program);
    world.is_well();
}

/// A good file with one thing wrong, again and again another: a letter of a key, of a keyword of the language, a quote, a bracket, or a line.
fn defects(good: &str) -> impl Iterator<Item = String> {
    let mut random = fastrand::Rng::with_seed(5);
    let lines: Vec<String> = good.lines().map(str::to_owned).collect();
    std::iter::repeat_with(move || {
        let mut lines = lines.clone();
        let full: Vec<usize> = (0..lines.len()).filter(|at| !lines[*at].trim().is_empty()).collect();
        let line = &mut lines[full[random.usize(..full.len())]];
        let key = line.find(['=', ']']).unwrap_or(line.len());
        match random.u8(..4) {
            0 => line.insert(random.usize(..=key.saturating_sub(2)), 'q'),
            1 => *line = line.replacen('"', "", 1),
            2 => *line = line.replacen(['=', ']', '['], "", 1),
            _ => line.push_str(" }"),
        }
        lines.join("\n")
    })
    .filter({
        let good = good.to_owned();
        move |text| {
            let source = birdcall::rules::Source::rules("rules.toml", text.clone());
            text.trim() != good.trim() && birdcall::rules::load(&[source]).ruleset.is_none()
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_good_files_under_load_lose_and_double_nothing() {
    let (world, home) = plain("").await;
    let program = only_when_asked(&world, &home);
    let (go_on, thread) = traffic(&world, 4);
    for n in 0..100 {
        // Others come and go in front of the rule that fires; now and then the desk's lane is another one.
        let others: String = (0..n % 7).map(|other| GM.replace("gm", &format!("gm{other}"))).collect();
        let feed = format!("[lists]\nunused{n} = [\"a\"]\n");
        let desk = base().replace("10000/s", if n % 10 < 5 { "10000/s" } else { "20000/s" });
        let (actions, listing) = desk.split_at(desk.find("[[rule]]").unwrap());
        home.write("rules.toml", &format!("{feed}{actions}{others}\n{listing}"));
        is_reloaded(&reload(&home, true));
    }
    go_on.store(false, Ordering::Relaxed);
    once_each(&world, &home, thread.join().unwrap());
    stop(program);
    world.is_well();
}
