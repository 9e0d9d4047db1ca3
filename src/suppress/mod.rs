//! match → firing, or the reason why not. Pure.
