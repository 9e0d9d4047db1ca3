//! What room rules and tweets take, and how long it is until rules are there: in the process itself, and in the program that a user runs.
//!
//! ```text
//! cargo bench --bench room              # up to 100 000 rules, one minute
//! cargo bench --bench room -- quick     # up to 10 000
//! ```
//!
//! With `BIRDCALL_BENCH_JSON=FILE` the figures go there, too. As part of the tests (without `--bench`) it is only looked at whether it works.

#![expect(clippy::print_stdout, reason = "a program that prints its table")]

#[path = "../cost/asked.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod asked;
#[path = "../cost/corpus.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod corpus;
mod inside;
mod program;
#[path = "../cost/world.rs"]
mod world;

use std::process::ExitCode;

use serde_json::{Value, json};

use asked::Profile;
use corpus::Corpus;
use world::World;

/// As in the program itself.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// All that is drawn is drawn from this.
const SEED: u64 = 1;
/// Why nothing can be measured.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let having = |word: &str| arguments.iter().any(|argument| argument == word);
    let done = match (having("--bench"), having("quick")) {
        (false, _) => all(&[50], 50, 300),
        (true, true) => all(&[1_000, 10_000], 10_000, 20_000),
        (true, false) => all(&[1_000, 10_000, 100_000], 10_000, 150_000),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// `counts`: of rules, inside this process. `many`: of rules, in the program, which is sent so many `envelopes`.
fn all(counts: &[usize], many: usize, envelopes: usize) -> Result<(), Failure> {
    let world = World::new(SEED);
    let mut rows: Vec<Value> = Vec::new();
    println!(
        "{:<8} {:>8} {:>14} {:>14} {:>16} {:>16}",
        "profile", "rules", "load, ms", "index, ms", "rules, B each", "index, B each"
    );
    for profile in [Profile::Dense, Profile::Sparse] {
        for count in counts {
            let of = inside::rules(&asked::files(&asked::rules(&world, profile, SEED, *count)), *count)?;
            let (load, index, rules, finder) = (of.load_ms, of.index_ms, of.bytes_of_rules, of.bytes_of_index);
            println!("{:<8} {count:>8} {load:>14.1} {index:>14.1} {rules:>16.0} {finder:>16.0}", profile.name());
            rows.push(json!({
                "table": "rules", "profile": profile.name(), "rules": count, "load_ms": load, "index_ms": index,
                "rule_bytes": rules, "index_bytes": finder,
            }));
        }
    }
    let corpus = Corpus::new(&world, SEED, envelopes);
    let each = inside::tweets(&corpus)?;
    println!("\na remembered tweet, in a state of {} of them: {:.0} B", each.count, each.bytes);
    rows.push(json!({ "table": "tweets", "tweets": each.count, "bytes": each.bytes }));

    let few = vec![include_str!("../../rules/rules.toml").to_owned()];
    // What fires is printed, and to nobody: what waits for a receiver is not what is looked at.
    let hook = "type = \"webhook\"\nurl = \"http://127.0.0.1:9/hook\"";
    let files = asked::files(&asked::rules(&world, Profile::Sparse, SEED, many));
    let files: Vec<String> = files.iter().map(|file| file.replace(hook, "type = \"console\"")).collect();
    println!("\n{:<44} {:>12} {:>18}", "the program", "peak, MiB", "envelopes a second");
    let some = corpus.frames.get(..envelopes / 50).unwrap_or_default();
    let all = corpus.frames.as_slice();
    for (name, files, frames, pace) in [
        ("the rules that birdcall comes with", &few, some, None),
        ("many rules, and all of the envelopes", &files, all, None),
        ("the same, ten thousand a second", &files, all, Some(10_000)),
    ] {
        let ran = program::run(files, (frames, pace))?;
        println!("{name:<44} {:>12.1} {:>18.0}", ran.peak_mib, ran.rate);
        rows.push(json!({
            "table": "program", "name": name, "envelopes": frames.len(), "peak_mib": ran.peak_mib, "rate": ran.rate,
        }));
    }
    if let Some(file) = std::env::var_os("BIRDCALL_BENCH_JSON") {
        std::fs::write(file, json!({ "rows": rows }).to_string())?;
    }
    Ok(())
}
