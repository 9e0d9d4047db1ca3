//! What a cooldown holds back apart × what the rule's firings are about: whether they have it. Those that lack it are held back together, so a rule
//! none of whose firings has it would hold all of them back as one.

use crate::model::window::Part;
use crate::rules::check::Check;
use crate::rules::diagnostic::Diagnostic;
use crate::rules::keys::Place;
use crate::rules::presence::Known;
use crate::rules::read::{Field, Node};
use crate::rules::ruleset::Each;
use crate::rules::send::Context;
use crate::rules::when::{Presence, Tree};
use crate::rules::window::element_of;

/// Reports what `per` of a cooldown names and the rule's firings never have, or may lack.
pub(in crate::rules) fn check<'a>(check: &mut Check<'a>, cooldown: Option<Field<'a>>, context: &Context<'_>) {
    let per = cooldown.and_then(|field| field.node.as_table(Place::Cooldown)?.take("per"));
    let Some(per) = per.filter(|_| context.whole) else { return };
    let nodes: Vec<Node<'a>> = per.node.as_list().map_or_else(|| vec![per.node], Iterator::collect);
    for node in nodes {
        let word = node.as_text().unwrap_or_default().trim();
        let part = Part::ALL.into_iter().find(|part| part.name().eq_ignore_ascii_case(word));
        if let Some(mistake) = part.and_then(|part| mistake(node, part, context)) {
            check.report(mistake.also(context.key, "in this rule"));
        }
    }
}

fn mistake(node: Node<'_>, part: Part, context: &Context<'_>) -> Option<Diagnostic> {
    let (name, rule) = (part.name(), context.name);
    Some(match presence(part, context) {
        Presence::Always => return None,
        Presence::Never => {
            let message = format!("no firing of `{rule}` is about a {name}, so this cooldown would hold back all of them as one");
            Diagnostic::error("nothing-apart", node.span, message).label(why(part, context)).help(instead(part, context))
        }
        Presence::Maybe => {
            let when = if part == Part::Tweet { "" } else { " or before it is known" };
            let message = format!("`{rule}` can fire without a {name}{when}: such firings are held back as one");
            Diagnostic::warning("may-not-be-apart", node.span, message).label("may be absent").help(surely(part, context))
        }
    })
}

/// Whether firings have it. An author that is not known is too rare to speak of.
fn presence(part: Part, context: &Context<'_>) -> Presence {
    // Without a value of what its window counts apart there is no firing.
    if part == Part::Author || context.over_time.is_some_and(|window| window.counts(part)) {
        return Presence::Always;
    }
    let nothing = Tree::All(Vec::new());
    let known = Known::new(context, context.tree.unwrap_or(&nothing));
    match part {
        Part::Contract => known.presence(&["token"]).min(known.presence(&["token", "contract"])),
        Part::Tweet => known.presence(&["tweet", "id"]),
        _ => known.presence(&[part.name()]),
    }
}

fn has_tweets(context: &Context<'_>) -> bool {
    context.scope.on.iter().any(|event| event.is_about_a_tweet())
}

fn why(part: Part, context: &Context<'_>) -> String {
    match context.scope.each {
        _ if part == Part::Tweet => "these events are of accounts".to_owned(),
        _ if !has_tweets(context) => format!("only tweets have a {}", part.name()),
        Some(each) => format!("each of them is about one {}", each.name()),
        None => "neither `each` nor `when` names one".to_owned(),
    }
}

fn instead(part: Part, context: &Context<'_>) -> String {
    let Some(each) = element_of(part).filter(|_| has_tweets(context)) else {
        return "hold back apart by `author`, or leave `per` out: then it is all firings of the rule together".to_owned();
    };
    match context.scope.each {
        Some(other) => {
            format!("write `per = \"{0}\"`, or `each = \"{1}\"` in the place of `each = \"{0}\"`", other.name(), each.name())
        }
        None => format!(
            "add `each = \"{0}\"` to the rule, and it fires once for each {0}; or ask for one in `when`: `{0} = {{ {1} }}`",
            each.name(),
            asked(part)
        ),
    }
}

fn surely(part: Part, context: &Context<'_>) -> String {
    let Some(each) = element_of(part).map(Each::name) else { return "leave it out of `per`, or make it two rules".to_owned() };
    let ask = format!("ask for it in `when`: `{each} = {{ {} }}`", asked(part));
    match (part, context.scope.each) {
        (Part::Contract, _) => format!("{ask}; or hold back apart by `token`, which is its contract or else its symbol"),
        (_, None) => format!("add `each = \"{each}\"` to the rule; or {ask}"),
        (_, Some(_)) => ask,
    }
}

fn asked(part: Part) -> &'static str {
    match part {
        Part::Contract => "contract = true",
        Part::Market => "exchange = \"binance\"",
        Part::Prediction => "exchange = \"polymarket\"",
        _ => "symbol = \"DOGE\"",
    }
}
