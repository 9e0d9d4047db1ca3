//! One test binary for everything that goes through more than one module.

mod kit;

mod cli;
mod decode;
mod deliver;
mod engine;
mod feed;
mod flow;
mod join;
mod rules;
