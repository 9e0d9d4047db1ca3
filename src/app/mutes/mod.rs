//! Mutes of a running instance: made, listed and ended as people say; on record; and told of when their time is over.

mod gone;
mod would_hold;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{info, warn};

use super::Place;
use super::commands::FORGETS;
use super::notices::{Notice, SUBJECT};
use super::running::{Running, is_kept};
use super::safety::written;
use crate::control::{Answer, Answerer, MuteCommand};
use crate::deliver::LaneMute;
use crate::journal::{JournalError, MuteRow, Reader};
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::limits::{MUTES, NOTICE_MAX_AGE};
use crate::model::mute::{Mute, MuteStatus, Muted};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{NOTICES, RuleSet};
use crate::suppress::mutes::{self, Asked, Mutes};

pub use gone::is_gone;
pub use would_hold::would_hold;

/// The log's time may be behind the clock: so long the engine knows of a mute that has ended.
const KNOWN_AFTER: Duration = Duration::from_secs(60);

/// So long after its end people are told of it, if they could not be before.
const TOLD_AFTER: Duration = Duration::from_secs(86_400);

/// What stands before a mute's number in the key of what is said of its end.
const KEY: &str = "mute:";

/// Mutes that hold, and those that have just ended or whose end is still to be told.
#[derive(Debug, Default)]
pub(super) struct Book {
    kept: Vec<Kept>,
    /// The highest number that was ever given.
    last: i64,
    /// The journal has some, maybe, and could not be read.
    unread: bool,
}

#[derive(Debug)]
struct Kept {
    /// As the journal has it.
    row: MuteRow,
    /// What it has held that the engine does not know of: in an earlier run, and of what waited when it began.
    before: u64,
    /// Of a rule's: the firings that waited.
    waited: HashSet<FiringId>,
    /// How often it was tried to tell people of its end, in all runs, and when last in this one.
    tries: u64,
    tried: Option<Timestamp>,
}

impl Book {
    /// Those of the journal, of which `engine` has seen again what they held lately.
    pub(super) fn recovered(rows: Vec<MuteRow>, engine: &Mutes, tries: &HashMap<i64, u64>) -> Self {
        let last = rows.iter().map(|row| row.mute.number).max().unwrap_or(0);
        let kept = rows.into_iter().map(|row| Kept {
            before: row.held.saturating_sub(engine.held(row.mute.number)),
            tries: tries.get(&row.mute.number).copied().unwrap_or(0),
            ..Kept::new(row)
        });
        Self { kept: kept.collect(), last, unread: false }
    }

    /// The journal could not be read. It may have mutes, whose numbers are not to be given again: those from now on are far above.
    pub(super) fn unread(now: Timestamp) -> Self {
        Self { kept: Vec::new(), last: now.as_millis() / 1_000, unread: true }
    }

    pub(super) fn are_unread(&self) -> bool {
        self.unread
    }

    /// As the engine is to know them.
    pub(super) fn all(&self) -> Vec<Mute> {
        self.kept.iter().map(|kept| kept.row.mute.clone()).collect()
    }

    fn holding(&self, now: Timestamp) -> impl Iterator<Item = &Mute> + Clone {
        self.kept.iter().map(|kept| &kept.row.mute).filter(move |mute| now < mute.ends())
    }

    /// Whether a mute holds all that this rule fires, or all that goes to this action, but for notices. Which token and account a message is about
    /// nobody knows any more once it waits: narrower mutes are for what fires.
    pub(super) fn holds_all(&self, rule: &str, action: &str, now: Timestamp) -> bool {
        rule != NOTICES && self.holding(now).any(|mute| mute.of.is_all_of(rule, action))
    }

    /// What had fired before a mute began, and waited for this action, was held.
    pub(super) fn held_in_lane(&mut self, firing: &FiringBrief, action: &str, now: Timestamp) {
        // One that holds, else the last that did: it may have ended meanwhile.
        let of_it = self.kept.iter_mut().filter(|kept| kept.row.mute.of.is_all_of(&firing.rule, action));
        let lately = of_it.filter(|kept| now < kept.row.mute.ends().plus(KNOWN_AFTER));
        let Some(kept) = lately.max_by_key(|kept| (now < kept.row.mute.ends(), kept.row.mute.ends(), -kept.row.mute.number))
        else {
            return;
        };
        // A rule's firings are counted, however many messages each has; of an action its messages are.
        let is_first = kept.row.mute.of.what == Muted::Action || kept.waited.insert(firing.id);
        kept.before = kept.before.saturating_add(u64::from(is_first));
    }

    /// The mutes that hold all of a rule or of this action, as its lane takes them.
    pub(super) fn of_lane(&self, action: &str, now: Timestamp) -> Vec<LaneMute> {
        let of_lane = |mute: &Mute| {
            let rule = match mute.of.what {
                _ if mute.of.is_narrowed() => return None,
                Muted::Rule => Some(mute.of.name.as_str().into()),
                Muted::Action if mute.of.name == action => None,
                Muted::Action => return None,
            };
            Some(LaneMute { rule, until: mute.ends() })
        };
        self.holding(now).filter_map(of_lane).collect()
    }

    fn statuses(&self, engine: &Mutes, rules: &RuleSet, now: Timestamp) -> Vec<MuteStatus> {
        let all = self.kept.iter().filter(|kept| now < kept.row.mute.ends());
        let status = |kept: &Kept| MuteStatus {
            mute: kept.row.mute.clone(),
            held: kept.held(engine),
            gone: gone::is_gone(rules, &kept.row.mute.of),
        };
        all.map(status).collect()
    }
}

impl Kept {
    fn new(row: MuteRow) -> Self {
        Self { row, before: 0, waited: HashSet::new(), tries: 0, tried: None }
    }

    fn held(&self, engine: &Mutes) -> u64 {
        self.before.saturating_add(engine.held(self.row.mute.number))
    }
}

/// How many hold now.
pub(super) fn holding(running: &Running) -> u64 {
    running.dispatch.mutes.holding(running.clock.now()).count() as u64
}

/// To `birdcall mutes`.
pub(super) fn list(running: &Running) -> Answer {
    let Running { dispatch, engine, clock, .. } = running;
    Answer::Mutes { mutes: dispatch.mutes.statuses(engine.mutes(), &dispatch.rules, clock.now()) }
}

/// To `birdcall mute`: in force at once, and answered when it is on record; or, of a dry run, when it is known what it would have held.
pub(super) fn mute(running: &mut Running, place: &Place, command: &MuteCommand, answer: Answerer, waiting: &mut JoinSet<()>) {
    let mute = match made(running, command) {
        Ok(mute) => mute,
        Err(why) => return answer.answer(Answer::Refused { why }),
    };
    let saved = !command.dry_run;
    if saved {
        running.dispatch.mutes.last = mute.number;
        let row = MuteRow { mute: mute.clone(), held: 0, told: false };
        warn!(number = mute.number, until = %mute.until, "muted by hand: {}", mute.of);
        running.keep(&row, true);
        running.dispatch.mutes.kept.push(Kept::new(row));
        running.tell_engine();
        running.dispatch.end_muted();
    }
    let journal = running.dispatch.journal.clone();
    if saved {
        waiting.spawn(async move {
            let is_kept = match &journal {
                Some(journal) => is_kept(journal).await,
                None => false,
            };
            let notes = [mutes::only_new(&mute.of), (!is_kept).then_some(FORGETS)].into_iter().flatten().collect::<Vec<_>>();
            let note = (!notes.is_empty()).then(|| notes.join("; "));
            answer.answer(Answer::Muted { mute, saved, would: None, note });
        });
        return;
    }
    let (folder, rules, clock) = (place.folder.clone(), Arc::clone(&running.dispatch.rules), running.clock.clone());
    waiting.spawn(async move {
        let (of, now) = (mute.of.clone(), mute.from);
        let look = move || {
            folder.map_or_else(|| Err("there is no journal".to_owned()), |folder| would_hold(&folder, &rules, &of, (now, &clock)))
        };
        let looked = tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| Err(error.to_string()));
        let (would, why) = looked.map_or_else(|why| (None, Some(why)), |would| (Some(would), None));
        let note = why.map(|why| format!("it is not known what it would have held of the last 24 hours: {why}"));
        answer.answer(Answer::Muted { mute, saved, would, note });
    });
}

/// What is asked for, or why not.
fn made(running: &Running, command: &MuteCommand) -> Result<Mute, String> {
    let MuteCommand { name, what, token, handle, for_ms, because, .. } = command;
    let (book, now) = (&running.dispatch.mutes, running.clock.now());
    let asked = Asked { name, what: *what, token: token.as_deref(), handle: handle.as_deref() };
    let of = mutes::asked(&running.dispatch.rules, &asked)?;
    if book.holding(now).count() >= MUTES {
        return Err(format!("there are {MUTES} mutes already, which is all that there may be: end some with birdcall unmute"));
    }
    // Those that have just ended are known for a while.
    if book.kept.len() >= 2 * MUTES {
        return Err("too many mutes have begun and ended within a minute: try again in another".to_owned());
    }
    mutes::made(book.last, (of, because.clone()), (now, Duration::from_millis(*for_ms)))
}

/// To `birdcall unmute`.
pub(super) fn unmute(running: &mut Running, which: &str, what: Option<Muted>) -> Answer {
    let now = running.clock.now();
    let numbers = match mutes::named(running.dispatch.mutes.holding(now), which, what) {
        Ok(numbers) => numbers,
        Err(why) => return Answer::Refused { why },
    };
    let Running { dispatch, engine, .. } = running;
    let mut ended = Vec::new();
    for kept in dispatch.mutes.kept.iter_mut().filter(|kept| numbers.contains(&kept.row.mute.number)) {
        kept.row.held = kept.held(engine.mutes());
        (kept.row.mute.ended, kept.row.told) = (Some(mutes::next(now)), true);
        info!(number = kept.row.mute.number, held = kept.row.held, "a mute was ended by hand: {}", kept.row.mute.of);
        ended.push(kept.row.clone());
    }
    ended.iter().for_each(|row| running.keep(row, true));
    running.tell_engine();
    running.dispatch.tell_lanes_of_mutes();
    let forgets = running.dispatch.journal.is_none().then(|| FORGETS.to_owned());
    let still = mutes::still(ended.iter().map(|row| &row.mute), &running.dispatch.mutes.holding(mutes::next(now)));
    let notes: Vec<_> = still.into_iter().chain(forgets).collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    let rules = &running.dispatch.rules;
    let status = |row: MuteRow| MuteStatus { gone: gone::is_gone(rules, &row.mute.of), mute: row.mute, held: row.held };
    let statuses = ended.into_iter().map(status);
    Answer::Unmuted { mutes: statuses.collect(), note }
}

impl Running {
    fn tell_engine(&mut self) {
        self.engine.set_mutes(self.dispatch.mutes.all());
    }

    fn keep(&self, row: &MuteRow, by_hand: bool) {
        if let Some(journal) = &self.dispatch.journal {
            journal.mute(row.clone(), by_hand);
        }
    }

    /// Tells people what is not muted any more, and the journal what was held.
    pub(super) fn look_at_mutes(&mut self) {
        if self.dispatch.mutes.kept.is_empty() {
            return;
        }
        let now = self.clock.now();
        for at in 0..self.dispatch.mutes.kept.len() {
            let is_told = self.tell_of_end(at, now);
            let Some(kept) = self.dispatch.mutes.kept.get_mut(at) else { break };
            let held = kept.held(self.engine.mutes());
            if held != kept.row.held || is_told {
                (kept.row.held, kept.row.told) = (held, kept.row.told || is_told);
                let row = kept.row.clone();
                self.keep(&row, false);
            }
        }
        let known = self.dispatch.mutes.kept.len();
        self.dispatch.mutes.kept.retain(|kept| !kept.row.told || now < kept.row.mute.ends().plus(KNOWN_AFTER));
        if self.dispatch.mutes.kept.len() < known {
            self.tell_engine();
        }
    }

    /// Tells people of the end of a mute, if they are to be told. Says whether they were just now, or never can be.
    fn tell_of_end(&mut self, at: usize, now: Timestamp) -> bool {
        let Self { dispatch, engine, .. } = self;
        let Some(kept) = dispatch.mutes.kept.get_mut(at).filter(|kept| now >= kept.row.mute.ends() && !kept.row.told) else {
            return false;
        };
        if let Some(is_told) = dispatch.notices.is_told(&key(&kept.row.mute)) {
            return is_told;
        }
        if now >= kept.row.mute.ends().plus(TOLD_AFTER) {
            return true;
        }
        if kept.tried.is_some_and(|tried| now.since(tried) < NOTICE_MAX_AGE) {
            return false;
        }
        let time = kept.tries;
        (kept.tried, kept.tries) = (Some(now), time + 1);
        let row = MuteRow { held: kept.held(engine.mutes()), ..kept.row.clone() };
        let still = mutes::still([&row.mute].into_iter(), &dispatch.mutes.holding(now));
        let is_on_its_way = dispatch.tell_once(&notice(&row, still), time);
        !is_on_its_way
    }
}

/// What the journal has of telling people of the end of mutes: by number, how often that was tried, and whether somebody has it.
pub(super) fn tried(reader: &mut Reader, rows: &mut [MuteRow], now: Timestamp) -> Result<HashMap<i64, u64>, JournalError> {
    let mut tries = HashMap::new();
    if rows.iter().all(|row| row.told || now < row.mute.ends()) {
        return Ok(tries);
    }
    let before = format!("{SUBJECT}{KEY}");
    for told in reader.told_of(&before)? {
        let number = told.subject.strip_prefix(&before).and_then(|number| number.parse::<i64>().ok());
        let Some(row) = rows.iter_mut().find(|row| Some(row.mute.number) == number) else { continue };
        row.told |= told.arrived;
        tries.insert(row.mute.number, told.tries);
    }
    Ok(tries)
}

/// That mutes are not known.
pub(super) fn unread() -> Notice {
    Notice {
        key: "mutes:unread".to_owned(),
        about: None,
        title: "What was muted is not known".to_owned(),
        text: "The journal could not be read when birdcall started, so mutes of before do not hold: mute again what is not to be heard."
            .to_owned(),
    }
}

fn key(mute: &Mute) -> String {
    format!("{KEY}{}", mute.number)
}

fn notice(MuteRow { mute, held, .. }: &MuteRow, still: Option<String>) -> Notice {
    let still = still.map(|still| format!(" But {still}.")).unwrap_or_default();
    let firings = match held {
        0 => "nothing".to_owned(),
        1 => "1 firing".to_owned(),
        many => format!("{many} firings"),
    };
    let because = mute.because.as_ref().map(|because| format!(" The reason given was “{because}”.")).unwrap_or_default();
    info!(number = mute.number, held, "a mute has ended: {}", mute.of);
    Notice {
        key: key(mute),
        about: None,
        title: format!("The mute of {} has ended", mute.of),
        text: format!("It held back {firings} in {}.{because}{still}", written(mute.ends().since(mute.from))),
    }
}
