//! What the index costs, and what it saves. Prints its figures; run it alone, with `--release --ignored --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use birdcall::decode;
use birdcall::engine::{Engine, Input};
use birdcall::join::{Bounds, Joined, Joiner};
use birdcall::matching::{Candidate, Facts, Index, Reading, Scratch, Truth, evaluate};
use birdcall::model::firing::Origin;
use birdcall::model::subject::Subject;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use fastrand::Rng;
use serde_json::json;

use super::loaded;
use crate::kit::story::START;

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn now() -> Instant {
    Instant::now()
}

/// The names and words of a world: `active` of them stand in tweets, the rest in rules alone.
struct World {
    words: Vec<String>,
    handles: usize,
}

impl World {
    fn new(rng: &mut Rng) -> Self {
        let syllables: Vec<String> =
            "bdfgklmnprstvz".chars().flat_map(|c| "aeiou".chars().map(move |v| format!("{c}{v}"))).collect();
        let mut word = || (0..rng.usize(2..5)).map(|_| syllables[rng.usize(..syllables.len())].as_str()).collect::<String>();
        Self { words: (0..20_000).map(|_| word()).collect(), handles: 5_000 }
    }

    /// The first are the most frequent.
    fn zipf(rng: &mut Rng, of: usize) -> usize {
        let (most, at) = ((of as f64).ln(), rng.f64());
        ((most * at).exp() as usize).min(of - 1)
    }

    fn text(&self, rng: &mut Rng) -> String {
        let mut text: Vec<String> =
            (0..rng.usize(12..36)).map(|_| self.words[Self::zipf(rng, self.words.len())].clone()).collect();
        match rng.u8(..10) {
            0..=2 => text.push(format!("${}", Self::symbol(rng, true))),
            3 => text.push(address(rng.u32(..3_000))),
            4 => text.push("🚀 très".to_owned()),
            5 => text.push("https://t.co/abc".to_owned()),
            _ => {}
        }
        text.join(" ")
    }

    fn symbol(rng: &mut Rng, active: bool) -> String {
        let at = rng.usize(..1_000);
        format!(
            "{}{}",
            if active { "A" } else { "Z" },
            [at / 100, at / 10 % 10, at % 10].map(|n| char::from(b'A' + n as u8)).iter().collect::<String>()
        )
    }

    fn word(&self, rng: &mut Rng, active: bool) -> String {
        let word = &self.words[rng.usize(..self.words.len())];
        if active { word.clone() } else { format!("{word}x") }
    }

    fn pattern(&self, rng: &mut Rng, active: bool) -> String {
        let mut word = || self.word(rng, active);
        let (a, b, c) = (word(), word(), word());
        match rng.u8(..10) {
            0..=4 => format!("keyword = '{a}'"),
            5 | 6 => format!("keyword = ['{a}', '{b}', '{c}']"),
            7 => format!("keyword = '{a} {b}'"),
            8 => format!(r"regex = '{a}.{{0,40}}{b}'"),
            _ => format!(r"regex = '(?:{a}|{b})\s+\d+%'"),
        }
    }

    fn rule(&self, rng: &mut Rng, at: usize, active: bool) -> String {
        let handle = |rng: &mut Rng| format!("'{}{}'", if active { "h" } else { "q" }, rng.usize(..self.handles));
        let when = match rng.u8(..10) {
            0..=2 => format!("handle = {}", handle(rng)),
            3..=5 => {
                let list: Vec<_> = (0..rng.usize(1..11)).map(|_| handle(rng)).collect();
                format!("handle = [{}], {}", list.join(", "), self.pattern(rng, active))
            }
            6 | 7 => self.pattern(rng, active),
            8 => format!("token = {{ symbol = '{}', price = {{ below = 0.5 }} }}", Self::symbol(rng, active)),
            _ => format!("contract = '{}'", address(rng.u32(..3_000) + if active { 0 } else { 1_000_000 })),
        };
        format!("[[rule]]\nname = \"r{at}\"\nsend = [\"out\"]\nwhen = {{ {when} }}\n")
    }

    fn frame(&self, rng: &mut Rng, at: usize) -> String {
        let id = at.to_string();
        let handle = format!("h{}", Self::zipf(rng, self.handles));
        let meta_of = at.saturating_sub(rng.usize(1..50)).to_string();
        match rng.u8(..20) {
            0..=13 => json!({"v": 1, "t": "tweet", "op": "content", "id": id, "ts": START, "d": {"tweetId": id, "kind": "post",
                "text": self.text(rng), "createdAt": START, "author": {"handle": handle, "id": handle, "name": "x"}}}),
            14..=18 => json!({"v": 1, "t": "tweet", "op": "meta", "id": meta_of, "ts": START, "d": {"tweetId": meta_of, "detected": {"tokens":
                [{"symbol": Self::symbol(rng, true), "contract": address(rng.u32(..3_000)), "priceUsd": rng.f64(), "sources": ["text"]}]}}}),
            _ => json!({"v": 1, "t": "account", "op": "follow", "ts": START, "d": {"kind": "FOLLOW", "eventId": id, "observedAt": START,
                "actor": {"handle": handle}, "target": {"handle": "x"}}}),
        }
        .to_string()
    }
}

fn address(of: u32) -> String {
    format!("0x{:0>40x}", u128::from(of) * 0x9e37_79b9_7f4a_7c15)
}

/// Nanoseconds for each of so many.
fn each(took: Duration, of: usize) -> u128 {
    took.as_nanos() / (of.max(1) as u128)
}

fn steps(mut engine: Engine, frames: &[String]) -> (u128, u64) {
    let envelopes: Vec<_> = frames.iter().map(|frame| decode::decode(frame).unwrap()).collect();
    let (mut effects, mut at) = (Vec::new(), START);
    let began = now();
    for envelope in &envelopes {
        at += 1;
        engine.step(&Input::Entry { envelope, at: Timestamp::from_millis(at), origin: Origin::Live }, &mut effects);
        effects.clear();
    }
    (each(began.elapsed(), envelopes.len()), engine.counts().fired)
}

fn subjects(frames: &[String]) -> Vec<Subject> {
    let mut joiner = Joiner::<()>::new(Bounds::default());
    let subject = |frame: &String| match joiner.absorb(&decode::decode(frame).unwrap(), Timestamp::from_millis(START)) {
        Joined::Tweet { id, .. } => joiner.subject(&id),
        Joined::Event { subject, .. } => Some(subject),
        Joined::Nothing => None,
    };
    frames.iter().filter_map(subject).collect()
}

/// Of looking alone: nanoseconds for each subject, candidates and those of them that are true.
fn looks(set: &RuleSet, index: &Index, subjects: &[Subject]) -> (u128, f64, f64) {
    let (mut scratch, mut found, mut right, mut took) = (Scratch::default(), 0, 0, Duration::ZERO);
    for subject in subjects {
        let facts = Facts::of(subject, None);
        let began = now();
        index.look(subject.event, &facts, false, &mut scratch);
        took += began.elapsed();
        found += index.candidates(&scratch).len();
        let reading = Reading { settled: false, element: None };
        let is_true = |found: &&Candidate| evaluate(&set.rules[found.rule as usize].when, &facts, reading) == Truth::True;
        right += index.candidates(&scratch).iter().filter(is_true).count();
    }
    let of = subjects.len() as f64;
    (each(took, subjects.len()), found as f64 / of, right as f64 / of)
}

#[test]
#[ignore = "prints figures, and takes minutes"]
fn figures() {
    for (profile, active) in [("sparse", 3), ("dense", 100)] {
        for size in [10, 100, 1_000, 10_000] {
            let mut rng = Rng::with_seed(1);
            let world = World::new(&mut rng);
            let rules: Vec<_> = (0..size)
                .map(|at| {
                    let is_active = rng.u8(..100) < active;
                    world.rule(&mut rng, at, is_active)
                })
                .collect();
            let frames: Vec<_> = (0..20_000).map(|at| world.frame(&mut rng, at)).collect();
            let (_, set) = loaded(rules);
            let set: Arc<RuleSet> = set.unwrap();
            let began = now();
            let index = Index::new(&set);
            let built = began.elapsed();
            let (look, found, right) = looks(&set, &index, &subjects(&frames));
            let (indexed, fired) = steps(Engine::new(Arc::clone(&set)), &frames);
            // The loop takes its time: as many envelopes as it can look at in some seconds.
            let fewer = &frames[..(20_000_000 / size).clamp(1_000, 20_000)];
            let (plain, _) = steps(Engine::without_index(Arc::clone(&set)), fewer);
            println!(
                "{profile} {size}: built in {:.1} ms, {} B a rule; a look {look} ns, {found:.3} candidates, {right:.3} true; \
                 a step {indexed} ns, without index {plain} ns; {fired} firings of {} envelopes",
                built.as_secs_f64() * 1e3,
                index.bytes() / size,
                frames.len()
            );
        }
    }
}
