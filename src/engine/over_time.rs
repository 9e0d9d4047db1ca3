//! Matches of rules with windows → those that make something true over time, and silences that are over.

mod sightings;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;

use self::sightings::Sightings;
use super::identities::Identities;
use super::waits::Hold;
use crate::model::firing::Element;
use crate::model::ids::{FiringId, TweetId};
use crate::model::limits::{HISTORY_OVERLAP, TRACES_AT_ONCE, WINDOW_TAKEN};
use crate::model::subject::{About, Account, AccountEvent, Str, Subject, Tweet};
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member, Told, Trace, Who};
use crate::rules::ruleset::{Rule, RuleSet, Window, WindowKind};
use crate::suppress::Fired;
use crate::window::{Clock, Counts, Due, Observation, State, Verdict};

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
struct Watched {
    rule: Str,
    window: Arc<Window>,
    /// What it counts, in short.
    counted: Str,
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

    fn find_next(&mut self) {
        self.next = self.due.first().map(|(deadline, _)| *deadline).filter(|_| self.hold == Hold::Nothing);
    }

    /// The silences of one rule may be over at another time than before.
    fn renew_due(&mut self, at: usize) {
        let Some(watched) = self.windows.get_mut(&at) else { return };
        let deadline = watched.state.next_deadline();
        let before = std::mem::replace(&mut watched.due, deadline);
        if before != deadline {
            if let Some(before) = before {
                self.due.remove(&(before, at));
            }
            self.due.extend(deadline.map(|deadline| (deadline, at)));
            self.find_next();
        }
    }

    /// Those of all rules may be.
    fn find_due(&mut self) {
        let renewed = |(at, watched): (&usize, &mut Watched)| {
            watched.due = watched.state.next_deadline();
            watched.due.map(|deadline| (deadline, *at))
        };
        self.due = self.windows.iter_mut().filter_map(renewed).collect();
        self.find_next();
    }

    /// When the next silence may be over.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.next
    }

    /// When a silence was found to be over that was so from `due` on: later than that, where nobody could know.
    pub(super) fn found(&self, due: Timestamp) -> Timestamp {
        due.max(self.known_from)
    }

    /// What was over before is found now.
    pub(super) fn known_from(&mut self, now: Timestamp) {
        self.known_from = now;
    }

    /// The next silence that is over by `now`: the rule, and what it came of.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(usize, Due, Option<Element>)> {
        self.next.filter(|next| *next <= now)?;
        let (deadline, at) = self.due.pop_first()?;
        let due = self.windows.get_mut(&at).and_then(|watched| {
            watched.due = None;
            let due = watched.state.due(&watched.window, now)?;
            watched.leave(now, (&mut self.traces, &mut self.bulk));
            let element = watched.elements.get(&*due.told.key).cloned();
            Some((at, due, element))
        });
        let is_stuck = |watched: &Watched| watched.state.next_deadline() == Some(deadline);
        if due.is_some() || !self.windows.get(&at).is_some_and(is_stuck) {
            self.renew_due(at);
        }
        // One that was said to be over and is not is not asked again before its next match: whoever asks until there is none must not ask for ever.
        self.find_next();
        due
    }

    /// The silences since that tweet that are still to be told, by rule, and when each is due.
    pub(super) fn silences_of(&self, tweet: &TweetId) -> Vec<(Str, Timestamp)> {
        let awaited = |watched: &Watched| Some((Str::clone(&watched.rule), watched.state.awaited(tweet)?));
        let mut all: Vec<_> = self.windows.values().filter_map(awaited).collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all
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
            if window.within != watched.window.within {
                watched.state.go_on(window, now);
            }
            watched.window = Arc::clone(window);
            self.windows.insert(at, watched);
        }
        self.find_due();
    }

    /// What windows have left since it was asked for the last time; of very many sightings, the next part, as it goes into one record.
    pub(super) fn traces(&mut self) -> impl Iterator<Item = Trace> {
        let part = self.bulk.len().min(TRACES_AT_ONCE);
        self.traces.drain(..).chain(self.bulk.drain(..part))
    }

    /// Has told, and used up, what an earlier run left on record, and nothing else: after its entries were replayed. `unheard`: when the feed was not
    /// heard.
    pub(super) fn restore(
        &mut self,
        (rules, places): (&RuleSet, &HashMap<Str, usize>),
        traces: Vec<Trace>,
        (now, unheard): (Timestamp, &[(Timestamp, Timestamp)]),
    ) {
        self.traces.clear();
        let mut of_rules: HashMap<Str, Vec<Trace>> = HashMap::new();
        traces.into_iter().for_each(|trace| of_rules.entry(Str::clone(&trace.rule)).or_default().push(trace));
        for (at, rule) in rules.rules.iter().enumerate().filter(|(at, rule)| places.get(&rule.name) == Some(at)) {
            let Some(window) = rule.window.as_ref().filter(|window| window.leaves_traces()) else { continue };
            let is_of_it = |trace: &mut Trace| rule.counted() == Some(&trace.of);
            let of_it = of_rules.get_mut(&rule.name).map(|of| of.extract_if(.., is_of_it).collect::<Vec<_>>());
            let traces = of_it.unwrap_or_default();
            if traces.is_empty() && !self.windows.contains_key(&at) {
                continue;
            }
            let watched = self.windows.entry(at).or_insert_with(|| Watched::new(rule, window));
            let mut lefts = Vec::with_capacity(traces.len());
            for mut trace in traces {
                // What was heard of since then is known already.
                let element = trace.left.silence.as_mut().and_then(|silence| silence.element.take());
                if let Some(element) = element.filter(|_| !watched.elements.contains_key(&*trace.key)) {
                    watched.elements.insert(trace.key.to_string(), *element);
                }
                lefts.push((trace.key.as_ref().into(), heard_by(trace.left, now, unheard)));
            }
            watched.state.restore(window, now, lefts);
        }
        // Of what is not counted any more nothing is to be found when it is counted again.
        let rest = rules.rules.iter().map(|rule| &rule.name).filter_map(|name| of_rules.remove(name)).collect::<Vec<_>>();
        let rest = rest.into_iter().chain(of_rules.into_values()).flatten();
        self.traces = rest.map(|trace| Trace { left: Left::default(), ..trace }).collect();
        self.find_due();
    }

    /// All that windows have left is to be recorded, but for sightings.
    pub(super) fn leave_all(&mut self, now: Timestamp) {
        let Self { windows, traces, bulk, .. } = self;
        windows.values_mut().filter(|watched| !watched.window.is_first_seen()).for_each(|watched| {
            watched.state.leave_all(now);
            watched.leave(now, (&mut *traces, &mut *bulk));
        });
    }

    /// Takes windows over, of rules that have none yet, and what they have left.
    pub(super) fn adopt(&mut self, other: Self, (rules, places): (&RuleSet, &HashMap<Str, usize>), now: Timestamp) {
        for mut watched in other.windows.into_values() {
            let Some(at) = places.get(&watched.rule) else { continue };
            let Some(rule) = rules.rules.get(*at).filter(|rule| rule.counted() == Some(&watched.counted)) else { continue };
            if self.windows.contains_key(at) {
                continue;
            }
            if let Some(Deaf { since, until: Some(until) }) = self.deaf {
                watched.state.resume(until, since);
            }
            watched.state.leave_all(now);
            watched.leave(now, (&mut self.traces, &mut self.bulk));
            self.complete(rule, now);
            self.windows.insert(*at, watched);
        }
        self.find_due();
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
            due: None,
            state: State::new(window),
            taken: Fired::growing(WINDOW_TAKEN),
            elements: LinkedHashMap::with_hasher(FixedState::default()),
        }
    }

    /// Notes what it has left of the latest match or silence: sightings apart from all else.
    fn leave(&mut self, at: Timestamp, (traces, sightings): (&mut Vec<Trace>, &mut VecDeque<Trace>)) {
        match self.window.is_first_seen() {
            true => self.leave_to(at, sightings),
            false => self.leave_to(at, traces),
        }
    }

    fn leave_to(&mut self, at: Timestamp, traces: &mut impl Extend<Trace>) {
        for (key, mut left) in self.state.take_left() {
            if let Some(silence) = &mut left.silence {
                silence.element = self.elements.get(&*key).cloned().map(Box::new);
            }
            let (rule, of) = (Str::clone(&self.rule), Str::clone(&self.counted));
            traces.extend([Trace { rule, of, key: key.into(), at, left }]);
        }
    }
}

/// What is told of a match that fired, of which it is not known any more what was seen before it.
fn first(window: &Window, seen: &Observation<'_>) -> Told {
    Told { kind: window.kind.name(), key: seen.key.as_ref().into(), count: 1, members: vec![seen.member.clone()] }
}

/// What is left of a silence, by now.
fn heard_by(mut left: Left, now: Timestamp, unheard: &[(Timestamp, Timestamp)]) -> Left {
    if let Some(silence) = &mut left.silence {
        let told = silence.told.min(now);
        let between =
            |(from, to): &(Timestamp, Timestamp)| (now.min(*to).as_millis()).saturating_sub(told.max(*from).as_millis()).max(0);
        let heard = now.as_millis().saturating_sub(told.as_millis()).saturating_sub(unheard.iter().map(between).sum());
        (silence.told, silence.again_in) = (now, silence.again_in.saturating_sub(heard));
    }
    left
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

/// What a silence is about, from the last that was heard: whoever it was, and their tweet without its text.
pub(super) fn silent(due: &Due) -> Option<Subject> {
    let last = due.told.members.last()?;
    let author = Account {
        handle: last.who.as_ref().map(|who| who.as_str().into()),
        platform: last.platform.clone(),
        ..Account::default()
    };
    let about = match &last.tweet {
        Some(id) => {
            let tweet: Tweet = Tweet::unknown(id.clone());
            About::Tweet(Arc::new(Tweet { author, created_at: Some(last.at), ..tweet }))
        }
        None => {
            let id = last.at.as_millis().to_string().into();
            About::Account(Arc::new(AccountEvent { id, actor: author, target: None, changes: Vec::new() }))
        }
    };
    Some(Subject { event: last.event, about, at: due.at })
}
