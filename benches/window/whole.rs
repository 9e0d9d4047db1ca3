//! What a tweet costs that a window counts, on its whole way: from the text of its envelopes to what is to be done.

use std::sync::Arc;

use birdcall::decode;
use birdcall::engine::{Effect, Engine, Input};
use birdcall::model::firing::Origin;
use birdcall::model::mode::Mode;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::RuleSet;
use birdcall::rules::{self, Source, Style};
use fastrand::Rng;

use crate::turns::{BATCH, Contender, EACH, KEYS, compare, heading, now};
use crate::{Failure, SEED};

/// Milliseconds between two tweets, however many keys there are: only `within` differs, so that all else that remembers holds the same.
const PAUSE: i64 = 50;
/// Tweets before it is measured: more than are remembered for joining, and as many as 20,000 keys have in twice their time.
const BEFORE: usize = 160_000;
const BEGIN: i64 = 1_781_700_000_000;
const AUTHORS: u32 = 200;
/// The type, and how it is asked: so that it hardly ever fires, as what a firing costs is another question.
const KINDS: [(&str, &str); 7] = [
    ("count", "at_least = 20"),
    ("distinct", "of = \"author\"\nat_least = 20"),
    ("first_seen", "of = \"contract\""),
    ("cross", "above = 2"),
    ("change", "percent = 50"),
    ("silence", ""),
    ("sequence", "steps = [{ keyword = \"alpha\" }, { keyword = \"beta\" }, { keyword = \"gamma\" }]"),
];

fn rules(kind: &str, asked: &str, keys: usize) -> Result<Arc<RuleSet>, Failure> {
    let within = (keys * EACH as usize) as i64 * PAUSE / 1_000;
    let text = format!(
        r#"
[journal]
max_age = "31d"
[actions.desk]
type = "webhook"
url = "http://127.0.0.1:9/hook"
[[rule]]
name = "over-time"
send = ["desk"]
{}
[rule.window]
type = "{kind}"
within = "{within}s"
per = "token"
{asked}
"#,
        if kind == "sequence" { "" } else { "[rule.when]\ntoken = { contract = true }" }
    );
    let sources = [Source::rules("rules.toml".to_owned(), text)];
    let loaded = rules::load(&sources);
    let mut rules = loaded.ruleset.ok_or_else(|| rules::render(&loaded.diagnostics, &sources, Style::Plain))?;
    rules.rules.iter_mut().flat_map(|rule| &mut rule.send).for_each(|send| send.mode = Mode::Off);
    Ok(Arc::new(rules))
}

struct Whole {
    engine: Engine,
    effects: Vec<Effect>,
    rng: Rng,
    contracts: Vec<String>,
    came: i64,
}

impl Whole {
    fn new(kind: &str, asked: &str, keys: usize) -> Result<Self, Failure> {
        let mut rng = Rng::with_seed(SEED);
        let contract = |_| bs58::encode([(); 32].map(|()| rng.u8(..))).into_string();
        let contracts = (0..keys).map(contract).collect();
        let engine = Engine::new(rules(kind, asked, keys)?);
        Ok(Self { engine, effects: Vec::new(), rng, contracts, came: 0 }.warm_up(BEFORE))
    }

    /// A tweet that names a token, and what is detected in it, each with its time.
    fn tweet(&mut self) -> [(i64, String); 2] {
        self.came += 1;
        let ts = BEGIN + self.came * PAUSE;
        let (id, created) = (2_067_225_747_256_000_000 + self.came, ts - 200);
        let contract = &self.contracts[self.rng.usize(..self.contracts.len())];
        let (author, price) = (self.rng.u32(..AUTHORS), 0.9 + self.rng.f64() / 5.0);
        let word = match self.rng.u8(..100) {
            0 => "gamma",
            n if n % 2 == 0 => "alpha",
            _ => "beta",
        };
        let content = format!(
            r#"{{"v":1,"t":"tweet","op":"content","id":"{id}","ts":{ts},"d":{{"tweetId":"{id}","text":"{word} {contract} the volume of the last hour is up, and so are its holders","createdAt":{created},"author":{{"id":"{}","handle":"@kol_{author}","name":"kol {author}","platform":"twitter","followersCount":190000}},"link":"https://x.com/kol_{author}/status/{id}","kind":"post"}}}}"#,
            100_000_000 + author
        );
        let detected = ts + PAUSE / 2;
        let meta = format!(
            r#"{{"v":1,"t":"tweet","op":"meta","id":"{id}","ts":{detected},"d":{{"tweetId":"{id}","detected":{{"tokens":[{{"symbol":"TKN","name":"Token","contract":"{contract}","chain":"solana","networkId":1399811149,"priceUsd":{price:.8},"sources":["text"]}}]}}}}}}"#
        );
        [(ts, content), (detected, meta)]
    }
}

impl Contender for Whole {
    fn batch(&mut self) -> f64 {
        let frames: Vec<_> = std::iter::repeat_with(|| self.tweet()).take(BATCH).flatten().collect();
        let began = now();
        for (at, frame) in &frames {
            let at = Timestamp::from_millis(*at);
            if self.engine.next_deadline().is_some_and(|due| due <= at) {
                self.engine.step(&Input::Tick(at), &mut self.effects);
            }
            if let Ok(envelope) = decode::decode(frame) {
                self.engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut self.effects);
            }
            self.effects.clear();
        }
        now() - began
    }
}

/// How many times as much a tweet may cost with the most keys as with the fewest.
const MOST: f64 = 2.0;

pub(crate) fn all(rounds: usize) -> Result<(), Failure> {
    heading(&format!(
        "the whole way: ns for each tweet with its detection (two envelopes), from text to effects, one rule; \
         {EACH} tweets of a token within the time"
    ));
    for (kind, asked) in KINDS {
        let [few, some, many] = KEYS.map(|keys| Whole::new(kind, asked, keys));
        let contenders = [few?, some?, many?];
        let counts = contenders[2].engine.window_counts();
        let growth = compare(kind, contenders, rounds);
        if growth > MOST {
            return Err(format!(
                "{kind}: with {} live keys a tweet costs more than {MOST} times as much as with {}",
                KEYS[2], KEYS[0]
            )
            .into());
        }
        if counts.keys < KEYS[2] * 9 / 10 {
            return Err(format!("{kind}: not so many keys live: {counts:?}").into());
        }
    }
    Ok(())
}
