//! The journal's entries → an engine that has gone through them, silently: how far back, and held as the run was then.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::decode;
use crate::engine::{Effect, Engine, Hold, Input};
use crate::journal::{Holds, JournalError, Reader, Unsent};
use crate::model::delivery::Suppression;
use crate::model::firing::Origin;
use crate::model::ids::FiringId;
use crate::model::limits::{HISTORY_OVERLAP, REPLAY_ENTRIES, REPLAY_ENTRIES_OVER_TIME, REPLAY_REACH};
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};

/// Gaps that are looked at for how far a silence goes back.
const GAPS: usize = 10_000;

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
    let (mut effects, mut unreadable, mut held) = (Vec::new(), 0_usize, false);
    // The run before ended no wait from when on it did not know all that the feed had said: those go on. Earlier ones are over.
    let mut hold = |engine: &mut Engine, holds: &mut Holds, effects: &mut Vec<Effect>| {
        if let Some(until) = last_alive.map(|until| until.min(now)).filter(|_| !held) {
            // What was not heard before that, though no entry came after it.
            hold_as_then(holds, (until, Origin::Live, now), engine, effects);
            engine.step(&Input::Tick(until), effects);
        }
        held = true;
        engine.hold(Hold::Everything);
    };
    let over_time = rules.reach();
    let most = if over_time.is_zero() { REPLAY_ENTRIES } else { REPLAY_ENTRIES_OVER_TIME };
    let mut holds = Holds::read(reader, since)?;
    let mut unsent = if over_time.is_zero() { Vec::new() } else { reader.unsent_since(since)? }.into_iter().peekable();
    engine.spare_messages(true);
    if !over_time.is_zero() {
        engine.were_held(self::held(reader, rules, since)?);
    }
    let entries = reader.recent(since, most, |entry| {
        // The clock may have been set back since: what was then later than now must not make now later than it is.
        let at = entry.at.min(now);
        // What came to nothing before it may be of a wait or a silence that ended then.
        while let Some(unsent) = unsent.next_if(|unsent| unsent.at < at) {
            if last_alive.is_none_or(|until| unsent.at < until) {
                hold_as_then(&mut holds, (unsent.at, Origin::Live, now), engine, &mut effects);
                engine.step(&Input::Tick(unsent.at), &mut effects);
                effects.clear();
            }
            give_back(engine, rules, &unsent);
        }
        if last_alive.is_none_or(|until| at >= until) {
            hold(engine, &mut holds, &mut effects);
        } else {
            hold_as_then(&mut holds, (at, entry.origin, now), engine, &mut effects);
        }
        match decode::decode(entry.text) {
            Ok(envelope) => engine.step(&Input::Entry { envelope: &envelope, at, origin: entry.origin }, &mut effects),
            Err(_) => unreadable += 1,
        }
        // Whatever came of it was recorded together with it; some of it came to nothing at the same moment.
        effects.clear();
        while let Some(unsent) = unsent.next_if(|unsent| unsent.at <= at) {
            give_back(engine, rules, &unsent);
        }
    })?;
    hold(engine, &mut holds, &mut effects);
    unsent.for_each(|unsent| give_back(engine, rules, &unsent));
    engine.spare_messages(false);
    engine.were_held(HashMap::new());
    if !over_time.is_zero() {
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
    let (mut holds, mut effects) = (Holds::read(reader, since)?, Vec::new());
    let entries = reader.recent(since, REPLAY_ENTRIES_OVER_TIME, |entry| {
        let at = entry.at.min(now);
        hold_as_then(&mut holds, (at, entry.origin, now), &mut engine, &mut effects);
        if let Ok(envelope) = decode::decode(entry.text) {
            engine.step(&Input::Entry { envelope: &envelope, at, origin: entry.origin }, &mut effects);
        }
        effects.clear();
    })?;
    hold_as_then(&mut holds, (until, Origin::Live, now), &mut engine, &mut effects);
    engine.step(&Input::Tick(until), &mut effects);
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
        engine.were_held(held(&mut reader, rules, since)?);
        let (mut holds, mut effects) = (Holds::read(&mut reader, since)?, Vec::new());
        reader.recent(since, REPLAY_ENTRIES_OVER_TIME, |entry| {
            each();
            let envelope = decode::decode(entry.text).ok().filter(|_| entry.at < moment);
            if let Some(envelope) = envelope {
                hold_as_then(&mut holds, (entry.at, entry.origin, moment), &mut engine, &mut effects);
                engine.step(&Input::Entry { envelope: &envelope, at: entry.at, origin: entry.origin }, &mut effects);
                effects.clear();
            }
        })?;
        engine.hold(Hold::Nothing);
    }
    engine.spare_messages(false);
    Ok(engine)
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

/// Holds waits and silences as they were held until then.
fn hold_as_then(
    holds: &mut Holds,
    (at, origin, now): (Timestamp, Origin, Timestamp),
    engine: &mut Engine,
    effects: &mut Vec<Effect>,
) {
    holds.before(at, origin, |moment, hold| {
        engine.step(&Input::Tick(moment.min(now)), effects);
        engine.hold(hold);
    });
}

/// What came to nothing unsent began no cooldown.
fn give_back(engine: &mut Engine, rules: &RuleSet, unsent: &Unsent) {
    if let Some((action, _)) = rules.action(&unsent.action) {
        engine.expired((&unsent.rule, unsent.firing), action);
    }
}
