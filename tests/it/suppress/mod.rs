//! What holds firings back, against references that keep everything and reckon it anew at every event.

mod brakes;
mod hours;
mod law;
mod mutes;
