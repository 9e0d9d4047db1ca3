//! subject × rule set → matches. Pure.
//!
//! [`Facts`] is a subject as matchers see it, [`evaluate`] says whether a condition holds, [`explain`] what made it hold. [`Index`] finds the rules whose condition
//! may hold. [`Node`] is the whole tree of a condition, for people: what was asked, what was seen, and why it holds or not.

mod elements;
mod evaluate;
mod facts;
mod index;
mod matchers;
mod text;
mod tokens;
mod tree;
mod truth;

pub use evaluate::{Reading, elements, evaluate, explain};
pub use facts::Facts;
pub use index::{Always, Candidate, Index, Scratch, always};
pub use tokens::{element_alias, element_key, tokens_of};
pub use tree::{Flips, Node, element_name, is_of_elements};
pub use truth::Truth;
