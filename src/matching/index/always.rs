//! Why a rule, or its regex, has to be looked at for every envelope, for people who would rather have it found.

use super::access::{Regexes, access};
use crate::model::mode::Mode;
use crate::rules::condition::{Condition, Matcher};
use crate::rules::ruleset::Rule;

/// Why nothing leads to a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Always {
    /// This regex, as it was written, has no text that stands in all that it finds.
    Regex(Box<str>),
    /// It asks only for what is so of most tweets: the author's numbers and badges, the tweet's age.
    Common,
    /// It says only what must not be.
    Negative,
    /// It, or one of the things that it may be about, asks nothing.
    Nothing,
}

/// Why a rule is looked at for every envelope about which it is. `None`: it is not, or it is off.
#[must_use]
pub fn always(rule: &Rule) -> Option<Always> {
    let mut regexes = Regexes::default();
    (rule.mode != Mode::Off && !is_found(&rule.when, &mut regexes)).then(|| why(&rule.when, &mut regexes))
}

/// Whether anything leads to it but a regex that is tried on every text.
fn is_found<'r>(condition: &'r Condition, regexes: &mut Regexes<'r>) -> bool {
    access(condition, regexes).is_some_and(|access| access.tried().next().is_none())
}

/// Of a condition to which nothing leads.
fn why<'r>(condition: &'r Condition, regexes: &mut Regexes<'r>) -> Always {
    match condition {
        // What would lead to it, if it were written otherwise, comes first.
        Condition::All(of) if of.is_empty() => Always::Nothing,
        Condition::All(of) => {
            let causes: Vec<_> = of.iter().map(|condition| why(condition, regexes)).collect();
            let is_regex = |cause: &&Always| matches!(cause, Always::Regex(_));
            let is = |wanted: Always| causes.iter().find(move |cause| **cause == wanted);
            let first = causes.iter().find(is_regex).or_else(|| is(Always::Common)).or_else(|| is(Always::Nothing));
            first.cloned().unwrap_or(Always::Negative)
        }
        Condition::Any { of, .. } => {
            let without = of.iter().find(|condition| !is_found(condition, regexes));
            without.map_or(Always::Common, |condition| why(condition, regexes))
        }
        Condition::None(_) => Always::Negative,
        Condition::Is(matcher) => of_matcher(matcher, regexes),
    }
}

fn of_matcher<'r>(matcher: &'r Matcher, regexes: &mut Regexes<'r>) -> Always {
    let mut found = None;
    if !matches!(matcher, Matcher::Link(_)) {
        matcher.patterns(&mut |pattern| {
            if found.is_none() && regexes.required(pattern).is_empty() {
                found = Some(Always::Regex(pattern.written().into()));
            }
        });
    }
    found.unwrap_or(Always::Common)
}
