//! condition → the matchers of which at least one must hold for it to hold: what a rule is found by.
//!
//! By Kleene's logic a condition is never truer than the truest of these. So a rule of which none is true is not true, and one of which none
//! is true or unknown is not unknown.

use std::collections::HashMap;
use std::rc::Rc;

use super::literals;
use crate::matching::facts::Field;
use crate::rules::condition::{AuthorMatcher, Condition, Matcher, Pattern, TextMatcher, TextPattern, TokenMatcher};

/// What a rule is found by.
#[derive(Clone, Debug)]
pub(super) struct Access<'r> {
    /// One of these must hold.
    pub(super) any: Vec<Clue<'r>>,
    /// And this as well, if there is one.
    pub(super) also: Option<Clue<'r>>,
}

/// A matcher, or a part of one, that must hold for the whole to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clue<'r> {
    pub(super) what: What<'r>,
    /// Roughly how often it holds where the rule does not, in millionths; with something on top where it must be waited for.
    cost: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What<'r> {
    Matcher(&'r Matcher),
    /// A pattern on the author's name or self-description.
    OfAuthor(&'r TextPattern, Field),
}

/// Costlier than this, and it is not worth to be looked for beside another.
const LAST_RESORT: u64 = 300_000;

impl Access<'_> {
    fn cost(&self) -> u64 {
        self.any.iter().map(|clue| clue.cost).fold(0, u64::saturating_add)
    }
}

/// Regexes that were looked through, by text and whether case counts.
#[derive(Debug, Default)]
pub(super) struct Regexes<'r>(HashMap<(&'r str, bool), Required, foldhash::fast::FixedState>);

/// Texts of which one stands in whatever a regex matches, if there are any.
type Required = Option<Rc<[String]>>;

impl<'r> Regexes<'r> {
    /// Texts of which one stands in whatever the pattern matches. `None`: there are none.
    pub(super) fn required(&mut self, pattern: &'r Pattern) -> Required {
        let of = (pattern.composed(), pattern.is_exact());
        self.0.entry(of).or_insert_with(|| literals::required(pattern).map(Into::into)).clone()
    }
}

/// What a condition is found by. `None`: nothing, it may hold whatever the subject is.
pub(super) fn access<'r>(condition: &'r Condition, regexes: &mut Regexes<'r>) -> Option<Access<'r>> {
    match condition {
        Condition::All(of) => narrowest(of.iter().filter_map(|condition| access(condition, regexes)).collect()),
        Condition::Any { of, at_least } => {
            let mut found: Vec<_> = of.iter().filter_map(|condition| access(condition, regexes)).collect();
            // Where so many hold, one of any that are more than the rest does.
            let needed = (of.len() + 1).checked_sub(*at_least)?;
            if *at_least == 0 || found.len() < needed {
                return None;
            }
            found.sort_by_key(Access::cost);
            found.truncate(needed);
            match <[Access<'_>; 1]>::try_from(found) {
                Ok([only]) => Some(only),
                Err(found) => Some(Access { any: found.into_iter().flat_map(|access| access.any).collect(), also: None }),
            }
        }
        Condition::None(_) => None,
        Condition::Is(matcher) => of_matcher(matcher, regexes),
    }
}

/// All of these must hold: the one that holds least often, and the next to it.
fn narrowest(mut found: Vec<Access<'_>>) -> Option<Access<'_>> {
    found.sort_by_key(Access::cost);
    let mut found = found.into_iter();
    let first = found.next()?;
    let others = found.flat_map(|access| {
        let only = <[Clue<'_>; 1]>::try_from(access.any).ok().map(|[only]| only);
        [only, access.also]
    });
    let also = others.chain([first.also]).flatten().filter(|clue| clue.cost < LAST_RESORT).min_by_key(|clue| clue.cost);
    Some(Access { any: first.any, also })
}

fn of_matcher<'r>(matcher: &'r Matcher, regexes: &mut Regexes<'r>) -> Option<Access<'r>> {
    let cost = match matcher {
        Matcher::Handle(accounts) | Matcher::Target(accounts) => (accounts.by_handle.len() + accounts.by_id.len()) as u64 * 10,
        Matcher::Author(asked) => return of_author(asked, regexes),
        Matcher::Platform(_) => 900_000,
        Matcher::Kind(_) => 500_000,
        Matcher::Text(TextMatcher { pattern, .. }) => of_pattern(pattern, regexes)?,
        Matcher::Contract(asked) if asked.addresses.is_empty() => 50_000,
        Matcher::Contract(asked) => asked.addresses.len() as u64 + 300,
        Matcher::Token(asked) => of_token(asked),
        Matcher::Market(asked) if !asked.symbols.is_empty() => asked.symbols.len() as u64 * 100 + 300,
        Matcher::Market(asked) if !asked.bases.is_empty() => asked.bases.len() as u64 * 100 + 300,
        Matcher::Prediction(asked) if !asked.ids.is_empty() => asked.ids.len() as u64 + 300,
        Matcher::Market(_) | Matcher::Prediction(_) => 50_000,
        Matcher::Price(_) => 100_000,
        Matcher::Link(asked) if asked.patterns.is_empty() => asked.domains.len() as u64 * 100 + 200,
        Matcher::Link(_) | Matcher::Media(_) => 150_000,
        Matcher::Changed(asked) => asked.fields.len() as u64 * 1_000,
        Matcher::Age(_) => return None,
    };
    Some(Access { any: vec![Clue { what: What::Matcher(matcher), cost }], also: None })
}

fn of_token(asked: &TokenMatcher) -> u64 {
    if !asked.contracts.is_empty() {
        asked.contracts.len() as u64 + 300
    } else if !asked.symbols.is_empty() {
        asked.symbols.len() as u64 * 100 + 300
    } else {
        100_000
    }
}

/// How often a pattern holds, roughly. `None`: it has no text that could be looked for.
fn of_pattern<'r>(pattern: &'r TextPattern, regexes: &mut Regexes<'r>) -> Option<u64> {
    let sum = |costs: &mut dyn Iterator<Item = u64>| costs.fold(0, u64::saturating_add);
    match pattern {
        // A whole word is rarer than a text that is a part of many.
        TextPattern::Keyword { words, .. } => {
            Some(sum(&mut words.iter().map(|word| literals::commonness(&word.phrase).min(200))))
        }
        TextPattern::Contains { parts, .. } => {
            let parts = || parts.iter().map(|part| part.trim_matches(' '));
            parts().all(|part| !part.is_empty()).then(|| sum(&mut parts().map(literals::commonness)))
        }
        TextPattern::Regex(patterns) => {
            let costs = patterns.iter().map(|pattern| {
                let required = regexes.required(pattern)?;
                Some(required.iter().map(|text| literals::commonness(text)).fold(0, u64::saturating_add))
            });
            costs.collect::<Option<Vec<u64>>>().map(|costs| sum(&mut costs.into_iter()))
        }
        TextPattern::Cashtag(symbols) => Some(symbols.len() as u64 * 50),
    }
}

/// All patterns on a name or a self-description must hold; numbers and badges are too common to look for.
fn of_author<'r>(asked: &'r AuthorMatcher, regexes: &mut Regexes<'r>) -> Option<Access<'r>> {
    let names = asked.name.iter().map(|pattern| (pattern, Field::Name));
    let patterns = names.chain(asked.bio.iter().map(|pattern| (pattern, Field::Bio)));
    let found = patterns.filter_map(|(pattern, field)| {
        let clue = Clue { what: What::OfAuthor(pattern, field), cost: of_pattern(pattern, regexes)? };
        Some(Access { any: vec![clue], also: None })
    });
    narrowest(found.collect())
}
