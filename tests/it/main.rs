//! One test binary for everything that goes through more than one module.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod kit;

mod check;
mod cli;
mod control;
mod decode;
mod deliver;
mod durable;
mod engine;
mod feed;
mod flow;
mod fuzz;
mod join;
mod journal;
mod load;
mod render;
mod replay;
mod rule_tests;
mod rules;
mod suppress;
mod window;
