//! The live feed against the simulator, over real sockets.

mod abuse;
mod alive;
mod endings;
mod frames;
mod handshake;
mod simulator;
