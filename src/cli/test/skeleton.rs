//! `birdcall test --new RULE`: a first test of a rule, from what the journal has of it: something that it fired on, and something that
//! it nearly did. Where the journal has nothing, an example is made of the rule.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Arguments;
use crate::cli::table::clean;
use crate::cli::tweet::Progress;
use crate::cli::{End, complain, explain, load, say, warn};
use crate::decode;
use crate::engine::{Engine, Input};
use crate::journal::Reader;
use crate::matching::Truth;
use crate::model::firing::Firing;
use crate::model::time::Timestamp;
use crate::render::sanitise::is_shown;
use crate::rule_test::{self, quoted};
use crate::rules::Source;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::rules::test_file;
use crate::suppress::days::Days;

/// Of the journal's entries so many are looked through, the newest.
const ENTRIES: usize = 500_000;
/// Things in the way of what nearly fired.
const NEAR: f32 = 1.0;
/// Tweets that are remembered meanwhile.
const REMEMBERED: usize = 20_000;

pub(super) fn run(arguments: &Arguments, name: &str) -> End {
    match skeleton(arguments, name) {
        Ok(()) => End::Fine,
        Err(end) => end,
    }
}

fn skeleton(arguments: &Arguments, name: &str) -> Result<(), End> {
    let path = arguments.rules.clone().or_else(|| arguments.paths.first().cloned());
    let usual = || ["rules.toml", "rules"].iter().map(PathBuf::from).find(|path| path.exists());
    let loaded = match path.or_else(usual) {
        Some(path) => load::load_quietly(&path, &arguments.state)?,
        None => load::load(None, &arguments.state)?,
    };
    explain::known(&loaded.set, &[name.to_owned()])?;
    let Some(rule) = loaded.set.rules.iter().find(|rule| *rule.name == *name) else { return Err(End::RulesWrong) };
    // The others have no say in it.
    let alone = Arc::new(RuleSet { rules: vec![rule.clone()], ..loaded.set.clone() });
    let heard = heard(arguments, &alone);
    let mut tests = Vec::new();
    if let Some(fired) = &heard.fired {
        tests.push(test(&format!("{name}: as it fired"), &fired.1, name, None));
    } else {
        let events = rule_test::example(rule);
        tests.push(test(&format!("{name}: fires"), &events, name, None));
    }
    if let Some(near) = &heard.near {
        tests.push(test(&format!("{name}: as it nearly fired"), &near.1, name, near.2.as_ref()));
    } else {
        tests.extend(decoy(rule).map(|(events, because)| test(&format!("{name}: a decoy"), &events, name, because.as_ref())));
    }
    let text = checked(&alone, rule, tests, heard.fired.is_some());
    match &arguments.out {
        None => say(text.trim_end()),
        Some(path) => write(path, &text)?,
    }
    Ok(())
}

/// An event of the past: how near it came, its envelopes as events, and what held it back.
type Past = (f32, Vec<String>, Option<Vec<String>>);

/// Something that nearly fired: how near, its tweet, and what held it back.
type Near = (f32, String, Option<Vec<String>>);

#[derive(Default)]
struct Heard {
    fired: Option<Past>,
    near: Option<Past>,
}

/// What the journal has: the latest that fired and what came nearest without. Without a journal nothing.
fn heard(arguments: &Arguments, rules: &Arc<RuleSet>) -> Heard {
    let Ok(folder) = arguments.state.folder() else { return Heard::default() };
    let Ok(mut reader) = Reader::open(&folder) else { return Heard::default() };
    let mut engine = Engine::forgetful(Arc::clone(rules), REMEMBERED);
    let (mut fired, mut near): (Option<Vec<String>>, Option<Near>) = (None, None);
    let mut progress = Progress::new();
    let read = reader.recent(Timestamp::from_millis(i64::MIN), ENTRIES, |entry| {
        progress.one();
        let Ok(envelope) = decode::decode(entry.text) else { return };
        let moments = engine.step_told(
            &Input::Entry { envelope: &envelope, at: entry.at, origin: entry.origin },
            &|_| true,
            &mut Days::default(),
        );
        for moment in &moments {
            for of in &moment.firings {
                fired = came_of(&of.firing).or(fired.take());
            }
            let tweets = moment.accounts.iter().filter_map(|account| Some((account, account.subject.tweet()?)));
            for (account, tweet) in tweets.filter(|(_, tweet)| tweet.parts.content) {
                let Some(of) = account.rules.first() else { continue };
                let is_false = of.seen.iter().all(|seen| seen.node.truth == Truth::False);
                let Some(distance) = of.distance().filter(|distance| is_false && *distance <= NEAR) else { continue };
                let reason = rules.rules.first().and_then(|rule| rule_test::reasons(rule, of).into_iter().next());
                if near.as_ref().is_none_or(|(nearest, ..)| distance <= *nearest) {
                    near = Some((distance, tweet.id.to_string(), reason));
                }
            }
        }
    });
    progress.end();
    if let Err(error) = read {
        warn(format_args!("{error}; the example is made of the rule"));
    }
    let events = |ids: &[String]| crate::cli::tweet::entries(&folder, ids).ok().map(|(entries, _)| as_events(&entries));
    Heard {
        fired: fired.and_then(|ids| Some((0.0, events(&ids)?, None))),
        near: near.and_then(|(distance, id, reason)| Some((distance, events(&[id])?, reason))),
    }
}

/// The tweets that a firing came of: its own, and those that its window tells of.
fn came_of(firing: &Firing) -> Option<Vec<String>> {
    let own = firing.subject.tweet()?.id.to_string();
    let members = firing.window.iter().flat_map(|told| &told.members).filter_map(|member| member.tweet.as_ref());
    let mut all: Vec<_> = members.map(ToString::to_string).chain([own]).collect();
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// Entries as events of a test: records, each at its own moment.
fn as_events(entries: &[rule_test::Recorded]) -> Vec<String> {
    let of = |entry: &rule_test::Recorded| {
        let origin = match entry.origin {
            crate::model::firing::Origin::Live => String::new(),
            other => format!("origin = \"{}\", ", other.name()),
        };
        let record = format!("{{\"at\":{},\"envelope\":{}}}", entry.at.as_millis(), entry.text);
        format!("{{ {origin}envelope = {} }}", literal(&record))
    };
    entries.iter().map(of).collect()
}

/// JSON as TOML shows it best: as it is, if it can.
fn literal(json: &str) -> String {
    let is_plain = json.chars().all(|letter| is_shown(letter) && letter != '\'');
    if is_plain { format!("'{json}'") } else { quoted(json) }
}

/// The same example by somebody else, or with other words.
fn decoy(rule: &Rule) -> Option<(Vec<String>, Option<Vec<String>>)> {
    let events = rule_test::example(rule);
    let first = events.first()?;
    let (key, value) = ["text", "handle", "platform", "symbol"].into_iter().find_map(|key| {
        let (_, after) = first.split_once(&format!("{key} = "))?;
        let end = after.get(1..)?.find('"')? + 2;
        Some((key, after.get(..end)?.to_owned())).filter(|(_, value)| value != "\"\"" && value != "\"somebody\"")
    })?;
    let other = match key {
        "platform" => "\"twitter\"",
        "text" => "\"gm\"",
        _ => "\"somebody_else\"",
    };
    let changed = first.replacen(&format!("{key} = {value}"), &format!("{key} = {other}"), 1);
    let mut all = vec![changed];
    all.extend(events.iter().skip(1).cloned());
    Some((all, None))
}

fn test(name: &str, events: &[String], rule: &str, because: Option<&Vec<String>>) -> String {
    let events: String = events.iter().map(|event| format!("  {event},\n")).collect();
    let because = because.map(|of| if let [one] = of.as_slice() { quoted(one) } else { format!("{of:?}") });
    let zero = because.map(|because| format!(", fires = 0, because = {because}")).unwrap_or_default();
    format!("[[test]]\nname = {}\nevents = [\n{events}]\nexpect = [{{ rule = {}{zero} }}]\n", quoted(name), quoted(rule))
}

/// The tests, with what came of them put right: a decoy's reason is what holds it back, and what does not fire says so.
fn checked(rules: &Arc<RuleSet>, rule: &Rule, tests: Vec<String>, of_journal: bool) -> String {
    let from = if of_journal { "from the journal" } else { "an example made of the rule: put a real text there" };
    let mut out = format!("# Tests of {} ({from}). birdcall test runs them.\n", clean(&rule.name));
    for text in tests {
        let text = one_checked(rules, rule, text);
        out.push_str(if text.is_empty() { "" } else { "\n" });
        out.push_str(&text);
    }
    out
}

fn one_checked(rules: &Arc<RuleSet>, rule: &Rule, text: String) -> String {
    let read = |text: &str| test_file::read(&Source::rules(String::new(), text), rules);
    let ran = |text: &str| {
        let test = read(text).tests.into_iter().next()?;
        Some(rule_test::run(&test, rules, &|_| Err(String::new())))
    };
    let Some(tested) = ran(&text) else {
        return format!("# this test is not right yet; birdcall test says what is wrong\n{text}");
    };
    let is_decoy = text.contains("a decoy") || text.contains("nearly");
    if tested.failures.is_empty() {
        // A decoy that fires is none.
        return if is_decoy && !text.contains("because = ") { String::new() } else { text };
    }
    let looks = tested.failures.iter().flat_map(|failure| &failure.looks);
    let reasons: Vec<_> = looks.flat_map(|look| rule_test::reasons(rule, &look.rule)).collect();
    let quoted_name = quoted(&rule.name);
    for reason in &reasons {
        let because = if let [one] = reason.as_slice() { quoted(one) } else { format!("{reason:?}") };
        let with = text.replace(
            &format!("expect = [{{ rule = {quoted_name} }}]"),
            &format!("expect = [{{ rule = {quoted_name}, fires = 0, because = {because} }}]"),
        );
        if is_decoy && ran(&with).is_some_and(|tested| tested.failures.is_empty()) {
            return with;
        }
    }
    if is_decoy {
        return String::new();
    }
    let why = reasons.first().map(|of| format!(": {}", of.join(" and "))).unwrap_or_default();
    format!("# this does not make it fire yet{why}; change the events until it does\n{text}")
}

fn write(path: &Path, text: &str) -> Result<(), End> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {
            say(format_args!("{} is written; run it: birdcall test {}", path.display(), path.display()));
            Ok(())
        }
        Err(error) => {
            complain(format_args!("{}: {error}", path.display()));
            Err(End::CannotStart)
        }
    }
}
