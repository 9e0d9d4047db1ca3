//! birdcall: a live feed of tweets in, alerts and orders out.
//!
//! ```text
//!  feed ──> decode ──> join ──> match ──> suppress ──> deliver ──> Discord, Telegram, Slack, webhook
//!    │        (envelope)  (subject)  (rule)    (firing)     (lane)
//! ```
//!
//! The modules stand in the order of the flow. A module imports only from those above its own group.

// The words.
pub mod model;

// Pure stages: no tokio, sockets, files, clock or randomness. `now` is an argument.
pub mod decode;
pub mod join;
pub mod rules;

pub mod matching;
pub mod render;
pub mod suppress;

pub mod engine;

// What the shell stands on.
pub mod clock;
pub mod secrets;
pub mod tls;

// The shell: the feed in, the lanes out.
pub mod deliver;
pub mod feed;

pub mod app;
pub mod cli;
pub mod telemetry;
