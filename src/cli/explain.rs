//! `birdcall explain`: what every rule makes of an envelope, a file of them or a tweet, and why.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::moments::Moments;
use super::state::State;
use super::table::{FAINT, STRONG, WARNING, clean, inert};
use super::tree::{self, Book};
use super::{End, complain, load, recorded, say, tweet};
use crate::clock::Clock;
use crate::decode;
use crate::engine::{Account, Answer, Engine, Input, Moment};
use crate::model::ids::TweetId;
use crate::model::subject::{About, Event};
use crate::model::time::Timestamp;
use crate::rule_test::{self, Recorded};
use crate::rules::ruleset::{Rule, RuleSet};

/// Tweets that are remembered at least; of one file as many as it has.
const REMEMBERED: usize = 1_000;
/// Tweets of which it is said what they come to when nothing more is waited for.
const SETTLED: usize = 50;

/// Show what every rule makes of an envelope, a file or a tweet, and why
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to explain: a .jsonl file, a tweet's id or address (read from the journal), or - for standard input; with rules in front
    /// of it, if they are not rules.toml or rules/
    #[arg(num_args = 0..=2, value_names = ["RULES", "WHAT"])]
    what: Vec<String>,
    /// One envelope, as JSON
    #[arg(long, value_name = "JSON")]
    envelope: Option<String>,
    /// Only this rule; may stand several times
    #[arg(long = "rule", value_name = "NAME")]
    only: Vec<String>,
    /// Also the trees of rules that are false at the first glance
    #[arg(long)]
    all: bool,
    /// Of a file only what follows the last envelope
    #[arg(long)]
    last: bool,
    /// As JSON: one object a line, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    match explain(arguments) {
        Ok(()) => End::Fine,
        Err(end) => end,
    }
}

fn explain(arguments: &Arguments) -> Result<(), End> {
    let (rules, what) = positions(&arguments.what, arguments.envelope.is_some())?;
    let (rules, book_of) = rules_at(rules.as_deref())?;
    let book = Book { rules: &rules, written: book_of };
    known(&rules, &arguments.only)?;
    let entries = entries(arguments, what.as_deref())?;
    let wanted = |rule: &Rule| arguments.only.is_empty() || arguments.only.iter().any(|name| **name == *rule.name);
    let moments = Moments::here(Clock::system().wall());
    let teller = Teller { arguments, book: &book, moments: &moments };
    teller.run(&rules, &entries, &wanted);
    Ok(())
}

/// Of each rule, by its name, how its matchers are written.
pub(super) type Written = HashMap<String, Vec<String>>;

/// Rules, loaded, and how their matchers are written.
pub(super) fn rules_at(path: Option<&Path>) -> Result<(Arc<RuleSet>, Written), End> {
    let usual = || ["rules.toml", "rules"].iter().map(PathBuf::from).find(|path| path.exists());
    let loaded = match path.map(Path::to_owned).or_else(usual) {
        Some(path) => load::load_quietly(&path)?,
        None => load::load(None)?,
    };
    let written = crate::rules::as_written(&loaded.sources);
    Ok((Arc::new(loaded.set), written))
}

/// Which of the words are rules, and which is what is to be explained.
pub(super) fn positions(what: &[String], has_envelope: bool) -> Result<(Option<PathBuf>, Option<String>), End> {
    match (what, has_envelope) {
        ([], true) => Ok((None, None)),
        ([rules], true) => Ok((Some(rules.into()), None)),
        ([what], false) => Ok((None, Some(what.clone()))),
        ([rules, what], false) => Ok((Some(rules.into()), Some(what.clone()))),
        ([], false) => {
            complain(
                "nothing to explain: name a .jsonl file, a tweet's id or address, - for standard input, or --envelope '{…}'",
            );
            Err(End::CannotStart)
        }
        _ => {
            complain("with --envelope there is nothing else to explain: leave one of them away");
            Err(End::CannotStart)
        }
    }
}

/// Whether all rules that are asked for are there.
pub(super) fn known(rules: &RuleSet, names: &[String]) -> Result<(), End> {
    for name in names {
        if rules.rules.iter().any(|rule| *rule.name == **name) {
            continue;
        }
        let near = rules.rules.iter().map(|rule| (strsim::jaro_winkler(name, &rule.name), &rule.name));
        let near = near.filter(|(near, _)| *near > 0.8).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let hint = near.map(|(_, name)| format!("; did you mean `{}`?", clean(name))).unwrap_or_default();
        complain(format_args!("there is no rule `{}`{hint}", clean(name)));
        return Err(End::RulesWrong);
    }
    Ok(())
}

/// The envelopes that are to be explained.
fn entries(arguments: &Arguments, what: Option<&str>) -> Result<Vec<Recorded>, End> {
    let cannot = |why: String| {
        complain(why);
        End::CannotStart
    };
    if let Some(text) = &arguments.envelope {
        let recorded = recorded::record(text.trim()).ok_or_else(|| match decode::decode(text.trim()) {
            Err(why) => cannot(format!("--envelope is no envelope of the feed: {why}")),
            Ok(_) => cannot("--envelope is no envelope of the feed".to_owned()),
        })?;
        return Ok(vec![recorded]);
    }
    let what = what.unwrap_or("-");
    if what == "-" {
        if std::io::stdin().is_terminal() {
            super::warn("reading envelopes from the terminal, one a line; Ctrl-D ends them");
        }
        return recorded::read_from(std::io::stdin()).map_err(|why| cannot(format!("standard input: {why}")));
    }
    if Path::new(what).is_file() {
        let read = recorded::read(Path::new(what)).map_err(|why| cannot(format!("{}: {why}", clean(what))))?;
        return if read.is_empty() { Err(cannot(format!("{}: there are no envelopes in it", clean(what)))) } else { Ok(read) };
    }
    let Some(id) = tweet::id(what) else {
        return Err(cannot(format!(
            "{}: this is no file, no tweet's id and no address of one (https://x.com/…/status/ID)",
            clean(what)
        )));
    };
    of_tweet(&arguments.state, &id)
}

/// What the journal holds of a tweet; nothing is told with what can be done.
pub(super) fn of_tweet(state: &State, id: &str) -> Result<Vec<Recorded>, End> {
    let folder = state.folder()?;
    let (found, damaged) = tweet::entries(&folder, id).map_err(|error| {
        complain(format_args!(
            "{error}; to explain a tweet that was never heard, give its envelopes: --envelope '{{…}}', a .jsonl file or -"
        ));
        End::CannotStart
    })?;
    if damaged > 0 {
        super::warn(format_args!("the journal is damaged: what could not be read ({damaged} so far) is left out"));
    }
    if found.is_empty() {
        complain(format_args!(
            "the journal in {} has nothing of tweet {id}. It may be older than what is kept, of an account that the key does not \
             track, or of another state folder (--state DIR). To explain it all the same, give its envelopes: --envelope '{{…}}', \
             a .jsonl file or -",
            folder.display()
        ));
        return Err(End::CannotStart);
    }
    Ok(found)
}

struct Teller<'t> {
    arguments: &'t Arguments,
    book: &'t Book<'t>,
    moments: &'t Moments,
}

impl Teller<'_> {
    fn run(&self, rules: &Arc<RuleSet>, entries: &[Recorded], wanted: &dyn Fn(&Rule) -> bool) {
        let mut engine = Engine::forgetful(Arc::clone(rules), entries.len().max(REMEMBERED));
        let (mut tweets, mut now) = (Vec::new(), None);
        for (number, entry) in entries.iter().enumerate() {
            let is_last = number + 1 == entries.len();
            let Ok(envelope) = decode::decode(&entry.text) else { continue };
            let at = entry.at.or(envelope.ts).or(now).unwrap_or_else(|| Clock::system().wall());
            now = now.max(Some(at));
            let moments = engine.step_told(&Input::Entry { envelope: &envelope, at, origin: entry.origin }, wanted);
            if let Some(id) = envelope.body.tweet_id().map(TweetId::new) {
                tweets.retain(|of| *of != id);
                tweets.push(id);
            }
            if is_last || !self.arguments.last {
                let name = envelope.body.name();
                moments.iter().for_each(|moment| self.tell(moment, if moment.of_wait { None } else { Some(name) }));
            }
        }
        tweets.drain(..tweets.len().saturating_sub(SETTLED));
        self.settle(&mut engine, (&tweets, now.unwrap_or_default()), wanted);
    }

    /// Time passes until nothing is waited for.
    fn settle(&self, engine: &mut Engine, (tweets, now): (&[TweetId], Timestamp), wanted: &dyn Fn(&Rule) -> bool) {
        let answers =
            |engine: &mut Engine| -> Vec<Option<Account>> { tweets.iter().map(|id| engine.account_of(id, wanted)).collect() };
        let mut before = answers(engine);
        // Where nothing can make a rule true the engine does not wait, and it is unknown all the same until then.
        let over = now.plus(rule_test::longest_wait(self.book.rules));
        loop {
            let deadline = engine.next_deadline().unwrap_or(over);
            let is_last = engine.next_deadline().is_none();
            let moments = engine.step_told(&Input::Tick(deadline), wanted);
            let after = answers(engine);
            let mut told: Vec<TweetId> = Vec::new();
            for moment in &moments {
                let of = moment.accounts.iter().filter_map(|account| account.subject.tweet());
                told.extend(of.map(|tweet| tweet.id.clone()));
                self.tell(moment, None);
            }
            // What a wait's end has made false is news as well.
            for (before, after) in before.iter().zip(&after) {
                let (Some(before), Some(after)) = (before, after) else { continue };
                let is_told = after.subject.tweet().is_some_and(|tweet| told.contains(&tweet.id));
                if !is_told && changed(before, after) {
                    let mut after = after.clone();
                    let known = |name: &str| before.rules.iter().find(|rule| *rule.name == *name).map(|rule| rule.answer.name());
                    after.rules.retain(|rule| known(&rule.name) != Some(rule.answer.name()));
                    self.tell(&Moment { at: deadline, of_wait: true, accounts: vec![after], firings: Vec::new() }, None);
                }
            }
            before = after;
            if is_last {
                break;
            }
        }
    }

    fn tell(&self, moment: &Moment, envelope: Option<&str>) {
        if self.arguments.json {
            let mut line = object(self.book, moment);
            if let Some(fields) = line.as_object_mut() {
                fields.insert("envelope".to_owned(), json!(envelope));
            }
            return say(inert(&line.to_string()));
        }
        let what = envelope.unwrap_or("nothing more has come in time");
        let when = self.moments.local(moment.at);
        if moment.accounts.is_empty() {
            say(format_args!("{FAINT}{when}{FAINT:#} {STRONG}{what}{STRONG:#}  {FAINT}no rule is about it{FAINT:#}"));
        }
        for account in &moment.accounts {
            say(format_args!("{FAINT}{when}{FAINT:#} {STRONG}{what}{STRONG:#}  {}", about(account)));
            for firing in moment.firings.iter().filter(|of| of.firing.subject.key() == account.subject.key()) {
                say(indent(&tree::firing(self.book, firing)));
            }
            say(indent(&tree::account(self.book, account, self.arguments.all, Some(self.moments))));
        }
    }
}

fn indent(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}\n")).collect::<String>().trim_end().to_owned()
}

/// Whether a rule says something else than before.
pub(super) fn changed(before: &Account, after: &Account) -> bool {
    let of = |account: &Account| account.rules.iter().map(|rule| rule.answer.name()).collect::<Vec<_>>();
    of(before) != of(after)
}

/// Characters of a text that stand in a heading.
const TEXT: usize = 100;

/// A subject in one line: what it is, by whom, its first words.
pub(super) fn about(account: &Account) -> String {
    let subject = &account.subject;
    let who = subject.actor().handle.as_ref().map(|handle| format!(" by @{}", clean(handle))).unwrap_or_default();
    let words = |text: &str| {
        let text = clean(text);
        match text.char_indices().nth(TEXT) {
            Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
            None => text,
        }
    };
    let name = if subject.event == Event::Tweet { "tweet" } else { subject.event.name() };
    match &subject.about {
        About::Tweet(tweet) => {
            let text =
                tweet.text.as_ref().filter(|text| !text.is_empty()).map(|text| format!(": {FAINT}“{}”{FAINT:#}", words(text)));
            let text = text.unwrap_or_else(|| {
                if tweet.parts.content { String::new() } else { format!(": {WARNING}no text has come{WARNING:#}") }
            });
            format!("{name} {}{who}{text}", clean(tweet.id.as_str()))
        }
        About::Account(_) => format!("{name}{who}"),
    }
}

/// A moment, for programs.
pub(super) fn object(book: &Book<'_>, moment: &Moment) -> Value {
    let rule = |of: &crate::engine::RuleAccount| {
        let mut of = of.clone();
        book.as_written(&mut of);
        let until = match of.answer {
            Answer::Unknown { until } => until.map(|until| until.to_string()),
            _ => None,
        };
        let seen: Vec<_> = of
            .seen
            .iter()
            .map(|seen| {
                let element = seen.element.as_ref().map(crate::matching::element_name);
                json!({ "element": element, "firing": seen.id.to_string(), "answer": seen.answer.name(), "tree": seen.node })
            })
            .collect();
        json!({ "rule": &*of.name, "answer": of.answer.name(), "until": until, "seen": seen, "without_element": of.without })
    };
    let account = |of: &Account| {
        let rules: Vec<_> = of.rules.iter().map(rule).collect();
        json!({ "subject": of.subject.key(), "rules": rules })
    };
    let firing = |of: &crate::engine::FiringAccount| {
        let fates: Vec<_> = of.fates.iter().map(|fate| fate_object(book, fate)).collect();
        let element = of.firing.element.as_ref().map(crate::matching::element_name);
        json!({ "firing": of.firing.id.to_string(), "rule": &*of.firing.rule, "subject": of.firing.subject.key(), "element": element,
                "late": of.firing.is_late(), "sends": fates })
    };
    let accounts: Vec<_> = moment.accounts.iter().map(account).collect();
    let firings: Vec<_> = moment.firings.iter().map(firing).collect();
    json!({ "at": moment.at.to_string(), "of_wait": moment.of_wait, "subjects": accounts, "firings": firings })
}

fn fate_object(book: &Book<'_>, fate: &crate::engine::Fate) -> Value {
    use crate::engine::Way;
    use crate::model::delivery::Outcome;
    let (way, why) = match &fate.way {
        Way::Order => ("order", None),
        Way::Message => ("message", None),
        Way::Paper => ("paper", None),
        Way::Ended(Outcome::Dead { reason }) => ("incomplete", Some(reason.clone())),
        Way::Ended(Outcome::Suppressed { reason }) => (reason.name(), None),
        Way::Ended(outcome) => (outcome.name(), None),
    };
    let action = book.rules.actions.get(fate.action).map(|action| action.name.as_str());
    json!({ "action": action, "way": way, "why": why, "expires_at": fate.expires_at.map(|at| at.to_string()) })
}
