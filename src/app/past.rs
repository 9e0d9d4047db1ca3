//! The journal's entries → an engine that has gone through them, silently: how far back, and held as the run was then.

use std::collections::HashMap;
use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::decode;
use crate::engine::{Effect, Engine, Hold, Input};
use crate::journal::{CameBefore, Holds, JournalError, Reader, StoredEntry, Unsent};
use crate::model::delivery::Suppression;
use crate::model::firing::Origin;
use crate::model::identity::Identity;
use crate::model::ids::{FiringId, TweetId};
use crate::model::limits::{FIRED_IDS, HISTORY_OVERLAP, REPLAY_ENTRIES, REPLAY_ENTRIES_OVER_TIME, REPLAY_REACH};
use crate::model::mute::Mute;
use crate::model::subject::Subject;
use crate::model::time::Timestamp;
use crate::model::window::Member;
use crate::rules::ruleset::{Rule, RuleSet};

/// Gaps that are looked at for how far a silence goes back.
const GAPS: usize = 10_000;
/// After everything.
const END: Timestamp = Timestamp::from_millis(i64::MAX);

/// How far back waits or the rules look, which is so far as `reach` says. Rules look back from when the feed was heard last, as what is
/// missing since then is still to be fetched; and a silence looks back to before what was not heard, which is no part of it.
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
    let beside = (Holds::read(reader, since)?, reader.identities()?);
    let mut run = Run::read(reader, (rules, since), beside, (engine, now))?;
    // It ended no wait from when on it did not know all that the feed had said: those go on. Earlier ones are over, and so is what was so when it fired
    // last, whether or not it had heard anything since then.
    let last_fired = last_alive.map(|alive| reader.fired_live(alive)).transpose()?.and_then(|fired| fired.last().copied());
    let until = last_alive.map(|alive| last_fired.map_or(alive, |fired| fired.max(alive)));
    run.until = until.map_or(Timestamp::from_millis(i64::MIN), |until| until.min(now));
    let entries = reader.recent(since, most, |entry| run.entry(&entry))?;
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
    // What was muted has begun no cooldown.
    engine.set_mutes(reader.mutes(since)?.into_iter().map(|row| row.mute));
    let beside = (Holds::read(reader, since)?, reader.identities()?);
    let mut run = Run::read(reader, (rules, since), beside, (&mut engine, now))?;
    let entries = reader.recent(since, REPLAY_ENTRIES_OVER_TIME, |entry| run.entry(&entry))?;
    run.know_before(END);
    run.pass(until);
    engine.were_held(HashMap::new());
    warn_if_cut(entries, REPLAY_ENTRIES_OVER_TIME);
    Ok(engine)
}

/// What was before something came, for people who ask about that.
#[derive(Debug)]
pub struct Before {
    /// As it was then, by these rules, as far as they look back: it has heard what came, and held back what was.
    pub engine: Engine,
    /// When waits are held, and let go, from then on.
    pub holds: Holds,
    /// The number from which on the journal has what came then.
    pub next: i64,
    /// More had come before than can be gone through: the latest is known.
    pub is_cut: bool,
}

/// What is asked about.
#[derive(Debug)]
pub struct AskedAbout {
    /// The tweet.
    pub tweet: TweetId,
    /// It came from then on,
    pub from: Timestamp,
    /// until then.
    pub to: Timestamp,
    /// For so long what comes after it matters, not counting the time in which nothing was heard.
    pub listening: Duration,
    /// What was muted then.
    pub mutes: Vec<Mute>,
}

/// What was before that, by these rules; `each` is told of each entry that is read.
///
/// # Errors
/// The journal cannot be read.
pub fn before(folder: &Path, rules: &Arc<RuleSet>, about: AskedAbout, each: impl FnMut()) -> Result<Before, JournalError> {
    before_at_most(folder, (rules, REPLAY_ENTRIES_OVER_TIME), about, each)
}

fn before_at_most(
    folder: &Path,
    (rules, most): (&Arc<RuleSet>, usize),
    about: AskedAbout,
    mut each: impl FnMut(),
) -> Result<Before, JournalError> {
    let AskedAbout { tweet, from: moment, to, listening, mutes } = about;
    let mut engine = Engine::without_messages(Arc::clone(rules));
    engine.set_mutes(mutes);
    let mut reader = Reader::open(folder)?;
    let reach = rules.reach();
    let since = if reach.is_zero() { moment } else { since(&mut reader, (rules, reach), (moment, Some(moment)))? };
    let mut holds = Holds::read_until(&mut reader, (since, to), listening)?;
    let mut came = CameBefore { entries: 0, next: i64::MIN };
    if reach.is_zero() {
        came.next = reader.before((moment, moment), most, |_| {})?.next;
    } else {
        // What was seen for the last time before that is known also where its entries are gone.
        let mut sightings = reader.sightings()?;
        // The last sighting may be that tweet itself: it was one before it, of which no more is on record, unless it is the first, and has fired.
        let fired = reader.fired_of(&Subject::key_of_tweet(&tweet))?;
        let was_before = |rule: &str, seen: &Member| match &seen.tweet {
            Some(id) if *id == tweet => !fired.iter().any(|of| **of == *rule),
            _ => seen.at < moment,
        };
        sightings.retain(|trace| trace.left.seen.as_ref().is_some_and(|seen| was_before(&trace.rule, seen)));
        engine.restore_sightings(sightings, reader.fired(FIRED_IDS)?, (moment, moment));
        let mut known = reader.identities()?;
        known.retain(|of| of.is_known_before(moment));
        let mut run = Run::read(&mut reader, (rules, since), (holds, known), (&mut engine, moment))?;
        came = reader.before((since, moment), most, |entry| {
            each();
            run.entry(&entry);
        })?;
        run.know_before(END);
        run.give_back_before(moment);
        holds = run.holds;
        engine.sightings_are_restored();
    }
    engine.spare_messages(false);
    Ok(Before { engine, holds, next: came.next, is_cut: !reach.is_zero() && came.entries == most })
}

/// An earlier run, that an engine goes through once more.
pub(super) struct Run<'r, H> {
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
    /// Whatever came of it was recorded together with it: it is nobody's but of whoever wants to know.
    effects: Vec<Effect>,
    heed: H,
}

impl<'r> Run<'r, fn(&Effect)> {
    /// What the journal has of it beside its entries: when waits were held, and what was `known` at its end of who and what is the same. It does not end.
    pub(super) fn read(
        reader: &mut Reader,
        (rules, since): (&'r RuleSet, Timestamp),
        (holds, known): (Holds, Vec<Identity>),
        (engine, now): (&'r mut Engine, Timestamp),
    ) -> Result<Self, JournalError> {
        let mut unsent = Vec::new();
        if !rules.reach().is_zero() {
            unsent = reader.unsent_since(since)?;
            engine.were_held(held(reader, rules, since)?);
        }
        let unsent = unsent.into_iter().peekable();
        // What was learned later than now was so by a wrong clock.
        let is_known = |of: &Identity| of.is_known_before(since) || of.at >= now;
        let (known, mut learned): (Vec<_>, Vec<_>) = known.into_iter().partition(is_known);
        engine.know(known);
        learned.sort_by_key(|of| of.at);
        let learned = learned.into_iter().peekable();
        let (until, effects, heed) = (END, Vec::new(), |_: &Effect| {});
        Ok(Self { engine, rules, holds, unsent, learned, now, until, has_ended: false, unreadable: 0, effects, heed })
    }

    /// Tells of all that comes of it from now on.
    pub(super) fn heeded<H: FnMut(&Effect)>(self, heed: H) -> Run<'r, H> {
        let Self { engine, rules, holds, unsent, learned, now, until, has_ended, unreadable, effects, heed: _ } = self;
        Run { engine, rules, holds, unsent, learned, now, until, has_ended, unreadable, effects, heed }
    }
}

impl<H: FnMut(&Effect)> Run<'_, H> {
    /// What was learned before that is known from then on.
    fn know_before(&mut self, at: Timestamp) {
        while let Some(learned) = self.learned.next_if(|learned| learned.at < at) {
            self.engine.know([learned]);
        }
    }

    pub(super) fn entry(&mut self, entry: &StoredEntry<'_>) {
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
        self.effects.drain(..).for_each(|effect| (self.heed)(&effect));
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
    pub(super) fn pass(&mut self, to: Timestamp) {
        self.hold_as_then(to, Origin::Live);
        self.engine.step(&Input::Tick(to), &mut self.effects);
        self.effects.drain(..).for_each(|effect| (self.heed)(&effect));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::engine::Input;
    use crate::journal::{EntryRow, Record, Settings};
    use crate::rules::{Source, load};

    const NOON: Timestamp = Timestamp::from_millis(1_781_697_600_000);

    fn minute(minutes: i64) -> Timestamp {
        NOON.shifted(minutes * 60_000)
    }

    fn content(id: i64) -> String {
        let at = minute(id).as_millis();
        format!(
            r#"{{"v":1,"t":"tweet","op":"content","ts":{at},"d":{{"tweetId":"{id}","text":"gm","createdAt":{at},"author":{{"handle":"kol"}}}}}}"#
        )
    }

    #[test]
    fn so_much_is_known_of_what_came_before_an_old_tweet_as_of_what_came_before_a_new_one() {
        let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"three\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n\
            window = { type = \"count\", within = \"1h\", at_least = 4 }\n";
        let rules = Arc::new(load(&[Source::rules("rules.toml", text.to_owned())]).ruleset.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let (journal, writer) = crate::journal::open(folder.path(), Settings::default(), Clock::starting_at(NOON)).unwrap();
        let writer = std::thread::spawn(writer);
        for id in 1..=50 {
            let entry = EntryRow { at: minute(id), origin: Origin::Live, matched: true, text: content(id).into() };
            journal.record(Record { entry: Some(entry), ..Record::default() });
        }
        drop(journal);
        writer.join().unwrap();
        // Before the fifth four came, whatever came later, and the fourth has made it true; where only so many are gone through, they are the
        // latest.
        for (tweet, most, is_cut, fires) in
            [(5, 40, false, false), (5, 3, true, true), (5, 2, true, false), (50, 10, true, false)]
        {
            let (from, mut read) = (minute(tweet), 0);
            let about =
                AskedAbout { tweet: TweetId::new("0"), from, to: from, listening: Duration::from_secs(15), mutes: Vec::new() };
            let mut before = before_at_most(folder.path(), (&rules, most), about, || read += 1).unwrap();
            assert_eq!((before.is_cut, read), (is_cut, most.min(usize::try_from(tweet - 1).unwrap())), "{tweet} {most}");
            let (frame, mut effects) = (content(tweet), Vec::new());
            let envelope = decode::decode(&frame).unwrap();
            before.engine.step(&Input::Entry { envelope: &envelope, at: from, origin: Origin::Live }, &mut effects);
            let has_fired = effects.iter().any(|effect| matches!(effect, Effect::Fired(_)));
            assert_eq!(has_fired, fires, "{tweet} {most}");
        }
    }
}
