//! Rules that are replaced while the engine goes on.

use std::collections::{BTreeMap, BTreeSet};

use birdcall::engine::{Answer, Prepared, RuleAccount};
use birdcall::matching::Truth;
use birdcall::model::ids::{FiringId, TweetId};
use birdcall::model::subject::Event;

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

fn shuffled(rng: &mut Rng, mut texts: Vec<String>) -> Vec<String> {
    rng.shuffle(&mut texts);
    texts
}

/// So many times a case of a seed.
fn law(otherwise: u32, case: impl Fn(&mut Rng) -> Result<usize, String>) {
    let fired = Cell::new(0);
    let config =
        ProptestConfig { cases: cases(otherwise), failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() };
    let tested = TestRunner::new(config).run(&any::<u64>(), |seed| {
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
    law(200, |rng| {
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

/// How a firing came about: when, how late, of what and by which rule.
type Came = (Timestamp, Origin, Event, Arc<str>);

fn came(effects: &[Effect]) -> impl Iterator<Item = (FiringId, Came)> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Fired(firing) => Some((firing.id, (firing.at, firing.origin, firing.subject.event, Arc::clone(&firing.rule)))),
        _ => None,
    })
}

/// What the rules say of all tweets that an engine knows.
fn accounts(engine: &mut Engine) -> impl Iterator<Item = RuleAccount> {
    let of = ["1", "2", "3", "4"].map(|id| engine.account_of(&TweetId::new(id), &|_| true));
    of.into_iter().flatten().flat_map(|account| account.rules)
}

/// Some of the rules stay, some go, some are new, and some are others under the same name.
fn changed(rng: &mut Rng, before: &[String]) -> Vec<String> {
    let mut after: Vec<String> = before.iter().filter(|_| rng.u8(..4) > 0).cloned().collect();
    after.extend((100..104).map(|name| words::rule(rng, name)));
    for (name, text) in after.iter_mut().enumerate() {
        if rng.u8(..5) == 0 {
            *text = words::rule(rng, name);
        }
    }
    shuffled(rng, after)
}

/// What an engine whose rules are replaced after some of a story fires from then on, and what one does that starts with the new rules and is
/// told the whole story; how many fired, or where the two part.
fn compare_with_a_start(before: &Arc<RuleSet>, after: &Arc<RuleSet>, story: &[Step], cut: usize) -> Result<usize, String> {
    let mut engine = Engine::new(Arc::clone(before));
    let past: Vec<_> = story.iter().take(cut).flat_map(|step| take(&mut engine, step)).collect();
    let mut started = Engine::new(Arc::clone(after));
    started.restore(came(&past).map(|(id, _)| id));
    let unheeded: Vec<_> = story.iter().take(cut).flat_map(|step| take(&mut started, step)).collect();
    let unheeded: BTreeSet<_> = came(&unheeded).map(|(id, _)| id).collect();
    let waits = |rule: &RuleAccount| matches!(rule.answer, Answer::Unknown { .. });
    let waited: BTreeSet<_> = accounts(&mut engine).filter(waits).map(|rule| rule.name).collect();
    let known = accounts(&mut started).flat_map(|rule| rule.seen).filter(|seen| seen.node.truth == Truth::True);
    let known: BTreeSet<_> = known.map(|seen| seen.id).collect();
    replace(&mut engine, after, &mut Arc::clone(before), true);
    let (mut found, mut expected) = (BTreeMap::new(), BTreeMap::new());
    for step in story.iter().skip(cut) {
        found.extend(came(&take(&mut engine, step)));
        expected.extend(came(&take(&mut started, step)));
    }
    let is_other = |name: &str| {
        let of = |set: &RuleSet| set.rules.iter().find(|rule| &*rule.name == name).map(|rule| format!("{rule:?}"));
        of(before).is_some() && of(before) != of(after)
    };
    for (id, came @ (.., event, rule)) in &found {
        let is_right = match expected.get(id) {
            Some(of) if of == came => true,
            // What waited when its rule became another one of the same name is told if it is true as that, whatever that would have said before.
            _ if is_other(rule) && waited.contains(rule) => true,
            // What happens is told whenever it is said, whether or not it was said before there was such a rule.
            None if *event != Event::Tweet => unheeded.contains(id),
            // That it had been true before there was such a rule, and was so no more, nobody knows: then it becomes true for the first time.
            None => unheeded.contains(id) && !known.contains(id),
            Some(_) => false,
        };
        if !is_right {
            return Err(format!("{id}: {came:?} in place of {:?}", expected.get(id)));
        }
    }
    Ok(found.len())
}

#[test]
fn what_fires_after_rules_were_replaced_would_fire_after_a_start_with_them_too() {
    law(200, |rng| {
        let (before, Some(old)) = loaded(any_rules(rng, 12)) else { return Ok(0) };
        let (after, Some(new)) = loaded(changed(rng, &before)) else { return Ok(0) };
        // While waits are held, one that would have ended before is held for a new rule, too.
        let is_entry_or_tick = |step: &Step| matches!(step, Step::Entry(..) | Step::Tick(_));
        let story: Vec<_> = any_story(rng, 24).into_iter().filter(is_entry_or_tick).collect();
        let cut = rng.usize(..story.len());
        compare_with_a_start(&old, &new, &story, cut)
            .map_err(|why| format!("after {cut} of {story:#?}: {why}\n{}\n--- then\n{}", before.concat(), after.concat()))
    });
}

#[test]
fn a_new_rule_is_told_when_a_tweet_becomes_true_of_which_it_was_not_whatever_that_had_said_before() {
    let rule = |name: &str, keyword: &str| {
        format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\nwhen = {{ keyword = \"{keyword}\" }}\n")
    };
    let (_, before) = loaded(vec![rule("old", "nothing")]);
    let (_, after) = loaded(vec![rule("old", "nothing"), rule("new", "listing")]);
    let (before, after) = (before.unwrap(), after.unwrap());
    let said = |ms: i64, text: &str| {
        let mut update = update("1", &json!({ "text": text }));
        update["ts"] = json!(START + ms);
        Step::Entry(START + ms, update.to_string(), Origin::Live)
    };
    let first = |text: &str| Step::Entry(START, content("1", "kol", text).to_string(), Origin::Live);
    for (texts, fires) in [
        (["listing", "gm", "listing"], 1),
        (["listing", "listing!", "listing"], 0),
        (["gm", "gm!", "listing"], 1),
        (["listing", "gm", "gm!"], 0),
    ] {
        let mut engine = Engine::new(Arc::clone(&before));
        take(&mut engine, &first(texts[0]));
        take(&mut engine, &said(1, texts[1]));
        replace(&mut engine, &after, &mut Arc::clone(&before), true);
        // Said once more, it is no news.
        let all = [said(2, texts[2]), said(2, texts[2])].iter().flat_map(|step| take(&mut engine, step)).collect::<Vec<_>>();
        assert_eq!(came(&all).count(), fires, "{texts:?}");
    }
}
