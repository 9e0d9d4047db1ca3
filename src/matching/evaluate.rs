//! Whether a condition holds, and what made it hold.

use super::facts::Facts;
use super::matchers::{self, Found};
use super::truth::Truth;
use crate::model::firing::{Element, Matched};
use crate::rules::condition::{Condition, Matcher};
use crate::rules::ruleset::Each;

/// How a condition is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'e> {
    /// Nothing more is waited for: what is absent now counts as absent (DESIGN 4).
    pub settled: bool,
    /// Matchers on tokens, markets or predictions (whichever this is) look at this one alone.
    pub element: Option<&'e Element>,
}

/// Whether a condition holds.
#[must_use]
pub fn evaluate(condition: &Condition, facts: &Facts<'_>, reading: Reading<'_>) -> Truth {
    match condition {
        Condition::All(of) => Truth::all(of.iter().map(|condition| evaluate(condition, facts, reading))),
        Condition::Any { of, at_least } => {
            Truth::at_least(*at_least, of.iter().map(|condition| evaluate(condition, facts, reading)))
        }
        Condition::None(of) => Truth::any(of.iter().map(|condition| evaluate(condition, facts, reading))).not(),
        Condition::Is(matcher) => match matchers::find(matcher, facts, reading) {
            Ok(_) => Truth::True,
            Err(truth) => truth,
        },
    }
}

/// What made a condition hold: every matcher that is true outside of `none`, and the token, market or prediction that it is about. That is
/// the one that the firmest matcher found: a matcher on tokens, markets or predictions says more of it than an address from a list, that
/// more than any address, a cashtag or a price. The tweet's author chooses the order in the text, never which of them it is.
#[must_use]
pub fn explain(condition: &Condition, facts: &Facts<'_>, reading: Reading<'_>) -> (Vec<Matched>, Option<Element>) {
    let mut told = Told::default();
    collect(condition, facts, reading, &mut told);
    (told.matched, told.element.map(|(_, element)| element))
}

#[derive(Default)]
struct Told {
    matched: Vec<Matched>,
    element: Option<(u8, Element)>,
}

/// The lower the firmer.
fn firmness(matcher: &Matcher) -> u8 {
    match matcher {
        Matcher::Token(_) | Matcher::Market(_) | Matcher::Prediction(_) => 0,
        Matcher::Contract(asked) if !asked.addresses.is_empty() => 1,
        Matcher::Contract(_) => 2,
        Matcher::Text(_) => 3,
        _ => 4,
    }
}

fn collect(condition: &Condition, facts: &Facts<'_>, reading: Reading<'_>, told: &mut Told) {
    match condition {
        Condition::All(of) => of.iter().for_each(|condition| collect(condition, facts, reading, told)),
        Condition::Any { of, .. } => {
            let holding = of.iter().filter(|condition| evaluate(condition, facts, reading) == Truth::True);
            holding.for_each(|condition| collect(condition, facts, reading, told));
        }
        Condition::None(_) => {}
        Condition::Is(matcher) => {
            let Ok(found) = matchers::find(matcher, facts, reading) else { return };
            let firmness = firmness(matcher);
            if told.element.as_ref().is_none_or(|(of, _)| firmness < *of) {
                told.element = element_of(&found, facts).map(|element| (firmness, element)).or(told.element.take());
            }
            let matched = matchers::tell(matcher, found, facts);
            if !told.matched.contains(&matched) {
                told.matched.push(matched);
            }
        }
    }
}

fn element_of(found: &Found<'_>, facts: &Facts<'_>) -> Option<Element> {
    match found {
        Found::Element(element) => Some((*element).clone()),
        Found::Token(at) => facts.tokens().get(*at).map(|token| Element::Token(token.owned())),
        Found::Market(at) => facts.tweet()?.markets.get(*at).map(|market| Element::Market(market.owned())),
        Found::Prediction(at) => facts.tweet()?.predictions.get(*at).map(|of| Element::Prediction(of.owned())),
        Found::Symbol(symbol) => {
            let named = |of: &str| crate::model::ids::normal_symbol(of) == **symbol;
            let mut tokens = facts.tokens().iter();
            tokens.find(|token| token.symbol.as_deref().is_some_and(named)).map(|token| Element::Token(token.owned()))
        }
        Found::Address(address, _) => {
            let mut tokens = facts.tokens().iter();
            tokens.find(|token| token.address == Some(*address)).map(|token| Element::Token(token.owned()))
        }
        Found::Value(..) => None,
    }
}

/// The elements that a rule with `each` looks at, one by one.
#[must_use]
pub fn elements(each: Each, facts: &Facts<'_>) -> Vec<Element> {
    let Some(tweet) = facts.tweet() else { return Vec::new() };
    match each {
        Each::Token => facts.tokens().iter().map(|token| Element::Token(token.owned())).collect(),
        Each::Market => tweet.markets.iter().map(|market| Element::Market(market.owned())).collect(),
        Each::Prediction => tweet.predictions.iter().map(|of| Element::Prediction(of.owned())).collect(),
    }
}
