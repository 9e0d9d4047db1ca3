//! What `check` calls contradictory or redundant is held against the engine: whatever holds by its word holds by the evaluation's.

use birdcall::rules::{Source, load};
use proptest::prelude::*;
use serde_json::json;

use crate::kit::story::{Story, of_tweet};

const WORDS: [&str; 15] = [
    "doge",
    "Doge",
    "$DOGE",
    "oge",
    "dogecoin",
    "doge coin",
    "coin",
    "to the",
    "to the moon",
    "moon",
    "上場",
    "it's",
    "s",
    "a-b",
    "b",
];
const PIECES: [&str; 16] = [
    "doge",
    "Doge",
    "DOGE",
    "$DOGE",
    "$DOGEX",
    "dogecoin",
    "coin",
    "to",
    "the",
    "moon",
    "上場",
    "it's",
    "a-b",
    "b",
    "x",
    "https://app.pump.fun/b",
];

/// One matcher of text, with what stands beside it.
fn matcher() -> impl Strategy<Value = String> {
    let words = |words: &'static [&'static str]| prop::collection::vec(prop::sample::select(words), 1..4);
    let text = (prop::sample::select(&["keyword", "contains"][..]), words(&WORDS), any::<bool>(), any::<bool>());
    prop_oneof![
        4 => text.prop_map(|(key, words, case, wide)| {
            let wide = if wide { ", in = [\"text\", \"name\"]" } else { "" };
            format!("{key} = {words:?}, case = {case}{wide}")
        }),
        1 => words(&["DOGE", "DOGEX"]).prop_map(|symbols| format!("cashtag = {symbols:?}")),
        1 => words(&["pump.fun", "app.pump.fun", "fun.example"]).prop_map(|domains| format!("link = {domains:?}")),
    ]
}

fn tweets() -> impl Strategy<Value = Vec<String>> {
    let piece = (prop::sample::select(&PIECES[..]), prop::sample::select(&[" ", " ", "", "-", ", ", "_"][..]));
    let text =
        prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.into_iter().flat_map(|(piece, gap)| [piece, gap]).collect());
    prop::collection::vec(text, 30)
}

/// A rule's condition by its name.
fn rules(of: &[(&str, &str)]) -> String {
    of.iter().map(|(name, when)| format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\nwhen = {{ {when} }}\n")).collect()
}

fn is_called(code: &str, when: &str) -> bool {
    let text = format!("[actions.out]\ntype = \"console\"\n{}", rules(&[("it", when)]));
    load(&[Source { name: "x.toml".to_owned(), text }]).diagnostics.iter().any(|diagnostic| diagnostic.code == code)
}

/// A tweet with a text of its own and a name of its author's.
fn tweet(at: usize, text: &str, name: &str) -> serde_json::Value {
    of_tweet("content", &at.to_string(), &json!({ "text": text, "author": { "handle": "kol", "name": name } }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_called_contradictory_or_redundant_is(a in matcher(), b in matcher(), tweets in tweets()) {
        let contradictory = is_called("contradiction", &format!("all = [{{ {a} }}], none = [{{ {b} }}]"));
        let redundant = is_called("redundant", &format!("any = [{{ {a} }}, {{ {b} }}]"));
        if !contradictory && !redundant {
            return Ok(());
        }
        let mut story = Story::new(&rules(&[("a", &a), ("b", &b)]));
        let fired: Vec<_> = tweets.iter().enumerate().map(|(at, text)| story.at(0, &tweet(at, text, &tweets[tweets.len() - 1 - at]))).collect();
        let within = |one: &str, other: &str| fired.iter().all(|fired| !fired.iter().any(|n| n == one) || fired.iter().any(|n| n == other));
        prop_assert!(!contradictory || within("a", "b"), "{a} does not imply {b}: {tweets:?} {fired:?}");
        prop_assert!(!redundant || within("a", "b") || within("b", "a"), "{a} | {b}: {tweets:?} {fired:?}");
    }
}
