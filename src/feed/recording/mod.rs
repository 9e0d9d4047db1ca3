//! A recording: the feed in a file, one line of JSON for each envelope, plain or compressed with zstd.
//!
//! ```text
//!  {"at":1764400000000,"origin":"live","envelope":{"v":1,"t":"tweet",…}}     a record: what was received when, as `birdcall record` writes it
//!  {"at":"+10m","envelope":{…}}                                              the same by hand: ten minutes after the first entry
//!  {"v":1,"t":"tweet","op":"content","ts":1764400000000,"d":{…}}             a bare envelope: its `ts` stands for when it was received
//!
//!  file ──> Lines (decompressed, numbered, none longer than it may be) ──> Order (decoded; time never goes back) ──> Entry or Faulty
//! ```
//!
//! Whatever a file holds, one line is held of it at a time. What is wrong with one line is told with its number and ends nothing; a file that
//! was cut off, as by `kill -9`, yields what was before.

mod files;
mod line;
mod lines;
mod read;
mod write;

pub use files::{Files, Place};
pub use line::{Fault, Faulty};
pub use lines::{Lines, RawLine, RecordingError};
pub use read::{Entry, Order, Read, Reader, first_at};
pub use write::Writer;
