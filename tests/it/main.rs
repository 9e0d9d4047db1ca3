//! One test binary for everything that goes through more than one module.

mod feed;
mod kit;
mod cli;
mod engine;
