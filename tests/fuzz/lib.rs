//! What the targets call: the checks, and what these share with the tests of the repository.
#![allow(dead_code, reason = "tests use more of what is shared than the checks do")]

mod checks;
#[path = "../it/render"]
mod render {
    pub(crate) mod inert;
    pub(crate) mod places;
    pub(crate) mod samples;
}

/// Panics when the check `name` does not hold for `bytes`.
pub fn holds(name: &str, bytes: &[u8]) {
    let check = checks::ALL.iter().find(|check| check.name == name).expect("a check of this name");
    (check.holds)(bytes);
}
