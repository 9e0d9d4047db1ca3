//! What somebody asks to be muted, in words: what it is about, or why it is nothing.

use std::time::Duration;

use birdcall::model::mute::{Mute, MuteOf, Muted};
use birdcall::model::time::Timestamp;
use birdcall::rules::{self, RuleSet};
use birdcall::suppress::mutes::{Asked, asked, made, named};

const RULES: &str = r#"
[actions.desk]
type = "console"
[actions.doge]
type = "console"
[[rule]]
name = "doge"
send = ["desk"]
when = { keyword = "doge" }
[[rule]]
name = "listing"
send = ["doge"]
when = { keyword = "will list" }
"#;

fn rules() -> RuleSet {
    rules::load(&[rules::Source::rules("rules.toml", RULES)]).ruleset.unwrap()
}

fn ask(name: &str, what: Option<Muted>, token: Option<&str>, handle: Option<&str>) -> Result<MuteOf, String> {
    asked(&rules(), &Asked { name, what, token, handle })
}

#[test]
fn a_name_is_a_rules_or_an_actions_and_where_it_is_both_it_must_be_said() {
    let what = |name, what| ask(name, what, None, None).map(|of| (of.what, of.name));
    assert_eq!(what("listing", None), Ok((Muted::Rule, "listing".to_owned())));
    assert_eq!(what("desk", None), Ok((Muted::Action, "desk".to_owned())));
    assert_eq!(what("doge", Some(Muted::Rule)), Ok((Muted::Rule, "doge".to_owned())));
    assert_eq!(what("doge", Some(Muted::Action)), Ok((Muted::Action, "doge".to_owned())));
    for (name, kind, words) in [
        ("doge", None, "\"doge\" is a rule and an action: say --rule or --action"),
        ("listin", None, "there is no rule and no action \"listin\"; did you mean \"listing\"?"),
        ("desk", Some(Muted::Rule), "there is no rule \"desk\""),
        ("dsk", Some(Muted::Action), "there is no action \"dsk\"; did you mean \"desk\"?"),
        ("x\u{1b}[31m", None, "there is no rule and no action \"x\\u{1b}[31m\""),
        ("", None, "there is no rule and no action \"\""),
    ] {
        assert_eq!(what(name, kind), Err(words.to_owned()));
    }
}

#[test]
fn a_token_is_a_symbol_or_a_contract_and_a_handle_is_written_as_in_rules() {
    let token = |word| ask("listing", None, Some(word), None).map(|of| of.token.unwrap());
    let handle = |word| ask("listing", None, None, Some(word)).map(|of| of.handle.unwrap());
    assert_eq!(token("$doge"), Ok("DOGE".to_owned()));
    assert_eq!(token(" pepe "), Ok("PEPE".to_owned()));
    let orbl = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";
    assert_eq!(token(orbl), Ok(orbl.to_owned()));
    let usdc = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
    assert_eq!(token(usdc).map(|word| word.to_lowercase()), Ok(usdc.to_lowercase()));
    for (wrong, words) in [
        ("0xA0B86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "EIP-55"),
        ("0x12", "40 hexadecimal"),
        ("", "neither a symbol"),
        ("a b", "neither"),
    ] {
        assert!(token(wrong).is_err_and(|why| why.contains(words) && why.starts_with("--token: ")), "{wrong}");
    }
    assert_eq!(handle("@ElonMusk"), Ok("elonmusk".to_owned()));
    assert_eq!(handle("elonmusk#44196397"), Ok("elonmusk#44196397".to_owned()));
    for wrong in ["", "@", "elon musk", "elonmusk#x"] {
        assert!(handle(wrong).is_err_and(|why| why.starts_with("--handle: ")), "{wrong}");
    }
}

fn mute(number: i64, what: Muted, name: &str) -> Mute {
    let of = MuteOf { what, name: name.to_owned(), token: None, handle: None };
    made(number - 1, (of, None), (Timestamp::from_millis(0), Duration::from_secs(60))).unwrap()
}

#[test]
fn a_mute_lasts_for_some_time_and_not_for_ever() {
    let one = mute(7, Muted::Rule, "doge");
    assert_eq!((one.number, one.until.since(one.from)), (7, Duration::from_secs(60)));
    for time in [Duration::ZERO, Duration::from_secs(366 * 86_400 + 1), Duration::MAX] {
        let said = made(0, (one.of.clone(), None), (Timestamp::from_millis(0), time));
        assert!(said.is_err_and(|why| why.contains("366d at most")), "{time:?}");
    }
}

#[test]
fn a_mute_is_named_by_its_number_or_by_its_rule_or_action() {
    let all = [
        mute(1, Muted::Rule, "doge"),
        mute(3, Muted::Action, "doge"),
        mute(4, Muted::Rule, "listing"),
        mute(9, Muted::Rule, "3"),
    ];
    let all_of = |which: &str, what| named(all.iter(), which, what);
    assert_eq!(all_of("4", None), Ok(vec![4]));
    assert_eq!(all_of("listing", None), Ok(vec![4]));
    assert_eq!(all_of("doge", Some(Muted::Action)), Ok(vec![3]));
    assert_eq!(all_of("3", None), Ok(vec![3]), "a number before a name");
    assert_eq!(all_of("3", Some(Muted::Rule)), Ok(vec![9]), "but where a rule is said");
    for (which, words) in [
        ("doge", "a rule and an action of the name \"doge\" are muted: say --rule or --action, or a number"),
        ("listin", "nothing of the name \"listin\" is muted; did you mean \"listing\"?"),
        ("2", "there is no mute 2, or it has ended"),
        ("zzz", "nothing of the name \"zzz\" is muted; birdcall mutes lists them"),
    ] {
        assert!(all_of(which, None).is_err_and(|why| why.starts_with(words)), "{which}: {:?}", all_of(which, None));
    }
    assert_eq!(named([].iter(), "doge", None), Err("nothing is muted".to_owned()));
}
