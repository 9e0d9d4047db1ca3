//! A matcher as it could stand in rules.toml. Long lists are cut: it is for people.

use std::fmt::Display;
use std::time::Duration;

use crate::matching::matchers;
use crate::rules::condition::{
    Accounts, Fields, MarketMatcher, Matcher, NumberRange, PredictionMatcher, Sorted, SourceSet, TextMatcher, TextPattern,
    TokenMatcher,
};

/// Values of a list that are shown.
const SHOWN: usize = 6;

/// `handle = ["binance", "coinbase"]`, `price below 0.5`, …
pub(super) fn asked(matcher: &Matcher) -> String {
    let key = matchers::name(matcher);
    match matcher {
        Matcher::Handle(of) | Matcher::Target(of) => format!("{key} = {}", accounts(of)),
        Matcher::Author(of) => {
            let mut parts = Vec::new();
            parts.extend(of.followers.map(|range| format!("followers {}", bounds(&range, &plain))));
            parts.extend((!of.verified.is_empty()).then(|| format!("verified = {}", list(of.verified.iter()))));
            parts.extend(of.name.iter().map(|of| format!("name {}", pattern(of))));
            parts.extend(of.bio.iter().map(|of| format!("bio {}", pattern(of))));
            format!("author {}", parts.join(", "))
        }
        Matcher::Platform(of) => format!("{key} = {}", list(of.iter().map(|of| of.name()))),
        Matcher::Kind(of) => format!("{key} = {}", list(of.iter().map(|of| of.name()))),
        Matcher::Text(of) => text(of),
        Matcher::Contract(of) if of.addresses.is_empty() => format!("{key} = true{}", places(of.fields)),
        Matcher::Contract(of) => format!("{key} = {}{}", list(of.addresses.keys()), places(of.fields)),
        Matcher::Token(of) => table(key, super::elements::TOKEN_PARTS.iter().zip(token(of))),
        Matcher::Market(of) => table(key, super::elements::MARKET_PARTS.iter().zip(market(of))),
        Matcher::Prediction(of) => table(key, super::elements::PREDICTION_PARTS.iter().zip(prediction(of))),
        Matcher::Price(range) => format!("{key} {}", bounds(range, &plain)),
        Matcher::Link(of) => {
            let domains = of.domains.iter().map(|domain| domain.to_string());
            let patterns = of.patterns.iter().map(|pattern| format!("regex {}", pattern.written()));
            format!("{key} = {}", list(domains.chain(patterns)))
        }
        Matcher::Media(of) if of.kinds.is_empty() => format!("{key} = true"),
        Matcher::Media(of) => format!("{key} = {}", list(of.kinds.iter())),
        Matcher::Changed(of) => {
            let mut out = format!("{key} = {}", list(of.fields.iter().map(|field| field.name())));
            of.before.iter().for_each(|of| out.push_str(&format!(", before {}", pattern(of))));
            of.after.iter().for_each(|of| out.push_str(&format!(", after {}", pattern(of))));
            out
        }
        Matcher::Age(range) => format!("{key} {}", bounds(range, &age)),
    }
}

fn text(of: &TextMatcher) -> String {
    format!("{}{}", pattern(&of.pattern), places(of.fields))
}

fn pattern(of: &TextPattern) -> String {
    let case = |exact: bool| if exact { ", case = true" } else { "" };
    match of {
        TextPattern::Keyword { words, exact } => {
            format!("keyword = {}{}", list(words.iter().map(|word| &word.phrase)), case(*exact))
        }
        TextPattern::Contains { parts, exact } => format!("contains = {}{}", list(parts.iter()), case(*exact)),
        TextPattern::Regex(of) => {
            let exact = of.first().is_some_and(|of| of.is_exact());
            let all: Vec<_> = of.iter().take(SHOWN).map(|of| format!("'{}'", of.written())).collect();
            let all = if of.len() == 1 { all.concat() } else { format!("[{}{}]", all.join(", "), more(of.len())) };
            format!("regex = {all}{}", case(exact))
        }
        TextPattern::Cashtag(of) => format!("cashtag = {}", list(of.keys())),
    }
}

/// Where, if that is not the text.
fn places(fields: Fields) -> String {
    if fields == Fields::TEXT {
        return String::new();
    }
    format!(" in {}", list(matchers::fields(fields).map(|field| field.name())))
}

fn accounts(of: &Accounts) -> String {
    list(of.by_handle.iter().map(|(handle, id)| match id {
        Some(id) => format!("{handle}#{id}"),
        None => handle.to_string(),
    }))
}

/// What is asked of each part of a token, in the order of its parts; `None`: nothing.
pub(super) fn token(of: &TokenMatcher) -> Vec<Option<String>> {
    vec![
        set(&of.symbols),
        set(&of.contracts),
        of.any_contract.then(|| "= true".to_owned()),
        of.any_chain.then(|| "= true".to_owned()),
        set(&of.chains),
        set(&of.networks),
        (!of.names.is_empty()).then(|| format!("= {}", list(of.names.iter()))),
        price(of.price.as_ref()),
        source(of.source),
    ]
}

pub(super) fn market(of: &MarketMatcher) -> Vec<Option<String>> {
    vec![set(&of.exchanges), set(&of.symbols), set(&of.bases), set(&of.quotes), price(of.price.as_ref()), source(of.source)]
}

pub(super) fn prediction(of: &PredictionMatcher) -> Vec<Option<String>> {
    vec![
        set(&of.exchanges),
        set(&of.ids),
        (!of.titles.is_empty()).then(|| format!("= {}", list(of.titles.iter()))),
        price(of.price.as_ref()),
        source(of.source),
    ]
}

/// The key of a part.
pub(super) fn dotted(sort: &str, part: &str) -> &'static str {
    const KEYS: [&str; 16] = [
        "token.symbol",
        "token.contract",
        "token.chain",
        "token.network",
        "token.name",
        "token.price",
        "token.source",
        "market.exchange",
        "market.symbol",
        "market.base",
        "market.quote",
        "market.price",
        "market.source",
        "prediction.exchange",
        "prediction.id",
        "prediction.title",
    ];
    const MORE: [&str; 2] = ["prediction.price", "prediction.source"];
    let is = |key: &&&str| key.split_once('.') == Some((sort, part));
    KEYS.iter().chain(&MORE).find(is).copied().unwrap_or("element")
}

fn table<'t>(key: &str, parts: impl Iterator<Item = (&'t &'static str, Option<String>)>) -> String {
    let parts: Vec<_> = parts.filter_map(|(name, asked)| Some(format!("{name} {}", asked?))).collect();
    format!("{key} {}", parts.join(", "))
}

fn set<T: Ord + Display>(of: &Sorted<T>) -> Option<String> {
    (!of.is_empty()).then(|| format!("= {}", list(of.keys())))
}

fn price(range: Option<&NumberRange>) -> Option<String> {
    range.map(|range| bounds(range, &plain))
}

fn source(of: SourceSet) -> Option<String> {
    let all = [(of.text, "text"), (of.ocr, "ocr"), (of.meta, "meta")];
    (!of.is_any()).then(|| format!("= {}", list(all.into_iter().filter_map(|(asked, name)| asked.then_some(name)))))
}

/// `"a"`, or `["a", "b", 7 more]`.
fn list(of: impl Iterator<Item = impl Display>) -> String {
    let (mut shown, mut count) = (Vec::new(), 0);
    for value in of {
        count += 1;
        if count <= SHOWN {
            shown.push(format!("\"{value}\""));
        }
    }
    if count == 1 { shown.concat() } else { format!("[{}{}]", shown.join(", "), more(count)) }
}

fn more(count: usize) -> String {
    if count > SHOWN { format!(", {} more", count - SHOWN) } else { String::new() }
}

/// `below 0.5`, `above 1 and at_most 2`.
fn bounds(range: &NumberRange, shown: &dyn Fn(f64) -> String) -> String {
    let one = |name: &str, bound: Option<f64>| bound.map(|bound| format!("{name} {}", shown(bound)));
    let two = |name: &str, bounds: Option<(f64, f64)>| bounds.map(|(a, b)| format!("{name} {} and {}", shown(a), shown(b)));
    let all = [
        one("above", range.above),
        one("at_least", range.at_least),
        one("below", range.below),
        one("at_most", range.at_most),
        two("between", range.between),
        two("outside", range.outside),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn plain(number: f64) -> String {
    number.to_string()
}

/// Milliseconds, as a duration is written.
fn age(ms: f64) -> String {
    let duration = Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default();
    crate::rules::written(duration)
}
