//! bytes → envelope. Pure.
