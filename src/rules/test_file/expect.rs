//! `expect` of a test: what each rule must do, and what must have held it back.

use super::parts::count;
use super::{Expect, moment};
use crate::model::action::Span;
use crate::rules::check::Check;
use crate::rules::diagnostic::Diagnostic;
use crate::rules::keys::{Place, list, nearest, one_of};
use crate::rules::read::{Field, Node, Table};
use crate::rules::ruleset::RuleSet;

const EXAMPLE: &str = "[{ rule = \"exchange-listing\" }]";

/// What can hold a rule back: the keys of `when`; those of what is below a `none` with `none.` before them.
const KEYS: [&str; 38] = [
    "none",
    "any",
    "handle",
    "target",
    "author",
    "platform",
    "kind",
    "keyword",
    "contains",
    "regex",
    "cashtag",
    "contract",
    "token",
    "token.symbol",
    "token.name",
    "token.contract",
    "token.chain",
    "token.network",
    "token.price",
    "token.source",
    "market",
    "market.exchange",
    "market.symbol",
    "market.base",
    "market.quote",
    "market.price",
    "market.source",
    "prediction",
    "prediction.exchange",
    "prediction.id",
    "prediction.title",
    "prediction.price",
    "prediction.source",
    "price",
    "link",
    "media",
    "changed",
    "age",
];
/// And what is no key of it: it waits; it fired before; its window is not true; it is about other events; its mode.
const OF_RULES: [&str; 5] = ["unknown", "fired", "window", "on", "mode"];
/// What can hold a firing's send back: its mode; too old; an order of news that did not come live; without a value that its template needs; its
/// brakes.
const OF_SENDS: [&str; 8] = ["mode", "max_age", "late", "incomplete", "cooldown", "limit", "out_of_hours", "max_per_day"];

/// Every word of `because`.
pub fn all_reasons() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain(OF_RULES).chain(OF_SENDS.into_iter().filter(|word| *word != "mode"))
}

pub(super) fn read<'a>(check: &mut Check<'a>, rules: &RuleSet, field: Field<'a>) -> Vec<Expect> {
    let tables = field.node.tables(check, "expect", Place::TestExpect, EXAMPLE);
    if field.node.as_list().is_some_and(|mut items| items.next().is_none()) {
        let mistake = Diagnostic::error("empty-list", field.node.span, "this test expects nothing, so it shows nothing");
        check.report(mistake.help(format!("say what must happen: expect = {EXAMPLE}")));
    }
    tables.into_iter().filter_map(|table| expect(check, rules, table)).collect()
}

fn expect<'a>(check: &mut Check<'a>, rules: &RuleSet, mut table: Table<'a>) -> Option<Expect> {
    let span = table.span;
    let rule = table.take("rule");
    if rule.is_none() {
        let mistake = Diagnostic::error("missing-key", span, "this expectation names no rule");
        check.report(mistake.help("add `rule = \"exchange-listing\"`"));
    }
    let rule = rule.and_then(|field| self::rule(check, rules, field));
    let fires = table.take("fires").map(|field| count(check, "fires", field.node));
    let text = |check: &mut Check<'a>, field: Option<Field<'a>>| {
        field.and_then(|field| field.node.text(check, field.name, "\"…\"")).map(str::to_owned)
    };
    let because = table.take("because");
    let reasons = because.map(|field| reasons(check, field)).unwrap_or_default();
    let at = table.take("at").and_then(|field| moment(check, field));
    let tweet = table.take("tweet");
    let element = table.take("element");
    let (tweet, named) = (text(check, tweet), text(check, element));
    let sends = table.take("sends");
    let (sends, whole) = (sends.and_then(|field| actions(check, rules, field)), sends.is_none());
    let whole = whole || sends.is_some();
    let action = table.take("action").and_then(|field| {
        let name = field.node.text(check, "action", "\"desk\"")?;
        action(check, rules, name, field.node.span)
    });
    let message = table.take("message").map(|field| texts(check, field)).unwrap_or_default();
    table.finish(check);
    let fires = match fires {
        None => 1,
        Some(fires) => usize::try_from(fires?).unwrap_or(usize::MAX),
    };
    let found = Expect { span, rule: rule?, fires, because: reasons, at, tweet, element: named, sends, action, message };
    // With a mistake in it nothing can be said of the whole.
    (whole && is_sound(check, &found, because) && is_of_elements(check, rules, &found, element)).then_some(found)
}

/// No test passes by accident: a zero says why.
fn is_sound(check: &mut Check<'_>, of: &Expect, because: Option<Field<'_>>) -> bool {
    let sends_nothing = of.sends.as_ref().is_some_and(Vec::is_empty);
    let is_zero = of.fires == 0 || sends_nothing;
    let mistake = match because {
        None if is_zero => {
            let message = if of.fires == 0 { "`fires = 0` without `because`" } else { "`sends = []` without `because`" };
            let help = "name what must hold it back, so that the test does not pass by accident: `because = \"none\"`, \"handle\", \
                        \"token.price\", \"max_age\", …; `birdcall explain` shows what does";
            Diagnostic::error("missing-key", of.span, message).label("it could be zero for any reason").help(help)
        }
        Some(field) if !is_zero => {
            Diagnostic::error("misplaced-key", field.key, "`because` says why nothing happens, and something does")
                .help("remove it, or write `fires = 0`")
        }
        _ if of.fires == 0 && (of.sends.is_some() || !of.message.is_empty() || of.action.is_some()) => {
            Diagnostic::error("misplaced-key", of.span, "what does not fire sends nothing")
                .help("with `fires = 0` there is no `sends`, `action` or `message`")
        }
        Some(field) => match of.because.iter().find(|word| !is_possible(word, sends_nothing)) {
            None => return true,
            Some(word) if sends_nothing => {
                let message = format!("`{word}` holds no send back: it keeps the rule from firing");
                let help =
                    format!("with `sends = []` the rule fires, and `because` is {}; else write `fires = 0`", one_of(&OF_SENDS));
                Diagnostic::error("misplaced-value", field.node.span, message).help(help)
            }
            Some(word) => {
                let message = format!("`{word}` keeps no rule from firing: it holds sends of its firings back");
                let help = "write `sends = []` for a firing that sends nothing; or name what keeps the rule from firing";
                Diagnostic::error("misplaced-value", field.node.span, message).help(help)
            }
        },
        None => return true,
    };
    check.report(mistake);
    false
}

/// Whether it can be the reason why nothing fires, or why what fires sends nothing.
fn is_possible(word: &str, sends_nothing: bool) -> bool {
    if sends_nothing { OF_SENDS.contains(&word) } else { word == "mode" || !OF_SENDS.contains(&word) }
}

/// A rule without `each` fires for its tweet and for no element of it.
fn is_of_elements(check: &mut Check<'_>, rules: &RuleSet, of: &Expect, element: Option<Field<'_>>) -> bool {
    let (Some(field), Some(rule)) = (element, rules.rules.get(of.rule).filter(|rule| rule.each.is_none())) else { return true };
    let message = format!("`{}` has no `each`: it fires once for a tweet, and not for one of its tokens or markets", rule.name);
    check.report(
        Diagnostic::error("misplaced-key", field.key, message).help("remove `element`, or give the rule `each = \"token\"`"),
    );
    false
}

fn rule(check: &mut Check<'_>, rules: &RuleSet, field: Field<'_>) -> Option<usize> {
    let name = field.node.text(check, "rule", "\"exchange-listing\"")?.trim();
    if let Some(at) = rules.rules.iter().position(|rule| *rule.name == *name) {
        return Some(at);
    }
    let names: Vec<&str> = rules.rules.iter().map(|rule| &*rule.name).collect();
    undefined(check, ("undefined-rule", "rule"), name, field.node.span, &names);
    None
}

fn action(check: &mut Check<'_>, rules: &RuleSet, name: &str, span: Span) -> Option<usize> {
    if let Some(at) = rules.actions.iter().position(|action| action.name == name) {
        return Some(at);
    }
    let names: Vec<&str> = rules.actions.iter().map(|action| action.name.as_str()).collect();
    undefined(check, ("undefined-action", "action"), name, span, &names);
    None
}

fn undefined(check: &mut Check<'_>, (code, what): (&'static str, &str), name: &str, span: Span, names: &[&str]) {
    let mistake = Diagnostic::error(code, span, format!("there is no {what} `{name}` in the rules that are tested"));
    let near = check.suggestions.nearest(name, names.iter().copied());
    check.report(match near {
        Some(near) => mistake.label(format!("did you mean `{near}`?")),
        None if (1..=20).contains(&names.len()) => mistake.help(format!("there is {}", list(names))),
        None => mistake,
    });
}

fn is_below_none(word: &str) -> bool {
    word.strip_prefix("none.").is_some_and(|key| KEYS.contains(&key))
}

fn reasons(check: &mut Check<'_>, field: Field<'_>) -> Vec<String> {
    let mut known = Vec::new();
    for node in one_or_more(field.node) {
        let Some(text) = node.text(check, "because", "\"none\"") else { continue };
        if all_reasons().any(|known| known == text) || is_below_none(text) {
            known.push(text.to_owned());
            continue;
        }
        let mistake = Diagnostic::error("unknown-value", node.span, format!("`because` cannot be `{text}`"));
        let near = nearest(text, all_reasons()).map(|near| format!("did you mean `{near}`?"));
        check.report(match near {
            Some(near) => mistake.label(near),
            None => mistake.help(format!(
                "it is a key of the rule's `when` such as `none`, `none.keyword`, `handle` or `token.price`, or {}",
                one_of(&OF_RULES.into_iter().chain(OF_SENDS.into_iter().filter(|word| *word != "mode")).collect::<Vec<_>>())
            )),
        });
    }
    if known.is_empty() && field.node.as_list().is_some_and(|mut items| items.next().is_none()) {
        check.error("empty-list", field.node.span, "`because` is empty");
    }
    known
}

/// `None`: one of them is wrong, and has been reported.
fn actions(check: &mut Check<'_>, rules: &RuleSet, field: Field<'_>) -> Option<Vec<usize>> {
    let mut named = |node: Node<'_>| {
        let name = node.text(check, "sends", "[\"desk\"]")?;
        action(check, rules, name, node.span)
    };
    let found: Vec<_> = one_or_more(field.node).into_iter().map(&mut named).collect();
    found.into_iter().collect()
}

fn texts(check: &mut Check<'_>, field: Field<'_>) -> Vec<String> {
    one_or_more(field.node).into_iter().filter_map(|node| node.text(check, "message", "\"listing\"")).map(str::to_owned).collect()
}

fn one_or_more(node: Node<'_>) -> Vec<Node<'_>> {
    match node.as_list() {
        Some(items) => items.collect(),
        None => vec![node],
    }
}
