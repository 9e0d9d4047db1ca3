//! firing → message. Pure.
