//! condition → the matchers of which at least one must hold for it to hold: what a rule is found by.
//!
//! By Kleene's logic a condition is never truer than the truest of these. So a rule of which none is true is not true, and one of which none
//! is true or unknown is not unknown.

use std::collections::HashMap;
use std::rc::Rc;

use super::grams::Grams;
use super::literals::{self, Group};
use crate::matching::facts::Field;
use crate::rules::condition::{AuthorMatcher, Condition, Fields, Matcher, Pattern, TextMatcher, TextPattern, TokenMatcher};

/// What a rule is found by.
#[derive(Clone, Debug)]
pub(super) struct Access<'r> {
    /// One of these must hold.
    pub(super) any: Vec<Clue<'r>>,
    /// And each of these.
    pub(super) also: Vec<Clue<'r>>,
    /// Nothing else is asked: where one of the first and all of the others hold, the condition does.
    pub(super) is_whole: bool,
}

/// A matcher, or a part of one, that must hold for the whole to hold.
#[derive(Clone, Debug)]
pub(super) struct Clue<'r> {
    pub(super) what: What<'r>,
    /// Roughly how often it holds where the rule does not, in millionths; with something on top where it must be waited for.
    cost: u64,
    /// Regexes are among it that are tried on every text.
    is_tried: bool,
}

#[derive(Clone, Debug)]
pub(super) enum What<'r> {
    Matcher(&'r Matcher),
    /// A pattern on the author's name or self-description.
    OfAuthor(&'r TextPattern, Field),
    /// Texts of which one stands in whatever a regex matches.
    Texts(Rc<[Group]>, usize, Fields),
}

/// Costlier than this, and it is not worth to be looked for beside another.
const LAST_RESORT: u64 = 300_000;
/// What regexes cost that have no text to be looked for: they are tried on every text, which is less than to look at a rule for every tweet.
const TRIED: u64 = 400_000;
/// Beside what a rule is found by, so much must hold at most.
const MOST_BESIDE: usize = 6;

impl<'r> Access<'r> {
    fn of(what: What<'r>, cost: u64) -> Self {
        Self { any: vec![Clue { what, cost, is_tried: false }], also: Vec::new(), is_whole: false }
    }

    /// Regexes that are to be tried on every text, as nothing else leads to the rule.
    pub(super) fn tried(&self) -> impl Iterator<Item = &'r TextMatcher> {
        self.any.iter().filter(|clue| clue.is_tried).filter_map(|clue| match clue.what {
            What::Matcher(Matcher::Text(asked)) => Some(asked),
            _ => None,
        })
    }

    fn cost(&self) -> u64 {
        self.any.iter().map(|clue| clue.cost).fold(0, u64::saturating_add)
    }
}

/// Regexes that were looked through, by text and whether case counts.
#[derive(Debug, Default)]
pub(super) struct Regexes<'r>(HashMap<(&'r str, bool), Rc<[Group]>, foldhash::fast::FixedState>);

impl<'r> Regexes<'r> {
    /// What must stand in whatever the pattern matches: one text of each group. Empty: there is nothing of the kind.
    pub(super) fn required(&mut self, pattern: &'r Pattern) -> Rc<[Group]> {
        let of = (pattern.composed(), pattern.is_exact());
        Rc::clone(self.0.entry(of).or_insert_with(|| literals::required(pattern).into()))
    }
}

/// What a condition is found by. `None`: nothing, it may hold whatever the subject is.
pub(super) fn access<'r>(condition: &'r Condition, regexes: &mut Regexes<'r>) -> Option<Access<'r>> {
    match condition {
        Condition::All(of) => narrowest(of.iter().filter_map(|condition| access(condition, regexes)).collect(), of.len()),
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
                Ok([only]) => Some(Access { is_whole: only.is_whole && of.len() == 1, ..only }),
                Err(found) => Some(Access {
                    is_whole: *at_least == 1 && found.iter().all(|access| access.is_whole && access.also.is_empty()),
                    any: found.into_iter().flat_map(|access| access.any).collect(),
                    also: Vec::new(),
                }),
            }
        }
        Condition::None(_) => None,
        Condition::Is(matcher) => of_matcher(matcher, regexes),
    }
}

/// All of these, of `asked` that there are, must hold: the one that holds least often, and beside it the others, as far as they are worth it.
fn narrowest(mut found: Vec<Access<'_>>, asked: usize) -> Option<Access<'_>> {
    let mut is_whole = found.len() == asked && found.iter().all(|access| access.is_whole);
    found.sort_by_key(Access::cost);
    let mut found = found.into_iter();
    let Access { any, mut also, .. } = found.next()?;
    for access in found {
        also.extend(access.also);
        match <[Clue<'_>; 1]>::try_from(access.any) {
            Ok(clue) => also.extend(clue),
            Err(_) => is_whole = false,
        }
    }
    let all = also.len();
    also.retain(|clue| clue.cost < LAST_RESORT);
    also.sort_by_key(|clue| clue.cost);
    also.truncate(MOST_BESIDE);
    Some(Access { any, is_whole: is_whole && also.len() == all, also })
}

fn of_matcher<'r>(matcher: &'r Matcher, regexes: &mut Regexes<'r>) -> Option<Access<'r>> {
    let cost = match matcher {
        Matcher::Handle(accounts) | Matcher::Target(accounts) => (accounts.by_handle.len() + accounts.by_id.len()) as u64 * 10,
        Matcher::Author(asked) => return of_author(asked, regexes),
        Matcher::Platform(_) => 900_000,
        Matcher::Kind(_) => 500_000,
        Matcher::Text(asked) => return of_text(matcher, asked, regexes),
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
    Some(Access { is_whole: is_all_that_is_asked(matcher), ..Access::of(What::Matcher(matcher), cost) })
}

/// Whether such a matcher holds wherever one of its keys is hit. The index's law is tested for each (tests/it/engine/index).
fn is_all_that_is_asked(matcher: &Matcher) -> bool {
    match matcher {
        // With an id it depends on that of the account, too.
        Matcher::Handle(accounts) | Matcher::Target(accounts) => {
            accounts.by_id.is_empty() && accounts.by_handle.iter().all(|(_, id)| id.is_none())
        }
        Matcher::Text(TextMatcher { pattern: TextPattern::Keyword { exact: false, .. } | TextPattern::Cashtag(_), .. }) => true,
        Matcher::Contract(asked) => !asked.addresses.is_empty(),
        _ => false,
    }
}

/// A regex is found by one of its groups of texts, and must have the others.
fn of_text<'r>(matcher: &'r Matcher, asked: &'r TextMatcher, regexes: &mut Regexes<'r>) -> Option<Access<'r>> {
    let regexes_of = |pattern: &'r TextPattern| if let TextPattern::Regex(of) = pattern { Some(of) } else { None };
    let by_text = of_pattern(&asked.pattern, regexes);
    let (cost, is_tried) = (by_text.or_else(|| regexes_of(&asked.pattern).map(|_| TRIED))?, by_text.is_none());
    // What is tried and found is found.
    let all_tried = is_tried && regexes_of(&asked.pattern).is_some_and(|of| of.iter().all(|of| regexes.required(of).is_empty()));
    let is_whole = all_tried || is_all_that_is_asked(matcher);
    let mut access = Access { is_whole, ..Access::of(What::Matcher(matcher), cost) };
    access.any.iter_mut().for_each(|clue| clue.is_tried = is_tried);
    if let Some([pattern]) = regexes_of(&asked.pattern).map(Vec::as_slice) {
        let groups = regexes.required(pattern);
        // Short ones take a pass of their own through every text.
        let others = groups.iter().enumerate().skip(1).filter(|(_, group)| group.iter().all(|text| Grams::take(text)));
        access.also.extend(others.map(|(at, group)| Clue {
            what: What::Texts(Rc::clone(&groups), at, asked.fields),
            cost: literals::cost(group),
            is_tried: false,
        }));
    }
    Some(access)
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
            let costs = patterns.iter().map(|pattern| regexes.required(pattern).first().map(literals::cost));
            costs.collect::<Option<Vec<u64>>>().map(|costs| sum(&mut costs.into_iter()))
        }
        TextPattern::Cashtag(symbols) => Some(symbols.len() as u64 * 50),
    }
}

/// All patterns on a name or a self-description must hold; numbers and badges are too common to look for.
fn of_author<'r>(asked: &'r AuthorMatcher, regexes: &mut Regexes<'r>) -> Option<Access<'r>> {
    let names = asked.name.iter().map(|pattern| (pattern, Field::Name));
    let patterns = names.chain(asked.bio.iter().map(|pattern| (pattern, Field::Bio)));
    let found =
        patterns.filter_map(|(pattern, field)| Some(Access::of(What::OfAuthor(pattern, field), of_pattern(pattern, regexes)?)));
    narrowest(found.collect(), usize::MAX)
}
