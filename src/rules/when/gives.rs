//! What a condition guarantees of the token, market or prediction that a firing is about: whether there is one, and which of its
//! parts are known. A rule fires as soon as its condition holds, often on the text alone: only what it asks for is sure to be there.

use super::{Leaf, Tree, gather_required};
use crate::rules::condition::{Fields, Matcher, TextPattern};
use crate::rules::ruleset::Each;

/// Whether something is there when a rule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rules) enum Presence {
    Never,
    Maybe,
    Always,
}

/// What is known of an element.
#[derive(Debug)]
pub(in crate::rules) struct Known {
    /// Whether there is such an element.
    pub(in crate::rules) there: Presence,
    /// Which of its parts are there with it.
    pub(in crate::rules) parts: Vec<&'static str>,
}

/// How firmly a matcher names an element: the firmest that holds decides which one the firing is about.
fn rank(matcher: &Matcher) -> Option<u8> {
    match matcher {
        Matcher::Token(_) | Matcher::Market(_) | Matcher::Prediction(_) => Some(0),
        Matcher::Contract(contract) if !contract.addresses.is_empty() => Some(1),
        Matcher::Contract(_) => Some(2),
        Matcher::Text(text) if matches!(text.pattern, TextPattern::Cashtag(_)) => Some(3),
        Matcher::Price(_) => Some(4),
        _ => None,
    }
}

/// Whether it names an element whenever it holds: what stands in other texts than the tweet's own is no element of the tweet.
fn surely(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Contract(contract) => contract.fields == Fields::TEXT,
        Matcher::Text(text) => text.fields == Fields::TEXT,
        _ => true,
    }
}

/// Whether it can name an element of this sort.
fn can_name(matcher: &Matcher, sort: Each) -> bool {
    match matcher {
        Matcher::Token(_) | Matcher::Contract(_) => sort == Each::Token,
        Matcher::Text(text) => sort == Each::Token && matches!(text.pattern, TextPattern::Cashtag(_)),
        Matcher::Market(_) => sort == Each::Market,
        Matcher::Prediction(_) => sort == Each::Prediction,
        Matcher::Price(_) => true,
        _ => false,
    }
}

/// The parts of an element that a matcher asks for.
fn parts(matcher: &Matcher, sort: Each) -> Vec<&'static str> {
    let mut parts = Vec::new();
    let mut part = |asked: bool, name| parts.extend(asked.then_some(name));
    match matcher {
        Matcher::Token(token) if sort == Each::Token => {
            part(!token.symbols.is_empty(), "symbol");
            part(!token.names.is_empty(), "name");
            part(token.any_contract || !token.contracts.is_empty(), "contract");
            part(!token.chains.is_empty(), "chain");
            part(!token.networks.is_empty(), "network");
            part(token.price.is_some(), "price");
        }
        Matcher::Market(market) if sort == Each::Market => {
            part(!market.exchanges.is_empty(), "exchange");
            part(!market.symbols.is_empty(), "symbol");
            part(!market.bases.is_empty(), "base");
            part(!market.quotes.is_empty(), "quote");
            part(market.price.is_some(), "price");
        }
        Matcher::Prediction(prediction) if sort == Each::Prediction => {
            part(!prediction.exchanges.is_empty(), "exchange");
            part(!prediction.ids.is_empty(), "id");
            part(!prediction.titles.is_empty(), "title");
            part(prediction.price.is_some(), "price");
        }
        Matcher::Contract(_) => part(sort == Each::Token, "contract"),
        Matcher::Text(_) => part(can_name(matcher, sort), "symbol"),
        Matcher::Price(_) => part(true, "price"),
        _ => {}
    }
    parts
}

/// The required matchers each of which names a token, perhaps another than the next one does. Empty when there are not several, or
/// when a list of contracts decides which token is meant.
pub(in crate::rules) fn different_tokens(tree: &Tree) -> Vec<&Leaf> {
    let mut required = Vec::new();
    gather_required(tree, &mut required);
    required.retain(|leaf| can_name(&leaf.matcher, Each::Token));
    let listed = |token: &Leaf| matches!(&*token.matcher, Matcher::Token(token) if !token.contracts.is_empty());
    let first = required.iter().min_by_key(|leaf| rank(&leaf.matcher));
    let decided = first.is_some_and(|leaf| listed(leaf) || rank(&leaf.matcher) == Some(1));
    if decided || required.len() < 2 { Vec::new() } else { required }
}

/// The element of this sort that firings are about.
pub(in crate::rules) fn element(tree: &Tree, each: Option<Each>, sort: Each) -> Known {
    match each {
        Some(each) if each == sort => Known { there: Presence::Always, parts: bound(tree, sort) },
        Some(_) => Known { there: Presence::Never, parts: Vec::new() },
        None => firmest(tree, sort),
    }
}

/// With `each` every matcher is about the same element.
fn bound(tree: &Tree, sort: Each) -> Vec<&'static str> {
    match tree {
        Tree::All(of) => of.iter().flat_map(|tree| bound(tree, sort)).collect(),
        Tree::Any { of, at_least } if *at_least == of.len() => of.iter().flat_map(|tree| bound(tree, sort)).collect(),
        Tree::Any { of, .. } => of.iter().map(|tree| bound(tree, sort)).reduce(|a, b| common(a, &b)).unwrap_or_default(),
        Tree::None(_) => Vec::new(),
        // A cashtag is looked for in the text, whichever token the firing is about.
        Tree::Is(leaf) if matches!(*leaf.matcher, Matcher::Text(_)) => Vec::new(),
        Tree::Is(leaf) => parts(&leaf.matcher, sort),
    }
}

fn common(mut a: Vec<&'static str>, b: &[&'static str]) -> Vec<&'static str> {
    a.retain(|part| b.contains(part));
    a
}

/// Without `each` the firmest matcher that holds names the element.
fn firmest(tree: &Tree, sort: Each) -> Known {
    let sure = sure_rank(tree);
    let candidates = candidates(tree, sure);
    let naming = candidates.iter().filter(|leaf| can_name(&leaf.matcher, sort)).count();
    let only_this = |leaf: &&Leaf| can_name(&leaf.matcher, sort) && !matches!(*leaf.matcher, Matcher::Price(_));
    let there = if naming == 0 {
        Presence::Never
    } else if sure.is_some() && candidates.iter().all(only_this) {
        Presence::Always
    } else {
        Presence::Maybe
    };
    let named = candidates.iter().filter(|leaf| can_name(&leaf.matcher, sort));
    Known { there, parts: named.map(|leaf| parts(&leaf.matcher, sort)).reduce(|a, b| common(a, &b)).unwrap_or_default() }
}

/// The weakest rank that is sure to name an element when the condition holds.
fn sure_rank(tree: &Tree) -> Option<u8> {
    match tree {
        Tree::All(of) => of.iter().filter_map(sure_rank).min(),
        Tree::Any { of, at_least } if *at_least == of.len() => of.iter().filter_map(sure_rank).min(),
        Tree::Any { of, .. } => of.iter().map(sure_rank).collect::<Option<Vec<_>>>()?.into_iter().max(),
        Tree::None(_) => None,
        Tree::Is(leaf) => rank(&leaf.matcher).filter(|_| surely(&leaf.matcher)),
    }
}

/// The matchers that may be the one that names the element.
fn candidates(tree: &Tree, sure: Option<u8>) -> Vec<&Leaf> {
    let mut required = Vec::new();
    gather_required(tree, &mut required);
    let (mut found, mut decided) = (Vec::new(), false);
    tree.each_leaf(false, &mut |leaf, negated| {
        let Some(rank) = rank(&leaf.matcher).filter(|_| !negated) else { return };
        let last = sure == Some(rank);
        if sure.is_some_and(|sure| rank > sure) || (last && decided) {
            return;
        }
        found.push(leaf);
        // Of equals the first decides.
        decided |= last && surely(&leaf.matcher) && required.iter().any(|must| std::ptr::eq(*must, leaf));
    });
    found
}
