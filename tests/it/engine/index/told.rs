//! The law of what is told: the tree of a rule says what the engine says, and a step told whole does what a step does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use birdcall::decode;
use birdcall::engine::{Answer, Effect, Engine, Input, Moment, Way};
use birdcall::matching::{Facts, Flips, Node, Reading, Truth, elements, evaluate};
use birdcall::model::delivery::Outcome;
use birdcall::model::ids::FiringId;
use birdcall::model::mode::Mode;
use birdcall::model::subject::Subject;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use birdcall::suppress::days::Days;
use fastrand::Rng;
use proptest::prelude::*;

use super::law::any_subjects;
use super::{Step, any_rules, any_story, cases, loaded};

fn tree_agrees(set: &Arc<RuleSet>, subject: &Subject, age: Option<Duration>) -> Result<(), String> {
    let facts = Facts::of(subject, age);
    for rule in &set.rules {
        let mut of_rule: Vec<_> =
            rule.each.map(|each| elements(each, &facts)).unwrap_or_default().into_iter().map(Some).collect();
        of_rule.push(None);
        for (element, settled) in of_rule.iter().flat_map(|element| [(element, true), (element, false)]) {
            let reading = || Reading { settled, element: element.as_ref() };
            let (told, truth) = (Node::of(&rule.when, &facts, reading()), evaluate(&rule.when, &facts, reading()));
            if told.truth != truth {
                return Err(format!("{truth:?}, settled: {settled}\n{rule:#?}\n{subject:#?}\n{told:#?}"));
            }
            // Without a key that is turned nothing turns; with all of them everything holds.
            let (none, all) = (told.but_for(&Flips(&|_| false)), told.but_for(&Flips(&|_| true)));
            if none != truth || all != Truth::True {
                return Err(format!("{none:?} {all:?}\n{told:#?}"));
            }
            if (told.distance() == 0.0) != (truth == Truth::True) {
                return Err(format!("{} from true\n{told:#?}", told.distance()));
            }
        }
    }
    Ok(())
}

/// What a step did: each firing and when, and each of its sends, how it goes on and until when.
fn done(effects: &[Effect], set: &RuleSet) -> Vec<String> {
    let sent = |of: &birdcall::model::delivery::Delivery, way: &Way| {
        format!("{} to {}: {way:?} until {}", of.firing.id, of.action, of.expires_at)
    };
    let of = |effect: &Effect| match effect {
        Effect::Fired(firing) => format!("{} fired at {}", firing.id, firing.at),
        Effect::Deliver(of) => sent(of, if set.actions[of.action].trading { &Way::Order } else { &Way::Message }),
        Effect::Paper(of) => sent(of, &Way::Paper),
        Effect::Ended(of) => format!("{} to {}: {:?}", of.firing.id, of.action, Way::Ended(of.outcome.clone())),
        Effect::Revise(of) => format!("{} to {} says something else", of.firing, of.action),
        Effect::Trace(of) => format!("{of:?}"),
        Effect::Identity(of) => format!("{of:?}"),
    };
    let mut all: Vec<_> = effects.iter().map(of).collect();
    all.sort();
    all
}

fn told(moments: &[Moment]) -> Vec<String> {
    let firings = moments.iter().flat_map(|moment| &moment.firings);
    let of = |of: &birdcall::engine::FiringAccount| {
        let id = of.firing.id;
        let fates = of.fates.iter().map(move |fate| {
            let until = fate.expires_at.map(|at| format!(" until {at}")).unwrap_or_default();
            format!("{id} to {}: {:?}{until}", fate.action, fate.way)
        });
        std::iter::once(format!("{id} fired at {}", of.firing.at)).chain(fates).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = firings.flat_map(of).collect();
    all.sort();
    all
}

/// What is told of the rules at one moment, against what fired then and before.
fn is_true_to(moment: &Moment, set: &RuleSet, before: &[FiringId]) -> Result<(), String> {
    let now: Vec<_> = moment.firings.iter().map(|of| of.firing.id).collect();
    let mut fires = Vec::new();
    for account in &moment.accounts {
        for of in &account.rules {
            let rule = &set.rules[of.rule];
            let looks = rule.mode != Mode::Off && rule.on.contains(&account.subject.event);
            if !looks && !of.seen.is_empty() {
                return Err(format!("looked at for nothing: {of:#?}"));
            }
            for seen in &of.seen {
                let wrong = match seen.answer {
                    Answer::Fires => !now.contains(&seen.id) || seen.node.truth != Truth::True,
                    // Another name of what has fired is known as well, with `each`.
                    Answer::Fired => rule.each.is_none() && !before.contains(&seen.id),
                    Answer::Unknown { .. } => seen.node.truth != Truth::Unknown || now.contains(&seen.id),
                    Answer::False => seen.node.truth != Truth::False || now.contains(&seen.id),
                    _ => true,
                };
                if wrong {
                    return Err(format!("{:#?}\nnow {now:?}, before {before:?}", (account, seen)));
                }
                fires.extend((seen.answer == Answer::Fires).then_some(seen.id));
            }
        }
    }
    fires.sort_by_key(ToString::to_string);
    let mut now = now;
    now.sort_by_key(ToString::to_string);
    if fires == now { Ok(()) } else { Err(format!("{fires:?} are told to fire, {now:?} did\n{moment:#?}")) }
}

fn story_agrees(set: &Arc<RuleSet>, story: &[Step]) -> Result<usize, String> {
    let (mut plain, mut other) = (Engine::new(Arc::clone(set)), Engine::new(Arc::clone(set)));
    let mut fired: Vec<FiringId> = Vec::new();
    // By subject and rule: until when it was told to be unknown, since nothing was held.
    let mut untils: HashMap<(String, usize), Timestamp> = HashMap::new();
    for (at, step) in story.iter().enumerate() {
        let (mut effects, mut moments) = (Vec::new(), Vec::new());
        let mut take = |input: &Input<'_>| {
            plain.step(input, &mut effects);
            moments = other.step_told(input, &|_| true, &mut Days::default());
        };
        match step {
            Step::Entry(ms, frame, origin) => {
                let envelope = decode::decode(frame).unwrap();
                take(&Input::Entry { envelope: &envelope, at: Timestamp::from_millis(*ms), origin: *origin });
            }
            Step::Tick(ms) => take(&Input::Tick(Timestamp::from_millis(*ms))),
            Step::Hold(hold) => {
                untils.clear();
                plain.hold(*hold);
                other.hold(*hold);
            }
            Step::Restart => {
                untils.clear();
                (plain, other) = (Engine::new(Arc::clone(set)), Engine::new(Arc::clone(set)));
                plain.restore(fired.iter().copied());
                other.restore(fired.iter().copied());
            }
        }
        if done(&effects, set) != told(&moments) || plain.counts() != other.counts() {
            return Err(format!("step {at}, {step:?}\n{effects:#?}\n--- told\n{moments:#?}"));
        }
        // What the plain engine fires at a wait's end it fires when the wait was told to end.
        let settled = moments.iter().filter(|moment| moment.of_wait).flat_map(|moment| &moment.firings);
        for of in settled {
            let rule = set.rules.iter().position(|rule| rule.name == of.firing.rule).unwrap();
            let fired_at = effects.iter().find_map(|effect| match effect {
                Effect::Fired(firing) if firing.id == of.firing.id => Some(firing.at),
                _ => None,
            });
            let until = untils.get(&(of.firing.subject.key(), rule)).copied();
            if until.is_some() && until != fired_at {
                return Err(format!("step {at}, {step:?}: told until {until:?}, fired at {fired_at:?}\n{moments:#?}"));
            }
        }
        for account in moments.iter().flat_map(|moment| &moment.accounts) {
            for of in &account.rules {
                let place = (account.subject.key(), of.rule);
                match of.answer {
                    Answer::Unknown { until: Some(until) } => untils.insert(place, until),
                    _ => untils.remove(&place),
                };
            }
        }
        for moment in &moments {
            is_true_to(moment, set, &fired).map_err(|why| format!("step {at}, {step:?}: {why}"))?;
            fired.extend(moment.firings.iter().map(|of| of.firing.id));
        }
    }
    Ok(fired.len())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(200),
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_tree_says_what_evaluation_says(seed in any::<u64>()) {
        let mut rng = Rng::with_seed(seed);
        let (_, set) = loaded(any_rules(&mut rng, 16));
        if let Some(set) = set {
            let age = rng.bool().then(|| Duration::from_secs(1 << rng.u32(0..20)));
            any_subjects(&mut rng).iter().try_for_each(|subject| tree_agrees(&set, subject, age)).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn what_is_told_of_every_step_is_what_the_engine_does(seed in any::<u64>()) {
        let mut rng = Rng::with_seed(seed);
        let (_, set) = loaded(any_rules(&mut rng, 16));
        if let Some(set) = set {
            let story = any_story(&mut rng, 24);
            story_agrees(&set, &story).map_err(TestCaseError::fail)?;
        }
    }
}

#[test]
fn the_fate_of_every_send_is_told_with_its_reason() {
    let rules = r#"
[actions.desk]
type = "console"
[actions.bot]
type = "webhook"
url = "http://127.0.0.1:1/"
trading = true
max_age = "3s"
[actions.quiet]
type = "console"
mode = "off"
[actions.trial]
type = "console"
mode = "paper"
[actions.quick]
type = "webhook"
url = "http://127.0.0.1:1/"
max_age = "1s"
[actions.priced]
type = "webhook"
url = "http://127.0.0.1:1/"
json = { price = "{{ token.price }}" }
[[rule]]
name = "all"
send = ["desk", "bot", "quiet", "trial", "quick", "priced"]
when = { contract = true }
"#;
    let sources = [birdcall::rules::Source::rules("rules.toml", rules)];
    let loaded = birdcall::rules::load(&sources);
    let shown = birdcall::rules::render(&loaded.diagnostics, &sources, birdcall::rules::Style::Plain);
    let set = Arc::new(loaded.ruleset.unwrap_or_else(|| panic!("{shown}")));
    let mut engine = Engine::new(Arc::clone(&set));
    let frame = crate::kit::story::content("1", "kol", super::ORBL).to_string();
    let envelope = decode::decode(&frame).unwrap();
    let at = Timestamp::from_millis(crate::kit::story::START + 2_000);
    let origin = birdcall::model::firing::Origin::Live;
    let moments = engine.step_told(&Input::Entry { envelope: &envelope, at, origin }, &|_| true, &mut Days::default());
    let fates = &moments[0].firings[0].fates;
    let way = |name: &str| {
        let fate = fates.iter().find(|fate| set.actions[fate.action].name == name).unwrap();
        (fate.way.clone(), fate.expires_at.map(|expires| expires.since(at).as_secs()))
    };
    assert_eq!(way("desk"), (Way::Message, Some(598)));
    assert_eq!(way("bot"), (Way::Order, Some(1)));
    assert_eq!(way("trial"), (Way::Paper, Some(598)));
    assert_eq!(way("quick"), (Way::Ended(Outcome::Expired), None));
    assert!(matches!(way("quiet").0, Way::Ended(Outcome::Suppressed { .. })));
    assert!(matches!(way("priced").0, Way::Ended(Outcome::Dead { reason }) if reason.contains("price")));
}
