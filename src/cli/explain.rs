//! `birdcall explain`: what every rule makes of an envelope, a file of them or a tweet, and why.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::moments::Moments;
use super::past::Past;
use super::state::State;
use super::stored::Stored;
use super::table::{FAINT, STRONG, WARNING, clean, inert};
use super::tree::{self, Book};
use super::{End, complain, load, say, tweet};
use crate::clock::Clock;
use crate::engine::{Account, Answer, Gathering, Moment};
use crate::feed::recording::{Read, Reader, RecordingError};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::subject::{About, Event};
use crate::model::time::Timestamp;
use crate::rule_test::Recorded;
use crate::rules::in_digest;
use crate::rules::ruleset::{Rule, RuleSet};

/// Show what every rule makes of an envelope, a file or a tweet, and why
///
/// It goes through the engine that the live feed goes through, by the rules as they are now. Ages are by the clocks as they were recorded:
/// when birdcall finds the feed's clock wrong it corrects them, and that correction is not part of the record.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to explain: a .jsonl or .jsonl.zst file, a tweet's id or address (read from the journal), or - for standard input; with rules in front
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
    let (rules, book_of) = rules_at(rules.as_deref(), &arguments.state)?;
    let book = Book { rules: &rules, written: book_of };
    known(&rules, &arguments.only)?;
    let from = Envelopes::of(arguments, what.as_deref())?;
    let wanted = |rule: &Rule| arguments.only.is_empty() || arguments.only.iter().any(|name| **name == *rule.name);
    let moments = Moments::here(Clock::system().wall());
    let teller = Teller { arguments, book: &book, moments: &moments };
    teller.run(from, &rules, &wanted)
}

/// Of each rule, by its name, how its matchers are written.
pub(super) type Written = HashMap<String, Vec<String>>;

/// Rules, loaded, and how their matchers are written.
pub(super) fn rules_at(path: Option<&Path>, state: &State) -> Result<(Arc<RuleSet>, Written), End> {
    let usual = || ["rules.toml", "rules"].iter().map(PathBuf::from).find(|path| path.exists());
    let loaded = match path.map(Path::to_owned).or_else(usual) {
        Some(path) => load::load_quietly(&path, state)?,
        None => load::load(None, state)?,
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

/// What is explained.
enum Envelopes {
    Read(Box<Reader>),
    Journal(Stored),
}

/// Faulty lines that are told one by one.
const FAULTY: u64 = 20;

impl Envelopes {
    fn of(arguments: &Arguments, what: Option<&str>) -> Result<Self, End> {
        let read = |read: Result<Reader, RecordingError>| {
            read.map(|reader| Self::Read(Box::new(reader))).map_err(|error| {
                complain(clean(&error.to_string()));
                End::CannotStart
            })
        };
        if let Some(text) = &arguments.envelope {
            // Within strings JSON has no breaks.
            let line = text.trim().replace(['\n', '\r'], " ");
            return read(Reader::of("--envelope".to_owned(), std::io::Cursor::new(line.into_bytes())));
        }
        let what = what.unwrap_or("-");
        if what == "-" {
            if std::io::stdin().is_terminal() {
                super::warn("reading envelopes from the terminal, one a line; Ctrl-D ends them");
            }
            return read(Reader::of("standard input".to_owned(), std::io::stdin()));
        }
        if Path::new(what).is_file() {
            return read(Reader::open(Path::new(what)));
        }
        if let Some(id) = tweet::id(what) {
            let entries = of_tweet(&arguments.state, &id)?;
            return Ok(Self::Journal(Stored::new(&arguments.state, &id, entries)));
        }
        complain(format_args!(
            "{}: this is no file, no tweet's id and no address of one (https://x.com/…/status/ID)",
            clean(what)
        ));
        Err(End::CannotStart)
    }
}

/// Hands over each envelope, with when and how it came. What is none is told. How many there were.
fn each(reader: &mut Reader, is_argument: bool, hear: &mut dyn FnMut(&Envelope<'_>, Timestamp, Origin)) -> Result<u64, End> {
    let (mut heard, mut faulty) = (0, 0);
    loop {
        match reader.next_entry() {
            Ok(None) => break,
            Ok(Some(Read::Entry(entry))) => {
                heard += 1;
                // An envelope that says nothing of when it was is of now.
                let is_of_now = entry.at == Timestamp::default() && entry.envelope.ts.is_none();
                let at = if is_of_now { Clock::system().wall() } else { entry.at };
                hear(&entry.envelope, at, entry.origin);
            }
            Ok(Some(Read::Faulty(of))) if is_argument => {
                complain(format_args!("--envelope is no envelope of the feed: {}", of.fault));
                return Err(End::CannotStart);
            }
            Ok(Some(Read::Faulty(of))) => {
                faulty += 1;
                if faulty <= FAULTY {
                    super::warn(format_args!("{of}; it is left out"));
                }
            }
            Err(error) => {
                complain(clean(&error.to_string()));
                return Err(End::CannotStart);
            }
        }
    }
    if faulty > FAULTY {
        super::warn(format_args!("{faulty} lines are no envelopes and were left out"));
    }
    Ok(heard)
}

/// What the journal holds of a tweet; nothing is told with what can be done.
pub(super) fn of_tweet(state: &State, id: &str) -> Result<Vec<Recorded>, End> {
    let folder = state.folder()?;
    let (found, damaged) = tweet::entries(&folder, &[id.to_owned()]).map_err(|error| {
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
    fn run(&self, from: Envelopes, rules: &Arc<RuleSet>, wanted: &dyn Fn(&Rule) -> bool) -> Result<(), End> {
        let mut last: Vec<(Option<String>, Moment, Option<Vec<usize>>)> = Vec::new();
        let mut hear = |name: Option<&str>, moment: &Moment, news: Option<&[usize]>| {
            if !self.arguments.last {
                return self.tell(moment, name, news);
            }
            if name.is_some() && !moment.of_wait {
                last.clear();
            }
            last.push((name.map(str::to_owned), moment.clone(), news.map(<[usize]>::to_vec)));
        };
        let mut gone = None;
        let heard = match from {
            Envelopes::Journal(stored) => {
                let told = stored.tell(&self.arguments.state, (rules, self.moments.now()), wanted, &mut |of, moment, news| {
                    hear(of.map(|(envelope, _)| envelope.body.name()), moment, news);
                });
                told.map(|told| gone.insert(told).envelopes)
            }
            Envelopes::Read(mut reader) => {
                let mut past = Past::new(rules, wanted);
                let heard = each(&mut reader, self.arguments.envelope.is_some(), &mut |envelope, at, origin| {
                    past.entry(envelope, at, origin, &mut |moment, news| {
                        hear((!moment.of_wait).then_some(envelope.body.name()), moment, news);
                    });
                });
                past.pass(None, &mut |moment, news| hear(None, moment, news));
                heard
            }
        };
        last.iter().for_each(|(name, moment, news)| self.tell(moment, name.as_deref(), news.as_deref()));
        match &gone {
            Some(gone) if self.arguments.json && (gone.is_cut || !gone.due.is_empty()) => say(inert(&gone.object().to_string())),
            Some(gone) if !self.arguments.json => gone.due(self.moments).iter().for_each(say),
            _ => {}
        }
        match heard {
            Ok(0) => {
                complain("there are no envelopes in it: nothing could be explained");
                Err(End::CannotStart)
            }
            heard => heard.map(|_| ()),
        }
    }

    /// Of a wait's end that made rules false only these.
    fn tell(&self, moment: &Moment, envelope: Option<&str>, news: Option<&[usize]>) {
        if let Some(news) = news {
            let mut moment = moment.clone();
            moment.accounts.iter_mut().for_each(|account| account.rules.retain(|of| news.contains(&of.rule)));
            return self.tell(&moment, envelope, None);
        }
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
                json!({ "element": element, "firing": seen.id.to_string(), "answer": seen.answer.name(),
                        "window": window_object(seen.answer), "tree": seen.node })
            })
            .collect();
        json!({ "rule": &*of.name, "answer": of.answer.name(), "until": until, "seen": seen, "without_element": of.without })
    };
    let account = |of: &Account| {
        let rules: Vec<_> = of.rules.iter().map(rule).collect();
        json!({ "subject": of.subject.key(), "rules": rules })
    };
    let firing = |of: &crate::engine::FiringAccount| {
        let fates: Vec<_> = of.fates.iter().map(|fate| fate_object(book, fate, of.firing.at)).collect();
        let element = of.firing.element.as_ref().map(crate::matching::element_name);
        json!({ "firing": of.firing.id.to_string(), "rule": &*of.firing.rule, "subject": of.firing.subject.key(), "element": element,
                "late": of.firing.is_late(), "sends": fates })
    };
    let accounts: Vec<_> = moment.accounts.iter().map(account).collect();
    let firings: Vec<_> = moment.firings.iter().map(firing).collect();
    json!({ "at": moment.at.to_string(), "of_wait": moment.of_wait, "subjects": accounts, "firings": firings })
}

/// What a window said that a match made not true.
fn window_object(answer: Answer) -> Option<Value> {
    let Answer::OverTime(why) = answer else { return None };
    let (have, need) = match why {
        Gathering::Has(have, need) => (Some(have), Some(need)),
        _ => (None, None),
    };
    Some(json!({ "have": have, "need": need, "why": why.to_string() }))
}

fn fate_object(book: &Book<'_>, fate: &crate::engine::Fate, at: Timestamp) -> Value {
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
    let is_told = matches!(fate.way, Way::Message | Way::Paper);
    let digest = book.rules.actions.get(fate.action).filter(|_| is_told).and_then(|action| in_digest(action, at));
    let (most, nth) = (fate.of_day.map(|of| of.most), fate.of_day.filter(|of| of.has_room()).map(|of| of.nth));
    let action = book.rules.actions.get(fate.action).map(|action| action.name.as_str());
    let until = fate.held.and_then(|held| held.until).map(|until| until.to_string());
    let expires_at = fate.expires_at.map(|at| at.to_string());
    json!({ "action": action, "way": way, "why": why, "until": until, "digest": digest, "max_per_day": most, "of_day": nth,
            "expires_at": expires_at })
}
