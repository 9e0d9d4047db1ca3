//! What held a rule back: the keys but for which it would have been true.

use crate::engine::{Answer, RuleAccount};
use crate::matching::{Flips, Node, Truth, is_of_elements};
use crate::rules::ruleset::{Each, Rule};

/// Whether these reasons, all of them, are what holds the rule back: with all of them turned round it would fire, with one of them
/// less it would not.
#[must_use]
pub fn holds_back(rule: &Rule, of: &RuleAccount, because: &[String]) -> bool {
    let looks = of.looks();
    if looks.len() > 1 {
        return looks.iter().any(|look| holds_back(rule, look, because));
    }
    let of = looks.first().unwrap_or(of);
    match because {
        [one] if *one == of.answer.name() => !matches!(of.answer, Answer::Fires | Answer::False | Answer::NoElement),
        [one] if one == "on" => of.answer == Answer::OtherEvent,
        [one] if one == "mode" => of.answer == Answer::Off,
        keys => match of.answer {
            Answer::NoElement => rule.each.is_some_and(|each| lacks_only(sort_of(each), of, keys)),
            Answer::False => of.seen.iter().map(|seen| &seen.node).chain(&of.without).any(|node| is_needed(node, keys)),
            _ => false,
        },
    }
}

/// Whether there is nothing of what `each` asks for, and of the rest of the tree what else is named, all of it, is in the way.
fn lacks_only(sort: &str, of: &RuleAccount, keys: &[String]) -> bool {
    let others: Vec<String> = keys.iter().filter(|key| *key != sort).cloned().collect();
    let Some(node) = of.without.as_ref().filter(|_| others.len() < keys.len()) else { return false };
    let without = |left_out: Option<&String>| {
        let turns = |key: &str| is_of_elements(key) || others.iter().any(|of| of == key && Some(of) != left_out);
        node.but_for(&Flips(&turns)) == Truth::True
    };
    without(None) && !others.iter().any(|key| without(Some(key)))
}

fn is_needed(node: &Node, keys: &[String]) -> bool {
    let without = |left_out: Option<&String>| {
        node.but_for(&Flips(&|key| keys.iter().any(|of| of == key && Some(of) != left_out))) == Truth::True
    };
    without(None) && !keys.iter().any(|key| without(Some(key)))
}

/// The fewest reasons that hold the rule back, as `because` may name them: each is one, or a list of which all are needed.
#[must_use]
pub fn reasons(rule: &Rule, of: &RuleAccount) -> Vec<Vec<String>> {
    if of.seen.len() > 1 {
        return of.looks().iter().flat_map(|look| reasons(rule, look)).collect();
    }
    match of.answer {
        Answer::Fires => return Vec::new(),
        Answer::OtherEvent => return vec![vec!["on".to_owned()]],
        Answer::Off => return vec![vec!["mode".to_owned()]],
        Answer::NoElement => return rule.each.map(|each| lacking(sort_of(each), of)).into_iter().collect(),
        Answer::Fired | Answer::Unknown { .. } => return vec![vec![of.answer.name().to_owned()]],
        Answer::False => {}
    }
    let mut keys = Vec::new();
    of.seen.iter().map(|seen| &seen.node).chain(&of.without).for_each(|node| gather(node, &mut keys));
    let is_reason = |keys: &[String]| holds_back(rule, of, keys);
    let ones: Vec<_> = keys.iter().map(|key| vec![(*key).to_owned()]).filter(|one| is_reason(one)).collect();
    if !ones.is_empty() {
        return ones;
    }
    let pairs = keys.iter().enumerate().flat_map(|(at, one)| keys.iter().skip(at + 1).map(move |other| [one, other]));
    let pairs: Vec<_> = pairs.map(|pair| pair.map(|key| (*key).to_owned()).to_vec()).filter(|pair| is_reason(pair)).collect();
    if !pairs.is_empty() {
        return pairs;
    }
    // More than two: all that do not hold, down to those that are needed.
    let mut all: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    for key in keys {
        let fewer: Vec<_> = all.iter().filter(|of| *of != key).cloned().collect();
        let suffices = |keys: &[String]| {
            of.seen
                .iter()
                .map(|seen| &seen.node)
                .chain(&of.without)
                .any(|node| node.but_for(&Flips(&|key| keys.iter().any(|of| of == key))) == Truth::True)
        };
        if suffices(&fewer) {
            all = fewer;
        }
    }
    if is_reason(&all) { vec![all] } else { Vec::new() }
}

/// The element, and whatever else is in the way.
fn lacking(sort: &str, of: &RuleAccount) -> Vec<String> {
    let mut keys = Vec::new();
    of.without.iter().for_each(|node| gather(node, &mut keys));
    keys.retain(|key| !is_of_elements(key));
    let mut others: Vec<&str> = keys.clone();
    for key in keys {
        let fewer: Vec<_> = others.iter().copied().filter(|of| *of != key).collect();
        let turns = |key: &str| is_of_elements(key) || fewer.contains(&key);
        if of.without.as_ref().is_some_and(|node| node.but_for(&Flips(&turns)) == Truth::True) {
            others = fewer;
        }
    }
    std::iter::once(sort).chain(others).map(str::to_owned).collect()
}

/// Every key of the tree, the more telling ones first: what stands deeper. `all` and elements are no keys that one could name.
fn gather<'n>(node: &'n Node, keys: &mut Vec<&'n str>) {
    node.nodes.iter().for_each(|node| gather(node, keys));
    if !matches!(node.key, "all" | "element") && !keys.contains(&node.key) {
        keys.push(node.key);
    }
}

fn sort_of(each: Each) -> &'static str {
    match each {
        Each::Token => "token",
        Each::Market => "market",
        Each::Prediction => "prediction",
    }
}
