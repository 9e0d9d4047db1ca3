//! Lists from a file and from the key's account, as `check` and the commands without a connection meet them.

use crate::kit::account;
use crate::kit::binary::Home;
use crate::kit::feed::KEY;

const RULES: &str =
    "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"r\"\nsend = [\"out\"]\nwhen = { handle = \"@kols\" }\n";

fn rules(list: &str) -> String {
    format!("[lists]\nkols = {list}\n{RULES}")
}

fn one(handle: &str) -> String {
    format!(
        "[[test]]\nname = \"t\"\nevents = [{{ content = {{ id = \"1\", handle = \"{handle}\", text = \"gm\" }} }}]\n\
         expect = [{{ rule = \"r\", fires = 1 }}]\n"
    )
}

#[test]
fn a_mistake_in_a_list_is_shown_in_its_own_file_in_every_format() {
    let home = Home::with_rules(&rules("{ file = \"lists/kols.txt\" }"));
    std::fs::create_dir(home.path().join("lists")).unwrap();
    home.write("lists/kols.txt", "# ours\nkol_one\n  kol two # ours, too\n");
    let (code, _, said) = home.run(&["check"]);
    assert!(code == 1 && said.contains("lists/kols.txt:3:3") && said.contains("used as a handle here"), "{said}");
    let (_, out, _) = home.run(&["check", "--json"]);
    let found: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    assert_eq!((&found[0]["file"], &found[0]["line"], &found[0]["column"]), (&"lists/kols.txt".into(), &3.into(), &3.into()));
    let (_, out, _) = home.run(&["check", "--format", "github"]);
    assert!(out.contains("file=lists/kols.txt,line=3,"), "{out}");
    let (_, out, _) = home.run(&["check", "--format", "sarif"]);
    assert!(out.contains("lists/kols.txt"), "{out}");
    home.write("lists/kols.txt", "kol_one\n");
    assert_eq!(home.run(&["check"]).0, 0);
}

#[test]
fn what_may_be_a_value_and_stands_in_a_comment_is_told_once() {
    let home = Home::with_rules(&rules("{ file = \"kols.txt\" }"));
    home.write("kols.txt", "# ours\n## theirs\n#\n#----\nkol_one # the best\nbinance#87\n");
    let (code, _, said) = home.run(&["check"]);
    assert!(code == 0 && !said.contains("value-in-comment"), "{said}");
    home.write("kols.txt", "\u{FEFF}#kol_two\nkol_one #87\n#上\n");
    let (code, _, said) = home.run(&["check"]);
    assert!(code == 0 && said.contains("warning[value-in-comment]: `#kol_two` is a comment and no value"), "{said}");
    assert!(said.contains("kols.txt:1:") && said.contains("and so are those of 2 more lines"), "{said}");
    assert_eq!(said.matches("value-in-comment").count(), 1, "{said}");
}

#[test]
fn a_list_that_cannot_be_read_is_a_mistake_where_it_is_named() {
    let home = Home::with_rules(&rules("{ file = \"kols.txt\" }"));
    let said = || home.run(&["check"]);
    let refused = |words: &str| {
        let (code, _, said) = said();
        assert!(code == 1 && said.contains("rules.toml:2:17") && said.contains(words), "{words}: {code} {said}");
    };
    refused("kols.txt: there is no such file");
    std::fs::write(home.path().join("kols.txt"), b"a\n\xff\n").unwrap();
    refused("not UTF-8 text (byte 2 ");
    home.write("kols.txt", &"a_handle\n".repeat(120_000));
    refused("a list may have 1 MiB");
    home.write("kols.txt", "# nobody\n");
    refused("the list has no value");
    home.write("kols.txt", &(0..100_001).map(|n| format!("k{n}\n")).collect::<String>());
    let (code, _, words) = said();
    assert!(code == 1 && words.contains("kols.txt:100001:1") && words.contains("may have 100000 values"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_key_tracks_is_kept_for_the_commands_without_a_connection() {
    let account = account::start(account::tracking(&["@Kol_One", "binance"])).await;
    let feed = format!("[feed]\nurl = \"ws://127.0.0.1:9/ws\"\nhistory = \"{}\"\n", account.url());
    let home = Home::with_rules(&(feed + &rules("{ tracked = true }"))).env("TWEETSTREAM_API_KEY", KEY);
    home.write("rules.test.toml", &one("kol_one"));
    // Nothing is known: an empty list, and no mistake.
    let (code, _, said) = home.run(&["check"]);
    assert!(code == 0 && said.contains("is not known here yet") && said.contains("check --connect"), "{code} {said}");
    let (code, out, said) = home.run(&["test"]);
    assert!(code == 1 && (out.clone() + &said).contains("fires"), "the test runs, and its rule does not fire: {out}{said}");
    let (code, out, said) = home.run(&["check", "--connect"]);
    assert!(code == 0 && out.contains("tracks 2 of 250 accounts") && !said.contains("is not known"), "{code} {out} {said}");
    let (code, _, said) = home.run(&["check", "--strict"]);
    assert!(code == 0 && said.is_empty(), "{code} {said}");
    let (code, out, said) = home.run(&["test"]);
    assert_eq!(code, 0, "{out}{said}");
    assert!(std::fs::read_to_string(home.path().join("state/tracked.txt")).unwrap().ends_with("\nbinance\nkol_one\n"));
    assert_eq!(account.violations(), Vec::<String>::new());
}
