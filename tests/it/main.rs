//! One test binary for everything that goes through more than one module.

mod kit;
mod render;
