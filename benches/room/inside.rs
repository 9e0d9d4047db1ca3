//! Rules and tweets in this process: bytes that live, by the allocator's own word, and time.

use std::sync::Arc;

use birdcall::decode::decode;
use birdcall::engine::{Engine, Input};
use birdcall::model::firing::Origin;
use birdcall::model::time::Timestamp;
use birdcall::rules::{self, Source, Style};

use tokio::time::Instant;

use crate::Failure;
use crate::corpus::Corpus;

pub(crate) struct Rules {
    /// From the text of the files to checked rules.
    pub(crate) load_ms: f64,
    /// From rules to an engine with its index.
    pub(crate) index_ms: f64,
    /// Of one rule.
    pub(crate) bytes_of_rules: f64,
    /// Of the index and what else an engine of so many rules has more than one of a single rule, for each rule.
    pub(crate) bytes_of_index: f64,
}

/// What lives now.
fn allocated() -> Result<f64, Failure> {
    let error = |error: tikv_jemalloc_ctl::Error| error.to_string();
    tikv_jemalloc_ctl::epoch::advance().map_err(error)?;
    Ok(tikv_jemalloc_ctl::stats::allocated::read().map_err(error)? as f64)
}

fn load(files: &[String]) -> Result<Arc<rules::ruleset::RuleSet>, Failure> {
    let source = |(number, text): (usize, &String)| Source::rules(format!("rules{number}.toml"), text.clone());
    let sources: Vec<_> = files.iter().enumerate().map(source).collect();
    let loaded = rules::load(&sources);
    let rules = loaded.ruleset.ok_or_else(|| rules::render(&loaded.diagnostics, &sources, Style::Plain))?;
    Ok(Arc::new(rules))
}

pub(crate) fn rules(files: &[String], count: usize) -> Result<Rules, Failure> {
    let one =
        load(&["[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"one\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n"
            .to_owned()])?;
    let before = allocated()?;
    let alone = Engine::new(one);
    let fixed = allocated()? - before;
    drop(alone);

    let before = allocated()?;
    let began = Instant::now();
    let rules = load(files)?;
    let load_ms = began.elapsed().as_secs_f64() * 1e3;
    let loaded = allocated()?;
    let began = Instant::now();
    let engine = Engine::new(Arc::clone(&rules));
    let index_ms = began.elapsed().as_secs_f64() * 1e3;
    let built = allocated()?;
    drop(engine);
    let count = count as f64;
    Ok(Rules { load_ms, index_ms, bytes_of_rules: (loaded - before) / count, bytes_of_index: (built - loaded - fixed) / count })
}

pub(crate) struct Tweets {
    pub(crate) count: usize,
    /// Of one.
    pub(crate) bytes: f64,
}

/// What a tweet takes that may still be completed.
pub(crate) fn tweets(corpus: &Corpus) -> Result<Tweets, Failure> {
    let rules =
        load(&["[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"one\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n"
            .to_owned()])?;
    let mut engine = Engine::new(rules);
    let (before, mut effects) = (allocated()?, Vec::new());
    for (number, frame) in corpus.frames.iter().enumerate() {
        let Ok(envelope) = decode(frame) else { continue };
        let at = Timestamp::from_millis(1_781_700_000_000 + i64::try_from(number)?);
        engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut effects);
        effects.clear();
    }
    let count = engine.join_counts().tweets;
    Ok(Tweets { count, bytes: (allocated()? - before) / count.max(1) as f64 })
}
