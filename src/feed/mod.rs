//! anything that yields envelopes: TweetStream live, its history API, recordings, and the simulator of the first two.
//!
//! ```text
//! Settings ──> Feed ──next()──> Connected, Frame, Frame, …, Lost (and back again by itself), …, Stopped
//!                     Gaps <── heard, lost, connected
//!                      └─take()──> Gap ──> History ──backfill()──> pages of frames, oldest first
//! ```
//!
//! What is a fault and what follows from it is decided in pure tables ([`close`], [`backoff`], [`liveness`]), as is what was missed ([`gap`])
//! and what to ask the history for; the live feed touches sockets in
//! `dial` (TCP, TLS, upgrade) and `session` (one open connection) only. Frames are handed out as text: decoding is the caller's.

mod ahead;
pub mod backoff;
pub mod close;
mod dial;
pub mod gap;
pub mod history;
pub mod liveness;
pub mod recording;
mod session;
pub mod simulator;
mod target;
mod tweetstream;

pub use close::{Loss, Reaction};
pub use gap::{Gap, Gaps};
pub use history::{Filled, History, HistorySettings, Page, Unavailable};
pub use target::SettingsError;
/// The text of one frame: cheap to clone, derefs to `str`.
pub use tokio_tungstenite::tungstenite::Utf8Bytes as Text;
pub use tweetstream::{Feed, Settings, Signal, Timers};
