//! Matchers against the events of their rule: what an event never has can never hold.

use super::{Leaf, Tree};
use crate::model::action::Span;
use crate::model::subject::Event;
use crate::rules::check::Check;
use crate::rules::condition::{Fields, Matcher};
use crate::rules::diagnostic::Diagnostic;

/// Where the rule says what it is about, and what is said there.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct OnSpan {
    pub(in crate::rules) span: Span,
    pub(in crate::rules) label: &'static str,
}

/// Reports every matcher that cannot hold for any event of the rule, and warns of events for which a required one cannot.
pub(in crate::rules) fn check_events(check: &mut Check<'_>, tree: &Tree, on: &[Event], on_span: OnSpan) {
    let mut impossible = Vec::new();
    tree.each_leaf(false, &mut |leaf, _| {
        if !on.iter().any(|event| has(*event, &leaf.matcher)) {
            impossible.push(leaf);
        }
    });
    for leaf in impossible {
        check.report(never(leaf, on, on_span));
    }
    let mut required = Vec::new();
    gather_required(tree, &mut required);
    for event in on {
        let lacking = required.iter().find(|leaf| !has(*event, &leaf.matcher));
        if let Some(leaf) = lacking.filter(|leaf| on.iter().any(|event| has(*event, &leaf.matcher))) {
            let message = format!("this rule never fires on `{}`", event.name());
            let mistake = Diagnostic::warning("unreachable-event", leaf.span, message)
                .label(format!("`{}` has no {}", event.name(), what(&leaf.matcher)))
                .also(on_span.span, on_span.label)
                .help("make it two rules, or put the matcher under `any`");
            check.report(mistake);
        }
    }
}

/// The matchers that must hold whenever the tree does.
pub(in crate::rules) fn gather_required<'t>(tree: &'t Tree, into: &mut Vec<&'t Leaf>) {
    match tree {
        Tree::All(of) => of.iter().for_each(|tree| gather_required(tree, into)),
        Tree::Any { of, at_least } if *at_least == of.len() => of.iter().for_each(|tree| gather_required(tree, into)),
        Tree::Any { .. } | Tree::None(_) => {}
        Tree::Is(leaf) => into.push(leaf),
    }
}

fn never(leaf: &Leaf, on: &[Event], on_span: OnSpan) -> Diagnostic {
    let events = on.iter().map(|event| format!("`{}`", event.name())).collect::<Vec<_>>().join(" and ");
    let verb = if on.len() == 1 { "has" } else { "have" };
    let mistake = Diagnostic::error("impossible-on-event", leaf.span, format!("{events} {verb} no {}", what(&leaf.matcher)))
        .label("can never hold")
        .also(on_span.span, on_span.label);
    mistake.help(match *leaf.matcher {
        Matcher::Text(_) => {
            "to search the account's name or bio add `in = [\"name\", \"bio\"]`; for what changed there is `changed` with `after`"
        }
        Matcher::Changed(_) => "set the rule's `on = \"profile_update\"`",
        Matcher::Target(_) => "for the account itself there is `handle`",
        _ => "remove it, or set the rule's `on = \"tweet\"`",
    })
}

/// Whether an event of this kind has what a matcher asks about.
fn has(event: Event, matcher: &Matcher) -> bool {
    let tweet = event.is_about_a_tweet();
    match matcher {
        Matcher::Handle(_) | Matcher::Author(_) | Matcher::Platform(_) => true,
        Matcher::Target(_) => event != Event::ProfileUpdate,
        Matcher::Text(text) => tweet || is_about_the_account(text.fields),
        Matcher::Changed(_) => event == Event::ProfileUpdate,
        Matcher::Kind(_)
        | Matcher::Contract(_)
        | Matcher::Token(_)
        | Matcher::Market(_)
        | Matcher::Prediction(_)
        | Matcher::Price(_)
        | Matcher::Link(_)
        | Matcher::Media(_)
        | Matcher::Age(_) => tweet,
    }
}

fn is_about_the_account(fields: Fields) -> bool {
    fields.name || fields.bio
}

fn what(matcher: &Matcher) -> &'static str {
    match matcher {
        Matcher::Handle(_) | Matcher::Author(_) => "author",
        Matcher::Platform(_) => "platform",
        Matcher::Target(_) => "target",
        Matcher::Text(_) => "text",
        Matcher::Changed(_) => "changed profile",
        Matcher::Kind(_) => "kind",
        Matcher::Contract(_) | Matcher::Token(_) => "tokens",
        Matcher::Market(_) => "markets",
        Matcher::Prediction(_) => "prediction markets",
        Matcher::Price(_) => "prices",
        Matcher::Link(_) => "links",
        Matcher::Media(_) => "media",
        Matcher::Age(_) => "tweet with an age",
    }
}
