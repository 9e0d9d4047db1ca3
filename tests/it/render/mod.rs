//! Firings → messages, through `render` alone: what they look like, that they fit, and that nobody else's words act in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests: what cannot go on has failed")]

mod digest;
mod hostile;
pub(crate) mod inert;
mod limits;
mod lines;
mod notice;
pub(crate) mod places;
pub(crate) mod samples;
mod snapshots;
mod templates;
