//! One test binary for everything that goes through more than one module.

#[cfg(test)]
mod deliver;
#[cfg(test)]
mod kit;

mod cli;
mod decode;
mod engine;
mod feed;
mod join;
