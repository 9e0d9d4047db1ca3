//! What is measured of birdcall: one contender for each stage, and the engine as a whole.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use birdcall::decode;
use birdcall::engine::{Effect, Engine, Input};
use birdcall::join::{Joined, Joiner};
use birdcall::matching::{Facts, Index, Reading, Scratch, Truth, evaluate};
use birdcall::model::envelope::Envelope;
use birdcall::model::firing::{Firing, Origin};
use birdcall::model::mode::Mode;
use birdcall::model::subject::{Event, Tweet};
use birdcall::model::time::Timestamp;
use birdcall::render;
use birdcall::rules::ruleset::{Rule, RuleSet};

use crate::turns::Contender;

/// Envelopes that an engine has seen before it is measured: more than come while a rule waits, so that waits end as often as they begin.
pub(crate) const WARMING: usize = 160;

/// Decodes; what cannot be decoded is a mistake of the corpus.
pub(crate) fn decoded(frame: &str) -> Envelope<'_> {
    match decode::decode(frame) {
        Ok(envelope) => envelope,
        Err(malformed) => panic!("{malformed}: {frame}"),
    }
}

fn moment(envelope: &Envelope<'_>) -> Timestamp {
    envelope.ts.unwrap_or_default()
}

/// The joining alone, of decoded envelopes.
pub(crate) struct Joins<'a> {
    joiner: Joiner<()>,
    envelopes: &'a [Envelope<'a>],
}

impl<'a> Joins<'a> {
    pub(crate) fn new(envelopes: &'a [Envelope<'a>]) -> Self {
        Self { joiner: new_joiner(), envelopes }
    }
}

fn new_joiner() -> Joiner<()> {
    Joiner::new(birdcall::join::Bounds::default())
}

impl Contender for Joins<'_> {
    fn name(&self) -> &'static str {
        "join"
    }

    fn forget(&mut self) -> bool {
        self.joiner = new_joiner();
        true
    }

    fn run(&mut self, envelopes: Range<usize>) -> usize {
        let mut changed = 0;
        for envelope in &self.envelopes[envelopes] {
            let joined = self.joiner.absorb(envelope, moment(envelope));
            changed += usize::from(matches!(joined, Joined::Tweet { changed: true, .. }));
            while self.joiner.take_forgotten().is_some() {}
        }
        changed
    }
}

/// The tweet as it is known after each envelope; `None` where the envelope is not about one.
pub(crate) fn subjects(envelopes: &[Envelope<'_>]) -> Vec<Option<Tweet>> {
    let mut joiner = new_joiner();
    let subject = |envelope| match joiner.absorb(envelope, moment(envelope)) {
        Joined::Tweet { id, .. } => joiner.get(&id).map(|known| known.tweet.owned()),
        Joined::Event { .. } | Joined::Nothing => None,
    };
    envelopes.iter().map(subject).collect()
}

/// Every rule on a subject, one after the other.
pub(crate) fn evaluate_all(rules: &[Rule], tweet: &Tweet<&str>, mut found: impl FnMut(usize)) {
    let facts = Facts::of_tweet(tweet, None);
    for (number, rule) in rules.iter().enumerate() {
        if evaluate(&rule.when, &facts, Reading { settled: false, element: None }) == Truth::True {
            found(number);
        }
    }
}

/// The rules that the index finds for a subject.
pub(crate) struct Finds<'a> {
    rules: &'a [Rule],
    index: Index,
    scratch: Scratch,
}

impl<'a> Finds<'a> {
    pub(crate) fn new(rules: &'a RuleSet) -> Self {
        Self { index: Index::new(rules), rules: &rules.rules, scratch: Scratch::default() }
    }

    /// Finds and evaluates; how many hold.
    pub(crate) fn evaluate(&mut self, tweet: &Tweet<&str>) -> usize {
        let facts = Facts::of_tweet(tweet, None);
        self.index.look(Event::Tweet, &facts, false, &mut self.scratch);
        let candidates = self.index.candidates(&self.scratch).iter();
        let reading = Reading { settled: false, element: None };
        let holds = |rule: u32| evaluate(&self.rules[rule as usize].when, &facts, reading) == Truth::True;
        candidates.filter(|candidate| candidate.is_proven || holds(candidate.rule)).count()
    }
}

/// From bytes to what is to be done, or to the rules that are true and no further.
pub(crate) struct Steps<'a> {
    name: &'static str,
    matches_only: bool,
    rules: Arc<RuleSet>,
    frames: &'a [String],
    engine: Engine,
    effects: Vec<Effect>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(name: &'static str, rules: &Arc<RuleSet>, frames: &'a [String]) -> Self {
        let engine = Engine::new(Arc::clone(rules));
        Self { name, matches_only: false, rules: Arc::clone(rules), frames, engine, effects: Vec::new() }
    }

    pub(crate) fn matches_only(name: &'static str, rules: &Arc<RuleSet>, frames: &'a [String]) -> Self {
        Self { matches_only: true, ..Self::new(name, rules, frames) }
    }

    /// What fires on the envelopes.
    pub(crate) fn firings(&mut self, envelopes: Range<usize>) -> Vec<Arc<Firing>> {
        let mut firings = Vec::new();
        for at in envelopes {
            self.step(at);
            firings.extend(self.effects.drain(..).filter_map(|effect| match effect {
                Effect::Fired(firing) => Some(firing),
                _ => None,
            }));
        }
        firings
    }

    /// How many rules were true, where only that is looked at.
    fn step(&mut self, at: usize) -> usize {
        let envelope = decoded(&self.frames[at]);
        let entry = Input::Entry { envelope: &envelope, at: moment(&envelope), origin: Origin::Live };
        if self.matches_only {
            return self.engine.match_only(&entry);
        }
        self.engine.step(&entry, &mut self.effects);
        0
    }
}

impl Contender for Steps<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forget(&mut self) -> bool {
        self.engine = Engine::new(Arc::clone(&self.rules));
        true
    }

    fn run(&mut self, envelopes: Range<usize>) -> usize {
        let mut effects = 0;
        for at in envelopes {
            effects += self.step(at) + self.effects.len();
            self.effects.clear();
        }
        effects
    }
}

/// The same rules with nowhere to send: what is left is decode, join, match and suppress.
pub(crate) fn silenced(rules: &RuleSet) -> RuleSet {
    let mut rules = rules.clone();
    rules.rules.iter_mut().flat_map(|rule| &mut rule.send).for_each(|send| send.mode = Mode::Off);
    rules
}

/// A message, from a firing to the bytes that are sent.
pub(crate) struct Renders<'a> {
    pub(crate) name: &'static str,
    pub(crate) rules: &'a RuleSet,
    /// Of the rule's sends, this one.
    pub(crate) send: usize,
    pub(crate) firings: &'a [Arc<Firing>],
}

impl Contender for Renders<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, envelopes: Range<usize>) -> usize {
        let send = &self.rules.rules[0].send[self.send];
        let action = &self.rules.actions[send.action];
        let bytes = |firing: &Arc<Firing>| match render::render(firing, send, action, firing.at.plus(action.max_age)) {
            Ok(rendered) => rendered.body.store().1.len(),
            Err(incomplete) => panic!("{incomplete}"),
        };
        self.firings[envelopes].iter().map(bytes).sum()
    }
}

/// The pairs of tweet and rule that hold, as the engine fires them.
pub(crate) fn fired(rules: &Arc<RuleSet>, frames: &[String]) -> HashSet<(String, String)> {
    let firings = Steps::new("", rules, frames).firings(0..frames.len());
    let pair = |firing: &Arc<Firing>| (firing.subject.key().replacen("tweet:", "", 1), firing.rule.to_string());
    firings.iter().map(pair).collect()
}
