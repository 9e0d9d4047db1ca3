//! `sequence`: matches of all steps, in their order, within a time.
//!
//! Of each key and step the matches, in the order in which they happened (of equal times: in which they came), of more than 64
//! the newest. A match fires if there is a *chain* that it is part of: one match for each step, each after the one before, the
//! last less than `within` after the first, no two of them the same tweet at the same moment. It does not matter which of them
//! came last. Of several chains the oldest is told: the one that begins first, then goes on first, and so on. What has been told
//! is used up. With `rearm`, a chain too near to a firing is used up untold.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::firings::Firings;
use super::keys::{Held, Keys, Listed, Tally};
use super::moment::Moment;
use super::past::Past;
use super::row::Row;
use super::{Lefts, Verdict};
use crate::model::time::Timestamp;
use crate::model::window::{Left, Member, Used};

/// Matches that are kept of a step at most.
const MOST: usize = 64;
/// So many matches are looked at for one: more are only needed where very many of them happened at one and the same moment.
const LOOKED_AT: u32 = 4_096;

#[derive(Debug, Default)]
pub(super) struct Sequence {
    keys: Keys<Steps>,
}

#[derive(Debug, Default)]
struct Steps {
    steps: SmallVec<[Step; 3]>,
    /// What is used up, in its order, each with its step: it is known until it has passed, so that a restart knows it, too.
    used: Vec<(usize, Entry, Member)>,
    firings: Firings,
    /// Matches so far.
    came: u64,
}

/// The matches of a step.
type Step = Row<Entry, 4>;

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Timestamp,
    came: u64,
}

/// When it happened; of equal times, which came first.
type Rank = (Timestamp, u64);

impl Entry {
    fn rank(&self) -> Rank {
        (self.at, self.came)
    }
}

/// A match of a step, as it is known by when it is used up.
fn as_used(step: usize, Member { at, tweet, who, .. }: &Member) -> Used {
    Used { step, at: *at, tweet: tweet.as_ref().map(ToString::to_string), who: who.as_ref().map(ToString::to_string) }
}

/// A tweet is known by itself: when it happened may be told by another clock in a replay.
fn known_by(used: Used) -> Used {
    let at = if used.tweet.is_some() { Timestamp::default() } else { used.at };
    Used { at, ..used }
}

/// Each the match at a place of a step.
fn are_same((one, at): (&Step, usize), (other, place): (&Step, usize)) -> bool {
    let when = |step: &Step, place: usize| step.get(place).map(|entry| entry.at);
    let what = |step: &Step, place: usize| step.member(place).map(|member| (member.tweet.clone(), member.who.clone()));
    when(one, at) == when(other, place) && what(one, at) == what(other, place)
}

impl Held for Steps {
    fn has_passed(&self, moment: &Moment) -> bool {
        let newest = self.steps.iter().filter_map(|step| step.last());
        let newest = newest.map(|newest| newest.at).chain(self.used.last().map(|(_, newest, _)| newest.at));
        newest.max().is_none_or(|at| at < moment.floor()) && self.firings.have_passed(moment)
    }

    fn members(&self) -> usize {
        self.steps.iter().map(|step| step.len()).sum::<usize>() + self.used.len()
    }

    fn leaves(&self) -> bool {
        !self.firings.all().is_empty() || !self.used.is_empty()
    }
}

impl Sequence {
    /// `count`: of the steps there are. `step`: this one.
    pub(super) fn observe(
        &mut self,
        (count, step): (usize, usize),
        moment: &Moment,
        key: &str,
        member: Member,
        tally: &mut Tally,
    ) -> Verdict {
        let need = u32::try_from(count).unwrap_or(u32::MAX);
        if step >= count {
            return Verdict::Gathers { have: 0, need };
        }
        let steps = self.keys.hear(key, (moment, &mut *tally), drop);
        tally.passed(steps.fit(count, moment));
        let at = member.at;
        let place = steps.insert(step, member);
        tally.members += 1;
        let verdict = match steps.chain(step, place, count, moment) {
            Some(chain) => {
                let fires = moment.rearm.is_none_or(|rearm| !steps.firings.is_near(at, rearm));
                if fires && moment.rearm.is_some() {
                    steps.firings.add(at, moment);
                }
                let (used, forgotten) = steps.use_up(&chain);
                tally.passed(forgotten);
                tally.leaves = true;
                if fires { moment.fires(key, need, used) } else { Verdict::Fired }
            }
            None => Verdict::Gathers { have: steps.prefix(step, place, count, moment), need },
        };
        tally.evicted(steps.make_room(step));
        verdict
    }
}

impl Past for Sequence {
    fn keys(&self) -> &dyn Listed {
        &self.keys
    }

    fn left(&self, key: &str, _: Timestamp) -> Left {
        let Some(Steps { used, firings, .. }) = self.keys.get(key) else { return Left::default() };
        let used = used.iter().map(|(step, _, member)| as_used(*step, member)).collect();
        Left { fired: firings.all().to_vec(), used, ..Left::default() }
    }

    fn restore(&mut self, lefts: &Lefts, moment: &Moment, _: &mut Tally) {
        self.keys.values_mut().for_each(|steps| steps.restore(&Left::default()));
        for (key, left) in lefts {
            if let Some(number) = self.keys.entry(key, moment.max_keys) {
                self.keys.of(number).1.restore(left);
            }
        }
    }
}

impl Steps {
    /// Makes it so many steps, and forgets what has passed.
    fn fit(&mut self, count: usize, moment: &Moment) -> usize {
        let (floor, before) = (moment.floor(), self.members());
        self.steps.resize_with(count, Step::default);
        for step in &mut self.steps {
            let passed = step.partition_point(|entry| entry.at < floor);
            step.forget(passed);
        }
        let passed = self.used.partition_point(|(_, entry, _)| entry.at < floor);
        self.used.drain(..passed);
        before - self.members()
    }

    fn insert(&mut self, step: usize, member: Member) -> usize {
        self.came += 1;
        let entry = Entry { at: member.at, came: self.came };
        let Some(of) = self.steps.get_mut(step) else { return 0 };
        let place = of.partition_point(|known| known.rank() < entry.rank());
        of.insert(place, entry, member);
        place
    }

    /// The oldest chain of the first `length` steps that the match at `place` of `step` is part of: a place for each.
    fn chain(&self, step: usize, place: usize, length: usize, moment: &Moment) -> Option<Vec<usize>> {
        let steps = self.steps.get(..length)?;
        if steps.iter().any(|step| step.is_empty()) {
            return None;
        }
        let fixed = steps.get(step)?.get(place)?;
        let first = steps.first()?;
        let opens = first.partition_point(|entry| entry.at <= moment.opens(fixed.at));
        let mut search =
            Search { steps, fixed: (step, place, fixed.rank()), until: fixed.at, left: LOOKED_AT, chain: Vec::new() };
        for (start, entry) in first.iter().enumerate().skip(opens).take_while(|(_, entry)| entry.rank() <= fixed.rank()) {
            if step == 0 && start != place {
                continue;
            }
            search.until = moment.leaves(entry.at);
            search.chain = vec![start];
            if search.goes_on() {
                return Some(search.chain);
            }
        }
        None
    }

    /// How many steps have been gone, from the first on, of the longest chain that the match is part of.
    fn prefix(&self, step: usize, place: usize, count: usize, moment: &Moment) -> u32 {
        let longest = (step + 1..count).rev().find(|length| self.chain(step, place, *length, moment).is_some());
        longest.and_then(|longest| u32::try_from(longest).ok()).unwrap_or(0)
    }

    /// What is told of it, and how many of those that were used up before had to be forgotten.
    fn use_up(&mut self, chain: &[usize]) -> (Vec<Member>, usize) {
        let mut told = Vec::with_capacity(chain.len());
        for (number, (step, place)) in self.steps.iter_mut().zip(chain).enumerate() {
            let Some((entry, member)) = step.get(*place).copied().zip(step.remove(*place)) else { continue };
            told.push(member.clone());
            self.used.insert(self.used.partition_point(|(_, known, _)| known.rank() < entry.rank()), (number, entry, member));
        }
        let excess = self.used.len().saturating_sub(MOST * self.steps.len());
        self.used.drain(..excess);
        (told, excess)
    }

    /// Has used up what was, and nothing else.
    fn restore(&mut self, left: &Left) {
        for (number, entry, member) in std::mem::take(&mut self.used) {
            if let Some(step) = self.steps.get_mut(number) {
                step.insert(step.partition_point(|known| known.rank() < entry.rank()), entry, member);
            }
        }
        let mut was: HashMap<&Used, usize> = HashMap::new();
        let all: Vec<_> = left.used.iter().cloned().map(known_by).collect();
        all.iter().for_each(|used| *was.entry(used).or_default() += 1);
        for (number, step) in self.steps.iter_mut().enumerate() {
            let mut place = 0;
            while let Some((entry, member)) = step.get(place).copied().zip(step.member(place)) {
                match was.get_mut(&known_by(as_used(number, member))).filter(|count| **count > 0) {
                    Some(count) => {
                        *count -= 1;
                        self.used.extend(step.remove(place).map(|member| (number, entry, member)));
                    }
                    None => place += 1,
                }
            }
        }
        self.used.sort_by_key(|(_, entry, _)| entry.rank());
        self.firings.restore(&left.fired);
    }

    fn make_room(&mut self, step: usize) -> usize {
        let Some(of) = self.steps.get_mut(step).filter(|of| of.len() > MOST) else { return 0 };
        of.forget(1);
        1
    }
}

/// A search for what goes on a chain.
struct Search<'a> {
    steps: &'a [Step],
    /// The match that must be part of it: its step, its place and its rank.
    fixed: (usize, usize, Rank),
    /// All of it is before this.
    until: Timestamp,
    left: u32,
    chain: Vec<usize>,
}

impl<'a> Search<'a> {
    fn chosen(&self) -> impl DoubleEndedIterator<Item = &'a Entry> + '_ {
        self.steps.iter().zip(&self.chain).filter_map(|(step, place)| step.get(*place))
    }

    fn has_chosen(&self, of: &Step, place: usize) -> bool {
        self.steps.iter().zip(&self.chain).any(|(step, chosen)| are_same((step, *chosen), (of, place)))
    }

    /// Goes on with the first match that is possible. If that leads nowhere, only those of the same moment may lead further: a
    /// chain that goes on with a later one could do so with the first, but if that were the same as one that follows, and that
    /// one would then be of the same moment, too.
    fn goes_on(&mut self) -> bool {
        let step = self.chain.len();
        let Some(of) = self.steps.get(step) else { return true };
        let Some(last) = self.chosen().next_back().map(Entry::rank) else { return false };
        let (fixed, fixed_place, fixed_rank) = self.fixed;
        let after = of.partition_point(|entry| entry.rank() <= last);
        let mut first = None;
        for (place, entry) in of.iter().enumerate().skip(after) {
            let at = entry.at;
            let is_too_late = at >= self.until || step <= fixed && entry.rank() > fixed_rank;
            if is_too_late || self.left == 0 || first.is_some_and(|first| at != first) {
                return false;
            }
            self.left -= 1;
            if step == fixed && place != fixed_place || self.has_chosen(of, place) {
                continue;
            }
            first = Some(at);
            self.chain.push(place);
            if self.goes_on() {
                return true;
            }
            self.chain.pop();
        }
        false
    }
}
