//! The tokens of a tweet: those that TweetStream detected, and those that birdcall recognises in the text without waiting for it.

use super::facts::{Facts, Field};
use crate::model::address::Address;
use crate::model::firing::Element;
use crate::model::ids::normal_symbol;
use crate::model::subject::{Market, Prediction, Sources, Token, Tweet};

/// Detected tokens in their order, then addresses and cashtags of the text that no detection covers.
pub(crate) fn of(tweet: &Tweet, facts: &Facts<'_>) -> Vec<Token> {
    let (addresses, symbols) = match facts.text(Field::Text) {
        Some(text) => (text.addresses(), text.cashtags()),
        None => (&[][..], &[][..]),
    };
    let in_text = Sources { text: true, ..Sources::default() };
    let mut tokens = tweet.tokens.clone();
    for token in &mut tokens {
        // What stands in the text is in the text, even where the detection names another source.
        let named = token.symbol.as_deref().is_some_and(|symbol| has_symbol(symbols, symbol));
        token.sources.text |= named || token.address.is_some_and(|address| addresses.contains(&address));
    }
    let detected = tokens.len();
    for address in addresses.iter().chain(facts.link_addresses()) {
        if !tokens.iter().any(|token| token.address == Some(*address)) {
            tokens.push(Token {
                contract: Some(address.to_string().into()),
                address: Some(*address),
                chain: matches!(address, Address::Solana(_)).then(|| "solana".into()),
                sources: in_text,
                ..Token::default()
            });
        }
    }
    for symbol in symbols {
        let covered = |token: &Token| token.symbol.as_deref().is_some_and(|of| normal_symbol(of) == **symbol);
        if !tokens.iter().take(detected).any(covered) {
            tokens.push(Token { symbol: Some((&**symbol).into()), sources: in_text, ..Token::default() });
        }
    }
    tokens
}

fn has_symbol(symbols: &[Box<str>], symbol: &str) -> bool {
    let symbol = normal_symbol(symbol);
    symbols.iter().any(|of| **of == *symbol)
}

/// The name of an element among those of its tweet, for the firing's id: the contract, else the symbol; a market's exchange and symbol;
/// a prediction's exchange and id.
#[must_use]
pub fn element_key(element: &Element) -> String {
    let text = |value: &Option<crate::model::subject::Str>| value.as_deref().unwrap_or_default().to_lowercase();
    match element {
        Element::Token(Token { address: Some(address), .. }) => format!("contract:{address}"),
        Element::Token(Token { contract: Some(contract), .. }) => format!("contract:{contract}"),
        Element::Token(token) => symbol_key(token.symbol.as_deref().unwrap_or_default()),
        Element::Market(Market { exchange, symbol, base, .. }) => {
            format!("market:{}:{}", text(exchange), text(if symbol.is_some() { symbol } else { base }))
        }
        Element::Prediction(Prediction { exchange, id, title, .. }) => {
            format!("prediction:{}:{}", text(exchange), text(if id.is_some() { id } else { title }))
        }
    }
}

fn symbol_key(symbol: &str) -> String {
    format!("symbol:{}", normal_symbol(symbol))
}

/// The other name under which the same element may already have fired: `$ORBL` fires on the text, then the detection says which
/// contract it is. Of several tokens with one symbol only the first is taken for the one that the text meant.
#[must_use]
pub fn element_alias(element: &Element, facts: &Facts<'_>) -> Option<String> {
    let Element::Token(token) = element else { return None };
    let symbol = normal_symbol(token.symbol.as_deref()?);
    token.contract.as_ref()?;
    let first = facts.tokens().iter().find(|of| of.symbol.as_deref().is_some_and(|of| normal_symbol(of) == symbol))?;
    (first.contract == token.contract).then(|| symbol_key(&symbol))
}
