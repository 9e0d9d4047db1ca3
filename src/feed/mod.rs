//! anything that yields envelopes: TweetStream live, and the simulator of it.
//!
//! ```text
//! Settings ──> Feed ──next()──> Connected, Frame, Frame, …, Lost (and back again by itself), …, Stopped
//! ```
//!
//! What is a fault and what follows from it is decided in pure tables ([`close`], [`backoff`], [`liveness`]); sockets are touched in
//! `dial` (TCP, TLS, upgrade) and `session` (one open connection) only. Frames are handed out as text: decoding is the caller's.

pub mod backoff;
pub mod close;
mod dial;
pub mod liveness;
mod session;
pub mod simulator;
mod target;
mod tweetstream;

pub use close::{Loss, Reaction};
pub use target::SettingsError;
/// The text of one frame: cheap to clone, derefs to `str`.
pub use tokio_tungstenite::tungstenite::Utf8Bytes as Text;
pub use tweetstream::{Feed, Settings, Signal, Timers};
