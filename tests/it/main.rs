//! One test binary for everything that goes through more than one module.

mod decode;
mod join;
mod kit;
