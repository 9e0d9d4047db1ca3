//! Bad input on the command line: one clear message and the right exit code each. 0 fine, 1 rules wrong, 2 cannot start.

use std::net::TcpListener;

use crate::kit::binary::Home;
use crate::kit::feed::Rig;

const GOOD: &str = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n";

fn ends(home: &Home, arguments: &[&str], code: i32, words: &str) {
    let (ended, out, said) = home.run(arguments);
    assert_eq!(ended, code, "{arguments:?} said:\n{said}{out}");
    assert!(said.contains(words), "{arguments:?} said:\n{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn good_rules_are_fine() {
    let (code, out, said) = Home::with_rules(GOOD).run(&["check"]);
    assert_eq!((code, out.as_str(), said.as_str()), (0, "1 rule and 1 action are fine\n", ""));
}

#[test]
fn rules_that_nothing_leads_to_are_fine_with_a_note() {
    let rule = |name: &str, when: &str| format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\nwhen = {{ {when} }}\n");
    let note = |when: &str| {
        let (code, out, said) = Home::with_rules(&(GOOD.to_owned() + &rule("it", when))).run(&["check"]);
        assert_eq!((code, out.as_str()), (0, "2 rules and 1 action are fine\n"), "{said}");
        said
    };
    for (when, because) in [
        ("regex = '[a-z]{5,}\\s\\d'", "its regex `[a-z]{5,}\\s\\d` has no text"),
        ("age = { below = '1m' }", "may be so of any tweet"),
        ("none = [{ link = 't.me' }]", "only what must not be"),
        (
            "any = [{ keyword = 'x' }, { regex = '\\d+%' , kind = 'post' }, { regex = '\\d{2,}x?' }]",
            "its regex `\\d{2,}x?` has no text",
        ),
    ] {
        let said = note(when);
        assert!(said.contains("note[every-envelope]: `it` is looked at for every envelope"), "{when} said:\n{said}");
        assert!(said.contains(because) && !said.contains("`gm`"), "{when} said:\n{said}");
    }
    for when in ["handle = 'kol', regex = '[a-z]{5,}\\s\\d'", "regex = '\\d+ (moon|pump)'", "platform = 'twitter'"] {
        assert_eq!(note(when), "", "{when}");
    }
    let steps = "[[rule]]\nname = \"it\"\nsend = [\"out\"]\non = ['tweet', 'delete']\n\
                 window = { type = 'sequence', per = 'tweet', within = '1h', steps = [{ handle = 'kol' }, { on = 'delete' }] }\n";
    let (_, _, said) = Home::with_rules(&(GOOD.to_owned() + steps)).run(&["check"]);
    assert!(said.contains("because it, or a step of its sequence, asks nothing"), "{said}");
    let many: String = (0..100).map(|at| rule(&format!("it{at}"), "age = { below = '1m' }")).collect();
    let (_, _, said) = Home::with_rules(&(GOOD.to_owned() + &many)).run(&["check"]);
    assert!(said.matches("note[every-envelope]").count() == 21 && said.contains("80 more rules are looked at"), "{said}");
}

/// Rules of which only these actions are armed: what is said of it that nobody is told of gaps.
fn told(actions: &[(&str, &str)], feed: &str) -> String {
    let mut rules = format!("[feed]\n{feed}\n[[rule]]\nname = \"gm\"\nwhen = {{ keyword = \"gm\" }}\nsend = [");
    rules.push_str(&actions.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", "));
    rules.push_str("]\n");
    for (name, lines) in actions {
        rules.push_str(&format!("[actions.{name}]\n{lines}\n"));
    }
    let (code, _, said) = Home::with_rules(&rules).run(&["check"]);
    assert_eq!(code, 0, "{said}");
    said
}

#[test]
fn rules_that_tell_nobody_of_gaps_and_stopped_orders_are_fine_with_a_warning() {
    const HOOK: &str = "type = \"webhook\"\nurl = \"env:HOOK\"";
    const BOT: &str = "type = \"webhook\"\nurl = \"env:BOT\"\ntrading = true\nmax_age = \"3s\"";
    const CHAT: &str = "type = \"discord\"\nurl = \"env:DESK\"";
    let orders = told(&[("bot", BOT)], "");
    assert!(orders.contains("nobody is told of a gap") && orders.contains("orders were stopped"), "{orders}");
    assert!(orders.contains("notices = [\"desk\"] under [feed]") && !orders.contains("[\"bot\"]"), "{orders}");
    let hook = told(&[("hook", HOOK)], "");
    assert!(hook.contains("nobody is told of a gap") && hook.contains("notices = [\"hook\"]"), "{hook}");
    assert!(!hook.contains("orders"), "{hook}");
    let paper = format!("{CHAT}\nmode = \"paper\"");
    assert!(told(&[("bot", BOT), ("desk", &paper)], "").contains("nobody is told"), "a chat on paper tells nobody");
    for mode in ["paper", "off"] {
        let silent = format!("{CHAT}\nmode = \"{mode}\"");
        for feed in ["", "notices = [\"desk\"]"] {
            let said = told(&[("bot", BOT), ("desk", &silent)], feed);
            assert!(said.contains("nobody is told of a gap") && said.contains("that is armed"), "{mode}, {feed}: {said}");
            assert_eq!(said.contains("so it is told nothing"), !feed.is_empty(), "{mode}: {said}");
        }
    }
    for (actions, feed) in [
        (&[("bot", BOT), ("desk", CHAT)][..], ""),
        (&[("bot", BOT), ("out", "type = \"console\"")], ""),
        (&[("bot", BOT), ("hook", HOOK)], "notices = [\"hook\"]"),
        (&[("bot", &format!("{BOT}\nmode = \"paper\"")), ("desk", &paper)], ""),
        (&[("bot", &format!("{BOT}\nmode = \"paper\"")), ("desk", &paper)], "notices = [\"desk\"]"),
    ] {
        assert_eq!(told(actions, feed), "", "{actions:?}");
    }
}

#[test]
fn every_file_that_is_shipped_is_fine() {
    let home = Home::new();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
    let mut packs: Vec<_> = std::fs::read_dir(format!("{root}/packs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.retain(|path| !path.to_str().unwrap().ends_with(".test.toml"));
    packs.push(format!("{root}/rules.toml").into());
    assert!(packs.len() >= 8, "{packs:?}");
    for pack in packs {
        let (code, _, said) = home.run(&["check", pack.to_str().unwrap()]);
        assert_eq!((code, said.as_str()), (0, ""), "{}", pack.display());
    }
}

#[test]
fn broken_rules_end_with_1_before_anything_is_connected() {
    let home = Home::with_rules(&GOOD.replace("keyword", "keywrod")).env("TWEETSTREAM_API_KEY", "k");
    for command in ["check", "run"] {
        ends(&home, &[command], 1, "did you mean `keyword`");
    }
}

#[test]
fn no_key_is_said_with_what_to_do() {
    ends(&Home::with_rules(GOOD), &["run"], 2, "there is no key for the feed: set TWEETSTREAM_API_KEY");
}

#[test]
fn an_unset_variable_is_shown_where_the_rules_name_it() {
    let rules = format!(
        "[actions.desk]\ntype = \"discord\"\nurl = \"env:NO_SUCH_DESK\"\n{}",
        GOOD.replace("[\"out\"]", "[\"out\", \"desk\"]")
    );
    let home = Home::with_rules(&rules).env("TWEETSTREAM_API_KEY", "k");
    ends(&home, &["run"], 2, "the environment variable NO_SUCH_DESK is not set");
    ends(&home, &["run"], 2, "rules.toml:3:");
    ends(&home, &["send", "desk"], 2, "NO_SUCH_DESK");
}

#[test]
fn an_unknown_action_gets_a_suggestion() {
    ends(&Home::with_rules(GOOD), &["send", "uot"], 2, "there is no action \"uot\"; did you mean \"out\"?");
}

#[test]
fn what_is_no_rules_file_is_refused() {
    let home = Home::new();
    ends(&home, &["check"], 2, "there is no rules.toml");
    ends(&home, &["check", "none.toml"], 2, "there is no such file or folder");
    std::fs::create_dir(home.path().join("empty")).unwrap();
    ends(&home, &["check", "empty"], 1, "holds no *.toml file");
    std::fs::File::create(home.path().join("large.toml")).unwrap().set_len(100 << 20).unwrap();
    ends(&home, &["check", "large.toml"], 1, "the file has 100 MiB");
    ends(&home, &["check", "/dev/null"], 2, "neither a file nor a folder");
}

#[test]
fn a_feed_that_is_not_there_is_given_up_at_the_start() {
    // Taken and let go: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::with_rules(GOOD).env("TWEETSTREAM_API_KEY", "k");
    let url = format!("ws://127.0.0.1:{port}/ws");
    ends(&home, &["run", "--url", &url, "--start-timeout", "1"], 2, "the feed could not be reached within 1 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_feed_refuses_ends_the_program() {
    let rig = Rig::plain().await;
    let home = Home::with_rules(GOOD).env("TWEETSTREAM_API_KEY", "wrong-key-0f9c");
    let url = rig.url.clone();
    tokio::task::spawn_blocking(move || {
        let (code, out, said) = home.run(&["run", "--url", &url]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("401"), "{said}");
        assert!(!(out + &said).contains("wrong-key-0f9c"), "the key was printed");
    })
    .await
    .unwrap();
}

#[test]
fn help_is_a_page_to_work_from() {
    let (code, out, _) = Home::new().run(&["--help"]);
    assert_eq!(code, 0);
    let commands = [
        "demo",
        "check",
        "send",
        "run",
        "simulate",
        "status",
        "deliveries",
        "redeliver",
        "disarm",
        "arm",
        "mute",
        "mutes",
        "unmute",
    ];
    for words in commands.into_iter().chain(["TWEETSTREAM_API_KEY", "BIRDCALL_STATE", "Exit codes", "[[rule]]"]) {
        assert!(out.contains(words), "{words} is missing in:\n{out}");
    }
}

#[test]
fn the_demo_needs_nothing_and_ends_with_its_totals() {
    let (code, out, said) = Home::new().run(&["demo", "--for", "8", "--rate", "200"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("envelopes in 8.") && out.contains(" firings, "), "{out}");
    let raw = out.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(raw, None, "a control character reached the terminal");
    for rule in
        ["exchange-listing", "kol-contract", "cheap-memecoin", "exploit", "open-question", "truth-social", "renamed", "deleted"]
    {
        assert!(out.contains(rule), "{rule} never fired");
    }
}
