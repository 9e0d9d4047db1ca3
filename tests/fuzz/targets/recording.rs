//! Any bytes as a recording, plain or compressed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| birdcall_fuzz::holds("recording", bytes));
