//! Conditions that can never hold: two matchers that exclude each other, or one that is required and forbidden at once.

use super::{Leaf, Tree};
use crate::model::subject::Kind;
use crate::rules::check::Check;
use crate::rules::condition::{Accounts, AuthorMatcher, Matcher, NumberRange, Sorted, TextPattern, TokenMatcher};
use crate::rules::diagnostic::Diagnostic;
use crate::rules::range::{are_disjoint, is_within};

/// Steps of comparison spent on one rule. A rule beyond it is of machine's making, and is not looked through to the end.
const STEPS: usize = 100_000;

/// Reports the contradictions of one rule's condition.
pub(in crate::rules) fn check_logic(check: &mut Check<'_>, tree: &Tree) {
    let mut search = Search { steps: STEPS, found: Vec::new() };
    search.scope(tree, &[], false);
    for mistake in search.found {
        check.report(mistake);
    }
}

struct Search {
    steps: usize,
    found: Vec<Diagnostic>,
}

impl Search {
    /// Looks through what must hold together, then through each alternative with it.
    fn scope(&mut self, tree: &Tree, outer: &[&Leaf], negated: bool) {
        let (mut must, mut others) = (outer.to_vec(), Vec::new());
        gather(tree, &mut must, &mut others);
        for (at, leaf) in must.iter().enumerate().skip(outer.len()) {
            if self.steps == 0 {
                return;
            }
            let clash = must.iter().take(at).find_map(|other| self.conflict(other, leaf).map(|why| (*other, why)));
            if let Some((other, why)) = clash {
                self.contradiction(leaf, other, why, negated);
            }
        }
        for other in others {
            match other {
                Tree::None(of) => {
                    for tree in of {
                        self.forbidden(tree, &must, negated);
                        self.scope(tree, &[], !negated);
                    }
                }
                // With many alternatives and many requirements the product would grow without bound; the steps stop it.
                Tree::Any { of, .. } => {
                    for tree in of {
                        if self.spend(must.len()) {
                            self.scope(tree, &must, negated);
                        }
                    }
                }
                Tree::All(_) | Tree::Is(_) => {}
            }
        }
    }

    fn contradiction(&mut self, leaf: &Leaf, other: &Leaf, why: &str, negated: bool) {
        let mistake = if negated {
            Diagnostic::warning("contradiction", leaf.span, "this exclusion can never apply")
        } else {
            Diagnostic::error("contradiction", leaf.span, "this can never hold together with what else is asked")
        };
        let mistake = mistake.label(why).also(other.span, "both must hold");
        self.found
            .push(mistake.help("values that are alternatives belong into one list: `handle = [\"a\", \"b\"]`, or under `any`"));
    }

    /// Reports a table under `none` that holds whenever the rule does.
    fn forbidden(&mut self, tree: &Tree, must: &[&Leaf], negated: bool) {
        let (mut leaves, mut others) = (Vec::new(), Vec::new());
        gather(tree, &mut leaves, &mut others);
        let Some(first) = leaves.first().filter(|_| others.is_empty() && !negated && self.steps > 0) else { return };
        let reasons: Option<Vec<_>> =
            leaves.iter().map(|leaf| must.iter().find(|must| self.implies(must, leaf)).copied()).collect();
        let Some(reason) = reasons.as_ref().and_then(|reasons| reasons.first()) else { return };
        let mistake =
            Diagnostic::error("contradiction", first.span, format!("`{}` is required and forbidden at once", first.key))
                .label("under `none`")
                .also(reason.span, "required here")
                .help("take it out of one of the two: as it stands the rule can never fire");
        self.found.push(mistake);
    }

    /// Whether there are steps left.
    fn spend(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_sub(steps.max(1));
        self.steps > 0
    }

    fn conflict(&mut self, a: &Leaf, b: &Leaf) -> Option<&'static str> {
        if !self.spend(1) {
            return None;
        }
        match (&*a.matcher, &*b.matcher) {
            (Matcher::Handle(a), Matcher::Handle(b)) | (Matcher::Target(a), Matcher::Target(b)) => {
                let apart = self.spend(a.by_handle.len().min(b.by_handle.len())) && are_strangers(a, b);
                apart.then_some("no account is in both")
            }
            (Matcher::Platform(a), Matcher::Platform(b)) => {
                (!a.iter().any(|p| b.contains(p))).then_some("no platform is in both")
            }
            (Matcher::Kind(a), Matcher::Kind(b)) => (!a.iter().any(|k| b.contains(k))).then_some("no kind is in both"),
            (Matcher::Kind(kinds), Matcher::Target(_)) | (Matcher::Target(_), Matcher::Kind(kinds)) => kinds
                .iter()
                .all(|kind| *kind == Kind::Post)
                .then_some("a post has no target: only replies, quotes and retweets have"),
            (Matcher::Age(a), Matcher::Age(b)) => are_disjoint(a, b).then_some("no age lies in both"),
            (Matcher::Author(a), Matcher::Author(b)) => author_conflict(a, b),
            _ => None,
        }
    }

    /// Whether `b` holds whenever `a` does. Errs on the side of no.
    fn implies(&mut self, a: &Leaf, b: &Leaf) -> bool {
        if !self.spend(weight(&a.matcher)) {
            return false;
        }
        match (&*a.matcher, &*b.matcher) {
            (Matcher::Handle(a), Matcher::Handle(b)) | (Matcher::Target(a), Matcher::Target(b)) => {
                a.by_handle.is_subset(&b.by_handle)
            }
            (Matcher::Platform(a), Matcher::Platform(b)) => a.iter().all(|p| b.contains(p)),
            (Matcher::Kind(a), Matcher::Kind(b)) => a.iter().all(|k| b.contains(k)),
            (Matcher::Text(a), Matcher::Text(b)) => a.fields == b.fields && text_implies(&a.pattern, &b.pattern),
            (Matcher::Contract(a), Matcher::Contract(b)) => a.fields == b.fields && within(&a.addresses, &b.addresses),
            (Matcher::Token(a), Matcher::Token(b)) => token_implies(a, b),
            (Matcher::Market(a), Matcher::Market(b)) => {
                within(&a.exchanges, &b.exchanges)
                    && within(&a.symbols, &b.symbols)
                    && within(&a.bases, &b.bases)
                    && within(&a.quotes, &b.quotes)
                    && narrower(a.price, b.price)
                    && (b.source.is_any() || a.source == b.source)
            }
            (Matcher::Price(a), Matcher::Price(b)) | (Matcher::Age(a), Matcher::Age(b)) => is_within(a, b),
            (Matcher::Media(a), Matcher::Media(b)) => part_of(&a.kinds, &b.kinds),
            (Matcher::Link(a), Matcher::Link(b)) => {
                a.patterns.is_empty() && !a.domains.is_empty() && a.domains.iter().all(|d| b.domains.contains(d))
            }
            (Matcher::Changed(a), Matcher::Changed(b)) => {
                b.before.is_empty() && b.after.is_empty() && a.fields.iter().all(|f| b.fields.contains(f))
            }
            _ => false,
        }
    }
}

/// Splits what must hold into single matchers and the `any` and `none` beside them.
fn gather<'t>(tree: &'t Tree, leaves: &mut Vec<&'t Leaf>, others: &mut Vec<&'t Tree>) {
    match tree {
        Tree::All(of) => of.iter().for_each(|tree| gather(tree, leaves, others)),
        Tree::Any { of, at_least } if *at_least == of.len() => of.iter().for_each(|tree| gather(tree, leaves, others)),
        Tree::Any { .. } | Tree::None(_) => others.push(tree),
        Tree::Is(leaf) => leaves.push(leaf),
    }
}

/// How much work a comparison with it is.
fn weight(matcher: &Matcher) -> usize {
    match matcher {
        Matcher::Handle(accounts) | Matcher::Target(accounts) => accounts.by_handle.len(),
        Matcher::Contract(contract) => contract.addresses.len(),
        Matcher::Token(token) => token.symbols.len() + token.contracts.len() + token.names.len(),
        Matcher::Market(market) => market.symbols.len(),
        Matcher::Text(text) => match &text.pattern {
            TextPattern::Keyword { words, .. } => words.len() * words.len(),
            TextPattern::Contains { parts, .. } => parts.len() * parts.len(),
            TextPattern::Regex(patterns) => patterns.len() * patterns.len(),
            TextPattern::Cashtag(symbols) => symbols.len(),
        },
        Matcher::Link(link) => link.domains.len() * link.domains.len(),
        _ => 1,
    }
}

fn are_strangers(a: &Accounts, b: &Accounts) -> bool {
    a.by_handle.is_disjoint(&b.by_handle) && a.by_id.is_disjoint(&b.by_id)
}

fn author_conflict(a: &AuthorMatcher, b: &AuthorMatcher) -> Option<&'static str> {
    let followers = a.followers.as_ref().zip(b.followers.as_ref()).is_some_and(|(a, b)| are_disjoint(a, b));
    let asked = !a.verified.is_empty() && !b.verified.is_empty();
    if followers {
        Some("no number of followers lies in both")
    } else {
        (asked && !a.verified.iter().any(|v| b.verified.contains(v))).then_some("no verification is in both")
    }
}

fn text_implies(a: &TextPattern, b: &TextPattern) -> bool {
    match (a, b) {
        (TextPattern::Keyword { words: a, exact: e }, TextPattern::Keyword { words: b, exact: f }) => {
            e == f && a.iter().all(|word| b.contains(word))
        }
        (TextPattern::Contains { parts: a, exact: e }, TextPattern::Contains { parts: b, exact: f }) => {
            e == f && a.iter().all(|part| b.contains(part))
        }
        (TextPattern::Regex(a), TextPattern::Regex(b)) => a.iter().all(|a| b.iter().any(|b| a.is_same(b))),
        (TextPattern::Cashtag(a), TextPattern::Cashtag(b)) => a.is_subset(b),
        _ => false,
    }
}

fn token_implies(a: &TokenMatcher, b: &TokenMatcher) -> bool {
    within(&a.symbols, &b.symbols)
        && part_of(&a.names, &b.names)
        && within(&a.contracts, &b.contracts)
        && (!b.any_contract || a.any_contract || !a.contracts.is_empty())
        && within(&a.chains, &b.chains)
        && within(&a.networks, &b.networks)
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
