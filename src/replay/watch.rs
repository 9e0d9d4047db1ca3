//! Prices that envelopes tell of what orders were about → what each order could have known later.

use std::collections::HashMap;

use crate::model::address::Address;
use crate::model::envelope::{Detected, Text};
use crate::model::firing::Element;
use crate::model::ids::{TweetId, normal_symbol};
use crate::model::price::Price;
use crate::model::subject::{Market, Prediction, Token, Tweet};

/// What has a price: so it is told from others of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Priced {
    /// The same contract on two chains has about the same price, and not every sighting says its chain.
    Address(Address),
    Contract(String),
    /// All that is known of a cashtag.
    Symbol(String),
    Market(String, String),
    Prediction(String, String),
}

impl Priced {
    /// What an order was about.
    pub(super) fn of(element: &Element) -> Option<Self> {
        match element {
            Element::Token(Token { address, contract, symbol, .. }) => match (address, contract, symbol) {
                (Some(address), ..) => Some(Self::Address(*address)),
                (None, Some(contract), _) => Some(Self::Contract(contract.to_string())),
                (None, None, Some(symbol)) => Some(Self::symbol(symbol)),
                (None, None, None) => None,
            },
            Element::Market(Market { exchange, symbol, .. }) => market(exchange.as_deref(), symbol.as_deref()),
            Element::Prediction(Prediction { exchange, id, title, .. }) => {
                prediction(exchange.as_deref(), id.as_deref().or(title.as_deref()))
            }
        }
    }

    fn symbol(symbol: &str) -> Self {
        Self::Symbol(normal_symbol(symbol).into_owned())
    }
}

fn market(exchange: Option<&str>, symbol: Option<&str>) -> Option<Priced> {
    Some(Priced::Market(exchange?.to_lowercase(), normal_symbol(symbol?).into_owned()))
}

fn prediction(exchange: Option<&str>, which: Option<&str>) -> Option<Priced> {
    Some(Priced::Prediction(exchange.unwrap_or_default().to_lowercase(), which?.to_owned()))
}

/// The first thing of a tweet that has a price: what an order was about that was placed on the text alone.
pub(super) fn first_priced(tweet: &Tweet) -> Option<Element> {
    let token = tweet.tokens.iter().find(|token| token.price.is_some()).cloned().map(Element::Token);
    let market = || tweet.markets.iter().find(|market| market.price.is_some()).cloned().map(Element::Market);
    token.or_else(market)
}

/// The price of an element.
pub(super) fn price(element: &Element) -> Option<Price> {
    match element {
        Element::Token(token) => token.price,
        Element::Market(market) => market.price,
        Element::Prediction(prediction) => prediction.price,
    }
}

/// The same of what an envelope detects: its name for people, which thing, and its price.
pub(super) fn first_detected(detected: &Detected<'_>) -> Option<(String, Priced)> {
    let token = detected.tokens.iter().filter(|token| token.price_usd.is_some()).find_map(|token| {
        let name = token.symbol.as_deref().or(token.contract.as_deref())?;
        let contract = token.contract.as_deref().map(|written| Address::parse(written).map_err(|_| written.to_owned()));
        let which = match contract {
            Some(Ok(address)) => Priced::Address(address),
            Some(Err(other)) => Priced::Contract(other),
            None => Priced::symbol(name),
        };
        Some((name.to_owned(), which))
    });
    let market = || {
        detected.markets.iter().filter(|market| market.price_usd.is_some()).find_map(|of| {
            let which = market(of.exchange.as_deref(), of.symbol.as_deref())?;
            Some((of.symbol.as_deref().unwrap_or_default().to_owned(), which))
        })
    };
    token.or_else(market)
}

/// Which orders want to hear of what.
#[derive(Debug, Default)]
pub(super) struct Watch {
    of: HashMap<Priced, Vec<usize>>,
    /// Orders on a text alone, which are about whatever is detected in it first.
    unnamed: HashMap<TweetId, Vec<usize>>,
}

impl Watch {
    pub(super) fn add(&mut self, which: Priced, order: usize) {
        self.of.entry(which).or_default().push(order);
    }

    pub(super) fn add_unnamed(&mut self, tweet: TweetId, order: usize) {
        self.unnamed.entry(tweet).or_default().push(order);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.of.is_empty() && self.unnamed.is_empty()
    }

    /// Orders on this tweet that did not know what they were about.
    pub(super) fn named(&mut self, tweet: &str) -> Vec<usize> {
        if self.unnamed.is_empty() { Vec::new() } else { self.unnamed.remove(&TweetId::new(tweet)).unwrap_or_default() }
    }

    /// Tells each order that wants to hear of it a price; `told` says whether it wants to hear more.
    pub(super) fn tell(&mut self, detected: &Detected<'_>, mut told: impl FnMut(usize, Price) -> bool) {
        if self.of.is_empty() {
            return;
        }
        let mut see = |which: Priced, price: Price| {
            let Some(orders) = self.of.get_mut(&which) else { return };
            orders.retain(|order| told(*order, price));
            if orders.is_empty() {
                self.of.remove(&which);
            }
        };
        let text = |text: &Option<Text<'_>>| text.as_deref().map(str::to_owned);
        for token in &detected.tokens {
            let Some(price) = token.price_usd else { continue };
            match token.contract.as_deref().map(Address::parse) {
                Some(Ok(address)) => see(Priced::Address(address), price),
                Some(Err(_)) => see(Priced::Contract(text(&token.contract).unwrap_or_default()), price),
                None => {}
            }
            if let Some(symbol) = token.symbol.as_deref() {
                see(Priced::symbol(symbol), price);
            }
        }
        for of in &detected.markets {
            if let (Some(price), Some(which)) = (of.price_usd, market(of.exchange.as_deref(), of.symbol.as_deref())) {
                see(which, price);
            }
        }
        for of in &detected.predictions {
            let which = prediction(of.exchange.as_deref(), of.market_id.as_deref().or(of.title.as_deref()));
            if let (Some(price), Some(which)) = (of.price_usd, which) {
                see(which, price);
            }
        }
    }
}
