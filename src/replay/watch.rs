//! Prices that envelopes tell of what orders were about → what each order could have known later.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::model::address::Address;
use crate::model::envelope::Detected;
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

/// The same of what an envelope detects: its name for people, which thing, and its price.
fn first_detected(detected: &Detected<'_>) -> Option<(String, Priced)> {
    let token = detected.tokens.iter().filter(|token| token.price_usd.is_some()).find_map(|token| {
        let name = token.symbol.as_deref().or(token.contract.as_deref())?;
        let which = contract(token.contract.as_deref()).unwrap_or_else(|| Priced::symbol(name));
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

/// What an order watches, and which tweet may tell more of what that is.
#[derive(Debug)]
struct Watched {
    which: Option<Priced>,
    tweet: Option<TweetId>,
}

/// Which orders want to hear of what. Orders have numbers that rise.
#[derive(Debug, Default)]
pub(super) struct Watch {
    of: HashMap<Priced, BTreeSet<u64>>,
    /// Orders of which their own tweet may still tell what they are about: those on a text alone are about whatever is detected in it first, and
    /// those on a symbol about the first contract that is seen under it there.
    unsure: HashMap<TweetId, BTreeSet<u64>>,
    orders: HashMap<u64, Watched>,
}

impl Watch {
    /// An order wants to hear of this; of what its tweet tells first, if it is about nothing that is known.
    pub(super) fn add(&mut self, order: u64, which: Option<Priced>, tweet: Option<TweetId>) {
        let tweet = tweet.filter(|_| matches!(which, None | Some(Priced::Symbol(_))));
        if let Some(which) = &which {
            self.of.entry(which.clone()).or_default().insert(order);
        }
        if let Some(tweet) = &tweet {
            self.unsure.entry(tweet.clone()).or_default().insert(order);
        }
        self.orders.insert(order, Watched { which, tweet });
    }

    /// An order is not kept any more.
    pub(super) fn forget(&mut self, order: u64) {
        let Some(Watched { which, tweet }) = self.orders.remove(&order) else { return };
        which.iter().for_each(|which| leave(&mut self.of, which, order));
        tweet.iter().for_each(|tweet| leave(&mut self.unsure, tweet, order));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.of.is_empty() && self.unsure.is_empty()
    }

    /// A tweet tells what its orders are about that did not know it yet; `named` hears the names.
    pub(super) fn learn(&mut self, tweet: &str, detected: &Detected<'_>, mut named: impl FnMut(u64, &str)) {
        if self.unsure.is_empty() {
            return;
        }
        let Some(orders) = self.unsure.get(&TweetId::new(tweet)).cloned() else { return };
        for order in orders {
            let known = self.orders.get(&order).and_then(|watched| watched.which.clone());
            let learned = match &known {
                Some(Priced::Symbol(symbol)) => first_contract(detected, symbol),
                _ => first_detected(detected).map(|(name, which)| {
                    named(order, &name);
                    which
                }),
            };
            let Some(which) = learned else { continue };
            let tweet = self.orders.get(&order).and_then(|watched| watched.tweet.clone());
            self.forget(order);
            self.add(order, Some(which), tweet);
        }
    }

    /// Tells each order that wants to hear of it a price; `told` says whether it wants to hear more.
    pub(super) fn tell(&mut self, detected: &Detected<'_>, mut told: impl FnMut(u64, Price) -> bool) {
        if self.of.is_empty() {
            return;
        }
        let Self { of, orders, unsure } = self;
        let mut see = |which: Priced, price: Price| {
            let Some(watching) = of.get_mut(&which) else { return };
            watching.retain(|order| {
                let goes_on = told(*order, price);
                if !goes_on && let Some(Watched { tweet: Some(tweet), .. }) = orders.remove(order) {
                    leave(unsure, &tweet, *order);
                }
                goes_on
            });
            if watching.is_empty() {
                of.remove(&which);
            }
        };
        for token in &detected.tokens {
            let Some(price) = token.price_usd else { continue };
            match (contract(token.contract.as_deref()), token.symbol.as_deref()) {
                (Some(which), _) => see(which, price),
                // Whoever makes a token gives it any symbol: what has a contract is no sighting of what is known by its symbol alone.
                (None, Some(symbol)) => see(Priced::symbol(symbol), price),
                (None, None) => {}
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

fn leave<K: Eq + Hash>(of: &mut HashMap<K, BTreeSet<u64>>, which: &K, order: u64) {
    if let Some(orders) = of.get_mut(which) {
        orders.remove(&order);
        if orders.is_empty() {
            of.remove(which);
        }
    }
}

fn contract(written: Option<&str>) -> Option<Priced> {
    let written = written?;
    Some(Address::parse(written).map_or_else(|_| Priced::Contract(written.to_owned()), Priced::Address))
}

/// The first contract that is seen under a symbol.
fn first_contract(detected: &Detected<'_>, symbol: &str) -> Option<Priced> {
    let is_it = |known: Option<&str>| known.is_some_and(|known| *normal_symbol(known) == *symbol);
    detected.tokens.iter().filter(|token| is_it(token.symbol.as_deref())).find_map(|token| contract(token.contract.as_deref()))
}
