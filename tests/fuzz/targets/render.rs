//! Any words in any place of a firing.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| birdcall_fuzz::holds("render", bytes));
