//! Matches of rules with windows → those that make something true over time, and silences that are over.

mod left;
mod sightings;
mod silences;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;

use self::sightings::Sightings;
pub(super) use self::silences::silent;
use super::identities::Identities;
use super::waits::Hold;
use crate::model::firing::Element;
use crate::model::ids::FiringId;
use crate::model::limits::{HISTORY_OVERLAP, WINDOW_TAKEN};
use crate::model::subject::{Str, Subject};
use crate::model::time::Timestamp;
use crate::model::window::{Member, Told, Trace, Who};
use crate::rules::ruleset::{Rule, RuleSet, Window, WindowKind};
use crate::suppress::Fired;
use crate::window::{Clock, Counts, Observation, State, Verdict};

/// A match that a window is asked about.
pub(super) struct Asked<'a> {
    /// What its firing would be known by.
    pub(super) id: FiringId,
    pub(super) subject: &'a Subject,
    pub(super) element: Option<&'a Element>,
    /// Of a sequence.
    pub(super) step: usize,
    pub(super) now: Timestamp,
}

/// What a window says to a match.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// It fires.
    Fires(Box<Told>),
    /// It does not.
    Not(Verdict),
    /// The match has nothing of what is counted.
    Nothing,
    /// The match was taken in before: the tweet was forgotten, and came once more.
    Again,
}

/// The windows of all rules.
#[derive(Debug, Default)]
pub(super) struct OverTime {
    /// By the rule's number; made when its first match comes.
    windows: HashMap<usize, Watched>,
    hold: Hold,
    /// When nobody listened the last time.
    deaf: Option<Deaf>,
    /// Since when something may be missing, as long as waits are held for it.
    missed: Option<Timestamp>,
    /// Since when something may still come of the history, held or not.
    owed: Option<Timestamp>,
    /// When silences that were held were let go for the last time, or nobody had looked before: what was over by then was found then.
    known_from: Timestamp,
    /// When the silences of each rule may next be over, held or not.
    due: BTreeSet<(Timestamp, usize)>,
    /// When the next one may be over.
    next: Option<Timestamp>,
    /// What windows have left since it was asked for.
    traces: Vec<Trace>,
    /// The same of sightings, of which there may be very many at once: no other waits behind them.
    bulk: VecDeque<Trace>,
    sightings: Sightings,
}

/// The window of one rule.
#[derive(Debug)]
pub(super) struct Watched {
    rule: Str,
    window: Arc<Window>,
    /// What it counts, in short, and what it has seen goes by.
    counted: Str,
    seen: Str,
    state: State,
    /// When its next silence may be over, as it stands among those of all rules.
    due: Option<Timestamp>,
    /// Matches that it has taken in.
    taken: Fired,
    /// Of a silence that is counted by token, market or prediction market: which one was last heard of, by key.
    elements: LinkedHashMap<String, Element, FixedState>,
}

#[derive(Clone, Copy, Debug)]
struct Deaf {
    since: Timestamp,
    until: Option<Timestamp>,
}

impl OverTime {
    /// A match of a rule with a window.
    pub(super) fn take_in(
        &mut self,
        (at, rule, window): (usize, &Rule, &Arc<Window>),
        of: &Asked<'_>,
        identities: &mut Identities,
    ) -> Said {
        let Some(key) = identities.values(&window.per, of.subject, of.element) else { return Said::Nothing };
        let value = match window.kind {
            WindowKind::Distinct { of: part, .. } | WindowKind::FirstSeen { of: part } => {
                identities.value(part, of.subject, of.element)
            }
            _ => Some(String::new()),
        };
        let Some(value) = value else { return Said::Nothing };
        let clock = Clock { now: of.now, oldest: self.oldest(of.now) };
        let happened = self.placed(window, of.subject.at.min(of.now));
        let watched = self.windows.entry(at).or_insert_with(|| Watched::new(rule, window));
        if !watched.taken.is_first(of.id) {
            return Said::Again;
        }
        if matches!(window.kind, WindowKind::Silence)
            && let Some(element) = of.element
        {
            watched.elements.insert(key.clone(), element.clone());
            if watched.elements.len() > window.max_keys {
                watched.elements.pop_front();
            }
        }
        let seen = Observation { key: key.into(), value: value.into(), at: happened, step: of.step, member: member(of) };
        let then = self.sightings.fired(window, of.id).map(|fired| fired.then(|| first(window, &seen)));
        let verdict = watched.state.observe(window, clock, seen);
        watched.leave(of.now, (&mut self.traces, &mut self.bulk));
        if matches!(window.kind, WindowKind::Silence) {
            self.renew_due(at);
        }
        match (then, verdict) {
            (Some(Some(told)), _) | (None, Verdict::Fires(told)) => Said::Fires(Box::new(told)),
            (Some(None), Verdict::Fires(_)) => Said::Not(Verdict::Known),
            (_, verdict) => Said::Not(verdict),
        }
    }

    /// When a match is counted. What was fetched of the time when nobody listened counts for a silence from when somebody did again.
    fn placed(&self, window: &Window, at: Timestamp) -> Timestamp {
        match (&window.kind, self.deaf) {
            (WindowKind::Silence, Some(Deaf { since, until: Some(until) })) if at >= since => at.max(until),
            _ => at,
        }
    }

    /// The oldest that may still come, while what was missed is being fetched, or is to be asked for again.
    fn oldest(&self, now: Timestamp) -> Option<Timestamp> {
        let held = (self.hold != Hold::Nothing).then(|| self.missed.unwrap_or(now));
        let since = held.into_iter().chain(self.owed).min()?;
        let overlap = i64::try_from(HISTORY_OVERLAP.as_millis()).unwrap_or(i64::MAX);
        Some(since.shifted(-overlap))
    }

    /// What was said since then may still come of the history. `None`: nothing more comes of it.
    pub(super) fn owe(&mut self, since: Option<Timestamp>) {
        self.owed = since;
    }

    /// While held, silences do not end; the time when nobody listens does not count as silence.
    pub(super) fn hold(&mut self, hold: Hold, (at, now): (Timestamp, Timestamp)) {
        match (self.hold, hold) {
            (Hold::Nothing | Hold::Before(_), Hold::Everything) => {
                // Deaf once more while what was missed before is still being fetched: that may be as old as it was.
                self.missed = self.missed.or(Some(at));
                self.deaf = Some(Deaf { since: at, until: None });
            }
            (Hold::Everything, Hold::Nothing | Hold::Before(_)) => {
                if let Some(deaf) = &mut self.deaf {
                    deaf.until = Some(at);
                    let since = deaf.since;
                    self.windows.values_mut().for_each(|watched| watched.state.resume(at, since));
                    self.find_due();
                }
            }
            _ => {}
        }
        if hold == Hold::Nothing {
            self.missed = None;
            if self.is_held() {
                self.known_from(now);
            }
        }
        self.hold = hold;
        self.find_next();
    }

    /// Goes on with other rules. A window goes on where it was if its rule has kept its name, and it counts the same thing.
    pub(super) fn replace_rules(&mut self, rules: &RuleSet, places: &HashMap<Str, usize>, now: Timestamp) {
        // First the word: what is taken off the record after it is not all there any more.
        let rule = |name: &str| rules.rules.get(*places.get(name)?);
        let is_kept = |name: &str, of: &str, by: &str| {
            rule(name).is_some_and(|rule| rule.counted().is_some_and(|counted| **counted == *of) && **rule.judged() == *by)
        };
        self.sightings.keep(is_kept, now, &mut self.bulk);
        for mut watched in std::mem::take(&mut self.windows).into_values() {
            let at = places.get(&watched.rule).copied();
            let rule = at.and_then(|at| rules.rules.get(at)).filter(|rule| rule.counted() == Some(&watched.counted));
            let goes_on = rule.and_then(|rule| rule.window.as_ref());
            let Some((at, window)) = at.zip(goes_on) else {
                watched.state.leave_nothing();
                watched.leave(now, (&mut self.traces, &mut self.bulk));
                continue;
            };
            watched.state.go_on((&watched.window, window), now);
            watched.window = Arc::clone(window);
            watched.seen = rule.and_then(Rule::seen).cloned().unwrap_or_default();
            self.windows.insert(at, watched);
        }
        self.find_due();
    }

    /// Only the windows of these rules are wanted.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.windows.retain(|_, watched| is_wanted(&watched.rule));
    }

    /// Holds windows that are used no more, until it is let go of itself.
    pub(super) fn let_go(&mut self, replaced: Vec<Watched>) {
        self.windows.extend(replaced.into_iter().enumerate());
    }

    /// Takes windows over in the place of those of these rules, and what they have left. Returns those, to be let go of elsewhere.
    pub(super) fn adopt(
        &mut self,
        (other, of): (Self, impl Iterator<Item = usize>),
        (rules, places): (&RuleSet, &HashMap<Str, usize>),
        now: Timestamp,
    ) -> Vec<Watched> {
        let mut replaced: Vec<_> = of.filter_map(|at| self.windows.remove(&at)).collect();
        for watched in &mut replaced {
            watched.state.leave_nothing();
            watched.leave(now, (&mut self.traces, &mut self.bulk));
        }
        for mut watched in other.windows.into_values() {
            let Some(at) = places.get(&watched.rule) else { continue };
            let Some(rule) = rules.rules.get(*at).filter(|rule| rule.seen() == Some(&watched.seen)) else { continue };
            if self.windows.contains_key(at) {
                continue;
            }
            if let Some(Deaf { since, until: Some(until) }) = self.deaf {
                watched.state.was_deaf(&watched.window, (since, until));
            }
            watched.state.leave_all(now);
            watched.leave(now, (&mut self.traces, &mut self.bulk));
            self.complete(rule, now);
            self.windows.insert(*at, watched);
        }
        self.find_due();
        replaced
    }

    /// Whether waits and silences end.
    pub(super) fn is_held(&self) -> bool {
        self.hold != Hold::Nothing
    }

    /// How much the window of each rule holds, and has had to let go of, by the rule's name.
    pub(super) fn of_rules(&self) -> Vec<(Str, Counts)> {
        let mut all: Vec<_> = self.windows.values().map(|watched| (Str::clone(&watched.rule), watched.state.counts())).collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// How much all windows hold, and have had to let go of.
    pub(super) fn counts(&self) -> Counts {
        let all = self.windows.values().map(|watched| watched.state.counts());
        all.fold(Counts::default(), |sum, of| Counts {
            keys: sum.keys + of.keys,
            members: sum.members + of.members,
            evicted_keys: sum.evicted_keys + of.evicted_keys,
            evicted_members: sum.evicted_members + of.evicted_members,
            late: sum.late + of.late,
        })
    }
}

impl Watched {
    fn new(rule: &Rule, window: &Arc<Window>) -> Self {
        Self {
            rule: Arc::clone(&rule.name),
            window: Arc::clone(window),
            counted: rule.counted().cloned().unwrap_or_default(),
            seen: rule.seen().cloned().unwrap_or_default(),
            due: None,
            state: State::new(window),
            taken: Fired::growing(WINDOW_TAKEN),
            elements: LinkedHashMap::with_hasher(FixedState::default()),
        }
    }
}

/// What is told of a match that fired, of which it is not known any more what was seen before it.
fn first(window: &Window, seen: &Observation<'_>) -> Told {
    Told { kind: window.kind.name(), key: seen.key.as_ref().into(), count: 1, members: vec![seen.member.clone()] }
}

fn member(of: &Asked<'_>) -> Member {
    let actor = of.subject.actor();
    Member {
        who: actor.handle.as_deref().map(Who::new),
        platform: actor.platform.clone(),
        tweet: of.subject.tweet().map(|tweet| tweet.id.clone()),
        event: of.subject.event,
        at: of.subject.at.min(of.now),
        price: of.element.and_then(Element::price),
    }
}
