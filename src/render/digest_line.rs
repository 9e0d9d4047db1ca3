//! A firing → what a digest says of it, and what it is put together by.

use super::card::{card, symbol};
use super::fit::{chars, cut};
use super::{facts, sanitise};
use crate::model::delivery::DigestLine;
use crate::model::firing::{Element, Firing};
use crate::model::ids::normal_symbol;
use crate::model::subject::{Market, Prediction, Str, Token};
use crate::rules::template::words;

/// Of a text.
pub(super) const TEXT: usize = 140;

/// What a digest says of a firing.
pub(super) fn line(firing: &Firing) -> DigestLine {
    let card = card(firing);
    let who = card.deed().unwrap_or_default();
    let text = card.text.as_deref().map(sanitise::line).unwrap_or_default();
    let thing = thing(firing);
    let thing = thing.as_ref();
    DigestLine {
        rule: card.title.rule,
        token: thing.and_then(Thing::name).unwrap_or_default(),
        key: thing.and_then(Thing::key).unwrap_or_default(),
        about: thing.and_then(Thing::price).unwrap_or_default(),
        who,
        text: cut(&text, TEXT, chars).into_owned(),
        link: card.link,
        at: Some(firing.subject.at),
        late: firing.is_late(),
        held: firing.held,
        kept: None,
    }
}

/// What a firing is about.
enum Thing<'f> {
    Token(&'f Token),
    Market(&'f Market),
    Prediction(&'f Prediction),
}

/// The element of a firing, or the only thing that was found in its tweet: of several the tweet's author chooses the order.
fn thing(firing: &Firing) -> Option<Thing<'_>> {
    match &firing.element {
        Some(Element::Token(token)) => return Some(Thing::Token(token)),
        Some(Element::Market(market)) => return Some(Thing::Market(market)),
        Some(Element::Prediction(prediction)) => return Some(Thing::Prediction(prediction)),
        None => {}
    }
    let tweet = firing.subject.tweet()?;
    match (tweet.tokens.as_slice(), tweet.markets.as_slice(), tweet.predictions.as_slice()) {
        ([token], ..) => Some(Thing::Token(token)),
        ([], [market], []) => Some(Thing::Market(market)),
        ([], [], [prediction]) => Some(Thing::Prediction(prediction)),
        _ => None,
    }
}

impl Thing<'_> {
    /// A checked symbol, of a token with the beginning and the end of its address, as two contracts of one symbol are two tokens.
    fn name(&self) -> Option<String> {
        let checked = |written: &Option<Str>| written.as_deref().and_then(symbol);
        match self {
            Self::Token(token) => {
                let contract = token.address.map(|address| words::short(&address.to_string()));
                match (checked(&token.symbol), contract) {
                    (Some(symbol), Some(contract)) => Some(format!("{symbol} {contract}")),
                    (symbol, contract) => symbol.or(contract),
                }
            }
            Self::Market(market) => checked(&market.symbol).or_else(|| checked(&market.base)),
            Self::Prediction(prediction) => checked(&prediction.exchange),
        }
    }

    /// The same of the same thing, whatever it is called: `token:solana:ADDRESS`, `symbol::DOGE`, `market:binance:BTCUSDT`.
    fn key(&self) -> Option<String> {
        let lower = |value: &Option<Str>| value.as_deref().unwrap_or_default().to_lowercase();
        match self {
            Self::Token(token) => {
                let contract =
                    token.address.map(|address| address.to_string()).or_else(|| token.contract.as_deref().map(str::to_owned));
                let symbol = || Some(format!("symbol::{}", normal_symbol(token.symbol.as_deref()?)));
                contract.map(|contract| format!("token:{}:{contract}", lower(&token.chain))).or_else(symbol)
            }
            Self::Market(Market { exchange, symbol, base, url, .. }) => {
                let id = [symbol, base, url].into_iter().find_map(|id| id.as_deref())?;
                Some(format!("market:{}:{}", lower(exchange), normal_symbol(id)))
            }
            Self::Prediction(Prediction { exchange, id, title, url, .. }) => {
                let id = [id, title, url].into_iter().find_map(|id| id.as_deref())?;
                Some(format!("prediction:{}:{id}", lower(exchange)))
            }
        }
    }

    fn price(&self) -> Option<String> {
        match self {
            Self::Token(token) => token.price.map(|price| words::usd(price.usd())),
            Self::Market(market) => market.price.map(|price| words::usd(price.usd())),
            Self::Prediction(prediction) => prediction.price.map(facts::share),
        }
    }
}
