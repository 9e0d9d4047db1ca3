//! One expectation against what was done.

use std::time::Duration;

use super::because::{holds_back, reasons};
use super::{Difference, Failure, Look, Story, place_of};
use crate::engine::{Account, Answer, Fate, FiringAccount, RuleAccount, Way};
use crate::matching::element_name;
use crate::model::delivery::{Outcome, Suppression};
use crate::model::firing::{Element, Firing};
use crate::model::ids::normal_symbol;
use crate::model::message::Body;
use crate::model::subject::Subject;
use crate::rules::ruleset::RuleSet;
use crate::rules::test_file::Expect;
use crate::rules::{in_digest, written};

/// Lines of what was found.
const FOUND: usize = 12;

/// `None`: it is as expected.
pub(super) fn judge(expect: &Expect, rules: &RuleSet, story: &Story) -> Option<Failure> {
    let rule = rules.rules.get(expect.rule)?;
    let of_rule: Vec<_> = story.firings.iter().filter(|(_, of)| of.firing.rule == rule.name).collect();
    let found: Vec<_> = of_rule.iter().copied().filter(|(at, of)| fits(expect, *at, &of.firing)).collect();
    let differs = if found.len() != expect.fires {
        let told = of_rule.iter().map(|(at, of)| told(*at, &of.firing)).collect::<Vec<_>>();
        let found = if told.is_empty() { vec!["it does not fire".to_owned()] } else { told };
        Some(Difference { expected: wanted(expect, rules), found, help: None })
    } else if expect.fires == 0 {
        back(expect, rules, story)
    } else {
        found.iter().find_map(|(at, of)| sent(expect, rules, *at, of))
    };
    differs.map(|differs| Failure { span: expect.span, differs, looks: looks(expect, rules, story) })
}

fn fits(expect: &Expect, at: Duration, firing: &Firing) -> bool {
    expect.at.is_none_or(|of| of == at)
        && is_about(expect, &firing.subject)
        && expect.element.as_ref().is_none_or(|name| firing.element.as_ref().is_some_and(|of| is_named(of, name)))
}

fn is_about(expect: &Expect, subject: &Subject) -> bool {
    expect.tweet.as_ref().is_none_or(|id| subject.tweet().is_some_and(|tweet| tweet.id.as_str() == id))
}

/// By symbol, contract, exchange, id or title.
fn is_named(element: &Element, name: &str) -> bool {
    let names = match element {
        Element::Token(of) => [&of.symbol, &of.contract, &of.name],
        Element::Market(of) => [&of.exchange, &of.symbol, &of.base],
        Element::Prediction(of) => [&of.exchange, &of.id, &of.title],
    };
    let mut names = names.into_iter().flatten();
    names.any(|of| of.eq_ignore_ascii_case(name) || normal_symbol(of) == normal_symbol(name))
}

/// Whether a look is at the element that is meant. Where there was none to look at, it is the rule's word for all of them.
fn is_of_element(expect: &Expect, of: &RuleAccount) -> bool {
    let element = of.seen.first().and_then(|seen| seen.element.as_ref());
    let Some(name) = &expect.element else { return true };
    element.is_none_or(|element| is_named(element, name))
}

/// In words: what must happen.
fn wanted(expect: &Expect, rules: &RuleSet) -> String {
    let name = rules.rules.get(expect.rule).map_or("?", |rule| &*rule.name);
    let mut words = match expect.fires {
        0 => format!("`{name}` does not fire"),
        1 => format!("`{name}` fires once"),
        many => format!("`{name}` fires {many} times"),
    };
    if let Some(element) = &expect.element {
        words.push_str(&format!(" for {element}"));
    }
    if let Some(id) = &expect.tweet {
        words.push_str(&format!(" on tweet {id}"));
    }
    if let Some(at) = expect.at {
        words.push_str(&format!(" at +{}", written(at)));
    }
    words
}

/// In words: a firing.
fn told(at: Duration, firing: &Firing) -> String {
    let of = firing.element.as_ref().map(|element| format!(" for {}", element_name(element))).unwrap_or_default();
    format!("it fires{of} on {} at +{}", firing.subject.key(), written(at))
}

/// What the rules made of every subject that is meant, at the moment that is meant: the last look at each.
fn last_looks<'s>(expect: &'s Expect, story: &'s Story) -> impl Iterator<Item = &'s (Duration, Account)> {
    story.looks(expect.at).filter(|(_, account)| is_about(expect, &account.subject))
}

/// Every look that is meant: of each subject that the rule is about each element. Where there is no such subject, those of others.
fn meant<'s>(expect: &'s Expect, story: &'s Story) -> Vec<(&'s Account, RuleAccount)> {
    let all = last_looks(expect, story).flat_map(|(_, account)| account.rules.iter().map(move |of| (account, of)));
    let of_rule = all.filter(|(_, of)| of.rule == expect.rule);
    let looks: Vec<_> = of_rule.flat_map(|(account, of)| of.looks().into_iter().map(move |look| (account, look))).collect();
    let (others, own): (Vec<_>, Vec<_>) = looks.into_iter().partition(|(_, of)| of.answer == Answer::OtherEvent);
    if own.is_empty() { others } else { own }
}

/// Whether what must have held the rule back is what did, at every look.
fn back(expect: &Expect, rules: &RuleSet, story: &Story) -> Option<Difference> {
    let rule = rules.rules.get(expect.rule)?;
    let expected = format!("{}, because of {}", wanted(expect, rules), quoted(&expect.because));
    let all = meant(expect, story);
    let of_rule: Vec<_> = all.iter().filter(|(_, of)| is_of_element(expect, of)).collect();
    if of_rule.is_empty() {
        let others = all.iter().filter_map(|(_, of)| of.seen.first()?.element.as_ref()).map(element_name).collect::<Vec<_>>();
        let found = match (&expect.element, others.as_slice()) {
            (Some(name), [_, ..]) => format!("there is no {name}: it looked at {}", others.join(", ")),
            _ => "nothing has happened that it could be asked about".to_owned(),
        };
        return Some(Difference { expected, found: vec![found], help: None });
    }
    let is_so = |account: &Account, of: &RuleAccount| {
        holds_back(rule, of, &expect.because) && (of.answer != Answer::Fired || has_fired(expect, story, (account, of)))
    };
    let wrong: Vec<_> = of_rule.iter().filter(|(account, of)| !is_so(account, of)).collect();
    if wrong.is_empty() {
        return None;
    }
    let others = |of: &RuleAccount| {
        let mut others = reasons(rule, of);
        others.sort_by_key(Vec::len);
        others.dedup();
        others
    };
    let is_one = of_rule.len() == 1;
    let found = wrong.iter().flat_map(|(account, of)| {
        let which = if is_one { String::new() } else { format!("{}: ", look_name(account, of)) };
        match others(of).as_slice() {
            [] => vec![format!("{which}it does not fire, and no few reasons are why")],
            others => others.iter().take(4).map(|of| format!("{which}it does not fire because of {}", quoted(of))).collect(),
        }
    });
    let help = if wrong.len() < of_rule.len() {
        Some("what is looked at differs: name the one that is meant with `tweet` or `element`")
    } else {
        match wrong.first().and_then(|(_, of)| others(of).into_iter().next()) {
            Some(other) if other.len() > 1 => {
                Some("make the event nearer to one that fires, so that one thing alone holds the rule back")
            }
            Some(_) => Some("change `because`, or make the event one that fires but for it"),
            None => None,
        }
    };
    Some(Difference { expected, found: found.take(FOUND).collect(), help: help.map(str::to_owned) })
}

/// In words: which look it is.
fn look_name(account: &Account, of: &RuleAccount) -> String {
    let element = of.seen.first().and_then(|seen| seen.element.as_ref());
    let element = element.map(|element| format!(" for {}", element_name(element))).unwrap_or_default();
    format!("on {}{element}", account.subject.key())
}

/// Whether the firing that is said to have been before was, before the moment that is meant.
fn has_fired(expect: &Expect, story: &Story, (account, of): (&Account, &RuleAccount)) -> bool {
    let Some(seen) = of.seen.first() else { return false };
    let is_it = |firing: &Firing| {
        // A token that has got a contract since goes by another name.
        let is_named = firing.id == seen.id || seen.element.is_some();
        is_named && firing.rule == of.name && firing.subject.key() == account.subject.key()
    };
    story.firings.iter().any(|(at, of)| expect.at.is_none_or(|until| *at < until) && is_it(&of.firing))
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// Whether a firing is sent as expected.
fn sent(expect: &Expect, rules: &RuleSet, at: Duration, of: &FiringAccount) -> Option<Difference> {
    let name = |action: usize| rules.actions.get(action).map_or("?", |action| action.name.as_str());
    let told = |fate: &Fate| match reason(rules, of, fate) {
        "" | "incomplete" | "cooldown" | "limit" | "out_of_hours" | "max_per_day" => way(&fate.way),
        reason => format!("{} (`{reason}`)", way(&fate.way)),
    };
    let kept = |fate: &Fate| {
        let action = rules.actions.get(fate.action).filter(|_| matches!(fate.way, Way::Message | Way::Paper));
        action.and_then(|action| in_digest(action, of.firing.at)).map(|when| format!(", in a digest {when}")).unwrap_or_default()
    };
    let fates: Vec<_> = of.fates.iter().map(|fate| format!("to {}: {}{}", name(fate.action), told(fate), kept(fate))).collect();
    let differs = |expected: String, found: Vec<String>| Some(Difference { expected, found, help: None });
    let goes: Vec<usize> = of.fates.iter().filter(|fate| fate.body.is_some()).map(|fate| fate.action).collect();
    if let Some(sends) = &expect.sends {
        let names = sends.iter().map(|action| name(*action)).collect::<Vec<_>>().join(", ");
        if !(sends.iter().all(|action| goes.contains(action)) && goes.iter().all(|action| sends.contains(action))) {
            let names = if names.is_empty() { "nothing" } else { &names };
            return differs(format!("the firing at +{} sends to {names}", written(at)), fates);
        }
        let why = |fate: &Fate| reason(rules, of, fate);
        // Each send has one of these reasons, and each of these is one's.
        let is_named = |fate: &Fate| expect.because.iter().any(|of| of == why(fate));
        let occurs = |because: &String| of.fates.iter().any(|fate| because == why(fate));
        let is_so = !of.fates.is_empty() && of.fates.iter().all(is_named) && expect.because.iter().all(occurs);
        if sends.is_empty() && !is_so {
            return differs(format!("nothing is sent, because of {}", quoted(&expect.because)), fates);
        }
    }
    if let Some(action) = expect.action.filter(|action| !goes.contains(action)) {
        return differs(format!("the firing at +{} sends to {}", written(at), name(action)), fates);
    }
    let meant = of.fates.iter().filter(|fate| expect.action.is_none_or(|action| action == fate.action));
    let texts: Vec<_> = meant.filter_map(|fate| fate.body.as_deref()).map(text_of).collect();
    let says = |part: &String| texts.iter().any(|text| text.contains(part.as_str()));
    let missing = expect.message.iter().find(|part| !says(part))?;
    differs(
        format!("the message has `{missing}`"),
        texts.iter().map(|text| format!("the message is: {}", text.replace('\n', " · "))).collect(),
    )
}

fn way(way: &Way) -> String {
    match way {
        Way::Order => "an order".to_owned(),
        Way::Message => "a message".to_owned(),
        Way::Paper => "on paper".to_owned(),
        Way::Ended(Outcome::Dead { reason }) => reason.clone(),
        Way::Ended(Outcome::Suppressed { reason }) => reason.name().to_owned(),
        Way::Ended(outcome) => outcome.name().to_owned(),
    }
}

/// The word of `because` for a delivery that ended before it began.
fn reason(rules: &RuleSet, of: &FiringAccount, fate: &Fate) -> &'static str {
    match &fate.way {
        Way::Ended(Outcome::Expired) if of.is_too_late_for(fate, rules) => "late",
        Way::Ended(Outcome::Expired) => "max_age",
        Way::Ended(Outcome::Suppressed { reason: Suppression::Off | Suppression::Paper }) => "mode",
        Way::Ended(Outcome::Suppressed { reason: by }) => by.name(),
        Way::Ended(Outcome::Dead { .. }) => "incomplete",
        _ => "",
    }
}

/// All words of a message, whatever its shape.
fn text_of(body: &Body) -> String {
    let (_, bytes) = body.store();
    let raw = String::from_utf8_lossy(&bytes).into_owned();
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return raw };
    let mut words = Vec::new();
    gather(&json, &mut words);
    words.join("\n")
}

fn gather(json: &serde_json::Value, words: &mut Vec<String>) {
    match json {
        serde_json::Value::Object(of) => of.values().for_each(|of| gather(of, words)),
        serde_json::Value::Array(of) => of.iter().for_each(|of| gather(of, words)),
        serde_json::Value::String(text) => words.push(text.clone()),
        serde_json::Value::Number(number) => words.push(number.to_string()),
        _ => {}
    }
}

fn looks(expect: &Expect, rules: &RuleSet, story: &Story) -> Vec<Look> {
    let of = |(at, account): &(Duration, Account)| {
        let mut rule = account.rules.iter().find(|of| place_of(rules, &of.name) == Some(expect.rule))?.clone();
        if let Some(name) = &expect.element {
            rule.seen.retain(|seen| seen.element.as_ref().is_none_or(|of| is_named(of, name)));
        }
        Some(Look { at: *at, now: account.at, subject: account.subject.key(), event: account.subject.event, rule })
    };
    last_looks(expect, story).filter_map(of).collect()
}
