//! The engine as a library: rules and envelopes in, firings out, without a feed and without lanes.
//!
//! ```text
//! cargo run --example embed_engine < envelopes.jsonl
//! ```
//!
//! Reads one envelope a line from standard input and prints what fires. Time is that of the envelopes (`ts`), so a recording gives the
//! same firings whenever it is read. Without input it plays a story of its own.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;

use birdcall::decode;
use birdcall::engine::{Effect, Engine, Input};
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use birdcall::rules::{self, Source, Style};

const RULES: &str = r#"
[actions.out]
type = "console"
max_age = "3650d"

[[rule]]
name = "contract"
each = "token"
send = ["out"]
when = { contract = true }

[[rule]]
name = "cheap"
send = ["out"]
when = { token = { price = { below = 0.01 } } }
"#;

const STORY: [&str; 2] = [
    r#"{"v":1,"t":"tweet","op":"content","id":"1","ts":1781700000231,"d":{"tweetId":"1","text":"CA: 4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump","createdAt":1781700000000,"author":{"handle":"@orbitlab_xyz"}}}"#,
    r#"{"v":1,"t":"tweet","op":"meta","id":"1","ts":1781700000468,"d":{"tweetId":"1","detected":{"tokens":[{"symbol":"ORBL","contract":"4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump","chain":"solana","priceUsd":0.0012}]}}}"#,
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sources = [Source::rules("rules in the program", RULES)];
    let loaded = rules::load(&sources);
    let Some(set) = loaded.ruleset else {
        return Err(rules::render(&loaded.diagnostics, &sources, Style::Plain).into());
    };
    let mut engine = Engine::new(Arc::new(set));
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return STORY.iter().try_for_each(|line| play(&mut engine, line));
    }
    for line in stdin.lock().lines() {
        play(&mut engine, &line?)?;
    }
    Ok(())
}

/// One envelope: what fires is printed, what cannot be read is said and passed over.
fn play(engine: &mut Engine, line: &str) -> Result<(), Box<dyn std::error::Error>> {
    let envelope = match decode::decode(line) {
        Ok(envelope) => envelope,
        Err(malformed) => {
            writeln!(std::io::stderr(), "passed over: {malformed}")?;
            return Ok(());
        }
    };
    let at = envelope.ts.unwrap_or(Timestamp::from_millis(0));
    let mut effects = Vec::new();
    engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Replay }, &mut effects);
    for effect in effects {
        if let Effect::Fired(firing) = effect {
            let by = firing.subject.actor().handle.as_deref().unwrap_or("somebody");
            let why: Vec<_> = firing.matched.iter().map(|of| format!("{} {:?}", of.matcher, of.value)).collect();
            writeln!(
                std::io::stdout(),
                "{} {} on {} by @{by}: {}",
                firing.at,
                firing.rule,
                firing.subject.key(),
                why.join(", ")
            )?;
        }
    }
    Ok(())
}
