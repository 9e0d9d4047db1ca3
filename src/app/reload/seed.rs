//! The journal → windows and brakes that are new by a reload and know the past, as they would after a start. Beside the loop: it may read for seconds.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use tracing::warn;

use crate::app::meantime::Came;
use crate::app::past;
use crate::decode;
use crate::engine::{Engine, Input};
use crate::journal::{JournalError, Reader};
use crate::model::mode::Mode;
use crate::model::mute::Mute;
use crate::model::subject::Str;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet, Send, Window};

/// What the windows and brakes of new rules know.
pub(super) struct Seed {
    engine: Engine,
    /// The rules whose windows are new, and those whose brakes are.
    windows: HashSet<Str>,
    brakes: HashSet<Str>,
}

impl Seed {
    /// What the journal in `folder` says to those windows and brakes of `rules` that do not go on from `before`. `None`: there are none, or nothing can
    /// be read.
    pub(super) fn read(folder: &Path, before: &RuleSet, rules: &RuleSet, now: Timestamp) -> Option<Self> {
        let (before, mut new) = (awake(before), Vec::new());
        let (mut windows, mut brakes) = (HashSet::new(), HashSet::new());
        for rule in rules.rules.iter().filter(|rule| rule.mode != Mode::Off) {
            let before = before.get(&*rule.name);
            let (has_window, has_brakes) = (has_new_window(rule, before), has_new_brakes((rule, rules), before));
            if has_window || has_brakes {
                new.push(rule.clone());
            }
            windows.extend(has_window.then(|| Str::clone(&rule.name)));
            brakes.extend(has_brakes.then(|| Str::clone(&rule.name)));
        }
        if new.is_empty() {
            return None;
        }
        let rules = RuleSet { rules: new, ..rules.clone() };
        let read =
            |rules| -> Result<Engine, JournalError> { past::gone_through(&mut Reader::open(folder)?, &Arc::new(rules), now) };
        match read(rules) {
            Ok(engine) => Some(Self { engine, windows, brakes }),
            Err(error) => {
                warn!(
                    "windows and cooldowns that are new know nothing of what was before, and those that have changed go on with what they know: {error}"
                );
                None
            }
        }
    }

    /// Adds what has come since it was read, under these mutes.
    pub(super) fn add(&mut self, came: Vec<Came>, mutes: Vec<Mute>) {
        self.engine.set_mutes(mutes);
        let mut effects = Vec::new();
        for (at, origin, text) in came {
            let envelope = std::str::from_utf8(&text).ok().and_then(|text| decode::decode(text).ok());
            if let Some(envelope) = envelope {
                self.engine.step(&Input::Entry { envelope: &envelope, at, origin }, &mut effects);
                effects.clear();
            }
        }
    }

    /// Gives all of it to the engine that has these rules now. Returns what is to be let go of elsewhere.
    pub(super) fn give(self, to: &mut Engine) -> Engine {
        let Self { mut engine, windows, brakes } = self;
        to.adopt_windows(&mut engine, |rule| windows.contains(rule));
        to.adopt_brakes(&mut engine, |rule| brakes.contains(rule));
        engine
    }
}

/// A rule that is not off, of those in whose place others come.
struct Before<'r> {
    rule: &'r Rule,
    of: &'r RuleSet,
}

/// Those rules that are not off, by their names.
fn awake(of: &RuleSet) -> HashMap<&str, Before<'_>> {
    let awake = of.rules.iter().filter(|rule| rule.mode != Mode::Off);
    awake.map(|rule| (&*rule.name, Before { rule, of })).collect()
}

/// Whether the window of a rule begins with the reload. One of `first_seen` goes on whatever its conditions are now: what it has seen is known for
/// longer than there are entries, and no news by other words either.
fn has_new_window(rule: &Rule, before: Option<&Before<'_>>) -> bool {
    let goes_on = |old: &Rule| match rule.window.as_deref().is_some_and(Window::is_first_seen) {
        true => old.counted() == rule.counted(),
        false => old.seen() == rule.seen(),
    };
    rule.window.is_some() && before.is_none_or(|before| !goes_on(before.rule))
}

/// Whether its brakes do, or those of one of its sends.
fn has_new_brakes((rule, of): (&Rule, &RuleSet), before: Option<&Before<'_>>) -> bool {
    let Some(before) = before else { return rule.brakes.is_some() || rule.send.iter().any(|send| send.brakes.is_some()) };
    let sent_before = |send: &Send| {
        let name = &of.actions.get(send.action)?.name;
        let is_it = |old: &&Send| before.of.actions.get(old.action).is_some_and(|action| action.name == *name);
        before.rule.send.iter().find(is_it)?.brakes.as_deref()
    };
    let of_rule = rule.brakes.as_deref().is_none_or(|brakes| brakes.go_on_from(before.rule.brakes.as_deref()));
    let of_sends = |send: &Send| send.brakes.as_deref().is_none_or(|brakes| brakes.go_on_from(sent_before(send)));
    !of_rule || !rule.send.iter().all(of_sends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Source, load};

    /// Whether the window of the one rule with these lines begins with a reload from those, and its brakes.
    fn begins(before: &str, now: &str) -> (bool, bool) {
        let read = |lines: &str| {
            let text = format!(
                "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"r\"\nsend = [\"out\"]\neach = \"token\"\n{lines}\n"
            );
            load(&[Source::rules("rules.toml", text)]).ruleset.unwrap()
        };
        let (before, now) = (read(before), read(now));
        let (old, rule) = (awake(&before), &now.rules[0]);
        (has_new_window(rule, old.get("r")), has_new_brakes((rule, &now), old.get("r")))
    }

    #[test]
    fn what_counts_something_else_begins_anew_and_what_asks_for_more_or_less_goes_on() {
        let count = |words: &str, at_least: u8| {
            format!("when = {{ {words} }}\nwindow = {{ type = \"count\", within = \"1h\", at_least = {at_least} }}")
        };
        let first =
            |words: &str| format!("when = {{ {words} }}\nwindow = {{ type = \"first_seen\", of = \"token\", within = \"1d\" }}");
        let cross = |above: f64, hysteresis: f64| {
            format!(
                "when = {{ token = true }}\nwindow = {{ type = \"cross\", above = {above:?}, hysteresis = {hysteresis:?}, within = \"1h\" }}"
            )
        };
        let braked = |brakes: &str| format!("when = {{ token = true }}\n{brakes}");
        for (before, now, expected) in [
            (count("keyword = \"gm\"", 2), count("keyword = \"gm\"", 3), (false, false)),
            (count("keyword = \"gm\"", 2), count("keyword = \"gn\"", 2), (true, false)),
            (first("keyword = \"gm\""), first("keyword = \"gn\""), (false, false)),
            (count("keyword = \"gm\"", 2), first("keyword = \"gm\""), (true, false)),
            (cross(1.0, 0.1), cross(1.0, 0.2), (false, false)),
            (cross(1.0, 0.1), cross(2.0, 0.1), (true, false)),
            (braked(""), braked("cooldown = \"1h\""), (false, true)),
            (braked("cooldown = \"2h\""), braked("cooldown = \"1h\""), (false, false)),
            (braked("cooldown = \"1h\""), braked("cooldown = \"2h\""), (false, true)),
            (braked("cooldown = \"1h\""), braked("cooldown = { for = \"1h\", per = \"token\" }"), (false, true)),
            (braked("limit = \"2/1h\""), braked("limit = \"3/1h\""), (false, false)),
            (braked("cooldown = \"1h\""), braked(""), (false, false)),
            (format!("mode = \"off\"\n{}", count("keyword = \"gm\"", 2)), count("keyword = \"gm\"", 2), (true, false)),
        ] {
            assert_eq!(begins(&before, &now), expected, "{before}\n{now}");
        }
    }
}
