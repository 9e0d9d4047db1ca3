//! A past replayed against the same evaluated through the socket, by the program as a user runs it: time, and the most memory that it ever had.
//!
//! ```text
//! cargo bench --bench replay              # one million envelopes, 1,000 rules; 3 GB of memory and of disk
//! cargo bench --bench replay -- quick     # 50,000
//! ```
//!
//! As part of the tests (without `--bench`) it is only looked at whether it works.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures, and prints its table")]

#[path = "../cost/asked.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod asked;
#[path = "../cost/corpus.rs"]
mod corpus;
#[path = "../room/program.rs"]
mod program;
#[path = "../cost/world.rs"]
mod world;

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use asked::Profile;
use corpus::Corpus;
use world::World;

/// All that is drawn is drawn from this.
const SEED: u64 = 1;
/// Between two looks at how much memory it has.
const LOOK: Duration = Duration::from_millis(20);
/// Why nothing can be measured.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let having = |word: &str| arguments.iter().any(|argument| argument == word);
    let done = match (having("--bench"), having("quick")) {
        (false, _) => all(50, 500),
        (true, true) => all(1_000, 50_000),
        (true, false) => all(1_000, 1_000_000),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn all(rules: usize, envelopes: usize) -> Result<(), Failure> {
    let world = World::new(SEED);
    let corpus = Corpus::new(&world, SEED, envelopes);
    println!("{}\n{rules} rules", corpus.describe());
    println!("{:<10} {:<34} {:>10} {:>14} {:>10} {:>10}", "profile", "", "s", "envelopes/s", "peak, MiB", "ratio");
    for profile in [Profile::Sparse, Profile::Dense] {
        let hook = "type = \"webhook\"\nurl = \"http://127.0.0.1:9/hook\"";
        let files = asked::files(&asked::rules(&world, profile, SEED, rules));
        // What fires is printed, and to nobody: what waits for a receiver is not what is looked at.
        let files: Vec<String> = files.iter().map(|file| file.replace(hook, "type = \"console\"\nmax_age = \"365d\"")).collect();
        // Of a few rules that look for rare things none may fire on a few envelopes.
        let fires = profile == Profile::Dense;
        let home = tempfile::tempdir()?;
        home_with(home.path(), &files, &corpus)?;
        let live = program::run(&files, (&corpus.frames, None))?;
        let line = |name: &str, rate: f64, peak: f64| {
            let (seconds, ratio) = (envelopes as f64 / rate, rate / live.rate);
            println!("{:<10} {name:<34} {seconds:>10.2} {rate:>14.0} {peak:>10.1} {ratio:>9.1}x", profile.name());
        };
        line("through the socket", live.rate, live.peak_mib);
        for (name, file) in [("replayed, compressed", "feed.jsonl.zst"), ("replayed, plain", "feed.jsonl")] {
            let (rate, peak) = replay(home.path(), &["--file", file], envelopes, fires)?;
            line(name, rate, peak);
        }
        let (rate, peak) = replay(home.path(), &["--file", "feed.jsonl.zst", "--compare", "rules0.toml"], envelopes, fires)?;
        line("replayed, two rule sets compared", rate, peak);
    }
    Ok(())
}

/// A home with the rules and the recordings.
fn home_with(home: &Path, files: &[String], corpus: &Corpus) -> Result<(), Failure> {
    for (number, text) in files.iter().enumerate() {
        std::fs::write(home.join(format!("rules{number}.toml")), text)?;
    }
    let mut plain = BufWriter::new(std::fs::File::create(home.join("feed.jsonl"))?);
    let mut packed = zstd::Encoder::new(std::fs::File::create(home.join("feed.jsonl.zst"))?, 3)?;
    for frame in &corpus.frames {
        writeln!(plain, "{frame}")?;
        writeln!(packed, "{frame}")?;
    }
    packed.finish()?;
    Ok(plain.flush()?)
}

/// Envelopes a second, the start of the program included, and the most memory in MiB.
fn replay(home: &Path, arguments: &[&str], envelopes: usize, fires: bool) -> Result<(f64, f64), Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_birdcall"));
    command.args(["replay", "rules0.toml", "--json"]).args(arguments).current_dir(home).env_clear();
    let out = std::fs::File::create(home.join("summary.json"))?;
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).spawn()?;
    let peak = watch(&mut child)?;
    let rate = envelopes as f64 / began.elapsed().as_secs_f64();
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(home.join("summary.json"))?)?;
    if summary["entries"] != envelopes || fires && summary["firings"] == 0 {
        return Err(format!("{} entries of {envelopes} and {} firings", summary["entries"], summary["firings"]).into());
    }
    Ok((rate, peak))
}

/// Waits for its end, and looks how much it has ever had.
fn watch(child: &mut Child) -> Result<f64, Failure> {
    let mut peak = 0.0_f64;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(most) = most.and_then(|most| most.trim().trim_end_matches(" kB").parse::<f64>().ok()) {
            peak = peak.max(most / 1024.0);
        }
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(peak),
            Some(status) => return Err(format!("it has ended with {status}").into()),
            None => std::thread::sleep(LOOK),
        }
    }
}
