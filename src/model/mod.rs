//! The words everybody uses. Types only: no stage of the flow lives here, so that stages need not import one another.

pub mod action;
pub mod address;
pub mod chain;
pub mod delivery;
pub mod envelope;
pub mod firing;
pub mod host;
pub mod identity;
pub mod ids;
pub mod journal;
pub mod limits;
pub mod message;
pub mod mode;
pub mod mute;
pub mod price;
pub mod rate;
pub mod revision;
pub mod secret;
pub mod short;
pub mod status;
pub mod subject;
pub mod time;
pub mod window;
