//! What tests share: stand-ins for the platforms, temporary folders, the real binary.
//!
//! The stand-ins are servers on port 0 of loopback that enforce what the platforms document (DESTINATIONS 3 to 6) and reject what they would
//! reject. Each keeps what it received, so that a test asks the receiver and not the sender what happened.

pub(crate) mod account;
pub(crate) mod agreed;
pub(crate) mod binary;
pub(crate) mod book;
pub(crate) mod discord;
pub(crate) mod feed;
pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod slack;
pub(crate) mod story;
pub(crate) mod telegram;
pub(crate) mod tls;
#[cfg(target_os = "linux")]
pub(crate) mod wall;
pub(crate) mod webhook;
