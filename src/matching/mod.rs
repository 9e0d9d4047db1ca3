//! subject × rule set → matches. Pure.
//!
//! [`Facts`] is a subject as matchers see it, [`evaluate`] says whether a condition holds, [`explain`] what made it hold. [`Index`] finds the rules whose condition
//! may hold.

mod elements;
mod evaluate;
mod facts;
mod index;
mod matchers;
mod text;
mod tokens;
mod truth;

pub use evaluate::{Reading, elements, evaluate, explain};
pub use facts::Facts;
pub use index::{Always, Candidate, Index, Scratch, always};
pub use tokens::{element_alias, element_key};
pub use truth::Truth;
