//! The live feed and the history against the simulator, over real sockets.

mod abuse;
mod alive;
mod endings;
mod frames;
mod gaps;
mod handshake;
mod history;
mod recording;
mod refusals;
mod simulator;
