//! What somebody asks for in words → what it is about, or why it is nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::address::Address;
use crate::model::ids::normal_symbol;
use crate::model::limits::MUTE_LONGEST;
use crate::model::mute::{Mute, MuteOf, Muted};
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;
use crate::rules::template::words;
use crate::rules::{nearest, parse_handle, written};

/// Characters of a symbol.
const SYMBOL: usize = 40;
/// Characters that are repeated of what is nothing.
const SHOWN: usize = 60;

/// What is to be muted, as somebody has written it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// A rule's or an action's.
    pub name: &'a str,
    /// Which of the two, where that was said.
    pub what: Option<Muted>,
    /// A symbol, with or without the `$`, or a contract.
    pub token: Option<&'a str>,
    /// With or without the `@`, and perhaps `#id`.
    pub handle: Option<&'a str>,
}

/// What is meant by the rules.
///
/// # Errors
///
/// In words: there is nothing of the name, or both a rule and an action have it; or the token or the handle can be none.
pub fn asked(rules: &RuleSet, asked: &Asked<'_>) -> Result<MuteOf, String> {
    let name = asked.name.trim();
    let is_rule = rules.rules.iter().any(|rule| *rule.name == *name);
    let is_action = rules.action(name).is_some();
    let what = match (asked.what, is_rule, is_action) {
        (None, true, true) => return Err(format!("{} is a rule and an action: say --rule or --action", quoted(name))),
        (Some(Muted::Rule) | None, true, _) => Muted::Rule,
        (Some(Muted::Action) | None, _, true) => Muted::Action,
        (what, ..) => return Err(unknown(rules, name, what)),
    };
    let token = asked.token.map(token).transpose().map_err(|why| format!("--token: {why}"))?;
    let handle = asked.handle.map(handle).transpose().map_err(|why| format!("--handle: {why}"))?;
    Ok(MuteOf { what, name: name.to_owned(), token, handle })
}

fn unknown(rules: &RuleSet, name: &str, what: Option<Muted>) -> String {
    let of_rules = rules.rules.iter().map(|rule| &*rule.name).filter(|_| what != Some(Muted::Action));
    let actions = rules.actions.iter().filter(|action| !action.retired).map(|action| action.name.as_str());
    let near = nearest(name, of_rules.chain(actions.filter(|_| what != Some(Muted::Rule))));
    let kind = what.map_or("rule and no action", Muted::name);
    let meant = near.map(|near| format!("; did you mean {}?", quoted(near))).unwrap_or_default();
    format!("there is no {kind} {}{meant}", quoted(name))
}

fn token(written: &str) -> Result<String, String> {
    let written = written.trim();
    match Address::parse_checked(written) {
        Ok(address) => return Ok(address.to_string()),
        // What begins so is meant as one.
        Err(wrong) if written.starts_with("0x") || written.starts_with("0X") => return Err(wrong.to_string()),
        Err(_) => {}
    }
    let symbol = normal_symbol(written);
    let is_one = |symbol: &str| symbol.chars().count() <= SYMBOL && !symbol.chars().any(|c| c.is_whitespace() || c.is_control());
    if symbol.is_empty() || !is_one(&symbol) {
        return Err(format!("{} is neither a symbol, such as DOGE, nor a contract", quoted(written)));
    }
    Ok(symbol.into_owned())
}

fn handle(written: &str) -> Result<String, String> {
    let (handle, id) = parse_handle(written).map_err(|why| format!("{} is no handle: {why}", quoted(written)))?;
    Ok(id.map_or_else(|| handle.to_string(), |id| format!("{handle}#{id}")))
}

/// A mute of the number after `last`, from now on.
///
/// # Errors
///
/// In words: it is too long, or not at all.
pub fn made(last: i64, (of, because): (MuteOf, Option<String>), (now, time): (Timestamp, Duration)) -> Result<Mute, String> {
    if time.is_zero() || time > MUTE_LONGEST {
        return Err(format!("--for: a mute is for some time, and for {} at most", written(MUTE_LONGEST)));
    }
    let from = next(now);
    Ok(Mute { number: last.saturating_add(1), of, from, until: from.plus(time), ended: None, because })
}

/// When what is said now begins to hold: what has come at this very moment was decided already.
#[must_use]
pub fn next(now: Timestamp) -> Timestamp {
    now.plus(Duration::from_millis(1))
}

/// The numbers of the mutes that are meant by one's number, or by the rule or action that they are of.
///
/// # Errors
///
/// In words: there is none, or it is not clear which.
pub fn named<'m>(mutes: impl Iterator<Item = &'m Mute> + Clone, which: &str, what: Option<Muted>) -> Result<Vec<i64>, String> {
    let which = which.trim();
    if mutes.clone().next().is_none() {
        return Err("nothing is muted".to_owned());
    }
    let is_of = |mute: &&Mute| mute.of.name == which && what.is_none_or(|what| mute.of.what == what);
    let of_name: Vec<_> = mutes.clone().filter(is_of).collect();
    let number = which.parse::<i64>().ok().filter(|_| what.is_none());
    let by_number = number.and_then(|number| mutes.clone().find(|mute| mute.number == number));
    if let Some(mute) = by_number {
        return Ok(vec![mute.number]);
    }
    let Some(first) = of_name.first() else {
        let near = nearest(which, mutes.map(|mute| mute.of.name.as_str()));
        let meant = near.map(|near| format!("; did you mean {}?", quoted(near)));
        let meant = meant.unwrap_or_else(|| "; birdcall mutes lists them".to_owned());
        return Err(match number {
            Some(number) => format!("there is no mute {number}, or it has ended{meant}"),
            None => format!("nothing of the name {} is muted{meant}", quoted(which)),
        });
    };
    if of_name.iter().any(|mute| mute.of.what != first.of.what) {
        return Err(format!("a rule and an action of the name {} are muted: say --rule or --action, or a number", quoted(which)));
    }
    Ok(of_name.into_iter().map(|mute| mute.number).collect())
}

/// What is to be known of a mute that is narrowed: nobody knows any more which token and account it is about that waits.
#[must_use]
pub fn only_new(of: &MuteOf) -> Option<&'static str> {
    of.is_narrowed().then_some("it holds what fires from now on: what waits already is sent, whatever it is about")
}

/// What is muted still, all of it, though these mutes have ended: in words, with the mute that holds the longest.
#[must_use]
pub fn still<'m>(ended: impl Iterator<Item = &'m Mute>, others: &(impl Iterator<Item = &'m Mute> + Clone)) -> Option<String> {
    let said = ended.filter_map(|ended| {
        let by = others.clone().filter(|other| other.of.covers(&ended.of)).max_by_key(|other| other.ends())?;
        let until = words::moment(by.ends(), ended.ends());
        Some(format!("{} is still muted until {until} by mute {}", ended.of, by.number))
    });
    let said: BTreeSet<String> = said.collect();
    (!said.is_empty()).then(|| said.into_iter().collect::<Vec<_>>().join("; "))
}

fn quoted(name: &str) -> String {
    let shown: String = name.chars().take(SHOWN).collect();
    if shown.len() < name.len() { format!("{shown:?}…") } else { format!("{shown:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_wider_mute_holds_it_is_said_that_it_is_muted_still() {
        let mute = |number, what, token: Option<&str>| Mute {
            number,
            of: MuteOf { what, name: "listing".to_owned(), token: token.map(str::to_owned), handle: None },
            from: Timestamp::from_millis(0),
            until: Timestamp::from_millis(number * 1_000),
            ended: None,
            because: None,
        };
        let whole = mute(2, Muted::Rule, None);
        for (ended, other, expected) in [
            (mute(1, Muted::Rule, None), &whole, true),
            (mute(1, Muted::Rule, Some("DOGE")), &whole, true),
            (whole.clone(), &mute(3, Muted::Rule, Some("DOGE")), false),
            (mute(1, Muted::Rule, Some("DOGE")), &mute(3, Muted::Rule, Some("PEPE")), false),
            (mute(1, Muted::Action, None), &whole, false),
        ] {
            let said = still([&ended].into_iter(), &[other].into_iter());
            let until = words::moment(other.until, ended.ends());
            let by = format!("is still muted until {until} by mute {}", other.number);
            assert_eq!(said.is_some_and(|said| said.ends_with(&by)), expected, "{ended:?} {other:?}");
        }
    }
}
