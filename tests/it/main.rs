//! One test binary for everything that goes through more than one module.

mod kit;

mod cli;
mod decode;
mod engine;
mod feed;
mod join;
