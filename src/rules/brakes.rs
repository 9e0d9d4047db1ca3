//! `cooldown` and `limit`: what holds firings back, of a rule or of one of its sends.

pub(super) mod apart;

use std::collections::HashMap;

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::keys::{Place, nearest, one_of};
use super::names::shown;
use super::read::{Field, Node};
use super::ruleset::Cooldown;
use super::units::{duration, parse_rate, written};
use crate::model::limits::{BRAKE_COUNT, BRAKE_LIMITS, BRAKE_SPAN};
use crate::model::rate::Rate;
use crate::model::window::Part;

/// All firings of the rule together.
const RULE: &str = "rule";

/// Words that people use for what is held back apart.
const ALIASES: &[(&str, &str)] = &[
    ("user", "author"),
    ("handle", "author"),
    ("account", "author"),
    ("from", "author"),
    ("who", "author"),
    ("symbol", "token"),
    ("coin", "token"),
    ("ticker", "token"),
    ("cashtag", "token"),
    ("address", "contract"),
    ("ca", "contract"),
    ("mint", "contract"),
    ("post", "tweet"),
    ("message", "tweet"),
    ("id", "tweet"),
    ("all", RULE),
    ("global", RULE),
    ("none", RULE),
];

/// `"10m"`, or `{ for = "10m", per = "token" }`, or a report.
pub(super) fn cooldown<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Cooldown> {
    let node = field.node;
    let Some(mut table) = node.as_table(Place::Cooldown) else {
        if node.as_text().is_none() {
            let example = node.as_integer().map_or_else(|| "\"10m\"".to_owned(), |number| format!("\"{number}s\""));
            node.wrong(check, field.name, "a duration in quotes, or a table", &example);
            return None;
        }
        return duration(check, field).map(|lasts| Cooldown { lasts, per: Vec::new() });
    };
    let lasts = table.take("for").map(|field| duration(check, field));
    let per = table.take("per").map(|field| per(check, field));
    // It may be there under another name, of which is said that it is unknown.
    if lasts.is_none() {
        let mistake =
            Diagnostic::error("missing-key", node.span, format!("this `{}` does not say how long: `for` is missing", field.name));
        check.report(mistake.help("for example { for = \"10m\", per = \"token\" }"));
    }
    table.finish(check);
    Some(Cooldown { lasts: lasts??, per: per.unwrap_or_else(|| Some(Vec::new()))? })
}

/// What is held back apart: one word or several. Empty: all firings of the rule together.
pub(super) fn per<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Vec<Part>> {
    let Field { name, node, .. } = field;
    let nodes = node.as_list().map_or_else(|| vec![node], Iterator::collect);
    if nodes.is_empty() {
        let mistake = Diagnostic::error("empty-list", node.span, format!("`{name}` is an empty list"));
        check.report(mistake.help(format!("remove it, or write `{name} = \"{RULE}\"`, for all firings of the rule together")));
        return None;
    }
    let (mut parts, mut whole, mut seen) = (Vec::with_capacity(nodes.len()), true, HashMap::new());
    for item in &nodes {
        check.again(&mut seen, *item);
        match part(check, name, *item) {
            Some(Some(part)) if !parts.contains(&part) => parts.push(part),
            Some(Some(_)) => {}
            Some(None) if nodes.len() == 1 => {}
            Some(None) => {
                let message = format!("`{RULE}` stands alone: it is all firings of the rule together");
                check.report(Diagnostic::error("bad-per", item.span, message).help("remove it, or what stands beside it"));
                whole = false;
            }
            None => whole = false,
        }
    }
    whole.then_some(parts)
}

/// One word of `per`; `Some(None)`: nothing is apart.
fn part<'a>(check: &mut Check<'a>, name: &str, node: Node<'a>) -> Option<Option<Part>> {
    let Some(text) = node.as_text() else {
        node.wrong(check, name, "a word or a list of words", "\"token\"");
        return None;
    };
    let word = text.trim();
    if word.eq_ignore_ascii_case(RULE) {
        return Some(None);
    }
    if let Some(part) = Part::ALL.into_iter().find(|part| part.name().eq_ignore_ascii_case(word)) {
        return Some(Some(part));
    }
    let names: Vec<_> = std::iter::once(RULE).chain(Part::ALL.map(Part::name)).collect();
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word)).map(|(_, name)| *name);
    let mistake = Diagnostic::error("unknown-value", node.span, format!("`{name}` cannot be `{}`", shown(text)));
    check.report(match alias.or_else(|| nearest(word, names.iter().copied())) {
        Some(near) => mistake.label(format!("did you mean `{near}`?")),
        None => mistake.help(format!("it can be {}", one_of(&names))),
    });
    None
}

/// `"5/h"` or a list of such, or a report. Their burst is their count.
pub(super) fn limits<'a>(check: &mut Check<'a>, field: Field<'a>) -> Vec<Rate> {
    let Some(items) = field.node.as_list() else {
        return limit(check, field.name, field.node).into_iter().collect();
    };
    let (nodes, mut seen) = (items.collect::<Vec<_>>(), HashMap::new());
    if nodes.is_empty() {
        let mistake = Diagnostic::error("empty-list", field.node.span, format!("`{}` is an empty list", field.name));
        check.report(mistake.help("remove it: without it there is no limit"));
    }
    if nodes.len() > BRAKE_LIMITS {
        let message = format!("`{}` has {} limits, more than {BRAKE_LIMITS}", field.name, nodes.len());
        check.report(Diagnostic::error("too-many-limits", field.node.span, message).help("keep those that are reached first"));
        return Vec::new();
    }
    let read = |node: Node<'a>| {
        check.again(&mut seen, node);
        limit(check, field.name, node)
    };
    nodes.into_iter().filter_map(read).collect()
}

fn limit(check: &mut Check<'_>, name: &str, node: Node<'_>) -> Option<Rate> {
    const HELP: &str = "limits are written \"5/h\", \"20/d\" or \"1/10m\", several as a list";
    if node.value.is_table() {
        let mistake = Diagnostic::error("wrong-type", node.span, format!("`{name}` must be a text such as \"5/h\", not a table"));
        let help = "write `limit = \"5/h\"`: so many may come at once as well; a pace with a burst is `rate_limit`, of an action";
        check.report(mistake.label("this is a table").help(help));
        return None;
    }
    let Some(text) = node.as_text() else {
        node.wrong(check, name, "a limit in quotes", "\"5/h\"");
        return None;
    };
    let wrong =
        |label: String| Diagnostic::error("bad-limit", node.span, format!("`{name}` is no limit")).label(label).help(HELP);
    match parse_rate(text) {
        Ok(rate) if rate.count.get() > BRAKE_COUNT => {
            check.report(wrong(format!("more than {BRAKE_COUNT} are never counted")));
            None
        }
        Ok(rate) if rate.per > BRAKE_SPAN => {
            check.report(wrong(format!("longer than {} is never counted", written(BRAKE_SPAN))));
            None
        }
        Ok(rate) => Some(rate),
        Err(label) => {
            check.report(wrong(label));
            None
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
