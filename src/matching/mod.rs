//! subject × rule set → matches. Pure.
