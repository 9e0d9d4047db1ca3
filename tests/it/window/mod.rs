//! Windows: each sentence of docs/windows.md about them, and each type held against a naive reference that keeps everything and
//! computes from scratch.

mod caps;
mod change;
mod count;
mod cross;
mod distinct;
mod first_seen;
mod kit;
mod law;
mod orders;
mod restart;
mod sequence;
mod silence;
