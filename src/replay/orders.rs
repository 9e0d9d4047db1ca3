//! Orders that would have been placed, each with the price of what it was about then and at the next sightings.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::summary::Told;
use super::watch::{Priced, Watch, first_detected, first_priced, price};
use crate::model::envelope::{Body, Detected, Envelope};
use crate::model::firing::{Element, Firing};
use crate::model::price::Price;
use crate::model::time::Timestamp;

/// Orders that are followed; further ones are only counted.
const FOLLOWED: usize = 20_000;
/// How long after an order prices are looked for.
const LATER: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(3_600)];
/// A price that is seen this long after an order is still the one of that moment.
const THEN: Duration = Duration::from_secs(60);

/// The price of something as the record tells it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sighting {
    /// When it was told.
    #[serde(serialize_with = "super::summary::sure_moment")]
    pub at: Timestamp,
    /// In US dollars; of a prediction market, of one share.
    pub price: Price,
}

/// An order that would have been placed.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// What fired.
    #[serde(flatten)]
    pub firing: Told,
    /// The action that it would have gone to.
    pub action: String,
    /// `mode = "paper"` would have held it back.
    pub paper: bool,
    /// What it was about, if anything with a name.
    pub token: Option<String>,
    /// The price when it was placed, or first seen within a minute.
    pub then: Option<Sighting>,
    /// At the first sighting a minute later, or after that.
    pub after_1m: Option<Sighting>,
    /// Five minutes.
    pub after_5m: Option<Sighting>,
    /// An hour.
    pub after_1h: Option<Sighting>,
}

impl Order {
    /// Takes a sighting where it belongs. Says whether more are wanted.
    fn see(&mut self, at: Timestamp, price: Price) -> bool {
        let age = at.since(self.firing.at);
        let [minute, five, hour] = LATER;
        let places = [
            (age <= THEN, &mut self.then),
            (age >= minute, &mut self.after_1m),
            (age >= five, &mut self.after_5m),
            (age >= hour, &mut self.after_1h),
        ];
        for (_, place) in places.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            place.get_or_insert(Sighting { at, price });
        }
        self.after_1h.is_none()
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Orders {
    followed: Vec<Order>,
    watch: Watch,
    /// Orders, followed or not.
    pub(super) number: u64,
}

impl Orders {
    /// An order of this firing would have gone to an action.
    pub(super) fn add(&mut self, firing: &Arc<Firing>, action: &str, paper: bool) {
        self.number += 1;
        if self.followed.len() >= FOLLOWED {
            return;
        }
        let place = self.followed.len();
        let element = firing.element.clone().or_else(|| firing.subject.tweet().and_then(first_priced));
        let then = element.as_ref().and_then(price).map(|price| Sighting { at: firing.at, price });
        match (element.as_ref().and_then(Priced::of), firing.subject.tweet()) {
            (Some(which), _) => self.watch.add(which, place),
            (None, Some(tweet)) => self.watch.add_unnamed(tweet.id.clone(), place),
            (None, None) => {}
        }
        self.followed.push(Order {
            firing: Told::of(firing),
            action: action.to_owned(),
            paper,
            token: element.as_ref().and_then(name),
            then,
            after_1m: None,
            after_5m: None,
            after_1h: None,
        });
    }

    /// An entry may tell prices.
    pub(super) fn prices(&mut self, envelope: &Envelope<'_>, at: Timestamp) {
        if self.watch.is_idle() {
            return;
        }
        let Body::Meta(meta) = &envelope.body else { return };
        let Some(detected) = &meta.detected else { return };
        self.name(&meta.tweet_id, detected);
        let Self { followed, watch, .. } = self;
        watch.tell(detected, |order, price| followed.get_mut(order).is_some_and(|order| order.see(at, price)));
    }

    /// Orders on the text alone learn what they were about.
    fn name(&mut self, tweet: &str, detected: &Detected<'_>) {
        let Some((name, which)) = first_detected(detected) else { return };
        for order in self.watch.named(tweet) {
            if let Some(known) = self.followed.get_mut(order) {
                known.token = Some(name.clone());
            }
            self.watch.add(which.clone(), order);
        }
    }

    /// Those that were followed.
    pub(super) fn followed(&self) -> &[Order] {
        &self.followed
    }
}

/// What people call it.
fn name(element: &Element) -> Option<String> {
    let name = match element {
        Element::Token(token) => token.symbol.as_ref().or(token.name.as_ref()).or(token.contract.as_ref()),
        Element::Market(market) => market.symbol.as_ref().or(market.base.as_ref()),
        Element::Prediction(prediction) => prediction.title.as_ref().or(prediction.id.as_ref()),
    };
    name.map(|name| name.to_string())
}
