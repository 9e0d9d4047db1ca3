//! Anything as a destination's answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| birdcall_fuzz::holds("answers", bytes));
