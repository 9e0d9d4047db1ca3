//! The law of the index: a rule that is true for a subject is among its candidates; and what is missing makes none true that was not, once it is
//! waited for no more.

use std::sync::Arc;

use birdcall::decode;
use birdcall::join::{Bounds, Joined, Joiner};
use birdcall::matching::{Facts, Index, Reading, Scratch, Truth, elements, evaluate};
use birdcall::model::subject::Subject;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::{Rule, RuleSet};
use fastrand::Rng;
use proptest::prelude::*;

use super::{any_rules, cases, loaded, words};
use crate::kit::story::START;

/// Subjects as they come to be while envelopes come.
pub(super) fn any_subjects(rng: &mut Rng) -> Vec<Subject> {
    let mut joiner = Joiner::<()>::new(Bounds::default());
    let mut subjects = Vec::new();
    for _ in 0..12 {
        let frame = words::envelope(rng).to_string();
        let joined = joiner.absorb(&decode::decode(&frame).unwrap(), Timestamp::from_millis(START));
        subjects.extend(match joined {
            Joined::Tweet { id, .. } => joiner.subject(&id),
            Joined::Event { subject, .. } => Some(subject),
            Joined::Nothing => None,
        });
    }
    subjects
}

/// How true a rule is: of one with `each`, of its elements the truest.
fn truth(rule: &Rule, facts: &Facts<'_>, settled: bool, subject: &Subject) -> Truth {
    let Some(each) = rule.each else { return evaluate(&rule.when, facts, Reading { settled, element: None }) };
    if !settled && subject.tweet().is_some_and(|tweet| !tweet.parts.content) {
        return Truth::Unknown;
    }
    let truths: Vec<_> = elements(each, facts)
        .iter()
        .map(|element| evaluate(&rule.when, facts, Reading { settled, element: Some(element) }))
        .collect();
    [Truth::True, Truth::Unknown].into_iter().find(|of| truths.contains(of)).unwrap_or(Truth::False)
}

fn holds(set: &Arc<RuleSet>, subjects: &[Subject]) -> Result<(), String> {
    let index = Index::new(set);
    let mut scratch = Scratch::default();
    for subject in subjects {
        let facts = Facts::of(subject, None);
        let mut before = None;
        for settled in [true, false] {
            index.look(subject.event, &facts, settled, &mut scratch);
            let found = index.candidates(&scratch).to_vec();
            if !found.windows(2).all(|pair| pair[0].rule < pair[1].rule) {
                return Err(format!("not in order, or not once: {found:?}"));
            }
            let proven =
                found.iter().filter(|candidate| candidate.is_proven).map(|candidate| &set.rules[candidate.rule as usize]);
            if let Some(rule) = proven.into_iter().find(|rule| truth(rule, &facts, settled, subject) != Truth::True) {
                return Err(format!("proven and not true, settled: {settled}\n{rule:#?}\n{subject:#?}"));
            }
            let found: Vec<u32> = found.iter().map(|candidate| candidate.rule).collect();
            let is_true = |rule: &Rule| rule.on.contains(&subject.event) && truth(rule, &facts, settled, subject) == Truth::True;
            let lost = set.rules.iter().zip(0..).find(|(rule, at)| is_true(rule) && !found.contains(at));
            if let Some((rule, _)) = lost {
                return Err(format!("settled: {settled}\n{rule:#?}\n{subject:#?}"));
            }
            // What is settled is looked for among what was found before.
            if before.replace(found.clone()).is_some_and(|settled| settled.iter().any(|at| !found.contains(at))) {
                return Err(format!("found only when it is settled: {subject:#?}"));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_true_is_found_and_what_waiting_may_make_true_is_found_before(seed in any::<u64>()) {
        let mut rng = Rng::with_seed(seed);
        let (_, set) = loaded(any_rules(&mut rng, 24));
        if let Some(set) = set {
            let subjects = any_subjects(&mut rng);
            holds(&set, &subjects).map_err(TestCaseError::fail)?;
        }
    }
}
