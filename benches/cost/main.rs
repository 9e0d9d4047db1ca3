//! What an envelope costs, in processor time: each stage of birdcall beside two references that take turns with it in one process.
//!
//! ```text
//! cargo bench --bench cost                  # everything, some ten minutes
//! cargo bench --bench cost -- quick         # up to 10 000 rules, two minutes
//! cargo bench --bench cost -- dense 100     # of the tables by rules, this one
//! cargo bench --bench cost -- dense 100 'only=decode + step'   # this one alone, for a profiler; or several, parted by a semicolon and a blank
//! cargo bench --bench cost -- dense 100 sigma=FOLDER           # measure nothing; write the rules as Sigma, and the envelopes
//! ```
//!
//! With `BIRDCALL_BENCH_JSON=FILE` the figures go there, too. As part of the tests (without `--bench`) nothing is measured: it is only
//! looked at whether birdcall and the reference find the same.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "a program that prints its table, and has nothing to say when its input is wrong"
)]

mod agreement;
mod asked;
mod corpus;
mod reference;
mod sigma;
mod stages;
mod table;
mod turns;
mod world;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use birdcall::model::envelope::Envelope;
use birdcall::model::subject::Tweet;
use birdcall::rules::ruleset::RuleSet;
use birdcall::rules::{self, Source, Style};

use asked::{Asked, Profile};
use corpus::Corpus;
use reference::Naive;
use stages::{Finds, Joins, Renders, Steps, WARMING, decoded, evaluate_all, silenced, subjects};
use table::{D, N, Table};
use turns::{Budget, Contender, Plain, measure};
use world::World;

/// As in the program itself: what is measured allocates.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// All that is drawn is drawn from this.
const SEED: u64 = 1;
/// Envelopes of the corpus.
const ENVELOPES: usize = 20_000;
/// One rule that every tweet fires, sent in every way.
const RENDERED: &str = r#"
[actions.webhook]
type = "webhook"
url = "http://127.0.0.1:9/hook"
[actions.template]
type = "webhook"
url = "http://127.0.0.1:9/hook"
json = { tweet = "{{ tweet.id }}", text = "{{ tweet.text }}" }
[actions.discord]
type = "discord"
url = "https://discord.com/api/webhooks/1/token"
[actions.telegram]
type = "telegram"
token = "1:token"
chat = -100
[actions.slack]
type = "slack"
url = "https://hooks.slack.com/services/T0/B0/token"
[actions.console]
type = "console"
[[rule]]
name = "every"
send = ["webhook", "template", "discord", "telegram", "slack", "console"]
when = { kind = ["post", "reply", "quote", "retweet"] }
"#;
/// In the order of the rule's sends.
const SENDS: [&str; 6] = ["webhook", "webhook, json template", "discord", "telegram", "slack", "console"];

/// Why nothing can be measured.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let having = |word: &str| arguments.iter().any(|argument| argument == word);
    let world = World::new(SEED);
    let done = if having("--bench") {
        let quick = having("quick");
        let budget = Budget { seconds: if quick { 1.5 } else { 8.0 }, samples: 12 };
        let mut counts: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
        if counts.is_empty() {
            counts = vec![10, 100, 1_000, 10_000];
            counts.extend((!quick).then_some(100_000));
        }
        let mut profiles: Vec<_> = Profile::ALL.into_iter().filter(|profile| having(profile.name())).collect();
        if profiles.is_empty() {
            profiles = Profile::ALL.to_vec();
        }
        let given = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name));
        if let (Some(folder), [profile], [count]) = (given("sigma="), profiles.as_slice(), counts.as_slice()) {
            let (asked, corpus) = (asked::rules(&world, *profile, SEED, *count), Corpus::new(&world, SEED, ENVELOPES));
            return match sigma::export(Path::new(folder), &asked, &corpus.frames) {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    println!("{folder}: {why}");
                    ExitCode::FAILURE
                }
            };
        }
        let only = given("only=");
        all(&world, (&profiles, &counts), budget, only)
    } else {
        agree(&world)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether birdcall and the reference find the same with a few rules of each profile, and anything at all.
fn agree(world: &World) -> Result<(), Failure> {
    let corpus = Corpus::new(world, SEED, 400);
    for profile in Profile::ALL {
        let (_, _, pairs) = rules_of(world, profile, 200, &corpus)?;
        if pairs == 0 && profile != Profile::Sparse {
            return Err(format!("nothing matches, {}", profile.name()).into());
        }
    }
    Ok(())
}

fn all(world: &World, (profiles, counts): (&[Profile], &[usize]), budget: Budget, only: Option<&str>) -> Result<(), Failure> {
    let corpus = Corpus::new(world, SEED, ENVELOPES);
    let envelopes: Vec<_> = corpus.frames.iter().map(|frame| decoded(frame)).collect();
    let mut table = Table::new(corpus.describe());
    if only.is_none() {
        stages(&corpus, &envelopes, budget, &mut table)?;
        renders(&corpus, budget, &mut table)?;
    }
    for profile in profiles {
        for count in counts {
            by_rules(world, (*profile, *count), (&corpus, &envelopes), (budget, only), &mut table)?;
        }
    }
    Ok(())
}

fn reference<'a>(corpus: &'a Corpus) -> Box<dyn Contender + 'a> {
    Box::new(Plain(D, |at: usize| reference::decode(&corpus.frames[at]).map_or(0, |envelope| envelope.weigh())))
}

/// The stages that do not depend on the rules.
fn stages(corpus: &Corpus, envelopes: &[Envelope<'_>], budget: Budget, table: &mut Table) -> Result<(), Failure> {
    let decode = Plain("decode", |at: usize| usize::from(decoded(&corpus.frames[at]).id.is_some()));
    let mut contenders = vec![reference(corpus), Box::new(decode), Box::new(Joins::new(envelopes))];
    table.add("decode and join", None, &measure(&mut contenders, WARMING..envelopes.len(), budget), None)?;
    Ok(())
}

fn renders(corpus: &Corpus, budget: Budget, table: &mut Table) -> Result<(), Failure> {
    let rules = Arc::new(load(&[RENDERED.to_owned()])?);
    let firings = Steps::new("", &rules, &corpus.frames).firings(0..corpus.frames.len() / 4);
    let mut contenders = vec![reference(corpus)];
    for (send, name) in SENDS.into_iter().enumerate() {
        contenders.push(Box::new(Renders { name, rules: &rules, send, firings: &firings }));
    }
    table.add("render, for each message", None, &measure(&mut contenders, 0..firings.len(), budget), None)?;
    Ok(())
}

/// Everything that depends on the rules, with so many of them.
fn by_rules(
    world: &World,
    (profile, count): (Profile, usize),
    (corpus, envelopes): (&Corpus, &[Envelope<'_>]),
    (budget, only): (Budget, Option<&str>),
    table: &mut Table,
) -> Result<(), Failure> {
    let (naive, rules, pairs) = rules_of(world, profile, count, corpus)?;
    let silent = Arc::new(silenced(&rules));
    let slim: Vec<_> = corpus.frames.iter().filter_map(|frame| reference::decode(frame)).collect();
    let tweets = subjects(envelopes);
    let tweets: &Vec<_> = &tweets.iter().map(|tweet| tweet.as_ref().map(Tweet::borrowed)).collect();
    let both = Plain(N, |at: usize| {
        let mut found = 0;
        if let Some(envelope) = reference::decode(&corpus.frames[at]) {
            naive.find(&envelope, |_| found += 1);
        }
        found
    });
    let naive_alone = Plain("N without its decode", |at: usize| {
        let mut found = 0;
        naive.find(&slim[at], |_| found += 1);
        found
    });
    let evaluating = Plain("evaluate, every rule", |at: usize| {
        let mut found = 0;
        tweets[at].iter().for_each(|tweet| evaluate_all(&rules.rules, tweet, |_| found += 1));
        found
    });
    let mut finds = Finds::new(&rules);
    let finding =
        Plain("evaluate, what the index finds", move |at: usize| tweets[at].as_ref().map_or(0, |tweet| finds.evaluate(tweet)));
    // Apart from the loops over all rules: between two turns those take so long that what is quick would have to fetch all that it remembers from
    // memory, envelope by envelope, and nothing else would be measured.
    let mut loops: Vec<Box<dyn Contender + '_>> =
        vec![reference(corpus), Box::new(both), Box::new(naive_alone), Box::new(evaluating)];
    let mut matchers: Vec<Box<dyn Contender + '_>> = vec![
        reference(corpus),
        Box::new(finding),
        Box::new(Steps::matches_only("decode + join + match", &silent, &corpus.frames)),
    ];
    let mut others: Vec<Box<dyn Contender + '_>> = vec![
        reference(corpus),
        Box::new(Steps::new("decode + step", &silent, &corpus.frames)),
        Box::new(Steps::new("decode + step with messages", &rules, &corpus.frames)),
    ];
    if let Some(only) = only {
        let asked = |name| only.split("; ").any(|only| only == name);
        let mut contenders: Vec<_> =
            matchers.into_iter().chain(others.into_iter().skip(1)).chain(loops.into_iter().skip(1)).collect();
        contenders.retain(|contender| asked(contender.name()));
        let samples = measure(&mut contenders, WARMING..envelopes.len(), budget);
        let d = samples.iter().find(|samples| samples.name == D);
        for samples in &samples {
            let (name, ns) = (samples.name, samples.median());
            let in_d = d.map(|d| format!(" ({:.2} D)", samples.against(d))).unwrap_or_default();
            println!("{count} rules, {}: {name} {ns:.0} ns{in_d}", profile.name());
        }
        return Ok(());
    }
    println!("\n{count} rules, {}: the reference and birdcall agree on {pairs} matches", profile.name());
    let samples = measure(&mut loops, WARMING..envelopes.len(), budget);
    table.add("by rules", Some((profile, count)), &samples, None)?;
    let of = |name| samples.iter().find(|samples| samples.name == name);
    let n_in_d = of(N).zip(of(D)).map(|(n, d)| n.against(d));
    table.add("by rules", Some((profile, count)), &measure(&mut matchers, WARMING..envelopes.len(), budget), n_in_d)?;
    table.add("by rules", Some((profile, count)), &measure(&mut others, WARMING..envelopes.len(), budget), n_in_d)?;
    Ok(())
}

/// The rules in both forms, once it is clear that they find the same; with the number of matches that were compared.
fn rules_of(world: &World, profile: Profile, count: usize, corpus: &Corpus) -> Result<(Naive, Arc<RuleSet>, usize), Failure> {
    let asked: Vec<Asked> = asked::rules(world, profile, SEED, count);
    let naive = Naive::new(&asked)?;
    let rules = Arc::new(load(&asked::files(&asked))?);
    let pairs = agreement::agreed(&naive, &rules, &corpus.frames)?;
    Ok((naive, rules, pairs))
}

fn load(files: &[String]) -> Result<RuleSet, Failure> {
    let source = |(number, text): (usize, &String)| Source::rules(format!("rules{number}.toml"), text.clone());
    let sources: Vec<_> = files.iter().enumerate().map(source).collect();
    let loaded = rules::load(&sources);
    loaded.ruleset.ok_or_else(|| rules::render(&loaded.diagnostics, &sources, Style::Plain).into())
}
