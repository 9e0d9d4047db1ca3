//! Whether one matcher holds whenever another does. Errs on the side of no.

use super::Leaf;
use crate::rules::condition::{
    Accounts, Fields, Keyword, MarketMatcher, Matcher, NumberRange, PredictionMatcher, Sorted, TextPattern, TokenMatcher,
};
use crate::rules::normal;
use crate::rules::range::is_within;
use crate::rules::ruleset::Each;

/// Whether `b` holds whenever `a` does, in a rule that fires for `each` of something or for the whole tweet.
pub(super) fn implies(a: &Leaf, b: &Leaf, each: Option<Each>) -> bool {
    match (&*a.matcher, &*b.matcher) {
        (Matcher::Handle(a), Matcher::Handle(b)) | (Matcher::Target(a), Matcher::Target(b)) => accounts(a, b),
        (Matcher::Platform(a), Matcher::Platform(b)) => a.iter().all(|p| b.contains(p)),
        (Matcher::Kind(a), Matcher::Kind(b)) => a.iter().all(|k| b.contains(k)),
        (Matcher::Text(a), Matcher::Text(b)) => covers(b.fields, a.fields) && text(&a.pattern, &b.pattern),
        (Matcher::Contract(a), Matcher::Contract(b)) => covers(b.fields, a.fields) && within(&a.addresses, &b.addresses),
        (Matcher::Token(a), Matcher::Token(b)) => token(a, b),
        // What a token is known by may have any form; one that is listed is an address, and stands in a link, in a detection or in the text.
        (Matcher::Token(a), Matcher::Contract(b)) => {
            !a.contracts.is_empty() && b.fields.text && within(&a.contracts, &b.addresses)
        }
        (Matcher::Market(a), Matcher::Market(b)) => market(a, b),
        (Matcher::Prediction(a), Matcher::Prediction(b)) => prediction(a, b),
        // With `each` the price is that of the one element, which another sort of matcher is not about.
        (Matcher::Token(a), Matcher::Price(b)) => is_about(each, Each::Token) && narrower(a.price, Some(**b)),
        (Matcher::Market(a), Matcher::Price(b)) => is_about(each, Each::Market) && narrower(a.price, Some(**b)),
        (Matcher::Prediction(a), Matcher::Price(b)) => is_about(each, Each::Prediction) && narrower(a.price, Some(**b)),
        (Matcher::Price(a), Matcher::Price(b)) | (Matcher::Age(a), Matcher::Age(b)) => is_within(a, b),
        (Matcher::Media(a), Matcher::Media(b)) => part_of(&a.kinds, &b.kinds),
        (Matcher::Link(a), Matcher::Link(b)) => {
            let leads = |domain: &str| b.domains.iter().any(|wider| is_below(domain, wider));
            a.patterns.is_empty() && !a.domains.is_empty() && a.domains.iter().all(|domain| leads(domain))
        }
        (Matcher::Changed(a), Matcher::Changed(b)) => {
            b.before.is_empty() && b.after.is_empty() && a.fields.iter().all(|f| b.fields.contains(f))
        }
        _ => false,
    }
}

/// Whether what is asked for stands literally among what `b` takes: no more is needed to see that `b` holds than to compare them. Of two of
/// which one [`implies`] the other.
pub(super) fn is_literal(a: &Leaf, b: &Leaf) -> bool {
    match (&*a.matcher, &*b.matcher) {
        (Matcher::Handle(_), Matcher::Handle(_))
        | (Matcher::Target(_), Matcher::Target(_))
        | (Matcher::Platform(_), Matcher::Platform(_))
        | (Matcher::Kind(_), Matcher::Kind(_)) => true,
        (Matcher::Text(a), Matcher::Text(b)) => a.fields == b.fields && is_listed(&a.pattern, &b.pattern),
        (a, b) => a == b,
    }
}

fn is_listed(a: &TextPattern, b: &TextPattern) -> bool {
    use TextPattern::{Cashtag, Contains, Keyword, Regex};
    match (a, b) {
        (Keyword { words: a, exact }, Keyword { words: b, exact: f }) => exact == f && a.iter().all(|word| b.contains(word)),
        (Contains { parts: a, exact }, Contains { parts: b, exact: f }) => exact == f && a.iter().all(|part| b.contains(part)),
        (Cashtag(_), Cashtag(_)) | (Regex(_), Regex(_)) => true,
        _ => false,
    }
}

/// Whether a matcher of this sort and one of a price are about the same element, or both about any of the tweet.
fn is_about(each: Option<Each>, sort: Each) -> bool {
    each.is_none_or(|each| each == sort)
}

/// Ids decide: an account that is found by its id may be called otherwise, and one that has the name may have another id.
fn accounts(a: &Accounts, b: &Accounts) -> bool {
    a.by_id.is_subset(&b.by_id)
        && a.by_handle.iter().all(|(handle, id)| match b.by_handle.get(handle) {
            Some((_, of)) => of == id || (of.is_none() && id.as_ref().is_some_and(|id| b.by_id.contains(id))),
            None => false,
        })
}

/// How much work a comparison with it is.
pub(super) fn weight(matcher: &Matcher) -> usize {
    match matcher {
        Matcher::Handle(accounts) | Matcher::Target(accounts) => accounts.by_handle.len(),
        Matcher::Contract(contract) => contract.addresses.len(),
        Matcher::Token(token) => token.symbols.len() + token.contracts.len() + token.names.len(),
        Matcher::Market(market) => market.symbols.len(),
        Matcher::Text(text) => match &text.pattern {
            TextPattern::Keyword { words, .. } => words.len() * words.len(),
            TextPattern::Contains { parts, .. } => parts.len() * parts.len(),
            TextPattern::Regex(patterns) => patterns.len() * patterns.len(),
            TextPattern::Cashtag(symbols) => symbols.len() * symbols.len(),
        },
        Matcher::Link(link) => link.domains.len() * link.domains.len(),
        _ => 1,
    }
}

/// `pump.fun` and whatever stands in front of it.
fn is_below(domain: &str, wider: &str) -> bool {
    domain.strip_suffix(wider).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// Whatever is found in one of `b` is found in one of `a`.
fn covers(a: Fields, b: Fields) -> bool {
    let pairs = [(a.text, b.text), (a.quoted, b.quoted), (a.ocr, b.ocr), (a.name, b.name), (a.bio, b.bio)];
    pairs.iter().all(|(wide, narrow)| *wide || !narrow)
}

fn text(a: &TextPattern, b: &TextPattern) -> bool {
    use TextPattern::{Cashtag, Contains, Regex};
    match (a, b) {
        (TextPattern::Keyword { words: a, exact }, TextPattern::Keyword { words: b, exact: f }) => {
            let holds = |word: &Keyword| b.iter().any(|other| word == other || is_among(word, other));
            exact == f && a.iter().all(holds)
        }
        (TextPattern::Keyword { words: a, exact }, Contains { parts: b, exact: f }) => {
            parts(a.iter().map(|word| &*word.phrase), *exact, b, *f)
        }
        (Contains { parts: a, exact }, Contains { parts: b, exact: f }) => parts(a.iter().map(|part| &**part), *exact, b, *f),
        (Regex(a), Regex(b)) => a.iter().all(|a| b.iter().any(|b| a.is_same(b))),
        (Cashtag(a), Cashtag(b)) => a.is_subset(b),
        (Cashtag(a), Contains { parts: b, exact: false }) => {
            a.keys().all(|symbol| b.iter().any(|part| format!("${}", symbol.to_lowercase()).contains(&**part)))
        }
        // Not a keyword: `_` ends a cashtag, but no word.
        _ => false,
    }
}

/// Whether each of some phrases has one of some parts in it. What is exact is compared as what is not only after it was folded.
fn parts<'p>(mut phrases: impl Iterator<Item = &'p str>, exact: bool, parts: &[Box<str>], parts_exact: bool) -> bool {
    let has = |phrase: &str| parts.iter().any(|part| phrase.contains(&**part));
    match (exact, parts_exact) {
        (false, true) => false,
        (true, false) => phrases.all(|phrase| has(&normal::fold(phrase))),
        _ => phrases.all(has),
    }
}

/// Whether a phrase is some of the words of another one.
fn is_among(phrase: &Keyword, word: &Keyword) -> bool {
    let is_whole = !phrase.open_start && !phrase.open_end && !word.open_start && !word.open_end;
    is_whole && format!(" {} ", phrase.phrase).contains(&format!(" {} ", word.phrase))
}

fn token(a: &TokenMatcher, b: &TokenMatcher) -> bool {
    within(&a.symbols, &b.symbols)
        && part_of(&a.names, &b.names)
        && within(&a.contracts, &b.contracts)
        && (!b.any_chain || a.any_chain || !a.chains.is_empty())
        && (!b.any_contract || a.any_contract || !a.contracts.is_empty())
        && within(&a.chains, &b.chains)
        && within(&a.networks, &b.networks)
        && narrower(a.price, b.price)
        && (b.source.is_any() || a.source == b.source)
}

fn market(a: &MarketMatcher, b: &MarketMatcher) -> bool {
    within(&a.exchanges, &b.exchanges)
        && within(&a.symbols, &b.symbols)
        && within(&a.bases, &b.bases)
        && within(&a.quotes, &b.quotes)
        && narrower(a.price, b.price)
        && (b.source.is_any() || a.source == b.source)
}

fn prediction(a: &PredictionMatcher, b: &PredictionMatcher) -> bool {
    within(&a.exchanges, &b.exchanges)
        && within(&a.ids, &b.ids)
        && part_of(&a.titles, &b.titles)
        && narrower(a.price, b.price)
        && (b.source.is_any() || a.source == b.source)
}

/// Every value of `a` is one of `b`, where an empty set stands for all values.
fn within<T: Ord>(a: &Sorted<T>, b: &Sorted<T>) -> bool {
    b.is_empty() || (!a.is_empty() && a.is_subset(b))
}

fn part_of(a: &[Box<str>], b: &[Box<str>]) -> bool {
    b.is_empty() || (!a.is_empty() && a.iter().all(|value| b.contains(value)))
}

fn narrower(a: Option<NumberRange>, b: Option<NumberRange>) -> bool {
    b.is_none_or(|b| a.is_some_and(|a| is_within(&a, &b)))
}
