//! Matchers on one token, market or prediction: all that is asked must hold of the same one.

use super::truth::Truth;
use crate::model::address::Address;
use crate::model::ids::normal_symbol;
use crate::model::limits::NAME_BYTES;
use crate::model::price::Price;
use crate::model::subject::{Market, Prediction, Sources, Token};
use crate::rules::condition::{MarketMatcher, NumberRange, PredictionMatcher, Sorted, SourceSet, TokenMatcher};
use crate::rules::normal;

/// What can be asked of a token, in the order of [`token_parts`].
pub(super) const TOKEN_PARTS: [&str; 9] =
    ["symbol", "contract", "contract", "chain", "chain", "network", "name", "price", "source"];
/// What can be asked of a market, in the order of [`market_parts`].
pub(super) const MARKET_PARTS: [&str; 6] = ["exchange", "symbol", "base", "quote", "price", "source"];
/// What can be asked of a prediction market, in the order of [`prediction_parts`].
pub(super) const PREDICTION_PARTS: [&str; 5] = ["exchange", "id", "title", "price", "source"];

/// `complete`: what is absent of the token will not come any more.
pub(super) fn token<S: AsRef<str>>(asked: &TokenMatcher, token: &Token<S>, complete: bool) -> Truth {
    Truth::all(token_parts(asked, token, complete))
}

/// What is not asked is true.
#[inline]
pub(super) fn token_parts<S: AsRef<str>>(asked: &TokenMatcher, token: &Token<S>, complete: bool) -> [Truth; 9] {
    let known = |known: Option<bool>| known.map_or(Truth::absent(complete), |holds| Truth::of(Some(holds)));
    let contract = || match token.address {
        Some(address) => Some(asked.contracts.contains(&address)),
        // A contract of a form that we do not know is none of those in the rule.
        None => token.contract.as_ref().map(|_| false),
    };
    [
        ask(!asked.symbols.is_empty(), || known(in_set(&token.symbol, |of| asked.symbols.contains(&*normal_symbol(of))))),
        ask(!asked.contracts.is_empty(), || known(contract())),
        ask(asked.any_contract, || known(token.contract.as_ref().map(|_| true))),
        ask(asked.any_chain, || known(token.chain.as_ref().map(|_| true))),
        ask(!asked.chains.is_empty(), || {
            let evm_without_chain = token.chain.is_none() && matches!(token.address, Some(Address::Evm(_)));
            // An EVM address in the text is of some EVM chain, never of Solana.
            if evm_without_chain && asked.chains.keys().all(|chain| &**chain == "solana") {
                return Truth::False;
            }
            known(in_set(&token.chain, |of| asked.chains.contains(&*of.to_lowercase())))
        }),
        ask(!asked.networks.is_empty(), || known(token.network.map(|of| asked.networks.contains(&of)))),
        ask(!asked.names.is_empty(), || known(in_set(&token.name, |of| contains_any(of, &asked.names)))),
        price(asked.price.as_ref(), token.price, complete),
        source(asked.source, token.sources, complete),
    ]
}

pub(super) fn market<S: AsRef<str>>(asked: &MarketMatcher, market: &Market<S>) -> Truth {
    Truth::all(market_parts(asked, market))
}

#[inline]
pub(super) fn market_parts<S: AsRef<str>>(asked: &MarketMatcher, market: &Market<S>) -> [Truth; 6] {
    let upper = |set: &Sorted<Box<str>>, value: &Option<S>| {
        ask(!set.is_empty(), || Truth::of(Some(in_set(value, |of| set.contains(&*normal_symbol(of))) == Some(true))))
    };
    [
        ask(!asked.exchanges.is_empty(), || {
            Truth::of(Some(in_set(&market.exchange, |of| asked.exchanges.contains(&*of.to_lowercase())) == Some(true)))
        }),
        upper(&asked.symbols, &market.symbol),
        upper(&asked.bases, &market.base),
        upper(&asked.quotes, &market.quote),
        price(asked.price.as_ref(), market.price, true),
        source(asked.source, market.sources, true),
    ]
}

pub(super) fn prediction<S: AsRef<str>>(asked: &PredictionMatcher, prediction: &Prediction<S>) -> Truth {
    Truth::all(prediction_parts(asked, prediction))
}

#[inline]
pub(super) fn prediction_parts<S: AsRef<str>>(asked: &PredictionMatcher, prediction: &Prediction<S>) -> [Truth; 5] {
    let holds = |known: Option<bool>| Truth::of(Some(known == Some(true)));
    [
        ask(!asked.exchanges.is_empty(), || {
            holds(in_set(&prediction.exchange, |of| asked.exchanges.contains(&*of.to_lowercase())))
        }),
        ask(!asked.ids.is_empty(), || holds(in_set(&prediction.id, |of| asked.ids.contains(of)))),
        ask(!asked.titles.is_empty(), || holds(in_set(&prediction.title, |of| contains_any(of, &asked.titles)))),
        price(asked.price.as_ref(), prediction.price, true),
        source(asked.source, prediction.sources, true),
    ]
}

fn ask(asked: bool, truth: impl FnOnce() -> Truth) -> Truth {
    if asked { truth() } else { Truth::True }
}

fn in_set<S: AsRef<str>>(value: &Option<S>, holds: impl FnOnce(&str) -> bool) -> Option<bool> {
    value.as_ref().map(|value| holds(value.as_ref()))
}

fn contains_any(text: &str, parts: &[Box<str>]) -> bool {
    let text = text.get(..text.floor_char_boundary(NAME_BYTES)).unwrap_or(text);
    let folded = normal::fold(&normal::normalise(text));
    parts.iter().any(|part| folded.contains(&**part))
}

fn price(asked: Option<&NumberRange>, price: Option<Price>, complete: bool) -> Truth {
    match (asked, price) {
        (None, _) => Truth::True,
        (Some(range), Some(price)) => Truth::of(Some(range.holds(price.usd()))),
        (Some(_), None) => Truth::absent(complete),
    }
}

/// TweetStream may still find elsewhere what birdcall found in the text.
fn source(asked: SourceSet, found: Sources, complete: bool) -> Truth {
    let holds = asked.text && found.text || asked.ocr && found.ocr || asked.meta && found.meta;
    if asked.is_any() || holds { Truth::True } else { Truth::absent(complete) }
}
