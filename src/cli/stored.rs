//! A stored tweet, gone through once more with what the journal has of before and between: what windows, cooldowns, mutes and the share of a day say of
//! it hangs on that.

use std::path::Path;
use std::sync::Arc;

use super::past::Past;
use super::state::State;
use super::tweet::{self, Progress};
use super::{End, complain};
use crate::app;
use crate::decode;
use crate::engine::{Engine, Moment};
use crate::journal::{Holds, JournalError, Reader};
use crate::model::envelope::Envelope;
use crate::model::firing::Origin;
use crate::model::mute::Mute;
use crate::model::subject::Subject;
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
}

/// Told of each envelope of the tweet, or of what came of a wait.
pub(super) type Hear<'h> = &'h mut dyn FnMut(Option<(&Envelope<'_>, Origin)>, &Moment, Option<&[usize]>);

impl Stored {
    pub(super) fn new(state: &State, id: &str, entries: Vec<Recorded>) -> Self {
        let mutes = mutes(state, &entries);
        Self { id: id.to_owned(), entries, mutes }
    }

    fn first(&self) -> Timestamp {
        self.entries.first().map(|entry| entry.at).unwrap_or_default()
    }

    /// Goes through it, and through what came meanwhile, until nothing is waited for, or is silent for so long, of what it said; what is about other
    /// subjects is heard and not told. `now`: nothing later has happened.
    pub(super) fn tell(
        &self,
        state: &State,
        (rules, now): (&Arc<RuleSet>, Timestamp),
        wanted: &dyn Fn(&Rule) -> bool,
        hear: Hear<'_>,
    ) -> Result<u64, End> {
        let folder = state.folder()?;
        let mut past = Past::after(self.before(&folder, rules), rules, wanted);
        let last = self.entries.last().map(|entry| entry.at).unwrap_or_default();
        let silence = rules.rules.iter().filter_map(Rule::silent_for).max().unwrap_or_default();
        let end = last.plus(silence.max(longest_wait(rules))).min(now);
        let (mut heard, mut progress) = (0, Progress::new());
        let is_own = |subject: &Subject| subject.tweet().is_some_and(|tweet| tweet.id.as_str() == self.id);
        let read = Reader::open(&folder).and_then(|mut reader| {
            let mut holds = Holds::read(&mut reader, self.first())?;
            reader.recent(self.first(), usize::MAX, |entry| {
                progress.one();
                let Some(envelope) = decode::decode(entry.text).ok().filter(|_| entry.at <= end) else { return };
                let is_it = envelope.body.tweet_id().is_some_and(|id| id == self.id);
                heard += u64::from(is_it);
                let mut told = own(&is_own, |moment, news| {
                    let of = (is_it && !moment.of_wait).then_some((&envelope, entry.origin));
                    hear(of, moment, news);
                });
                holds.before(entry.at, entry.origin, |at, hold| past.hold(at, hold, &mut told));
                if is_it {
                    past.entry(&envelope, entry.at, entry.origin, &mut told);
                } else {
                    past.overhear(&envelope, entry.at, entry.origin, &mut told);
                }
            })?;
            let mut told = own(&is_own, |moment, news| hear(None, moment, news));
            holds.before(end, Origin::Live, |at, hold| past.hold(at, hold, &mut told));
            past.pass(Some(end), &mut told);
            Ok(())
        });
        progress.end();
        read.map_err(|error| {
            complain(error);
            End::CannotStart
        })?;
        Ok(heard)
    }

    /// An engine that knows what came before, as far as the rules look back, and how many each action had had of its day.
    fn before(&self, folder: &Path, rules: &Arc<RuleSet>) -> (Engine, Days) {
        let mut progress = Progress::new();
        let before = app::engine_before(folder, rules, (self.first(), self.mutes.clone()), || progress.one());
        progress.end();
        let engine = before.unwrap_or_else(|error| {
            super::warn(format_args!("what came before is not known to windows, cooldowns and limits: {error}"));
            Engine::new(Arc::clone(rules))
        });
        let days = days(folder, rules, self.first()).unwrap_or_else(|error| {
            super::warn(format_args!("how many actions had had of that day is not known: {error}"));
            Days::default()
        });
        (engine, days)
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
