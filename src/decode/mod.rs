//! bytes → envelope. Pure.
//!
//! One pass straight into [`Envelope`], which borrows from the frame: no tree of values in between. The feed grows (PROTOCOL 0, fact 10), so
//! what is unknown or of the wrong type is dropped alone and counted; only what cannot be an envelope at all is [`Malformed`].
//!
//! [`Envelope`]: crate::model::envelope::Envelope

mod account;
mod frame;
mod history;
mod json;
mod malformed;
mod number;
mod object;
mod scalar;
mod scan;
mod tally;
mod text;
mod tweet;

pub use frame::decode;
pub use history::{History, HistoryRow, history};
pub use malformed::Malformed;
