//! A window × the rule's condition → what can never come about: a crossing of prices that are never seen, more values than are let through.

use super::{Check, Diagnostic, Each, Event, Matcher, NumberRange, Part, Read, WindowKind};
use crate::rules::range::are_disjoint;
use crate::rules::ruleset::{Direction, Hysteresis, Level};
use crate::rules::when::{Leaf, Tree, gather_required};

/// Reports what the window waits for in vain, as the rule's condition lets none of it through. Of a list that is not known yet nothing is said.
pub(in crate::rules) fn check(check: &mut Check<'_>, read: &Read, tree: &Tree, (on, knows_lists): (&[Event], bool)) {
    let mut required = Vec::new();
    gather_required(tree, &mut required);
    let mistake = match &read.window.kind {
        WindowKind::Cross(level) => {
            let prices = || required.iter().filter_map(|leaf| Some((*leaf, price_of(&leaf.matcher, read.each)?)));
            let never = prices().find_map(|(leaf, range)| Some(never_crosses(read, leaf, never_seen(level, range)?)));
            never.or_else(|| prices().find(|(_, range)| crosses_once(read, level, range)).map(|(leaf, _)| once(read, leaf)))
        }
        WindowKind::Distinct { of, at_least } if knows_lists => too_few(read, &required, *of, *at_least as usize),
        WindowKind::Count { at_least: 2.. } if read.each.is_none() && on == [Event::Tweet] => {
            let message = "a rule matches a tweet once, so there are never so many matches of one tweet";
            let mistake = Diagnostic::error("impossible", read.asked_at, message);
            read.window
                .per
                .contains(&Part::Tweet)
                .then(|| mistake.help("count apart by something else, such as `per = \"author\"`"))
        }
        _ => None,
    };
    mistake.into_iter().for_each(|mistake| check.report(mistake));
}

/// The prices that a matcher lets through, of what the window looks at.
fn price_of(matcher: &Matcher, each: Option<Each>) -> Option<&NumberRange> {
    match (matcher, each) {
        (Matcher::Token(token), Some(Each::Token)) => token.price.as_ref(),
        (Matcher::Market(market), Some(Each::Market)) => market.price.as_ref(),
        (Matcher::Prediction(prediction), Some(Each::Prediction)) => prediction.price.as_ref(),
        (Matcher::Price(range), Some(_)) => Some(range),
        _ => None,
    }
}

/// The side of the level on which no price is seen, in words.
fn never_seen(level: &Level, range: &NumberRange) -> Option<&'static str> {
    let (at, any) = (Some(level.price), NumberRange::default());
    let (before, after, words) = match level.direction {
        Direction::Up => (NumberRange { at_most: at, ..any }, NumberRange { above: at, ..any }, ["not above", "above"]),
        Direction::Down => (NumberRange { at_least: at, ..any }, NumberRange { below: at, ..any }, ["not below", "below"]),
    };
    let unseen = [before, after].into_iter().zip(words).find(|(side, _)| are_disjoint(range, side));
    unseen.map(|(_, words)| words)
}

fn never_crosses(read: &Read, leaf: &Leaf, unseen: &str) -> Diagnostic {
    let message = format!("no price ever crosses this level: those that are {unseen} it are never seen");
    Diagnostic::error("impossible", read.asked_at, message)
        .also(leaf.span, "lets no such price through")
        .help("take `price` out of `when`: the window looks at the prices by itself, and fires at the first beyond the level")
}

/// The price can never go back as far as it must, to be armed again.
fn crosses_once(read: &Read, level: &Level, range: &NumberRange) -> bool {
    let far = match level.hysteresis {
        Hysteresis::Usd(usd) => usd,
        Hysteresis::Percent(percent) => level.price * percent / 100.0,
    };
    let any = NumberRange::default();
    let back = match level.direction {
        Direction::Up => NumberRange { at_most: Some(level.price - far), ..any },
        Direction::Down => NumberRange { at_least: Some(level.price + far), ..any },
    };
    read.window.rearm.is_none() && are_disjoint(range, &back)
}

fn once(read: &Read, leaf: &Leaf) -> Diagnostic {
    let message = "this is told once and then no more: a price that has gone back by `hysteresis` is never seen";
    Diagnostic::warning("unreachable", read.asked_at, message)
        .also(leaf.span, "lets no such price through")
        .help("take `price` out of `when`, or make `hysteresis` smaller")
}

/// There are fewer values than are asked for.
fn too_few(read: &Read, required: &[&Leaf], of: Part, at_least: usize) -> Option<Diagnostic> {
    let fewer = |leaf: &&Leaf| named(&leaf.matcher, of).is_some_and(|named| named < at_least);
    let leaf = required.iter().copied().find(|leaf| fewer(leaf))?;
    let named = named(&leaf.matcher, of)?;
    let message = format!("there are never {at_least} different {}s: the rule is about {named}", of.name());
    let mistake = Diagnostic::warning("unreachable", read.asked_at, message).also(leaf.span, "no more than these");
    Some(mistake.help(match named {
        1 => format!("name more of them in `{}`, or leave the window out", leaf.key),
        _ => format!("ask for {named} or fewer, or name more of them in `{}`", leaf.key),
    }))
}

/// How many different values a matcher lets through.
fn named(matcher: &Matcher, of: Part) -> Option<usize> {
    let most = match (matcher, of) {
        (Matcher::Handle(accounts), Part::Author) => accounts.by_handle.len(),
        (Matcher::Token(token), Part::Contract) => token.contracts.len(),
        (Matcher::Contract(contract), Part::Contract) => contract.addresses.len(),
        _ => 0,
    };
    (most > 0).then_some(most)
}
