//! Reads the secrets that a rules file refers to.
