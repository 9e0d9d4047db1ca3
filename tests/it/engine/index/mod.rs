//! An engine with an index does exactly what one does that looks at every rule.

mod law;
mod measure;
mod replace;
mod told;
mod words;

use std::cell::Cell;
use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Hold, Input};
use birdcall::model::firing::Origin;
use birdcall::model::ids::FiringId;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use birdcall::rules::{Severity, Source, load};
use birdcall::{decode, rules};
use fastrand::Rng;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use self::words::pick;
use super::ORBL;
use crate::kit::story::{START, content, meta, token, update};

const ACTIONS: &str = "[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n";

/// Something that happens, and when.
#[derive(Clone, Debug)]
enum Step {
    Entry(i64, String, Origin),
    Tick(i64),
    Hold(Hold),
    /// The program ends and begins anew, knowing what fired.
    Restart,
}

/// So many cases: of a night's run as many as `INDEX_CASES` says.
fn cases(otherwise: u32) -> u32 {
    std::env::var("INDEX_CASES").ok().and_then(|given| given.parse().ok()).unwrap_or(otherwise)
}

/// Those rules that can be loaded, as one set; with them, their texts.
fn loaded(mut texts: Vec<String>) -> (Vec<String>, Option<Arc<RuleSet>>) {
    loop {
        let text = ACTIONS.to_owned() + &texts.concat();
        let sources = [Source::rules("rules.toml", text)];
        let loaded = load(&sources);
        if texts.is_empty() || loaded.ruleset.is_some() {
            return (texts, loaded.ruleset.map(Arc::new));
        }
        let mut end = ACTIONS.len();
        let errors: Vec<_> =
            loaded.diagnostics.iter().filter(|of| of.severity == Severity::Error).filter_map(|of| of.span).collect();
        let before = texts.len();
        texts.retain(|text| {
            let begin = end;
            end += text.len();
            !errors.iter().any(|span| (begin..end).contains(&span.start))
        });
        assert!(texts.len() < before, "{}", rules::render(&loaded.diagnostics, &sources, rules::Style::Plain));
    }
}

fn any_rules(rng: &mut Rng, most: usize) -> Vec<String> {
    (0..rng.usize(1..=most)).map(|name| words::rule(rng, name)).collect()
}

fn any_story(rng: &mut Rng, most: usize) -> Vec<Step> {
    let mut ms = START;
    let mut step = || {
        ms += pick(rng, &[0, 0, 1, 100, 500, 1_500, 2_000, 15_000]);
        match rng.u8(..20) {
            0..=2 => Step::Tick(ms),
            3 => Step::Hold(pick(rng, &[Hold::Nothing, Hold::Everything, Hold::Before(Timestamp::from_millis(ms))])),
            4 if rng.u8(..3) == 0 => Step::Restart,
            _ => {
                let origin = pick(rng, &[Origin::Live, Origin::Live, Origin::Live, Origin::Backfill]);
                Step::Entry(ms, words::envelope(rng).to_string(), origin)
            }
        }
    };
    let mut story: Vec<_> = (0..most).map(|_| step()).collect();
    story.extend([Step::Hold(Hold::Nothing), Step::Tick(ms + 60_000)]);
    story
}

fn take(engine: &mut Engine, step: &Step) -> Vec<Effect> {
    let mut effects = Vec::new();
    match step {
        Step::Entry(at, frame, origin) => {
            let envelope = decode::decode(frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
            let at = Timestamp::from_millis(*at);
            engine.step(&Input::Entry { envelope: &envelope, at, origin: *origin }, &mut effects);
        }
        Step::Tick(at) => engine.step(&Input::Tick(Timestamp::from_millis(*at)), &mut effects),
        Step::Hold(hold) => engine.hold(*hold),
        Step::Restart => {}
    }
    effects
}

/// How often something fired; or where the two part, and how.
fn compare(set: &Arc<RuleSet>, story: &[Step]) -> Result<usize, String> {
    let (mut indexed, mut plain) = (Engine::new(Arc::clone(set)), Engine::without_index(Arc::clone(set)));
    let mut fired: Vec<FiringId> = Vec::new();
    for (at, step) in story.iter().enumerate() {
        if matches!(step, Step::Restart) {
            (indexed, plain) = (Engine::new(Arc::clone(set)), Engine::without_index(Arc::clone(set)));
            indexed.restore(fired.iter().copied());
            plain.restore(fired.iter().copied());
        }
        let (due, settled) = (indexed.next_deadline(), indexed.counts().settled);
        let (one, other) = (take(&mut indexed, step), take(&mut plain, step));
        fired.extend(other.iter().filter_map(|effect| match effect {
            Effect::Fired(firing) => Some(firing.id),
            _ => None,
        }));
        let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
        if one != other {
            return Err(format!("step {at}, {step:?}\n--- with the index\n{one}\n--- without\n{other}"));
        }
        // It asked to be woken for what a wait's end makes true.
        if let Step::Entry(ms, ..) | Step::Tick(ms) = step
            && indexed.counts().settled > settled
            && due.is_none_or(|due| due > Timestamp::from_millis(*ms))
        {
            return Err(format!("step {at}, {step:?}: it did not ask for it, {due:?}"));
        }
        if indexed.counts().settled != plain.counts().settled || indexed.counts().repeated != plain.counts().repeated {
            return Err(format!("step {at}, {step:?}: {:?} in place of {:?}", indexed.counts(), plain.counts()));
        }
    }
    Ok(fired.len())
}

/// The rules and steps that are needed for the difference.
fn smallest(mut texts: Vec<String>, mut story: Vec<Step>) -> String {
    let fails = |texts: &[String], story: &[Step]| {
        let (_, set) = loaded(texts.to_vec());
        set.and_then(|set| compare(&set, story).err())
    };
    for at in (0..texts.len()).rev() {
        let mut fewer = texts.clone();
        fewer.remove(at);
        if fails(&fewer, &story).is_some() {
            texts = fewer;
        }
    }
    for at in (0..story.len()).rev() {
        let mut fewer = story.clone();
        fewer.remove(at);
        if fails(&texts, &fewer).is_some() {
            story = fewer;
        }
    }
    format!("{}\n{story:#?}\n{}", texts.concat(), fails(&texts, &story).unwrap_or_default())
}

#[test]
fn with_an_index_the_same_is_done_as_without() {
    let (pairs, fired) = (Cell::new(0), Cell::new(0));
    let config =
        ProptestConfig { cases: cases(300), failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() };
    let tested = TestRunner::new(config).run(&any::<u64>(), |seed| {
        let mut rng = Rng::with_seed(seed);
        let (texts, set) = loaded(any_rules(&mut rng, 24));
        let Some(set) = set else { return Ok(()) };
        let story = any_story(&mut rng, 24);
        pairs.set(pairs.get() + set.rules.len() * story.len());
        match compare(&set, &story) {
            Ok(of_case) => fired.set(fired.get() + of_case),
            Err(_) => return Err(TestCaseError::fail(smallest(texts, story))),
        }
        Ok(())
    });
    println!("{} pairs of a rule and an envelope, {} firings", pairs.get(), fired.get());
    if let Err(why) = tested {
        panic!("{why}");
    }
    assert!(fired.get() > 0, "nothing fired, so nothing was compared");
}

#[test]
fn another_name_of_what_has_fired_is_learned_while_nothing_leads_to_the_rule() {
    let rule = "[[rule]]\nname = \"each\"\nsend = [\"out\"]\neach = \"token\"\nwhen = { keyword = \"gm\" }\n";
    let (_, set) = loaded(vec![rule.to_owned()]);
    let edited = |ts: i64, text: &str| {
        let mut update = update("1", &json!({ "text": text }));
        update["ts"] = json!(START + ts);
        update
    };
    let frames = [
        content("1", "kol", "gm $ORBL"),
        edited(1, "bye $ORBL"),
        meta("1", &json!({"tokens": [token("ORBL", ORBL, 1.0)]})),
        edited(2, "gm"),
    ];
    let story: Vec<_> = frames.iter().map(|frame| Step::Entry(START, frame.to_string(), Origin::Live)).collect();
    assert_eq!(compare(&set.unwrap(), &story), Ok(1), "the contract is that of $ORBL, which has fired");
}

#[test]
fn an_address_in_the_text_leads_to_a_rule_on_its_token_wherever_the_rule_reads() {
    let when = format!("when = {{ contract = '{ORBL}', in = ['ocr'] }}");
    let rule = format!("[[rule]]\nname = \"each\"\nsend = [\"out\"]\neach = \"token\"\n{when}\n");
    let (_, set) = loaded(vec![rule]);
    let story = [Step::Entry(START, content("1", "kol", ORBL).to_string(), Origin::Live)];
    assert_eq!(compare(&set.unwrap(), &story), Ok(1));
}
