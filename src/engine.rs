//! (now, input) → effects: join → match → suppress → render. Pure.
