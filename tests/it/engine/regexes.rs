//! Regexes of many rules: the first are compiled when the rules are loaded, the others when a text first asks for them. Nobody can tell.

use std::collections::BTreeSet;
use std::sync::Arc;

use birdcall::decode::decode;
use birdcall::engine::{Effect, Engine, Input};
use birdcall::model::firing::Origin;
use birdcall::model::limits::REGEXES_AT_LOAD;
use birdcall::model::time::Timestamp;
use birdcall::rules::condition::{Condition, Matcher, Pattern, TextPattern};
use birdcall::rules::ruleset::RuleSet;
use birdcall::rules::{Source, Style, load, render};

use crate::kit::story::{START, content};

/// One rule for each regex, named after its number.
fn rules(regexes: &[String]) -> Arc<RuleSet> {
    rules_when(regexes.iter().map(|regex| format!("regex = '{regex}'")))
}

/// One rule for each condition, named after its number.
fn rules_when(conditions: impl Iterator<Item = String>) -> Arc<RuleSet> {
    let rule = |(number, when): (usize, String)| format!("[[rule]]\nname = \"{number}\"\nsend = \"out\"\nwhen = {{ {when} }}\n");
    let rules: String = conditions.enumerate().map(rule).collect();
    let sources = [Source::rules("rules.toml", "[actions.out]\ntype = \"console\"\n".to_owned() + &rules)];
    let loaded = load(&sources);
    Arc::new(loaded.ruleset.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, &sources, Style::Plain))))
}

fn pattern(rules: &RuleSet, number: usize) -> &Pattern {
    let Condition::All(all) = &rules.rules[number].when else { panic!("no `when`") };
    let Some(Condition::Is(matcher)) = all.first() else { panic!("{all:?}") };
    match &**matcher {
        Matcher::Text(text) => match &text.pattern {
            TextPattern::Regex(patterns) => &patterns[0],
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// The regexes that find something in each text, with what they stand behind not counted.
fn found(behind: usize, regexes: &[&str], texts: &[&str]) -> Vec<BTreeSet<String>> {
    let others = (0..behind).map(|number| format!("other-{number}"));
    let all: Vec<String> = others.chain(regexes.iter().map(|regex| (*regex).to_owned())).collect();
    let mut engine = Engine::new(rules(&all));
    let found = |(id, text): (usize, &&str)| {
        let (frame, mut effects) = (content(&id.to_string(), "kol", text).to_string(), Vec::new());
        let at = Timestamp::from_millis(START);
        engine.step(&Input::Entry { envelope: &decode(&frame).unwrap(), at, origin: Origin::Live }, &mut effects);
        let fired = effects.iter().filter_map(|effect| match effect {
            Effect::Fired(firing) => Some(firing.rule.parse::<usize>().unwrap()),
            _ => None,
        });
        fired.map(|number| all[number].clone()).collect()
    };
    texts.iter().enumerate().map(found).collect()
}

#[test]
fn a_regex_finds_the_same_whether_it_is_compiled_at_load_or_later() {
    let regexes = [
        r"\badd(s|ed|ing)?\b.{0,40}\bspot\b",
        r"\$[A-Z]{2,6}\b",
        "(?-i:DOGE)",
        "cafe\u{301}",
        r"\w+\s\w+!",
        r"[^\W\d]{3}\w{2}",
        "^gm$",
        "(?:moon|上架)+",
        r"\d+%",
        "straße",
    ];
    let texts = [
        "Binance adds ABC to spot",
        "$doge and DOGE",
        "doge",
        "CAFÉ",
        "cafe\u{301} ＧＭ",
        "gm",
        "GM!",
        "to the MOON!",
        "新币上架 12%",
        "Straße",
        "",
        "𝓶oon",
    ];
    let at_load = found(0, &regexes, &texts);
    assert_eq!(found(REGEXES_AT_LOAD, &regexes, &texts), at_load);
    for regex in regexes {
        assert!(at_load.iter().any(|found| found.contains(regex)), "{regex} is found nowhere, so nothing was compared");
    }
}

#[test]
fn of_many_regexes_those_beyond_the_first_are_compiled_when_a_text_asks_for_them() {
    let many = REGEXES_AT_LOAD + 10;
    let all: Vec<String> = (0..many).map(|number| format!("word-{number}!")).collect();
    let rules = rules(&all);
    let compiled = || (0..many).filter(|number| pattern(&rules, *number).is_compiled()).collect::<Vec<_>>();
    assert_eq!(compiled(), (0..REGEXES_AT_LOAD).collect::<Vec<_>>());

    let mut engine = Engine::new(Arc::clone(&rules));
    let (frame, mut effects) = (content("1", "kol", &format!("word-{}!", many - 2)).to_string(), Vec::new());
    let at = Timestamp::from_millis(START);
    engine.step(&Input::Entry { envelope: &decode(&frame).unwrap(), at, origin: Origin::Live }, &mut effects);
    assert!(matches!(&effects[..], [Effect::Fired(firing), ..] if *firing.rule == *(many - 2).to_string()), "{effects:?}");
    assert_eq!(compiled(), (0..REGEXES_AT_LOAD).chain([many - 2]).collect::<Vec<_>>());
}

#[test]
fn what_any_text_may_concern_is_compiled_before_the_first_comes() {
    let first = (0..REGEXES_AT_LOAD).map(|number| format!("regex = 'word-{number}!'"));
    for when in [
        r"regex = '\d\d\s\d'",
        // Something leads to these, but it is common.
        r"kind = 'post', regex = '\d\d\s\d'",
        r"link = { regex = '\d\d/\d' }",
        r"any = [{ handle = 'a', regex = '\d\s\w' }]",
    ] {
        for engine in [Engine::new, Engine::without_index] {
            let rules = rules_when(first.clone().chain([when.to_owned()]));
            let compiled = || {
                let mut found = Vec::new();
                let mut look = |matcher: &Matcher| matcher.patterns(&mut |pattern| found.push(pattern.is_compiled()));
                rules.rules[REGEXES_AT_LOAD].when.matchers(&mut look);
                found
            };
            assert_eq!(compiled(), [false], "{when}");
            drop(engine(Arc::clone(&rules)));
            assert_eq!(compiled(), [true], "{when}");
        }
    }
}

#[test]
fn a_regex_that_many_rules_ask_for_counts_once() {
    let same = vec!["doge!".to_owned(); REGEXES_AT_LOAD + 1];
    let rules = rules(&[same, vec!["moon!".to_owned()]].concat());
    assert!(pattern(&rules, REGEXES_AT_LOAD + 1).is_compiled());
    assert!(pattern(&rules, 0).is_same(pattern(&rules, REGEXES_AT_LOAD)));
}

#[test]
fn a_regex_that_has_to_be_compiled_to_know_its_size_is_not_kept_beyond_the_first() {
    let others = (0..REGEXES_AT_LOAD).map(|number| format!("other-{number}"));
    let rules = rules(&others.chain([r"large\w\w\w".to_owned()]).collect::<Vec<_>>());
    assert!(!pattern(&rules, REGEXES_AT_LOAD).is_compiled());
    assert!(pattern(&rules, REGEXES_AT_LOAD).is_match("largest9"));
}
