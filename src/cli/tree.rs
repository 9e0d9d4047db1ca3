//! The tree of a rule → lines for people: what was asked, whether it holds, what was seen.

use anstyle::Style;

use super::moments::{Moments, span};
use super::table::{FAINT, FINE, PLAIN, STRONG, WAITING, WARNING, WRONG, clean};
use crate::engine::{Account, Answer, Fate, FiringAccount, RuleAccount, Way};
use crate::matching::{Node, Truth, element_name};
use crate::model::delivery::{Outcome, Suppression};
use crate::model::firing::Firing;
use crate::model::mode::Mode;
use crate::model::time::Timestamp;
use crate::rules::in_digest;
use crate::rules::ruleset::RuleSet;
use crate::suppress::days::OfDay;

/// What stands in front of every step inwards.
const INDENT: &str = "  ";

/// Rules, and how their matchers are written in the files.
pub(super) struct Book<'r> {
    pub(super) rules: &'r RuleSet,
    pub(super) written: super::explain::Written,
}

impl Book<'_> {
    /// Says of every matcher what stands in the file in its place.
    pub(super) fn as_written(&self, of: &mut RuleAccount) {
        let Some(written) = self.written.get(&*of.name) else { return };
        let trees = of.seen.iter_mut().map(|seen| &mut seen.node).chain(&mut of.without);
        for tree in trees {
            let mut nodes = Vec::new();
            tree.matchers(&mut |node| nodes.push(node));
            if nodes.len() != written.len() {
                continue;
            }
            for (node, written) in nodes.into_iter().zip(written).filter(|(_, written)| !written.is_empty()) {
                node.asked.clone_from(written);
            }
        }
    }
}

/// One rule: its answer in a line, and why.
pub(super) fn rule(book: &Book<'_>, of: &RuleAccount, at: Timestamp, moments: Option<&Moments>) -> String {
    let mut of = of.clone();
    book.as_written(&mut of);
    let (words, style) = answer(of.answer, at, moments);
    let mut out = format!("{STRONG}{}{STRONG:#}  {style}{words}{style:#}\n", clean(&of.name));
    let many = of.seen.len() > 1;
    for seen in &of.seen {
        let mut depth = 1;
        if let Some(element) = &seen.element {
            let (words, style) = answer(seen.answer, at, moments);
            let told = if many { format!("  {style}{words}{style:#}") } else { String::new() };
            out.push_str(&format!("{INDENT}each: {}{told}\n", clean(&element_name(element))));
            depth = 2;
        }
        top(&mut out, &seen.node, depth);
    }
    of.without.iter().for_each(|node| top(&mut out, node, 1));
    out
}

/// In words.
pub(super) fn answer(answer: Answer, at: Timestamp, moments: Option<&Moments>) -> (String, Style) {
    match answer {
        Answer::Fires => ("fires".to_owned(), FINE),
        Answer::Fired => ("is true, and has fired before".to_owned(), FINE),
        Answer::Unknown { until: Some(until) } => {
            let when = moments.map(|moments| format!(", until {}", moments.local(until))).unwrap_or_default();
            let words =
                format!("unknown: waits for {} more{when}; what has not come then counts as absent", span(until.since(at)));
            (words, WAITING)
        }
        Answer::OverTime(why) => (format!("is true, but {why}"), WAITING),
        Answer::Unknown { until: None } => ("unknown".to_owned(), WAITING),
        Answer::False => ("false".to_owned(), WRONG),
        Answer::NoElement => ("false: there is nothing of what `each` asks for".to_owned(), WRONG),
        Answer::Off => ("off: `mode = \"off\"`, it is not evaluated".to_owned(), WARNING),
        Answer::OtherEvent => ("is not about such an event".to_owned(), FAINT),
    }
}

/// The `when` table itself needs no line of its own.
fn top(out: &mut String, node: &Node, depth: usize) {
    if node.key == "all" {
        node.nodes.iter().for_each(|node| line(out, node, depth));
    } else {
        line(out, node, depth);
    }
}

fn line(out: &mut String, node: &Node, depth: usize) {
    let (mark, style) = match node.truth {
        Truth::True => ("✓", FINE),
        Truth::False => ("✗", WRONG),
        Truth::Unknown => ("?", WAITING),
    };
    // A table of one matcher is that matcher.
    if node.key == "all" && node.nodes.len() == 1 {
        return node.nodes.iter().for_each(|node| line(out, node, depth));
    }
    let asked = match (node.key, node.asked.as_str()) {
        ("any", "") => "any of".to_owned(),
        ("any", asked) => format!("any of ({asked})"),
        ("all", _) => "all of".to_owned(),
        ("none", _) => "none of".to_owned(),
        ("element", _) => clean(&node.seen),
        (_, asked) => clean(asked),
    };
    let seen = if node.key == "element" || node.seen.is_empty() {
        String::new()
    } else {
        format!("  {FAINT}{}{FAINT:#}", clean(&node.seen))
    };
    let pad = INDENT.repeat(depth);
    out.push_str(&format!("{pad}{style}{mark}{style:#} {PLAIN}{asked}{PLAIN:#}{seen}\n"));
    // Where there is but one element, its name stands above or beside.
    let below = match node.nodes.as_slice() {
        [one] if one.key == "element" => &one.nodes,
        all => all,
    };
    below.iter().for_each(|node| line(out, node, depth + 1));
}

/// A firing and what becomes of each of its sends.
pub(super) fn firing(book: &Book<'_>, of: &FiringAccount) -> String {
    let firing = &of.firing;
    let element = firing.element.as_ref().map(|element| format!(" for {}", clean(&element_name(element)))).unwrap_or_default();
    let late = if firing.is_late() { format!("  {WARNING}late: it did not come live{WARNING:#}") } else { String::new() };
    let mut out =
        format!("{FINE}fires{FINE:#} {STRONG}{}{STRONG:#}{element}  {FAINT}{}{FAINT:#}{late}\n", clean(&firing.rule), firing.id);
    for fate in &of.fates {
        let name = book.rules.actions.get(fate.action).map_or("?", |action| action.name.as_str());
        let left = fate.expires_at.map(|at| format!("  {FAINT}expires {} after the firing{FAINT:#}", span(at.since(firing.at))));
        let (words, style) = if matches!(fate.way, Way::Ended(Outcome::Expired)) && of.is_too_late_for(fate, book.rules) {
            ("late: an order is made of live news only, and this did not come live".to_owned(), WARNING)
        } else {
            way(fate, book, firing)
        };
        out.push_str(&format!("{INDENT}→ {}: {style}{words}{style:#}{}\n", clean(name), left.unwrap_or_default()));
    }
    out
}

fn way(fate: &Fate, book: &Book<'_>, firing: &Firing) -> (String, Style) {
    let (rule, action) = (&*firing.rule, fate.action);
    let kept = book.rules.actions.get(action).and_then(|action| in_digest(action, firing.at));
    let kept = kept.map(|when| format!(", in a digest {when}")).unwrap_or_default();
    let nth =
        fate.of_day.map(|OfDay { nth, most }| format!(", number {nth} of {most} that day (max_per_day)")).unwrap_or_default();
    match &fate.way {
        Way::Order => (format!("an order, sent{nth}"), FINE),
        Way::Message if kept.is_empty() => (format!("a message, sent{nth}"), FINE),
        Way::Message => (format!("a message{kept}{nth}"), FINE),
        Way::Paper => (
            format!("on paper: made{kept} and not sent, as {} says `mode = \"paper\"`", says(book, rule, action, Mode::Paper)),
            WAITING,
        ),
        Way::Ended(Outcome::Suppressed { reason }) if fate.held.is_some() => {
            let by = if fate.held.is_some_and(|held| held.by_rule) { "rule" } else { "rule's send" };
            let until = fate.held.and_then(|held| held.until).map(|until| format!(", for {} more", span(until.since(firing.at))));
            (format!("held back ({}) by the {by}{}", reason.name(), until.unwrap_or_default()), WARNING)
        }
        Way::Ended(Outcome::Suppressed { reason: Suppression::MaxPerDay }) => {
            let most = fate.of_day.map(|of| of.most).unwrap_or_default();
            (format!("held back (max_per_day): the action has had its {most} of that day (UTC)"), WARNING)
        }
        Way::Ended(Outcome::Suppressed { reason: Suppression::Muted }) => {
            ("held back (muted): the rule or the action was muted then".to_owned(), WARNING)
        }
        Way::Ended(Outcome::Suppressed { reason }) => {
            (format!("held back ({}), as {} says so", reason.name(), says(book, rule, action, Mode::Off)), WARNING)
        }
        Way::Ended(Outcome::Expired) => ("expired: older than its `max_age`".to_owned(), WARNING),
        Way::Ended(Outcome::Dead { reason }) => (clean(reason), WRONG),
        Way::Ended(outcome) => (outcome.name().to_owned(), WARNING),
    }
}

/// Who says that a mode is so strict.
fn says(book: &Book<'_>, rule: &str, action: usize, mode: Mode) -> &'static str {
    let of_rule = book.rules.rules.iter().find(|of| *of.name == *rule).is_some_and(|rule| rule.mode >= mode);
    let of_action = book.rules.actions.get(action).is_some_and(|action| action.mode >= mode);
    match (of_rule, of_action) {
        (true, _) => "the rule (or [defaults])",
        (_, true) => "the action",
        _ => "the rule's send",
    }
}

/// How many rules that do not hold are shown with their trees.
const NEAREST: usize = 3;

/// All rules of an account: those with something to say in full, those that came nearest, the others summed up.
pub(super) fn account(book: &Book<'_>, of: &Account, all: bool, moments: Option<&Moments>) -> String {
    let mut rules: Vec<&RuleAccount> = of.rules.iter().collect();
    let rank = |of: &RuleAccount| match of.answer {
        Answer::Fires => 0,
        Answer::Fired => 1,
        Answer::OverTime(_) | Answer::Unknown { .. } => 2,
        Answer::False | Answer::NoElement => 3,
        Answer::Off => 4,
        Answer::OtherEvent => 5,
    };
    let distance = |of: &RuleAccount| of.distance().unwrap_or(f32::MAX);
    rules.sort_by(|a, b| rank(a).cmp(&rank(b)).then(distance(a).total_cmp(&distance(b))));
    let (mut out, mut nearest, mut rest) = (String::new(), 0, [(0, "false"), (0, "off"), (0, "not about such an event")]);
    for of_rule in rules {
        let is_false = rank(of_rule) == 3;
        let place = match rank(of_rule) {
            3 => 0,
            4 => 1,
            5 => 2,
            _ => usize::MAX,
        };
        // With one thing in its way, or two of which one may still come, a rule came near; with more it was never meant.
        let is_near = is_false && nearest < NEAREST && distance(of_rule) < 2.0;
        nearest += usize::from(is_near);
        if all || is_near || place == usize::MAX || of.rules.len() == 1 {
            out.push_str(&rule(book, of_rule, of.at, moments));
        } else if let Some((count, _)) = rest.get_mut(place) {
            *count += 1;
        }
    }
    let rest: Vec<_> = rest.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !rest.is_empty() {
        let word = if out.is_empty() { "rules" } else { "other rules" };
        out.push_str(&format!("{FAINT}{word}: {} (--all shows them){FAINT:#}\n", rest.join(", ")));
    }
    out
}
