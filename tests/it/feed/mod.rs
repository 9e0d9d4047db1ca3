//! The live feed against the simulator, over real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows the tests only")]

mod abuse;
mod alive;
mod endings;
mod frames;
mod handshake;
mod simulator;
