//! From the feed's socket to the receiver's: what an alert takes with birdcall, and with the least that could be between the two.
//!
//! ```text
//! cargo bench --bench latency              # some four minutes
//! cargo bench --bench latency -- quick     # one
//! ```
//!
//! With `BIRDCALL_BENCH_PROGRAM=FILE` that build of the program takes part beside cargo's. With `-- train` it takes cargo's place: it is what
//! `scripts/release` has a program do that counts which of its code runs, alerts and orders, also printed, and envelopes that match nothing.
//!
//! One process is both the feed and the receiver, so that one clock sees a frame before it is written and the request when it is
//! complete. The contenders are processes of their own and take turns, round by round: the ratios are those of one round. With
//! `BIRDCALL_BENCH_JSON=FILE` the figures go there, too. As part of the tests (without `--bench`) it is only looked at that every alert
//! comes, once.

#![expect(clippy::print_stdout, reason = "a program that prints its table")]

mod board;
mod ends;
mod envelopes;
mod floor;
mod rounds;
mod station;

use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use rounds::Plan;
use station::{Contender, Failure, Kind};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let is = |word| words.contains(&word);
    let plan = if !is("--bench") {
        Plan { rounds: 1, paced: 20, bursts: 1, burst: 10, warming: 0 }
    } else if is("train") {
        Plan { rounds: 2, paced: 1_000, bursts: 10, burst: 50, warming: 0 }
    } else if is("quick") {
        Plan { rounds: 5, paced: 300, bursts: 4, burst: 50, warming: 200 }
    } else {
        Plan { rounds: 16, paced: 600, bursts: 10, burst: 50, warming: 200 }
    };
    let work = async {
        match words.as_slice() {
            ["floor", feed, hook] => floor::run(feed, hook).await.map(|()| true),
            _ => rounds::run(plan, contenders(is("train"))).await,
        }
    };
    let done = Builder::new_current_thread().enable_all().build().map_err(Failure::from);
    match done.and_then(|runtime| LocalSet::new().block_on(&runtime, work)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Who takes turns. In training it is a program that counts.
fn contenders(trains: bool) -> Vec<Contender> {
    let cargos = PathBuf::from(env!("CARGO_BIN_EXE_birdcall"));
    let other = std::env::var_os("BIRDCALL_BENCH_PROGRAM").map(PathBuf::from);
    let of = |name, kind, program: &PathBuf| Contender { name, kind, program: program.clone(), counts: trains };
    let mut all = vec![of("floor", Kind::Floor, &cargos)];
    if !trains {
        all.extend([of("birdcall", Kind::Alerts, &cargos), of("birdcall, orders", Kind::Orders, &cargos)]);
    }
    if let Some(other) = other {
        all.extend([of("release", Kind::Alerts, &other), of("release, orders", Kind::Orders, &other)]);
    }
    all
}
