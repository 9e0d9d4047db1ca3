//! What a mute would have held of the last day: as the journal says, or as the rules make of its entries.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::app::past::Run;
use crate::clock::Clock;
use crate::engine::{Effect, Engine};
use crate::journal::{Holds, JournalError, Reader};
use crate::matching;
use crate::model::limits::{FIRED_IDS, MUTE_LOOKS_BACK, MUTE_LOOKS_FOR, REPLAY_ENTRIES_OVER_TIME, REPLAY_REACH};
use crate::model::mode::Mode;
use crate::model::mute::{MuteOf, Muted, WouldHold};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::suppress::mutes::{Candidate, Narrowed};

/// What a mute would have held of the day before `now`, by these rules. It blocks, for some seconds at most.
///
/// # Errors
///
/// In words: the journal cannot be read, or it takes too long.
pub fn would_hold(folder: &Path, rules: &RuleSet, of: &MuteOf, (now, clock): (Timestamp, &Clock)) -> Result<WouldHold, String> {
    let from = back(now, MUTE_LOOKS_BACK);
    let narrowed = Narrowed::of(of);
    let looked = if narrowed.is_all() {
        on_record(folder, of, (from, now))
    } else {
        replayed(folder, &Arc::new(concerned(rules, of)), &narrowed, (from, now), clock)
    };
    match looked {
        Ok(Some(would)) => Ok(would),
        Ok(None) => Err(format!("there is more than can be gone through in {} s", MUTE_LOOKS_FOR.as_secs())),
        Err(error) => Err(error.to_string()),
    }
}

/// Of all of a rule's firings, or of all that go to an action, it is on record how many there were.
fn on_record(folder: &Path, of: &MuteOf, (from, now): (Timestamp, Timestamp)) -> Result<Option<WouldHold>, JournalError> {
    let mut reader = Reader::open(folder)?;
    reader.put_right(now)?;
    let (all, at_least) = reader.firings_of(of.what, &of.name, from)?;
    Ok(Some(WouldHold { held: all, of: all, at_least }))
}

/// What was about a token, or of an account, is told by the entries.
fn replayed(
    folder: &Path,
    rules: &Arc<RuleSet>,
    narrowed: &Narrowed,
    (from, now): (Timestamp, Timestamp),
    clock: &Clock,
) -> Result<Option<WouldHold>, JournalError> {
    let begun = clock.elapsed();
    let mut reader = Reader::open(folder)?;
    reader.put_right(now)?;
    let since = back(from, rules.reach().max(REPLAY_REACH));
    let mut engine = Engine::without_messages(Arc::clone(rules));
    engine.restore(reader.fired_before(since, FIRED_IDS)?);
    let beside = (Holds::read(&mut reader, since)?, reader.identities()?);
    let (mut would, mut is_late) = (WouldHold { held: 0, of: 0, at_least: false }, false);
    let mut run = Run::read(&mut reader, (rules, since), beside, (&mut engine, now))?.heeded(|effect| {
        if let Effect::Fired(firing) = effect
            && firing.at >= from
        {
            would.of += 1;
            would.held += u64::from(narrowed.is_about(Candidate { firing, tokens_of: matching::tokens_of }));
        }
    });
    let entries = reader.recent(since, REPLAY_ENTRIES_OVER_TIME, |entry| {
        is_late = is_late || clock.elapsed().saturating_sub(begun) > MUTE_LOOKS_FOR;
        if !is_late {
            run.entry(&entry);
        }
    })?;
    run.pass(reader.last_alive()?.map_or(now, |alive| alive.min(now)));
    drop(run);
    would.at_least = entries >= REPLAY_ENTRIES_OVER_TIME;
    Ok((!is_late).then_some(would))
}

/// The rules that it concerns.
fn concerned(rules: &RuleSet, of: &MuteOf) -> RuleSet {
    let action = rules.action(&of.name).map(|(at, _)| at);
    let goes_there = |rule: &Rule| rule.send.iter().any(|send| Some(send.action) == action && send.mode != Mode::Off);
    let mut concerned = rules.clone();
    concerned.rules.retain(|rule| match of.what {
        Muted::Rule => *rule.name == *of.name,
        Muted::Action => goes_there(rule),
    });
    concerned
}

fn back(from: Timestamp, by: Duration) -> Timestamp {
    from.shifted(-i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
}
