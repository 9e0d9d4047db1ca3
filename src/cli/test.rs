//! `birdcall test`: runs the tests beside rules files.

mod find;
mod junit;
mod skeleton;
mod told;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use self::find::{Found, Suite};
use super::state::State;
use super::{End, complain, say};
use crate::clock::Clock;
use crate::model::subject::Str;
use crate::rule_test::{self, Tested};
use crate::rules::ruleset::RuleSet;
use crate::rules::test_file::Test;

/// Run the tests beside rules files, or write the first one for a rule
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Rules files, files of tests (NAME.test.toml) or folders of them [default: rules.toml, else rules/]
    paths: Vec<PathBuf>,
    /// The rules to test [default: NAME.toml beside NAME.test.toml; where that is not whole by itself, its folder]
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Only tests with this text in their name
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Also write the results there, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// As JSON, for programs
    #[arg(long, conflicts_with = "new")]
    json: bool,
    /// Write a test for this rule instead: from the journal if it has something, else from the rule
    #[arg(long, value_name = "RULE", conflicts_with_all = ["filter", "junit"])]
    new: Option<String>,
    /// With --new: into this file, which must not be there, and not to the terminal
    #[arg(long, value_name = "FILE", requires = "new")]
    out: Option<PathBuf>,
    #[command(flatten)]
    state: State,
}

/// A file of tests, and what came of it.
pub(super) struct Ran {
    suite: Suite,
    tests: Vec<(Test, Tested, std::time::Duration)>,
    /// Left out by `--filter`.
    left_out: usize,
    /// Rules that no test makes fire.
    silent: Vec<Str>,
}

pub(super) fn run(arguments: &Arguments) -> End {
    if let Some(rule) = &arguments.new {
        return skeleton::run(arguments, rule);
    }
    let found = match find::find(&arguments.paths, arguments.rules.as_deref(), &arguments.state) {
        Ok(found) => found,
        Err(end) => return end,
    };
    let Found { suites, untested, broken } = found;
    let mut ran: Vec<_> = suites.into_iter().map(|suite| run_suite(suite, arguments.filter.as_deref())).collect();
    note_silent(&mut ran);
    let tests: usize = ran.iter().map(|ran| ran.tests.len()).sum();
    if arguments.json {
        say(told::json(&ran, &untested, &broken));
    } else {
        told::say_all(&ran, &untested, &broken, arguments.filter.as_deref());
    }
    if let Some(path) = &arguments.junit
        && let Err(error) = std::fs::File::create(path).and_then(|mut file| file.write_all(junit::xml(&ran, &broken).as_bytes()))
    {
        complain(format_args!("{}: {error}", path.display()));
        return End::CannotStart;
    }
    if tests == 0 && broken.is_empty() {
        complain(match &arguments.filter {
            Some(text) => format!("no test has `{}` in its name", super::table::clean(text)),
            None => "there are no tests. Write the first one: birdcall test --new RULE".to_owned(),
        });
        return End::RulesWrong;
    }
    let failed = ran.iter().flat_map(|ran| &ran.tests).any(|(_, tested, _)| !tested.failures.is_empty());
    if failed || !broken.is_empty() { End::RulesWrong } else { End::Fine }
}

fn run_suite(suite: Suite, filter: Option<&str>) -> Ran {
    let (wanted, rest): (Vec<Test>, Vec<Test>) =
        suite.tests.iter().cloned().partition(|test| filter.is_none_or(|text| test.name.contains(text)));
    let clock = Clock::system();
    let run = |test: Test| {
        let begun = clock.now();
        let tested = rule_test::run(&test, &suite.rules, &|name| suite.recorded(name));
        (test, tested, clock.now().since(begun))
    };
    let tests: Vec<_> = wanted.into_iter().map(run).collect();
    Ran { tests, left_out: rest.len(), silent: Vec::new(), suite }
}

/// Says of each rule set once which of its rules no test makes fire, of whatever file.
fn note_silent(ran: &mut [Ran]) {
    for at in 0..ran.len() {
        let Some((before, of)) = ran.get(..at).zip(ran.get(at)) else { continue };
        let is_same = |other: &&Ran| Arc::ptr_eq(&other.suite.rules, &of.suite.rules);
        if before.iter().any(|other| is_same(&other)) {
            continue;
        }
        let tested = ran.iter().filter(is_same).flat_map(|ran| ran.tests.iter().map(|(_, tested, _)| tested.clone()));
        let silent = rule_test::never_fired(&of.suite.rules, &tested.collect::<Vec<_>>());
        if let Some(of) = ran.get_mut(at) {
            of.silent = silent;
        }
    }
}

/// The rules of a set that no test beside its files makes fire; `None` when there are no tests beside them, or they cannot be run.
///
/// For `birdcall check`, which says so in a note.
pub(super) fn untested(path: Option<&std::path::Path>, rules: &Arc<RuleSet>) -> Option<Vec<Str>> {
    let suites = find::beside(path, rules)?;
    let tested: Vec<_> = suites
        .iter()
        .flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)))
        .map(|(suite, test)| (suite, rule_test::run(test, &suite.rules, &|name| suite.recorded(name))))
        .collect();
    // By name: each file of tests has a rule set of its own.
    let fires = |name: &str| {
        tested
            .iter()
            .any(|(suite, test)| test.fired.iter().any(|at| suite.rules.rules.get(*at).is_some_and(|rule| *rule.name == *name)))
    };
    let alive = rules.rules.iter().filter(|rule| rule.mode != crate::model::mode::Mode::Off);
    Some(alive.map(|rule| Str::clone(&rule.name)).filter(|name| !fires(name)).collect())
}
