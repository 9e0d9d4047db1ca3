//! `birdcall why`: what became of a tweet that was heard. From the journal: its envelopes in order, how each rule's answer changed over
//! them, the firings as they are on record, and every delivery.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::moments::{Moments, span};
use super::state::State;
use super::stored::{Gone, Stored};
use super::table::{FAINT, FINE, STRONG, WAITING, WARNING, WRONG, clean, inert};
use super::tree::{self, Book};
use super::{End, complain, deliveries, explain, say, tweet};
use crate::clock::Clock;
use crate::engine::{Answer, Moment};
use crate::journal::{Query, Reader, State as Stands, StoredAttempt, StoredDelivery};
use crate::model::firing::Origin;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};

/// Rules that came near, of a tweet that no rule fired for.
const NEAREST: usize = 3;

/// Show what became of a tweet that was heard: each rule's answers, its firings and their deliveries
///
/// Firings and deliveries are as they are on record; answers are by the rules as they are now. Ages are by the clocks as they were recorded:
/// when birdcall found the feed's clock wrong it corrected them, and that correction is not on record.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tweet's id or address
    #[arg(value_name = "TWEET")]
    tweet: String,
    /// The rules to ask [default: rules.toml, else rules/]
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Only this rule; may stand several times
    #[arg(long = "rule", value_name = "NAME")]
    only: Vec<String>,
    /// As JSON: one object, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: State,
}

/// A delivery and the attempts at it.
type Sent = (StoredDelivery, Vec<StoredAttempt>);

pub(super) fn run(arguments: &Arguments) -> End {
    match why(arguments) {
        Ok(()) => End::Fine,
        Err(end) => end,
    }
}

fn why(arguments: &Arguments) -> Result<(), End> {
    let Some(id) = tweet::id(&arguments.tweet) else {
        complain(format_args!(
            "{}: this is no tweet's id and no address of one (https://x.com/…/status/ID)",
            clean(&arguments.tweet)
        ));
        return Err(End::CannotStart);
    };
    let (rules, written) = explain::rules_at(arguments.rules.as_deref(), &arguments.state)?;
    let book = Book { rules: &rules, written };
    explain::known(&rules, &arguments.only)?;
    let now = Clock::system().wall();
    let entries = explain::of_tweet(&arguments.state, &id)?;
    let sent = sent(arguments, &id)?;
    let wanted = |rule: &Rule| arguments.only.is_empty() || arguments.only.iter().any(|name| **name == *rule.name);
    let stored = Stored::new(&arguments.state, &id, entries).fired(sent.iter().map(|(delivery, _)| delivery.firing.at).max());
    let (told, gone) = replay(&arguments.state, &stored, (&rules, now), &wanted)?;
    if arguments.json {
        let moments: Vec<_> = told.iter().map(|(_, moment)| explain::object(&book, moment)).collect();
        let sent: Vec<_> = sent.iter().map(|(delivery, attempts)| deliveries::object_of(delivery, attempts)).collect();
        let mut whole = json!({ "tweet": id, "moments": moments, "deliveries": sent });
        if let (Some(whole), serde_json::Value::Object(rest)) = (whole.as_object_mut(), gone.object()) {
            whole.extend(rest);
        }
        say(inert(&whole.to_string()));
        return Ok(());
    }
    let moments = Moments::here(now);
    let teller = Teller { book: &book, moments: &moments };
    teller.timeline(&told);
    gone.due(&moments).iter().for_each(say);
    teller.record(&told, &sent);
    teller.outcome(&told, &sent);
    Ok(())
}

/// What is on record of this tweet's deliveries, in the order in which they were made.
fn sent(arguments: &Arguments, id: &str) -> Result<Vec<Sent>, End> {
    let read = || {
        let mut reader = Reader::open(&arguments.state.folder().unwrap_or_default())?;
        let subjects = ["tweet", "delete", "pin", "unpin"].iter().map(|event| format!("{event}:{id}")).collect();
        let mut rows = reader.deliveries(&Query { subjects, at_most: 10_000, ..Query::default() })?;
        rows.retain(|row| arguments.only.is_empty() || arguments.only.iter().any(|name| **name == *row.firing.rule));
        rows.reverse();
        rows.into_iter().map(|row| reader.attempts(row.id).map(|attempts| (row, attempts))).collect::<Result<Vec<_>, _>>()
    };
    read().map_err(|error| {
        complain(error);
        End::CannotStart
    })
}

/// Every entry with what the rules make of it, and the end of every wait. What the engine did then is told by the rules as they are now.
fn replay(
    state: &State,
    stored: &Stored,
    (rules, now): (&Arc<RuleSet>, Timestamp),
    wanted: &dyn Fn(&Rule) -> bool,
) -> Result<(Vec<(String, Moment)>, Gone), End> {
    let mut told = Vec::new();
    // After its envelopes, what is waited for may still come.
    let gone = stored.tell(state, (rules, now), wanted, &mut |of, moment, _| {
        let name = match of {
            Some((envelope, Origin::Live)) => envelope.body.name().to_owned(),
            Some((envelope, origin)) => format!("{} {}", envelope.body.name(), origin.name()),
            None => "nothing more has come in time".to_owned(),
        };
        told.push((name, moment.clone()));
    })?;
    Ok((told, gone))
}

struct Teller<'t> {
    book: &'t Book<'t>,
    moments: &'t Moments,
}

impl Teller<'_> {
    /// Each entry, and the rules that say something else than before.
    fn timeline(&self, told: &[(String, Moment)]) {
        let first = told.first().map_or_else(Timestamp::default, |(_, moment)| moment.at);
        if let Some(account) = told.iter().rev().find_map(|(_, moment)| moment.accounts.first()) {
            say(format_args!("{STRONG}{}{STRONG:#}", explain::about(account)));
        }
        let mut before: Vec<(String, &'static str)> = Vec::new();
        for (name, moment) in told {
            let later = if moment.at == first { String::new() } else { format!(" +{}", span(moment.at.since(first))) };
            say(format_args!("{FAINT}{}{later}{FAINT:#} {STRONG}{name}{STRONG:#}", self.moments.local(moment.at)));
            for of in moment.accounts.iter().flat_map(|account| &account.rules) {
                // A deletion is another event, and changes nothing of what was said of the tweet.
                if of.answer == Answer::OtherEvent {
                    continue;
                }
                let answer = of.answer.name();
                let known = before.iter_mut().find(|(name, _)| **name == *of.name);
                let was = known.as_ref().map(|(_, answer)| *answer);
                match known {
                    Some(known) => known.1 = answer,
                    None => before.push((of.name.to_string(), answer)),
                }
                // What was false from the start and stays so is told at the end, if it came near.
                let is_quiet = matches!(of.answer, Answer::False | Answer::NoElement | Answer::Off);
                let has_just_fired = of.answer == Answer::Fired && was == Some(Answer::Fires.name());
                if was == Some(answer) || has_just_fired || was.is_none() && is_quiet {
                    continue;
                }
                let (words, style) = tree::answer(of.answer, moment.at, Some(self.moments));
                let was = was.map(|was| if was == "window" { "not true over time → ".to_owned() } else { format!("{was} → ") });
                let was = was.unwrap_or_default();
                say(format_args!("  {}: {was}{style}{words}{style:#}", clean(&of.name)));
            }
        }
    }

    /// Firings and deliveries as they are on record.
    fn record(&self, told: &[(String, Moment)], sent: &[Sent]) {
        let mut firings: Vec<&StoredDelivery> = Vec::new();
        for (delivery, _) in sent {
            if !firings.iter().any(|known| known.firing.id == delivery.firing.id) {
                firings.push(delivery);
            }
        }
        for of in firings {
            let firing = &of.firing;
            let late = if firing.late { format!("  {WARNING}late: it did not come live{WARNING:#}") } else { String::new() };
            let first = told.first().map_or(firing.at, |(_, moment)| moment.at);
            say(format_args!(
                "\n{FINE}fired{FINE:#} {STRONG}{}{STRONG:#}  {}, {} after the first envelope  {FAINT}{}{FAINT:#}{late}",
                clean(&firing.rule),
                self.moments.both(firing.at),
                span(firing.at.since(first)),
                firing.id
            ));
            let fires_now = told.iter().flat_map(|(_, moment)| &moment.firings).any(|of| of.firing.id == firing.id);
            if !fires_now {
                say(format_args!("  {WARNING}by the rules as they are now it does not fire{WARNING:#}"));
            }
            for (delivery, attempts) in sent.iter().filter(|(delivery, _)| delivery.firing.id == firing.id) {
                self.delivery(delivery, attempts);
            }
        }
    }

    fn delivery(&self, of: &StoredDelivery, attempts: &[StoredAttempt]) {
        let style = match of.state {
            Stands::Delivered => FINE,
            Stands::Pending | Stands::Sending => WAITING,
            Stands::Suppressed | Stands::Expired => WARNING,
            Stands::Dead | Stands::Unknown => WRONG,
        };
        let order = if of.trading { " (order)" } else { "" };
        let took = of.ended_at.map(|at| format!(" {} after the firing", span(at.since(of.firing.at)))).unwrap_or_default();
        let why = of.why.as_ref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
        let form = of.form.as_ref().map(|form| format!(" as {}", clean(form))).unwrap_or_default();
        say(format_args!(
            "  → {}{order}  {style}{}{style:#}{form}{took}{why}  {FAINT}delivery {}, expires {}{FAINT:#}",
            clean(&of.action),
            of.state.name(),
            of.id,
            self.moments.local(of.expires_at)
        ));
        for attempt in attempts {
            let after = span(attempt.at.since(of.firing.at));
            say(format_args!(
                "      attempt {} {after} after the firing, took {}: {}  {FAINT}{}{FAINT:#}",
                attempt.number,
                span(attempt.took),
                clean(&attempt.verdict),
                clean(&attempt.answer)
            ));
        }
        if let Some(edit) = &of.edit {
            say(format_args!("      {}", clean(&deliveries::edited(edit, self.moments))));
        }
    }

    /// If nothing fired: what came nearest. If it would fire now and is not on record: that.
    fn outcome(&self, told: &[(String, Moment)], sent: &[Sent]) {
        let fires: Vec<_> = told.iter().flat_map(|(_, moment)| &moment.firings).collect();
        let unrecorded: Vec<_> =
            fires.iter().filter(|of| !sent.iter().any(|(delivery, _)| delivery.firing.id == of.firing.id)).collect();
        for of in unrecorded {
            say(format_args!(
                "\n{WARNING}not on record{WARNING:#}: by the rules as they are now this fires; when it came the rules were others, the firing is older \
                 than what is kept, or birdcall did not run"
            ));
            say(tree::firing(self.book, of).trim_end());
        }
        if !sent.is_empty() || !fires.is_empty() {
            return;
        }
        say(format_args!("\n{STRONG}nothing fired{STRONG:#}"));
        // What was last looked at: a deletion may have come after it, that no rule is about.
        let mut accounts = told.iter().rev().flat_map(|(_, moment)| &moment.accounts);
        let last = accounts.clone().next();
        let looked_at = accounts.find(|account| account.rules.iter().any(|of| of.distance().is_some()));
        let Some(account) = looked_at.or(last) else { return };
        let mut nearest: Vec<_> = account.rules.iter().filter(|of| of.distance().is_some()).collect();
        nearest.sort_by(|a, b| a.distance().unwrap_or(f32::MAX).total_cmp(&b.distance().unwrap_or(f32::MAX)));
        if nearest.is_empty() {
            say("no rule looked at it: all are off, or about other events");
            return;
        }
        say("what came nearest:");
        for of in nearest.into_iter().take(NEAREST) {
            say(tree::rule(self.book, of, account.at, Some(self.moments)).trim_end());
        }
    }
}
