//! delivery → the world: one lane per action.
