//! The whole tree of a condition, for people: what was asked, what was seen, and why it holds or not.
//!
//! Every leaf is what [`matchers::find`] says of it, as in [`evaluate`](super::evaluate()), and what is above them follows by the same
//! logic. Nothing is cut short: every leaf is shown. A property test holds the two together.

mod asked;
mod seen;

use std::borrow::Cow;

use super::elements;
use super::evaluate::Reading;
use super::facts::Facts;
use super::matchers;
use super::truth::Truth;
use crate::model::firing::Element;
use crate::model::subject::{Market, Prediction, Token};
use crate::rules::condition::{Condition, Matcher};

pub use seen::element_name;

/// What stands before the key of what is below a `none`.
const BELOW_NONE: &str = "none.";

/// One node: a matcher, a part of one, or several together.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Node {
    /// The key of rules.toml: `all`, `any`, `none`, `handle`, …; of a part `token.price`; of an element (a token, a market, a
    /// prediction market) `element`.
    pub key: &'static str,
    /// What is asked, as it could stand in rules.toml.
    pub asked: String,
    /// Whether it holds.
    pub truth: Truth,
    /// What was seen; empty where the nodes below say it.
    pub seen: String,
    /// What it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
    #[serde(skip)]
    how: How,
}

/// How a node's truth follows from those below.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    All,
    AtLeast(usize),
    None,
    /// True when one of the elements is; without any, or beside them, this.
    Elements(Truth),
    Leaf,
}

impl Node {
    /// The tree of a condition.
    #[must_use]
    pub fn of(condition: &Condition, facts: &Facts<'_>, reading: Reading<'_>) -> Self {
        let many = |of: &[Condition]| of.iter().map(|of| Self::of(of, facts, reading)).collect();
        match condition {
            Condition::All(of) => Self::joined("all", String::new(), How::All, many(of)),
            Condition::Any { of, at_least } => {
                let asked = if *at_least == 1 { String::new() } else { format!("at_least = {at_least}") };
                Self::joined("any", asked, How::AtLeast(*at_least), many(of))
            }
            Condition::None(of) => Self::joined("none", String::new(), How::None, many(of)),
            Condition::Is(matcher) => Self::leaf(matcher, facts, reading),
        }
    }

    fn joined(key: &'static str, asked: String, how: How, nodes: Vec<Self>) -> Self {
        let truth = how.of(nodes.iter().map(|node| node.truth));
        Self { key, asked, truth, seen: String::new(), nodes, how }
    }

    fn leaf(matcher: &Matcher, facts: &Facts<'_>, reading: Reading<'_>) -> Self {
        let found = matchers::find(matcher, facts, reading);
        let truth = found.as_ref().map_or_else(|truth| *truth, |_| Truth::True);
        let seen = seen::seen(matcher, facts, reading, found);
        let (nodes, how) = match looked_at(matcher, facts, reading) {
            Some(nodes) => {
                let is_complete = reading.settled || facts.has_meta();
                // With `each` it is about the element at hand, and no other can come.
                let otherwise = if nodes.1 { Truth::False } else { Truth::absent(is_complete) };
                (nodes.0, How::Elements(otherwise))
            }
            None => (Vec::new(), How::Leaf),
        };
        Self { key: matchers::name(matcher), asked: asked::asked(matcher), truth, seen, nodes, how }
    }

    /// Hands over every matcher of it, in the order of [`Condition::matchers`].
    pub fn matchers<'n>(&'n mut self, each: &mut impl FnMut(&'n mut Self)) {
        match self.how {
            How::Leaf | How::Elements(_) => each(self),
            How::All | How::AtLeast(_) | How::None => self.nodes.iter_mut().for_each(|node| node.matchers(&mut *each)),
        }
    }

    /// What the condition would be if what has these names held (under `none`: did not hold).
    #[must_use]
    pub fn but_for(&self, names: &Flips<'_>) -> Truth {
        self.flipped(names, Truth::True, false)
    }

    fn flipped(&self, names: &Flips<'_>, wanted: Truth, below_none: bool) -> Truth {
        if (names.0)(&self.name(below_none)) {
            return wanted;
        }
        if self.nodes.is_empty() {
            return self.truth;
        }
        let is_none = self.how == How::None;
        let below = if is_none { wanted.not() } else { wanted };
        self.how.of(self.nodes.iter().map(|node| node.flipped(names, below, below_none || is_none)))
    }

    /// The name of every node, the more telling ones first: what stands deeper.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.gather(&mut names, false);
        names
    }

    fn gather(&self, names: &mut Vec<String>, below_none: bool) {
        self.nodes.iter().for_each(|node| node.gather(names, below_none || self.how == How::None));
        let name = self.name(below_none).into_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// Its key; below a `none`, where it works the other way round, `none.keyword`.
    fn name(&self, below_none: bool) -> Cow<'static, str> {
        if below_none { Cow::Owned(format!("{BELOW_NONE}{}", self.key)) } else { Cow::Borrowed(self.key) }
    }

    /// How much of it does not hold: matchers that would have to turn for it to become true. What is unknown counts half.
    #[must_use]
    pub fn distance(&self) -> f32 {
        self.distance_to(Truth::True)
    }

    fn distance_to(&self, wanted: Truth) -> f32 {
        if self.truth == wanted {
            return 0.0;
        }
        let sum = |wanted: Truth| self.nodes.iter().map(|node| node.distance_to(wanted)).sum::<f32>();
        let least = |so_many: usize, wanted: Truth| {
            let mut all: Vec<_> = self.nodes.iter().map(|node| node.distance_to(wanted)).collect();
            all.sort_by(f32::total_cmp);
            all.into_iter().take(so_many).sum::<f32>()
        };
        match (self.how, wanted) {
            (How::All, Truth::True) => sum(Truth::True),
            (How::All, _) => least(1, Truth::False),
            (How::AtLeast(so_many), Truth::True) => least(so_many, Truth::True),
            (How::AtLeast(so_many), _) => least(self.nodes.len().saturating_sub(so_many) + 1, Truth::False),
            (How::None, Truth::True) => sum(Truth::False),
            (How::None, _) => least(1, Truth::True),
            (How::Leaf | How::Elements(_), _) => {
                if self.truth == Truth::Unknown {
                    0.5
                } else {
                    1.0
                }
            }
        }
    }
}

impl How {
    fn of(self, truths: impl Iterator<Item = Truth>) -> Truth {
        match self {
            Self::All => Truth::all(truths),
            Self::AtLeast(so_many) => Truth::at_least(so_many, truths),
            Self::None => Truth::any(truths).not(),
            Self::Elements(otherwise) => Truth::any(truths.chain([otherwise])),
            Self::Leaf => Truth::Unknown,
        }
    }
}

/// Whether what has this key looks at the element of a rule with `each`.
#[must_use]
pub fn is_of_elements(key: &str) -> bool {
    let key = key.strip_prefix(BELOW_NONE).unwrap_or(key);
    let sort = key.split('.').next().unwrap_or(key);
    matches!(sort, "token" | "market" | "prediction" | "price" | "contract" | "cashtag" | "element")
}

/// Which nodes of a tree are taken for turned round, by their names.
#[expect(missing_debug_implementations, reason = "a question")]
pub struct Flips<'k>(pub &'k dyn Fn(&str) -> bool);

/// The tokens, markets or predictions that a matcher on them looks at, each as a node; and whether it is the one at hand alone.
fn looked_at(matcher: &Matcher, facts: &Facts<'_>, reading: Reading<'_>) -> Option<(Vec<Node>, bool)> {
    let complete = reading.settled || facts.has_meta();
    let tweet = facts.tweet();
    let markets = || tweet.map(|tweet| tweet.markets.as_slice()).unwrap_or_default();
    let predictions = || tweet.map(|tweet| tweet.predictions.as_slice()).unwrap_or_default();
    Some(match (matcher, reading.element) {
        (Matcher::Token(asked), Some(Element::Token(token))) => (vec![of_token(asked, token, complete)], true),
        (Matcher::Market(asked), Some(Element::Market(market))) => (vec![of_market(asked, market)], true),
        (Matcher::Prediction(asked), Some(Element::Prediction(of))) => (vec![of_prediction(asked, of)], true),
        (Matcher::Token(asked), _) => {
            (facts.tokens().iter().map(|token| of_token(asked, &token.owned(), complete)).collect(), false)
        }
        (Matcher::Market(asked), _) => (markets().iter().map(|market| of_market(asked, &market.owned())).collect(), false),
        (Matcher::Prediction(asked), _) => (predictions().iter().map(|of| of_prediction(asked, &of.owned())).collect(), false),
        _ => return None,
    })
}

fn of_token(asked: &crate::rules::condition::TokenMatcher, token: &Token, complete: bool) -> Node {
    let truths = elements::token_parts(asked, token, complete);
    parts("token", &Element::Token(token.clone()), asked::token(asked), elements::TOKEN_PARTS.iter().zip(truths))
}

fn of_market(asked: &crate::rules::condition::MarketMatcher, market: &Market) -> Node {
    let truths = elements::market_parts(asked, market);
    parts("market", &Element::Market(market.clone()), asked::market(asked), elements::MARKET_PARTS.iter().zip(truths))
}

fn of_prediction(asked: &crate::rules::condition::PredictionMatcher, of: &Prediction) -> Node {
    let truths = elements::prediction_parts(asked, of);
    let element = Element::Prediction(of.clone());
    parts("prediction", &element, asked::prediction(asked), elements::PREDICTION_PARTS.iter().zip(truths))
}

/// An element, and what is asked of it part by part.
fn parts<'t>(
    sort: &'static str,
    element: &Element,
    asked: Vec<Option<String>>,
    truths: impl Iterator<Item = (&'t &'static str, Truth)>,
) -> Node {
    let part = |((name, truth), asked): ((&'t &'static str, Truth), Option<String>)| {
        let asked = asked?;
        Some(Node {
            key: asked::dotted(sort, name),
            asked: format!("{sort}.{name} {asked}"),
            truth,
            seen: seen::part(element, name),
            nodes: Vec::new(),
            how: How::Leaf,
        })
    };
    let nodes = truths.zip(asked).filter_map(part).collect();
    Node { seen: seen::element_name(element), ..Node::joined("element", String::new(), How::All, nodes) }
}
