//! The tokens of a tweet: those that TweetStream detected, and those that birdcall recognises in the text without waiting for it.

use std::cell::OnceCell;
use std::ops::Deref;

use super::facts::{Facts, Field};
use crate::model::address::Address;
use crate::model::firing::Element;
use crate::model::ids::normal_symbol;
use crate::model::subject::{Market, Prediction, Sources, Str, Subject, Token, Tweet};

/// What a token says of itself. A contract that stands in the text is spelled only for those who read it: that takes longer than all else.
#[derive(Debug)]
pub(crate) enum Said<'a> {
    Text(&'a str),
    Symbol(Box<str>),
    Contract(Address, OnceCell<String>),
}

impl Deref for Said<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Symbol(symbol) => symbol,
            Self::Contract(address, spelled) => spelled.get_or_init(|| address.to_string()),
        }
    }
}

impl AsRef<str> for Said<'_> {
    fn as_ref(&self) -> &str {
        self
    }
}

/// Detected tokens in their order, then addresses and cashtags of the text that no detection covers.
pub(crate) fn of<'a>(tweet: &Tweet<&'a str>, facts: &Facts<'_>) -> Vec<Token<Said<'a>>> {
    let (addresses, symbols) = match facts.text(Field::Text) {
        Some(text) => (text.addresses(), text.cashtags()),
        None => (&[][..], &[][..]),
    };
    let in_text = Sources { text: true, ..Sources::default() };
    let mut tokens: Vec<_> = tweet.tokens.iter().map(|token| token.with(|text| Said::Text(text))).collect();
    for token in &mut tokens {
        // What stands in the text is in the text, even where the detection names another source.
        let named = token.symbol.as_deref().is_some_and(|symbol| has_symbol(symbols, symbol));
        token.sources.text |= named || token.address.is_some_and(|address| addresses.contains(&address));
    }
    let detected = tokens.len();
    for address in addresses.iter().chain(facts.link_addresses()) {
        if !tokens.iter().any(|token| token.address == Some(*address)) {
            tokens.push(Token {
                contract: Some(Said::Contract(*address, OnceCell::new())),
                address: Some(*address),
                chain: matches!(address, Address::Solana(_)).then_some(Said::Text("solana")),
                sources: in_text,
                ..nothing()
            });
        }
    }
    for symbol in symbols {
        let covered = |token: &Token<Said<'_>>| token.symbol.as_deref().is_some_and(|of| normal_symbol(of) == **symbol);
        if !tokens.iter().take(detected).any(covered) {
            tokens.push(Token { symbol: Some(Said::Symbol(symbol.clone())), sources: in_text, ..nothing() });
        }
    }
    tokens
}

/// The tokens of a subject: those that were detected, and those that stand in its text.
#[must_use]
pub fn tokens_of(subject: &Subject) -> Vec<Token> {
    Facts::of(subject, None).tokens().iter().map(Token::owned).collect()
}

/// A token of which nothing is known.
fn nothing<'a>() -> Token<Said<'a>> {
    let sources = Sources::default();
    Token { symbol: None, name: None, contract: None, address: None, chain: None, network: None, price: None, sources }
}

fn has_symbol(symbols: &[Box<str>], symbol: &str) -> bool {
    let symbol = normal_symbol(symbol);
    symbols.iter().any(|of| **of == *symbol)
}

/// The name of an element among those of its tweet: it goes into the firing's id, so it must not depend on what arrived first. A token
/// whose symbol stands in the text as a cashtag is named by it (of several with that symbol, the first), as the text alone would; else by
/// its contract, with the chain where two share it.
#[must_use]
pub fn element_key(element: &Element, facts: &Facts<'_>) -> String {
    let text = |value: &Option<Str>| value.as_deref().unwrap_or_default().to_lowercase();
    let first = |of: [&Option<Str>; 3]| of.into_iter().find(|value| value.is_some()).map(text).unwrap_or_default();
    match element {
        Element::Token(token) => match (cashtag_of(token, facts), &token.contract) {
            (Some(symbol), _) => format!("symbol:{symbol}"),
            (None, Some(_)) => contract_key(token, facts),
            (None, None) => match &token.symbol {
                Some(symbol) => format!("symbol:{}", normal_symbol(symbol)),
                None => format!("name:{}", text(&token.name)),
            },
        },
        Element::Market(Market { exchange, symbol, base, url, .. }) => {
            format!("market:{}:{}", text(exchange), first([symbol, base, url]))
        }
        Element::Prediction(Prediction { exchange, id, title, url, .. }) => {
            format!("prediction:{}:{}", text(exchange), first([id, title, url]))
        }
    }
}

/// The other name under which the same token may have fired before it was known that they are one: its address stood in the text too.
#[must_use]
pub fn element_alias(element: &Element, facts: &Facts<'_>) -> Option<String> {
    let Element::Token(token) = element else { return None };
    token.contract.as_ref().map(|_| contract_key(token, facts))
}

fn contract_key(token: &Token, facts: &Facts<'_>) -> String {
    let contract = match (token.address, &token.contract) {
        (Some(address), _) => address.to_string(),
        (None, contract) => contract.as_deref().unwrap_or_default().to_owned(),
    };
    // The same EVM contract on two chains is two tokens; the first keeps the name that the text alone gives.
    let first = facts.tokens().iter().find(|of| of.address.is_some() && of.address == token.address);
    match (&token.chain, first) {
        (Some(chain), Some(first)) if first.chain.as_deref() != token.chain.as_deref() => {
            format!("contract:{contract}:{}", chain.to_lowercase())
        }
        _ => format!("contract:{contract}"),
    }
}

/// The token's symbol, if it stands in the text as a cashtag and this is the first token that has it.
fn cashtag_of(token: &Token, facts: &Facts<'_>) -> Option<String> {
    let symbol = normal_symbol(token.symbol.as_deref()?);
    if !has_symbol(facts.text(Field::Text)?.cashtags(), &symbol) {
        return None;
    }
    let named = |of: &&Token<Said<'_>>| of.symbol.as_deref().is_some_and(|of| normal_symbol(of) == symbol);
    let first = facts.tokens().iter().find(named)?;
    (first.contract.as_deref() == token.contract.as_deref() && first.chain.as_deref() == token.chain.as_deref())
        .then(|| symbol.into_owned())
}
