//! What held a rule back: the keys but for which it would have been true.

use crate::engine::{Answer, RuleAccount};
use crate::matching::{Flips, Node, Truth, is_of_elements};
use crate::rules::ruleset::{Each, Rule};

/// Whether these reasons, all of them, are what holds the rule back at every look at it: with all of them turned round it would fire,
/// with one of them less it would not.
#[must_use]
pub fn holds_back(rule: &Rule, of: &RuleAccount, because: &[String]) -> bool {
    of.looks().iter().all(|look| holds_back_once(rule, look, because))
}

fn holds_back_once(rule: &Rule, of: &RuleAccount, because: &[String]) -> bool {
    match because {
        [one] if *one == of.answer.name() => !matches!(of.answer, Answer::Fires | Answer::False | Answer::NoElement),
        [one] if one == "on" => of.answer == Answer::OtherEvent,
        [one] if one == "mode" => of.answer == Answer::Off,
        names => match of.answer {
            Answer::NoElement => rule.each.is_some_and(|each| lacks_only(sort_of(each), of, names)),
            Answer::False => trees(of).any(|node| is_needed(node, names)),
            _ => false,
        },
    }
}

/// The trees of a look.
fn trees(of: &RuleAccount) -> impl Iterator<Item = &Node> {
    of.seen.iter().map(|seen| &seen.node).chain(&of.without)
}

/// Whether there is nothing of what `each` asks for, and of the rest of the tree what else is named, all of it, is in the way.
fn lacks_only(sort: &str, of: &RuleAccount, names: &[String]) -> bool {
    let others: Vec<String> = names.iter().filter(|name| *name != sort).cloned().collect();
    let Some(node) = of.without.as_ref().filter(|_| others.len() < names.len()) else { return false };
    let without = |left_out: Option<&String>| {
        let turns = |name: &str| is_of_elements(name) || others.iter().any(|of| of == name && Some(of) != left_out);
        node.but_for(&Flips(&turns)) == Truth::True
    };
    without(None) && !others.iter().any(|name| without(Some(name)))
}

fn is_needed(node: &Node, names: &[String]) -> bool {
    let without = |left_out: Option<&String>| {
        node.but_for(&Flips(&|name| names.iter().any(|of| of == name && Some(of) != left_out))) == Truth::True
    };
    without(None) && !names.iter().any(|name| without(Some(name)))
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
        Answer::Fired | Answer::OverTime(_) | Answer::Unknown { .. } => return vec![vec![of.answer.name().to_owned()]],
        Answer::False => {}
    }
    let names = names(of);
    let is_reason = |names: &[String]| holds_back(rule, of, names);
    let ones: Vec<_> = names.iter().map(|name| vec![name.clone()]).filter(|one| is_reason(one)).collect();
    if !ones.is_empty() {
        return ones;
    }
    let pairs = names.iter().enumerate().flat_map(|(at, one)| names.iter().skip(at + 1).map(move |other| [one, other]));
    let pairs: Vec<_> = pairs.map(|pair| pair.map(String::clone).to_vec()).filter(|pair| is_reason(pair)).collect();
    if !pairs.is_empty() {
        return pairs;
    }
    // More than two: all that do not hold, down to those that are needed.
    let suffices =
        |names: &[String]| trees(of).any(|node| node.but_for(&Flips(&|name| names.iter().any(|of| of == name))) == Truth::True);
    let all = fewest(names, &suffices);
    if is_reason(&all) { vec![all] } else { Vec::new() }
}

/// The element, and whatever else is in the way.
fn lacking(sort: &str, of: &RuleAccount) -> Vec<String> {
    let mut others = names(of);
    others.retain(|name| !is_of_elements(name));
    let suffices = |names: &[String]| {
        let turns = |name: &str| is_of_elements(name) || names.iter().any(|of| of == name);
        of.without.as_ref().is_some_and(|node| node.but_for(&Flips(&turns)) == Truth::True)
    };
    std::iter::once(sort.to_owned()).chain(fewest(others, &suffices)).collect()
}

/// Leaves out of these, one after another, what is not needed.
fn fewest(names: Vec<String>, suffices: &dyn Fn(&[String]) -> bool) -> Vec<String> {
    names.clone().into_iter().fold(names, |all, name| {
        let fewer: Vec<_> = all.iter().filter(|of| **of != name).cloned().collect();
        if suffices(&fewer) { fewer } else { all }
    })
}

/// What may be named: neither `all` nor elements.
fn names(of: &RuleAccount) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in trees(of).flat_map(Node::names) {
        let key = name.rsplit('.').next().unwrap_or(&name);
        if !matches!(key, "all" | "element") && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn sort_of(each: Each) -> &'static str {
    match each {
        Each::Token => "token",
        Each::Market => "market",
        Each::Prediction => "prediction",
    }
}
