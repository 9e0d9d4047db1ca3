//! What a match costs a window at 10, 1,000 and 20,000 live keys, what room windows take, and what a tweet costs on its whole way.
//!
//! ```text
//! cargo bench --bench window              # three minutes
//! cargo bench --bench window -- quick
//! cargo bench --bench window -- alone count change    # the windows alone, of these types
//! ```
//!
//! The same window with few keys and with many takes turns in one process, so that what slows the machine down slows all of them
//! down. As part of the tests (without `--bench`) nothing is timed: it is only looked at whether a million matches over 100,000
//! keys stay within the bounds.

#![expect(clippy::print_stdout, reason = "a program that prints its table")]

mod alone;
mod kinds;
mod room;
mod turns;
mod whole;

use std::process::ExitCode;

/// As in the program itself: what is measured allocates.
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
    let mut kinds = kinds::all();
    if kinds.iter().any(|window| having(window.kind.name())) {
        kinds.retain(|window| having(window.kind.name()));
    }
    let done = match (having("--bench"), having("quick")) {
        (false, _) => room::all(kinds.get(1..2).unwrap_or_default(), 1_000_000, 100_000),
        (true, quick) => {
            let rounds = if quick { 10 } else { 60 };
            alone::all(&kinds, rounds);
            if having("alone") {
                return ExitCode::SUCCESS;
            }
            room::all(&kinds, 1_000_000, 100_000).and_then(|()| whole::all(rounds / 2))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}
