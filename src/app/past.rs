//! The journal's entries → an engine that has gone through them, silently: how far back, and held as the run was then.

use std::collections::HashMap;
use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::decode;
use crate::engine::{Effect, Engine, Hold, Input};
use crate::journal::{Holds, JournalError, Reader, StoredEntry, Unsent};
use crate::model::delivery::Suppression;
use crate::model::firing::Origin;
use crate::model::identity::{Identity, Kind};
use crate::model::ids::FiringId;
use crate::model::limits::{FIRED_IDS, HISTORY_OVERLAP, REPLAY_ENTRIES, REPLAY_ENTRIES_OVER_TIME, REPLAY_REACH};
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};

/// Gaps that are looked at for how far a silence goes back.
const GAPS: usize = 10_000;
/// After everything.
const END: Timestamp = Timestamp::from_millis(i64::MAX);

/// How far back waits or the rules look, which is so far as `reach` says. Rules look back from when the feed was heard last, as what is missing since then is still to be fetched;
/// and a silence looks back to before what was not heard, which is no part of it.
pub(super) fn since(
    reader: &mut Reader,
    (rules, reach): (&RuleSet, Duration),
    (now, last_alive): (Timestamp, Option<Timestamp>),
) -> Result<Timestamp, JournalError> {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let for_waits = now.shifted(-millis(REPLAY_REACH));
    if reach.is_zero() {
        return Ok(for_waits);
    }
    let (mut since, mut left) = (last_alive.map_or(now, |alive| alive.min(now)), millis(reach + HISTORY_OVERLAP));
    if rules.rules.iter().any(Rule::awaits_silence) {
        for gap in reader.gaps(GAPS)?.iter().filter(|gap| gap.to <= now) {
            let heard = since.as_millis().saturating_sub(gap.to.as_millis()).max(0);
            if heard >= left {
                break;
            }
            (since, left) = (since.min(gap.from), left - heard);
        }
    }
    Ok(since.shifted(-left).min(for_waits))
}

/// The entries of the recent past: how many, and how many could not be read.
pub(super) fn replay(
    reader: &mut Reader,
    (rules, since): (&RuleSet, Timestamp),
    engine: &mut Engine,
    (now, last_alive): (Timestamp, Option<Timestamp>),
) -> Result<(usize, usize), JournalError> {
    let over_time = !rules.reach().is_zero();
    let most = if over_time { REPLAY_ENTRIES_OVER_TIME } else { REPLAY_ENTRIES };
    engine.spare_messages(true);
    let known = reader.identities()?;
    let mut run = Run::read(reader, (rules, since), (engine, known), now)?;
    // It ended no wait from when on it did not know all that the feed had said: those go on. Earlier ones are over.
    run.until = last_alive.map_or(Timestamp::from_millis(i64::MIN), |until| until.min(now));
    let entries = run.go_on(reader, (since, most), |_| true)?;
    let unreadable = run.end();
    engine.spare_messages(false);
    if over_time {
        warn_if_cut(entries, most);
    }
    Ok((entries, unreadable))
}

/// An engine that has gone through what the journal has of the time that its rules look back to, and did nothing else. It ends when the feed was
/// heard last.
pub(super) fn gone_through(reader: &mut Reader, rules: &Arc<RuleSet>, now: Timestamp) -> Result<Engine, JournalError> {
    reader.put_right(now)?;
    let mut engine = Engine::without_messages(Arc::clone(rules));
    let until = reader.last_alive()?.map_or(now, |alive| alive.min(now));
    let since = since(reader, (rules, rules.reach()), (now, Some(until)))?;
    let known = reader.identities()?;
    let mut run = Run::read(reader, (rules, since), (&mut engine, known), now)?;
    let entries = run.go_on(reader, (since, REPLAY_ENTRIES_OVER_TIME), |_| true)?;
    run.know_before(END);
    run.pass(until);
    engine.were_held(HashMap::new());
    warn_if_cut(entries, REPLAY_ENTRIES_OVER_TIME);
    Ok(engine)
}

/// An engine as it was before a moment, by these rules, as far as they look back: it has heard what came, and held back what was. For people who ask
/// about what came then; `each` is told of each entry that is read.
///
/// # Errors
/// The journal cannot be read.
pub fn engine_before(
    folder: &Path,
    rules: &Arc<RuleSet>,
    (moment, mutes): (Timestamp, Vec<Mute>),
    mut each: impl FnMut(),
) -> Result<Engine, JournalError> {
    let mut engine = Engine::without_messages(Arc::clone(rules));
    engine.set_mutes(mutes);
    if !rules.reach().is_zero() {
        let mut reader = Reader::open(folder)?;
        let since = since(&mut reader, (rules, rules.reach()), (moment, Some(moment)))?;
        // What was seen for the last time before that is known also where its entries are gone.
        let mut sightings = reader.sightings()?;
        sightings.retain(|trace| trace.left.seen.as_ref().is_some_and(|seen| seen.at < moment));
        engine.restore_sightings(sightings, reader.fired(FIRED_IDS)?, (moment, moment));
        // Who and what is the same as far as that was known then, but for the chain that a contract goes without: that is no news, but how keys are
        // written, also those of what was seen.
        let mut known = reader.identities()?;
        known.retain(|of| of.kind == Kind::Contract || of.at < moment);
        let mut run = Run::read(&mut reader, (rules, since), (&mut engine, known), moment)?;
        let entries = run.go_on(&mut reader, (since, REPLAY_ENTRIES_OVER_TIME), |entry| {
            each();
            entry.at < moment
        })?;
        run.know_before(END);
        run.give_back_before(moment);
        engine.sightings_are_restored();
        engine.hold(Hold::Nothing);
        warn_if_cut(entries, REPLAY_ENTRIES_OVER_TIME);
    }
    engine.spare_messages(false);
    Ok(engine)
}

/// An earlier run, that an engine goes through once more.
struct Run<'r> {
    engine: &'r mut Engine,
    rules: &'r RuleSet,
    holds: Holds,
    /// What came to nothing unsent, in the order of time.
    unsent: Peekable<std::vec::IntoIter<Unsent>>,
    /// What it learned of who and what is the same, in the order of time.
    learned: Peekable<std::vec::IntoIter<Identity>>,
    now: Timestamp,
    /// From when on all waits were held.
    until: Timestamp,
    has_ended: bool,
    unreadable: usize,
    /// Whatever came of it was recorded together with it.
    effects: Vec<Effect>,
}

impl<'r> Run<'r> {
    /// What the journal has of it beside its entries, and what was `known` at its end of who and what is the same. It does not end.
    fn read(
        reader: &mut Reader,
        (rules, since): (&'r RuleSet, Timestamp),
        (engine, known): (&'r mut Engine, Vec<Identity>),
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let mut unsent = Vec::new();
        if !rules.reach().is_zero() {
            unsent = reader.unsent_since(since)?;
            engine.were_held(held(reader, rules, since)?);
        }
        let (holds, unsent) = (Holds::read(reader, since)?, unsent.into_iter().peekable());
        // Whose a handle was changes with time; the chain that a contract goes without does not. What was learned later than now was so by a wrong clock.
        let is_known = |of: &Identity| of.kind == Kind::Contract || of.at < since || of.at >= now;
        let (known, mut learned): (Vec<_>, Vec<_>) = known.into_iter().partition(is_known);
        engine.know(known);
        learned.sort_by_key(|of| of.at);
        let learned = learned.into_iter().peekable();
        let (until, effects) = (END, Vec::new());
        Ok(Self { engine, rules, holds, unsent, learned, now, until, has_ended: false, unreadable: 0, effects })
    }

    /// What was learned before that is known from then on.
    fn know_before(&mut self, at: Timestamp) {
        while let Some(learned) = self.learned.next_if(|learned| learned.at < at) {
            self.engine.know([learned]);
        }
    }

    /// Goes through the entries that are `wanted`. How many there were.
    fn go_on(
        &mut self,
        reader: &mut Reader,
        (since, most): (Timestamp, usize),
        mut wanted: impl FnMut(&StoredEntry<'_>) -> bool,
    ) -> Result<usize, JournalError> {
        reader.recent(since, most, |entry| {
            if wanted(&entry) {
                self.entry(&entry);
            }
        })
    }

    fn entry(&mut self, entry: &StoredEntry<'_>) {
        // The clock may have been set back since: what was then later than now must not make now later than it is.
        let at = entry.at.min(self.now);
        self.give_back_before(at);
        if at >= self.until {
            self.hold_all();
        } else {
            self.hold_as_then(at, entry.origin);
        }
        self.know_before(at);
        match decode::decode(entry.text) {
            Ok(envelope) => {
                self.engine.step(&Input::Entry { envelope: &envelope, at, origin: entry.origin }, &mut self.effects);
            }
            Err(_) => self.unreadable += 1,
        }
        self.effects.clear();
        // Some of it came to nothing at the same moment.
        self.give_back(at);
    }

    /// What came to nothing before that: it may be of a wait or a silence that ended by then.
    fn give_back_before(&mut self, at: Timestamp) {
        while let Some(next) = self.unsent.peek().map(|unsent| unsent.at).filter(|next| *next < at) {
            if next < self.until {
                self.pass(next);
            }
            self.give_back(next);
        }
    }

    /// What came to nothing unsent by then began no cooldown.
    fn give_back(&mut self, by: Timestamp) {
        while let Some(unsent) = self.unsent.next_if(|unsent| unsent.at <= by) {
            if let Some((action, _)) = self.rules.action(&unsent.action) {
                self.engine.expired((&unsent.rule, unsent.firing), action);
            }
        }
    }

    /// Time passes until then.
    fn pass(&mut self, to: Timestamp) {
        self.hold_as_then(to, Origin::Live);
        self.engine.step(&Input::Tick(to), &mut self.effects);
        self.effects.clear();
    }

    /// Holds waits and silences as they were held until then.
    fn hold_as_then(&mut self, at: Timestamp, origin: Origin) {
        let Self { engine, holds, effects, now, .. } = self;
        holds.before(at, origin, |moment, hold| {
            engine.step(&Input::Tick(moment.min(*now)), effects);
            engine.hold(hold);
        });
    }

    fn hold_all(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) && self.until.as_millis() > i64::MIN {
            // What was not heard before that, though no entry came after it.
            self.pass(self.until);
        }
        self.engine.hold(Hold::Everything);
    }

    /// It has ended. How many entries could not be read.
    fn end(mut self) -> usize {
        self.know_before(END);
        self.hold_all();
        self.give_back(END);
        self.engine.were_held(HashMap::new());
        self.unreadable
    }
}

/// What was held back since then: the firings, and to which actions for which reasons.
fn held(
    reader: &mut Reader,
    rules: &RuleSet,
    since: Timestamp,
) -> Result<HashMap<FiringId, Vec<(usize, Suppression)>>, JournalError> {
    let mut held: HashMap<_, Vec<_>> = HashMap::new();
    for (firing, action, reason) in reader.held_since(since)? {
        held.entry(firing).or_default().extend(rules.action(&action).map(|(action, _)| (action, reason)));
    }
    Ok(held)
}

/// When the feed was not heard.
pub(super) fn unheard(reader: &mut Reader) -> Result<Vec<(Timestamp, Timestamp)>, JournalError> {
    Ok(reader.gaps(GAPS)?.into_iter().map(|gap| (gap.from, gap.to)).collect())
}

fn warn_if_cut(entries: usize, most: usize) {
    if entries == most {
        warn!(
            entries,
            "windows and cooldowns know only the latest of what they are about: there is more than can be gone through"
        );
    }
}
