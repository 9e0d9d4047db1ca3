//! text of rules.toml → checked rule set, or every mistake in it. Pure: takes `&str`, never touches a file or the environment.

pub mod condition;
pub mod normal;
pub mod ruleset;
pub mod template;
