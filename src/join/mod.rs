//! envelope → subject: what is known of a tweet so far. Pure.
