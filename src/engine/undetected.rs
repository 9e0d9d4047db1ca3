//! Tokens that windows have counted before a detection came: a rule that matches on the text counts a token at once, and what it was worth then, and
//! which chain it is on, is said a moment later.

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;

use super::identities::{Identities, contract};
use crate::model::address::Address;
use crate::model::envelope::{Body, Envelope, Token as Detected};
use crate::model::firing::Element;
use crate::model::ids::{TweetId, normal_symbol};
use crate::model::limits::IDENTITIES;
use crate::model::price::Price;
use crate::model::subject::Token;
use crate::model::window::Told;

/// The tokens of tweets that were counted without a price, and their prices since. Of too many tweets the first is forgotten.
#[derive(Debug, Default)]
pub(super) struct Undetected(LinkedHashMap<TweetId, Vec<(String, Option<Price>)>, FixedState>);

impl Undetected {
    /// A window has counted this of a tweet.
    pub(super) fn counted(&mut self, tweet: Option<&TweetId>, element: Option<&Element>) {
        let (Some(tweet), Some(Element::Token(token))) = (tweet, element) else { return };
        let Some(name) = name(token).filter(|_| token.price.is_none()) else { return };
        if !self.0.contains_key(tweet) && self.0.len() >= IDENTITIES {
            self.0.pop_front();
        }
        let tokens = self.0.entry(tweet.clone()).or_insert_with(Vec::new);
        if !tokens.iter().any(|(of, _)| *of == name) {
            tokens.push((name, None));
        }
    }

    /// What an envelope says of such tokens: what they are worth, and which chain they are on, which is known from then on.
    pub(super) fn learn(&mut self, envelope: &Envelope<'_>, identities: &mut Identities) {
        let Body::Meta(meta) = &envelope.body else { return };
        if self.0.is_empty() {
            return;
        }
        let (Some(known), Some(detected)) = (self.0.get_mut(&TweetId::new(&meta.tweet_id)), &meta.detected) else { return };
        for (name, price) in known {
            for token in detected.tokens.iter().filter(|token| is_it(token, name)) {
                *price = price.or(token.price_usd);
                if !name.starts_with('$') {
                    identities.on_chain(name, (token.chain.as_deref(), token.network_id));
                }
            }
        }
    }

    /// Takes over what another has noted of tweets, too.
    pub(super) fn adopt(&mut self, other: &mut Self) {
        for (tweet, tokens) in other.0.drain() {
            if self.0.len() >= IDENTITIES && !self.0.contains_key(&tweet) {
                break;
            }
            let known = self.0.entry(tweet).or_insert_with(Vec::new);
            for (name, price) in tokens {
                match known.iter_mut().find(|(of, _)| *of == name) {
                    Some((_, known)) => *known = known.or(price),
                    None => known.push((name, price)),
                }
            }
        }
    }

    /// Gives the members of a firing about that element the prices that are known by now.
    pub(super) fn fill(&self, told: &mut Told, element: Option<&Element>) {
        let Some(Element::Token(token)) = element.filter(|_| !self.0.is_empty()) else { return };
        let Some(name) = name(token) else { return };
        for member in told.members.iter_mut().filter(|member| member.price.is_none()) {
            let of_tweet = member.tweet.as_ref().and_then(|tweet| self.0.get(tweet));
            member.price = of_tweet.into_iter().flatten().find(|(of, _)| *of == name).and_then(|(_, price)| *price);
        }
    }
}

/// By its contract, else by its symbol.
fn name(token: &Token) -> Option<String> {
    contract(token).or_else(|| token.symbol.as_ref().map(|symbol| format!("${}", normal_symbol(symbol))))
}

fn is_it(token: &Detected<'_>, name: &str) -> bool {
    match (name.strip_prefix('$'), &token.contract, &token.symbol) {
        (Some(symbol), _, Some(of)) => normal_symbol(of) == symbol,
        (None, Some(contract), _) => Address::parse(contract).map_or(**contract == *name, |address| address.to_string() == name),
        _ => false,
    }
}
