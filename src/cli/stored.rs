//! A stored tweet, gone through once more with what the journal has of before and between: what windows, cooldowns, mutes and the share of a day say of
//! it hangs on that.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::moments::{Moments, span};
use super::past::{Past, Tell};
use super::progress::grouped;
use super::state::State;
use super::table::{STRONG, WAITING, clean};
use super::tweet::{self, Progress};
use super::{End, complain};
use crate::app;
use crate::decode;
use crate::engine::{Engine, Moment};
use crate::journal::{Holds, JournalError, Reader};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::ids::TweetId;
use crate::model::limits::REPLAY_ENTRIES_OVER_TIME;
use crate::model::mute::Mute;
use crate::model::subject::{Str, Subject};
use crate::model::time::Timestamp;
use crate::rule_test::{Recorded, longest_wait};
use crate::rules::ruleset::{Rule, RuleSet};
use crate::suppress::days::{Days, day_begins};

/// What the journal has of a tweet.
pub(super) struct Stored {
    id: String,
    /// Its envelopes, in order; never empty.
    entries: Vec<Recorded>,
    mutes: Vec<Mute>,
    /// When its last firing was that is on record.
    fired: Option<Timestamp>,
}

/// What came of going through it.
pub(super) struct Gone {
    /// Its envelopes.
    pub(super) envelopes: u64,
    /// More had come before than can be gone through.
    pub(super) is_cut: bool,
    /// It was looked at until then.
    pub(super) end: Timestamp,
    /// What is silent since then and was not told of until the end: the rule, and when it is due.
    pub(super) due: Vec<(Str, Timestamp)>,
}

impl Gone {
    /// What is due, a line for each.
    pub(super) fn due(&self, moments: &Moments) -> Vec<String> {
        let is_running = moments.now().since(self.end) < NOT_WRITTEN;
        let line = |(rule, at): &(Str, Timestamp)| {
            let when = match is_running {
                true => format!("at {}, if nothing more comes until then", moments.both(*at)),
                false => format!(
                    "{} after {}, where the journal ends, if nothing more comes",
                    span(at.since(self.end)),
                    moments.local(self.end)
                ),
            };
            let rule = clean(rule);
            format!(
                "{WAITING}due{WAITING:#} {STRONG}{rule}{STRONG:#} fires {when}; time in which the feed is not heard does not count"
            )
        };
        self.due.iter().map(line).collect()
    }

    /// The same, for programs, and whether what came before is known.
    pub(super) fn object(&self) -> Value {
        let due: Vec<_> = self.due.iter().map(|(rule, at)| json!({ "rule": &**rule, "at": at.to_string() })).collect();
        json!({ "past_is_cut": self.is_cut, "due": due })
    }
}

/// How far the feed was heard is written every second: a journal that says nothing for longer is of no running instance.
const NOT_WRITTEN: Duration = Duration::from_secs(60);
const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

/// Told of each envelope of the tweet, or of what came of a wait.
pub(super) type Hear<'h> = &'h mut dyn FnMut(Option<(&Envelope<'_>, Origin)>, &Moment, Option<&[usize]>);

impl Stored {
    pub(super) fn new(state: &State, id: &str, entries: Vec<Recorded>) -> Self {
        let mutes = mutes(state, &entries);
        Self { id: id.to_owned(), entries, mutes, fired: None }
    }

    /// The same, gone through until then at least: a silence may have been told again and again.
    pub(super) fn fired(self, last: Option<Timestamp>) -> Self {
        Self { fired: last, ..self }
    }

    fn first(&self) -> Timestamp {
        self.entries.first().map(|entry| entry.at).unwrap_or_default()
    }

    fn last(&self) -> Timestamp {
        self.entries.last().map(|entry| entry.at).unwrap_or_default()
    }

    /// Goes through it, and through what came meanwhile, until nothing is waited for of what it said, nothing is silent since then that was not
    /// told, and its last firing on record has been; what is about other subjects is heard and not told. `now`: nothing later has happened.
    pub(super) fn tell(
        &self,
        state: &State,
        (rules, now): (&Arc<RuleSet>, Timestamp),
        wanted: &dyn Fn(&Rule) -> bool,
        hear: Hear<'_>,
    ) -> Result<Gone, End> {
        let folder = state.folder()?;
        let (app::Before { engine, holds, next, is_cut }, days) = self.before(&folder, rules);
        let waited = self.last().plus(longest_wait(rules));
        let waited = self.fired.map_or(waited, |fired| fired.max(waited));
        let past = Past::after((engine, days), rules, wanted);
        let mut going = Going { past, holds, tweet: TweetId::new(&self.id), until: waited, is_over: false };
        let (mut envelopes, mut progress) = (0, Progress::new());
        let is_own = |subject: &Subject| subject.tweet().is_some_and(|tweet| tweet.id.as_str() == self.id);
        let read = Reader::open(&folder).and_then(|mut reader| {
            let mut latest = self.last();
            reader.read_on(next, self.first(), |entry| {
                progress.one();
                let Some(envelope) = decode::decode(entry.text).ok().filter(|_| entry.at <= now) else { return GO_ON };
                if going.pass(entry.at, &mut own(&is_own, |moment, news| hear(None, moment, news))) {
                    return ControlFlow::Break(());
                }
                latest = latest.max(entry.at);
                let is_it = envelope.body.tweet_id().is_some_and(|id| id == self.id);
                envelopes += u64::from(is_it);
                let mut told = own(&is_own, |moment, news| {
                    let of = (is_it && !moment.of_wait).then_some((&envelope, entry.origin));
                    hear(of, moment, news);
                });
                going.entry(is_it, (&envelope, entry.at, entry.origin), &mut told);
                GO_ON
            })?;
            // Where nobody listens any more nothing is silent; what is waited for is over all the same.
            let end = reader.last_alive()?.unwrap_or(now).max(latest).max(waited).min(now);
            going.end(end, &mut own(&is_own, |moment, news| hear(None, moment, news)));
            Ok(end)
        });
        progress.end();
        let end = read.map_err(|error| {
            complain(error);
            End::CannotStart
        })?;
        Ok(Gone { envelopes, is_cut, end, due: going.past.silences_of(&going.tweet) })
    }

    /// What was before it: an engine that knows that, as far as the rules look back, and how many each action had had of its day.
    fn before(&self, folder: &Path, rules: &Arc<RuleSet>) -> (app::Before, Days) {
        let mut progress = Progress::new();
        let silence = rules.rules.iter().filter_map(Rule::silent_for).max().unwrap_or_default();
        let (from, to, mutes) = (self.first(), self.last(), self.mutes.clone());
        let asked =
            app::AskedAbout { tweet: TweetId::new(&self.id), from, to, listening: silence.max(longest_wait(rules)), mutes };
        let before = app::before(folder, rules, asked, || progress.one());
        progress.end();
        let before = before.unwrap_or_else(|error| {
            super::warn(format_args!("what came before is not known to windows, cooldowns and limits: {error}"));
            let (engine, holds) = (Engine::new(Arc::clone(rules)), Holds::default());
            app::Before { engine, holds, next: i64::MIN, is_cut: false }
        });
        if before.is_cut {
            let most = grouped(REPLAY_ENTRIES_OVER_TIME as u64);
            super::warn(format_args!(
                "windows, cooldowns and limits know only the latest {most} entries of what came before it: more can not be gone through"
            ));
        }
        let days = days(folder, rules, self.first()).unwrap_or_else(|error| {
            super::warn(format_args!("how many actions had had of that day is not known: {error}"));
            Days::default()
        });
        (before, days)
    }
}

/// A tweet, and what came meanwhile and after it, on its way.
struct Going<'p> {
    past: Past<'p>,
    holds: Holds,
    tweet: TweetId,
    /// What comes later matters to it no more, as far as is known by now.
    until: Timestamp,
    is_over: bool,
}

impl Going<'_> {
    fn entry(&mut self, is_it: bool, (envelope, at, origin): (&Envelope<'_>, Timestamp, Origin), tell: Tell<'_>) {
        let Self { holds, past, .. } = self;
        holds.before(at, origin, |at, hold| past.hold(at, hold, &mut *tell));
        if is_it { past.entry(envelope, at, origin, tell) } else { past.overhear(envelope, at, origin, tell) }
    }

    /// Time passes, to an entry that comes then. Says whether neither that nor what comes later matters to the tweet any more: its last
    /// envelope has come, all that it made rules wait for has ended, and nothing is silent since then that was not told.
    fn pass(&mut self, to: Timestamp, tell: Tell<'_>) -> bool {
        while !self.is_over && self.until < to {
            self.pass_to(self.until, tell);
            let due = self.past.silences_of(&self.tweet).into_iter().map(|(_, due)| due).max();
            // While something is held nothing ends, and the time may not count.
            let next = self.holds.next().or(due.map(|due| if due > self.until { due } else { to }));
            match next {
                Some(next) => self.until = next.max(self.until.shifted(1)),
                None => self.is_over = true,
            }
        }
        self.is_over
    }

    fn pass_to(&mut self, to: Timestamp, tell: Tell<'_>) {
        let Self { holds, past, .. } = self;
        holds.before(to, Origin::Live, |at, hold| past.hold(at, hold, &mut *tell));
        past.pass(Some(to), tell);
    }

    /// The journal ends.
    fn end(&mut self, at: Timestamp, tell: Tell<'_>) {
        if !self.pass(at, tell) {
            self.pass_to(at, tell);
        }
    }
}

/// Of each moment what is about the tweet; of a wait that was about others nothing.
fn own<'t>(
    is_own: &'t dyn Fn(&Subject) -> bool,
    mut tell: impl FnMut(&Moment, Option<&[usize]>) + 't,
) -> impl FnMut(&Moment, Option<&[usize]>) + 't {
    move |moment, news| {
        let mut moment = moment.clone();
        moment.accounts.retain(|account| is_own(&account.subject));
        moment.firings.retain(|of| is_own(&of.firing.subject));
        if !moment.of_wait || !moment.accounts.is_empty() || !moment.firings.is_empty() {
            tell(&moment, news);
        }
    }
}

/// What was muted when that came, as the journal has it.
fn mutes(state: &State, entries: &[Recorded]) -> Vec<Mute> {
    let first = entries.first().map(|entry| entry.at).unwrap_or_default();
    let mutes = state.folder().map(|folder| tweet::mutes(&folder, first));
    match mutes {
        Ok(Ok(mutes)) => mutes,
        Ok(Err(error)) => {
            super::warn(format_args!("what was muted then is not known: {error}"));
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// How many each action with a `max_per_day` had sent on that day until then.
fn days(folder: &Path, rules: &RuleSet, until: Timestamp) -> Result<Days, JournalError> {
    let mut days = Days::default();
    let counted = rules.actions.iter().enumerate().filter(|(_, action)| action.max_per_day.is_some());
    for (at, action) in counted {
        let begun = Reader::open(folder)?.sent_of(&action.name, day_begins(until), until)?;
        days.restore(at, until, u32::try_from(begun).unwrap_or(u32::MAX));
    }
    Ok(days)
}
