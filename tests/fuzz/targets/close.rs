//! Any sequence of losses of the feed, and any times between its frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| birdcall_fuzz::holds("close", bytes));
