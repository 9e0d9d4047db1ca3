//! Orders that would have been placed, each with the price of what it was about then and at the next sightings.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::summary::Told;
use super::watch::{Priced, Watch, first_priced};
use super::worth::{Changes, Room, Worths};
use crate::model::envelope::{Body, Envelope};
use crate::model::firing::{Element, Firing};
use crate::model::price::Price;
use crate::model::time::Timestamp;

/// Orders that are followed and told one by one: the newest.
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
    /// The rule's place.
    #[serde(skip)]
    rule: usize,
}

impl Order {
    /// Takes a sighting where it belongs. Says whether more are wanted. What was fetched late may be of an earlier moment than what came live.
    fn see(&mut self, at: Timestamp, price: Price) -> bool {
        if at >= self.firing.at {
            let age = at.since(self.firing.at);
            let [minute, five, hour] = LATER;
            let places = [
                (age <= THEN, &mut self.then),
                (age >= minute, &mut self.after_1m),
                (age >= five, &mut self.after_5m),
                (age >= hour, &mut self.after_1h),
            ];
            for (_, place) in places.into_iter().filter(|(is_wanted, _)| *is_wanted) {
                if place.is_none_or(|seen| at < seen.at) {
                    *place = Some(Sighting { at, price });
                }
            }
        }
        self.after_1h.is_none()
    }

    /// By how much the price had changed a minute, five and an hour later, in percent: a sighting long after that says nothing about it.
    fn changes(&self) -> [Option<f64>; LATER.len()] {
        let mut later = [self.after_1m, self.after_5m, self.after_1h].into_iter().zip(LATER);
        std::array::from_fn(|_| {
            let (seen, asked) = later.next()?;
            let seen = seen.filter(|seen| seen.at.since(self.firing.at) <= asked * 3 / 2)?;
            Some((seen.price.usd() / self.then?.price.usd() - 1.0) * 100.0)
        })
    }
}

/// All of them: the newest are kept, and of those before, what became of them.
#[derive(Debug, Default)]
pub(super) struct Orders {
    followed: VecDeque<Order>,
    watch: Watch,
    /// Orders that are not kept any more: the number of the first that is.
    gone: u64,
    worths: BTreeMap<usize, Changes>,
    room: Room,
}

impl Orders {
    /// An order of this firing, of the rule with this place, would have gone to an action.
    pub(super) fn add(&mut self, firing: &Arc<Firing>, rule: usize, action: &str, paper: bool) {
        if self.followed.len() >= FOLLOWED
            && let Some(oldest) = self.followed.pop_front()
        {
            self.watch.forget(self.gone);
            self.gone += 1;
            self.worths.entry(oldest.rule).or_default().add(oldest.changes(), &mut self.room);
        }
        let number = self.gone + self.followed.len() as u64;
        let tweet = firing.subject.tweet();
        let element = firing.element.clone().or_else(|| tweet.and_then(first_priced));
        let then = element.as_ref().and_then(Element::price).map(|price| Sighting { at: firing.at, price });
        self.watch.add(number, element.as_ref().and_then(Priced::of), tweet.map(|tweet| tweet.id.clone()));
        self.followed.push_back(Order {
            firing: Told::of(firing),
            action: action.to_owned(),
            paper,
            token: element.as_ref().and_then(name),
            then,
            after_1m: None,
            after_5m: None,
            after_1h: None,
            rule,
        });
    }

    /// An entry may tell prices, as they were at that moment.
    pub(super) fn prices(&mut self, envelope: &Envelope<'_>, at: Timestamp) {
        if self.watch.is_idle() {
            return;
        }
        let Body::Meta(meta) = &envelope.body else { return };
        let Some(detected) = &meta.detected else { return };
        let Self { followed, watch, gone, .. } = self;
        let place = |number: u64| usize::try_from(number - *gone).unwrap_or(usize::MAX);
        watch.learn(&meta.tweet_id, detected, |number, name| {
            if let Some(order) = followed.get_mut(place(number)) {
                order.token = Some(name.to_owned());
            }
        });
        watch.tell(detected, |number, price| followed.get_mut(place(number)).is_some_and(|order| order.see(at, price)));
    }

    /// Those that are kept, oldest first.
    pub(super) fn followed(&self) -> impl Iterator<Item = &Order> {
        self.followed.iter()
    }

    /// How many are not.
    pub(super) fn not_followed(&self) -> u64 {
        self.gone
    }

    /// What became of the orders of each of so many rules, and of all.
    pub(super) fn worths(&self, rules: usize) -> (Vec<Option<Worths>>, Option<Worths>) {
        let (mut of, mut room) = (self.worths.clone(), self.room.clone());
        for order in &self.followed {
            of.entry(order.rule).or_default().add(order.changes(), &mut room);
        }
        let all = (!of.is_empty()).then(|| Changes::together(of.values()).worths());
        ((0..rules).map(|rule| of.get(&rule).map(Changes::worths)).collect(), all)
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
