//! Which rules become true for a tweet now, and what is remembered of that beside the tweet.

use std::time::Duration;

use super::waits::Hold;
use crate::matching::{self, Facts, Reading, Truth};
use crate::model::firing::{Element, Origin};
use crate::model::subject::{Event, Tweet};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, Step};

/// A rule that has become true.
#[derive(Clone, Debug)]
pub(super) struct Match {
    /// Its place among the rules.
    pub(super) rule: usize,
    /// Of a rule with `each`.
    pub(super) element: Option<Element>,
    /// Which step of a sequence it was; zero of any other rule.
    pub(super) step: usize,
}

impl Match {
    /// A rule as a whole.
    pub(super) fn of(rule: usize) -> Self {
        Self { rule, element: None, step: 0 }
    }
}

/// What the engine remembers of a tweet beside the tweet.
#[derive(Debug, Default)]
pub(super) struct TweetState {
    /// When its first envelope came.
    pub(super) first_at: Option<Timestamp>,
    /// When its content came.
    pub(super) content_at: Option<Timestamp>,
    /// How the latest envelope that changed it came to us.
    pub(super) latest: Option<Origin>,
    /// How its content came to us; live when one of several did.
    content: Option<Origin>,
    /// The same of its envelopes together.
    any: Option<Origin>,
    /// Something led to a rule that did not become true at once.
    pub(super) has_undecided: bool,
    /// The generation of rules that it was last looked at by; `0`: by none.
    pub(super) generation: u32,
    /// The generation whose numbers the rules have that are remembered here.
    pub(super) numbered: u32,
    /// Of most tweets there is nothing of the kind.
    rare: Option<Box<Rare>>,
}

/// What rules have made of a tweet.
#[derive(Debug, Default)]
struct Rare {
    /// Deadlines that are set: the end of a wait, and the wait.
    waits: Vec<(Timestamp, Duration)>,
    /// Rules that were unknown when it was last looked at, in ascending order.
    unknown: Box<[u32]>,
    /// Rules that have fired, in ascending order, but for those with `each`.
    fired: Vec<u32>,
    /// What has fired of those: each with the name of the element.
    fired_each: Vec<(usize, String)>,
}

impl TweetState {
    /// Whether it was looked at, and every rule that anything led to has fired.
    pub(super) fn is_done(&self) -> bool {
        self.content_at.is_some() && !self.has_undecided
    }

    /// An envelope of it came, whether or not it said anything new.
    pub(super) fn came(&mut self, origin: Origin, is_content: bool) {
        let better = |known: Option<Origin>| known.filter(|_| origin != Origin::Live).or(Some(origin));
        self.any = better(self.any);
        if is_content {
            self.content = better(self.content);
        }
    }

    /// How a firing comes to us that an envelope from `of` has made true: live only when the tweet came live as well. News that reached us
    /// by another way is old, whatever is learned of it live.
    pub(super) fn origin(&self, of: Origin) -> Origin {
        let tweet = self.content.or(self.any).unwrap_or(of);
        if of == Origin::Live { tweet } else { of }
    }

    /// When the wait of a rule is over: so long after the content. What never gets a content is settled so long after its first envelope.
    pub(super) fn deadline(&self, wait: Duration) -> Option<Timestamp> {
        self.content_at.or(self.first_at).map(|from| from.plus(wait))
    }

    /// How old the tweet was when its content came. The feed's clock, by which it is dated, is `ahead` of ours, in ms.
    pub(super) fn age(&self, tweet: &Tweet<&str>, ahead: i64) -> Option<Duration> {
        Some(self.content_at?.shifted(ahead).since(tweet.created_at?))
    }

    /// How a firing comes to us that a wait's end has made true: live only when all that it may rest on did.
    pub(super) fn settled_origin(&self) -> Origin {
        self.origin(self.latest.unwrap_or(Origin::Live))
    }

    /// Whether something that rules wait for may have been said of it unheard.
    pub(super) fn is_held(&self, hold: Hold) -> bool {
        match hold {
            Hold::Nothing => false,
            Hold::Before(moment) => self.content != Some(Origin::Live) || self.content_at.is_none_or(|at| at < moment),
            Hold::Everything => true,
        }
    }

    /// Deadlines that are set: the end of a wait, and the wait.
    pub(super) fn waits(&self) -> &[(Timestamp, Duration)] {
        self.rare.as_ref().map_or(&[], |rare| &rare.waits)
    }

    pub(super) fn set_wait(&mut self, wait: (Timestamp, Duration)) {
        self.rare.get_or_insert_default().waits.push(wait);
    }

    pub(super) fn end_wait(&mut self, wait: (Timestamp, Duration)) {
        if let Some(rare) = &mut self.rare {
            rare.waits.retain(|of| *of != wait);
        }
    }

    /// Rules that were unknown when it was last looked at, in ascending order.
    pub(super) fn unknown(&self) -> &[u32] {
        self.rare.as_ref().map_or(&[], |rare| &rare.unknown)
    }

    pub(super) fn set_unknown(&mut self, rules: &[u32]) {
        if self.unknown() != rules {
            self.rare.get_or_insert_default().unknown = rules.into();
        }
    }

    /// These rules are unknown, too: what others of their names have made of it says nothing.
    pub(super) fn await_also(&mut self, rules: &[u32]) {
        if let Some(rare) = &mut self.rare {
            rare.fired.retain(|rule| !rules.contains(rule));
            rare.fired_each.retain(|(rule, _)| !u32::try_from(*rule).is_ok_and(|rule| rules.contains(&rule)));
        }
        let mut unknown = [self.unknown(), rules].concat();
        unknown.sort_unstable();
        unknown.dedup();
        self.set_unknown(&unknown);
        self.has_undecided = true;
    }

    /// Rules with `each` that have fired: what else is learned of their elements is noted even where they are not true any more.
    pub(super) fn fired_each(&self) -> impl Iterator<Item = usize> {
        self.rare.iter().flat_map(|rare| &rare.fired_each).map(|(at, _)| *at)
    }

    /// Notes that a rule without `each` fires. No: it has fired already, perhaps for an element, when it had `each`.
    pub(super) fn fires(&mut self, rule: u32) -> bool {
        let Rare { fired, fired_each, .. } = &mut **self.rare.get_or_insert_default();
        if fired_each.iter().any(|(of, _)| *of == rule as usize) {
            return false;
        }
        fired.binary_search(&rule).map_err(|place| fired.insert(place, rule)).is_err()
    }

    pub(super) fn has_fired(&self, rule: u32) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.fired.binary_search(&rule).is_ok())
    }

    pub(super) fn has_fired_each(&self, rule: usize, names: &[String]) -> bool {
        let mut fired = self.rare.iter().flat_map(|rare| &rare.fired_each);
        fired.any(|(of, fired)| *of == rule && names.contains(fired))
    }

    /// Gives the rules that are remembered here the numbers that `number` says they have now, and forgets those that are no more.
    pub(super) fn renumber(&mut self, number: impl Fn(u32) -> Option<u32>) {
        let Some(rare) = &mut self.rare else { return };
        let renumbered = |rules: &[u32]| {
            let mut rules: Vec<u32> = rules.iter().filter_map(|rule| number(*rule)).collect();
            rules.sort_unstable();
            rules
        };
        rare.unknown = renumbered(&rare.unknown).into();
        rare.fired = renumbered(&rare.fired);
        rare.fired_each.retain_mut(|(rule, _)| match u32::try_from(*rule).ok().and_then(&number) {
            Some(now) => {
                *rule = now as usize;
                true
            }
            None => false,
        });
    }

    fn note(&mut self, rule: usize, names: Vec<String>) {
        for name in names {
            if !self.has_fired_each(rule, std::slice::from_ref(&name)) {
                self.rare.get_or_insert_default().fired_each.push((rule, name));
            }
        }
    }
}

/// A rule that is to be judged.
pub(super) struct Judged<'r> {
    pub(super) at: usize,
    pub(super) rule: &'r Rule,
    /// What happened.
    pub(super) event: Event,
    /// Nothing more is waited for.
    pub(super) settled: bool,
}

/// Judges one rule. Adds what has become true to `matches`, notes it in the state, and says whether something is still unknown.
pub(super) fn judge(of: &Judged<'_>, facts: &Facts<'_>, state: &mut TweetState, matches: &mut Vec<Match>) -> bool {
    let Judged { at, rule, settled, .. } = *of;
    let (Some(each), steps) = (rule.each, rule.steps()) else {
        return match rule.steps() {
            Some(steps) => judge_steps(of, (steps, None, &[]), facts, state, matches),
            None => judge_whole(of, facts, state, matches),
        };
    };
    // The names of elements come from the text: without it the same token would get another id than with it.
    if !settled && !facts.has_content() {
        return true;
    }
    let mut unknown = false;
    for element in matching::elements(each, facts) {
        let mut names = vec![matching::element_key(&element, facts)];
        names.extend(matching::element_alias(&element, facts));
        if let Some(steps) = steps {
            unknown |= judge_steps(of, (steps, Some(&element), &names), facts, state, matches);
            continue;
        }
        if state.has_fired_each(at, &names) {
            state.note(at, names);
            continue;
        }
        match matching::evaluate(&rule.when, facts, Reading { settled, element: Some(&element) }) {
            Truth::True => {
                state.note(at, names);
                matches.push(Match { element: Some(element), ..Match::of(at) });
            }
            Truth::Unknown => unknown = true,
            Truth::False => {}
        }
    }
    unknown
}

/// A rule that fires once.
fn judge_whole(of: &Judged<'_>, facts: &Facts<'_>, state: &mut TweetState, matches: &mut Vec<Match>) -> bool {
    let number = u32::try_from(of.at).unwrap_or(u32::MAX);
    if state.has_fired(number) {
        return false;
    }
    let truth = matching::evaluate(&of.rule.when, facts, Reading { settled: of.settled, element: None });
    if truth == Truth::True && state.fires(number) {
        matches.push(Match::of(of.at));
    }
    truth == Truth::Unknown
}

/// The steps of a sequence, each of which comes true once, for an element with these names if there is one.
fn judge_steps(
    of: &Judged<'_>,
    (steps, element, names): (&[Step], Option<&Element>, &[String]),
    facts: &Facts<'_>,
    state: &mut TweetState,
    matches: &mut Vec<Match>,
) -> bool {
    let mut unknown = false;
    for (number, step) in steps.iter().enumerate().filter(|(_, step)| step.on.contains(&of.event)) {
        let names: Vec<_> = match names {
            [] => vec![step_name("", number)],
            names => names.iter().map(|name| step_name(name, number)).collect(),
        };
        if state.has_fired_each(of.at, &names) {
            state.note(of.at, names);
            continue;
        }
        match matching::evaluate(&step.when, facts, Reading { settled: of.settled, element }) {
            Truth::True => {
                state.note(of.at, names);
                matches.push(Match { rule: of.at, element: element.cloned(), step: number });
            }
            Truth::Unknown => unknown = true,
            Truth::False => {}
        }
    }
    unknown
}

/// What tells the match of a step from those of the others: of an element by its name.
pub(super) fn step_name(element: &str, step: usize) -> String {
    format!("{element}|step {}", step + 1)
}
