//! matches → what is true over time: the state of a rule's `[rule.window]` (RULES 4), one file for each type.
//!
//! Time is when things happened. A span is half-open: at the moment `t` what counts is what happened in `(t − within, t]`. So a
//! match counts from its own moment until `within` later, and no order of arrival changes what is true of a moment; only which
//! match makes it known.
//!
//! A match that happened more than `within` ago is *late*: it is counted and put nowhere. While history is being fetched the
//! oldest that can still come is known ([`Clock::oldest`]), and nothing is late that is not older than that. What is kept reaches
//! back `within` before the oldest that would not be late, which is what a match of that age is judged by. Nothing else depends
//! on what time it is. So the oldest that can still come has to be said from the first match after a gap on: what has passed by
//! then is gone.
//!
//! Everything is bounded: keys by `max_keys` (the one that was not heard of for longest leaves), what is kept of a key by its
//! type. What leaves so is counted ([`Counts`]).

mod change;
mod count;
mod cross;
mod deafness;
mod distinct;
mod firings;
mod first_seen;
mod keys;
mod moment;
mod order;
mod past;
mod row;
mod samples;
mod sequence;
mod silence;
mod stretch;

use std::borrow::Cow;

use crate::model::ids::TweetId;
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member, Told};
use crate::rules::ruleset::{Window, WindowKind};

use keys::Tally;
use moment::Moment;
use past::Past;
use stretch::Enough;

/// What time it is when a match comes.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The log's time.
    pub now: Timestamp,
    /// While history is being fetched: the oldest that can still come. `None`: nothing is being fetched.
    pub oldest: Option<Timestamp>,
}

/// A match, as a window takes it in.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// The values of `per`, joined; empty where all is counted together.
    pub key: Cow<'a, str>,
    /// The value of `of`; empty where nothing of the kind is asked.
    pub value: Cow<'a, str>,
    /// When it happened, and not after now.
    pub at: Timestamp,
    /// Which step of a sequence it is.
    pub step: usize,
    /// What is told of it.
    pub member: Member,
}

/// What a match did.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It has become true: the rule fires.
    Fires(Told),
    /// Not yet: so many, of so many.
    Gathers {
        /// How many there are at the moment that comes nearest.
        have: u32,
        /// How many are needed.
        need: u32,
    },
    /// It is true, and that has been told.
    Fired,
    /// It is too late to be put anywhere.
    Late,
    /// Of a price: there is nothing to compare it with.
    First,
    /// Nothing new: a value that was seen before, a price that has not gone far enough, a match of what is not silent.
    Known,
}

/// A silence that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// What is told of it.
    pub told: Told,
    /// The moment from which on it was silent for so long as the rule says, whenever anybody asks: also of one that is told again.
    pub at: Timestamp,
    /// How often it has been told before.
    pub again: u32,
}

/// What a window holds, and what it had to let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys that are remembered.
    pub keys: usize,
    /// Matches that are remembered.
    pub members: usize,
    /// Keys that were forgotten for want of room, while they still mattered.
    pub evicted_keys: u64,
    /// Matches that were forgotten for want of room.
    pub evicted_members: u64,
    /// Matches that came too late.
    pub late: u64,
}

/// What the past has left of keys, each once.
type Lefts = Vec<(Box<str>, Left)>;

/// What is remembered of the matches of one rule.
#[derive(Debug)]
pub struct State {
    kind: Kind,
    tally: Tally,
    /// What was left of keys of which that has changed, until it is asked for.
    left: Lefts,
}

#[derive(Debug)]
enum Kind {
    Count(count::Count),
    Distinct(distinct::Distinct),
    FirstSeen(first_seen::FirstSeen),
    Cross(cross::Cross),
    Change(change::Change),
    Silence(silence::Silence),
    Sequence(sequence::Sequence),
}

impl Kind {
    fn new(window: &Window) -> Self {
        match &window.kind {
            WindowKind::Count { .. } => Self::Count(Default::default()),
            WindowKind::Distinct { .. } => Self::Distinct(Default::default()),
            WindowKind::FirstSeen { .. } => Self::FirstSeen(Default::default()),
            WindowKind::Cross(_) => Self::Cross(Default::default()),
            WindowKind::Change { .. } => Self::Change(Default::default()),
            WindowKind::Silence => Self::Silence(Default::default()),
            WindowKind::Sequence { .. } => Self::Sequence(Default::default()),
        }
    }

    fn is_of(&self, kind: &WindowKind) -> bool {
        matches!(
            (self, kind),
            (Self::Count(_), WindowKind::Count { .. })
                | (Self::Distinct(_), WindowKind::Distinct { .. })
                | (Self::FirstSeen(_), WindowKind::FirstSeen { .. })
                | (Self::Cross(_), WindowKind::Cross(_))
                | (Self::Change(_), WindowKind::Change { .. })
                | (Self::Silence(_), WindowKind::Silence)
                | (Self::Sequence(_), WindowKind::Sequence { .. })
        )
    }
}

/// What they have in common.
impl Kind {
    fn past(&self) -> &dyn Past {
        match self {
            Self::Count(state) => state,
            Self::Distinct(state) => state,
            Self::FirstSeen(state) => state,
            Self::Cross(state) => state,
            Self::Change(state) => state,
            Self::Silence(state) => state,
            Self::Sequence(state) => state,
        }
    }

    fn past_mut(&mut self) -> &mut dyn Past {
        match self {
            Self::Count(state) => state,
            Self::Distinct(state) => state,
            Self::FirstSeen(state) => state,
            Self::Cross(state) => state,
            Self::Change(state) => state,
            Self::Silence(state) => state,
            Self::Sequence(state) => state,
        }
    }
}

impl State {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(window: &Window) -> Self {
        Self { kind: Kind::new(window), tally: Tally::default(), left: Vec::new() }
    }

    /// Takes a match in, and says what it did. `window` is the rule's: of another type than before, it begins anew.
    ///
    /// A match comes once; who sees it a second time does not ask.
    pub fn observe(&mut self, window: &Window, clock: Clock, seen: Observation<'_>) -> Verdict {
        if !self.kind.is_of(&window.kind) {
            *self = Self::new(window);
        }
        self.left.clear();
        let moment = Moment::new(window, clock);
        let at = seen.at.min(clock.now);
        if at < moment.horizon {
            self.tally.late += 1;
            return Verdict::Late;
        }
        let (key, value) = (keys::bounded(seen.key), keys::bounded(seen.value));
        let verdict = self.take_in(window, &moment, (&key, &value, seen.step), Member { at, ..seen.member });
        if std::mem::take(&mut self.tally.leaves) {
            let key: Box<str> = match &self.kind {
                Kind::FirstSeen(state) => state.latest().into(),
                _ => key.into(),
            };
            let left = self.kind.past().left(&key, clock.now);
            self.left.push((key, left));
        }
        if !self.tally.gone.is_empty() {
            // A key that has gone may be the one that has come anew.
            self.left.splice(0..0, self.tally.gone.drain(..).map(|key| (key, Left::default())));
        }
        verdict
    }

    fn take_in(&mut self, window: &Window, moment: &Moment, (key, value, step): (&str, &str, usize), member: Member) -> Verdict {
        let tally = &mut self.tally;
        match (&mut self.kind, &window.kind) {
            (Kind::Count(state), WindowKind::Count { at_least }) => state.observe(*at_least, moment, key, member, tally),
            (Kind::Distinct(state), WindowKind::Distinct { at_least, .. }) => {
                state.observe(*at_least, moment, (key, value), member, tally)
            }
            (Kind::FirstSeen(state), _) => state.observe(moment, (key, value), member, tally),
            (Kind::Cross(state), WindowKind::Cross(level)) => state.observe(level, moment, key, member, tally),
            (Kind::Change(state), WindowKind::Change { percent, direction }) => {
                let asked = samples::Asked { percent: *percent, direction: *direction };
                state.observe(asked, moment, key, member, tally)
            }
            (Kind::Silence(state), _) => state.observe(moment, key, member, tally),
            (Kind::Sequence(state), WindowKind::Sequence { steps }) => {
                state.observe((steps.len(), step), moment, key, member, tally)
            }
            // There is no such pair any more.
            _ => Verdict::Known,
        }
    }

    /// What the past leaves behind of keys of which the latest match, or silence, has changed it: to be kept before the next, and given back by
    /// [`State::restore`] when a new state has taken in the same matches, or the later ones of them.
    pub fn take_left(&mut self) -> impl Iterator<Item = (Box<str>, Left)> {
        self.left.drain(..)
    }

    /// What the past leaves behind of all keys is to be taken, as if each had changed it now.
    pub fn leave_all(&mut self, now: Timestamp) {
        let past = self.kind.past();
        let all = past.keys().leaving().into_iter();
        self.left = all.map(|key| (past.left(&key, now), key)).map(|(left, key)| (key, left)).collect();
    }

    /// Nothing of what the past has left behind counts any more.
    pub fn leave_nothing(&mut self) {
        self.left = self.kind.past().keys().leaving().into_iter().map(|key| (key, Left::default())).collect();
    }

    /// Has told, and used up, what was left; and nothing else of what it thinks it has.
    ///
    /// So the matches within what a window looks back to are enough (of `first_seen` none are needed), though what came of them hangs on others before them. Of very many keys the
    /// last are taken. What is said to have been later than now, by a clock that was wrong, was now.
    pub fn restore(&mut self, window: &Window, now: Timestamp, lefts: impl IntoIterator<Item = (Box<str>, Left)>) {
        if !self.kind.is_of(&window.kind) {
            *self = Self::new(window);
        }
        let by_now = |(key, mut left): (Box<str>, Left)| {
            left.fired.iter_mut().for_each(|fired| *fired = now.min(*fired));
            if let Some(silence) = &mut left.silence {
                silence.told = silence.told.min(now);
            }
            if let Some(seen) = &mut left.seen {
                seen.at = seen.at.min(now);
            }
            (key, left)
        };
        let mut lefts: Lefts = lefts.into_iter().map(by_now).collect();
        lefts.reverse();
        let moment = Moment::new(window, Clock { now, oldest: None });
        self.left.clear();
        self.kind.past_mut().restore(&lefts, &moment, &mut self.tally);
        // There was no room for these.
        self.left.extend(self.tally.gone.drain(..).map(|key| (key, Left::default())));
    }

    /// Of `silence`: the next key that has been silent for `within` by now, the one that was due first. To be asked until there
    /// is none.
    pub fn due(&mut self, window: &Window, now: Timestamp) -> Option<Due> {
        match &mut self.kind {
            Kind::Silence(silence) => {
                self.left.clear();
                let moment = Moment::new(window, Clock { now, oldest: None });
                let due = silence.due(&moment, now)?;
                if moment.rearm.is_some() {
                    self.left.push((due.told.key.as_ref().into(), silence.left(&due.told.key, now)));
                }
                Some(due)
            }
            _ => None,
        }
    }

    /// Other rules have come, of which this window is the one that counts the same thing as the one `before`.
    pub fn go_on(&mut self, (before, window): (&Window, &Window), now: Timestamp) {
        let moment = |window| Moment::new(window, Clock { now, oldest: None });
        if let Kind::Silence(silence) = &mut self.kind
            && before.within != window.within
        {
            silence.retime(&moment(window), now);
        }
        let (Some(at_least), Some(was)) = (window.kind.at_least(), before.kind.at_least()) else { return };
        // With `rearm` it is remembered what was told; and nothing is enough now that was not before, unless less is asked for.
        if window.rearm.is_some() || at_least >= was && window.within <= before.within {
            return;
        }
        let (old, new) = (Enough { at_least: was, moment: moment(before) }, Enough { at_least, moment: moment(window) });
        match &mut self.kind {
            Kind::Count(state) => state.go_on((&old, &new), now),
            Kind::Distinct(state) => state.go_on((&old, &new), now),
            _ => {}
        }
    }

    /// Of `silence`: when it has to be asked again, if nothing comes until then.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match &self.kind {
            Kind::Silence(silence) => silence.next_deadline(),
            _ => None,
        }
    }

    /// Of `silence`: when what has been silent since that tweet is due to be told, if nothing comes until then. Of several keys the last one.
    #[must_use]
    pub fn awaited(&self, tweet: &TweetId) -> Option<Timestamp> {
        match &self.kind {
            Kind::Silence(silence) => silence.awaited(tweet),
            _ => None,
        }
    }

    /// Of `silence`: nothing could be heard between these two, so that time does not count.
    pub fn resume(&mut self, listening_from: Timestamp, deaf_since: Timestamp) {
        if let Kind::Silence(silence) = &mut self.kind {
            silence.resume(listening_from, deaf_since);
        }
    }

    /// As [`State::resume`], said after matches were taken in that may have come later than that.
    pub fn was_deaf(&mut self, window: &Window, (since, until): (Timestamp, Timestamp)) {
        if let Kind::Silence(silence) = &mut self.kind {
            silence.was_deaf(&Moment::new(window, Clock { now: until, oldest: None }), (since, until));
        }
    }

    /// What it holds, and what it had to let go.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let keys = self.kind.past().keys().len();
        let Tally { members, evicted_keys, evicted_members, late, .. } = self.tally;
        Counts { keys, members, evicted_keys, evicted_members, late }
    }
}
