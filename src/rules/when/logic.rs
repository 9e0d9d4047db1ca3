//! Conditions that can never hold: two matchers that exclude each other, or one that is required and forbidden at once. And alternatives
//! that add nothing.

use super::implied::{implies, is_literal, weight};
use super::{Leaf, Tree};
use crate::model::subject::{Event, Kind};
use crate::rules::check::Check;
use crate::rules::condition::{Accounts, AuthorMatcher, Matcher};
use crate::rules::diagnostic::Diagnostic;
use crate::rules::range::are_disjoint;
use crate::rules::ruleset::Each;

/// Steps of comparison spent on one rule. A rule beyond it is of machine's making, and is not looked through to the end.
const STEPS: usize = 100_000;

/// Reports the contradictions of the condition of a rule about such events, and then what is redundant in it.
pub(in crate::rules) fn check_logic(check: &mut Check<'_>, tree: &Tree, on: &[Event], each: Option<Each>) {
    let mut search = Search { steps: STEPS, each, renames: on.contains(&Event::ProfileUpdate), found: Vec::new() };
    search.scope(tree, &[], false);
    search.steps = STEPS;
    search.redundancies(tree);
    for mistake in search.found {
        check.report(mistake);
    }
}

struct Search {
    steps: usize,
    each: Option<Each>,
    /// The rule hears of accounts that change their names: one has the old and the new one then.
    renames: bool,
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
        // That one sort of matcher excludes another is inferred from what the feed is known to send.
        let is_certain = std::mem::discriminant(&*leaf.matcher) == std::mem::discriminant(&*other.matcher);
        let never = "this can never hold together with what else is asked";
        let mistake = match (negated, is_certain) {
            (true, _) => Diagnostic::warning("contradiction", leaf.span, "this exclusion can never apply"),
            (false, true) => Diagnostic::error("contradiction", leaf.span, never),
            (false, false) => Diagnostic::warning("contradiction", leaf.span, never),
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
        // What is only inferred must not keep anybody from starting: should it be wrong, the rules are right.
        let is_literal = leaves.iter().all(|leaf| must.iter().any(|must| is_literal(must, leaf) && self.implies(must, leaf)));
        let mistake = if is_literal {
            Diagnostic::error("contradiction", first.span, format!("`{}` is required and forbidden at once", first.key))
                .also(reason.span, "required here")
                .help("take it out of one of the two: as it stands the rule can never fire")
        } else {
            Diagnostic::warning("contradiction", first.span, "this is so whenever the rest of the rule holds")
                .also(reason.span, "required here, and never without it")
                .help("take it out of one of the two: as it stands the rule seems never to fire")
        };
        self.found.push(mistake.label("under `none`"));
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
                let apart = !self.renames && self.spend(a.by_handle.len().min(b.by_handle.len())) && are_strangers(a, b);
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
        self.spend(weight(&a.matcher) + weight(&b.matcher)) && implies(a, b, self.each)
    }

    /// Looks through all alternatives, wherever they stand.
    fn redundancies(&mut self, tree: &Tree) {
        match tree {
            Tree::All(of) => of.iter().for_each(|tree| self.redundancies(tree)),
            Tree::Any { of, .. } | Tree::None(of) => {
                self.redundant(tree);
                of.iter().for_each(|tree| self.redundancies(tree));
            }
            Tree::Is(_) => {}
        }
    }

    /// Reports alternatives that add nothing to others beside them.
    fn redundant(&mut self, tree: &Tree) {
        let (of, at_least, place) = match tree {
            Tree::Any { of, at_least } if *at_least < of.len() => (of, *at_least, "any"),
            Tree::None(of) => (of, 1, "none"),
            _ => return,
        };
        let branches: Vec<_> = of.iter().filter_map(alone).filter(|leaves| !leaves.is_empty()).collect();
        for (at, branch) in branches.iter().enumerate() {
            if self.steps == 0 {
                return;
            }
            // Of two that are the same the second is too many.
            let wider = branches.iter().enumerate().find(|(other, wide)| {
                *other != at
                    && gives_no_more(branch, wide)
                    && self.holds_with(branch, wide)
                    && (*other < at || !self.holds_with(wide, branch))
            });
            let (Some((_, wide)), Some(first)) = (wider, branch.first()) else { continue };
            let Some(other) = wide.first() else { continue };
            let mistake = if at_least == 1 {
                Diagnostic::warning("redundant", first.span, format!("this alternative under `{place}` adds nothing"))
                    .label("whenever it holds")
                    .also(other.span, "this one holds, too")
                    .help("remove it, or say in it what is different")
            } else {
                Diagnostic::warning("redundant", first.span, "one thing that a tweet says counts as two")
                    .label("whenever this holds")
                    .also(other.span, "this holds, too, and both count for `at_least`")
                    .help("put them into one table as one list: `keyword = [\"a\", \"b\"]`")
            };
            self.found.push(mistake);
        }
    }

    /// Whether all of `b` holds whenever all of `a` does.
    fn holds_with(&mut self, a: &[&Leaf], b: &[&Leaf]) -> bool {
        b.iter().all(|b| a.iter().any(|a| self.implies(a, b)))
    }
}

/// Whether messages learn nothing from what made `a` true that they do not learn from `b`: which token, market or prediction market.
fn gives_no_more(a: &[&Leaf], b: &[&Leaf]) -> bool {
    const GIVING: [&str; 5] = ["cashtag", "contract", "token", "market", "prediction"];
    a.iter().all(|leaf| !GIVING.contains(&leaf.key) || b.iter().any(|other| other.key == leaf.key))
}

/// The matchers of a table that has nothing else.
fn alone(tree: &Tree) -> Option<Vec<&Leaf>> {
    let (mut leaves, mut others) = (Vec::new(), Vec::new());
    gather(tree, &mut leaves, &mut others);
    others.is_empty().then_some(leaves)
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

/// No account is in both. One with an id on one side may have taken a name that the other side gives without an id.
fn are_strangers(a: &Accounts, b: &Accounts) -> bool {
    let is_open = |of: &Accounts| of.by_handle.iter().any(|(_, id)| id.is_none());
    let may_be_renamed = (!a.by_id.is_empty() && is_open(b)) || (!b.by_id.is_empty() && is_open(a));
    !may_be_renamed && a.by_handle.is_disjoint(&b.by_handle) && a.by_id.is_disjoint(&b.by_id)
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
