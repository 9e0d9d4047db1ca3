//! What `check` calls contradictory or redundant is held against the engine: whatever holds by its word holds by the evaluation's.

use birdcall::rules::{Source, load};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use crate::kit::story::{Story, meta, of_tweet};

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

/// Handles, some with the id that decides.
const ACCOUNTS: [&str; 6] = ["kol", "kol#1", "kol#2", "old#1", "new", "new#2"];
const SOLANA: &str = "So11111111111111111111111111111111111111112";
const EVM: &str = "0x6982508145454ce325ddbe47a25d4ec3d2311933";
/// What a token of the feed may be known by: two of them are no address that birdcall can read.
const CONTRACTS: [&str; 4] = [SOLANA, EVM, "EQAvlWFDxGF2lXm67y4yzC17", "0x2::sui::SUI"];

/// One matcher of text, with what stands beside it.
fn text() -> impl Strategy<Value = String> {
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

fn account() -> impl Strategy<Value = String> {
    // A handle has one id in one list.
    prop::collection::vec(prop::sample::select(&ACCOUNTS[..]), 1..3).prop_map(|mut accounts| {
        accounts.dedup_by_key(|account| account.split('#').next());
        format!("handle = {accounts:?}")
    })
}

/// A matcher of what is detected, or of what it is bound to.
fn element() -> impl Strategy<Value = String> {
    let bound = || prop::sample::select(&["", "price = { below = 1 }", "price = { below = 0.5 }", "price = { above = 0.2 }"][..]);
    let token = prop::sample::select(vec![
        "".to_owned(),
        "symbol = \"DOGE\"".to_owned(),
        "contract = true".to_owned(),
        listed(SOLANA),
        listed(EVM),
    ]);
    let place = prop::sample::select(&["", ", in = [\"ocr\"]", ", in = [\"text\", \"name\"]"][..]);
    let contract = prop::sample::select(vec!["contract = true".to_owned(), listed(SOLANA), listed(EVM)]);
    let table =
        |key: &'static str, parts: [String; 2]| match parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>() {
            none if none.is_empty() => format!("{key} = true"),
            some => format!("{key} = {{ {} }}", some.join(", ")),
        };
    prop_oneof![
        3 => (token, bound()).prop_map(move |(token, bound)| table("token", [token, bound.to_owned()])),
        1 => bound().prop_map(move |bound| table("market", [String::new(), bound.to_owned()])),
        2 => bound().prop_map(|bound| if bound.is_empty() { "price = { above = 0 }".to_owned() } else { bound.to_owned() }),
        2 => (contract, place).prop_map(|(contract, place)| format!("{contract}{place}")),
    ]
}

fn listed(address: &str) -> String {
    format!("contract = \"{address}\"")
}

/// Two matchers that may have to do with each other, and what the rule fires for each of.
fn pair() -> impl Strategy<Value = (String, String, &'static str)> {
    let each = prop::sample::select(&["", "each = \"token\"\n", "each = \"market\"\n"][..]);
    prop_oneof![
        2 => (text(), text(), Just("")),
        1 => (account(), account(), Just("")),
        3 => (element(), element(), each),
    ]
}

/// What comes of one tweet: its content, and what was detected in it.
fn tweet() -> impl Strategy<Value = [Value; 2]> {
    let piece = (prop::sample::select(&PIECES[..]), prop::sample::select(&[" ", " ", "", "-", ", ", "_"][..]));
    let text = || {
        let pieces = prop::collection::vec(piece.clone(), 1..6);
        pieces.prop_map(|pieces| pieces.into_iter().flat_map(|(piece, gap)| [piece, gap]).collect::<String>())
    };
    let address = prop::sample::select(
        &["", "", " So11111111111111111111111111111111111111112", " 0x6982508145454ce325ddbe47a25d4ec3d2311933"][..],
    );
    let author = (prop::sample::select(&["kol", "old", "new", "other"][..]), prop::sample::select(&["", "1", "2", "3"][..]));
    let price = || prop::sample::select(&[None, Some(0.1), Some(0.3), Some(0.7), Some(2.0)][..]);
    let token = (
        prop::option::of(prop::sample::select(&["DOGE", "PEPE"][..])),
        prop::option::of(prop::sample::select(&CONTRACTS[..])),
        price(),
    );
    let tokens = prop::collection::vec(token, 0..3);
    let markets = prop::collection::vec((prop::sample::select(&["binance", "bybit"][..]), price()), 0..3);
    (text(), address, text(), author, tokens, markets).prop_map(|(text, address, name, (handle, id), tokens, markets)| {
        let mut author = json!({ "handle": handle, "name": name });
        if !id.is_empty() {
            author["id"] = id.into();
        }
        let tokens: Vec<_> = tokens
            .iter()
            .map(|(symbol, contract, price)| json!({ "symbol": symbol, "contract": contract, "priceUsd": price }))
            .collect();
        let markets: Vec<_> = markets
            .iter()
            .map(|(exchange, price)| json!({ "exchange": exchange, "symbol": "DOGEUSDT", "priceUsd": price }))
            .collect();
        let content = json!({ "text": format!("{text}{address}"), "author": author });
        [content, json!({ "tokens": tokens, "cex": markets })]
    })
}

/// A rule's condition by its name.
fn rules(of: &[(&str, &str)], each: &str) -> String {
    of.iter().map(|(name, when)| format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\n{each}when = {{ {when} }}\n")).collect()
}

fn is_called(code: &str, when: &str, each: &str) -> bool {
    let text = format!("[actions.out]\ntype = \"console\"\n{}", rules(&[("it", when)], each));
    load(&[Source::rules("x.toml", text)]).diagnostics.iter().any(|diagnostic| diagnostic.code == code)
}

/// Which of the rules fire for a tweet, and for which element of it.
fn fired(story: &mut Story, at: usize, [content, detected]: &[Value; 2], each: &str) -> Vec<String> {
    let (id, at) = (at.to_string(), i64::try_from(at).unwrap() * 60_000);
    let mut fired = story.at(at, &of_tweet("content", &id, content));
    fired.extend(story.at(at + 1, &meta(&id, detected)));
    fired.extend(story.tick(at + 59_000));
    if each.is_empty() {
        // Which element a firing is about is another question.
        fired.iter_mut().for_each(|name| name.truncate(1));
    }
    fired
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_called_contradictory_or_redundant_is((a, b, each) in pair(), tweets in prop::collection::vec(tweet(), 30)) {
        let contradictory = is_called("contradiction", &format!("all = [{{ {a} }}], none = [{{ {b} }}]"), each);
        let redundant = is_called("redundant", &format!("any = [{{ {a} }}, {{ {b} }}]"), each);
        if !contradictory && !redundant {
            return Ok(());
        }
        let mut story = Story::new(&rules(&[("a", &a), ("b", &b)], each));
        let fired: Vec<_> = tweets.iter().enumerate().map(|(at, tweet)| fired(&mut story, at, tweet, each)).collect();
        let within = |one: &str, other: &str| fired.iter().all(|fired| {
            fired.iter().filter_map(|name| name.strip_prefix(one)).all(|of| fired.contains(&format!("{other}{of}")))
        });
        prop_assert!(!contradictory || within("a", "b"), "{a} does not imply {b} ({each}): {tweets:?} {fired:?}");
        prop_assert!(!redundant || within("a", "b") || within("b", "a"), "{a} | {b} ({each}): {tweets:?} {fired:?}");
    }
}
